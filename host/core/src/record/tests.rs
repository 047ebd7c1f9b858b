mod travel;

use proptest::prelude::*;

use super::*;
use crate::exchange::{ErrorClass, Phase, Phases};

fn at(ms: u64) -> RunInstant {
    RunInstant::from_nanos(ms * 1_000_000)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn exchange(result: Result<u16, ErrorClass>, waiting: Duration) -> Exchange {
    let mut phases = Phases::default();
    phases.add(Phase::Waiting, waiting);
    Exchange {
        protocol: Protocol::Http,
        result,
        phases,
        written: 1,
        reconnects: 0,
        connections: 0,
        body_bytes: 10,
    }
}

#[test]
fn a_transaction_belongs_to_the_phase_of_its_intended_start() {
    let mut recorder = Recorder::new(at(1_000));
    let kind = recorder.define("buy").unwrap();
    recorder.begun(kind, at(999), true);
    recorder.begun(kind, at(1_000), true);
    recorder.ended(
        kind,
        &TransactionTimes {
            intended: at(999),
            parked_at: at(999),
            started: at(1_500),
            ended: at(1_600),
        },
        true,
        TransactionEnd::Ok,
    );
    let window = recorder.take_window(at(2_000), Snapshot::default());
    assert_eq!(window.warm_up.total.counts, Outcomes { started: 1, ok: 1, ..Outcomes::default() });
    assert_eq!(window.measured.total.counts, Outcomes { started: 1, ..Outcomes::default() });
    assert_eq!(window.measured.total.counts.in_flight(), 1);
    assert_eq!(window.extent, Some(Extent { from: at(0), until: at(2_000) }));
}

#[test]
fn response_time_counts_from_the_intended_start_and_the_lag_is_split() {
    let mut recorder = Recorder::new(at(0));
    let kind = recorder.define("buy").unwrap();
    let times = TransactionTimes {
        intended: at(100),
        parked_at: at(130),
        started: at(135),
        ended: at(200),
    };
    recorder.begun(kind, times.intended, true);
    recorder.ended(kind, &times, true, TransactionEnd::Ok);
    let window = recorder.take_window(at(300), Snapshot::default());
    let total = &window.measured.total;
    assert_eq!((total.response.ok.max(), total.service.ok.max()), (Some(ms(100)), Some(ms(65))));
    assert_eq!(
        (total.start_lag.max(), total.user_lag.max(), total.host_lag.max()),
        (Some(ms(35)), Some(ms(30)), Some(ms(5)))
    );
    assert_eq!(window.measured.transactions.row("buy").unwrap().service.ok.max(), Some(ms(65)));
}

#[test]
fn a_nested_transaction_has_its_row_and_no_part_in_the_total() {
    let mut recorder = Recorder::new(at(0));
    let kind = recorder.define("step").unwrap();
    recorder.begun(kind, at(5), false);
    recorder.ended(
        kind,
        &TransactionTimes::unpaced(at(5), at(9)),
        false,
        TransactionEnd::Failed(&Cause::NotEnded),
    );
    let window = recorder.take_window(at(10), Snapshot::default());
    assert_eq!(window.measured.total, Total::default());
    let row = window.measured.transactions.row("step").unwrap();
    assert_eq!(
        (row.counts.failed, row.causes.not_ended, row.service.failed.max()),
        (1, 1, Some(ms(4)))
    );
}

#[test]
fn what_was_interrupted_has_a_lag_and_the_age_at_which_it_was_cut() {
    let mut recorder = Recorder::new(at(0));
    let kind = recorder.define("buy").unwrap();
    let (hangs, ends) = (
        TransactionTimes { intended: at(2), parked_at: at(2), started: at(5), ended: at(9) },
        TransactionTimes::unpaced(at(5), at(6)),
    );
    for (times, ended) in [(hangs, TransactionEnd::Interrupted), (ends, TransactionEnd::Ok)] {
        recorder.begun(kind, times.intended, true);
        recorder.ended(kind, &times, true, ended);
    }
    let measured = recorder.take_window(at(10), Snapshot::default()).measured;
    let (total, row) = (&measured.total, measured.transactions.row("buy").unwrap());
    assert_eq!(
        (total.counts.interrupted, total.counts.in_flight(), total.counts.interrupted_rate()),
        (1, 0, Some(0.5))
    );
    assert_eq!((total.service.both().count(), total.start_lag.count()), (1, 2));
    let longest = [&total.response, &total.service, &row.response, &row.service]
        .map(|times| times.all().max());
    let at_least = |time| Some(Figure { time, is_at_least: true });
    assert_eq!(longest, [at_least(ms(7)), at_least(ms(4)), at_least(ms(7)), at_least(ms(4))]);
}

#[test]
fn causes_are_counted_by_class_and_texts_are_bounded() {
    let mut recorder = Recorder::new(at(0));
    let kind = recorder.define("buy").unwrap();
    let mut fail = |cause: Cause<'_>| {
        recorder.begun(kind, at(1), true);
        recorder.ended(
            kind,
            &TransactionTimes::unpaced(at(1), at(2)),
            true,
            TransactionEnd::Failed(&cause),
        );
    };
    fail(Cause::Status(500));
    fail(Cause::Status(500));
    fail(Cause::Request(ErrorClass::Timeout(Phase::Waiting)));
    fail(Cause::Trap("unreachable"));
    fail(Cause::Said(&"ü".repeat(5_000)));
    (0..Texts::MAX + 9).for_each(|i| fail(Cause::Said(&format!("order {i} refused"))));
    let window = recorder.take_window(at(10), Snapshot::default());
    let row = window.measured.transactions.row("buy").unwrap();
    assert_eq!(row.causes.total(), row.counts.failed);
    assert_eq!((row.causes.statuses.of(500), row.causes.statuses.total()), (2, 2));
    assert_eq!(row.causes.requests.of(ErrorClass::Timeout(Phase::Waiting)), 1);
    assert_eq!((row.causes.said.iter().count(), row.causes.said.other), (Texts::MAX, 10));
    assert!(row.causes.said.iter().all(|(text, _)| text.len() <= Texts::MAX_BYTES));
}

