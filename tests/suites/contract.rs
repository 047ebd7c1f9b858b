//! The contract is kept: a guest that calls every function of every interface of 0.1.0, compiled
//! when that was new, runs unchanged, and so does the same source compiled today. The kept file is
//! never made anew; what it does is in `tests/guests/whole-contract.rs`.

use std::path::{Path, PathBuf};

use swell_tests::{Finished, Host, Target, TargetSettings, guest};
use tempfile::TempDir;

/// What the guest wants to reach besides its target, and never does.
const WANTED: &str = "--allow-host images.example.test";

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/kept/whole-contract-0.1.0.wasm")
}

fn target() -> Target {
    Target::start(TargetSettings::default()).expect("loopback has a free port")
}

/// Two iterations of one user that calls everything an iteration, a user and a run may call.
fn everything(file: &Path) -> Finished {
    let (target, folder) = (target(), TempDir::new().expect("a temporary folder can be made"));
    let users = folder.path().join("users.csv");
    std::fs::write(&users, "user\nada\nbob\n").expect("a temporary folder takes a file");
    let finished = Host::run_file(file)
        .target(target.url())
        .args(WANTED)
        .args("--scenario everything -e COLOUR=blue --data")
        .arg(format!("users={}", users.display()))
        .finish()
        .expect_done()
        .expect_whole_counts();
    // The echo, a redirect followed twice, seven methods at once, one outside; what setup sends is
    // not measured.
    assert_eq!(finished.count("/requests_written"), 2 * (1 + 3 + 7 + 1));
    assert_eq!(target.seen().requests, finished.count("/requests_written") + 1);
    finished
}

#[track_caller]
fn expect_everything(finished: &Finished) {
    let count = |path: &str| finished.count(&format!("/measured/{path}"));
    assert_eq!((count("iterations/ok"), count("iterations/failed")), (2, 0), "{}", finished.stdout);
    assert_eq!(finished.count("/users/trapped"), 0, "{:#}", finished.json_at("/users"));
    // One fails on purpose and one is denied its host; the four others do as they should.
    assert_eq!((count("transactions/ok"), count("transactions/failed")), (2 * 4, 2 * 2));
    assert_eq!((count("by_name/echo/ok"), count("by_name/failing/failed")), (2, 2));
    assert_eq!(count("checks/is checked/passed"), 2);
    for said in ["visit 1", "visit 2", "almost done", "done", "cleaned"] {
        assert!(finished.stderr.contains(said), "{said}: {}", finished.stderr);
    }
    assert!(!finished.stderr.contains("not shown"), "{}", finished.stderr);
}

#[test]
fn a_guest_of_the_first_contract_runs_unchanged() {
    expect_everything(&everything(&kept()));
}

#[test]
fn the_same_source_compiled_today_does_the_same() {
    expect_everything(&everything(&guest("whole-contract")));
}

#[test]
fn what_came_with_a_later_contract_is_called_beside_it() {
    let target = target();
    let host = Host::run_file(&guest("whole-contract")).target(target.url()).args(WANTED);
    let left = host.args("--scenario leaves --vus 2").finish().expect_done();
    assert_eq!(left.count("/users/stop_reasons/has seen all"), 2);
}

#[test]
fn a_guest_of_the_first_contract_stops_fails_and_conducts_runs() {
    let target = target();
    for (scenario, code) in [("stops", 108), ("fails", 110)] {
        let finished = Host::run_file(&kept())
            .target(target.url())
            .args(WANTED)
            .args("--vus 1 --scenario")
            .arg(scenario)
            .finish();
        finished.expect_code(code);
    }
    let conducted = Host::run_file(&kept())
        .target(target.url())
        .args(WANTED)
        .finish()
        .expect_code_or_invalid(0);
    assert_eq!(conducted.count("/runs/whole/measured/transactions/ok"), 50, "{}", conducted.stdout);
}
