//! How a threshold is written, and what is wrong with one that was not understood.

use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::rule::{Choice, Comparison, Of, Quantity, Side, Subject, Threshold};
use crate::catalogue::{self, Unit};
use crate::record::{Percentile, Statistic};
use crate::spelling;
use crate::units::{Share, UnitError, parse_duration, parse_rate_or_zero, parse_window};

/// Why a threshold was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ThresholdError {
    /// There is no comparison in it.
    #[error("threshold {text:?} compares nothing; write it like \"response.p95 < 200ms\"")]
    NoComparison {
        /// What was typed.
        text: String,
    },
    /// There is none in a condition on a difference.
    #[error("{text:?} compares nothing; write it like \"response.p95 > +5%\"")]
    NoMargin {
        /// What was typed.
        text: String,
    },
    /// There is no such metric.
    #[error(
        "threshold {text:?}: unknown metric {metric:?}{}; known are {}, and own metrics as \
    metric[NAME]",
        meant(suggestion),
        known()
    )]
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
    /// What follows the limit is none of what may stand there.
    #[error(
        "threshold {text:?}: {rest:?} after the limit is not understood; write \"even if few\" to \
        judge by any number of samples, then \"over 30s\" for windows in which it must hold, then \
        \"abort\" or \"abort after 10s\" to end the run"
    )]
    Terms {
        /// What was typed.
        text: String,
        /// The part that is not understood.
        rest: String,
    },
}

/// Two letters first, so that "<=" is not read as "<".
const COMPARISONS: [(&str, Comparison); 4] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let text = text.trim();
        let (left, comparison, value) =
            compared(text).ok_or_else(|| ThresholdError::NoComparison { text: text.to_owned() })?;
        let quantity = Quantity::parse(left, text)?;
        let amiss = |source| ThresholdError::Value { text: text.to_owned(), source };
        let words: Vec<&str> = value.split_whitespace().collect();
        let is_term = |word: &&str| ["even", "over", "abort"].contains(word);
        let (limit, terms) = words.split_at(words.iter().position(is_term).unwrap_or(words.len()));
        let limit = parse_limit(quantity.unit(), &limit.join(" ")).map_err(amiss)?;
        let (even_if_few, windows) = match terms {
            ["even", "if", "few", windows @ ..] => (true, windows),
            windows => (false, windows),
        };
        let (over, abort) = match windows {
            ["over", window, abort @ ..] => (Some(parse_window(window).map_err(amiss)?), abort),
            abort => (None, abort),
        };
        let abort_after = match abort {
            [] => None,
            ["abort"] => Some(Duration::ZERO),
            ["abort", "after", delay] => Some(parse_duration(delay).map_err(amiss)?),
            _ => {
                let rest = terms.join(" ");
                return Err(ThresholdError::Terms { text: text.to_owned(), rest });
            }
        };
        let text = text.to_owned();
        Ok(Self { text, quantity, comparison, limit, even_if_few, over, abort_after })
    }
}

impl TryFrom<String> for Threshold {
    type Error = ThresholdError;

    fn try_from(text: String) -> Result<Self, ThresholdError> {
        text.parse()
    }
}

/// What stands to the left of a comparison, which one it is, and what stands to its right.
pub(super) fn compared(text: &str) -> Option<(&str, Comparison, &str)> {
    // A name in brackets may contain anything, also what looks like a comparison; it ends at the
    // last bracket.
    let after_name = text.rfind(']').map_or(0, |bracket| bracket + 1);
    let (at, sign, comparison) = COMPARISONS
        .iter()
        .filter_map(|&(sign, comparison)| {
            text[after_name..].find(sign).map(|at| (after_name + at, sign, comparison))
        })
        .min_by_key(|&(at, sign, _)| (at, std::cmp::Reverse(sign.len())))?;
    Some((text[..at].trim(), comparison, text[at + sign.len()..].trim()))
}

impl FromStr for Quantity {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        Self::parse(text.trim(), text.trim())
    }
}

