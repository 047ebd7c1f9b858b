//! How many users there should be, and when the next one may be created.
//!
//! On demand, each slot that finds no user *claims* one. A claim is met by a user under creation,
//! or else a user is created; the claim ends when any user takes a slot that had to wait. So while
//! a service stalls, each further slot gets one new user. A slot that asks again, that waits in the
//! overflow, or that is taken by a user who came back meanwhile does not cause a second creation:
//! the user under creation for it serves the next slot.
//!
//! An exact number is one of each scenario of the run. A user that ends is replaced by one of its
//! own scenario, and where there are to be fewer of a scenario, whichever of its users comes to the
//! end of an iteration first goes. So the mix stays what it is, whatever becomes of single users.

use std::collections::{BTreeSet, VecDeque};
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
    /// One user at first, then as many as slots need, all of one scenario. Users that are not
    /// needed any more are retired.
    OnDemand {
        /// The most users.
        max_users: u32,
        /// How fast they may be created.
        spawn: Spawn,
    },
    /// The same number from the beginning to the end; a user that ends is replaced, unless it has
    /// made all that it was to make, or has ended by itself.
    Exactly {
        /// The number of users of each scenario.
        users: Vec<u32>,
        /// How fast they may be created.
        spawn: Spawn,
    },
    /// Numbers that change with time. A user that ends is replaced while there are fewer of its
    /// scenario, unless it has ended by itself: from then on there is one fewer of them at any
    /// time. While there are more, whoever of them comes to the end of an iteration first goes.
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
/// a part of the dispatcher. Scenarios are told by their places in the mix.
#[derive(Debug)]
pub struct Population {
    exact: bool,
    /// The users of each scenario.
    parts: Vec<ScenarioUsers>,
    /// How many there are to be over time; `None` where that stays.
    staged: Option<UserTimeline>,
    /// When it is looked at next.
    changes_at: RunInstant,
    interval: Duration,
    next_spawn: RunInstant,
    /// The scenarios of creations that the owner has not polled yet.
    to_poll: VecDeque<usize>,
    /// The scenario of each user that exists, by the user's number.
    scenarios: Vec<u8>,
    /// Users that exist and have not been ready yet.
    fresh: BTreeSet<UserKey>,
    /// Users that exist and are going, because there are too many.
    going: BTreeSet<UserKey>,
    /// Slots that need one of the users to come.
    claims: u32,
}

/// The users of one scenario.
#[derive(Clone, Debug, Default)]
struct ScenarioUsers {
    /// How many there are to be, or may be, with those whose places stay empty.
    most: u32,
    /// Places that stay empty to the end, where there is an exact number of them.
    vacated: u32,
    users: u32,
    /// Those of them that are going.
    going: u32,
    /// Creations that the owner has not answered, with those that it has not polled yet.
    asked: u32,
}

impl ScenarioUsers {
    /// How many there may be now.
    const fn places(&self) -> u32 {
        self.most.saturating_sub(self.vacated)
    }

    /// Users that exist and are not going.
    const fn staying(&self) -> u32 {
        self.users.saturating_sub(self.going)
    }

    /// Those, and the ones that were asked for.
    const fn coming(&self) -> u32 {
        self.staying() + self.asked
    }

    /// Whether it lacks more of its users than another one does, as a part of them.
    fn lacks_more_than(&self, other: &Self) -> bool {
        u64::from(self.coming()) * u64::from(other.places())
            < u64::from(other.coming()) * u64::from(self.places())
    }
}

impl Population {
    /// A population without users.
    pub fn new(growth: Growth) -> Self {
        let (exact, most, spawn, staged) = match growth {
            Growth::OnDemand { max_users, spawn } => (false, vec![max_users], spawn, None),
            Growth::Exactly { users, spawn } => (true, users, spawn, None),
            Growth::Staged { users, spawn } => {
                (true, vec![0; users.scenarios()], spawn, Some(users))
            }
        };
        let changes_at = if staged.is_some() { RunInstant::START } else { RunInstant::NEVER };
        let interval = match spawn {
            Spawn::AtOnce => Duration::ZERO,
            Spawn::At(rate) => Duration::from_secs_f64(1.0 / rate.per_second()),
        };
        // The first claim stands for the first slot, which is to find a user.
        Self {
            exact,
            parts: most
                .into_iter()
                .map(|most| ScenarioUsers { most, ..ScenarioUsers::default() })
                .collect(),
            staged,
            changes_at,
            interval,
            next_spawn: RunInstant::START,
            to_poll: VecDeque::new(),
            scenarios: Vec::new(),
            fresh: BTreeSet::new(),
            going: BTreeSet::new(),
            claims: 1,
        }
    }

    /// A user that was asked for exists; it is of this scenario.
    pub fn handle_created(&mut self, user: UserKey, scenario: usize) {
        let number = user as usize;
        if self.scenarios.len() <= number {
            self.scenarios.resize(number + 1, 0);
        }
        self.scenarios[number] = scenario as u8;
        let part = &mut self.parts[scenario];
        part.asked = part.asked.saturating_sub(1);
        part.users += 1;
        self.fresh.insert(user);
    }

