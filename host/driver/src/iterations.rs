//! The numbers of iterations: each is given to one iteration, whatever thread asks.
//!
//! A node alone counts them itself. Among others a node is handed blocks of numbers, and an
//! iteration that finds no number waits for the next block.

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use swell_protocol::stock::NumbersHeld;
use tokio::sync::Notify;

/// Hands out the numbers from 0 up to a limit, or those of the blocks that it was given.
#[derive(Debug)]
pub(crate) struct Iterations {
    /// The blocks; `None` where the numbers are counted here.
    blocks: Option<Blocks>,
    next: AtomicU64,
    limit: u64,
    /// Whether no more numbers are handed out, whatever the limit.
    closed: AtomicBool,
    under_way: AtomicU64,
    /// Told when the last iteration under way has ended and no number is left.
    over: Notify,
    made: Instant,
    /// When the latest iteration that ended did so, in nanoseconds since that instant.
    ended: AtomicU64,
    /// How many iterations have ended.
    took_place: AtomicU64,
    /// Numbers whose iteration found the run over, or its user not needed, before it had begun
    /// anything.
    returned: Mutex<Vec<u64>>,
}

/// Numbers that were given to this node.
#[derive(Debug, Default)]
struct Blocks {
    left: Mutex<VecDeque<Range<u64>>>,
    /// Whether no more blocks will come.
    are_complete: AtomicBool,
    used: AtomicU64,
    more: Notify,
    /// Whether the run is ending: nobody waits for a number any more.
    has_ended: AtomicBool,
}

impl Iterations {
    /// The numbers of blocks that are to come; none yet.
    pub(crate) fn of_blocks() -> Self {
        // A number that is given back must be kept, because it belongs to a limited run.
        Self { blocks: Some(Blocks::default()), ..Self::new(Some(0)) }
    }

    /// Numbers up to a limit; without a limit they last for ever.
    pub(crate) fn new(limit: Option<u64>) -> Self {
        Self {
            blocks: None,
            next: AtomicU64::new(0),
            limit: limit.unwrap_or(u64::MAX),
            closed: AtomicBool::new(false),
            under_way: AtomicU64::new(0),
            over: Notify::new(),
            made: Instant::now(),
            ended: AtomicU64::new(0),
            took_place: AtomicU64::new(0),
            returned: Mutex::default(),
        }
    }

    /// The number of the next iteration, for which the caller may have to wait; `None` when all
    /// numbers were handed out.
    pub(crate) async fn take(&self) -> Option<u64> {
        let Some(blocks) = &self.blocks else { return self.count() };
        loop {
            // This future is made before the look, so that a block that comes right after the look
            // is not missed.
            let mut more = pin!(blocks.more.notified());
            more.as_mut().enable();
            if self.closed.load(Ordering::Relaxed) || blocks.has_ended.load(Ordering::Acquire) {
                return None;
            }
            let was_complete = blocks.are_complete.load(Ordering::Acquire);
            if let Some(number) = self.returned().pop().or_else(|| blocks.take()) {
                return Some(number);
            }
            if was_complete {
                return None;
            }
            more.await;
        }
    }

    /// Adds numbers that this node may use.
    pub(crate) fn hand(&self, block: Range<u64>) {
        if let Some(blocks) = &self.blocks {
            blocks.left().push_back(block);
            blocks.more.notify_waiters();
        }
    }

    /// There will be no more blocks.
    pub(crate) fn complete(&self) {
        if let Some(blocks) = &self.blocks {
            blocks.are_complete.store(true, Ordering::Release);
            blocks.more.notify_waiters();
        }
    }

    /// The run is ending: those who wait for a block are told that there is none. This does not say
    /// that all numbers were handed out.
    pub(crate) fn end(&self) {
        if let Some(blocks) = &self.blocks {
            blocks.has_ended.store(true, Ordering::Release);
            blocks.more.notify_waiters();
        }
    }

    /// What of the blocks' numbers was used, and is left.
    pub(crate) fn held(&self) -> NumbersHeld {
        self.blocks.as_ref().map_or_else(NumbersHeld::default, |blocks| NumbersHeld {
            used: blocks.used.load(Ordering::Relaxed),
            left: blocks.left().iter().map(|block| block.end - block.start).sum(),
        })
    }

