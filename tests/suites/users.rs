//! Loads that say how many users there are, and what each of them makes.

use swell_tests::{Behaviour, Finished, Host, Target, TargetSettings, guest};

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
fn plans_and_files_of_steps_say_it_by_the_same_names() {
    let target = target(5.0);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file can be written");
        path
    };
    std::fs::copy(guest("plain-get"), folder.path().join("page.wasm")).expect("it can be copied");
    let plan = write(
        "plan.toml",
        "[run.each]\nfile = 'page.wasm'\nvus = 2\niterations-per-vu = 3\n\
         [run.ramp]\nfile = 'page.wasm'\nvus-stage = ['500ms:4', '500ms:0']\n",
    );
    let finished = Host::run_file(&plan).target(target.url()).finish().expect_done();
    assert_eq!(finished.count("/runs/each/measured/iterations/ok"), 6);
    assert_eq!(finished.json_at("/runs/ramp/run/model"), "closed model, 0 to 4 to 0 users");
    assert!(finished.count("/runs/ramp/measured/iterations/ok") > 0);
    let steps =
        write("shop.toml", "[settings]\nvus = 2\niterations-per-vu = 4\n[[step]]\nget = '/'\n");
    let run = |args: &str| {
        let host = Host::run_file(&steps).arg("--interpreter").arg(guest("steps"));
        host.target(target.url()).args(args).finish().expect_done()
    };
    assert_eq!(run("").count("/measured/iterations/ok"), 8);
    // What is typed comes before the file, in whichever way it says how many there are.
    assert_eq!(run("--vus 3").count("/measured/iterations/ok"), 12);
    assert_eq!(run("-n 5").count("/measured/iterations/ok"), 5);
    let staged = run("--vus-stage 0s:2 --vus-stage 300ms:2");
    assert_eq!(staged.json_at("/run/model"), "closed model, 2 to 2 users");
}

#[test]
fn a_search_takes_neither() {
    for (args, words) in [
        ("--vus-stage 1s:5", ["vus-stage 1s:5", "latency p95=1s"]),
        ("--vus 2 --iterations-per-vu 5", ["iterations-per-vu 5", "hold 30s"]),
    ] {
        let search = Host::new("find").arg(guest("plain-get")).target("http://127.0.0.1:9");
        let refused = search.args("--latency p95=1s").args(args).finish().expect_code(104);
        for word in words {
            assert!(refused.stderr.contains(word), "no {word:?} in: {}", refused.stderr);
        }
    }
}

/// When each point of the run's series ends, in seconds, and how many users were there then.
fn users_over_time(finished: &Finished) -> Vec<(f64, f64)> {
    let points = finished.json_at("/series").as_array().expect("a run has a series");
    points.iter().filter_map(|it| it["until"].as_f64().zip(it["users"].as_f64())).collect()
}

#[test]
fn users_come_and_go_by_stages_and_all_end_their_iterations() {
    let target = target(20.0);
    let stages = "--vus-stage 2s:10 --vus-stage 2s:10 --vus-stage 2s:2";
    let finished = run("start-stop", &target, stages);
    let count = |path: &str| finished.count(path);
    let iterations =
        ["started", "ok", "interrupted"].map(|of| count(&format!("/measured/iterations/{of}")));
    assert_eq!((iterations[0], iterations[2]), (iterations[1], 0), "nobody was cut off");
    assert_eq!((count("/users/created"), count("/users/most_at_once")), (10, 10));
    assert_eq!(target.seen().path("/login"), 10);
    assert_eq!(metric(&finished, "stopped")["sum"].as_f64(), Some(10.0), "each has logged out");
    let users = users_over_time(&finished);
    assert!(users.iter().filter(|(until, _)| *until < 6.0).count() >= 4, "{users:?}");
    for &(until, there) in users.iter().filter(|(until, _)| *until < 6.0) {
        let line = (5.0 * until).min(10.0).min(10.0 - 4.0 * (until - 4.0));
        // One is about to come, or ends its iteration; a busy machine is late by some more.
        assert!((line - 2.0..=line + 2.0).contains(&there), "{there} at {until} s: {users:?}");
    }
    assert_eq!(finished.json_at("/run/model"), "closed model, 0 to 10 to 10 to 2 users");
    assert!(finished.took.as_secs() >= 6, "{:?}", finished.took);
}

#[test]
fn stages_may_begin_with_users_who_warm_the_service_up() {
    let target = target(10.0);
    let stages = "--vus-stage 0s:3 --vus-stage 1s:3 --warmup 500ms";
    let finished = run("plain-get", &target, stages);
    assert_eq!((finished.count("/users/created"), finished.count("/users/most_at_once")), (3, 3));
    assert!(finished.count("/warm_up/iterations/ok") > 0);
    assert_eq!(finished.json_at("/run/model"), "closed model, 3 to 3 users");
}

#[test]
fn a_duration_ends_users_that_have_not_made_all() {
    let target = target(100.0);
    let finished = run("plain-get", &target, "--vus 2 --iterations-per-vu 1000 -d 500ms");
    let made = finished.count("/measured/iterations/ok");
    assert!((2..=12).contains(&made) && target.seen().requests == made, "{made} iterations");
}

