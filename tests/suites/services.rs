//! Each misbehaviour of a service, and each of its ordinary ways: how the run counts it, and
//! whether its count is the service's own.
//!
//! Four users make 40 iterations. A machine that is busy may make a run INVALID, so no exit code is
//! expected here; the books must agree all the same.

use std::io::Write;
use std::time::Duration;

use serde_json::json;
use swell_tests::{
    Behaviour, CertificateKind, Connections, Finished, Host, Target, TargetSettings, wait_until,
};
use tempfile::NamedTempFile;

const LOAD: &str = "--vus 4 --iterations 40 --allow-all-failed --no-preflight";

fn serving(settings: TargetSettings) -> Target {
    Target::start(settings).expect("loopback has a free port")
}

fn target() -> Target {
    serving(TargetSettings::default())
}

fn behaving(connections: Connections) -> Target {
    serving(TargetSettings {
        behaviour: Behaviour { connections, ..Behaviour::default() },
        ..TargetSettings::default()
    })
}

fn secure(kind: CertificateKind) -> Target {
    serving(TargetSettings { tls: Some(kind), ..TargetSettings::default() })
}

/// The authority behind a target, for `--ca-cert`.
fn authority(target: &Target) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(target.ca_pem().expect("it speaks TLS").as_bytes())
        .expect("the temporary file can be written");
    file
}

fn guest(name: &str, target: &Target) -> Host {
    Host::run_guest(name).target(target.url()).args(LOAD)
}

fn fetch(path: &str, target: &Target) -> Host {
    guest("fetch", target).arg("-e").arg(format!("PATH={path}"))
}

/// Checks that all 40 transactions failed with this class of error and nothing else was seen.
#[track_caller]
fn all_failed(run: &Finished, class: &str) {
    assert_eq!(run.json_at("/measured/requests/errors"), &json!({ class: 40 }));
    assert_eq!(run.json_at("/measured/requests/statuses"), &json!({}));
    assert_eq!(
        run.json_at("/measured/by_name/fetch/failures"),
        &json!({ format!("request: {class}"): 40 })
    );
    assert_eq!(
        (run.count("/measured/transactions/ok"), run.count("/measured/transactions/failed")),
        (0, 40)
    );
}

/// Checks that all 40 transactions went well, in requests with these statuses.
#[track_caller]
fn all_went_well(run: &Finished, statuses: serde_json::Value) {
    assert_eq!(run.json_at("/measured/requests/statuses"), &statuses);
    assert_eq!(run.json_at("/measured/requests/errors"), &json!({}));
    assert_eq!(
        (run.count("/measured/transactions/ok"), run.count("/measured/transactions/failed")),
        (40, 0)
    );
}

#[test]
fn a_service_that_is_down_refuses_every_connection() {
    // The port of tcpmux, which nobody has served for decades.
    let run = Host::run_guest("fetch")
        .target("http://127.0.0.1:1")
        .args("-e PATH=/ok")
        .args(LOAD)
        .finish()
        .expect_balanced();
    all_failed(&run, "connect");
    assert_eq!(
        (run.count("/requests_written"), run.count("/measured/requests/connections")),
        (0, 0)
    );
}

#[test]
fn connections_that_are_reset_at_once_are_the_services_failure() {
    let target = behaving(Connections::Reset);
    let run = fetch("/ok", &target).finish().expect_balanced();
    // The reset may come before the connection is seen to be open, or after a request was handed
    // over that nobody will read: in which class it falls, and whether the request counts as
    // written, is a race of the kernel's.
    let errors = run.json_at("/measured/requests/errors").as_object().expect("it is a map");
    let of = |class: &str| errors.get(class).and_then(serde_json::Value::as_u64).unwrap_or(0);
    assert_eq!(of("reset") + of("connect"), 40, "{errors:?}");
    assert_eq!(run.count("/measured/transactions/failed"), 40);
    // An idempotent request is sent anew only on a connection that had served before, which none of
    // these has.
    assert_eq!((target.seen().connections, target.seen().requests), (40, 0));
    assert!(run.count("/requests_written") <= 40);
}

