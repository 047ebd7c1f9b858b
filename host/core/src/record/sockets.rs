//! What scenarios did over sockets of their own: what became of it stands in their transactions,
//! and here what went over the network.

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::sum::{Summand as _, sums};
use crate::exchange::ErrorClass;
use crate::travel;

/// All sockets of scenarios together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sockets {
    /// Connections that were opened over TCP.
    #[serde(deserialize_with = "travel::count")]
    pub opened: u64,
    /// Datagrams that were handed to the network.
    #[serde(deserialize_with = "travel::count")]
    pub datagrams_sent: u64,
    /// Datagrams that scenarios received.
    #[serde(deserialize_with = "travel::count")]
    pub datagrams_received: u64,
    /// Bytes that were handed to the network, over TCP and in datagrams.
    #[serde(deserialize_with = "travel::bytes")]
    pub bytes_sent: u64,
    /// Bytes that scenarios received, over TCP and in datagrams.
    #[serde(deserialize_with = "travel::bytes")]
    pub bytes_received: u64,
    /// Names that were not found, sockets and connections that did not open, datagrams that were
    /// not sent, and connections that broke, by class.
    pub errors: Counts<ErrorClass>,
}

sums! {
    Sockets { opened, datagrams_sent, datagrams_received, bytes_sent, bytes_received, errors }
}

/// Something that happened to a socket of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketEvent {
    /// A connection was opened.
    Opened,
    /// So many bytes of a connection were handed to the network.
    Sent(usize),
    /// So many bytes of a connection were received.
    Received(usize),
    /// A datagram of so many bytes was handed to the network.
    DatagramSent(usize),
    /// A datagram of so many bytes was received.
    DatagramReceived(usize),
    /// A name was not found, or a socket, a connection or a datagram came to nothing.
    Failed(ErrorClass),
}

impl Sockets {
    /// Counts what happened.
    pub(super) fn count(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Opened => self.opened += 1,
            SocketEvent::Sent(bytes) => self.bytes_sent += bytes as u64,
            SocketEvent::Received(bytes) => self.bytes_received += bytes as u64,
            SocketEvent::DatagramSent(bytes) => {
                self.datagrams_sent += 1;
                self.bytes_sent += bytes as u64;
            }
            SocketEvent::DatagramReceived(bytes) => {
                self.datagrams_received += 1;
                self.bytes_received += bytes as u64;
            }
            SocketEvent::Failed(class) => self.errors.add(class, 1),
        }
    }

    /// Whether the bytes of both together can still be read where they are sent or kept as one.
    pub(super) const fn can_travel_with(&self, other: &Self) -> bool {
        self.bytes_sent.saturating_add(other.bytes_sent) <= travel::MAX_BYTES
            && self.bytes_received.saturating_add(other.bytes_received) <= travel::MAX_BYTES
    }
}
