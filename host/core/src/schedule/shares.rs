//! Whose slot is whose: tables that deal the slots out to several nodes, by weight, round after
//! round.
//!
//! ## Why a table and not a rate for each node
//! Each slot keeps its one instant, whichever node starts it, so the nodes together send what one
//! machine would. A slot belongs to the node that the table in force names for its number. Numbers
//! do not depend on clocks or on what a node has heard of rates, so no two nodes that know the same
//! tables start the same slot.
//!
//! ## Why lost lanes are dealt out and the others stay
//! When a node is lost its lanes are to move at once, while the other nodes may be bound to what
//! they were promised. So [`ShareTable::without`] lets the others only gain.
//! [`ShareTable::of_weights`] draws a table up anew, for a moment at which no node is bound any
//! more. What is true of nodes is true of their threads, which hear of a new table one sooner and
//! one later: so a lane has a number among the lanes of its node, a *seat*, and keeps it while it
//! is that node's. The seat says which thread's turn it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::stripe::Stripe;

/// A node's number in tables.
pub type Owner = u16;

/// How many lanes a round has for each node: weights are met to a sixteenth of an even share.
const LANES_EACH: usize = 16;
/// The fewest lanes of a round: weights are met to half a percent.
const MIN_LANES: usize = 240;

/// Which node each slot belongs to, from some slot on. The lanes are a round: slots belong to them
/// in turn, again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareTable {
    /// The first slot for which the table is in force.
    pub from: u64,
    lanes: Arc<[Lane]>,
}

/// The node to which each slot of a lane belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lane {
    owner: Owner,
    /// The lane's number among the lanes of its owner, for as long as it is the owner's.
    seat: u32,
}

impl ShareTable {
    /// A table whose lanes are as near to the weights as possible (largest remainder). The lanes of
    /// each node are spread as evenly as possible. A node without a weight has no lanes; if no node
    /// has a weight, slots belong to nobody.
    pub fn of_weights(from: u64, weights: &[(Owner, f64)]) -> Self {
        let hosts = weights.iter().filter(|(_, weight)| *weight > 0.0).count();
        let mut seats = Seats::default();
        Self {
            from,
            lanes: deal((hosts * LANES_EACH).max(MIN_LANES), weights)
                .into_iter()
                .map(|owner| seats.next(owner))
                .collect(),
        }
    }

    /// The same table from the slot `from` on, with the lanes of `lost` dealt out to the others by
    /// weight. No other node loses a lane.
    pub fn without(&self, from: u64, lost: Owner, weights: &[(Owner, f64)]) -> Self {
        let free: Vec<usize> =
            (0..self.lanes.len()).filter(|&lane| self.lanes[lane].owner == lost).collect();
        let others: Vec<(Owner, f64)> =
            weights.iter().copied().filter(|&(owner, _)| owner != lost).collect();
        let heirs = deal(free.len(), &others);
        if others.iter().all(|&(_, weight)| weight <= 0.0) {
            return Self { from, lanes: Arc::default() };
        }
        let (mut lanes, mut seats) = (self.lanes.to_vec(), Seats::of(&self.lanes));
        for (lane, heir) in free.into_iter().zip(heirs) {
            lanes[lane] = seats.next(heir);
        }
        Self { from, lanes: lanes.into() }
    }

    /// The node to which a slot belongs under this table.
    pub fn owner(&self, slot: u64) -> Option<Owner> {
        (!self.lanes.is_empty())
            .then(|| self.lanes[(slot % self.lanes.len() as u64) as usize].owner)
    }

    /// The part of all slots that a node has.
    pub fn share(&self, owner: Owner) -> f64 {
        let own = self.lanes.iter().filter(|lane| lane.owner == owner).count();
        if own == 0 { 0.0 } else { own as f64 / self.lanes.len() as f64 }
    }

    /// How many of the slots from `from` up to `until` a node has.
    pub fn count(&self, owner: Owner, from: u64, until: u64) -> u64 {
        if self.lanes.is_empty() {
            return 0;
        }
        let lanes = self.lanes.len() as u64;
        let own = |until: usize| {
            self.lanes[..until].iter().filter(|lane| lane.owner == owner).count() as u64
        };
        let below = |slot: u64| slot / lanes * own(self.lanes.len()) + own((slot % lanes) as usize);
        below(until).saturating_sub(below(from.min(until)))
    }
}

