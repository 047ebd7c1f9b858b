//! Whole runs on virtual time: several workers with their dispatchers and recorders, one overflow,
//! and a service whose law is known.

mod world;

use std::time::Duration;

use self::world::{AnswerTimes, CREATION, SimulatedRun, SimulationOutcome, run};
use super::{Action, Growth, Spawn};
use crate::RunInstant;
use crate::schedule::Arrivals;
use crate::units::Rate;
use crate::verdict::{Circumstances, Stamp, judge};

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn on_demand(max_users: u32) -> Growth {
    Growth::OnDemand { max_users, spawn: Spawn::AtOnce }
}

fn steady() -> SimulatedRun {
    SimulatedRun {
        workers: 2,
        rate: 1_000.0,
        arrivals: Arrivals::Uniform,
        growth: on_demand(500),
        max_lag: Duration::from_secs(10),
        coalesce: Duration::ZERO,
        length: Duration::from_secs(10),
        service: AnswerTimes::Constant(millis(50)),
        think: Duration::ZERO,
        freezes: Vec::new(),
        work: Duration::ZERO,
    }
}

#[test]
fn a_steady_service_gets_every_start_on_time_from_as_many_users_as_little_s_law_says() {
    let outcome = run(steady());
    let measured = &outcome.total.measured;
    assert_eq!((measured.total.counts.started, measured.unsent.users), (10_000, 0));
    assert_eq!(measured.total.host_lag.max(), Some(Duration::ZERO));
    // Only the slots that had to wait for a user's creation are late, by just that.
    assert_eq!(measured.total.user_lag.max(), Some(CREATION));
    assert_eq!(measured.total.service.ok.max(), Some(millis(50)));
    // 1,000/s × 50 ms are 50 busy users; each worker has up to one more at the border of a cycle.
    assert!((50..=54).contains(&outcome.most_users), "{}", outcome.most_users);
}

#[test]
fn starts_that_go_together_are_late_by_a_step_at_most_and_none_is_lost() {
    let growth = Growth::Exactly { users: vec![100], spawn: Spawn::AtOnce };
    let outcome = run(SimulatedRun { coalesce: millis(5), growth, ..steady() });
    let measured = &outcome.total.measured;
    assert_eq!((measured.total.counts.started, measured.unsent.users), (10_000, 0));
    // Each worker has a slot every two milliseconds, of which two or three fall into a step.
    let lag = &measured.total.host_lag;
    assert!(lag.max().is_some_and(|most| (millis(4)..millis(5)).contains(&most)), "{lag:?}");
    assert!(lag.mean().is_some_and(|mean| (millis(1)..millis(3)).contains(&mean)), "{lag:?}");
}

#[test]
fn a_slow_and_skewed_service_is_driven_at_the_rate_by_about_as_many_users_as_little_s_law_needs() {
    // Balter's own test: 500/s at 400 ± 300 ms. The same when users think for a second between two
    // transactions.
    for (think, arrivals) in
        [(0, Arrivals::Uniform), (1, Arrivals::Uniform), (0, Arrivals::Poisson { seed: 3 })]
    {
        let setting = SimulatedRun {
            rate: 500.0,
            arrivals,
            growth: on_demand(5_000),
            length: Duration::from_secs(60),
            service: AnswerTimes::Skewed { beyond: millis(300) },
            think: Duration::from_secs(think),
            ..steady()
        };
        let outcome = run(setting);
        for second in 5..60 {
            let from = RunInstant::START + Duration::from_secs(second);
            let began = outcome
                .starts()
                .filter(|(now, _)| (from..from + Duration::from_secs(1)).contains(now))
                .count();
            let least = if arrivals == Arrivals::Uniform { 495 } else { 400 };
            assert!(began >= least, "{began} in second {second}");
        }
        let needed = 500.0 * (0.4 + think as f64);
        let most = f64::from(outcome.most_users);
        assert!(
            (needed * 0.95..=needed * 1.3).contains(&most),
            "{most} users where {needed} are busy"
        );
        assert!(
            outcome.total.measured.total.start_lag.max().unwrap() <= CREATION,
            "{think} s of think time"
        );
    }
}

