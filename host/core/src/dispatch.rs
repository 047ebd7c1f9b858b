//! Who starts when: the dispatcher of one worker thread, which brings due slots and waiting virtual
//! users together.
//!
//! ## Why the slot waits for nobody and nobody waits for a slot
//! A user that is ready *parks*; it holds no slot, so a slow user delays nothing but itself. A slot
//! that becomes due goes to the user parked longest. When nobody is parked a user is created at
//! once, up to a limit: if starts waited for users to come back, a stall of the service would stop
//! the very starts that measure it (coordinated omission in the sending). After [`PATIENCE`]
//! without a user the slot goes to the [`Overflow`], which all workers serve. What cannot start
//! within the plan's max-lag becomes *unsent*, and says whose fault that was. Nothing leaves in any
//! other way: see [`Ledger`].
//!
//! ## How it is driven
//! The owner tells what happened (`handle_*`), serves the overflow if
//! [`Dispatcher::wants_overflow`], does what [`Dispatcher::poll_action`] says until it says
//! nothing, and sleeps until [`Dispatcher::poll_timeout`] or the next event. The tests drive it on
//! virtual time in the same way.
//!
//! A start touches two queues and allocates nothing; only the growth of a queue to a new greatest
//! length does.

mod allotment;
mod debt;
mod overflow;
mod population;
mod surplus;

use std::collections::VecDeque;
use std::time::Duration;

pub use self::allotment::Allotment;
use self::debt::Debt;
pub use self::overflow::Overflow;
pub use self::population::{Growth, Population, Spawn, UserKey};
use self::surplus::Surplus;
use crate::RunInstant;
use crate::schedule::{Course, Cursor, Due, Owner, ShareTable, Timeline};

/// How long a due slot waits for a user of its own worker before all workers are asked. To create a
/// user and run it to its first `begin` takes a tenth of this time, so the overflow and its lock
/// are for real shortage only.
pub const PATIENCE: Duration = Duration::from_millis(1);

/// A start: which slot it is, when it was meant, and since when its user was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The slot's number.
    pub slot: u64,
    /// When it was meant to start.
    pub intended: RunInstant,
    /// When the user parked, or would have parked if this node had not stood still before.
    pub parked_at: RunInstant,
}

impl Start {
    /// How late the start was, if it took place at `actual`, and whose fault that is.
    pub fn lag(&self, actual: RunInstant) -> Lag {
        Lag::of(self.intended, self.parked_at, actual)
    }
}

/// How late a start was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Actual start − intended start; the sum of the other two.
    pub total: Duration,
    /// The part during which no user was free: the service is slow, or the users too few.
    pub user: Duration,
    /// The part during which the slot was due and a user was free, or would have been free if this
    /// node had not stood still: the load generator's fault.
    pub host: Duration,
}

impl Lag {
    /// The lag of a start that was meant for `intended` and took place at `actual`, by a user that
    /// was ready at `parked_at`.
    pub fn of(intended: RunInstant, parked_at: RunInstant, actual: RunInstant) -> Self {
        let possible = intended.max(parked_at).min(actual.max(intended));
        Self {
            total: actual.since(intended),
            user: possible.since(intended),
            host: actual.since(possible),
        }
    }
}

/// Why a due slot will never start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsentCause {
    /// No user was free in time.
    Users,
    /// A user was free in time and was not started, or would have been free if this node had not
    /// stood still: the load generator's fault.
    Host,
    /// The node had no lease, or heard too late that the slot was its own: the coordinator could
    /// not be reached in time.
    Lease,
}