#[test]
fn a_body_that_breaks_off_is_a_reset() {
    let target = target();
    let run = fetch("/reset-mid-body", &target).finish().expect_agreement(&target.seen());
    all_failed(&run, "reset");
    assert_eq!(target.seen().requests, 40);
    let half_a_body = 32 * 1024;
    assert_eq!(run.count("/measured/requests/body_bytes"), 40 * half_a_body);
}

#[test]
fn an_answer_that_is_no_http_is_a_fault_of_protocol() {
    let target = target();
    let run = fetch("/malformed", &target).finish().expect_agreement(&target.seen());
    all_failed(&run, "protocol");
}

#[test]
fn a_head_that_does_not_come_in_time_is_a_timeout_of_waiting() {
    let target = target();
    let run = fetch("/delay/60000", &target)
        .args("--timeout 300ms")
        .finish()
        .expect_agreement(&target.seen());
    all_failed(&run, "timeout_waiting");
    assert_eq!((target.seen().requests, target.seen().answers), (40, 0));
}

#[test]
fn a_silent_service_is_a_timeout_of_waiting() {
    let target = behaving(Connections::Silent);
    let run = fetch("/ok", &target).args("--timeout 300ms").finish().expect_balanced();
    all_failed(&run, "timeout_waiting");
    // It reads bytes and not requests: what was written is known on our side alone.
    assert_eq!(
        (run.count("/requests_written"), target.seen().connections, target.seen().requests),
        (40, 40, 0)
    );
}

#[test]
fn a_handshake_that_is_never_answered_takes_no_longer_than_a_connection_may() {
    let settings = TargetSettings { tls: Some(CertificateKind::Good), ..TargetSettings::default() };
    let target = serving(TargetSettings {
        behaviour: Behaviour { connections: Connections::Silent, ..Behaviour::default() },
        ..settings
    });
    let run = Host::run_guest("fetch")
        .target(target.url())
        .args("-e PATH=/ok --vus 4 --iterations 4 --connect-timeout 300ms");
    let run = run.finish().expect_agreement(&target.seen());
    assert_eq!(run.json_at("/measured/requests/errors"), &json!({ "timeout_tls": 4 }));
    assert!(run.number("/measured/requests/service_ms/max") < 5000.0, "{}", run.stdout);
}

#[test]
fn a_body_of_one_byte_a_second_is_cut_by_the_requests_own_timeout() {
    let target = target();
    let run = guest("impatient", &target)
        .args("-e PATH=/slow-body")
        .finish()
        .expect_agreement(&target.seen());
    all_failed(&run, "timeout_receiving");
    assert!(run.number("/measured/requests/service_ms/min") >= 300.0, "{}", run.stdout);
}

#[test]
fn a_body_without_an_end_is_interrupted_when_the_grace_is_over() {
    for path in ["/infinite", "/slow-body"] {
        let target = target();
        let run = Host::run_guest("fetch")
            .target(target.url())
            .args("--vus 4 --duration 300ms --grace 200ms -e")
            .arg(format!("PATH={path}"));
        let run = run.finish().expect_code_or_invalid(99).expect_agreement(&target.seen());
        assert!(
            run.stderr.contains("none of 4 transactions ended: all were cut off"),
            "{path}: {}",
            run.stderr
        );
        assert_eq!(
            (
                run.count("/measured/transactions/started"),
                run.count("/measured/transactions/interrupted")
            ),
            (4, 4),
            "{path}"
        );
        assert_eq!(
            (run.count("/measured/requests/interrupted"), target.seen().requests),
            (4, 4),
            "{path}"
        );
        let [response, request] = ["transactions/response_ms", "requests/service_ms"]
            .map(|times| run.json_at(&format!("/measured/{times}")));
        for times in [response, request] {
            assert_eq!(
                (times["count"].as_u64(), &times["at_least"]["max"]),
                (Some(4), &json!(true)),
                "{path}: {times:#}"
            );
            assert!(
                times["min"].as_f64().is_some_and(|age| age >= 200.0),
                "{path}: it was cut when the grace was over: {times:#}"
            );
        }
    }
}

