//! What is seen while runs go on: a line for each that renews itself on a terminal, a log line each
//! few seconds elsewhere.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use swell_core::control::Limiter;
use swell_core::plain::line;
use swell_core::record::{Percentile, Statistic};

use swell_core::units::{counted, print_share};
use swell_report::{HostStatus, RunState, Status};

use crate::stderr::Terminal;
use crate::terminal;

/// Where there is no terminal, a line comes each so many looks, which are a second apart.
const LOOKS_A_LINE: u32 = 5;

/// Hosts that have a line of their own; of more the rest is told in a number.
const MAX_HOSTS: usize = 16;

/// The lines of all runs.
pub(crate) struct Screen {
    quiet: bool,
    /// Where stderr is a terminal.
    bars: Option<MultiProgress>,
}

/// The line of one run, and those of its hosts where several share it.
pub(crate) struct Line {
    bar: Option<ProgressBar>,
    screen: Option<MultiProgress>,
    hosts: Vec<ProgressBar>,
    quiet: bool,
    looks: u32,
    name: String,
    /// Warm-up and measured part together, where the run has an end.
    lasts: Option<Duration>,
}

impl Screen {
    pub(crate) fn new(quiet: bool) -> Self {
        let on_terminal = || {
            MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(
                Terminal::default(),
            )))
        };
        Self { quiet, bars: (!quiet && terminal::is_watched()).then(on_terminal) }
    }

    pub(crate) fn line(&self, name: &str, lasts: Option<Duration>) -> Line {
        let bar = self
            .bars
            .as_ref()
            .map(|bars| bars.add(ProgressBar::new_spinner().with_style(style("{spinner} {msg}"))));
        Line {
            bar,
            screen: self.bars.clone(),
            hosts: Vec::new(),
            quiet: self.quiet,
            looks: 0,
            name: name.to_owned(),
            lasts,
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a template without faults")
}

impl Line {
    pub(crate) fn show(&mut self, status: &Status) {
        self.looks += 1;
        let hosts = hosts_in_words(&status.hosts);
        if let Some(bar) = &self.bar {
            bar.set_message(line(&self.text(status)).to_string());
            bar.tick();
            if let Some(screen) = &self.screen {
                while self.hosts.len() < hosts.len() {
                    let last = self.hosts.last().unwrap_or(bar);
                    let next = screen.insert_after(
                        last,
                        ProgressBar::new_spinner().with_style(style("    {msg}")),
                    );
                    self.hosts.push(next);
                }
            }
            for (row, text) in
                self.hosts.iter().zip(hosts.into_iter().chain(std::iter::repeat(String::new())))
            {
                row.set_message(line(&text).to_string());
                row.tick();
            }
        } else if !self.quiet && self.looks.is_multiple_of(LOOKS_A_LINE) {
            tracing::info!("{}", line(&self.text(status)));
            hosts.iter().for_each(|host| tracing::info!("    {}", line(host)));
        }
    }

    /// Gives the terminal's lines back.
    pub(crate) fn finish(&self) {
        self.bar.iter().chain(&self.hosts).for_each(ProgressBar::finish_and_clear);
    }

    fn text(&self, status: &Status) -> String {
        let p95 = Statistic::Percentile(Percentile::P95);
        let bound = if status.response_ms.is_at_least(p95) { "≥ " } else { "" };
        let p95 = status
            .response_ms
            .get(p95)
            .map_or_else(|| "n/a".to_owned(), |ms| format!("{bound}{ms:.1} ms"));
        let lasts =
            self.lasts.map_or_else(String::new, |lasts| format!("/{:.0}", lasts.as_secs_f64()));
        let goal = status.goal_per_second.unwrap_or_default();
        let held = status
            .held_by
            .as_ref()
            .map_or_else(String::new, |reason| format!("  goal {goal:.0}/s, {reason}"));
        let limited = status
            .limited_by
            .map(Limiter::name)
            .map_or_else(String::new, |who| format!("  limited by the {who} below {goal:.0}/s"));
        let phase = match status.phase {
            RunState::Paused => "  paused".to_owned(),
            RunState::Draining => format!("  ending, {} under way", status.under_way),
            _ => String::new(),
        };
        let share = status.interrupted_rate.filter(|rate| *rate > 0.0).map(print_share);
        let interrupted = share.map_or_else(String::new, |share| {
            format!("  {} interrupted ({share})", status.interrupted)
        });
        format!(
            "{} {:.0}{lasts} s  {:.0} transactions/s  p95 {p95}  {} failed{interrupted}  \
            {}{held}{limited}{phase}",
            self.name,
            status.elapsed_seconds,
            status.per_second,
            status.failed,
            counted(status.users, "user")
        )
    }
}

/// Each host in a line, as long as there are not too many.
fn hosts_in_words(hosts: &[HostStatus]) -> Vec<String> {
    let row = |host: &HostStatus| {
        let lag = host.host_lag_p99_ms.map_or_else(|| "n/a".to_owned(), |ms| format!("{ms:.1} ms"));
        let lost = match (host.present, host.left) {
            (_, true) => "  left",
            (true, false) => "",
            (false, false) => "  lost",
        };
        format!(
            "{:<16} {:>3.0} % of the starts  {:.0} transactions/s  {}  {:.1} cores  lag p99 {lag}  \
            {}{lost}",
            host.name,
            host.share * 100.0,
            host.per_second,
            counted(host.users, "user"),
            host.cores,
            host.verdict
        )
    };
    let mut rows: Vec<String> = hosts.iter().take(MAX_HOSTS).map(row).collect();
    let present = hosts.iter().filter(|host| host.present).count();
    rows.extend(
        (hosts.len() > MAX_HOSTS)
            .then(|| format!("and others: {present} of {} take part", hosts.len())),
    );
    rows
}
