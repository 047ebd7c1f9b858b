//! What is to be run, once it is known that it can be run.
//!
//! [`PlanInput`] is what was asked for, by flags, a file or the scenario's own defaults; what was
//! not said is `None`. [`Plan::new`] is the one road from there: it refuses contradictions and
//! absurd numbers and fills in defaults. Whoever holds a [`Plan`] checks nothing again, and asks it
//! for what follows from it (the slots and the users of each worker), so that no arithmetic on
//! shares is done anywhere else.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::RunInstant;
use crate::control::{DEFAULT_START, Finder, Goal, Objective, Regulator};
use crate::dispatch::{Growth, Limits, Spawn};
use crate::schedule::{Arrivals, Cursor, Profile, Stage, Stripe, Timeline};
use crate::threshold::Threshold;
use crate::units::{Rate, UnitError, grouped, parse_duration, print_duration, print_rate};

/// Users that a plan may ask for: well beyond what one machine can hold, so more is a typing error.
pub const MAX_USERS: u32 = 1_000_000;
/// Users on demand unless told otherwise, if the machine can hold so many: far more than a healthy
/// service keeps busy, few enough not to bury a sick one.
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

/// What was asked for. The names of the fields are the keys that errors name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanInput {
    /// Transactions a second, or with stages those at the beginning.
    pub tps: Option<Rate>,
    /// Iterations a second, or with stages those at the beginning.
    pub rate: Option<Rate>,
    /// Exactly this many users.
    pub vus: Option<u32>,
    /// At most this many users, created on demand.
    pub max_vus: Option<u32>,
    /// What the service is to hold, at the highest rate at which it does; `tps` is then the most.
    pub objectives: Vec<Objective>,
    /// How the highest rate is to be searched, in place of held.
    pub search: Option<Search>,
    /// At which rate objectives have the load begin.
    pub start_tps: Option<Rate>,
    /// How the rate goes on from its beginning.
    pub stages: Vec<Stage>,
    /// How long to measure.
    pub duration: Option<Duration>,
    /// How many iterations to run.
    pub iterations: Option<u64>,
    /// How long to run before measuring.
    pub warmup: Option<WarmUp>,
    /// How long what is under way at the end may take.
    pub grace: Option<Duration>,
    /// How late a slot may start.
    pub max_lag: Option<Duration>,
    /// Users created a second.
    pub spawn_rate: Option<Rate>,
    /// Whether starts are to come as Poisson arrivals.
    pub poisson: bool,
    /// From which everything random follows.
    pub seed: u64,
    /// Conditions on the result.
    pub thresholds: Vec<Threshold>,
    /// Whether the scenario does something when a user is created, so that creations reach the
    /// service.
    pub has_start: bool,
    /// How many users this machine can hold, as far as it was found out.
    pub room: Option<u32>,
}

/// How long to run before measuring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// So long.
    For(Duration),
    /// Until the service is steady, so long at most.
    UntilSteady {
        /// The most.
        most: Duration,
    },
}

/// How long a service is given to become steady unless told otherwise: compilers that optimise as
/// they go and caches take tens of seconds, seldom more.
pub const DEFAULT_MOST_WARM_UP: Duration = Duration::from_secs(60);

impl WarmUp {
    /// So long at most.
    pub const fn most(self) -> Duration {
        match self {
            Self::For(time) | Self::UntilSteady { most: time } => time,
        }
    }
}

impl FromStr for WarmUp {
    type Err = UnitError;

    /// Reads "30s", "auto", "auto:2m".
    fn from_str(text: &str) -> Result<Self, UnitError> {
        match text.strip_prefix("auto") {
            None => Ok(Self::For(parse_duration(text)?)),
            Some("") => Ok(Self::UntilSteady { most: DEFAULT_MOST_WARM_UP }),
            Some(rest) => Ok(Self::UntilSteady {
                most: parse_duration(rest.strip_prefix(':').unwrap_or(text))?,
            }),
        }
    }
}

impl fmt::Display for WarmUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(time) => f.write_str(&print_duration(*time)),
            Self::UntilSteady { most } => write!(f, "auto:{}", print_duration(*most)),
        }
    }
}

