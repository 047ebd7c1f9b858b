//! What is to be run, once it is known that it can be run.
//!
//! [`PlanInput`] is what was asked for, by flags, a file or the scenario's own defaults; what was
//! not said is `None`. [`Plan::new`] is the one road from there: it refuses contradictions and
//! absurd numbers and fills in defaults. Whoever holds a [`Plan`] checks nothing again, and asks it
//! for what follows from it (the slots and the users of each worker), so that no arithmetic on
//! shares is done anywhere else.

mod ahead;
mod drawing;
mod input;
mod refuse;

use std::time::Duration;

use self::drawing::{profile_of, stages_of_users};
pub use self::input::{
    DEFAULT_BUDGET, DEFAULT_HOLD, DEFAULT_MAX_WARM_UP, PlanError, PlanInput, Search, WarmUp,
    WeightedScenario,
};
pub use self::refuse::MAX_USERS;
use self::refuse::{refuse_absurd, refuse_contradictions, refuse_scenarios_without_users};
use crate::RunInstant;
use crate::control::{DEFAULT_START, Finder, Objective, Regulator};
use crate::dispatch::{DispatchLimits, Growth, Spawn};
use crate::run::StopRules;
use crate::schedule::{
    Arrivals, Crowd, Cursor, Formula, Mix, Owner, Profile, ShareTable, Stripe, Timeline,
    UserProfile,
};
use crate::threshold::Threshold;
use crate::units::Rate;

/// How many users are created on demand at most, unless the plan says otherwise and if the machine
/// can hold so many: far more than a healthy service keeps busy, few enough not to overwhelm a sick
/// one.
pub const DEFAULT_MAX_USERS: u32 = 10_000;
/// How late a slot may start unless told otherwise: a stall of some seconds is made up for in full;
/// after ten, a person would have left.
pub const DEFAULT_MAX_LAG: Duration = Duration::from_secs(10);
/// How long what is under way may take to finish after the end unless told otherwise, as k6's
/// `gracefulStop`. It is less than a request's timeout of a minute, so that a service that hangs
/// keeps nobody from the results for long; what is cut off then counts as at least its age, and the
/// summary begins with it.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(30);
/// Users created a second where each creation reaches the service, unless told otherwise: 5,000
/// users are not 5,000 logins at once.
pub const DEFAULT_SPAWN_RATE: f64 = 100.0;

/// Settings that together say what the load is, by their names: who says one of them says all.
pub const LOAD_SHAPE: [&str; 11] = [
    "tps",
    "rate",
    "vus",
    "stage",
    "vus-stage",
    "vus-shape",
    "shape",
    "burst",
    "latency",
    "error-rate",
    "start-tps",
];

/// What starts when: the load model.
#[derive(Clone, Debug, PartialEq)]
pub enum LoadModel {
    /// Open: each outermost transaction takes a slot of the profile.
    Transactions {
        /// The rate of starts over time.
        profile: Profile,
        /// The users that make the starts.
        users: Users,
    },
    /// Open: each iteration takes a slot of the profile.
    Iterations {
        /// The rate of starts over time.
        profile: Profile,
        /// The users that make the starts.
        users: Users,
    },
    /// Closed: each user goes on as soon as it can.
    Closed {
        /// The number of users.
        users: u32,
    },
    /// Closed, with a number of users that changes with time.
    ClosedStages {
        /// The number of users over time.
        profile: UserProfile,
    },
}

/// How many virtual users a paced run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Users {
    /// As many as the slots need.
    OnDemand {
        /// The most users.
        max: u32,
    },
    /// Always this many.
    Exactly(u32),
}

impl LoadModel {
    /// The most users of the whole run, where it has an exact number of them.
    pub fn exact_users(&self) -> Option<u32> {
        match self {
            Self::Closed { users }
            | Self::Transactions { users: Users::Exactly(users), .. }
            | Self::Iterations { users: Users::Exactly(users), .. } => Some(*users),
            Self::ClosedStages { profile } => Some(profile.peak()),
            Self::Transactions { users: Users::OnDemand { .. }, .. }
            | Self::Iterations { users: Users::OnDemand { .. }, .. } => None,
        }
    }

