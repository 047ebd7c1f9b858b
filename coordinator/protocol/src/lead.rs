//! Leading a run: whose slots are whose, who may start them, and what has come back.
//!
//! Whoever owns it passes on what nodes say ([`Lead::handle_message`]), sends what
//! [`Lead::poll_send`] gives, does what [`Lead::poll_event`] says, and calls [`Lead::handle_time`]
//! at [`Lead::poll_timeout`]. The leading node may well take part itself: it is then one member
//! more.
//!
//! ## How slots move
//! A move is a new table, in force from a slot that nobody who loses any could have been promised
//! ([`crate::lease::Grants`]). Where a node is lost the others only gain, so only its own lease is
//! waited for. Any other move (a node that comes, or comes back, or is strained) makes many lose a
//! little, so it waits a whole lease ahead. No node is moved twice within three seconds, and one
//! that is lost again and again comes back later each time: a link that flaps must not shake the
//! load of all.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use swell_core::RunInstant;
use swell_core::schedule::{Arrivals, Course, Law, Numbering, Owner, Table, Timeline};

use crate::clock::LocalInstant;
use crate::deltas::{Delta, Inbox};
use crate::lease::{Grants, LEASE, LOST_AFTER};
use crate::message::{
    Ending, LeaseAnswer, LeaseRequest, NodeId, Orders, Readiness, RunStage, ToLead, ToMember,
};
use crate::numbers::Numbers;
use crate::tables::Tables;

/// The least time from when a node's share moves to when it moves again.
const BETWEEN_MOVES: Duration = Duration::from_secs(3);
/// The longest that a node that keeps getting lost is left out.
const LONGEST_EXILE: Duration = Duration::from_secs(48);
/// How often it is looked what time has brought about, at the most and at the least: what nodes say
/// is looked at when they say it.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(200));
/// How long a node may ask without having an answer: its lease, and a question.
const DEAF_AFTER: Duration = Duration::from_millis(1_500);
/// How far ahead those who gain slots hear of it: an answer, and a question after it that was lost.
const NOTICE: Duration = Duration::from_millis(350);
/// From when all are ready to when they begin, at the least.
const LEAST_LEAD_TIME: Duration = Duration::from_millis(500);
/// And in round trips.
const LEAD_ROUND_TRIPS: u32 = 10;
/// What a node is believed at the most: with more it could hold no lease.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(1);
/// How far ahead a course is published at the least, and a round trip: by then all follow it.
const COURSE_NOTICE: Duration = Duration::from_millis(20);
/// How long segments are kept that are over: nodes' clocks of the run may drift apart by as much.
const KEPT: Duration = Duration::from_secs(15);
/// The most that a node may weigh: cores, of the largest machine.
const MOST_WEIGHT: f64 = 1_000.0;
/// How much of its weight a node keeps that is strained.
const STRAINED_KEEPS: f64 = 0.8;
/// Questions in a row, a second of them, in which a node says that it is strained, or that it is
/// not, before it is believed.
const STRAINED_QUESTIONS: u32 = 5;
/// The least part of its weight that a node keeps however strained it is.
const LEAST_WEIGHT: f64 = 1.0 / 16.0;

/// What a run is, as far as its leading goes.
#[derive(Clone, Debug)]
pub struct LeadSettings {
    /// When the slots are due; nothing in the closed model.
    pub timeline: Option<Timeline>,
    /// How slots are spread around the timeline.
    pub arrivals: Arrivals,
    /// Iterations to run.
    pub iterations: Option<u64>,
    /// How long a silent node is waited for at the end before it is given up: what is under way
    /// there may take that long.
    pub patience: Duration,
}

/// What is to be done, or to be known.
#[derive(Clone, Debug, PartialEq)]
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

/// What a node started that nobody has been told of: between these two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// So many surely.
    pub least: u64,
    /// So many at the most; nothing in the closed model, which sets no limit, or where shares moved
    /// thousands of times since.
    pub most: Option<u64>,
}

