//! Several runs of one command: a plan's, and those that a file conducts itself.

use std::path::Path;
use std::time::Duration;

use swell_tests::{Finished, Host, Target, TargetSettings, guest, wait_until};

fn target() -> Target {
    Target::start(TargetSettings::default()).expect("loopback has a free port")
}

/// A plan in a folder of its own, in which `GUEST` stands for the guest that gets a page.
fn run_plan(target: &Target, text: &str, flags: &str) -> Finished {
    start_plan(target, text, flags).finish()
}

fn start_plan(target: &Target, text: &str, flags: &str) -> Host {
    let folder = tempfile::tempdir().expect("a temporary folder can be made").keep();
    let file = folder.join("plan.toml");
    std::fs::copy(guest("plain-get"), folder.join("page.wasm")).expect("a guest can be copied");
    std::fs::write(&file, text).expect("a plan can be written");
    Host::run_file(&file).target(target.url()).args(flags)
}

#[test]
fn runs_of_a_plan_begin_and_end_when_it_says_and_are_told_apart_and_together() {
    let target = target();
    let plan = r#"
        max-vus = 50
        [run.background]
        file = "page.wasm"
        tps = 100
        until = "second"
        [run.first]
        file = "page.wasm"
        tps = 50
        duration = "1s"
        start-after = "200ms"
        [run.second]
        file = "page.wasm"
        tps = 20
        duration = "1s"
        after = "first"
    "#;
    let run = run_plan(&target, plan, "").expect_done();
    assert_eq!(run.json_at("/schema"), "swell.runs/1");
    let began = |name: &str| run.number(&format!("/runs/{name}/run/began_at"));
    let started = |name: &str| run.count(&format!("/runs/{name}/measured/transactions/started"));
    assert!(
        began("first") - began("background") >= 0.15,
        "{} {}",
        began("first"),
        began("background")
    );
    assert!(began("second") - began("first") >= 1.0);
    // What a busy machine did not start was due all the same.
    let due = |name: &str| {
        started(name)
            + ["users", "generator"]
                .map(|who| run.count(&format!("/runs/{name}/measured/transactions/unsent/{who}")))
                .iter()
                .sum::<u64>()
    };
    assert_eq!((due("first"), due("second")), (50, 20));
    assert!(
        due("background") >= 210,
        "it lasted until the second had ended: {}",
        started("background")
    );
    let all = started("background") + started("first") + started("second");
    assert_eq!((run.count("/total/transactions/started"), target.seen().requests), (all, all));
    assert!(
        run.stdout.contains("== background") && run.stdout.contains("== all 3 runs"),
        "{}",
        run.stdout
    );
    assert!(
        run.json_at("/runs/first/run/model")
            .as_str()
            .is_some_and(|model| model.ends_with("at most 50 users"))
    );
}

#[test]
fn a_plan_runs_scenarios_of_one_file_side_by_side_each_with_its_part_of_the_users() {
    let target = target();
    let shop = guest("two-scenarios");
    let plan = format!(
        "duration = '1s'\nallow-host = ['images.example.com', 'api.example.com:8443']\n\
        [run.browse]\nfile = {shop:?}\nscenario = 'browse'\nvus = 3\n\
        [run.order]\nfile = {shop:?}\nscenario = 'buy things'\nvus = 1\n"
    );
    let run = run_plan(&target, &plan, "").expect_done();
    for (name, scenario, users, path) in
        [("browse", "browse", 3, "/"), ("order", "buy things", 1, "/orders")]
    {
        let told = |key: &str| run.json_at(&format!("/runs/{name}/run/{key}")).clone();
        assert_eq!(told("scenario"), scenario);
        let model = told("model");
        assert!(model.as_str().is_some_and(|model| model.contains(&users.to_string())), "{model}");
        let started = format!("/runs/{name}/measured/transactions/started");
        assert_eq!(run.count(&started), target.seen().path(path), "{name}");
    }
}

