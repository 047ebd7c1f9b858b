//! What the lead knows about one node, and what follows for that node alone.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use swell_core::schedule::Owner;

use crate::clock::LocalInstant;
use crate::deltas::DeltaInbox;
use crate::lease::{Grants, LOST_AFTER};
use crate::message::{LeaseRequest, Readiness};

/// The least time between two moves of a node's share.
pub(super) const BETWEEN_MOVES: Duration = Duration::from_secs(3);
/// The longest time for which a node that is lost again and again stays away.
const MAX_EXILE: Duration = Duration::from_secs(48);
/// How long a node may ask without getting an answer: the length of its lease, and a question.
const DEAF_AFTER: Duration = Duration::from_millis(1_500);
/// The greatest round trip that a node is believed: with a longer one it could hold no lease.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(1);
/// The greatest weight of a node: the cores of the largest machine.
const MAX_WEIGHT: f64 = 1_000.0;
/// The part of its strength that a node keeps each time when it cannot bear its share.
const STRAINED_KEEPS: f64 = 0.8;
/// The least strength that a node keeps, however strained it is.
const MIN_STRENGTH: f64 = 1.0 / 16.0;
/// How many questions in a row, a second of them, must say that the node is strained, or that it is
/// not, before that is believed.
const STRAINED_QUESTIONS: u32 = 5;

/// One node of a run, as the lead sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct NodeState {
    /// The node's number in tables.
    pub(super) owner: Owner,
    pub(super) grants: Grants,
    /// When the node last said anything.
    pub(super) heard_at: LocalInstant,
    /// When the node last showed that it also hears.
    hears_at: LocalInstant,
    /// The latest question whose answer the node had then.
    answered: Option<u64>,
    pub(super) standing: NodeStanding,
    /// How much the node can bear; `None` before it is ready.
    pub(super) weight: Option<f64>,
    /// The part of its weight that the node can bear.
    strength: f64,
    /// How many questions in a row said that the node is strained.
    strained_questions: u32,
    /// How many questions in a row said that it is not.
    free_questions: u32,
    /// How much the node says to have started.
    pub(super) started: u64,
    /// The slots below this number may have been started by the node.
    furthest: u64,
    /// The highest slot that was ever promised to the node.
    pub(super) promised: u64,
    pub(super) round_trip: Duration,
    pub(super) inbox: DeltaInbox,
    /// When the node's share moved last.
    pub(super) moved_at: Option<LocalInstant>,
    /// When the node last took part again after it had been lost.
    returned_at: Option<LocalInstant>,
    /// How long the node stays away when it is lost: longer each time.
    exile: Duration,
    has_refused: bool,
    pub(super) wants_to_leave: bool,
    /// How often it was lost.
    pub(super) times_lost: u64,
    /// Whether it told what cannot be.
    pub(super) is_distrusted: bool,
}

/// A node's part in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum NodeStanding {
    /// The node has no slots, and may get some.
    Outside,
    /// The node has slots, or slots were moved to it.
    Inside,
    /// The node was lost.
    Lost,
    /// The node has left, or will when what was promised to it is done.
    Left,
}

/// What changes because a node said how ready it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReadinessChange {
    /// Nothing.
    Known,
    /// The table may have to change.
    New,
    /// The node cannot take part, and gets no lease; with the reason, where it says so for the
    /// first time.
    Refused(Option<String>),
}

impl NodeState {
    /// A node that prepares, and counts as heard from now on.
    pub(super) fn new(owner: Owner, now: LocalInstant) -> Self {
        Self {
            owner,
            grants: Grants::default(),
            heard_at: now,
            hears_at: now,
            answered: None,
            standing: NodeStanding::Outside,
            weight: None,
            strength: 1.0,
            strained_questions: 0,
            free_questions: 0,
            started: 0,
            furthest: 0,
            promised: 0,
            round_trip: Duration::ZERO,
            inbox: DeltaInbox::default(),
            moved_at: None,
            returned_at: None,
            exile: BETWEEN_MOVES,
            has_refused: false,
            wants_to_leave: false,
            times_lost: 0,
            is_distrusted: false,
        }
    }

    /// The node has said how far it is with its slots.
    pub(super) fn handle_request(&mut self, now: LocalInstant, request: &LeaseRequest) {
        self.started = self.started.max(request.frontier.started);
        self.furthest = self.furthest.max(request.frontier.furthest.min(self.promised));
        self.round_trip = request.round_trip.unwrap_or(self.round_trip).min(MAX_ROUND_TRIP);
        self.grants.handle_answered(request.answered);
        if request.answered > self.answered || self.weight.is_none() {
            self.hears_at = self.hears_at.max(now);
            self.answered = request.answered;
        }
        if request.is_strained {
            self.strained_questions = self.strained_questions.saturating_add(1);
            self.free_questions = 0;
        } else {
            self.free_questions = self.free_questions.saturating_add(1);
            self.strained_questions = 0;
        }
    }

