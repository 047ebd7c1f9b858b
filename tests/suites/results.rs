//! The course of a run in its JSON: live, from its record, and of a stretch.

use std::path::Path;

use serde_json::Value;
use swell_tests::{Finished, Host, Target, TargetSettings};

/// A run with a warm-up and failures, and its record.
fn run(record: &Path) -> Finished {
    let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
    Host::run_guest("says-failed")
        .target(target.url())
        .args("--tps 50 --warmup 1s --duration 4s --allow-all-failed --record")
        .arg(record)
        .finish()
        .expect_done()
}

/// What `host report` of a record writes as JSON.
fn told_again(record: &Path, stretch: &str) -> (Finished, Value) {
    let json = record.with_file_name("again.json");
    let report = Host::new("report")
        .arg(record)
        .args(stretch)
        .arg("--out")
        .arg(format!("json={}", json.display()))
        .finish()
        .expect_code(0);
    let text = std::fs::read_to_string(json).expect("it is written");
    (report, serde_json::from_str(&text).expect("it is JSON"))
}

fn series(json: &Value) -> &Vec<Value> {
    json["series"].as_array().expect("a run has a series")
}

fn sum(points: &[Value], key: &str) -> u64 {
    points.iter().map(|point| point[key].as_u64().expect("a count")).sum()
}

#[test]
fn the_series_of_a_run_adds_up_to_its_totals_and_its_record_has_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let record = folder.path().join("run.swell");
    let run = run(&record);
    assert_eq!(run.json_at("/schema"), "swell.run/2");
    let points = series(run.json_at(""));
    assert!(points.len() >= 4, "{} points", points.len());
    assert!(points.windows(2).all(|pair| pair[0]["until"] == pair[1]["from"]));
    for key in ["started", "ok", "failed", "interrupted"] {
        let of = |part: &str| run.count(&format!("/{part}/transactions/{key}"));
        assert_eq!(sum(points, key), of("warm_up") + of("measured"), "{key}");
    }
    let causes = points.iter().flat_map(|point| point["failures"].as_object().expect("causes"));
    let failures: u64 = causes.map(|(_, count)| count.as_u64().expect("a count")).sum();
    assert_eq!(failures, sum(points, "failed"));
    assert!(failures > 0);
    let phases: Vec<&Value> = points.iter().map(|point| &point["phase"]).collect();
    assert!(phases.contains(&&Value::from("warm-up")) && phases.contains(&&"measuring".into()));
    assert!(points.iter().any(|point| point["response_ms"]["p50"].is_number()));
    let marks = run.json_at("/marks").as_array().expect("a list");
    assert!(marks.iter().any(|mark| mark["kind"] == "warm-up-over" && mark["at"] == 1.0));
    let (_, again) = told_again(&record, "--quiet");
    assert_eq!(&again, run.json_at(""));
}

#[test]
fn the_lines_of_a_run_tell_each_transaction_that_its_report_keeps_when_it_came() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("run.jsonl");
    let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
    let run = Host::run_guest("says-failed")
        .target(target.url())
        .args("--tps 50 --duration 2s --allow-all-failed --out")
        .arg(format!("jsonl={}", path.display()))
        .finish()
        .expect_done();
    let text = std::fs::read_to_string(path).expect("it is written");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    let told: Vec<&Value> = lines.iter().filter_map(|line| line.get("notable")).collect();
    let names = run.json_at("/measured/by_name").as_object().expect("names");
    let mut kept = 0;
    for (name, row) in names {
        for (list, is_slowest) in [("slowest", true), ("failures", false)] {
            for one in row["notable"][list].as_array().expect("a list") {
                let found = told.iter().find(|told| {
                    told["name"] == name.as_str() && told["iteration"] == one["iteration"]
                });
                let found = found.unwrap_or_else(|| panic!("no line of {one}"));
                assert!(found["slowest"] == true || !is_slowest, "{found}");
                for key in ["at", "user", "response_ms", "service_ms", "error"] {
                    assert_eq!(found[key], one[key], "{key}");
                }
                kept += 1;
            }
        }
    }
    assert!(kept >= 20, "{kept}");
    assert!(lines.last().is_some_and(|line| line.get("end").is_some()));
}

#[test]
fn a_stretch_of_a_record_has_its_own_figures_and_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let record = folder.path().join("run.swell");
    let run = run(&record);
    let (report, stretch) = told_again(&record, "--from 2s --to 4s");
    let inside = series(run.json_at("")).iter().filter(|point| {
        let at = |key: &str| point[key].as_f64().expect("an instant");
        at("until") > 2.0 && at("from") < 4.0
    });
    let inside: Vec<Value> = inside.cloned().collect();
    assert_eq!(series(&stretch), &inside);
    let counts = &stretch["measured"]["transactions"];
    let warm_up = &stretch["warm_up"]["transactions"];
    for key in ["ok", "failed"] {
        let of = |counts: &Value| counts[key].as_u64().expect("a count");
        assert_eq!(of(counts) + of(warm_up), sum(&inside, key), "{key}");
    }
    assert_eq!(stretch["verdict"], *run.json_at("/verdict"));
    assert!(report.stdout.contains("these are its figures from "), "{}", report.stdout);

    let refused = |stretch: &str| {
        Host::new("report").arg(&record).args(stretch).finish().expect_code(104).stderr
    };
    let backwards = refused("--from 3s --to 2s");
    assert!(backwards.contains("a stretch ends after it begins"), "{backwards}");
    let beyond = refused("--from 10m");
    assert!(beyond.contains("before the stretch that is asked for begins"), "{beyond}");
}

#[test]
fn a_run_of_a_moment_tells_the_processor_time_that_it_took() {
    let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
    let run = Host::run_guest("plain-get").target(target.url()).args("--vus 1 -n 20");
    assert!(run.finish().expect_done().number("/machine/cpu_seconds") > 0.0);
}
