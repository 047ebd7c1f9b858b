//! What moves an engine's epoch on: a thread, each millisecond while guests run.
//!
//! Compiled code compares the epoch at loop heads, so a guest that computes is asked each tick
//! whether it may go on ([`cpu`](crate::cpu)). While no guest runs there is nobody to ask: after
//! some ticks without one the thread sleeps, and the first guest that runs wakes it. A thousand
//! ticks a second take 1.6 % of a core, more than all else that a host does between two starts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

use crate::error::LoadError;

/// How often the epoch moves on.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// After so many ticks without a guest the thread sleeps. A guest whose turn began just as a tick
/// ended may not be seen in that turn; if it computes it is asked at the next tick, and then has
/// another turn.
const CALM: u32 = 20;

/// Moves an engine's epoch on, until dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    turns: Arc<GuestTurns>,
    thread: Option<JoinHandle<()>>,
}

/// Whether guests run.
#[derive(Debug, Default)]
pub(crate) struct GuestTurns {
    /// Whether a guest was given its thread since the last tick.
    were_any: AtomicBool,
    /// Whether the thread of the ticker sleeps.
    sleeps: AtomicBool,
    stop: AtomicBool,
    ticker: OnceLock<thread::Thread>,
}

impl GuestTurns {
    /// A guest is given its thread now.
    #[inline]
    pub(crate) fn begin(&self) {
        if !self.were_any.load(Ordering::Relaxed) {
            self.tell();
        }
    }

    /// Once a tick at most. Either the ticker sees that there is a guest before it sleeps, or this
    /// sees that it sleeps: of two such pairs of a write and a read one read comes last.
    #[cold]
    fn tell(&self) {
        self.were_any.store(true, Ordering::SeqCst);
        if self.sleeps.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(ticker) = self.ticker.get() {
            ticker.unpark();
        }
    }

    fn sleep(&self) {
        self.sleeps.store(true, Ordering::SeqCst);
        while !self.were_any.load(Ordering::SeqCst) && !self.stop.load(Ordering::SeqCst) {
            thread::park();
        }
        self.sleeps.store(false, Ordering::SeqCst);
    }
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> Result<Self, LoadError> {
        let turns = Arc::new(GuestTurns::default());
        let (seen, engine) = (Arc::clone(&turns), engine.clone());
        let tick = move || {
            let mut calm = 0;
            while !seen.stop.load(Ordering::Relaxed) {
                thread::sleep(TICK);
                engine.increment_epoch();
                calm = if seen.were_any.swap(false, Ordering::SeqCst) { 0 } else { calm + 1 };
                if calm == CALM {
                    seen.sleep();
                    calm = 0;
                }
            }
        };
        let thread =
            thread::Builder::new().name("swell-epoch".to_owned()).spawn(tick).map_err(|error| {
                LoadError::Engine { reason: format!("cannot start the epoch thread: {error}") }
            })?;
        // Guests come after this; a ticker that slept before would be woken by nobody.
        let _ = turns.ticker.set(thread.thread().clone());
        Ok(Self { turns, thread: Some(thread) })
    }

    /// Where guests say that they run.
    pub(crate) fn turns(&self) -> Arc<GuestTurns> {
        Arc::clone(&self.turns)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.turns.stop.store(true, Ordering::SeqCst);
        self.turns.wake();
        if let Some(thread) = self.thread.take() {
            // The thread only sleeps and counts; it cannot have panicked.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn wait_until(sleeps: bool, turns: &GuestTurns) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while turns.sleeps.load(Ordering::SeqCst) != sleeps {
            assert!(Instant::now() < deadline, "it never is: sleeps = {sleeps}");
            thread::yield_now();
        }
    }

    #[test]
    fn it_sleeps_while_no_guest_runs_and_ticks_when_one_does() {
        let ticker = Ticker::start(&Engine::default()).expect("a thread");
        let turns = ticker.turns();
        for _ in 0..3 {
            wait_until(true, &turns);
            turns.begin();
            wait_until(false, &turns);
        }
        wait_until(true, &turns);
        drop(ticker);
    }
}