#[test]
fn requests_are_counted_by_status_and_class_and_phases_only_where_they_took_time() {
    let mut recorder = Recorder::new(at(0));
    recorder.exchange(RunPhase::Measured, &exchange(Ok(200), ms(3)), true);
    recorder.exchange(RunPhase::Measured, &exchange(Ok(404), ms(3)), false);
    recorder.exchange(RunPhase::Measured, &exchange(Err(ErrorClass::Reset), ms(9)), true);
    recorder.exchange_interrupted(Protocol::Http, RunPhase::Measured, ms(40), 1, 1);
    let requests = recorder.take_window(at(10), Snapshot::default()).measured.requests;
    assert_eq!(
        (requests.ok, requests.failed, requests.interrupted, requests.count()),
        (1, 2, 1, 4)
    );
    assert_eq!((requests.written, requests.connections, requests.body_bytes), (4, 1, 30));
    assert_eq!(requests.service.all().max(), Some(Figure { time: ms(40), is_at_least: true }));
    assert_eq!(requests.statuses.iter().collect::<Vec<_>>(), [(200, 1), (404, 1)]);
    assert_eq!(requests.errors.iter().collect::<Vec<_>>(), [(ErrorClass::Reset, 1)]);
    assert_eq!(
        (requests.phase(Phase::Waiting).count(), requests.phase(Phase::Tls).count()),
        (3, 0)
    );
}

#[test]
fn names_are_bounded_in_length_and_number() {
    let mut recorder = Recorder::new(at(0));
    assert_eq!(recorder.define(""), Err(NameError::Length { bytes: 0 }));
    assert_eq!(recorder.define(&"x".repeat(129)), Err(NameError::Length { bytes: 129 }));
    for i in 0..MAX_NAMES {
        assert_eq!(recorder.define(&i.to_string()), Ok(KindId(i as u32)));
    }
    assert_eq!(recorder.define("7"), Ok(KindId(7)), "a known name keeps its number");
    assert_eq!(recorder.name(KindId(7)), Some("7"));
    assert_eq!(recorder.define("one more"), Err(NameError::TooMany { name: "one more".into() }));

    recorder.define_metric("rows", MetricKind::Counter).unwrap();
    assert_eq!(recorder.define_metric("rows", MetricKind::Counter), Ok(MetricId(0)));
    assert!(matches!(
        recorder.define_metric("rows", MetricKind::Trend),
        Err(NameError::OtherKind { .. })
    ));
}

