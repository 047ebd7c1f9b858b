//! `host try`: one iteration with all that it sends and receives, the same one as of a run, and
//! what is said where it cannot be done.

use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use swell_tests::{Finished, Host, Notary, Target, TargetSettings, guest, wait_until};
use tempfile::TempDir;

fn target() -> Target {
    Target::start(TargetSettings::default()).expect("loopback has a free port")
}

fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder can be made")
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("the temporary folder can be written");
}

fn try_guest(name: &str, url: impl AsRef<str>, args: &str) -> Host {
    Host::new("try").arg(guest(name)).target(url.as_ref()).args(args)
}

/// Whether all of these are in what was shown, in this order.
#[track_caller]
fn expect_in_order(finished: &Finished, words: &[&str]) {
    let mut rest = &*finished.stdout;
    for word in words {
        let Some((_, after)) = rest.split_once(word) else {
            panic!("no {word:?} where it should be: {}\n{}", finished.stdout, finished.stderr)
        };
        rest = after;
    }
}

#[test]
fn an_iteration_is_shown_from_its_first_transaction_to_its_last() {
    let finished = try_guest("nested", target().url(), "--seed 3").finish().expect_code(0);
    expect_in_order(
        &finished,
        &[
            "iteration 0, user 0, seed 3",
            "▸ visit",
            "▸ front page",
            "200 OK in",
            "> GET / HTTP/1.1",
            "> user-agent: swell/",
            "< HTTP/1.1 200 OK",
            "< content-length:",
            "waiting",
            "over a new connection",
            "✓ front page ok in",
            "▸ items",
            "over the connection of before",
            "✓ items ok in",
            "✓ visit ok in",
            "passed: 3 transactions ok; 2 requests ok; no checks",
        ],
    );
    assert!(!finished.stdout.contains('\x1b'), "it is no terminal");
}

#[test]
fn the_iteration_of_a_run_is_repeated_by_its_number_and_the_seed() {
    let notary = Notary::start();
    Host::run_guest("random-numbers")
        .target(notary.url())
        .args("--vus 3 --iterations 20 --seed 7")
        .finish()
        .expect_done();
    let of_run = notary.asked();
    for iteration in [0, 13] {
        let notary = Notary::start();
        let args = format!("--seed 7 --iteration {iteration}");
        try_guest("random-numbers", notary.url(), &args).finish().expect_code(0);
        let [asked] = &notary.asked()[..] else { panic!("one request: {:?}", notary.asked()) };
        assert!(of_run.contains(asked), "{asked} is none of {of_run:?}");
        assert!(asked.contains(&format!("iteration={iteration}&")), "{asked}");
    }
}

#[test]
fn an_iteration_is_given_the_row_of_a_feed_that_its_number_says() {
    let folder = folder();
    let rows = folder.path().join("rows.csv");
    write(&rows, "id\nnone\none\ntwo\n");
    let data = format!("--data rows={}", rows.display());
    let notary = Notary::start();
    let args = format!("{data} --iteration 2");
    try_guest("unique-rows", notary.url(), &args).finish().expect_code(0);
    assert_eq!(notary.asked(), ["/?id=two"]);
    let args = format!("{data} --iteration 3");
    let finished = try_guest("unique-rows", notary.url(), &args).finish().expect_code(104);
    assert!(finished.stderr.contains("has no row for iteration 3"), "{}", finished.stderr);
    let args = format!("{data} --iteration 3 --data-wrap");
    try_guest("unique-rows", notary.url(), &args).finish().expect_code(0);
    assert_eq!(notary.asked(), ["/?id=two", "/?id=none"]);
}

#[test]
fn setup_and_teardown_go_around_it() {
    let finished = try_guest("setup-and-teardown", target().url(), "").finish().expect_code(0);
    expect_in_order(
        &finished,
        &[
            "\nsetup\n",
            "POST ",
            "log info prepared",
            "\niteration 0\n",
            "?order=42",
            "\nteardown\n",
            "log info cleaned 42",
            "passed: 1 transaction ok; 2 requests ok",
        ],
    );
}

