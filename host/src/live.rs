//! What is seen while runs go on: a line for each that renews itself on a terminal, a log line each few seconds elsewhere.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::status::{Phase, Status};

/// Where there is no terminal, a line comes each so many looks, which are a second apart.
const LOOKS_A_LINE: u32 = 5;

/// The lines of all runs.
pub(crate) struct Screen {
    quiet: bool,
    /// Where stderr is a terminal.
    bars: Option<MultiProgress>,
}

/// The line of one run.
pub(crate) struct Line {
    bar: Option<ProgressBar>,
    quiet: bool,
    looks: u32,
    name: String,
    /// Warm-up and measured part together, where the run has an end.
    lasts: Option<Duration>,
}

impl Screen {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet, bars: (!quiet && std::io::stderr().is_terminal()).then(MultiProgress::new) }
    }

    pub(crate) fn line(&self, name: &str, lasts: Option<Duration>) -> Line {
        let bar = self.bars.as_ref().map(|bars| {
            let style = ProgressStyle::with_template("{spinner} {msg}").expect("a template without faults");
            bars.add(ProgressBar::new_spinner().with_style(style))
        });
        Line { bar, quiet: self.quiet, looks: 0, name: name.to_owned(), lasts }
    }
}

impl Line {
    pub(crate) fn show(&mut self, status: &Status) {
        self.looks += 1;
        if let Some(bar) = &self.bar {
            bar.set_message(self.text(status));
            bar.tick();
        } else if !self.quiet && self.looks.is_multiple_of(LOOKS_A_LINE) {
            tracing::info!("{}", self.text(status));
        }
    }

    /// Gives the terminal's line back.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn text(&self, status: &Status) -> String {
        let p95 = status.response_ms.p95.map_or_else(|| "n/a".to_owned(), |ms| format!("{ms:.1} ms"));
        let lasts = self.lasts.map_or_else(String::new, |lasts| format!("/{:.0}", lasts.as_secs_f64()));
        let goal = status.goal_per_second.unwrap_or_default();
        let held = status.held_by.as_ref().map_or_else(String::new, |reason| format!("  goal {goal:.0}/s, {reason}"));
        let limited = status.limited_by.map_or_else(String::new, |who| format!("  limited by the {who} below {goal:.0}/s"));
        let paused = if status.phase == Phase::Paused { "  paused" } else { "" };
        format!(
            "{} {:.0}{lasts} s  {:.0} transactions/s  p95 {p95}  {} failed  {} users{held}{limited}{paused}",
            self.name, status.elapsed_seconds, status.per_second, status.failed, status.users
        )
    }
}
