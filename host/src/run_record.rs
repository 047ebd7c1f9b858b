//! What the outputs hear of a run: its record, as it is made.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use swell_core::RunInstant;
use swell_core::plan::WeightedScenario;
use swell_core::record::Snapshot;
use swell_core::run::{Look, RunOutcome};
use swell_core::threshold::Threshold;
use swell_core::units::print_duration;
use swell_driver::{RunPlan, machine};
use swell_outputs::Outputs;
use swell_report::record::{
    Frame, HostAbout, Mark, MarkKind, MarkWatch, Moment, RecordForm, RecordHeader, without_secret,
};
use swell_report::{Report, RunState, Status, typed_method};

use crate::finished::header;
use crate::own_use::OwnUse;
use crate::prepare::{Pair, Prepared};
use crate::run_identity::RunIdentity;

/// See the module's documentation.
pub(crate) struct RunRecord {
    outputs: Outputs,
    header: RecordHeader,
    /// The same once the outputs know of the run.
    begun: Option<Arc<RecordHeader>>,
    thresholds: Vec<Threshold>,
    /// What was counted since the last frame, and where that ended.
    counted: Snapshot,
    until: RunInstant,
    marks: MarkWatch,
    own_use: OwnUse,
    is_over: bool,
}

/// What somebody has asked of a run, and when.
pub(crate) struct RunRequest {
    pub(crate) at: Instant,
    pub(crate) kind: MarkKind,
    pub(crate) text: String,
}

impl RunRecord {
    /// The record of a run that is about to begin.
    pub(crate) fn new(prepared: &Prepared, outputs: Outputs) -> Self {
        let header = record_header(&prepared.subject(), &prepared.plan);
        Self::of(header, prepared.plan.plan.thresholds.clone(), outputs)
    }

    /// The record of a run that took place, of which the header knows when it began.
    pub(crate) fn of_past(
        header: RecordHeader,
        thresholds: Vec<Threshold>,
        outputs: Outputs,
    ) -> Self {
        let began_at = Duration::try_from_secs_f64(header.began_at).unwrap_or_default();
        let mut this = Self::of(header, thresholds, outputs);
        this.begin(|| began_at);
        this
    }

    fn of(header: RecordHeader, thresholds: Vec<Threshold>, outputs: Outputs) -> Self {
        Self {
            outputs,
            header,
            begun: None,
            thresholds,
            counted: Snapshot::default(),
            until: RunInstant::START,
            marks: MarkWatch::default(),
            own_use: OwnUse::since_now(),
            is_over: false,
        }
    }

    /// Adds what was counted.
    pub(crate) fn count(&mut self, counted: &Snapshot) {
        if self.outputs.hear_frames() {
            self.counted.merge(counted);
        }
    }

    /// A second is over. What somebody `asked` in it is marked.
    pub(crate) fn look(&mut self, look: &Look<'_>, status: &Status, asked: Vec<RunRequest>) {
        let run = self.begin(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            now.saturating_sub(look.elapsed)
        });
        if !self.outputs.hear_frames() {
            return;
        }
        let until = RunInstant::START + look.elapsed;
        let frame = self.frame(&run, until, status);
        self.mark(&run, asked, |asked| until - asked.elapsed());
        let measured_from = RunInstant::START + look.warm_up;
        let so_far = (&self.thresholds[..], &look.total.measured);
        let seen = self.marks.see(&frame, measured_from, so_far);
        for mark in seen.into_iter().chain(self.marks.see_broken(look.broken)) {
            self.outputs.mark(&run, &mark);
        }
    }

    /// Nothing more is counted: tells what was since the last second, and what somebody `asked` in
    /// it.
    pub(crate) fn rest(&mut self, outcome: &RunOutcome, status: Status, asked: Vec<RunRequest>) {
        let run = self.begin(|| outcome.began_at);
        if !self.outputs.hear_frames() {
            return;
        }
        let (looked, until) = (self.own_use.looked_at(), self.until);
        let last = self.counted.extent.map_or(until, |extent| extent.until);
        let frame = (self.counted != Snapshot::default()).then(|| {
            let status = Status { phase: RunState::Draining, ..status };
            self.frame(&run, last.max(until), &status)
        });
        self.mark(&run, asked, |asked| until + asked.saturating_duration_since(looked));
        for mark in self.marks.see_broken(&outcome.broken) {
            self.outputs.mark(&run, &mark);
        }
        let measured_from = RunInstant::START + outcome.warm_up;
        let all = (&self.thresholds[..], &outcome.snapshot.measured);
        for mark in frame.iter().flat_map(|frame| self.marks.see(frame, measured_from, all)) {
            self.outputs.mark(&run, &mark);
        }
    }

    /// Marks what somebody asked, `at` some instant.
    fn mark(
        &mut self,
        run: &RecordHeader,
        asked: Vec<RunRequest>,
        at: impl Fn(Instant) -> RunInstant,
    ) {
        let mark = |RunRequest { at: asked, kind, text }| Mark { at: at(asked), kind, text };
        for mark in self.marks.take(asked.into_iter().map(mark).collect()) {
            self.outputs.mark(run, &mark);
        }
    }

    /// The run is over, with what it came to.
    pub(crate) fn over(&mut self, report: Option<&Report>) {
        if let Some(run) = self.begun.as_ref().filter(|_| !self.is_over) {
            self.outputs.over(run, report);
        }
        self.is_over = true;
    }

    fn begin(&mut self, began_at: impl FnOnce() -> Duration) -> Arc<RecordHeader> {
        let run = self.begun.get_or_insert_with(|| {
            let began_at = began_at().as_secs_f64();
            let run = Arc::new(RecordHeader { began_at, ..self.header.clone() });
            self.outputs.begin(&run);
            run
        });
        Arc::clone(run)
    }

    fn frame(&mut self, run: &RecordHeader, until: RunInstant, status: &Status) -> Arc<Frame> {
        let mut moment = Moment::of(status);
        let (cores, memory_mib) = self.own_use.look();
        // Where several hosts share the run, each has told of its own.
        if moment.hosts.is_empty() {
            (moment.cores, moment.memory_mib) = (Some(cores), memory_mib);
        }
        let counted = std::mem::take(&mut self.counted);
        let from = std::mem::replace(&mut self.until, until);
        let frame = Arc::new(Frame { from, until, counted, moment });
        self.outputs.frame(run, &frame);
        frame
    }
}