#[test]
fn checks_beyond_the_most_are_counted_together() {
    let mut recorder = Recorder::new(at(0));
    (0..MAX_NAMES + 5)
        .for_each(|i| recorder.check(RunPhase::Measured, &format!("check {i}"), i % 2 == 0));
    let checks = recorder.take_window(at(1), Snapshot::default()).measured.checks;
    assert_eq!(checks.iter().count(), MAX_NAMES + 1);
    assert_eq!(checks.row("other"), Some(&Check { passed: 3, failed: 2 }));
}

#[test]
fn a_window_counts_into_a_snapshot_that_another_recorder_has_used() {
    let (mut one, mut other) = (Recorder::new(at(0)), Recorder::new(at(0)));
    let names = ["a", "b", "c"];
    let kinds: Vec<KindId> = names.iter().map(|name| one.define(name).unwrap()).collect();
    names.iter().rev().for_each(|name| assert!(other.define(name).is_ok()));
    let mut used = other.take_window(at(1), Snapshot::default());
    used.clear();
    one.take_window(at(1), used);
    one.begun(kinds[0], at(2), true);
    let window = one.take_window(at(3), Snapshot::default());
    assert_eq!(window.measured.transactions.row("a").unwrap().counts.started, 1);
    assert_eq!(window.measured.transactions.row("c"), None);
    assert_eq!(window.extent, Some(Extent { from: at(1), until: at(3) }));
}

#[test]
fn own_metrics_users_and_delays_reach_the_snapshot() {
    let mut recorder = Recorder::new(at(100));
    let rows = recorder.define_metric("rows", MetricKind::Counter).unwrap();
    recorder.metric(RunPhase::Measured, at(150), rows, 3.0, &[("kind", "x")]);
    recorder.metric(RunPhase::WarmUp, at(50), rows, 9.0, &[]);
    recorder.loop_delay(at(50), ms(1));
    recorder.loop_delay(at(150), ms(2));
    recorder.unsent(at(150), UnsentCause::Users);
    recorder.unsent(at(150), UnsentCause::Host);
    recorder.unsent(at(150), UnsentCause::Lease);
    recorder.user_created();
    recorder.trap("unreachable");
    recorder.user_gone();
    recorder.log_lines_suppressed(4);
    recorder.iteration_begun(RunPhase::Measured);
    recorder.iteration_ended(RunPhase::Measured, IterationEnd::Failed);
    let window = recorder.take_window(at(200), Snapshot::default());
    assert_eq!(window.measured.metrics.total("rows"), Some(Value::Counter { count: 1, sum: 3.0 }));
    assert_eq!(window.measured.loop_delay.max(), Some(ms(2)));
    assert_eq!(window.measured.unsent, Unsent { users: 1, host: 1, lease: 1 });
    assert_eq!((window.users.created, window.users.gone, window.users.traps.total()), (1, 1, 1));
    assert_eq!((window.log_lines_suppressed, window.measured.iterations.failed), (4, 1));
}

/// Something that happened on a thread, in a form that can be drawn at random.
#[derive(Clone, Copy, Debug)]
struct Happened {
    name: usize,
    intended: u64,
    lag: u64,
    time: u64,
    end: u8,
}

const NAMES: [&str; 3] = ["front page", "search", "pay"];

fn happened() -> impl Strategy<Value = Happened> {
    let drawn = (0..NAMES.len(), 0u64..2_000, 0u64..5_000_000, 1u64..4_000_000_000_000, 0u8..6);
    drawn.prop_map(|(name, intended, lag, time, end)| Happened { name, intended, lag, time, end })
}

fn recorder() -> Recorder {
    Recorder::new(at(1_000))
}

