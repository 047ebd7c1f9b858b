//! The highest rate at which objectives hold, as an interval: a rate that was held, and one at
//! which they broke.
//!
//! First the rate climbs as under a [`Regulator`], until an objective breaks; that takes seconds
//! and tells roughly where to look. Then rates are *tried*: each is kept for the same time. A rate
//! counts as held if no objective was surely broken at any moment, if each objective holds as
//! measured over the whole trial, and if the number of transactions under way did not grow during
//! it: a service that is given a hundredth more than it can do still answers in time for a while.
//! Between two trials the load rests below the last rate, until the queue is worked off. So the two
//! ends of the interval come nearer to each other, until they are near enough.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::evidence::{Finding, Headroom, MIN_SAMPLES, ObjectiveEvidence, SpanSums, chance};
use super::holder::Doing;
use super::objective::Objective;
use super::watch::Tally;
use super::{Change, ControlWindow, FLOOR, Regulator};
use crate::RunInstant;
use crate::units::Rate;

/// The ends of the interval are near enough when the upper end is at most this many times the lower
/// one: 4 % to either side of the middle.
const NEAR_ENOUGH: f64 = 1.08;
/// The step from a rate that was held to the next one tried.
const STEP: f64 = 1.06;
/// The steps from a rate that broke to the next rate to try, as long as no rate was held: a little
/// lower, then further, then far.
const STEPS_BACK: [f64; 3] = [0.9, 0.5, 0.1];
/// If the ends of the interval are further apart than this factor, the next rate is their middle,
/// on a scale of factors.
const FAR_APART: f64 = 1.3;
/// Between two trials the load rests at this part of the rate that was tried last, for at least and
/// at most so long.
const REST: f64 = 0.8;
const MIN_REST: Duration = Duration::from_secs(1);
const MAX_REST: Duration = Duration::from_secs(5);
/// After this part of a trial begins the look whether more and more transactions are under way:
/// before it, a service whose answers take seconds is still filling.
const FILLING: f64 = 0.5;
/// After so many windows in a row in which the generator was a limit, or began too little, the
/// search has found the generator and not the service.
const LIMITED_WINDOWS: u32 = 15;
/// The part of a trial's windows in which the generator may have been a limit.
const MAX_LIMITED: f64 = 0.2;
/// The part of what began in a trial that must have been judged. The shortest trial is twice as
/// long as a latency objective; in it half can be judged.
const MIN_JUDGED: f64 = 0.25;
/// If less than this part of the rate began, the trial has tried another rate.
const BEGUN: f64 = 0.97;

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchEnd {
    /// The interval is narrow enough.
    Narrow,
    /// The highest rate that was allowed was held.
    Most,
    /// Not even the least rate was held.
    #[serde(rename = "no rate")]
    NoRate,
    /// The load generator could not begin what was due.
    Generator,
    /// The time for the search was over.
    Budget,
    /// The search was stopped from outside.
    Stopped,
}

impl SearchEnd {
    /// All reasons.
    pub const ALL: [Self; 6] =
        [Self::Narrow, Self::Most, Self::NoRate, Self::Generator, Self::Budget, Self::Stopped];

    /// The name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Narrow => "narrow",
            Self::Most => "most",
            Self::NoRate => "no rate",
            Self::Generator => "generator",
            Self::Budget => "budget",
            Self::Stopped => "stopped",
        }
    }
}

/// The result of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchResult {
    /// Why the search ended.
    pub end: SearchEnd,
    /// The highest rate that was held for a whole trial.
    pub held: Option<f64>,
    /// The lowest rate that was not held, and which objective broke at it.
    pub broken: Option<(f64, Breach)>,
    /// How many rates were tried.
    pub trials: u32,
}

/// How a rate failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Breach {
    /// The objective that broke.
    pub objective: Objective,
    /// What was measured, in seconds or as a share; `None` when the objective held while more and
    /// more transactions were under way, or when too few answers came to judge it.
    pub measured: Option<f64>,
}

/// What a search is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Searching {
    /// The rate rises until an objective breaks.
    Climbing,
    /// The service works off what was queued.
    Resting,
    /// A rate is kept and judged.
    Trying,
    /// The search is over.
    Over,
}

/// A search under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finder {
    regulator: Regulator,
    hold: Duration,
    budget: Duration,
    most: Option<f64>,
    objectives: Vec<Objective>,
    phase: SearchPhase,
    rate: f64,
    held: Option<f64>,
    broken: Option<(f64, Breach)>,
    trials: u32,
    limited: u32,
    /// For each objective, how many of its transactions are under way.
    under_way: Vec<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum SearchPhase {
    Climbing,
    Resting { since: RunInstant, evidence: Vec<ObjectiveEvidence>, next: f64 },
    Trying(Trial),
    Over(SearchEnd),
}

