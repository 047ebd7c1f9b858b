//! What the run reports, against what the service knows: its counts, its law of latency, and its
//! own log of each request's arrival and departure.
//!
//! These tests measure, so each is alone while it does. A figure may be off by what the generator
//! admits as its own lateness, which on a busy machine is much, and by 2 %.

use std::time::Duration;

use serde_json::{Value, json};
use swell_tests::{
    Behaviour, Finished, Host, MeasureLock, Passage, Target, TargetSettings, alone, wait_until,
};

fn target(behaviour: Behaviour) -> (MeasureLock, Target) {
    let alone = alone();
    (
        alone,
        Target::start(TargetSettings { behaviour, log: true, ..TargetSettings::default() })
            .expect("loopback has a free port"),
    )
}

fn run(target: &Target, flags: &str) -> Host {
    Host::run_guest("plain-get").target(target.url()).args(flags)
}

/// All slots of the schedule, started or not.
fn due(run: &Finished) -> u64 {
    let unsent = ["users", "generator"]
        .map(|whose| run.count(&format!("/measured/transactions/unsent/{whose}")));
    run.count("/measured/transactions/started") + unsent.iter().sum::<u64>()
}

/// How long the requests stayed in the service, in milliseconds, shortest first.
fn stays_ms(log: &[Passage]) -> Vec<f64> {
    let mut stays: Vec<_> = log
        .iter()
        .map(|passage| (passage.departure_ns - passage.arrival_ns) as f64 / 1e6)
        .collect();
    stays.sort_by(f64::total_cmp);
    stays
}

/// The smallest value that this percentage of the sorted ones does not exceed.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    sorted[((sorted.len() as f64 * percent / 100.0).ceil() as usize).max(1) - 1]
}

/// How late the generator says that it was, in milliseconds, at worst: on a thread, and with a
/// start.
fn admitted_ms(run: &Finished) -> f64 {
    run.number("/measured/loop_delay_ms/max")
        + run.number("/measured/transactions/generator_lag_ms/max")
}

#[test]
fn an_open_run_starts_what_its_rate_says_and_the_service_sees_it() {
    let (_alone, target) = target(Behaviour::default());
    let run = run(&target, "--tps 2000 --duration 5s").finish().expect_agreement(&target.seen());
    assert_eq!(due(&run), 10_000, "{}", run.stdout);
    let started = run.count("/measured/transactions/started");
    assert!(
        started.abs_diff(10_000) <= 20 || run.json_at("/verdict/stamp") == "INVALID",
        "{started} started\n{}",
        run.stdout
    );
    assert_eq!(run.count("/measured/transactions/ok"), target.seen().status(200));
    assert_eq!(run.json_at("/run/asked_per_second"), 2000.0);
}

#[test]
fn a_stall_of_the_service_stops_no_start_and_shows_in_full() {
    let (_alone, target) = target(Behaviour::constant(100.0));
    let running = run(&target, "--tps 200 --duration 6s").start();
    wait_until(Duration::from_secs(30), "a second's requests", || {
        (target.seen().requests >= 200).then_some(())
    });
    let stall = Duration::from_secs(2);
    target.stall(stall);
    let run = running.wait();
    let seen = target.seen();
    let run = run.expect_agreement(&seen);
    assert_eq!(
        (due(&run), run.count("/measured/transactions/failed")),
        (1200, 0),
        "{}",
        run.stdout
    );

    // The request that stayed longest came as the stall began.
    let longest = seen
        .log
        .iter()
        .max_by_key(|passage| passage.departure_ns - passage.arrival_ns)
        .expect("requests came");
    let stalled = longest.arrival_ns..longest.arrival_ns + stall.as_nanos() as u64;
    let came_meanwhile =
        seen.log.iter().filter(|passage| stalled.contains(&passage.arrival_ns)).count();
    assert!(
        (360..=440).contains(&came_meanwhile),
        "{came_meanwhile} requests came while 400 were due"
    );

    let stays = stays_ms(&seen.log);
    for (key, known) in [("p50", 50.0), ("p95", 95.0), ("p99", 99.0), ("max", 100.0)]
        .map(|(key, percent)| (key, percentile(&stays, percent)))
    {
        let reported = run.number(&format!("/measured/transactions/response_ms/{key}"));
        // Beyond the stay: the way there and back, opening a connection where a user is new.
        let tolerance = known * 0.02 + 1.0 + admitted_ms(&run);
        assert!(
            (reported - known).abs() <= tolerance,
            "{key}: {reported} ms reported, {known} ms known, {tolerance} ms allowed\n{}",
            run.stdout
        );
    }
    assert!(percentile(&stays, 100.0) >= 1900.0, "the service was not stalled: {stays:?}");
}

