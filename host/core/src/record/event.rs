//! What a recorder is told: a transaction's instants and end, an iteration's end, the part of the
//! run.

use crate::RunInstant;
use crate::exchange::ErrorClass;

/// A part of a run, by which figures are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunPhase {
    /// Before measuring begins.
    WarmUp,
    /// What percentiles and thresholds are about.
    Measured,
}

/// The instants of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionTimes {
    /// When it was meant to start; its actual start where nothing paced it.
    pub intended: RunInstant,
    /// When its user was ready for it; its actual start where it did not wait.
    pub parked_at: RunInstant,
    /// When it started.
    pub started: RunInstant,
    /// When it ended.
    pub ended: RunInstant,
}

impl TransactionTimes {
    /// The times of a transaction that was not paced: nested, or in the closed model.
    pub const fn unpaced(started: RunInstant, ended: RunInstant) -> Self {
        Self { intended: started, parked_at: started, started, ended }
    }
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionEnd<'a> {
    /// It did what it should.
    Ok,
    /// It did not.
    Failed(&'a Cause<'a>),
    /// It was cut off, at the end of the run or with its user: it counts as at least the age that
    /// it had.
    Interrupted,
}

/// Why a transaction failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause<'a> {
    /// A request was answered with a status that was not expected.
    Status(u16),
    /// A request had no answer.
    Request(ErrorClass),
    /// The scenario said so.
    Said(&'a str),
    /// It was open when its iteration returned.
    NotEnded,
    /// Its user was cut off by a trap.
    Trap(&'a str),
}

/// How an iteration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IterationEnd {
    /// The scenario returned.
    Ok,
    /// The scenario returned an error, or trapped.
    Failed,
    /// It was cut off at the end of the run.
    Interrupted,
}
