//! Conditions on a run that are judged once a second while it goes on, and those of them that end
//! it.
//!
//! ## What breaks a condition
//! A threshold with a window breaks when a full window of the measured part breaks it. One without
//! a window is judged here only if it is to end the run, by the whole measured part so far. Fewer
//! samples than a percentile needs break nothing. While a run is paused nothing is judged, and no
//! window reaches over a pause.
//!
//! Failed transactions count from the first one on, warm-up included: these limits protect the
//! service. Their window need not be full, so that a service that is down is left alone within
//! a second or two.
//!
//! ## What it costs
//! The figures of a second are kept for as long as the longest window, five minutes at most, and
//! are added up once a second for each length of window.

use std::collections::VecDeque;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::RunInstant;
use crate::record::{Figures, Snapshot};
use crate::threshold::{Outcome, Threshold};
use crate::units::{Share, UnitError, grouped, parse_window, print_duration, print_share};

/// The window of a limit on the share that fails, unless told otherwise: long enough for some slow
/// answers, short enough to leave a service alone that is down.
const ERROR_WINDOW: Duration = Duration::from_secs(10);
/// Fewer transactions than these in a window say nothing about a share.
const LEAST_TRANSACTIONS: u64 = 20;
/// Seconds are told a little early or late. A window is full if it lacks no more than this.
const TICK: Duration = Duration::from_millis(200);

/// What ends a run before its time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StopRules {
    /// Every threshold that does not hold does, after so much of the measured part at the earliest.
    pub abort_on_fail: Option<Duration>,
    /// More failed transactions than these do.
    pub max_errors: Option<u64>,
    /// A greater share of failed transactions does.
    pub max_error_rate: Option<MaxErrorRate>,
}

/// The greatest share of transactions that may fail within a window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaxErrorRate {
    share: Share,
    over: Duration,
}

/// Why a limit on the share of errors was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MaxErrorRateError {
    /// A quantity in it.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// Nothing could break it.
    #[error("no more than 100% can fail: give less, as \"50%\"")]
    Whole,
}

impl FromStr for MaxErrorRate {
    type Err = MaxErrorRateError;

    /// Reads "50%" and "50% over 30s".
    fn from_str(text: &str) -> Result<Self, MaxErrorRateError> {
        let (share, over) = match text.split_once(" over ") {
            Some((share, over)) => (share, parse_window(over)?),
            None => (text, ERROR_WINDOW),
        };
        let share: Share = share.parse()?;
        if share.part() == 1.0 {
            return Err(MaxErrorRateError::Whole);
        }
        Ok(Self { share, over })
    }
}

/// A condition that did not hold while the run went on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// The condition, as it was given.
    pub rule: String,
    /// What was measured, and in what.
    pub found: String,
    /// When that was seen.
    pub at: RunInstant,
    /// Whether the run ended by it.
    pub ends_run: bool,
}

/// See the module's documentation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StopWatch {
    rules: StopRules,
    thresholds: Vec<Threshold>,
    /// Which of the thresholds a window has broken.
    has_broken: Vec<bool>,
    longest: Duration,
    /// The last seconds of the measured part, the latest first.
    seconds: VecDeque<(Duration, Figures)>,
    /// How many transactions ended in each of the last seconds and failed, the latest first.
    ended: VecDeque<Endings>,
    broken: Vec<Broken>,
}

/// Transactions that ended in a second.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Endings {
    span: Duration,
    all: u64,
    failed: u64,
}

/// A second of a run that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Second<'a> {
    /// When it was over.
    pub(super) now: RunInstant,
    /// How long it lasted.
    pub(super) span: Duration,
    /// What was counted in it.
    pub(super) counted: &'a Snapshot,
    /// What was counted since the run began.
    pub(super) total: &'a Snapshot,
    /// Where the measured part begins.
    pub(super) measured_from: RunInstant,
}

impl StopWatch {
    pub(super) fn new(rules: StopRules, thresholds: &[Threshold]) -> Self {
        let thresholds: Vec<Threshold> = thresholds
            .iter()
            .filter(|rule| rule.over().or(rule.abort_after()).or(rules.abort_on_fail).is_some())
            .cloned()
            .collect();
        Self {
            rules,
            has_broken: vec![false; thresholds.len()],
            longest: thresholds.iter().filter_map(Threshold::over).max().unwrap_or_default(),
            thresholds,
            seconds: VecDeque::new(),
            ended: VecDeque::new(),
            broken: Vec::new(),
        }
    }

    /// What did not hold so far: for each threshold the first window, and what ended the run.
    pub(super) fn broken(&self) -> &[Broken] {
        &self.broken
    }

    pub(super) fn into_broken(self) -> Vec<Broken> {
        self.broken
    }

    /// Nothing is asked of the service: windows begin anew after it.
    pub(super) fn handle_pause(&mut self) {
        self.seconds.clear();
        self.ended.clear();
    }

