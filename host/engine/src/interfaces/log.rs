//! `log`: lines for the person who runs the test, and no way to flood or deceive a terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use swell_core::plain::line;

pub(crate) use crate::world::bindings::swell::scenario::log::Level;

use crate::run::Run;
use crate::world::State;
use crate::world::bindings::swell::scenario::log::Host;

/// Lines a second that are shown, for the whole run; what a person can still follow.
const LINES_A_SECOND: u64 = 100;

/// How many lines may still be shown in this second.
#[derive(Debug)]
pub(crate) struct LineBudget {
    began: Instant,
    second: AtomicU64,
    shown: AtomicU64,
    left_out: AtomicU64,
}

impl Default for LineBudget {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            second: AtomicU64::new(0),
            shown: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        }
    }
}

impl LineBudget {
    /// Whether one more line may be shown at this whole second of the run; counts it otherwise.
    fn take(&self, second: u64) -> bool {
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.shown.store(0, Ordering::Relaxed);
        }
        let granted = self.shown.fetch_add(1, Ordering::Relaxed) < LINES_A_SECOND;
        if !granted {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        granted
    }

    pub(crate) fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }
}

/// Where one user's lines go.
#[derive(Clone)]
pub(crate) struct Lines {
    run: Arc<Run>,
    user: Option<u64>,
}

impl Lines {
    /// The lines of the user with this number; of the run's set-up when there is none.
    pub(crate) fn new(run: &Arc<Run>, user: Option<u64>) -> Self {
        Self { run: Arc::clone(run), user }
    }

    /// Writes a line that is UTF-8 as far as it can be shown.
    pub(crate) fn write(&self, level: Level, message: &[u8]) {
        let budget = &self.run.lines;
        if !budget.take(budget.began.elapsed().as_secs()) {
            return;
        }
        let message = String::from_utf8_lossy(message);
        let message = line(&message);
        let user = match self.user {
            Some(number) => format!("user {number}"),
            None if self.run.conductor.is_some() => "conduct".to_owned(),
            None => "setup".to_owned(),
        };
        match level {
            Level::Debug => tracing::debug!(target: "scenario", "{user}: {message}"),
            Level::Info => tracing::info!(target: "scenario", "{user}: {message}"),
            Level::Warn => tracing::warn!(target: "scenario", "{user}: {message}"),
            Level::Error => tracing::error!(target: "scenario", "{user}: {message}"),
        }
    }
}

impl Host for State {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.user()?.lines().write(level, message.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_the_next_second_speaks_again() {
        let budget = LineBudget::default();
        let shown = (0..1000).filter(|_| budget.take(0)).count();
        assert_eq!((shown, budget.left_out()), (100, 900));
        assert!(budget.take(1));
    }
}