#[test]
fn a_threshold_of_one_run_fails_the_plan_by_its_name() {
    let plan = "[run.good]\nfile = 'page.wasm'\ntps = 20\nduration = '1s'\n[run.bad]\nfile = \
    'page.wasm'\ntps = 20\nduration = '1s'\nthreshold = ['service.min > 1s']\n";
    let run = run_plan(&target(), plan, "").expect_code_or_invalid(99);
    assert!(
        run.stderr.contains("bad: ") && run.stderr.contains("1 of 1 threshold failed"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_plan_that_cannot_be_is_refused_before_anything_is_sent() {
    let target = target();
    let page = |rest: &str| format!("[run.one]\nfile = 'page.wasm'\n{rest}\n");
    for (plan, words) in [
        (String::from("tps = 5"), "a plan has runs"),
        (page("tsp = 5"), "did you mean `tps`?"),
        (page("tps = 5\nout = 'json=x'"), "`out` is for all runs together"),
        (page("tps = 5\nafter = 'two'"), "there is no such run"),
        (page("duration = '1s'"), "nothing says how much load"),
        (
            page("tps = 5") + "[run.two]\nfile = 'page.wasm'\ntps = 5\nafter = 'one'",
            "which has none",
        ),
        (String::from("[run.one]\nfile = 'nowhere.wasm'\ntps = 5"), "nowhere.wasm"),
        (String::from("[run.one"), "is no TOML"),
    ] {
        let run = run_plan(&target, &plan, "").expect_code(104);
        assert!(run.stderr.contains(words), "{plan}: {}", run.stderr);
    }
    assert_eq!(target.seen().requests, 0);
}

#[test]
fn an_interrupted_plan_ends_what_runs_and_begins_nothing_more() {
    let target = target();
    let plan = "[run.one]\nfile = 'page.wasm'\ntps = 100\nduration = '60s'\n[run.two]\nfile = \
    'page.wasm'\ntps = 100\nafter = 'one'\n";
    let running = start_plan(&target, plan, "").start();
    wait_until(Duration::from_secs(20), "the first requests", || {
        (target.seen().requests > 0).then_some(())
    });
    running.interrupt();
    let run = running.wait().expect_code(105);
    assert!(
        run.stderr.contains("one: stopped by a signal")
            && run.stderr.contains("two: stopped by a signal before it began"),
        "{}",
        run.stderr
    );
    assert_eq!(run.count("/total/transactions/started"), target.seen().requests);
}

fn conduct(target: &Target, act: &str) -> Finished {
    Host::run_guest("conducts").target(target.url()).arg("-e").arg(format!("do={act}")).finish()
}

#[test]
fn a_file_conducts_runs_and_judges_them_by_their_statistics() {
    let target = target();
    let run = conduct(&target, "well").expect_done();
    assert_eq!(
        (run.count("/runs/page/measured/transactions/ok"), target.seen().requests),
        (50, 50)
    );
    let run = conduct(&target, "twice").expect_done();
    assert_eq!(
        run.json_at("/runs").as_object().map(|runs| runs.keys().cloned().collect::<Vec<_>>()),
        Some(vec!["page".into(), "page 2".into()])
    );
}

#[test]
fn what_goes_wrong_while_conducting_is_told_and_fails_the_command() {
    let target = target();
    for (act, code, words) in [
        ("errs", 99, "not as it should be"),
        ("panics", 107, "panicked at"),
        ("begins nobody", 99, "there is no scenario \"nobody\"; the file has: page, unprepared"),
        ("mistypes", 99, "did you mean `tps`?"),
        ("writes", 99, "`out` is for all runs together"),
        ("waits for what cannot be set up", 107, "not today"),
        ("transacts", 107, "only iterations are measured"),
    ] {
        let run = conduct(&target, act).expect_code(code);
        assert!(run.stderr.contains(words), "{act}: {}", run.stderr);
    }
    assert_eq!(target.seen().requests, 0);
    let run = conduct(&target, "same name");
    assert!(run.stderr.contains("there is a run \"one\" already"), "{}", run.stderr);
    let run = conduct(&target, "in-iteration").expect_code(107);
    assert_eq!(
        run.json_at("/runs/page/users/traps")
            .as_object()
            .map(|traps| traps.keys().all(|trap| trap.contains("outside `conduct`"))),
        Some(true)
    );
}

#[test]
fn a_load_beside_a_conductor_is_refused_and_a_chosen_scenario_runs_without_it() {
    let target = target();
    let run =
        Host::run_guest("conducts").target(target.url()).args("--tps 5").finish().expect_code(104);
    assert!(
        run.stderr.contains("decides on the load itself") && run.stderr.contains("leave out --tps"),
        "{}",
        run.stderr
    );
    let checked = Host::new("check").arg(guest("conducts")).finish().expect_code(0);
    assert!(checked.stdout.contains("conducts   its own runs"), "{}", checked.stdout);
    let run = Host::run_guest("conducts")
        .target(target.url())
        .args("--scenario page --tps 20 --duration 1s")
        .finish()
        .expect_done();
    assert_eq!(run.count("/measured/transactions/started"), 20);
}

#[test]
fn an_interrupt_ends_a_conductor_s_sleep_and_its_runs() {
    let target = target();
    let running = Host::run_guest("conducts").target(target.url()).args("-e do=sleeps").start();
    wait_until(Duration::from_secs(20), "the first requests", || {
        (target.seen().requests > 0).then_some(())
    });
    running.interrupt();
    // A run without an end of its own ends so, and the conductor's sleep is over.
    let run = running.wait().expect_done();
    assert_eq!(run.count("/runs/page/measured/transactions/started"), target.seen().requests);
}

#[test]
fn a_search_is_of_a_scenario_and_no_plan() {
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let run = Host::new("find").arg(plan).args("--latency p95=1s").finish().expect_code(104);
    assert!(run.stderr.contains("a search is of one scenario"), "{}", run.stderr);
}
