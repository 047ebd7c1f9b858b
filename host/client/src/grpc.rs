//! gRPC: calls by the name of a method, over HTTP/2, whose messages are bytes.
//!
//! | file | what it decides |
//! |---|---|
//! | `request` | what is asked for, what comes back, why it failed |
//! | `unary`, `stream` | a call of one message; one that lasts |
//! | `begin` | from a method to a stream of HTTP/2, timed by phase |
//! | `wire` | one call on its stream: what is sent and read when, how it ends |
//! | `message` | where messages begin and end |
//! | `metadata` | what goes beside them, and what of it may be sent |
//! | `status` | how an answer says how a call ended, or what stands for that |
//! | `user` | what gRPC keeps for one user |
//! | `seen` | what a call sends and receives, where somebody looks on |
//!
//! HTTP/2 is that of requests. The connections are of gRPC alone, as what goes over them is not
//! counted as requests.

pub(crate) mod begin;
pub(crate) mod message;
pub(crate) mod metadata;
pub(crate) mod request;
pub(crate) mod seen;
pub(crate) mod status;
pub(crate) mod stream;
pub(crate) mod unary;
pub(crate) mod user;
pub(crate) mod wire;
