//! What one transaction has a worker record: for the test that counts its allocations and for the
//! bench that counts its instructions.

use std::time::Duration;

use swell_core::RunInstant;
use swell_core::exchange::{ErrorClass, Exchange, Phase, Phases, Protocol};
use swell_core::record::{
    Cause, IterationEnd, MetricKind, Recorder, RunPhase, TransactionEnd, TransactionTimes, Whose,
};

/// A transaction with a request, a check and a value of each kind of metric, every tenth of them
/// failed.
pub(crate) fn sample(recorder: &mut Recorder, number: u64) {
    let at = |offset: u64| RunInstant::from_nanos(number * 1_000_000 + offset);
    let kind = recorder.define("page").expect("a legal name");
    let metric = recorder.define_metric("size", MetricKind::Trend).expect("a legal name");
    let fails = number.is_multiple_of(10);
    recorder.iteration_begun(RunPhase::Measured);
    recorder.begun(kind, at(0), true);
    let mut phases = Phases::default();
    phases.add(Phase::Sending, Duration::from_nanos(20_000 + number % 977));
    phases.add(Phase::Waiting, Duration::from_nanos(500_000 + number * 31 % 100_003));
    let result = if fails { Err(ErrorClass::Reset) } else { Ok(200) };
    recorder.exchange(
        RunPhase::Measured,
        &Exchange {
            protocol: Protocol::Http,
            result,
            phases,
            written: 1,
            reconnects: 0,
            connections: 0,
            body_bytes: 2,
        },
        true,
    );
    recorder.check(RunPhase::Measured, "has a title", !fails);
    recorder.metric(RunPhase::Measured, at(0), metric, (number % 100) as f64, &[("page", "front")]);
    let times = TransactionTimes {
        intended: at(0),
        parked_at: at(10),
        started: at(30_000),
        ended: at(700_000),
    };
    let cause = Cause::Said("no title");
    let ended = if fails { TransactionEnd::Failed(&cause) } else { TransactionEnd::Ok };
    recorder.ended(kind, &times, true, ended);
    // The numbers of a test come again, and a run's clock never goes back: what is noted is at one
    // instant, so that none but the first ten have a place.
    let at = |nanos: u64| RunInstant::from_nanos(nanos);
    let noted = TransactionTimes::unpaced(at(30_000), at(700_000));
    recorder.note(kind, &noted, Whose { iteration: 0, user: 0 }, ended);
    recorder.iteration_ended(
        RunPhase::Measured,
        if fails { IterationEnd::Failed } else { IterationEnd::Ok },
    );
    recorder.loop_delay(at(0), Duration::from_micros(20));
}
