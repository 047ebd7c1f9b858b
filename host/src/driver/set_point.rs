//! What a run's starts follow, and why: the plan's profile; a regulator or a search in `core`,
//! which the workers' tallies go to; what the control API asked for meanwhile. Set-points go back
//! to the workers from here, and who the limit is, if anybody is, is concluded here.

use std::time::{Duration, Instant};

use swell_core::RunInstant;
use swell_core::control::{
    self, Change, Finder, Flow, Limit, LimitWatch, Regulator, Searching, Tally,
};
use swell_core::plain::line;
use swell_core::run::{
    ControlLook, ControlRecord, Flowed, ObjectiveRecord, Refusal, Standing, doing_in_words,
    limit_in_words, objective_in_words,
};
use swell_core::schedule::{Course, Timeline};
use tokio::sync::watch;

use super::worker::{SetPoint, Starts};
use crate::plan::RunPlan;

/// How far ahead of its decision a set-point comes into force: by then every worker that runs has
/// heard of it.
const NOTICE: Duration = Duration::from_millis(2);

/// How many ticks a window is waited for that a worker has not sent: one that is stuck must not
/// keep the others at a rate that the service cannot bear. Ticks and not time, since after a pause
/// of the whole process the workers are to have their say as well.
const LONGEST_WINDOW: u32 = 3;

/// How long it takes until slots that move are all started again: a lease, and the time until a
/// silent host is taken for lost.
const MOVING: Duration = Duration::from_millis(2_500);

/// Limits that are kept for the report. A run in which more come and go is told by the first ones.
const MOST_LIMITS: usize = 100;

/// Who decides on the rate.
enum Pilot {
    /// The plan's profile; in the closed model nobody.
    Plan,
    /// It is held.
    Holding(Regulator),
    /// The highest is searched.
    Searching(Box<Finder>),
}

/// See the module's documentation.
pub(crate) struct SetPoints {
    pilot: Pilot,
    /// Starts over time as planned; nothing in the closed model.
    profile: Option<Timeline>,
    paused: bool,
    /// Where the measured part begins, if that is not where it was planned.
    measured_from: Option<RunInstant>,
    line: watch::Sender<Option<SetPoint>>,
    /// How many count: the workers of a host alone, or hosts.
    workers: usize,
    /// Users that are as many as this machine holds, and fewer than the plan would allow.
    room: Option<u64>,
    restarts: u64,
    /// What the workers have sent of the current window.
    window: Flowed,
    arrived: usize,
    ticks: u32,
    window_from: Option<Instant>,
    limits: LimitWatch,
    /// When it is looked for limits again, after shares have moved.
    judges_again: Option<Instant>,
    /// Those that came, with when they went.
    past_limits: Vec<(Limit, Option<RunInstant>)>,
}

impl SetPoints {
    pub(crate) fn new(plan: &RunPlan, line: watch::Sender<Option<SetPoint>>) -> Self {
        let pilot = match &plan.plan.control {
            None => Pilot::Plan,
            Some(control) => control.finder().map_or_else(
                || Pilot::Holding(control.regulator()),
                |finder| Pilot::Searching(Box::new(finder)),
            ),
        };
        let objectives = plan.plan.control.as_ref().map_or(0, |control| control.objectives.len());
        let window = Flowed { tallies: vec![Tally::default(); objectives], ..Flowed::default() };
        Self {
            pilot,
            profile: plan.plan.timeline(),
            paused: false,
            measured_from: None,
            line,
            workers: plan.workers,
            room: plan.room(),
            restarts: 0,
            window,
            arrived: 0,
            ticks: 0,
            window_from: None,
            limits: LimitWatch::default(),
            judges_again: None,
            past_limits: Vec::new(),
        }
    }

    /// Takes in what a worker counted, or a host.
    pub(crate) fn add(&mut self, window: &Flowed) {
        let objectives = self.window.tallies.len();
        self.window.merge(window);
        self.window.tallies.truncate(objectives);
        self.arrived += 1;
    }

    /// So many hosts count from now on. While slots move from one to another some are missed, and
    /// that is no limit of anybody's.
    pub(crate) fn expect(&mut self, hosts: usize) {
        self.workers = hosts;
        self.limits.forget();
        self.judges_again = Some(Instant::now() + MOVING);
    }

