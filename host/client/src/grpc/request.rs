//! What a scenario asks for, and what it gets.

use std::time::Duration;

use bytes::Bytes;
use swell_core::exchange::{ErrorClass, Exchange, Phases, Protocol};
use swell_core::observer::ObservedHop;
use swell_core::record::GrpcMessages;

use crate::error::Error;
use crate::grpc::metadata::GrpcEntry;
use crate::grpc::status::GrpcStatus;

/// A call that is to be made.
#[derive(Clone, Debug)]
pub struct GrpcCall {
    /// As `/package.Service/Method`.
    pub method: String,
    /// As `http://host:port`; the run's target if it is empty.
    pub target: String,
    /// What goes with it, beside what the run adds.
    pub metadata: Vec<GrpcEntry>,
    /// How long it may take; the run's own timeouts hold as well.
    pub deadline: Option<Duration>,
    /// The most bytes that a message may have which comes.
    pub limit: usize,
    /// Whether metadata of the answer are kept.
    pub keep_metadata: bool,
}

/// How a call ended, with what came beside its messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcEnd {
    /// The status.
    pub status: GrpcStatus,
    /// Metadata at the head of the answer; none unless kept.
    pub headers: Vec<GrpcEntry>,
    /// Metadata at its end; none unless kept.
    pub trailers: Vec<GrpcEntry>,
}

/// An answer to a call of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcReply {
    /// The message; there is one if the status is OK.
    pub message: Option<Bytes>,
    /// How the call ended.
    pub end: GrpcEnd,
}

/// What a stream has for the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrpcIncoming {
    /// A message.
    Message(Bytes),
    /// The call has ended.
    Ended(Box<GrpcEnd>),
}

/// Why a call has no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrpcError {
    /// As a request may fail, too.
    #[error("{0}")]
    Failed(Error),
    /// The other side has reset the stream for this reason.
    #[error("{error}")]
    Reset {
        /// The reason (RFC 9113, 7).
        code: u32,
        /// In words.
        error: Error,
    },
    /// Somebody sends over a call that has ended.
    #[error("the call has ended")]
    Ended,
}

impl GrpcError {
    /// What has ended the call; none of what is no end of it.
    pub const fn error(&self) -> Option<&Error> {
        match self {
            Self::Failed(error) | Self::Reset { error, .. } => Some(error),
            Self::Ended => None,
        }
    }

    /// The class that is counted; what cannot be done with a call is a call that is wrong.
    pub const fn class(&self) -> ErrorClass {
        match self.error() {
            Some(error) => error.class,
            None => ErrorClass::Invalid,
        }
    }
}

impl From<Error> for GrpcError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A call that has ended: what is recorded, and what the scenario is told.
#[derive(Debug)]
pub struct CalledGrpc<T> {
    /// What is recorded; its status is that of gRPC.
    pub exchange: Exchange,
    /// The messages that went.
    pub messages: GrpcMessages,
    /// What came of it.
    pub result: Result<T, GrpcError>,
    /// What was sent and received, where the session is one that is looked on; else nothing.
    pub hops: Vec<ObservedHop>,
}

impl<T> CalledGrpc<T> {
    /// The record of a call that was found to be wrong before it was tried.
    pub fn unsent(protocol: Protocol, error: Error) -> Self {
        Self {
            exchange: exchange(protocol, Err(error.class)),
            messages: GrpcMessages::default(),
            result: Err(error.into()),
            hops: Vec::new(),
        }
    }
}

/// An exchange of which nothing is known but how it ended.
pub(crate) fn exchange(protocol: Protocol, result: Result<u16, ErrorClass>) -> Exchange {
    Exchange {
        protocol,
        result,
        phases: Phases::default(),
        written: 0,
        reconnects: 0,
        connections: 0,
        body_bytes: 0,
    }
}