    fn count(&self) -> Option<u64> {
        if self.closed.load(Ordering::Relaxed) {
            return None;
        }
        if self.limit == u64::MAX {
            return Some(self.next.fetch_add(1, Ordering::Relaxed));
        }
        let fresh = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
            (next < self.limit).then_some(next + 1)
        });
        fresh.ok().or_else(|| self.returned().pop())
    }

    /// Takes back a number whose iteration did not take place.
    pub(crate) fn give_back(&self, number: u64) {
        if self.limit != u64::MAX {
            self.returned().push(number);
        }
    }

    /// Whether there is no number left to hand out.
    pub(crate) fn is_exhausted(&self) -> bool {
        let are_given = || {
            self.blocks.as_ref().map_or_else(
                || self.next.load(Ordering::Relaxed) >= self.limit,
                |blocks| blocks.are_complete.load(Ordering::Acquire) && blocks.left().is_empty(),
            )
        };
        self.closed.load(Ordering::Relaxed) || (are_given() && self.returned().is_empty())
    }

    /// An iteration that took place has ended.
    pub(crate) fn ended(&self) {
        let nanos = u64::try_from(self.made.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.ended.fetch_max(nanos, Ordering::Relaxed);
        self.took_place.fetch_add(1, Ordering::Relaxed);
    }

    /// How many iterations took place and have ended.
    pub(crate) fn that_took_place(&self) -> u64 {
        self.took_place.load(Ordering::Relaxed)
    }

    /// When the latest of them ended; `None` where none took place.
    pub(crate) fn last_end(&self) -> Option<Instant> {
        let nanos = self.ended.load(Ordering::Relaxed);
        (nanos > 0).then(|| self.made + Duration::from_nanos(nanos))
    }

    /// Counts an iteration as under way for as long as the guard lives.
    pub(crate) fn under_way(&self) -> UnderWay<'_> {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(self)
    }

    /// Whether no number is left and no iteration is under way that might give its number back.
    pub(crate) fn are_over(&self) -> bool {
        self.under_way.load(Ordering::Acquire) == 0 && self.is_exhausted()
    }

    /// Waits until [they may be over](Self::are_over); to be asked again, as a user that looks for
    /// a number is under way for a moment.
    pub(crate) async fn may_be_over(&self) {
        self.over.notified().await;
    }

    fn tell_if_over(&self) {
        if self.are_over() {
            self.over.notify_one();
        }
    }

    /// Hands out no more numbers; iterations under way go on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        if let Some(blocks) = &self.blocks {
            blocks.more.notify_waiters();
        }
        self.tell_if_over();
    }

    fn returned(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.returned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blocks {
    fn take(&self) -> Option<u64> {
        let mut left = self.left();
        let block = left.front_mut()?;
        let number = block.next();
        if block.is_empty() {
            left.pop_front();
        }
        self.used.fetch_add(1, Ordering::Relaxed);
        number
    }

    fn left(&self) -> std::sync::MutexGuard<'_, VecDeque<Range<u64>>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An iteration that is under way, or about to take its number.
pub(crate) struct UnderWay<'a>(&'a Iterations);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.0.under_way.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.tell_if_over();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn each_number_is_given_once_and_a_returned_one_again() {
        let iterations = Iterations::new(Some(2));
        assert_eq!(
            (iterations.count(), iterations.count(), iterations.count()),
            (Some(0), Some(1), None)
        );
        assert!(iterations.is_exhausted());
        iterations.give_back(1);
        assert!(!iterations.is_exhausted());
        assert_eq!((iterations.count(), iterations.count()), (Some(1), None));
    }

    #[test]
    fn they_are_over_when_the_last_one_has_ended() {
        let iterations = Iterations::new(Some(1));
        let under_way = iterations.under_way();
        assert_eq!(iterations.count(), Some(0));
        assert!(!iterations.are_over());
        drop(under_way);
        assert!(iterations.are_over());
    }

    /// Whether whoever waits with this future would go on now.
    fn is_told(waits: Pin<&mut impl Future<Output = ()>>) -> bool {
        waits.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn whoever_waits_for_their_end_is_told_by_the_last_one_and_not_before() {
        let iterations = Iterations::new(Some(2));
        let mut end = pin!(iterations.may_be_over());
        for (number, is_last) in [(0, false), (1, true)] {
            let under_way = iterations.under_way();
            assert_eq!(iterations.count(), Some(number));
            assert!(!is_told(end.as_mut()), "number {number} is under way");
            drop(under_way);
            assert_eq!(is_told(end.as_mut()), is_last, "after number {number}");
        }
    }

    #[test]
    fn whoever_waits_for_their_end_is_told_when_they_are_closed() {
        let iterations = Iterations::new(None);
        let mut end = pin!(iterations.may_be_over());
        assert!(!is_told(end.as_mut()));
        iterations.close();
        assert!(is_told(end.as_mut()));
    }

    #[test]
    fn once_closed_nothing_is_given() {
        let iterations = Iterations::new(None);
        assert_eq!(iterations.count(), Some(0));
        iterations.close();
        assert_eq!((iterations.count(), iterations.is_exhausted()), (None, true));
    }

    #[tokio::test]
    async fn whoever_finds_no_block_waits_for_the_next_or_for_the_end_of_all() {
        let iterations = Iterations::of_blocks();
        let (first, ()) = tokio::join!(iterations.take(), async { iterations.hand(5..7) });
        assert_eq!((first, iterations.held()), (Some(5), NumbersHeld { used: 1, left: 1 }));
        assert_eq!(iterations.take().await, Some(6));
        let (none, ()) = tokio::join!(iterations.take(), async { iterations.complete() });
        assert_eq!((none, iterations.is_exhausted()), (None, true));
        iterations.give_back(6);
        assert_eq!(
            (iterations.is_exhausted(), iterations.take().await, iterations.take().await),
            (false, Some(6), None)
        );
    }
}
