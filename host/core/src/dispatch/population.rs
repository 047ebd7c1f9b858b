//! How many users there should be, and when the next one may be created.
//!
//! On demand, each slot that finds no user *claims* one. A claim is met by a user under creation,
//! or else a user is created; the claim ends when any user takes a slot that had to wait. So while
//! a service stalls, each further slot gets one new user. A slot that asks again, that waits in the
//! overflow, or that is taken by a user who came back meanwhile does not cause a second creation:
//! the user under creation for it serves the next slot.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::RunInstant;
use crate::schedule::UserTimeline;
use crate::units::Rate;

/// A virtual user, by a small number that its worker chooses. When the user does not exist any
/// more, another one may get the number.
pub type UserKey = u32;

/// How many users a worker may have.
#[derive(Clone, Debug, PartialEq)]
pub enum Growth {
    /// One user at first, then as many as slots need. Users that are not needed any more are
    /// retired.
    OnDemand {
        /// The most users.
        max_users: u32,
        /// How fast they may be created.
        spawn: Spawn,
    },
    /// The same number from the beginning to the end; a user that ends is replaced, unless it has
    /// made all that it was to make.
    Exactly {
        /// The number of users.
        users: u32,
        /// How fast they may be created.
        spawn: Spawn,
    },
    /// A number that changes with time. A user that ends is replaced while there are fewer; while
    /// there are more, whoever comes to the end of an iteration first goes.
    Staged {
        /// The number of users over time.
        users: UserTimeline,
        /// How fast they may be created.
        spawn: Spawn,
    },
}

/// How fast users may be created.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spawn {
    /// As fast as possible: creating a user touches nothing but this node.
    AtOnce,
    /// At this rate, which is the worker's part: each creation reaches the service, say by a login.
    At(Rate),
}

/// How much a late thread may catch up on creations: less than anybody notices as a burst.
const CATCH_UP: Duration = Duration::from_millis(10);
/// How long after a failed creation the next one comes: a failure that lasts shows a hundred times
/// a second and not a million times.
const RETRY: Duration = Duration::from_millis(10);
/// How often a number that changes with time is looked at, at the most: a steep ramp must not wake
/// the thread for each user of all nodes.
const STEP: Duration = Duration::from_millis(1);

/// The users of one worker, by number. In the closed model a worker uses it directly, otherwise as
/// a part of the dispatcher.
#[derive(Debug)]
pub struct Population {
    exact: bool,
    /// How many users there are to be, or may be.
    most: u32,
    /// How that changes; `None` where it stays.
    staged: Option<UserTimeline>,
    /// When it is looked at next.
    changes_at: RunInstant,
    interval: Duration,
    next_spawn: RunInstant,
    users: u32,
    /// Creations that the owner has not answered, with those that it has not polled yet.
    asked: u32,
    to_poll: u32,
    /// Users that exist and have not been ready yet.
    fresh: BTreeSet<UserKey>,
    /// Users that exist and are going, because there are too many.
    going: BTreeSet<UserKey>,
    /// Slots that need one of the users to come.
    claims: u32,
}

impl Population {
    /// A population without users.
    pub fn new(growth: Growth) -> Self {
        let (exact, most, spawn, staged) = match growth {
            Growth::OnDemand { max_users, spawn } => (false, max_users, spawn, None),
            Growth::Exactly { users, spawn } => (true, users, spawn, None),
            Growth::Staged { users, spawn } => (true, 0, spawn, Some(users)),
        };
        let changes_at = if staged.is_some() { RunInstant::START } else { RunInstant::NEVER };
        let interval = match spawn {
            Spawn::AtOnce => Duration::ZERO,
            Spawn::At(rate) => Duration::from_secs_f64(1.0 / rate.per_second()),
        };
        let next_spawn = RunInstant::START;
        // The first claim stands for the first slot, which is to find a user.
        Self {
            exact,
            most,
            staged,
            changes_at,
            interval,
            next_spawn,
            users: 0,
            asked: 0,
            to_poll: 0,
            fresh: BTreeSet::new(),
            going: BTreeSet::new(),
            claims: 1,
        }
    }

    /// A user that was asked for exists.
    pub fn handle_created(&mut self, user: UserKey) {
        self.asked = self.asked.saturating_sub(1);
        self.users += 1;
        self.fresh.insert(user);
    }

