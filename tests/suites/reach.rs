//! What a scenario asks for beyond load: nothing of it is in force unless whoever runs it has given
//! it, and nothing of it is left out in silence.

use std::path::Path;

use serde_json::json;
use swell_tests::{Finished, Host, Target, TargetSettings, call, free_address, guest, wait_until};
use tempfile::TempDir;

fn target() -> Target {
    Target::start(TargetSettings::default()).expect("loopback has a free port")
}

/// A folder with a file that is nobody's business.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    std::fs::write(folder.path().join("secret.csv"), "secret\nhunter2\n")
        .expect("it can be written");
    folder
}

/// One iteration of a scenario that asks for more.
fn asking(scenario: &str, url: &str, folder: &Path) -> Host {
    let host = Host::run_guest("asks-for-more")
        .args("--vus 1 --iterations 1 --scenario")
        .arg(scenario)
        .in_folder(folder);
    host.arg("-e").arg(format!("url={url}/asked"))
}

/// The command was refused before anything was sent, and said which flags are missing.
#[track_caller]
fn expect_refusal(refused: Finished, flags: &str, target: &Target) {
    let refused = refused.expect_code(104);
    assert!(
        refused.stderr.contains(&format!("help: to give it, add {flags}\n")),
        "{}",
        refused.stderr
    );
    assert_eq!(target.seen().connections, 0, "{}", refused.stderr);
}

#[test]
fn what_a_scenario_asks_for_is_refused_with_the_flags_that_give_it() {
    let (folder, target) = (folder(), target());
    for (scenario, flags) in [
        ("manifest", "--allow-host 127.0.0.1 --allow-host images.example.com:8443"),
        ("host", "--allow-host 127.0.0.1"),
        ("target", "--target http://127.0.0.1:9/"),
        ("file", "--data x=secret.csv"),
        ("trust", "--insecure"),
        ("output", "--out json=stolen.json"),
        ("memory", "--guest-memory 1GiB"),
    ] {
        // The results that the harness asks for are an output that was typed, and overrules that of
        // the scenario.
        let host = Host::new("run")
            .arg(guest("asks-for-more"))
            .args("--vus 1 --iterations 1 --scenario")
            .arg(scenario);
        expect_refusal(host.in_folder(folder.path()).finish(), flags, &target);
    }
    assert!(!folder.path().join("stolen.json").exists());
}

#[test]
fn what_was_typed_is_given_and_told() {
    let (folder, target) = (folder(), target());
    let given = asking("manifest", &target.url(), folder.path())
        .args("--allow-host 127.0.0.1 --allow-host images.example.com");
    let told = given.finish().expect_done().stderr;
    assert!(told.contains("hosts of its manifest: 127.0.0.1, images.example.com:8443"), "{told}");
    assert_eq!(target.seen().path("/asked"), 1);
    let given = asking("file", &target.url(), folder.path())
        .target(target.url())
        .args("--data x=secret.csv");
    given.finish().expect_done();
    assert_eq!(target.seen().path("/asked"), 2);
}

#[test]
fn a_plan_that_was_named_gives_reach_and_the_defaults_in_it_do_not() {
    let (folder, target) = (folder(), target());
    let plan = |more: &str| {
        let file = guest("asks-for-more");
        let run = format!(
            "[run.{{}}]\nfile = {:?}\nvus = 1\niterations = 1\n",
            file.display().to_string()
        );
        let (one, two) = (run.replace("{}", "one"), run.replace("{}", "two"));
        let text = format!(
            "target = {:?}\n{more}\n{one}scenario = \"trust\"\n{two}scenario = \"file\"\n",
            target.url()
        );
        std::fs::write(folder.path().join("plan.toml"), text).expect("it can be written");
        Host::new("run").arg("plan.toml").in_folder(folder.path()).finish()
    };
    expect_refusal(plan(""), "--data x=secret.csv --insecure", &target);
    plan("insecure = true\ndata = { x = \"secret.csv\" }").expect_code(0);
    assert_eq!(target.seen().requests, 2);
}

#[test]
fn a_settings_file_in_the_folder_gives_load_and_the_same_file_by_name_gives_reach() {
    let (folder, target) = (folder(), target());
    let settings = format!("target = {:?}\nvus = 1\niterations = 1\n", target.url());
    std::fs::write(folder.path().join("swell.toml"), settings).expect("it can be written");
    let plain = || Host::run_guest("plain-get").in_folder(folder.path());
    expect_refusal(plain().finish(), &format!("--target {}", target.url()), &target);
    plain().args("--config swell.toml").finish().expect_done();
    plain().target(target.url()).finish().expect_done();
    assert_eq!(target.seen().requests, 2);
}

