//! One objective, and the highest load at which it holds.
//!
//! Each window asks the evidence. If the objective is surely broken the load comes down at once, by
//! as much as is sure; the next windows decide about the rest. If the objective holds, the load may
//! rise, as [`RateGrowth`] allows and as far as what was measured leaves room. If there are too few
//! samples, the load stays.
//!
//! How far down: if a percentile is twice its objective, or too large a share fails, the load comes
//! down in proportion. When a service completes less than it is given, its queue and not the load
//! decides how slow it is; then what it completes is what it can do, and the proportion is taken of
//! that.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::evidence::{Finding, Headroom, MIN_SAMPLES, ObjectiveEvidence, chance};
use super::growth::{FASTEST, RateGrowth};
use super::objective::{Goal, Objective};
use super::watch::Tally;
use super::window::ControlWindow;
use crate::RunInstant;

/// However bad a window was, this part of the load is kept: three steps lead from 500/s to the
/// floor, and through known rates the load comes back quickly.
const MIN_KEPT: f64 = 0.1;
/// With fewer samples the load does not rise through known rates.
const MIN_ON_KNOWN_GROUND: u64 = 3;
/// The number of windows over which the service's throughput is taken.
const FLOW_WINDOWS: usize = 10;
/// A service that completes more than begins by this part, and by more than chance, is draining a
/// queue.
const BALANCED: f64 = 0.02;
/// After a step down that keeps more than this part of the load, the next step waits, so that the
/// effect of the first shows: services remember the load of the last second in their queues, pools
/// and collectors. After a larger step down nothing waits.
const SLIGHT: f64 = 0.6;
const SETTLING: Duration = Duration::from_millis(800);
/// The part of a saturated service's throughput that it is given, so that what it has queued
/// drains.
const RELIEF: f64 = 0.99;
/// A generator that begins less than this part of what is due learns nothing about the rate that it
/// is to hold.
const STARVED: f64 = 0.9;
/// A breach that says that the service bears less than this part of what held a moment ago is not
/// believed at once: a rate that rises into a limit goes a fifth too far at most.
const BELIEVABLE: f64 = 0.8;
/// Up to this part of the allowed share of errors there is room to spare.
const SPARE: f64 = 0.5;
/// How long a load takes to move to where the objective just holds, when it is near to that and in
/// doubt: longer than what is measured takes to follow.
const LEANING: Duration = Duration::from_secs(6);
/// The same for an error rate, which itself says how much of the load is too much.
const LEANING_BY_ERRORS: Duration = Duration::from_secs(2);
/// When a rate rises, this part of the distance between what is measured and the objective is left
/// over: the square root never oversteps a service whose times grow with the square of its load.
const CAUTION: f64 = 0.5;

/// What a controller is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    /// There are too few samples to say anything.
    Waiting,
    /// The objective holds, and the limit rises.
    Raising,
    /// The objective just holds.
    Holding,
    /// The objective is broken, and the limit comes down.
    BackingOff,
    /// The limit has come down, and waits until the effect of that shows.
    Settling,
    /// The objective holds, but the service completes less than it is given.
    Saturated,
    /// The objective holds, but fewer transactions begin than should, so nothing is known about a
    /// higher rate.
    Starved,
    /// The objective holds, but the load generator is itself a limit.
    GeneratorLimited,
}

impl Doing {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Raising,
        Self::Holding,
        Self::BackingOff,
        Self::Settling,
        Self::Saturated,
        Self::Starved,
        Self::GeneratorLimited,
    ];

    /// In a word, for labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Raising => "raising",
            Self::Holding => "holding",
            Self::BackingOff => "backing-off",
            Self::Settling => "settling",
            Self::Saturated => "saturated",
            Self::Starved => "starved",
            Self::GeneratorLimited => "generator-limited",
        }
    }
}

/// An objective and its limit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Holder {
    pub(super) objective: Objective,
    evidence: ObjectiveEvidence,
    growth: RateGrowth,
    flow: ObjectiveFlow,
    /// The rate in force in the last window in which what was judged kept to the objective.
    held: f64,
    /// Until when the last step down has time to show its effect.
    settles_at: RunInstant,
    pub(super) limit: f64,
    pub(super) doing: Doing,
    /// Whether the load has just come down: what began before does not count any more.
    pub(super) answered: bool,
    pub(super) room: Option<Headroom>,
}

impl Holder {
    pub(super) const fn new(objective: Objective, start: f64) -> Self {
        let evidence = ObjectiveEvidence::new(objective.goal);
        let (doing, room) = (Doing::Waiting, None);
        Self {
            objective,
            evidence,
            growth: RateGrowth::new(),
            flow: ObjectiveFlow::new(),
            held: 0.0,
            settles_at: RunInstant::START,
            limit: start,
            doing,
            answered: false,
            room,
        }
    }

