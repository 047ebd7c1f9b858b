//! From instants to slots: for the coordinator, which promises slots ahead of their time.

use serde::{Deserialize, Serialize};

use super::Timeline;
use super::arrivals::{Arrivals, Positions};
use crate::RunInstant;

/// Which slot comes first after an instant. Questions in order of time are cheap; for a look ahead
/// the value is cloned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Numbering {
    positions: Positions,
    next: u64,
}

impl Numbering {
    /// The numbering at the beginning of a run.
    pub fn new(arrivals: Arrivals) -> Self {
        Self { positions: Positions::new(arrivals), next: 0 }
    }

    /// The first slot that is meant to start at `now` or later, and is not before a slot that was
    /// found earlier.
    pub fn first_at(&mut self, timeline: &Timeline, now: RunInstant) -> u64 {
        let position = timeline.position_at(now);
        self.next = self.positions.first_at(self.next, position);
        self.next
    }
}
