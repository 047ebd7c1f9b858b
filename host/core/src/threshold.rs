//! Thresholds: conditions on the figures of a run that decide whether it passed.
//!
//! ```text
//! response.p95 < 200ms          service[front page].p99 < 300ms     response.failed.max < 1s
//! error_rate < 1%               error_rate[pay] <= 0.5%             interrupted < 0.1%
//! throughput >= 4900/s          request.p99 < 80ms                  checks[has a title] > 99%
//! metric[rows].mean > 10
//! ```
//!
//! ## Why this form
//! A metric, in brackets the name that it is narrowed to, after a point what of it, a comparison, a
//! value with its unit. Names of transactions, checks and own metrics are free texts, so they stand
//! in brackets and need no quoting beyond that of the shell; what stands outside of them is a
//! closed list, so a typing error is told before the run and not after it. Percentiles obey the
//! rule of reports: without enough samples there is no data, and a threshold without data fails.
//!
//! ## What was cut off
//! It has no end, and would have been slower than its age, and well or failed. A threshold passes
//! if it surely holds whatever that would have been: a time that is "at least 150 ms" is not known
//! to be below 200 ms, and an error rate is not known to be below 1 % while more hang.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::record::{Censored, Figure, Figures, Histogram, Outcomes, Split, Value};
use crate::spelling;
use crate::units::{
    Share, UnitError, grouped, parse_duration, parse_rate_or_zero, print_duration, print_rate,
    print_share,
};

/// A condition on the measured part of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    text: String,
    subject: Subject,
    narrowed: Option<String>,
    statistic: Statistic,
    comparison: Comparison,
    limit: f64,
}

/// What a threshold came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It holds.
    Passed {
        /// What was measured, as a report shows it.
        measured: String,
    },
    /// It does not.
    Failed {
        /// What was measured, as a report shows it.
        measured: String,
    },
    /// There is nothing to compare, which fails it too.
    NoData {
        /// Why, and which name may have been meant.
        reason: String,
    },
}

impl Outcome {
    /// Whether the run passes as far as this threshold goes.
    pub const fn passed(&self) -> bool {
        matches!(self, Self::Passed { .. })
    }
}

/// Why a threshold was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ThresholdError {
    /// There is no comparison in it.
    #[error("threshold {text:?} compares nothing; write it like \"response.p95 < 200ms\"")]
    NoComparison {
        /// What was typed.
        text: String,
    },
    /// There is no such metric.
    #[error("threshold {text:?}: unknown metric {metric:?}{}; known are {}, and own metrics as \
    metric[NAME]", meant(suggestion), SUBJECTS.map(|(name, _)| name).join(", "))]
    UnknownMetric {
        /// What was typed.
        text: String,
        /// The part that is not known.
        metric: String,
        /// What may have been meant.
        suggestion: Option<&'static str>,
    },
    /// The metric has no such statistic.
    #[error("threshold {text:?}: {metric} has no {statistic:?}{}; it has {has}", meant(suggestion))]
    UnknownStatistic {
        /// What was typed.
        text: String,
        /// The metric.
        metric: &'static str,
        /// The part that is not known.
        statistic: String,
        /// What may have been meant.
        suggestion: Option<&'static str>,
        /// What there is.
        has: &'static str,
    },
    /// The metric needs a name in brackets, or can have none.
    #[error("threshold {text:?}: {cure}")]
    Brackets {
        /// What was typed.
        text: String,
        /// How it is written.
        cure: &'static str,
    },
    /// The value is not one of this metric's unit.
    #[error("threshold {text:?}: {source}")]
    Value {
        /// What was typed.
        text: String,
        /// What is wrong with the value.
        source: UnitError,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Response,
    Service,
    StartLag,
    UserLag,
    HostLag,
    LoopDelay,
    Request,
    ErrorRate,
    RequestErrorRate,
    Interrupted,
    Unsent,
    Checks,
    Throughput,
    Goodput,
    RequestRate,
    Own,
}