impl Drop for RunRecord {
    /// Whatever had the run break off, nobody waits for more of it.
    fn drop(&mut self) {
        self.over(None);
    }
}

/// What is known of a run before it begins, but for when it does.
pub(crate) fn record_header(subject: &RunIdentity, plan: &RunPlan) -> RecordHeader {
    let settings: Vec<Pair> = subject
        .settings
        .iter()
        .map(|(key, value)| (key.clone(), value.as_ref().map(|value| without_secret(key, value))))
        .collect();
    let objectives = plan.plan.control.as_ref().map(|control| &control.objectives);
    RecordHeader {
        schema: RecordForm::First,
        command: command(subject, plan, &settings),
        run: header(subject, plan),
        began_at: 0.0,
        settings,
        warm_up_seconds: plan.plan.warm_up.as_secs_f64(),
        measured_seconds: plan.plan.stop.measured.map(|measured| measured.as_secs_f64()),
        thresholds: plan.plan.thresholds.iter().map(ToString::to_string).collect(),
        objectives: objectives.into_iter().flatten().map(ToString::to_string).collect(),
        host: this_machine(),
        part: None,
    }
}

/// This machine, as far as figures depend on it.
pub(crate) fn this_machine() -> HostAbout {
    let name = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    HostAbout {
        name: text(name.nodename()),
        cores: machine::allowed_cores() as u64,
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    }
}

/// The command line that does the same again, if what is not kept is given once more.
fn command(subject: &RunIdentity, plan: &RunPlan, settings: &[Pair]) -> Vec<String> {
    let search = plan.search();
    let what = if search.is_some() { "find" } else { "run" };
    let mut command = vec!["host".to_owned(), what.to_owned(), subject.file.clone()];
    // A file's `conduct` says it without a setting.
    if !settings.iter().any(|(key, _)| key == "scenario") {
        let are_several = subject.scenarios.len() > 1;
        let said = |one: &WeightedScenario| {
            if are_several { one.to_string() } else { one.name.clone() }
        };
        let said = subject.scenarios.iter().map(said);
        command.extend(said.flat_map(|said| ["--scenario".to_owned(), said]));
    }
    if let Some(method) = typed_method(&subject.file, &subject.scenario) {
        command.extend(["--method".to_owned(), method.to_owned()]);
    }
    for (key, value) in settings.iter().filter(|(key, _)| key != "seed") {
        command.push(format!("--{key}"));
        command.extend(value.clone());
    }
    if let Some(search) = search {
        let lengths = [("--hold", search.hold), ("--budget", search.budget)];
        command.extend(
            lengths.iter().flat_map(|(flag, time)| [(*flag).to_owned(), print_duration(*time)]),
        );
    }
    command.extend(["--seed".to_owned(), subject.seed.to_string()]);
    command
}
