//! Think time: what a person does between two steps.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::bindings::clock;
use crate::random;

/// Waits, as a person who reads a page: `think(secs(2))`, or any time of a range,
/// `think(secs(1..=3))`.
///
/// Outside a transaction the wait ends early when the run is over.
pub fn think(pause: impl Pause) {
    clock::sleep(nanoseconds(pause.drawn()));
}

/// A number of seconds, or a range of them: `secs(2)`, `secs(1.5)`, `secs(1..=3)`.
///
/// # Panics
///
/// On a negative number.
pub fn secs<A: Amount>(amount: A) -> A::Time {
    amount.times(Duration::from_secs(1))
}

/// A number of milliseconds, or a range of them: `millis(200)`, `millis(100..=500)`.
///
/// # Panics
///
/// On a negative number.
pub fn millis<A: Amount>(amount: A) -> A::Time {
    amount.times(Duration::from_millis(1))
}

/// What [`secs`] and [`millis`] take: a whole number, a fraction, or a range of either.
pub trait Amount {
    /// A `Duration`, or a range of them.
    type Time;

    /// This many of `unit`.
    fn times(self, unit: Duration) -> Self::Time;
}

impl Amount for u64 {
    type Time = Duration;

    fn times(self, unit: Duration) -> Duration {
        Duration::from_nanos(self.saturating_mul(nanoseconds(unit)))
    }
}

impl Amount for f64 {
    type Time = Duration;

    fn times(self, unit: Duration) -> Duration {
        unit.mul_f64(self)
    }
}

impl<A: Amount<Time = Duration> + Copy> Amount for RangeInclusive<A> {
    type Time = RangeInclusive<Duration>;

    fn times(self, unit: Duration) -> RangeInclusive<Duration> {
        self.start().times(unit)..=self.end().times(unit)
    }
}

/// What [`think`] takes: a time, or a range to draw one from.
pub trait Pause {
    /// This pause's length, drawn anew each time.
    fn drawn(self) -> Duration;
}

impl Pause for Duration {
    fn drawn(self) -> Duration {
        self
    }
}

impl Pause for RangeInclusive<Duration> {
    fn drawn(self) -> Duration {
        Duration::from_nanos(random::range(nanoseconds(*self.start())..=nanoseconds(*self.end())))
    }
}

/// A wait of more than the 584 years that fit is one of 584 years.
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_whole_fractions_or_ranges() {
        assert_eq!(secs(3), Duration::from_secs(3));
        assert_eq!(secs(1.5), Duration::from_millis(1500));
        assert_eq!(secs(1..=3), Duration::from_secs(1)..=Duration::from_secs(3));
        assert_eq!(millis(0.5..=2.0), Duration::from_micros(500)..=Duration::from_millis(2));
    }

    #[test]
    fn an_absurd_wait_is_long_and_not_an_overflow() {
        assert_eq!(nanoseconds(secs(u64::MAX)), u64::MAX);
        assert_eq!(nanoseconds(Duration::MAX), u64::MAX);
    }
}
