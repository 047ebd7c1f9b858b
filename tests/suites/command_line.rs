//! What may be typed, what is refused and with which words, and that what was asked for is what is
//! driven.

use std::path::Path;
use std::time::Duration;

use swell_tests::{Behaviour, Finished, Host, Target, TargetSettings, guest};
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

/// A `host run` of plain-get with these arguments, one word each where no quotes are needed.
fn plain(target: &Target, args: &[&str]) -> Host {
    args.iter().fold(Host::new("run").arg(guest("plain-get")).target(target.url()), |host, arg| {
        host.arg(arg)
    })
}

/// Refuses with 104, in words that contain all of these.
#[track_caller]
fn expect_refusal(host: Host, words: &[&str]) {
    let refused = host.finish().expect_code(104);
    for word in words {
        assert!(refused.stderr.contains(word), "no {word:?} in: {}", refused.stderr);
    }
    let said = refused.stderr.lines().find(|line| !line.starts_with("note: ")).unwrap_or_default();
    assert!(
        said.starts_with("error: ") && !refused.stderr.contains("panicked"),
        "{}",
        refused.stderr
    );
    assert_eq!(refused.stdout, "");
}

/// Each of these arguments, split at spaces, is refused with 104 and all of its words, and nothing
/// is sent.
#[track_caller]
fn expect_refusals(cases: &[(&str, &[&str])]) {
    let target = target();
    for (args, words) in cases {
        let args: Vec<&str> = args.split_whitespace().collect();
        expect_refusal(plain(&target, &args), words);
    }
    assert_eq!(target.seen().connections, 0);
}

/// A run of plain-get to its end.
fn run(target: &Target, args: &str) -> Finished {
    Host::run_guest("plain-get")
        .target(target.url())
        .args(args)
        .finish()
        .expect_done()
        .expect_whole_counts()
}

/// Slots that a part of the run had: those that began, and those that are said not to have.
fn slots(finished: &Finished, part: &str) -> u64 {
    let count = |what: &str| finished.count(&format!("/{part}/transactions/{what}"));
    count("started") + count("unsent/users") + count("unsent/host")
}

