//! What the lead knows of one node, and what follows for that node alone.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use swell_core::schedule::Owner;

use crate::clock::LocalInstant;
use crate::deltas::DeltaInbox;
use crate::lease::{Grants, LOST_AFTER};
use crate::message::{LeaseRequest, Readiness};

/// The least time from when a node's share moves to when it moves again.
pub(super) const BETWEEN_MOVES: Duration = Duration::from_secs(3);
/// The longest that a node that keeps getting lost is left out.
const MAX_EXILE: Duration = Duration::from_secs(48);
/// How long a node may ask without having an answer: its lease, and a question.
const DEAF_AFTER: Duration = Duration::from_millis(1_500);
/// What a node is believed at the most: with more it could hold no lease.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(1);
/// The most that a node may weigh: cores, of the largest machine.
const MAX_WEIGHT: f64 = 1_000.0;
/// How much of its strength a node keeps each time that it cannot bear its share.
const STRAINED_KEEPS: f64 = 0.8;
/// The least strength that a node keeps however strained it is.
const MIN_STRENGTH: f64 = 1.0 / 16.0;
/// Questions in a row, a second of them, in which a node says that it is strained, or that it is
/// not, before it is believed.
const STRAINED_QUESTIONS: u32 = 5;

/// One node of a run, as the lead sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct NodeState {
    /// Its number in tables.
    pub(super) owner: Owner,
    pub(super) grants: Grants,
    /// When it last said anything.
    pub(super) heard_at: LocalInstant,
    /// When it last showed that it hears as well.
    hears_at: LocalInstant,
    /// The latest question whose answer it had then.
    answered: Option<u64>,
    pub(super) standing: NodeStanding,
    /// Nothing before it is ready.
    pub(super) weight: Option<f64>,
    /// The part of its weight that it can bear.
    strength: f64,
    /// Questions in a row in which it said that it is strained.
    strained_questions: u32,
    /// Questions in a row in which it said that it is not.
    free_questions: u32,
    /// What it says to have started.
    pub(super) started: u64,
    /// The slots below this number may have been started by it.
    furthest: u64,
    /// The highest slot that it was ever promised.
    pub(super) promised: u64,
    pub(super) round_trip: Duration,
    pub(super) inbox: DeltaInbox,
    /// When its share moved last.
    pub(super) moved_at: Option<LocalInstant>,
    /// When it last took part again after it had been lost.
    returned_at: Option<LocalInstant>,
    /// How long it is left out when it is lost: longer each time.
    exile: Duration,
    has_refused: bool,
    pub(super) wants_to_leave: bool,
}

/// What a node has of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum NodeStanding {
    /// It has no slots, and may get some.
    Outside,
    /// It has slots, or has had them moved to it.
    Inside,
    /// It was lost.
    Lost,
    /// It has left, or does as soon as what it was promised is done.
    Left,
}

/// What a node's readiness changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReadinessChange {
    /// Nothing.
    Known,
    /// The table may have to change.
    New,
    /// It cannot take part, and is given no lease; the reason where it says so for the first time.
    Refused(Option<String>),
}

impl NodeState {
    /// A node that prepares, and is heard from now on.
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
        }
    }

    /// It has told where it stands.
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

    /// It has told how far it is with its preparations, or that it wants to leave.
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

    /// It is lost. A second loss soon after it came back keeps it away for longer.
    pub(super) fn handle_lost(&mut self, now: LocalInstant) {
        self.exile = match self.returned_at {
            Some(returned) if now.since(returned) < 2 * self.exile => {
                (self.exile * 2).min(MAX_EXILE)
            }
            _ => BETWEEN_MOVES,
        };
    }

    /// It takes part again.
    pub(super) fn handle_return(&mut self, now: LocalInstant) {
        self.returned_at = Some(now);
    }

    /// It cannot bear its share, and keeps a part of it.
    pub(super) fn relieve(&mut self) {
        self.strength *= STRAINED_KEEPS;
        (self.strained_questions, self.free_questions) = (0, 0);
    }

    /// What it is given slots by.
    pub(super) fn strong_weight(&self) -> f64 {
        self.weight.unwrap_or(0.0) * self.strength
    }

    /// Whether it has a part of the run, and has not told all of it.
    pub(super) fn is_to_be_heard(&self) -> bool {
        self.standing == NodeStanding::Inside && !self.inbox.is_complete()
    }

    /// Whether it is heard, and hears. One that does not hear has no lease any more.
    pub(super) fn is_there(&self, now: LocalInstant) -> bool {
        now < self.would_be_silent()
    }

    /// When it is not there any more, if it says nothing until then.
    pub(super) fn would_be_silent(&self) -> LocalInstant {
        (self.heard_at + LOST_AFTER).min(self.hears_at + DEAF_AFTER)
    }

    /// Whether it has a part of the run and has fallen silent. One that has just come back is given
    /// some time.
    pub(super) fn is_lost(&self, now: LocalInstant) -> bool {
        let is_settled =
            self.returned_at.is_none_or(|returned| now.since(returned) >= BETWEEN_MOVES);
        self.is_to_be_heard() && !self.is_there(now) && is_settled
    }

    /// Whether it is ready, there, and has something left to tell: then it may have slots.
    pub(super) fn may_take_part(&self, now: LocalInstant) -> bool {
        self.weight.is_some() && self.is_there(now) && !self.inbox.is_complete()
    }

    /// Whether it has been left out for long enough after it was lost.
    pub(super) fn may_return(&self, now: LocalInstant) -> bool {
        self.moved_at.is_none_or(|moved| now.since(moved) >= self.exile)
    }

    /// Whether its share has not moved lately.
    pub(super) fn may_move(&self, now: LocalInstant) -> bool {
        self.moved_at.is_none_or(|moved| now.since(moved) >= BETWEEN_MOVES)
    }

    /// The slot below which it may have started any, or may still. Under a rate that has fallen it
    /// may have come further than its lease reaches now.
    pub(super) fn bound(&self) -> u64 {
        self.grants.below().max(self.furthest)
    }

    /// Whether it has said long enough that it cannot bear its share, and has more than the least.
    pub(super) fn is_overburdened(&self) -> bool {
        self.strained_questions >= STRAINED_QUESTIONS && self.strength > MIN_STRENGTH
    }

    /// Whether it has said long enough that it could bear more.
    pub(super) fn is_free(&self) -> bool {
        self.standing == NodeStanding::Inside
            && self.weight > Some(0.0)
            && self.free_questions >= STRAINED_QUESTIONS
    }
}
