//! What nodes say to one another about a run.
//!
//! ## Why so few
//! Both sides say what *is*, never what has changed: a node tells where it stands with each
//! question; the lead tells the whole of its orders with each version. So a message that is
//! lost, doubled or overtaken needs no rule of its own, and a node that was away is up to date
//! after one answer.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use swell_core::RunInstant;
pub use swell_core::run::NodeId;
use swell_core::schedule::{Numbering, ShareTable, Timeline};

use crate::clock::LocalInstant;
use crate::deltas::{Delta, Frontier};
use crate::numbers::{Block, NumbersWanted};

/// From a node to the lead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToLead {
    /// Where it stands, and the question for a lease.
    LeaseRequest(LeaseRequest),
    /// What it counted.
    Delta(Delta),
}

/// From the lead to a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToMember {
    /// To a question.
    LeaseAnswer(LeaseAnswer),
    /// Unasked, when they change.
    Orders(Arc<Orders>),
}

/// A question for a lease, and where the node stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// Its number.
    pub question: u64,
    /// The latest question whose answer the node has taken in.
    pub answered: Option<u64>,
    /// The orders that it follows; 0 before the first.
    pub version: u64,
    /// How far it is.
    pub readiness: Readiness,
    /// What its clock of the run shows; nothing before it has begun.
    pub run_now: Option<RunInstant>,
    /// How far it has come with its slots.
    pub frontier: Frontier,
    /// Iteration numbers.
    pub wanted: NumbersWanted,
    /// Whether it, and not the service, has been the limit since the last question.
    pub is_strained: bool,
    /// The least time that a question and its answer have taken.
    pub round_trip: Option<Duration>,
}

/// How far a node is with a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Readiness {
    /// It fetches and compiles.
    Preparing,
    /// It can begin at any time. How much it can bear beside others is a number of its own scale.
    Ready {
        /// Its weight when slots are dealt out.
        weight: f64,
    },
    /// It takes part, and wants to leave: others are to have its slots.
    Leaving,
    /// It cannot take part.
    Refused {
        /// Why, for a person.
        reason: String,
    },
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeaseAnswer {
    /// To which.
    pub question: u64,
    /// When that came, on the clock of the lead.
    pub received: LocalInstant,
    /// When this left.
    pub answered: LocalInstant,
    /// The orders under which the lease is given: it is for a node that follows them.
    pub version: u64,
    /// Slots below this number may start.
    pub below: u64,
    /// Iteration numbers.
    pub block: Option<Block>,
    /// Whether there will be no more of them.
    pub numbers_are_over: bool,
    /// The node's deltas up to this number have been merged.
    pub merged: u64,
    /// The orders, where the node follows older ones.
    pub orders: Option<Arc<Orders>>,
}

/// What is to be done, whole. Of two the one with the higher version counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Orders {
    /// From 1.
    pub version: u64,
    /// Where the run is.
    pub stage: RunStage,
    /// The nodes that take part; their places are their numbers in tables.
    pub nodes: Vec<NodeId>,
    /// Whose the slots are, earliest first.
    pub tables: Vec<ShareTable>,
    /// When the slots are due; nothing in the closed model.
    pub timeline: Option<Timeline>,
    /// How often objectives were told to judge only what begins anew.
    pub restarts: u64,
    /// Whether nothing is to begin, whatever paces it.
    pub is_paused: bool,
    /// Where the measured part begins, if that is not where it was planned.
    pub measured_from: Option<RunInstant>,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStage {
    /// Nodes prepare.
    Preparing,
    /// It has begun, or begins.
    Running {
        /// At this instant of the clock of the lead.
        began: LocalInstant,
    },
    /// Nothing begins any more.
    Ending {
        /// Why.
        why: Ending,
    },
}

/// Why nothing begins any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The run has come to its end.
    Finished,
    /// It was stopped; what is under way may finish.
    Stopped,
    /// What is under way is to be cut, too.
    Cut,
}

impl Orders {
    /// The number of a node in tables; nothing where it takes no part.
    pub fn owner(&self, node: NodeId) -> Option<u16> {
        self.nodes.iter().position(|&one| one == node).and_then(|place| u16::try_from(place).ok())
    }

    /// Whether every slot that is, or was, this node's has been due by an instant of the run, and
    /// there will be no more of them. `numbering` is that of the run's arrivals, at this instant or
    /// before.
    pub fn are_done_with(&self, owner: u16, mut numbering: Numbering, run_now: RunInstant) -> bool {
        let mut last_first = self.tables.iter().rev();
        let Some(last) = last_first.next().filter(|table| table.share(owner) == 0.0) else {
            return false;
        };
        let from = last_first
            .take_while(|table| table.share(owner) == 0.0)
            .last()
            .map_or(last.from, |table| table.from);
        self.timeline.as_ref().is_none_or(|timeline| numbering.first_at(timeline, run_now) >= from)
    }
}
