//! What a threshold comes to.

use std::time::Duration;

use super::rule::Threshold;
use crate::record::Figures;
use crate::units::grouped;

/// What a threshold came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It holds.
    Passed {
        /// What was measured, as a report shows it.
        measured: String,
    },
    /// It does not.
    Failed {
        /// What was measured, as a report shows it.
        measured: String,
    },
    /// There is nothing to compare, which fails it too.
    NoData {
        /// Why, and which name may have been meant.
        reason: String,
    },
}

impl Outcome {
    /// Whether the run passes as far as this threshold goes.
    pub const fn passed(&self) -> bool {
        matches!(self, Self::Passed { .. })
    }
}

impl Threshold {
    /// Whether it says which part of all transactions may fail.
    pub fn is_about_failures(&self) -> bool {
        self.quantity.is_error_rate()
    }

    /// Compares with the figures of the measured part, which lasted `length`.
    pub fn evaluate(&self, measured: &Figures, length: Duration) -> Outcome {
        // What was cut off may belong to what ended well or to what failed, so a limit above holds
        // with it, and one below without.
        let with_cut = self.comparison.is_above();
        let (found, lacks) = match self.quantity.amount(measured, length, with_cut) {
            Ok(found) => (found, None),
            Err(reason) if !self.even_if_few => return Outcome::NoData { reason },
            Err(reason) => match self.quantity.amount_of_few(measured, length, with_cut) {
                Some(found) => (found, Some(reason)),
                None if self.quantity.is_of_another_kind(measured) => {
                    return Outcome::NoData { reason };
                }
                None => return Outcome::Passed { measured: reason },
            },
        };
        let print = |value| self.quantity.print(value);
        let mut measured = match found.otherwise {
            None => print(found.value),
            Some((f64::INFINITY, cut)) => format!(
                "≥ {}, as {} were cut off before they ended",
                print(found.value),
                grouped(cut)
            ),
            Some((most, cut)) => {
                format!(
                    "{} to {}, as {} were cut off before they ended",
                    print(found.value),
                    print(most),
                    grouped(cut)
                )
            }
        };
        if let Some(reason) = lacks {
            measured = format!("{measured} ({reason})");
        }
        let ways = [Some(found.value), found.otherwise.map(|(value, _)| value)];
        let holds =
            ways.into_iter().flatten().all(|value| self.comparison.holds(value, self.limit));
        if holds { Outcome::Passed { measured } } else { Outcome::Failed { measured } }
    }
}
