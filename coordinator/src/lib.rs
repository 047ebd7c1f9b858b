//! Nodes that act as one: how they meet, trust each other and talk.
//!
//! A cluster is who holds a certificate of its [`Authority`]. A node gets one by a [`Token`], once,
//! in [`join`]; from then on everything goes over mutual TLS through one [`NodeEndpoint`], which is one
//! UDP socket. What is said there is not known here: messages are any serde types, files any bytes
//! with a hash.
//!
//! The road of a node, top-down:
//!
//! | file | what it decides |
//! |---|---|
//! | `token` | the word that is handed to a new node |
//! | `register` | which tokens are good for how much longer; kept where nodes are admitted |
//! | `authority` | who belongs to the cluster: its key and certificate, made before any node is up |
//! | `identity` | a node's name, key and certificate, and their renewal |
//! | `clock` | what time it is, whatever is done to the machine's clock |
//! | `admission` | one question and one answer, by which a token becomes an identity |
//! | `uses` | whom tokens have admitted, in a file |
//! | `socket` | the UDP socket, limits of QUIC, and why a dial fails |
//! | `tls` | who is believed in which protocol |
//! | `gate` | how often somebody may knock |
//! | `link` | connections between members: the first words, messages, datagrams |
//! | `blobs` | files by their hash |
//!
//! Everything wants a tokio runtime and is content with a current-thread one. What a caller may
//! drop in a `select!` says so.

mod admission;
mod authority;
mod blobs;
mod clock;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod identity;
mod link;
mod register;
mod socket;
mod tls;
mod token;
mod uses;

pub use admission::{Admission, Desk, JoinError, JoinRefusal, join};
pub use authority::Authority;
pub use blobs::{BlobError, BlobHash, BlobRef, BlobSource, BlobStore, fetch, fetch_to};
pub use clock::ClusterClock;
pub use identity::{Identity, IdentityError, NodeId};
pub use link::{
    CloseCode, Disagreement, Hello, LinkError, MAX_MESSAGE, NodeEndpoint, Peer, RenewError,
};
pub use register::{IssuedToken, TokenRegister};
pub use socket::{DialError, Socket, SocketError};
pub use tls::Pin;
pub use token::{Token, TokenError, TokenId, without_tokens};
pub use uses::UsesFile;