#[test]
fn a_service_that_stops_to_answer_half_way_has_no_good_figures() {
    let target = target();
    let rules = [
        "response.p95 < 200ms",
        "service[fetch].p99 < 200ms",
        "error_rate < 1%",
        "interrupted < 1%",
        "response.p5 < 1h",
    ];
    let run = Host::run_guest("fetch")
        .target(target.url())
        .args("--tps 100 --duration 4s --grace 300ms --max-vus 400 -e PATH=/ok");
    let run = rules.iter().fold(run, |run, rule| run.arg("--threshold").arg(rule)).start();
    wait_until(Duration::from_secs(20), "a part of the run", || {
        (target.seen().requests >= 120).then_some(())
    });
    target.behave(Behaviour::constant(3_600_000.0)).expect("it is a behaviour");
    let run = run.wait().expect_code_or_invalid(99).expect_agreement(&target.seen());
    let at = |path: &str| run.json_at(&format!("/measured{path}"));
    let (hung, all) = (
        run.count("/measured/transactions/interrupted"),
        run.count("/measured/transactions/started"),
    );
    assert!(hung * 3 > all, "{hung} of {all} hung");
    let passed: Vec<bool> = run
        .json_at("/thresholds")
        .as_array()
        .expect("it is a list")
        .iter()
        .map(|rule| rule["passed"] == true)
        .collect();
    assert_eq!(passed, [false, false, false, false, true], "{:#}", run.json_at("/thresholds"));
    for times in [
        "/transactions/response_ms",
        "/transactions/service_ms",
        "/by_name/fetch/service_ms",
        "/requests/service_ms",
    ] {
        let bounds = json!({ "mean": true, "p95": true, "max": true });
        let told = &at(times)["at_least"];
        assert!(
            bounds.as_object().expect("it is a map").keys().all(|key| told[key] == true)
                && told["min"].is_null(),
            "{times}: {told:#}"
        );
        assert!(
            at(times)["p95"].as_f64().is_some_and(|ms| ms >= 300.0),
            "{times}: {:#}",
            at(times)
        );
    }
    // Of 100 a second a third hung for a second and more, which is more than ever were under way
    // before.
    assert!(run.number("/measured/transactions/concurrency") > 20.0, "{}", run.stdout);
    let lines: Vec<&str> = run.stdout.lines().filter(|line| !line.is_empty()).collect();
    let said = lines
        .iter()
        .position(|line| line.contains(&format!("{hung} of {all} transactions")))
        .expect("the summary says so");
    let verdict = ["VALID", "SUSPECT", "INVALID"];
    assert!(
        lines[..said].iter().all(|line| !verdict.iter().any(|stamp| line.contains(stamp))),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("≥ "), "{}", run.stdout);
}

#[test]
fn a_name_that_does_not_exist_is_a_fault_of_names() {
    let run = Host::run_guest("fetch")
        .target("http://does-not-exist.invalid")
        .args("-e PATH=/ok")
        .args(LOAD)
        .finish()
        .expect_balanced();
    all_failed(&run, "dns");
    assert_eq!(
        (run.count("/requests_written"), run.count("/measured/requests/connections")),
        (0, 0)
    );
}

#[test]
fn a_bad_certificate_fails_every_request_before_it_is_sent() {
    for (kind, reason) in [
        (CertificateKind::Expired, "has expired"),
        (CertificateKind::WrongName, "not valid for localhost"),
        (CertificateKind::SelfSigned, "not trusted"),
    ] {
        let target = secure(kind);
        let authority = authority(&target);
        let run = fetch("/ok", &target)
            .arg("--ca-cert")
            .arg(authority.path())
            .finish()
            .expect_agreement(&target.seen());
        all_failed(&run, "tls");
        assert_eq!(target.seen().requests, 0, "{kind:?}");
        assert!(
            run.stdout.contains(reason),
            "{kind:?} is not explained by {reason:?}:\n{}",
            run.stdout
        );

        let trusting =
            fetch("/ok", &target).args("--insecure").finish().expect_agreement(&target.seen());
        all_went_well(&trusting, json!({ "200": 40 }));
    }
}

