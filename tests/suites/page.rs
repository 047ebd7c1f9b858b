//! The page of a run: what it reckons from the record in it, against what the results say.

use std::fs;
use std::path::Path;
use std::process::Command;

use swell_tests::{Behaviour, Finished, Host, Target, TargetSettings};

/// What the page's own arithmetic makes of its record is what the results of the run say.
fn expect_agreement(page: &Path, run: &Finished) {
    let results = page.with_file_name("results.json");
    fs::write(&results, run.json_at("").to_string()).expect("a file can be written");
    let web = concat!(env!("CARGO_MANIFEST_DIR"), "/../host/web");
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "agree", "--"]).args([page, &results]).current_dir(web);
    let said = npm.output().expect("`cargo xtask page` has installed npm");
    assert!(
        said.status.success(),
        "{}{}\nhelp: where esbuild is not found, `cargo xtask page` brings it",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
}

fn run(host: Host, target: &Target, flags: &str, page: &Path) -> Finished {
    host.target(target.url())
        .args(flags)
        .arg("--out")
        .arg(format!("html={}", page.display()))
        .finish()
}

#[test]
fn every_figure_of_a_page_is_that_of_the_results() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let page = folder.path().join("report.html");
    let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
    let (guest, example) = (Host::run_guest, Host::run_example);
    for (host, flags) in [
        (guest("plain-get"), "--tps 400 --duration 12s --warmup 1s"),
        (guest("nested"), "--vus 3 --duration 2s"),
        (guest("says-failed"), "--vus 2 --tps 50 --duration 2s --allow-all-failed"),
        (example("own-metrics"), "--rate 20 --duration 3s"),
    ] {
        let run = run(host, &target, flags, &page);
        assert!(page.exists(), "{flags}: {}", run.stderr);
        expect_agreement(&page, &run);
    }
}

#[test]
fn what_was_cut_off_makes_a_figure_of_the_page_at_least_so_much_too() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let page = folder.path().join("report.html");
    let behaviour = Behaviour { latency_ms: 60_000.0, ..Behaviour::default() };
    let settings = TargetSettings { behaviour, ..TargetSettings::default() };
    let target = Target::start(settings).expect("loopback has a free port");
    let flags = "--tps 50 --duration 2s --grace 1s";
    let run = run(Host::run_guest("plain-get"), &target, flags, &page);
    assert!(run.count("/measured/transactions/interrupted") > 0, "{}", run.stdout);
    expect_agreement(&page, &run);
}

#[test]
fn runs_that_are_compared_are_in_one_page_with_what_was_found() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
    for name in ["a", "b"] {
        Host::run_guest("plain-get")
            .target(target.url())
            .args("--tps 100 --duration 2s --accept invalid --record")
            .arg(folder.path().join(name))
            .finish()
            .expect_code(0);
    }
    let compare = |out: &str| {
        let host = Host::new("compare").arg("a").arg("b").arg("--out").arg(out);
        host.in_folder(folder.path()).finish()
    };
    compare("html=both.html").expect_code(0);
    let page = fs::read_to_string(folder.path().join("both.html")).expect("it was written");
    for part in ["record\" data-side=\"a\"", "record\" data-side=\"b\"", "comparison\""] {
        let found = page.matches(&format!("<script type=\"application/vnd.swell.{part}>")).count();
        assert_eq!(found, 1, "{part}");
    }
    compare("html=a").expect_code(104);
}
