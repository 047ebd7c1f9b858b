//! Nodes that act as one: how they meet, trust each other and talk.
//!
//! A node belongs to a cluster if it holds a certificate of its [`Authority`]. It gets one by a
//! [`Token`], once, in [`join`]; from then on everything goes over mutual TLS through one
//! [`NodeEndpoint`], which is one UDP socket. What goes over it is not known here: messages are any
//! serde types, files any bytes with a hash.
//!
//! Who may import whom: each row from those above it, and none from below. Within a row, and within
//! a folder, in the order of the list.
//!
//! | files | what they decide |
//! |---|---|
//! | `text`, `random` | what may be printed, what nobody can guess |
//! | `gate` | how often somebody may knock |
//! | `clock` | what time it is, whatever is done to the machine's clock |
//! | `wire/` | on every connection: the end and its reason, messages, the first words |
//! | `certificate` | which names a certificate has, how long it is good, and the check of it |
//! | `token` | the word that is handed to a new node |
//! | `refusal`, `register`, `uses` | which tokens are good, and whom they have admitted |
//! | `identity` | a node's id, key and certificate, and their renewal |
//! | `authority` | who belongs to the cluster: its key and certificate |
//! | `socket`, `tls` | the UDP socket, limits of QUIC, why a dial fails; who is believed |
//! | `admission/` | one question and one answer, by which a token becomes an identity |
//! | `blob`, `blob_serve` | files by their hash, and their sending |
//! | `link/`, `link` | connections between members: questions, messages, datagrams |
//! | `blob_fetch` | fetching a file from a peer |
//!
//! Everything wants a tokio runtime and is content with a current-thread one. What a caller may
//! drop in a `select!` says so.

mod admission;
mod authority;
mod blob;
mod blob_fetch;
mod blob_serve;
mod certificate;
mod clock;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod identity;
mod link;
mod random;
mod refusal;
mod register;
mod socket;
mod text;
mod tls;
mod token;
mod uses;
mod wire;

pub use admission::desk::Desk;
pub use admission::join::{Admission, JoinError, join};
pub use authority::Authority;
pub use blob::{BlobHash, BlobRef, BlobSource, BlobStore};
pub use blob_fetch::{BlobError, fetch, fetch_to};
pub use certificate::Pin;
pub use clock::ClusterClock;
pub use identity::{Identity, IdentityError};
pub use link::NodeEndpoint;
pub use link::error::{LinkError, RenewError};
pub use link::peer::Peer;
pub use random::random;
pub use refusal::JoinRefusal;
pub use register::{IssuedToken, TokenRegister};
pub use socket::{DialError, Socket, SocketError};
pub use swell_protocol::message::NodeId;
pub use token::{Token, TokenError, TokenId, without_tokens};
pub use uses::UsesFile;
pub use wire::close::CloseCode;
pub use wire::frame::MAX_MESSAGE;
pub use wire::hello::{Disagreement, Hello};
