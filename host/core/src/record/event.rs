//! What a recorder is told: a transaction's times and end, an iteration's end, the part of the run.

use std::fmt::{self, Display, Formatter};

use crate::RunInstant;
use crate::exchange::ErrorClass;
use crate::grpc::status_name;

/// A part of a run, by which figures are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunPhase {
    /// The part before measuring begins.
    WarmUp,
    /// The part that percentiles and thresholds are about.
    Measured,
}

/// The instants of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionTimes {
    /// When the transaction was meant to start; its actual start where nothing paced it.
    pub intended: RunInstant,
    /// When its user was ready for it; its actual start where the user did not wait.
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
    /// It succeeded.
    Ok,
    /// It failed.
    Failed(&'a Cause<'a>),
    /// It was cut off, at the end of the run or with its user. It counts with the age that it had,
    /// as at least so long.
    Interrupted,
}

/// Why a transaction failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause<'a> {
    /// A request was answered with a status that was not expected.
    Status(u16),
    /// A request had no answer.
    Request(ErrorClass),
    /// A call of gRPC ended with a status that was not expected.
    Grpc(u16),
    /// The scenario said so.
    Said(&'a str),
    /// The transaction was open when its iteration returned.
    NotEnded,
    /// A trap cut its user off.
    Trap(&'a str),
}

impl Display for Cause<'_> {
    /// In the words of reports.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Request(class) => write!(f, "request: {}", class.name()),
            Self::Grpc(code) => write!(f, "grpc {}", status_name(*code)),
            Self::Said("") => f.write_str("said by the scenario"),
            Self::Said(text) => f.write_str(text),
            Self::NotEnded => f.write_str("not ended"),
            Self::Trap(text) => write!(f, "trap: {text}"),
        }
    }
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
