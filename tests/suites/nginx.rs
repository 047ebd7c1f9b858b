//! The same against a service that is not ours: a real nginx must have counted what the run says it wrote.

use swell_tests::{Finished, Host, Nginx};

fn run(nginx: &Nginx, load: &str) -> Finished {
    let run = Host::run_guest("plain-get").target(nginx.url()).args(load).finish().expect_balanced();
    assert_eq!(run.count("/requests_written"), nginx.requests(), "{}", run.stdout);
    assert_eq!(run.count("/measured/transactions/failed"), 0, "{}", run.stdout);
    let body = "ok".len() as u64;
    assert_eq!(run.count("/measured/requests/body_bytes"), run.count("/measured/requests/ok") * body);
    run
}

#[test]
fn nginx_counts_what_a_closed_run_wrote() {
    let nginx = Nginx::start(None);
    let run = run(&nginx, "--vus 8 --iterations 5000");
    assert_eq!((run.count("/measured/transactions/ok"), nginx.requests()), (5000, 5000));
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