#[test]
fn a_good_certificate_is_accepted_from_an_authority_that_was_named_and_from_no_other() {
    let target = secure(CertificateKind::Good);
    let stranger = fetch("/ok", &target).finish().expect_agreement(&target.seen());
    all_failed(&stranger, "tls");
    assert_eq!(target.seen().requests, 0);

    let authority = authority(&target);
    let run = fetch("/ok", &target)
        .arg("--ca-cert")
        .arg(authority.path())
        .finish()
        .expect_agreement(&target.seen());
    all_went_well(&run, json!({ "200": 40 }));
}

#[test]
fn http2_carries_parallel_requests_on_one_connection_of_each_user() {
    let plain = target();
    let run = guest("send-all", &plain).finish().expect_agreement(&plain.seen());
    all_went_well(&run, json!({ "200": 120 }));
    // A user that came when all was done has opened none.
    let (connections, users) = (plain.seen().connections, run.count("/users/created"));
    let whole = connections % 3 == 0 && (1..=users).contains(&(connections / 3));
    assert!(whole, "over HTTP/1.1 {connections} of {users} users");

    let secure = secure(CertificateKind::Good);
    let run =
        guest("send-all", &secure).args("--insecure").finish().expect_agreement(&secure.seen());
    all_went_well(&run, json!({ "200": 120 }));
    let (connections, users) = (secure.seen().connections, run.count("/users/created"));
    assert!((1..=users).contains(&connections), "over HTTP/2 {connections} of {users} users");
}

#[test]
fn a_status_from_500_fails_its_transaction_by_number() {
    let target = target();
    for status in [500, 503] {
        target.reset();
        let run =
            fetch(&format!("/status/{status}"), &target).finish().expect_agreement(&target.seen());
        assert_eq!(run.json_at("/measured/requests/statuses"), &json!({ status.to_string(): 40 }));
        assert_eq!(
            run.json_at("/measured/by_name/fetch/failures"),
            &json!({ format!("status {status}"): 40 })
        );
        assert_eq!(run.count("/measured/transactions/failed"), 40);
        assert_eq!(target.seen().status(status), 40);
    }
}

#[test]
fn a_404_is_a_failure_only_where_it_was_not_expected() {
    let target = target();
    let run = guest("expects-404", &target).finish().expect_agreement(&target.seen());
    assert_eq!(run.json_at("/measured/requests/statuses"), &json!({ "404": 80 }));
    assert_eq!(
        (
            run.count("/measured/by_name/expected/ok"),
            run.count("/measured/by_name/expected/failed")
        ),
        (40, 0)
    );
    assert_eq!(
        (
            run.count("/measured/by_name/unexpected/ok"),
            run.count("/measured/by_name/unexpected/failed")
        ),
        (0, 40)
    );
}

#[test]
fn each_hop_of_a_redirect_is_a_request_written() {
    let target = target();
    let run = guest("redirects", &target)
        .args("-e PATH=/redirect/3")
        .finish()
        .expect_agreement(&target.seen());
    all_went_well(&run, json!({ "200": 40 }));
    assert_eq!(run.count("/requests_written"), 160);
}

#[test]
fn a_redirect_beyond_the_most_that_are_followed_is_a_fault_of_protocol() {
    let target = target();
    let run = guest("redirects", &target)
        .args("-e PATH=/redirect/4")
        .finish()
        .expect_agreement(&target.seen());
    assert_eq!(run.json_at("/measured/requests/errors"), &json!({ "protocol": 40 }));
    assert_eq!(run.count("/requests_written"), 160);
}