#[derive(Debug)]
struct NodeState {
    owner: Owner,
    grants: Grants,
    heard: LocalInstant,
    /// When it last showed that it hears as well, and the latest question whose answer it had then.
    hears: LocalInstant,
    answered: Option<u64>,
    place: Participation,
    /// Nothing before it is ready.
    weight: Option<f64>,
    /// The part of its weight that it can bear.
    strength: f64,
    /// Questions in a row in which it said that it is strained, and in which it said that it is
    /// not: one of the two is zero.
    strained: (u32, u32),
    started: u64,
    /// The slots below this number may have been started by it.
    furthest: u64,
    /// The highest slot that it was ever promised.
    promised: u64,
    round_trip: Duration,
    inbox: Inbox,
    /// When its share moved last, and when it last took part again.
    moved: Option<LocalInstant>,
    returned: Option<LocalInstant>,
    exile: Duration,
    has_refused: bool,
    wants_to_leave: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Participation {
    /// It has no slots, and may get some.
    Outside,
    /// It has slots, or has had them moved to it.
    Inside,
    /// It was lost.
    Lost,
    /// It has left, or does as soon as what it was promised is done.
    Left,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Lead {
    settings: LeadSettings,
    orders: Orders,
    /// The same as all were told it last.
    published: Arc<Orders>,
    tables: Tables,
    nodes: BTreeMap<NodeId, NodeState>,
    numbering: Numbering,
    /// The same, where the latest lease ends.
    ahead: Numbering,
    numbers: Numbers<NodeId>,
    looked: LocalInstant,
    /// When it is to be looked what time has brought about.
    due: LocalInstant,
    rebalanced: Option<LocalInstant>,
    was_ready: bool,
    is_over: bool,
    sends: VecDeque<(NodeId, ToMember)>,
    events: VecDeque<LeadEvent>,
}

impl Lead {
    /// A run that these nodes are to prepare.
    pub fn new(settings: LeadSettings, nodes: &[NodeId], now: LocalInstant) -> Self {
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
        let (numbering, numbers) =
            (Numbering::new(settings.arrivals), Numbers::new(settings.iterations));
        let mut lead = Self {
            settings,
            published: Arc::new(orders.clone()),
            orders,
            tables: Tables::default(),
            nodes: BTreeMap::new(),
            ahead: numbering.clone(),
            numbering,
            numbers,
            looked: now,
            due: now,
            rebalanced: None,
            was_ready: false,
            is_over: false,
            sends: VecDeque::new(),
            events: VecDeque::new(),
        };
        for &node in nodes {
            lead.add(now, node);
        }
        lead.publish();
        lead
    }

    /// A node is to take part that did not at the beginning. One that does already stays as it is.
    pub fn handle_joining(&mut self, now: LocalInstant, node: NodeId) {
        if !self.nodes.contains_key(&node) {
            self.add(now, node);
            self.publish();
        }
    }

    /// A node said something. One that takes no part is not heard.
    pub fn handle_message(&mut self, now: LocalInstant, from: NodeId, message: ToLead) {
        self.look(now);
        let Some(node) = self.nodes.get_mut(&from) else { return };
        node.heard = node.heard.max(now);
        match message {
            ToLead::Delta(delta) => {
                let ready = node.inbox.handle_delta(delta);
                if node.inbox.is_complete() {
                    self.due = self.due.min(now);
                }
                self.events.extend(ready.into_iter().map(|delta| LeadEvent::Merge(from, delta)));
            }
            ToLead::LeaseRequest(ask) => self.handle_ask(now, from, ask),
        }
    }

    /// Time has passed: nodes may be lost, slots may move.
    pub fn handle_time(&mut self, now: LocalInstant) {
        self.look(now);
        if let Some(run_now) = self.run_now(now) {
            if let Some(timeline) = &mut self.orders.timeline {
                self.numbering.first_at(timeline, run_now);
                timeline.forget_before(timeline.position_at(run_now - KEPT));
            }
            if matches!(self.orders.stage, RunStage::Running { .. }) {
                self.move_slots(now, run_now);
            }
        }
        self.look_whether_over(now);
        let (soonest, latest) = LOOK_AGAIN;
        let silences = self
            .nodes
            .values()
            .filter(|node| node.is_to_be_heard())
            .map(NodeState::would_be_silent);
        self.due = silences.fold(now + latest, LocalInstant::min).max(now + soonest);
    }

    /// All are ready, and what was to be done before the run has been done: they are to begin.
    /// Gives when.
    pub fn begin(&mut self, now: LocalInstant) -> LocalInstant {
        let began = now + LEAST_LEAD_TIME.max(self.slowest() * LEAD_ROUND_TRIPS);
        self.orders.stage = RunStage::Running { began };
        for node in self.nodes.values_mut().filter(|node| node.weight.is_some()) {
            node.place = Participation::Inside;
        }
        self.tables.append(now, Table::of_weights(0, &self.weights()));
        self.publish();
        began
    }

    /// From the next moment on starts are to follow another course; with `restart` objectives judge
    /// only what begins then.
    pub fn change_course(&mut self, now: LocalInstant, course: Course, restart: bool) {
        let Some(run_now) = self.run_now(now) else { return };
        let notice = COURSE_NOTICE.max(self.slowest());
        if let Some(timeline) = &mut self.orders.timeline {
            match (course, &self.settings.timeline) {
                (Course::Rate(rate), _) => {
                    timeline.change_after(run_now + notice, Law::Constant(rate))
                }
                (Course::Profile, Some(profile)) => {
                    timeline.follow_after(run_now + notice, profile)
                }
                (Course::Profile, None) => {}
            }
            self.ahead = self.numbering.clone();
        }
        self.orders.restarts += u64::from(restart);
        self.publish();
    }

    /// Nothing is to begin, or things are to begin again.
    pub fn pause(&mut self, is_paused: bool) {
        self.orders.is_paused = is_paused;
        self.publish();
    }

    /// The warm-up ends: what is meant to begin from this instant on is measured.
    pub fn measure_from(&mut self, from: RunInstant) {
        self.orders.measured_from = Some(from);
        self.publish();
    }

    /// Nothing is to begin any more.
    pub fn end(&mut self, why: Ending) {
        self.orders.stage = RunStage::Ending { why };
        self.publish();
    }

    /// The next message, and for whom.
    pub fn poll_send(&mut self) -> Option<(NodeId, ToMember)> {
        self.sends.pop_front()
    }

    /// The next thing to do or to know.
    pub fn poll_event(&mut self) -> Option<LeadEvent> {
        self.events.pop_front()
    }

    /// When [`Lead::handle_time`] is to be called at the latest: soon enough to see in time who is
    /// lost, and at once when a node has said something on which more hangs than its lease.
    pub const fn poll_timeout(&self) -> LocalInstant {
        self.due
    }

    /// The part of the slots that a node has at present.
    pub fn share(&self, node: NodeId) -> f64 {
        self.nodes
            .get(&node)
            .zip(self.tables.last())
            .map_or(0.0, |(node, table)| table.share(node.owner))
    }

    /// Whether a node takes part and is heard.
    pub fn is_present(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.place == Participation::Inside)
    }

    /// Whether a node left of its own accord.
    pub fn has_left(&self, node: NodeId) -> bool {
        self.nodes
            .get(&node)
            .is_some_and(|node| node.wants_to_leave && node.place != Participation::Lost)
    }

    /// Whether a node has, or had, a part of the run.
    pub fn took_part(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.place != Participation::Outside)
    }

