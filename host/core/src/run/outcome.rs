//! What a run came to.

use std::time::Duration;

use super::control_record::ControlRecord;
use super::ending::{self, EndCause};
use super::machine::MachineRecord;
use super::node::ActedScenario;
use super::stops::Broken;
use super::totals::NodeResult;
use crate::RunInstant;
use crate::control::Limit;
use crate::record::{Batches, Snapshot};

/// See the module's documentation.
#[derive(Debug, PartialEq)]
pub struct RunOutcome {
    /// Why the run ended.
    pub cause: EndCause,
    /// All that was counted.
    pub snapshot: Snapshot,
    /// Length of the measured part.
    pub measured: Duration,
    /// Length of the warm-up.
    pub warm_up: Duration,
    /// Whether the service was steady at the end of the warm-up; `None` where nobody asked for
    /// that.
    pub is_steady: Option<bool>,
    /// Request heads handed to the network over the whole run.
    pub requests_written: u64,
    /// The most users that ever existed at a time.
    pub users_at_once: u64,
    /// What the users of each scenario did, in the order of the mix; empty where the run has one
    /// alone, or where nobody knows.
    pub acted: Vec<ActedScenario>,
    /// The run's first instant, as the time since the Unix epoch.
    pub began_at: Duration,
    /// The machines that generated the load, all together.
    pub machine: MachineRecord,
    /// What held the rate; `None` where the plan's profile alone did.
    pub control: Option<ControlRecord>,
    /// The limits of the run, with when they ended.
    pub limits: Vec<(Limit, Option<RunInstant>)>,
    /// Response times of the measured part, second by second.
    pub batches: Batches,
    /// The nodes that shared the run; empty where one node ran it alone.
    pub nodes: Vec<NodeResult>,
    /// Conditions that did not hold at some time, of those that are judged while the run goes on.
    pub broken: Vec<Broken>,
}

impl RunOutcome {
    /// Whether users did nothing but trap.
    pub fn only_traps(&self) -> bool {
        ending::only_traps(&self.snapshot)
    }

    /// Whether nothing ever began, and something failed before it could begin.
    pub fn nothing_began(&self) -> bool {
        ending::nothing_began(&self.snapshot)
    }
}
