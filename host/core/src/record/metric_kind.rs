//! The kinds of a scenario's own metrics.

use serde::{Deserialize, Serialize};

/// What is done with a metric's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// Added up.
    Counter,
    /// The last value, with the least and the greatest.
    Gauge,
    /// The share of values that are not zero.
    Rate,
    /// Percentiles.
    Trend,
}

impl MetricKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Counter, Self::Gauge, Self::Rate, Self::Trend];

    /// The name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Rate => "rate",
            Self::Trend => "trend",
        }
    }
}