const SUBJECTS: [(&str, Subject); 16] = [
    ("response", Subject::Response),
    ("service", Subject::Service),
    ("start_lag", Subject::StartLag),
    ("user_lag", Subject::UserLag),
    ("host_lag", Subject::HostLag),
    ("loop_delay", Subject::LoopDelay),
    ("request", Subject::Request),
    ("error_rate", Subject::ErrorRate),
    ("request_error_rate", Subject::RequestErrorRate),
    ("interrupted", Subject::Interrupted),
    ("unsent", Subject::Unsent),
    ("checks", Subject::Checks),
    ("throughput", Subject::Throughput),
    ("goodput", Subject::Goodput),
    ("request_rate", Subject::RequestRate),
    ("metric", Subject::Own),
];

/// What a figure is measured in, and so how its limit is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Share,
    PerSecond,
    Number,
}

impl Subject {
    const fn unit(self) -> Unit {
        match self {
            Self::ErrorRate
            | Self::RequestErrorRate
            | Self::Interrupted
            | Self::Unsent
            | Self::Checks => Unit::Share,
            Self::Throughput | Self::Goodput | Self::RequestRate => Unit::PerSecond,
            Self::Own => Unit::Number,
            _ => Unit::Seconds,
        }
    }

    fn name(self) -> &'static str {
        SUBJECTS.iter().find(|(_, subject)| *subject == self).expect("every subject has a name").0
    }

    /// Whether it can be narrowed to one transaction, check or metric.
    const fn can_be_narrowed(self) -> bool {
        matches!(
            self,
            Self::Response
                | Self::Service
                | Self::ErrorRate
                | Self::Interrupted
                | Self::Checks
                | Self::Throughput
                | Self::Goodput
                | Self::Own
        )
    }

    /// Whether what ended well and what failed are kept apart.
    const fn is_split(self) -> bool {
        matches!(self, Self::Response | Self::Service | Self::Request)
    }
}

/// Which of the samples, and what of them.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Statistic {
    side: Side,
    of: Of,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Both,
    Ok,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Of {
    Percentile(f64),
    Mean,
    Min,
    Max,
    /// The one figure that the metric is: a share, a rate, the sum of a counter, the last value of
    /// a gauge.
    Itself,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Two letters first, so that "<=" is not read as "<".
const COMPARISONS: [(&str, Comparison); 4] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl Comparison {
    const fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Less => value < limit,
            Self::LessOrEqual => value <= limit,
            Self::Greater => value > limit,
            Self::GreaterOrEqual => value >= limit,
        }
    }

    /// Whether its limit is above what it asks for.
    const fn is_above(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual)
    }
}

/// What was found to compare with the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Found {
    value: f64,
    /// What it may be as well, as so many were cut off before they ended; nothing where it is
    /// exact.
    otherwise: Option<(f64, u64)>,
}