#[test]
fn a_redirect_that_is_not_followed_is_an_answer() {
    let target = target();
    let run = fetch("/redirect/3", &target).finish().expect_agreement(&target.seen());
    all_went_well(&run, json!({ "302": 40 }));
}

#[test]
fn cookies_live_for_one_iteration() {
    let target = target();
    let run = guest("cookies", &target).finish().expect_agreement(&target.seen());
    assert_eq!(run.json_at("/measured/requests/statuses"), &json!({ "200": 80, "401": 40 }));
    assert_eq!(
        (run.count("/measured/transactions/ok"), run.count("/measured/transactions/failed")),
        (120, 0)
    );
}

#[test]
fn a_body_is_kept_whole_or_refused_as_too_large() {
    let target = target();
    let thresholds = "--threshold body_bytes>1 --threshold connections>0";
    let run = guest("kept-body", &target).args(thresholds).finish();
    let run = run.expect_agreement(&target.seen());
    all_went_well(&run, json!({ "200": 40 }));
    assert_eq!(run.count("/measured/requests/body_bytes"), 40_000);

    target.reset();
    let run =
        guest("kept-body", &target).args("-e LIMIT=999").finish().expect_agreement(&target.seen());
    assert_eq!(run.json_at("/measured/requests/errors"), &json!({ "too_large": 40 }));
}

#[test]
fn a_posted_body_arrives_whole() {
    let target = target();
    let run = guest("post-json", &target).finish().expect_agreement(&target.seen());
    all_went_well(&run, json!({ "201": 40 }));
    assert_eq!(target.seen().body_bytes, 40 * r#"{"items":[1,2,3]}"#.len() as u64);
}

#[test]
fn connections_are_a_users_own_and_kept_unless_the_service_or_the_plan_says_otherwise() {
    let target = target();
    for (path, flags, connections) in
        [("/ok", "", 4), ("/close", "", 40), ("/ok", "--fresh iteration", 40)]
    {
        target.reset();
        let run = fetch(path, &target).args(flags).finish().expect_agreement(&target.seen());
        all_went_well(&run, json!({ "200": 40 }));
        // A user may find all iterations taken before it begins its first.
        let seen = target.seen().connections;
        assert!(
            seen == connections || connections == 4 && seen < 4,
            "{path} {flags}: {seen} connections"
        );
        assert_eq!(run.count("/measured/requests/connections"), seen, "{path} {flags}");
    }
}

#[test]
fn a_host_that_is_not_allowed_never_hears_of_the_run() {
    let (target, other) = (target(), target());
    let url = format!("{}/ok", other.url());
    let direct = fetch(&url, &target).finish().expect_agreement(&target.seen());
    all_failed(&direct, "denied");
    let flag = format!("--allow-host {}", other.addr());
    assert_eq!(direct.stderr.matches(&flag).count(), 1, "told once: {}", direct.stderr);
    assert_eq!((target.seen().connections, other.seen().connections), (0, 0));

    let literal = guest("denied-host", &target).finish().expect_agreement(&target.seen());
    assert_eq!(
        literal.json_at("/measured/by_name/elsewhere/failures"),
        &json!({ "request: denied": 40 })
    );
    assert_eq!(
        literal.count("/measured/iterations/ok"),
        40,
        "the scenario is told that it was denied"
    );

    let redirected = guest("redirects", &target)
        .arg("-e")
        .arg(format!("PATH=/redirect-to?url={url}"))
        .finish()
        .expect_agreement(&target.seen());
    assert_eq!(redirected.json_at("/measured/requests/errors"), &json!({ "denied": 40 }));
    assert_eq!((target.seen().requests, other.seen().connections), (40, 0));

    let host = other.addr().to_string();
    let allowed = fetch(&url, &target)
        .arg("--allow-host")
        .arg(&host)
        .finish()
        .expect_agreement(&other.seen());
    all_went_well(&allowed, json!({ "200": 40 }));
    assert_eq!(target.seen().requests, 40, "only those of before");
}
