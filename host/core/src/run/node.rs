//! Who takes part in a run, what each node tells, and what became of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::machine::MachineRecord;
use crate::RunInstant;
use crate::record::Snapshot;

/// A machine that generates load, for as long as its process lives: drawn at random when it starts,
/// so that nobody is taken for who it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    /// As 16 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What a node counted, as it travels.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct NodeCounts {
    /// Since it told the last time.
    pub counted: Snapshot,
    /// Users that exist.
    pub users: u64,
    /// The most users that ever existed at a time.
    pub users_at_once: u64,
    /// Request heads handed to the network so far, over the whole run.
    pub requests_written: u64,
    /// When the latest of its iterations to end did so, as far as that is known.
    pub last_end: Option<RunInstant>,
    /// Slots that it started so far.
    pub slots: u64,
    /// Its machine, so far.
    pub machine: MachineRecord,
}

/// What a node has of a run at the moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodePlace {
    /// Which node.
    pub id: NodeId,
    /// What it calls itself.
    pub name: String,
    /// The part of the slots that is its own.
    pub share: f64,
    /// Whether it is heard and takes part.
    pub is_present: bool,
    /// Whether it left of its own accord.
    pub has_left: bool,
}

/// What a node started that nobody has been told of: between these two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownStarts {
    /// So many surely.
    pub least: u64,
    /// So many at the most; nothing in the closed model, which sets no limit, or where shares moved
    /// thousands of times since.
    pub most: Option<u64>,
}

/// What became of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeFate {
    /// Which node.
    pub id: NodeId,
    /// What it calls itself.
    pub name: String,
    /// The part of the slots that it had last.
    pub share: f64,
    /// How often it was not heard for so long that others took over.
    pub times_lost: u64,
    /// What it started of which nothing was heard.
    pub unknown: UnknownStarts,
    /// Whether it told all.
    pub is_complete: bool,
    /// Whether it left of its own accord.
    pub has_left: bool,
}