fn record(recorder: &mut Recorder, happened: Happened) {
    let Happened { name, intended, lag, time, end } = happened;
    let kind = recorder.define(NAMES[name]).unwrap();
    let parked_at = at(intended) + Duration::from_nanos(lag / 2);
    let started = at(intended) + Duration::from_nanos(lag);
    let times = TransactionTimes {
        intended: at(intended),
        parked_at,
        started,
        ended: started + Duration::from_nanos(time),
    };
    let ended = match end {
        0 => TransactionEnd::Failed(&Cause::Status(503)),
        1 => TransactionEnd::Failed(&Cause::Said(NAMES[name])),
        2 => TransactionEnd::Interrupted,
        _ => TransactionEnd::Ok,
    };
    recorder.begun(kind, times.intended, end != 3);
    recorder.ended(kind, &times, end != 3, ended);
    let phase = recorder.phase(times.intended);
    recorder.exchange(
        phase,
        &exchange(
            if end == 4 { Err(ErrorClass::Connect) } else { Ok(200 + u16::from(end)) },
            ms(time % 50),
        ),
        true,
    );
    if end == 5 {
        recorder.exchange_interrupted(Protocol::Http, phase, ms(time % 90), 1, 0);
    }
    recorder.check(phase, NAMES[name], end > 2);
    let metric = recorder.define_metric("amount", MetricKind::Trend).unwrap();
    recorder.metric(phase, started, metric, time as f64, &[("name", NAMES[name])]);
    recorder.loop_delay(started, Duration::from_nanos(lag));
}

proptest! {
    // Each case makes some hundred histograms; a thousand partitions of one histogram are tried
    // beside the histogram itself.
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However samples are spread over threads and windows, and however these are grouped, the
    /// whole is the same.
    #[test]
    fn merging_is_blind_to_threads_windows_and_order(
        all in prop::collection::vec((happened(), 0usize..3, prop::bool::weighted(0.1)), 1..30),
        order in any::<u64>(),
    ) {
        let mut alone = recorder();
        all.iter().for_each(|&(happened, _, _)| record(&mut alone, happened));
        let alone = alone.take_window(at(9_000), Snapshot::default());

        let mut threads = [recorder(), recorder(), recorder()];
        let (mut windows, mut recycled) = (Vec::new(), Snapshot::default());
        for &(happened, thread, close) in &all {
            record(&mut threads[thread], happened);
            if close {
                windows.push(threads[thread].take_window(at(9_000), std::mem::take(&mut recycled)));
                recycled = windows.first().cloned().unwrap_or_default();
                recycled.clear();
            }
        }
        for thread in &mut threads {
            windows.push(thread.take_window(at(9_000), Snapshot::default()));
        }
        let mut random = crate::random::Random::stream(order, 0);
        while windows.len() > 1 {
            let one = windows.swap_remove(random.below(windows.len() as u64) as usize);
            let into = random.below(windows.len() as u64) as usize;
            windows[into].merge(&one);
        }

        let merged = &windows[0];
        // Sums of floating-point numbers depend on their order in the last digit; all else is
        // exact.
        let phases =
            [(&alone.warm_up, &merged.warm_up), (&alone.measured, &merged.measured)];
        for (whole, parts) in phases {
            prop_assert_eq!(&whole.total, &parts.total);
            prop_assert_eq!(&whole.transactions, &parts.transactions);
            prop_assert_eq!(&whole.requests, &parts.requests);
            prop_assert_eq!(&whole.sockets, &parts.sockets);
            prop_assert_eq!(&whole.checks, &parts.checks);
            prop_assert_eq!(&whole.loop_delay, &parts.loop_delay);
            let trend = |figures: &Figures| match figures.metrics.total("amount") {
                Some(Value::Trend(trend)) => {
                    Some((trend.count(), trend.min(), trend.max(), trend.percentile(50.0)))
                }
                _ => None,
            };
            prop_assert_eq!(trend(whole), trend(parts));
            let counts = parts.total.counts;
            prop_assert_eq!(counts.started, counts.ok + counts.failed + counts.interrupted);
        }
    }
}

