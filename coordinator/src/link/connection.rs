//! A connection, and why this side closed it.

use std::net::SocketAddr;
use std::sync::OnceLock;

use quinn::{Connection, ConnectionError};
use swell_protocol::message::NodeId;

use crate::link::error::LinkError;
use crate::socket::canonical;
use crate::wire::close::CloseCode;

/// A connection that reports its end in one way, whichever task closed it.
#[derive(Debug)]
pub(crate) struct PeerConnection {
    /// The node at the other end, as its certificate proves.
    pub(crate) node: NodeId,
    pub(crate) quinn: Connection,
    /// Why this side closed it, if it did.
    closed: OnceLock<(CloseCode, String)>,
}

impl PeerConnection {
    /// A connection whose other end has proven to be this node.
    pub(crate) const fn new(node: NodeId, quinn: Connection) -> Self {
        Self { node, quinn, closed: OnceLock::new() }
    }

    /// Closes the connection now; what was not acknowledged yet is lost. The first reason is kept.
    pub(crate) fn close(&self, code: CloseCode, reason: &str) {
        if self.quinn.close_reason().is_none() {
            let (code, reason) = self.closed.get_or_init(|| (code, reason.to_owned()));
            self.quinn.close((*code).into(), reason.as_bytes());
        }
    }

    /// The error when the connection is found to be closed.
    pub(crate) fn ended(&self, error: ConnectionError) -> LinkError {
        match (error, self.closed.get()) {
            (ConnectionError::LocallyClosed, Some((code, reason))) => LinkError::Closed {
                node: self.node,
                here: true,
                code: Some(*code),
                reason: reason.clone(),
            },
            (ConnectionError::LocallyClosed, None) => LinkError::Closed {
                node: self.node,
                here: true,
                code: Some(CloseCode::Goodbye),
                reason: String::new(),
            },
            (error, _) => LinkError::of(error, self.node),
        }
    }

    /// Where the other side is now, in the form that it was dialled in.
    pub(crate) fn address(&self) -> SocketAddr {
        canonical(self.quinn.remote_address())
    }
}
