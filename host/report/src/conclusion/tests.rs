use std::time::Duration;

use swell_core::RunInstant;
use swell_core::control::{SearchEnd, SearchResult};
use swell_core::record::{
    Batches, Cause, Recorder, Snapshot, TransactionEnd, TransactionTimes, Whose,
};
use swell_core::run::{
    Broken, ControlRecord, CpuRecord, EndCause, EndRequest, NodeFate, NodeId, NodeResult,
    NodeTotals, UnknownStarts,
};
use swell_core::threshold::Threshold;
use swell_core::trace_context::TraceId;
use swell_core::verdict::CpuWindows;

use super::*;
use crate::exit::Exit;
use crate::report::{NotableReport, NotableRow};

const LEFT_OUT: LeftOut = LeftOut { stderr_lines: 0, log_lines: 0 };

fn header() -> Header {
    Header {
        name: "shop".to_owned(),
        id: "f00".to_owned(),
        version: "0.1.0".to_owned(),
        seed: 1,
        scenario: "shop".to_owned(),
        scenarios: Vec::new(),
        file: "shop.wasm".to_owned(),
        file_hash: "abc".to_owned(),
        target: None,
        model: "closed model, 1 user".to_owned(),
        asked_per_second: None,
        grace: Duration::from_secs(30),
        timeout: Duration::from_secs(60),
        traceparent: false,
        user_agent: None,
        hold: None,
    }
}

/// So many transactions that ended well and so many that failed, each of 10 ms.
fn snapshot(ok: u64, failed: u64) -> Snapshot {
    let at = |ms: u64| RunInstant::from_nanos(ms * 1_000_000);
    let mut recorder = Recorder::new(at(0));
    let kind = recorder.define("page").unwrap();
    for number in 0..ok + failed {
        recorder.begun(kind, at(10), true);
        let ended = if number < ok {
            TransactionEnd::Ok
        } else {
            TransactionEnd::Failed(&Cause::Status(500))
        };
        recorder.ended(kind, &TransactionTimes::unpaced(at(10), at(20)), true, ended);
    }
    recorder.take_window(at(10_000), Snapshot::default())
}

fn outcome(snapshot: Snapshot) -> RunOutcome {
    RunOutcome {
        cause: EndCause::Finished,
        snapshot,
        measured: Duration::from_secs(10),
        warm_up: Duration::ZERO,
        is_steady: None,
        requests_written: 7,
        users_at_once: 1,
        acted: Vec::new(),
        began_at: Duration::from_secs(1_795_000_000),
        machine: MachineRecord::default(),
        control: None,
        limits: Vec::new(),
        batches: Batches::default(),
        nodes: Vec::new(),
        broken: Vec::new(),
    }
}

fn concluded(rules: &[&str], outcome: &RunOutcome) -> Report {
    let thresholds: Vec<Threshold> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    let rules = Rules {
        thresholds: &thresholds,
        room: None,
        accepts_invalid: false,
        allow_all_failed: false,
    };
    let report = Report::of(&header(), &rules, outcome, LEFT_OUT);
    let written = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&written).unwrap(), report, "it is read back");
    report
}

fn ended(rules: &[&str], outcome: &RunOutcome) -> (Exit, String) {
    let ExitReport { code, reason } = concluded(rules, outcome).exit;
    (code, reason)
}

#[test]
fn what_ended_well_passes_and_a_threshold_that_does_not_hold_says_what_was_found() {
    let outcome = outcome(snapshot(900, 100));
    assert_eq!(ended(&["error_rate < 20%"], &outcome), (Exit::Passed, "passed".to_owned()));
    let why = "1 of 2 thresholds failed: error_rate < 1% (found 10%)";
    let rules = ["error_rate < 1%", "response.p50 < 1s"];
    assert_eq!(ended(&rules, &outcome), (Exit::Threshold, why.to_owned()));
}

#[test]
fn of_all_that_holds_the_first_is_the_exit_and_none_is_lost() {
    let mut outcome = outcome(snapshot(0, 100));
    outcome.cause = EndCause::Scenario(EndRequest::Fail("enough".to_owned()));
    let (exit, reason) = ended(&[], &outcome);
    assert_eq!(exit, Exit::Threshold);
    assert_eq!(reason, "all 100 transactions failed; failed by the scenario: enough");
    outcome.cause = EndCause::Signal;
    let (exit, reason) = ended(&["error_rate <= 100%"], &outcome);
    assert_eq!((exit, &*reason), (Exit::Signal, "stopped by a signal before its end"));
}

