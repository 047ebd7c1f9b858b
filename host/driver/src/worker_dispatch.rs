//! What one worker starts: which of its users wait, which start is whose, when to wake up.
//!
//! The rules are those of the dispatcher in `core`; here they meet wakers and a timer. Everything
//! happens on the worker's thread without a lock, except for the overflow queue, which all workers
//! serve and touch only when a slot has found no user for a millisecond.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use swell_core::RunInstant;
use swell_core::dispatch::{Action, Dispatcher, Start, UnsentCause, UserKey};
use swell_core::run::Pace;
use swell_core::schedule::Due;
use swell_core::standstill::Heartbeat;
use swell_engine::{Pacing, Run, RunOver};
use tokio::sync::Notify;

use crate::machine;
use crate::overflow::SharedOverflow;
use crate::shared::{Lease, Milestone, Progress, Shared, Starts, WorkerSetPoint};
use crate::timer::InstantTimer;

/// What the dispatch knows about one user.
#[derive(Default)]
struct UserSlot {
    taken: bool,
    waits: bool,
    /// Whether the user waits for the first transaction of its iteration, so that it may end
    /// without leaving anything half done.
    at_beginning: bool,
    granted: Option<Result<Start, RunOver>>,
    waker: Option<Waker>,
}

impl UserSlot {
    fn grant(&mut self, grant: Result<Start, RunOver>) {
        self.waits = false;
        self.granted = Some(grant);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// See the module's documentation.
pub(crate) struct WorkerDispatch {
    index: usize,
    pace: Pace,
    began: Instant,
    /// From this instant on nothing may begin.
    ends_at: Cell<RunInstant>,
    over: Cell<Option<RunOver>>,
    /// What the scenario asks for itself is known here before the control thread says so.
    run: Arc<Run>,
    paused: Cell<bool>,
    /// The node's lease; `None` where a node needs none.
    lease: Cell<Option<Lease>>,
    /// When the lease ends, if the machine is not suspended before.
    lapses_at: Cell<Option<RunInstant>>,
    /// Whether there is no lease now, and one is needed.
    lapsed: Cell<bool>,
    progress: Arc<Progress>,
    told_started: Cell<u64>,
    dispatcher: RefCell<Dispatcher>,
    /// The heartbeat of this thread, and how long the thread had stood still when the dispatcher
    /// was told last.
    heartbeat: Rc<Heartbeat>,
    told_stood: Cell<Duration>,
    user_slots: RefCell<Vec<UserSlot>>,
    free_user_slots: RefCell<Vec<UserKey>>,
    to_create: RefCell<VecDeque<usize>>,
    unsent: RefCell<Vec<(Due, UnsentCause)>>,
    timer: InstantTimer,
    armed: Cell<RunInstant>,
    overflow: Arc<SharedOverflow>,
    has_orders: Notify,
}

impl WorkerDispatch {
    /// The dispatch of the worker with this number.
    ///
    /// # Errors
    /// The machine does not give a timer.
    pub(crate) fn new(
        index: usize,
        shared: &Shared,
        dispatcher: Dispatcher,
        heartbeat: Rc<Heartbeat>,
    ) -> std::io::Result<Rc<Self>> {
        let &Shared { pace, began, ends_at, .. } = shared;
        let (overflow, progress) =
            (Arc::clone(&shared.overflow), Arc::clone(&shared.progress[index]));
        Ok(Rc::new(Self {
            index,
            pace,
            began,
            ends_at: Cell::new(ends_at),
            over: Cell::new(None),
            run: Arc::clone(&shared.run),
            paused: Cell::new(false),
            lease: Cell::new(None),
            lapses_at: Cell::new(None),
            lapsed: Cell::new(dispatcher.needs_lease()),
            progress,
            told_started: Cell::new(0),
            dispatcher: RefCell::new(dispatcher),
            heartbeat,
            told_stood: Cell::new(Duration::ZERO),
            user_slots: RefCell::default(),
            free_user_slots: RefCell::default(),
            to_create: RefCell::default(),
            unsent: RefCell::default(),
            timer: InstantTimer::new(began)?,
            armed: Cell::new(RunInstant::NEVER),
            overflow,
            has_orders: Notify::new(),
        }))
    }

    pub(crate) fn now(&self) -> RunInstant {
        let nanos = Instant::now().saturating_duration_since(self.began).as_nanos();
        RunInstant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Whether nothing more may begin.
    pub(crate) fn over(&self) -> Option<RunOver> {
        let asked = || self.run.asked_to_end().map(|_| RunOver::Stopped);
        let ended = || (self.now() >= self.ends_at.get()).then_some(RunOver::Finished);
        self.over.get().or_else(asked).or_else(ended)
    }

    /// The worker's part in the run: it wakes when slots are due or there is something to do, until
    /// the caller drops it. Returns the scenarios of the users to create.
    pub(crate) async fn next_orders(&self) -> VecDeque<usize> {
        loop {
            let wanted = self.to_create.take();
            if !wanted.is_empty() {
                return wanted;
            }
            tokio::select! {
                biased;
                () = self.timer.wait() => self.armed.set(RunInstant::NEVER),
                () = self.overflow.called(self.index) => {}
                () = self.has_orders.notified() => continue,
            }
            if self.now() >= self.ends_at.get() {
                self.end(RunOver::Finished);
            }
            self.tell(Dispatcher::handle_time);
        }
    }

    /// The scenario of a user to make before the run's first instant, if there is use for one.
    pub(crate) fn wanted_ahead(&self) -> Option<usize> {
        self.dispatcher.borrow_mut().wanted_ahead()
    }

    /// A user exists before the run's first instant: what is heard before [`WorkerDispatch::open`]
    /// is to know of it.
    pub(crate) fn created_ahead(&self, user: UserKey, scenario: usize) {
        self.dispatcher.borrow_mut().handle_created_ahead(user, scenario);
    }

    /// Begins the run: the first slots and users follow from here. Some users may be there already.
    pub(crate) fn open(&self) {
        self.tell(Dispatcher::handle_time);
    }

    /// From some instant on, starts follow another course.
    pub(crate) fn change(&self, set_point: &WorkerSetPoint) {
        match &set_point.starts {
            Starts::AsTheyAre => {}
            Starts::Follow(course) => {
                self.tell(|dispatcher, now| dispatcher.handle_change(now, set_point.from, *course))
            }
            Starts::Dealt(orders, owner) => {
                self.tell(|dispatcher, now| {
                    dispatcher.handle_orders(now, orders.timeline.as_ref(), &orders.tables, *owner)
                });
            }
        }
        if self.paused.replace(set_point.paused) && !set_point.paused {
            self.wake_all();
        }
    }

    /// Slots below a number may start for a while.
    pub(crate) fn lease(&self, lease: Lease) {
        self.lease.set(Some(lease));
        if self.is_lapsed(lease) {
            // The lease was under way for too long: the next look at the clock finds that it has
            // ended.
            return self.tell(|_, _| {});
        }
        self.lapses_at.set(Some(self.now() + lease.until.since(machine::local_now())));
        let was_lapsed = self.lapsed.replace(false);
        self.tell(|dispatcher, now| dispatcher.handle_lease(now, lease.below));
        if was_lapsed {
            self.wake_all();
        }
    }

    fn is_lapsed(&self, lease: Lease) -> bool {
        machine::local_now() >= lease.until
    }

    /// Looks at the clock before anything is started: a process that was stopped may have lost its
    /// lease meanwhile.
    fn look_at_lease(&self, dispatcher: &mut Dispatcher, now: RunInstant) {
        if !self.lapsed.get() && self.lease.get().is_some_and(|lease| self.is_lapsed(lease)) {
            self.lapsed.set(true);
            self.lapses_at.set(None);
            dispatcher.handle_lapse(now);
        }
    }

    fn wake_all(&self) {
        for waker in self
            .user_slots
            .borrow_mut()
            .iter_mut()
            .filter(|user_slot| user_slot.taken)
            .filter_map(|user_slot| user_slot.waker.take())
        {
            waker.wake();
        }
    }

    /// From this instant on nothing may begin.
    pub(crate) fn end_at(&self, instant: RunInstant) {
        self.ends_at.set(instant);
        self.tell(Dispatcher::handle_time);
    }

    /// Slots that were started since the last call.
    pub(crate) fn take_started(&self) -> u64 {
        let started = self.dispatcher.borrow().ledger().started;
        started - self.told_started.replace(started)
    }

    /// How far the worker has come with its slots.
    pub(crate) fn milestone(&self) -> Milestone {
        let dispatcher = self.dispatcher.borrow();
        Milestone {
            worker: self.index,
            reached: dispatcher.reached(),
            due: dispatcher.ledger().due,
        }
    }

    /// A place for a user that is about to be created.
    pub(crate) fn user_slot(&self) -> UserKey {
        let mut user_slots = self.user_slots.borrow_mut();
        let key = self.free_user_slots.borrow_mut().pop().unwrap_or_else(|| {
            user_slots.push(UserSlot::default());
            UserKey::try_from(user_slots.len() - 1).expect("far fewer users than numbers")
        });
        user_slots[key as usize] = UserSlot { taken: true, ..UserSlot::default() };
        key
    }

    /// The user of this scenario that was asked for exists.
    pub(crate) fn created(&self, user: UserKey, scenario: usize) {
        self.tell(|dispatcher, now| dispatcher.handle_created(now, user, scenario));
    }

    /// The user that was asked for could not be created: nothing more is to be done for it.
    pub(crate) fn not_created(&self, scenario: usize) {
        self.tell(|dispatcher, now| dispatcher.handle_not_created(now, scenario));
    }

    /// A user is between two iterations, or before its first: whether it is to go, because there
    /// are more users than there are to be.
    pub(crate) fn is_one_too_many(&self, user: UserKey) -> bool {
        let mut dispatcher = self.dispatcher.borrow_mut();
        // Another look at the clock costs each iteration something.
        dispatcher.follows_stages() && dispatcher.handle_between(self.now(), user)
    }

    /// A user that is about to be gone has made all its iterations, or ends by itself: nobody takes
    /// its place.
    pub(crate) fn finished(&self, user: UserKey) {
        self.dispatcher.borrow_mut().handle_finished(user);
    }

    /// Whether the worker has no user left, and none will come.
    pub(crate) fn is_deserted(&self) -> bool {
        self.dispatcher.borrow().is_deserted(self.now())
    }

    /// A user does not exist any more.
    pub(crate) fn gone(&self, user: UserKey) {
        self.user_slots.borrow_mut()[user as usize] = UserSlot::default();
        self.free_user_slots.borrow_mut().push(user);
        self.tell(|dispatcher, now| dispatcher.handle_gone(now, user));
    }

    /// Nothing more may begin: users that wait are told so.
    pub(crate) fn end(&self, why: RunOver) {
        if self.over.replace(Some(why)).is_some() {
            return;
        }
        self.tell(Dispatcher::handle_end);
        self.wake_all();
    }

    /// Whether the closed model may begin nothing because there is no lease.
    fn holds_back(&self) -> bool {
        self.look_at_lease(&mut self.dispatcher.borrow_mut(), self.now());
        self.lapsed.get()
    }

    /// Slots that will never start, since the last call.
    pub(crate) fn take_unsent(&self) -> Vec<(Due, UnsentCause)> {
        self.unsent.take()
    }

    /// Waits for the start of an iteration of this user.
    pub(crate) async fn iteration_start(&self, user: UserKey) -> Result<Start, RunOver> {
        std::future::poll_fn(|context| self.poll_slot(user, true, context)).await
    }

    fn tell(&self, what: impl FnOnce(&mut Dispatcher, RunInstant)) {
        let now = self.now();
        let mut dispatcher = self.dispatcher.borrow_mut();
        self.look_whether_stood(&mut dispatcher, now);
        self.look_at_lease(&mut dispatcher, now);
        let has_ended = self.look_whether_asked_to_end(&mut dispatcher);
        what(&mut dispatcher, now);
        drop(dispatcher);
        self.act(now);
        if has_ended {
            self.wake_all();
        }
    }

    /// Ends what this worker does if a user asked for that, on whatever thread. What was due by
    /// then starts, and nothing of later.
    fn look_whether_asked_to_end(&self, dispatcher: &mut Dispatcher) -> bool {
        let Some(asked) = self.run.asked_to_end().filter(|_| self.over.get().is_none()) else {
            return false;
        };
        self.over.set(Some(RunOver::Stopped));
        let nanos = asked.saturating_duration_since(self.began).as_nanos();
        let asked = u64::try_from(nanos).map_or(RunInstant::NEVER, RunInstant::from_nanos);
        dispatcher.handle_end(asked);
        true
    }

    /// Looks at the clock before anything is due: slots that are found late because this thread
    /// stood still are late for that reason.
    fn look_whether_stood(&self, dispatcher: &mut Dispatcher, now: RunInstant) {
        self.heartbeat.look(now, self.armed.get());
        let total = self.heartbeat.total();
        let stood = total - self.told_stood.replace(total);
        if !stood.is_zero() {
            dispatcher.handle_standstill(now, stood);
        }
    }

    /// Carries out what the dispatcher says until it says nothing, and sets the timer for its next
    /// instant.
    fn act(&self, now: RunInstant) {
        let mut dispatcher = self.dispatcher.borrow_mut();
        let mut to_park_again = Vec::new();
        loop {
            // This comes before the actions, so that the slot that has been due longest starts
            // first, wherever it waited.
            if dispatcher.wants_overflow(now, self.overflow.len()) {
                self.overflow.with(|queue| dispatcher.serve(now, queue));
            }
            let Some(action) = dispatcher.poll_action() else { break };
            self.act_on(action, dispatcher.owed(), &mut to_park_again);
        }
        for user in to_park_again {
            dispatcher.handle_parked(now, user);
        }
        let (ledger, progress) = (dispatcher.ledger(), &self.progress);
        progress.started.store(ledger.started, Ordering::Relaxed);
        progress.waiting.store(ledger.waiting, Ordering::Relaxed);
        progress.reached.store(dispatcher.reached(), Ordering::Relaxed);
        let end = if self.over.get().is_none() { self.ends_at.get() } else { RunInstant::NEVER };
        let wake_at = [dispatcher.poll_timeout(), self.lapses_at.get(), Some(end)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(end);
        if wake_at != self.armed.replace(wake_at) {
            self.timer.set(wake_at);
        }
    }

    fn act_on(&self, action: Action, owed: Duration, to_park_again: &mut Vec<UserKey>) {
        let mut user_slots = self.user_slots.borrow_mut();
        match action {
            Action::Start { user, start } => user_slots[user as usize].grant(Ok(start)),
            Action::RunOver(user) => {
                user_slots[user as usize].grant(Err(self.over.get().unwrap_or(RunOver::Finished)))
            }
            // A user in the middle of an iteration is needed, even if it only waits.
            Action::Retire(user) if !user_slots[user as usize].at_beginning => {
                to_park_again.push(user)
            }
            Action::Retire(user) => user_slots[user as usize].grant(Err(RunOver::Finished)),
            Action::Create { scenario } => {
                self.to_create.borrow_mut().push_back(scenario);
                self.has_orders.notify_one();
            }
            Action::Overflow(due) => self.overflow.push(due, owed, self.index),
            Action::Unsent { due, cause } => self.unsent.borrow_mut().push((due, cause)),
        }
    }

    fn poll_slot(
        &self,
        user: UserKey,
        first: bool,
        context: &mut Context<'_>,
    ) -> Poll<Result<Start, RunOver>> {
        let newcomer = {
            let user_slot = &mut self.user_slots.borrow_mut()[user as usize];
            let newcomer = !user_slot.waits && user_slot.granted.is_none();
            if newcomer {
                (user_slot.waits, user_slot.at_beginning) = (true, first);
            }
            newcomer
        };
        if newcomer {
            self.tell(|dispatcher, now| dispatcher.handle_parked(now, user));
        }
        let user_slot = &mut self.user_slots.borrow_mut()[user as usize];
        match user_slot.granted.take() {
            Some(grant) => Poll::Ready(grant),
            None => {
                user_slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// The dispatch as the engine sees it.
pub(crate) struct DispatchPacing(pub(crate) Rc<WorkerDispatch>);

impl Pacing for DispatchPacing {
    fn poll_start(
        &self,
        user: UserKey,
        first: bool,
        context: &mut Context<'_>,
    ) -> Poll<Result<Start, RunOver>> {
        let dispatch = &self.0;
        if dispatch.pace == Pace::Transactions {
            return dispatch.poll_slot(user, first, context);
        }
        let now = dispatch.now();
        Poll::Ready(match dispatch.over.get() {
            Some(over) => Err(over),
            None if now >= dispatch.ends_at.get() => Err(RunOver::Finished),
            None if dispatch.pace == Pace::Nothing
                && (dispatch.paused.get() || dispatch.holds_back()) =>
            {
                dispatch.user_slots.borrow_mut()[user as usize].waker =
                    Some(context.waker().clone());
                return Poll::Pending;
            }
            None => Ok(Start { slot: 0, intended: now, parked_at: now }),
        })
    }

    fn forget(&self, user: UserKey) {
        let user_slot = &mut self.0.user_slots.borrow_mut()[user as usize];
        (user_slot.waits, user_slot.granted, user_slot.waker) = (false, None, None);
    }

    fn poll_over(&self, user: UserKey, context: &mut Context<'_>) -> Poll<()> {
        if self.0.over().is_some() {
            return Poll::Ready(());
        }
        self.0.user_slots.borrow_mut()[user as usize].waker = Some(context.waker().clone());
        Poll::Pending
    }
}
