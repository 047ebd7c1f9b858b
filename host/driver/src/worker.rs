//! One worker thread: its own runtime, users, connections and recorder.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use swell_client::Client;
use swell_core::RunInstant;
use swell_core::backoff::Backoff;
use swell_core::dispatch::{Allotment, Dispatcher, UserKey};
use swell_core::plain::in_one_line;
use swell_core::record::{Recorder, Snapshot};
use swell_core::run::Pace;
use swell_core::standstill::Heartbeat;
use swell_engine::{HookError, IterationOutcome, RunOver, User, Worker};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::shared::{Lease, Shared, SharedScenario, Window, WorkerSetPoint};
use crate::worker_dispatch::{DispatchPacing, WorkerDispatch};

/// How often a worker closes its window and sends it to the control thread.
pub(crate) const WINDOW: Duration = Duration::from_millis(200);

/// How many windows may be on their way to the control thread. When the control thread is this far
/// behind, the worker goes on counting in its present window.
pub(crate) const WINDOWS_UNDER_WAY: usize = 8;

/// How many cleared windows wait for a worker: one while another is being filled. There are no
/// more, because each has rows for every name.
pub(crate) const SPARE_WINDOWS: usize = 1;

/// What the control thread tells the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Go on.
    Run,
    /// Begin nothing more; what is under way may finish.
    End(RunOver),
    /// Cut off what is still under way.
    Cut,
}

/// A worker's ends of the channels to the control thread.
pub(crate) struct Lines {
    pub(crate) orders: watch::Receiver<Order>,
    pub(crate) set_points: watch::Receiver<Option<WorkerSetPoint>>,
    /// The node's lease; nothing ever comes where a node is alone.
    pub(crate) leases: watch::Receiver<Option<Lease>>,
    /// Closed windows, to be merged.
    pub(crate) windows: mpsc::Sender<Window>,
    /// Cleared windows, to be used again.
    pub(crate) spares: mpsc::Receiver<Window>,
}

/// The results of a worker when it is done.
pub(crate) struct WorkerResult {
    /// Its last window.
    pub(crate) window: Snapshot,
    /// Request heads that it handed to the network, with those of interrupted requests.
    pub(crate) written: u64,
}

/// Runs a worker to its end; called on its own thread.
///
/// # Errors
/// The machine does not give a timer. Nothing was sent.
pub(crate) async fn work(
    shared: Arc<Shared>,
    index: usize,
    dispatcher: Dispatcher,
    lines: Lines,
) -> anyhow::Result<WorkerResult> {
    let mut recorder = Recorder::new(shared.measured_from);
    let heartbeat = recorder.heartbeat();
    let dispatch = WorkerDispatch::new(index, &shared, dispatcher, Rc::clone(&heartbeat))
        .context("cannot make a worker's timer")?;
    recorder.watch(&shared.objectives);
    let worker = Rc::new(Worker {
        run: Arc::clone(&shared.run),
        client: Client::new(shared.client.clone())
            .context("cannot use the options of the service")?,
        recorder: RefCell::new(recorder),
        pacing: Box::new(DispatchPacing(Rc::clone(&dispatch))),
        began: shared.began,
        measured_from: Cell::new(shared.measured_from),
        implicit: RefCell::default(),
        observer: None,
    });
    WorkerUsers {
        lost: RefCell::default(),
        allotment: RefCell::new(Allotment::new(shared.iterations_each)),
        shared,
        dispatch,
        worker,
        heartbeat,
        told_stood: Cell::default(),
        users: RefCell::default(),
        opened: FirstInstant::default(),
        is_deserted: Cell::default(),
    }
    .run(index, lines)
    .await
}

/// The last set-point that a worker has taken in; later set-points repeat it.
#[derive(Default)]
struct LastSetPoint {
    restarts: u64,
    measured_from: Option<RunInstant>,
}

/// The users of one worker, and what they need to run.
struct WorkerUsers {
    /// How long a user's place waits when its user ended before it had begun anything.
    lost: RefCell<Backoff>,
    /// How many iterations its users have to make.
    allotment: RefCell<Allotment>,
    shared: Arc<Shared>,
    dispatch: Rc<WorkerDispatch>,
    worker: Rc<Worker>,
    heartbeat: Rc<Heartbeat>,
    /// How long the thread had stood still by the end of the last window.
    told_stood: Cell<Duration>,
    users: RefCell<JoinSet<()>>,
    opened: FirstInstant,
    /// Whether the others know that no user is left here, and none will come.
    is_deserted: Cell<bool>,
}

/// Whether the run's first instant has come, for users that are there before it.
#[derive(Default)]
struct FirstInstant {
    has_come: Cell<bool>,
    comes: Notify,
}

