//! What the host holds when it is told what must hold: against services whose law the test knows,
//! in real time, with the figures that the host reports of the time after it has had fifteen
//! seconds.
//!
//! These tests measure, so each is alone while it does. On a machine that is too busy the generator
//! calls its own run INVALID and raises nothing on it; then only what holds of any machine is asked
//! for.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use swell_tests::{
    Behaviour, Finished, Host, MeasureLock, Overload, Target, TargetSettings, alone, call,
    free_address, wait_until,
};

fn target(behaviour: Behaviour) -> (MeasureLock, Target) {
    let alone = alone();
    (
        alone,
        Target::start(TargetSettings { behaviour, ..TargetSettings::default() })
            .expect("loopback has a free port"),
    )
}

fn run(target: &Target, flags: &str) -> Finished {
    let run = Host::run_guest("plain-get").target(target.url()).args(flags).finish();
    run.expect_agreement(&target.seen())
}

/// Whether the generator was not in the way, so that the figures are the service's.
fn is_believable(run: &Finished) -> bool {
    run.json_at("/verdict/stamp") != "INVALID"
}

#[test]
fn a_latency_percentile_is_found_and_held() {
    // 200 ms at 2,000/s, and in proportion: 130 ms at 1,300/s.
    let (_alone, target) = target(Behaviour { latency_us_per_tps: 100.0, ..Behaviour::default() });
    let run = run(&target, "--latency p90=130ms --warmup 15s --duration 10s");
    let p90 = run.number("/measured/transactions/service_ms/p90");
    assert!((120.0..=140.0).contains(&p90) || !is_believable(&run), "{p90} ms\n{}", run.stdout);
    assert_eq!(run.json_at("/control/limited_by"), "p90=130ms");
    assert!(
        run.stdout.contains("held down by p90=130ms") && run.stdout.contains("p90 within 130ms"),
        "{}",
        run.stdout
    );
}

#[test]
fn an_error_rate_is_found_and_held() {
    let (_alone, target) = target(Behaviour {
        capacity: Some(1_300.0),
        overload: Overload::Errors,
        ..Behaviour::default()
    });
    let run = run(&target, "--error-rate 3% --warmup 15s --duration 10s");
    let (share, goal) =
        (run.number("/measured/transactions/error_rate"), run.number("/control/goal_per_second"));
    assert!((0.02..=0.04).contains(&share) || !is_believable(&run), "{share}\n{}", run.stdout);
    assert!((1_260.0..=1_420.0).contains(&goal) || !is_believable(&run), "{goal}\n{}", run.stdout);
}

#[test]
fn a_service_with_a_limit_is_held_just_below_it() {
    let (_alone, target) = target(Behaviour {
        capacity: Some(1_000.0),
        overload: Overload::Queue,
        ..Behaviour::default()
    });
    let run = run(&target, "--tps 5000 --latency p95=200ms --warmup 20s --duration 10s");
    let rate = run.number("/measured/transactions/ok_per_second");
    assert!((950.0..=1_015.0).contains(&rate) || !is_believable(&run), "{rate}/s\n{}", run.stdout);
    let p95 = run.number("/measured/transactions/service_ms/p95");
    assert!(p95 <= 220.0 || !is_believable(&run), "{p95} ms\n{}", run.stdout);
    assert_eq!(
        (
            run.count("/measured/transactions/failed"),
            run.count("/measured/transactions/unsent/users")
        ),
        (0, 0)
    );
}