#[test]
fn a_stall_does_not_stop_the_starts_and_its_percentiles_are_those_built_in() {
    let (from, until) =
        (RunInstant::START + Duration::from_secs(5), RunInstant::START + Duration::from_secs(7));
    let outcome = run(SimulatedRun {
        rate: 200.0,
        length: Duration::from_secs(20),
        service: AnswerTimes::Stalling { latency: millis(10), from, until },
        ..steady()
    });
    let in_stall = outcome.starts().filter(|(now, _)| (from..until).contains(now)).count();
    assert!((399..=400).contains(&in_stall), "{in_stall}");
    let total = &outcome.total.measured.total;
    assert_eq!((total.counts.started, outcome.total.measured.unsent.users), (4_000, 0));
    assert!(total.start_lag.max().unwrap() <= CREATION);
    assert!((400..=410).contains(&outcome.most_users), "{}", outcome.most_users);
    // A tenth of all starts fell into the stall, and their responses spread evenly up to 2 s: p95
    // is its middle, p99 a tenth from its end.
    let response = total.response.both();
    for (percent, expected) in [(95.0, 1.0), (99.0, 1.8)] {
        let told = response.percentile(percent).unwrap().as_secs_f64();
        assert!((told / expected - 1.0).abs() < 0.02, "p{percent}: {told}");
    }
}

#[test]
fn users_that_a_stall_left_behind_go_slowly_and_not_all() {
    let (from, until) =
        (RunInstant::START + Duration::from_secs(5), RunInstant::START + Duration::from_secs(7));
    let service = AnswerTimes::Stalling { latency: millis(100), from, until };
    let setting = |seconds| SimulatedRun {
        rate: 200.0,
        length: Duration::from_secs(seconds),
        service,
        ..steady()
    };
    let soon = run(setting(15));
    assert_eq!(soon.users_at_end, soon.most_users, "nobody goes before it has been quiet");
    let late = run(setting(120));
    // 200/s × 100 ms are 20 busy users, and a tenth more, each worker rounding up.
    assert!((22..=30).contains(&late.users_at_end), "{}", late.users_at_end);
    let retired: Vec<RunInstant> = late
        .trace
        .iter()
        .filter(|entry| matches!(entry.2, Action::Retire(_)))
        .map(|entry| entry.0)
        .collect();
    let fastest = retired
        .iter()
        .map(|at| {
            retired
                .iter()
                .filter(|other| (*at..*at + Duration::from_secs(1)).contains(other))
                .count()
        })
        .max();
    assert!(fastest.unwrap() <= 45, "{fastest:?} in one second");
    assert_eq!(late.total.measured.unsent.users, 0);
}

#[test]
fn a_saturated_service_does_not_bend_the_schedule_and_what_is_too_late_is_unsent_for_want_of_users()
{
    let outcome = run(SimulatedRun {
        rate: 200.0,
        growth: on_demand(5),
        max_lag: Duration::from_secs(2),
        coalesce: Duration::ZERO,
        length: Duration::from_secs(20),
        service: AnswerTimes::Servers { servers: 10, latency: millis(100) },
        ..steady()
    });
    let measured = &outcome.total.measured;
    assert_eq!(outcome.most_users, 10);
    // Ten users, one every 100 ms: 100 starts a second of 200, for 20 s.
    assert!(
        (1_980..=2_010).contains(&measured.total.counts.started),
        "{:?}",
        measured.total.counts
    );
    assert_eq!(measured.total.counts.started + measured.unsent.users, 4_000);
    assert_eq!(measured.unsent.host, 0);
    assert!(measured.total.start_lag.max().unwrap() <= Duration::from_secs(2));
    assert_eq!(measured.total.host_lag.max(), Some(Duration::ZERO));
    // The backlog is served in the order in which it became due, save for what a worker keeps for a
    // millisecond.
    let mut latest = RunInstant::START;
    for (_, start) in outcome.starts() {
        assert!(start.intended + millis(2) >= latest, "{start:?} after {latest:?}");
        latest = latest.max(start.intended);
    }
}

#[test]
fn free_users_of_one_worker_serve_the_slots_of_another_that_may_have_no_more() {
    // 70 users are busy on average and 8 a worker allowed: all workers together nearly always have
    // one free, each alone often has not.
    let arrivals = Arrivals::Poisson { seed: 1 };
    let outcome = run(SimulatedRun {
        workers: 11,
        arrivals,
        growth: on_demand(8),
        service: AnswerTimes::Constant(millis(70)),
        ..steady()
    });
    assert_eq!(outcome.total.measured.unsent.users, 0);
    assert!(outcome.trace.iter().any(|entry| matches!(entry.2, Action::Overflow(_))));
    assert!(outcome.total.measured.total.start_lag.max().unwrap() < millis(20));
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let poisson = |seed| {
        run(SimulatedRun {
            arrivals: Arrivals::Poisson { seed },
            rate: 300.0,
            growth: on_demand(12),
            ..steady()
        })
    };
    let (one, again, other) = (poisson(7), poisson(7), poisson(8));
    assert_eq!(one.trace, again.trace);
    assert_eq!(one.total, again.total);
    assert_ne!(one.trace, other.trace);
}

