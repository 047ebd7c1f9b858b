//! What became of the rate, as data: what held it, what kept it below what was asked for, and what
//! a search found.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swell_core::RunInstant;
use swell_core::control::{Doing, Goal, Limit, Limiter, SearchEnd, SearchResult};
use swell_core::run::{ControlRecord, ObjectiveRecord, limit_in_words, objective_in_words};

use super::names;

/// The rate of a controlled run at its end, and what it followed from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlReport {
    /// The set-point, in transactions a second.
    pub goal_per_second: f64,
    /// The rule of the objective that kept it down; absent where it was as asked.
    pub limited_by: Option<String>,
    /// What was to hold.
    pub objectives: Vec<ObjectiveReport>,
}

/// One objective at the end of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectiveReport {
    /// As it is written on the command line.
    pub rule: String,
    /// In words.
    pub means: String,
    /// The rate up to which it was found to hold, in transactions a second of all names.
    pub limit_per_second: f64,
    /// What its controller was doing.
    #[serde(with = "names::doing")]
    #[schemars(with = "String")]
    pub state: Doing,
    /// What a latency objective measured last.
    pub measured_ms: Option<f64>,
    /// What an error rate measured last, as a part of one.
    pub measured_share: Option<f64>,
    /// On so many samples.
    pub samples: u64,
}

/// A time in which less was completed than was asked for, and who was in the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitReport {
    /// "service", "users" (none was free, and more would have helped) or "generator".
    #[schemars(schema_with = "names::limiter")]
    pub by: Limiter,
    /// Seconds after the run's first instant at which it was concluded.
    pub from_seconds: f64,
    /// When it was over; absent where it lasted to the end.
    pub until_seconds: Option<f64>,
    /// The following are of its last three seconds.
    pub asked_per_second: f64,
    /// What began of that.
    pub begun_per_second: f64,
    /// What ended, well or not.
    pub completed_per_second: f64,
    /// The mean service time of its last second.
    pub service_ms: Option<f64>,
    /// The least mean service time of a second until then.
    pub best_service_ms: Option<f64>,
    /// All of it in words.
    pub means: String,
}

/// The highest rate that holds, as an interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchReport {
    /// Why it ended: "narrow", "most" (the highest that was allowed is held), "no rate",
    /// "generator", "budget" or "stopped".
    #[schemars(schema_with = "names::search_end")]
    pub end: SearchEnd,
    /// The highest rate that was held for a whole trial, in transactions a second.
    pub held_per_second: Option<f64>,
    /// The lowest that was not.
    pub broken_per_second: Option<f64>,
    /// The rule that broke there.
    pub broken_by: Option<String>,
    /// What was measured there of a latency; absent where answers came in time while more and more
    /// waited, or too few came.
    pub broken_ms: Option<f64>,
    /// What was measured there of an error rate.
    pub broken_share: Option<f64>,
    /// Rates that were tried.
    pub trials: u32,
    /// How long each was kept.
    pub hold_seconds: f64,
}

impl ControlReport {
    pub(crate) fn of(control: &ControlRecord) -> Self {
        let binding = control.objectives.iter().find(|objective| objective.binding);
        Self {
            goal_per_second: control.goal,
            limited_by: binding.map(|binding| binding.objective.to_string()),
            objectives: control.objectives.iter().map(ObjectiveReport::of).collect(),
        }
    }
}

impl LimitReport {
    pub(crate) fn of(&(limit, until): &(Limit, Option<RunInstant>)) -> Self {
        Self {
            by: limit.by,
            from_seconds: limit.since.as_secs_f64(),
            until_seconds: until.map(RunInstant::as_secs_f64),
            asked_per_second: limit.asked,
            begun_per_second: limit.begun,
            completed_per_second: limit.completed,
            service_ms: limit.service.map(|(now, _)| now * 1e3),
            best_service_ms: limit.service.map(|(_, best)| best * 1e3),
            means: limit_in_words(&limit),
        }
    }
}

impl SearchReport {
    pub(crate) fn of(found: &SearchResult, hold: Duration) -> Self {
        let breach = found.broken.as_ref().map(|(_, breach)| breach);
        let measured = |is_latency: bool| {
            breach
                .filter(|breach| {
                    matches!(breach.objective.goal, Goal::Latency { .. }) == is_latency
                })?
                .measured
        };
        Self {
            end: found.end,
            held_per_second: found.held,
            broken_per_second: found.broken.as_ref().map(|(rate, _)| *rate),
            broken_by: breach.map(|breach| breach.objective.to_string()),
            broken_ms: measured(true).map(|seconds| seconds * 1e3),
            broken_share: measured(false),
            trials: found.trials,
            hold_seconds: hold.as_secs_f64(),
        }
    }
}

impl ObjectiveReport {
    fn of(record: &ObjectiveRecord) -> Self {
        let reading = record.measured.map(|(reading, _)| reading);
        let (measured_ms, measured_share) = match record.objective.goal {
            Goal::Latency { .. } => (reading.map(|seconds| seconds * 1e3), None),
            Goal::ErrorRate(_) => (None, reading),
        };
        Self {
            rule: record.objective.to_string(),
            means: objective_in_words(&record.objective),
            limit_per_second: record.limit,
            state: record.doing,
            measured_ms,
            measured_share,
            samples: record.measured.map_or(0, |(_, samples)| samples),
        }
    }
}
