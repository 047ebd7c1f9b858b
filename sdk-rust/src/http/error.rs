//! Why there is no answer.

use std::fmt;

use super::Phase;

/// Why a request has no answer. The texts are for people.
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
    /// Nothing came in time.
    #[error("timeout while {0}")]
    Timeout(Phase),
    /// The other side closed or reset the connection before the answer was complete.
    #[error("connection lost: {0}")]
    Reset(String),
    /// What came was not HTTP, or broke its rules.
    #[error("protocol broken: {0}")]
    Protocol(String),
    /// The body or the headers were larger than the limit.
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
    /// The request itself was wrong; nothing was sent.
    #[error("invalid request: {0}")]
    Invalid(String),
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Phase::Blocked => "waiting for a connection to become free",
            Phase::Connecting => "connecting",
            Phase::Tls => "shaking hands over tls",
            Phase::Sending => "sending the request",
            Phase::Waiting => "waiting for the answer",
            Phase::Receiving => "receiving the body",
        })
    }
}
