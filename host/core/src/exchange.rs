//! What is known about one exchange with the service, whatever protocol carried it: its phases, its
//! sizes, how it ended.
//!
//! A failed request is a measurement, not an error of ours; so its class lives here, beside its
//! times.
//!
//! ## A row a protocol
//! What an exchange of a protocol has stands in one place, [`Protocol::row`]. The recorder takes
//! the phases from there, and the engine what counts as success: neither assumes HTTP.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::grpc;

/// The protocol between a user and the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A request and its response, over HTTP/1.1 or HTTP/2.
    Http,
    /// The handshake that opens a WebSocket.
    WebSocket,
    /// A call of gRPC: one message, and the one that answers it.
    Grpc,
    /// A call of gRPC that is a stream of messages.
    GrpcStream,
}

/// What an exchange of a protocol has.
#[derive(Debug)]
pub struct ProtocolRow {
    /// Its phases, in the order in which they come.
    pub phases: &'static [Phase],
    /// The codes of an answer that count as success where the scenario names none.
    pub success: RangeInclusive<u16>,
}

const HTTP: ProtocolRow = ProtocolRow {
    phases: &[
        Phase::Blocked,
        Phase::Connecting,
        Phase::Tls,
        Phase::Sending,
        Phase::Waiting,
        Phase::Receiving,
    ],
    // The classes of informational, client and server errors are no success (RFC 9110, 15).
    success: 200..=399,
};

const WEBSOCKET: ProtocolRow = ProtocolRow {
    phases: &[Phase::Connecting, Phase::Tls, Phase::Sending, Phase::Waiting],
    // Switching protocols; any other answer opens no WebSocket (RFC 6455, 4.1).
    success: 101..=101,
};

const GRPC: ProtocolRow = ProtocolRow {
    phases: HTTP.phases,
    // OK; all other statuses are errors.
    success: grpc::OK..=grpc::OK,
};

impl Protocol {
    /// What an exchange of it has.
    pub const fn row(self) -> &'static ProtocolRow {
        match self {
            Self::Http => &HTTP,
            Self::WebSocket => &WEBSOCKET,
            Self::Grpc | Self::GrpcStream => &GRPC,
        }
    }
}

/// The codes that count as success, as ranges. Where the scenario names none, the protocol decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected(pub Vec<(u16, u16)>);

impl Expected {
    /// Whether an answer with this code is a success.
    pub fn contains(&self, protocol: Protocol, code: u16) -> bool {
        match self.0.as_slice() {
            [] => protocol.row().success.contains(&code),
            ranges => ranges.iter().any(|&(first, last)| (first..=last).contains(&code)),
        }
    }
}

/// A part of an exchange, whatever its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waiting for one of the user's own connections to become free.
    Blocked,
    /// Looking up the name and opening the connection.
    Connecting,
    /// The TLS handshake.
    Tls,
    /// From when the connection is ready to when the request is handed to the network.
    Sending,
    /// From then to the response's head.
    Waiting,
    /// From then to the end of the body.
    Receiving,
}

impl Phase {
    /// The phases of all protocols. A phase's place in this list is its place in what is stored and
    /// sent.
    pub const ALL: [Self; 6] =
        [Self::Blocked, Self::Connecting, Self::Tls, Self::Sending, Self::Waiting, Self::Receiving];

    /// The name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Connecting => "connecting",
            Self::Tls => "tls",
            Self::Sending => "sending",
            Self::Waiting => "waiting",
            Self::Receiving => "receiving",
        }
    }
}

/// How long each phase of an exchange took; over redirects, the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases([Duration; Phase::ALL.len()]);

impl Phases {
    /// Adds `time` to a phase.
    pub fn add(&mut self, phase: Phase, time: Duration) {
        self.0[phase as usize] += time;
    }

    /// The time spent in a phase.
    pub const fn get(&self, phase: Phase) -> Duration {
        self.0[phase as usize]
    }

    /// The time spent in each phase since these were `before`.
    pub fn since(&self, before: &Self) -> Self {
        let time = |phase: usize| self.0[phase].saturating_sub(before.0[phase]);
        Self(std::array::from_fn(time))
    }

    /// All phases together: the exchange's service time.
    pub fn total(&self) -> Duration {
        self.0.iter().sum()
    }
}

/// Why an exchange has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The name could not be resolved.
    Dns,
    /// The connection could not be opened.
    Connect,
    /// The TLS handshake failed, or the certificate was not accepted.
    Tls,
    /// Nothing came in time during this phase.
    Timeout(Phase),
    /// The service closed or reset the connection before the answer was complete.
    Reset,
    /// What came was not in the protocol, or broke its rules.
    Protocol,
    /// The body or the headers were larger than the limit.
    TooLarge,
    /// The plan does not allow this host. Nothing was sent.
    Denied,
    /// No local port was free: the generator's fault.
    LocalPorts,
    /// No file descriptor was free: the generator's fault.
    LocalFiles,
    /// The request itself was wrong. Nothing was sent.
    Invalid,
    /// The connection was closed in good order before what was waited for came. A protocol whose
    /// connections outlive an exchange has this.
    Closed,
    /// The service closed the connection, and said that it does nothing with what was asked.
    GoAway,
}

impl ErrorClass {
    /// The name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout(Phase::Blocked) => "timeout_blocked",
            Self::Timeout(Phase::Connecting) => "timeout_connecting",
            Self::Timeout(Phase::Tls) => "timeout_tls",
            Self::Timeout(Phase::Sending) => "timeout_sending",
            Self::Timeout(Phase::Waiting) => "timeout_waiting",
            Self::Timeout(Phase::Receiving) => "timeout_receiving",
            Self::Reset => "reset",
            Self::Protocol => "protocol",
            Self::TooLarge => "too_large",
            Self::Denied => "denied",
            Self::LocalPorts => "local_ports",
            Self::LocalFiles => "local_files",
            Self::Invalid => "invalid",
            Self::Closed => "closed",
            Self::GoAway => "goaway",
        }
    }

    /// Whether the load generator and not the service is to blame.
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::LocalPorts | Self::LocalFiles)
    }
}

/// One finished exchange, as the recorder counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The protocol that was used.
    pub protocol: Protocol,
    /// The answer's code (over HTTP the final status, of gRPC its own), or why there is none.
    pub result: Result<u16, ErrorClass>,
    /// The time spent in each phase.
    pub phases: Phases,
    /// How many messages were handed to the network, which the service may have counted: over HTTP
    /// request heads, those of redirects and retries included.
    pub written: u32,
    /// How often the request was sent again: its reused connection had closed before the first
    /// byte, so that it may arrive twice, or the server said that it had done nothing with it.
    pub reconnects: u32,
    /// Connections opened for it.
    pub connections: u32,
    /// Bytes of the body as received, before decompression.
    pub body_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_list_success_over_http_is_200_to_399() {
        let contains = |expected: &Expected, code| expected.contains(Protocol::Http, code);
        let all = Expected::default();
        assert!(contains(&all, 200) && contains(&all, 399));
        assert!(!contains(&all, 400) && !contains(&all, 199));
        let some = Expected(vec![(404, 404), (500, 502)]);
        assert!(contains(&some, 404) && contains(&some, 501) && !contains(&some, 200));
    }

    #[test]
    fn the_phases_of_a_protocol_are_told_apart_and_in_order() {
        for protocol in [Protocol::Http, Protocol::WebSocket, Protocol::Grpc] {
            let phases = protocol.row().phases;
            assert!(phases.is_sorted_by(|a, b| a < b), "{phases:?}");
        }
    }
}
