//! What a scenario asks for, and what it gets.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use swell_core::exchange::ErrorClass;

use crate::error::Error;

/// A WebSocket to be opened.
#[derive(Clone, Debug)]
pub struct WebSocketRequest {
    /// With `ws://` or `wss://`, or a path that begins with `/` and is appended to the target.
    pub url: String,
    /// Sent in this order, before those that make the handshake.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Subprotocols, the preferred one first.
    pub subprotocols: Vec<String>,
    /// Whether the headers of the answer are kept.
    pub keep_headers: bool,
    /// The longest time that it may take in all. The run's own timeouts hold as well.
    pub timeout: Option<Duration>,
    /// The most bytes that a message may have which comes; the run's own limit for bodies holds as
    /// well.
    pub message_limit: usize,
}

/// A message, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebSocketMessage {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl WebSocketMessage {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// How a WebSocket was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketClosing {
    /// The code; 1005 where none was given.
    pub code: u16,
    /// What was said.
    pub reason: String,
}

impl fmt::Display for WebSocketClosing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "closed with {}", self.code)?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, ", {:?}", self.reason) }
    }
}

/// What a WebSocket has for the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebSocketIncoming {
    /// A message.
    Message(WebSocketMessage),
    /// The answer to a ping of ours, and how long it took.
    Pong(Duration),
    /// The service closed the connection.
    Closed(WebSocketClosing),
}

/// Why something with a WebSocket did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebSocketError {
    /// As a request may fail, too.
    #[error("{0}")]
    Failed(Error),
    /// The handshake was answered with another status than 101.
    #[error("the handshake was answered with status {status}")]
    Refused {
        /// The status.
        status: u16,
        /// The beginning of the answer's body.
        text: String,
    },
    /// The connection is closed.
    #[error("the connection was {0}")]
    Closed(WebSocketClosing),
}

impl WebSocketError {
    /// The class that is counted; none of an answer, which is counted by its status.
    pub const fn class(&self) -> Option<ErrorClass> {
        match self {
            Self::Failed(error) => Some(error.class),
            Self::Refused { .. } => None,
            Self::Closed(_) => Some(ErrorClass::Closed),
        }
    }
}

impl From<Error> for WebSocketError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
