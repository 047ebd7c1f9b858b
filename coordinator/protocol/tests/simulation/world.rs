//! A cluster on virtual time: a leading node and others, each with a clock of its own, that start
//! slots as real nodes do, and a judge who sees all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use swell_core::RunInstant;
use swell_core::random::Random;
use swell_core::run::{SetPoint, UnknownStarts};
use swell_core::schedule::{Arrivals, Course, Cursor, Law, Numbering, Owner, Stripe, Timeline};
use swell_protocol::clock::LocalInstant;
use swell_protocol::deltas::Frontier;
use swell_protocol::lead::{LeadEvent, LeadSettings, LeadSnapshot, RunLead};
use swell_protocol::lease::LEASE;
use swell_protocol::member::{MemberEvent, RunMember};
use swell_protocol::message::{Ending, NodeId, Orders, RunStage, ToLead, ToMember};

use crate::network::{Cut, Instant, SimulatedNetwork, Weather};

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000 * MS;
/// How often nodes act. What a real node does within microseconds happens at the next of these.
const STEP: u64 = 5 * MS;
const STATE_EVERY: u64 = 200 * MS;
const DELTA_EVERY: u64 = 500 * MS;
/// The least part of a second in which starts are counted.
const BIN: u64 = 100 * MS;

/// What befalls a cluster.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// A node's process is killed.
    Killed { node: usize, at: Instant },
    /// A node is stopped, and goes on later.
    Frozen { node: usize, during: (Instant, Instant) },
    /// Nothing goes from one node to another.
    Cut(Cut),
    /// A node wants to leave.
    Leaves { node: usize, at: Instant },
    /// A node says that it is the limit.
    Strained { node: usize, during: (Instant, Instant) },
}

/// What is simulated.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) seed: u64,
    /// The first one leads.
    pub(crate) weights: Vec<f64>,
    /// When a node comes, if later than at the beginning.
    pub(crate) joins: BTreeMap<usize, Instant>,
    pub(crate) weather: Weather,
    pub(crate) faults: Vec<Fault>,
    pub(crate) rate: f64,
    pub(crate) poisson: bool,
    /// Other rates, and when they are decided on.
    pub(crate) courses: Vec<(Instant, f64)>,
    /// Length of the run.
    pub(crate) lasts: Duration,
    pub(crate) iterations: Option<u64>,
    /// When the lead is replaced by one that is restored from a snapshot of it.
    pub(crate) restores: Vec<Instant>,
    /// Parts in a million by which the clocks of two nodes may differ in speed.
    pub(crate) drift_ppm: f64,
}

impl Scene {
    fn arrivals(&self) -> Arrivals {
        if self.poisson { Arrivals::Poisson { seed: self.seed } } else { Arrivals::Uniform }
    }

    pub(crate) fn calm(nodes: usize) -> Self {
        Self {
            seed: 1,
            weights: vec![1.0; nodes],
            joins: BTreeMap::new(),
            weather: Weather {
                loss: 0.0,
                doubled: 0.0,
                delay: Duration::from_micros(200),
                jitter: Duration::from_micros(300),
            },
            faults: Vec::new(),
            rate: 1_000.0,
            poisson: false,
            courses: Vec::new(),
            lasts: Duration::from_secs(20),
            iterations: None,
            restores: Vec::new(),
            drift_ppm: 50.0,
        }
    }
}

#[derive(Clone)]
enum Message {
    ToLead(ToLead),
    ToMember(ToMember),
}

struct SimulatedNode {
    id: NodeId,
    member: RunMember,
    weight: f64,
    /// Its clock shows `zero` at true time 0 and runs `speed` times as fast.
    zero: u64,
    speed: f64,
    began: Option<LocalInstant>,
    cursor: Cursor,
    lease: (u64, LocalInstant),
    orders: Option<Arc<Orders>>,
    owner: Option<Owner>,
    version: u64,
    is_dead: bool,
    is_over: bool,
    has_ended: bool,
    said_last: bool,
    next_state: Instant,
    next_delta: Instant,
    started: u64,
    in_delta: u64,
    missed: u64,
    numbers: Vec<Range<u64>>,
    /// Messages that came while it was stopped.
    held: Vec<(usize, Message)>,
}

