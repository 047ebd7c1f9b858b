//! `host compare`: what it says of runs, and what it refuses.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use swell_tests::{Finished, Host, Target, TargetSettings, guest};
use tempfile::TempDir;

/// A folder with the report of a real run, and others made from it.
struct Shelf {
    folder: TempDir,
    report: Value,
}

impl Shelf {
    fn new() -> Self {
        let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
        let run = Host::run_file(&guest("plain-get"))
            .target(target.url())
            .args("--vus 2 --iterations 400 --accept invalid")
            .finish()
            .expect_code(0);
        let folder = TempDir::new().expect("a temporary folder can be made");
        Self { folder, report: run.json_at("").clone() }
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("the temporary folder can be written");
        path
    }

    /// The report of another run, with this p95 of the response time in milliseconds.
    fn run_with_p95(&self, name: &str, p95: f64) -> String {
        let mut report = self.report.clone();
        report["run"]["id"] = json!(format!("id of {name}"));
        report["measured"]["transactions"]["response_ms"]["p95"] = json!(p95);
        self.write(name, &report.to_string());
        name.to_owned()
    }

    /// So many runs on a side, some percent apart, with commas between.
    fn side(&self, name: &str, runs: u32, p95: f64) -> String {
        let of = |run| {
            self.run_with_p95(&format!("{name}{run}.json"), p95 * (1.0 + 0.01 * f64::from(run)))
        };
        (0..runs).map(of).collect::<Vec<_>>().join(",")
    }

    fn compare(&self, a: &str, b: &str, more: &[&str]) -> Finished {
        let host = Host::new("compare")
            .arg(a)
            .arg(b)
            .in_folder(self.folder.path())
            .env("XDG_STATE_HOME", self.folder.path());
        more.iter().fold(host, |host, argument| host.arg(argument)).finish()
    }

    #[track_caller]
    fn expect_refusal(&self, a: &str, b: &str, more: &[&str], words: &[&str]) {
        let refused = self.compare(a, b, more).expect_code(104);
        for word in words {
            assert!(refused.stderr.contains(word), "no {word:?} in: {}", refused.stderr);
        }
        assert_eq!(refused.stdout, "");
    }
}

#[test]
fn two_reports_are_laid_beside_each_other_and_no_interval_is_claimed() {
    let shelf = Shelf::new();
    let (a, b) = (shelf.run_with_p95("a.json", 10.0), shelf.run_with_p95("b.json", 20.0));
    let said = shelf.compare(&a, &b, &[]).expect_code(0).stdout;
    for words in ["response.p95", "10ms", "20ms", "+100 %", "no interval is known"] {
        assert!(said.contains(words), "no {words:?} in:\n{said}");
    }
    assert!(!said.contains("differs"), "{said}");
    shelf.expect_refusal(&a, &b, &["--fail-if", "response.p95 > +5%"], &["give their records"]);
}

#[test]
fn two_records_say_what_varied_within_their_runs_and_no_more() {
    let shelf = Shelf::new();
    let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
    let runs = ["a", "b"].map(|name| {
        Host::run_file(&guest("plain-get"))
            .target(target.url())
            .args("--tps 100 --duration 12s --accept invalid")
            .arg("--record")
            .arg(shelf.folder.path().join(name))
            .start()
    });
    for run in runs {
        run.wait().expect_code(0);
    }
    let written = shelf.compare("a", "b", &["--out", "json=-"]).expect_code(0);
    let json: Value = serde_json::from_str(&written.stdout).expect("stdout has JSON alone");
    assert_eq!(json["method"], "two-runs");
    let figures = json["figures"].as_array().expect("there are figures");
    let mean = figures.iter().find(|row| row["figure"] == "response.mean").expect("it is told");
    assert!(mean["interval"][0].as_f64() < mean["interval"][1].as_f64(), "{mean}");
    let said = shelf.compare("a", "b", &[]).expect_code(0).stdout;
    for words in ["response times of A are worth", "How much equal runs differ from each other"] {
        assert!(said.contains(words), "no {words:?} in:\n{said}");
    }
}

#[test]
fn runs_of_five_a_side_fail_what_is_surely_beyond_the_margin() {
    let shelf = Shelf::new();
    let (a, b) = (shelf.side("a", 5, 10.0), shelf.side("b", 5, 12.0));
    let [slower, faster] = ["response.p95 > +5%", "response.p95 < -5%"];
    let failed = shelf.compare(&a, &b, &["--fail-if", slower, "--fail-if", faster]);
    let failed = failed.expect_code(99);
    for words in ["FAILED  response.p95 > +5%", "ok      response.p95 < -5%", "5 runs against 5"] {
        assert!(failed.stdout.contains(words), "no {words:?} in:\n{}", failed.stdout);
    }
    shelf.compare(&b, &a, &["--fail-if", slower]).expect_code(0);
    // A margin on what nobody has is no margin that holds.
    let none = shelf.compare(&a, &b, &["--fail-if", "service[pay].p95 > +5%"]).expect_code(99);
    assert!(none.stdout.contains("NO DATA"), "{}", none.stdout);
}

