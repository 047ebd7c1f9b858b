//! Write load-test scenarios in Rust, for the Swell host to run.
//!
//! A *scenario* is what one virtual user does; each call of it is an *iteration*. The host calls it
//! again and again, for as many users as the load needs, and paces and measures the *transactions*
//! in it: the named, timed parts.
//!
//! ```no_run
//! use swell::prelude::*;
//!
//! /// Browses the shop.
//! #[scenario]
//! fn browse() -> Result<()> {
//!     let page = front_page()?;
//!     check!("has a title", page.text()?.contains("<title>"));
//!     think(secs(1..=3));
//!     Ok(())
//! }
//!
//! #[transaction]
//! fn front_page() -> Result<Response> {
//!     http::get("/").keep_body().send()
//! }
//! ```
//!
//! The code blocks, as a person does: one thing after another. What happens at once in a browser is
//! [`http::send_all`]. Time is measured by the host, and a response that is not 200 to 399 fails
//! its transaction without a line of code.
//!
//! # How an iteration ends
//!
//! `Ok` is the usual end. An error that reaches the end of the scenario fails the iteration, and
//! its text is counted in the report. The exception is [`Error::RunOver`]: when the run is over the
//! next transaction does not begin, and `?` carries that out of the scenario quietly.
//!
//! # Runs that code conducts
//!
//! A function with `#[conduct]` decides which scenarios of its file run, how, and when: see
//! [`runs`].
//!
//! # The crate of a scenario
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib"]
//!
//! [dependencies]
//! swell = "0.1"
//! ```
//!
//! It may hold several scenarios: each `#[scenario]` registers itself.

mod bindings;
mod checks;
pub mod context;
pub mod data;
mod error;
mod exports;
pub mod grpc;
pub mod http;
mod lifecycle;
pub mod log;
pub mod metrics;
mod names;
pub mod net;
pub mod random;
pub mod runs;
mod think;
mod transactions;
pub mod websocket;

pub use checks::check;
pub use error::{Error, Result};
pub use serde_json::json;
pub use swell_macros::{conduct, scenario, transaction};
pub use think::{Amount, Pause, millis, secs, think};
pub use transactions::transaction;

/// All that a scenario needs, in one `use`.
pub mod prelude {
    pub use crate::http::Response;
    pub use crate::{
        Error, Result, bail, check, choose, conduct, ensure, json, millis, scenario, secs, think,
        transaction,
    };
    pub use crate::{context, data, grpc, http, log, metrics, net, random, runs, websocket};
}

/// What the macros expand to; no part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::lifecycle::{Conduct, Hooks, Scenario, register, register_conduct};
    pub use crate::transactions::{TransactionName, named_transaction as transaction};
}

/// The bindings themselves, for guests that break the contract on purpose or use all of it; no part
/// of the interface.
#[doc(hidden)]
pub mod raw {
    pub use crate::bindings::{clock, http, transactions};
}