/// What the owner of a dispatcher is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Let this user start; the user is no longer parked.
    Start {
        /// The user.
        user: UserKey,
        /// The start that the user gets.
        start: Start,
    },
    /// Create a user. Answered by [`Dispatcher::handle_created`] or
    /// [`Dispatcher::handle_not_created`].
    Create {
        /// Its scenario, as its place in the mix.
        scenario: usize,
    },
    /// Push this slot to the overflow, and wake a worker that has users parked.
    Overflow(Due),
    /// End the life of this user, which is not needed any more; the user is no longer parked.
    /// Answered by [`Dispatcher::handle_gone`].
    Retire(UserKey),
    /// Count this slot as unsent.
    Unsent {
        /// The slot.
        due: Due,
        /// Why it is unsent.
        cause: UnsentCause,
    },
    /// Tell this user that the run is over; the user is no longer parked.
    RunOver(UserKey),
}

/// The limits of a worker's dispatcher.
#[derive(Clone, Debug, PartialEq)]
pub struct DispatchLimits {
    /// How many users there are, and how fast they may be created.
    pub growth: Growth,
    /// How late a slot may start at most.
    pub max_lag: Duration,
    /// Slots that become due within one such step start together at its end; zero where each
    /// starts when it is due.
    pub coalesce: Duration,
}

/// Where the slots of a worker went: `due + taken == started + unsent + given + waiting`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Own slots that became due.
    pub due: u64,
    /// Slots taken from the overflow.
    pub taken: u64,
    /// Slots started.
    pub started: u64,
    /// Slots that will never start.
    pub unsent: u64,
    /// Slots given to the overflow.
    pub given: u64,
    /// Slots that are due and wait for a user of this worker.
    pub waiting: u64,
}

/// The state of one worker: its users, its slots, and the actions that it asks for.
#[derive(Debug)]
pub struct Dispatcher {
    cursor: Cursor,
    max_lag: Duration,
    coalesce: Duration,
    population: Population,
    surplus: Surplus,
    /// Users that wait for a slot, longest first.
    parked: VecDeque<(UserKey, RunInstant)>,
    /// Slots that wait for a user, earliest first. Between an event and the actions that follow
    /// from it there may be parked users as well, and at no other time.
    waiting: VecDeque<Due>,
    /// When the earliest slot that is known to be in the overflow becomes unsent.
    overflow_expiry: RunInstant,
    actions: VecDeque<Action>,
    ledger: Ledger,
    debt: Debt,
    /// Whether nothing may start until there is a lease.
    lapsed: bool,
    over: bool,
}

impl Dispatcher {
    /// A dispatcher without users. It asks for the first ones with the first
    /// [`Dispatcher::handle_time`].
    pub fn new(cursor: Cursor, limits: DispatchLimits) -> Self {
        Self {
            cursor,
            max_lag: limits.max_lag,
            coalesce: limits.coalesce,
            population: Population::new(limits.growth),
            surplus: Surplus::default(),
            parked: VecDeque::new(),
            waiting: VecDeque::new(),
            overflow_expiry: RunInstant::NEVER,
            actions: VecDeque::new(),
            ledger: Ledger::default(),
            debt: Debt::default(),
            lapsed: false,
            over: false,
        }
    }

    /// A dispatcher of a node that shares the run with others: it has no slots and no lease until
    /// it is told of them.
    pub fn of_cluster(mut cursor: Cursor, limits: DispatchLimits) -> Self {
        cursor.claim(&[], 0);
        cursor.allow_below(0);
        Self { lapsed: true, ..Self::new(cursor, limits) }
    }

    /// A user is ready and waits: for the slot that has been due longest, or for the next one. When
    /// the run is over the user is told so.
    pub fn handle_parked(&mut self, now: RunInstant, user: UserKey) {
        self.handle_time(now);
        self.population.handle_ready(user);
        if self.over {
            self.actions.push_back(Action::RunOver(user));
        } else {
            self.parked.push_back((user, now));
        }
    }

    /// A user of this scenario that was asked for exists. It is busy until it parks.
    pub fn handle_created(&mut self, now: RunInstant, user: UserKey, scenario: usize) {
        self.population.handle_created(user, scenario);
        self.handle_time(now);
    }

