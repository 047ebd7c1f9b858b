//! What nodes say to the one that leads: two honest ones play their part, while two others, and one
//! of whom nobody has heard, say what they like.

#[cfg(test)]
mod seeds;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use swell_core::RunInstant;
use swell_core::run::SetPoint;
use swell_core::schedule::{Arrivals, Course, Cursor, Law, Owner, Stripe, Timeline};
use swell_protocol::clock::LocalInstant;
use swell_protocol::deltas::Frontier;
use swell_protocol::lead::{LeadEvent, LeadSettings, RunLead};
use swell_protocol::member::{MemberEvent, RunMember};
use swell_protocol::message::{Ending, NodeId, Orders, ToLead, ToMember};

#[cfg(test)]
pub(super) use self::seeds::seeds;
use super::script::Script;

const HONEST: [NodeId; 2] = [NodeId(1), NodeId(2)];
/// The last takes no part unless it is let in.
const OTHERS: [NodeId; 3] = [NodeId(3), NodeId(4), NodeId(5)];
/// How often honest nodes and the lead act.
const STEP: Duration = Duration::from_millis(50);
/// Steps after which an honest node has said that it is ready.
const READY: u32 = 20;
/// Steps after which all that is to be known of a beginning is known.
const SETTLED: u32 = 60;
/// Steps between the deltas of a node.
const DELTA_EVERY: u32 = 10;
/// How long a script may be at the most: what happens later happens earlier as well.
const MAX_SCRIPT: Duration = Duration::from_secs(100);

struct World {
    now: LocalInstant,
    lead: RunLead,
    /// What the lead was told to follow last.
    set_point: SetPoint,
    honest: [Honest; 2],
    /// Who started which slot.
    started: BTreeMap<u64, NodeId>,
    /// Steps since the beginning, or since all were asleep.
    steady: Option<u32>,
    /// Whether the second of the honest nodes leaves.
    leaves: bool,
    has_ended: bool,
}

/// A node that keeps to the rules.
struct Honest {
    member: RunMember,
    /// Nothing in the closed model.
    cursor: Option<Cursor>,
    began: Option<LocalInstant>,
    lease: (u64, LocalInstant),
    numbers: Vec<std::ops::Range<u64>>,
    started: u64,
    /// What it had started with each of its deltas.
    told: Vec<u64>,
    merged: usize,
    steps: u32,
    has_told_all: bool,
}

/// The first byte is the run; each one after it says what happens next, with what follows.
pub(super) fn target(bytes: &[u8]) -> bool {
    let mut script = Script(bytes);
    let Some(run) = script.byte() else { return false };
    let mut world = World::new(run);
    let mut was_heard = false;
    while let Some(what) = script.byte()
        && world.now.since(LocalInstant::default()) < MAX_SCRIPT
    {
        match what % 8 {
            0 | 1 => (0..=what / 8 % 8).for_each(|_| world.step()),
            2 | 3 => {
                let from = OTHERS[usize::from(what / 8) % OTHERS.len()];
                if let Some(Ok((message, _))) =
                    script.piece().map(postcard::take_from_bytes::<ToLead>)
                {
                    was_heard = true;
                    world.lead.handle_message(world.now, from, message);
                }
                world.judge();
            }
            4 => {
                // A command, which comes from no other node.
                match what / 8 {
                    0 if world.steady.is_none() && !world.has_ended => {
                        (0..READY).for_each(|_| world.step());
                        world.lead.begin(world.now);
                        world.steady = Some(0);
                    }
                    1 => world.lead.handle_joining(world.now, OTHERS[2]),
                    2 => world.follow(|set_point| set_point.is_paused = true),
                    3 => world.follow(|set_point| set_point.is_paused = false),
                    4 => world.follow(|set_point| {
                        set_point.measured_from = Some(RunInstant::from_nanos(1_000_000_000));
                    }),
                    5 => world.end(),
                    6 => world.follow(|set_point| {
                        set_point.course = Some(Course::Profile);
                        set_point.restarts += 1;
                    }),
                    7 => world.leave(),
                    _ => {}
                }
            }
            5 => world.follow(|set_point| {
                set_point.course = Some(Course::Rate(f64::from(what / 8) * 10.0));
                set_point.restarts += u64::from(what > 128);
            }),
            6 => {
                // All were asleep, the lead too.
                world.now = world.now + Duration::from_millis(1 << (what / 8 % 16));
                world.steady = world.steady.and(Some(0));
            }
            _ => world.lead.handle_time(world.now),
        }
    }
    world.end();
    (0..=SETTLED).for_each(|_| world.step());
    world.judge_end();
    was_heard
}