#[test]
fn each_hop_of_a_redirect_is_shown() {
    let target = target();
    let finished = try_guest("redirects", target.url(), "-e PATH=/redirect/2").finish();
    assert!(finished.stdout.matches("> GET /").count() >= 2, "{}", finished.stdout);
}

#[test]
fn an_iteration_that_fails_says_so_in_its_exit_code() {
    let target = target();
    for (name, code, words) in [
        ("fails-at-once", 99, "✗ the iteration failed: nothing works"),
        ("err-in-setup", 107, "`setup` failed"),
        ("panics-in-setup", 107, "`setup` trapped"),
    ] {
        let finished = try_guest(name, target.url(), "").finish().expect_code(code);
        assert!(finished.stdout.contains(words), "{name}: {}", finished.stdout);
    }
    for (name, code, words) in [("fail-run", 110, "failed: "), ("stop-run", 108, "stopped: ")] {
        let finished = try_guest(name, target.url(), "--iteration 100").finish().expect_code(code);
        expect_in_order(&finished, &[words]);
    }
    let odd = try_guest("says-failed", target.url(), "--iteration 1").finish().expect_code(99);
    expect_in_order(&odd, &["✗ page failed in", "the page is odd", "failed: 1 transaction failed"]);
    let finished =
        try_guest("traps-one-in-100", target.url(), "--iteration 99").finish().expect_code(107);
    let said = &finished.stderr;
    assert!(said.contains("error: `run` trapped"), "{said}");
    expect_in_order(&finished, &["the one in a hundred", "✗ ", "`run` trapped", "failed: "]);
}

#[test]
fn of_several_reasons_the_exit_code_is_the_one_that_leads() {
    let target = target();
    let tried = |args: &str| {
        let finished = try_guest("deceives", target.url(), "--scenario shown").args(args).finish();
        // Its `teardown` fails each time, which is a warning as in a run.
        assert!(finished.stderr.contains("warning: `teardown` failed"), "{}", finished.stderr);
        finished
    };
    let failed_and_fails_the_run = tried("--user 1 --iteration 2").expect_code(99);
    assert!(failed_and_fails_the_run.stderr.contains("the scenario fails the run"));
    let not_started = tried("--user 0").expect_code(99);
    assert!(not_started.stdout.contains("`start` failed"), "{}", not_started.stdout);
    tried("--user 1 --iteration 1").expect_code(107);
}

#[test]
fn a_stdout_that_fails_keeps_the_exit_code_that_leads_and_the_archive() {
    let (folder, target) = (folder(), target());
    let file = folder.path().join("x.har");
    let gone = || std::io::pipe().expect("a pipe can be made").1.into();
    let full = || File::options().write(true).open("/dev/full").expect("Linux has it").into();
    let ended = |name: &str, args: &str, stdout: std::process::Stdio| {
        // One that is there is no proof that it was written.
        let _ = std::fs::remove_file(&file);
        let args = format!("--har {} {args}", file.display());
        let finished = try_guest(name, target.url(), &args).stdout(stdout).finish();
        assert!(file.exists(), "{name}: {}", finished.stderr);
        (finished.code, finished.stderr.contains("cannot write to stdout"))
    };
    for (name, args, code) in [
        ("says-failed", "--iteration 1", 99),
        ("panics-in-setup", "", 107),
        ("stop-run", "--iteration 100", 108),
    ] {
        assert_eq!(ended(name, args, gone()), (Some(code), false), "{name}");
        assert_eq!(ended(name, args, full()), (Some(code), true), "{name}");
    }
    assert_eq!(ended("plain-get", "", gone()), (Some(0), false));
    assert_eq!(ended("plain-get", "", full()), (Some(114), true));
}

#[test]
fn what_an_iteration_opens_anew_is_told() {
    let target = target();
    let connections = |args: &str| {
        let shown = try_guest("start-stop", target.url(), args).finish().stdout;
        ["over a new connection", "over the connection of before"]
            .map(|words| shown.matches(words).count())
    };
    assert_eq!(connections(""), [1, 1]);
    assert_eq!(connections("--fresh iteration"), [2, 0]);
}

