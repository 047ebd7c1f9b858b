//! The numbers of iterations: each is given to one iteration, whatever thread asks.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Gives out the numbers from 0 up to a limit.
#[derive(Debug)]
pub(crate) struct Iterations {
    next: AtomicU64,
    limit: u64,
    /// No more are given, whatever the limit.
    closed: AtomicBool,
    under_way: AtomicU64,
    /// Numbers whose iteration found the run over, or its user surplus, before it had begun anything.
    returned: Mutex<Vec<u64>>,
}

impl Iterations {
    /// Without a limit, numbers last for ever.
    pub(crate) fn new(limit: Option<u64>) -> Self {
        Self {
            next: AtomicU64::new(0),
            limit: limit.unwrap_or(u64::MAX),
            closed: AtomicBool::new(false),
            under_way: AtomicU64::new(0),
            returned: Mutex::default(),
        }
    }

    /// The number of the next iteration; nothing when all have been given.
    pub(crate) fn take(&self) -> Option<u64> {
        if self.closed.load(Ordering::Relaxed) {
            return None;
        }
        if self.limit == u64::MAX {
            return Some(self.next.fetch_add(1, Ordering::Relaxed));
        }
        let fresh = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| (next < self.limit).then_some(next + 1));
        fresh.ok().or_else(|| self.returned().pop())
    }

    /// Takes back a number whose iteration did not take place.
    pub(crate) fn give_back(&self, number: u64) {
        if self.limit != u64::MAX {
            self.returned().push(number);
        }
    }

    /// Whether no number is left to give.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.closed.load(Ordering::Relaxed) || (self.next.load(Ordering::Relaxed) >= self.limit && self.returned().is_empty())
    }

    /// Counts an iteration as under way for as long as the guard lives.
    pub(crate) fn under_way(&self) -> UnderWay<'_> {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(self)
    }

    /// Whether no number is left to give and no iteration is under way that might give one back.
    pub(crate) fn are_over(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) == 0 && self.is_exhausted()
    }

    /// Gives no number any more; iterations under way go on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    fn returned(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.returned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An iteration that is under way, or about to take its number.
pub(crate) struct UnderWay<'a>(&'a Iterations);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_given_once_and_a_returned_one_again() {
        let iterations = Iterations::new(Some(2));
        assert_eq!((iterations.take(), iterations.take(), iterations.take()), (Some(0), Some(1), None));
        assert!(iterations.is_exhausted());
        iterations.give_back(1);
        assert!(!iterations.is_exhausted());
        assert_eq!((iterations.take(), iterations.take()), (Some(1), None));
    }

    #[test]
    fn they_are_over_when_the_last_one_has_ended() {
        let iterations = Iterations::new(Some(1));
        let under_way = iterations.under_way();
        assert_eq!(iterations.take(), Some(0));
        assert!(!iterations.are_over());
        drop(under_way);
        assert!(iterations.are_over());
    }

    #[test]
    fn once_closed_nothing_is_given() {
        let iterations = Iterations::new(None);
        assert_eq!(iterations.take(), Some(0));
        iterations.close();
        assert_eq!((iterations.take(), iterations.is_exhausted()), (None, true));
    }
}