/// Why what was asked for cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Nothing says how much load there is to be.
    #[error(
        "nothing says how much load to drive; give tps (transactions a second), rate (iterations a \
        second), vus (users), a stage, or what to hold (latency, error_rate)"
    )]
    NoLoad,
    /// A search without anything to hold.
    #[error("nothing says what is to hold; give latency (as p95=200ms) or error_rate (as 1%)")]
    NoObjective,
    /// Two things cannot both hold.
    #[error("{one} and {other} contradict each other; {cure}")]
    Contradiction {
        /// A key and its value.
        one: String,
        /// A key and its value.
        other: String,
        /// What to do.
        cure: &'static str,
    },
    /// A number makes no sense.
    #[error("{key} {value} is out of range; {cure}")]
    Range {
        /// Which.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is possible.
        cure: &'static str,
    },
}

/// What starts when.
#[derive(Clone, Debug, PartialEq)]
pub enum LoadModel {
    /// Open: each outermost transaction takes a slot of the profile.
    Transactions {
        /// Starts over time.
        profile: Profile,
        /// By whom.
        users: Users,
    },
    /// Open: each iteration takes a slot of the profile.
    Iterations {
        /// Starts over time.
        profile: Profile,
        /// By whom.
        users: Users,
    },
    /// Closed: each user goes on as soon as it can.
    Closed {
        /// How many.
        users: u32,
    },
}

/// How many virtual users a paced run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Users {
    /// As many as the slots need.
    OnDemand {
        /// The most.
        max: u32,
    },
    /// Always this many.
    Exactly(u32),
}

impl LoadModel {
    /// The same with the users of one of several `hosts`, which lie side by side between 0 and 1:
    /// this one `from` one place `until` another.
    ///
    /// Of an exact number each host has those between its places, all together that number. On
    /// demand each may have its part of the most, or what it would have if all were alike where it
    /// has none yet.
    pub fn part(&self, from: f64, until: f64, hosts: usize) -> Self {
        let exactly = |users: u32| {
            let place = |place: f64| (f64::from(users) * place).round() as u32;
            place(until).saturating_sub(place(from))
        };
        let part = |users: Users| match users {
            Users::Exactly(users) => Users::Exactly(exactly(users)),
            Users::OnDemand { max } => {
                let share = if until > from { until - from } else { 1.0 / hosts.max(1) as f64 };
                Users::OnDemand { max: ((f64::from(max) * share).ceil() as u32).max(1) }
            }
        };
        match self.clone() {
            Self::Transactions { profile, users } => {
                Self::Transactions { profile, users: part(users) }
            }
            Self::Iterations { profile, users } => Self::Iterations { profile, users: part(users) },
            Self::Closed { users } => Self::Closed { users: exactly(users) },
        }
    }
}

/// When a run has come to its end; whichever is first. Neither means that a signal ends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StopAfter {
    /// This long a measured part.
    pub measured: Option<Duration>,
    /// This many iterations, those of the warm-up included.
    pub iterations: Option<u64>,
}

/// What a rate is controlled by.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// The highest rate, in transactions a second; none means as high as the objectives allow.
    pub target: Option<f64>,
    /// What is to hold; at least one.
    pub objectives: Vec<Objective>,
    /// Where it begins.
    pub start: f64,
    /// How the highest rate is searched; nothing where it is held.
    pub search: Option<Search>,
}

/// How the highest rate that holds is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// How long a rate is kept to count as held.
    pub hold: Duration,
    /// When the search ends at the latest.
    pub budget: Duration,
}

/// How long `find` keeps a rate unless told otherwise: some garbage collections, some turns of a
/// cache.
pub const DEFAULT_HOLD: Duration = Duration::from_secs(30);
/// How long `find` searches at most unless told otherwise.
pub const DEFAULT_BUDGET: Duration = Duration::from_secs(600);
/// The shortest trial: less does not show a queue that grows slowly.
const MIN_HOLD: Duration = Duration::from_secs(3);

impl Control {
    /// What holds the objectives.
    pub fn regulator(&self) -> Regulator {
        Regulator::new(self.target, self.objectives.clone(), self.start)
    }

