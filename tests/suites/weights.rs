//! Runs of several scenarios, whose users are dealt to them by weight.

use swell_tests::{Behaviour, Finished, Host, Target, TargetSettings, guest};

fn target(milliseconds: f64) -> Target {
    let behaviour = Behaviour::constant(milliseconds);
    Target::start(TargetSettings { behaviour, ..TargetSettings::default() })
        .expect("loopback has a free port")
}

/// Three users browse for each that orders.
const MIX: &str = "--scenario browse=3 --scenario order";

fn shop(target: &Target, args: &str) -> Host {
    Host::run_guest("browse-and-order").target(target.url()).args(args)
}

fn run(target: &Target, args: &str) -> Finished {
    shop(target, MIX).args(args).finish().expect_done()
}

/// The most users of each scenario at a time, and its iterations.
fn acted(finished: &Finished) -> Vec<(u64, u64)> {
    let scenarios = finished.json_at("/run/scenarios").as_array().expect("a list of scenarios");
    let count = |scenario: &serde_json::Value, key: &str| scenario[key].as_u64().expect("a count");
    scenarios.iter().map(|one| (count(one, "most_users"), count(one, "iterations"))).collect()
}

#[test]
fn users_are_dealt_to_scenarios_by_weight() {
    let target = target(2.0);
    let finished = run(&target, "--vus 40 -d 1s");
    let seen = target.seen();
    let scenarios = acted(&finished);
    assert_eq!([scenarios[0].0, scenarios[1].0], [30, 10]);
    assert_eq!([seen.path("/items"), seen.path("/orders")], [scenarios[0].1, scenarios[1].1]);
    assert!(seen.path("/orders") > 0 && finished.count("/users/trapped") > 0);
    assert_eq!(finished.count("/users/most_at_once"), 40);
    assert_eq!(finished.json_at("/run/scenario"), "browse 3 : order 1");
    assert_eq!(finished.json_at("/run/scenarios/1/name"), "order");
    for words in ["browse 3 : order 1 against http", "browse: 30 at once, ", "order: 10 at once, "]
    {
        assert!(finished.stdout.contains(words), "no {words:?} in: {}", finished.stdout);
    }
}

#[test]
fn who_trapped_is_replaced_by_a_user_of_its_scenario_that_makes_the_rest() {
    let target = target(1.0);
    let finished = run(&target, "--vus 8 --iterations-per-vu 50");
    let seen = target.seen();
    assert_eq!((seen.path("/items"), seen.path("/orders")), (300, 100));
    assert_eq!(acted(&finished), [(6, 300), (2, 100)]);
    assert!(finished.count("/users/created") > 8, "some trapped, and were replaced");
}

#[test]
fn each_scenario_is_set_up_for_its_own_users_and_torn_down_whatever_becomes_of_another() {
    let target = target(1.0);
    let finished = run(&target, "--vus 4 --iterations-per-vu 5");
    let seen = target.seen();
    assert_eq!([1, 2, 3, 4].map(|hook| seen.path(&format!("/bytes/{hook}"))), [1; 4]);
    for name in ["who browses has the key of the shop", "who orders has the key of the till"] {
        let check = |of: &str| finished.count(&format!("/measured/checks/{name}/{of}"));
        assert!(check("passed") > 0 && check("failed") == 0, "{name}");
    }
    assert!(finished.stderr.contains("closed with key 1"), "{}", finished.stderr);
    let warning = "warning: `teardown` of scenario \"order\" failed: key 2 is stuck";
    assert!(finished.stderr.contains(warning), "{}", finished.stderr);
}

#[test]
fn what_was_set_up_is_torn_down_where_the_run_does_not_begin() {
    let target = target(1.0);
    let args = "--scenario browse --scenario pay --vus 2 -d 1s";
    let refused = shop(&target, args).finish().expect_code(107);
    let words = "`setup` of scenario \"pay\" failed: it is closed; nothing was measured";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    let seen = target.seen();
    assert_eq!((seen.path("/bytes/1"), seen.path("/bytes/2"), seen.requests), (1, 1, 2));
}

#[test]
fn by_stages_the_mix_is_kept_up_and_down() {
    let target = target(10.0);
    let stages = "--vus-stage 1s:8 --vus-stage 500ms:8 --vus-stage 1s:0";
    let finished = shop(&target, "--scenario browse=3 --scenario order").args(stages).finish();
    let finished = finished.expect_done();
    let scenarios = acted(&finished);
    assert_eq!([scenarios[0].0, scenarios[1].0], [6, 2]);
    assert_eq!(finished.count("/measured/iterations/interrupted"), 0);
}

#[test]
fn a_rate_is_shared_by_users_of_all_scenarios() {
    let target = target(1.0);
    let finished = run(&target, "--vus 8 --tps 200 -d 1s");
    assert_eq!(finished.count("/measured/transactions/started"), 200);
    let seen = target.seen();
    assert_eq!(seen.path("/items") + seen.path("/orders"), 200);
    assert!(seen.path("/items") > seen.path("/orders") && seen.path("/orders") > 0);
}

#[test]
fn the_command_that_repeats_an_iteration_names_its_scenario() {
    let target = target(1.0);
    let finished = run(&target, "--vus 4 --iterations-per-vu 20");
    let hint = finished.stdout.lines().skip_while(|line| !line.contains("first failure of order"));
    let command = hint.skip(1).map(str::trim).next().expect("a line follows");
    let user = command.split("--user ").nth(1).expect("it names the user");
    assert!(command.contains("--scenario order "), "{command}");
    let args = command.split("--scenario").nth(1).expect("it goes on");
    let again = Host::new("try").arg(guest("browse-and-order")).args(&format!("--scenario{args}"));
    let again = again.finish().expect_code(107);
    assert!(again.stdout.contains(&format!("user {user}")), "{}", again.stdout);
    assert!(again.stdout.contains("the one in ten") || again.stderr.contains("the one in ten"));
}