/// The next free seat of each node.
#[derive(Default)]
struct Seats(BTreeMap<Owner, u32>);

impl Seats {
    /// The seats after those of these lanes.
    fn of(lanes: &[Lane]) -> Self {
        let mut seats = Self::default();
        for lane in lanes {
            let next = seats.0.entry(lane.owner).or_default();
            *next = (*next).max(lane.seat.saturating_add(1));
        }
        seats
    }

    fn next(&mut self, owner: Owner) -> Lane {
        let next = self.0.entry(owner).or_default();
        let seat = *next;
        *next = seat.saturating_add(1);
        Lane { owner, seat }
    }
}

/// Deals `count` lanes out by weight, to each node at even distances; deals none where no node has
/// a weight.
fn deal(count: usize, weights: &[(Owner, f64)]) -> Vec<Owner> {
    let weights: Vec<(Owner, f64)> =
        weights.iter().copied().filter(|&(_, weight)| weight > 0.0).collect();
    let mut places: Vec<(f64, Owner)> = Vec::with_capacity(count);
    for (owner, share) in portions(count, &weights) {
        places.extend((0..share).map(|place| ((place as f64 + 0.5) / share as f64, owner)));
    }
    places.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    places.into_iter().map(|(_, owner)| owner).collect()
}

/// Parts of a whole by weight, which add up to it: each part is rounded down, and the parts with
/// the largest remainders get one more.
fn portions(whole: usize, weights: &[(Owner, f64)]) -> Vec<(Owner, usize)> {
    let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let exact = |weight: f64| whole as f64 * weight / sum;
    let mut portions: Vec<(Owner, usize)> =
        weights.iter().map(|&(owner, weight)| (owner, exact(weight) as usize)).collect();
    let left = whole.saturating_sub(portions.iter().map(|(_, portion)| portion).sum());
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by(|&one, &other| {
        exact(weights[other].1)
            .fract()
            .total_cmp(&exact(weights[one].1).fract())
            .then(one.cmp(&other))
    });
    for &index in by_remainder.iter().take(left) {
        portions[index].1 += 1;
    }
    portions
}

/// The slots of one thread of one node.
#[derive(Clone, Debug)]
pub(super) struct SlotClaim {
    rounds: Vec<Round>,
    part: Stripe,
}

/// A node's lanes of one table, as its threads share them: a thread has the lanes of some seats in
/// one round, and moves on by one seat for the next.
#[derive(Clone, Debug)]
struct Round {
    from: u64,
    lanes: u64,
    /// The lanes of each turn, as many as there are threads.
    turns: Vec<Turn>,
}

/// The lanes that a thread has in a round, smallest first.
#[derive(Clone, Debug, Default)]
struct Turn {
    own: Vec<u64>,
    /// After how many rounds the thread has slots again; `None` where the node has none.
    next: Option<u64>,
}

impl SlotClaim {
    /// A part of all slots, by their numbers alone.
    pub(super) fn of_stripe(part: Stripe) -> Self {
        Self { rounds: vec![Round::new(0, 1, [(0, 0)], part)], part }
    }

    /// A thread's part of the slots that the tables give to a node.
    pub(super) fn of_tables(tables: &[ShareTable], owner: Owner, part: Stripe) -> Self {
        let round = |table: &ShareTable| {
            let own = (0..)
                .zip(&*table.lanes)
                .filter(|(_, lane)| lane.owner == owner)
                .map(|(number, lane)| (number, lane.seat));
            Round::new(table.from, table.lanes.len() as u64, own, part)
        };
        Self { rounds: tables.iter().map(round).collect(), part }
    }

    /// Which part of its node's slots the thread has.
    pub(super) const fn part(&self) -> Stripe {
        self.part
    }

