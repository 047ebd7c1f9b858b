//! What only a node knows of its part in a run that several share: with it, the records of all
//! these nodes make the result of the run, without whoever led it.

use serde::{Deserialize, Serialize};
use swell_core::RunInstant;
use swell_core::run::{MachineRecord, NodeId};

/// Whose part a record is of. It stands in the header of a node's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartAbout {
    /// The node.
    pub host: NodeId,
    /// All that were to take part when this node began.
    pub hosts: Vec<NodeId>,
}

/// Where a node's part is at the end of a frame. What is a number is that of the whole run so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PartMoment {
    /// Where the measured part begins.
    pub measured_from: RunInstant,
    /// Until when the node might start what was its own to start: after it, it counted what was
    /// under way, and no rate follows.
    pub covered_until: RunInstant,
    /// Whether whoever led was lost before the end.
    pub is_leaderless: bool,
    /// Whether nothing follows.
    pub is_last: bool,
    /// The most users that ever existed at a time.
    pub users_at_once: u64,
    /// Request heads handed to the network.
    pub requests_written: u64,
    /// When the latest iteration that ended did so.
    pub last_end: Option<RunInstant>,
    /// Slots that the node started.
    pub slots: u64,
    /// The facts of its machine.
    pub machine: MachineRecord,
}
