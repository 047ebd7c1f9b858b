//! One node's part in a run.
//!
//! The owner tells it what came and what the node did (`handle_*`), sends what
//! [`RunMember::poll_send`] gives, does what [`RunMember::poll_event`] says, and calls
//! [`RunMember::handle_time`] at [`RunMember::poll_timeout`]. The member asks for leases, keeps the
//! latest orders, and keeps results until they were merged.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use swell_core::RunInstant;

use crate::clock::{ClockComparison, ClockExchange, LocalInstant};
use crate::deltas::{DeltaOutbox, Frontier};
use crate::lease::{ASK_EVERY, HURRY_EVERY, HeldLease};
use crate::message::{
    Ending, LeaseAnswer, LeaseRequest, NodeId, Orders, Readiness, RunStage, ToLead, ToMember,
};
use crate::numbers::NumbersWanted;

/// How many questions compare the clocks before a node says that it is ready.
const FIRST_QUESTIONS: u32 = 16;
/// The time between these questions.
const FIRST_QUESTIONS_EVERY: Duration = Duration::from_millis(20);

/// What the node is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum MemberEvent {
    /// Begin, at this instant of the node's own clock.
    Begin(LocalInstant),
    /// Follow these orders.
    Follow(Arc<Orders>),
    /// Slots below a number may start, until an instant of the node's own clock. If the lease
    /// before has ended, what was missed is dropped.
    Lease {
        /// The number.
        below: u64,
        /// The instant.
        until: LocalInstant,
    },
    /// The node may use these iteration numbers.
    Numbers(Range<u64>),
    /// There will be no more iteration numbers than the node has.
    NumbersAreOver,
    /// Begin nothing more.
    End(Ending),
    /// All that the node counted was merged: the run is over for the node.
    Over,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct RunMember {
    id: NodeId,
    readiness: Readiness,
    /// The latest orders that have come.
    orders: Option<Arc<Orders>>,
    lease: HeldLease,
    /// The node's own clock against that of the lead.
    clock: ClockComparison,
    /// Questions that it has asked.
    questions: u32,
    /// Questions that were answered in time; each compares the clocks.
    exchanges: u32,
    /// When the run begins, on the node's own clock; `None` before that is known.
    began: Option<LocalInstant>,
    /// Why the run ends, once the node was told.
    ending: Option<Ending>,
    outbox: DeltaOutbox,
    /// Blocks of iteration numbers that the node was given.
    blocks: u64,
    numbers_wanted: u64,
    numbers_are_over: bool,
    frontier: Frontier,
    /// Whether the node has been the limit since its latest question.
    is_strained: bool,
    /// Whether all that the node counted was merged.
    is_over: bool,
    /// When the node asks next.
    next_question: LocalInstant,
    sends: VecDeque<ToLead>,
    events: VecDeque<MemberEvent>,
}

