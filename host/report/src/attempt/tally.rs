//! What an iteration came to, as its exit code and its last line say.

use swell_core::observer::{Function, ObservedEnd, UserEvent};
use swell_core::units::counted;

use crate::exit::Exit;

/// Counts events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventTally {
    transactions: GoodAndBad,
    requests: GoodAndBad,
    checks: GoodAndBad,
    /// Whether `run` returned an error.
    is_iteration_failed: bool,
    /// Whether what happens now is the iteration, and not what goes before and after it.
    is_iteration: bool,
}

/// How many did what they should, and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct GoodAndBad {
    ok: u64,
    failed: u64,
}

impl GoodAndBad {
    fn add(&mut self, is_ok: bool) {
        if is_ok { self.ok += 1 } else { self.failed += 1 }
    }

    /// As `3 requests ok, 1 failed`.
    fn words(self, noun: &str, [good, bad]: [&str; 2]) -> String {
        match self {
            Self { ok: 0, failed: 0 } => format!("no {noun}s"),
            Self { ok, failed: 0 } => format!("{} {good}", counted(ok, noun)),
            Self { ok: 0, failed } => format!("{} {bad}", counted(failed, noun)),
            Self { ok, failed } => format!("{} {good}, {failed} {bad}", counted(ok, noun)),
        }
    }
}

impl EventTally {
    /// Takes in an event.
    pub fn count(&mut self, event: &UserEvent) {
        match event {
            UserEvent::Called(function) => {
                self.is_iteration = matches!(function, Function::Iteration(_));
            }
            UserEvent::Returned(Err(_)) => self.is_iteration_failed |= self.is_iteration,
            UserEvent::Ended { end, .. } => self.transactions.add(*end == ObservedEnd::Ok),
            UserEvent::Exchanged(exchanged) => self.requests.add(exchanged.failure.is_none()),
            UserEvent::CutOff { .. } => self.requests.add(false),
            UserEvent::Checked { passed, .. } => self.checks.add(*passed),
            UserEvent::Returned(Ok(()))
            | UserEvent::Began { .. }
            | UserEvent::Opened { .. }
            | UserEvent::Read { .. }
            | UserEvent::Measured { .. }
            | UserEvent::Messaged(_)
            | UserEvent::Logged { .. }
            | UserEvent::Socket(_)
            | UserEvent::Waits(_) => {}
        }
    }

    /// How the command ends for what was seen: as failed where the iteration or a transaction of
    /// it failed. A check is counted, and fails nothing.
    pub const fn exit(&self) -> Exit {
        if self.is_iteration_failed || self.transactions.failed > 0 {
            Exit::Threshold
        } else {
            Exit::Passed
        }
    }

    /// The last line of a command that ends so.
    pub fn line(&self, exit: Exit) -> String {
        let Self { transactions, requests, checks, .. } = self;
        let end = match exit {
            Exit::Passed => "passed",
            Exit::Signal | Exit::StoppedByScenario => "stopped",
            _ => "failed",
        };
        format!(
            "{end}: {}; {}; {}",
            transactions.words("transaction", ["ok", "failed"]),
            requests.words("request", ["ok", "failed"]),
            checks.words("check", ["passed", "failed"])
        )
    }
}
