//! The lead of a run: which node has which slots, who may start them, and which results have
//! arrived.
//!
//! The owner passes on what nodes say ([`RunLead::handle_message`]), sends what
//! [`RunLead::poll_send`] gives, does what [`RunLead::poll_event`] says, and calls
//! [`RunLead::handle_time`] at [`RunLead::poll_timeout`]. The node that leads may take part in the
//! run as well: it is then one more member.
//!
//! | file | is |
//! |---|---|
//! | `event` | what the owner has to do, or to know |
//! | `node` | what is known of one node, and what follows for it alone |
//! | `state` | all that is known, as one value |
//! | `answer` | how a question is answered, and how far its lease reaches |
//! | `course` | what starts follow |
//! | `moves` | how slots move from node to node |

mod answer;
mod course;
mod event;
mod moves;
mod node;
mod state;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use swell_core::run::{SetPoint, UnknownStarts};
use swell_core::schedule::ShareTable;

pub use self::event::LeadEvent;
use self::node::{NodeStanding, NodeState};
pub use self::state::LeadSettings;
use self::state::LeadState;
use crate::clock::LocalInstant;
use crate::message::{Ending, NodeId, Orders, RunStage, ToLead, ToMember};

/// The shortest and the longest time between two looks at what time has brought about. What nodes
/// say takes effect at once.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(200));
/// The least time between the moment when all nodes are ready and the beginning of the run.
const MIN_LEAD_TIME: Duration = Duration::from_millis(500);
/// The same, in round trips.
const LEAD_ROUND_TRIPS: u32 = 10;
/// How long segments are kept that are over: the clocks of the run on the nodes may drift apart by
/// as much.
const KEPT: Duration = Duration::from_secs(15);

/// See the module's documentation.
#[derive(Debug)]
pub struct RunLead(LeadState);

/// All that a lead knew at a moment, to be kept or to be sent to another node.
///
/// The older a snapshot is, the less it is worth: a lead that is restored from it knows nothing
/// about later answers. Its instants are those of the clock of the node that took it. Nothing in it
/// is checked, so it may only come from a lead.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeadSnapshot(LeadState);

impl RunLead {
    /// A run that these nodes are to prepare.
    pub fn new(settings: LeadSettings, nodes: &[NodeId], now: LocalInstant) -> Self {
        let mut state = LeadState::new(settings, now);
        for &node in nodes {
            state.add(now, node);
        }
        state.publish();
        Self(state)
    }

    /// A copy of all that is known now, with the messages and events that nobody has taken yet.
    pub fn snapshot(&self) -> LeadSnapshot {
        LeadSnapshot(self.0.clone())
    }

    /// The lead of which a snapshot was taken: it answers everything as that lead would.
    pub fn restore(LeadSnapshot(state): LeadSnapshot) -> Self {
        Self(state)
    }

    /// A node is to take part that did not at the beginning. Nothing changes for a node that takes
    /// part already.
    pub fn handle_joining(&mut self, now: LocalInstant, node: NodeId) {
        if !self.0.nodes.contains_key(&node) {
            self.0.add(now, node);
            self.0.publish();
        }
    }

    /// A node sent counts that are impossible: what the node says is ignored from now on.
    pub fn distrust(&mut self, node: NodeId) {
        if let Some(node) = self.0.nodes.get_mut(&node) {
            node.is_distrusted = true;
        }
    }

    /// A node said something. What a node says that does not take part, or is distrusted, is
    /// ignored.
    pub fn handle_message(&mut self, now: LocalInstant, from: NodeId, message: ToLead) {
        let state = &mut self.0;
        state.wake(now);
        let node = state.nodes.get_mut(&from).filter(|node| !node.is_distrusted);
        let Some(node) = node else { return };
        node.heard_at = node.heard_at.max(now);
        match message {
            ToLead::Delta(delta) => {
                let ready = node.inbox.handle_delta(delta);
                if node.inbox.is_complete() {
                    state.due = state.due.min(now);
                }
                state.events.extend(ready.into_iter().map(|delta| LeadEvent::Merge(from, delta)));
            }
            ToLead::LeaseRequest(request) => state.handle_request(now, from, request),
        }
    }

    /// Time has passed: nodes may be lost, slots may move.
    pub fn handle_time(&mut self, now: LocalInstant) {
        let state = &mut self.0;
        state.wake(now);
        if let Some(run_now) = state.run_now(now) {
            if let Some(timeline) = &mut state.orders.timeline {
                state.numbering.first_at(timeline, run_now);
                timeline.forget_before(timeline.position_at(run_now - KEPT));
            }
            state.move_slots(now, run_now);
        }
        state.look_whether_ready_in_time(now);
        state.look_whether_over(now);
        let (soonest, latest) = LOOK_AGAIN;
        let to_be_heard = state.nodes.values().filter(|node| node.is_to_be_heard());
        let silences = to_be_heard.map(NodeState::would_be_silent);
        state.due = silences.fold(now + latest, LocalInstant::min).max(now + soonest);
    }