/// One rate, kept for a while.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Trial {
    since: RunInstant,
    evidence: Vec<ObjectiveEvidence>,
    sums: Vec<SpanSums>,
    begun: u64,
    /// The number of windows of the trial, and of those in which the generator was a limit.
    windows: u32,
    limited: u32,
    /// For each objective, how many were under way when the trial had filled the service.
    level: Option<Vec<u64>>,
}

impl Finder {
    /// A search that begins at `start`, does not go above `most`, keeps each rate for `hold` and
    /// ends after `budget`.
    pub fn new(
        objectives: Vec<Objective>,
        start: f64,
        most: Option<f64>,
        hold: Duration,
        budget: Duration,
    ) -> Self {
        let regulator = Regulator::new(most, objectives.clone(), start);
        let rate = regulator.rate();
        let (held, broken) = (None, None);
        let under_way = vec![0; objectives.len()];
        Self {
            regulator,
            hold,
            budget,
            most,
            objectives,
            phase: SearchPhase::Climbing,
            rate,
            held,
            broken,
            trials: 0,
            limited: 0,
            under_way,
        }
    }

    /// The rate in force, in transactions a second.
    pub const fn rate(&self) -> f64 {
        self.rate
    }

    /// The objectives, in the order in which tallies are expected.
    pub fn objectives(&self) -> impl Iterator<Item = &Objective> {
        self.objectives.iter()
    }

    /// What the search is doing.
    pub const fn doing(&self) -> Searching {
        match self.phase {
            SearchPhase::Climbing => Searching::Climbing,
            SearchPhase::Resting { .. } => Searching::Resting,
            SearchPhase::Trying(_) => Searching::Trying,
            SearchPhase::Over(_) => Searching::Over,
        }
    }

    /// The result. Before the search is over, it is the result that a stop at this moment would
    /// have.
    pub fn found(&self) -> SearchResult {
        let end = if let SearchPhase::Over(end) = self.phase { end } else { SearchEnd::Stopped };
        SearchResult { end, held: self.held, broken: self.broken.clone(), trials: self.trials }
    }

    /// The interval as far as it is known: a rate that was held, and a rate that was not.
    pub fn interval(&self) -> (Option<f64>, Option<f64>) {
        (self.held, self.broken.as_ref().map(|(rate, _)| *rate))
    }

    /// Takes in a window: a tally for each objective, in their order. Returns the new set-point if
    /// it changes.
    pub fn on_window(&mut self, window: &ControlWindow, tallies: &[Tally]) -> Option<Change> {
        let meant = self.rate * window.length.as_secs_f64();
        let short = (window.begun as f64) < meant * BEGUN - chance(meant);
        self.limited = if window.generator_limited || short { self.limited + 1 } else { 0 };
        for (under_way, tally) in self.under_way.iter_mut().zip(tallies) {
            *under_way = (*under_way + tally.begun).saturating_sub(tally.ended);
        }
        if let SearchPhase::Over(_) = self.phase {
            return None;
        }
        if window.until.since(RunInstant::START) >= self.budget {
            return self.over(SearchEnd::Budget);
        }
        if self.limited >= LIMITED_WINDOWS {
            return self.over(SearchEnd::Generator);
        }
        match &mut self.phase {
            SearchPhase::Climbing => self.climb(window, tallies),
            SearchPhase::Resting { .. } => self.rest(window, tallies),
            SearchPhase::Trying(_) => self.attempt(window, tallies),
            SearchPhase::Over(_) => None,
        }
    }

    fn climb(&mut self, window: &ControlWindow, tallies: &[Tally]) -> Option<Change> {
        let before = self.rate;
        let change = self.regulator.on_window(window, tallies);
        self.rate = self.regulator.rate();
        let broken = self
            .regulator
            .explain()
            .find(|explained| explained.binding && is_broken(explained.doing))
            .map(|explained| Breach {
                objective: explained.objective.clone(),
                measured: explained
                    .measured
                    .filter(|_| explained.doing != Doing::Saturated)
                    .map(|(reading, _)| reading),
            });
        if let Some(breach) = broken {
            self.broken = Some((before, breach));
            if self.rate <= FLOOR {
                return self.over(SearchEnd::NoRate);
            }
            return self.rest_before(window, self.rate);
        }
        if Some(self.rate) == self.most {
            return self.try_at(window, self.rate);
        }
        change
    }

    /// Lets the load rest before `next` is tried.
    fn rest_before(&mut self, window: &ControlWindow, next: f64) -> Option<Change> {
        let evidence = self.evidence();
        self.phase = SearchPhase::Resting { since: window.until, evidence, next };
        self.change(next * REST)
    }

    fn rest(&mut self, window: &ControlWindow, tallies: &[Tally]) -> Option<Change> {
        let rate = self.rate;
        let SearchPhase::Resting { since, evidence, next } = &mut self.phase else { return None };
        let (rested, next) = (window.until.since(*since), *next);
        let mut well = true;
        for (evidence, tally) in evidence.iter_mut().zip(tallies) {
            evidence.add(window.until, rate, tally);
            match evidence.judge(MIN_SAMPLES) {
                Finding::Holds(Headroom { measured, .. }) => well &= measured >= 1.0,
                // What was queued before is late, and says nothing about the present rate.
                Finding::Broken { .. } => {
                    evidence.clear();
                    well = false;
                }
                Finding::Nothing => well = false,
            }
        }
        if well && rested >= MIN_REST || rested >= MAX_REST {
            self.try_at(window, next)
        } else {
            None
        }
    }

