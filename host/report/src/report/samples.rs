//! Reports of every kind, for tests.

use std::time::Duration;

use swell_core::RunInstant;
use swell_core::control::{Doing, Limiter, SearchEnd};
use swell_core::exchange::{ErrorClass, Exchange, Phase, Phases, Protocol};
use swell_core::record::{
    Cause, MetricKind, Percentile, Recorder, RunPhase, Snapshot, SocketEvent, TransactionEnd,
    TransactionTimes,
};

use super::rate::ObjectiveReport;
use super::*;

/// Transactions that ended in every way, with requests, checks and metrics of every kind.
pub(crate) fn snapshot() -> Snapshot {
    let at = |ms: u64| RunInstant::from_nanos(ms * 1_000_003);
    let mut recorder = Recorder::new(at(0));
    let (page, pay) = (recorder.define("front page").unwrap(), recorder.define("pay").unwrap());
    for ms in 1..=997 {
        recorder.begun(page, at(10), true);
        recorder.ended(
            page,
            &TransactionTimes::unpaced(at(10), at(10 + ms)),
            true,
            TransactionEnd::Ok,
        );
    }
    let causes = [
        Cause::Status(503),
        Cause::Request(ErrorClass::Timeout(Phase::Waiting)),
        Cause::Said("no \"basket\"\n"),
        Cause::Trap("out of fuel"),
        Cause::NotEnded,
    ];
    for cause in &causes {
        recorder.begun(pay, at(10), true);
        recorder.ended(
            pay,
            &TransactionTimes::unpaced(at(10), at(99)),
            true,
            TransactionEnd::Failed(cause),
        );
    }
    recorder.begun(pay, at(10), true);
    recorder.ended(
        pay,
        &TransactionTimes::unpaced(at(10), at(7_000)),
        true,
        TransactionEnd::Interrupted,
    );
    for result in [Ok(200), Ok(503), Err(ErrorClass::Reset), Err(ErrorClass::LocalPorts)] {
        let mut phases = Phases::default();
        phases.add(Phase::Waiting, Duration::from_nanos(1_234_567));
        let exchange = Exchange {
            protocol: Protocol::Http,
            result,
            phases,
            written: 2,
            reconnects: 1,
            connections: 1,
            body_bytes: u64::from(u32::MAX) * 3,
        };
        recorder.exchange(RunPhase::Measured, &exchange, result == Ok(200));
    }
    for event in [
        SocketEvent::Opened,
        SocketEvent::Sent(14),
        SocketEvent::Received(20_000_000),
        SocketEvent::DatagramSent(30),
        SocketEvent::Failed(ErrorClass::Denied),
    ] {
        recorder.socket(RunPhase::Measured, event);
    }
    (0..3).for_each(|i| recorder.check(RunPhase::Measured, "has a title", i > 0));
    for (name, kind) in
        [MetricKind::Counter, MetricKind::Gauge, MetricKind::Rate, MetricKind::Trend]
            .map(|kind| (kind.name(), kind))
    {
        let metric = recorder.define_metric(name, kind).unwrap();
        for value in [0.1, 1.0 / 3.0, f64::NAN] {
            recorder.metric(RunPhase::Measured, at(10), metric, value, &[("of", "a kind")]);
        }
    }
    recorder.trap("out of fuel");
    recorder.start_error("no licence");
    recorder.iteration_error("told so");
    recorder.take_window(at(10_000), Snapshot::default())
}

/// A run that passed, alone.
pub(crate) fn passed() -> Report {
    let snapshot = snapshot();
    let response = [(Percentile::P50, [0.1 + 0.2, 1.0 / 3.0]), (Percentile::P999, [900.0, 1e3])];
    Report {
        schema: Form::Second,
        run: About {
            id: "f00".to_owned(),
            version: "0.1.0".to_owned(),
            seed: u64::MAX,
            scenario: "shop".to_owned(),
            scenarios: Vec::new(),
            file: "shop.wasm".to_owned(),
            file_hash: "abc".to_owned(),
            target: Some("http://127.0.0.1:8080".to_owned()),
            user_agent: None,
            model: "open model, 100/s transactions, at most 9 users".to_owned(),
            asked_per_second: Some(100.0),
            began_at: 1_795_000_000.123_456_7,
            warm_up_seconds: 0.0,
            warm_up_steady: None,
            grace_seconds: 30.0,
            timeout_seconds: 60.0,
            measured_seconds: 7.000_000_1,
        },
        stretch: None,
        verdict: VerdictReport { stamp: Stamp::Valid, evidence: Vec::new() },
        exit: ExitReport { code: Exit::Passed, reason: "passed".to_owned() },
        measured: Part::of(&snapshot.measured, 7.000_000_1),
        confidence: Some(ConfidenceReport {
            effective_samples: 123.4,
            response_ms: BTreeMap::from(response),
            at_least: [Percentile::P999].into(),
        }),
        warm_up: Part::of(&snapshot.warm_up, 0.0),
        requests_written: 8,
        users: UsersReport::of(&snapshot, 9, 3),
        thresholds: Vec::new(),
        control: None,
        limits: Vec::new(),
        nodes: Vec::new(),
        search: None,
        machine: MachineReport {
            cores: 2,
            cpu_seconds: 1.1,
            windows: 35,
            busy_windows: 1,
            resident_mib: Some(60.1),
            stolen: None,
            stderr_lines_left_out: 0,
        },
        series: Vec::new(),
        marks: Vec::new(),
    }
}

