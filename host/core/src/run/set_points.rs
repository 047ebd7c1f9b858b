//! What a run's starts follow, and why: the plan's profile; a regulator or a search, which get the
//! workers' tallies; what the control API asked for meanwhile.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::command::{Refusal, Standing};
use super::control_record::{ControlRecord, ObjectiveRecord};
use super::effect::{Effect, Notice, SetPoint};
use super::flow::Flowed;
use super::limits::LimitHistory;
use super::look::ControlLook;
use super::words::{doing_in_words, objective_in_words};
use crate::RunInstant;
use crate::control::{Change, ControlWindow, Finder, Flow, Limit, Regulator, Searching, Tally};
use crate::plan::Plan;
use crate::schedule::{Course, Timeline};

/// How long after its decision a set-point comes into force: by then every worker that runs has
/// heard of it.
const NOTICE: Duration = Duration::from_millis(2);

/// How many ticks the control waits for the window of a worker that has not sent it: a worker that
/// is stuck must not keep the others at a rate that the service cannot bear. It counts ticks and
/// not time, because after a pause of the whole process the workers must have the chance to send.
const MAX_TICKS: u32 = 3;

/// Who decides on the rate.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum RateSource {
    /// The plan's profile; in the closed model nothing.
    Plan,
    /// The rate is held.
    Held(Regulator),
    /// The highest rate is searched.
    Searched(Box<Finder>),
}

/// See the module's documentation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SetPoints {
    source: RateSource,
    /// Starts over time as planned; nothing in the closed model.
    profile: Option<Timeline>,
    is_paused: bool,
    /// Where the measured part begins, if not where it was planned.
    measured_from: Option<RunInstant>,
    /// The set-point that was published last.
    told: Option<SetPoint>,
    /// How many send windows: the workers of one node alone, or nodes.
    senders: usize,
    /// How many users this machine holds, where that is fewer than the plan would allow.
    room: Option<u64>,
    restarts: u64,
    /// The current window: what was sent of it, by how many senders, after how many ticks, since
    /// when.
    window: Flowed,
    arrived: usize,
    ticks: u32,
    window_from: RunInstant,
    limits: LimitHistory,
}

impl SetPoints {
    pub(super) fn new(plan: &Plan, senders: usize, room: Option<u64>) -> Self {
        let source = match &plan.control {
            None => RateSource::Plan,
            Some(control) => control.finder().map_or_else(
                || RateSource::Held(control.regulator()),
                |finder| RateSource::Searched(Box::new(finder)),
            ),
        };
        let objectives = plan.control.as_ref().map_or(0, |control| control.objectives.len());
        Self {
            source,
            profile: plan.timeline(),
            is_paused: false,
            measured_from: None,
            told: None,
            senders,
            room,
            restarts: 0,
            window: Flowed { tallies: vec![Tally::default(); objectives], ..Flowed::default() },
            arrived: 0,
            ticks: 0,
            window_from: RunInstant::START,
            limits: LimitHistory::default(),
        }
    }

    /// Takes in what went through on a worker or a node in a window.
    pub(super) fn handle_flowed(&mut self, flowed: &Flowed) {
        let objectives = self.window.tallies.len();
        self.window.merge(flowed);
        self.window.tallies.truncate(objectives);
        self.arrived += 1;
    }

    /// From now on `nodes` nodes send windows. Before the run's first instant no slots can move.
    pub(super) fn handle_nodes(&mut self, now: RunInstant, nodes: usize) {
        self.senders = nodes;
        if now > RunInstant::START {
            self.limits.handle_move(now);
        }
    }

