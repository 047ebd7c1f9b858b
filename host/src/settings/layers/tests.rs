use clap::CommandFactory as _;

use super::super::layer::Parsed;
use super::*;

fn layered(typed: &str, file: &str, defaults: &[(&str, &str)]) -> anyhow::Result<Settings> {
    layered_for("run", typed, file, defaults)
}

fn layered_for(
    command: &str,
    typed: &str,
    file: &str,
    defaults: &[(&str, &str)],
) -> anyhow::Result<Settings> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("settings.toml");
    std::fs::write(&path, file)?;
    layers_of(typed, Some(&path), command == "find")?.settings(Some(&scenario(defaults, &[])))
}

fn scenario(defaults: &[(&str, &str)], hosts: &[&str]) -> ScenarioInfo {
    ScenarioInfo {
        name: "s".to_owned(),
        description: String::new(),
        has_setup: false,
        has_start: false,
        defaults: defaults.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect(),
        hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
    }
}

/// Layers of these flags, typed.
fn typed(flags: &str) -> Layers {
    layers_of(flags, None, false).expect("the flags are settings")
}

/// Layers of these flags, typed in a program whose `run` has a `--config` too.
fn layers_of(flags: &str, config: Option<&Path>, is_search: bool) -> anyhow::Result<Layers> {
    let matches = Parsed::command().try_get_matches_from(flags.split_whitespace())?;
    let run = clap::Command::new("run").arg(clap::Arg::new("config").long("config"));
    let flags = CommandFlags::of(&clap::Command::new("host").subcommand(run));
    Layers::of_command(&Typed { matches: Some(&matches), flags }, config, is_search)
}

fn claimed(layers: &Layers, defaults: &[(&str, &str)], hosts: &[&str]) -> String {
    crate::settings::reach::flags(
        &layers.claims(Some(&scenario(defaults, hosts))).expect("all are settings"),
    )
}

/// A value of each kind that a setting has.
const REACHING: [(&str, &str); 23] = [
    ("target", "http://a.test"),
    ("allow-host", "a.test"),
    ("source-ip", "127.0.0.1"),
    ("resolve", "a.test:80:127.0.0.1"),
    ("connect-to", "a.test:80:b.test:81"),
    ("unix-socket", "a.sock"),
    ("proxy", "http://a.test:1"),
    ("no-proxy", "a.test"),
    ("ca-cert", "a.pem"),
    ("cert", "a.pem"),
    ("key", "a.pem"),
    ("insecure", ""),
    ("data", "x=a.csv"),
    ("interpreter", "a.wasm"),
    ("allow-file", "a"),
    ("guest-cpu", "1s"),
    ("guest-memory", "1GiB"),
    ("accept", "invalid"),
    ("out", "json=x"),
    ("to", "statsd=a:1"),
    ("control", "127.0.0.1:1"),
    ("ui", "127.0.0.1:1"),
    ("prometheus", "127.0.0.1:1"),
];

#[test]
fn no_default_of_a_scenario_reaches_anything_and_none_is_silent() {
    for (key, value) in REACHING {
        // These need each other.
        let both = [("cert", "a.pem"), ("key", "a.pem")];
        let through = [("proxy", "http://a.test:1"), ("no-proxy", "a.test")];
        let defaults = match key {
            "cert" | "key" => &both[..],
            "no-proxy" => &through[..],
            _ => &[(key, value)][..],
        };
        let flag = format!("--{key} {value}");
        assert!(claimed(&typed(""), defaults, &[]).contains(flag.trim_end()), "{key}");
        let error = typed("").settings(Some(&scenario(defaults, &[]))).expect_err(key).to_string();
        assert!(
            error.contains(&format!("add {}", flag.trim_end())) || defaults.len() > 1,
            "{error}"
        );
    }
    assert_eq!(claimed(&typed(""), &[("tps", "5"), ("env", "A=b"), ("header", "a: b")], &[]), "");
}

#[test]
fn a_number_of_users_overrules_a_bound_of_them_and_the_other_way_round() {
    let bound = layered("--tps 9 --max-vus 5", "", &[("vus", "10")]).expect("it is none any more");
    assert_eq!((bound.vus, bound.max_vus), (None, Some(5)));
    let bound = layered("--max-vus 5", "", &[("vus", "10")]).expect("it is none any more");
    assert_eq!((bound.vus, bound.max_vus), (None, Some(5)));
    let exact = layered("--vus 5", "max-vus = 10", &[]).expect("it is none any more");
    assert_eq!((exact.vus, exact.max_vus), (Some(5), None));
}

#[test]
fn iterations_of_each_user_go_with_a_number_of_users_and_with_no_other_number_of_them() {
    let below = [("vus", "10"), ("iterations-per-vu", "5")];
    let iterations = |typed: &str, below: &[(&str, &str)]| {
        let settings = layered(typed, "", below).expect("all are settings");
        (settings.vus, settings.iterations, settings.iterations_per_vu)
    };
    assert_eq!(iterations("--vus 3", &below), (Some(3), None, Some(5)));
    assert_eq!(iterations("--tps 3", &below), (None, None, None));
    assert_eq!(iterations("--stage 1s:3", &below), (None, None, None));
    assert_eq!(iterations("--iterations 70", &below), (Some(10), Some(70), None));
    assert_eq!(
        iterations("--iterations-per-vu 7", &[("vus", "10"), ("iterations", "70")]),
        (Some(10), None, Some(7))
    );
}