/// What the judge has seen.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Record {
    /// The slots that were started, with the instants for which they were meant.
    pub(crate) started: BTreeMap<u64, RunInstant>,
    pub(crate) started_by: Vec<u64>,
    pub(crate) merged_by: Vec<u64>,
    /// Slots of its own that a node dropped because it held no lease or heard too late.
    pub(crate) missed_by: Vec<u64>,
    pub(crate) unknown: Vec<UnknownStarts>,
    pub(crate) numbers: BTreeSet<u64>,
    pub(crate) lost: Vec<(Instant, usize)>,
    pub(crate) back: Vec<(Instant, usize)>,
    pub(crate) joined: Vec<(Instant, usize)>,
    pub(crate) left: Vec<(Instant, usize)>,
    pub(crate) relieved: Vec<(Instant, usize)>,
    /// Starts in each tenth of a second of the run, by intended instant.
    pub(crate) bins: Vec<u64>,
    /// True time of the run's first instant on the leading node.
    pub(crate) began: Instant,
    /// When nodes began, on true time.
    pub(crate) begins: Vec<Instant>,
    /// Nodes that were told that there will be no more iteration numbers.
    pub(crate) told_of_last_number: usize,
    pub(crate) is_over: bool,
    pub(crate) up_messages: u64,
    /// How often the lead was restored from a snapshot.
    pub(crate) restored: u64,
}

pub(crate) struct World {
    scene: Scene,
    now: Instant,
    network: SimulatedNetwork<Message>,
    nodes: Vec<SimulatedNode>,
    lead: RunLead,
    /// How often the course was changed.
    restarts: u64,
    /// When the leading node last answered each, on true time.
    answered: BTreeMap<usize, Instant>,
    /// The highest rate that was in force in each bin of the run.
    rates: Vec<f64>,
    pub(crate) record: Record,
}

impl World {
    pub(crate) fn new(scene: Scene) -> Self {
        let mut random = Random::stream(scene.seed, 0);
        let timeline = Timeline::new(Law::Constant(scene.rate));
        let arrivals = scene.arrivals();
        let end = RunInstant::START + scene.lasts;
        let nodes: Vec<SimulatedNode> = scene
            .weights
            .iter()
            .enumerate()
            .map(|(index, &weight)| {
                let zero = random.below(1 << 50);
                let speed = 1.0 + (random.unit() - 0.5) * scene.drift_ppm * 1e-6;
                let mut cursor =
                    Cursor::new(timeline.clone(), arrivals, Stripe::WHOLE, end, u64::MAX);
                cursor.claim(&[], 0);
                SimulatedNode {
                    id: NodeId(1_000 + index as u64),
                    member: RunMember::new(
                        NodeId(1_000 + index as u64),
                        LocalInstant::from_nanos(zero),
                    ),
                    weight,
                    zero,
                    speed,
                    began: None,
                    cursor,
                    lease: (0, LocalInstant::default()),
                    orders: None,
                    owner: None,
                    version: 0,
                    is_dead: false,
                    is_over: false,
                    has_ended: false,
                    said_last: false,
                    next_state: 0,
                    next_delta: 0,
                    started: 0,
                    in_delta: 0,
                    missed: 0,
                    numbers: Vec::new(),
                    held: Vec::new(),
                }
            })
            .collect();
        let at_first: Vec<NodeId> = nodes
            .iter()
            .enumerate()
            .filter(|(index, _)| !scene.joins.contains_key(index))
            .map(|(_, node)| node.id)
            .collect();
        let settings = LeadSettings {
            timeline: Some(timeline),
            arrivals,
            iterations: scene.iterations,
            patience: Duration::from_secs(15),
        };
        let lead = RunLead::new(settings, &at_first, nodes[0].local(0));
        let mut network = SimulatedNetwork::new(scene.weather.clone(), scene.seed);
        network.cuts = scene
            .faults
            .iter()
            .filter_map(|fault| if let Fault::Cut(cut) = fault { Some(cut.clone()) } else { None })
            .collect();
        let count = nodes.len();
        let record =
            Record { started_by: vec![0; count], merged_by: vec![0; count], ..Record::default() };
        Self {
            scene,
            now: 0,
            network,
            nodes,
            lead,
            restarts: 0,
            answered: BTreeMap::new(),
            rates: Vec::new(),
            record,
        }
    }

    /// Runs to the end of the run, or to a deadline well after it; gives what the judge has seen.
    pub(crate) fn run(mut self) -> (Record, crate::network::Fates) {
        let deadline = self.scene.lasts.as_nanos() as u64 + 60 * SECOND;
        while self.now < deadline
            && !(self.record.is_over && self.nodes.iter().all(|node| node.is_dead || node.is_over))
        {
            self.step();
        }
        self.record.unknown = self.nodes.iter().map(|node| self.lead.unknown(node.id)).collect();
        self.record.missed_by = self.nodes.iter().map(|node| node.missed).collect();
        self.judge_rates();
        (self.record, self.network.fates)
    }

