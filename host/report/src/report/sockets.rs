//! What the scenario did over sockets of its own, as data.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swell_core::record::Sockets;

/// What the scenario did over sockets of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SocketsReport {
    /// Connections that were opened over TCP.
    pub connections: u64,
    /// Bytes that were handed to the network, over TCP and in datagrams.
    pub bytes_sent: u64,
    /// Bytes that the scenario received, over TCP and in datagrams.
    pub bytes_received: u64,
    /// Datagrams that were handed to the network.
    pub datagrams_sent: u64,
    /// Datagrams that the scenario received.
    pub datagrams_received: u64,
    /// Names that were not found, sockets and connections that did not open, datagrams that were
    /// not sent, and connections that broke, by class.
    pub errors: BTreeMap<String, u64>,
}

impl SocketsReport {
    /// The figures of what was counted.
    pub(super) fn of(sockets: &Sockets) -> Self {
        let errors = sockets.errors.iter();
        Self {
            connections: sockets.opened,
            bytes_sent: sockets.bytes_sent,
            bytes_received: sockets.bytes_received,
            datagrams_sent: sockets.datagrams_sent,
            datagrams_received: sockets.datagrams_received,
            errors: errors.map(|(class, count)| (class.name().to_owned(), count)).collect(),
        }
    }

    /// Whether nothing was done over sockets.
    pub fn is_unused(&self) -> bool {
        *self == Self::default()
    }
}
