//! A node's part on virtual time: a window each 200 ms, two nodes, a hundred slots a second.

use swell_core::plan::{PlanInput, WarmUp};
use swell_core::schedule::{ShareTable, Timeline};
use swell_core::units::Rate;

use super::*;
use crate::message::{NodeId, RunStage};

const WINDOW_MS: u64 = 200;
/// What the clock of leases shows when the run begins.
const BOOTED_MS: u64 = 1_000_000;
/// This node, of two.
const OWN: Owner = 0;

const fn ms(ms: u64) -> RunInstant {
    RunInstant::from_nanos(ms * 1_000_000)
}

const fn local(ms: u64) -> LocalInstant {
    LocalInstant::from_nanos((BOOTED_MS + ms) * 1_000_000)
}

/// The present where the machine was never suspended.
const fn at(at: u64) -> NodeInstant {
    NodeInstant { run: ms(at), local: local(at) }
}

/// A plan of a hundred transactions a second for ten seconds, but for what is changed.
fn plan(change: impl FnOnce(&mut PlanInput)) -> Plan {
    let mut input = PlanInput {
        tps: Rate::new(100.0),
        duration: Some(Duration::from_secs(10)),
        grace: Some(Duration::from_secs(3)),
        ..PlanInput::default()
    };
    change(&mut input);
    Plan::new(input).expect("a plan that can be run")
}

fn orders(timeline: Option<Timeline>, tables: Vec<ShareTable>) -> Orders {
    Orders {
        version: 1,
        stage: RunStage::Running { began: local(0) },
        nodes: vec![NodeId(7), NodeId(8)],
        tables,
        timeline,
        restarts: 0,
        is_paused: false,
        measured_from: None,
    }
}

fn halves() -> ShareTable {
    ShareTable::of_weights(0, &[(OWN, 1.0), (1, 1.0)])
}

/// A node and its workers, which holds a lease unless that is changed.
struct Node {
    part: NodePart,
    orders: Orders,
    workers: WorkerFacts,
    has_lease: bool,
    now: u64,
    done: Vec<(u64, PartEffect)>,
}

impl Node {
    fn of(plan: &Plan, pace: Pace) -> Self {
        let orders = orders(plan.timeline(), vec![halves()]);
        let part = NodePart::new(ms(0), plan, pace, OWN, Arc::new(orders.clone()));
        let workers = WorkerFacts::default();
        Self { part, orders, workers, has_lease: true, now: 0, done: Vec::new() }
    }

    fn new(change: impl FnOnce(&mut PlanInput)) -> Self {
        Self::of(&plan(change), Pace::Transactions)
    }

    fn run_until(&mut self, until: u64) {
        while self.now < until {
            self.now += WINDOW_MS;
            if self.has_lease {
                self.part.handle_lease(local(self.now + 1_200));
            }
            self.part.handle_time(at(self.now), self.workers);
            self.do_effects();
        }
    }

    fn do_effects(&mut self) {
        self.done.extend(
            std::iter::from_fn(|| self.part.poll_effect()).map(|effect| (self.now, effect)),
        );
    }

    fn is_told_to_end(&mut self, why: Ending) {
        self.part.handle_end(at(self.now), self.workers, why);
        self.do_effects();
    }

    fn wants_to_leave(&mut self) {
        self.part.handle_leave(ms(self.now));
        self.do_effects();
    }

    /// From a slot on, all are the other node's.
    fn share_moves_from(&mut self, slot: u64) {
        self.orders.tables.push(halves().without(slot, OWN, &[(1, 1.0)]));
        self.is_told_other_orders();
    }

    fn is_told_other_orders(&mut self) {
        self.orders.version += 1;
        self.part.handle_orders(ms(self.now), Arc::new(self.orders.clone()));
    }
}

use Ending::{Cut, Finished, Stopped};
use PartEffect::{AskToLeave, End, SayStuck};

#[test]
fn a_node_ends_when_the_time_is_over_and_cuts_when_the_grace_is() {
    let mut node = Node::new(|input| input.warmup = Some(WarmUp::For(Duration::from_secs(2))));
    node.run_until(1_800);
    assert!(!node.part.is_measuring(ms(1_999)) && node.part.is_measuring(ms(2_000)));
    node.run_until(60_000);
    assert_eq!(node.done, [(12_000, End(Finished)), (15_000, End(Cut))]);
    assert!(!node.part.is_measuring(ms(12_000)) && !node.part.is_leaderless());
    assert_eq!(node.part.covered_until(), ms(12_000));
}

#[test]
fn a_warm_up_that_ends_sooner_has_the_node_end_as_much_sooner() {
    let mut node = Node::new(|input| input.warmup = Some(WarmUp::For(Duration::from_secs(20))));
    node.run_until(5_000);
    node.orders.measured_from = Some(ms(5_002));
    node.is_told_other_orders();
    node.orders.measured_from = None;
    node.is_told_other_orders();
    assert_eq!(node.part.measured_from(), ms(5_002), "who does not say where changes nothing");
    node.run_until(15_200);
    assert_eq!(node.done, [(15_200, End(Finished))]);
}

