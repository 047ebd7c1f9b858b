//! Signals, readers that are gone and disks that are full: what was measured must come through, or
//! be said not to.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use swell_tests::{Behaviour, Finished, Host, Running, Target, TargetSettings, guest, wait_until};
use tempfile::TempDir;

fn target() -> Target {
    target_that_takes(0.0)
}

fn target_that_takes(latency_ms: f64) -> Target {
    Target::start(TargetSettings {
        behaviour: Behaviour::constant(latency_ms),
        ..TargetSettings::default()
    })
    .expect("loopback has a free port")
}

/// Far longer than any test waits: a service that does not answer.
const FOR_EVER_MS: f64 = 3_600_000.0;

/// `host run` of plain-get, once each of its four users has a request under way or behind it.
fn at_work(target: &Target, args: &str) -> Running {
    let running =
        Host::run_guest("plain-get").target(target.url()).args("--vus 4").args(args).start();
    wait_until(Duration::from_secs(20), "four requests", || {
        (target.seen().requests >= 4).then_some(())
    });
    running
}

/// Interrupts it again and again, as signals that come close together are one.
fn interrupt_until_the_end(mut running: Running) -> Finished {
    wait_until(Duration::from_secs(20), "the host to give up waiting", || {
        running.interrupt();
        running.has_ended().then_some(())
    });
    running.wait()
}

/// Something that breaks whenever it is written to.
fn a_reader_that_is_gone() -> std::io::PipeWriter {
    let (_, writer) = std::io::pipe().expect("a pipe can be made");
    writer
}

fn full_disk() -> File {
    File::options().write(true).open("/dev/full").expect("Linux has /dev/full")
}

#[track_caller]
fn expect_summary(finished: &Finished, target: &Target) {
    assert!(
        finished.stdout.contains("transactions") && finished.stdout.contains("response time"),
        "{}",
        finished.stdout
    );
    assert_eq!(finished.count("/requests_written"), target.seen().requests);
}

#[test]
fn the_first_signal_lets_everything_finish_and_reports_it_whole() {
    for signal in [Running::interrupt, Running::terminate, Running::hang_up] {
        let target = target_that_takes(100.0);
        let running = at_work(&target, "--duration 1h");
        signal(&running);
        let finished = running.wait().expect_code(105).expect_whole_counts();
        expect_summary(&finished, &target);
        assert_eq!(finished.count("/measured/transactions/interrupted"), 0);
        assert_eq!(finished.count("/measured/transactions/ok"), target.seen().requests);
        assert_eq!(finished.count("/exit/code"), 105);
    }
}

#[test]
fn what_nohup_has_ignored_stays_ignored() {
    let target = target();
    let running = Host::run_guest("plain-get")
        .target(target.url())
        .args("--vus 4 --duration 1h")
        .by("nohup", &[])
        .start();
    let requests = |least| {
        wait_until(Duration::from_secs(20), "requests", || {
            (target.seen().requests >= least).then_some(())
        })
    };
    requests(4);
    running.hang_up();
    requests(target.seen().requests + 1_000);
    running.interrupt();
    running.wait().expect_code_or_invalid(105).expect_whole_counts();
}