    /// The same load for one of `nodes` nodes, whose users `crowd` knows. Of users on demand it may
    /// have its part of the most, or an equal part if it has no `share` yet.
    fn part(&self, crowd: &Crowd, share: f64, nodes: usize) -> Self {
        let part = |users: Users| match users {
            Users::Exactly(users) => Users::Exactly(crowd.users(users)),
            Users::OnDemand { max } => {
                let share = if share > 0.0 { share } else { 1.0 / nodes.max(1) as f64 };
                Users::OnDemand { max: ((f64::from(max) * share).ceil() as u32).max(1) }
            }
        };
        match self.clone() {
            Self::Transactions { profile, users } => {
                Self::Transactions { profile, users: part(users) }
            }
            Self::Iterations { profile, users } => Self::Iterations { profile, users: part(users) },
            Self::Closed { users } => Self::Closed { users: crowd.users(users) },
            Self::ClosedStages { profile } => Self::ClosedStages { profile },
        }
    }
}

/// What ends a run; whichever comes first. If neither is set, a signal ends the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StopAfter {
    /// The measured part has lasted so long.
    pub measured: Option<Duration>,
    /// So many iterations were made, those of the warm-up included.
    pub iterations: Option<u64>,
    /// Each user has made so many of them. It ends then, and is not replaced.
    pub iterations_each: Option<u64>,
}

/// What controls the rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// The highest rate, in transactions a second; `None` means as high as the objectives allow.
    pub target: Option<f64>,
    /// The objectives; at least one.
    pub objectives: Vec<Objective>,
    /// The rate at which the load begins.
    pub start: f64,
    /// How the highest rate is searched; `None` where a rate is held.
    pub search: Option<Search>,
}

impl Control {
    /// The regulator that holds the objectives.
    pub fn regulator(&self) -> Regulator {
        Regulator::new(self.target, self.objectives.clone(), self.start)
    }

    /// The search for the highest rate, where there is one.
    pub fn finder(&self) -> Option<Finder> {
        self.search.map(|search| {
            Finder::new(
                self.objectives.clone(),
                self.start,
                self.target,
                search.hold,
                search.budget,
            )
        })
    }
}

/// A run that can be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What starts when. With objectives the profile says how the load begins.
    pub load: LoadModel,
    /// The formula that the profile was drawn from, for people; `None` where it was none.
    pub shape: Option<Formula>,
    /// What controls the rate; `None` where the profile alone says it.
    pub control: Option<Control>,
    /// How starts are spread around the profile.
    pub arrivals: Arrivals,
    /// How long the warm-up before the measured part lasts, at most.
    pub warm_up: Duration,
    /// Whether the warm-up ends as soon as the service is steady.
    pub warm_up_ends_when_steady: bool,
    /// When the run is over.
    pub stop: StopAfter,
    /// How long what is under way at the end may take.
    pub grace: Duration,
    /// How late a slot may start.
    pub max_lag: Duration,
    /// Slots that become due within one such step start together at its end; zero where each
    /// starts when it is due.
    pub coalesce: Duration,
    /// How fast users may be created on this node.
    pub spawn: Spawn,
    /// The seed of everything random.
    pub seed: u64,
    /// Conditions on the result.
    pub thresholds: Vec<Threshold>,
    /// What ends the run before its time.
    pub stop_rules: StopRules,
    /// The part of the slots that this node has.
    pub share: Stripe,
    /// Whose users are which, where there is an exact number of them; on demand it is empty.
    pub crowd: Crowd,
}

