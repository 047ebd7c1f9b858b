//! The host's side of the contract: one file for each interface that a scenario imports.

pub(crate) mod bounded;
pub(crate) mod bounded_grpc;
pub(crate) mod bounded_websocket;
mod checks;
mod clock;
mod context;
mod data;
mod grpc;
mod http;
mod http_prepared;
mod http_stream;
mod log;
mod metrics;
mod random;
mod runs;
mod transactions;
pub(crate) mod wasi;
mod websocket;