#[test]
fn a_rate_that_holds_is_driven_as_asked_and_the_objective_says_so() {
    let (_alone, target) = target(Behaviour::constant(5.0));
    let run = run(
        &target,
        "--tps 300 --latency page:p95=1s --latency p50=900ms --error-rate 50% --duration 4s",
    );
    assert_eq!(run.number("/control/goal_per_second"), 300.0);
    assert_eq!(run.json_at("/control/limited_by"), &Value::Null);
    let rules: Vec<&Value> =
        (0..3).map(|place| run.json_at(&format!("/control/objectives/{place}/rule"))).collect();
    assert_eq!(rules, ["page:p95=1s", "p50=900ms", "50%"]);
    let started = run.count("/measured/transactions/started");
    assert!(started.abs_diff(1_200) <= 12 || !is_believable(&run), "{started}\n{}", run.stdout);
    assert!(run.stdout.contains("goal 300/s at the end, as asked"), "{}", run.stdout);
}

#[test]
fn a_service_at_its_limit_is_told_from_one_that_recovered() {
    let (_alone, target) = target(Behaviour {
        capacity: Some(700.0),
        overload: Overload::Queue,
        ..Behaviour::default()
    });
    let api = free_address();
    let running = Host::run_guest("plain-get")
        .target(target.url())
        .args("--tps 1000 --max-vus 2000 --control")
        .arg(api.to_string())
        .start();
    let status = |what: &str, holds: fn(&Value) -> bool| {
        wait_until(Duration::from_secs(40), what, || {
            TcpStream::connect(api).ok()?;
            let status = call(api, "GET", "/v1/runs/plain_get", &[], "").json_at("/status");
            holds(&status).then_some(status)
        })
    };
    let limited = status("the limit to be seen", |status| {
        status["limited_by"] == "service" || status["limited_by"] == "generator"
    });
    let is_believable = limited["limited_by"] == "service";
    let seconds = limited["elapsed_seconds"].as_f64().expect("it is a number");
    assert!(seconds <= 10.0 || !is_believable, "recognised after {seconds} s");
    assert_eq!(limited["goal_per_second"], 1000.0, "the goal does not bend");
    assert!(
        limited["limit"].as_str().is_some_and(|words| words.contains("is the limit: ")),
        "{limited:#}"
    );
    target.behave(Behaviour::default()).expect("it is a behaviour");
    let recovered = status("the limit to be forgotten", |status| status["limited_by"].is_null());
    let took = recovered["elapsed_seconds"].as_f64().expect("it is a number") - seconds;
    assert!(took <= 12.0 || !is_believable, "{took} s, with some of the backlog worked off before");
    running.interrupt();
    let run = running.wait().expect_done();
    if is_believable {
        assert_eq!(run.json_at("/limits/0/by"), "service");
        assert!(
            run.number("/limits/0/completed_per_second") < 800.0
                && run.json_at("/limits/0/until_seconds").is_number()
        );
        assert!(run.stdout.contains("the service is the limit"), "{}", run.stdout);
    }
}

#[test]
fn a_warm_up_ends_when_the_service_is_steady_and_what_follows_is_measured_as_long_as_asked() {
    let (_alone, target) = target(Behaviour::constant(5.0));
    let run = run(&target, "--tps 200 --warmup auto:40s --duration 3s");
    let (warm_up, measured) =
        (run.number("/run/warm_up_seconds"), run.number("/run/measured_seconds"));
    assert!((9.0..=40.0).contains(&warm_up), "{warm_up}");
    assert_eq!(run.json_at("/run/warm_up_steady"), warm_up < 40.0);
    assert!((measured - 3.0).abs() < 0.1, "{measured}");
    let due = ["started", "unsent/users", "unsent/host"]
        .map(|part| run.count(&format!("/measured/transactions/{part}")))
        .iter()
        .sum::<u64>();
    assert!(due.abs_diff(600) <= 2, "{due}");
    assert!(
        run.stdout.contains("of warm-up, when it was steady") || warm_up == 40.0,
        "{}",
        run.stdout
    );
}

