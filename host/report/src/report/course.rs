//! The course of a run, as data: a point for each of its seconds, and what happened in between.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use swell_core::control::Limiter;

use super::names;
use super::part::UnsentReport;
use super::times::Times;
use crate::record::MarkKind;
use crate::status::{ObjectiveStatus, RunState};

/// What a second of a run counted, of its warm-up or of its measured part, and where the run was
/// at its end. Of a run longer than an hour the older points are several seconds each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PointReport {
    /// Where it begins, in seconds since the run's first instant.
    pub from: f64,
    /// Where it ends, which is where the next one begins.
    pub until: f64,
    /// What the run was doing at its end.
    pub phase: RunState,
    /// Starts that were due, a second: those that began, and those that were given up.
    pub offered_per_second: f64,
    /// Ended, a second, well or not.
    pub completed_per_second: f64,
    /// Transactions that began.
    pub started: u64,
    /// Ended well.
    pub ok: u64,
    /// Did not.
    pub failed: u64,
    /// Were cut off before their end.
    pub interrupted: u64,
    /// Why transactions failed, nested ones too, by the cause in words.
    pub failures: BTreeMap<String, u64>,
    /// Starts that were due and never came.
    pub unsent: UnsentReport,
    /// End minus intended start.
    pub response_ms: Times,
    /// End minus actual start.
    pub service_ms: Times,
    /// The part of the start lag in which a user was free: the generator's fault.
    pub generator_lag_ms: Times,
    /// How late threads of the generator ran what was ready.
    pub loop_delay_ms: Times,
    /// Virtual users that existed.
    pub users: u64,
    /// Transactions that had begun and not ended.
    pub under_way: u64,
    /// Starts a second that were to be; absent in the closed model.
    pub goal_per_second: Option<f64>,
    /// What kept the goal where it was, in words; absent where the plan alone did.
    pub held_by: Option<String>,
    /// Who kept the rate below the goal: "service", "users" or "generator".
    #[schemars(schema_with = "names::limiter_if_any")]
    pub limited_by: Option<Limiter>,
    /// The same in words.
    pub limit: Option<String>,
    /// What each objective did, and the rate up to which it was found to hold.
    pub objectives: Vec<ObjectiveStatus>,
    /// Processors in use, on average; absent where nobody looked.
    pub cores: Option<f64>,
    /// Memory that the process had resident.
    pub memory_mib: Option<f64>,
}

/// What happened at one instant of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MarkReport {
    /// When, in seconds since the run's first instant.
    pub at: f64,
    /// What.
    pub kind: MarkKind,
    /// The same in words, with who did it or whom it is about.
    pub text: String,
}

/// The stretch of a run that a report is about, where it is not about the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StretchReport {
    /// Where it begins, in seconds since the run's first instant.
    pub from: f64,
    /// Where it ends.
    pub until: f64,
}

/// Writes a list with a line for each of its items: an hour has 3,600 points.
pub(super) fn on_lines<T: Serialize, S: Serializer>(items: &[T], to: S) -> Result<S::Ok, S::Error> {
    let lines: Result<Vec<String>, _> = items.iter().map(serde_json::to_string).collect();
    let lines = lines.map_err(S::Error::custom)?.join(",\n    ");
    RawValue::from_string(format!("[\n    {lines}\n  ]")).map_err(S::Error::custom)?.serialize(to)
}
