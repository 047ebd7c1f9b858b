//! Why a call of gRPC did not succeed.

use std::fmt;

use super::status::Status;
use crate::bindings::grpc::Phase;

/// Why a call of gRPC did not succeed. The texts are for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The call ended with a status that it does not expect.
    #[error("grpc {0}")]
    Status(Box<Status>),
    /// The name could not be resolved.
    #[error("name not resolved: {0}")]
    Dns(String),
    /// The connection was refused, unreachable or otherwise not opened.
    #[error("no connection: {0}")]
    Connect(String),
    /// The TLS handshake failed, or the certificate was not accepted.
    #[error("tls failed: {0}")]
    Tls(String),
    /// The other side broke the stream off, or the connection was lost.
    #[error("connection lost: {text}")]
    Reset {
        /// The reason of HTTP/2 (RFC 9113, 7); none where the connection was lost.
        code: Option<u32>,
        /// What happened.
        text: String,
    },
    /// The other side closed the connection, and does nothing with the call.
    #[error("connection closed: {0}")]
    GoAway(String),
    /// What came broke the rules of HTTP/2 or gRPC.
    #[error("protocol broken: {0}")]
    Protocol(String),
    /// Nothing came, or went, in time.
    #[error("timeout while {0}")]
    Timeout(Phase),
    /// A message, or the metadata of the answer, were larger than the limit.
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
    #[error("invalid gRPC call: {0}")]
    Invalid(String),
    /// A message was to be sent over a call that has ended; receiving says how.
    #[error("the call has ended")]
    Ended,
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Phase::Connecting => "connecting",
            Phase::Tls => "shaking hands over tls",
            Phase::Sending => "sending a message",
            Phase::Waiting => "waiting for the answer",
            Phase::Receiving => "waiting for a message",
        })
    }
}
