//! When to start: numbered slots, each with an intended instant that follows from the load profile
//! alone.
//!
//! ## Why numbers and not a queue
//! A slot is a number. Its place in the profile is a *position*, the number of starts expected
//! before it; the profile says at which instant that position is reached. Nothing is planned ahead,
//! so a change of rate only adds another segment from now on. Nothing is added up from interval to
//! interval, so a run of a day ends on the same nanosecond as the formula. A worker that knows the
//! profile, the seed and its stripe (a thread's or a node's) knows its own slots without asking
//! anybody.

mod arrivals;
mod bursts;
mod crowd;
mod formula;
mod law;
mod mix;
mod numbering;
mod shares;
mod stripe;
mod timeline;
mod users;

pub use self::arrivals::Arrivals;
use serde::{Deserialize, Serialize};

use self::arrivals::Positions;
pub use self::bursts::{BurstError, Bursts};
pub use self::crowd::Crowd;
pub use self::formula::{CurveError, Formula, FormulaError, LoadLines};
pub use self::law::Law;
pub use self::mix::{DealtPlaces, MAX_SCENARIOS, MAX_WEIGHT, Mix, MixError};
pub use self::numbering::Numbering;
use self::shares::SlotClaim;
pub use self::shares::{Owner, ShareTable};
pub use self::stripe::Stripe;
pub use self::timeline::{Profile, Segment, Stage, StageError, Timeline, TimelineError};
pub use self::users::{UserProfile, UserStage, UserTimeline};
use crate::RunInstant;

/// A slot that is, or will be, due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When it is meant to start. This field is first, so that the earliest slot is the least.
    pub intended: RunInstant,
    /// Its number, unique in the run.
    pub slot: u64,
}

/// What starts are to follow from some instant on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Course {
    /// A constant rate, in starts a second; zero means no starts.
    Rate(f64),
    /// The profile that the run began with, at the place that it has reached by then: the profile's
    /// time went on meanwhile.
    Profile,
}

/// The slots of one thread, in order.
#[derive(Clone, Debug)]
pub struct Cursor {
    profile: Timeline,
    timeline: Timeline,
    positions: Positions,
    claim: SlotClaim,
    end: RunInstant,
    slots: u64,
    /// Slots from this number on may not start yet.
    below: u64,
    /// Slots before this number were taken or dropped, or do not belong to the claim.
    reached: u64,
    /// The claim's next slot; `None` when there is none left.
    next_slot: Option<u64>,
    head: Option<Due>,
}

impl Cursor {
    /// The slots of `stripe` under `profile` that are due before `end` and have a number below
    /// `slots`.
    ///
    /// [`RunInstant::NEVER`] and [`u64::MAX`] set no limit.
    pub fn new(
        profile: Timeline,
        arrivals: Arrivals,
        stripe: Stripe,
        end: RunInstant,
        slots: u64,
    ) -> Self {
        let (positions, timeline, claim) =
            (Positions::new(arrivals), profile.clone(), SlotClaim::of_stripe(stripe));
        let mut cursor = Self {
            profile,
            timeline,
            positions,
            claim,
            end,
            slots,
            below: u64::MAX,
            reached: 0,
            next_slot: None,
            head: None,
        };
        cursor.advance(0);
        cursor
    }

    /// The next slot; `None` when there is none left under the present profile.
    pub const fn peek(&self) -> Option<Due> {
        self.head
    }

    /// Takes the next slot.
    pub fn pop(&mut self) -> Option<Due> {
        let due = self.head?;
        self.advance(due.slot + 1);
        Some(due)
    }

    /// Everything that is meant to start after `now` follows `course`. What is due by `now` stays.
    pub fn change_after(&mut self, now: RunInstant, course: Course) {
        match course {
            Course::Rate(rate) => self.timeline.change_after(now, Law::Constant(rate)),
            Course::Profile => self.timeline.follow_after(now, &self.profile),
        }
        if let Some(next) = self.next_slot {
            self.timeline.forget_before(self.positions.of(next));
        }
        self.head = self.find_head();
    }

    /// Follows the coordinator's timeline instead of its own. Slots that were taken stay taken.
    pub fn follow(&mut self, timeline: Timeline) {
        self.timeline = timeline;
        self.head = self.find_head();
    }

    /// From the next slot on, has the slots that the tables give to a node, instead of those that
    /// it had.
    pub fn claim(&mut self, tables: &[ShareTable], owner: Owner) {
        self.claim = SlotClaim::of_tables(tables, owner, self.claim.part());
        self.advance(self.reached);
    }

    /// Slots from this number on may not start until a higher one is allowed.
    pub fn allow_below(&mut self, below: u64) {
        self.below = below;
        self.head = self.find_head();
    }

    /// Takes the next slot, allowed or not, if it was meant to start before `now`.
    pub fn pop_missed(&mut self, now: RunInstant) -> Option<Due> {
        let allowed = std::mem::replace(&mut self.below, u64::MAX);
        self.head = self.find_head();
        let missed =
            if self.head.is_some_and(|due| due.intended < now) { self.pop() } else { None };
        self.allow_below(allowed);
        missed
    }

    /// The rate of starts over time that it follows.
    pub const fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The claim's slots below this number were taken or dropped.
    pub const fn reached(&self) -> u64 {
        self.reached
    }

    fn advance(&mut self, reached: u64) {
        self.reached = reached;
        self.next_slot = self.claim.at_or_after(reached);
        self.head = self.find_head();
    }

    fn find_head(&mut self) -> Option<Due> {
        let slot = self.next_slot.filter(|&slot| slot < self.slots.min(self.below))?;
        let intended = self.timeline.instant_of(self.positions.of(slot))?;
        (intended < self.end).then_some(Due { intended, slot })
    }
}

#[cfg(test)]
mod tests;
