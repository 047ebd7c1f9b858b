//! What went through in a window, as far as control and the look for a limit need it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::pace::Pace;
use crate::control::Tally;
use crate::record::{Figures, Snapshot};
use crate::travel;
use crate::verdict::is_generator_limited;

/// The most objectives of a run: a tally takes some kilobytes in memory, and one byte on the wire.
const MAX_TALLIES: usize = 256;

/// See the module's documentation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Flowed {
    /// Slots that were started.
    pub started: u64,
    /// Transactions that began.
    pub begun: u64,
    /// What is paced and ended by itself: transactions or iterations.
    pub completed: u64,
    /// The time that transactions took, summed up, failed ones included.
    pub service: Duration,
    /// Whether the load generator was a limit in the window.
    pub generator_limited: bool,
    /// How long threads stood still: the thread of one worker, or the mean of all workers of a
    /// node.
    pub stood: Duration,
    /// A tally for each objective.
    #[serde(deserialize_with = "travel::list_of::<MAX_TALLIES, _, _>")]
    pub tallies: Vec<Tally>,
}

impl Flowed {
    /// The flow of a worker's window: what it counted, how many slots it started, and its tallies
    /// of the objectives. The caller adds how long the thread stood still.
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

    /// Adds what went through in another worker or node.
    pub fn merge(&mut self, other: &Self) {
        let Self { started, begun, completed, service, generator_limited, stood, tallies } = other;
        // What another node sent may be any number.
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

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        let mut tallies = std::mem::take(&mut self.tallies);
        tallies.iter_mut().for_each(Tally::clear);
        *self = Self { tallies, ..Self::default() };
    }
}

/// The time that transactions took, summed up, failed ones included.
fn service_time(part: &Figures) -> Duration {
    let nanos = part.total.service.ok.sum_ns() + part.total.service.failed.sum_ns();
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
