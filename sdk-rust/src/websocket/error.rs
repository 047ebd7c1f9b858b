//! Why something with a WebSocket did not succeed.

use std::fmt;

use crate::bindings::websocket::Phase;

/// Why something with a WebSocket did not succeed. The texts are for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name could not be resolved.
    #[error("name not resolved: {0}")]
    Dns(String),
    /// The connection was refused, unreachable or otherwise not opened.
    #[error("no connection: {0}")]
    Connect(String),
    /// The TLS handshake failed, or the certificate was not accepted.
    #[error("tls failed: {0}")]
    Tls(String),
    /// The handshake was answered with another status than 101.
    #[error("the handshake was answered with status {status}")]
    Handshake {
        /// The status.
        status: u16,
        /// The beginning of the answer's body.
        text: String,
    },
    /// The connection was closed with a code.
    #[error("the connection was closed with {code}{}", because(reason))]
    Closed {
        /// The code; 1005 where none was given.
        code: u16,
        /// What was said; may be empty.
        reason: String,
    },
    /// The connection ended without being closed.
    #[error("connection lost: {0}")]
    Reset(String),
    /// What came broke the rules of HTTP or WebSocket.
    #[error("protocol broken: {0}")]
    Protocol(String),
    /// Nothing came, or went, in time.
    #[error("timeout while {0}")]
    Timeout(Phase),
    /// A message, or the headers of the answer, were larger than the limit.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The plan does not allow this host; nothing was sent.
    #[error("not allowed: {0}")]
    Denied(String),
    /// The load generator has no local port free; the service is not to blame.
    #[error("no local port free: {0}")]
    LocalPorts(String),
    /// The load generator has no file descriptor free; the service is not to blame.
    #[error("no file descriptor free: {0}")]
    LocalFiles(String),
    /// What was asked for was wrong itself; nothing was sent.
    #[error("invalid WebSocket call: {0}")]
    Invalid(String),
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Phase::Connecting => "connecting",
            Phase::Tls => "shaking hands over tls",
            Phase::Handshake => "waiting for the handshake's answer",
            Phase::Sending => "sending a message",
            Phase::Receiving => "waiting for a message",
        })
    }
}
