//! Lines for the person who runs the test, and no way to flood or deceive a terminal.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use swell_core::observer::{LogLevel, Observer, UserEvent};
use swell_core::plain::line;

pub(crate) use crate::bindings::swell::scenario::log::Level;
use crate::thread_bound::ThreadBound;

/// The most lines a second that are shown, for the whole run: what a person can still follow.
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
    /// Whether one more line may be shown in this second of the run; if not, the line is counted as
    /// left out.
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
pub(crate) struct UserLog {
    budget: Arc<LineBudget>,
    speaker: Speaker,
    /// Who gets the lines instead of the log. The writer of a line may have to be `Send`.
    observer: Option<ThreadBound<Observer>>,
}

/// Who writes a line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Speaker {
    /// The user with this number.
    User(u64),
    /// `setup` or `teardown` of a run.
    Setup,
    /// `conduct`, which begins runs.
    Conduct,
}

impl fmt::Display for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(number) => write!(f, "user {number}"),
            Self::Setup => f.write_str("setup"),
            Self::Conduct => f.write_str("conduct"),
        }
    }
}

impl UserLog {
    pub(crate) fn new(
        budget: &Arc<LineBudget>,
        speaker: Speaker,
        observer: Option<&Observer>,
    ) -> Self {
        let observer = observer.map(|observer| ThreadBound::new(observer.clone()));
        Self { budget: Arc::clone(budget), speaker, observer }
    }

    /// Writes a line that is UTF-8 as far as it can be shown.
    pub(crate) fn write(&self, level: Level, message: &[u8]) {
        let Self { budget, speaker, observer } = self;
        if let Some(observer) = observer {
            let text = String::from_utf8_lossy(message).into_owned();
            return observer.tell(UserEvent::Logged { level: observed(level), text });
        }
        if !budget.take(budget.began.elapsed().as_secs()) {
            return;
        }
        let message = String::from_utf8_lossy(message);
        let message = line(&message);
        match level {
            Level::Debug => tracing::debug!(target: "scenario", "{speaker}: {message}"),
            Level::Info => tracing::info!(target: "scenario", "{speaker}: {message}"),
            Level::Warn => tracing::warn!(target: "scenario", "{speaker}: {message}"),
            Level::Error => tracing::error!(target: "scenario", "{speaker}: {message}"),
        }
    }
}

impl Clone for UserLog {
    fn clone(&self) -> Self {
        Self::new(&self.budget, self.speaker, self.observer.as_deref())
    }
}

const fn observed(level: Level) -> LogLevel {
    match level {
        Level::Debug => LogLevel::Debug,
        Level::Info => LogLevel::Info,
        Level::Warn => LogLevel::Warn,
        Level::Error => LogLevel::Error,
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