impl Plan {
    /// The plan for what was asked for, as a whole: its share is 1/1.
    pub fn new(input: PlanInput) -> Result<Self, PlanError> {
        refuse_absurd(&input)?;
        refuse_contradictions(&input)?;
        let users = match input.vus {
            Some(vus) => Users::Exactly(vus),
            None => Users::OnDemand {
                max: input.max_vus.unwrap_or_else(|| {
                    DEFAULT_MAX_USERS.min(input.room.unwrap_or(u32::MAX)).max(1)
                }),
            },
        };
        let length = input.length_of_stages();
        let of_all_users = input.of_all_users();
        let controlled = !input.objectives.is_empty();
        let control = controlled.then(|| {
            let target = input.tps.map(Rate::per_second);
            let start = input
                .start_tps
                .map_or(DEFAULT_START, Rate::per_second)
                .min(target.unwrap_or(f64::INFINITY));
            Control { target, objectives: input.objectives.clone(), start, search: input.search }
        });
        let opening = control
            .as_ref()
            .and_then(|control| Rate::new(control.start))
            .or(input.tps)
            .or(input.rate);
        let profile = profile_of(&input, opening)?;
        let vus_stages = stages_of_users(&input)?;
        let has_starts = !input.stages.is_empty() || input.shape.is_some() || input.burst.is_some();
        let load = match (input.tps, input.rate, input.vus) {
            _ if controlled => LoadModel::Transactions { profile, users },
            (None, None, None) if !vus_stages.is_empty() => {
                LoadModel::ClosedStages { profile: UserProfile::new(vus_stages) }
            }
            (None, None, Some(vus)) => LoadModel::Closed { users: vus },
            (None, Some(_), _) => LoadModel::Iterations { profile, users },
            (Some(_), ..) => LoadModel::Transactions { profile, users },
            (None, None, None) if has_starts => LoadModel::Transactions { profile, users },
            (None, None, None) => return Err(PlanError::NoLoad),
        };
        let weights: Vec<f64> = input.scenarios.iter().map(|one| one.weight).collect();
        let mix = Mix::of_weights(&weights).unwrap_or_else(|_| Mix::of_one());
        let crowd = Crowd::new(&mix, load.exact_users().unwrap_or(0));
        refuse_scenarios_without_users(&input.scenarios, &mix, &crowd)?;
        let spawn = match input.spawn_rate {
            Some(rate) => Spawn::At(rate),
            None if input.has_start => {
                Spawn::At(Rate::new(DEFAULT_SPAWN_RATE).expect("the default is a rate"))
            }
            None => Spawn::AtOnce,
        };
        Ok(Self {
            load,
            shape: input.shape.or(input.vus_shape),
            control,
            arrivals: if input.poisson {
                Arrivals::Poisson { seed: input.seed }
            } else {
                Arrivals::Uniform
            },
            warm_up: input.warmup.map_or(Duration::ZERO, WarmUp::most),
            warm_up_ends_when_steady: matches!(input.warmup, Some(WarmUp::UntilSteady { .. })),
            stop: StopAfter {
                measured: input.duration.or(length),
                iterations: input.iterations.or(of_all_users),
                iterations_each: input.iterations_per_vu,
            },
            grace: input.grace.unwrap_or(DEFAULT_GRACE),
            max_lag: input.max_lag.unwrap_or(DEFAULT_MAX_LAG),
            coalesce: input.coalesce.unwrap_or_default(),
            spawn,
            seed: input.seed,
            thresholds: input.thresholds,
            stop_rules: input.stop_rules,
            share: Stripe::WHOLE,
            crowd,
        })
    }

    /// The plan of one of `nodes` nodes, the one that is called `owner` in a table of shares, where
    /// there is one yet. Of an exact number of users it has those that the table gives to it.
    pub fn part(&self, table: Option<&ShareTable>, owner: Owner, nodes: usize) -> Self {
        let table = table.cloned().unwrap_or_else(|| ShareTable::of_weights(0, &[]));
        let share = table.share(owner);
        let crowd = self.crowd.of_node(table, owner);
        let equal = if share > 0.0 { share } else { 1.0 / nodes.max(1) as f64 };
        let spawn = match self.spawn {
            Spawn::At(rate) => {
                Rate::new(rate.per_second() * equal).map_or(Spawn::At(rate), Spawn::At)
            }
            Spawn::AtOnce => Spawn::AtOnce,
        };
        Self { load: self.load.part(&crowd, share, nodes), spawn, crowd, ..self.clone() }
    }

    /// Whether only a signal ends the run.
    pub fn lasts_until_stopped(&self) -> bool {
        let is_search = self.control.as_ref().is_some_and(|control| control.search.is_some());
        self.stop.measured.is_none() && self.stop.iterations.is_none() && !is_search
    }

