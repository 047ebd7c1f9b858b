//! Runs to draw: a shop that is asked more than it holds, and one whose names want to do harm.

use std::sync::Arc;
use std::time::Duration;

use swell_core::RunInstant;
use swell_core::control::{Doing, Limiter};
use swell_core::exchange::{ErrorClass, Phase};
use swell_core::random::Random;
use swell_core::record::{Cause, Recorder, RunPhase, Snapshot, TransactionEnd, TransactionTimes};
use swell_core::verdict::Stamp;
use swell_report::record::{Frame, HostAbout, Mark, MarkKind, Moment, RecordForm, RecordHeader};
use swell_report::{Header, HostStatus, ObjectiveStatus, RunState, Status};

/// Names that want to do something to the terminal, or to its lines.
pub(crate) const EVIL: [&str; 3] =
    ["\x1b[2J\x1b[1A\nFORGED: passed", "𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵𝔵", "日本👩 a  b\r\t\u{202e}"];

pub(crate) fn at(seconds: u64) -> RunInstant {
    RunInstant::from_nanos(seconds * 1_000_000_000)
}

pub(crate) fn header(name: &str) -> Arc<RecordHeader> {
    Arc::new(RecordHeader {
        schema: RecordForm::First,
        run: Header {
            name: name.to_owned(),
            id: format!("id of {name}"),
            version: "0.1.0".to_owned(),
            seed: 1,
            scenario: name.to_owned(),
            scenarios: Vec::new(),
            file: "shop.wasm".to_owned(),
            file_hash: "abc".to_owned(),
            target: Some("http://127.0.0.1:8080".to_owned()),
            model: "open model, 100/s transactions, at most 10,000 users".to_owned(),
            asked_per_second: Some(100.0),
            grace: Duration::from_secs(30),
            timeout: Duration::from_secs(60),
            traceparent: false,
            user_agent: None,
            hold: None,
        },
        began_at: 1_795_000_000.5,
        command: Vec::new(),
        settings: Vec::new(),
        warm_up_seconds: 10.0,
        measured_seconds: Some(110.0),
        thresholds: Vec::new(),
        objectives: Vec::new(),
        host: HostAbout { name: "a".to_owned(), cores: 2, system: "linux x86_64".to_owned() },
        part: None,
    })
}

pub(crate) fn quiet_frame(second: u64) -> Frame {
    let status = Status { phase: RunState::Measuring, users: 12, ..Status::default() };
    Frame {
        from: at(second),
        until: at(second + 1),
        counted: Snapshot::default(),
        moment: Moment::of(&status),
    }
}

/// One in which so many transactions took between one and a hundred milliseconds.
pub(crate) fn busy_frame(second: u64, transactions: u64) -> Frame {
    let mut frame = quiet_frame(second);
    frame.moment.goal_per_second = Some(100.0);
    frame.counted = counted(second, transactions, &["sign in", "front page", "pay"]);
    frame
}

pub(crate) fn counted_of_names(second: u64, names: usize) -> Snapshot {
    let names: Vec<String> = (0..names).map(|number| format!("name {number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    counted(second, 2 * names.len() as u64, &names)
}

fn counted(second: u64, transactions: u64, names: &[&str]) -> Snapshot {
    let mut random = Random::stream(1, second);
    let mut recorder = Recorder::new(RunInstant::START);
    let kinds: Vec<_> =
        names.iter().map(|name| recorder.define(name).expect("it may be a name")).collect();
    let causes = [Cause::Status(503), Cause::Request(ErrorClass::Timeout(Phase::Waiting))];
    for number in 0..transactions {
        let kind = kinds[number as usize % kinds.len()];
        let started = at(second) + Duration::from_millis(random.below(900));
        let slow = if random.below(20) == 0 { 10 } else { 1 };
        let ended = started + Duration::from_micros((1_000 + random.below(9_000)) * slow);
        recorder.begun(kind, started, true);
        let times = TransactionTimes::unpaced(started, ended);
        let fails = number % 40 == 7;
        let cause = &causes[number as usize / 40 % 2];
        let end = if fails { TransactionEnd::Failed(cause) } else { TransactionEnd::Ok };
        recorder.ended(kind, &times, true, end);
        recorder.check(RunPhase::Measured, "has a title", number % 50 > 0);
    }
    recorder.take_window(at(second + 1), Snapshot::default())
}

fn node(name: &str, present: bool) -> HostStatus {
    HostStatus {
        name: name.to_owned(),
        share: 0.5,
        present,
        left: false,
        users: 6,
        per_second: 49.0,
        cores: 0.25,
        generator_lag_p99_ms: Some(0.4),
        verdict: Stamp::Valid,
    }
}

/// The frame of a second of the shop, and what happened in it.
pub(crate) fn shop(second: u64) -> (Frame, Option<Mark>) {
    let mut frame = busy_frame(second, 60 + second % 41);
    let moment = &mut frame.moment;
    (moment.under_way, moment.cores, moment.memory_mib) = (second % 7, Some(0.4), Some(118.0));
    if second < 10 {
        moment.phase = RunState::WarmUp;
        std::mem::swap(&mut frame.counted.warm_up, &mut frame.counted.measured);
    }
    if second >= 40 {
        moment.limited_by = Some(Limiter::Service);
        let words = "the service is the limit: 80/s completed and 100/s begun of 100/s";
        moment.limit = Some(words.to_owned());
    }
    let mark = |kind, text: &str| Some(Mark { at: at(second + 1), kind, text: text.to_owned() });
    let mark = match second {
        9 => mark(
            MarkKind::WarmUpOver,
            "the warm-up is over after 10.0 s: what begins now is measured",
        ),
        40 => mark(MarkKind::Limited, "the service is the limit: 80/s of 100/s"),
        45 => mark(MarkKind::GoalChanged, "goal 110/s, at the terminal"),
        _ => None,
    };
    (frame, mark)
}

/// The same with nodes, an objective, and names that want to do harm.
pub(crate) fn hostile(second: u64) -> (Frame, Option<Mark>) {
    let (mut frame, mark) = shop(second);
    frame.counted = counted(second, 50, &EVIL);
    let moment = &mut frame.moment;
    moment.phase = RunState::Measuring;
    moment.hosts = vec![node(EVIL[0], true), node(EVIL[1], false)];
    moment.held_by = Some(format!("it is broken\n{}", EVIL[0]));
    moment.objectives = vec![ObjectiveStatus {
        rule: format!("{}:p95=200ms", EVIL[2]),
        limit_per_second: 480.0,
        state: Doing::Holding,
        binding: true,
        measured: Some(0.193),
    }];
    (frame, mark.map(|mark| Mark { text: format!("{} {}", mark.text, EVIL[0]), ..mark }))
}