/// Each user makes five iterations and says that it has seen enough.
fn stopped(target: &Target, args: &str) -> Finished {
    run("stop-user", target, args).expect_whole_counts()
}

#[test]
fn users_that_end_by_themselves_are_not_replaced_where_their_number_is_fixed() {
    for load in [
        "--vus 3 -d 60s",
        "--vus 3 --iterations 1000",
        "--vus 3 --iterations-per-vu 80",
        "--vus 3 --tps 300 -d 60s",
        "--vus 3 --rate 300 -d 60s",
        "--vus-stage 0s:3 --vus-stage 60s:3",
    ] {
        let target = target(1.0);
        let finished = stopped(&target, load);
        let count = |path: &str| finished.count(path);
        let iterations = ["started", "ok"].map(|of| count(&format!("/measured/iterations/{of}")));
        assert_eq!((iterations, target.seen().requests), ([15, 15], 15), "{load}");
        assert_eq!((count("/users/created"), count("/users/stopped")), (3, 3), "{load}");
        assert_eq!(count("/users/stop_reasons/has seen enough"), 3, "{load}");
        assert_eq!(metric(&finished, "stopped")["sum"].as_f64(), Some(3.0), "{load}");
        assert!(finished.took.as_secs() < 30, "{load} went on for {:?}", finished.took);
        let words = "no user is left: 3 users ended by stop-user";
        assert!(finished.stderr.contains(words), "{load}: {}", finished.stderr);
        let words = "3 created, 0 trapped, 3 ended by themselves";
        assert!(finished.stdout.contains(words), "{load}: {}", finished.stdout);
    }
}

#[test]
fn the_others_go_on_when_a_user_has_ended_by_itself() {
    // Who has its own iterations makes those: the fifth is the last of them either way.
    let finished = stopped(&target(1.0), "--vus 3 --iterations-per-vu 4");
    assert_eq!(finished.count("/measured/iterations/ok"), 12);
    assert_eq!(finished.count("/users/stopped"), 0);
    // Those who are left make what is left.
    let finished = stopped(&target(1.0), "--vus 2 --iterations 7");
    assert_eq!(finished.count("/measured/iterations/ok"), 7);
    assert_eq!(finished.count("/users/created"), 2);
    let staged = stopped(
        &target(1.0),
        "--vus-stage 0s:1 --vus-stage 200ms:1 --vus-stage 0s:3 \
                                        --vus-stage 60s:3",
    );
    // One place is empty when the two others come.
    assert_eq!(staged.count("/measured/iterations/ok"), 15);
    assert!(staged.took.as_secs() < 30, "{:?}", staged.took);
}

#[test]
fn where_a_rate_is_asked_for_others_come_for_users_that_ended_by_themselves() {
    for load in ["--tps 200 -d 2s", "--rate 200 -d 2s"] {
        let target = target(1.0);
        let finished = stopped(&target, load);
        assert_eq!(finished.count("/measured/transactions/ok"), 400, "{load}");
        assert_eq!(target.seen().requests, 400, "{load}");
        let (created, stopped) =
            (finished.count("/users/created"), finished.count("/users/stopped"));
        assert!(stopped >= 60 && created >= stopped && created < 200, "{created}, {stopped}");
        assert!(!finished.stderr.contains("no user is left"), "{}", finished.stderr);
    }
}

#[test]
fn a_user_that_does_not_want_to_begin_makes_no_iteration_and_calls_its_stop() {
    let target = target(1.0);
    let of_users = |load: &str| {
        let finished = Host::run_guest("stop-user").target(target.url());
        finished.args("-e IN=start").args(load).finish().expect_code_or_invalid(0)
    };
    let closed = of_users("--vus 3 -d 60s");
    assert_eq!(closed.count("/users/stop_reasons/does not want to begin"), 3);
    assert_eq!(closed.count("/measured/iterations/started"), 0);
    assert!(closed.took.as_secs() < 30, "{:?}", closed.took);
    // Others come in their places, and not as fast as the machine can.
    let open = of_users("--tps 100 -d 2s");
    let created = open.count("/users/created");
    assert!((2..200).contains(&created), "{created} users in two seconds");
}

#[test]
fn where_there_is_no_user_none_can_be_ended() {
    let target = target(1.0);
    let run = |place: &str| {
        let host = Host::run_guest("stop-user").target(target.url()).arg("-e");
        host.arg(format!("IN={place}")).args("--vus 2").finish()
    };
    let refused = run("setup").expect_code(107);
    let words = "called `stop-user`, and in `setup`, `teardown` and `conduct` there is no user";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    // Who ends already ends no sooner.
    let ended = run("stop").expect_done();
    assert_eq!(ended.count("/users/stop_reasons/has seen enough"), 2);
}

#[test]
fn a_single_user_that_is_tried_says_that_it_would_end() {
    let target = target(1.0);
    let tried = Host::new("try").arg(guest("stop-user")).target(target.url());
    let tried = tried.args("-e IN=start").finish().expect_code(0);
    let words = "in a run the user ends here, by stop-user: does not want to begin";
    assert!(tried.stderr.contains(words), "{}", tried.stderr);
}
