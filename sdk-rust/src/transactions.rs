//! Transactions: what the host paces and measures.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::bindings::transactions::{self, Kind, Outcome, Transaction};
use crate::error::{Error, Result};
use crate::names::Names;

/// Runs `body` as a transaction named `name`, for a place where a function with
/// [`#[transaction]`](macro@crate::transaction) is too much.
///
/// An outermost transaction waits until the schedule has a start for it. It ends when `body`
/// returns, also early through `?`: `Ok` is a success, `Err` a failure with the error's text.
/// Transactions may nest; a name that is open already traps.
///
/// # Errors
///
/// What `body` returned; [`Error::RunOver`] without running it when the run is over. Leave the
/// iteration then, as `?` does: a second attempt traps.
///
/// ```no_run
/// # use swell::prelude::*;
/// # fn scenario() -> Result<()> {
/// let page = transaction("front page", || http::get("/").keep_body().send())?;
/// # Ok(()) }
/// ```
pub fn transaction<T>(name: &str, body: impl FnOnce() -> Result<T>) -> Result<T> {
    thread_local! {
        static NAMES: Names = const { Names::new() };
    }
    let Ok(kind) = NAMES
        .with(|names| names.number(name, |name| Ok::<_, Infallible>(transactions::define(name))));
    run(kind, body)
}

/// The name of a transaction at its one place in the source, so that a call needs no search for its
/// number.
pub struct TransactionName {
    name: &'static str,
    kind: AtomicU32,
}

/// The host numbers at most 1,000 names.
const UNDEFINED: Kind = Kind::MAX;

impl TransactionName {
    /// A name that the host has not been told yet.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, kind: AtomicU32::new(UNDEFINED) }
    }

    fn kind(&self) -> Kind {
        match self.kind.load(Ordering::Relaxed) {
            UNDEFINED => {
                let kind = transactions::define(self.name);
                self.kind.store(kind, Ordering::Relaxed);
                kind
            }
            kind => kind,
        }
    }
}

/// What `#[transaction]` makes of a function's body.
pub fn named_transaction<T>(name: &TransactionName, body: impl FnOnce() -> Result<T>) -> Result<T> {
    run(name.kind(), body)
}

fn run<T>(kind: Kind, body: impl FnOnce() -> Result<T>) -> Result<T> {
    let transaction = transactions::begin(kind).map_err(|_| Error::RunOver)?;
    let result = body();
    match &result {
        Ok(_) => Transaction::finish(transaction, Outcome::Ok),
        Err(error) => Transaction::finish(transaction, Outcome::Failed(&error.to_string())),
    }
    result
}