#[test]
fn what_a_search_came_to_decides_how_it_ends() {
    let mut outcome = outcome(snapshot(0, 100));
    let ends = [
        (SearchEnd::Narrow, Some(9.0), Exit::Passed),
        (SearchEnd::Most, Some(9.0), Exit::Passed),
        (SearchEnd::NoRate, None, Exit::NoRate),
        (SearchEnd::Budget, None, Exit::NoRate),
        (SearchEnd::Budget, Some(9.0), Exit::Passed),
        (SearchEnd::Generator, Some(9.0), Exit::GeneratorFound),
        (SearchEnd::Stopped, None, Exit::Passed),
    ];
    for (end, held, exit) in ends {
        let found = Some(SearchResult { end, held, broken: None, trials: 3 });
        outcome.control = Some(ControlRecord { goal: 9.0, objectives: Vec::new(), found });
        let report = concluded(&[], &outcome);
        assert_eq!(report.exit.code, exit, "{end:?} {held:?}");
        assert!(report.search.is_some_and(|search| search.end == end) && report.control.is_none());
    }
}

#[test]
fn a_report_is_of_the_machines_that_ran_and_a_lost_node_fails_the_run() {
    let mut outcome = outcome(snapshot(900, 0));
    let windows = CpuWindows { windows: 50, saturated: 1 };
    let cpu = CpuRecord { windows, stolen: Some(0.25), seconds: 4.5 };
    outcome.machine = MachineRecord { cores: 6, most_resident_bytes: Some(96 << 20), cpu };
    let fate = |number, is_complete: bool| NodeFate {
        id: NodeId(number),
        name: format!("node {number}"),
        share: 0.5,
        times_lost: u64::from(!is_complete),
        unknown: UnknownStarts { least: 0, most: Some(12) },
        is_complete,
        has_left: false,
    };
    outcome.nodes = [fate(1, true), fate(2, false)]
        .map(|fate| NodeResult { fate, totals: NodeTotals::default() })
        .into();
    let report = concluded(&[], &outcome);
    let machine = &report.machine;
    assert_eq!((machine.cores, machine.resident_mib), (6, Some(96.0)));
    assert_eq!((machine.windows, machine.busy_windows, machine.cpu_seconds), (50, 1, 4.5));
    assert_eq!(report.exit.code, Exit::HostsLost);
    let why = "host node 2 was lost: between 0 and 12 of its starts are in no figure";
    assert_eq!(report.exit.reason, why);
}

#[test]
fn notable_transactions_have_their_numbers_and_their_trace_where_one_was_sent() {
    let at = |ms: u64| RunInstant::from_nanos(ms * 1_000_000);
    let mut recorder = Recorder::new(at(0));
    let kind = recorder.define("page").unwrap();
    let times = TransactionTimes {
        intended: at(1_000),
        parked_at: at(1_000),
        started: at(1_250),
        ended: at(1_500),
    };
    let (cause, whose) = (Cause::Said("no luck"), Whose { iteration: 4_711, user: 3 });
    recorder.begun(kind, at(1_000), true);
    recorder.ended(kind, &times, true, TransactionEnd::Failed(&cause));
    recorder.note(kind, &times, whose, TransactionEnd::Failed(&cause));
    let outcome = outcome(recorder.take_window(at(10_000), Snapshot::default()));
    let notable = |traceparent| {
        let header = Header { traceparent, ..header() };
        let rules =
            Rules { thresholds: &[], room: None, accepts_invalid: false, allow_all_failed: false };
        let report = Report::of(&header, &rules, &outcome, LEFT_OUT);
        report.measured.by_name["page"].notable.clone()
    };
    let untraced = notable(false);
    let row = NotableRow {
        at: 1.5,
        iteration: 4_711,
        user: 3,
        response_ms: 500.0,
        service_ms: 250.0,
        error: Some("no luck".to_owned()),
        trace_id: None,
    };
    assert_eq!(untraced, NotableReport { slowest: vec![row.clone()], failures: vec![row] });
    let trace = TraceId::of(1, 4_711).to_string();
    assert_eq!(notable(true).failures[0].trace_id, Some(trace));
}

#[test]
fn a_condition_that_ended_the_run_fails_it_although_the_whole_would_hold() {
    let mut outcome = outcome(Snapshot::default());
    let broken = Broken {
        rule: "interrupted < 1% over 3s abort".to_owned(),
        found: "4.0% in 3s".to_owned(),
        at: RunInstant::from_nanos(7_000_000_000),
        ends_run: true,
    };
    (outcome.cause, outcome.broken) = (EndCause::Broken(broken.clone()), vec![broken]);
    let report = concluded(&["interrupted < 1% over 3s abort"], &outcome);
    assert_eq!(report.exit.code, Exit::Threshold);
    let reason = "ended after 7 s by interrupted < 1% over 3s abort (4.0% in 3s); 1 of 1 threshold \
        failed: interrupted < 1% over 3s abort (found 4.0% in 3s, at 7 s)";
    assert_eq!(report.exit.reason, reason);
}