impl From<f64> for Found {
    fn from(value: f64) -> Self {
        Self { value, otherwise: None }
    }
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let text = text.trim();
        let owned = || text.to_owned();
        // A name in brackets may contain anything, also what looks like a comparison; it ends at
        // the last bracket.
        let after_name = text.rfind(']').map_or(0, |bracket| bracket + 1);
        let (at, sign, comparison) = COMPARISONS
            .iter()
            .filter_map(|&(sign, comparison)| {
                text[after_name..].find(sign).map(|at| (after_name + at, sign, comparison))
            })
            .min_by_key(|&(at, sign, _)| (at, std::cmp::Reverse(sign.len())))
            .ok_or_else(|| ThresholdError::NoComparison { text: owned() })?;
        let (left, value) = (text[..at].trim(), text[at + sign.len()..].trim());
        let (metric, narrowed, statistic) =
            split(left).ok_or_else(|| ThresholdError::Brackets {
                text: owned(),
                cure: "a name stands in brackets right after the metric, like \"service[front \
            page].p99\"",
            })?;
        let subject =
            SUBJECTS.iter().find(|(name, _)| *name == metric).map(|&(_, subject)| subject);
        let subject = subject.ok_or_else(|| ThresholdError::UnknownMetric {
            text: owned(),
            metric: metric.to_owned(),
            suggestion: spelling::nearest(metric, SUBJECTS.map(|(name, _)| name)),
        })?;
        match narrowed {
            Some(_) if !subject.can_be_narrowed() => {
                return Err(ThresholdError::Brackets {
                    text: owned(),
                    cure: "this metric is about the whole run and takes no name",
                });
            }
            None if subject == Subject::Own => {
                return Err(ThresholdError::Brackets {
                    text: owned(),
                    cure: "say which metric, like \"metric[rows].mean\"",
                });
            }
            _ => {}
        }
        let statistic =
            Statistic::parse(subject, statistic).map_err(|(unknown, suggestion, has)| {
                ThresholdError::UnknownStatistic {
                    text: owned(),
                    metric: subject.name(),
                    statistic: unknown,
                    suggestion,
                    has,
                }
            })?;
        let limit = parse_limit(subject.unit(), value)
            .map_err(|source| ThresholdError::Value { text: owned(), source })?;
        Ok(Self {
            text: owned(),
            subject,
            narrowed: narrowed.map(str::to_owned),
            statistic,
            comparison,
            limit,
        })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Threshold {
    /// Whether it says which part of all transactions may fail.
    pub fn is_about_failures(&self) -> bool {
        self.subject == Subject::ErrorRate && self.narrowed.is_none()
    }

    /// Compares with the figures of the measured part, which lasted `length`.
    pub fn evaluate(&self, measured: &Figures, length: Duration) -> Outcome {
        let found = match self.value(measured, length) {
            Ok(found) => found,
            Err(reason) => return Outcome::NoData { reason },
        };
        let print = |value: f64| match self.subject.unit() {
            Unit::Seconds => print_duration(Duration::from_secs_f64(value)),
            Unit::Share => print_share(value),
            Unit::PerSecond => print_rate(value),
            Unit::Number => format!("{value}"),
        };
        let measured = match found.otherwise {
            None => print(found.value),
            Some((f64::INFINITY, cut)) => format!(
                "≥ {}, as {} were cut off before they ended",
                print(found.value),
                grouped(cut)
            ),
            Some((most, cut)) => {
                format!(
                    "{} to {}, as {} were cut off before they ended",
                    print(found.value),
                    print(most),
                    grouped(cut)
                )
            }
        };
        let ways = [Some(found.value), found.otherwise.map(|(value, _)| value)];
        let holds =
            ways.into_iter().flatten().all(|value| self.comparison.holds(value, self.limit));
        if holds { Outcome::Passed { measured } } else { Outcome::Failed { measured } }
    }

    fn value(&self, figures: &Figures, length: Duration) -> Result<Found, String> {
        match self.subject {
            Subject::Response => self.time(&self.side(self.row(figures)?.response)),
            Subject::Service => self.time(&self.side(self.row(figures)?.service)),
            Subject::Request => self.time(&self.side(&figures.requests.service)),
            Subject::StartLag => self.time(&exact(&figures.total.start_lag)),
            Subject::UserLag => self.time(&exact(&figures.total.user_lag)),
            Subject::HostLag => self.time(&exact(&figures.total.host_lag)),
            Subject::LoopDelay => self.time(&exact(&figures.loop_delay)),
            Subject::ErrorRate => {
                let counts = self.row(figures)?.counts;
                error_rate(counts.ok, counts.failed, counts.interrupted, "no transaction ended")
            }
            Subject::RequestErrorRate => {
                let requests = &figures.requests;
                error_rate(requests.ok, requests.failed, requests.interrupted, "no request ended")
            }
            Subject::Interrupted => self
                .row(figures)?
                .counts
                .interrupted_rate()
                .map(Found::from)
                .ok_or_else(|| "no transaction began".to_owned()),
            Subject::Unsent => {
                let unsent = figures.unsent.total();
                share(unsent, figures.total.counts.started + unsent, "no slot was due")
            }
            Subject::Checks => self.checks(figures),
            Subject::Throughput => {
                self.row(figures).and_then(|row| rate(row.counts.ok + row.counts.failed, length))
            }
            Subject::Goodput => self.row(figures).and_then(|row| rate(row.counts.ok, length)),
            Subject::RequestRate => rate(figures.requests.ok + figures.requests.failed, length),
            Subject::Own => self.own(figures).map(Found::from),
        }
    }

    /// The transactions that it is about: those of one name, or all.
    fn row<'a>(&self, figures: &'a Figures) -> Result<Row<'a>, String> {
        let Some(name) = &self.narrowed else {
            let total = &figures.total;
            return Ok(Row {
                counts: total.counts,
                service: &total.service,
                response: &total.response,
            });
        };
        let row = figures.transactions.row(name);
        let row = row.ok_or_else(|| {
            unknown("transaction", name, figures.transactions.iter().map(|(name, _)| name))
        })?;
        Ok(Row { counts: row.counts, service: &row.service, response: &row.response })
    }

    /// The times of its side. What was cut off may belong to either, so a limit above holds with
    /// it, and one below without.
    fn side(&self, split: &Split) -> Censored {
        let ended = match self.statistic.side {
            Side::Both => return split.all(),
            Side::Ok => &split.ok,
            Side::Failed => &split.failed,
        };
        if self.comparison.is_above() {
            Censored::new(ended.clone(), &split.interrupted)
        } else {
            exact(ended)
        }
    }

    fn time(&self, times: &Censored) -> Result<Found, String> {
        let time = match self.statistic.of {
            Of::Percentile(percent) => times.percentile(percent),
            Of::Mean => times.mean(),
            Of::Min => times.min(),
            Of::Max => times.max(),
            Of::Itself => {
                unreachable!("a time without a statistic is refused when the threshold is read")
            }
        };
        let Figure { time, is_at_least } = time.ok_or_else(|| self.too_few(times.count()))?;
        Ok(Found {
            value: time.as_secs_f64(),
            otherwise: is_at_least.then_some((f64::INFINITY, times.cut())),
        })
    }

    fn checks(&self, figures: &Figures) -> Result<Found, String> {
        let (passed, failed) = match &self.narrowed {
            Some(name) => {
                let check = figures.checks.row(name);
                let check = check.ok_or_else(|| {
                    unknown("check", name, figures.checks.iter().map(|(name, _)| name))
                })?;
                (check.passed, check.failed)
            }
            None => figures.checks.iter().fold((0, 0), |(passed, failed), (_, check)| {
                (passed + check.passed, failed + check.failed)
            }),
        };
        share(passed, passed + failed, "nothing was checked")
    }

    fn own(&self, figures: &Figures) -> Result<f64, String> {
        let name =
            self.narrowed.as_deref().expect("an own metric is named when the threshold is read");
        let value = figures.metrics.total(name);
        let value = value.ok_or_else(|| {
            unknown("metric", name, figures.metrics.iter().map(|series| &*series.metric))
        })?;
        let wrong_kind =
            || format!("{name:?} is a {} and has no such statistic", value.kind().name());
        match (&value, self.statistic.of) {
            (Value::Counter { sum, .. }, Of::Itself) => Ok(*sum),
            (Value::Gauge { last, .. }, Of::Itself) => Ok(*last),
            (Value::Gauge { min, .. }, Of::Min) => Ok(*min),
            (Value::Gauge { max, .. }, Of::Max) => Ok(*max),
            (Value::Rate { count, nonzero }, Of::Itself) => Ok(*nonzero as f64 / *count as f64),
            (Value::Trend(trend), Of::Mean) => trend.mean().ok_or_else(|| self.too_few(0)),
            (Value::Trend(trend), Of::Min) => trend.min().ok_or_else(|| self.too_few(0)),
            (Value::Trend(trend), Of::Max) => trend.max().ok_or_else(|| self.too_few(0)),
            (Value::Trend(trend), Of::Percentile(percent)) => {
                trend.percentile(percent).ok_or_else(|| self.too_few(trend.count()))
            }
            _ => Err(wrong_kind()),
        }
    }

    fn too_few(&self, samples: u64) -> String {
        match self.statistic.of {
            Of::Percentile(percent) if samples > 0 => {
                format!(
                    "p{percent} needs {} samples, there are {}",
                    grouped(Histogram::samples_needed(percent)),
                    grouped(samples)
                )
            }
            _ => "there are no samples".to_owned(),
        }
    }
}