#[test]
fn a_service_that_is_not_there_is_a_failed_transaction_with_its_reason() {
    let finished = try_guest("plain-get", "http://127.0.0.1:9", "").finish().expect_code(99);
    expect_in_order(
        &finished,
        &[
            "no answer after",
            "> GET /",
            "no connection",
            "refused",
            "failed in",
            "1 transaction failed",
        ],
    );
}

#[test]
fn what_waits_is_cut_off_by_ctrl_c_and_told_as_such() {
    let target = Target::start(TargetSettings {
        behaviour: swell_tests::Behaviour::constant(60_000.0),
        ..TargetSettings::default()
    })
    .expect("loopback has a free port");
    let running = try_guest("plain-get", target.url(), "").start();
    wait_until(Duration::from_secs(20), "the request", || {
        (target.seen().connections > 0 && running.stdout().contains("▸")).then_some(())
    });
    running.interrupt();
    let finished = running.wait().expect_code(105);
    expect_in_order(&finished, &["▸ ", "GET / cut off after", "cut off after", "stopped:"]);
}

#[test]
fn what_a_single_iteration_cannot_do_is_refused_with_the_cure() {
    let target = target();
    let refused = |host: Host, words: &[&str]| {
        let finished = host.finish().expect_code(104);
        for word in words {
            assert!(finished.stderr.contains(word), "no {word:?}: {}", finished.stderr);
        }
        assert_eq!(finished.stdout, "");
    };
    for (args, words) in [
        ("--tps 100", &["--tps", "which nothing paces", "leave --tps out"][..]),
        ("--threshold error_rate<1%", &["--threshold", "leave --threshold out"]),
        ("--out json=x", &["leave --out out"]),
        ("--har-secrets", &["--har <FILE>"]),
        ("--har /nowhere/x.har", &["--har /nowhere/x.har: cannot write there"]),
        ("--iteration -1", &["whole number"]),
        ("--iterations 5", &["leave --iterations out"]),
    ] {
        refused(try_guest("plain-get", target.url(), args), words);
    }
    refused(
        try_guest("two-scenarios", target.url(), ""),
        &["several scenarios", "--scenario NAME"],
    );
    refused(
        try_guest("two-scenarios", target.url(), "--scenario nobody"),
        &["there is no scenario \"nobody\"; the file has: "],
    );
    refused(
        try_guest("two-scenarios", target.url(), "--scenario brwose=3"),
        &["there is no scenario \"brwose\"", "help: did you mean \"browse\"?"],
    );
    assert_eq!(target.seen().connections, 0);
    let without_target = Host::new("try").arg(guest("plain-get")).finish().expect_code(104);
    assert!(without_target.stderr.contains("--target URL"), "{}", without_target.stderr);
    let elsewhere = try_guest("denied-host", target.url(), "").finish();
    assert!(elsewhere.stdout.contains("--allow-host"), "{}", elsewhere.stdout);
}

#[test]
fn a_file_of_settings_that_is_made_for_runs_serves_here_too() {
    let (folder, target) = (folder(), target());
    write(&folder.path().join("swell.toml"), "tps = 500\nduration = '1m'\nseed = 9\n");
    let finished =
        try_guest("plain-get", target.url(), "").in_folder(folder.path()).finish().expect_code(0);
    assert!(finished.stdout.contains("seed 9"), "{}", finished.stdout);
}

#[test]
fn an_archive_holds_the_exchange_and_no_secret_unless_it_is_asked_for() {
    let (folder, target) = (folder(), target());
    let file = folder.path().join("x.har");
    let har = |more: &str| {
        let args = format!("--har {} -H x-key:s3cret {more}", file.display());
        try_guest("plain-get", target.url(), &args).finish().expect_code(0);
        std::fs::read_to_string(&file).expect("it was written")
    };
    let sanitised = har("");
    assert!(!sanitised.contains("s3cret"), "{sanitised}");
    let archive: Value = serde_json::from_str(&sanitised).expect("it is JSON");
    assert_eq!(archive.pointer("/log/entries/0/response/status"), Some(&200.into()));
    assert!(har("--har-secrets").contains("s3cret"));
    let rights = std::fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(rights & 0o777, 0o600, "secrets are for the file's owner alone");
}

