//! Scripts in the manner of k6's own examples, unmodified: what each of them sends is counted, its
//! checks pass, and its thresholds are judged.

use std::path::Path;

use serde_json::Value;
use swell_tests::{Finished, Host, Target, TargetSettings, guest};

/// A script that was run, with what it was to say and what the service has seen.
struct Ran {
    done: Finished,
    target: Target,
}

/// Runs a script of `tests/k6` to its end.
fn ran(name: &str, code: i32) -> Ran {
    let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("k6");
    let host = Host::run_file(&folder.join(name)).arg("--interpreter").arg(guest("javascript"));
    let url = target.url();
    let done = host.target(&url).args(&format!("-e BASE_URL={url}")).finish();
    Ran { done: done.expect_code_or_invalid(code), target }
}

impl Ran {
    /// No iteration failed, and no check.
    #[track_caller]
    fn expect_all_well(self) -> Self {
        assert_eq!(self.done.count("/measured/iterations/failed"), 0, "{}", self.done.stdout);
        for (name, check) in self.done.json_at("/measured/checks").as_object().into_iter().flatten()
        {
            assert_eq!(check["failed"], 0, "{name}");
        }
        for threshold in self.thresholds() {
            assert_eq!(threshold["passed"], true, "{threshold}");
        }
        self
    }

    /// How often the service was asked for each of these paths.
    #[track_caller]
    fn expect_seen(self, paths: &[(&str, u64)]) -> Self {
        let seen = self.target.seen();
        for (path, times) in paths {
            assert_eq!(seen.path(path), *times, "{path}");
        }
        self
    }

    fn thresholds(&self) -> Vec<&Value> {
        self.done.json_at("/thresholds").as_array().into_iter().flatten().collect()
    }

    /// These are judged, in words of the host.
    #[track_caller]
    fn expect_rules(self, rules: &[&str]) -> Self {
        let judged: Vec<_> = self.thresholds().iter().map(|it| it["rule"].to_string()).collect();
        for rule in rules {
            assert!(judged.iter().any(|it| it.contains(rule)), "no {rule:?} in {judged:#?}");
        }
        self
    }
}

#[test]
fn a_first_script_sends_what_it_says() {
    ran("basic-get.js", 0).expect_all_well().expect_seen(&[("/ok", 9)]);
}

#[test]
fn checks_and_groups_are_counted_and_judged_by_their_tags() {
    let ran = ran("checks-and-groups.js", 0).expect_all_well();
    let ran = ran.expect_rules(&[
        "metric[group_duration{group:::visit::items}].mean < 5000",
        "metric[checks{kind:page}] >= 1",
        "checks[is there] > 99%",
    ]);
    for check in ["is there", "has a title", "there are items", "it is JSON"] {
        assert_eq!(ran.done.count(&format!("/measured/checks/{check}/passed")), 6, "{check}");
    }
    ran.expect_seen(&[("/", 6), ("/items", 6)]);
}

#[test]
fn metrics_of_a_scripts_own_are_judged_as_k6_judges_them() {
    let ran = ran("custom-metrics.js", 0).expect_all_well().expect_seen(&[("/orders", 10)]);
    ran.expect_rules(&[
        "metric[orders] >= 10",
        "metric[orders{kind:tea}] > 4",
        "metric[content_size] > 2",
        "metric[bad_orders] < 0.1",
        "metric[waiting_time].p95 < 2000",
        "metric[waiting_time].p50 < 2000",
        "metric[never_seen] < 1",
    ]);
}

#[test]
fn thresholds_with_tags_are_of_the_requests_that_have_them() {
    let ran = ran("thresholds.js", 0).expect_all_well();
    let ran = ran.expect_seen(&[("/", 8), ("/style.css", 8), ("/app.js", 8)]).expect_rules(&[
        "request.p90 < 4000ms",
        "request.p99.9 < 5000ms",
        "request.ok.p50 < 4000ms",
        "metric[http_req_duration{name:front page}].p95 < 4000",
        "metric[http_req_duration{status:200,type:asset}].p95 < 5000",
        "metric[http_reqs{type:asset}] > 15",
        "metric[http_req_waiting].p95 < 4000",
        "request_error_rate < 50% even if few abort after 10000ms",
        "request_rate > 0.1/s",
        "metric[iterations] > 7",
    ]);
    assert!(ran.done.stdout.contains("http_req_duration{type:asset}"), "{}", ran.done.stdout);
}

