//! The pure rules of Swell: when to start, whom, what to record, and what may be believed of it.
//!
//! Nothing here reads a clock, opens a file or a socket, or knows tokio or wasmtime: time is an
//! argument, randomness comes from a seed. So every rule runs in tests and in a simulation on
//! virtual time exactly as it runs in the host. The crate compiles for `wasm32-unknown-unknown`,
//! which keeps it honest.

pub mod arrivals;
pub mod backoff;
pub mod catalogue;
pub mod control;
pub mod dispatch;
pub mod exchange;
pub mod grpc;
pub mod instant;
pub mod observer;
pub mod plain;
pub mod plan;
pub mod random;
pub mod record;
pub mod run;
pub mod schedule;
pub mod spelling;
pub mod standstill;
pub mod threshold;
pub mod trace_context;
pub mod transactions;
pub mod travel;
pub mod units;
pub mod verdict;

pub use instant::RunInstant;