impl FirstInstant {
    fn open(&self) {
        self.has_come.set(true);
        self.comes.notify_waiters();
    }

    async fn wait(&self) {
        if !self.has_come.get() {
            self.comes.notified().await;
        }
    }
}

impl WorkerUsers {
    async fn run(self, index: usize, mut lines: Lines) -> anyhow::Result<WorkerResult> {
        let this = Rc::new(self);
        for _ in 0..this.shared.users_ahead[index] {
            let Some(scenario) = this.dispatch.wanted_ahead() else { break };
            let key = this.dispatch.user_slot();
            this.dispatch.created_ahead(key, scenario);
            this.bring_to_life(key, scenario);
        }
        let mut heard = LastSetPoint::default();
        loop {
            tokio::select! {
                biased;
                // What was said before the beginning holds from the run's first instant on.
                Ok(()) = lines.set_points.changed() => this.follow(&mut lines, &mut heard),
                Ok(()) = lines.leases.changed() => this.lease(&mut lines),
                // Who is told to end before the beginning does not wait for it.
                () = other_than_run(&mut lines.orders) => break,
                () = tokio::time::sleep_until(this.shared.began.into()) => break,
            }
        }
        let mut window_ends = tokio::time::interval(WINDOW);
        window_ends.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let probe =
            AbortOnDrop(tokio::task::spawn_local(Rc::clone(&this).probe_delay()).abort_handle());
        this.dispatch.open();
        this.opened.open();
        this.look_whether_deserted();
        let mut ending = false;
        loop {
            tokio::select! {
                biased;
                wanted = this.dispatch.next_orders() => {
                    for scenario in wanted {
                        this.create(scenario);
                    }
                }
                changed = lines.orders.changed() => {
                    // A control thread that has ended wants nothing any more.
                    let order = changed.map_or(Order::Cut, |()| *lines.orders.borrow_and_update());
                    match order {
                        Order::Run => {}
                        Order::End(why) => {
                            this.dispatch.end(why);
                            ending = true;
                        }
                        Order::Cut => {
                            this.dispatch.end(RunOver::Stopped);
                            this.users.borrow_mut().abort_all();
                            ending = true;
                        }
                    }
                }
                // Without a control thread there is nothing to change to, and the end of the orders
                // shows that.
                Ok(()) = lines.set_points.changed() => this.follow(&mut lines, &mut heard),
                Ok(()) = lines.leases.changed() => this.lease(&mut lines),
                _ = window_ends.tick() => this.send_window(&mut lines),
                () = this.next_gone() => {}
            }
            if ending && this.users.borrow().is_empty() {
                break;
            }
        }
        drop(probe);
        this.heartbeat.stop();
        this.count_unsent();
        let window =
            this.worker.recorder.borrow_mut().take_window(this.worker.now(), Snapshot::default());
        Ok(WorkerResult { window, written: this.worker.client.written() })
    }

    /// Follows the latest set-point.
    fn follow(&self, lines: &mut Lines, heard: &mut LastSetPoint) {
        let Some(set_point) = lines.set_points.borrow_and_update().clone() else { return };
        self.dispatch.change(&set_point);
        if let Some(from) =
            set_point.measured_from.filter(|from| heard.measured_from.replace(*from) != Some(*from))
        {
            self.measure_from(from);
        }
        if std::mem::replace(&mut heard.restarts, set_point.restarts) != set_point.restarts {
            self.worker
                .recorder
                .borrow_mut()
                .restart_watches(self.worker.now().max(set_point.from));
        }
    }

    fn lease(&self, lines: &mut Lines) {
        if let Some(lease) = *lines.leases.borrow_and_update() {
            self.dispatch.lease(lease);
        }
    }

    /// The warm-up ends sooner than it might have: the measured part begins at `from`, and its end
    /// comes sooner by as much.
    fn measure_from(&self, from: RunInstant) {
        // What has begun belongs to the warm-up in which it was counted, also where this thread
        // hears of the change late.
        let first = from.max(self.worker.now());
        self.worker.measured_from.set(first);
        self.worker.recorder.borrow_mut().measure_from(first);
        if let Some(measured) = self.shared.measured {
            self.dispatch.end_at(from + measured);
        }
    }

    /// Collects a user that has ended; waits for ever while there is none.
    async fn next_gone(&self) {
        std::future::poll_fn(|context| match self.users.borrow_mut().poll_join_next(context) {
            std::task::Poll::Ready(Some(ended)) => {
                // A fault of ours must not pass for a user that ended; a user that was cut off is
                // no such fault.
                if let Err(error) = ended
                    && error.is_panic()
                {
                    std::panic::resume_unwind(error.into_panic());
                }
                std::task::Poll::Ready(())
            }
            _ => std::task::Poll::Pending,
        })
        .await;
    }

