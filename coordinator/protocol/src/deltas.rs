//! Results on their way: numbered deltas, each merged once and in order, however often and in
//! whatever order they arrive.
//!
//! A node keeps a delta until it hears that it was merged, and sends it again if it hears nothing;
//! the lead takes the next number and no other. So a delta that is lost, doubled or overtaken
//! changes nothing, and the merged part of a node's counts is at any time a beginning of all that
//! it counted.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::clock::LocalInstant;

/// How long the sender waits for an acknowledgement before it sends a delta again.
pub const RESEND_AFTER: Duration = Duration::from_secs(1);
/// The most deltas that are sent and not acknowledged: those of ten seconds.
const MAX_UNDER_WAY: u64 = 20;
/// The most deltas that are kept because they arrived before their turn: as many as can be under
/// way.
const MAX_KEPT_AHEAD: u64 = MAX_UNDER_WAY;

/// What a node counted since the delta before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// The delta's number among those of its node, from 1.
    pub number: u64,
    /// How far the node had come at the end of the delta.
    pub frontier: Frontier,
    /// Whether nothing follows it.
    pub is_last: bool,
    /// The counts.
    pub counted: Bytes,
}

/// How far a node has come with its slots since the beginning of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontier {
    /// Slots that the node has started; in a delta, those of them that are counted.
    pub started: u64,
    /// All of the node's slots below this number were started, or never will be, or wait.
    pub reached: u64,
    /// None of the node's slots from this number on was taken. The threads of a node are not
    /// equally far.
    pub furthest: u64,
    /// How many of the slots below wait, due and not started; in a delta, also those that are under
    /// way and not counted yet.
    pub waiting: u64,
}

/// A node's deltas that nobody has acknowledged.
#[derive(Clone, Debug, Default)]
pub struct DeltaOutbox {
    /// The deltas, each with when it was last sent.
    kept: VecDeque<(Delta, Option<LocalInstant>)>,
    /// The latest number that was given.
    numbered: u64,
    acknowledged: u64,
    has_last: bool,
}

impl DeltaOutbox {
    /// Takes in what was counted; returns the number of the delta.
    ///
    /// # Panics
    /// After the last one.
    pub fn push(&mut self, frontier: Frontier, is_last: bool, counted: Bytes) -> u64 {
        assert!(!self.has_last, "nothing follows the last delta");
        self.has_last = is_last;
        self.numbered += 1;
        self.kept.push_back((Delta { number: self.numbered, frontier, is_last, counted }, None));
        self.numbered
    }

    /// All deltas up to this number were merged. A number that was never sent is ignored.
    pub fn handle_acknowledged(&mut self, number: u64) {
        if number > self.numbered {
            return;
        }
        self.acknowledged = self.acknowledged.max(number);
        while self.kept.pop_front_if(|(delta, _)| delta.number <= number).is_some() {}
    }

    /// The next delta to be sent at `now`, for the first time or again.
    pub fn poll_send(&mut self, now: LocalInstant) -> Option<Delta> {
        let most = self.acknowledged + MAX_UNDER_WAY;
        let due =
            |sent: &Option<LocalInstant>| sent.is_none_or(|sent| now.since(sent) >= RESEND_AFTER);
        let (delta, sent) =
            self.kept.iter_mut().find(|(delta, sent)| delta.number <= most && due(sent))?;
        *sent = Some(now);
        Some(delta.clone())
    }

    /// When a delta is to be sent again if nothing is heard.
    pub fn poll_timeout(&self) -> Option<LocalInstant> {
        self.kept.iter().filter_map(|(_, sent)| *sent).min().map(|sent| sent + RESEND_AFTER)
    }

    /// Whether the last delta was merged.
    pub fn is_done(&self) -> bool {
        self.has_last && self.kept.is_empty()
    }
}

/// What was merged of one node.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DeltaInbox {
    /// The number up to which all deltas were merged.
    merged: u64,
    frontier: Frontier,
    has_last: bool,
    /// Deltas that came before their turn.
    ahead: BTreeMap<u64, Delta>,
}

