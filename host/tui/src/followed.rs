//! One run that is followed: what it is, how it went so far, and what it came to.

use std::sync::Arc;
use std::time::Duration;

use swell_core::RunInstant;
use swell_core::verdict::Stamp;
use swell_report::record::{Frame, Mark, MarkKind, Moment, RecordHeader};
use swell_report::{ExitReport, Report, RunState};

use crate::course::{CountedWindow, DRAWN, PercentileCurve, Points, ShownCourse};

/// Marks that are drawn.
const MAX_MARKS: usize = 200;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) header: Arc<RecordHeader>,
    course: ShownCourse,
    /// Instants of marks, the latest last.
    pub(crate) marks: Vec<f64>,
    /// When something was last completed, or the run last went on.
    completed_at: RunInstant,
    /// What it came to, once it is over; nothing in it where it broke off.
    pub(crate) ended: Option<Option<(Stamp, ExitReport)>>,
    /// The goal that somebody asked for, or the plan.
    asked: Option<f64>,
    /// The same since the latest frame, which does not show it yet.
    just_asked: Option<f64>,
    /// What is drawn of it, which is reckoned once for each frame that is looked at.
    pub(crate) reckoned: Reckoned,
    /// Whether something has changed since.
    is_stale: bool,
}

/// What is told of a window.
#[derive(Debug, Default)]
pub(crate) struct Reckoned {
    pub(crate) counted: CountedWindow,
    pub(crate) completed: Points,
    pub(crate) goals: Points,
    pub(crate) response: [PercentileCurve; DRAWN.len()],
}

impl Followed {
    pub(crate) fn new(header: &Arc<RecordHeader>) -> Self {
        Self {
            header: Arc::clone(header),
            course: ShownCourse::default(),
            marks: Vec::new(),
            completed_at: RunInstant::START,
            ended: None,
            asked: header.run.asked_per_second,
            just_asked: None,
            reckoned: Reckoned::default(),
            is_stale: true,
        }
    }

    /// A frame follows.
    pub(crate) fn handle_frame(&mut self, frame: &Frame) {
        let moment = &frame.moment;
        let is_idle = moment.under_way == 0 || moment.phase == RunState::Paused;
        if frame.completed_per_second() > 0.0 || is_idle {
            self.completed_at = frame.until;
        }
        self.course.handle_frame(frame);
        (self.is_stale, self.just_asked) = (true, None);
    }

    pub(crate) fn handle_mark(&mut self, mark: &Mark) {
        if mark.kind == MarkKind::WarmUpOver {
            self.course.handle_warm_up_over(mark.at);
        }
        if self.marks.len() >= MAX_MARKS {
            self.marks.remove(0);
        }
        self.marks.push(mark.at.as_secs_f64());
    }

    pub(crate) fn handle_over(&mut self, report: Option<&Report>) {
        self.ended = Some(report.map(|report| (report.verdict.stamp, report.exit.clone())));
    }

    /// What is reckoned is of another window.
    pub(crate) const fn make_stale(&mut self) {
        self.is_stale = true;
    }

    /// Reckons what is told of a window, if that is not known.
    pub(crate) fn reckon(&mut self, window: Option<Duration>) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        self.reckoned = Reckoned {
            counted: self.course.counted(window),
            completed: self.course.completed(window),
            goals: self.course.goals(window),
            response: [0, 1, 2].map(|place| self.course.response(window, place)),
        };
    }

    /// Where it is; nothing before its first frame.
    pub(crate) fn moment(&self) -> Option<&Moment> {
        self.course.latest().map(|frame| &frame.moment)
    }

    /// What it is doing.
    pub(crate) fn state(&self) -> RunState {
        match self.moment() {
            _ if self.ended.is_some() => RunState::Over,
            Some(moment) => moment.phase,
            None => RunState::Preparing,
        }
    }

    /// How far it is.
    pub(crate) fn until(&self) -> RunInstant {
        self.course.until()
    }

    /// What is completed a second at the moment.
    pub(crate) fn per_second(&self) -> f64 {
        self.course.per_second()
    }

    /// For how long nothing has been completed.
    pub(crate) fn silence(&self) -> Duration {
        self.until().since(self.completed_at)
    }

    /// When the plan has it end, at the latest; nothing where no clock ends it.
    pub(crate) fn ends_at(&self) -> Option<Duration> {
        let measured = self.header.measured_seconds?;
        Duration::try_from_secs_f64(self.header.warm_up_seconds + measured).ok()
    }

    /// The goal that a change begins from.
    pub(crate) fn goal(&self) -> Option<f64> {
        let of_moment = self.moment().and_then(|moment| moment.goal_per_second);
        // Where objectives decide, the goal is the most that they may lead to.
        let is_held = self.moment().is_some_and(|moment| !moment.objectives.is_empty());
        let known = if is_held { self.asked.or(of_moment) } else { of_moment.or(self.asked) };
        self.just_asked.or(known)
    }

    /// Somebody asks for another goal.
    pub(crate) const fn handle_goal(&mut self, goal: f64) {
        (self.asked, self.just_asked) = (Some(goal), Some(goal));
    }
}
