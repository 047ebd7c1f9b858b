//! The transactions of a name that are worth a look of their own: the slowest ones, and the first
//! that failed.
//!
//! Each is kept with the number of its iteration, by which `host try` repeats it. There are at most
//! [`MAX_NOTABLE`] of each sort, whatever is merged: those of a sum are those that one recorder
//! would have kept, as both sorts are the first ones of an order.

use std::cmp::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::counts::Texts;
use crate::RunInstant;
use crate::travel::{self, AtMost, Refused};

/// Of each sort so many are kept: more than anybody looks into.
pub const MAX_NOTABLE: usize = 10;

/// Whose a transaction is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Whose {
    /// The number of its iteration, which with the seed decides all that it drew.
    pub iteration: u64,
    /// The number of its user.
    pub user: u64,
}

/// A transaction that is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NotableTransaction {
    /// When it ended.
    pub at: RunInstant,
    /// Whose it is.
    pub whose: Whose,
    /// End − intended start.
    pub response: Duration,
    /// End − actual start.
    pub service: Duration,
    /// Why it failed, if it did.
    pub error: Option<Box<str>>,
}

/// See the module's documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SentNotable")]
pub struct Notable {
    /// Those with the longest service time, the longest first.
    slowest: Vec<NotableTransaction>,
    /// Those that failed, the first one first.
    failures: Vec<NotableTransaction>,
}

/// Which of the two sorts a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sorts {
    slowest: bool,
    failure: bool,
}

impl Notable {
    /// Those with the longest service time, the longest first.
    pub fn slowest(&self) -> &[NotableTransaction] {
        &self.slowest
    }

    /// Those that failed, the first one first.
    pub fn failures(&self) -> &[NotableTransaction] {
        &self.failures
    }

    /// Which sorts a transaction is of, beside those that are kept; nothing where it is of none.
    pub(super) fn sorts(
        &self,
        transaction: &NotableTransaction,
        has_failed: bool,
    ) -> Option<Sorts> {
        let slowest = has_place(&self.slowest, transaction, slower_first);
        let failure = has_failed && has_place(&self.failures, transaction, first_first);
        (slowest || failure).then_some(Sorts { slowest, failure })
    }

    /// Keeps a transaction as one of these sorts.
    pub(super) fn keep(&mut self, sorts: Sorts, transaction: &NotableTransaction) {
        if sorts.slowest {
            insert(&mut self.slowest, transaction, slower_first);
        }
        if sorts.failure {
            insert(&mut self.failures, transaction, first_first);
        }
    }

    /// Adds what `other` kept.
    pub fn merge(&mut self, other: &Self) {
        let Self { slowest, failures } = other;
        slowest.iter().for_each(|one| insert(&mut self.slowest, one, slower_first));
        failures.iter().for_each(|one| insert(&mut self.failures, one, first_first));
    }

    /// Forgets all of them and keeps the memory.
    pub fn clear(&mut self) {
        let Self { slowest, failures } = self;
        slowest.clear();
        failures.clear();
    }
}

/// The words of an error, as far as they are kept.
pub(super) fn words(error: &str) -> Box<str> {
    error[..error.floor_char_boundary(Texts::MAX_BYTES)].into()
}

/// An order in which the first ones are kept.
type RankOrder = fn(&NotableTransaction, &NotableTransaction) -> Ordering;

fn slower_first(one: &NotableTransaction, other: &NotableTransaction) -> Ordering {
    other.service.cmp(&one.service).then_with(|| one.cmp(other))
}

fn first_first(one: &NotableTransaction, other: &NotableTransaction) -> Ordering {
    one.cmp(other)
}

fn has_place(kept: &[NotableTransaction], one: &NotableTransaction, order: RankOrder) -> bool {
    kept.len() < MAX_NOTABLE || kept.last().is_some_and(|last| order(one, last).is_lt())
}

fn insert(kept: &mut Vec<NotableTransaction>, one: &NotableTransaction, order: RankOrder) {
    if !has_place(kept, one, order) {
        return;
    }
    // Room for all of them at once: what is kept later needs no more.
    kept.reserve_exact(MAX_NOTABLE - kept.len().min(MAX_NOTABLE));
    kept.truncate(MAX_NOTABLE - 1);
    let place = kept.partition_point(|known| order(known, one).is_le());
    kept.insert(place, one.clone());
}

/// What is kept, as it comes.
#[derive(Deserialize)]
struct SentNotable {
    slowest: AtMost<NotableTransaction, MAX_NOTABLE>,
    failures: AtMost<NotableTransaction, MAX_NOTABLE>,
}

impl TryFrom<SentNotable> for Notable {
    type Error = Refused;

