//! Bursts: so many starts at one instant, again and again.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::law::Law;
use crate::units::{
    Rate, UnitError, grouped, parse_count, parse_duration_above_zero, print_duration,
};

/// So many starts at once, each time that so long has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bursts {
    size: u64,
    every: Duration,
}

/// Why bursts were not understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BurstError {
    /// The text has not the two parts.
    #[error(
        "burst {text:?} says not how often; write how many and each how long, like \"500/10s\""
    )]
    NoTime {
        /// What was typed.
        text: String,
    },
    /// One of the parts was not understood.
    #[error("burst {text:?}: {source}")]
    Part {
        /// What was typed.
        text: String,
        /// What is wrong with the part.
        source: UnitError,
    },
    /// There is nothing in a burst, or more than there can be.
    #[error(
        "burst {text:?} is out of range: a burst has from 1 start on, and all bursts together \
        have at most 10,000,000 starts a second"
    )]
    Size {
        /// What was typed.
        text: String,
    },
}

impl Bursts {
    /// Starts of each burst.
    pub const fn size(self) -> u64 {
        self.size
    }

    /// The time from one burst to the next.
    pub const fn every(self) -> Duration {
        self.every
    }

    /// The bursts from the first instant on, one of them at the end of the warm-up.
    pub(super) fn law(self, warm_up: Duration) -> Law {
        let first = warm_up.as_nanos() % self.every.as_nanos();
        let first = Duration::from_nanos(u64::try_from(first).unwrap_or(u64::MAX));
        Law::Bursts { size: self.size, every: self.every, first }
    }

    /// Starts a second, on average.
    pub fn mean(self) -> f64 {
        self.size as f64 / self.every.as_secs_f64()
    }
}

impl FromStr for Bursts {
    type Err = BurstError;

    /// Reads "500/10s", "5k/1m".
    fn from_str(text: &str) -> Result<Self, BurstError> {
        let text = text.trim();
        let typed = || text.to_owned();
        let part = |source| BurstError::Part { text: typed(), source };
        let (size, every) =
            text.split_once('/').ok_or_else(|| BurstError::NoTime { text: typed() })?;
        let bursts = Self {
            size: parse_count(size).map_err(part)?,
            every: parse_duration_above_zero(every).map_err(part)?,
        };
        if Rate::new(bursts.mean()).is_some() {
            Ok(bursts)
        } else {
            Err(BurstError::Size { text: typed() })
        }
    }
}

impl fmt::Display for Bursts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", grouped(self.size), print_duration(self.every))
    }
}