    /// Ends the window if all senders have sent theirs, or have had the time to, and returns what
    /// follows from it. `users` is the number of users that exist.
    pub(super) fn handle_time(
        &mut self,
        now: RunInstant,
        users: u64,
        effects: &mut VecDeque<Effect>,
    ) {
        let (from, length) = (self.window_from, now.since(self.window_from));
        self.ticks += u32::from(!length.is_zero());
        if length.is_zero() || self.arrived < self.senders && self.ticks < MAX_TICKS {
            return;
        }
        // A sender that says nothing for so long stands still.
        let silent = u32::try_from(self.senders.saturating_sub(self.arrived)).unwrap_or(u32::MAX);
        self.window.stood = self.window.stood.saturating_add(length.saturating_mul(silent));
        let Flowed { begun, generator_limited, .. } = self.window;
        if let Some(notice) = self.look_for_limit(from, now, users) {
            effects.push_back(Effect::Say(notice));
        }
        let window = ControlWindow { until: now, length, begun, generator_limited };
        let change = match &mut self.source {
            _ if self.is_paused => None,
            RateSource::Plan => None,
            RateSource::Held(regulator) => regulator.on_window(&window, &self.window.tallies),
            RateSource::Searched(finder) => finder.on_window(&window, &self.window.tallies),
        };
        self.window.clear();
        (self.arrived, self.ticks, self.window_from) = (0, 0, now);
        if let Some(Change { rate, restart }) = change {
            self.publish(now, Course::Rate(rate), restart, effects);
            effects.push_back(Effect::Say(Notice::SetPoint { rate, reason: self.reason() }));
        }
    }

    fn look_for_limit(
        &mut self,
        from: RunInstant,
        until: RunInstant,
        users: u64,
    ) -> Option<Notice> {
        if !self.limits.judges(until) {
            return None;
        }
        let due = match (&self.source, &self.profile) {
            // A search goes above the limit on purpose, and itself says what it finds.
            (RateSource::Searched(_), _) | (_, None) => return None,
            _ if self.is_paused => 0.0,
            // Just after a burst less was completed than is due, whoever is quick.
            (RateSource::Plan, Some(profile)) if profile.burst_at(from).is_some() => return None,
            (RateSource::Plan, Some(profile)) => {
                profile.position_at(until) - profile.position_at(from)
            }
            (RateSource::Held(regulator), _) => regulator.rate() * until.since(from).as_secs_f64(),
        };
        let Flowed { started, completed, service, generator_limited, stood, .. } = self.window;
        self.limits.handle_window(Flow {
            until,
            due,
            begun: started,
            completed,
            service,
            generator_limited,
            stood: stood / u32::try_from(self.senders).unwrap_or(u32::MAX).max(1),
            lacks_room: self.room.is_some_and(|room| users >= room),
        })
    }

    /// Sets another goal: transactions a second, or iterations where these are paced. With
    /// objectives it is the highest rate.
    ///
    /// # Errors
    /// The run has no rate, or a search chooses it.
    pub(super) fn set_goal(
        &mut self,
        now: RunInstant,
        goal: f64,
        effects: &mut VecDeque<Effect>,
    ) -> Result<Standing, Refusal> {
        let change = match &mut self.source {
            _ if self.profile.is_none() => return Err(Refusal::NoRate),
            RateSource::Searched(_) => return Err(Refusal::Search),
            RateSource::Held(regulator) => regulator.set_target(goal),
            RateSource::Plan => {
                self.source = RateSource::Held(Regulator::new(Some(goal), Vec::new(), goal));
                Some(Change { rate: goal, restart: false })
            }
        };
        self.limits.handle_new_goal(now);
        if let Some(change) = change.filter(|_| !self.is_paused) {
            self.publish(now, Course::Rate(change.rate), change.restart, effects);
        }
        Ok(self.standing(now))
    }

    /// Stops new starts, or lets them begin again where the profile is by then. The run's clock
    /// goes on.
    ///
    /// # Errors
    /// The run is a search.
    pub(super) fn pause(
        &mut self,
        now: RunInstant,
        is_paused: bool,
        effects: &mut VecDeque<Effect>,
    ) -> Result<Standing, Refusal> {
        if matches!(self.source, RateSource::Searched(_)) {
            return Err(Refusal::Search);
        }
        if std::mem::replace(&mut self.is_paused, is_paused) != is_paused {
            self.limits.handle_new_goal(now);
            let course = match &self.source {
                _ if is_paused => Course::Rate(0.0),
                RateSource::Held(regulator) => Course::Rate(regulator.rate()),
                RateSource::Plan | RateSource::Searched(_) => Course::Profile,
            };
            self.publish(now, course, true, effects);
        }
        Ok(self.standing(now))
    }

    fn publish(
        &mut self,
        now: RunInstant,
        course: Course,
        restart: bool,
        effects: &mut VecDeque<Effect>,
    ) {
        self.restarts += u64::from(restart);
        let course = self.profile.as_ref().map(|_| course);
        self.tell(now, course, effects);
    }