struct Row<'a> {
    counts: Outcomes,
    service: &'a Split,
    response: &'a Split,
}

impl Statistic {
    /// Reads what stands after the point; on failure gives the unknown word, what may have been
    /// meant, and what there is.
    fn parse(
        subject: Subject,
        text: &str,
    ) -> Result<Self, (String, Option<&'static str>, &'static str)> {
        let (side, word) = match text.split_once('.') {
            Some(("ok", rest)) if subject.is_split() => (Side::Ok, rest),
            Some(("failed", rest)) if subject.is_split() => (Side::Failed, rest),
            _ => (Side::Both, text),
        };
        let (words, has): (&[&'static str], _) = match subject.unit() {
            Unit::Seconds if subject.is_split() => (
                &["p95", "mean", "min", "max"],
                "p50, p95, p99.9 and the like, mean, min, max, each also as ok.p95 or failed.p95",
            ),
            Unit::Seconds => {
                (&["p95", "mean", "min", "max"], "p50, p95, p99.9 and the like, mean, min, max")
            }
            Unit::Number => (
                &["p95", "mean", "min", "max", ""],
                "nothing (the sum of a counter, the last value of a gauge, the share of a rate), \
                min, max, or for a trend mean, p95 and the like",
            ),
            Unit::Share | Unit::PerSecond => (&[""], "no statistics: it is one figure"),
        };
        let of = match word {
            "mean" => Some(Of::Mean),
            "min" => Some(Of::Min),
            "max" => Some(Of::Max),
            "" => Some(Of::Itself),
            _ => percent(word).map(Of::Percentile),
        };
        let kind = if matches!(of, Some(Of::Percentile(_))) { "p95" } else { word };
        match of.filter(|_| words.contains(&kind)) {
            Some(of) => Ok(Self { side, of }),
            None => Err((
                word.to_owned(),
                spelling::nearest(word, words.iter().copied().filter(|word| !word.is_empty())),
                has,
            )),
        }
    }
}

/// The percentage of "p99.9".
fn percent(word: &str) -> Option<f64> {
    let digits = word.strip_prefix('p')?;
    let plain =
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    digits.parse().ok().filter(|percent: &f64| plain && *percent > 0.0 && *percent < 100.0)
}

/// The parts of `metric[name].statistic`, of which the last two may be missing.
fn split(left: &str) -> Option<(&str, Option<&str>, &str)> {
    let (metric, name, rest) = match (left.find('['), left.rfind(']')) {
        (Some(open), Some(close)) if open < close => {
            (&left[..open], Some(&left[open + 1..close]), &left[close + 1..])
        }
        (None, None) => {
            let point = left.find('.').unwrap_or(left.len());
            (&left[..point], None, &left[point..])
        }
        _ => return None,
    };
    let statistic = if rest.is_empty() { rest } else { rest.strip_prefix('.')? };
    Some((metric.trim(), name, statistic.trim()))
}

fn parse_limit(unit: Unit, text: &str) -> Result<f64, UnitError> {
    match unit {
        Unit::Seconds => parse_duration(text).map(|time| time.as_secs_f64()),
        Unit::Share => text.parse().map(Share::part),
        Unit::PerSecond => parse_rate_or_zero(text),
        Unit::Number => {
            text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| {
                UnitError::Malformed {
                    value: text.to_owned(),
                    what: "number",
                    examples: "\"10\" or \"0.5\"",
                }
            })
        }
    }
}