impl World {
    fn new(run: u8) -> Self {
        let now = LocalInstant::from_nanos(1_000_000_000);
        let arrivals = if run & 1 == 0 { Arrivals::Uniform } else { Arrivals::Poisson { seed: 7 } };
        let law = if run & 2 == 0 {
            Law::Constant(100.0)
        } else {
            Law::Ramp { from: 10.0, to: 200.0, over: Duration::from_secs(8) }
        };
        let timeline = (run & 4 == 0).then(|| Timeline::new(law));
        let iterations = (run & 8 != 0).then_some(2_000);
        let settings = LeadSettings {
            timeline: timeline.clone(),
            arrivals,
            iterations,
            patience: Duration::from_secs(2),
        };
        let nodes = [HONEST[0], OTHERS[0], HONEST[1], OTHERS[1]];
        let honest = HONEST.map(|id| {
            let cursor = timeline
                .clone()
                .map(|law| Cursor::new(law, arrivals, Stripe::WHOLE, RunInstant::NEVER, u64::MAX));
            Honest::new(id, now, cursor)
        });
        let lead = RunLead::new(settings, &nodes, now);
        let set_point = SetPoint {
            course: None,
            from: RunInstant::START,
            restarts: 0,
            is_paused: false,
            measured_from: None,
        };
        Self {
            now,
            lead,
            set_point,
            honest,
            started: BTreeMap::new(),
            steady: None,
            leaves: false,
            has_ended: false,
        }
    }

    /// The lead is told to follow something else than before.
    fn follow(&mut self, change: impl FnOnce(&mut SetPoint)) {
        change(&mut self.set_point);
        self.lead.follow(self.now, self.set_point);
    }

    /// All that is honest goes on for a while.
    fn step(&mut self) {
        self.now = self.now + STEP;
        for node in &mut self.honest {
            node.act(self.now, &mut self.started);
            while let Some(message) = node.member.poll_send() {
                self.lead.handle_message(self.now, node.member.id(), travelled(&message));
            }
        }
        self.lead.handle_time(self.now);
        self.steady = self.steady.map(|steps| steps + 1);
        self.deliver();
    }

    /// Brings what the lead says to where it goes, and sees what it wants done.
    fn deliver(&mut self) {
        while let Some((to, message)) = self.lead.poll_send() {
            let message: ToMember = travelled(&message);
            if let Some(node) = self.honest.iter_mut().find(|node| node.member.id() == to) {
                node.member.handle_message(self.now, message);
            }
        }
        while let Some(event) = self.lead.poll_event() {
            let LeadEvent::Merge(from, delta) = event else { continue };
            if let Some(node) = self.honest.iter_mut().find(|node| node.member.id() == from) {
                assert_eq!(
                    delta.number,
                    node.merged as u64 + 1,
                    "each is merged once, and in order"
                );
                assert_eq!(
                    delta.counted[..],
                    node.told[node.merged].to_le_bytes(),
                    "and is what was told"
                );
                node.merged += 1;
            }
        }
    }

    fn end(&mut self) {
        if !self.has_ended {
            self.has_ended = true;
            self.lead.end(Ending::Finished);
        }
    }

    fn leave(&mut self) {
        self.leaves = true;
        self.honest[1].member.handle_leaving(self.now);
    }

    fn judge(&self) {
        let shares = [&HONEST[..], &OTHERS].concat().into_iter().map(|id| self.lead.share(id));
        let sum: f64 = shares
            .inspect(|share| assert!((0.0..=1.0).contains(share), "a share of {share}"))
            .sum();
        assert!(sum < 1.0 + 1e-9, "the shares are {sum} together");
        for id in OTHERS {
            let unknown = self.lead.unknown(id);
            assert!(unknown.most.is_none_or(|most| unknown.least <= most), "{unknown:?}");
        }
        for node in &self.honest {
            let id = node.member.id();
            let unknown = self.lead.unknown(id);
            let truth = node.started - node.merged.checked_sub(1).map_or(0, |last| node.told[last]);
            assert!(
                unknown.least <= truth && unknown.most.is_none_or(|most| truth <= most),
                "{id}: {truth} is not within {unknown:?}"
            );
            if self.steady.is_some_and(|steps| steps > SETTLED) && !self.has_ended {
                assert!(
                    self.leaves && id == HONEST[1] || self.lead.is_present(id),
                    "{id} is heard, and is not present"
                );
                assert!(node.member.holds_lease(self.now), "{id} asks, and holds no lease");
            }
        }
        let numbers = |node: usize| self.honest[node].numbers.iter();
        let is_apart = |one: &std::ops::Range<u64>| {
            numbers(1).all(|other| one.end <= other.start || other.end <= one.start)
        };
        assert!(numbers(0).all(is_apart), "a number is used once");
    }

