//! HTTP, sent and timed by the host over connections that belong to this virtual user.
//!
//! ```no_run
//! # use swell::prelude::*;
//! # fn scenario() -> Result<()> {
//! let who = json!({"user": "ada", "password": "secret"});
//! let login = http::post("/login").json(&who).keep_body().send()?;
//! let token = login.json::<serde_json::Value>()?["token"].as_str().ok_or("no token")?.to_owned();
//! http::get("/account").bearer(&token).send()?;
//! # Ok(()) }
//! ```
//!
//! A URL is absolute, or a path that is taken relative to the run's target. Cookies are kept by the
//! host for the user and cleared between iterations.

pub(crate) mod error;
mod prepared;
mod request;
mod response;
mod stream;

pub use crate::bindings::http::{Coding, Phase, Version};
pub use error::Error;
pub use request::{Request, Statuses, delete, get, head, options, patch, post, put, request};
pub use response::{Phases, Response};
pub use stream::{Ending, Event, Stream};

use crate::bindings::http;
use crate::error::Result;

/// Sends requests at the same time, as a browser loads what a page needs, and waits for all of
/// them.
///
/// The answers come in the order of the requests; to stop at the first that is missing:
/// `for answer in http::send_all([…]) { answer?; }`. At most 256 requests; more trap. Over HTTP/1.1
/// at most 6 connections a host are used, over HTTP/2 one.
pub fn send_all<'a>(requests: impl IntoIterator<Item = Request<'a>>) -> Vec<Result<Response>> {
    let requests: Vec<Request<'_>> = requests.into_iter().collect();
    let sent: Vec<http::Request<'_>> = requests.iter().map(Request::borrow).collect();
    let answers = http::send_all(&sent).into_iter();
    answers.map(request::answered).collect()
}
