//! Requests that come again and again are said to the host once, and measured as all others are.

use swell_tests::{Host, Target, TargetSettings};

#[test]
fn what_is_sent_again_is_sent_whole_and_counted_as_before() {
    let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
    let finished = Host::run_guest("same-again")
        .target(target.url())
        .args("--vus 2 --iterations 10 --traceparent")
        .finish()
        .expect_done()
        .expect_whole_counts();
    let count = |path: &str| finished.count(&format!("/measured/{path}"));
    assert_eq!(
        (count("iterations/ok"), count("iterations/failed")),
        (10, 0),
        "{}",
        finished.stdout
    );
    for (name, outcome, times) in [
        ("bodies", "ok", 10),
        ("pages", "ok", 10),
        ("redirected", "ok", 10),
        ("wrong", "failed", 30),
    ] {
        assert_eq!(count(&format!("by_name/{name}/{outcome}")), times, "{name}");
    }
    assert_eq!(finished.count("/requests_written"), 10 * (4 + 40 + 3));
    assert_eq!(target.seen().requests, finished.count("/requests_written"));
    assert_eq!(target.seen().path("/echo"), 40);
}