    /// A user of this scenario that was asked for could not be created. The next attempt comes a
    /// little later; on demand it comes with the next slot that finds no user.
    pub fn handle_not_created(&mut self, now: RunInstant, scenario: usize) {
        let part = &mut self.parts[scenario];
        part.asked = part.asked.saturating_sub(1);
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
        let was_going = self.going.remove(&user);
        let part = self.part_of(user);
        part.users = part.users.saturating_sub(1);
        part.going -= u32::from(was_going);
        if self.fresh.remove(&user) {
            self.handle_relief();
            self.next_spawn = self.next_spawn.max(now + RETRY);
        }
    }

    /// A user that is about to be gone has made all that it was to make, or ends by itself: nobody
    /// takes its place, where it has one. Who is created on demand has none.
    pub fn handle_finished(&mut self, user: UserKey) {
        let vacates = u32::from(self.exact);
        self.part_of(user).vacated += vacates;
    }

    /// Time has passed: see [`Population::poll_create`].
    pub fn handle_time(&mut self, now: RunInstant) {
        self.look_at_stages(now);
        while self.next_spawn <= now
            && let Some(scenario) = self.wanted()
        {
            self.next_spawn = self.next_spawn.max(now - CATCH_UP) + self.interval;
            self.parts[scenario].asked += 1;
            self.to_poll.push_back(scenario);
        }
    }

    /// The run is over: no more users are created.
    pub fn handle_end(&mut self) {
        (self.staged, self.changes_at) = (None, RunInstant::NEVER);
        self.parts.iter_mut().for_each(|part| part.most = 0);
        for scenario in self.to_poll.drain(..) {
            let asked = &mut self.parts[scenario].asked;
            *asked = asked.saturating_sub(1);
        }
    }

    /// Whether the number of users changes with time.
    pub const fn follows_stages(&self) -> bool {
        self.staged.is_some()
    }

    /// A user is between two iterations, where the number of users changes with time. Returns
    /// whether it is to go, because there are more of its scenario than there are to be now.
    pub fn handle_between(&mut self, now: RunInstant, user: UserKey) -> bool {
        self.look_at_stages(now);
        let part = self.part_of(user);
        let is_one_too_many = part.staying() > part.places();
        if is_one_too_many {
            part.going += 1;
            self.going.insert(user);
        }
        is_one_too_many
    }

    /// The scenario of a user that may be created before the run's first instant; `None` when
    /// there is no use for another one.
    pub fn wanted_ahead(&mut self) -> Option<usize> {
        self.look_at_stages(RunInstant::START);
        if self.exact {
            return self.wanted();
        }
        let part = &self.parts[0];
        (part.coming() < part.most).then_some(0)
    }

    /// The scenario of a user that is to be created now; `None` when there is no more to do.
    pub fn poll_create(&mut self) -> Option<usize> {
        self.to_poll.pop_front()
    }

    /// When [`Population::handle_time`] must be called next; `None` while no user is wanted, and
    /// the number stays.
    pub fn poll_timeout(&self) -> Option<RunInstant> {
        let spawn = self.wanted().map(|_| self.next_spawn);
        let change = (self.changes_at < RunInstant::NEVER).then_some(self.changes_at);
        spawn.into_iter().chain(change).min()
    }

    /// Users that exist.
    pub fn users(&self) -> u32 {
        self.parts.iter().map(|part| part.users).sum()
    }

    /// Whether nobody is here and nobody will come from `now` on, because those who were here have
    /// left their places for good. On demand somebody may always come.
    pub fn is_deserted(&self, now: RunInstant) -> bool {
        let to_come = self.staged.as_ref().map(|staged| staged.most_from(now));
        let most = |scenario: usize| match &to_come {
            Some(to_come) => to_come[scenario],
            None => self.parts[scenario].most,
        };
        let is_empty = |(scenario, part): (usize, &ScenarioUsers)| {
            part.users == 0 && part.asked == 0 && most(scenario) <= part.vacated
        };
        self.exact && self.parts.iter().enumerate().all(is_empty)
    }

    /// A slot finds no user.
    pub(super) fn handle_shortage(&mut self) {
        let most = self.parts.iter().map(|part| part.most).sum();
        self.claims = (self.claims + 1).min(most);
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
        self.parts.iter().map(|part| part.asked).sum::<u32>() + self.fresh.len() as u32
    }

    fn part_of(&mut self, user: UserKey) -> &mut ScenarioUsers {
        let scenario = self.scenarios.get(user as usize).map_or(0, |scenario| *scenario);
        &mut self.parts[usize::from(scenario)]
    }

    /// How many users there are to be by now, where that changes with time.
    fn look_at_stages(&mut self, now: RunInstant) {
        if let Some(staged) = self.staged.as_ref().filter(|_| now >= self.changes_at) {
            for (part, most) in self.parts.iter_mut().zip(staged.users_at(now)) {
                part.most = most;
            }
            self.changes_at = staged.changes_after(now).max(now + STEP);
        }
    }

    /// The scenario of the next user that is to be asked for; `None` when there are enough. It is
    /// the one that lacks most, so that users that come slowly are a mix as well.
    fn wanted(&self) -> Option<usize> {
        if !self.exact && self.claims <= self.under_creation() {
            return None;
        }
        let mut next = None::<usize>;
        for (scenario, part) in self.parts.iter().enumerate() {
            let is_next = next.is_none_or(|next| part.lacks_more_than(&self.parts[next]));
            if part.coming() < part.places() && is_next {
                next = Some(scenario);
            }
        }
        next
    }
}
