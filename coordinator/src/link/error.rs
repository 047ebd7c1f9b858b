//! What goes wrong between members.

use std::net::SocketAddr;

use quinn::ConnectionError;
use swell_protocol::message::NodeId;

use crate::identity::IdentityError;
use crate::socket::DialError;
use crate::text::{headline, printable};
use crate::wire::close::CloseCode;
use crate::wire::frame::{EncodeError, MAX_MESSAGE};
use crate::wire::hello::Disagreement;

/// Why a link cannot be made or used. Unless said otherwise the connection is closed and the peer
/// must be dialled anew.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No connection was made.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The other node's release does not go together with this one's.
    #[error("{address} cannot work with this node: {disagreement}")]
    OtherVersion {
        /// The other node.
        address: SocketAddr,
        /// In what they differ.
        disagreement: Box<Disagreement>,
    },
    /// The other node says that it is one which its certificate does not name.
    #[error("{address} calls itself node {claimed}, and its certificate names another")]
    Impostor {
        /// The other node.
        address: SocketAddr,
        /// Who it claims to be.
        claimed: NodeId,
    },
    /// The dialled address is this node's own.
    #[error("{address} is this node itself")]
    Itself {
        /// The address.
        address: SocketAddr,
    },
    /// A connection was made, and the first message did not come in time.
    #[error("{address} took the connection and says nothing: that host is overloaded, or stopped")]
    Silent {
        /// The other node.
        address: SocketAddr,
    },
    /// The first message made no sense.
    #[error("{address} does not say what it is: {reason}")]
    NoHello {
        /// The other node.
        address: SocketAddr,
        /// What is wrong with them.
        reason: String,
    },
    /// A message is too long to be sent. Nothing was sent and the link goes on.
    #[error("a message of {bytes} bytes is above the limit of {MAX_MESSAGE}")]
    MessageTooLong {
        /// Its length.
        bytes: usize,
    },
    /// A message is of a type that cannot be written, or a datagram that cannot be sent. Nothing
    /// was sent and the link goes on.
    #[error("a message cannot be sent: {reason}")]
    Unwritable {
        /// Why.
        reason: String,
    },
    /// There was no room for a message in time, because the other node does not read. The message
    /// was not sent; the link goes on.
    #[error("node {node} does not read what it is sent")]
    Stalled {
        /// The other node.
        node: NodeId,
    },
    /// The other node announced a message above the limit.
    #[error("node {node} announced a message of {bytes} bytes, above the limit of {MAX_MESSAGE}")]
    Oversized {
        /// The other node.
        node: NodeId,
        /// What it announced.
        bytes: usize,
    },
    /// The other node sent what is no message.
    #[error("node {node} sent what is no message: {reason}")]
    Garbage {
        /// The other node.
        node: NodeId,
        /// What is wrong with it.
        reason: String,
    },
    /// The other node began a message and did not end it in time.
    #[error("node {node} began a message and did not end it")]
    TooSlow {
        /// The other node.
        node: NodeId,
    },
    /// The other node was silent for ten seconds.
    #[error("node {node} is silent: it is gone, frozen or cut off")]
    Lost {
        /// The other node.
        node: NodeId,
    },
    /// One side closed the connection.
    #[error(
        "{} closed the connection with node {node}: {}{}",
        side(*here),
        words(*code),
        detail(reason)
    )]
    Closed {
        /// The other node.
        node: NodeId,
        /// Whether it was this node.
        here: bool,
        /// Why; `None` for a reason that this release does not know.
        code: Option<CloseCode>,
        /// The reason in words, from the side that closed.
        reason: String,
    },
    /// The connection broke.
    #[error("the connection with node {node} broke: {reason}")]
    Broken {
        /// The other node.
        node: NodeId,
        /// How.
        reason: String,
    },
}

/// Why a certificate was not renewed. The old one stays.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// The link failed.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The other node cannot or will not renew it.
    #[error("node {node} did not renew this node's certificate: {reason}")]
    Refused {
        /// The other node.
        node: NodeId,
        /// What it says.
        reason: String,
    },
    /// A request cannot be made, or what came is not this node's certificate.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl LinkError {
    /// What the end of a connection says.
    pub(crate) fn of(error: ConnectionError, node: NodeId) -> Self {
        match error {
            ConnectionError::TimedOut | ConnectionError::Reset => Self::Lost { node },
            ConnectionError::ApplicationClosed(close) => Self::Closed {
                node,
                here: false,
                code: CloseCode::of(close.error_code),
                reason: printable(&close.reason),
            },
            error => Self::Broken { node, reason: headline(&error) },
        }
    }
}

impl From<EncodeError> for LinkError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::TooLong(bytes) => Self::MessageTooLong { bytes },
            EncodeError::Unwritable(reason) => Self::Unwritable { reason },
        }
    }
}

const fn side(here: bool) -> &'static str {
    if here { "this node" } else { "the other side" }
}

fn words(code: Option<CloseCode>) -> &'static str {
    code.map_or("for a reason of another release", CloseCode::words)
}

fn detail(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}
