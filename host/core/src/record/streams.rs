//! What is counted of answers that are read while they come, beside what is counted of them as of
//! any request.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::sum::{Summand as _, sums};
use crate::arrivals::Gap;
use crate::travel;

/// All of them together. `opened` is the sum of `complete`, `left`, `failed` and `interrupted`,
/// once none is under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Streams {
    /// How many had a head.
    #[serde(deserialize_with = "travel::count")]
    pub opened: u64,
    /// How many were read to their end.
    #[serde(deserialize_with = "travel::count")]
    pub complete: u64,
    /// How many the scenario ended before their end, or left to the end of their transactions.
    #[serde(deserialize_with = "travel::count")]
    pub left: u64,
    /// How many broke off, or took too long.
    #[serde(deserialize_with = "travel::count")]
    pub failed: u64,
    /// How many were cut off at the end of the run, or with their user.
    #[serde(deserialize_with = "travel::count")]
    pub interrupted: u64,
    /// Pieces of bodies, as they were taken from the network.
    #[serde(deserialize_with = "travel::count")]
    pub pieces: u64,
    /// Server-sent events.
    #[serde(deserialize_with = "travel::count")]
    pub events: u64,
    /// How often something lay there when the scenario asked for it, so that nobody knows how long
    /// after the one before it came.
    #[serde(deserialize_with = "travel::count")]
    pub unseen: u64,
    /// From when the request was handed to the network to the first byte of the body.
    pub first_byte: Histogram,
    /// From one event to the next where events are read, else from one piece to the next.
    pub gaps: Histogram,
}

/// How a stream that had a head ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// It was read to its end.
    Complete,
    /// The scenario ended it, or left it to the end of its transaction.
    Left,
    /// It broke off, or took too long.
    Failed,
    /// It was cut off.
    Interrupted,
}

/// What one call of a scenario took from a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamNews {
    /// Pieces that were taken from the network.
    pub pieces: u64,
    /// When the first byte of the body came, if it came now and that is known.
    pub first_byte: Option<Duration>,
    /// Whether an event was read.
    pub is_event: bool,
    /// How long after the one before it what was read came; nothing where nothing was read.
    pub gap: Option<Gap>,
}

sums! {
    Streams {
        opened, complete, left, failed, interrupted, pieces, events, unseen, first_byte, gaps,
    }
}

impl Streams {
    /// Whether there were none.
    pub const fn is_empty(&self) -> bool {
        let ended = self.complete + self.left + self.failed + self.interrupted;
        let read = self.pieces + self.events + self.unseen;
        let times = self.first_byte.count() + self.gaps.count();
        self.opened + ended + read + times == 0
    }

    /// Counts how one ended.
    pub const fn ended(&mut self, end: StreamEnd) {
        let count = match end {
            StreamEnd::Complete => &mut self.complete,
            StreamEnd::Left => &mut self.left,
            StreamEnd::Failed => &mut self.failed,
            StreamEnd::Interrupted => &mut self.interrupted,
        };
        *count += 1;
    }

    /// Counts what was taken from one.
    pub fn read(&mut self, news: &StreamNews) {
        self.pieces += news.pieces;
        self.events += u64::from(news.is_event);
        if let Some(time) = news.first_byte {
            self.first_byte.record(time);
        }
        match news.gap {
            None | Some(Gap::First) => {}
            Some(Gap::Known(time)) => self.gaps.record(time),
            Some(Gap::Unseen) => self.unseen += 1,
        }
    }
}

/// How they travel: where there were none, as one byte.
pub(super) mod sent {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Streams;

    pub(in crate::record) fn serialize<S: Serializer>(
        streams: &Streams,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        (!streams.is_empty()).then_some(streams).serialize(serializer)
    }

    pub(in crate::record) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Streams, D::Error> {
        Option::deserialize(deserializer).map(Option::unwrap_or_default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_counted_with_the_gaps_that_are_known() {
        let mut streams = Streams::default();
        assert!(streams.is_empty());
        let ms = Duration::from_millis;
        let event = |pieces, gap| StreamNews {
            pieces,
            is_event: true,
            gap: Some(gap),
            ..StreamNews::default()
        };
        streams.opened += 1;
        let first = StreamNews { first_byte: Some(ms(3)), ..event(1, Gap::First) };
        for news in [first, event(2, Gap::Known(ms(7))), event(1, Gap::Unseen)] {
            streams.read(&news);
        }
        streams.read(&StreamNews { pieces: 1, ..StreamNews::default() });
        streams.ended(StreamEnd::Left);
        assert_eq!((streams.pieces, streams.events, streams.unseen), (5, 3, 1));
        assert_eq!((streams.first_byte.max(), streams.gaps.max()), (Some(ms(3)), Some(ms(7))));
        assert_eq!((streams.opened, streams.left, streams.gaps.count()), (1, 1, 1));
        let mut sum = Streams::default();
        sum.merge(&streams);
        assert_eq!(sum, streams);
        sum.clear();
        assert!(sum.is_empty());
    }
}