#[test]
fn the_law_of_the_service_is_what_the_report_shows() {
    let (_alone, target) = target(Behaviour::constant(20.0));
    let run = run(&target, "--tps 200 --duration 3s").finish().expect_agreement(&target.seen());
    let known = percentile(&stays_ms(&target.seen().log), 50.0);
    assert!((20.0..23.0).contains(&known), "the service's own median is {known} ms");
    for time in ["response", "service", "ok_response"] {
        let reported = run.number(&format!("/measured/transactions/{time}_ms/p50"));
        assert!(
            reported >= known
                && reported <= known * 1.05 + run.number("/measured/loop_delay_ms/p99"),
            "{time} p50 {reported} ms, {known} ms known\n{}",
            run.stdout
        );
    }
    let waiting = run.number("/measured/requests/phases_ms/waiting/p50");
    assert!(waiting >= known * 0.98, "waiting p50 {waiting} ms, {known} ms known");
}

#[test]
fn too_few_users_leave_slots_unsent_and_do_not_bend_the_schedule() {
    // Five users and 200 ms make 25 transactions a second at most.
    let (_alone, target) = target(Behaviour::constant(200.0));
    let run = run(&target, "--tps 100 --duration 3s --max-vus 5 --max-lag 500ms")
        .finish()
        .expect_agreement(&target.seen());
    assert_eq!(due(&run), 300, "{}", run.stdout);
    let started = run.count("/measured/transactions/started");
    assert!((40..=95).contains(&started), "{started} started\n{}", run.stdout);
    assert_eq!(run.count("/measured/transactions/unsent/generator"), 0, "{}", run.stdout);
    assert!(run.count("/users/most_at_once") <= 5);
    let [start, user, host] = ["start", "user", "generator"]
        .map(|whose| run.number(&format!("/measured/transactions/{whose}_lag_ms/mean")));
    assert!(
        (user + host - start).abs() < 0.01 * start && user > 10.0 * host,
        "start lag {start} ms, user {user} ms, host {host} ms"
    );
    let response = run.number("/measured/transactions/response_ms/mean");
    let service = run.number("/measured/transactions/service_ms/mean");
    assert!(
        (response - service - start).abs() < 0.01 * response,
        "response {response} ms, service {service} ms, start lag {start} ms"
    );

    // Whatever else a busy machine does to the stamp, this is not a reason.
    let reasons = run.json_at("/verdict/evidence").as_array().expect("it is a list");
    assert!(
        reasons
            .iter()
            .all(|reason| !reason["what"].as_str().is_some_and(|what| what.contains("unsent"))),
        "{reasons:#?}"
    );
}

#[test]
fn a_run_of_so_many_iterations_lasts_as_long_as_they_do_and_not_until_somebody_looks() {
    for (model, rate) in [
        ("--rate 100 --iterations 100", 100.0),
        ("--tps 100 --iterations 100", 100.0),
        ("--rate 20 --iterations 10", 20.0),
    ] {
        let (_alone, target) = target(Behaviour::constant(1.0));
        let run = run(&target, model).finish().expect_done();
        let measured = run.number("/measured/transactions/per_second");
        // The last one may be late.
        assert!((rate * 0.95..=rate * 1.001).contains(&measured), "{model}: {measured}/s");
    }
}

#[test]
fn a_rate_of_iterations_ends_after_so_many_also_where_slots_were_given_up() {
    let (_alone, target) = target(Behaviour::constant(50.0));
    let run = run(&target, "--rate 100 --iterations 20 --max-vus 1 --max-lag 100ms").finish();
    assert_eq!(
        (run.count("/measured/iterations/ok"), target.seen().requests),
        (20, 20),
        "{}",
        run.stderr
    );
    assert!(
        run.count("/measured/transactions/unsent/users") > 0,
        "one user does 20 a second of 100"
    );
}

#[test]
fn a_closed_run_says_so_and_its_starts_are_never_late() {
    let (_alone, target) = target(Behaviour::constant(50.0));
    let run = run(&target, "--vus 3 --duration 1s").finish().expect_agreement(&target.seen());
    assert_eq!(run.json_at("/run/model"), "closed model, 3 users");
    assert_eq!(run.json_at("/run/asked_per_second"), &Value::Null);
    assert!(run.stdout.contains("closed model, 3 users"), "{}", run.stdout);
    let started = run.count("/measured/transactions/started");
    assert!((6..=63).contains(&started), "{started} started in 1 s by 3 users in 50 ms each");
    assert_eq!(
        run.json_at("/measured/transactions/unsent"),
        &json!({ "users": 0, "generator": 0, "host": 0, "lease": 0 })
    );
    assert_eq!(run.number("/measured/transactions/user_lag_ms/max"), 0.0);
}