    /// The node has said how far it is with its preparations, or that it wants to leave.
    pub(super) fn handle_readiness(&mut self, readiness: Readiness) -> ReadinessChange {
        let is_new = match readiness {
            Readiness::Preparing => false,
            Readiness::Ready { weight } => {
                let weight = if weight.is_nan() { 0.0 } else { weight.clamp(0.0, MAX_WEIGHT) };
                self.weight.replace(weight).is_none()
            }
            Readiness::Leaving => !std::mem::replace(&mut self.wants_to_leave, true),
            Readiness::Refused { reason } => {
                let is_first = !std::mem::replace(&mut self.has_refused, true);
                return ReadinessChange::Refused(is_first.then_some(reason));
            }
        };
        if is_new { ReadinessChange::New } else { ReadinessChange::Known }
    }

    /// The lead was asleep until now, and cannot tell whether this node was silent.
    pub(super) fn forgive_silence(&mut self, now: LocalInstant) {
        if self.standing != NodeStanding::Lost {
            (self.heard_at, self.hears_at) = (now, now);
        }
    }

    /// The node is lost. If it is lost again soon after it came back, it stays away longer.
    pub(super) fn handle_lost(&mut self, now: LocalInstant) {
        self.times_lost = self.times_lost.saturating_add(1);
        self.exile = match self.returned_at {
            Some(returned) if now.since(returned) < 2 * self.exile => {
                (self.exile * 2).min(MAX_EXILE)
            }
            _ => BETWEEN_MOVES,
        };
    }

    /// The node takes part again.
    pub(super) fn handle_return(&mut self, now: LocalInstant) {
        self.returned_at = Some(now);
    }

    /// The node cannot bear its share, and keeps a part of it.
    pub(super) fn relieve(&mut self) {
        self.strength *= STRAINED_KEEPS;
        (self.strained_questions, self.free_questions) = (0, 0);
    }

    /// The weight by which the node gets slots.
    pub(super) fn strong_weight(&self) -> f64 {
        self.weight.unwrap_or(0.0) * self.strength
    }

    /// Whether the node has a part in the run, and not all of its counts have arrived.
    pub(super) fn is_to_be_heard(&self) -> bool {
        self.standing == NodeStanding::Inside && !self.inbox.is_complete()
    }

    /// Whether the node is heard, and hears. A node that does not hear has no lease any more.
    pub(super) fn is_there(&self, now: LocalInstant) -> bool {
        now < self.would_be_silent()
    }

    /// When the node counts as lost, if it says nothing until then.
    pub(super) fn would_be_silent(&self) -> LocalInstant {
        (self.heard_at + LOST_AFTER).min(self.hears_at + DEAF_AFTER)
    }

    /// Whether the node has a part in the run and has been silent for too long. A node that has
    /// just come back gets some time.
    pub(super) fn is_lost(&self, now: LocalInstant) -> bool {
        let is_settled =
            self.returned_at.is_none_or(|returned| now.since(returned) >= BETWEEN_MOVES);
        self.is_to_be_heard() && !self.is_there(now) && is_settled
    }

    /// Whether the node is ready, is heard and has not sent its last counts: then it may have
    /// slots.
    pub(super) fn may_take_part(&self, now: LocalInstant) -> bool {
        self.weight.is_some() && self.is_there(now) && !self.inbox.is_complete()
    }

    /// Whether the node has stayed away for long enough after it was lost.
    pub(super) fn may_return(&self, now: LocalInstant) -> bool {
        self.moved_at.is_none_or(|moved| now.since(moved) >= self.exile)
    }

    /// Whether the node's share has not moved lately.
    pub(super) fn may_move(&self, now: LocalInstant) -> bool {
        self.moved_at.is_none_or(|moved| now.since(moved) >= BETWEEN_MOVES)
    }

    /// The slot below which the node may have started any slot, or still may. If the rate has
    /// fallen, it may have come further than its lease reaches now.
    pub(super) fn bound(&self) -> u64 {
        self.grants.below().max(self.furthest)
    }

    /// Whether the node has said for long enough that it cannot bear its share, and has more than
    /// the least strength.
    pub(super) fn is_overburdened(&self) -> bool {
        self.strained_questions >= STRAINED_QUESTIONS && self.strength > MIN_STRENGTH
    }

    /// Whether the node has said for long enough that it could bear more.
    pub(super) fn is_free(&self) -> bool {
        self.standing == NodeStanding::Inside
            && self.weight > Some(0.0)
            && self.free_questions >= STRAINED_QUESTIONS
    }
}