fn exact(times: &Histogram) -> Censored {
    Censored::new(times.clone(), &Histogram::default())
}

/// The share that failed of those that ended by themselves. What was cut off may have failed or
/// not.
fn error_rate(ok: u64, failed: u64, cut: u64, otherwise: &str) -> Result<Found, String> {
    let all = ok + failed + cut;
    if all == 0 {
        return Err(otherwise.to_owned());
    }
    let part = |part: u64| part as f64 / all as f64;
    Ok(Found { value: part(failed), otherwise: (cut > 0).then(|| (part(failed + cut), cut)) })
}

fn share(part: u64, whole: u64, otherwise: &str) -> Result<Found, String> {
    if whole > 0 { Ok(Found::from(part as f64 / whole as f64)) } else { Err(otherwise.to_owned()) }
}

fn rate(count: u64, length: Duration) -> Result<Found, String> {
    if length.is_zero() {
        Err("nothing was measured".to_owned())
    } else {
        Ok(Found::from(count as f64 / length.as_secs_f64()))
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match spelling::nearest(name, known) {
        Some(near) => format!("no {what} {name:?} was seen; did you mean {near:?}?"),
        None => format!("no {what} {name:?} was seen"),
    }
}

fn meant(suggestion: &Option<&'static str>) -> String {
    suggestion.map(|suggestion| format!(" (did you mean {suggestion:?}?)")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