#[test]
fn one_yes_at_a_terminal_gives_all_that_is_asked_for_and_anything_else_nothing() {
    let (folder, target) = (folder(), target());
    let answer = |words: &str| {
        let host = asking("file", &target.url(), folder.path()).args("--allow-host 127.0.0.1");
        host.by("sh", &["-c", &format!("printf '{words}\\n' | script -qec \"$*\" /dev/null"), "sh"])
            .finish()
    };
    let no = answer("n").expect_code(104);
    assert!(
        no.stdout.contains("--data x=secret.csv   by the defaults of scenario \"file\""),
        "{}",
        no.stdout
    );
    assert_eq!(target.seen().connections, 0);
    answer("y").expect_code(0);
    assert_eq!(target.seen().path("/asked"), 1);
}

#[test]
fn what_conduct_says_stays_within_what_was_typed() {
    let (folder, target) = (folder(), target());
    let all = "--allow-host 127.0.0.1 --allow-host images.example.com:8443 --data x=secret.csv \
    --insecure --guest-memory 1GiB";
    let conducting = |key: &str, value: &str| {
        let host = Host::run_guest("asks-for-more")
            .target(target.url())
            .args(all)
            .in_folder(folder.path());
        host.arg("-e").arg(format!("key={key}")).arg("-e").arg(format!("value={value}")).finish()
    };
    for (key, value) in [
        ("data", "x=/etc/other.csv"),
        ("target", "http://10.0.0.1/"),
        ("allow-host", "10.0.0.1"),
        ("source-ip", "127.0.0.2"),
    ] {
        let refused = conducting(key, value).expect_code(99);
        assert!(
            refused.stderr.contains(&format!("to give it, add --{key} {value}")),
            "{}",
            refused.stderr
        );
    }
    assert_eq!(target.seen().connections, 0);
    conducting("target", &target.url()).expect_done();
    assert_eq!(target.seen().requests, 1);
    // What its scenarios ask for is asked for at once, whichever of them it begins.
    let host =
        Host::new("run").arg(guest("asks-for-more")).target(target.url()).in_folder(folder.path());
    let refused = host.finish().expect_code(104);
    for flag in [
        "--allow-host 127.0.0.1",
        "--data x=secret.csv",
        "--insecure",
        "--guest-memory 1GiB",
        "--out json=stolen.json",
    ] {
        assert!(refused.stderr.contains(flag), "no {flag} in {}", refused.stderr);
    }
}

#[test]
fn a_call_of_the_control_api_stays_within_what_the_command_has() {
    let (folder, target, address) = (folder(), target(), free_address());
    let host = Host::run_guest("plain-get")
        .target(target.url())
        .args(&format!("--tps 5 --control {address}"))
        .in_folder(folder.path());
    let running = host.start();
    wait_until(std::time::Duration::from_secs(20), "the control API", || {
        std::net::TcpStream::connect(address).ok()
    });
    let begin = |more: serde_json::Value| {
        let file = guest("asks-for-more");
        let mut body = json!({ "file": file, "vus": 1, "iterations": 1, "scenario": "nothing" });
        body.as_object_mut()
            .expect("it is one")
            .extend(more.as_object().expect("it is one").clone());
        call(address, "POST", "/v1/runs", &["Content-Type: application/json"], &body.to_string())
    };
    for (more, flags) in [
        (json!({ "scenario": "file" }), "--data x=secret.csv"),
        (
            json!({ "scenario": "manifest" }),
            "--allow-host 127.0.0.1 --allow-host images.example.com:8443",
        ),
        (json!({ "data": ["x=secret.csv"] }), "--data x=secret.csv"),
        (
            json!({ "insecure": true, "target": "http://10.0.0.1" }),
            "--insecure --target http://10.0.0.1",
        ),
    ] {
        let refused = begin(more);
        assert!(
            refused.status == 422 && refused.error().ends_with(&format!("to give it, add {flags}")),
            "{refused:?}"
        );
    }
    assert_eq!(begin(json!({ "target": target.url() })).status, 201);
    running.interrupt();
    running.wait().expect_code(105);
}
