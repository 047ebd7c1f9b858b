use swell_core::RunInstant;
use swell_core::control::{Limiter, SearchEnd};
use swell_core::record::{MetricKind, Percentile, Recorder, RunPhase, Snapshot, Statistic};

use super::samples::{all, passed};
use super::*;

#[test]
fn a_report_is_read_back_as_it_was_written() {
    for (what, report) in all() {
        let written = serde_json::to_string_pretty(&report).unwrap();
        let read: Report = serde_json::from_str(&written).unwrap_or_else(|error| {
            panic!("{what}: {error}\n{written}");
        });
        assert_eq!(read, report, "{what}");
    }
}

#[test]
fn a_report_of_several_runs_is_read_back_as_it_was_written() {
    let report = ReportOfRuns {
        schema: FormOfRuns::First,
        exit: ExitReport { code: Exit::Threshold, reason: "one: failed".to_owned() },
        measured_seconds: 8.0,
        total: passed().measured,
        runs: all().into_iter().map(|(what, report)| (what.to_owned(), report)).collect(),
    };
    let written = serde_json::to_string(&Written::Runs(Box::new(report.clone()))).unwrap();
    assert_eq!(serde_json::from_str::<ReportOfRuns>(&written).unwrap(), report);
    // One form is not taken for the other.
    assert!(serde_json::from_str::<Report>(&written).is_err());
}

#[test]
fn what_is_absent_and_what_is_a_bound_stay_so() {
    let mut of_a_kind: Times = passed().measured.transactions.response_ms;
    assert!(of_a_kind.is_at_least(Statistic::Max) && !of_a_kind.is_at_least(Statistic::Min));
    assert!(of_a_kind.percentile(Percentile::P999).is_none());
    let written = serde_json::to_value(of_a_kind).unwrap();
    let names: Vec<&String> = written.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["count", "min", "mean", "p50", "p90", "p95", "p99", "p99.9", "max", "at_least"]
    );
    assert_eq!(written["at_least"], serde_json::json!({ "mean": true, "max": true }));
    of_a_kind = Times::default();
    let written = serde_json::to_value(of_a_kind).unwrap();
    assert!(written.get("at_least").is_none() && written["p99.9"].is_null());
}

#[test]
fn the_schema_names_each_word_that_json_may_have() {
    let schema = serde_json::to_value(schemars::schema_for!(Written)).unwrap();
    let words = |pointer: &str| schema.pointer(pointer).unwrap()["enum"].as_array().unwrap().len();
    assert_eq!(words("/$defs/VerdictReport/properties/stamp"), Stamp::ALL.len());
    assert_eq!(words("/$defs/HostReport/properties/verdict"), Stamp::ALL.len());
    assert_eq!(words("/$defs/LimitReport/properties/by"), Limiter::ALL.len());
    assert_eq!(words("/$defs/SearchReport/properties/end"), SearchEnd::ALL.len());
    assert_eq!(words("/$defs/SeriesReport/properties/kind"), MetricKind::ALL.len());
    assert_eq!(words("/$defs/ExitReport/properties/code"), Exit::ALL.len());
    assert_eq!(
        schema.pointer("/$defs/Times/required").unwrap(),
        &serde_json::json!(["count"]),
        "a figure may be absent"
    );
    let times = schema.pointer("/$defs/Times/properties").unwrap().as_object().unwrap();
    assert!(Statistic::ALL.iter().all(|statistic| times.contains_key(statistic.name())));
}

#[test]
fn names_stand_in_the_order_of_the_run_and_are_read_back_in_it() {
    let at = RunInstant::from_nanos(1);
    let counted = |names: &[&str]| {
        let mut recorder = Recorder::new(RunInstant::START);
        for name in names {
            let kind = recorder.define(name).unwrap();
            recorder.begun(kind, at, true);
            recorder.check(RunPhase::Measured, name, true);
        }
        recorder.take_window(at, Snapshot::default())
    };
    let mut all = counted(&["sign in", "browse"]);
    all.merge(&counted(&["browse", "a late one", "sign in"]));
    let part = Part::of(&all.measured, 1.0);
    let mut later = Part::of(&counted(&["browse", "new", "a late one", "sign in"]).measured, 1.0);
    later.follow(&part);
    let order: Vec<&String> = later.by_name.keys().collect();
    assert_eq!(order, ["sign in", "browse", "a late one", "new"], "as it was before");
    assert!(later.checks.keys().eq(order));
    let written = serde_json::to_string(&part).unwrap();
    let read: Part = serde_json::from_str(&written).unwrap();
    for part in [part, read] {
        let order: Vec<&String> = part.by_name.keys().collect();
        assert_eq!(order, ["sign in", "browse", "a late one"]);
        assert!(part.checks.keys().eq(order));
    }
}