    fn try_from(sent: SentNotable) -> Result<Self, Refused> {
        let (AtMost(slowest), AtMost(failures)) = (sent.slowest, sent.failures);
        for one in slowest.iter().chain(&failures) {
            travel::length(one.error.as_deref().unwrap_or_default(), Texts::MAX_BYTES)?;
            if one.service > one.response {
                return Err(Refused::Samples);
            }
        }
        if failures.iter().any(|one| one.error.is_none()) {
            return Err(Refused::Samples);
        }
        let in_order = |kept: &[NotableTransaction], order: RankOrder| {
            kept.is_sorted_by(|one, next| order(one, next).is_le())
        };
        if !in_order(&slowest, slower_first) || !in_order(&failures, first_first) {
            return Err(Refused::Order);
        }
        Ok(Self { slowest, failures })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Few different values, so that many are equal in part.
    fn transaction() -> impl Strategy<Value = NotableTransaction> {
        (0..6_u64, 0..4_u64, 0..3_u64, 0..5_u64, proptest::option::of("[ab]{1,2}")).prop_map(
            |(at, iteration, user, service, error)| NotableTransaction {
                at: RunInstant::from_nanos(at),
                whose: Whose { iteration, user },
                response: Duration::from_nanos(service + user),
                service: Duration::from_nanos(service),
                error: error.map(Into::into),
            },
        )
    }

    fn noted(transactions: &[NotableTransaction]) -> Notable {
        let mut notable = Notable::default();
        for one in transactions {
            if let Some(sorts) = notable.sorts(one, one.error.is_some()) {
                notable.keep(sorts, one);
            }
        }
        notable
    }

    fn first(mut all: Vec<NotableTransaction>, order: RankOrder) -> Vec<NotableTransaction> {
        all.sort_by(order);
        all.truncate(MAX_NOTABLE);
        all
    }

    proptest! {
        #[test]
        fn what_is_merged_in_any_grouping_keeps_what_one_recorder_would(
            all in proptest::collection::vec(transaction(), 0..60),
            cuts in proptest::collection::vec(0..60_usize, 2),
        ) {
            let (one, two) = (cuts[0].min(all.len()), cuts[1].min(all.len()));
            let (one, two) = (one.min(two), one.max(two));
            let parts = [&all[..one], &all[one..two], &all[two..]].map(noted);
            let [a, b, c] = &parts;
            let sum = |order: [&Notable; 3]| {
                let mut sum = Notable::default();
                order.into_iter().for_each(|part| sum.merge(part));
                sum
            };
            let whole = noted(&all);
            for order in [[a, b, c], [c, b, a], [b, a, c]] {
                prop_assert_eq!(&sum(order), &whole);
            }
            let failed = all.iter().filter(|one| one.error.is_some()).cloned().collect();
            prop_assert_eq!(whole.slowest(), first(all.clone(), slower_first));
            prop_assert_eq!(whole.failures(), first(failed, first_first));
            // Nothing is lost by leaving out of a part what was not among the first before it.
            let (mut known, mut windows) = (Notable::default(), Notable::default());
            for window in all.chunks(7) {
                let mut of_window = Notable::default();
                for one in window {
                    if let Some(sorts) = known.sorts(one, one.error.is_some()) {
                        known.keep(sorts, one);
                        of_window.keep(sorts, one);
                    }
                }
                windows.merge(&of_window);
            }
            prop_assert_eq!(windows, whole);
        }

        #[test]
        fn what_travels_comes_as_it_went(
            all in proptest::collection::vec(transaction(), 0..60),
        ) {
            let notable = noted(&all);
            let bytes = postcard::to_stdvec(&notable).expect("it can be written");
            prop_assert_eq!(postcard::from_bytes::<Notable>(&bytes), Ok(notable));
        }
    }

    #[test]
    fn what_no_recorder_kept_is_refused() {
        let one = |service: u64, error: Option<&str>| NotableTransaction {
            at: RunInstant::START,
            whose: Whose::default(),
            response: Duration::from_nanos(50),
            service: Duration::from_nanos(service),
            error: error.map(Into::into),
        };
        type Lists = (Vec<NotableTransaction>, Vec<NotableTransaction>);
        let is_taken = |lists: &Lists| {
            let bytes = postcard::to_stdvec(lists).expect("it can be written");
            postcard::from_bytes::<Notable>(&bytes).is_ok()
        };
        assert!(is_taken(&(vec![one(9, None), one(3, Some("x"))], vec![one(3, Some("x"))])));
        for lists in [
            (vec![one(3, None), one(9, None)], vec![]),
            (vec![one(51, None)], vec![]),
            (vec![], vec![one(3, None)]),
            (vec![one(3, Some(&"x".repeat(201)))], vec![]),
            (vec![one(3, None); MAX_NOTABLE + 1], vec![]),
        ] {
            assert!(!is_taken(&lists), "{lists:?}");
        }
    }
}