#[test]
fn a_typed_duration_comes_before_the_iterations_that_a_scenario_brings() {
    let long = Some(std::time::Duration::from_secs(9));
    for key in ["iterations", "iterations-per-vu"] {
        let defaults = [("vus", "2"), (key, "5"), ("duration", "1m")];
        let settings = layered("--duration 9s", "", &defaults).expect("all are settings");
        let numbers = (settings.iterations, settings.iterations_per_vu);
        assert_eq!((numbers, settings.duration), ((None, None), long), "{key}");
    }
    let both = layered("--duration 9s --iterations 5", "", &[]).expect("all are settings");
    assert_eq!((both.iterations, both.duration), (Some(5), long));
}

#[test]
fn a_url_takes_no_target_but_its_own() {
    let aimed = |flags: &str| typed(flags).aimed_at("http://a.test:1".to_owned());
    for fits in ["", "--target http://a.test:1/"] {
        assert!(aimed(fits).is_ok(), "{fits}");
    }
    assert!(aimed("--target http://b.test").is_err_and(|e| e.to_string().contains("--target")));
}

#[test]
fn an_interpreter_of_a_file_means_nothing_to_a_component_and_a_typed_one_stays() {
    let file = |name: &str| ScenarioSource::File(PathBuf::from(name));
    let interpreter = |layers: &Layers, name| {
        layers.of_source(&file(name)).undisputed().expect("they fit").interpreter
    };
    let lower = toml::Table::from_iter([("interpreter".to_owned(), "a.wasm".into())]);
    let layers = typed("").under_typed("a file".to_owned(), lower).expect("it is a setting");
    assert!(interpreter(&layers, "shop.line").is_some());
    assert!(interpreter(&layers, "shop.wasm").is_none());
    assert!(interpreter(&typed("--interpreter a.wasm"), "shop.wasm").is_some());
}

#[test]
fn what_is_typed_gives_reach_and_overrules_what_is_claimed() {
    assert_eq!(
        claimed(&typed("--data x=b.csv --insecure"), &[("data", "x=a.csv"), ("insecure", "")], &[]),
        ""
    );
    assert_eq!(claimed(&typed("--target http://a.test"), &[("target", "http://b.test")], &[]), "");
    assert_eq!(
        claimed(&typed("--allow-host b.test"), &[("target", "http://b.test:81/x")], &[]),
        ""
    );
    let settings = typed("--target http://a.test")
        .settings(Some(&scenario(&[("target", "http://b.test")], &[])));
    assert_eq!(settings.expect("nothing is claimed").target.as_deref(), Some("http://a.test"));
}

#[test]
fn a_host_of_a_manifest_is_reached_if_it_was_given_and_claimed_if_not() {
    let hosts = ["api.test:81", "a.test:80", "c.test"];
    let layers = typed("--target http://a.test --allow-host api.test");
    assert_eq!(claimed(&layers, &[], &hosts), "--allow-host c.test");
    let layers = typed("--target http://a.test --allow-host api.test --allow-host c.test");
    let settings = layers.settings(Some(&scenario(&[], &hosts))).expect("all are given");
    assert_eq!(settings.allow_host, ["api.test", "c.test", "api.test:81", "a.test:80"]);
}

#[test]
fn what_is_granted_holds_and_travels_to_other_hosts() {
    let (defaults, hosts) = ([("data", "x=a.csv"), ("target", "http://b.test")], ["c.test"]);
    let layers = typed("--allow-host d.test");
    let scenario = scenario(&defaults, &hosts);
    let layers = layers.granting(&layers.claims(Some(&scenario)).expect("all are settings"));
    let settings = layers.settings(Some(&scenario)).expect("all is granted");
    assert_eq!(
        (settings.target.as_deref(), &settings.data[..]),
        (Some("http://b.test"), &[("x".to_owned(), "a.csv".to_owned())][..])
    );
    assert_eq!(settings.allow_host, ["d.test", "c.test"]);
    let pairs = layers.pairs(Some(&scenario)).expect("they can be sent");
    // Another host obeys what was granted here, and no default of the file.
    let others = Layers::of_pairs("the coordinator".to_owned(), pairs).expect("they are settings");
    let evil = ScenarioInfo {
        defaults: vec![("data".to_owned(), "y=/etc/passwd.csv".to_owned())],
        hosts: vec!["e.test".to_owned()],
        ..scenario
    };
    let settings = others.settings(Some(&evil)).expect("nothing is claimed");
    assert_eq!(
        (settings.data.len(), &settings.allow_host[..]),
        (1, &["d.test".to_owned(), "c.test".to_owned()][..])
    );
}