    /// The scenario of a user that may be created before the run's first instant, although nobody
    /// has asked for it; `None` when there is no use for another one.
    pub fn wanted_ahead(&mut self) -> Option<usize> {
        self.population.wanted_ahead()
    }

    /// Such a user exists. It is busy until it parks.
    pub fn handle_created_ahead(&mut self, user: UserKey, scenario: usize) {
        self.population.handle_created(user, scenario);
    }

    /// A user of this scenario that was asked for could not be created.
    pub fn handle_not_created(&mut self, now: RunInstant, scenario: usize) {
        self.population.handle_not_created(now, scenario);
        self.handle_time(now);
    }

    /// A user does not exist any more, whether it was retired, was cut off or ended, parked or not.
    pub fn handle_gone(&mut self, now: RunInstant, user: UserKey) {
        self.parked.retain(|&(parked, _)| parked != user);
        self.surplus.handle_gone(user);
        self.population.handle_gone(now, user);
        self.handle_time(now);
    }

    /// Whether the number of users changes with time.
    pub const fn follows_stages(&self) -> bool {
        self.population.follows_stages()
    }

    /// A user is between two iterations, or before its first, where the number of users changes
    /// with time. Returns whether it is to go, because there are more of its scenario than there
    /// are to be.
    pub fn handle_between(&mut self, now: RunInstant, user: UserKey) -> bool {
        self.population.handle_between(now, user)
    }

    /// A user that is about to be gone has made all that it was to make, or ends by itself: nobody
    /// takes its place.
    pub fn handle_finished(&mut self, user: UserKey) {
        self.population.handle_finished(user);
    }

    /// Whether no user is here, and none will come from `now` on.
    pub fn is_deserted(&self, now: RunInstant) -> bool {
        self.population.is_deserted(now)
    }

    /// The thread has stood still for the time `stood`, until `now`. The owner says this before all
    /// that happened meanwhile.
    pub fn handle_standstill(&mut self, now: RunInstant, stood: Duration) {
        self.debt.handle_standstill(now, stood);
    }

    /// The greatest lateness of waiting slots that is due to the thread's own standing still.
    pub const fn owed(&self) -> Duration {
        self.debt.owed()
    }

    /// Time has passed: slots become due, patience ends, users may be created or retired.
    pub fn handle_time(&mut self, now: RunInstant) {
        if self.over {
            return;
        }
        self.match_all();
        if !self.parked.is_empty() {
            self.population.handle_idle();
        }
        while let Some(due) = self.cursor.peek().filter(|due| due.intended <= now) {
            self.cursor.pop();
            self.ledger.due += 1;
            self.handle_due(now, due);
        }
        while let Some(due) = self.waiting.pop_front_if(|due| due.intended + PATIENCE <= now) {
            self.ledger.given += 1;
            self.overflow_expiry = self.overflow_expiry.min(due.intended + self.max_lag);
            self.actions.push_back(Action::Overflow(due));
        }
        self.population.handle_time(now);
        while let Some(scenario) = self.population.poll_create() {
            self.actions.push_back(Action::Create { scenario });
        }
        if self.population.may_shrink() {
            self.retire(now);
        }
    }

    /// From the nanosecond after `from` on, starts follow another course; `from` may lie ahead.
    /// What is due by then stays as it is.
    pub fn handle_change(&mut self, now: RunInstant, from: RunInstant, course: Course) {
        self.handle_time(now);
        self.cursor.change_after(from, course);
    }

    /// Slots become due as `timeline` says. This node has those that `tables` give to `owner`. What
    /// would have been due by now, if the node had known this earlier, becomes unsent.
    pub fn handle_orders(
        &mut self,
        now: RunInstant,
        timeline: Option<&Timeline>,
        tables: &[ShareTable],
        owner: Owner,
    ) {
        self.handle_time(now);
        if let Some(timeline) = timeline {
            self.cursor.follow(timeline.clone());
        }
        self.cursor.claim(tables, owner);
        if !self.lapsed {
            self.give_up_missed(now);
        }
    }

