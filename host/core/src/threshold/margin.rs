//! By how much a quantity may differ between two runs: `response.p95 > +5%`.
//!
//! It is written as a threshold is, and its limit is one on the difference: how much more the
//! second run has than the first. Of a share, as an error rate, the limit is in points: from 1 % to
//! 2 % it is one more, as anybody would say, and twice of next to nothing is nothing. A sign is
//! asked for, as `> 5%` could be taken for a limit on the figure itself.

use std::fmt;
use std::str::FromStr;

use super::reading::{ThresholdError, compared, parse_limit};
use super::rule::{Comparison, Quantity};
use crate::catalogue::Unit;
use crate::units::UnitError;

/// A condition on the difference of two runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Margin {
    text: String,
    quantity: Quantity,
    comparison: Comparison,
    by: By,
}

/// How a difference is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By {
    /// As a part of what the first one has: 0.05 are 5 % more.
    Part(f64),
    /// In the quantity's own unit.
    Amount(f64),
}

impl Margin {
    /// What it is about.
    pub const fn quantity(&self) -> &Quantity {
        &self.quantity
    }

    /// How far the difference may go.
    pub const fn by(&self) -> By {
        self.by
    }

    /// Whether a difference, told as its limit is, lies beyond the limit.
    pub const fn is_beyond(&self, difference: f64) -> bool {
        let (By::Part(limit) | By::Amount(limit)) = self.by;
        self.comparison.holds(difference, limit)
    }
}

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Margin {
    type Err = ThresholdError;

    /// Reads `response.p95 > +5%`, `response.p99 > +20ms`, `throughput < -3%`, `error_rate > +1%`.
    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let text = text.trim();
        let owned = || text.to_owned();
        let (left, comparison, value) =
            compared(text).ok_or_else(|| ThresholdError::NoMargin { text: owned() })?;
        let quantity = Quantity::parse(left, text)?;
        let by = parse_difference(quantity.unit(), value)
            .map_err(|source| ThresholdError::Value { text: owned(), source })?;
        Ok(Self { text: owned(), quantity, comparison, by })
    }
}

fn parse_difference(unit: Unit, text: &str) -> Result<By, UnitError> {
    let (sign, size) = match text.split_at_checked(1) {
        Some(("+", size)) => (1.0, size.trim_start()),
        Some(("-", size)) => (-1.0, size.trim_start()),
        _ => {
            return Err(UnitError::NoSign { value: text.to_owned() });
        }
    };
    match size.strip_suffix('%').filter(|_| unit != Unit::Share) {
        Some(percent) => {
            let percent: Option<f64> = percent.trim_end().parse().ok();
            percent
                .filter(|percent| percent.is_finite() && *percent >= 0.0)
                .map(|percent| By::Part(sign * percent / 100.0))
                .ok_or_else(|| UnitError::Malformed {
                    value: text.to_owned(),
                    what: "difference",
                    examples: "\"+5%\" or \"-2.5%\"",
                })
        }
        None => parse_limit(unit, size).map(|amount| By::Amount(sign * amount)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<Margin>().expect_err("it is refused").to_string()
    }

    #[test]
    fn a_limit_is_a_part_or_an_amount_with_a_sign() {
        let cases = [
            ("response.p95 > +5%", By::Part(0.05)),
            ("response.p95>+ 5 %", By::Part(0.05)),
            ("service[a > +1%].p99 > +20ms", By::Amount(0.02)),
            ("throughput < -2.5%", By::Part(-0.025)),
            ("throughput < -50/s", By::Amount(-50.0)),
            ("error_rate > +1%", By::Amount(0.01)),
            ("metric[rows].mean > +0.5", By::Amount(0.5)),
        ];
        for (text, by) in cases {
            let margin: Margin = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(margin.by(), by, "{text}");
            assert_eq!(margin.to_string(), text);
        }
    }

    #[test]
    fn a_difference_is_beyond_it_in_the_direction_of_its_sign() {
        let slower: Margin = "response.p95 > +5%".parse().unwrap();
        assert!(slower.is_beyond(0.051) && !slower.is_beyond(0.05) && !slower.is_beyond(-1.0));
        let less: Margin = "throughput < -3%".parse().unwrap();
        assert!(less.is_beyond(-0.04) && !less.is_beyond(-0.02) && !less.is_beyond(1.0));
    }

    #[test]
    fn what_could_mean_something_else_is_refused_with_the_cure() {
        let cases = [
            ("response.p95 > 5%", "\"5%\" has no sign; write \"+5%\" or \"-5%\""),
            ("response.p95 > ", "has no sign"),
            ("response.p95 > +", "is not a duration"),
            ("response.p95 > +5", "has no unit"),
            ("response.p95 > +-5%", "is not a difference"),
            ("error_rate > +101%", "out of range"),
            ("response.p95", "\"response.p95 > +5%\""),
            ("respnse.p95 > +5%", "did you mean \"response\"?"),
        ];
        for (text, words) in cases {
            assert!(refusal(text).contains(words), "{text}: {}", refusal(text));
        }
    }
}
