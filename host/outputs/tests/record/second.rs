//! A run whose seconds are like those of real ones, for the test of a record's size.

use std::time::Duration;

use swell_core::RunInstant;
use swell_core::exchange::{Exchange, Phase, Phases, Protocol};
use swell_core::random::Random;
use swell_core::record::{Recorder, RunPhase, Snapshot, TransactionEnd, TransactionTimes, Whose};
use swell_report::record::RecordHeader;

/// What is known of the run when it begins.
pub(crate) fn header() -> RecordHeader {
    let header = serde_json::json!({
        "schema": "swell.record/1", "name": "shop", "id": "f00", "version": "0.1.0", "seed": 7,
        "scenario": "shop", "file": "shop.wasm", "file_hash": "abc", "target": null,
        "model": "open model, 5,000/s transactions", "asked_per_second": 5000.0,
        "grace_seconds": 30.0, "timeout_seconds": 30.0, "hold_seconds": null, "began_at": 0.0,
        "command": [], "settings": [], "warm_up_seconds": 0.0, "measured_seconds": null,
        "thresholds": [], "objectives": [],
        "host": { "name": "a", "cores": 2, "system": "linux x86_64" },
    });
    serde_json::from_value(header).expect("a header is read from its JSON")
}

/// What was counted in this second, in which so many transactions ended, of so many names. Each
/// name has a service time of its own, log-normal, of which a tenth of a percent take more than
/// three times as long as the median, and each transaction one request; starts are up to 0.2 ms
/// late.
pub(crate) fn second(number: u64, transactions: u64, names: u64) -> Snapshot {
    let mut random = Random::stream(1, number);
    let begins = RunInstant::START + Duration::from_secs(number);
    let mut recorder = Recorder::new(RunInstant::START);
    let kinds: Vec<_> = (0..names)
        .map(|name| recorder.define(&format!("page {name}")).expect("fewer than a thousand"))
        .collect();
    for place in 0..transactions {
        let name = place % names;
        let (kind, median_ms) = (kinds[name as usize], 2.0 * 1.2_f64.powi(name as i32));
        let normal: f64 = (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
        let took = Duration::from_secs_f64(median_ms / 1e3 * (0.35 * normal).exp());
        let intended = begins + Duration::from_nanos(place * 1_000_000_000 / transactions);
        let started = intended + Duration::from_nanos(random.below(200_000));
        let times = TransactionTimes {
            intended,
            parked_at: intended,
            started,
            ended: started + took + Duration::from_micros(40),
        };
        let mut phases = Phases::default();
        phases.add(Phase::Sending, Duration::from_nanos(10_000 + random.below(10_000)));
        phases.add(Phase::Waiting, took.mul_f64(0.9));
        phases.add(Phase::Receiving, took.mul_f64(0.1));
        let exchange = Exchange {
            protocol: Protocol::Http,
            result: Ok(200),
            phases,
            written: 1,
            reconnects: 0,
            connections: 0,
            body_bytes: 2_000 + random.below(9_000),
        };
        recorder.begun(kind, intended, true);
        recorder.exchange(RunPhase::Measured, &exchange, true);
        recorder.check(RunPhase::Measured, "has a title", true);
        recorder.ended(kind, &times, true, TransactionEnd::Ok);
        let whose = Whose { iteration: number * transactions + place, user: place };
        recorder.note(kind, &times, whose, TransactionEnd::Ok);
    }
    // Two threads look at the clock each five milliseconds.
    for _ in 0..400 {
        let late = Duration::from_nanos(50_000 + random.below(100_000));
        recorder.loop_delay(begins, late);
    }
    recorder.take_window(begins + Duration::from_secs(1), Snapshot::default())
}
