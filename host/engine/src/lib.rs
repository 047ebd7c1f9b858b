//! The WebAssembly shell of Swell: loads scenarios, limits them, and answers their calls.
//!
//! | to find | look in |
//! |---|---|
//! | from a file to a component | `artifact` |
//! | compilation in a bounded child; the private cache | `compile`, `cache` |
//! | from a component to something users can be made of | `program` |
//! | wasmtime's settings, the pool, epochs | `runtime`, `limits`, `cpu` |
//! | a virtual user as the driver sees it | `instance` |
//! | the rules of transactions, requests and waits | `user` |
//! | the host's side of each WIT interface | `interfaces/`, `wasi` |
//! | what a run gives its users; the trait by which `begin` reaches the dispatcher | `run` |
//!
//! Invariants: a user stays on the thread that made it; nothing compiled elsewhere is ever loaded;
//! a trap ends one user and disturbs no other; what a user had open when it was cut is recorded as
//! interrupted.

mod artifact;
mod cache;
mod compile;
mod cpu;
mod error;
mod feed;
mod instance;
mod interfaces;
mod limits;
mod program;
mod run;
mod runtime;
mod text;
mod thread_bound;
mod user;
mod wasi;
mod world;

pub use artifact::Kind;
pub use compile::{Compiled, Compiler, compile_child};
pub use error::LoadError;
pub use feed::{Feed, FeedError};
pub use instance::{HookError, InstanceProbe, IterationEnd, Trapped, User};
pub use limits::GuestLimits;
pub use program::{Program, ScenarioFile, ScenarioInfo, WIT_VERSION};
pub use run::{
    Answer, Conductor, EndRequest, Pacing, Run, RunOver, RunStamp, RunStats, RunTimes, Worker,
};
