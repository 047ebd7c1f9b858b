//! One worker thread: its own runtime, users, connections and recorder.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use swell_client::Client;
use swell_core::RunInstant;
use swell_core::backoff::Backoff;
use swell_core::control::{Objective, Tally};
use swell_core::dispatch::{Dispatcher, UserKey};
use swell_core::plain::in_one_line;
use swell_core::record::{Recorder, Snapshot};
use swell_core::run::{Flowed, Pace, SetPoint};
use swell_core::schedule::{Course, Owner};
use swell_core::standstill::Heartbeat;
use swell_engine::{HookError, IterationOutcome, Program, Run, RunOver, User, Worker};
use swell_protocol::clock::LocalInstant;
use swell_protocol::message::Orders;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::iterations::Iterations;
use crate::plan::RunPlan;
use crate::worker_dispatch::{DispatchPacing, SharedOverflow, WorkerDispatch};

/// How often a worker closes its window and sends it to the control thread.
pub(crate) const WINDOW: Duration = Duration::from_millis(200);

/// Windows on their way to the control thread; when it is this far behind, the worker goes on
/// counting in the window that it has.
pub(crate) const WINDOWS_UNDER_WAY: usize = 8;

/// Windows that wait for a worker to fill them: one while another is under way, and as each has its
/// rows for every name, not more.
pub(crate) const SPARE_WINDOWS: usize = 1;

/// What the control thread tells the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Go on.
    Run,
    /// Begin nothing more; what is under way may finish.
    End(RunOver),
    /// Cut what is still under way.
    Cut,
}

/// What a run's starts are to follow, as the control thread sets it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WorkerSetPoint {
    pub(crate) starts: Starts,
    /// From when on. A moment ahead, so that all workers change at the same slot.
    pub(crate) from: RunInstant,
    /// How often objectives were told to judge only what begins anew.
    pub(crate) restarts: u64,
    /// Whether nothing is to begin, whatever paces it.
    pub(crate) paused: bool,
    /// Where the measured part begins, if that is not where it was planned.
    pub(crate) measured_from: Option<RunInstant>,
}

impl From<SetPoint> for WorkerSetPoint {
    fn from(set_point: SetPoint) -> Self {
        let SetPoint { course, from, restarts, is_paused, measured_from } = set_point;
        let starts = course.map_or(Starts::AsTheyAre, Starts::Follow);
        Self { starts, from, restarts, paused: is_paused, measured_from }
    }
}

/// When starts are due.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Starts {
    /// The model has no rate, or it stays as it was planned.
    AsTheyAre,
    /// Those of all workers together follow a course.
    Follow(Course),
    /// They are dealt out to several hosts, of which this one has a number.
    Dealt(Arc<Orders>, Owner),
}

/// Until when, on the clock that counts suspension, and below which slot a host among others may
/// start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) below: u64,
    pub(crate) until: LocalInstant,
}

/// How far a worker has come with its slots.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) started: AtomicU64,
    pub(crate) reached: AtomicU64,
    pub(crate) waiting: AtomicU64,
}

impl Shared {
    /// The present on the run's clock; before its beginning, its first instant.
    pub(crate) fn now(&self) -> RunInstant {
        RunInstant::START + self.began.elapsed()
    }

    /// An instant on the run's clock.
    pub(crate) fn on_clock(&self, instant: Instant) -> RunInstant {
        RunInstant::START + instant.saturating_duration_since(self.began)
    }

    /// The instant at which the run's clock shows `at`.
    pub(crate) fn at(&self, at: RunInstant) -> Instant {
        self.began + at.since(RunInstant::START)
    }

    /// Slots that were of use to what began: where iterations take them, one may find that there
    /// are no more numbers.
    pub(crate) fn slots(&self) -> u64 {
        match self.pace {
            Pace::Iterations => self.iterations.that_took_place(),
            Pace::Transactions | Pace::Nothing => {
                self.progress.iter().map(|one| one.started.load(Ordering::Relaxed)).sum()
            }
        }
    }
}

/// What a worker counted in a window.
#[derive(Default)]
pub(crate) struct Window {
    pub(crate) counted: Snapshot,
    /// Slots that were started.
    pub(crate) started: u64,
    /// How long the thread stood still in it.
    pub(crate) stood: Duration,
    /// For each objective.
    pub(crate) tallies: Vec<Tally>,
    /// How far the worker had come with its slots at its end.
    pub(crate) at: Milestone,
    /// Request heads that the worker had handed to the network by then, over the whole run.
    pub(crate) written: u64,
}

/// How far a worker has come with its slots.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Milestone {
    pub(crate) worker: usize,
    /// Its own slots below this number are no longer to come.
    pub(crate) reached: u64,
    /// So many have been due.
    pub(crate) due: u64,
}

