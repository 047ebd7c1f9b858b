//! What the service is to hold, as people write it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::units::{Share, UnitError, parse_duration, print_duration};

/// A condition on the service that the load is to hold: on all transactions together, or on those
/// of one name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// The transaction's name; `None` means all outermost transactions.
    pub name: Option<String>,
    /// What is to hold.
    pub goal: Goal,
}

/// What is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Goal {
    /// This percentile of the service time is at most so long.
    Latency {
        /// Above 0 and below 100.
        percent: f64,
        /// The time.
        limit: Duration,
    },
    /// At most this share of transactions fails: more than 0 and less than 100 %.
    ErrorRate(Share),
}

/// Why an objective was not understood.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ObjectiveError {
    /// The text is not a percentile with a time.
    #[error(
        "{0:?} is no objective; write it like \"p95=200ms\", or \"checkout:p95=200ms\" for the \
        transactions of one name"
    )]
    Latency(String),
    /// The percentile is not one that can be held.
    #[error("p{0} cannot be held; give a percentile above 0 and below 100, such as p95=200ms")]
    Percent(String),
    /// The time is zero.
    #[error("{0:?} asks for answers in no time; give a time above zero")]
    Zero(String),
    /// The share holds always or never: it is 0 or 100 %.
    #[error("an error rate of {0} cannot be held; give one above 0% and below 100%, such as 1%")]
    Share(Share),
    /// The time or the share was not understood.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

impl Objective {
    /// Reads "p95=200ms" and "checkout:p95=200ms".
    pub fn latency(text: &str) -> Result<Self, ObjectiveError> {
        let (name, rest) = split_name(text);
        let malformed = || ObjectiveError::Latency(text.to_owned());
        let (percent, limit) =
            rest.strip_prefix('p').and_then(|rest| rest.split_once('=')).ok_or_else(malformed)?;
        let parsed = f64::from_str(percent)
            .ok()
            .filter(|_| percent.starts_with(|c: char| c.is_ascii_digit()))
            .ok_or_else(malformed)?;
        if !(parsed > 0.0 && parsed < 100.0) {
            return Err(ObjectiveError::Percent(percent.to_owned()));
        }
        let limit = parse_duration(limit)?;
        if limit.is_zero() {
            return Err(ObjectiveError::Zero(text.to_owned()));
        }
        Ok(Self { name, goal: Goal::Latency { percent: parsed, limit } })
    }

    /// Reads "1%" and "checkout:1%".
    pub fn error_rate(text: &str) -> Result<Self, ObjectiveError> {
        let (name, rest) = split_name(text);
        let share: Share = rest.parse()?;
        if share.part() <= 0.0 || share.part() >= 1.0 {
            return Err(ObjectiveError::Share(share));
        }
        Ok(Self { name, goal: Goal::ErrorRate(share) })
    }
}

/// The name before the last colon: names may have colons, and what follows a name has none.
fn split_name(text: &str) -> (Option<String>, &str) {
    match text.rsplit_once(':') {
        Some((name, rest)) if !name.trim().is_empty() => {
            (Some(name.trim().to_owned()), rest.trim())
        }
        _ => (None, text.trim()),
    }
}

impl fmt::Display for Objective {
    /// Writes the objective as it is written on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "{name}:")?;
        }
        match self.goal {
            Goal::Latency { percent, limit } => {
                write!(f, "p{percent}={}", print_duration(limit).replace(' ', ""))
            }
            Goal::ErrorRate(share) => write!(f, "{share}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(name: Option<&str>, percent: f64, ms: u64) -> Objective {
        Objective {
            name: name.map(str::to_owned),
            goal: Goal::Latency { percent, limit: Duration::from_millis(ms) },
        }
    }

    #[test]
    fn objectives_are_read_as_they_are_written() {
        assert_eq!(Objective::latency("p95=200ms"), Ok(latency(None, 95.0, 200)));
        assert_eq!(
            Objective::latency("checkout:p99.9=1.5s"),
            Ok(latency(Some("checkout"), 99.9, 1_500))
        );
        assert_eq!(
            Objective::latency("GET http://x/: p50=1s"),
            Ok(latency(Some("GET http://x/"), 50.0, 1_000))
        );
        let three = Goal::ErrorRate(Share::new(0.03).unwrap());
        assert_eq!(Objective::error_rate("3%"), Ok(Objective { name: None, goal: three }));
        assert_eq!(
            Objective::error_rate("pay:0.03"),
            Ok(Objective { name: Some("pay".to_owned()), goal: three })
        );
        assert_eq!(Objective::latency("pay:p90=200ms").unwrap().to_string(), "pay:p90=200ms");
        assert_eq!(Objective::error_rate("3%").unwrap().to_string(), "3%");
    }

    #[test]
    fn what_cannot_be_held_is_refused_with_its_cure() {
        let says = |result: Result<Objective, ObjectiveError>, part: &str| {
            let error = result.expect_err(part).to_string();
            assert!(error.contains(part), "{error}");
        };
        says(Objective::latency("p0=1s"), "above 0 and below 100");
        says(Objective::latency("p100=1s"), "above 0 and below 100");
        says(Objective::latency("p95=0ms"), "a time above zero");
        says(Objective::latency("p95=0"), "a time above zero");
        says(Objective::latency("p95=200"), "has no unit");
        says(Objective::latency("95=200ms"), "p95=200ms");
        says(Objective::latency("p-1=200ms"), "p95=200ms");
        says(Objective::latency("pnan=200ms"), "p95=200ms");
        says(Objective::latency("pinf=200ms"), "p95=200ms");
        says(Objective::latency(""), "p95=200ms");
        says(Objective::error_rate("0%"), "above 0% and below 100%");
        says(Objective::error_rate("100%"), "above 0% and below 100%");
        says(Objective::error_rate("3"), "has no unit");
        says(Objective::error_rate("101%"), "from 0 to 100%");
    }
}
