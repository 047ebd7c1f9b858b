//! Slots that found no user on their own worker. Any worker with a free user may start them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::schedule::Due;

/// Due slots of all workers of a node, earliest first. Its owner puts a lock around it, and touches
/// it only in shortage.
#[derive(Debug, Default)]
pub struct Overflow {
    slots: BinaryHeap<Reverse<Due>>,
    owed: Duration,
}

impl Overflow {
    /// Adds a slot.
    pub fn push(&mut self, due: Due) {
        self.slots.push(Reverse(due));
    }

    /// Slots that come from a worker that has stood still are late for that reason by at most
    /// `owed`, whoever starts them.
    pub fn owe(&mut self, owed: Duration) {
        self.owed = self.owed.max(owed);
    }

    /// The debt is less by `paid`: a slot was given up for it.
    pub fn repay(&mut self, paid: Duration) {
        self.owed = self.owed.saturating_sub(paid);
    }

    /// The greatest lateness of the slots here that is due to their own workers' standing still.
    pub const fn owed(&self) -> Duration {
        self.owed
    }

    /// The slot that has been due longest.
    pub fn peek(&self) -> Option<Due> {
        self.slots.peek().map(|&Reverse(due)| due)
    }

    /// Takes the slot that has been due longest.
    pub fn pop(&mut self) -> Option<Due> {
        let due = self.slots.pop().map(|Reverse(due)| due);
        if self.slots.is_empty() {
            self.owed = Duration::ZERO;
        }
        due
    }

    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}