#[test]
fn a_threshold_that_is_to_abort_ends_the_run() {
    let ran = ran("abort-on-fail.js", 99);
    assert!(ran.done.stderr.contains("request_error_rate < 1%"), "{}", ran.done.stderr);
    assert!(ran.target.seen().path("/status/503") < 2000);
}

#[test]
fn scenarios_run_with_their_executors_functions_and_variables() {
    let ran = ran("scenarios.js", 0).expect_seen(&[("/", 12), ("/orders", 20)]);
    assert!(ran.done.stdout.contains("request.p95 < 4000ms"), "{}", ran.done.stdout);
}

#[test]
fn a_rate_that_ramps_starts_as_many_iterations_as_its_stages_say() {
    // 10 a second for one second, 10 to 30 in the next, and 30 to 0 in the last.
    let ran = ran("ramping-arrival-rate.js", 0).expect_all_well();
    assert_eq!(ran.target.seen().path("/ok"), 45);
}

#[test]
fn users_come_and_go_by_stages_and_each_may_have_its_iterations() {
    let stages = ran("stages.js", 0).expect_all_well();
    // From one user to four, which stay a second, and to nobody: about 85 iterations of 100 ms.
    let seen = stages.target.seen().path("/ok");
    assert!((30..=95).contains(&seen), "{seen} requests");
    let each =
        [("/items/1", 3), ("/items/2", 3), ("/items/3", 3), ("/items/4", 3), ("/items/5", 0)];
    let few = ran("per-vu-iterations.js", 0).expect_seen(&each);
    let seen = few.target.seen().path("/delay/100");
    assert!((8..=22).contains(&seen), "{seen} requests");
}

#[test]
fn what_setup_returns_reaches_all_users_and_teardown() {
    let ran = ran("setup-and-teardown.js", 0).expect_all_well();
    assert_eq!(ran.done.count("/measured/checks/knows me/passed"), 4);
    ran.expect_seen(&[("/login", 1), ("/account", 5)]);
}

#[test]
fn data_of_json_and_csv_is_read_once_and_divided() {
    let ran = ran("shared-data.js", 0).expect_all_well().expect_seen(&[("/login", 2)]);
    assert_eq!(ran.done.count("/measured/checks/logged in/passed"), 2);
}

#[test]
fn cookies_are_received_set_sent_and_cleared() {
    ran("cookies.js", 0).expect_all_well().expect_seen(&[("/cookies", 8), ("/set-cookie", 2)]);
    ran("kept-cookies.js", 0).expect_all_well().expect_seen(&[("/cookies", 3)]);
}

#[test]
fn forms_and_files_are_sent_as_browsers_do() {
    ran("forms-and-files.js", 0).expect_all_well().expect_seen(&[("/echo", 12)]);
}

#[test]
fn pages_are_searched_and_their_forms_and_links_used() {
    let paths = [("/", 2), ("/form", 2), ("/echo", 2), ("/items/2", 2)];
    ran("html-pages.js", 0).expect_all_well().expect_seen(&paths);
}

#[test]
fn hashes_and_codes_are_those_of_the_standards() {
    let ran = ran("crypto.js", 0).expect_all_well().expect_seen(&[("/ok", 2)]);
    assert_eq!(ran.done.count("/measured/checks/hmac/passed"), 2);
}

#[test]
fn a_request_may_say_who_it_is_in_three_ways() {
    ran("authentication.js", 0).expect_all_well().expect_seen(&[("/echo", 4), ("/account", 2)]);
}

#[test]
fn a_script_knows_its_place_and_tags_what_it_records() {
    let ran = ran("execution-info.js", 0).expect_all_well().expect_seen(&[("/ok", 3)]);
    ran.expect_rules(&["metric[http_reqs{step:buy,team:shop}] > 2"]);
}

#[test]
fn a_summary_of_a_scripts_own_stands_in_place_of_the_hosts() {
    let ran = ran("summary.js", 0).expect_all_well().expect_seen(&[("/ok", 2)]);
    let (stdout, stderr) = (&ran.done.stdout, &ran.done.stderr);
    assert!(stdout.contains("http_req_duration") && stdout.contains("p(99)="), "{stdout}");
    assert!(!stdout.contains("closed model"), "{stdout}");
    assert!(stderr.contains("summary.json") && stderr.contains("--summary-dir"), "{stderr}");
}