    /// What searches the highest rate, where that is asked for.
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
    /// What starts when. With objectives the profile says how it begins.
    pub load: LoadModel,
    /// What the rate follows from, where it follows from something.
    pub control: Option<Control>,
    /// How starts are spread around the profile.
    pub arrivals: Arrivals,
    /// What precedes the measured part, at most.
    pub warm_up: Duration,
    /// Whether the warm-up ends as soon as the service is steady.
    pub warm_up_ends_when_steady: bool,
    /// When it is over.
    pub stop: StopAfter,
    /// How long what is under way at the end may take.
    pub grace: Duration,
    /// How late a slot may start.
    pub max_lag: Duration,
    /// How fast users may be created, on this host.
    pub spawn: Spawn,
    /// From which everything random follows.
    pub seed: u64,
    /// Conditions on the result.
    pub thresholds: Vec<Threshold>,
    /// Which part of the slots is this host's.
    pub share: Stripe,
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
        let (staged, length) =
            (!input.stages.is_empty(), input.stages.iter().map(|stage| stage.over).sum());
        let controlled = !input.objectives.is_empty();
        let control = controlled.then(|| {
            let target = input.tps.map(Rate::per_second);
            let start = input
                .start_tps
                .map_or(DEFAULT_START, Rate::per_second)
                .min(target.unwrap_or(f64::INFINITY));
            Control { target, objectives: input.objectives, start, search: input.search }
        });
        let opening = control
            .as_ref()
            .and_then(|control| Rate::new(control.start))
            .or(input.tps)
            .or(input.rate);
        let profile = Profile { opening, stages: input.stages };
        let load = match (input.tps, input.rate, input.vus) {
            _ if controlled => LoadModel::Transactions { profile, users },
            (None, None, Some(vus)) => LoadModel::Closed { users: vus },
            (None, Some(_), _) => LoadModel::Iterations { profile, users },
            (Some(_), ..) => LoadModel::Transactions { profile, users },
            (None, None, None) if staged => LoadModel::Transactions { profile, users },
            (None, None, None) => return Err(PlanError::NoLoad),
        };
        let spawn = match input.spawn_rate {
            Some(rate) => Spawn::At(rate),
            None if input.has_start => {
                Spawn::At(Rate::new(DEFAULT_SPAWN_RATE).expect("the default is a rate"))
            }
            None => Spawn::AtOnce,
        };
        Ok(Self {
            load,
            control,
            arrivals: if input.poisson {
                Arrivals::Poisson { seed: input.seed }
            } else {
                Arrivals::Uniform
            },
            warm_up: input.warmup.map_or(Duration::ZERO, WarmUp::most),
            warm_up_ends_when_steady: matches!(input.warmup, Some(WarmUp::UntilSteady { .. })),
            stop: StopAfter {
                measured: input.duration.or(staged.then_some(length)),
                iterations: input.iterations,
            },
            grace: input.grace.unwrap_or(DEFAULT_GRACE),
            max_lag: input.max_lag.unwrap_or(DEFAULT_MAX_LAG),
            spawn,
            seed: input.seed,
            thresholds: input.thresholds,
            share: Stripe::WHOLE,
        })
    }

    /// When the measured part begins.
    pub fn measured_from(&self) -> RunInstant {
        RunInstant::START + self.warm_up
    }

    /// When the run is over by the clock; [`RunInstant::NEVER`] if by something else alone.
    pub fn end(&self) -> RunInstant {
        self.stop.measured.map_or(RunInstant::NEVER, |measured| self.measured_from() + measured)
    }

    /// The most users that this host will have.
    pub const fn most_users(&self) -> u32 {
        match self.load {
            LoadModel::Transactions { users, .. } | LoadModel::Iterations { users, .. } => {
                match users {
                    Users::OnDemand { max } => max,
                    Users::Exactly(users) => users,
                }
            }
            LoadModel::Closed { users } => users,
        }
    }

    /// The users of worker number `index` of `workers`: its part of them, created at its part of
    /// the rate.
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
        match self.load {
            LoadModel::Transactions { users: Users::OnDemand { max }, .. }
            | LoadModel::Iterations { users: Users::OnDemand { max }, .. } => {
                Growth::OnDemand { max_users: part(max), spawn }
            }
            LoadModel::Transactions { users: Users::Exactly(users), .. }
            | LoadModel::Iterations { users: Users::Exactly(users), .. }
            | LoadModel::Closed { users } => Growth::Exactly { users: part(users), spawn },
        }
    }

    /// The limits of worker number `index` of `workers`.
    pub fn limits(&self, index: u32, workers: u32) -> Limits {
        Limits { growth: self.growth(index, workers), max_lag: self.max_lag }
    }

    /// The slots of worker number `index` of `workers`; nothing in the closed model, which has
    /// none.
    pub fn cursor(&self, index: u32, workers: u32) -> Option<Cursor> {
        let stripe = self.share.part(u64::from(index), u64::from(workers));
        Some(Cursor::new(self.timeline()?, self.arrivals, stripe, self.end(), u64::MAX))
    }

    /// Starts over time as planned; nothing in the closed model, which has no rate.
    pub fn timeline(&self) -> Option<Timeline> {
        match &self.load {
            LoadModel::Transactions { profile, .. } | LoadModel::Iterations { profile, .. } => {
                Some(profile.timeline(self.warm_up))
            }
            LoadModel::Closed { .. } => None,
        }
    }
}

