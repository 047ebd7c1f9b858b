//! A run to test with: its header, a frame, a mark, the results.

use std::sync::Arc;
use std::time::Duration;

use swell_core::RunInstant;
use swell_core::random::Random;
use swell_core::record::{Recorder, Snapshot, TransactionEnd, TransactionTimes};
use swell_report::record::{Frame, HostAbout, Mark, MarkKind, Moment, RecordForm, RecordHeader};
use swell_report::{Exit, ExitReport, Header, ReportOfRuns, RunState, Status, Written};

pub(crate) fn header(name: &str) -> Arc<RecordHeader> {
    Arc::new(RecordHeader {
        schema: RecordForm::First,
        run: Header {
            name: name.to_owned(),
            id: "f00".to_owned(),
            version: "0.1.0".to_owned(),
            seed: 1,
            scenario: name.to_owned(),
            file: "shop.wasm".to_owned(),
            file_hash: "abc".to_owned(),
            target: None,
            model: "closed model, 1 user".to_owned(),
            asked_per_second: None,
            grace: Duration::from_secs(30),
            timeout: Duration::from_secs(60),
            traceparent: false,
            hold: None,
        },
        began_at: 1_795_000_000.5,
        command: Vec::new(),
        settings: Vec::new(),
        warm_up_seconds: 0.0,
        measured_seconds: None,
        thresholds: Vec::new(),
        objectives: Vec::new(),
        host: HostAbout { name: "a".to_owned(), cores: 2, system: "linux x86_64".to_owned() },
        part: None,
    })
}

/// The frame of one second, in which so many transactions began.
pub(crate) fn frame(second: u64, started: u64) -> Arc<Frame> {
    let at = |seconds| RunInstant::START + Duration::from_secs(seconds);
    let mut counted = Snapshot::default();
    counted.measured.total.counts.started = started;
    let status = Status { phase: RunState::Measuring, ..Status::default() };
    Arc::new(Frame {
        from: at(second),
        until: at(second + 1),
        counted,
        moment: Moment::of(&status),
    })
}

pub(crate) fn mark() -> Mark {
    let text = "goal 5/s, over the control API".to_owned();
    Mark { at: RunInstant::START, kind: MarkKind::GoalChanged, text }
}

/// The results of a command without runs.
pub(crate) fn results() -> Written {
    let exit = ExitReport { code: Exit::Passed, reason: "passed".to_owned() };
    Written::Runs(Box::new(ReportOfRuns::of(&[], exit)))
}

/// The frame of one second, in which so many transactions took between nothing and a tenth of a
/// second.
pub(crate) fn busy_frame(second: u64, transactions: u64) -> Frame {
    let mut random = Random::stream(1, second);
    let from = RunInstant::START + Duration::from_secs(second);
    let mut recorder = Recorder::new(RunInstant::START);
    let name = recorder.define("front page").expect("a name that may be");
    for _ in 0..transactions {
        let until = from + Duration::from_micros(random.below(100_000));
        recorder.begun(name, from, true);
        let times = TransactionTimes::unpaced(from, until);
        recorder.ended(name, &times, true, TransactionEnd::Ok);
    }
    let mut frame = (*frame(second, 0)).clone();
    frame.counted = recorder.take_window(frame.until, Snapshot::default());
    frame
}