#[test]
fn a_service_that_fails_from_the_beginning_is_left_alone() {
    let (_alone, target) = target(Behaviour {
        capacity: Some(0.001),
        overload: Overload::Errors,
        ..Behaviour::default()
    });
    let run = run(&target, "--error-rate 1% --warmup 2s --duration 6s");
    let started = run.count("/measured/transactions/started");
    assert!((1..=30).contains(&started), "one a second goes on asking: {started}\n{}", run.stdout);
    assert_eq!(run.number("/control/goal_per_second"), 1.0);
}

fn find(target: &Target, flags: &str) -> Finished {
    Host::find_guest("plain-get")
        .target(target.url())
        .args(flags)
        .deadline(Duration::from_secs(120))
        .finish()
}

/// Whether the machine was too busy to find the service's limit and found its own; then its figures
/// admit that it was late.
fn found_itself(run: &Finished) -> bool {
    let itself = run.code == Some(113);
    if itself {
        assert_eq!(run.json_at("/search/end"), "generator");
        assert_ne!(run.json_at("/verdict/stamp"), "VALID", "{}", run.stdout);
    }
    itself
}

#[test]
fn the_limit_of_a_service_is_found_as_an_interval() {
    let (_alone, target) = target(Behaviour {
        capacity: Some(1_000.0),
        overload: Overload::Queue,
        ..Behaviour::default()
    });
    let run = find(&target, "--latency p95=200ms --hold 5s --budget 90s");
    if found_itself(&run) {
        return;
    }
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    let (held, broken) =
        (run.number("/search/held_per_second"), run.number("/search/broken_per_second"));
    assert!(held <= 1_015.0 && broken >= 990.0 && broken <= held * 1.1, "{held} to {broken}");
    assert_eq!(
        (run.json_at("/search/end"), run.json_at("/search/broken_by")),
        (&"narrow".into(), &"p95=200ms".into())
    );
}

#[test]
fn a_search_without_a_limit_says_that_the_most_was_held() {
    let (_alone, target) = target(Behaviour::constant(5.0));
    let run = find(&target, "--tps 200 --latency p95=500ms --hold 3s --budget 30s");
    if !found_itself(&run) {
        assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
        assert!(
            run.stdout.contains("the service holds 200/s and may hold more: raise --tps"),
            "{}",
            run.stdout
        );
    }
}

#[test]
fn a_search_on_a_service_that_fails_finds_that_no_rate_holds() {
    let (_alone, target) = target(Behaviour {
        capacity: Some(0.001),
        overload: Overload::Errors,
        ..Behaviour::default()
    });
    let run = find(&target, "--error-rate 1% --hold 3s --budget 60s");
    if !found_itself(&run) {
        assert_eq!(run.code, Some(112), "{}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains("no rate holds what is asked for"), "{}", run.stdout);
    }
}

#[test]
fn a_search_without_something_to_hold_is_refused() {
    let (_alone, target) = target(Behaviour::default());
    for (flags, words) in [
        ("--tps 5", "nothing says what is to hold"),
        ("--latency p95=1s --duration 5s", "bound it by budget"),
        ("--latency p95=1s --hold 1s", "hold 1s"),
        ("--latency p95=1s --budget 5s", "budget 5s"),
    ] {
        let run = find(&target, flags);
        assert!(run.code == Some(104) && run.stderr.contains(words), "{flags}: {}", run.stderr);
    }
    assert_eq!(target.seen().requests, 0);
}

#[test]
fn a_search_that_is_stopped_tells_what_it_knows() {
    let (_alone, target) = target(Behaviour::constant(5.0));
    let running = Host::find_guest("plain-get")
        .target(target.url())
        .args("--latency p95=500ms --hold 30s")
        .start();
    wait_until(Duration::from_secs(30), "the first transactions", || {
        (target.seen().requests > 0).then_some(())
    });
    running.interrupt();
    let run = running.wait();
    assert_eq!(
        (run.code, run.json_at("/search/end")),
        (Some(105), &"stopped".into()),
        "{}",
        run.stderr
    );
    assert!(run.stdout.contains("stopped before anything was found"), "{}", run.stdout);
}