#[test]
fn a_further_run_chooses_from_what_the_command_has() {
    let layers = typed("--target http://a.test --allow-host b.test --data x=a.csv --data y=b.csv");
    let claims = |body: &str| {
        let layers = layers
            .above_all("the request".to_owned(), body.parse().expect("it is TOML"))
            .expect("all are settings");
        crate::settings::reach::flags(&layers.claims(None).expect("all are settings"))
    };
    assert_eq!(claims("tps = 5\ntarget = 'http://b.test:9'\ndata = ['y=b.csv']"), "");
    assert_eq!(claims("target = 'http://c.test'"), "--target http://c.test");
    assert_eq!(
        claims("data = ['x=/etc/x.csv', 'y=b.csv']\ninsecure = true"),
        "--data x=/etc/x.csv --insecure"
    );
}

#[test]
fn a_file_that_nobody_named_gives_load_and_claims_the_rest() {
    let table = "tps = 5\ntarget = 'http://a.test'\n".parse().expect("it is TOML");
    let mut layers = typed("");
    layers
        .layers
        .push(Layer::of_table(DEFAULT_FILE.to_owned(), table, false).expect("all are settings"));
    assert_eq!(
        crate::settings::reach::flags(&layers.claims(None).expect("all are settings")),
        "--target http://a.test"
    );
    let settings = layers.undisputed().expect("the rest holds");
    assert_eq!((settings.tps.map(|rate| rate.per_second()), settings.target), (Some(5.0), None));
}

#[test]
fn an_error_about_a_foreign_value_stays_in_its_line() {
    let error = format!(
        "{:#}",
        layered("", "", &[("duration", "1\nINVALID: forged\u{1b}[2J")]).expect_err("no duration")
    );
    assert!(error.contains("1\\nINVALID: forged\\u{1b}[2J"), "{error:?}");
}

#[test]
fn the_later_layer_wins() {
    let settings = layered(
        "--duration 3s",
        "duration = '2s'\nmax-vus = 7\n",
        &[("duration", "1s"), ("tps", "5"), ("max-vus", "1")],
    )
    .expect("all are settings");
    assert_eq!(settings.duration, Some(std::time::Duration::from_secs(3)));
    assert_eq!(settings.max_vus, Some(7));
    assert_eq!(settings.tps.map(|rate| rate.per_second()), Some(5.0));
}

#[test]
fn a_load_shape_replaces_the_whole_shape_below() {
    let settings = layered("--vus 3", "stage = ['1s:5', '2s:6']\n", &[("tps", "5")])
        .expect("all are settings");
    assert!(settings.tps.is_none() && settings.stage.is_empty());
    assert_eq!(settings.vus, Some(3));
    let settings = layered("", "shape = '5 + t'\n", &[("tps", "5"), ("duration", "9s")])
        .expect("all are settings");
    assert!(settings.tps.is_none() && settings.shape.is_some() && settings.duration.is_some());
}

#[test]
fn a_search_takes_no_length_from_below_and_keeps_one_that_was_typed() {
    let settings = layered_for(
        "find",
        "--latency p95=1s",
        "duration = '9s'\nmax-vus = 7\n",
        &[("warmup", "1s"), ("tps", "5")],
    )
    .expect("all are settings");
    assert_eq!(
        (settings.duration, settings.warmup, settings.tps, settings.max_vus),
        (None, None, None, Some(7))
    );
    let settings =
        layered_for("find", "--latency p95=1s --duration 3s", "", &[]).expect("all are settings");
    assert_eq!(settings.duration, Some(std::time::Duration::from_secs(3)));
}

#[test]
fn tables_and_switches_are_flags() {
    let settings = layered("", "insecure = true\nquiet = false\n[env]\nA = 'x=y'\nB = 2\n", &[])
        .expect("all are settings");
    assert!(settings.insecure && !settings.quiet);
    assert_eq!(
        settings.env,
        vec![("A".to_owned(), "x=y".to_owned()), ("B".to_owned(), "2".to_owned())]
    );
}

#[test]
fn an_unknown_key_names_its_file_and_a_likely_one() {
    let error = format!("{:#}", layered("", "duratoin = '1s'\n", &[]).expect_err("no such key"));
    assert!(
        error.contains("settings.toml") && error.contains("did you mean `duration`"),
        "{error}"
    );
    let error = format!("{:#}", layered("", "", &[("tsp", "1")]).expect_err("no such default"));
    assert!(error.contains("defaults of scenario \"s\"") && error.contains("`tps`"), "{error}");
    let error =
        format!("{:#}", layered("", "config = 'x.toml'\n", &[]).expect_err("no key of a file"));
    assert!(error.contains("command line") && !error.contains("did you mean"), "{error}");
}

#[test]
fn a_bad_value_names_its_place() {
    let error = format!("{:#}", layered("", "duration = 'soon'\n", &[]).expect_err("no duration"));
    assert!(error.contains("settings.toml") && error.contains("soon"), "{error}");
}
