//! Who watches a node's part in a run that several share.

use std::time::SystemTime;

use swell_core::RunInstant;
use swell_core::run::{NodeCounts, NodeId};

/// What is known of a node's part when it begins.
#[derive(Debug)]
pub struct PartBeginning<'a> {
    /// The node.
    pub host: NodeId,
    /// All that were to take part then.
    pub hosts: &'a [NodeId],
    /// When the run's first instant is, or was.
    pub run_began: SystemTime,
    /// The present, on the clock of the run.
    pub at: RunInstant,
}

/// What a node counted since the last call, which is what it sends, and where its part is.
#[derive(Debug)]
pub struct PartCounts {
    /// When it ends.
    pub until: RunInstant,
    /// Whether what began just before that is measured.
    pub is_measuring: bool,
    /// Where the measured part begins.
    pub measured_from: RunInstant,
    /// Until when the node might start what was its own to start.
    pub covered_until: RunInstant,
    /// Whether whoever led was lost before the end.
    pub is_leaderless: bool,
    /// Whether nothing follows.
    pub is_last: bool,
    /// Whether the node leaves, while others go on.
    pub is_leaving: bool,
    /// What was counted.
    pub counts: NodeCounts,
}

/// See the module's documentation.
pub trait PartView {
    /// The part begins.
    fn begin(&mut self, beginning: &PartBeginning<'_>);

    /// What was counted, twice a second.
    fn count(&mut self, counts: PartCounts);
}
