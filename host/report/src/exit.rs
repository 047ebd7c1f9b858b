//! The numbers of exit codes, and which goes before which: a contract with scripts and CI. Where k6
//! has a code for it, it is k6's. How a run ended is decided in `judgement`.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How the program ended. Where several hold, the first in the order of the variants is the exit
/// code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Exit {
    /// Wrong usage, plan or scenario file; nothing was sent.
    Usage,
    /// The scenario's `setup` failed or trapped, or every user trapped.
    Trapped,
    /// Stopped by the scenario's `stop-run`.
    StoppedByScenario,
    /// Stopped by a signal before its end; the results up to there are complete.
    Signal,
    /// The same, by the control API.
    StoppedOverApi,
    /// The load generator, not the service, was the limit.
    Invalid,
    /// A host that shared the run was lost, or the one that led it, and what it did is not known in
    /// full.
    HostsLost,
    /// A search found the load generator to be the limit.
    GeneratorFound,
    /// A search found no rate that holds.
    NoRate,
    /// A threshold failed.
    Threshold,
    /// Failed by the scenario's `fail-run`.
    FailedByScenario,
    /// Results could not be written where they should be.
    Unwritten,
    /// All is well.
    Passed,
}

impl Exit {
    /// All of them, first things first.
    pub const ALL: [Self; 13] = [
        Self::Usage,
        Self::Trapped,
        Self::StoppedByScenario,
        Self::Signal,
        Self::StoppedOverApi,
        Self::Invalid,
        Self::HostsLost,
        Self::GeneratorFound,
        Self::NoRate,
        Self::Threshold,
        Self::FailedByScenario,
        Self::Unwritten,
        Self::Passed,
    ];

    /// The one with this number.
    pub fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| exit.code() == code)
    }

    /// The number that a shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Threshold => 99,
            Self::StoppedOverApi => 103,
            Self::Usage => 104,
            Self::Signal => 105,
            Self::Trapped => 107,
            Self::StoppedByScenario => 108,
            Self::FailedByScenario => 110,
            Self::Invalid => 111,
            Self::NoRate => 112,
            Self::GeneratorFound => 113,
            Self::Unwritten => 114,
            Self::HostsLost => 115,
        }
    }
}

impl From<Exit> for u8 {
    fn from(exit: Exit) -> Self {
        exit.code()
    }
}

impl TryFrom<u8> for Exit {
    type Error = UnknownExit;

    fn try_from(code: u8) -> Result<Self, UnknownExit> {
        Self::of_code(code).ok_or(UnknownExit(code))
    }
}

/// A code that no exit has: a later release may have more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no way to end has the exit code {0}")]
pub struct UnknownExit(u8);

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_holds_wins() {
        let codes =
            [Exit::Threshold, Exit::Invalid, Exit::Signal].into_iter().min().map(Exit::code);
        assert_eq!(codes, Some(105));
    }
}