#[test]
fn plans_and_files_of_settings_say_it_as_a_list() {
    let target = target(1.0);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("shop.wasm");
    std::fs::copy(guest("browse-and-order"), &file).expect("it can be copied");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file can be written");
        path
    };
    let plan = write(
        "plan.toml",
        "[run.mixed]\nfile = 'shop.wasm'\nscenario = ['browse=3', 'order']\nvus = 4\n\
         iterations-per-vu = 5\n[run.one]\nfile = 'shop.wasm'\nscenario = 'browse'\nvus = 1\n\
         iterations = 3\n",
    );
    let finished = Host::run_file(&plan).target(target.url()).finish().expect_done();
    assert_eq!(finished.count("/runs/mixed/run/scenarios/1/iterations"), 5);
    assert_eq!(target.seen().path("/items"), 18);
    let config = write("settings.toml", "vus = 8\niterations-per-vu = 1\nscenario.browse = 1\n");
    let host = Host::run_file(&file).arg("--config").arg(&config).target(target.url());
    let finished = host.args("--scenario order --scenario browse=0.5 --vus 3").finish();
    assert_eq!(acted(&finished.expect_done()), [(2, 2), (1, 1)], "what is typed comes first");
}

#[test]
fn files_of_steps_and_scripts_have_several_too() {
    let target = target(1.0);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let steps = folder.path().join("shop.toml");
    let text = "[scenario.browse]\n[[scenario.browse.step]]\nget = '/items'\n\
                [scenario.order]\n[[scenario.order.step]]\npost = '/orders'\n";
    std::fs::write(&steps, text).expect("a file can be written");
    let script = folder.path().join("shop.js");
    let text = "import http from 'k6/http';\nexport const options = { scenarios: {\n\
        browse: { executor: 'constant-vus', vus: 2, duration: '1s', exec: 'browse' },\n\
        order: { executor: 'constant-vus', vus: 5, duration: '9s', exec: 'order' } } };\n\
        export function browse() { http.get(`${__ENV.SHOP}/items`); }\n\
        export function order() { http.post(`${__ENV.SHOP}/orders`); }\n";
    std::fs::write(&script, text).expect("a file can be written");
    for (file, interpreter, times) in [(&steps, "steps", 1), (&script, "javascript", 2)] {
        let host = Host::run_file(file).arg("--interpreter").arg(guest(interpreter));
        let host = host.target(target.url()).args(&format!("-e SHOP={}", target.url()));
        let finished = host.args(MIX).args("--vus 4 --iterations-per-vu 6 --duration 30s").finish();
        assert_eq!(acted(&finished.expect_done()), [(3, 18), (1, 6)]);
        assert_eq!(target.seen().path("/items"), 18 * times);
    }
}

#[test]
fn what_cannot_be_dealt_is_refused_with_the_cure() {
    let target = target(1.0);
    for (args, words) in [
        ("--scenario browse --scenario order --tps 5 -d 1s", "say with vus how many there are"),
        ("--scenario browse --scenario order --rate 5 -d 1s", "say with vus how many there are"),
        ("--scenario browse --scenario order --max-vus 5 -d 1s", "say with vus how many"),
        ("--scenario browse --scenario order --burst 5/1s -d 1s", "give vus with tps, rate or"),
        ("--scenario browse --scenario order=0 --vus 5 -d 1s", "order=0 is out of range; give a"),
        ("--scenario browse --scenario order=-1 --vus 5 -d 1s", "order=-1 is out of range; give"),
        ("--scenario browse --scenario order=NaN --vus 5 -d 1s", "order=NaN is out of range; "),
        ("--scenario browse --scenario order=many --vus 5 -d 1s", "write it as order=3"),
        ("--scenario browse --scenario browse=2 --vus 5 -d 1s", "\"browse\" was given before"),
        ("--scenario browse --scenario odrer=2 --vus 5 -d 1s", "did you mean \"order\"?"),
        ("--scenario browse=9 --scenario order --vus 2 -d 1s", "give at least "),
        ("--vus 5 -d 1s", "or several by weight: --scenario browse=3 --scenario order=1"),
    ] {
        let refused = shop(&target, args).finish().expect_code(104);
        assert!(refused.stderr.contains(words), "{args}: no {words:?} in: {}", refused.stderr);
    }
    let of_two = |command: &str| {
        let host = Host::new(command).arg(guest("browse-and-order")).target(target.url());
        host.args("--scenario browse --scenario order")
    };
    let tried = of_two("try").finish().expect_code(104);
    assert!(tried.stderr.contains("choose one with --scenario NAME"), "{}", tried.stderr);
    let search = of_two("find").args("--latency p95=1s").finish().expect_code(104);
    assert!(search.stderr.contains("say with vus"), "{}", search.stderr);
    let hosts = "--allow-host images.example.com --allow-host api.example.com:8443";
    let two = |args: &str| {
        let host = Host::run_guest("two-scenarios").target(target.url()).args(hosts).args(args);
        host.arg("--scenario").arg("browse").arg("--scenario").arg("buy things=2").finish()
    };
    let differing = two("").expect_code(104).stderr;
    for words in ["scenario \"browse\" brings --tps 20, ", "--vus 2", "help: say with --"] {
        assert!(differing.contains(words), "no {words:?} in: {differing}");
    }
    assert_eq!(target.seen().requests, 0);
    let typed = two("--vus 3").expect_done();
    assert_eq!(typed.json_at("/run/model"), "closed model, 3 users", "what is typed holds");
}