#[test]
fn exactly_n_users_are_created_at_the_spawn_rate_and_pace_the_starts() {
    let spawn = Spawn::At(Rate::new(50.0).unwrap());
    let outcome =
        run(SimulatedRun { growth: Growth::Exactly { users: vec![100], spawn }, ..steady() });
    assert_eq!((outcome.most_users, outcome.users_at_end), (200, 200));
    let created: Vec<RunInstant> = outcome.creations().collect();
    assert_eq!(created.len(), 200);
    // Two workers at 50/s: the last pair comes 99 steps of 20 ms after the first.
    assert_eq!(
        (created[0], created[199]),
        (RunInstant::START, RunInstant::START + millis(99 * 20))
    );
    let measured = &outcome.total.measured;
    assert_eq!(
        measured.total.counts.started, 10_000,
        "the backlog of the first seconds is worked off"
    );
}

#[test]
fn with_a_start_hook_users_come_at_the_spawn_rate_and_no_further_than_needed() {
    let spawn = Spawn::At(Rate::new(50.0).unwrap());
    let outcome =
        run(SimulatedRun { growth: Growth::OnDemand { max_users: 500, spawn }, ..steady() });
    let created: Vec<RunInstant> = outcome.creations().collect();
    for second in 0..10 {
        let from = RunInstant::START + Duration::from_secs(second);
        let count =
            created.iter().filter(|at| (from..from + Duration::from_secs(1)).contains(at)).count();
        assert!(count <= 102, "{count} in second {second}");
    }
    // 50 keep up with the rate. The backlog of the first half second needs some more until it is
    // gone; then no more are wanted.
    assert!((50..=160).contains(&outcome.most_users), "{}", outcome.most_users);
    assert_eq!(outcome.total.measured.total.counts.started, 10_000);
}

fn after(ms: u64) -> RunInstant {
    RunInstant::START + millis(ms)
}

/// What is printed of a run's response time, in seconds: percentiles that have samples enough, and
/// the mean.
fn printed(outcome: &SimulationOutcome) -> Vec<f64> {
    let response = outcome.total.measured.total.response.both();
    let percentiles = [50.0, 90.0, 95.0, 99.0, 99.9]
        .into_iter()
        .filter_map(|percent| response.percentile(percent));
    percentiles.chain(response.mean()).map(|time| time.as_secs_f64()).collect()
}

#[test]
fn a_frozen_generator_blames_itself_and_is_invalid_exactly_where_that_moved_what_is_printed() {
    let (mut invalid, mut valid) = (0, 0);
    for freeze in [50, 200, 1_000, 3_000, 5_000] {
        for (rate, length) in [(1.0, 120), (10.0, 30), (100.0, 15), (1_000.0, 15), (20_000.0, 7)] {
            for (growth, think) in [
                (on_demand(10_000), 0),
                (Growth::Exactly { users: vec![20], spawn: Spawn::AtOnce }, 0),
                (on_demand(10_000), 1),
            ] {
                if rate > 10_000.0 && (think > 0 || freeze > 1_000) {
                    continue;
                }
                let setting = |freezes| SimulatedRun {
                    rate,
                    growth: growth.clone(),
                    length: Duration::from_secs(length),
                    service: AnswerTimes::Constant(millis(1)),
                    think: if rate < 1_000.0 { Duration::from_secs(think) } else { Duration::ZERO },
                    freezes,
                    ..steady()
                };
                let (frozen, quiet) = (
                    run(setting(vec![(after(5_150), after(5_150 + freeze), None)])),
                    run(setting(vec![])),
                );
                let what = format!("{freeze} ms at {rate}/s, {growth:?}");
                let total = &frozen.total.measured.total;
                assert_eq!(frozen.total.measured.unsent.users, 0, "{what}");
                let of_users = total.user_lag.max().unwrap();
                let without_freeze = quiet.total.measured.total.user_lag.max().unwrap();
                assert!(
                    of_users <= without_freeze.max(millis(6)),
                    "{what}: users are blamed for {of_users:?} of {without_freeze:?}"
                );
                // What is told of the run against what it would have been.
                let limits =
                    |(seen, truth): (&f64, &f64)| (seen - truth) / f64::max(0.002, truth * 0.1);
                let (seen, truth) = (printed(&frozen), printed(&quiet));
                let moved = seen.iter().zip(&truth).map(limits).fold(0.0, f64::max);
                let stamp = judge(&frozen.total.measured, Circumstances::default()).stamp;
                let stood_long = freeze as f64 / 1e3 / length as f64 > 0.045;
                assert!(
                    moved < 1.1 || stamp == Stamp::Invalid,
                    "{what}: {stamp:?}, moved by {moved} limits"
                );
                assert!(
                    moved > 0.4 || stood_long || stamp == Stamp::Valid,
                    "{what}: {stamp:?}, moved by {moved} limits"
                );
                invalid += u32::from(stamp == Stamp::Invalid);
                valid += u32::from(stamp == Stamp::Valid);
                assert_eq!(
                    judge(&quiet.total.measured, Circumstances::default()).stamp,
                    Stamp::Valid,
                    "{what}, not frozen"
                );
            }
        }
    }
    assert!(
        invalid >= 30 && valid >= 10,
        "{invalid} INVALID and {valid} VALID: the cases do not tell them apart"
    );
}