#[test]
fn what_our_standing_still_delayed_is_kept_beside_what_it_would_have_been() {
    let mut recorder = Recorder::new(at(0));
    let kind = recorder.define("buy").unwrap();
    recorder.heartbeat().probe(at(1_000));
    let mut end = |intended, started, ended| {
        let times = TransactionTimes {
            intended: at(intended),
            parked_at: at(0),
            started: at(started),
            ended: at(ended),
        };
        recorder.begun(kind, times.intended, true);
        recorder.ended(kind, &times, true, TransactionEnd::Ok);
    };
    end(900, 900, 1_001);
    // The thread stands still from 1,005 to 3,005 ms: the first of these was under way, the others
    // are started late.
    end(990, 990, 3_005);
    end(2_005, 3_005, 3_006);
    end(3_004, 3_006, 3_007);
    let total = recorder.take_window(at(4_000), Snapshot::default()).measured.total;
    let sums = |delayed: &Delayed| {
        [&delayed.seen, &delayed.without].map(|times| (times.count(), times.sum_ns() / 1_000_000))
    };
    assert_eq!(sums(&total.delayed_response), [(3, 2_015 + 1_001 + 3), (3, 15 + 1 + 1)]);
    assert_eq!(sums(&total.delayed_service), [(1, 2_015), (1, 15)]);
    assert_eq!(total.response.count(), 4);
}

#[test]
fn a_pause_is_seen_as_by_somebody_who_comes_at_any_time() {
    let mut recorder = Recorder::new(at(0));
    recorder.loop_delay(at(10), ms(1));
    recorder.loop_delay(at(3_500), ms(3_001));
    let figures = recorder.take_window(at(4_000), Snapshot::default()).measured;
    assert_eq!((figures.loop_delay.count(), figures.overslept.count()), (2, 600));
    let median = figures.delays().percentile(50.0).unwrap();
    assert!((1_490..=1_510).contains(&median.as_millis()), "{median:?}");
    let mut recorder = Recorder::new(at(0));
    recorder.loop_delay(RunInstant::NEVER, Duration::from_secs(100_000));
    let figures = recorder.take_window(at(0), Snapshot::default()).measured;
    assert_eq!(
        figures.overslept.count(),
        20_000_000,
        "a day of a machine that was suspended is counted in steps"
    );
}

#[test]
fn the_slowest_and_the_first_failures_are_noted_over_all_windows() {
    let mut recorder = Recorder::new(at(100));
    let kind = recorder.define("buy").unwrap();
    let mut total = Snapshot::default();
    let note = |recorder: &mut Recorder, number: u64, start: u64, took: u64, ended| {
        let times = TransactionTimes::unpaced(at(start), at(start + took));
        recorder.begun(kind, at(start), true);
        recorder.ended(kind, &times, true, ended);
        recorder.note(kind, &times, Whose { iteration: number, user: number % 7 }, ended);
    };
    // One of the warm-up is none.
    note(&mut recorder, 999, 0, 5_000, TransactionEnd::Failed(&Cause::Status(500)));
    let mut windows = Vec::new();
    for window in 0..4 {
        for number in window * 50..(window + 1) * 50 {
            let ended = match number {
                170 => TransactionEnd::Interrupted,
                _ if number % 9 == 5 => TransactionEnd::Failed(&Cause::Status(503)),
                _ => TransactionEnd::Ok,
            };
            // Iteration 0 is the slowest.
            note(&mut recorder, number, 1_000 + number, 2_000 - number, ended);
        }
        windows.push(recorder.take_window(at(5_000), Snapshot::default()));
        total.merge(&windows[windows.len() - 1]);
    }
    let notable = &total.measured.transactions.row("buy").unwrap().notable;
    let iterations = |kept: &[NotableTransaction]| {
        kept.iter().map(|one| one.whose.iteration).collect::<Vec<_>>()
    };
    assert_eq!(iterations(notable.slowest()), (0..10).collect::<Vec<_>>());
    assert_eq!(notable.slowest()[5].error.as_deref(), Some("status 503"));
    // All end at the same instant, so the first of them are those of the lowest numbers.
    let failed: Vec<u64> = (0..10).map(|n| n * 9 + 5).collect();
    assert_eq!(iterations(notable.failures()), failed);
    assert_eq!(notable.failures()[1].whose.user, 0);
    assert!(total.warm_up.transactions.row("buy").unwrap().notable.failures().is_empty());
    // What can be in no sum is in no window either.
    let of_last = &windows[3].measured.transactions.row("buy").unwrap().notable;
    assert!(of_last.slowest().is_empty() && of_last.failures().is_empty());
}