#[test]
fn a_node_ends_with_its_iterations_and_is_complete_up_to_the_last_of_them() {
    let mut node = Node::new(|input| (input.duration, input.iterations) = (None, Some(50)));
    node.run_until(2_000);
    node.workers.last_end = Some(ms(1_990));
    node.run_until(3_000);
    assert_eq!(node.done, [], "others may be under way");
    node.workers = WorkerFacts { iterations_are_over: true, last_end: Some(ms(3_100)), waiting: 0 };
    node.run_until(3_400);
    assert_eq!(node.done, [(3_200, End(Finished))]);
    assert_eq!(node.part.covered_until(), ms(3_100));
}

#[test]
fn where_users_have_their_own_iterations_a_node_wants_no_more_numbers_than_they_use() {
    let plan = plan(|input| {
        *input = PlanInput { vus: Some(3), iterations_per_vu: Some(40), ..PlanInput::default() };
    });
    let mut node = Node::of(&plan, Pace::Nothing);
    let mut wanted = |used, left| node.part.numbers_wanted(ms(0), NumbersHeld { used, left });
    assert_eq!((wanted(0, 0), wanted(80, 10), wanted(119, 1), wanted(120, 0)), (120, 30, 0, 0));
}

#[test]
fn the_grace_counts_from_the_first_end_whatever_is_told_later() {
    let mut node = Node::new(|_| {});
    node.run_until(1_000);
    node.is_told_to_end(Finished);
    node.run_until(3_000);
    node.is_told_to_end(Stopped);
    node.run_until(10_000);
    assert_eq!(node.done, [(1_000, End(Finished)), (3_000, End(Stopped)), (4_000, End(Cut))]);
}

#[test]
fn what_was_cut_is_cut_once_and_not_to_finish_any_more() {
    let mut node = Node::new(|_| {});
    node.run_until(1_000);
    node.is_told_to_end(Cut);
    node.is_told_to_end(Stopped);
    node.is_told_to_end(Cut);
    node.run_until(20_000);
    assert_eq!(node.done, [(1_000, End(Cut))]);
}

#[test]
fn what_a_node_counts_is_complete_up_to_where_it_held_a_lease() {
    let mut node = Node::new(|_| {});
    assert_eq!(node.part.covered_until(), RunInstant::START);
    node.run_until(2_000);
    node.has_lease = false;
    node.run_until(3_400);
    // The last lease was given at 2 s, and holds for 1.2 s.
    assert_eq!(node.part.covered_until(), ms(3_000));
    node.has_lease = true;
    node.run_until(4_000);
    assert_eq!(node.part.covered_until(), ms(4_000), "what it missed is told as unsent");
    node.is_told_to_end(Finished);
    node.run_until(5_000);
    assert_eq!(node.part.covered_until(), ms(4_000), "nothing begins after the end");
}

#[test]
fn a_lease_does_not_outlast_its_time_by_that_of_a_suspension() {
    let mut node = Node::new(|_| {});
    node.run_until(2_000);
    let after_an_hour = NodeInstant { run: ms(2_200), local: local(3_602_200) };
    node.part.handle_time(after_an_hour, node.workers);
    assert_eq!(node.part.covered_until(), ms(2_000));
    node.part.handle_end(after_an_hour, node.workers, Finished);
    assert!(node.part.is_leaderless());
    assert_eq!(node.part.poll_effect(), Some(End(Finished)));
    // The grace does not pass meanwhile.
    node.part.handle_time(NodeInstant { run: ms(5_000), ..after_an_hour }, node.workers);
    assert_eq!(node.part.poll_effect(), None);
}

#[test]
fn a_node_that_ends_without_a_lease_was_leaderless() {
    let mut node = Node::new(|_| {});
    node.has_lease = false;
    node.run_until(11_000);
    assert_eq!(node.done, [(10_000, End(Finished))]);
    assert!(node.part.is_leaderless());
    // One that has ended needs none.
    let mut node = Node::new(|_| {});
    node.run_until(10_000);
    node.has_lease = false;
    node.run_until(12_000);
    node.is_told_to_end(Stopped);
    assert!(!node.part.is_leaderless());
}

#[test]
fn a_node_for_which_nobody_speaks_is_cut_at_once() {
    let mut node = Node::new(|_| {});
    node.run_until(1_000);
    node.part.handle_deserted(at(1_100), node.workers);
    assert_eq!(node.part.poll_effect(), Some(End(Cut)));
    assert!(node.part.is_leaderless());
    assert_eq!(node.part.covered_until(), ms(1_100), "its lease held");
}

