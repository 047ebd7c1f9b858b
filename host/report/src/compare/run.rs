//! One run, as far as it is compared: what was run, and what of it is known.
//!
//! A record has each second, so that it can be said how sure a figure is; a report in JSON has the
//! totals alone.

use std::collections::BTreeSet;
use std::time::Duration;

use swell_core::record::Figures;
use swell_core::threshold::{Makings, Quantity, QuantityAmount};
use swell_core::verdict::Stamp;

use super::totals;
use crate::report::{About, Part, Report};

/// A run to compare.
#[derive(Debug)]
pub struct ComparedRun {
    /// What whoever compares calls it.
    pub(super) name: String,
    pub(super) facts: Facts,
    pub(super) known: MeasuredCounts,
}

/// What was run, and where, and whether to believe it.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) scenario: String,
    pub(super) file_hash: String,
    pub(super) target: Option<String>,
    pub(super) model: String,
    pub(super) asked_per_second: Option<f64>,
    pub(super) warm_up_seconds: f64,
    pub(super) measured_seconds: f64,
    pub(super) timeout_seconds: f64,
    pub(super) began_at: f64,
    /// Nothing where no record says.
    pub(super) machine: Option<String>,
    /// Cores that the process, or all nodes together, had.
    pub(super) cores: u64,
    pub(super) hosts: usize,
    /// Nothing for a run that has not come to its end.
    pub(super) stamp: Option<Stamp>,
}

/// What is known of the measured part.
#[derive(Debug)]
pub(super) enum MeasuredCounts {
    Counted { pieces: Vec<RunPiece>, total: Box<Figures> },
    Totals(Box<Part>),
}

/// What was counted in a piece of the measured part.
#[derive(Clone, Debug, Default)]
pub(super) struct RunPiece {
    pub(super) counted: Figures,
    pub(super) length: Duration,
}

impl ComparedRun {
    /// A run of which there is a report alone.
    pub fn of_report(name: String, report: &Report) -> Self {
        let known = MeasuredCounts::Totals(Box::new(report.measured.clone()));
        Self { name, facts: Facts::of(report), known }
    }

    /// What whoever compares calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tells the run apart from all others.
    pub fn id(&self) -> &str {
        &self.facts.id
    }

    /// Whether each second of it is known.
    pub const fn is_record(&self) -> bool {
        matches!(self.known, MeasuredCounts::Counted { .. })
    }

    /// The pieces of its measured part; nothing where its totals alone are known.
    pub(super) fn pieces(&self) -> Option<&[RunPiece]> {
        match &self.known {
            MeasuredCounts::Counted { pieces, .. } => Some(pieces),
            MeasuredCounts::Totals(_) => None,
        }
    }

    pub(super) fn amount(&self, quantity: &Quantity) -> Result<QuantityAmount, String> {
        match &self.known {
            MeasuredCounts::Counted { total, .. } => quantity.amount(total, self.length(), false),
            MeasuredCounts::Totals(part) => totals::amount(part, quantity),
        }
    }

    /// Of a share how many belong to it, and of how many.
    pub(super) fn share(&self, quantity: &Quantity) -> Option<(f64, f64)> {
        match &self.known {
            MeasuredCounts::Counted { total, .. } => {
                match quantity.makings(total, self.length())? {
                    Makings::Quotient(part, whole) => Some((part, whole)),
                    Makings::Percentile(..) => None,
                }
            }
            MeasuredCounts::Totals(part) => {
                totals::portion(part, quantity).map(|of| (of.part as f64, of.whole as f64))
            }
        }
    }

    /// The names of its transactions that began in the measured part.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        match &self.known {
            MeasuredCounts::Counted { total, .. } => total
                .transactions
                .iter()
                .filter(|(_, row)| row.counts.started > 0)
                .map(|(name, _)| name)
                .collect(),
            MeasuredCounts::Totals(part) => part.by_name.keys().map(String::as_str).collect(),
        }
    }

    /// Transactions that began in the measured part.
    pub(super) fn started(&self) -> u64 {
        match &self.known {
            MeasuredCounts::Counted { total, .. } => total.total.counts.started,
            MeasuredCounts::Totals(part) => part.transactions.counts.started,
        }
    }

    fn length(&self) -> Duration {
        Duration::try_from_secs_f64(self.facts.measured_seconds).unwrap_or_default()
    }
}

impl Facts {
    pub(super) fn of(report: &Report) -> Self {
        let About {
            id,
            version,
            seed: _,
            scenario,
            scenarios: _,
            file: _,
            file_hash,
            target,
            user_agent: _,
            model,
            asked_per_second,
            began_at,
            warm_up_seconds,
            warm_up_steady: _,
            grace_seconds: _,
            timeout_seconds,
            measured_seconds,
        } = report.run.clone();
        Self {
            id,
            version,
            scenario,
            file_hash,
            target,
            model,
            asked_per_second,
            warm_up_seconds,
            measured_seconds,
            timeout_seconds,
            began_at,
            machine: None,
            cores: report.machine.cores,
            hosts: report.nodes.len().max(1),
            stamp: Some(report.verdict.stamp),
        }
    }
}
