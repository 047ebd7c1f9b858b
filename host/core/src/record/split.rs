//! Times, kept apart by how the timed work ended.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::censored::Censored;
use super::event::TransactionEnd;
use super::histogram::Histogram;
use super::sum::sums;

/// Times of successes and of failures, kept apart, because a failure may be much faster or much
/// slower and it matters which; and the ages of what was cut off.
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

    /// The times of all that ended by itself, well or not.
    pub fn both(&self) -> Histogram {
        let mut both = self.ok.clone();
        both.merge(&self.failed);
        both
    }

    /// The times of everything, where what was cut off counts with its age: the times with which a
    /// report leads.
    pub fn all(&self) -> Censored {
        Censored::new(self.both(), &self.interrupted)
    }

    /// The sum of all times and ages, in nanoseconds.
    pub const fn sum_ns(&self) -> u128 {
        self.ok.sum_ns() + self.failed.sum_ns() + self.interrupted.sum_ns()
    }

    /// How many samples there are, with those that were cut off.
    pub const fn count(&self) -> u64 {
        self.ok.count() + self.failed.count() + self.interrupted.count()
    }
}

sums! { Split { ok, failed, interrupted } }
