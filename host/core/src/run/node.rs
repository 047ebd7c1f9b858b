//! Who takes part in a run, what each node tells, and what became of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::machine::MachineRecord;
use crate::RunInstant;
use crate::record::Snapshot;
use crate::schedule::MAX_SCENARIOS;
use crate::travel;

/// The identity of a node, for as long as its process lives. It is drawn at random when the process
/// starts, so that nobody takes a node for an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    /// Writes the identity as 16 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What a node counted, as it travels.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct NodeCounts {
    /// What the node counted since it last sent its counts.
    pub counted: Snapshot,
    /// Users that exist.
    pub users: u64,
    /// The most users that ever existed at a time.
    pub users_at_once: u64,
    /// Request heads handed to the network so far, over the whole run.
    pub requests_written: u64,
    /// When the latest iteration that ended did so, as far as that is known.
    pub last_end: Option<RunInstant>,
    /// Slots that the node has started so far.
    pub slots: u64,
    /// The facts of the node's machine so far.
    pub machine: MachineRecord,
    /// What the users of each scenario did, in the order of the mix, where the run has several.
    #[serde(deserialize_with = "travel::list_of::<MAX_SCENARIOS, _, _>")]
    pub acted: Vec<ActedScenario>,
}

/// What the users of one scenario of several did, over the whole run so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActedScenario {
    /// The most users that ever existed at a time.
    pub users_at_once: u64,
    /// Iterations that took place and have ended.
    pub iterations: u64,
}

/// A node's part in a run at the moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodePlace {
    /// The node.
    pub id: NodeId,
    /// The node's name.
    pub name: String,
    /// The node's part of the slots.
    pub share: f64,
    /// Whether the node takes part and is heard of.
    pub is_present: bool,
    /// Whether the node left of its own accord.
    pub has_left: bool,
}

/// How many starts of a node are in no figure, because the node could not report them: between two
/// bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownStarts {
    /// The lower bound.
    pub least: u64,
    /// The upper bound; `None` in the closed model, which sets no limit, or where shares have moved
    /// thousands of times since.
    pub most: Option<u64>,
}

/// What became of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeFate {
    /// The node.
    pub id: NodeId,
    /// The node's name.
    pub name: String,
    /// The part of the slots that the node had last.
    pub share: f64,
    /// How often the node was silent for so long that others took over its slots.
    pub times_lost: u64,
    /// Starts of the node that are in no figure.
    pub unknown: UnknownStarts,
    /// Whether all counts of the node arrived.
    pub is_complete: bool,
    /// Whether the node left of its own accord.
    pub has_left: bool,
}
