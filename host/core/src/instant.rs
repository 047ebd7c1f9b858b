//! Points in time of one run.

use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point on a run's own monotonic clock: nanoseconds since the run began.
///
/// A plain number, so that a rule can be handed any instant; 64 bits of nanoseconds last 584 years.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct RunInstant(u64);

impl RunInstant {
    /// The beginning of the run: the first instant of its warm-up.
    pub const START: Self = Self(0);

    /// The latest instant there is; what never comes is due then.
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant this many nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The first instant from this one on that is so many whole steps after the start; this one
    /// itself where a step is zero.
    pub const fn at_step(self, step: Duration) -> Self {
        let step = step.as_nanos();
        if step == 0 || self.0 == u64::MAX {
            return self;
        }
        let at = (self.0 as u128).div_ceil(step) * step;
        Self(if at < u64::MAX as u128 { at as u64 } else { u64::MAX })
    }

    /// The time from `earlier` to this instant; zero when `earlier` is the later one.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for RunInstant {
    type Output = Self;

    /// The instant `duration` later; [`RunInstant::NEVER`] where that does not fit.
    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub<Duration> for RunInstant {
    type Output = Self;

    /// The instant `duration` earlier, at the least the start.
    fn sub(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_stops_at_both_ends() {
        assert_eq!(RunInstant::START - Duration::from_secs(1), RunInstant::START);
        assert_eq!(RunInstant::NEVER + Duration::from_secs(1), RunInstant::NEVER);
        assert_eq!(RunInstant::START + Duration::MAX, RunInstant::NEVER);
        assert_eq!(RunInstant::START.since(RunInstant::from_nanos(5)), Duration::ZERO);
    }
}
