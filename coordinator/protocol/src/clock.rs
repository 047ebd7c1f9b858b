//! One node's clock against another's, from questions and answers.
//!
//! Each answer carries when the question came and when the answer left, on the answering node's
//! clock. With the two instants of the asking node, that bounds the offset between the clocks to
//! half of the time that the question was under way (Mills, RFC 5905, section 8). So the quickest
//! exchange tells most, and of the recent ones it alone is believed. The clocks need to agree only
//! on where a run begins: times are measured on one clock alone.

use std::collections::VecDeque;
use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many exchanges are kept: those of some seconds, so that an undisturbed one is among them and
/// clocks do not drift apart meanwhile.
const EXCHANGES_KEPT: usize = 32;

/// An instant on a node's own clock: nanoseconds since a moment of its choice. It never goes back,
/// and goes on while the machine is suspended; nobody sets it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct LocalInstant(u64);

impl LocalInstant {
    /// The latest instant there is; what never comes is due then.
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant this many nanoseconds after the clock's zero.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's zero.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this instant; zero when `earlier` is the later one.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for LocalInstant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// A question and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockExchange {
    /// When the node asked, on its own clock.
    pub asked: LocalInstant,
    /// When the question came, on the other node's clock.
    pub received: LocalInstant,
    /// When the answer left, on the other node's clock.
    pub answered: LocalInstant,
    /// When the answer came, on the asking node's clock.
    pub returned: LocalInstant,
}

/// How far another node's clock is ahead of one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// Nanoseconds; below zero when it is behind.
    pub nanos: i64,
    /// How far from the truth the offset may be; no way takes less than no time.
    pub error: Duration,
}

impl ClockExchange {
    /// The time under way, both ways together.
    fn round_trip(&self) -> Duration {
        self.returned.since(self.asked).saturating_sub(self.answered.since(self.received))
    }

    fn offset(&self) -> Offset {
        let there = i128::from(self.received.0) - i128::from(self.asked.0);
        let back = i128::from(self.answered.0) - i128::from(self.returned.0);
        let nanos = i64::try_from((there + back) / 2).unwrap_or(if there + back < 0 {
            i64::MIN
        } else {
            i64::MAX
        });
        Offset { nanos, error: self.round_trip() / 2 }
    }
}

impl Offset {
    /// The instant on one's own clock at which the other's shows `theirs`.
    pub const fn own(&self, theirs: LocalInstant) -> LocalInstant {
        LocalInstant(theirs.0.saturating_add_signed(self.nanos.saturating_neg()))
    }
}

/// The offset, as recent exchanges tell it.
#[derive(Clone, Debug, Default)]
pub struct ClockComparison {
    exchanges: VecDeque<ClockExchange>,
}

impl ClockComparison {
    /// Takes in another exchange. An exchange that is impossible, because it ended before it began,
    /// is left out.
    pub fn add(&mut self, exchange: ClockExchange) {
        if exchange.returned < exchange.asked || exchange.answered < exchange.received {
            return;
        }
        if self.exchanges.len() == EXCHANGES_KEPT {
            self.exchanges.pop_front();
        }
        self.exchanges.push_back(exchange);
    }

    /// The offset of the quickest exchange; `None` before the first one.
    pub fn offset(&self) -> Option<Offset> {
        self.exchanges
            .iter()
            .min_by_key(|exchange| exchange.round_trip())
            .map(ClockExchange::offset)
    }

    /// The least time that a question and its answer were under way.
    pub fn round_trip(&self) -> Option<Duration> {
        self.exchanges.iter().map(ClockExchange::round_trip).min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(nanos: u64) -> LocalInstant {
        LocalInstant::from_nanos(nanos)
    }

    #[test]
    fn the_quickest_exchange_is_believed() {
        let mut comparison = ClockComparison::default();
        assert_eq!(comparison.offset(), None);
        // The other clock is 1,000 ahead; the first answer is held up by 600 on its way back.
        comparison.add(ClockExchange {
            asked: at(100),
            received: at(1_150),
            answered: at(1_160),
            returned: at(810),
        });
        comparison.add(ClockExchange {
            asked: at(900),
            received: at(1_910),
            answered: at(1_920),
            returned: at(930),
        });
        let offset = comparison.offset().unwrap();
        assert_eq!((offset.nanos, offset.error), (1_000, Duration::from_nanos(10)));
        assert_eq!(offset.own(at(5_000)), at(4_000));
        assert_eq!(comparison.round_trip(), Some(Duration::from_nanos(20)));
    }

    #[test]
    fn an_exchange_that_cannot_be_is_left_out() {
        let mut comparison = ClockComparison::default();
        comparison.add(ClockExchange {
            asked: at(100),
            received: at(50),
            answered: at(40),
            returned: at(200),
        });
        comparison.add(ClockExchange {
            asked: at(100),
            received: at(50),
            answered: at(60),
            returned: at(90),
        });
        assert_eq!(comparison.offset(), None);
    }

    proptest! {
        #[test]
        fn the_truth_lies_within_the_error(
            ahead in -1_000_000i64..1_000_000,
            there in 0u64..50_000,
            held in 0u64..9_000,
            back in 0u64..50_000,
        ) {
            let theirs = |own: u64| at((own as i64 + ahead) as u64);
            let asked = 5_000_000;
            let exchange = ClockExchange {
                asked: at(asked),
                received: theirs(asked + there),
                answered: theirs(asked + there + held),
                returned: at(asked + there + held + back),
            };
            let offset = exchange.offset();
            let most = offset.error.as_nanos() as u64 + 1;
            prop_assert!((offset.nanos - ahead).unsigned_abs() <= most);
        }
    }
}
