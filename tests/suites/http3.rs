//! HTTP/3 against a foreign service, the library `aioquic` of Python: what the host counts is what
//! the service has counted, on good days and bad ones.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use swell_tests::{Finished, Host, PythonHttp3, guest, wait_until};
use tempfile::TempDir;

/// A folder of data with the interpreter of steps.
fn data() -> TempDir {
    let data = TempDir::new().expect("a temporary folder can be made");
    let kept = data.path().join("swell/interpreters");
    std::fs::create_dir_all(&kept).expect("it can be made");
    std::fs::copy(guest("steps"), kept.join("steps.wasm")).expect("it can be copied");
    data
}

/// A run of one URL over HTTP/3.
fn asks(service: &PythonHttp3, path: &str, load: &str) -> Finished {
    let data = data();
    Host::run_file(Path::new(&service.url(path)))
        .env("XDG_DATA_HOME", data.path())
        .args("--http-version 3 --no-preflight --allow-all-failed --ca-cert")
        .arg(service.certificate())
        .args(load)
        .finish()
}

#[test]
fn what_is_counted_is_what_a_foreign_service_has_counted() {
    let Some(mut service) = PythonHttp3::start() else { return };
    let run = asks(&service, "/1000", "--vus 4 --iterations 400").expect_done();
    let seen = service.counts();
    assert_eq!((seen.requests, seen.connections), (400, 4));
    assert_eq!(seen.statuses.get("200"), Some(&400));
    assert_eq!(run.count("/requests_written"), 400);
    assert_eq!(run.count("/measured/requests/ok"), 400);
    assert_eq!(run.count("/measured/requests/body_bytes"), 400_000);
    assert_eq!(run.count("/measured/requests/connections"), 4);
    let phase = |name: &str| run.count(&format!("/measured/requests/phases_ms/{name}/count"));
    assert_eq!((phase("connecting"), phase("tls"), phase("waiting")), (4, 0, 400));
    // Each user has closed its connection before the host ended, and the service tells that when it
    // has waited for what might still come.
    wait_until(Duration::from_secs(10), "the ends of four connections", || {
        (service.counts().closed.get("0x100") == Some(&4)).then_some(())
    });
}

#[test]
fn bodies_arrive_whole_both_ways() {
    let Some(mut service) = PythonHttp3::start() else { return };
    let body = "b".repeat(50_000);
    let data = data();
    let run = Host::run_file(Path::new(&service.url("/300000")))
        .env("XDG_DATA_HOME", data.path())
        .args("--http-version 3 --vus 2 --iterations 20 --ca-cert")
        .arg(service.certificate())
        .args("--method POST --body")
        .arg(body)
        .finish()
        .expect_done();
    let seen = service.counts();
    assert_eq!((seen.bytes, seen.methods.get("POST")), (1_000_000, Some(&20)));
    assert_eq!(run.count("/measured/requests/body_bytes"), 6_000_000);
}

#[test]
fn streams_that_are_reset_are_counted_each_and_the_run_goes_on() {
    let Some(mut service) = PythonHttp3::start() else { return };
    let run = asks(&service, "/reset", "--vus 4 --iterations 200");
    let seen = service.counts();
    assert_eq!((seen.requests, seen.resets), (200, 40));
    assert_eq!(run.count("/measured/requests/ok"), 160);
    assert_eq!(run.json_at("/measured/requests/errors"), &json!({ "reset": 40 }));
    assert_eq!(run.count("/requests_written"), 200);
    assert_eq!((seen.connections, run.count("/measured/requests/connections")), (4, 4));
}

#[test]
fn connections_that_end_or_say_goodbye_are_followed_by_others() {
    let Some(mut service) = PythonHttp3::start() else { return };
    let ended = asks(&service, "/end", "--vus 2 --iterations 100");
    let seen = service.counts();
    assert_eq!(seen.requests, 100);
    assert_eq!(ended.count("/measured/requests/ok"), 100 - seen.lost);
    assert_eq!(ended.json_at("/measured/requests/errors"), &json!({ "reset": seen.lost }));
    assert_eq!(ended.count("/measured/requests/connections"), seen.connections);
    let before = seen;
    let goodbye = asks(&service, "/goodbye", "--vus 2 --iterations 100").expect_done();
    let seen = service.counts();
    assert_eq!(goodbye.count("/measured/requests/ok"), 100);
    assert_eq!(seen.statuses["200"] - before.statuses["200"], 100);
    let connections = seen.connections - before.connections;
    assert_eq!(goodbye.count("/measured/requests/connections"), connections);
    assert!((9..=12).contains(&connections), "{connections}");
    assert_eq!(goodbye.count("/requests_written"), seen.requests - before.requests);
}

#[test]
fn where_http3_cannot_be_spoken_the_run_says_what_helps() {
    let data = data();
    let refused = |url: &str, flags: &str| {
        let host = Host::new("run").arg(url).args("--http-version 3 --iterations 1 --vus 1");
        host.env("XDG_DATA_HOME", data.path()).args(flags).finish().expect_code(104).stderr
    };
    let plain = refused("http://127.0.0.1:9/", "");
    assert!(plain.contains("https://"), "{plain}");
    for (flags, flag) in [
        ("--proxy http://127.0.0.1:3128", "--proxy excludes"),
        ("--unix-socket /run/x.sock", "--unix-socket excludes"),
        ("--tls-max 1.2", "--tls-max 1.2 excludes"),
    ] {
        let said = refused("https://127.0.0.1:9/", flags);
        assert!(said.contains(flag), "{said}");
    }
}
