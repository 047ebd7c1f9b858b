//! A record to test with: frames in which everything was counted that can be.

use std::time::Duration;

use swell_core::RunInstant;
use swell_core::exchange::{ErrorClass, Exchange, Phase, Phases, Protocol};
use swell_core::random::Random;
use swell_core::record::{
    Cause, MetricKind, Recorder, RunPhase, Snapshot, TransactionEnd, TransactionTimes,
};
use swell_core::verdict::Stamp;

use super::*;
use crate::report::{Header, Report};
use crate::status::{HostStatus, RunState, Status};

pub(super) fn header() -> RecordHeader {
    RecordHeader {
        schema: RecordForm::First,
        run: Header {
            name: "shop".to_owned(),
            id: "f00".to_owned(),
            version: "0.1.0".to_owned(),
            seed: u64::MAX,
            scenario: "shop".to_owned(),
            scenarios: Vec::new(),
            file: "shop.wasm".to_owned(),
            file_hash: "abc".to_owned(),
            target: Some("http://127.0.0.1:8080".to_owned()),
            model: "open model, 100/s transactions, at most 9 users".to_owned(),
            asked_per_second: Some(100.0),
            grace: Duration::from_secs(30),
            timeout: Duration::from_millis(2_500),
            traceparent: false,
            user_agent: None,
            hold: None,
        },
        began_at: 1_795_000_000.123_456_7,
        command: vec!["host".to_owned(), "run".to_owned(), "shop.wasm".to_owned()],
        settings: vec![("tps".to_owned(), Some("100".to_owned())), ("insecure".to_owned(), None)],
        warm_up_seconds: 0.5,
        measured_seconds: Some(9.5),
        thresholds: vec!["error_rate < 1%".to_owned()],
        objectives: Vec::new(),
        host: HostAbout { name: "a".to_owned(), cores: 2, system: "linux x86_64".to_owned() },
        part: None,
    }
}

pub(super) fn mark() -> Mark {
    Mark {
        at: at(1_500),
        kind: MarkKind::GoalChanged,
        text: "goal 200/s, over the control API".to_owned(),
    }
}

pub(super) fn report() -> Report {
    crate::report::samples::passed()
}

pub(super) fn at(ms: u64) -> RunInstant {
    RunInstant::from_nanos(ms * 1_000_000)
}

pub(super) fn host_status(name: &str) -> HostStatus {
    HostStatus {
        name: name.to_owned(),
        share: 0.5,
        present: true,
        left: false,
        users: 3,
        per_second: 50.0,
        cores: 0.25,
        generator_lag_p99_ms: Some(0.1),
        verdict: Stamp::Valid,
    }
}

/// A frame in which nothing was counted.
pub(super) fn quiet_frame(from: u64, until: u64) -> Frame {
    let status = Status { phase: RunState::Measuring, users: 5, ..Status::default() };
    Frame {
        from: at(from * 1_000),
        until: at(until * 1_000),
        counted: Snapshot::default(),
        moment: Moment::of(&status),
    }
}

/// A frame in which so many transactions ended, in every way; no two such frames are alike.
pub(super) fn frame(from: u64, until: u64, transactions: u64) -> Frame {
    let mut frame = quiet_frame(from, until);
    frame.moment.hosts = vec![host_status("a"), host_status("b")];
    frame.moment.goal_per_second = Some(transactions as f64);
    (frame.moment.cores, frame.moment.memory_mib) = (Some(until as f64), Some(from as f64));
    frame.counted = counted(from, transactions);
    frame
}

fn counted(seed: u64, transactions: u64) -> Snapshot {
    let mut random = Random::stream(seed, transactions);
    // What is meant for the first half second is of the warm-up.
    let mut recorder = Recorder::new(at(500));
    let names = ["front page", "pay"].map(|name| recorder.define(name).unwrap());
    let causes = [
        Cause::Status(503),
        Cause::Request(ErrorClass::Timeout(Phase::Waiting)),
        Cause::Said("no \"basket\""),
        Cause::NotEnded,
    ];
    for number in 0..transactions {
        let (name, intended) = (names[random.below(2) as usize], at(random.below(1_000)));
        let started = intended + Duration::from_micros(random.below(900));
        let ended = started + Duration::from_micros(random.below(90_000));
        let how = match random.below(8) {
            0 => TransactionEnd::Failed(&causes[random.below(4) as usize]),
            1 => TransactionEnd::Interrupted,
            _ => TransactionEnd::Ok,
        };
        recorder.begun(name, intended, true);
        let times = TransactionTimes { intended, ..TransactionTimes::unpaced(started, ended) };
        recorder.ended(name, &times, true, how);
        let mut phases = Phases::default();
        phases.add(Phase::Waiting, Duration::from_micros(random.below(90_000)));
        let result = if number % 5 == 0 { Err(ErrorClass::Reset) } else { Ok(200) };
        let exchange = Exchange {
            protocol: Protocol::Http,
            result,
            phases,
            written: 1,
            reconnects: 0,
            connections: 1,
            body_bytes: 77,
        };
        recorder.exchange(RunPhase::Measured, &exchange, result.is_ok());
    }
    recorder.check(RunPhase::Measured, "has a title", seed.is_multiple_of(2));
    for kind in MetricKind::ALL {
        let metric = recorder.define_metric(kind.name(), kind).unwrap();
        let value = random.below(100) as f64;
        recorder.metric(RunPhase::Measured, at(600), metric, value, &[("of", "a kind")]);
    }
    recorder.trap("out of fuel");
    recorder.take_window(at(1_000), Snapshot::default())
}
