//! Metrics of the scenario's own, merged over all users and shown in the report.
//!
//! ```no_run
//! # use swell::prelude::*;
//! # let total = 12.5;
//! metrics::counter("orders").add(1);
//! metrics::trend("basket value").with("currency", "EUR").add(total);
//! ```
//!
//! A name has 1 to 128 bytes and one kind; another length, or a name used as two kinds, traps. A
//! run keeps at most 10,000 series over all metrics and tags, with names and tags of 2 MiB together
//! and 4 KiB each; values for further ones are counted under the tag `other=true`.

use std::convert::Infallible;

use crate::bindings::metrics::{self, Kind};
use crate::names::Names;

/// Values are added up; negative ones are ignored and counted as such.
#[must_use]
pub fn counter(name: &str) -> Metric<'_> {
    Metric { name, kind: Kind::Counter, tags: Vec::new() }
}

/// The last value, with the least and the greatest.
#[must_use]
pub fn gauge(name: &str) -> Metric<'_> {
    Metric { name, kind: Kind::Gauge, tags: Vec::new() }
}

/// The share of values that are not zero:
/// `metrics::rate("cache hit").add(response.status() == 304)`.
#[must_use]
pub fn rate(name: &str) -> Metric<'_> {
    Metric { name, kind: Kind::Rate, tags: Vec::new() }
}

/// Percentiles of the values; those below zero count as zero.
#[must_use]
pub fn trend(name: &str) -> Metric<'_> {
    Metric { name, kind: Kind::Trend, tags: Vec::new() }
}

/// A metric and the tags of its next values.
#[derive(Debug, Clone)]
pub struct Metric<'a> {
    name: &'a str,
    kind: Kind,
    tags: Vec<(String, String)>,
}

impl Metric<'_> {
    /// Puts the values into a series of their own.
    #[must_use]
    pub fn with(mut self, tag: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((tag.into(), value.into()));
        self
    }

    /// Records a number, or a `bool` as 0 or 1. NaN and infinite values are ignored and counted as
    /// such.
    pub fn add(&self, value: impl Into<f64>) {
        metrics::add(self.number(), value.into(), &self.tags);
    }

    /// One table a kind: a name used as two kinds reaches the host, which refuses it.
    fn number(&self) -> metrics::Metric {
        thread_local! {
            static NAMES: [Names; 4] = const { [const { Names::new() }; 4] };
        }
        let define = |name: &str| Ok::<_, Infallible>(metrics::define(name, self.kind));
        let Ok(number) = NAMES.with(|names| names[self.kind as usize].number(self.name, define));
        number
    }
}
