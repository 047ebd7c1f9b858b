//! A connection, and why this side closed it.

use std::net::SocketAddr;
use std::sync::OnceLock;

use quinn::{Connection, ConnectionError};

use crate::identity::NodeId;
use crate::link::close::CloseCode;
use crate::link::error::LinkError;

/// A connection whose end is told from one place, whichever task brought it about.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) node: NodeId,
    pub(crate) connection: Connection,
    closed: OnceLock<(CloseCode, String)>,
}

impl Line {
    pub(crate) const fn new(node: NodeId, connection: Connection) -> Self {
        Self { node, connection, closed: OnceLock::new() }
    }

    /// Closes the connection now; what was not yet acknowledged is lost. The first reason is kept.
    pub(crate) fn close(&self, code: CloseCode, reason: &str) {
        if self.connection.close_reason().is_none() {
            let (code, reason) = self.closed.get_or_init(|| (code, reason.to_owned()));
            self.connection.close((*code).into(), reason.as_bytes());
        }
    }

    /// What is to be said when the connection is found closed.
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
        canonical(self.connection.remote_address())
    }
}

/// An IPv4 address as such, also where a socket for IPv6 shows it as one of its own.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
