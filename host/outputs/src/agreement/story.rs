//! A run for all views: three names, failures, checks, metrics with tags, a goal that was changed,
//! two hosts of which one was lost, and transactions that were cut off at the end.

use std::sync::Arc;
use std::time::Duration;

use swell_core::RunInstant;
use swell_core::exchange::{ErrorClass, Exchange, Phase, Phases, Protocol};
use swell_core::random::Random;
use swell_core::record::{
    Cause, MetricKind, Recorder, RunPhase, Snapshot, SocketEvent, TransactionEnd, TransactionTimes,
};
use swell_core::verdict::Stamp;
use swell_report::record::{Frame, Mark, MarkKind, Moment, RecordHeader};
use swell_report::{HostStatus, Report, RunState, Status};

use crate::outputs::Outputs;
use crate::samples::{header, report};

/// Its transactions.
pub(super) const NAMES: [&str; 3] = ["front page", "sign in", "pay"];

/// How many seconds it measures.
const SECONDS: u64 = 10;

/// See the module's documentation.
pub(super) struct Story {
    pub(super) header: Arc<RecordHeader>,
    pub(super) frames: Vec<Frame>,
    pub(super) marks: Vec<Mark>,
    pub(super) report: Report,
}

impl Story {
    pub(super) fn new() -> Self {
        let frames = frames();
        let mut all = Snapshot::default();
        frames.iter().for_each(|frame| all.merge(&frame.counted));
        let mark = |ms, kind, text: &str| Mark { at: at(ms), kind, text: text.to_owned() };
        let marks = vec![
            mark(5_000, MarkKind::GoalChanged, "goal 90/s, over the control API"),
            mark(8_000, MarkKind::HostLost, "host b is not heard any more"),
        ];
        Self { header: header("shop"), frames, marks, report: report("shop", all) }
    }

    /// Tells it to outputs, as a run does that waits for them.
    pub(super) fn tell(&self, outputs: &Outputs) {
        outputs.begin(&self.header);
        for frame in &self.frames {
            outputs.wait_for_room();
            outputs.frame(&self.header, &Arc::new(frame.clone()));
            let in_frame = |mark: &&Mark| frame.from <= mark.at && mark.at < frame.until;
            for mark in self.marks.iter().filter(in_frame) {
                outputs.mark(&self.header, mark);
            }
        }
        outputs.over(&self.header, Some(&self.report));
    }

    /// What a scraper is served at the end.
    pub(super) fn metrics(&self) -> String {
        let address = "127.0.0.1:0".parse().expect("it is an address");
        let outputs = Outputs::of(vec![Box::new(crate::Prometheus::new(address, None))]);
        self.tell(&outputs);
        outputs.pages()[0].1.render()
    }
}

fn at(ms: u64) -> RunInstant {
    RunInstant::START + Duration::from_millis(ms)
}

/// Each second, and one more in which what is under way is cut off.
fn frames() -> Vec<Frame> {
    let mut recorder = Recorder::new(RunInstant::START);
    let mut random = Random::stream(14, 2);
    let names = NAMES.map(|name| recorder.define(name).expect("a name that may be"));
    let metrics = MetricKind::ALL
        .map(|kind| recorder.define_metric(kind.name(), kind).expect("a name that may be"));
    let mut frames = Vec::new();
    for second in 0..=SECONDS {
        let is_over = second == SECONDS;
        for number in 0..if is_over { 3 } else { 150 } {
            let name = names[random.below(3) as usize];
            let intended = at(second.min(SECONDS - 1) * 1_000 + random.below(900));
            let parked_at = intended + Duration::from_micros(random.below(3_000));
            let started = parked_at + Duration::from_micros(random.below(500));
            let ended = started + Duration::from_micros(2_000 + random.below(90_000));
            let times = TransactionTimes { intended, parked_at, started, ended };
            let causes = [Cause::Status(503), Cause::Said("no \"basket\"")];
            let end = match number % 10 {
                _ if is_over => TransactionEnd::Interrupted,
                9 => TransactionEnd::Failed(&causes[random.below(2) as usize]),
                _ => TransactionEnd::Ok,
            };
            recorder.begun(name, intended, true);
            recorder.ended(name, &times, true, end);
            let mut phases = Phases::default();
            phases.add(Phase::Waiting, Duration::from_micros(2_000 + random.below(90_000)));
            let result = if number % 50 == 0 { Err(ErrorClass::Reset) } else { Ok(200) };
            let exchange = Exchange {
                protocol: Protocol::Http,
                result,
                phases,
                written: 1,
                reconnects: 0,
                connections: u32::from(number % 20 == 0),
                body_bytes: 4_321,
            };
            recorder.exchange(RunPhase::Measured, &exchange, result.is_ok());
            recorder.check(RunPhase::Measured, "has a title", number % 7 > 0);
            for event in [SocketEvent::Opened, SocketEvent::Sent(14), SocketEvent::Received(7)] {
                recorder.socket(RunPhase::Measured, event);
            }
        }
        for metric in metrics {
            for tags in [[("of", "one kind")], [("of", "another")]] {
                let value = random.below(1_000) as f64 / 8.0;
                recorder.metric(RunPhase::Measured, at(second * 1_000), metric, value, &tags);
            }
        }
        let (from, until) = (at(second * 1_000), at((second + 1) * 1_000));
        let counted = recorder.take_window(until, Snapshot::default());
        frames.push(Frame { from, until, counted, moment: moment(second) });
    }
    frames
}

/// Where it is at the end of a second.
fn moment(second: u64) -> Moment {
    let host = |name: &str, present: bool| HostStatus {
        name: name.to_owned(),
        share: if present { 0.5 } else { 0.0 },
        present,
        left: false,
        users: 3,
        per_second: 75.0,
        cores: 0.25,
        generator_lag_p99_ms: Some(0.4),
        verdict: Stamp::Valid,
    };
    Moment::of(&Status {
        phase: if second < SECONDS { RunState::Measuring } else { RunState::Draining },
        users: 6,
        under_way: 2,
        goal_per_second: Some(if second < 5 { 150.0 } else { 90.0 }),
        hosts: vec![host("a", true), host("b", second < 8)],
        ..Status::default()
    })
}
