use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::RunInstant;
use crate::exchange::{Exchange, Phases, Protocol};
use crate::record::{
    Cause, MetricKind, Recorder, RunPhase, Snapshot, StreamEnd, TransactionEnd, TransactionTimes,
    WebSocketEnd,
};

#[test]
fn names_are_told_apart() {
    let names: BTreeSet<_> = figures().map(|entry| entry.name).collect();
    assert_eq!(names.len(), figures().count());
    let families: BTreeSet<_> = families().map(|family| family.name).collect();
    assert_eq!(families.len(), self::families().count());
}

#[test]
fn a_figure_that_was_renamed_is_found_by_its_old_name_and_no_other_has_that() {
    for name in ["host_lag", "generator_lag"] {
        assert_eq!(present_name(name), "generator_lag");
    }
    assert!(figures().any(|entry| entry.name == "generator_lag"));
    assert!(figures().all(|entry| present_name(entry.name) == entry.name));
}

#[test]
fn a_family_is_named_after_its_kind() {
    for family in families() {
        let ending = match family.series {
            FamilySeries::Counter(_) => "_total",
            FamilySeries::Times(_) => "_seconds",
            FamilySeries::Own(MetricKind::Counter | MetricKind::Rate) => "_total",
            FamilySeries::Own(MetricKind::Gauge) => "_value",
            FamilySeries::Own(MetricKind::Trend) => "_trend",
        };
        assert!(family.name.ends_with(ending), "{}", family.name);
    }
}

#[test]
fn what_the_readme_names_may_be_judged() {
    let readme = include_str!("../../../../README.md");
    let (_, rest) = readme.split_once("(repeatable; also ").expect("thresholds are told of");
    let (examples, _) = rest.split_once('…').expect("there are more");
    let named = examples.split('`').skip(1).step_by(2);
    let names: Vec<&str> =
        named.map(|example| example.split(['[', '.']).next().unwrap_or_default()).collect();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        assert!(subjects().any(|(entry, _)| entry.name == name), "{name}");
    }
}

#[test]
fn as_many_values_are_told_as_a_family_has_labels() {
    let at = RunInstant::from_nanos;
    let mut recorder = Recorder::new(at(0));
    let kind = recorder.define("page").unwrap();
    recorder.begun(kind, at(1), true);
    let times = TransactionTimes::unpaced(at(1), at(2));
    let cause = Cause::Status(500);
    recorder.ended(kind, &times, true, TransactionEnd::Failed(&cause));
    recorder.check(RunPhase::Measured, "title", true);
    recorder.websockets(RunPhase::Measured).ended(WebSocketEnd::Scenario, Duration::from_secs(1));
    let call = Exchange {
        protocol: Protocol::Grpc,
        result: Ok(14),
        phases: Phases::default(),
        written: 1,
        reconnects: 0,
        connections: 1,
        body_bytes: 0,
    };
    recorder.grpc(RunPhase::Measured).ended("/shop.Shop/Buy", &call, false);
    recorder.streams(RunPhase::Measured).ended(StreamEnd::Complete);
    let figures = recorder.take_window(at(3), Snapshot::default()).measured;
    for family in families() {
        let mut told = 0;
        let mut look = |values: &[&str]| {
            assert_eq!(values.len(), family.labels.len(), "{}", family.name);
            told += 1;
        };
        match family.series {
            FamilySeries::Counter(series) => series(&figures, &mut |values, _| look(values)),
            FamilySeries::Times(series) => series(&figures, &mut |values, _| look(values)),
            FamilySeries::Own(_) => continue,
        }
        assert!(told > 0 || family.name.ends_with("_errors_total"), "{}", family.name);
    }
}
