//! The WebAssembly shell of Swell: loads scenarios, limits them, and answers their calls.
//!
//! | to find | look in |
//! |---|---|
//! | the contract: its files, version and hash | `contract`, `bindings` |
//! | where a scenario comes from | `source`, `reading` |
//! | scripts: their files, and how an interpreter takes them in | `script`, `script_call` |
//! | from a file to a component | `artifact` |
//! | compilation in a bounded child; the private cache | `compile`, `cache` |
//! | from a component to something users can be made of | `program`, `link` |
//! | what a file contains, as it says itself | `description` |
//! | wasmtime's settings, the pool, epochs | `runtime`, `limits`, `ticker`, `cpu` |
//! | a store under its limits, and why it trapped | `store`, `state` |
//! | a virtual user as the driver sees it | `instance` |
//! | the end of runs in the file's own words | `own_summary` |
//! | what a user costs, before a run | `rehearsal` |
//! | a virtual user as its instance sees it: requests, waits, numbers | `user`, `patience` |
//! | the rules of transactions | `swell_core::transactions` |
//! | the host's side of each WIT interface | `interfaces/` |
//! | WASI's clock, randomness and output; the log | `wasi`, `log` |
//! | what a run gives its users; the trait by which `begin` reaches the dispatcher | `run` |
//!
//! Invariants: a user stays on the thread that made it; code that was compiled elsewhere is never
//! loaded; a trap ends one user and disturbs no other; what a user had open when it was cut off is
//! recorded as interrupted.

mod artifact;
mod bindings;
mod cache;
mod compile;
mod contract;
mod cpu;
mod description;
mod descriptions;
mod error;
mod feed;
mod instance;
mod interfaces;
mod limits;
mod link;
mod log;
mod own_summary;
mod patience;
mod program;
mod reading;
mod rehearsal;
mod run;
mod runtime;
mod script;
mod script_call;
mod sockets;
mod source;
mod state;
mod store;
mod text;
mod thread_bound;
mod ticker;
mod user;
mod wasi;

pub use artifact::FileKind;
pub use compile::{Compiled, Compiler, compile_child};
pub use contract::{WIT_VERSION, contract_hash};
pub use error::LoadError;
pub use feed::{Feed, FeedError};
pub use instance::{HookError, IterationOutcome, ScenarioRole, User};
pub use limits::GuestLimits;
pub use own_summary::SummaryPart;
pub use program::{Program, ScenarioFile, ScenarioInfo};
pub use reading::MAX_SCENARIO_SIZE;
pub use rehearsal::Rehearsal;
pub use run::{Answer, Conductor, Pacing, Run, RunOver, RunStamp, RunStats, RunTimes, Worker};
pub use script::{ScriptFile, ScriptSource};
pub use source::ScenarioSource;
pub use store::Trapped;
