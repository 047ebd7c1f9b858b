//! What the node that leads says to one that takes part, as far as that reaches: its leases, its
//! slots, its results.

use std::time::Duration;

use bytes::Bytes;
use swell_core::RunInstant;
use swell_core::schedule::{Arrivals, Cursor, Law, Owner, Stripe, Timeline};
use swell_protocol::clock::LocalInstant;
use swell_protocol::deltas::Frontier;
use swell_protocol::lease::LEASE;
use swell_protocol::member::{Member, MemberEvent};
use swell_protocol::message::{LeaseAnswer, LeaseRequest, NodeId, Orders, ToLead, ToMember};

use super::Script;

const ID: NodeId = NodeId(1);
const STEP: Duration = Duration::from_millis(50);
/// Starts in one step at the most: orders may ask for any number.
const STARTS: u32 = 50;
/// How long a script may be at the most.
const LONGEST: Duration = Duration::from_secs(100);

struct World {
    now: LocalInstant,
    member: Member,
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
        && world.now.since(LocalInstant::default()) < LONGEST
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
        world.obey();
    }
    world.step();
    was_heard
}

impl World {
    fn new() -> Self {
        let now = LocalInstant::from_nanos(1_000_000_000);
        let mut member = Member::new(ID, now);
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
        self.obey();
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

    fn obey(&mut self) {
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

/// Scripts of leads that keep to the rules, and of such that do not.
#[cfg(test)]
pub(super) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    use std::sync::Arc;

    use swell_core::schedule::{Segment, Table};
    use swell_protocol::message::{Ending, RunStage};
    use swell_protocol::numbers::Block;

    let lanes = |owners: &[Owner], from: u64| -> Table {
        let lanes: Vec<(Owner, u32)> = owners.iter().copied().zip(0..).collect();
        postcard::from_bytes(&postcard::to_stdvec(&(from, lanes)).unwrap()).unwrap()
    };
    let segment = |start: u64, position: f64, law| Segment {
        start: RunInstant::from_nanos(start),
        position,
        law,
    };
    let ramp = Law::Ramp { from: 100.0, to: 400.0, over: Duration::from_secs(3) };
    let orders = Orders {
        version: 2,
        stage: RunStage::Running { began: LocalInstant::from_nanos(2_000_000_000) },
        nodes: vec![NodeId(2), ID],
        tables: vec![lanes(&[0, 1, 1], 0), lanes(&[1, 0], 150)],
        timeline: Timeline::try_from(vec![
            segment(0, 0.0, Law::Constant(100.0)),
            segment(1_000_000_000, 100.0, ramp),
        ])
        .ok(),
        restarts: 0,
        is_paused: false,
        measured_from: None,
    };
    let far = Orders {
        version: 9,
        tables: vec![
            lanes(&[1], 0),
            lanes(&[0, 1, 1, 0, 1], u64::MAX - 2),
            lanes(&[1, 1], u64::MAX),
        ],
        timeline: Timeline::try_from(vec![
            segment(0, 0.0, Law::Constant(1e300)),
            segment(u64::MAX - 1, 1e308, ramp),
        ])
        .ok(),
        ..orders.clone()
    };
    let nobodys = Orders {
        version: 5,
        tables: vec![lanes(&[], 0)],
        timeline: None,
        is_paused: true,
        restarts: 1,
        ..orders.clone()
    };
    let ends = Orders {
        version: 10,
        stage: RunStage::Ending { why: Ending::Cut },
        measured_from: Some(RunInstant::NEVER),
        ..orders.clone()
    };
    let piece = |bytes: Vec<u8>| [vec![bytes.len() as u8], bytes].concat();
    let say = |message: ToMember| [vec![1], piece(postcard::to_stdvec(&message).unwrap())].concat();
    let answer = |below: u8, orders: &Orders| {
        [vec![2, below], piece(postcard::to_stdvec(orders).unwrap())].concat()
    };
    let plain = |below: u8| vec![2, below, 0];
    let own = ToMember::LeaseAnswer(LeaseAnswer {
        question: 12,
        received: LocalInstant::from_nanos(1_500_000_000),
        answered: LocalInstant::from_nanos(1_600_000_000),
        version: 2,
        below: 200,
        block: Some(Block { ordinal: 1, numbers: 0..100 }),
        numbers_are_over: false,
        merged: 1,
        orders: Some(Arc::new(orders.clone())),
    });
    let [step, steps, tell, tell_last] = [0, 15 * 4, 3, 131].map(|what| vec![what]);
    let compared: Vec<u8> = [&step[..], &plain(0)].concat().repeat(10);
    let begun =
        [&compared[..], &answer(99, &orders), &steps, &plain(99), &steps, &plain(103), &steps]
            .concat();
    let script = |parts: &[&[u8]]| [&begun[..], &parts.concat()].concat();
    vec![
        (
            "takes-part",
            script(&[
                &tell,
                &steps,
                &plain(107),
                &steps,
                &tell_last,
                &plain(107),
                &answer(107, &ends),
                &steps,
                &plain(107),
            ]),
        ),
        (
            "far",
            script(&[
                &answer(255, &far),
                &steps,
                &say(ToMember::Orders(Arc::new(nobodys))),
                &steps,
            ]),
        ),
        (
            "far-at-once",
            [
                &compared[..],
                &answer(255, &far),
                &steps,
                &plain(255),
                &steps,
                &say(own.clone()),
                &steps,
            ]
            .concat(),
        ),
        ("numbers", [&compared[..], &say(own), &steps, &tell, &steps].concat()),
    ]
}
