//! What generates the traffic: HTTP/1.1 and HTTP/2 over connections that belong to one virtual
//! user, timed by phase.
//!
//! It knows no wasm. One [`Client`] serves a worker thread, one [`Session`] a virtual user;
//! [`Session::send`] always gives the exchange as it is to be recorded beside the answer or the
//! error, because a failed request is a measurement. Everything runs on a current-thread tokio
//! runtime inside a `LocalSet`; nothing is shared between workers but the loaded [`Tls`] roots, so
//! there is no lock on the way of a request.
//!
//! The road of a request, top-down:
//!
//! | file | what it decides |
//! |---|---|
//! | `session` | redirects, retries, which connection; the one loop that all requests run through |
//! | `request` | what is asked and what comes back |
//! | `trail` | the phases and counts of one exchange while it runs |
//! | `deadline` | one lazily re-armed timer for all phases of an exchange |
//! | `turn` | how long a connection may keep its thread |
//! | `endpoint` | a URL parsed once, and its origin with addresses and permission |
//! | `pool` | the user's own connections to one origin, and who waits for one |
//! | `connect` | names, TCP and TLS, up to a stream that can carry HTTP |
//! | `kernel` | what the kernel knows of a connection that the runtime does not |
//! | `probe` | a look at the target before a run |
//! | `outgoing` | what is sent: a request's own headers, and what is added to them |
//! | `http1`, `http2` | one exchange on one connection: HTTP/1.1 is our own, HTTP/2 is spoken by h2 |
//! | `body` | discarding and keeping what is received |
//! | `coding` | decompressing it |
//! | `redirect`, `cookies`, `resolve`, `tls`, `allow` | the rules by their name |

mod allow;
mod body;
mod client;
mod coding;
mod connect;
mod cookies;
mod deadline;
mod endpoint;
mod error;
mod http1;
mod http2;
mod kernel;
mod options;
mod outgoing;
mod pool;
mod probe;
mod redirect;
mod request;
mod resolve;
mod session;
mod tls;
mod trail;
mod turn;

pub use allow::AllowList;
pub use client::Client;
pub use error::{Error, OptionsError};
pub use options::{Options, Timeouts};
pub use probe::Unready;
pub use request::{Keep, Request, Response, Sent, Version, header};
pub use session::Session;
pub use tls::{ClientIdentity, Tls, TlsOptions};
