//! The host's side of the contract: one file for each interface that a scenario imports.

pub(crate) mod bounded;
mod checks;
mod clock;
mod context;
mod data;
pub(crate) mod http;
pub(crate) mod log;
mod metrics;
mod random;
mod runs;
mod transactions;