    fn step(&mut self) {
        self.now += STEP;
        for (from, to, message) in self.network.arrived(self.now) {
            self.nodes[to].held.push((from, message));
        }
        for index in 0..self.nodes.len() {
            if self.scene.joins.get(&index).is_some_and(|&at| self.now < at) {
                continue;
            }
            if self.is_killed(index) {
                self.nodes[index].is_dead = true;
            }
            if !self.nodes[index].is_dead
                && !self.is_within(index, |fault| {
                    if let Fault::Frozen { node, during } = fault {
                        Some((*node, *during))
                    } else {
                        None
                    }
                })
            {
                self.act(index);
            }
        }
    }

    fn is_killed(&self, index: usize) -> bool {
        self.befell(
            |fault| matches!(*fault, Fault::Killed { node, at } if node == index && self.now >= at),
        )
    }

    fn befell(&self, is_meant: impl Fn(&Fault) -> bool) -> bool {
        self.scene.faults.iter().any(is_meant)
    }

    fn is_within(
        &self,
        index: usize,
        of: impl Fn(&Fault) -> Option<(usize, (Instant, Instant))>,
    ) -> bool {
        self.scene
            .faults
            .iter()
            .filter_map(of)
            .any(|(node, during)| node == index && (during.0..during.1).contains(&self.now))
    }

    fn act(&mut self, index: usize) {
        let held = std::mem::take(&mut self.nodes[index].held);
        let local = self.nodes[index].local(self.now);
        if index == 0 {
            let joining: Vec<usize> = self
                .scene
                .joins
                .iter()
                .filter(|&(_, &at)| self.now >= at)
                .map(|(&node, _)| node)
                .collect();
            for node in joining {
                self.lead.handle_joining(local, self.nodes[node].id);
            }
        }
        for (from, message) in held {
            match message {
                Message::ToLead(message) => {
                    self.lead.handle_message(local, self.nodes[from].id, message)
                }
                Message::ToMember(message) => {
                    self.nodes[index].member.handle_message(local, message)
                }
            }
        }
        if index == 0 {
            // What was said just now is not answered yet: the snapshot holds it.
            while self.scene.restores.first().is_some_and(|&at| self.now >= at) {
                self.scene.restores.remove(0);
                self.restore_lead();
            }
            self.lead_acts(local);
        }
        self.node_acts(index, local);
    }

    /// The lead goes, and one that knows what it knew takes its place.
    fn restore_lead(&mut self) {
        let bytes = postcard::to_stdvec(&self.lead.snapshot()).expect("a snapshot can be written");
        let snapshot: LeadSnapshot = postcard::from_bytes(&bytes).expect("and read");
        self.lead = RunLead::restore(snapshot);
        self.record.restored += 1;
    }