    /// There is a lease for the slots below the number `below`. What was due without a lease
    /// becomes unsent.
    pub fn handle_lease(&mut self, now: RunInstant, below: u64) {
        if std::mem::take(&mut self.lapsed) {
            self.give_up_missed(now);
        }
        self.cursor.allow_below(below);
        self.handle_time(now);
    }

    /// The lease is over: waiting slots become unsent, and nothing is due before there is another
    /// lease.
    pub fn handle_lapse(&mut self, now: RunInstant) {
        self.cursor.allow_below(0);
        self.lapsed = true;
        while let Some(due) = self.waiting.pop_front() {
            self.give_up(due, UnsentCause::Lease);
        }
        self.handle_time(now);
    }

    /// Whether the dispatcher has no lease and needs one.
    pub const fn needs_lease(&self) -> bool {
        self.lapsed
    }

    /// All of this worker's slots below this number were started, or never will be, or wait.
    pub const fn reached(&self) -> u64 {
        self.cursor.reached()
    }

    /// The run is over: parked users are released, and no slot starts any more. Slots that are due
    /// by `now` and that nobody can start become unsent.
    pub fn handle_end(&mut self, now: RunInstant) {
        self.handle_time(now);
        while let Some(due) = self.waiting.pop_front() {
            self.give_up_for_want_of_users(now, due);
        }
        self.actions.extend(self.parked.drain(..).map(|(user, _)| Action::RunOver(user)));
        self.population.handle_end();
        self.over = true;
    }

    /// Whether [`Dispatcher::serve`] is to be called now, when the overflow holds about
    /// `slots_there` slots (a number that may be read without its lock).
    pub fn wants_overflow(&mut self, now: RunInstant, slots_there: usize) -> bool {
        if slots_there == 0 {
            self.overflow_expiry = RunInstant::NEVER;
            // Some slots may be on their way to the overflow.
            if self.waiting.is_empty() && self.actions.is_empty() {
                self.debt.handle_empty();
            }
        }
        slots_there > 0
            && (self.over || self.lapsed || !self.parked.is_empty() || self.overflow_expiry <= now)
    }

    /// Takes from the overflow what this worker's parked users can start, the slot that has been
    /// due longest first, and slots that are too late for anybody.
    pub fn serve(&mut self, now: RunInstant, overflow: &mut Overflow) {
        self.debt.handle_others(overflow.owed());
        while let Some(due) = overflow.peek() {
            if self.lapsed {
                self.give_up(due, UnsentCause::Lease);
            } else if self.over || due.intended + self.max_lag < now {
                overflow.repay(self.give_up_for_want_of_users(now, due));
            } else if self.waiting.front().is_none_or(|own| due < *own)
                && let Some((user, parked_at)) = self.parked.pop_front()
            {
                let start = self.start(due, user, parked_at);
                self.actions.push_back(start);
            } else if let Some(start) = self.matched() {
                self.actions.push_back(start);
                continue;
            } else {
                break;
            }
            self.ledger.taken += 1;
            overflow.pop();
        }
        self.overflow_expiry =
            overflow.peek().map_or(RunInstant::NEVER, |due| due.intended + self.max_lag);
    }

