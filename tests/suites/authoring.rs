//! From nothing to a scenario: `host new` and `host build`, as somebody does it who has just
//! installed the host.

use std::path::Path;
use std::time::Duration;

use swell_tests::{Host, Target, TargetSettings, guest};
use tempfile::TempDir;

/// Building the library from source takes minutes on a machine that never did it.
const FIRST_BUILD: Duration = Duration::from_secs(220);

fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder can be made")
}

fn new(folder: &Path, name: &str) -> Host {
    Host::new("new").arg(name).in_folder(folder)
}

#[test]
fn a_new_scenario_builds_and_runs_as_it_is() {
    let folder = folder();
    let made = new(folder.path(), "browse").finish().expect_code(0);
    assert!(
        made.stdout.contains("host build") && made.stdout.contains("host run browse.wasm"),
        "{}",
        made.stdout
    );

    let project = folder.path().join("browse");
    let built =
        Host::new("build").in_folder(&project).deadline(FIRST_BUILD).finish().expect_code(0);
    assert!(built.stdout.starts_with("browse.wasm ("), "{}", built.stdout);

    let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
    Host::run_file(&project.join("browse.wasm"))
        .target(target.url())
        .args("--vus 1 --iterations 5")
        .finish()
        .expect_code(0);
    assert_eq!(target.seen().path("/"), 5);
}

#[test]
fn a_lean_scenario_goes_where_it_is_told_and_is_the_smaller_one() {
    let folder = folder();
    new(folder.path(), "small").args("--template login").finish().expect_code(0);
    let build = |args: &str| {
        Host::new("build")
            .arg("small")
            .args(args)
            .in_folder(folder.path())
            .deadline(FIRST_BUILD)
            .finish()
            .expect_code(0)
    };
    build("-o full.wasm");
    build("--lean --output lean.wasm");
    let size = |name: &str| {
        folder.path().join(name).metadata().unwrap_or_else(|error| panic!("{name}: {error}")).len()
    };
    assert!(
        size("lean.wasm") < size("full.wasm"),
        "lean {} bytes, full {} bytes",
        size("lean.wasm"),
        size("full.wasm")
    );
    Host::new("check").arg(folder.path().join("lean.wasm")).finish().expect_code(0);
}

#[test]
fn an_existing_folder_is_left_alone() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("mine")).expect("the temporary folder can be written");
    let refused = new(folder.path(), "mine").finish().expect_code(104);
    assert!(refused.stderr.contains("mine exists already"), "{}", refused.stderr);
    assert_eq!(folder.path().join("mine").read_dir().expect("it is there").count(), 0);
}

#[test]
fn a_wrong_name_or_sdk_makes_nothing() {
    let folder = folder();
    for (host, complaint) in [
        (new(folder.path(), "two words"), "can't be a package's name"),
        (new(folder.path(), "match"), "means something else in Rust"),
        (new(folder.path(), "fine").arg("--sdk").arg(folder.path()), "is not the Rust SDK"),
    ] {
        let refused = host.finish().expect_code(104);
        assert!(
            refused.stderr.contains(complaint) && refused.stderr.contains("help: "),
            "{}",
            refused.stderr
        );
    }
    assert_eq!(folder.path().read_dir().expect("it is there").count(), 0);
}

#[test]
fn building_what_is_no_scenario_says_what_is_missing() {
    let folder = folder();
    let refused = Host::new("build").in_folder(folder.path()).finish().expect_code(104);
    assert!(
        refused.stderr.contains("no Cargo.toml") && refused.stderr.contains("host new"),
        "{}",
        refused.stderr
    );

    new(folder.path(), "broken").finish().expect_code(0);
    std::fs::write(folder.path().join("broken/src/lib.rs"), "fn main() { nonsense }")
        .expect("the project can be written");
    let failed = Host::new("build")
        .arg("broken")
        .in_folder(folder.path())
        .deadline(FIRST_BUILD)
        .finish()
        .expect_code(104);
    assert!(
        failed.stderr.contains("nonsense")
            && failed.stderr.contains("the scenario does not compile"),
        "{}",
        failed.stderr
    );
    assert!(!folder.path().join("broken.wasm").exists());
}

#[test]
fn a_new_script_is_one_file_that_runs_at_once() {
    let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
    for (template, flags, transaction) in [
        ("hello", "--iterations 3", "front page"),
        ("login", "--iterations 3", "account by token"),
        ("data", "--iterations 3 --data users=users.csv --data orders=orders.jsonl", "place order"),
    ] {
        for ending in ["js", "ts"] {
            let folder = folder();
            let args = format!("--lang {ending} --template {template}");
            let made = new(folder.path(), "shop").args(&args).finish().expect_code(0);
            let file = format!("shop.{ending}");
            assert!(made.stdout.contains(&format!("host run {file}")), "{}", made.stdout);
            let files = folder.path().read_dir().expect("it is there").count();
            assert_eq!(files, if template == "data" { 3 } else { 1 }, "{template}");
            let run = Host::run_file(&folder.path().join(&file)).in_folder(folder.path());
            let run = run.arg("--interpreter").arg(guest("javascript")).target(target.url());
            let done = run.args(&format!("--vus 1 {flags}")).finish().expect_done();
            assert_eq!(done.count(&format!("/measured/by_name/{transaction}/ok")), 3, "{template}");
            assert_eq!(done.count("/measured/transactions/failed"), 0, "{template}");
            let again = new(folder.path(), &file).args(&args).finish().expect_code(104);
            assert!(again.stderr.contains("exists already"), "{}", again.stderr);
        }
    }
}

#[test]
fn the_types_of_the_module_are_printed_for_editors() {
    let printed = Host::new("schema").arg("types").finish().expect_code(0);
    let types = include_str!("../../host/interpreters/javascript/types/swell.d.ts");
    assert_eq!(printed.stdout, types);
}