#[test]
fn every_command_explains_itself() {
    for (command, words) in [
        (
            "run",
            &[
                "--tps",
                "--rate",
                "--vus",
                "--stage",
                "--shape",
                "--burst",
                "--target",
                "--threshold",
                "--out",
                "--data",
                "--seed",
            ][..],
        ),
        ("check", &["<FILE>"]),
        ("new", &["--template", "--from", "[NAME]"]),
        ("build", &["--output", "--lean"]),
        ("node", &["--listen", "--coordinator", "--token", "--weight", "--cluster", "--control"]),
        ("runs", &["--coordinator", "--token"]),
        ("attach", &["[NAME]", "--coordinator", "--token", "--out"]),
        ("stop", &["[NAME]", "--coordinator", "--token"]),
        ("token", &["--new-cluster", "--address", "--expires", "--uses"]),
        ("k8s", &["--hosts", "--image", "--cpu", "--memory"]),
        ("merge", &["<JOURNALS>"]),
    ] {
        for flag in ["-h", "--help"] {
            let help = Host::new(command).arg(flag).finish().expect_code(0);
            assert!(words.iter().all(|word| help.stdout.contains(word)), "{}", help.stdout);
            assert_eq!(help.stderr, "");
        }
    }
    let commands = Host::new("--help").finish().expect_code(0).stdout;
    assert!(
        ["run", "check", "new", "build"].iter().all(|command| commands.contains(command)),
        "{commands}"
    );
    assert!(
        !commands.contains("compile-child"),
        "how the host calls itself is not for people: {commands}"
    );
    assert_eq!(
        Host::new("--version").finish().expect_code(0).stdout,
        concat!("host ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn what_is_misspelt_gets_a_suggestion() {
    expect_refusals(&[
        ("--tsp 5", &["'--tsp'", "similar argument exists: '--tps'"]),
        ("--vsu 5", &["'--vsu'", "similar argument exists: '--vus'"]),
        ("--durration 3s --vus 1", &["'--durration'", "similar argument exists: '--duration'"]),
        ("--thresholds x --vus 1", &["'--thresholds'", "similar argument exists: '--threshold'"]),
        ("--arrivals possion --tps 5", &["--arrivals", "possion", "poisson"]),
        ("--threshold respnse.p95<3ms --vus 1", &["respnse", "did you mean \"response\""]),
        ("--threshold response.p59x<3ms --vus 1", &["p59x", "p95"]),
    ]);
    expect_refusal(Host::new("rnu").arg("x.wasm"), &["'rnu'", "similar subcommand exists: 'run'"]);
}

#[test]
fn what_contradicts_itself_is_refused_with_both_sides_and_a_cure() {
    expect_refusals(&[
        ("--tps 5 --rate 3", &["tps 5", "rate 3", "pace either"]),
        ("--vus 3 --max-vus 5", &["vus 3", "max-vus 5", "give one of them"]),
        ("--max-vus 5", &["max-vus 5", "no rate", "give tps or rate"]),
        ("--vus 3 --stage 1s:10", &["vus 3", "stage 1s:10", "leave vus out"]),
        ("--tps 3 --iterations-per-vu 2", &["iterations-per-vu 2", "tps 3", "leave one of them"]),
        ("--vus 3 -n 9 --iterations-per-vu 2", &["iterations-per-vu 2", "iterations 9", "one of"]),
        ("--iterations-per-vu 2", &["iterations-per-vu 2", "no vus", "say with vus"]),
        ("--vus-stage 1s:9 --tps 5", &["vus-stage 1s:9", "tps 5", "leave one of them out"]),
        ("--vus-stage 1s:9 --vus 5", &["vus-stage 1s:9", "vus 5", "0s:20"]),
        ("--vus-stage 1s:9 --warmup 1s", &["vus-stage 1s:9", "warmup 1s", "0s:20"]),
        ("--vus-stage 1s:9 --error-rate 1%", &["vus-stage 1s:9", "error-rate 1%", "leave one"]),
        ("--shape 5+t", &["shape 5+t", "no duration", "give duration"]),
        (
            "--shape 5+t --duration 9s --tps 3",
            &["shape 5+t", "tps 3.00/s", "leave one of them out"],
        ),
        ("--shape 5+t --duration 9s --vus 3", &["shape 5+t", "vus 3", "max-vus"]),
        ("--shape 5+t --duration 9s --warmup auto", &["warmup auto:1m", "shape 5+t", "as 30s"]),
        (
            "--burst 5/1s --shape 5 --duration 9s",
            &["shape 5", "burst 5/1s", "leave one of them out"],
        ),
        ("--vus-shape 5", &["vus-shape 5", "no duration", "give duration"]),
        ("--vus-shape 5 --duration 9s --vus 5", &["vus-shape 5", "vus 5", "leave the other out"]),
        (
            "--vus-shape 5 --duration 9s --tps 5",
            &["vus-shape 5", "tps 5.00/s", "leave one of them"],
        ),
        ("--burst 5/1s --rate 3", &["burst 5/1s", "rate 3.00/s", "max-vus"]),
        ("--burst 5/1s --arrivals poisson", &["burst 5/1s", "arrivals poisson", "arrivals out"]),
        ("--vus 3 --max-lag 1s", &["vus 3", "max-lag 1s", "leave max-lag out"]),
        ("--vus 3 --coalesce 1ms", &["vus 3", "coalesce 1ms", "leave coalesce out"]),
        ("--tps 3 --coalesce 11ms", &["coalesce 11ms", "at most 10ms"]),
        ("--vus 3 --arrivals poisson", &["vus 3", "arrivals poisson", "leave arrivals out"]),
        ("--stage 1s:10 --warmup 1s", &["warmup 1s", "stage 1s:10", "at which rate to begin"]),
        (
            "--stage 5s:100 --duration 1s",
            &["duration 1s", "stages of 5s", "leave the duration out"],
        ),
        ("--vus 1 --cert cert.pem", &["--cert", "--key"]),
        ("--vus 1 --vus 2", &["--vus", "multiple times"]),
        ("--rate 5 --latency p95=1s", &["rate 5", "latency p95=1s", "give tps"]),
        (
            "--stage 1s:10 --error-rate 1%",
            &["stage 1s:10", "error-rate 1%", "leave one of them out"],
        ),
        ("--vus 3 --error-rate 1%", &["vus 3", "error-rate 1%", "max-vus"]),
        ("--tps 5 --start-tps 3", &["start-tps 3", "no objective"]),
        ("--tps 5 --start-tps 30 --latency p95=1s", &["start-tps 30", "tps 5", "lower start-tps"]),
        ("", &["nothing says how much load", "tps", "vus", "latency"]),
        ("--tps 5 --hosts 3", &["--hosts 3", "--listen", "--coordinator"]),
        ("--tps 5 --listen 127.0.0.1:0", &["--hosts"]),
        (
            "--tps 5 --listen 127.0.0.1:0 --hosts 2 --coordinator 127.0.0.1:1",
            &["--listen", "--coordinator", "cannot be used"],
        ),
    ]);
}

#[test]
fn numbers_that_make_no_sense_are_refused_with_their_limits() {
    expect_refusals(&[
        ("--tps 0", &["--tps", "\"0\"", "more than zero"]),
        ("--tps 99999999999", &["--tps", "99999999999", "at most 10,000,000/s"]),
        ("--tps 1e99", &["--tps", "1e99", "write it like"]),
        ("--tps NaN", &["--tps", "NaN", "write it like"]),
        ("--tps inf", &["--tps", "inf", "write it like"]),
        ("--tps -5", &["--tps", "-5", "write it like"]),
        ("--rate -1", &["--rate", "-1", "write it like"]),
        ("--rate 5/parsec", &["--rate", "5/parsec", "write it like"]),
        ("--vus 0", &["vus 0", "1 to 1,000,000"]),
        ("--vus 2000000", &["vus 2,000,000", "1 to 1,000,000"]),
        ("--vus 99999999999", &["--vus", "99999999999"]),
        ("--vus -1", &["--vus", "-1"]),
        ("--vus many", &["--vus", "many", "number"]),
        ("--tps 5 --max-vus 0", &["max-vus 0", "1 to 1,000,000"]),
        ("--vus 1 --iterations 0", &["iterations 0", "at least 1"]),
        ("--vus 1 --iterations-per-vu 0", &["iterations-per-vu 0", "at least 1"]),
        ("--tps 5 --duration 0s", &["duration 0s", "a length"]),
        ("--tps 5 --duration 30", &["--duration", "\"30\"", "\"30s\""]),
        ("--tps 5 --duration 5parsecs", &["--duration", "5parsecs", "write it like"]),
        ("--tps 5 --duration -1s", &["--duration", "-1s", "write it like"]),
        ("--tps 5 --duration 400d", &["--duration", "400d", "365d"]),
        ("--latency p0=1s", &["--latency", "p0", "above 0 and below 100"]),
        ("--latency p100=1s", &["--latency", "p100", "above 0 and below 100"]),
        ("--latency p95=0ms", &["--latency", "a time above zero"]),
        ("--latency p95=200", &["--latency", "\"200\"", "\"200ms\""]),
        ("--latency 200ms", &["--latency", "p95=200ms"]),
        ("--error-rate 0%", &["--error-rate", "above 0% and below 100%"]),
        ("--error-rate 100%", &["--error-rate", "above 0% and below 100%"]),
        ("--error-rate 3", &["--error-rate", "\"3%\""]),
        ("--latency p95=1s --start-tps 0", &["--start-tps", "\"0\"", "more than zero"]),
        ("--stage 5", &["--stage", "\"5\"", "30s:1000"]),
        ("--stage 1s:x", &["--stage", "1s:x", "write it like"]),
        ("--stage 1:10", &["--stage", "1:10", "\"1s\""]),
        ("--stage 0s:10", &["stage 0s", "at least one stage a duration"]),
        ("--stage 1s:0", &["stage 0/s", "at least one stage a rate"]),
        ("--vus-stage 5", &["--vus-stage", "\"5\"", "30s:50"]),
        ("--vus-stage 1s:5/s", &["--vus-stage", "1s:5/s", "whole number"]),
        ("--vus-stage 0s:10", &["vus-stage 0s", "at least one stage a duration"]),
        ("--vus-stage 1s:0", &["vus-stage 0", "from 1 to 1,000,000"]),
        (
            "--shape 5*sim(t) --duration 1s",
            &["--shape", "did you mean \"sin\"?\n    5*sim(t)\n      ^^^"],
        ),
        ("--shape 5-t --duration 9s", &["shape 5-t", "below zero from t = 5 on", "max(0, ...)"]),
        ("--shape sqrt(5-t) --duration 9s", &["shape sqrt(5-t)", "no number from t = 5 on"]),
        ("--shape t/0 --duration 9s", &["shape t/0", "above 10,000,000 from t = 0 on"]),
        ("--shape 0 --duration 9s", &["shape 0", "zero all the time"]),
        ("--burst 5", &["--burst", "\"5\"", "like \"500/10s\""]),
        ("--burst 5/10", &["--burst", "5/10", "\"10s\""]),
        ("--burst 0/10s", &["--burst", "0/10s", "from 1 start on"]),
        ("--vus 1 --guest-memory 1", &["--guest-memory 1", "64KiB to 4GiB"]),
        ("--vus 1 --guest-memory 5GiB", &["--guest-memory", "64KiB to 4GiB"]),
        ("--vus 1 --guest-memory 5PiB", &["--guest-memory", "5PiB", "write it like"]),
        ("--vus 1 --guest-cpu 1ms", &["--guest-cpu 1ms", "at least 2ms"]),
        ("--vus 1 --seed x", &["--seed", "x", "number"]),
    ]);
}

#[test]
fn thresholds_that_mean_nothing_are_refused() {
    expect_refusals(&[
        (
            "--vus 1 --threshold response.p95",
            &["response.p95", "compares nothing", "response.p95 < 200ms"],
        ),
        ("--vus 1 --threshold response.p95<3", &["--threshold", "response.p95<3", "\"3s\""]),
        ("--vus 1 --threshold response<3ms", &["--threshold", "response<3ms", "p95"]),
        ("--vus 1 --threshold error_rate<500%", &["error_rate<500%", "from 0 to 100%"]),
        ("--vus 1 --threshold error_rate<5", &["error_rate<5", "\"5%\""]),
        ("--vus 1 --threshold metric>5", &["metric>5", "metric[rows]"]),
        ("--vus 1 --threshold unsent[page]<5%", &["unsent[page]<5%", "takes no name"]),
    ]);
}

#[test]
fn places_that_are_none_are_refused() {
    let folder = folder();
    let no_pem = folder.path().join("no.pem");
    write(&no_pem, "this is a letter, not a certificate\n");
    let no_pem = no_pem.to_str().expect("a temporary folder's name is text");
    expect_refusals(&[
        ("--vus 1 --scenario checkout", &["checkout", "plain_get"]),
        (
            "--vus 1 --data rows=/missing/rows.csv",
            &["\"rows\"", "/missing/rows.csv", "No such file"],
        ),
        ("--vus 1 --data rows", &["--data", "rows", "'='"]),
        ("--vus 1 --data rows=/etc/hostname", &["\"rows\"", "/etc/hostname", ".csv", ".jsonl"]),
        ("--vus 1 --config /missing/swell.toml", &["/missing/swell.toml", "No such file"]),
        ("--vus 1 --out xml=results", &["--out xml=results", "json=FILE"]),
        ("--vus 1 --out json=", &["--out json=", "a file is needed"]),
        (
            "--vus 1 --out json=- --out jsonl=-",
            &["--out jsonl=-", "stdout is taken by --out json=-"],
        ),
        (
            "--vus 1 --record /tmp/same.swell --out jsonl=/tmp/same.swell",
            &["--record /tmp/same.swell", "where --out jsonl=/tmp/same.swell writes"],
        ),
        ("--vus 1 --ca-cert /missing/ca.pem", &["--ca-cert", "/missing/ca.pem", "No such file"]),
        (&format!("--vus 1 --ca-cert {no_pem}"), &["--ca-cert", no_pem, "no certificate"]),
        (&format!("--vus 1 --cert {no_pem} --key {no_pem}"), &["--cert", no_pem]),
        ("--vus 1 --header nonsense", &["--header", "nonsense", "':'"]),
        ("--vus 1 --header b@d:x", &["--header", "b@d", "no header name"]),
        ("--vus 1 --env =x", &["--env", "=x", "a name"]),
        ("--vus 1 --allow-host http://x/y", &["http://x/y", "write \"x\""]),
        ("--vus 1 --allow-host *.example.com", &["*.example.com", "name each host"]),
        ("--vus 1 --timeout 0", &["--timeout", "more than zero"]),
        ("--vus 1 --connect-timeout 0s", &["--connect-timeout", "more than zero"]),
        ("--vus 1 --source-ip here", &["--source-ip", "here"]),
        // A documentation address (RFC 5737), which no machine has.
        ("--vus 1 --control 6565", &["--control", "127.0.0.1:6565"]),
        ("--vus 1 --prometheus :9464", &["--prometheus", "0.0.0.0:9464"]),
        ("--vus 1 --source-ip eth0", &["--source-ip", "as 10.0.0.7"]),
        ("--vus 1 http://127.0.0.1:1/", &["--target http://127.0.0.1:1/"]),
        ("--vus 1 --source-ip 192.0.2.77", &["192.0.2.77", "cannot be used"]),
        ("--vus 1 --fresh never", &["--fresh", "never", "iteration"]),
    ]);
}

#[test]
fn a_target_that_is_none_is_refused() {
    expect_refusal(
        Host::new("run").arg("http://127.0.0.1:1/").args("--vus 1"),
        &["no scenario file", "--target http://127.0.0.1:1/"],
    );
    for (url, words) in [
        ("//shop.test", &["target \"//shop.test\"", "names no host", "help: write it like"][..]),
        ("mailto:me", &["target", "mailto:me", "http://"][..]),
        ("ftp://127.0.0.1", &["target", "ftp://127.0.0.1", "http"]),
        ("http://", &["target", "http://", "host"]),
        ("http://127.0.0.1:99999", &["target", "99999", "port"]),
    ] {
        expect_refusal(
            Host::new("run").arg(guest("plain-get")).target(url).args("--vus 1 --iterations 1"),
            words,
        );
    }
}

#[test]
fn a_file_of_settings_with_a_fault_is_refused_by_name() {
    let (folder, target) = (folder(), target());
    let settings = folder.path().join("swell.toml");
    for (text, words) in [
        ("duratoin = '1s'\n", &["swell.toml", "`duratoin`", "did you mean `duration`"][..]),
        ("tsp = 5\n", &["swell.toml", "`tsp`", "did you mean `tps`"]),
        ("tps = 'fast'\n", &["swell.toml", "fast", "write it like"]),
        ("tps = 5\nrate = 3\n", &["tps 5", "rate 3", "pace either"]),
        ("tps = = 5\n", &["swell.toml", "TOML"]),
        ("duration = 30\n", &["swell.toml", "\"30s\""]),
        ("tps = [[1]]\n", &["swell.toml", "`tps`", "neither a text nor a number"]),
    ] {
        write(&settings, text);
        expect_refusal(plain(&target, &[]).in_folder(folder.path()), words);
    }
    assert_eq!(target.seen().connections, 0);
}

#[test]
fn flags_win_over_the_file_and_the_file_over_the_scenario() {
    let (folder, target) = (folder(), target());
    // The scenario's own defaults: 20 transactions a second for two seconds.
    let browse = |args: &str| {
        let host = Host::run_guest("two-scenarios").target(target.url()).args(
            "--scenario browse --allow-host images.example.com --allow-host api.example.com:8443",
        );
        let host = host.args(args).in_folder(folder.path());
        let finished = host.finish().expect_done();
        (finished.json_at("/run/asked_per_second").as_f64(), slots(&finished, "measured"))
    };
    assert_eq!(browse("--duration 100ms"), (Some(20.0), 2));
    write(&folder.path().join("swell.toml"), "tps = 30\nduration = '100ms'\n");
    assert_eq!(browse(""), (Some(30.0), 3));
    assert_eq!(browse("--tps 40 --duration 200ms"), (Some(40.0), 8));
    // Another kind of load replaces the load below it, and nothing else.
    assert_eq!(browse("--vus 1").0, None);
    write(&folder.path().join("other.toml"), "tps = 50\nduration = '100ms'\n");
    assert_eq!(browse("--config other.toml"), (Some(50.0), 5));
}

#[test]
fn check_says_what_a_file_is() {
    let file = guest("two-scenarios");
    let checked = Host::new("check").arg(&file).finish().expect_code(0);
    for line in [
        &format!("{}", file.display()),
        "kind       core module with component type (wasm32-unknown-unknown)",
        "contract   swell:scenario@0.1.1",
        "swell:scenario/transactions@0.1.1",
        "swell:scenario/http@0.1.1",
        "may reach  the run's --target",
        "scenario browse\n  Looks at the front page.\n",
        "default    --tps 20\n",
        "default    --duration 2s\n",
        "wants      images.example.com\n",
        "wants      api.example.com:8443\n",
        "scenario buy things\n  Orders something, and then some more.\n",
        "default    --vus 2\n",
        "default    --stage 2s:20\n",
    ] {
        assert!(checked.stdout.contains(line), "no {line:?} in {}", checked.stdout);
    }
    assert_eq!(checked.stderr, "");

    let hooks = Host::new("check").arg(guest("setup-and-teardown")).finish().expect_code(0);
    assert!(hooks.stdout.contains("hooks      setup and teardown"), "{}", hooks.stdout);
    let wasi = Host::new("check").arg(guest("plain-get-wasip1")).finish().expect_code(0);
    assert!(
        wasi.stdout.contains("core module using WASI 0.1 (wasm32-wasip1)")
            && wasi.stdout.contains("of WASI: clocks"),
        "{}",
        wasi.stdout
    );
}

/// Runs as many iterations as this, and no other.
#[track_caller]
fn expect_iterations(load: &str, iterations: u64) -> Finished {
    let target = target();
    let run = Host::run_guest("plain-get")
        .target(target.url())
        .args(&format!("{load} --iterations {iterations}"));
    let finished =
        run.deadline(Duration::from_secs(20)).finish().expect_done().expect_whole_counts();
    for what in ["iterations", "transactions"] {
        let count = |which: &str| finished.count(&format!("/measured/{what}/{which}"));
        assert_eq!((count("started"), count("ok")), (iterations, iterations), "{what} with {load}");
    }
    assert_eq!(
        (finished.count("/requests_written"), target.seen().requests),
        (iterations, iterations),
        "{load}"
    );
    finished
}

#[test]
fn as_many_iterations_are_run_as_were_asked_for() {
    for load in ["--vus 1", "--vus 2", "--vus 3", "--vus 7 --tps 400", "--tps 400"] {
        for iterations in [1, 2, 50] {
            expect_iterations(load, iterations);
        }
    }
}

#[test]
fn as_many_paced_iterations_are_run_as_were_asked_for() {
    for load in ["--rate 400", "--vus 2 --rate 400"] {
        for iterations in [1, 2, 50] {
            expect_iterations(load, iterations);
        }
    }
}

#[test]
fn starts_after_the_last_iteration_are_not_missed() {
    for _ in 0..10 {
        let finished = expect_iterations("--tps 400", 1);
        assert_eq!(
            slots(&finished, "measured"),
            1,
            "{:#}",
            finished.json_at("/measured/transactions/unsent")
        );
    }
}

#[test]
fn a_rate_has_as_many_starts_as_it_says() {
    for (load, starts) in [
        ("--tps 100 --duration 1s", 100),
        ("--tps 600/m --duration 1s", 10),
        ("--rate 100 --duration 1s", 100),
        ("--vus 3 --tps 100 --duration 1s", 100),
        ("--vus 3 --rate 100 --duration 1s", 100),
        ("--stage 1s:100", 50),
        ("--tps 100 --stage 500ms:100 --stage 500ms:0", 75),
        ("--rate 50 --stage 1s:50", 50),
        ("--shape 100+100*step(t-0.5) --duration 1s", 150),
        ("--shape 200*tri((t-0.5)*2) --duration 1s --max-vus 50", 100),
        ("--burst 40/500ms --duration 1s", 80),
        ("--burst 30/600ms --duration 1s --warmup 100ms", 60),
    ] {
        let target = target();
        let finished = run(&target, load);
        let slots = slots(&finished, "measured");
        assert!(
            slots.abs_diff(starts)
                <= u64::from(load.contains("--stage") || load.contains("--shape")),
            "{slots} starts with {load}"
        );
        assert_eq!(
            finished.count("/measured/transactions/started"),
            target.seen().requests,
            "{load}"
        );
        let users = finished.count("/users/created");
        assert!(!load.contains("--vus") || users == 3, "{users} users with {load}");
    }
}

#[test]
fn a_shape_is_told_as_its_formula_and_may_stand_in_a_file() {
    let (target, folder) = (target(), folder());
    let file = folder.path().join("shape.toml");
    write(&file, "shape = \"10 + 40*rect(t - 0.5)\"\nduration = \"2s\"\n");
    let finished = run(&target, &format!("--config {}", file.display()));
    let model = finished.json_at("/run/model").as_str().unwrap_or_default().to_owned();
    let told = "open model, 10 + 40*rect(t - 0.5) (10.0/s to 50.0/s) transactions, at most ";
    assert!(model.starts_with(told), "{model}");
    assert!(slots(&finished, "measured").abs_diff(60) <= 1);
    let users = run(&target, "--vus-shape 2+3*step(t-0.5) --duration 1s");
    assert_eq!(users.json_at("/run/model"), "closed model, 2+3*step(t-0.5) (2 to 5) users");
    assert_eq!((users.count("/users/created"), users.count("/users/most_at_once")), (5, 5));
    let bursts = run(&target, "--burst 5/1s --duration 500ms");
    let model = bursts.json_at("/run/model").as_str().unwrap_or_default();
    assert!(model.starts_with("open model, 5 transactions at once each 1s, at most "), "{model}");
    expect_refusal(
        Host::new("find")
            .arg(guest("plain-get"))
            .target(target.url())
            .args("--shape 5 --latency p95=1s"),
        &["shape 5", "latency p95=1s", "leave one of them out"],
    );
}

#[test]
fn random_arrivals_follow_from_the_seed() {
    let target = target();
    let slots = |seed: u32| {
        slots(
            &run(&target, &format!("--tps 200 --duration 1s --arrivals poisson --seed {seed}")),
            "measured",
        )
    };
    let first = slots(1);
    assert_eq!(first, slots(1));
    // Five standard deviations of a Poisson count of 200.
    assert!((129..=271).contains(&first), "{first} starts");
}

#[test]
fn the_closed_model_keeps_its_users_busy_for_the_duration() {
    let target = Target::start(TargetSettings {
        behaviour: Behaviour::constant(50.0),
        ..TargetSettings::default()
    })
    .expect("loopback has a free port");
    let finished = run(&target, "--vus 5 --duration 500ms");
    assert_eq!((finished.count("/users/created"), finished.count("/users/most_at_once")), (5, 5));
    let started = finished.count("/measured/transactions/started");
    assert!((5..=50).contains(&started), "{started} of at most ten each");
    assert_eq!(finished.count("/measured/transactions/ok"), started);
    assert!(finished.took > Duration::from_millis(500));
}

#[test]
fn warm_up_is_counted_apart() {
    let target = target();
    let finished = run(&target, "--tps 100 --warmup 500ms --duration 500ms");
    assert_eq!((slots(&finished, "warm_up"), slots(&finished, "measured")), (50, 50));
    assert_eq!(
        (finished.number("/run/warm_up_seconds"), finished.number("/run/measured_seconds")),
        (0.5, 0.5)
    );
    let [warm_up, measured] = ["warm_up", "measured"]
        .map(|part| finished.count(&format!("/{part}/transactions/started")));
    assert_eq!(
        (finished.count("/requests_written"), target.seen().requests),
        (warm_up + measured, warm_up + measured)
    );
    assert_eq!(finished.count("/measured/transactions/response_ms/count"), measured);
    assert!(finished.stdout.contains("excluded from everything above"), "{}", finished.stdout);
}

#[test]
fn too_few_users_leave_starts_unsent_and_say_so() {
    let target = Target::start(TargetSettings {
        behaviour: Behaviour::constant(200.0),
        ..TargetSettings::default()
    })
    .expect("loopback has a free port");
    let finished = run(&target, "--tps 100 --max-vus 2 --max-lag 100ms --duration 1s");
    assert_eq!(slots(&finished, "measured"), 100);
    assert!(
        finished.count("/measured/transactions/unsent/users") > 50,
        "{:#}",
        finished.json_at("/measured/transactions/unsent")
    );
    assert_eq!(finished.count("/users/created"), 2);
    assert!(finished.stdout.contains("for want of a free user"), "{}", finished.stdout);
}

/// A run with one threshold: its end, and whether the threshold passed.
fn judged(guest: &str, rule: &str) -> (Finished, bool) {
    let target = target();
    let run = Host::run_guest(guest)
        .target(target.url())
        .args("--vus 1 --iterations 40 --threshold")
        .arg(rule);
    let finished = run.finish();
    let passed = finished.json_at("/thresholds/0/passed").as_bool().expect("it passed or not");
    assert_eq!(finished.json_at("/thresholds/0/rule").as_str(), Some(rule));
    (finished, passed)
}

#[test]
fn a_threshold_that_holds_passes() {
    for rule in
        ["error_rate < 1%", "response.p50 < 10s", "service[page].max < 60s", "throughput > 0.1/s"]
    {
        let (finished, passed) = judged("plain-get", rule);
        assert!(passed, "{rule}: {:#}", finished.json_at("/thresholds"));
        finished.expect_done();
    }
}

#[test]
fn a_threshold_that_does_not_hold_ends_with_99() {
    for rule in ["error_rate < 1%", "error_rate[page] <= 49%", "goodput > 1000000/s"] {
        let (finished, passed) = judged("says-failed", rule);
        assert!(!passed, "{rule}");
        let finished = finished.expect_code_or_invalid(99);
        assert!(finished.stdout.contains(&format!("FAILED {rule}")), "{}", finished.stdout);
    }
}

#[test]
fn a_threshold_without_data_fails() {
    for (rule, words) in [
        ("checks > 50%", "nothing was checked"),
        ("response[pgae].p50 < 1s", "page"),
        ("response.p99.9 < 1s", "needs"),
        ("response.failed.max < 1s", "no samples"),
    ] {
        let (finished, passed) = judged("plain-get", rule);
        let found = finished.json_at("/thresholds/0/found").as_str().expect("a text");
        assert!(
            !passed && found.starts_with("no data") && found.contains(words),
            "{rule}: {found}"
        );
        finished.expect_code_or_invalid(99);
    }
}
