//! The same against a service that is not ours: a real nginx must have counted what the run says it
//! wrote.

use std::fs;
use std::path::Path;

use swell_tests::{Finished, Host, Nginx, guest};
use tempfile::TempDir;

fn run(nginx: &Nginx, load: &str) -> Finished {
    let run =
        Host::run_guest("plain-get").target(nginx.url()).args(load).finish().expect_balanced();
    assert_eq!(run.count("/requests_written"), nginx.requests(), "{}", run.stdout);
    assert_eq!(run.count("/measured/transactions/failed"), 0, "{}", run.stdout);
    let body = "ok".len() as u64;
    assert_eq!(
        run.count("/measured/requests/body_bytes"),
        run.count("/measured/requests/ok") * body
    );
    run
}

#[test]
fn nginx_counts_what_a_closed_run_wrote() {
    let nginx = Nginx::start(None);
    let run = run(&nginx, "--vus 8 --iterations 5000");
    assert_eq!((run.count("/measured/transactions/ok"), nginx.requests()), (5000, 5000));
}

#[test]
fn a_url_is_asked_for_exactly_as_often_as_was_said_by_many_users() {
    let nginx = Nginx::start(None);
    let data = TempDir::new().expect("a temporary folder can be made");
    let kept = data.path().join("swell/interpreters");
    fs::create_dir_all(&kept).expect("it can be made");
    fs::copy(guest("steps"), kept.join("steps.wasm")).expect("it can be copied");
    let run = Host::run_file(Path::new(&nginx.url())).env("XDG_DATA_HOME", data.path());
    let run = run.args("-n 20000 --vus 64").finish().expect_balanced();
    assert_eq!(nginx.requests(), 20_000, "{}", run.stdout);
    assert_eq!(run.count("/requests_written"), 20_000, "{}", run.stdout);
    assert_eq!(run.count("/measured/transactions/ok"), 20_000, "{}", run.stdout);
}

#[test]
fn nginx_counts_what_an_open_run_wrote_at_a_thousand_a_second() {
    let nginx = Nginx::start(None);
    let run = run(&nginx, "--tps 1000 --duration 3s");
    let due = run.count("/measured/transactions/started")
        + run.count("/measured/transactions/unsent/users")
        + run.count("/measured/transactions/unsent/host");
    assert_eq!(due, 3000, "{}", run.stdout);
    assert_eq!(run.count("/measured/transactions/ok"), nginx.requests());
}

#[test]
fn nginx_that_says_goodbye_to_each_connection_after_a_few_requests_fails_none() {
    let (nginx, url) = Nginx::saying_goodbye_after(20);
    let run = Host::run_guest("send-all")
        .target(url)
        .args("--insecure --vus 4 --iterations 400")
        .finish()
        .expect_balanced();
    assert_eq!(
        (run.count("/measured/transactions/ok"), run.count("/measured/requests/ok")),
        (400, 1200),
        "{}",
        run.stdout
    );
    // 1200 requests by twenties end in the midst of three that were sent at once; what nginx says
    // it did not process it has not counted.
    let again = run.count("/measured/requests/reconnects");
    assert!(again > 0 && run.count("/measured/requests/connections") >= 60, "{}", run.stdout);
    assert_eq!(run.count("/requests_written") - again, nginx.requests(), "{}", run.stdout);
}
