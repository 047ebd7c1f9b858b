//! How long a connection may keep its thread.
//!
//! All users of a worker share one thread. What a user reads is sent by somebody else, and may
//! never end: announcements without an answer, chunks of one byte, a body that becomes a thousand
//! times larger when it is decompressed. Reading stops at each pause of the network; where there is
//! no pause, the time slice stops it.

use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::yield_now;

/// A stretch of work on one connection, timed by the machine's own clock, because it is the thread
/// that is shared.
#[derive(Clone, Copy)]
pub(crate) struct TimeSlice {
    began: Option<Instant>,
}

/// The longest time for which another user may have to wait because of a connection that always has
/// more to read: a hundred times what a request takes on the thread.
const MAX_SLICE: Duration = Duration::from_millis(1);

impl TimeSlice {
    /// A slice that begins with the first question about it, so that work that is done in one piece
    /// reads no clock.
    pub(crate) const fn new() -> Self {
        Self { began: None }
    }

    /// Whether the thread should go to another task.
    pub(crate) fn is_over(&mut self) -> bool {
        match self.began {
            Some(began) => began.elapsed() >= MAX_SLICE,
            None => {
                self.began = Some(Instant::now());
                false
            }
        }
    }

    /// Goes on, after the other tasks if the slice is over.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_over() {
            return Poll::Ready(());
        }
        *self = Self::new();
        give_way(cx)
    }

    /// As [`TimeSlice::poll`], for what is written as a sequence.
    pub(crate) async fn pass(&mut self) {
        if self.is_over() {
            *self = Self::new();
            yield_now().await;
        }
    }
}

/// Ends a poll whose task has more to do. The task goes on when all other tasks had the thread, and
/// the runtime has looked at its sockets and timers.
pub(crate) fn give_way<T>(cx: &mut Context<'_>) -> Poll<T> {
    let asked = pin!(yield_now()).poll(cx);
    debug_assert!(asked.is_pending(), "a task never goes on within its own poll");
    Poll::Pending
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn who_works_on_without_a_pause_lets_timers_strike() {
        let mut slice = TimeSlice::new();
        let endless = poll_fn(|cx| {
            loop {
                if slice.poll(cx).is_pending() {
                    return Poll::<()>::Pending;
                }
            }
        });
        let struck = tokio::time::timeout(Duration::from_millis(20), endless).await;
        assert!(struck.is_err());
    }

    #[test]
    fn a_time_slice_begins_when_it_is_first_asked_about() {
        let mut slice = TimeSlice::new();
        assert!(!slice.is_over());
        let began = slice.began.expect("begun");
        while began.elapsed() < MAX_SLICE {
            std::hint::spin_loop();
        }
        assert!(slice.is_over());
    }
}
