//! What nodes say to one another about a run.
//!
//! Both sides say what *is*, never what has changed: with each question a node says how far it is,
//! and with each version the lead sends all of its orders. So a message that is lost, doubled or
//! overtaken needs no rule of its own, and a node that was away is up to date after one answer.
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
    /// How far the node is, and the question for a lease.
    LeaseRequest(LeaseRequest),
    /// What the node counted.
    Delta(Delta),
}

/// From the lead to a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToMember {
    /// The answer to a question.
    LeaseAnswer(LeaseAnswer),
    /// Orders that have changed; nobody asked for them.
    Orders(Arc<Orders>),
}

/// A question for a lease, with how far the node is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// Its number.
    pub question: u64,
    /// The latest question whose answer the node has.
    pub answered: Option<u64>,
    /// The orders that it follows; 0 before the first.
    pub version: u64,
    /// How far the node is with its preparations.
    pub readiness: Readiness,
    /// What the node's clock of the run shows; `None` before the run has begun.
    pub run_now: Option<RunInstant>,
    /// How far it has come with its slots.
    pub frontier: Frontier,
    /// The node's wish for iteration numbers.
    pub wanted: NumbersWanted,
    /// Whether the node, and not the service, has been the limit since the last question.
    pub is_strained: bool,
    /// The least time that a question and its answer have taken.
    pub round_trip: Option<Duration>,
}

/// How far a node is with a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Readiness {
    /// It fetches and compiles the scenario.
    Preparing,
    /// It can begin at any time.
    Ready {
        /// How much the node can bear beside others, on a scale of its own: its weight when slots
        /// are dealt out.
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
    /// The number of the question.
    pub question: u64,
    /// When the question came, on the clock of the lead.
    pub received: LocalInstant,
    /// When the answer left.
    pub answered: LocalInstant,
    /// The orders under which the lease is given: it is for a node that follows them.
    pub version: u64,
    /// Slots below this number may start.
    pub below: u64,
    /// Iteration numbers, where the node gets some.
    pub block: Option<Block>,
    /// Whether there will be no more iteration numbers.
    pub numbers_are_over: bool,
    /// The node's deltas up to this number have been merged.
    pub merged: u64,
    /// The orders, where the node follows older ones.
    pub orders: Option<Arc<Orders>>,
}

/// All that is to be done. Of two orders the one with the higher version counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Orders {
    /// The version, from 1.
    pub version: u64,
    /// Where the run is.
    pub stage: RunStage,
    /// The nodes that take part; their places are their numbers in tables.
    pub nodes: Vec<NodeId>,
    /// Which slots belong to which node, earliest table first.
    pub tables: Vec<ShareTable>,
    /// When slots are due; `None` in the closed model.
    pub timeline: Option<Timeline>,
    /// How often objectives were told to judge only what begins from then on.
    pub restarts: u64,
    /// Whether nothing is to begin, whatever paces it.
    pub is_paused: bool,
    /// Where the measured part begins, if not where it was planned.
    pub measured_from: Option<RunInstant>,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStage {
    /// Nodes prepare.
    Preparing,
    /// The run has begun, or will.
    Running {
        /// The run's first instant, on the clock of the lead.
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
    /// The run was stopped; what is under way may finish.
    Stopped,
    /// What is under way is to be cut off, too.
    Cut,
}

impl Orders {
    /// The number of a node in tables; `None` where it does not take part.
    pub fn owner(&self, node: NodeId) -> Option<u16> {
        self.nodes.iter().position(|&one| one == node).and_then(|place| u16::try_from(place).ok())
    }

    /// Whether every slot that is, or was, this node's has been due by an instant of the run, and
    /// there will be no more of them. `numbering` is the numbering of the run's arrivals, at this
    /// instant or before.
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