fn refuse_absurd(input: &PlanInput) -> Result<(), PlanError> {
    for (key, users) in [("vus", input.vus), ("max_vus", input.max_vus)] {
        if let Some(users) = users.filter(|&users| users == 0 || users > MAX_USERS) {
            return Err(PlanError::Range {
                key,
                value: grouped(u64::from(users)),
                cure: "give a number from 1 to 1,000,000",
            });
        }
    }
    if input.iterations == Some(0) {
        return Err(PlanError::Range {
            key: "iterations",
            value: "0".to_owned(),
            cure: "give at least 1, or leave it out",
        });
    }
    if let Some(search) = input.search {
        if search.hold < MIN_HOLD {
            return Err(PlanError::Range {
                key: "hold",
                value: print_duration(search.hold),
                cure: "give at least 3s",
            });
        }
        let limits = input.objectives.iter().filter_map(|objective| match objective.goal {
            Goal::Latency { limit, .. } => Some(limit),
            Goal::ErrorRate(_) => None,
        });
        if limits.max().is_some_and(|longest| search.hold < longest * 2) {
            return Err(PlanError::Range {
                key: "hold",
                value: print_duration(search.hold),
                cure: "give at least twice the longest latency",
            });
        }
        if search.budget < search.hold * 2 {
            return Err(PlanError::Range {
                key: "budget",
                value: print_duration(search.budget),
                cure: "give at least twice the hold",
            });
        }
    }
    if input.duration.is_some_and(|duration| duration.is_zero()) {
        return Err(PlanError::Range {
            key: "duration",
            value: "0s".to_owned(),
            cure: "give the measured part a length, or leave it out",
        });
    }
    let staged: Duration = input.stages.iter().map(|stage| stage.over).sum();
    if !input.stages.is_empty() && staged.is_zero() {
        return Err(PlanError::Range {
            key: "stage",
            value: "0s".to_owned(),
            cure: "give at least one stage a duration",
        });
    }
    if !input.stages.is_empty()
        && input.tps.or(input.rate).is_none()
        && input.stages.iter().all(|stage| stage.to == 0.0)
    {
        return Err(PlanError::Range {
            key: "stage",
            value: "0/s".to_owned(),
            cure: "give at least one stage a rate above zero",
        });
    }
    Ok(())
}

