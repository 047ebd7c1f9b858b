//! What was asked for, before it is known whether it can be run.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::control::Objective;
use crate::run::StopRules;
use crate::schedule::{Bursts, CurveError, Formula, Stage, UserStage};
use crate::threshold::Threshold;
use crate::units::{Rate, UnitError, parse_duration, print_duration};

/// What was asked for. The names of the fields are the keys that errors name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanInput {
    /// Transactions a second; with stages, those at the beginning.
    pub tps: Option<Rate>,
    /// Iterations a second; with stages, those at the beginning.
    pub rate: Option<Rate>,
    /// Exactly this many users.
    pub vus: Option<u32>,
    /// At most this many users, created on demand.
    pub max_vus: Option<u32>,
    /// What the service is to hold, at the highest rate at which it does; `tps` is then the highest
    /// rate.
    pub objectives: Vec<Objective>,
    /// How the highest rate is to be searched, instead of held.
    pub search: Option<Search>,
    /// The rate at which the load begins, where there are objectives.
    pub start_tps: Option<Rate>,
    /// How the rate goes on from its beginning.
    pub stages: Vec<Stage>,
    /// How the number of users goes on from nobody.
    pub vus_stages: Vec<UserStage>,
    /// Users over time, as a formula.
    pub vus_shape: Option<Formula>,
    /// Transactions a second over time, as a formula.
    pub shape: Option<Formula>,
    /// So many transactions at once, again and again.
    pub burst: Option<Bursts>,
    /// How long to measure.
    pub duration: Option<Duration>,
    /// How many iterations to run.
    pub iterations: Option<u64>,
    /// How many iterations each user is to make.
    pub iterations_per_vu: Option<u64>,
    /// How long to run before measuring.
    pub warmup: Option<WarmUp>,
    /// How long what is under way at the end may take.
    pub grace: Option<Duration>,
    /// How late a slot may start.
    pub max_lag: Option<Duration>,
    /// Within how long slots become due that start together.
    pub coalesce: Option<Duration>,
    /// Users created a second.
    pub spawn_rate: Option<Rate>,
    /// Whether starts are to come as Poisson arrivals.
    pub poisson: bool,
    /// The scenarios of the run, with their weights; none where there is only one, which needs no
    /// weight.
    pub scenarios: Vec<WeightedScenario>,
    /// The seed of everything random.
    pub seed: u64,
    /// Conditions on the result.
    pub thresholds: Vec<Threshold>,
    /// What ends the run before its time.
    pub stop_rules: StopRules,
    /// Whether a scenario does something when a user is created, so that creations reach the
    /// service.
    pub has_start: bool,
    /// How many users this machine can hold, as far as that is known.
    pub room: Option<u32>,
}

impl PlanInput {
    /// How many iterations all users make, where each is to make its own; `None` also where that is
    /// more than can be counted.
    pub(super) fn of_all_users(&self) -> Option<u64> {
        self.iterations_per_vu?.checked_mul(u64::from(self.vus?))
    }

    /// The length of the stages, of a rate or of users; `None` where there are none.
    pub(super) fn length_of_stages(&self) -> Option<Duration> {
        let overs = self.stages.iter().map(|stage| stage.over);
        let length = overs.chain(self.vus_stages.iter().map(|stage| stage.over)).sum();
        (self.stages.len() + self.vus_stages.len() > 0).then_some(length)
    }
}

/// A scenario among several of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightedScenario {
    /// Its name, for messages.
    pub name: String,
    /// Its part in the users of the run, beside those of the others.
    pub weight: f64,
}

impl fmt::Display for WeightedScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.weight)
    }
}

/// How long to run before measuring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// So long.
    For(Duration),
    /// Until the service is steady, but no longer than `most`.
    UntilSteady {
        /// The longest warm-up.
        most: Duration,
    },
}

/// How long a service is given to become steady unless told otherwise: compilers that optimise as
/// they go and caches take tens of seconds, seldom more.
pub const DEFAULT_MAX_WARM_UP: Duration = Duration::from_secs(60);

impl WarmUp {
    /// How long the warm-up lasts at most.
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
            Some("") => Ok(Self::UntilSteady { most: DEFAULT_MAX_WARM_UP }),
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
        second), vus (users), a stage, a vus_stage, a shape, a burst, or what to hold (latency, \
        error_rate)"
    )]
    NoLoad,
    /// A search without an objective to hold.
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
    /// A scenario's weight is too small for the number of users.
    #[error("scenario {name} has none of {users} users by its weight; {cure}")]
    NoUsers {
        /// The scenario, with its weight.
        name: String,
        /// How many users there are at the most.
        users: String,
        /// What to do.
        cure: String,
    },
    /// A formula is no load.
    #[error("{key} {shape}: it {source}")]
    Shape {
        /// The key.
        key: &'static str,
        /// The formula.
        shape: String,
        /// What it is instead.
        source: CurveError,
    },
    /// A number makes no sense.
    #[error("{key} {value} is out of range; {cure}")]
    Range {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is possible.
        cure: &'static str,
    },
}

/// How the search for the highest rate goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// How long a rate is kept to count as held.
    pub hold: Duration,
    /// When the search ends at the latest.
    pub budget: Duration,
}

/// How long `find` keeps a rate unless told otherwise: long enough for some garbage collections and
/// some turns of a cache.
pub const DEFAULT_HOLD: Duration = Duration::from_secs(30);
/// How long `find` searches at most unless told otherwise.
pub const DEFAULT_BUDGET: Duration = Duration::from_secs(600);
