//! What held the rate of a run.

use crate::control::{Doing, Explanation, Objective, SearchResult};

/// What held the rate of a run, at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlRecord {
    /// The set-point in force, in transactions a second.
    pub goal: f64,
    /// Its objectives; none in a search.
    pub objectives: Vec<ObjectiveRecord>,
    /// What a search came to.
    pub found: Option<SearchResult>,
}

/// One objective, at the end of a run or while it goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectiveRecord {
    /// Which.
    pub objective: Objective,
    /// The rate up to which it holds.
    pub limit: f64,
    /// What its controller is doing.
    pub doing: Doing,
    /// Seconds, or a share; with how many samples.
    pub measured: Option<(f64, u64)>,
    /// Whether it is what keeps the rate down.
    pub binding: bool,
}

impl From<Explanation<'_>> for ObjectiveRecord {
    fn from(explanation: Explanation<'_>) -> Self {
        let Explanation { objective, limit, doing, measured, binding } = explanation;
        Self { objective: objective.clone(), limit, doing, measured, binding }
    }
}
