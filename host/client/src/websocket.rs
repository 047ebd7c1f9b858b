//! WebSockets (RFC 6455): connections that stay open, over which either side says something when it
//! likes.
//!
//! | file | what it decides |
//! |---|---|
//! | `request` | what is asked for, what comes back, why it failed |
//! | `handshake` | what is asked of the service, and which answers are taken |
//! | `open` | from a URL to an open WebSocket, timed by phase |
//! | `wire` | one connection: what is read when, what is kept of it, how it ends |
//! | `connection` | what a scenario does with it |
//! | `failure` | what tungstenite says, as errors with a class |
//!
//! Frames are tungstenite's: it reads and writes them over a stream that is asked without waiting.
//! Its companion tokio-tungstenite is not used, as it gives each connection two wakers of its own
//! behind locks, which is what the two readers of a connection on one thread can do without.

pub(crate) mod connection;
pub(crate) mod failure;
pub(crate) mod handshake;
pub(crate) mod open;
pub(crate) mod request;
pub(crate) mod wire;
