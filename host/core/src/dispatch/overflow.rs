//! Slots that found no user on their own worker, for whichever worker has one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::schedule::Due;

/// Due slots of all workers of a host, earliest first. The owner puts a lock around it; it is touched only in shortage.
#[derive(Debug, Default)]
pub struct Overflow {
    slots: BinaryHeap<Reverse<Due>>,
}

impl Overflow {
    /// Adds a slot.
    pub fn push(&mut self, due: Due) {
        self.slots.push(Reverse(due));
    }

    /// The slot that has been due longest.
    pub fn peek(&self) -> Option<Due> {
        self.slots.peek().map(|&Reverse(due)| due)
    }

    /// Takes the slot that has been due longest.
    pub fn pop(&mut self) -> Option<Due> {
        self.slots.pop().map(|Reverse(due)| due)
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
