//! A newcomer's first hour: the commands of the README in an empty folder, one after the other, and
//! then the first change and the first mistake.

use std::path::Path;
use std::time::Duration;

use swell_tests::{Behaviour, Finished, Host, Target, TargetSettings};
use tempfile::TempDir;

/// Building the library from source takes minutes on a machine that never did it.
const FIRST_BUILD: Duration = Duration::from_secs(220);

fn build(project: &Path) -> Finished {
    Host::new("build").in_folder(project).deadline(FIRST_BUILD).finish()
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).expect("the project has it");
    assert!(text.contains(from), "no {from:?} in {text}");
    std::fs::write(file, text.replace(from, to)).expect("the project can be written");
}

#[test]
fn a_newcomer_gets_from_nothing_to_figures_and_from_a_mistake_to_its_cure() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
    Host::new("new").arg("hello").in_folder(folder.path()).finish().expect_code(0);
    let project = folder.path().join("hello");
    build(&project).expect_code(0);

    let wasm = project.join("hello.wasm");
    let checked = Host::new("check").arg("hello.wasm").in_folder(&project).finish().expect_code(0);
    for told in [
        "swell:scenario@0.1.1",
        "may reach  the run's --target",
        "scenario hello",
        "Looks at the front page.",
    ] {
        assert!(checked.stdout.contains(told), "no {told:?} in\n{}", checked.stdout);
    }

    let run = || {
        Host::run_file(&wasm)
            .in_folder(&project)
            .target(target.url())
            .args("--tps 50 --duration 2s")
    };
    let first = run().finish().expect_agreement(&target.seen());
    assert_eq!((first.count("/measured/transactions/ok"), target.seen().path("/")), (100, 100));
    assert_eq!(first.count("/measured/checks/has a title/passed"), 100);
    let verdict = first.json_at("/verdict/stamp").as_str().expect("it is a text");
    for told in ["open model", "100 ok", "response time", verdict] {
        assert!(first.stdout.contains(told), "no {told:?} in\n{}", first.stdout);
    }

    // The service gets slow: a threshold tells.
    target.behave(Behaviour::constant(300.0)).expect("it is a behaviour");
    let slow = run().args("--threshold").arg("response.p50 < 200ms").finish();
    assert!(matches!(slow.code, Some(99 | 111)), "code {:?}\n{}", slow.code, slow.stderr);
    assert_eq!(
        (slow.json_at("/thresholds/0/passed"), slow.count("/measured/transactions/failed")),
        (&false.into(), 0)
    );
    target.behave(Behaviour::default()).expect("it is a behaviour");

    // The first change of the scenario, and the first one that does not compile.
    let source = project.join("src/lib.rs");
    replace(&source, r#"http::get("/")"#, r#"http::get("/nowhere")"#);
    build(&project).expect_code(0);
    target.reset();
    let lost = run().finish().expect_agreement(&target.seen());
    assert_eq!(
        (lost.count("/measured/transactions/failed"), target.seen().status(404)),
        (100, 100)
    );
    assert!(lost.stdout.contains("status 404"), "{}", lost.stdout);

    replace(&source, "-> Result<()>", "-> u32");
    let mistaken = build(&project).expect_code(104);
    assert!(
        mistaken.stderr.contains("src/lib.rs")
            && mistaken.stderr.contains("the scenario does not compile"),
        "{}",
        mistaken.stderr
    );
}
