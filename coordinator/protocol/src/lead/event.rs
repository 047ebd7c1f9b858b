//! What the lead of a run tells its owner.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::deltas::Delta;
use crate::message::NodeId;

/// Something that the owner has to do, or to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LeadEvent {
    /// All nodes can begin.
    Ready,
    /// Not all nodes can begin after so long.
    NotReady(Duration),
    /// A node cannot take part, and says why.
    Refused(NodeId, String),
    /// What a node counted; the owner is to merge it.
    Merge(NodeId, Delta),
    /// A node is lost; its share moves.
    Lost(NodeId),
    /// A lost node takes part again.
    Back(NodeId),
    /// A node that came later takes part.
    Joined(NodeId),
    /// A node could not bear its share and gives a part of it away.
    Relieved(NodeId),
    /// A node leaves; its share moves.
    Left(NodeId),
    /// Every node has told all, or has been given up.
    Over,
}