    /// All nodes are ready, and all that comes before the run was done: the nodes are to begin.
    /// Returns when.
    pub fn begin(&mut self, now: LocalInstant) -> LocalInstant {
        let state = &mut self.0;
        let began = now + MIN_LEAD_TIME.max(state.slowest() * LEAD_ROUND_TRIPS);
        state.orders.stage = RunStage::Running { began };
        for node in state.nodes.values_mut().filter(|node| node.weight.is_some()) {
            node.standing = NodeStanding::Inside;
        }
        state.tables.append(now, ShareTable::of_weights(0, &state.weights()));
        state.publish();
        began
    }

    /// From the next moment on starts follow this set-point. Nodes are told only if it differs from
    /// what they follow. They need more notice than the workers of one machine, so the lead finds
    /// itself when the set-point comes into force.
    pub fn follow(&mut self, now: LocalInstant, set_point: SetPoint) {
        if let Some(run_now) = self.0.run_now(now) {
            self.0.follow(run_now, set_point);
        }
    }

    /// Nothing may begin any more.
    pub fn end(&mut self, why: Ending) {
        self.0.orders.stage = RunStage::Ending { why };
        self.0.publish();
    }

    /// The next message, and the node that it is for.
    pub fn poll_send(&mut self) -> Option<(NodeId, ToMember)> {
        self.0.sends.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<LeadEvent> {
        self.0.events.pop_front()
    }

    /// When [`RunLead::handle_time`] is to be called at the latest: soon enough to see in time
    /// which nodes are lost, and at once when a node has said something that affects more than its
    /// lease.
    pub const fn poll_timeout(&self) -> LocalInstant {
        self.0.due
    }

    /// The part of the slots that a node has now.
    pub fn share(&self, node: NodeId) -> f64 {
        let table = self.0.tables.last();
        self.node(node).zip(table).map_or(0.0, |(node, table)| table.share(node.owner))
    }

    /// Whether a node takes part and is heard of.
    pub fn is_present(&self, node: NodeId) -> bool {
        self.node(node).is_some_and(|node| node.standing == NodeStanding::Inside)
    }

    /// Whether a node left of its own accord.
    pub fn has_left(&self, node: NodeId) -> bool {
        let has_left =
            |node: &NodeState| node.wants_to_leave && node.standing != NodeStanding::Lost;
        self.node(node).is_some_and(has_left)
    }

    /// Whether a node has, or had, a part in the run.
    pub fn took_part(&self, node: NodeId) -> bool {
        self.node(node).is_some_and(|node| node.standing != NodeStanding::Outside)
    }

    /// Whether a node is distrusted.
    pub fn is_distrusted(&self, node: NodeId) -> bool {
        self.node(node).is_some_and(|node| node.is_distrusted)
    }

    /// How often a node was lost.
    pub fn times_lost(&self, node: NodeId) -> u64 {
        self.node(node).map_or(0, |node| node.times_lost)
    }

    /// Whether the nodes have been told when to begin.
    pub const fn has_begun(&self) -> bool {
        !matches!(self.0.orders.stage, RunStage::Preparing)
    }

    /// Whether the counts of every node have arrived, or the node was given up.
    pub const fn is_over(&self) -> bool {
        self.0.is_over
    }

    /// Whether all counts of a node have arrived.
    pub fn is_complete(&self, node: NodeId) -> bool {
        self.node(node).is_some_and(|node| node.inbox.is_complete())
    }

    /// What a node started and nobody has merged.
    pub fn unknown(&self, node: NodeId) -> UnknownStarts {
        let Some(node) = self.node(node).filter(|node| !node.inbox.is_complete()) else {
            return UnknownStarts { least: 0, most: Some(0) };
        };
        let frontier = node.inbox.frontier();
        let own = self
            .0
            .orders
            .timeline
            .as_ref()
            .and_then(|_| self.0.tables.count(node.owner, frontier.reached, node.promised));
        let most = own.map(|own| own.saturating_add(frontier.waiting));
        // A node cannot have started more than it was given, whatever it says.
        let least = node.started.saturating_sub(frontier.started).min(most.unwrap_or(u64::MAX));
        UnknownStarts { least, most }
    }

    /// The orders in force.
    pub const fn orders(&self) -> &Orders {
        &self.0.orders
    }

    fn node(&self, node: NodeId) -> Option<&NodeState> {
        self.0.nodes.get(&node)
    }
}

#[cfg(test)]
mod tests;