    /// Whether a node has told all.
    pub fn is_complete(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.inbox.is_complete())
    }

    /// What a node started that has not been merged.
    pub fn unknown(&self, node: NodeId) -> Unknown {
        let Some(node) = self.nodes.get(&node).filter(|node| !node.inbox.is_complete()) else {
            return Unknown { least: 0, most: Some(0) };
        };
        let frontier = node.inbox.frontier();
        let own = self
            .orders
            .timeline
            .as_ref()
            .and_then(|_| self.tables.count(node.owner, frontier.reached, node.promised));
        let most = own.map(|own| own.saturating_add(frontier.waiting));
        // What it says to have started beyond what it was given, it has not.
        let least = node.started.saturating_sub(frontier.started).min(most.unwrap_or(u64::MAX));
        Unknown { least, most }
    }

    /// The orders in force.
    pub const fn orders(&self) -> &Orders {
        &self.orders
    }

    /// The longest of the nodes' round trips.
    fn slowest(&self) -> Duration {
        self.nodes.values().map(|node| node.round_trip).max().unwrap_or_default()
    }

    fn add(&mut self, now: LocalInstant, id: NodeId) {
        let Ok(owner) = Owner::try_from(self.orders.nodes.len()) else { return };
        self.orders.nodes.push(id);
        let node = NodeState {
            owner,
            grants: Grants::default(),
            heard: now,
            hears: now,
            answered: None,
            place: Participation::Outside,
            weight: None,
            strength: 1.0,
            strained: (0, 0),
            started: 0,
            furthest: 0,
            promised: 0,
            round_trip: Duration::ZERO,
            inbox: Inbox::default(),
            moved: None,
            returned: None,
            exile: BETWEEN_MOVES,
            has_refused: false,
            wants_to_leave: false,
        };
        self.nodes.insert(id, node);
    }

    /// Whoever has been asleep cannot tell who was silent.
    fn look(&mut self, now: LocalInstant) {
        if now.since(self.looked) > LOST_AFTER / 2 {
            self.nodes
                .values_mut()
                .filter(|node| node.place != Participation::Lost)
                .for_each(|node| (node.heard, node.hears) = (now, now));
        }
        self.looked = self.looked.max(now);
    }

    fn run_now(&self, now: LocalInstant) -> Option<RunInstant> {
        match self.orders.stage {
            RunStage::Running { began } => Some(RunInstant::START + now.since(began)),
            RunStage::Preparing | RunStage::Ending { .. } => None,
        }
    }

    fn handle_ask(&mut self, now: LocalInstant, id: NodeId, ask: LeaseRequest) {
        let nodes = self.nodes.values().filter(|node| node.place == Participation::Inside).count();
        let below = self.promise(now, ask.run_now);
        let (version, stage) = (self.orders.version, self.orders.stage);
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.started = node.started.max(ask.frontier.started);
        node.furthest = node.furthest.max(ask.frontier.furthest.min(node.promised));
        node.round_trip = ask.round_trip.unwrap_or(node.round_trip).min(LONGEST_ROUND_TRIP);
        node.grants.handle_answered(ask.answered);
        if ask.answered > node.answered || node.weight.is_none() {
            (node.hears, node.answered) = (node.hears.max(now), ask.answered);
        }
        node.strained =
            if ask.is_strained { (node.strained.0 + 1, 0) } else { (0, node.strained.1 + 1) };
        let mut is_news = false;
        match ask.readiness {
            Readiness::Preparing => {}
            Readiness::Ready { weight } => {
                let weight = if weight.is_nan() { 0.0 } else { weight.clamp(0.0, MOST_WEIGHT) };
                is_news = node.weight.replace(weight).is_none();
            }
            Readiness::Leaving => is_news = !std::mem::replace(&mut node.wants_to_leave, true),
            Readiness::Refused { reason } => {
                if !std::mem::replace(&mut node.has_refused, true) {
                    self.events.push_back(LeadEvent::Refused(id, reason));
                }
                return;
            }
        }
        if is_news {
            self.due = self.due.min(now);
        }
        node.grants.grant(ask.question, below);
        node.promised = node.promised.max(below);
        let merged = node.inbox.merged();
        // Who has no share would only keep them from those who have.
        let has_share = self.tables.current().any(|table| table.share(node.owner) > 0.0);
        let block = match stage {
            RunStage::Running { .. } if has_share => self.numbers.hand_out(id, nodes, ask.wanted),
            RunStage::Running { .. } | RunStage::Preparing | RunStage::Ending { .. } => None,
        };
        let orders = (ask.version < version).then(|| Arc::clone(&self.published));
        let numbers_are_over = block.is_none() && self.numbers.are_exhausted();
        let answer = LeaseAnswer {
            question: ask.question,
            received: now,
            answered: now,
            version,
            below,
            block,
            numbers_are_over,
            merged,
            orders,
        };
        self.sends.push_back((id, ToMember::LeaseAnswer(answer)));
        if !self.was_ready && self.nodes.values().all(|node| node.weight.is_some()) {
            self.was_ready = true;
            self.events.push_back(LeadEvent::Ready);
        }
    }

    /// The slot that a lease given now stops short of: a whole lease ahead on the clock of the
    /// node, which may be ahead of this one.
    fn promise(&mut self, now: LocalInstant, theirs: Option<RunInstant>) -> u64 {
        let began = match self.orders.stage {
            RunStage::Running { began } => began,
            // Nobody is to start anything.
            RunStage::Preparing | RunStage::Ending { .. } => return 0,
        };
        let Some(timeline) = &self.orders.timeline else { return u64::MAX };
        let until = now + LEASE;
        let ours = RunInstant::START + until.since(began);
        // A node that claims to be far ahead of the time is wrong, and not given more for it.
        let theirs = theirs.map_or(ours, |theirs| (theirs + LEASE).min(ours + LEASE));
        let below = self.ahead.first_at(timeline, ours);
        if theirs > ours { self.ahead.clone().first_at(timeline, theirs) } else { below }
    }

    /// The first slot that is meant to start then.
    fn slot_at(&self, run_then: RunInstant) -> u64 {
        self.orders
            .timeline
            .as_ref()
            .map_or(0, |timeline| self.numbering.clone().first_at(timeline, run_then))
    }

    /// The first slot of which all nodes hear in time, if they are told now.
    fn notice(&self, now: LocalInstant) -> u64 {
        // Also before the run begins.
        self.run_now(now + NOTICE).map_or(0, |heard| self.slot_at(heard))
    }

    fn move_slots(&mut self, now: LocalInstant, run_now: RunInstant) {
        // One that has just come back is borne with for a while.
        let is_settled = |node: &NodeState| {
            node.returned.is_none_or(|returned| now.since(returned) >= BETWEEN_MOVES)
        };
        let silent =
            |node: &NodeState| node.is_to_be_heard() && !node.is_there(now) && is_settled(node);
        let lost: Vec<NodeId> =
            self.nodes.iter().filter(|(_, node)| silent(node)).map(|(id, _)| *id).collect();
        let mut has_moved = !lost.is_empty();
        for id in lost {
            self.lose(now, id);
        }
        let leaves = |node: &NodeState| node.place == Participation::Inside && node.wants_to_leave;
        let leaving: Vec<NodeId> =
            self.nodes.iter().filter(|(_, node)| leaves(node)).map(|(id, _)| *id).collect();
        for id in leaving {
            has_moved |= self.let_go(now, id);
        }
        let reached = self
            .nodes
            .values()
            .filter(|node| !node.inbox.is_complete())
            .map(|node| node.inbox.frontier().reached)
            .min();
        self.tables.forget(now, self.slot_at(run_now), reached.unwrap_or(u64::MAX));
        has_moved |= self.rebalance(now, run_now);
        // Once, however many nodes are lost or come at a time.
        if has_moved {
            self.publish();
        }
    }

    fn lose(&mut self, now: LocalInstant, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        // A second loss soon after the node came back keeps it away for longer.
        node.exile = match node.returned {
            Some(returned) if now.since(returned) < 2 * node.exile => {
                (node.exile * 2).min(LONGEST_EXILE)
            }
            _ => BETWEEN_MOVES,
        };
        self.deal_out(now, id, Participation::Lost);
        self.events.push_back(LeadEvent::Lost(id));
    }

    /// Has the others take over from a node that wants to leave, if there are any that can; says
    /// whether there are.
    fn let_go(&mut self, now: LocalInstant, id: NodeId) -> bool {
        let is_heir = |(other, node): (&NodeId, &NodeState)| {
            *other != id && node.is_to_be_heard() && node.weight > Some(0.0)
        };
        let has_heirs = self.nodes.iter().any(is_heir);
        if has_heirs {
            self.deal_out(now, id, Participation::Left);
            self.events.push_back(LeadEvent::Left(id));
        }
        has_heirs
    }

    /// Deals a node's slots out to the others, from the first on that it could not have started.
    fn deal_out(&mut self, now: LocalInstant, id: NodeId, place: Participation) {
        let notice = self.notice(now);
        let Some(node) = self.nodes.get_mut(&id) else { return };
        (node.place, node.moved) = (place, Some(now));
        let from = if self.orders.timeline.is_some() { node.bound().max(notice) } else { 0 };
        let owner = node.owner;
        let weights = self.weights();
        self.tables.remove(now, owner, from, &weights);
    }

    /// Draws the table up anew where somebody is to get slots that has none, or can bear less than
    /// it has; says whether it did.
    fn rebalance(&mut self, now: LocalInstant, run_now: RunInstant) -> bool {
        let here = self.slot_at(run_now);
        let is_settled = self.tables.last().is_none_or(|table| table.from <= here);
        if !is_settled {
            return false;
        }
        // Who comes for the first time need not wait for that.
        let is_early =
            self.rebalanced.is_some_and(|rebalanced| now.since(rebalanced) < BETWEEN_MOVES);
        let mut changed = false;
        // Where all are strained there is nobody to give anything to.
        let is_free = |node: &NodeState| {
            node.place == Participation::Inside
                && node.weight > Some(0.0)
                && node.strained.1 >= STRAINED_QUESTIONS
        };
        let is_any_free = self.nodes.values().any(is_free);
        let may_take_part = |node: &NodeState| {
            node.weight.is_some() && node.is_there(now) && !node.inbox.is_complete()
        };
        for (id, node) in self.nodes.iter_mut().filter(|(_, node)| may_take_part(node)) {
            let may_return = node.moved.is_none_or(|moved| now.since(moved) >= node.exile);
            match node.place {
                Participation::Outside => self.events.push_back(LeadEvent::Joined(*id)),
                Participation::Lost if may_return && !is_early => {
                    node.returned = Some(now);
                    self.events.push_back(LeadEvent::Back(*id));
                }
                Participation::Inside
                    if !is_early
                        && is_any_free
                        && node.is_overburdened()
                        && may_move(node, now) =>
                {
                    node.strength *= STRAINED_KEEPS;
                    node.strained = (0, 0);
                    self.events.push_back(LeadEvent::Relieved(*id));
                }
                Participation::Lost | Participation::Inside | Participation::Left => continue,
            }
            node.place = Participation::Inside;
            node.moved = Some(now);
            changed = true;
        }
        if !changed {
            return false;
        }
        self.rebalanced = Some(now);
        let bound = self.nodes.values().map(NodeState::bound).max().unwrap_or(0);
        // Without slots there is none to wait for.
        let from = self.orders.timeline.as_ref().map_or(0, |_| bound.max(self.notice(now)));
        self.tables.append(now, Table::of_weights(from, &self.weights()));
        true
    }

    fn weights(&self) -> Vec<(Owner, f64)> {
        // Who has told all starts nothing more.
        let inside = self.nodes.values().filter(|node| node.is_to_be_heard());
        let mut weights: Vec<(Owner, f64)> =
            inside.map(|node| (node.owner, node.weight.unwrap_or(0.0) * node.strength)).collect();
        weights.sort_by_key(|&(owner, _)| owner);
        weights
    }

    fn look_whether_over(&mut self, now: LocalInstant) {
        let given_up = |node: &NodeState| now.since(node.heard) >= self.settings.patience;
        // Who never had a share has nothing to tell.
        let is_over = |node: &NodeState| {
            node.place == Participation::Outside || node.inbox.is_complete() || given_up(node)
        };
        let began = !matches!(self.orders.stage, RunStage::Preparing);
        if !self.is_over && began && self.nodes.values().all(is_over) {
            self.is_over = true;
            self.events.push_back(LeadEvent::Over);
        }
    }

    /// Makes what has changed the orders of a new version, and tells all.
    fn publish(&mut self) {
        self.orders.version += 1;
        self.orders.tables = self.tables.current().cloned().collect();
        self.published = Arc::new(self.orders.clone());
        self.sends.extend(
            self.nodes.keys().map(|&node| (node, ToMember::Orders(Arc::clone(&self.published)))),
        );
    }
}

impl NodeState {
    /// Whether it has a part of the run, and has not told all of it.
    fn is_to_be_heard(&self) -> bool {
        self.place == Participation::Inside && !self.inbox.is_complete()
    }

    /// Whether it is heard, and hears. One that does not hear has no lease any more.
    fn is_there(&self, now: LocalInstant) -> bool {
        now < self.would_be_silent()
    }

    /// When it is not there any more, if it says nothing until then.
    fn would_be_silent(&self) -> LocalInstant {
        (self.heard + LOST_AFTER).min(self.hears + DEAF_AFTER)
    }

    /// The slot below which it may have started any, or may still. Under a rate that has fallen it
    /// may have come further than its lease reaches now.
    fn bound(&self) -> u64 {
        self.grants.below().max(self.furthest)
    }

    /// Whether it has said long enough that it cannot bear its share, and has more than the least.
    fn is_overburdened(&self) -> bool {
        self.strained.0 >= STRAINED_QUESTIONS && self.strength > LEAST_WEIGHT
    }
}

fn may_move(node: &NodeState, now: LocalInstant) -> bool {
    node.moved.is_none_or(|moved| now.since(moved) >= BETWEEN_MOVES)
}
