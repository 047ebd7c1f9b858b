//! How long a guest may compute in one go.
//!
//! Compiled code asks at each epoch tick (a millisecond) whether it may go on. It then gives its thread up, so that other users of the thread run; and when
//! it has computed for the limit's number of ticks without a call that waits, it is cut. Waits do not count: they have timeouts of their own.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use crate::runtime::TICK;
use crate::world::State;

/// Counts the ticks since an instance last waited.
#[derive(Debug)]
pub(crate) struct CpuMeter {
    limit: Duration,
    ticks: u32,
    fresh: bool,
}

impl CpuMeter {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, ticks: 0, fresh: true }
    }

    /// The guest has waited, or is called anew: the count begins again.
    #[inline]
    pub(crate) fn waited(&mut self) {
        self.fresh = true;
    }

    /// Runs a call that may wait. Only if it did wait does the count begin again: a guest that calls and calls without waiting is computing. The call is
    /// pinned by the caller, so that it has its place once.
    #[inline]
    pub(crate) fn watch<F: Future + Unpin>(&mut self, mut call: F) -> impl Future<Output = F::Output> {
        poll_fn(move |context| {
            let polled = Pin::new(&mut call).poll(context);
            if polled.is_pending() {
                self.fresh = true;
            }
            polled
        })
    }

    /// The deadline passed: what happens to the guest. The first deadline after a wait has passed during the wait and says nothing.
    fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        if std::mem::take(&mut self.fresh) {
            self.ticks = 0;
            return Ok(UpdateDeadline::Continue(1));
        }
        self.ticks += 1;
        if TICK * self.ticks >= self.limit {
            return Err(wasmtime::Error::msg(format!(
                "it computed for {} ms without a call that waits, the limit of --guest-cpu",
                self.limit.as_millis()
            )));
        }
        Ok(UpdateDeadline::Yield(1))
    }
}

/// Puts a store under its meter.
pub(crate) fn meter(store: &mut Store<State>) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut context: StoreContextMut<'_, State>| context.data_mut().cpu.tick());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computing_yields_each_tick_and_is_cut_at_the_limit() {
        let mut meter = CpuMeter::new(Duration::from_millis(3));
        assert!(matches!(meter.tick(), Ok(UpdateDeadline::Continue(1))));
        assert!(matches!(meter.tick(), Ok(UpdateDeadline::Yield(1))));
        assert!(matches!(meter.tick(), Ok(UpdateDeadline::Yield(1))));
        assert!(meter.tick().err().is_some_and(|error| error.to_string().contains("--guest-cpu")));
    }

    #[test]
    fn a_wait_starts_the_count_again() {
        let mut meter = CpuMeter::new(Duration::from_millis(2));
        for _ in 0..100 {
            meter.waited();
            assert!(meter.tick().is_ok());
            assert!(meter.tick().is_ok());
        }
    }
}
