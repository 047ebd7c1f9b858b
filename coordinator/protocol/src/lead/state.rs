//! All that the lead of a run knows, as one value that can be kept and sent to another node.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use swell_core::RunInstant;
use swell_core::schedule::{Arrivals, Course, Numbering, Owner, Timeline};

use crate::clock::LocalInstant;
use crate::lead::event::LeadEvent;
use crate::lead::node::{NodeStanding, NodeState};
use crate::lease::LOST_AFTER;
use crate::message::{NodeId, Orders, RunStage, ToMember};
use crate::numbers::Numbers;
use crate::tables::Tables;

/// How far ahead a move is announced to those who gain slots: an answer, and another question in
/// case that the answer was lost.
const NOTICE: Duration = Duration::from_millis(350);
/// How long nodes may take to fetch and compile a scenario.
const PREPARING: Duration = Duration::from_secs(180);

/// What the lead must know about a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeadSettings {
    /// When slots are due; `None` in the closed model.
    pub timeline: Option<Timeline>,
    /// How slots are spread around the timeline.
    pub arrivals: Arrivals,
    /// Iterations to run.
    pub iterations: Option<u64>,
    /// How long the lead waits for a silent node at the end before it gives the node up: what is
    /// under way there may take that long.
    pub patience: Duration,
}

/// See the module's documentation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LeadState {
    pub(super) settings: LeadSettings,
    pub(super) orders: Orders,
    /// The orders that all nodes were told last.
    pub(super) published: Arc<Orders>,
    /// The course that they were told last; nothing while it is that of the plan.
    pub(super) course: Option<Course>,
    pub(super) tables: Tables,
    pub(super) nodes: BTreeMap<NodeId, NodeState>,
    /// Finds which slot is due now.
    pub(super) numbering: Numbering,
    /// Finds which slot is due where the latest lease ends.
    pub(super) ahead: Numbering,
    pub(super) numbers: Numbers<NodeId>,
    /// When the lead was last awake.
    pub(super) looked_at: LocalInstant,
    /// When the lead is next to look at what time has brought about.
    pub(super) due: LocalInstant,
    /// When the table was last drawn up anew.
    pub(super) rebalanced_at: Option<LocalInstant>,
    pub(super) was_ready: bool,
    /// Until when nodes may prepare.
    ready_by: LocalInstant,
    pub(super) is_over: bool,
    /// Messages that nobody has taken yet.
    pub(super) sends: VecDeque<(NodeId, ToMember)>,
    /// Events that nobody has taken yet. They are part of the state: what is in them is in no other
    /// place any more.
    pub(super) events: VecDeque<LeadEvent>,
}

impl LeadState {
    /// A run without nodes, about which nobody was told yet.
    pub(super) fn new(settings: LeadSettings, now: LocalInstant) -> Self {
        let orders = Orders {
            version: 0,
            stage: RunStage::Preparing,
            nodes: Vec::new(),
            tables: Vec::new(),
            timeline: settings.timeline.clone(),
            restarts: 0,
            is_paused: false,
            measured_from: None,
        };
        let numbering = Numbering::new(settings.arrivals);
        let numbers = Numbers::new(settings.iterations);
        Self {
            settings,
            published: Arc::new(orders.clone()),
            course: None,
            orders,
            tables: Tables::default(),
            nodes: BTreeMap::new(),
            ahead: numbering.clone(),
            numbering,
            numbers,
            looked_at: now,
            due: now,
            rebalanced_at: None,
            was_ready: false,
            ready_by: now + PREPARING,
            is_over: false,
            sends: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Adds a node, if tables have room for another one.
    pub(super) fn add(&mut self, now: LocalInstant, id: NodeId) {
        let Ok(owner) = Owner::try_from(self.orders.nodes.len()) else { return };
        self.orders.nodes.push(id);
        self.nodes.insert(id, NodeState::new(owner, now));
    }

    /// Notes that the lead is awake. If it has been asleep, it cannot tell which nodes were silent.
    pub(super) fn wake(&mut self, now: LocalInstant) {
        if now.since(self.looked_at) > LOST_AFTER / 2 {
            self.nodes.values_mut().for_each(|node| node.forgive_silence(now));
        }
        self.looked_at = self.looked_at.max(now);
    }

    /// Gives the orders a new version if something has changed, and tells all nodes.
    pub(super) fn publish(&mut self) {
        self.orders.version += 1;
        self.orders.tables = self.tables.current().cloned().collect();
        self.published = Arc::new(self.orders.clone());
        self.sends.extend(
            self.nodes.keys().map(|&node| (node, ToMember::Orders(Arc::clone(&self.published)))),
        );
    }

    /// Says once that nodes take too long to prepare.
    pub(super) fn look_whether_ready_in_time(&mut self, now: LocalInstant) {
        let prepares = matches!(self.orders.stage, RunStage::Preparing) && !self.was_ready;
        if prepares && now >= self.ready_by {
            self.ready_by = LocalInstant::NEVER;
            self.events.push_back(LeadEvent::NotReady(PREPARING));
        }
    }

    /// Says once that the counts of every node have arrived, or that the others have been silent
    /// for too long.
    pub(super) fn look_whether_over(&mut self, now: LocalInstant) {
        let is_given_up = |node: &NodeState| now.since(node.heard_at) >= self.settings.patience;
        // A node that never had a share has nothing to send.
        let is_over = |node: &NodeState| {
            node.standing == NodeStanding::Outside || node.inbox.is_complete() || is_given_up(node)
        };
        let has_begun = !matches!(self.orders.stage, RunStage::Preparing);
        if !self.is_over && has_begun && self.nodes.values().all(is_over) {
            self.is_over = true;
            self.events.push_back(LeadEvent::Over);
        }
    }

    /// The instant of the run; `None` before it has begun and once it ends.
    pub(super) fn run_now(&self, now: LocalInstant) -> Option<RunInstant> {
        match self.orders.stage {
            RunStage::Running { began } => Some(RunInstant::START + now.since(began)),
            RunStage::Preparing | RunStage::Ending { .. } => None,
        }
    }

    /// The first slot that is meant to start at that instant or later.
    pub(super) fn slot_at(&self, run_then: RunInstant) -> u64 {
        self.orders
            .timeline
            .as_ref()
            .map_or(0, |timeline| self.numbering.clone().first_at(timeline, run_then))
    }

    /// The first slot of which all nodes hear in time if they are told now.
    pub(super) fn notice(&self, now: LocalInstant) -> u64 {
        // The run may not have begun yet.
        self.run_now(now + NOTICE).map_or(0, |heard| self.slot_at(heard))
    }

    /// The longest round trip of all nodes.
    pub(super) fn slowest(&self) -> Duration {
        self.nodes.values().map(|node| node.round_trip).max().unwrap_or_default()
    }

    /// The weights by which slots are dealt out: of each node that takes part.
    pub(super) fn weights(&self) -> Vec<(Owner, f64)> {
        // A node that has sent its last counts starts nothing more.
        let inside = self.nodes.values().filter(|node| node.is_to_be_heard());
        let mut weights: Vec<(Owner, f64)> =
            inside.map(|node| (node.owner, node.strong_weight())).collect();
        weights.sort_by_key(|&(owner, _)| owner);
        weights
    }
}