#[test]
fn a_teardown_that_does_not_end_is_cut_by_a_second_signal_and_its_results_are_there() {
    let target = target();
    let running = Host::run_guest("hangs-in-teardown")
        .target(target.url())
        .args("--vus 1 --iterations 3")
        .start();
    wait_until(Duration::from_secs(20), "the teardown", || {
        running.stderr().contains("cleaning").then_some(())
    });
    let finished = interrupt_until_the_end(running).expect_code(105).expect_whole_counts();
    assert!(
        finished.stderr.contains("`teardown`") && finished.stderr.contains("was cut by Ctrl-C"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.contains("stopped by a signal in its `teardown`"),
        "{}",
        finished.stderr
    );
    expect_summary(&finished, &target);
    assert_eq!((finished.count("/measured/iterations/ok"), finished.count("/exit/code")), (3, 105));
}

#[test]
fn a_run_that_was_cut_waits_for_no_teardown() {
    let target = target_that_takes(FOR_EVER_MS);
    let running = Host::run_guest("hangs-in-teardown")
        .target(target.url())
        .args("--vus 4 --duration 1h --grace 1h")
        .start();
    wait_until(Duration::from_secs(20), "four requests", || {
        (target.seen().requests >= 4).then_some(())
    });
    running.interrupt();
    wait_until(Duration::from_secs(20), "the end to begin", || {
        running.stderr().contains("ending:").then_some(())
    });
    running.interrupt();
    let finished = running.wait().expect_code(105).expect_whole_counts();
    assert_eq!(finished.count("/measured/transactions/interrupted"), 4);
}

#[test]
fn a_signal_is_the_normal_end_of_a_run_without_another() {
    let target = target_that_takes(20.0);
    let running = at_work(&target, "");
    running.interrupt();
    let finished = running.wait().expect_done().expect_whole_counts();
    expect_summary(&finished, &target);
}

#[test]
fn a_further_signal_cuts_what_is_under_way() {
    let target = target_that_takes(FOR_EVER_MS);
    let finished = interrupt_until_the_end(at_work(&target, "--duration 1h --grace 1h"))
        .expect_code(105)
        .expect_whole_counts();
    expect_summary(&finished, &target);
    assert_eq!(finished.count("/measured/transactions/interrupted"), 4);
    assert_eq!(finished.count("/measured/requests/interrupted"), 4);
}

#[test]
fn a_further_signal_cuts_a_run_that_had_no_end_too() {
    let target = target_that_takes(FOR_EVER_MS);
    let finished = interrupt_until_the_end(at_work(&target, "--grace 1h"))
        .expect_code(105)
        .expect_whole_counts();
    assert_eq!(finished.count("/measured/transactions/interrupted"), 4);
}

#[test]
fn the_end_waits_for_a_stuck_service_no_longer_than_the_grace() {
    let target = target_that_takes(FOR_EVER_MS);
    let running = at_work(&target, "--duration 1h --grace 200ms");
    running.interrupt();
    let finished = running.wait().expect_code(105).expect_whole_counts();
    expect_summary(&finished, &target);
    assert_eq!(finished.count("/measured/transactions/interrupted"), 4);
}

#[test]
fn a_reader_of_stdout_that_is_gone_spoils_nothing() {
    let target = target();
    let run = Host::run_guest("plain-get")
        .target(target.url())
        .args("--vus 1 --iterations 5")
        .stdout(a_reader_that_is_gone());
    let finished = run.finish().expect_done().expect_whole_counts();
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    assert_eq!(finished.count("/measured/transactions/ok"), 5);
    let help =
        Host::new("run").arg("--help").stdout(a_reader_that_is_gone()).finish().expect_code(0);
    assert_eq!(help.stderr, "");
    let check = Host::new("check")
        .arg(guest("plain-get"))
        .stdout(a_reader_that_is_gone())
        .finish()
        .expect_code(0);
    assert_eq!(check.stderr, "");
}

#[test]
fn a_reader_of_stderr_that_is_gone_spoils_nothing() {
    let target = target();
    let run = Host::run_guest("log-flood")
        .target(target.url())
        .args("--vus 2 --iterations 5")
        .stderr(a_reader_that_is_gone());
    let finished = run.finish().expect_done().expect_whole_counts();
    assert_eq!(finished.count("/measured/iterations/ok"), 5);
    assert!(finished.stdout.contains("iterations   5 ok"), "{}", finished.stdout);
    Host::new("run")
        .arg(guest("plain-get"))
        .args("--tps 0")
        .stderr(a_reader_that_is_gone())
        .finish()
        .expect_code(104);
    Host::new("run")
        .arg("missing.wasm")
        .args("--tps 1")
        .stderr(a_reader_that_is_gone())
        .finish()
        .expect_code(104);
}

#[test]
fn a_reader_of_stderr_that_takes_nothing_stops_no_run() {
    let target = target();
    let (_reader, writer) = std::io::pipe().expect("a pipe can be made");
    let run = Host::run_guest("log-flood")
        .target(target.url())
        .args("--vus 2 --rate 5 --duration 6s")
        .stderr(writer);
    let finished = run.finish().expect_done().expect_whole_counts();
    assert_eq!(finished.count("/measured/iterations/ok"), 30);
    assert!(finished.took < Duration::from_secs(30), "{:?}", finished.took);
}

#[test]
fn a_full_disk_leaves_the_results_that_were_there() {
    let target = target();
    let folder = TempDir::new().expect("a temporary folder can be made");
    let results = folder.path().join("results.json");
    // The whole disk is two pages: the old file has one, and the new one does not fit into the
    // other.
    let within = "mount -t tmpfs -o size=8k tmpfs \"$0\" && printf 'the old results' > \
    \"$0/results.json\" && { \"$@\"; code=$?; cat \"$0/results.json\"; ls -A \"$0\"; exit $code; }";
    let run = Host::new("run")
        .arg(guest("plain-get"))
        .target(target.url())
        .args("--vus 1 --iterations 3 --quiet --out");
    let run = run.arg(format!("json={}", results.display()));
    let finished = run
        .by("unshare", &["-rm", "sh", "-c", within, &folder.path().display().to_string()])
        .finish()
        .expect_code_or_invalid(114);
    assert!(finished.stdout.ends_with("the old resultsresults.json\n"), "{}", finished.stdout);
    assert!(
        finished.stdout.contains("transactions 3 ok"),
        "they are at least shown: {}",
        finished.stdout
    );
    assert!(
        finished.stderr.contains("bytes of results")
            && finished.stderr.contains("the file is as it was"),
        "{}",
        finished.stderr
    );
}

#[test]
fn results_that_do_not_fit_on_the_disk_are_told_after_the_summary() {
    let target = target();
    let run = || Host::run_guest("plain-get").target(target.url()).args("--vus 1 --iterations 5");
    let finished = run().args("--out json=/dev/full").finish().expect_code_or_invalid(114);
    assert!(
        finished.stderr.contains("/dev/full") && finished.stderr.contains("No space left"),
        "{}",
        finished.stderr
    );
    assert!(finished.stdout.contains("transactions 5 ok"), "{}", finished.stdout);
    assert_eq!(finished.count("/measured/transactions/ok"), 5, "the other output is whole");

    let finished =
        run().args("--out json=-").stdout(full_disk()).finish().expect_code_or_invalid(114);
    assert!(
        finished.stderr.contains("stdout") && finished.stderr.contains("No space left"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_summary_that_cannot_be_printed_is_no_fault_of_the_run() {
    let target = target();
    let run = Host::run_guest("plain-get")
        .target(target.url())
        .args("--vus 1 --iterations 5")
        .stdout(full_disk());
    assert_eq!(run.finish().expect_done().count("/measured/transactions/ok"), 5);
}

#[test]
fn a_place_that_takes_no_results_is_told_before_anything_is_sent() {
    let target = target();
    let folder = TempDir::new().expect("a temporary folder can be made");
    // Nobody may make files in /proc, not even root.
    for place in [
        Path::new("/proc/results.json"),
        &folder.path().join("missing/results.json"),
        folder.path(),
    ] {
        let out = format!("json={}", place.display());
        let refused = Host::new("run")
            .arg(guest("plain-get"))
            .target(target.url())
            .args("--vus 1 --out")
            .arg(&out)
            .finish()
            .expect_code(104);
        assert!(
            refused.stderr.contains(&out) && refused.stderr.contains("cannot write"),
            "{}",
            refused.stderr
        );
    }
    assert_eq!(target.seen().connections, 0);
}

#[test]
fn results_on_stdout_are_json_alone() {
    let target = target();
    let run = Host::run_guest("setup-and-teardown")
        .target(target.url())
        .args("--vus 2 --iterations 5 --out json=-");
    let finished = run.finish().expect_done();
    let json: Value = serde_json::from_str(&finished.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", finished.stdout));
    assert_eq!(Some(&json), finished.json.as_ref(), "both outputs hold the same");
    assert!(finished.stderr.contains("prepared"), "the log is on stderr: {}", finished.stderr);
}

#[test]
fn results_replace_what_was_in_the_file() {
    let target = target();
    let folder = TempDir::new().expect("a temporary folder can be made");
    let results = folder.path().join("results.json");
    std::fs::write(&results, "old ".repeat(100_000)).expect("the temporary folder can be written");
    let run = Host::new("run")
        .arg(guest("plain-get"))
        .target(target.url())
        .args("--vus 1 --iterations 3 --out");
    run.arg(format!("json={}", results.display())).finish().expect_done();
    let json: Value = serde_json::from_slice(&std::fs::read(&results).expect("it is there"))
        .expect("it holds JSON and nothing else");
    assert_eq!(json["measured"]["transactions"]["ok"], 3);
}

#[test]
fn a_run_that_never_began_leaves_no_half_results() {
    let target = target();
    let folder = TempDir::new().expect("a temporary folder can be made");
    let results = folder.path().join("results.json");
    let run =
        Host::new("run").arg(guest("err-in-setup")).target(target.url()).args("--vus 1 --out");
    run.arg(format!("json={}", results.display())).finish().expect_code(107);
    match std::fs::read(&results) {
        Ok(text) => {
            let json: Value =
                serde_json::from_slice(&text).expect("results that are there are whole");
            assert_eq!(json["exit"]["code"], 107);
        }
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
    }
}