/// One that failed in all ways that a report tells.
pub(crate) fn failed() -> Report {
    let rule = |rule: &str, passed| ThresholdReport {
        rule: rule.to_owned(),
        passed,
        found: "≥ 238ms".to_owned(),
    };
    let evidence = Evidence {
        stamp: Stamp::Invalid,
        what: "loop delay p99 5ms, the limit is 2ms".to_owned(),
        advice: "give it more cores".to_owned(),
    };
    Report {
        verdict: VerdictReport { stamp: Stamp::Invalid, evidence: vec![evidence] },
        exit: ExitReport { code: Exit::Invalid, reason: "INVALID; 1 threshold failed".to_owned() },
        thresholds: vec![rule("response.p95 < 200ms", false), rule("error_rate < 50%", true)],
        confidence: None,
        ..passed()
    }
}

/// One whose rate was held, until the end or not.
pub(crate) fn controlled() -> Report {
    let objective = |state, measured_ms, measured_share| ObjectiveReport {
        rule: "p95=200ms".to_owned(),
        means: "p95 within 200ms".to_owned(),
        limit_per_second: 99.9,
        state,
        measured_ms,
        measured_share,
        samples: 200,
    };
    let limit = |by, until_seconds| LimitReport {
        by,
        from_seconds: 1.2,
        until_seconds,
        asked_per_second: 100.0,
        begun_per_second: 99.0,
        completed_per_second: 71.4,
        service_ms: Some(0.1),
        best_service_ms: None,
        means: "the service is the limit".to_owned(),
    };
    let mut objectives = Doing::ALL.map(|doing| objective(doing, Some(199.9), None)).to_vec();
    objectives.push(objective(Doing::Holding, None, Some(0.01)));
    Report {
        control: Some(ControlReport {
            goal_per_second: 71.0,
            limited_by: Some("p95=200ms".to_owned()),
            objectives,
        }),
        limits: Limiter::ALL
            .map(|by| limit(by, Some(2.4)))
            .into_iter()
            .chain([limit(Limiter::Service, None)])
            .collect(),
        ..passed()
    }
}

pub(crate) fn search(end: SearchEnd) -> Report {
    Report {
        search: Some(SearchReport {
            end,
            held_per_second: Some(4_999.999),
            broken_per_second: None,
            broken_by: Some("p95=200ms".to_owned()),
            broken_ms: Some(1e-3),
            broken_share: None,
            trials: 7,
            hold_seconds: 30.0,
        }),
        ..passed()
    }
}

pub(crate) fn of_a_cluster() -> Report {
    let host = |verdict, complete, unknown_most| HostReport {
        id: "a1".to_owned(),
        name: "first".to_owned(),
        share: 1.0 / 3.0,
        started: 10,
        verdict,
        generator_lag_p99_ms: None,
        cpu_seconds: 0.3,
        times_lost: 1,
        complete,
        unknown_least: 0,
        unknown_most,
    };
    let lost = host(Stamp::Suspect, false, None);
    Report { nodes: vec![host(Stamp::Unjudged, true, Some(0)), lost], ..passed() }
}

pub(crate) fn all() -> Vec<(&'static str, Report)> {
    let mut all = vec![
        ("passed", passed()),
        ("failed", failed()),
        ("controlled", controlled()),
        ("of a cluster", of_a_cluster()),
    ];
    all.extend(SearchEnd::ALL.map(|end| (end.name(), search(end))));
    all.extend(Exit::ALL.map(|code| {
        let exit = ExitReport { code, reason: "why".to_owned() };
        ("ended", Report { exit, ..passed() })
    }));
    all
}