#[test]
fn promises_and_timers_are_waited_for() {
    let paths = [("/ok", 2), ("/items/1", 2), ("/items/2", 2), ("/items/3", 2)];
    let ran = ran("async.js", 0).expect_all_well().expect_seen(&paths);
    // Two iterations, of 200 ms at least.
    assert!(ran.done.number("/run/measured_seconds") >= 0.4, "{}", ran.done.stdout);
}

#[test]
fn names_statuses_and_batches_are_as_the_script_says() {
    let ran = ran("names-and-statuses.js", 0).expect_all_well();
    for (name, times) in [("item", 4), ("GET ~1items~1${}", 4), ("batch", 8)] {
        assert_eq!(ran.done.count(&format!("/measured/by_name/{name}/ok")), times, "{name}");
    }
    ran.expect_seen(&[("/none", 4), ("/echo", 8), ("/style.css", 8), ("/app.js", 8)]);
}

#[test]
fn an_interface_is_used_from_login_to_deletion() {
    let paths = [("/login", 1), ("/orders", 1), ("/items", 1), ("/items/1", 1), ("/echo", 2)];
    let ran = ran("crud-api.js", 0).expect_all_well();
    let names = ran.done.json_at("/measured/by_name").as_object().expect("names with figures");
    assert!(names.contains_key("01. Create a new order: Create"), "{:?}", names.keys());
    ran.expect_seen(&paths);
}

#[test]
fn rows_are_divided_by_iteration_and_users_by_number() {
    let paths = [("/items/1", 1), ("/items/2", 1), ("/ok", 4)];
    ran("scenario-data.js", 0).expect_seen(&paths);
}

#[test]
fn redirects_are_followed_as_far_as_the_script_says() {
    let paths = [("/redirect/3", 1), ("/redirect/1", 1), ("/redirect-to", 1), ("/ok", 0)];
    ran("redirects.js", 0).expect_all_well().expect_seen(&paths);
}

#[test]
fn tokens_are_signed_and_verified() {
    ran("json-web-token.js", 0).expect_all_well().expect_seen(&[("/echo", 1)]);
}

#[test]
fn what_a_page_holds_is_sent_with_what_follows() {
    let paths = [("/form", 2), ("/echo", 2), ("/items", 2)];
    ran("correlation.js", 0).expect_all_well().expect_seen(&paths);
}

#[test]
fn a_script_may_abort_its_run() {
    let ran = ran("abort.js", 108);
    assert!(ran.done.stdout.contains("the service is away"), "{}", ran.done.stdout);
    assert!(ran.done.stderr.contains("teardown will still be called"), "{}", ran.done.stderr);
    assert!((1..=2).contains(&ran.target.seen().path("/status/503")));
}

#[test]
fn of_a_response_there_is_what_k6_has() {
    let paths = [("/items/1", 2), ("/echo", 2), ("/bytes/100", 4)];
    ran("response-info.js", 0).expect_all_well().expect_seen(&paths);
}

#[test]
fn groups_and_tags_have_thresholds_of_their_own() {
    let ran = ran("group-thresholds.js", 0).expect_all_well().expect_rules(&[
        "metric[group_duration{group:::individualRequests}].mean < 4000",
        "metric[http_req_duration{group:::individualRequests}].max < 5000",
        "metric[GaugeContentSize] > 5",
        "metric[my_timer].p50 >= 0",
    ]);
    ran.expect_seen(&[("/items/1", 6), ("/items/2", 6)]);
}

#[test]
fn a_jar_keeps_to_paths_and_domains() {
    ran("cookie-jar.js", 0).expect_all_well().expect_seen(&[("/cookies", 3), ("/set-cookie", 1)]);
}

#[test]
fn options_that_recorders_write_are_taken() {
    let ran = ran("common-options.js", 0).expect_all_well();
    let seen = ran.target.seen();
    assert!(seen.path("/ok") > 0 && seen.path("/ok") == seen.path("/items/1"));
}

#[test]
fn each_script_here_is_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("k6");
    let mut scripts = 0;
    for file in std::fs::read_dir(folder).expect("the scripts have a folder") {
        let name = file.expect("it can be read").file_name().to_string_lossy().into_owned();
        if name.ends_with(".js") {
            assert!(include_str!("k6_scripts.rs").contains(&format!("ran(\"{name}\"")), "{name}");
            scripts += 1;
        }
    }
    assert!(scripts >= 31, "{scripts} scripts");
}
