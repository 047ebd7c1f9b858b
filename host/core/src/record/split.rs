//! Times by how what took them ended.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::censored::Censored;
use super::event::TransactionEnd;
use super::histogram::Histogram;
use super::sum::sums;

/// Times of what ended well and of what failed, kept apart, as a failure may be much faster or much
/// slower, and which it is matters; and how long that had taken which was cut off before its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Times of what ended well.
    pub ok: Histogram,
    /// Times of what failed.
    pub failed: Histogram,
    /// Ages of what was cut off: it would have taken at least so long.
    pub interrupted: Histogram,
}

impl Split {
    /// Counts one sample where it belongs.
    pub(super) fn record(&mut self, ended: TransactionEnd<'_>, sample: Duration) {
        match ended {
            TransactionEnd::Ok => self.ok.record(sample),
            TransactionEnd::Failed(_) => self.failed.record(sample),
            TransactionEnd::Interrupted => self.interrupted.record(sample),
        }
    }

    /// What ended by itself, well or not, as a histogram of its own.
    pub fn both(&self) -> Histogram {
        let mut both = self.ok.clone();
        both.merge(&self.failed);
        both
    }

    /// Everything, where what was cut off counts as at least its age: what a report leads with.
    pub fn all(&self) -> Censored {
        Censored::new(self.both(), &self.interrupted)
    }

    /// The sum of all times and ages, in nanoseconds.
    pub const fn sum_ns(&self) -> u128 {
        self.ok.sum_ns() + self.failed.sum_ns() + self.interrupted.sum_ns()
    }

    /// How many samples there are, those that were cut off included.
    pub const fn count(&self) -> u64 {
        self.ok.count() + self.failed.count() + self.interrupted.count()
    }
}

sums! { Split { ok, failed, interrupted } }
