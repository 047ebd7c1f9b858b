//! Conditions that end a run: the service becomes slow or fails, and the run stops on its own, long
//! before its time, with 99 and what broke when.

use std::net::TcpListener;
use std::time::Duration;

use swell_tests::{Behaviour, Finished, Host, Target, TargetSettings, free_address, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
/// Such a run has an hour; this is how soon it is over on a busy machine.
const SOON: Duration = Duration::from_secs(90);

fn target() -> Target {
    let behaviour = Behaviour::constant(1.0);
    Target::start(TargetSettings { behaviour, ..TargetSettings::default() })
        .expect("loopback has a free port")
}

fn becomes_slow(target: &Target) {
    wait_until(PATIENCE, "the load", || (target.requests() >= 300).then_some(()));
    target.behave(Behaviour::constant(2_000.0)).expect("it can be slow");
}

/// The texts of the marks of this kind; a run without any mark has no list of them.
fn marks(run: &Finished, kind: &str) -> Vec<String> {
    let all = run.json_at("")["marks"].as_array();
    let of_it = all.into_iter().flatten().filter(|mark| mark["kind"] == kind);
    of_it.map(|mark| mark["text"].as_str().expect("a mark has a text").to_owned()).collect()
}

#[test]
fn a_service_that_becomes_slow_ends_the_run_that_aborts_on_it() {
    let target = target();
    let rule = "service.p50 < 1s over 3s abort";
    let run = Host::run_guest("plain-get").target(target.url());
    let run = run.args("--tps 100 --duration 1h --grace 3s --threshold").arg(rule).start();
    becomes_slow(&target);
    let run = run.wait().expect_code_or_invalid(99);
    assert!(run.took < SOON, "{:?}", run.took);
    let reason = run.json_at("/exit/reason").as_str().expect("it has a reason");
    assert!(reason.contains("ended after ") && reason.contains(rule), "{reason}");
    assert_eq!(run.json_at("/thresholds/0/passed"), false, "{}", run.stdout);
    let ended = marks(&run, "ended-by-condition");
    assert!(ended.len() == 1 && ended[0].starts_with(rule), "{ended:?}");
    assert!(run.stderr.contains(&format!("{rule} does not hold: ")), "{}", run.stderr);
}

#[test]
fn failures_beyond_a_limit_end_the_run() {
    // A port that is free, and stays so for long enough.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let port = free.expect("loopback has a free port").port();
    for (limit, rule) in [
        ("--max-errors=30", "max-errors 30"),
        ("--max-error-rate=50%", "max-error-rate 50% over 10s"),
    ] {
        let run = Host::run_guest("plain-get").target(format!("http://127.0.0.1:{port}"));
        let run = run.args("--tps 100 --duration 1h --no-preflight").arg(limit);
        let run = run.finish().expect_code_or_invalid(99);
        assert!(run.took < SOON, "{limit}: {:?}", run.took);
        let ended = marks(&run, "ended-by-condition");
        assert!(ended.len() == 1 && ended[0].starts_with(rule), "{limit}: {ended:?}");
    }
}

#[test]
fn a_run_that_holds_goes_on_to_its_end_and_a_file_may_say_the_same() {
    let target = target();
    let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("there is room");
    let settings = "abort-on-fail = true\nmax-errors = 0\nmax-error-rate = \"1% over 2s\"\n\
        threshold = [\"error_rate < 1% over 1s\"]\n";
    std::fs::write(file.path(), settings).expect("it can be written");
    let run = Host::run_guest("plain-get").target(target.url());
    let run = run.args("--tps 50 --duration 3s --config").arg(file.path()).finish();
    let run = run.expect_code_or_invalid(0);
    assert_eq!(marks(&run, "ended-by-condition"), [""; 0]);
    assert_eq!(run.json_at("/thresholds/0/passed"), true);
}

#[test]
fn what_all_hosts_count_together_ends_the_run_of_all() {
    let target = target();
    let listen = format!("--listen {} --hosts 2", free_address());
    let lead = Host::run_guest("plain-get").target(target.url()).args(&listen);
    let lead = lead.args("--tps 100 --duration 1h --grace 3s --abort-on-fail=1s --threshold");
    let lead = lead.arg("service.p50 < 1s over 3s").start();
    let node = Host::new("node").args(&lead.invitation()).start();
    becomes_slow(&target);
    let run = lead.wait().expect_code_or_invalid(99);
    assert!(run.took < SOON, "{:?}", run.took);
    assert_eq!(marks(&run, "ended-by-condition").len(), 1, "{}", run.stdout);
    assert_eq!(run.json_at("/hosts").as_array().map(Vec::len), Some(2));
    drop(node.wait());
}
