//! One timer for all phases of an exchange.
//!
//! With a timeout future for each phase, every request would register and cancel timer entries, for
//! an event that hardly ever comes. Here a timer stays registered for the moment for which it was
//! armed. A later deadline costs nothing until that moment has passed; only an earlier deadline
//! arms the timer again. With constant timeouts deadlines only move forward, so a busy user touches
//! the timer wheel once a timeout and not once a request.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that outlives the exchanges that use it.
pub(crate) struct Timer {
    sleep: Pin<Box<Sleep>>,
}

impl Timer {
    pub(crate) fn new(due: Instant) -> Self {
        Self { sleep: Box::pin(sleep_until(due)) }
    }

    /// Runs `future` until it ends (`Some`) or `due` has come (`None`). It is pinned by the caller:
    /// taken by value, it would have its place twice in the caller's own future.
    pub(crate) async fn until<F: Future + Unpin>(
        &mut self,
        due: Instant,
        mut future: F,
    ) -> Option<F::Output> {
        poll_fn(|cx| match Pin::new(&mut future).poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => self.poll_due(cx, due).map(|()| None),
        })
        .await
    }

    fn poll_due(&mut self, cx: &mut Context<'_>, due: Instant) -> Poll<()> {
        // A future that always finds something to read stops when its task's budget is spent, and a
        // timer that has no budget never fires.
        if !has_budget_remaining() && Instant::now() >= due {
            return Poll::Ready(());
        }
        if due < self.sleep.deadline() {
            self.sleep.as_mut().reset(due);
        }
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            if self.sleep.deadline() >= due {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(due);
        }
    }
}

/// Timers of one worker that no exchange uses, for the next that needs one.
#[derive(Default)]
pub(crate) struct Timers(RefCell<Vec<Timer>>);

/// The most timers that are kept. How many are in use at once is bounded by the users; more spare
/// ones than this are waste.
const MAX_SPARES: usize = 256;

impl Timers {
    /// A spare timer, or a new one, that is armed for `due`.
    pub(crate) fn take(&self, due: Instant) -> Timer {
        self.0.borrow_mut().pop().unwrap_or_else(|| Timer::new(due))
    }

    /// Takes a timer back.
    pub(crate) fn give(&self, timer: Timer) {
        let mut spares = self.0.borrow_mut();
        if spares.len() < MAX_SPARES {
            spares.push(timer);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_later_deadline_is_kept_although_the_timer_was_armed_for_an_earlier_one() {
        let start = Instant::now();
        let mut timer = Timer::new(start + Duration::from_secs(1));
        assert!(timer.until(start + Duration::from_secs(5), pending::<()>()).await.is_none());
        assert_eq!(start.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_deadline_re_arms_the_timer() {
        let start = Instant::now();
        let mut timer = Timer::new(start + Duration::from_secs(60));
        assert!(timer.until(start + Duration::from_secs(2), pending::<()>()).await.is_none());
        assert_eq!(start.elapsed().as_secs(), 2);
    }

    #[tokio::test]
    async fn a_future_that_spends_the_whole_budget_of_its_task_does_not_outlive_its_deadline() {
        let start = Instant::now();
        let mut timer = Timer::new(start + Duration::from_secs(60));
        let endless = poll_fn(|cx| {
            loop {
                ready!(pin!(tokio::task::coop::consume_budget()).poll(cx));
                std::hint::spin_loop();
            }
        });
        let ended: Option<()> = timer.until(start + Duration::from_millis(50), pin!(endless)).await;
        assert!(
            ended.is_none() && start.elapsed() < Duration::from_millis(200),
            "{:?}",
            start.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_future_that_ends_leaves_the_clock_alone() {
        let start = Instant::now();
        let mut timer = Timer::new(start);
        assert_eq!(
            timer.until(start + Duration::from_secs(1), std::future::ready(7)).await,
            Some(7)
        );
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
