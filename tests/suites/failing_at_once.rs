//! Runs in which nothing can come of it: they say why, do not spin, and blame nobody who was never
//! asked.

use std::net::TcpListener;
use std::time::Duration;

use swell_tests::{Behaviour, CertificateKind, Host, Target, TargetSettings};

fn target() -> Target {
    Target::start(TargetSettings {
        behaviour: Behaviour::constant(0.0),
        ..TargetSettings::default()
    })
    .expect("loopback has a free port")
}

#[test]
fn what_fails_before_it_begins_anything_waits_longer_each_time_and_ends_the_run_soon() {
    let ways = [
        ("", "iteration: nothing works"),
        ("how=trap", "trap: "),
        ("how=start", "start of a user: nobody may start"),
    ];
    for (how, cause) in ways {
        for model in ["--vus 2", "--tps 50 --max-vus 20"] {
            let target = target();
            let run = Host::run_guest("fails-at-once")
                .target(target.url())
                .args(model)
                .args("--duration 1h -e")
                .arg(if how.is_empty() { "x=y" } else { how });
            let finished = run.finish().expect_code(107);
            let first = finished.stdout.lines().find(|line| !line.is_empty()).unwrap_or_default();
            assert!(
                first.starts_with("NOTHING EVER BEGAN: ") && first.contains(cause),
                "{how} {model}: {}",
                finished.stdout
            );
            assert!(finished.took < Duration::from_secs(30), "{how} {model}: {:?}", finished.took);
            let tries =
                finished.count("/measured/iterations/started") + finished.count("/users/created");
            assert!(tries < 5_000, "{how} {model}: {tries}");
            assert_eq!(
                finished.json_at("/limits").as_array().map(Vec::len),
                Some(0),
                "nobody is blamed"
            );
            assert_eq!(target.seen().connections, 0);
        }
    }
}

#[test]
fn a_user_that_works_after_some_failures_goes_on_at_full_speed() {
    let target = target();
    let run = Host::run_guest("fails-at-once")
        .target(target.url())
        .args("--vus 1 --iterations 500 -e")
        .arg("how=then works");
    let finished = run.finish().expect_done();
    assert_eq!(
        (finished.count("/measured/iterations/failed"), finished.count("/measured/iterations/ok")),
        (4, 496)
    );
}

#[test]
fn a_feed_that_was_not_given_is_an_error_of_the_command() {
    let target = target();
    let run = Host::new("run")
        .arg(swell_tests::guest("unique-rows"))
        .target(target.url())
        .args("--vus 2 --duration 1h");
    let refused = run.finish().expect_code(104);
    assert!(refused.stderr.contains("give it with --data rows=FILE"), "{}", refused.stderr);
    assert_eq!((target.seen().connections, refused.stdout.as_str()), (0, ""));
}

#[test]
fn a_path_without_a_target_is_an_error_of_the_command() {
    for model in ["--vus 2", "--tps 50"] {
        let refused = Host::new("run")
            .arg(swell_tests::guest("plain-get"))
            .args(model)
            .args("--duration 1h")
            .finish()
            .expect_code(104);
        assert!(
            refused
                .stderr
                .contains("is relative and the run has no target; give it with --target URL"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn a_target_without_an_address_is_refused_before_the_run() {
    let run = || {
        Host::new("run")
            .arg(swell_tests::guest("plain-get"))
            .target("http://no-such-host.invalid")
            .args("--vus 1 --iterations 1")
    };
    let refused = run().finish().expect_code(104);
    assert!(
        refused.stderr.contains("no-such-host.invalid")
            && refused.stderr.contains("--no-preflight"),
        "{}",
        refused.stderr
    );
    let tried = run().args("--no-preflight").finish().expect_code(99);
    assert!(tried.stdout.contains("ALL 1 TRANSACTIONS FAILED"), "{}", tried.stdout);
}

#[test]
fn a_certificate_that_is_not_trusted_is_refused_before_the_run() {
    let target = Target::start(TargetSettings {
        tls: Some(CertificateKind::Good),
        ..TargetSettings::default()
    })
    .expect("loopback has a free port");
    let run = || {
        Host::new("run")
            .arg(swell_tests::guest("plain-get"))
            .target(target.url())
            .args("--vus 1 --iterations 1")
    };
    let refused = run().finish().expect_code(104);
    assert!(
        refused.stderr.contains("is not trusted") && refused.stderr.contains("--no-preflight"),
        "{}",
        refused.stderr
    );
    assert_eq!(target.seen().requests, 0);
    // A handshake that comes about is all that is asked for.
    run().args("--insecure").finish().expect_done();
    assert_eq!(target.seen().requests, 1);
}

#[test]
fn a_service_that_is_not_up_is_no_error_of_the_command_but_all_failed_is_one_of_the_run() {
    // A port that is free, and stays so for long enough.
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("loopback has a free port")
        .port();
    let run = || {
        Host::run_guest("plain-get")
            .target(format!("http://127.0.0.1:{port}"))
            .args("--vus 2 --iterations 20")
    };
    let failed = run().finish().expect_code(99);
    assert!(
        failed.stdout.trim_start().starts_with("ALL 20 TRANSACTIONS FAILED: 20 x page: "),
        "{}",
        failed.stdout
    );
    assert!(failed.stderr.contains("all 20 transactions failed"), "{}", failed.stderr);
    for consent in [["--allow-all-failed"].as_slice(), &["--threshold", "error_rate > 99%"]] {
        let allowed = consent.iter().fold(run(), |run, arg| run.arg(arg)).finish().expect_done();
        assert_eq!(allowed.count("/measured/transactions/failed"), 20);
    }
}