    /// Ends the window if every worker has sent its own, or has had the time to, and tells the
    /// workers what follows. So many `users` exist.
    pub(crate) fn tick(&mut self, began: Instant, users: u64) {
        let now = Instant::now();
        let from = *self.window_from.get_or_insert(began);
        let length = now.saturating_duration_since(from);
        self.ticks += u32::from(!length.is_zero());
        if length.is_zero() || self.arrived < self.workers && self.ticks < LONGEST_WINDOW {
            return;
        }
        // Who says nothing for so long stands still.
        let silent = self.workers.saturating_sub(self.arrived);
        self.window.stood = self
            .window
            .stood
            .saturating_add(length.saturating_mul(u32::try_from(silent).unwrap_or(u32::MAX)));
        let on_clock =
            |instant: Instant| RunInstant::START + instant.saturating_duration_since(began);
        let (from, until) = (on_clock(from), on_clock(now));
        let generator_limited = self.window.generator_limited;
        let window = control::Window { until, length, begun: self.window.begun, generator_limited };
        self.look_for_limit(from, until, users);
        let change = match &mut self.pilot {
            _ if self.paused => None,
            Pilot::Plan => None,
            Pilot::Holding(regulator) => regulator.on_window(&window, &self.window.tallies),
            Pilot::Searching(finder) => finder.on_window(&window, &self.window.tallies),
        };
        self.window.clear();
        (self.arrived, self.ticks, self.window_from) = (0, 0, Some(now));
        if let Some(change) = change {
            self.publish(until, Course::Rate(change.rate), change.restart);
            tracing::debug!("set-point {:.1}/s: {}", change.rate, self.reason());
        }
    }

    fn look_for_limit(&mut self, from: RunInstant, until: RunInstant, users: u64) {
        // A search steps over the limit on purpose, and says itself what it finds.
        if matches!(self.pilot, Pilot::Searching(_))
            || self.judges_again.is_some_and(|again| Instant::now() < again)
        {
            return;
        }
        let due = match (&self.pilot, &self.profile) {
            (_, None) => return,
            _ if self.paused => 0.0,
            (Pilot::Plan, Some(profile)) => profile.position_at(until) - profile.position_at(from),
            (Pilot::Holding(regulator), _) => regulator.rate() * until.since(from).as_secs_f64(),
            (Pilot::Searching(_), _) => return,
        };
        let Flowed { started, completed, service, generator_limited, stood, .. } = self.window;
        let stood = stood / u32::try_from(self.workers).unwrap_or(u32::MAX).max(1);
        let lacks_room = self.room.is_some_and(|room| users >= room);
        let before = self.limits.limit().map(|limit| limit.by);
        self.limits.on_window(Flow {
            until,
            due,
            begun: started,
            completed,
            service,
            generator_limited,
            stood,
            lacks_room,
        });
        let limit = self.limits.limit().copied();
        let after = limit.map(|limit| limit.by);
        if before != after {
            if let Some((_, end @ None)) = self.past_limits.last_mut() {
                *end = Some(until);
            }
            if let Some(limit) = limit {
                tracing::info!("{}", line(&limit_in_words(&limit)));
                if self.past_limits.len() < MOST_LIMITS {
                    self.past_limits.push((limit, None));
                }
            } else {
                tracing::info!("what is asked for is reached again");
            }
        } else if let (Some(limit), Some((latest, None))) = (limit, self.past_limits.last_mut()) {
            *latest = limit;
        }
    }

    /// Another goal: transactions a second, or iterations where those are paced. With objectives it
    /// is the most.
    ///
    /// # Errors
    /// The run has no rate, or chooses it alone.
    pub(crate) fn set_goal(&mut self, now: RunInstant, goal: f64) -> Result<Standing, Refusal> {
        let change = match &mut self.pilot {
            _ if self.profile.is_none() => return Err(Refusal::NoRate),
            Pilot::Searching(_) => return Err(Refusal::Search),
            Pilot::Holding(regulator) => regulator.set_target(goal),
            Pilot::Plan => {
                self.pilot = Pilot::Holding(Regulator::new(Some(goal), Vec::new(), goal));
                Some(Change { rate: goal, restart: false })
            }
        };
        self.limits.forget();
        self.close_limit(now);
        if let Some(change) = change.filter(|_| !self.paused) {
            self.publish(now, Course::Rate(change.rate), change.restart);
        }
        Ok(self.standing(now))
    }