#[test]
fn a_user_of_the_closed_model_has_no_slot_to_hand_over() {
    let plan = plan(|input| (input.tps, input.vus) = (None, Some(4)));
    let mut node = Node::of(&plan, Pace::Nothing);
    node.run_until(1_000);
    node.wants_to_leave();
    node.wants_to_leave();
    node.run_until(2_000);
    assert_eq!(node.done, [(1_000, AskToLeave), (1_200, End(Finished))]);
}

#[test]
fn a_node_leaves_when_its_last_slot_has_been_due_and_none_waits() {
    let mut node = Node::new(|_| {});
    node.run_until(1_000);
    node.wants_to_leave();
    node.run_until(1_200);
    node.share_moves_from(200);
    node.workers.waiting = 1;
    node.run_until(2_400);
    assert_eq!(node.done, [(1_000, AskToLeave)], "one of its slots waits");
    node.workers.waiting = 0;
    node.run_until(3_000);
    assert_eq!(node.done[1..], [(2_600, End(Finished))]);
    // One whose slots are still to come goes on.
    let mut node = Node::new(|_| {});
    node.wants_to_leave();
    node.share_moves_from(200);
    node.run_until(1_800);
    assert_eq!(node.done, [(0, AskToLeave)]);
    node.run_until(2_000);
    assert_eq!(node.done[1..], [(2_000, End(Finished))]);
}

#[test]
fn a_node_does_not_wait_for_slots_that_a_lower_rate_has_put_off() {
    let mut node = Node::new(|_| {});
    node.run_until(1_000);
    node.wants_to_leave();
    node.share_moves_from(900);
    node.run_until(5_800);
    assert_eq!(node.done, [(1_000, AskToLeave)]);
    node.run_until(6_200);
    assert_eq!(node.done[1..], [(6_000, End(Finished))], "five seconds were enough");
}

#[test]
fn a_node_whose_share_nobody_takes_says_so_once_and_goes_on() {
    let mut node = Node::new(|_| {});
    node.run_until(1_000);
    node.wants_to_leave();
    node.run_until(9_800);
    assert_eq!(node.done, [(1_000, AskToLeave), (6_000, SayStuck)]);
    // Once somebody does, it leaves.
    node.share_moves_from(0);
    node.run_until(10_000);
    assert_eq!(node.done[2..], [(10_000, End(Finished))]);
}

#[test]
fn a_node_that_wants_to_leave_and_has_no_lease_is_cut() {
    let mut node = Node::new(|_| {});
    node.run_until(1_000);
    node.has_lease = false;
    node.wants_to_leave();
    node.run_until(3_000);
    assert_eq!(node.done, [(1_000, AskToLeave), (2_200, End(Cut))]);
    assert!(node.part.is_leaderless() && node.part.is_leaving());
}

#[test]
fn what_was_counted_is_sent_twice_a_second_and_not_more_often_after_a_pause() {
    let mut node = Node::new(|_| {});
    let mut sent = Vec::new();
    for now in (0..2_000).step_by(100).chain([9_000, 9_200, 9_400, 9_500, 9_600]) {
        if node.part.poll_delta(ms(now)) {
            sent.push(now);
        }
    }
    assert_eq!(sent, [500, 1_000, 1_500, 9_000, 9_500]);
}

#[test]
fn a_node_wants_numbers_for_its_share_and_one_that_comes_later_for_an_even_one() {
    let nothing = NumbersHeld::default();
    let numbers = |plan: &Plan, tables| {
        let orders = Arc::new(orders(plan.timeline(), tables));
        let mut part = NodePart::new(ms(0), plan, Pace::Iterations, OWN, orders);
        part.numbers_wanted(ms(0), nothing)
    };
    let most = ShareTable::of_weights(0, &[(OWN, 3.0), (1, 1.0)]);
    assert_eq!(numbers(&plan(|_| {}), vec![most]), 225);
    let none = ShareTable::of_weights(0, &[(1, 1.0)]);
    assert_eq!(numbers(&plan(|_| {}), vec![none]), 150);
    let closed = plan(|input| (input.tps, input.vus) = (None, Some(4)));
    assert_eq!(numbers(&closed, vec![halves()]), 1_200, "users as fast as they can");
}

#[test]
fn a_share_that_grows_is_told_to_the_stock_of_numbers() {
    let mut node = Node::new(|input| input.tps = Rate::new(1_000.0));
    assert_eq!(node.part.numbers_wanted(ms(0), NumbersHeld { used: 0, left: 1_000 }), 0);
    node.orders.tables = vec![ShareTable::of_weights(0, &[(OWN, 1.0)])];
    node.is_told_other_orders();
    assert_eq!(node.part.numbers_wanted(ms(0), NumbersHeld { used: 0, left: 1_000 }), 3_000);
}