    pub(super) fn on_window(&mut self, window: &ControlWindow, in_force: f64, tally: &Tally) {
        self.flow.add(window, in_force, tally);
        self.answered = false;
        if self.doing == Doing::Settling {
            self.limit = in_force;
            if window.until >= self.settles_at {
                self.doing = Doing::Waiting;
                self.answered = true;
            }
            return;
        }
        self.evidence.add(window.until, in_force, tally);
        if self.evidence.latest_holds() {
            self.held = in_force;
        }
        // However far this objective would let the load rise, it has seen nothing above the rate in
        // force.
        self.limit = self.limit.clamp(in_force, in_force * FASTEST);
        let known = self.growth.is_on_known_ground(in_force);
        match self.evidence.judge(if known { MIN_ON_KNOWN_GROUND } else { MIN_SAMPLES }) {
            Finding::Nothing => self.doing = Doing::Waiting,
            Finding::Broken { keep, room } => self.back_off(window, in_force, keep, room),
            Finding::Holds(room) => self.rise(window, in_force, room, tally),
        }
    }

    fn back_off(&mut self, window: &ControlWindow, in_force: f64, keep: f64, room: Headroom) {
        self.room = Some(room);
        self.doing = Doing::BackingOff;
        if self.flow.is_draining() && self.growth.has_been_broken() {
            // The service works off its queue, and as long as it does, answers are as late as
            // before.
            self.limit = in_force;
            self.evidence.clear();
            return;
        }
        let completed = self.flow.throughput();
        let seconds =
            if let Goal::Latency { .. } = self.objective.goal { room.reading } else { 0.0 };
        let saturated = self.flow.is_queueing(seconds) && completed < in_force;
        let base = if saturated { completed } else { in_force };
        // About what has not ended no more is known than that it is late.
        let keep = if completed > 0.0 { keep } else { MIN_KEPT };
        let failing = if let Goal::ErrorRate(_) = self.objective.goal { room.reading } else { 0.0 };
        let ceiling = if saturated { base } else { base * keep };
        if completed * (1.0 - failing) < base * keep / 2.0
            || saturated && completed < in_force * MIN_KEPT
        {
            // A service that is down does not say what it can bear when it is up.
            self.growth.beaten_down(window.until, in_force, None);
        } else if !saturated && ceiling < self.held * BELIEVABLE {
            self.growth.beaten_down(window.until, in_force, Some(ceiling));
        } else {
            self.growth.broken(ceiling);
        }
        self.bring_down(in_force, base * keep);
        if self.limit > in_force * SLIGHT {
            self.doing = Doing::Settling;
            self.settles_at = window.until + SETTLING;
        }
    }

    /// The service completes less than it is given: it cannot do more, however short its answers
    /// still are.
    fn relieve(&mut self, in_force: f64) {
        let completed = self.flow.throughput();
        self.doing = Doing::Saturated;
        self.growth.broken(completed);
        self.bring_down(in_force, completed.min(in_force) * RELIEF);
    }

    fn bring_down(&mut self, in_force: f64, limit: f64) {
        self.limit = limit.max(in_force * MIN_KEPT);
        // The step down is the answer to what was measured so far.
        self.answered = true;
        self.evidence.clear();
        self.flow.clear();
    }

    fn rise(&mut self, window: &ControlWindow, in_force: f64, room: Headroom, tally: &Tally) {
        self.room = Some(room);
        match self.objective.goal {
            Goal::Latency { .. } if self.flow.is_queueing(room.reading) => {
                return self.relieve(in_force);
            }
            // A queue takes time to grow, so answers in time say less than answers without errors.
            Goal::ErrorRate(_) if self.evidence.surely_holds() => {
                self.growth.surely_holds(in_force)
            }
            _ => {}
        }
        self.doing = if room.measured <= 1.0 {
            Doing::Holding
        } else if tally.judged == 0 && tally.ended > 0 {
            // No sample is about the rate in force, and the samples before it have had their
            // effect.
            Doing::Waiting
        } else if window.generator_limited {
            Doing::GeneratorLimited
        } else if self.flow.is_starved() {
            Doing::Starved
        } else {
            Doing::Raising
        };
        let leaning = if let Goal::Latency { .. } = self.objective.goal {
            LEANING
        } else {
            LEANING_BY_ERRORS
        };
        let lean = room.measured.powf(window.length.as_secs_f64() / leaning.as_secs_f64());
        let factor = match self.doing {
            Doing::Holding => lean,
            Doing::Raising => {
                self.growth.factor(in_force, window.length).min(match self.objective.goal {
                    Goal::Latency { .. } if self.growth.is_near(in_force) => lean,
                    Goal::Latency { .. } => room.measured.powf(CAUTION),
                    // The share of errors says by how much there are too many; but as long as there
                    // are none, nothing says how far away they are. Near a rate at which there were
                    // once too many, the load goes on by small steps, and by longer ones as long as
                    // no errors come.
                    Goal::ErrorRate(share) if self.growth.is_near(in_force) => {
                        if room.reading > share.part() * SPARE {
                            self.growth.creep_anew();
                        }
                        lean.powf(self.growth.patience())
                    }
                    Goal::ErrorRate(_) => FASTEST,
                })
            }
            _ => 1.0,
        };
        self.limit = in_force * factor;
    }
}

