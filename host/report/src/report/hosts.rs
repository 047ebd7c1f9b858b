//! The hosts that shared a run, as data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swell_core::run::NodeResult;
use swell_core::units::grouped;
use swell_core::verdict::Stamp;

use super::{names, renamed};

/// One of the hosts that shared a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostReport {
    /// Tells it apart from all others.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// The part of the starts that was its own at the end.
    pub share: f64,
    /// Starts that are in the figures of this report.
    pub started: u64,
    /// "VALID", "SUSPECT", "INVALID" or "UNJUDGED": what its part of the figures would be worth
    /// alone.
    #[schemars(schema_with = "names::stamp")]
    pub verdict: Stamp,
    /// The 99th percentile of the lag of starts that is its own fault; absent where too few were
    /// seen.
    #[serde(flatten, with = "renamed::generator_lag_p99_ms")]
    #[schemars(schema_with = "renamed::generator_lag_p99_ms::schema::<Option<f64>>")]
    pub generator_lag_p99_ms: Option<f64>,
    /// Processor time that it used in the measured part.
    pub cpu_seconds: f64,
    /// How often it was not heard for so long that others took over.
    pub times_lost: u64,
    /// Whether all that it counted is in the figures of this report.
    pub complete: bool,
    /// Starts of its that are in none of these figures: so many surely.
    pub unknown_least: u64,
    /// The same: so many at the most; absent where no bound is known.
    pub unknown_most: Option<u64>,
}

impl HostReport {
    pub(crate) fn of(NodeResult { fate, totals }: &NodeResult) -> Self {
        Self {
            id: fate.id.to_string(),
            name: fate.name.clone(),
            share: fate.share,
            started: totals.started,
            verdict: totals.stamp(),
            generator_lag_p99_ms: totals.generator_lag().map(|lag| lag.as_secs_f64() * 1e3),
            cpu_seconds: totals.machine.cpu.seconds,
            times_lost: fate.times_lost,
            complete: fate.is_complete,
            unknown_least: fate.unknown.least,
            unknown_most: fate.unknown.most,
        }
    }

    /// What is not known of it, in words; nothing where all is known.
    pub fn unknown_in_words(&self) -> Option<String> {
        let most = || self.unknown_most.map_or_else(|| "an unknown number".to_owned(), grouped);
        (!self.complete).then(|| {
            format!(
                "between {} and {} of its starts are in no figure",
                grouped(self.unknown_least),
                most()
            )
        })
    }
}