    /// The first slot of the claim that is not before `slot`.
    pub(super) fn at_or_after(&self, slot: u64) -> Option<u64> {
        for (index, round) in self.rounds.iter().enumerate() {
            let until = self.rounds.get(index + 1).map_or(u64::MAX, |next| next.from);
            if slot < until
                && let Some(found) = round.at_or_after(slot.max(round.from), self.part)
                && found < until
            {
                return Some(found);
            }
        }
        None
    }
}

impl Round {
    /// The rounds of a table of `lanes` lanes, of which the node has `own`: smallest first, each
    /// with its seat.
    fn new(from: u64, lanes: u64, own: impl IntoIterator<Item = (u64, u32)>, part: Stripe) -> Self {
        let mut turns = vec![Turn::default(); part.of() as usize];
        for (lane, seat) in own {
            turns[(u64::from(seat) % part.of()) as usize].own.push(lane);
        }
        let is_any = |turn: u64| !turns[turn as usize].own.is_empty();
        // From round to round the turns go backwards.
        let next = |turn: u64| {
            (1..=part.of()).find(|rounds| is_any((turn + part.of() - rounds) % part.of()))
        };
        let nexts: Vec<Option<u64>> = (0..part.of()).map(next).collect();
        turns.iter_mut().zip(nexts).for_each(|(turn, next)| turn.next = next);
        Self { from, lanes, turns }
    }