#[test]
fn a_saturated_service_keeps_its_lag_and_its_unsent_also_where_the_generator_stood_still() {
    for (freeze, invalid) in [(100, false), (1_000, true)] {
        let outcome = run(SimulatedRun {
            rate: 200.0,
            growth: on_demand(5),
            max_lag: Duration::from_secs(2),
            coalesce: Duration::ZERO,
            length: Duration::from_secs(60),
            service: AnswerTimes::Servers { servers: 10, latency: millis(100) },
            freezes: vec![(after(20_000), after(20_000 + freeze), None)],
            ..steady()
        });
        let measured = &outcome.total.measured;
        // A hundred starts a second are lost, of six thousand that are unsent.
        let lost = 100 * freeze / 1_000;
        assert!(
            measured.unsent.host <= lost + lost / 2 && measured.unsent.host >= lost / 2,
            "{freeze} ms: {:?}",
            measured.unsent
        );
        assert!(measured.unsent.users > 5_700, "{freeze} ms: {:?}", measured.unsent);
        let (user, host) = (measured.total.user_lag.sum_ns(), measured.total.host_lag.sum_ns());
        assert!(host * 10 < user, "{freeze} ms: {host} ns are ours and {user} the users'");
        assert_eq!(
            judge(measured, Circumstances::default()).stamp == Stamp::Invalid,
            invalid,
            "{freeze} ms"
        );
    }
}

#[test]
fn a_generator_that_gets_eight_percent_of_a_processor_blames_itself() {
    let outcome = run(SimulatedRun {
        rate: 1_000.0,
        growth: on_demand(5_000),
        length: Duration::from_secs(8),
        max_lag: Duration::from_secs(2),
        coalesce: Duration::ZERO,
        service: AnswerTimes::Constant(millis(1)),
        freezes: (0..80)
            .map(|period| (after(period * 100 + 8), after(period * 100 + 100), None))
            .collect(),
        work: Duration::from_micros(200),
        ..steady()
    });
    let measured = &outcome.total.measured;
    assert!(measured.total.counts.started < 7_000, "it keeps up: {:?}", measured.total.counts);
    assert!(measured.unsent.host > measured.unsent.users * 5, "{:?}", measured.unsent);
    assert!(measured.total.host_lag.sum_ns() > measured.total.user_lag.sum_ns() * 4);
    assert_eq!(judge(measured, Circumstances::default()).stamp, Stamp::Invalid);
}

#[test]
fn slots_of_a_thread_that_stood_still_alone_are_late_for_it_whoever_starts_them() {
    let outcome = run(SimulatedRun {
        workers: 4,
        growth: Growth::Exactly { users: vec![3], spawn: Spawn::AtOnce },
        service: AnswerTimes::Constant(millis(8)),
        freezes: vec![(after(4_000), after(5_000), Some(2))],
        ..steady()
    });
    let total = &outcome.total.measured.total;
    assert!(total.host_lag.max().unwrap() > millis(900));
    assert!(
        total.user_lag.sum_ns() * 10 < total.host_lag.sum_ns(),
        "{:?} of users, {:?} of ours",
        total.user_lag.mean(),
        total.host_lag.mean()
    );
}
