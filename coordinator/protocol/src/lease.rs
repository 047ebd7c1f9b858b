//! Leases: what bounds the load of a node that has fallen silent.
//!
//! A node may start slots only while it holds a lease, and only slots below the number that the
//! lease names. Both bounds are needed. The number is for exactness: the lead moves a
//! node's slots only from a number on that no lease has reached, so no slot is started twice,
//! whatever clocks do. The time is for the load: a node that is cut off, or that wakes up after it
//! was stopped, starts nothing that was meant for a time gone by.
//!
//! ## Why these times
//! A node asks at least every 300 ms. A node that looks five times a second how far it is asks as
//! often, so that all that it has to say at a time is one packet. A lease runs 1.2 s from the
//! instant at which its question was *sent*, on the node's own clock. While its second half runs,
//! the node asks every 50 ms: where one packet in twenty is lost, one question in ten stays without
//! an answer, and now and then four of them in a row. A node counts as lost after 0.9 s, which
//! leaves the others 0.3 s to hear that they get its slots before its lease ends. So a lost node's
//! share has moved at most 1.5 s after its last question.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::LocalInstant;

/// How often a node asks, at the least.
pub const ASK_EVERY: Duration = Duration::from_millis(300);
/// How often a node asks while the second half of its lease runs.
pub const HURRY_EVERY: Duration = Duration::from_millis(50);
/// How long a lease runs from the instant its question was sent.
pub const LEASE: Duration = Duration::from_millis(1_200);
/// How long a node may be silent before it counts as lost.
pub const LOST_AFTER: Duration = Duration::from_millis(900);

/// How many questions without an answer a node remembers: those of a lease's length, and some more.
const QUESTIONS_KEPT: usize = 24;

/// How many answers are told apart: as many as a node gets in ten seconds.
const GRANTS_KEPT: usize = 50;

/// A node's own lease.
#[derive(Clone, Debug, Default)]
pub struct HeldLease {
    /// Questions that were not answered, with when they were sent.
    asked: VecDeque<(u64, LocalInstant)>,
    /// The number of the latest question.
    latest_question: u64,
    /// The latest question whose answer the node has.
    answered: Option<u64>,
    /// The end of the lease.
    until: LocalInstant,
    /// The slot before which the lease ends.
    below: u64,
}

impl HeldLease {
    /// Asks at `now`; returns the question's number.
    pub fn ask(&mut self, now: LocalInstant) -> u64 {
        if self.asked.len() == QUESTIONS_KEPT {
            self.asked.pop_front();
        }
        self.latest_question += 1;
        self.asked.push_back((self.latest_question, now));
        self.latest_question
    }

    /// An answer came that allows slots below a number. Returns when its question was sent. Returns
    /// `None`, and changes nothing, where the question is not one of the latest or was answered
    /// before.
    pub fn handle_answer(&mut self, question: u64, below: u64) -> Option<LocalInstant> {
        let place = self.asked.iter().position(|&(number, _)| number == question)?;
        let (_, sent) = self.asked[place];
        self.asked.drain(..=place);
        self.answered = Some(question);
        self.until = sent + LEASE;
        self.below = below;
        Some(sent)
    }

    /// The latest question whose answer the node has.
    pub const fn answered(&self) -> Option<u64> {
        self.answered
    }

    /// The end of the lease; in the past if there is none.
    pub const fn until(&self) -> LocalInstant {
        self.until
    }

    /// Whether the lease holds at `now`.
    pub fn holds(&self, now: LocalInstant) -> bool {
        now < self.until
    }

    /// Whether the lease holds at `now`, and less than half of it is left.
    pub fn is_half_over(&self, now: LocalInstant) -> bool {
        self.holds(now) && self.until <= now + LEASE / 2
    }

    /// The slot before which the lease ends; `None` where it does not hold.
    pub const fn below(&self) -> u64 {
        self.below
    }
}

/// What was granted to one node, as the lead remembers it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Grants {
    /// Questions, each with the slot before which the lease of its answer ends.
    grants: VecDeque<(u64, u64)>,
}

impl Grants {
    /// Notes an answer.
    pub fn grant(&mut self, question: u64, below: u64) {
        // If a node hears no answer, its older grants are kept as one.
        if self.grants.len() == GRANTS_KEPT
            && let Some((_, oldest)) = self.grants.pop_front()
            && let Some((_, next)) = self.grants.front_mut()
        {
            *next = oldest.max(*next);
        }
        self.grants.push_back((question, below));
    }

    /// The node has said which answer was the latest that it got: grants before it do not bind any
    /// more.
    pub fn handle_answered(&mut self, answered: Option<u64>) {
        self.grants.retain(|&(question, _)| Some(question) >= answered);
    }

    /// The node has surely started nothing from this slot on since it last said which answer was
    /// its latest. The end of a lease changes nothing about that: what was started under it was
    /// started.
    pub fn below(&self) -> u64 {
        self.grants.iter().map(|&(_, below)| below).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> LocalInstant {
        LocalInstant::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn a_lease_runs_from_when_its_question_was_sent() {
        let mut lease = HeldLease::default();
        assert!(!lease.holds(ms(0)));
        let (first, second) = (lease.ask(ms(100)), lease.ask(ms(400)));
        assert_eq!(lease.handle_answer(second, 50), Some(ms(400)));
        assert!(lease.holds(ms(1_599)) && !lease.holds(ms(1_600)));
        assert_eq!(
            lease.handle_answer(first, 99),
            None,
            "an answer that was overtaken says nothing"
        );
        assert_eq!(lease.handle_answer(second, 99), None, "nor does one that comes twice");
        assert_eq!((lease.below(), lease.answered()), (50, Some(second)));
    }

    #[test]
    fn an_answer_that_was_under_way_for_longer_than_a_lease_gives_none() {
        let mut lease = HeldLease::default();
        let question = lease.ask(ms(0));
        assert!(lease.handle_answer(question, 10).is_some());
        assert!(!lease.holds(ms(1_300)));
    }

    #[test]
    fn what_was_granted_binds_until_the_node_follows_a_later_answer() {
        let mut grants = Grants::default();
        grants.grant(1, 6_000);
        grants.grant(2, 900);
        grants.handle_answered(Some(1));
        assert_eq!(grants.below(), 6_000);
        grants.handle_answered(Some(2));
        assert_eq!(grants.below(), 900);
    }

    #[test]
    fn a_node_that_hears_nothing_is_remembered_by_the_most_it_was_granted() {
        let mut grants = Grants::default();
        (1..1_000).for_each(|question| {
            grants.grant(question, if question == 10 { 5_000 } else { question })
        });
        assert_eq!((grants.below(), grants.grants.len()), (5_000, GRANTS_KEPT));
    }
}
