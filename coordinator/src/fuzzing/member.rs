//! What the node that leads says to one that takes part, as far as that reaches: its leases, its
//! slots, its results.

#[cfg(test)]
mod seeds;

use std::time::Duration;

use bytes::Bytes;
use swell_core::RunInstant;
use swell_core::schedule::{Arrivals, Cursor, Law, Owner, Stripe, Timeline};
use swell_protocol::clock::LocalInstant;
use swell_protocol::deltas::Frontier;
use swell_protocol::lease::LEASE;
use swell_protocol::member::{MemberEvent, RunMember};
use swell_protocol::message::{LeaseAnswer, LeaseRequest, NodeId, Orders, ToLead, ToMember};

#[cfg(test)]
pub(super) use self::seeds::seeds;
use super::script::Script;

const ID: NodeId = NodeId(1);
const STEP: Duration = Duration::from_millis(50);
/// Starts in one step at the most: orders may ask for any number.
const STARTS: u32 = 50;
/// How long a script may be at the most.
const MAX_SCRIPT: Duration = Duration::from_secs(100);

struct World {
    now: LocalInstant,
    member: RunMember,
    /// Those of two threads.
    cursors: [Cursor; 2],
    taken: [Option<u64>; 2],
    began: Option<LocalInstant>,
    lease: (u64, LocalInstant),
    asked: Option<LeaseRequest>,
    /// How many deltas were told, and whether the last of them was.
    told: u64,
    has_told_all: bool,
    is_over: bool,
}

/// Each byte says what happens next, with what follows.
pub(super) fn target(bytes: &[u8]) -> bool {
    let mut script = Script(bytes);
    let mut world = World::new();
    let mut was_heard = false;
    while let Some(what) = script.byte()
        && world.now.since(LocalInstant::default()) < MAX_SCRIPT
    {
        match what % 4 {
            0 => (0..=what / 4 % 16).for_each(|_| world.step()),
            1 => {
                if let Some(Ok((message, _))) =
                    script.piece().map(postcard::take_from_bytes::<ToMember>)
                {
                    was_heard = true;
                    world.member.handle_message(world.now, message);
                }
            }
            2 => {
                // What fits its latest question, with any orders.
                let below =
                    script.byte().map_or(u64::MAX, |below| u64::from(below) << (below % 64));
                let orders = script
                    .piece()
                    .and_then(|bytes| postcard::take_from_bytes::<Orders>(bytes).ok())
                    .map(|(orders, _)| orders);
                was_heard |= orders.is_some();
                if let Some(asked) = &world.asked {
                    let answer = LeaseAnswer {
                        question: asked.question,
                        received: world.now,
                        answered: world.now,
                        version: orders.as_ref().map_or(asked.version, |orders| orders.version),
                        below,
                        block: None,
                        numbers_are_over: what > 128,
                        merged: world.told.saturating_sub(u64::from(what / 4)),
                        orders: orders.map(Into::into),
                    };
                    world.member.handle_message(world.now, ToMember::LeaseAnswer(answer));
                }
            }
            _ if !world.has_told_all && world.began.is_some() => world.tell(what >= 128),
            _ => {}
        }
        world.handle_events();
    }
    world.step();
    was_heard
}

impl World {
    fn new() -> Self {
        let now = LocalInstant::from_nanos(1_000_000_000);
        let mut member = RunMember::new(ID, now);
        member.handle_prepared(Ok(1.0));
        let law = Timeline::new(Law::Constant(100.0));
        let cursors = [0, 1].map(|thread| {
            Cursor::new(
                law.clone(),
                Arrivals::Uniform,
                Stripe::new(thread, 2),
                RunInstant::NEVER,
                u64::MAX,
            )
        });
        Self {
            now,
            member,
            cursors,
            taken: [None; 2],
            began: None,
            lease: (0, LocalInstant::default()),
            asked: None,
            told: 0,
            has_told_all: false,
            is_over: false,
        }
    }

    fn step(&mut self) {
        self.now = self.now + STEP;
        self.member.handle_time(self.now);
        self.handle_events();
        if let Some(run_now) = self.run_now().filter(|_| self.now < self.lease.1) {
            assert!(self.member.holds_lease(self.now));
            for (cursor, taken) in self.cursors.iter_mut().zip(&mut self.taken) {
                for _ in 0..STARTS {
                    let Some(due) = cursor.peek().filter(|due| due.intended <= run_now) else {
                        break;
                    };
                    assert_eq!(cursor.pop(), Some(due));
                    assert!(due.slot < self.lease.0, "what a lease does not reach is not started");
                    assert!(
                        taken.replace(due.slot).is_none_or(|before| before < due.slot),
                        "a thread starts no slot twice"
                    );
                }
            }
        }
        self.member.handle_state(self.now, self.frontier(), false, 10);
        while let Some(message) = self.member.poll_send() {
            let bytes = postcard::to_stdvec(&message).expect("a message can be written");
            assert_eq!(postcard::from_bytes::<ToLead>(&bytes).as_ref(), Ok(&message));
            match message {
                ToLead::LeaseRequest(ask) => self.asked = Some(ask),
                ToLead::Delta(delta) => assert_eq!(
                    delta.counted[..],
                    delta.number.to_le_bytes(),
                    "what is told stays what it was"
                ),
            }
        }
        assert!(self.member.poll_timeout() > self.now);
    }

    fn handle_events(&mut self) {
        while let Some(event) = self.member.poll_event() {
            match event {
                MemberEvent::Begin(at) => {
                    assert_eq!(self.began.replace(at), None, "a run begins once");
                }
                MemberEvent::Follow(orders) => {
                    let owner = orders.owner(ID).unwrap_or(Owner::MAX);
                    let run_now = self.run_now();
                    for cursor in &mut self.cursors {
                        if let Some(timeline) = &orders.timeline {
                            cursor.follow(timeline.clone());
                        }
                        cursor.claim(&orders.tables, owner);
                        for _ in 0..STARTS {
                            run_now.and_then(|run_now| cursor.pop_missed(run_now));
                        }
                    }
                    orders
                        .tables
                        .iter()
                        .for_each(|table| assert!((0.0..=1.0).contains(&table.share(owner))));
                }
                MemberEvent::Lease { below, until } => {
                    assert!(until <= self.now + LEASE, "a lease is as long as it is");
                    self.lease = (below, until);
                    self.cursors.iter_mut().for_each(|cursor| cursor.allow_below(below));
                }
                MemberEvent::Over => {
                    assert!(self.has_told_all, "it is not over before all has been told");
                    assert!(!std::mem::replace(&mut self.is_over, true), "it is over once");
                }
                MemberEvent::Numbers(_) | MemberEvent::NumbersAreOver | MemberEvent::End(_) => {}
            }
        }
    }

    fn tell(&mut self, is_last: bool) {
        self.told += 1;
        self.has_told_all = is_last;
        self.member.handle_counted(
            self.now,
            self.frontier(),
            is_last,
            Bytes::copy_from_slice(&self.told.to_le_bytes()),
        );
    }

    fn frontier(&self) -> Frontier {
        let reached = || self.cursors.iter().map(Cursor::reached);
        Frontier {
            started: 0,
            reached: reached().min().unwrap_or(0),
            furthest: reached().max().unwrap_or(0),
            waiting: 0,
        }
    }

    fn run_now(&self) -> Option<RunInstant> {
        self.began
            .filter(|&began| self.now >= began)
            .map(|began| RunInstant::START + self.now.since(began))
    }
}
