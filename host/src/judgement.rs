//! temporary
use crate::driver::Outcome;
use crate::plan::RunPlan;
use crate::report::{ThresholdReport, VerdictReport};
pub(crate) fn verdict(_outcome: &Outcome) -> VerdictReport { VerdictReport { stamp: "valid".into(), evidence: vec![] } }
pub(crate) fn thresholds(_plan: &RunPlan, _outcome: &Outcome) -> Vec<ThresholdReport> { vec![] }