    fn at_or_after(&self, slot: u64, part: Stripe) -> Option<u64> {
        // A table without lanes has no rounds.
        let round = slot.checked_div(self.lanes)?;
        let turn = |round: u64| {
            &self.turns[((part.index() + part.of() - round % part.of()) % part.of()) as usize]
        };
        let this = turn(round);
        let later = this.own.partition_point(|&lane| lane < slot % self.lanes);
        if let Some(lane) = this.own.get(later) {
            return (round * self.lanes).checked_add(*lane);
        }
        let round = round.checked_add(this.next?)?;
        round.checked_mul(self.lanes)?.checked_add(*turn(round).own.first()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slots(tables: &[ShareTable], owner: Owner, part: Stripe, below: u64) -> Vec<u64> {
        let claim = SlotClaim::of_tables(tables, owner, part);
        std::iter::successors(claim.at_or_after(0), |slot| claim.at_or_after(slot + 1))
            .take_while(|&slot| slot < below)
            .collect()
    }

    #[test]
    fn shares_follow_the_weights() {
        let table = ShareTable::of_weights(0, &[(0, 1.0), (1, 1.0), (2, 2.0), (3, 0.0)]);
        assert_eq!([0, 1, 2, 3].map(|owner| table.share(owner)), [0.25, 0.25, 0.5, 0.0]);
        let uneven = ShareTable::of_weights(
            0,
            &[(0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0), (4, 1.0), (5, 1.0), (6, 1.0)],
        );
        assert!((0..7).all(|owner| (uneven.share(owner) - 1.0 / 7.0).abs() < 0.005));
        assert_eq!(ShareTable::of_weights(0, &[(0, 0.0)]).owner(5), None);
    }

    #[test]
    fn a_host_s_slots_lie_at_even_distances() {
        let table = ShareTable::of_weights(0, &[(0, 3.0), (1, 1.0), (2, 1.0)]);
        for (owner, mean) in [(0, 5.0 / 3.0), (1, 5.0), (2, 5.0)] {
            let own = slots(std::slice::from_ref(&table), owner, Stripe::WHOLE, 10_000);
            let widest = own.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
            assert!(widest as f64 <= mean + 1.5, "{owner}: {widest}");
        }
    }

    #[test]
    fn who_stays_only_gains_when_another_is_lost() {
        let weights = [(0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0), (4, 1.0)];
        let before = ShareTable::of_weights(0, &weights);
        let after = before.without(1_000, 2, &weights);
        let kept =
            |slot: u64| before.owner(slot) == Some(2) || before.owner(slot) == after.owner(slot);
        assert!((0..240).all(kept));
        assert!(
            [0, 1, 3, 4].iter().all(|&owner| (after.share(owner) - 0.25).abs() < 0.01),
            "{after:?}"
        );
        assert_eq!(after.without(0, 0, &[(0, 1.0)]).owner(7), None);
    }

    #[test]
    fn slots_are_counted_without_going_through_them() {
        let table = ShareTable::of_weights(0, &[(0, 2.0), (1, 1.0)]);
        for (from, until) in [(0, 0), (0, 7), (3, 1_000), (500, 400), (241, 719)] {
            let own = slots(std::slice::from_ref(&table), 1, Stripe::WHOLE, until)
                .into_iter()
                .filter(|&slot| slot >= from)
                .count();
            assert_eq!(table.count(1, from, until), own as u64, "{from} to {until}");
        }
    }

    #[test]
    fn after_the_last_number_there_is_no_slot() {
        let table = ShareTable::of_weights(u64::MAX, &[(0, 1.0)]);
        let claims = [0, 1, 2].map(|thread| {
            SlotClaim::of_tables(std::slice::from_ref(&table), 0, Stripe::new(thread, 3))
        });
        assert!(claims.iter().all(|claim| claim.at_or_after(0).is_none()));
    }

    proptest! {
        #[test]
        fn a_thread_only_gains_when_another_host_is_lost(
            weights in prop::collection::vec(0.1f64..9.0, 2..8),
            lost in prop::collection::vec(0u16..8, 1..4),
            from in 0u64..900,
            threads in 1u64..5,
        ) {
            let mut weights: Vec<(Owner, f64)> = (0..).zip(weights).collect();
            let mut tables = vec![ShareTable::of_weights(0, &weights)];
            for lost in lost {
                let before = tables.clone();
                weights.retain(|&(owner, _)| owner != lost);
                tables.push(tables.last().unwrap().without(from, lost, &weights));
                for &(owner, _) in &weights {
                    for thread in 0..threads {
                        let stripe = Stripe::new(thread, threads);
                        let own = |tables: &[ShareTable]| slots(tables, owner, stripe, 1_500);
                        let after = own(&tables);
                        prop_assert!(
                            own(&before).iter().all(|slot| after.binary_search(slot).is_ok()),
                            "thread {thread} of host {owner}"
                        );
                    }
                }
            }
        }

        #[test]
        fn threads_take_turns(
            weights in prop::collection::vec(0.5f64..2.0, 1..6),
            lost in 0u16..6,
            threads in 1u64..5,
        ) {
            let weights: Vec<(Owner, f64)> = (0..).zip(weights).collect();
            let first = ShareTable::of_weights(0, &weights);
            let tables = [first.clone(), first.without(0, lost, &weights)];
            for table in &tables {
                for &(owner, _) in weights.iter().filter(|(owner, _)| table.share(*owner) > 0.0) {
                    let count = |thread| {
                        let stripe = Stripe::new(thread, threads);
                        slots(std::slice::from_ref(table), owner, stripe, 100_000).len() as f64
                    };
                    let even = table.count(owner, 0, 100_000) as f64 / threads as f64;
                    prop_assert!(
                        (0..threads).all(|thread| (count(thread) / even - 1.0).abs() < 0.02),
                        "host {owner}"
                    );
                }
            }
        }

        #[test]
        fn every_slot_is_one_thread_s_of_one_host(
            weights in prop::collection::vec(0.1f64..9.0, 1..8),
            lost in 0usize..8,
            froms in (0u64..900, 0u64..900),
            threads in 1u64..4,
        ) {
            let weights: Vec<(Owner, f64)> = (0..).zip(weights).collect();
            let first = ShareTable::of_weights(0, &weights);
            let lost = (lost % weights.len()) as Owner;
            let second = first.without(froms.0.min(froms.1), lost, &weights);
            let third = ShareTable::of_weights(froms.0.max(froms.1), &weights);
            let tables = [first, second, third];
            let mut all: Vec<u64> = Vec::new();
            for &(owner, _) in &weights {
                for thread in 0..threads {
                    all.extend(slots(&tables, owner, Stripe::new(thread, threads), 1_500));
                }
            }
            all.sort_unstable();
            let nobodys = weights.len() == 1;
            let in_force = |slot| tables.iter().rev().find(|table| table.from <= slot).unwrap();
            let expected: Vec<u64> = (0..1_500)
                .filter(|&slot| !nobodys || in_force(slot).owner(slot).is_some())
                .collect();
            prop_assert_eq!(all, expected);
        }
    }
}