    /// Has nothing new begin, or has it begin again where a profile is by then. The run's clock
    /// goes on.
    ///
    /// # Errors
    /// The run is a search.
    pub(crate) fn pause(&mut self, now: RunInstant, paused: bool) -> Result<Standing, Refusal> {
        if matches!(self.pilot, Pilot::Searching(_)) {
            return Err(Refusal::Search);
        }
        if std::mem::replace(&mut self.paused, paused) != paused {
            self.limits.forget();
            self.close_limit(now);
            let course = match &self.pilot {
                _ if paused => Course::Rate(0.0),
                Pilot::Holding(regulator) => Course::Rate(regulator.rate()),
                Pilot::Plan | Pilot::Searching(_) => Course::Profile,
            };
            self.publish(now, course, true);
        }
        Ok(self.standing(now))
    }

    fn close_limit(&mut self, now: RunInstant) {
        if let Some((_, end @ None)) = self.past_limits.last_mut() {
            *end = Some(now);
        }
    }

    fn publish(&mut self, now: RunInstant, course: Course, restart: bool) {
        self.restarts += u64::from(restart);
        self.send(now, self.profile.as_ref().map_or(Starts::AsTheyAre, |_| Starts::Follow(course)));
    }

    fn send(&self, now: RunInstant, starts: Starts) {
        let (restarts, paused, measured_from) = (self.restarts, self.paused, self.measured_from);
        self.line.send_replace(Some(SetPoint {
            starts,
            from: now + NOTICE,
            restarts,
            paused,
            measured_from,
        }));
    }

    /// Ends the warm-up; gives when the measured part begins.
    pub(crate) fn measure(&mut self, now: RunInstant) -> RunInstant {
        let from = now + NOTICE;
        self.measured_from = Some(from);
        // The latest course goes with it, as a worker that was late may not have seen it yet.
        let starts = self
            .line
            .borrow()
            .as_ref()
            .map_or(Starts::AsTheyAre, |set_point| set_point.starts.clone());
        self.send(now, starts);
        from
    }

    /// Whether nothing begins because it was asked for.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// What each objective does; nothing where there is none.
    fn objectives(&self) -> Vec<ObjectiveRecord> {
        match &self.pilot {
            Pilot::Holding(regulator) => regulator.explain().map(ObjectiveRecord::from).collect(),
            Pilot::Plan | Pilot::Searching(_) => Vec::new(),
        }
    }

    /// Whether a search has come to its end.
    pub(crate) fn is_over(&self) -> bool {
        matches!(&self.pilot, Pilot::Searching(finder) if finder.doing() == Searching::Over)
    }

    /// Starts a second that are to be at this moment of the run; nothing in the closed model.
    pub(crate) fn goal(&self, now: RunInstant) -> Option<f64> {
        match &self.pilot {
            Pilot::Plan => self.profile.as_ref().map(|profile| profile.rate_at(now)),
            Pilot::Holding(regulator) => Some(regulator.rate()),
            Pilot::Searching(finder) => Some(finder.rate()),
        }
    }

    /// What the run is to do from this moment on.
    fn standing(&self, now: RunInstant) -> Standing {
        Standing { goal: self.goal(now), is_paused: self.is_paused() }
    }

    /// What the rate follows at this moment of the run.
    pub(crate) fn look(&self, now: RunInstant) -> ControlLook {
        ControlLook {
            goal: self.goal(now),
            is_paused: self.paused,
            reason: self.reason(),
            limit: self.limits.limit().copied(),
            objectives: self.objectives(),
        }
    }

    /// What keeps the rate where it is, in words; nothing where the plan alone does.
    fn reason(&self) -> String {
        match &self.pilot {
            Pilot::Plan => String::new(),
            Pilot::Holding(regulator) => {
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
            Pilot::Searching(finder) => {
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
        }
    }

    /// What held the rate, where something other than the plan's profile did.
    pub(crate) fn record(&self) -> Option<ControlRecord> {
        match &self.pilot {
            Pilot::Plan => None,
            Pilot::Holding(regulator) => Some(ControlRecord {
                goal: regulator.rate(),
                objectives: self.objectives(),
                found: None,
            }),
            Pilot::Searching(finder) => Some(ControlRecord {
                goal: finder.rate(),
                objectives: Vec::new(),
                found: Some(finder.found()),
            }),
        }
    }

    /// The limits that there were, with when they ended.
    pub(crate) fn into_limits(self) -> Vec<(Limit, Option<RunInstant>)> {
        self.past_limits
    }
}