    /// Iterations that are made by whichever user comes first; `None` where there is no end to
    /// them, or where each user has its own.
    pub fn shared_iterations(&self) -> Option<u64> {
        self.stop.iterations.filter(|_| self.stop.iterations_each.is_none())
    }

    /// Iterations that the users of this node make, where each user has its own.
    pub fn own_iterations(&self) -> Option<u64> {
        self.stop.iterations_each.map(|each| each.saturating_mul(u64::from(self.most_users())))
    }

    /// When the measured part begins.
    pub fn measured_from(&self) -> RunInstant {
        RunInstant::START + self.warm_up
    }

    /// When the run is over by the clock; [`RunInstant::NEVER`] if only something else ends it.
    pub fn end(&self) -> RunInstant {
        self.stop.measured.map_or(RunInstant::NEVER, |measured| self.measured_from() + measured)
    }

    /// The most users that this node will have.
    pub fn most_users(&self) -> u32 {
        match &self.load {
            LoadModel::Transactions { users, .. } | LoadModel::Iterations { users, .. } => {
                match *users {
                    Users::OnDemand { max } => max,
                    Users::Exactly(users) => users,
                }
            }
            LoadModel::Closed { users } => *users,
            LoadModel::ClosedStages { profile } => self.crowd.users(profile.peak()),
        }
    }

    /// The most users that this node may have at the run's first instant.
    pub fn first_users(&self) -> u32 {
        match &self.load {
            LoadModel::ClosedStages { profile } => self.crowd.users(profile.opening()),
            LoadModel::Transactions { .. }
            | LoadModel::Iterations { .. }
            | LoadModel::Closed { .. } => self.most_users(),
        }
    }

    /// The users of worker number `index` of `workers`: its part of all users, created at its part
    /// of the rate.
    ///
    /// # Panics
    /// When there is no such worker; so does [`Plan::cursor`].
    pub fn growth(&self, index: u32, workers: u32) -> Growth {
        assert!(index < workers, "a worker is one of those that there are");
        let part = |users: u32| users / workers + u32::from(index < users % workers);
        let spawn = match self.spawn {
            Spawn::AtOnce => Spawn::AtOnce,
            Spawn::At(rate) => Spawn::At(rate.divided_by(workers)),
        };
        match &self.load {
            LoadModel::Transactions { users: Users::OnDemand { max }, .. }
            | LoadModel::Iterations { users: Users::OnDemand { max }, .. } => {
                Growth::OnDemand { max_users: part(*max), spawn }
            }
            LoadModel::Transactions { users: Users::Exactly(_), .. }
            | LoadModel::Iterations { users: Users::Exactly(_), .. }
            | LoadModel::Closed { .. } => {
                let users = self.crowd.of_thread(self.crowd.most(), index, workers);
                Growth::Exactly { users, spawn }
            }
            LoadModel::ClosedStages { profile } => {
                let users = profile.timeline(self.warm_up, &self.crowd, index, workers);
                Growth::Staged { users, spawn }
            }
        }
    }

    /// The limits of worker number `index` of `workers`.
    pub fn limits(&self, index: u32, workers: u32) -> DispatchLimits {
        DispatchLimits {
            growth: self.growth(index, workers),
            max_lag: self.max_lag,
            coalesce: self.coalesce,
        }
    }

    /// The slots of worker number `index` of `workers`; `None` in the closed model, which has none.
    pub fn cursor(&self, index: u32, workers: u32) -> Option<Cursor> {
        let stripe = self.share.part(u64::from(index), u64::from(workers));
        Some(Cursor::new(self.timeline()?, self.arrivals, stripe, self.end(), u64::MAX))
    }

    /// The rate of starts over time as planned; `None` in the closed model, which has no rate.
    pub fn timeline(&self) -> Option<Timeline> {
        match &self.load {
            LoadModel::Transactions { profile, .. } | LoadModel::Iterations { profile, .. } => {
                Some(profile.timeline(self.warm_up))
            }
            LoadModel::Closed { .. } | LoadModel::ClosedStages { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