    fn lead_acts(&mut self, local: LocalInstant) {
        if local >= self.lead.poll_timeout() {
            self.lead.handle_time(local);
        }
        while let Some(&(at, rate)) = self.scene.courses.first()
            && self.now >= at
        {
            self.scene.courses.remove(0);
            self.restarts += 1;
            let set_point = SetPoint {
                course: Some(Course::Rate(rate)),
                from: RunInstant::START,
                restarts: self.restarts,
                is_paused: false,
                measured_from: None,
            };
            self.lead.follow(local, set_point);
        }
        let index_of = |id: NodeId| usize::try_from(id.0 - 1_000).unwrap();
        while let Some(event) = self.lead.poll_event() {
            match event {
                LeadEvent::Ready => {
                    let began = self.lead.begin(local);
                    self.record.began = self.now + began.since(local).as_nanos() as u64;
                }
                LeadEvent::Refused(node, reason) => panic!("{node} refused: {reason}"),
                LeadEvent::NotReady(waited) => panic!("not ready after {waited:?}"),
                LeadEvent::Merge(node, delta) => {
                    self.record.merged_by[index_of(node)] +=
                        u64::from_le_bytes(delta.counted[..].try_into().unwrap());
                }
                LeadEvent::Lost(node) => self.record.lost.push((self.now, index_of(node))),
                LeadEvent::Back(node) => self.record.back.push((self.now, index_of(node))),
                LeadEvent::Joined(node) => self.record.joined.push((self.now, index_of(node))),
                LeadEvent::Relieved(node) => self.record.relieved.push((self.now, index_of(node))),
                LeadEvent::Left(node) => self.record.left.push((self.now, index_of(node))),
                LeadEvent::Over => self.record.is_over = true,
            }
        }
        if let RunStage::Running { began } = self.lead.orders().stage
            && local > began
        {
            let bin = usize::try_from(local.since(began).as_nanos() as u64 / BIN).unwrap();
            self.rates.resize(bin + 1, 0.0);
            let timeline = self.lead.orders().timeline.as_ref().unwrap();
            // What comes into force before the next step counts as well, and a clock may be ahead
            // by as much.
            let run_now = RunInstant::START + local.since(began);
            let rates =
                [run_now, run_now + Duration::from_nanos(2 * STEP)].map(|at| timeline.rate_at(at));
            self.rates[bin] = rates.into_iter().fold(self.rates[bin], f64::max);
            // What it has published holds while it is stopped itself, until the last lease is over.
            let ahead = |bins: u64| timeline.rate_at(run_now + Duration::from_nanos(bins * BIN));
            self.rates.extend((1..=14).map(|bins| ahead(bins).max(ahead(bins + 1))));
        }
        while let Some((to, message)) = self.lead.poll_send() {
            let to = index_of(to);
            if let ToMember::LeaseAnswer(_) = message {
                self.answered.insert(to, self.now);
            }
            self.network.send(self.now, 0, to, Message::ToMember(message));
        }
    }

    fn node_acts(&mut self, index: usize, local: LocalInstant) {
        let strained = self.is_within(index, |fault| {
            if let Fault::Strained { node, during } = fault { Some((*node, *during)) } else { None }
        });
        let node = &mut self.nodes[index];
        if node.version == 0 {
            node.version = 1;
            node.member.handle_prepared(Ok(node.weight));
        }
        if local >= node.member.poll_timeout() {
            node.member.handle_time(local);
        }
        self.start_due(index, local);
        while let Some(event) = self.nodes[index].member.poll_event() {
            self.handle_event(index, local, event);
            self.start_due(index, local);
        }
        let wants_to_leave = self.befell(
            |fault| matches!(*fault, Fault::Leaves { node, at } if node == index && self.now >= at),
        );
        let arrivals = self.scene.arrivals();
        let node = &mut self.nodes[index];
        let run_now = node.run_now(local);
        if wants_to_leave {
            node.member.handle_leaving(local);
            let is_done = |run_now| {
                let (orders, owner) = node.orders.as_ref().zip(node.owner)?;
                Some(orders.are_done_with(owner, Numbering::new(arrivals), run_now))
            };
            node.has_ended |= run_now.and_then(is_done).unwrap_or(false);
        }
        if run_now.is_some_and(|run_now| run_now >= RunInstant::START + self.scene.lasts) {
            node.has_ended = true;
        }
        let wanted = if self.scene.iterations.is_some()
            && node.numbers.iter().map(|range| range.end - range.start).sum::<u64>() < 20
        {
            100
        } else {
            0
        };
        let frontier = Frontier {
            started: node.started,
            reached: node.cursor.reached(),
            furthest: node.cursor.reached(),
            waiting: 0,
        };
        if node.began.is_some() && self.now >= node.next_state {
            node.next_state = self.now + STATE_EVERY;
            node.member.handle_state(local, frontier, strained, wanted);
        }
        if node.began.is_some()
            && !node.said_last
            && (self.now >= node.next_delta || node.has_ended)
        {
            node.next_delta = self.now + DELTA_EVERY;
            node.said_last = node.has_ended;
            let counted = Bytes::copy_from_slice(&std::mem::take(&mut node.in_delta).to_le_bytes());
            node.member.handle_counted(local, frontier, node.has_ended, counted);
        }
        while let Some(message) = node.member.poll_send() {
            self.record.up_messages += 1;
            self.network.send(self.now, index, 0, Message::ToLead(message));
        }
    }