/// What all workers of a run share.
pub(crate) struct Shared {
    pub(crate) program: Arc<Program>,
    pub(crate) run: Arc<Run>,
    pub(crate) client: swell_client::Options,
    pub(crate) pace: Pace,
    /// What `setup` gave; nothing where there is none.
    pub(crate) start_data: Vec<u8>,
    /// Whether the scenario's `stop` does anything.
    pub(crate) has_stop: bool,
    pub(crate) iterations: Iterations,
    pub(crate) overflow: Arc<SharedOverflow>,
    pub(crate) began: Instant,
    pub(crate) measured_from: RunInstant,
    pub(crate) ends_at: RunInstant,
    /// Length of the measured part, where the clock ends it.
    pub(crate) measured: Option<Duration>,
    pub(crate) objectives: Vec<Objective>,
    pub(crate) users: UserCounts,
    /// Of each worker.
    pub(crate) progress: Vec<Arc<Progress>>,
}

impl Shared {
    /// What the workers of a plan share that begins at this instant.
    pub(crate) fn new(
        plan: &RunPlan,
        program: Arc<Program>,
        run: Arc<Run>,
        start_data: Vec<u8>,
        iterations: Iterations,
        began: Instant,
    ) -> Arc<Self> {
        Arc::new(Self {
            program,
            run,
            client: plan.client.clone(),
            pace: plan.pace(),
            start_data,
            has_stop: plan.has_start,
            iterations,
            overflow: SharedOverflow::new(plan.workers),
            began,
            measured_from: plan.plan.measured_from(),
            ends_at: plan.plan.end(),
            measured: plan.plan.stop.measured,
            objectives: plan
                .plan
                .control
                .as_ref()
                .map_or_else(Vec::new, |control| control.objectives.clone()),
            users: UserCounts::default(),
            progress: std::iter::repeat_with(Arc::default).take(plan.workers).collect(),
        })
    }
}

impl Window {
    /// What went through in it; where a node tells nobody of its other `workers`, as if there were
    /// but one.
    pub(crate) fn flowed(&self, pace: Pace, workers: usize) -> Flowed {
        let mut flowed = Flowed::window_report(&self.counted, self.started, &self.tallies, pace);
        flowed.stood = self.stood / u32::try_from(workers).unwrap_or(u32::MAX).max(1);
        flowed
    }

    /// Forgets what was counted and gives the memory back to its worker, or to whichever has room
    /// for it; with none it is freed.
    pub(crate) fn give_back(mut self, spares: &[mpsc::Sender<Self>]) {
        self.counted.clear();
        self.tallies.iter_mut().for_each(Tally::clear);
        let (before, own) = spares.split_at(self.at.worker.min(spares.len()));
        for spare in own.iter().chain(before) {
            match spare.try_send(self) {
                Ok(()) => return,
                Err(
                    mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back),
                ) => self = back,
            }
        }
    }
}

/// Users of all workers, for the live view and for knowing when nobody is left.
#[derive(Debug, Default)]
pub(crate) struct UserCounts {
    alive: AtomicU64,
    most: AtomicU64,
}

impl UserCounts {
    fn came(&self) {
        let alive = self.alive.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(alive, Ordering::Relaxed);
    }

    fn went(&self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn alive(&self) -> u64 {
        self.alive.load(Ordering::Relaxed)
    }

    pub(crate) fn most_at_once(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }
}

/// A worker's ends of the channels to the control thread.
pub(crate) struct Lines {
    pub(crate) orders: watch::Receiver<Order>,
    pub(crate) set_points: watch::Receiver<Option<WorkerSetPoint>>,
    /// Nothing ever comes where a host is alone.
    pub(crate) leases: watch::Receiver<Option<Lease>>,
    /// Closed windows, to be merged.
    pub(crate) windows: mpsc::Sender<Window>,
    /// Cleared windows, to be used again.
    pub(crate) spares: mpsc::Receiver<Window>,
}

/// What a worker has left when it is done.
pub(crate) struct WorkerResult {
    /// Its last window.
    pub(crate) window: Snapshot,
    /// Request heads that it handed to the network, those of interrupted requests too.
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
    });
    WorkerUsers {
        lost: RefCell::default(),
        shared,
        dispatch,
        worker,
        heartbeat,
        told_stood: Cell::default(),
        users: RefCell::default(),
    }
    .run(lines)
    .await
}

/// What a worker has heard of set-points, whose later ones repeat it.
#[derive(Default)]
struct Heard {
    restarts: u64,
    measured_from: Option<RunInstant>,
}

/// The users of one worker and what keeps them going.
struct WorkerUsers {
    /// Of users that came to an end before they had begun anything.
    lost: RefCell<Backoff>,
    shared: Arc<Shared>,
    dispatch: Rc<WorkerDispatch>,
    worker: Rc<Worker>,
    heartbeat: Rc<Heartbeat>,
    /// How long the thread had stood still by the end of the last window.
    told_stood: Cell<Duration>,
    users: RefCell<JoinSet<()>>,
}