impl Quantity {
    /// Reads the name of a quantity; an error shows it as a part of `text`.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, ThresholdError> {
        let owned = || text.to_owned();
        let (metric, narrowed, statistic) =
            split(name).ok_or_else(|| ThresholdError::Brackets {
                text: owned(),
                cure: "a name stands in brackets right after the metric, like \"service[front \
            page].p99\"",
            })?;
        let present_name = catalogue::present_name(metric);
        let subject = Subject::all().find(|subject| subject.name == present_name);
        let subject = subject.ok_or_else(|| ThresholdError::UnknownMetric {
            text: owned(),
            metric: metric.to_owned(),
            suggestion: spelling::nearest(metric, Subject::all().map(|subject| subject.name)),
        })?;
        match narrowed {
            Some(_) if !subject.judged.can_be_narrowed() => {
                return Err(ThresholdError::Brackets {
                    text: owned(),
                    cure: "this metric is about the whole run and takes no name",
                });
            }
            None if subject.is_own() => {
                return Err(ThresholdError::Brackets {
                    text: owned(),
                    cure: "say which metric, like \"metric[rows].mean\"",
                });
            }
            _ => {}
        }
        let statistic =
            Choice::parse(subject, statistic).map_err(|(unknown, suggestion, has)| {
                ThresholdError::UnknownStatistic {
                    text: owned(),
                    metric: subject.name,
                    statistic: unknown,
                    suggestion,
                    has,
                }
            })?;
        let narrowed = narrowed.map(str::to_owned);
        Ok(Self { text: name.to_owned(), subject, narrowed, statistic })
    }
}

/// Statistics that may have been meant; of the percentiles one stands for all.
const EXAMPLES: [Statistic; 4] =
    [Statistic::Percentile(Percentile::P95), Statistic::Mean, Statistic::Min, Statistic::Max];

impl Choice {
    /// Reads what stands after the point; on failure gives the unknown word, what may have been
    /// meant, and what there is.
    fn parse(
        subject: Subject,
        text: &str,
    ) -> Result<Self, (String, Option<&'static str>, &'static str)> {
        let (side, word) = match text.split_once('.') {
            Some(("ok", rest)) if subject.judged.is_split() => (Side::Ok, rest),
            Some(("failed", rest)) if subject.judged.is_split() => (Side::Failed, rest),
            _ => (Side::Both, text),
        };
        let (has_statistics, is_a_figure, has) = match subject.judged.unit() {
            Unit::Seconds if subject.judged.is_split() => (
                true,
                false,
                "p50, p95, p99.9 and the like, mean, min, max, each also as ok.p95 or failed.p95",
            ),
            Unit::Seconds => (true, false, "p50, p95, p99.9 and the like, mean, min, max"),
            Unit::Number => (
                true,
                true,
                "nothing (the sum of a counter, the last value of a gauge, the share of a rate), \
                min, max, or for a trend mean, p95 and the like",
            ),
            Unit::Share | Unit::PerSecond => (false, true, "no statistics: it is one figure"),
        };
        let of = match word {
            "" => is_a_figure.then_some(Of::Itself),
            _ if !has_statistics => None,
            _ => Statistic::named(word)
                .map(Of::Statistic)
                .or_else(|| percent(word).map(Of::Percentile)),
        };
        let known = EXAMPLES.into_iter().filter(|_| has_statistics).map(Statistic::name);
        match of {
            Some(of) => Ok(Self { side, of }),
            None => Err((word.to_owned(), spelling::nearest(word, known), has)),
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

pub(super) fn parse_limit(unit: Unit, text: &str) -> Result<f64, UnitError> {
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

fn known() -> String {
    Subject::all().map(|subject| subject.name).collect::<Vec<_>>().join(", ")
}

fn meant(suggestion: &Option<&'static str>) -> String {
    suggestion.map(|suggestion| format!(" (did you mean {suggestion:?}?)")).unwrap_or_default()
}
