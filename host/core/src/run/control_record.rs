//! What held the rate of a run.

use serde::{Deserialize, Serialize};

use crate::control::{Doing, Explanation, Objective, SearchResult};

/// What held the rate of a run, at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlRecord {
    /// The set-point in force, in transactions a second.
    pub goal: f64,
    /// The run's objectives; empty in a search.
    pub objectives: Vec<ObjectiveRecord>,
    /// The result of a search; `None` where there was no search.
    pub found: Option<SearchResult>,
}

/// One objective, at the end of a run or while it goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveRecord {
    /// The objective.
    pub objective: Objective,
    /// The rate up to which it holds.
    pub limit: f64,
    /// What its controller is doing.
    pub doing: Doing,
    /// What was measured last, in seconds or as a share, and on how many samples.
    pub measured: Option<(f64, u64)>,
    /// Whether this objective keeps the rate down.
    pub binding: bool,
}

impl From<Explanation<'_>> for ObjectiveRecord {
    fn from(explanation: Explanation<'_>) -> Self {
        let Explanation { objective, limit, doing, measured, binding } = explanation;
        Self { objective: objective.clone(), limit, doing, measured, binding }
    }
}
