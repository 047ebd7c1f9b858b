//! What the lead of a run has to tell to its owner.

use serde::{Deserialize, Serialize};

use crate::deltas::Delta;
use crate::message::NodeId;

/// What is to be done, or to be known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LeadEvent {
    /// All nodes can begin.
    Ready,
    /// A node cannot take part, and says why.
    Refused(NodeId, String),
    /// What a node counted, to be merged.
    Merge(NodeId, Delta),
    /// A node is not heard any more; its share moves.
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