impl DeltaInbox {
    /// A delta came. Returns those whose turn it is now, which are to be merged in this order.
    pub fn handle_delta(&mut self, delta: Delta) -> Vec<Delta> {
        let expected = self.merged + 1..=self.merged + MAX_KEPT_AHEAD;
        if !self.has_last && expected.contains(&delta.number) {
            self.ahead.entry(delta.number).or_insert(delta);
        }
        let mut ready = Vec::new();
        while let Some(next) = self.ahead.remove(&(self.merged + 1)) {
            self.merged += 1;
            self.frontier = next.frontier;
            self.has_last = next.is_last;
            ready.push(next);
            if self.has_last {
                self.ahead.clear();
            }
        }
        ready
    }

    /// The number up to which all deltas were merged.
    pub const fn merged(&self) -> u64 {
        self.merged
    }

    /// How far the node had come by the last of them.
    pub const fn frontier(&self) -> Frontier {
        self.frontier
    }

    /// Whether the last delta was merged.
    pub const fn is_complete(&self) -> bool {
        self.has_last
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(ms: u64) -> LocalInstant {
        LocalInstant::from_nanos(ms * 1_000_000)
    }

    proptest! {
        #[test]
        fn whatever_is_lost_doubled_or_overtaken_each_delta_is_merged_once_and_in_order(
            fates in prop::collection::vec(
                (any::<bool>(), any::<bool>(), 0u64..3_000, any::<bool>()),
                1..200,
            ),
        ) {
            let (mut outbox, mut inbox) = (DeltaOutbox::default(), DeltaInbox::default());
            let mut merged = Vec::new();
            let mut under_way: Vec<(u64, Delta)> = Vec::new();
            let mut fates = fates.into_iter().chain(std::iter::repeat((false, false, 0, false)));
            for step in 0..400u64 {
                let now = ms(step * 500);
                if step < 50 {
                    let frontier = Frontier { started: step * 10, ..Frontier::default() };
                    let counted = Bytes::copy_from_slice(&step.to_le_bytes());
                    outbox.push(frontier, step == 49, counted);
                }
                while let Some(delta) = outbox.poll_send(now) {
                    let (lost, doubled, late, _) = fates.next().unwrap();
                    if doubled { under_way.push((step * 500, delta.clone())); }
                    if !lost { under_way.push((step * 500 + late, delta)); }
                }
                under_way.sort_by_key(|&(at, _)| at);
                while under_way.first().is_some_and(|&(at, _)| at <= step * 500) {
                    let (_, delta) = under_way.remove(0);
                    merged.extend(inbox.handle_delta(delta).into_iter().map(|delta| delta.number));
                    if !fates.next().unwrap().3 { outbox.handle_acknowledged(inbox.merged()); }
                }
                if outbox.is_done() { break; }
                outbox.handle_acknowledged(inbox.merged().saturating_sub(1));
            }
            prop_assert_eq!(merged, (1..=50).collect::<Vec<u64>>());
            prop_assert!(inbox.is_complete());
            prop_assert_eq!(inbox.frontier().started, 490);
        }
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_after_a_second() {
        let mut outbox = DeltaOutbox::default();
        outbox.push(Frontier::default(), true, Bytes::new());
        assert!(outbox.poll_send(ms(0)).is_some());
        assert!(outbox.poll_send(ms(999)).is_none());
        assert_eq!(outbox.poll_timeout(), Some(ms(1_000)));
        assert!(outbox.poll_send(ms(1_000)).is_some());
        outbox.handle_acknowledged(7);
        assert!(!outbox.is_done(), "nobody can have merged what was not sent");
        outbox.handle_acknowledged(1);
        assert!(outbox.is_done() && outbox.poll_timeout().is_none());
    }

    #[test]
    fn deltas_far_ahead_of_their_turn_are_not_kept() {
        let mut inbox = DeltaInbox::default();
        let far = Delta {
            number: 1_000_000,
            frontier: Frontier::default(),
            is_last: true,
            counted: Bytes::new(),
        };
        assert!(inbox.handle_delta(far).is_empty());
        assert!(inbox.ahead.is_empty());
    }
}