/// What went into the service in the last windows, and what came out of it. Rates are those of all
/// transactions; an objective may be about a part of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ObjectiveFlow {
    windows: VecDeque<Passed>,
    /// Transactions under way before the first of the windows.
    before: u64,
    /// Seconds of the run before these windows.
    age: f64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Passed {
    /// Of the objective's transactions, how many began.
    begun: u64,
    ended: u64,
    /// Of all outermost transactions, how many began.
    in_all: u64,
    seconds: f64,
    /// The set-point, which is about all outermost transactions.
    rate: f64,
}

impl ObjectiveFlow {
    const fn new() -> Self {
        Self { windows: VecDeque::new(), before: 0, age: 0.0 }
    }

    fn add(&mut self, window: &ControlWindow, rate: f64, tally: &Tally) {
        let Tally { begun, ended, .. } = *tally;
        self.windows.push_back(Passed {
            begun,
            ended,
            in_all: window.begun,
            seconds: window.length.as_secs_f64(),
            rate,
        });
        if self.windows.len() > FLOW_WINDOWS {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some(Passed { begun, ended, seconds, .. }) = self.windows.pop_front() {
            self.age += seconds;
            self.before = (self.before + begun).saturating_sub(ended);
        }
    }

    fn clear(&mut self) {
        while !self.windows.is_empty() {
            self.forget_first();
        }
    }

    /// How many of the objective's transactions began, and how many ended.
    fn sums(&self) -> (f64, f64) {
        self.windows.iter().fold((0.0, 0.0), |sum, window| {
            (sum.0 + window.begun as f64, sum.1 + window.ended as f64)
        })
    }

    /// The objective's part of all transactions that began; 1 while none did.
    fn share(&self) -> f64 {
        let in_all: f64 = self.windows.iter().map(|window| window.in_all as f64).sum();
        let share = self.sums().0 / in_all;
        if share > 0.0 && share.is_finite() { share } else { 1.0 }
    }

    /// What the service completed a second lately. During a rise, what it completed earlier is
    /// about a lower rate.
    fn throughput(&self) -> f64 {
        let late = self.windows.iter().rev().take(FLOW_WINDOWS / 2);
        let (ended, seconds) = late
            .fold((0.0, 0.0), |sum, window| (sum.0 + window.ended as f64, sum.1 + window.seconds));
        ended / f64::max(seconds, 1e-9) / self.share()
    }

    /// Whether surely more comes out than goes in.
    fn is_draining(&self) -> bool {
        let (begun, ended) = self.sums();
        ended - begun > (begun * BALANCED).max(chance(2.0 * self.before as f64))
    }

    /// Whether surely fewer began than should have.
    fn is_starved(&self) -> bool {
        let meant: f64 = self.windows.iter().map(|window| window.rate * window.seconds).sum();
        let in_all: u64 = self.windows.iter().map(|window| window.in_all).sum();
        (in_all as f64) < meant * STARVED - chance(meant)
    }

    /// Whether the number under way grew by more than the rise of the rate explains, when answers
    /// take `seconds`: by Little's law the number under way rises with the rate. By chance it
    /// varies as a Poisson number does.
    fn is_queueing(&self, seconds: f64) -> bool {
        let (begun, ended) = self.sums();
        let (Some(first), Some(last)) = (self.windows.front(), self.windows.back()) else {
            return false;
        };
        let share = self.share();
        let explained = (last.rate - first.rate).max(0.0) * share * seconds * 2.0;
        // At the beginning of a run the service has yet to fill.
        let has_filled = self.age >= 2.0 * seconds && self.age > 0.0;
        let usual = (self.before as f64).max(first.rate * share * seconds).max(1.0);
        has_filled && begun - ended > explained + chance(2.0 * usual)
    }
}
