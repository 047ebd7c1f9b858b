//! What went through in a window, as far as control and the search for a limit need it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::pace::Pace;
use crate::control::Tally;
use crate::record::{Figures, Snapshot};
use crate::travel;
use crate::verdict::is_generator_limited;

/// Objectives that a run may have beside others: a tally takes some kilobytes when it is read, and
/// one byte on the wire.
const MAX_TALLIES: usize = 256;

/// See the module's documentation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Flowed {
    /// Slots that were started.
    pub started: u64,
    /// Transactions that began.
    pub begun: u64,
    /// What is paced, and ended by itself.
    pub completed: u64,
    /// Time that transactions took, those that failed too, summed up.
    pub service: Duration,
    /// Whether the load generator was a limit in it.
    pub generator_limited: bool,
    /// How long threads stood still: of a worker alone, or of all workers of a node on average.
    pub stood: Duration,
    /// For each objective.
    #[serde(deserialize_with = "travel::list_of::<MAX_TALLIES, _, _>")]
    pub tallies: Vec<Tally>,
}

impl Flowed {
    /// What the window of a worker says: what it counted, how many slots it started, and what it
    /// tells of each objective. How long its thread stood still is for the caller to add.
    pub fn of_window(counted: &Snapshot, started: u64, tallies: &[Tally], pace: Pace) -> Self {
        let mut flowed = Self { started, tallies: tallies.to_vec(), ..Self::default() };
        for part in [&counted.warm_up, &counted.measured] {
            flowed.begun += part.total.counts.started;
            let outcomes =
                if pace == Pace::Iterations { &part.iterations } else { &part.total.counts };
            flowed.completed += outcomes.ok + outcomes.failed;
            flowed.service += service_time(part);
            flowed.generator_limited |= is_generator_limited(part);
        }
        flowed
    }

    /// Adds what went through elsewhere.
    pub fn merge(&mut self, other: &Self) {
        let Self { started, begun, completed, service, generator_limited, stood, tallies } = other;
        // What comes from another node may hold any number.
        self.started = self.started.saturating_add(*started);
        self.begun = self.begun.saturating_add(*begun);
        self.completed = self.completed.saturating_add(*completed);
        self.service = self.service.saturating_add(*service);
        self.generator_limited |= generator_limited;
        self.stood = self.stood.saturating_add(*stood);
        self.tallies.resize_with(self.tallies.len().max(tallies.len()), Tally::default);
        for (sum, tally) in self.tallies.iter_mut().zip(tallies) {
            sum.merge(tally);
        }
    }

    /// Forgets all and keeps the memory.
    pub fn clear(&mut self) {
        let mut tallies = std::mem::take(&mut self.tallies);
        tallies.iter_mut().for_each(Tally::clear);
        *self = Self { tallies, ..Self::default() };
    }
}

/// Time that transactions took, those that failed too, summed up.
fn service_time(part: &Figures) -> Duration {
    let nanos = part.total.service.ok.sum_ns() + part.total.service.failed.sum_ns();
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
