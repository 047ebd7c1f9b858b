//! WebSockets as data: how they were opened, what went over them, how they ended.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swell_core::exchange::Protocol;
use swell_core::record::WebSockets;

use super::requests::{RequestsReport, per_second};
use super::times::Times;

/// All WebSockets together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WebSocketsReport {
    /// The handshakes; those that ended well each opened a WebSocket. The phase `waiting` is the
    /// time from the request of the handshake to its answer.
    pub handshakes: RequestsReport,
    /// How those that were opened ended: by the `scenario`, by the `service` with a code, by an
    /// error of this class, or `cut off` with their user.
    pub ends: BTreeMap<String, u64>,
    /// What failed on open ones, by class: messages that were not sent, waits in which nothing
    /// came.
    pub errors: BTreeMap<String, u64>,
    /// Messages handed to the network.
    pub messages_sent: u64,
    /// Messages that came.
    pub messages_received: u64,
    /// Bytes of the messages that were sent.
    pub bytes_sent: u64,
    /// Bytes of the messages that came.
    pub bytes_received: u64,
    /// Messages sent, a second.
    pub sent_per_second: f64,
    /// Messages that came, a second.
    pub received_per_second: f64,
    /// For how long they had been open when they ended.
    pub session_ms: Times,
    /// From a message to its answer, where the scenario paired them.
    pub round_trip_ms: Times,
    /// From a ping to its pong.
    pub ping_ms: Times,
}

impl WebSocketsReport {
    /// What was counted of them in a part that lasted `seconds`; nothing where none was used.
    pub(super) fn of(all: &WebSockets, seconds: f64) -> Option<Self> {
        all.are_used().then(|| Self {
            handshakes: RequestsReport::of(&all.handshakes, Protocol::WebSocket, seconds),
            ends: all.ends.iter().map(|(end, count)| (end.name(), count)).collect(),
            errors: all.errors.iter().map(|(class, n)| (class.name().to_owned(), n)).collect(),
            messages_sent: all.messages_sent,
            messages_received: all.messages_received,
            bytes_sent: all.bytes_sent,
            bytes_received: all.bytes_received,
            sent_per_second: per_second(all.messages_sent, seconds),
            received_per_second: per_second(all.messages_received, seconds),
            session_ms: Times::of(&all.sessions),
            round_trip_ms: Times::of(&all.round_trips),
            ping_ms: Times::of(&all.pings),
        })
    }
}
