//! What else is counted of requests whose answers were read while they came, as data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swell_core::record::Streams;

use super::times::Times;

/// Answers that were read while they came. Each is one of the requests, too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StreamsReport {
    /// Had a head.
    pub opened: u64,
    /// Were read to their end.
    pub complete: u64,
    /// Were ended by the scenario before their end, or by the end of their transaction.
    pub left: u64,
    /// Broke off, or took too long.
    pub failed: u64,
    /// Were cut off at the end of the run, or with their user.
    pub interrupted: u64,
    /// Pieces of bodies, as they were taken from the network.
    pub pieces: u64,
    /// Server-sent events that were read.
    pub events: u64,
    /// Pieces or events that lay there when the scenario asked for them: how long after the one
    /// before they came is not known, and not among the gaps.
    pub unseen: u64,
    /// From the request's being handed to the network to the first byte of the body.
    pub first_byte_ms: Times,
    /// From one event to the next where events are read, else from one piece to the next.
    pub gap_ms: Times,
}

impl StreamsReport {
    /// Nothing where there were none.
    pub(super) fn of(streams: &Streams) -> Option<Self> {
        if streams.is_empty() {
            return None;
        }
        let &Streams {
            opened, complete, left, failed, interrupted, pieces, events, unseen, ..
        } = streams;
        Some(Self {
            opened,
            complete,
            left,
            failed,
            interrupted,
            pieces,
            events,
            unseen,
            first_byte_ms: Times::of(&streams.first_byte),
            gap_ms: Times::of(&streams.gaps),
        })
    }
}
