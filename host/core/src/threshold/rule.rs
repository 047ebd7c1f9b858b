//! What a threshold says, once it was read.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::catalogue::{self, Judged, Source};
use crate::record::Statistic;

/// A condition on the measured part of a run. It travels as the text that was typed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Threshold {
    pub(super) text: String,
    pub(super) quantity: Quantity,
    pub(super) comparison: Comparison,
    pub(super) limit: f64,
    pub(super) even_if_few: bool,
    pub(super) over: Option<Duration>,
    pub(super) abort_after: Option<Duration>,
}

impl Threshold {
    /// How long each window is in which it must hold too; `None` where it is about the whole
    /// measured part alone.
    pub const fn over(&self) -> Option<Duration> {
        self.over
    }

    /// If it ends the run once it does not hold: after how much of the measured part at the
    /// earliest.
    pub const fn abort_after(&self) -> Option<Duration> {
        self.abort_after
    }
}

impl From<Threshold> for String {
    fn from(threshold: Threshold) -> Self {
        threshold.text
    }
}

/// A number of a run by its name, as `response.p95` or `error_rate[pay]`: what a threshold compares
/// with its limit, and what two runs are compared by.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    pub(super) text: String,
    pub(super) subject: Subject,
    pub(super) narrowed: Option<String>,
    pub(super) statistic: Choice,
}

/// What a threshold is about: a figure of the catalogue that can be judged.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    pub(super) name: &'static str,
    pub(super) judged: &'static Judged,
}

impl Subject {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        catalogue::subjects().map(|(entry, judged)| Self { name: entry.name, judged })
    }

    pub(super) const fn is_own(self) -> bool {
        matches!(self.judged.source, Source::Own)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Subject {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Which of the samples, and what of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) side: Side,
    pub(super) of: Of,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Both,
    Ok,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Of {
    /// One of those that reports tell.
    Statistic(Statistic),
    /// Any other percentile.
    Percentile(f64),
    /// The one figure that the metric is: a share, a rate, the sum of a counter, the last value of
    /// a gauge.
    Itself,
}

/// How a value is compared with its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// Whether it is so for this value and this limit.
    pub const fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Less => value < limit,
            Self::LessOrEqual => value <= limit,
            Self::Greater => value > limit,
            Self::GreaterOrEqual => value >= limit,
        }
    }

    /// Whether its limit is above what it asks for.
    pub(super) const fn is_above(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual)
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