    fn tell(&mut self, now: RunInstant, course: Option<Course>, effects: &mut VecDeque<Effect>) {
        let set_point = SetPoint {
            course,
            from: now + NOTICE,
            restarts: self.restarts,
            is_paused: self.is_paused,
            measured_from: self.measured_from,
        };
        self.told = Some(set_point);
        effects.push_back(Effect::Publish(set_point));
    }

    /// Ends the warm-up; returns when the measured part begins.
    pub(super) fn measure(
        &mut self,
        now: RunInstant,
        effects: &mut VecDeque<Effect>,
    ) -> RunInstant {
        let from = now + NOTICE;
        self.measured_from = Some(from);
        // The latest course is published again with it, because a worker that was late may not have
        // seen it yet.
        let course = self.told.and_then(|told| told.course);
        self.tell(now, course, effects);
        from
    }

    /// Whether nothing begins because somebody asked for it.
    pub(super) const fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Whether a search is over.
    pub(super) fn is_over(&self) -> bool {
        matches!(&self.source, RateSource::Searched(finder) if finder.doing() == Searching::Over)
    }

    /// What the rate follows at this moment of the run.
    pub(super) fn look(&self, now: RunInstant) -> ControlLook {
        ControlLook {
            goal: self.goal(now),
            is_paused: self.is_paused,
            reason: self.reason(),
            limit: self.limits.current().copied(),
            objectives: self.objectives(),
        }
    }

    /// What the run follows from this moment on.
    pub(super) fn standing(&self, now: RunInstant) -> Standing {
        Standing { goal: self.goal(now), is_paused: self.is_paused }
    }

    /// Starts a second that the run aims at, at this moment; `None` in the closed model.
    fn goal(&self, now: RunInstant) -> Option<f64> {
        match &self.source {
            RateSource::Plan => self.profile.as_ref().map(|profile| profile.rate_at(now)),
            RateSource::Held(regulator) => Some(regulator.rate()),
            RateSource::Searched(finder) => Some(finder.rate()),
        }
    }

    /// What each objective does; empty where there are no objectives.
    fn objectives(&self) -> Vec<ObjectiveRecord> {
        match &self.source {
            RateSource::Held(regulator) => regulator.explain().map(ObjectiveRecord::from).collect(),
            RateSource::Plan | RateSource::Searched(_) => Vec::new(),
        }
    }

    /// What keeps the rate where it is, in words; empty where the plan alone does.
    fn reason(&self) -> String {
        match &self.source {
            RateSource::Plan => String::new(),
            RateSource::Held(regulator) => {
                let binding = regulator.explain().find(|explained| explained.binding);
                binding.map_or_else(
                    || "as asked".to_owned(),
                    |explained| {
                        format!(
                            "{}: {}",
                            objective_in_words(explained.objective),
                            doing_in_words(explained.doing)
                        )
                    },
                )
            }
            RateSource::Searched(finder) => search_in_words(finder),
        }
    }

    /// What held the rate; `None` where the plan's profile alone did.
    pub(super) fn record(&self) -> Option<ControlRecord> {
        match &self.source {
            RateSource::Plan => None,
            RateSource::Held(regulator) => Some(ControlRecord {
                goal: regulator.rate(),
                objectives: self.objectives(),
                found: None,
            }),
            RateSource::Searched(finder) => Some(ControlRecord {
                goal: finder.rate(),
                objectives: Vec::new(),
                found: Some(finder.found()),
            }),
        }
    }

    /// All limits, with when they ended.
    pub(super) fn into_limits(self) -> Vec<(Limit, Option<RunInstant>)> {
        self.limits.into_past()
    }
}

fn search_in_words(finder: &Finder) -> String {
    let doing = match finder.doing() {
        Searching::Climbing => "climbing",
        Searching::Resting => "resting",
        Searching::Trying => "trying it",
        Searching::Over => "found",
    };
    let known = |what: &str, rate: Option<f64>| {
        rate.map_or_else(String::new, |rate| format!(", {what} {rate:.0}/s"))
    };
    let (held, broken) = finder.interval();
    format!("{doing}{}{}", known("held", held), known("broken at", broken))
}
