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

/// A variable of the environment, for credentials: what is typed can be seen by all users of a
/// machine.
type Variable = fn(&str) -> Option<String>;

/// The environment's own.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
