//! `log`: lines for the person who runs the test, and no way to flood or deceive a terminal.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

pub(crate) use crate::world::bindings::swell::scenario::log::Level;

use crate::run::Run;
use crate::world::State;
use crate::world::bindings::swell::scenario::log::Host;

/// Lines a second that are shown, for the whole run; what a person can still follow.
const LINES_A_SECOND: u64 = 100;

/// Bytes of a line that are shown.
const LONGEST_LINE: usize = 4 << 10;

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
        Self { began: Instant::now(), second: AtomicU64::new(0), shown: AtomicU64::new(0), left_out: AtomicU64::new(0) }
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

    pub(crate) fn write(&self, level: Level, message: &str) {
        let budget = &self.run.lines;
        if !budget.take(budget.began.elapsed().as_secs()) {
            return;
        }
        let message = neutralised(message);
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

/// The message with its control characters made visible, as "\u{1b}", and cut to [`LONGEST_LINE`]: what it says cannot move a cursor or forge a line.
pub(crate) fn neutralised(message: &str) -> String {
    let mut shown = String::with_capacity(message.len().min(LONGEST_LINE));
    for character in message.trim_end().chars() {
        if shown.len() >= LONGEST_LINE {
            shown.push('…');
            break;
        }
        if character.is_control() || is_direction_mark(character) {
            let _ = write!(shown, "{}", character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Characters that reorder the text around them.
fn is_direction_mark(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl Host for State {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.user()?.lines().write(level, &message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_made_visible() {
        assert_eq!(neutralised("a\x1b[2Jb\nc\u{202e}d\n"), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(neutralised("grüße"), "grüße");
    }

    #[test]
    fn a_long_line_is_cut() {
        assert!(neutralised(&"x".repeat(1 << 20)).len() <= LONGEST_LINE + '…'.len_utf8());
    }

    #[test]
    fn a_flood_is_counted_and_the_next_second_speaks_again() {
        let budget = LineBudget::default();
        let shown = (0..1000).filter(|_| budget.take(0)).count();
        assert_eq!((shown, budget.left_out()), (100, 900));
        assert!(budget.take(1));
    }
}
