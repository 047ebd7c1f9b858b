//! Loads that say how many users there are, and what each of them makes.

use swell_tests::{Behaviour, Finished, Host, Target, TargetSettings};

/// A service that answers in so many milliseconds.
fn target(milliseconds: f64) -> Target {
    let behaviour = Behaviour::constant(milliseconds);
    Target::start(TargetSettings { behaviour, ..TargetSettings::default() })
        .expect("loopback has a free port")
}

fn run(guest: &str, target: &Target, args: &str) -> Finished {
    Host::run_guest(guest).target(target.url()).args(args).finish().expect_done()
}

/// The values of a metric of the scenario's own.
fn metric<'a>(finished: &'a Finished, name: &str) -> &'a serde_json::Value {
    let metrics = finished.json_at("/measured/metrics").as_array().expect("a list of series");
    let series = metrics.iter().find(|series| series["metric"] == name);
    &series.unwrap_or_else(|| panic!("no {name} in {metrics:#?}"))["values"]
}

#[test]
fn each_user_makes_its_own_iterations_and_the_run_ends_with_them() {
    let target = target(2.0);
    let finished = run("start-stop", &target, "--vus 3 --iterations-per-vu 7");
    assert_eq!(finished.count("/measured/iterations/ok"), 21);
    assert_eq!((target.seen().path("/"), target.seen().path("/login")), (21, 3));
    assert_eq!(finished.count("/users/created"), 3);
    let each = metric(&finished, "iterations of a user");
    assert_eq!((each["min"].as_f64(), each["max"].as_f64()), (Some(7.0), Some(7.0)), "{each}");
    assert_eq!(finished.json_at("/run/model"), "closed model, 3 users, 7 iterations each");
}

#[test]
fn who_comes_in_the_place_of_a_user_that_trapped_makes_the_rest() {
    let target = target(1.0);
    let finished = run("traps-one-in-100", &target, "--vus 5 --iterations-per-vu 80");
    let count = |which: &str| finished.count(&format!("/measured/iterations/{which}"));
    assert_eq!((count("ok"), count("failed"), target.seen().requests), (396, 4, 400));
    // Nobody comes in the place of a user that trapped in the last iteration that it was to make.
    let created = finished.count("/users/created");
    assert!((7..=8).contains(&created), "{created} users");
    assert_eq!(finished.count("/users/most_at_once"), 5);
}

#[test]
fn a_duration_ends_users_that_have_not_made_all() {
    let target = target(100.0);
    let finished = run("plain-get", &target, "--vus 2 --iterations-per-vu 1000 -d 500ms");
    let made = finished.count("/measured/iterations/ok");
    assert!((2..=12).contains(&made) && target.seen().requests == made, "{made} iterations");
}