impl RunMember {
    /// A node that has been chosen for a run, and prepares.
    pub fn new(id: NodeId, now: LocalInstant) -> Self {
        Self {
            id,
            readiness: Readiness::Preparing,
            orders: None,
            lease: HeldLease::default(),
            clock: ClockComparison::default(),
            questions: 0,
            exchanges: 0,
            began: None,
            ending: None,
            outbox: DeltaOutbox::default(),
            blocks: 0,
            numbers_wanted: 0,
            numbers_are_over: false,
            frontier: Frontier::default(),
            is_strained: false,
            is_over: false,
            next_question: now,
            sends: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// The node can begin, or cannot take part at all.
    pub fn handle_prepared(&mut self, prepared: Result<f64, String>) {
        self.readiness = match prepared {
            Ok(weight) => Readiness::Ready { weight },
            Err(reason) => Readiness::Refused { reason },
        };
    }

    /// The node wants to leave. The orders tell it from which slot on others have its share; until
    /// then it goes on.
    pub fn handle_leaving(&mut self, now: LocalInstant) {
        if self.is_ready() {
            self.readiness = Readiness::Leaving;
            self.next_question = now;
        }
    }

    /// A message came from the lead.
    pub fn handle_message(&mut self, now: LocalInstant, message: ToMember) {
        match message {
            ToMember::Orders(orders) => self.follow(orders),
            ToMember::LeaseAnswer(answer) => self.handle_answer(now, answer),
        }
    }

    /// The node counted: how far it had come then, and whether nothing follows.
    ///
    /// # Panics
    /// After what was said to be the last.
    pub fn handle_counted(
        &mut self,
        now: LocalInstant,
        frontier: Frontier,
        is_last: bool,
        counted: Bytes,
    ) {
        self.outbox.push(frontier, is_last, counted);
        self.send_deltas(now);
    }

    /// How far the node has come, whether it has been the limit lately, and how many iteration
    /// numbers it would like to have. The node sends other messages at such a time, and a question
    /// that is due soon goes along with them.
    pub fn handle_state(
        &mut self,
        now: LocalInstant,
        frontier: Frontier,
        is_strained: bool,
        numbers_wanted: u64,
    ) {
        self.frontier = frontier;
        self.is_strained |= is_strained;
        self.numbers_wanted = numbers_wanted;
        if now + ASK_EVERY / 2 >= self.next_question && !self.is_over {
            self.ask(now);
        }
    }

    /// Time has passed: a question may be due, or a delta to be sent again.
    pub fn handle_time(&mut self, now: LocalInstant) {
        if now >= self.next_question && !self.is_over {
            self.ask(now);
        }
        self.send_deltas(now);
    }

    /// The next message to the lead.
    pub fn poll_send(&mut self) -> Option<ToLead> {
        self.sends.pop_front()
    }

    /// The next thing for the node to do.
    pub fn poll_event(&mut self) -> Option<MemberEvent> {
        self.events.pop_front()
    }

    /// When [`RunMember::handle_time`] is to be called at the latest; never, once all counts were
    /// merged.
    pub fn poll_timeout(&self) -> LocalInstant {
        if self.is_over {
            return LocalInstant::NEVER;
        }
        self.outbox
            .poll_timeout()
            .map_or(self.next_question, |resend| resend.min(self.next_question))
    }

    /// Whether a lease holds.
    pub fn holds_lease(&self, now: LocalInstant) -> bool {
        self.lease.holds(now)
    }

    fn handle_answer(&mut self, now: LocalInstant, answer: LeaseAnswer) {
        if let Some(orders) = answer.orders {
            self.follow(orders);
        }
        self.outbox.handle_acknowledged(answer.merged);
        self.send_deltas(now);
        if self.outbox.is_done() && !self.is_over {
            self.is_over = true;
            self.events.push_back(MemberEvent::Over);
        }
        // A lease is for a node that follows the orders under which it was given: under older
        // orders a slot may still seem to belong to the node.
        if self.orders.as_ref().map_or(0, |orders| orders.version) < answer.version {
            return;
        }
        let Some(asked) = self.lease.handle_answer(answer.question, answer.below) else { return };
        self.exchanges = self.exchanges.saturating_add(1);
        self.clock.add(ClockExchange {
            asked,
            received: answer.received,
            answered: answer.answered,
            returned: now,
        });
        self.begin();
        if let Some(block) = answer.block.filter(|block| block.ordinal == self.blocks + 1) {
            self.blocks = block.ordinal;
            self.numbers_wanted = 0;
            self.events.push_back(MemberEvent::Numbers(block.numbers));
        }
        if answer.numbers_are_over && !std::mem::replace(&mut self.numbers_are_over, true) {
            self.events.push_back(MemberEvent::NumbersAreOver);
        }
        if self.began.is_some() {
            self.events.push_back(MemberEvent::Lease {
                below: self.lease.below(),
                until: self.lease.until(),
            });
        }
    }

    fn follow(&mut self, orders: Arc<Orders>) {
        if self.orders.as_ref().is_some_and(|known| known.version >= orders.version) {
            return;
        }
        let ending = if let RunStage::Ending { why } = orders.stage { Some(why) } else { None };
        self.orders = Some(Arc::clone(&orders));
        if self.began.is_some() {
            self.events.push_back(MemberEvent::Follow(orders));
        } else {
            self.begin();
        }
        if ending.is_some() && std::mem::replace(&mut self.ending, ending) != ending {
            self.events.extend(ending.map(MemberEvent::End));
        }
    }

    /// Begins, if it is known when.
    fn begin(&mut self) {
        let (None, Some(orders), Some(offset)) = (self.began, &self.orders, self.clock.offset())
        else {
            return;
        };
        let RunStage::Running { began } = orders.stage else { return };
        if !self.is_ready() {
            return;
        }
        let began = offset.own(began);
        self.began = Some(began);
        self.events.push_back(MemberEvent::Begin(began));
        self.events.push_back(MemberEvent::Follow(Arc::clone(orders)));
    }

    fn ask(&mut self, now: LocalInstant) {
        let readiness = match &self.readiness {
            Readiness::Ready { .. } if !self.is_ready() => Readiness::Preparing,
            readiness => readiness.clone(),
        };
        self.questions = self.questions.saturating_add(1);
        let compares = self.exchanges < FIRST_QUESTIONS && self.questions < 2 * FIRST_QUESTIONS;
        self.sends.push_back(ToLead::LeaseRequest(LeaseRequest {
            question: self.lease.ask(now),
            answered: self.lease.answered(),
            version: self.orders.as_ref().map_or(0, |orders| orders.version),
            readiness,
            run_now: self.began.map(|began| RunInstant::START + now.since(began)),
            frontier: self.frontier,
            wanted: NumbersWanted { had: self.blocks, count: self.numbers_wanted },
            is_strained: std::mem::take(&mut self.is_strained),
            round_trip: self.clock.round_trip(),
        }));
        self.next_question = now
            + if compares {
                FIRST_QUESTIONS_EVERY
            } else if self.lease.is_half_over(now) {
                HURRY_EVERY
            } else {
                ASK_EVERY
            };
    }

    /// Whether the node can begin: it is prepared, and its clock was compared.
    const fn is_ready(&self) -> bool {
        matches!(self.readiness, Readiness::Ready { .. } | Readiness::Leaving)
            && self.exchanges >= FIRST_QUESTIONS / 2
    }

    fn send_deltas(&mut self, now: LocalInstant) {
        while let Some(delta) = self.outbox.poll_send(now) {
            self.sends.push_back(ToLead::Delta(delta));
        }
    }

    /// Its own id.
    pub const fn id(&self) -> NodeId {
        self.id
    }
}