#[test]
fn the_warm_up_is_counted_apart_and_spoils_no_figure() {
    let (_alone, target) = target(Behaviour::constant(1000.0));
    let running = run(&target, "--tps 100 --warmup 1s --duration 2s").start();
    wait_until(Duration::from_secs(30), "some slow requests", || {
        (target.seen().requests >= 20).then_some(())
    });
    target.behave(Behaviour::default()).expect("it is a behaviour");
    let run = running.wait();
    let run = run.expect_agreement(&target.seen());
    assert_eq!(
        (run.count("/warm_up/transactions/started"), run.count("/measured/transactions/started")),
        (100, 200),
        "{}",
        run.stdout
    );
    assert_eq!(
        (run.count("/warm_up/requests/written"), run.count("/measured/requests/written")),
        (100, 200)
    );
    assert!(run.number("/warm_up/transactions/response_ms/max") >= 1000.0);
    assert!(run.number("/measured/transactions/response_ms/max") < 1000.0, "{}", run.stdout);
    assert_eq!(
        (run.number("/run/warm_up_seconds"), run.number("/run/measured_seconds")),
        (1.0, 2.0)
    );
}

#[test]
fn random_arrivals_are_those_of_their_seed() {
    let (_alone, target) = target(Behaviour::default());
    let arrivals = |seed: u64| {
        target.reset();
        let run = run(&target, "--tps 200 --duration 2s --arrivals poisson")
            .arg("--seed")
            .arg(seed.to_string())
            .finish();
        let run = run.expect_agreement(&target.seen());
        let mut arrivals: Vec<_> =
            target.seen().log.iter().map(|passage| passage.arrival_ns as f64 / 1e6).collect();
        arrivals.sort_by(f64::total_cmp);
        (due(&run), arrivals.iter().map(|at| at - arrivals[0]).collect::<Vec<_>>())
    };
    let (first, same, other) = (arrivals(7), arrivals(7), arrivals(8));
    assert_eq!(first.0, same.0);
    assert!(first.0 != 400 || other.0 != 400, "random arrivals are as many as even ones, twice");
    let apart = |other: &[f64]| {
        let mut apart: Vec<_> =
            first.1.iter().zip(other).map(|(one, other)| (one - other).abs()).collect();
        apart.sort_by(f64::total_cmp);
        percentile(&apart, 50.0)
    };
    let (same, other) = (apart(&same.1), apart(&other.1));
    assert!(
        same * 4.0 < other,
        "the same seed's arrivals are {same} ms apart, another's {other} ms"
    );
    // Even starts are 5 ms apart; half of random ones are nearer than 5 ms × ln 2.
    let mut gaps: Vec<_> = first.1.windows(2).map(|two| two[1] - two[0]).collect();
    gaps.sort_by(f64::total_cmp);
    assert!(percentile(&gaps, 50.0) < 4.2, "the median gap is {} ms", percentile(&gaps, 50.0));
}

#[test]
fn a_threshold_on_nothing_measured_fails_for_want_of_data() {
    let (_alone, target) = target(Behaviour::default());
    let rules = [
        "response.p95 < 1h",
        "service.p50 < 1h",
        "error_rate < 100%",
        "service[nobody].p50 < 1h",
        "checks[nothing] > 0%",
    ];
    let run = Host::run_guest("sleeper")
        .target(target.url())
        .args("--vus 1 --duration 300ms --grace 100ms");
    let run = rules.iter().fold(run, |run, rule| run.arg("--threshold").arg(rule)).finish();
    assert!(matches!(run.code, Some(99 | 111)), "code {:?}\n{}", run.code, run.stderr);
    let thresholds = run.json_at("/thresholds").as_array().expect("it is a list");
    assert_eq!(thresholds.len(), rules.len());
    for threshold in thresholds {
        assert_eq!(threshold["passed"], false, "{threshold:#}");
        assert!(
            threshold["found"].as_str().is_some_and(|found| found.starts_with("no data: ")),
            "{threshold:#}"
        );
    }
    assert_eq!(target.seen().requests, 0);
}

#[test]
fn the_interval_of_a_percentile_contains_what_is_told() {
    let (_alone, target) =
        target(Behaviour { latency_ms: 20.0, noise: 0.5, ..Behaviour::default() });
    let run = run(&target, "--tps 300 --duration 14s").finish().expect_done();
    let interval = |name: &str| {
        ["0", "1"].map(|end| run.number(&format!("/confidence/response_ms/{name}/{end}")))
    };
    let effective = run.number("/confidence/effective_samples");
    assert!(
        effective > 20.0 && effective <= run.number("/measured/transactions/response_ms/count"),
        "{effective}"
    );
    for name in ["p50", "p90"] {
        let ([from, until], told) =
            (interval(name), run.number(&format!("/measured/transactions/response_ms/{name}")));
        assert!(from <= told && told <= until, "{name}: {told} in {from} to {until}");
    }
    let short = Host::run_guest("plain-get")
        .target(target.url())
        .args("--tps 300 --duration 2s")
        .finish()
        .expect_done();
    assert_eq!(
        short.json_at("/confidence"),
        &Value::Null,
        "two seconds say nothing of how times vary"
    );
    assert!(run.stdout.contains("response time, 95 % sure: p50"), "{}", run.stdout);
}
