//! How sure the percentiles of a run are, as data.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swell_core::record::{Batches, Percentile, Split};

/// Where the percentiles may lie, to 95 %, by what varied within this run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfidenceReport {
    /// How many independent samples the response times are worth, since neighbours resemble each
    /// other.
    pub effective_samples: f64,
    /// From and until, by percentile; one that cannot be told is absent.
    #[schemars(with = "BTreeMap<String, [f64; 2]>")]
    pub response_ms: BTreeMap<Percentile, [f64; 2]>,
    /// Those whose end may be later, as some transactions were cut off.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "BTreeSet<String>")]
    pub at_least: BTreeSet<Percentile>,
}

impl ConfidenceReport {
    pub(crate) fn of(batches: &Batches, response: &Split) -> Option<Self> {
        // What was cut off at the end belongs to no second of the run, and is taken to be worth
        // nothing more.
        let effective = batches.effective_samples(&response.both())?;
        let all = response.all();
        let mut report = Self {
            effective_samples: effective,
            response_ms: BTreeMap::new(),
            at_least: BTreeSet::new(),
        };
        for percentile in Percentile::ALL {
            let Some((from, until)) = all.interval(percentile.percent(), effective) else {
                continue;
            };
            report
                .response_ms
                .insert(percentile, [from, until.time].map(|time| time.as_nanos() as f64 / 1e6));
            report.at_least.extend(until.is_at_least.then_some(percentile));
        }
        Some(report)
    }
}
