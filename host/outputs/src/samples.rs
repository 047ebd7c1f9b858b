//! A run to test with: its header, a frame, a mark, the results.

use std::sync::Arc;
use std::time::Duration;

use swell_core::RunInstant;
use swell_core::random::Random;
use swell_core::record::{
    Batches, Cause, Recorder, RunPhase, Snapshot, TransactionEnd, TransactionTimes,
};
use swell_core::run::{EndCause, MachineRecord, RunOutcome};
use swell_core::threshold::Threshold;
use swell_report::record::{Frame, HostAbout, Mark, MarkKind, Moment, RecordForm, RecordHeader};
use swell_report::{
    Exit, ExitReport, Header, LeftOut, Report, ReportOfRuns, Rules, RunState, Status, Written,
};

pub(crate) fn header(name: &str) -> Arc<RecordHeader> {
    Arc::new(RecordHeader {
        schema: RecordForm::First,
        run: Header {
            name: name.to_owned(),
            id: "f00".to_owned(),
            version: "0.1.0".to_owned(),
            seed: 1,
            scenario: name.to_owned(),
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

/// What a run of this name came to that counted this in ten seconds.
pub(crate) fn report(name: &str, snapshot: Snapshot) -> Report {
    report_of(name, snapshot, &[])
}

fn report_of(name: &str, snapshot: Snapshot, thresholds: &[Threshold]) -> Report {
    let outcome = RunOutcome {
        cause: EndCause::Finished,
        requests_written: snapshot.measured.total.counts.started,
        snapshot,
        measured: Duration::from_secs(10),
        warm_up: Duration::ZERO,
        is_steady: None,
        users_at_once: 1,
        acted: Vec::new(),
        began_at: Duration::from_secs(1_795_000_000),
        machine: MachineRecord::default(),
        control: None,
        limits: Vec::new(),
        batches: Batches::default(),
        nodes: Vec::new(),
        broken: Vec::new(),
    };
    let rules = Rules { thresholds, room: None, accepts_invalid: false, allow_all_failed: false };
    let left_out = LeftOut { stderr_lines: 0, log_lines: 0 };
    Report::of(&header(name).run, &rules, &outcome, left_out)
}

/// The results of a command without runs.
pub(crate) fn results() -> Written {
    let exit = ExitReport { code: Exit::Passed, reason: "passed".to_owned() };
    Written::Runs(Box::new(ReportOfRuns::of(&[], exit)))
}

/// The frame of one second, in which so many transactions took between nothing and a tenth of a
/// second.
pub(crate) fn busy_frame(second: u64, transactions: u64) -> Frame {
    let mut frame = (*frame(second, 0)).clone();
    frame.counted = counted(second, transactions, RunInstant::START);
    frame
}

/// The same of a second of the warm-up.
pub(crate) fn warm_frame(second: u64, transactions: u64) -> Frame {
    let mut frame = (*frame(second, 0)).clone();
    frame.moment.phase = RunState::WarmUp;
    frame.counted = counted(second, transactions, frame.until);
    frame
}

fn counted(second: u64, transactions: u64, measured_from: RunInstant) -> Snapshot {
    let mut random = Random::stream(1, second);
    let from = RunInstant::START + Duration::from_secs(second);
    let mut recorder = Recorder::new(measured_from);
    let name = recorder.define("front page").expect("a name that may be");
    for _ in 0..transactions {
        let until = from + Duration::from_micros(random.below(100_000));
        recorder.begun(name, from, true);
        let times = TransactionTimes::unpaced(from, until);
        recorder.ended(name, &times, true, TransactionEnd::Ok);
    }
    recorder.take_window(from + Duration::from_secs(1), Snapshot::default())
}

/// A name that wants to be markup, a command to a terminal, or the end of what it stands in.
pub(crate) const EVIL: &str = "a\u{1b}[2J\n</testcase>\"& | `x` @me \u{ffff}";

/// What a run came to that failed a threshold: of 100 transactions of 10 ms ten failed, and a check
/// of the name [`EVIL`] did once.
pub(crate) fn failed_report(name: &str) -> Report {
    let at = |ms: u64| RunInstant::from_nanos(ms * 1_000_000);
    let mut recorder = Recorder::new(at(0));
    let kind = recorder.define("page").expect("it is a name");
    for number in 0..100 {
        let cause = Cause::Status(500);
        let end = if number < 90 { TransactionEnd::Ok } else { TransactionEnd::Failed(&cause) };
        recorder.begun(kind, at(10), true);
        recorder.ended(kind, &TransactionTimes::unpaced(at(10), at(20)), true, end);
    }
    for (name, passed) in [("has a title", true), (EVIL, true), (EVIL, false)] {
        recorder.check(RunPhase::Measured, name, passed);
    }
    let thresholds =
        ["error_rate < 1%", "response.p50 < 1s"].map(|rule| rule.parse().expect("it is one"));
    report_of(name, recorder.take_window(at(10_000), Snapshot::default()), &thresholds)
}