    fn judge_end(&self) {
        self.judge();
        for node in self.honest.iter().filter(|node| node.began.is_some()) {
            assert!(
                node.has_told_all && self.lead.is_complete(node.member.id()),
                "what an honest host counted is merged"
            );
            assert_eq!(node.merged, node.told.len());
        }
    }
}

impl Honest {
    fn new(id: NodeId, now: LocalInstant, cursor: Option<Cursor>) -> Self {
        let mut member = RunMember::new(id, now);
        member.handle_prepared(Ok(1.0));
        Self {
            member,
            cursor,
            began: None,
            lease: (0, LocalInstant::default()),
            numbers: Vec::new(),
            started: 0,
            told: Vec::new(),
            merged: 0,
            steps: 0,
            has_told_all: false,
        }
    }

    fn act(&mut self, now: LocalInstant, started: &mut BTreeMap<u64, NodeId>) {
        self.member.handle_time(now);
        let mut ends = false;
        while let Some(event) = self.member.poll_event() {
            match event {
                MemberEvent::Begin(at) => self.began = Some(at),
                MemberEvent::Follow(orders) => self.follow(now, &orders),
                MemberEvent::Lease { below, until } => {
                    let had_none = self.lease.1 <= now;
                    self.lease = (below, until);
                    if let Some(cursor) = &mut self.cursor {
                        cursor.allow_below(below);
                    }
                    if had_none {
                        self.miss(now);
                    }
                }
                MemberEvent::Numbers(numbers) => self.numbers.push(numbers),
                MemberEvent::End(_) => ends = true,
                MemberEvent::NumbersAreOver | MemberEvent::Over => {}
            }
        }
        self.start_due(now, started);
        let reached = self.cursor.as_ref().map_or(0, Cursor::reached);
        let frontier = Frontier { started: self.started, reached, furthest: reached, waiting: 0 };
        self.member.handle_state(now, frontier, false, 50);
        self.steps += 1;
        if !self.has_told_all
            && self.began.is_some()
            && (ends || self.steps.is_multiple_of(DELTA_EVERY))
        {
            self.has_told_all = ends;
            self.told.push(self.started);
            self.member.handle_counted(
                now,
                frontier,
                ends,
                Bytes::copy_from_slice(&self.started.to_le_bytes()),
            );
        }
    }

    fn start_due(&mut self, now: LocalInstant, started: &mut BTreeMap<u64, NodeId>) {
        let Some(run_now) = self.run_now(now).filter(|_| now < self.lease.1 && !self.has_told_all)
        else {
            return;
        };
        let Some(cursor) = &mut self.cursor else { return };
        while let Some(due) = cursor.peek().filter(|due| due.intended <= run_now) {
            cursor.pop();
            self.started += 1;
            let before = started.insert(due.slot, self.member.id());
            assert_eq!(
                before,
                None,
                "slot {} is started twice, now by {}",
                due.slot,
                self.member.id()
            );
        }
    }

    fn follow(&mut self, now: LocalInstant, orders: &Orders) {
        let Some(cursor) = &mut self.cursor else { return };
        if let Some(timeline) = &orders.timeline {
            cursor.follow(timeline.clone());
        }
        cursor.claim(&orders.tables, orders.owner(self.member.id()).unwrap_or(Owner::MAX));
        self.miss(now);
    }

    fn miss(&mut self, now: LocalInstant) {
        if let (Some(run_now), Some(cursor)) = (self.run_now(now), &mut self.cursor) {
            while cursor.pop_missed(run_now).is_some() {}
        }
    }

    fn run_now(&self, now: LocalInstant) -> Option<RunInstant> {
        self.began.filter(|&began| now >= began).map(|began| RunInstant::START + now.since(began))
    }
}

/// A message as it comes at the other end.
fn travelled<T: serde::Serialize + serde::de::DeserializeOwned>(message: &T) -> T {
    let bytes = postcard::to_stdvec(message).expect("a message can be written");
    postcard::from_bytes(&bytes).expect("and read")
}
