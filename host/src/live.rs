//! What is seen while a run goes on: one line that renews itself on a terminal, a log line each few seconds elsewhere.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use swell_core::record::Snapshot;

use crate::driver::Look;

/// Where there is no terminal, a line comes each so many looks, which are a second apart.
const LOOKS_A_LINE: u32 = 5;

/// See the module's documentation.
pub(crate) struct Live {
    bar: Option<ProgressBar>,
    quiet: bool,
    looks: u32,
    /// Warm-up and measured part together, where the run has an end.
    lasts: Option<Duration>,
}

impl Live {
    pub(crate) fn new(quiet: bool, lasts: Option<Duration>) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("a template without faults"));
            bar
        });
        Self { bar, quiet, looks: 0, lasts }
    }

    pub(crate) fn show(&mut self, look: &Look<'_>) {
        self.looks += 1;
        if let Some(bar) = &self.bar {
            bar.set_message(self.line(look));
            bar.tick();
        } else if !self.quiet && self.looks.is_multiple_of(LOOKS_A_LINE) {
            tracing::info!("{}", self.line(look));
        }
    }

    /// Gives the terminal's line back.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, look: &Look<'_>) -> String {
        let (recent, span) = look.recent;
        let seconds = span.as_secs_f64().max(1e-3);
        let figures = [&recent.warm_up, &recent.measured];
        let ended: u64 = figures.iter().map(|figures| figures.total.counts.ended()).sum();
        let failed: u64 = [&look.total.warm_up, &look.total.measured].iter().map(|figures| figures.total.counts.failed).sum();
        let p95 = response_p95(recent).map_or_else(|| "n/a".to_owned(), |time| format!("{:.1} ms", time.as_secs_f64() * 1e3));
        let lasts = self.lasts.map_or_else(String::new, |lasts| format!("/{:.0}", lasts.as_secs_f64()));
        let goal = look.control.map_or_else(String::new, |control| format!("  goal {:.0}/s, {}", control.goal(), control.reason()));
        format!(
            "{:.0}{lasts} s  {:.0} transactions/s  p95 {p95}  {failed} failed  {} users{goal}",
            look.elapsed.as_secs_f64(),
            ended as f64 / seconds,
            look.users
        )
    }
}

fn response_p95(recent: &Snapshot) -> Option<Duration> {
    let mut both = recent.measured.total.response.both();
    both.merge(&recent.warm_up.total.response.both());
    both.percentile(95.0)
}