    /// The next action; `None` when all is done.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front().or_else(|| self.matched())
    }

    /// When [`Dispatcher::handle_time`] must be called next, if nothing else happens; `None` when
    /// nothing is to come.
    ///
    /// The owner may ask when there are no actions left and the overflow has been served.
    pub fn poll_timeout(&self) -> Option<RunInstant> {
        if self.over {
            return None;
        }
        let due = self.cursor.peek().map(|due| due.intended.at_step(self.coalesce));
        let patience = self.waiting.front().map(|due| due.intended + PATIENCE);
        // One nanosecond later: at its last moment a slot may still be started.
        let expiry = (self.overflow_expiry < RunInstant::NEVER)
            .then(|| self.overflow_expiry + Duration::from_nanos(1));
        let retire = if self.population.may_shrink() && self.parked.len() > 1 {
            self.surplus.poll_timeout()
        } else {
            None
        };
        [due, patience, expiry, self.population.poll_timeout(), retire].into_iter().flatten().min()
    }

    /// Users that exist.
    pub fn users(&self) -> u32 {
        self.population.users()
    }

    /// Users that wait for a slot.
    pub fn parked(&self) -> u32 {
        self.parked.len() as u32
    }

    /// Where the slots went.
    pub fn ledger(&self) -> Ledger {
        Ledger { waiting: self.waiting.len() as u64, ..self.ledger }
    }

    /// Whether the schedule has nothing left and no slot waits here; slots may remain in the
    /// overflow.
    pub fn is_exhausted(&self) -> bool {
        self.cursor.peek().is_none() && self.waiting.is_empty()
    }

    fn handle_due(&mut self, now: RunInstant, due: Due) {
        let Some(&(user, parked_at)) = self.parked.front() else {
            self.population.handle_shortage();
            self.debt.handle_wait(now);
            self.waiting.push_back(due);
            return;
        };
        self.population.handle_idle();
        let latest = due.intended + self.max_lag;
        if latest < now && parked_at <= latest {
            // A user was ready, and the slot is found too late all the same: this thread did not
            // run.
            self.give_up(due, UnsentCause::Host);
        } else {
            self.parked.pop_front();
            let start = self.start(due, user, parked_at);
            self.actions.push_back(start);
        }
    }

    fn match_all(&mut self) {
        while let Some(start) = self.matched() {
            self.actions.push_back(start);
        }
    }

    /// Brings the slot that has been due longest and the user that has been parked longest
    /// together.
    fn matched(&mut self) -> Option<Action> {
        if self.waiting.is_empty() {
            return None;
        }
        let (user, parked_at) = self.parked.pop_front()?;
        let due = self.waiting.pop_front()?;
        Some(self.start(due, user, parked_at))
    }

    fn start(&mut self, due: Due, user: UserKey, parked_at: RunInstant) -> Action {
        self.ledger.started += 1;
        self.debt.handle_start();
        // The slot had to wait for a user that parked after it was due.
        if parked_at >= due.intended {
            self.population.handle_relief();
        }
        self.surplus.handle_busy(self.users() - self.parked());
        // A user that parked late is late because this thread stood still, as far as that explains
        // it.
        let parked_at = parked_at - self.debt.part_of(parked_at.since(due.intended));
        Action::Start { user, start: Start { slot: due.slot, intended: due.intended, parked_at } }
    }

    /// No user was free for the slot in time, which is our fault if this thread stood still.
    /// Returns what the debt is less by for that.
    fn give_up_for_want_of_users(&mut self, now: RunInstant, due: Due) -> Duration {
        let paid = self.debt.pay(now);
        let cause = if paid.is_some() { UnsentCause::Host } else { UnsentCause::Users };
        self.population.handle_relief();
        self.give_up(due, cause);
        paid.unwrap_or_default()
    }

    fn give_up(&mut self, due: Due, cause: UnsentCause) {
        self.ledger.unsent += 1;
        self.actions.push_back(Action::Unsent { due, cause });
    }

    fn give_up_missed(&mut self, now: RunInstant) {
        while let Some(due) = self.cursor.pop_missed(now) {
            self.ledger.due += 1;
            self.give_up(due, UnsentCause::Lease);
        }
    }

    fn retire(&mut self, now: RunInstant) {
        // One user stays parked, whatever the past says: then the next slot needs no new user.
        let spare = self.parked.len().saturating_sub(1) as u32;
        for _ in 0..self.surplus.retire(now, self.users()).min(spare) {
            let (user, _) = self.parked.pop_front().expect("there are spare users");
            self.surplus.handle_retired(user);
            self.actions.push_back(Action::Retire(user));
        }
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