    /// A user that was asked for could not be created. The next attempt comes a little later; on
    /// demand it comes with the next slot that finds no user.
    pub fn handle_not_created(&mut self, now: RunInstant) {
        self.asked = self.asked.saturating_sub(1);
        self.handle_relief();
        self.next_spawn = self.next_spawn.max(now + RETRY);
    }

    /// A user has come as far as its first transaction, or further.
    pub fn handle_ready(&mut self, user: UserKey) {
        if !self.fresh.is_empty() {
            self.fresh.remove(&user);
        }
    }

    /// A user does not exist any more. A user that has never been ready counts as not created.
    pub fn handle_gone(&mut self, now: RunInstant, user: UserKey) {
        self.users = self.users.saturating_sub(1);
        self.going.remove(&user);
        if self.fresh.remove(&user) {
            self.handle_relief();
            self.next_spawn = self.next_spawn.max(now + RETRY);
        }
    }

    /// A user that is about to be gone has made all that it was to make: nobody takes its place.
    pub fn handle_finished(&mut self) {
        self.most = self.most.saturating_sub(1);
    }

    /// Time has passed: see [`Population::poll_create`].
    pub fn handle_time(&mut self, now: RunInstant) {
        self.look_at_stages(now);
        while self.wanted() > 0 && self.next_spawn <= now {
            self.next_spawn = self.next_spawn.max(now - CATCH_UP) + self.interval;
            self.asked += 1;
            self.to_poll += 1;
        }
    }

    /// The run is over: no more users are created.
    pub fn handle_end(&mut self) {
        (self.most, self.staged, self.changes_at) = (0, None, RunInstant::NEVER);
        self.asked = self.asked.saturating_sub(self.to_poll);
        self.to_poll = 0;
    }

    /// Whether the number of users changes with time.
    pub const fn follows_stages(&self) -> bool {
        self.staged.is_some()
    }

    /// A user is between two iterations, where the number of users changes with time. Returns
    /// whether it is to go, because there are more users than there are to be now.
    pub fn handle_between(&mut self, now: RunInstant, user: UserKey) -> bool {
        self.look_at_stages(now);
        let is_one_too_many = self.staying() > self.most;
        if is_one_too_many {
            self.going.insert(user);
        }
        is_one_too_many
    }

    /// Whether a user is to be created now. Each `true` stands for one user.
    pub fn poll_create(&mut self) -> bool {
        let create = self.to_poll > 0;
        self.to_poll -= u32::from(create);
        create
    }

    /// When [`Population::handle_time`] must be called next; `None` while no user is wanted, and
    /// the number stays.
    pub fn poll_timeout(&self) -> Option<RunInstant> {
        let spawn = (self.wanted() > 0).then_some(self.next_spawn);
        let change = (self.changes_at < RunInstant::NEVER).then_some(self.changes_at);
        spawn.into_iter().chain(change).min()
    }

    /// Users that exist.
    pub const fn users(&self) -> u32 {
        self.users
    }

    /// A slot finds no user.
    pub(super) fn handle_shortage(&mut self) {
        self.claims = (self.claims + 1).min(self.most);
    }

    /// A slot that had found no user was started or given up.
    pub(super) fn handle_relief(&mut self) {
        self.claims = self.claims.saturating_sub(1);
    }

    /// A user is parked and no slot needs it: no more users are wanted than those under creation.
    pub(super) fn handle_idle(&mut self) {
        self.claims = self.claims.min(self.under_creation());
    }

    /// Whether users come and go by demand.
    pub(super) const fn may_shrink(&self) -> bool {
        !self.exact
    }

    fn under_creation(&self) -> u32 {
        self.asked + self.fresh.len() as u32
    }

    /// Users that exist and are not going.
    fn staying(&self) -> u32 {
        self.users.saturating_sub(self.going.len() as u32)
    }

    /// How many users there are to be by now, where that changes with time.
    fn look_at_stages(&mut self, now: RunInstant) {
        if let Some(staged) = self.staged.as_ref().filter(|_| now >= self.changes_at) {
            self.most = staged.users_at(now);
            self.changes_at = staged.changes_after(now).max(now + STEP);
        }
    }

    /// How many more users are to be asked for.
    fn wanted(&self) -> u32 {
        let room = self.most.saturating_sub(self.staying() + self.asked);
        if self.exact { room } else { room.min(self.claims.saturating_sub(self.under_creation())) }
    }
}
