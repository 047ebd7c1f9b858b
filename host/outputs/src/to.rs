//! `--to KIND=PLACE`: figures that are sent to where a team looks, while runs go on.
//!
//! A run costs it nothing: what the runs tell goes into a queue with a bound, for a thread of the
//! sink's own ([`Queued`](crate::queued::Queued)). There it becomes *updates*, in bytes of the
//! receiver's form ([`updates`]), which wait in a [`backlog`] until a [`carrier`] has brought them.
//! A receiver that is down, slow or says no is told of once and tried again; what it never took is
//! counted and told at the end. The exit code is about the run, and never about a receiver.
//!
//! Each kind is a file here, and a line in [`KINDS`](crate::KINDS).

mod backlog;
mod carrier;
mod http;
pub(crate) mod influx;
pub(crate) mod otlp;
pub(crate) mod prometheus_file;
pub(crate) mod receiver_url;
pub(crate) mod remote_write;
mod sending;
pub(crate) mod statsd;
mod updates;
pub(crate) mod webhook;

use std::borrow::Cow;

use anyhow::ensure;
use ureq::http::{HeaderName, HeaderValue};

/// A variable of the environment, for credentials: what is typed can be seen by all users of a
/// machine.
type Variable = fn(&str) -> Option<String>;

/// What a variable holds, as the value of a header `name`. No message shows it.
///
/// # Errors
/// HTTP knows no such header.
fn header(
    variable: &str,
    name: impl Into<Cow<'static, str>>,
    value: String,
) -> anyhow::Result<(Cow<'static, str>, String)> {
    let name = name.into();
    let is_one =
        HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(&value).is_ok();
    ensure!(
        is_one,
        "{variable}: that cannot be a header of HTTP\nhelp: printable ASCII in one line, without a \
        line's end"
    );
    Ok((name, value))
}

/// The environment's own.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