#[test]
fn an_archive_says_of_a_redirect_that_cannot_be_followed_no_more_than_its_class() {
    let (folder, target) = (folder(), target());
    let file = folder.path().join("x.har");
    let args = format!("--har {} -e PATH=/redirect-to?url=ftp://h/?k=s3cret", file.display());
    let finished = try_guest("redirects", target.url(), &args).finish().expect_code(99);
    assert!(finished.stdout.contains("k=s3cret"), "the terminal has it: {}", finished.stdout);
    let text = std::fs::read_to_string(&file).expect("it was written");
    assert!(!text.contains("s3cret"), "{text}");
    let archive: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(archive.pointer("/log/entries/0/_error"), Some(&"protocol".into()));
}

#[test]
fn a_trace_context_is_sent_where_it_is_asked_for_and_repeats() {
    let target = target();
    let trace = |args: &str| {
        let finished = try_guest("nested", target.url(), args).finish().expect_code(0);
        let of_line = |line: &str| line.trim().strip_prefix("> traceparent: ").map(str::to_owned);
        finished.stdout.lines().filter_map(of_line).collect::<Vec<_>>()
    };
    assert!(trace("--seed 1").is_empty());
    let sent = trace("--seed 1 --iteration 4 --traceparent");
    let [first, second] = &sent[..] else { panic!("two requests: {sent:?}") };
    assert!(first != second && first[..35] == second[..35], "one trace, two spans: {sent:?}");
    assert_eq!(sent, trace("--seed 1 --iteration 4 --traceparent"));
    assert_ne!(sent, trace("--seed 1 --iteration 5 --traceparent"));
}

#[test]
fn nothing_that_a_scenario_says_acts_on_a_terminal() {
    let finished = try_guest("deceives", target().url(), "--scenario shown --user 1").finish();
    for said in [&finished.stdout, &finished.stderr] {
        assert_eq!(swell_core::plain::page(said).to_string(), *said);
        assert!(!said.lines().any(|line| line.starts_with("FORGED")), "{said}");
    }
}

#[test]
fn a_run_names_what_to_look_into_and_the_command_that_repeats_it() {
    let target = target();
    let run = Host::run_guest("says-failed")
        .target(target.url())
        .args("--vus 2 --iterations 40 --seed 5 --traceparent")
        .finish()
        .expect_done();
    let notable = |path: &str| run.json_at(&format!("/measured/by_name/page/notable/{path}"));
    let failures = notable("failures").as_array().expect("a list").clone();
    assert_eq!(failures.len(), 10, "of 20 that failed");
    assert!(failures.iter().all(|row| row["error"] == "the page is odd"), "{failures:?}");
    let of_file: Vec<f64> = failures.iter().filter_map(|row| row["at"].as_f64()).collect();
    assert!(of_file.is_sorted(), "{of_file:?}");
    assert_eq!(notable("slowest").as_array().map(Vec::len), Some(10));
    // The summary stands on stdout beside the JSON's file.
    let command = run
        .stdout
        .lines()
        .skip_while(|line| !line.contains("first failure of page"))
        .find_map(|line| line.trim().strip_prefix("host try "))
        .unwrap_or_else(|| panic!("no command in {}", run.stdout));
    let tried = Host::new("try").args(command).finish().expect_code(99);
    let iteration = &failures[0]["iteration"];
    expect_in_order(
        &tried,
        &[
            &format!("iteration {iteration}, user "),
            "seed 5",
            &format!("> traceparent: 00-{}", failures[0]["trace_id"].as_str().expect("a trace")),
            "✗ page failed in",
            "the page is odd",
        ],
    );
}