fn refuse_contradictions(input: &PlanInput) -> Result<(), PlanError> {
    let contradiction = |one: (&str, String), other: (&str, String), cure| {
        Err(PlanError::Contradiction {
            one: format!("{} {}", one.0, one.1),
            other: format!("{} {}", other.0, other.1),
            cure,
        })
    };
    let stage = input
        .stages
        .first()
        .map(|stage| ("stage", format!("{}:{}", print_duration(stage.over), print_rate(stage.to))));
    let tps = input.tps.map(|tps| ("tps", tps.to_string()));
    let rate = input.rate.map(|rate| ("rate", rate.to_string()));
    let vus = input.vus.map(|vus| ("vus", grouped(u64::from(vus))));
    let max_vus = input.max_vus.map(|max_vus| ("max_vus", grouped(u64::from(max_vus))));
    if let (Some(tps), Some(rate)) = (&tps, &rate) {
        return contradiction(
            tps.clone(),
            rate.clone(),
            "pace either transactions (tps) or iterations (rate)",
        );
    }
    if let (Some(vus), Some(max_vus)) = (&vus, &max_vus) {
        return contradiction(
            vus.clone(),
            max_vus.clone(),
            "vus is an exact number of users, max_vus the most on demand: give one of them",
        );
    }
    if let Some(search) = input.search {
        if input.objectives.is_empty() {
            return Err(PlanError::NoObjective);
        }
        let warmup = input.warmup.filter(|warmup| !warmup.most().is_zero());
        let lengths = [
            ("duration", input.duration.map(print_duration)),
            ("warmup", warmup.map(|warmup| warmup.to_string())),
        ];
        let length = lengths.into_iter().find_map(|(key, length)| Some((key, length?)));
        let length =
            length.or(input.iterations.map(|iterations| ("iterations", grouped(iterations))));
        if let Some(length) = length {
            let hold = ("hold", print_duration(search.hold));
            return contradiction(length, hold, "a search ends by itself: bound it by budget");
        }
    }
    let objective = input.objectives.first().map(|objective| {
        let key =
            if matches!(objective.goal, Goal::Latency { .. }) { "latency" } else { "error_rate" };
        (key, objective.to_string())
    });
    match (&objective, input.start_tps) {
        (Some(objective), start) => {
            if let Some(rate) = rate {
                let cure = "objectives control transactions: give tps as the most that may begin, \
                or leave rate out";
                return contradiction(rate, objective.clone(), cure);
            }
            if let Some(stage) = stage {
                let cure = "stages say the rate at each instant, and an objective finds it: leave \
                one of them out";
                return contradiction(stage, objective.clone(), cure);
            }
            if let (None, Some(vus)) = (&tps, vus.clone()) {
                let cure = "an objective controls a rate, and users without one go as fast as they \
                can: bound them by max_vus, or give tps";
                return contradiction(vus, objective.clone(), cure);
            }
            if let (Some(start), Some(tps)) =
                (start.filter(|&start| input.tps.is_some_and(|tps| start > tps)), tps.clone())
            {
                return contradiction(
                    ("start_tps", start.to_string()),
                    tps,
                    "the load begins at most at tps: lower start_tps",
                );
            }
        }
        (None, Some(start)) => {
            let cure = "start_tps is where an objective has the load begin: give latency or \
            error_rate, or leave it out";
            return contradiction(
                ("start_tps", start.to_string()),
                ("no", "objective".to_owned()),
                cure,
            );
        }
        (None, None) => {}
    }
    let paced = tps.clone().or(rate.clone()).or(objective);
    if let (None, Some(vus)) = (&paced, &vus) {
        // Without a rate these users go as fast as they can, so whatever is about slots has no
        // meaning.
        if let Some(stage) = &stage {
            return contradiction(
                vus.clone(),
                stage.clone(),
                "stages lead from rate to rate: leave vus out, or give tps or rate as well",
            );
        }
        if let Some(max_lag) = input.max_lag {
            let max_lag = ("max_lag", print_duration(max_lag));
            return contradiction(
                vus.clone(),
                max_lag,
                "without tps or rate there is no start that could be late: leave max_lag out",
            );
        }
        if input.poisson {
            let poisson = ("arrivals", "poisson".to_owned());
            return contradiction(
                vus.clone(),
                poisson,
                "without tps or rate users start when they are ready: leave arrivals out",
            );
        }
    }
    if let (None, None, Some(max_vus)) = (&paced, &stage, &max_vus) {
        let cure = "max_vus bounds what a rate needs: give tps or rate, or an exact number of \
        users with vus";
        return contradiction(max_vus.clone(), ("no", "rate".to_owned()), cure);
    }
    let warmup = input.warmup.filter(|warmup| !warmup.most().is_zero());
    if let (Some(warmup @ WarmUp::UntilSteady { .. }), Some(stage)) = (warmup, &stage) {
        let cure =
            "stages begin at an instant that is known beforehand: give the warm-up a time, as 30s";
        return contradiction(("warmup", warmup.to_string()), stage.clone(), cure);
    }
    if let (Some(warmup), None, Some(stage)) = (warmup, &paced, &stage) {
        let cure = "stages begin at zero, where nothing warms up: say with tps or rate at which \
        rate to begin";
        return contradiction(("warmup", warmup.to_string()), stage.clone(), cure);
    }
    let length: Duration = input.stages.iter().map(|stage| stage.over).sum();
    if let (Some(duration), Some(_)) =
        (input.duration.filter(|&duration| duration < length), &stage)
    {
        let stages = ("stages of", print_duration(length));
        return contradiction(
            ("duration", print_duration(duration)),
            stages,
            "leave the duration out, or make it at least as long as the stages",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