impl WorkerUsers {
    async fn run(self, mut lines: Lines) -> anyhow::Result<WorkerResult> {
        let this = Rc::new(self);
        let mut heard = Heard::default();
        loop {
            tokio::select! {
                biased;
                // What was said before the beginning holds from its first instant on.
                Ok(()) = lines.set_points.changed() => this.follow(&mut lines, &mut heard),
                Ok(()) = lines.leases.changed() => this.lease(&mut lines),
                () = tokio::time::sleep_until(this.shared.began.into()) => break,
            }
        }
        let mut window_ends = tokio::time::interval(WINDOW);
        window_ends.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let probe =
            AbortOnDrop(tokio::task::spawn_local(Rc::clone(&this).probe_delay()).abort_handle());
        this.dispatch.open();
        let mut ending = false;
        loop {
            tokio::select! {
                biased;
                wanted = this.dispatch.next_orders() => {
                    for _ in 0..wanted {
                        this.create();
                    }
                }
                changed = lines.orders.changed() => {
                    // A control thread that is gone wants nothing any more.
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
                // Without a control thread there is nothing to change to, and the orders' end says
                // so.
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
    fn follow(&self, lines: &mut Lines, heard: &mut Heard) {
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

    /// The warm-up ends sooner than it might have: the measured part begins at `from`, and ends as
    /// much sooner.
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
                // A fault of ours must not pass for a user that ended; a user that was cut is none.
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

    fn create(self: &Rc<Self>) {
        if self.shared.iterations.is_exhausted() {
            return self.dispatch.not_created();
        }
        let key = self.dispatch.user_slot();
        let place = Place { worker_users: Rc::clone(self), key };
        self.dispatch.created(key);
        self.shared.users.came();
        self.worker.recorder.borrow_mut().user_created();
        self.users.borrow_mut().spawn_local(async move {
            let place = place;
            place.live().await;
        });
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

    /// Samples how late this thread polls what is ready.
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

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A user's place among those of its worker: given back however the user ends.
struct Place {
    worker_users: Rc<WorkerUsers>,
    key: UserKey,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.worker_users.worker.recorder.borrow_mut().user_gone();
        self.worker_users.shared.users.went();
        self.worker_users.dispatch.gone(self.key);
    }
}

impl Place {
    /// The life of one virtual user.
    async fn live(&self) {
        let shared = &self.worker_users.shared;
        let mut user =
            match User::create(&shared.program, &self.worker_users.worker, self.key).await {
                Ok(user) => user,
                Err(trapped) => {
                    self.worker_users.worker.recorder.borrow_mut().trap(&trapped.0);
                    self.report_trap(&trapped.0);
                    return self.mourn().await;
                }
            };
        match user.start(&shared.start_data).await {
            Ok(()) => {}
            Err(HookError::Said(reason)) => {
                self.worker_users.worker.recorder.borrow_mut().start_error(&reason);
                return self.mourn().await;
            }
            Err(HookError::Trapped(trapped)) => {
                self.report_trap(&trapped.0);
                return self.mourn().await;
            }
        }
        let mut backoff = Backoff::default();
        while let Some(goes_on) = self.iterate(&mut user, &mut backoff).await {
            if !goes_on {
                return;
            }
            // A scenario that waits for nothing must not keep its thread from the others.
            tokio::task::consume_budget().await;
        }
        if shared.has_stop
            && let Err(trapped) = user.stop().await
        {
            tracing::warn!(target: "scenario", "`stop` trapped: {}", in_one_line(&trapped.0));
        }
    }

    /// One iteration: whether the user is still of use after it, or nothing when there is none to
    /// begin. `backoff` is the user's own.
    async fn iterate(&self, user: &mut User, backoff: &mut Backoff) -> Option<bool> {
        let (dispatch, iterations) =
            (&self.worker_users.dispatch, &self.worker_users.shared.iterations);
        if dispatch.over().is_some() {
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
        // Whoever waits after a failure is none that others wait for.
        drop(under_way);
        if user.has_begun() {
            backoff.reset();
            self.worker_users.lost.borrow_mut().reset();
        }
        match end {
            Ok(IterationOutcome::Failed(reason)) => {
                self.worker_users.worker.recorder.borrow_mut().iteration_error(&reason);
                // Where iterations take the slots, these pace it.
                if !user.has_begun() && carried.is_none() {
                    self.tell_what_lacks();
                    self.wait(backoff.fail()).await;
                }
                Some(true)
            }
            Ok(_) => Some(true),
            Err(trapped) => {
                self.report_trap(&trapped.0);
                if !user.has_begun() {
                    self.mourn().await;
                }
                Some(false)
            }
        }
    }

    /// A user has come to nothing: its place stays taken for a while, so that one after another
    /// does not come and go as fast as the machine can.
    async fn mourn(&self) {
        self.tell_what_lacks();
        let wait = self.worker_users.lost.borrow_mut().fail();
        self.wait(wait).await;
    }

    /// Where a scenario fails before anything began, and has asked for what it was not given, the
    /// run is of no use.
    fn tell_what_lacks(&self) {
        self.worker_users.shared.run.end_for_want();
    }

    /// Waits, until the run's end at the longest.
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