    fn handle_event(&mut self, index: usize, local: LocalInstant, event: MemberEvent) {
        let node = &mut self.nodes[index];
        match event {
            MemberEvent::Begin(at) => {
                node.began = Some(at);
                self.record.begins.push(self.now + at.since(local).as_nanos() as u64);
            }
            MemberEvent::Follow(orders) => {
                node.follow(local, &orders);
                node.orders = Some(orders);
            }
            MemberEvent::Lease { below, until } => {
                let had_none = node.lease.1 <= local;
                node.lease = (below, until);
                node.cursor.allow_below(below);
                if had_none && let Some(run_now) = node.run_now(local) {
                    node.miss(run_now);
                }
            }
            MemberEvent::Numbers(numbers) => node.numbers.push(numbers),
            MemberEvent::NumbersAreOver => self.record.told_of_last_number += 1,
            MemberEvent::End(why) => {
                assert_eq!(why, Ending::Finished);
                node.has_ended = true;
            }
            MemberEvent::Over => node.is_over = true,
        }
    }

    /// Starts what is due, as a real node does that has a lease; the judge looks on.
    fn start_due(&mut self, index: usize, local: LocalInstant) {
        let node = &mut self.nodes[index];
        let Some(run_now) = node.run_now(local) else { return };
        if node.has_ended || local >= node.lease.1 {
            return;
        }
        while let Some(due) = node.cursor.peek().filter(|due| due.intended <= run_now) {
            node.cursor.pop();
            let answered = self.answered.get(&index).copied();
            assert!(
                answered.is_some_and(
                    |answered| Duration::from_nanos(self.now - answered) < LEASE.mul_f64(1.001)
                ),
                "I4: host {index} starts slot {} at {} ms, answered last at {answered:?}",
                due.slot,
                self.now / MS
            );
            let before = self.record.started.insert(due.slot, due.intended);
            assert_eq!(
                before,
                None,
                "slot {} was started twice, now by host {index} at {} ms",
                due.slot,
                self.now / MS
            );
            node.started += 1;
            node.in_delta += 1;
            self.record.started_by[index] += 1;
            if self.scene.iterations.is_some()
                && let Some(range) = node.numbers.first_mut()
            {
                let number = range.start;
                range.start += 1;
                if range.is_empty() {
                    node.numbers.remove(0);
                }
                assert!(
                    self.record.numbers.insert(number),
                    "iteration number {number} was used twice"
                );
            }
        }
    }

    /// I1: in no second more was started than the highest rate of that second and the 1.4 s before
    /// it allows, and a hundredth.
    fn judge_rates(&mut self) {
        let bin_of = |intended: RunInstant| usize::try_from(intended.as_nanos() / BIN).unwrap();
        let mut bins = vec![
            0u64;
            self.record
                .started
                .values()
                .map(|&intended| bin_of(intended) + 1)
                .max()
                .unwrap_or(0)
        ];
        self.record.started.values().for_each(|&intended| bins[bin_of(intended)] += 1);
        for (end, window) in
            bins.windows(10).enumerate().map(|(index, window)| (index + 10, window))
        {
            let started: u64 = window.iter().sum();
            let allowed = self.rates
                [end.saturating_sub(24).min(self.rates.len() - 1)..end.min(self.rates.len())]
                .iter()
                .copied()
                .fold(0.0, f64::max);
            // Poisson arrivals are spread by themselves: five standard deviations.
            let spread = if self.scene.poisson { 5.0 * allowed.sqrt() } else { 0.0 };
            assert!(
                started as f64 <= allowed * 1.01 + 2.0 + spread,
                "I1: {started} started in the second up to {:.1} s, {allowed:.0}/s allowed",
                end as f64 / 10.0
            );
        }
        self.record.bins = bins;
    }
}

impl SimulatedNode {
    fn local(&self, now: Instant) -> LocalInstant {
        LocalInstant::from_nanos(self.zero + (now as f64 * self.speed) as u64)
    }

    fn run_now(&self, local: LocalInstant) -> Option<RunInstant> {
        self.began
            .filter(|&began| local >= began)
            .map(|began| RunInstant::START + local.since(began))
    }

    fn miss(&mut self, run_now: RunInstant) {
        while self.cursor.pop_missed(run_now).is_some() {
            self.missed += 1;
        }
    }

    fn follow(&mut self, local: LocalInstant, orders: &Orders) {
        assert!(orders.version > self.version || self.version == 1, "orders go forward");
        self.version = orders.version;
        self.owner = orders.owner(self.id);
        if let Some(timeline) = &orders.timeline {
            self.cursor.follow(timeline.clone());
        }
        self.cursor.claim(&orders.tables, self.owner.unwrap_or(Owner::MAX));
        if let Some(run_now) = self.run_now(local) {
            self.miss(run_now);
        }
    }
}