    fn try_at(&mut self, window: &ControlWindow, rate: f64) -> Option<Change> {
        self.trials += 1;
        let sums = self.objectives.iter().map(|objective| SpanSums::new(objective.goal)).collect();
        self.phase = SearchPhase::Trying(Trial {
            since: window.until,
            evidence: self.evidence(),
            sums,
            begun: 0,
            windows: 0,
            limited: 0,
            level: None,
        });
        self.change(rate)
    }

    fn attempt(&mut self, window: &ControlWindow, tallies: &[Tally]) -> Option<Change> {
        let rate = self.rate;
        let SearchPhase::Trying(trial) = &mut self.phase else { return None };
        let lasted = window.until.since(trial.since);
        trial.begun += window.begun;
        trial.windows += 1;
        trial.limited += u32::from(window.generator_limited);
        let whole = lasted >= self.hold;
        let mut breach = None;
        for (place, tally) in tallies.iter().enumerate() {
            let (sums, evidence) = (&mut trial.sums[place], &mut trial.evidence[place]);
            sums.add(tally);
            evidence.add(window.until, rate, tally);
            let broken_now = match evidence.judge(MIN_SAMPLES) {
                Finding::Broken { room, .. } => Some(room.reading),
                _ => None,
            };
            let broken_over_all =
                (whole && sums.room().measured < 1.0).then(|| sums.room().reading);
            let (now, level) = (
                self.under_way[place] as f64,
                trial.level.as_ref().map_or(0.0, |level| level[place] as f64),
            );
            let queue = whole && now - level > chance(2.0 * level.max(1.0));
            // Part of what began must have given an answer that can be judged: errors that come
            // quickly are no short times, and silence is no time at all.
            let mute = whole && (sums.samples() as f64) < sums.begun as f64 * MIN_JUDGED;
            if breach.is_none()
                && (broken_now.is_some() || broken_over_all.is_some() || queue || mute)
            {
                let objective = self.objectives[place].clone();
                breach = Some(Breach { objective, measured: broken_now.or(broken_over_all) });
            }
        }
        if lasted >= self.hold.mul_f64(FILLING) && trial.level.is_none() {
            trial.level = Some(self.under_way.clone());
        }
        if let Some(breach) = breach {
            self.broken = Some((rate, breach));
            return self.narrow(window);
        }
        if !whole {
            return None;
        }
        let often_limited = f64::from(trial.limited) > f64::from(trial.windows) * MAX_LIMITED;
        if often_limited || (trial.begun as f64) < rate * lasted.as_secs_f64() * BEGUN {
            return self.over(SearchEnd::Generator);
        }
        self.held = Some(self.held.unwrap_or(0.0).max(rate));
        self.narrow(window)
    }

    /// Chooses what to try next, or ends.
    fn narrow(&mut self, window: &ControlWindow) -> Option<Change> {
        let broken = self.broken.as_ref().map(|(rate, _)| *rate);
        let next = match (self.held, broken) {
            (Some(held), _) if Some(held) == self.most => return self.over(SearchEnd::Most),
            (Some(held), Some(broken)) if broken <= held * NEAR_ENOUGH => {
                return self.over(SearchEnd::Narrow);
            }
            (Some(held), Some(broken)) if broken > held * FAR_APART => (held * broken).sqrt(),
            (Some(held), Some(broken)) => (held * STEP).min((held * broken).sqrt()),
            (Some(held), None) => held * STEP,
            (None, Some(broken)) if broken <= FLOOR => return self.over(SearchEnd::NoRate),
            (None, Some(broken)) => {
                let failed = self.trials.clamp(1, STEPS_BACK.len() as u32) as usize;
                (broken * STEPS_BACK[failed - 1]).max(FLOOR)
            }
            (None, None) => self.rate,
        };
        let next = next.min(self.most.unwrap_or(Rate::MAX));
        let failed = broken == Some(self.rate);
        if failed { self.rest_before(window, next) } else { self.try_at(window, next) }
    }

    fn over(&mut self, end: SearchEnd) -> Option<Change> {
        self.phase = SearchPhase::Over(end);
        None
    }

    fn change(&mut self, rate: f64) -> Option<Change> {
        self.rate = rate.max(FLOOR);
        Some(Change { rate: self.rate, restart: true })
    }

    fn evidence(&self) -> Vec<ObjectiveEvidence> {
        self.objectives.iter().map(|objective| ObjectiveEvidence::new(objective.goal)).collect()
    }
}

const fn is_broken(doing: Doing) -> bool {
    matches!(doing, Doing::BackingOff | Doing::Settling | Doing::Saturated)
}
