//! When to start: numbered slots, each with an intended instant that follows from the load profile alone.
//!
//! ## Why numbers and not a queue
//! A slot is a number. Its place in the profile is a *position*, the number of starts expected before it; the profile says at which instant that position
//! is reached. Nothing is booked ahead, so a change of rate only lays another segment from now on; nothing is added up from interval to interval, so a
//! run of a day ends on the same nanosecond as the formula; and whoever knows the profile, the seed and its stripe (a thread, a host) knows its own slots
//! without asking anybody.

mod arrivals;
mod timeline;

pub use self::arrivals::Arrivals;
use self::arrivals::Positions;
pub use self::timeline::{Law, Profile, Segment, Stage, StageError, Timeline};
use crate::RunInstant;

/// A slot that is, or will be, due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When it is meant to start. First, so that the earliest is the least.
    pub intended: RunInstant,
    /// Its number, unique in the run.
    pub slot: u64,
}

/// What starts are to follow from some instant on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Course {
    /// This many a second; zero means none.
    Rate(f64),
    /// The profile that there was at first, at the place where it is by then: it has not waited.
    Profile,
}

/// A share of all slots: those whose number leaves the remainder `index` when divided by `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stripe {
    index: u64,
    of: u64,
}

impl Stripe {
    /// All slots.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Share number `index` of `of`.
    ///
    /// # Panics
    /// When there is no such share.
    pub const fn new(index: u64, of: u64) -> Self {
        assert!(index < of, "a share is one of those that there are");
        Self { index, of }
    }

    /// Share number `index` of `of` of this share: a thread's of its host's.
    ///
    /// # Panics
    /// When there is no such share.
    pub const fn part(self, index: u64, of: u64) -> Self {
        Self::new(self.index + index * self.of, self.of * of)
    }

    /// Which share it is, from 0.
    pub const fn index(self) -> u64 {
        self.index
    }

    /// How many shares there are.
    pub const fn of(self) -> u64 {
        self.of
    }
}

/// The slots of one stripe, in order.
#[derive(Clone, Debug)]
pub struct Cursor {
    profile: Timeline,
    timeline: Timeline,
    positions: Positions,
    stripe: Stripe,
    end: RunInstant,
    slots: u64,
    next_slot: u64,
    head: Option<Due>,
}

impl Cursor {
    /// The slots of `stripe` under `profile` that are due before `end` and whose number is below `slots`.
    ///
    /// [`RunInstant::NEVER`] and [`u64::MAX`] set no limit.
    pub fn new(profile: Timeline, arrivals: Arrivals, stripe: Stripe, end: RunInstant, slots: u64) -> Self {
        let (positions, timeline) = (Positions::new(arrivals), profile.clone());
        let mut cursor = Self { profile, timeline, positions, stripe, end, slots, next_slot: stripe.index, head: None };
        cursor.head = cursor.find_head();
        cursor
    }

    /// The next slot; nothing when there is none left under the profile as it is.
    pub const fn peek(&self) -> Option<Due> {
        self.head
    }

    /// Takes the next slot.
    pub fn pop(&mut self) -> Option<Due> {
        let due = self.head?;
        self.next_slot += self.stripe.of;
        self.head = self.find_head();
        Some(due)
    }

    /// Lets `course` rule everything that is meant to start after `now`, in place of what there was for that time. What is due by `now` stays.
    pub fn change_after(&mut self, now: RunInstant, course: Course) {
        match course {
            Course::Rate(rate) => self.timeline.change_after(now, Law::Constant(rate)),
            Course::Profile => self.timeline.follow_after(now, &self.profile),
        }
        self.timeline.forget_before(self.positions.of(self.next_slot));
        self.head = self.find_head();
    }

    /// The law of starts that it follows.
    pub const fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    fn find_head(&mut self) -> Option<Due> {
        if self.next_slot >= self.slots {
            return None;
        }
        let intended = self.timeline.instant_of(self.positions.of(self.next_slot))?;
        (intended < self.end).then_some(Due { intended, slot: self.next_slot })
    }
}

#[cfg(test)]
mod tests;
