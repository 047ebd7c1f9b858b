//! How starts grow from some instant on, in closed form.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many starts a second, within a segment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Law {
    /// Always the same number a second; zero means no starts.
    Constant(f64),
    /// From one rate to another in a straight line; then the second rate.
    Ramp {
        /// Starts a second at the beginning.
        from: f64,
        /// Starts a second at the end and ever after.
        to: f64,
        /// How long it takes; zero is a jump.
        over: Duration,
    },
    /// So many at once, again and again.
    Bursts {
        /// Starts of each burst; at least one.
        size: u64,
        /// The time from one burst to the next; more than zero.
        every: Duration,
        /// When the first burst comes, after the law came into force.
        first: Duration,
    },
}

impl Law {
    /// Starts a second, this long after the law came into force; of bursts, on average.
    pub(super) fn rate(self, since: Duration) -> f64 {
        match self {
            Self::Constant(rate) => rate,
            Self::Ramp { to, over, .. } if since >= over => to,
            Self::Ramp { from, to, over } => {
                from + (to - from) * (since.as_secs_f64() / over.as_secs_f64())
            }
            Self::Bursts { size, every, .. } => size as f64 / every.as_secs_f64(),
        }
    }

    /// Whether its numbers are possible.
    pub(super) fn is_sound(self) -> bool {
        let sound = |rate: f64| rate.is_finite() && rate >= 0.0;
        match self {
            Self::Constant(rate) => sound(rate),
            Self::Ramp { from, to, .. } => sound(from) && sound(to),
            Self::Bursts { size, every, .. } => size > 0 && !every.is_zero(),
        }
    }

    /// How many starts are expected before so much time has passed.
    pub(super) fn starts(self, since: Duration) -> f64 {
        match self {
            Self::Constant(rate) => rate * since.as_secs_f64(),
            Self::Ramp { from, to, over } => {
                let (seconds, over) = (since.as_secs_f64(), over.as_secs_f64());
                let ramping = seconds.min(over);
                let mean =
                    if over > 0.0 { from + (to - from) * (ramping / over) / 2.0 } else { from };
                mean * ramping + to * (seconds - ramping)
            }
            Self::Bursts { size, every, first } => {
                // At its own instant a burst is still to come.
                let passed = since.saturating_sub(first).as_nanos().div_ceil(every.as_nanos());
                size as f64 * passed as f64
            }
        }
    }

    /// After which time more than `starts` starts have passed; `None` where that never happens.
    pub(super) fn passes(self, starts: f64) -> Option<Duration> {
        let seconds = match self {
            Self::Constant(rate) => starts / rate,
            Self::Ramp { from, to, over } => {
                let over = over.as_secs_f64();
                let whole = (from + to) / 2.0 * over;
                if starts >= whole {
                    over + (starts - whole) / to
                } else if starts == 0.0 {
                    0.0
                } else {
                    // a·t² + from·t = starts, solved so that nothing cancels whichever way the ramp
                    // leads.
                    let a = (to - from) / (2.0 * over);
                    2.0 * starts / (from + (from * from + 4.0 * a * starts).max(0.0).sqrt())
                }
            }
            Self::Bursts { size, every, first } => {
                let whole = (starts / size as f64) as u128;
                let nanos = whole.saturating_mul(every.as_nanos()).saturating_add(first.as_nanos());
                return u64::try_from(nanos).ok().map(Duration::from_nanos);
            }
        };
        // "Not a number" stands for zero starts under a rate of zero: as with infinity, they do not
        // pass under this law.
        seconds.is_finite().then(|| Duration::from_nanos((seconds * 1e9).round() as u64))
    }

    /// The same law as it goes on after so much time.
    pub(super) fn after(self, since: Duration) -> Self {
        match self {
            Self::Constant(_) => self,
            Self::Ramp { to, over, .. } => {
                Self::Ramp { from: self.rate(since), to, over: over.saturating_sub(since) }
            }
            Self::Bursts { size, every, first } => {
                let passed = since.saturating_sub(first).as_nanos().div_ceil(every.as_nanos());
                let next = passed.saturating_mul(every.as_nanos()).saturating_add(first.as_nanos());
                let wait = next.saturating_sub(since.as_nanos());
                let first = Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX));
                Self::Bursts { size, every, first }
            }
        }
    }

    /// How many starts come at once; `None` where they are spread.
    pub(super) const fn at_once(self) -> Option<u64> {
        match self {
            Self::Constant(_) | Self::Ramp { .. } => None,
            Self::Bursts { size, .. } => Some(size),
        }
    }
}