    /// A second is over. Gives the condition that ends the run, if any does and the run `goes_on`;
    /// in its very last second a run has ended by itself.
    pub(super) fn handle_second(&mut self, second: &Second<'_>, goes_on: bool) -> Option<Broken> {
        let errors = self.judge_errors(second);
        let mut stop = self.judge_thresholds(second).or(errors)?;
        stop.ends_run = goes_on;
        self.broken.push(stop.clone());
        goes_on.then_some(stop)
    }

    fn judge_errors(&mut self, second: &Second<'_>) -> Option<Broken> {
        let StopRules { max_errors, max_error_rate, .. } = self.rules;
        let broken = |rule, found| Broken { rule, found, at: second.now, ends_run: true };
        let (_, failed) = ended(second.total);
        if let Some(most) = max_errors.filter(|&most| failed > most) {
            let found = format!("{} transactions failed", grouped(failed));
            return Some(broken(format!("max-errors {most}"), found));
        }
        let MaxErrorRate { share, over } = max_error_rate?;
        let (all, failed) = ended(second.counted);
        self.ended.push_front(Endings { span: second.span, all, failed });
        self.ended.truncate(filling(over, self.ended.iter().map(|ended| ended.span)).0);
        let sum = |of: fn(&Endings) -> u64| self.ended.iter().map(of).fold(0, u64::saturating_add);
        let (all, failed) = (sum(|ended| ended.all), sum(|ended| ended.failed));
        let rate = failed as f64 / all.max(1) as f64;
        (all >= LEAST_TRANSACTIONS && rate > share.part()).then(|| {
            let span: Duration = self.ended.iter().map(|ended| ended.span).sum();
            let found = format!(
                "{}, {} of {} transactions in the last {:.0} s",
                print_share(rate),
                grouped(failed),
                grouped(all),
                span.as_secs_f64()
            );
            broken(format!("max-error-rate {share} over {}", print_duration(over)), found)
        })
    }

    fn judge_thresholds(&mut self, second: &Second<'_>) -> Option<Broken> {
        let Second { now, span, counted, total, measured_from } = *second;
        if self.thresholds.is_empty() || now <= measured_from {
            return None;
        }
        let so_far = now.since(measured_from);
        if !self.longest.is_zero() {
            self.seconds.push_front((span.min(so_far), counted.measured.clone()));
            let (kept, _) = filling(self.longest, self.seconds.iter().map(|(span, _)| *span));
            self.seconds.truncate(kept);
        }
        let mut windows: Vec<(Duration, Option<(Duration, Figures)>)> = Vec::new();
        for over in self.thresholds.iter().filter_map(Threshold::over) {
            if windows.iter().all(|(length, _)| *length != over) {
                windows.push((over, self.window(over)));
            }
        }
        let mut stop = None;
        for (threshold, has_broken) in self.thresholds.iter().zip(&mut self.has_broken) {
            let window = threshold.over().map(|over| windows.iter().find(|(len, _)| *len == over));
            let (length, figures) = match window {
                None => (so_far, &total.measured),
                Some(Some((_, Some((length, figures))))) => (*length, figures),
                Some(_) => continue,
            };
            let Outcome::Failed { measured } = threshold.evaluate(figures, length) else {
                continue;
            };
            let found = match threshold.over() {
                None => format!("{measured} after {:.0} s", so_far.as_secs_f64()),
                Some(over) => format!("{measured} in {}", print_duration(over)),
            };
            let rule = threshold.to_string();
            let delay = threshold.abort_after().or(self.rules.abort_on_fail);
            let broken = Broken { rule, found, at: now, ends_run: false };
            let ends_run = delay.is_some_and(|delay| so_far >= delay);
            if ends_run && stop.is_none() {
                stop = Some(Broken { ends_run, ..broken.clone() });
            } else if threshold.over().is_some() && !*has_broken {
                self.broken.push(broken);
            }
            *has_broken |= threshold.over().is_some();
        }
        stop
    }

    /// The figures of the latest window of this length, and how long it lasted in truth; `None`
    /// before the first is full.
    fn window(&self, over: Duration) -> Option<(Duration, Figures)> {
        let (count, is_full) = filling(over, self.seconds.iter().map(|(span, _)| *span));
        let mut figures = Figures::default();
        let mut length = Duration::ZERO;
        for (span, second) in self.seconds.iter().take(count) {
            figures.merge(second);
            length += *span;
        }
        is_full.then_some((length, figures))
    }
}

/// How many of these spans make a window of this length, and whether they fill it.
fn filling(over: Duration, spans: impl Iterator<Item = Duration>) -> (usize, bool) {
    let (mut count, mut length) = (0, Duration::ZERO);
    for span in spans {
        (count, length) = (count + 1, length + span);
        if length + TICK > over {
            return (count, true);
        }
    }
    (count, false)
}

/// How many transactions ended by themselves, and how many of these failed.
fn ended(counted: &Snapshot) -> (u64, u64) {
    let (before, measured) = (&counted.warm_up.total.counts, &counted.measured.total.counts);
    let failed = before.failed.saturating_add(measured.failed);
    (failed.saturating_add(before.ok).saturating_add(measured.ok), failed)
}

#[cfg(test)]
mod tests;