    fn create(self: &Rc<Self>, scenario: usize) {
        // A user that is created after all were cut would be cut by nobody.
        if self.dispatch.over().is_some() || self.shared.iterations.is_exhausted() {
            return self.dispatch.not_created(scenario);
        }
        let key = self.dispatch.user_slot();
        self.dispatch.created(key, scenario);
        self.bring_to_life(key, scenario);
    }

    fn bring_to_life(self: &Rc<Self>, key: UserKey, scenario: usize) {
        let left = Cell::new(self.allotment.borrow_mut().allot(scenario));
        let place = UserPlace { worker_users: Rc::clone(self), key, scenario, left };
        self.shared.users.came();
        place.scenario().users.came();
        self.worker.recorder.borrow_mut().user_created();
        self.users.borrow_mut().spawn_local(async move {
            let place = place;
            place.live().await;
        });
    }

    /// A user is gone, or none was to come.
    fn look_whether_deserted(&self) {
        if self.dispatch.over().is_none()
            && self.dispatch.is_deserted()
            && !self.is_deserted.replace(true)
        {
            self.shared.worker_is_deserted();
        }
    }

    fn send_window(&self, lines: &mut Lines) {
        self.count_unsent();
        let Ok(place) = lines.windows.try_reserve() else { return };
        let Window { counted, mut tallies, .. } = lines.spares.try_recv().unwrap_or_default();
        let (now, mut recorder) = (self.worker.now(), self.worker.recorder.borrow_mut());
        recorder.take_tallies(now, &mut tallies);
        self.heartbeat.look(now, RunInstant::NEVER);
        let total = self.heartbeat.total();
        let stood = total - self.told_stood.replace(total);
        let (at, started, written) =
            (self.dispatch.milestone(), self.dispatch.take_started(), self.worker.client.written());
        place.send(Window {
            counted: recorder.take_window(now, counted),
            started,
            stood,
            tallies,
            at,
            written,
        });
    }

    fn count_unsent(&self) {
        let unsent = self.dispatch.take_unsent();
        // With no iteration left to begin, nothing is missed.
        if self.shared.iterations.is_exhausted() {
            return;
        }
        let mut recorder = self.worker.recorder.borrow_mut();
        for (due, cause) in unsent {
            recorder.unsent(due.intended, cause);
        }
    }

    /// Samples how late this thread polls tasks that are ready.
    async fn probe_delay(self: Rc<Self>) {
        let Ok(timer) = crate::timer::InstantTimer::new(self.shared.began) else { return };
        let (_, mut next) = self.heartbeat.probe(self.worker.now());
        loop {
            timer.set(next);
            timer.wait().await;
            let now = self.worker.now();
            let (delay, following) = self.heartbeat.probe(now);
            self.worker.recorder.borrow_mut().loop_delay(now, delay);
            next = following;
        }
    }
}