#[test]
fn it_is_written_as_json_and_as_markdown() {
    let shelf = Shelf::new();
    let (a, b) = (shelf.side("a", 5, 10.0), shelf.side("b", 5, 12.0));
    let written = shelf.compare(&a, &b, &["--out", "json=-", "--out", "md=c.md"]).expect_code(0);
    let json: Value = serde_json::from_str(&written.stdout).expect("stdout has JSON alone");
    assert_eq!(json["schema"], "swell.compare/1");
    assert_eq!(json["method"], "many-runs");
    let figures = json["figures"].as_array().expect("there are figures");
    let p95 = figures.iter().find(|row| row["figure"] == "response.p95").expect("p95 is told");
    assert_eq!(p95["finding"], "differs");
    let difference = p95["difference"].as_f64().expect("it is known");
    assert!((difference - 0.2).abs() < 0.03, "{difference}");
    let markdown = std::fs::read_to_string(shelf.folder.path().join("c.md")).unwrap();
    assert!(markdown.contains("| response.p95 |"), "{markdown}");
    // A full disk is told, and is no failure of the runs.
    let full = shelf.compare(&a, &b, &["--out", "md=/dev/full"]).expect_code(114);
    assert!(full.stderr.contains("cannot write the comparison"), "{}", full.stderr);
}

#[test]
fn what_was_run_otherwise_stands_before_the_figures() {
    let shelf = Shelf::new();
    let a = shelf.run_with_p95("a.json", 10.0);
    let mut other = shelf.report.clone();
    other["run"]["id"] = json!("another");
    other["run"]["target"] = json!("http://\u{1b}[2Jelsewhere");
    other["verdict"]["stamp"] = json!("INVALID");
    shelf.write("b.json", &other.to_string());
    let said = shelf.compare(&a, "b.json", &[]).expect_code(0).stdout;
    let [target, invalid, figures] = ["elsewhere", "INVALID: ", "response.p95"]
        .map(|words| said.find(words).unwrap_or_else(|| panic!("no {words:?} in:\n{said}")));
    assert!(target < figures && invalid < figures && !said.contains('\u{1b}'), "{said}");
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_reason() {
    let shelf = Shelf::new();
    let a = shelf.run_with_p95("a.json", 10.0);
    std::fs::copy(shelf.folder.path().join(&a), shelf.folder.path().join("copy.json")).unwrap();
    let b = shelf.run_with_p95("b.json", 10.0);
    shelf.expect_refusal(&a, "copy.json", &[], &["are the same run, id of a.json"]);
    shelf.expect_refusal(&a, &format!("{b},{b}"), &[], &["are the same run"]);
    shelf.expect_refusal(&a, "b.json,", &[], &["missing before or after a comma"]);
    shelf.expect_refusal(&a, "none.json", &[], &["none.json: ", "no run"]);
    shelf.expect_refusal(&a, ".", &[], &["cannot read it"]);
    let files = [
        ("empty", "", "is empty"),
        ("text", "p95 was 10 ms", "neither a record of a run nor a report in JSON"),
        ("cut.json", &shelf.report.to_string()[..1_000], "it is cut"),
        ("other.json", "{\"a\": 1}", "not a report of a run"),
        ("runs.json", "{\"schema\": \"swell.runs/1\", \"runs\": {\"x\": 1}}", "several runs (x)"),
        ("later.json", "{\"schema\": \"swell.run/99\"}", "swell.run/99"),
        ("lines.jsonl", "{\"header\": {}}", "give the record itself"),
        ("later", "swell-record/99\n", "of a later release"),
        ("broken", "swell-record/1\nnothing", "its beginning is broken"),
    ];
    for (name, content, words) in files {
        shelf.write(name, content);
        shelf.expect_refusal(&a, name, &[], &[name, words]);
    }
    shelf.expect_refusal(&a, &b, &["--out", "jsn=x"], &["did you mean \"json\"?"]);
    shelf.expect_refusal(&a, &b, &["--out", "md="], &["a file is needed"]);
    shelf.expect_refusal(&a, &b, &["--out", "md=none/x"], &["cannot write there"]);
    shelf.expect_refusal(&a, &b, &["--out", "md=-", "--out", "json=-"], &["only one of them"]);
    let lost = "is compared, or written already";
    std::os::unix::fs::symlink(&a, shelf.folder.path().join("link")).unwrap();
    for own in ["json=a.json", "md=./b.json", "json=link"] {
        shelf.expect_refusal(&a, &b, &["--out", own], &[lost, "name another file"]);
    }
    shelf.expect_refusal(&a, &b, &["--out", "md=y", "--out", "json=./y"], &[lost]);
    shelf.expect_refusal(&a, &b, &["--fail-if", "response.p95 > 5%"], &["write \"+5%\""]);
    assert!(!Path::new("x").exists());
}
