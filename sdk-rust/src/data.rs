//! Feeds: rows of the CSV or JSON-lines files given with `--data NAME=FILE`.
//!
//! ```no_run
//! # use swell::prelude::*;
//! # fn scenario() -> Result<()> {
//! let user = data::feed("users").unique()?;
//! let (name, age) = (user.text("name")?, user.parse::<u32>("age")?);
//! # Ok(()) }
//! ```
//!
//! The host reads a file once and all users share it. Two calls in one iteration give the same row,
//! except with [`Feed::random`].

mod row;

use crate::bindings::data::{self, Pick};
use crate::error::{Error, Result};
use crate::names::Names;
pub use row::Row;

/// The feed with this name.
#[must_use]
pub fn feed(name: &str) -> Feed<'_> {
    Feed { name }
}

/// A feed, and the ways to take a row of it. Each fails when no feed has the name; the error says
/// which names there are.
#[derive(Debug, Clone, Copy)]
pub struct Feed<'a> {
    name: &'a str,
}

impl Feed<'_> {
    /// Row i for iteration i, beginning anew after the last.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when no feed has this name.
    pub fn sequential(self) -> Result<Row> {
        self.next(Pick::Sequential)
    }

    /// Row i for iteration i, each at most once in the run.
    ///
    /// Take it before the transaction begins: where the rows end inside one, it counts as failed.
    ///
    /// # Errors
    ///
    /// [`Error::RunOver`] when there are no more, as the run then ends, unless `--data-wrap` was
    /// given. [`Error::Data`] when no feed has this name.
    pub fn unique(self) -> Result<Row> {
        self.next(Pick::Unique)
    }

    /// Any row, another each time.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when no feed has this name.
    pub fn random(self) -> Result<Row> {
        self.next(Pick::Random)
    }

    /// Row u for user u, beginning anew after the last: a user keeps its row.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when no feed has this name.
    pub fn by_user(self) -> Result<Row> {
        self.next(Pick::User)
    }

    /// How many rows there are; at least one.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when no feed has this name.
    pub fn size(self) -> Result<u64> {
        Ok(data::size(self.open()?))
    }

    fn next(self, pick: Pick) -> Result<Row> {
        data::next(self.open()?, pick).map(Row::new).ok_or(Error::RunOver)
    }

    fn open(self) -> Result<data::Feed> {
        thread_local! {
            static NAMES: Names = const { Names::new() };
        }
        NAMES.with(|names| names.number(self.name, data::open)).map_err(Error::Data)
    }
}