/// Waits for an order that ends the run, or for the end of the orders, and leaves it to be taken.
async fn other_than_run(orders: &mut watch::Receiver<Order>) {
    drop(orders.wait_for(|order| *order != Order::Run).await);
    orders.mark_changed();
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A user's place among the users of its worker. It is given back however the user ends.
struct UserPlace {
    worker_users: Rc<WorkerUsers>,
    key: UserKey,
    /// What the user acts, as a place in the mix.
    scenario: usize,
    /// How many iterations the user has yet to make.
    left: Cell<u64>,
}

impl Drop for UserPlace {
    fn drop(&mut self) {
        self.worker_users.worker.recorder.borrow_mut().user_gone();
        self.worker_users.shared.users.went();
        self.scenario().users.went();
        let mut allotment = self.worker_users.allotment.borrow_mut();
        if allotment.handle_ended(self.scenario, self.left.get()) {
            self.worker_users.dispatch.finished(self.key);
        }
        drop(allotment);
        self.worker_users.dispatch.gone(self.key);
        self.worker_users.look_whether_deserted();
    }
}

impl UserPlace {
    fn scenario(&self) -> &SharedScenario {
        &self.worker_users.shared.scenarios[self.scenario]
    }

    /// The life of one virtual user.
    async fn live(&self) {
        let (shared, scenario) = (&self.worker_users.shared, self.scenario());
        let worker = &self.worker_users.worker;
        // The run may have ended before this user's turn to be made came.
        if self.worker_users.dispatch.over().is_some() {
            return;
        }
        let mut user = match User::create(&shared.program, scenario.role, worker, self.key).await {
            Ok(user) => user,
            Err(trapped) => {
                worker.recorder.borrow_mut().trap(&trapped.0);
                self.report_trap(&trapped.0);
                return self.wait_after_failure().await;
            }
        };
        match user.start(&scenario.start_data).await {
            Ok(()) => {}
            Err(HookError::Said(reason)) => {
                worker.recorder.borrow_mut().start_error(&reason);
                self.has_stopped(&user);
                return self.wait_after_failure().await;
            }
            Err(HookError::Trapped(trapped)) => {
                self.report_trap(&trapped.0);
                return self.wait_after_failure().await;
            }
        }
        self.worker_users.opened.wait().await;
        let mut backoff = Backoff::default();
        while !self.has_stopped(&user)
            && self.left.get() > 0
            && let Some(goes_on) = self.iterate(&mut user, &mut backoff).await
        {
            if !goes_on {
                return;
            }
            // A scenario that waits for nothing must not keep its thread from the other users.
            tokio::task::consume_budget().await;
        }
        let was_of_no_use = user.stopped().is_some() && !user.has_begun();
        if scenario.has_stop
            && let Err(trapped) = user.stop().await
        {
            tracing::warn!(target: "scenario", "`stop` trapped: {}", in_one_line(&trapped.0));
        }
        if was_of_no_use {
            self.wait_after_failure().await;
        }
    }

    /// Whether the user ends by itself now; if so, it has nothing left to make.
    fn has_stopped(&self, user: &User) -> bool {
        let Some(reason) = user.stopped() else { return false };
        self.worker_users.worker.recorder.borrow_mut().user_stopped(reason);
        self.worker_users.shared.user_stopped();
        self.left.set(0);
        true
    }

    /// One iteration. Returns whether the user may go on after it; `None` when there is no
    /// iteration to begin. `backoff` is the user's own.
    async fn iterate(&self, user: &mut User, backoff: &mut Backoff) -> Option<bool> {
        let (dispatch, iterations) =
            (&self.worker_users.dispatch, &self.worker_users.shared.iterations);
        if dispatch.over().is_some() || dispatch.is_one_too_many(self.key) {
            return None;
        }
        let carried = match self.worker_users.shared.pace {
            Pace::Iterations => Some(dispatch.iteration_start(self.key).await.ok()?),
            Pace::Transactions | Pace::Nothing => None,
        };
        let under_way = iterations.under_way();
        let number = iterations.take().await?;
        let end = user.iterate(number, carried).await;
        if end == Ok(IterationOutcome::NotBegun) {
            iterations.give_back(number);
            return None;
        }
        iterations.ended();
        self.scenario().iterations.fetch_add(1, Ordering::Relaxed);
        self.left.update(|left| left - 1);
        let is_lost = !user.has_begun()
            && match &end {
                // Where iterations take the slots, the slots pace it.
                Ok(IterationOutcome::Failed(_)) => carried.is_none(),
                Ok(_) => false,
                Err(_) => true,
            };
        // The run may be over with this iteration: what it lacks is to be known before.
        if is_lost {
            self.tell_what_lacks();
        }
        // Nobody waits for a user that waits after a failure.
        drop(under_way);
        if user.has_begun() {
            backoff.reset();
            self.worker_users.lost.borrow_mut().reset();
        }
        match end {
            Ok(IterationOutcome::Failed(reason)) => {
                self.worker_users.worker.recorder.borrow_mut().iteration_error(&reason);
                if is_lost {
                    self.wait(backoff.fail()).await;
                }
                Some(true)
            }
            Ok(_) => Some(true),
            Err(trapped) => {
                self.report_trap(&trapped.0);
                if is_lost {
                    self.wait_after_failure().await;
                }
                Some(false)
            }
        }
    }

    /// A user has ended before it had begun anything: its place stays taken for a while, so that
    /// users do not come and go as fast as the machine can.
    async fn wait_after_failure(&self) {
        self.tell_what_lacks();
        let wait = self.worker_users.lost.borrow_mut().fail();
        self.wait(wait).await;
    }

    /// If a scenario fails before anything began, and has asked for something that it was not
    /// given, the run is of no use.
    fn tell_what_lacks(&self) {
        self.worker_users.shared.run.end_for_want();
    }

    /// Waits, at the longest until the run's end.
    async fn wait(&self, time: Duration) {
        let over = std::future::poll_fn(|context| {
            self.worker_users.worker.pacing.poll_over(self.key, context)
        });
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = over => {}
        }
    }

    fn report_trap(&self, text: &str) {
        tracing::debug!(target: "scenario", "a user trapped: {text}");
    }
}
