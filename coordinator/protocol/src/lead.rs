//! Leading a run: whose slots are whose, who may start them, and what has come back.
//!
//! Its owner passes on what nodes say ([`RunLead::handle_message`]), sends what
//! [`RunLead::poll_send`] gives, does what [`RunLead::poll_event`] says, and calls
//! [`RunLead::handle_time`] at [`RunLead::poll_timeout`]. The leading node may well take part
//! itself: it is then one member more.
//!
//! | file | is |
//! |---|---|
//! | `event` | what the owner has to do, or to know |
//! | `node` | what is known of one node, and what follows for it alone |
//! | `state` | all that is known, as one value |
//! | `answer` | how a question is answered, and how far its lease reaches |
//! | `moves` | how slots move from node to node |

mod answer;
mod event;
mod moves;
mod node;
mod state;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use swell_core::RunInstant;
use swell_core::run::UnknownStarts;
use swell_core::schedule::{Course, Law, ShareTable};

pub use self::event::LeadEvent;
use self::node::{NodeStanding, NodeState};
pub use self::state::LeadSettings;
use self::state::LeadState;
use crate::clock::LocalInstant;
use crate::message::{Ending, NodeId, Orders, RunStage, ToLead, ToMember};

/// How long time may pass at the least, and at the most, before its effects are looked for. What
/// nodes say takes effect when they say it.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(200));
/// From when all are ready to when they begin, at the least.
const MIN_LEAD_TIME: Duration = Duration::from_millis(500);
/// And in round trips.
const LEAD_ROUND_TRIPS: u32 = 10;
/// How far ahead a course is published at the least, and a round trip: by then all follow it.
const COURSE_NOTICE: Duration = Duration::from_millis(20);
/// How long segments are kept that are over: nodes' clocks of the run may drift apart by as much.
const KEPT: Duration = Duration::from_secs(15);

/// See the module's documentation.
#[derive(Debug)]
pub struct RunLead(LeadState);

/// All that a lead knew at a moment, to be kept or sent to another node.
///
/// It is as good as the moment is young: a lead that is restored from it knows nothing of what was
/// answered since. Its instants are those of the clock of the node that took it. It is believed as
/// it is, so it may only come from a lead.
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

    /// All that is known now, messages and events that nobody has taken yet included.
    pub fn snapshot(&self) -> LeadSnapshot {
        LeadSnapshot(self.0.clone())
    }

    /// The lead that a snapshot was taken of: to whatever comes it does what that one does.
    pub fn restore(LeadSnapshot(state): LeadSnapshot) -> Self {
        Self(state)
    }

    /// A node is to take part that did not at the beginning. One that does already stays as it is.
    pub fn handle_joining(&mut self, now: LocalInstant, node: NodeId) {
        if !self.0.nodes.contains_key(&node) {
            self.0.add(now, node);
            self.0.publish();
        }
    }

    /// A node said something. One that takes no part is not heard.
    pub fn handle_message(&mut self, now: LocalInstant, from: NodeId, message: ToLead) {
        let state = &mut self.0;
        state.wake(now);
        let Some(node) = state.nodes.get_mut(&from) else { return };
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
        state.look_whether_over(now);
        let (soonest, latest) = LOOK_AGAIN;
        let to_be_heard = state.nodes.values().filter(|node| node.is_to_be_heard());
        let silences = to_be_heard.map(NodeState::would_be_silent);
        state.due = silences.fold(now + latest, LocalInstant::min).max(now + soonest);
    }

    /// All are ready, and what was to be done before the run has been done: they are to begin.
    /// Gives when.
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

    /// From the next moment on starts are to follow another course; with `restart` objectives judge
    /// only what begins then.
    pub fn change_course(&mut self, now: LocalInstant, course: Course, restart: bool) {
        let state = &mut self.0;
        let Some(run_now) = state.run_now(now) else { return };
        let notice = COURSE_NOTICE.max(state.slowest());
        if let Some(timeline) = &mut state.orders.timeline {
            match (course, &state.settings.timeline) {
                (Course::Rate(rate), _) => {
                    timeline.change_after(run_now + notice, Law::Constant(rate))
                }
                (Course::Profile, Some(profile)) => {
                    timeline.follow_after(run_now + notice, profile)
                }
                (Course::Profile, None) => {}
            }
            state.ahead = state.numbering.clone();
        }
        state.orders.restarts += u64::from(restart);
        state.publish();
    }

    /// Nothing is to begin, or things are to begin again.
    pub fn pause(&mut self, is_paused: bool) {
        self.0.orders.is_paused = is_paused;
        self.0.publish();
    }

    /// The warm-up ends: what is meant to begin from this instant on is measured.
    pub fn measure_from(&mut self, from: RunInstant) {
        self.0.orders.measured_from = Some(from);
        self.0.publish();
    }

    /// Nothing is to begin any more.
    pub fn end(&mut self, why: Ending) {
        self.0.orders.stage = RunStage::Ending { why };
        self.0.publish();
    }

    /// The next message, and for whom.
    pub fn poll_send(&mut self) -> Option<(NodeId, ToMember)> {
        self.0.sends.pop_front()
    }

    /// The next thing to do or to know.
    pub fn poll_event(&mut self) -> Option<LeadEvent> {
        self.0.events.pop_front()
    }

    /// When [`RunLead::handle_time`] is to be called at the latest: soon enough to see in time who
    /// is lost, and at once when a node has said something on which more hangs than its lease.
    pub const fn poll_timeout(&self) -> LocalInstant {
        self.0.due
    }

    /// The part of the slots that a node has at present.
    pub fn share(&self, node: NodeId) -> f64 {
        let table = self.0.tables.last();
        self.node(node).zip(table).map_or(0.0, |(node, table)| table.share(node.owner))
    }

    /// Whether a node takes part and is heard.
    pub fn is_present(&self, node: NodeId) -> bool {
        self.node(node).is_some_and(|node| node.standing == NodeStanding::Inside)
    }

    /// Whether a node left of its own accord.
    pub fn has_left(&self, node: NodeId) -> bool {
        let has_left =
            |node: &NodeState| node.wants_to_leave && node.standing != NodeStanding::Lost;
        self.node(node).is_some_and(has_left)
    }

    /// Whether a node has, or had, a part of the run.
    pub fn took_part(&self, node: NodeId) -> bool {
        self.node(node).is_some_and(|node| node.standing != NodeStanding::Outside)
    }

    /// Whether a node has told all.
    pub fn is_complete(&self, node: NodeId) -> bool {
        self.node(node).is_some_and(|node| node.inbox.is_complete())
    }

    /// What a node started that has not been merged.
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
        // What it says to have started beyond what it was given, it has not.
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
