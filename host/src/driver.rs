//! Executes a plan: worker threads that generate the load, and this thread, which merges what they measured, watches the machine and ends the run.
//!
//! The rules of when and whom are `core`'s; the users are the engine's. What is here is threads, timers, signals and queues.

mod floor;
mod iterations;
mod pacer;
mod set_point;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use swell_core::control::Tally;
use swell_core::record::{Outcomes, Snapshot};
use swell_core::verdict::CpuWindows;
use swell_engine::{EndRequest, Program, Run, RunOver};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

pub(crate) use self::floor::Pace;
use self::floor::SharedOverflow;
use self::iterations::Iterations;
pub(crate) use self::set_point::{ControlRecord, ObjectiveRecord};
use self::set_point::{Pilot, SetPoints};
use self::worker::{Farewell, Lines, Order, Shared, UserCounts, WINDOW, WINDOWS_UNDER_WAY, Window, work};
use crate::machine::{CpuWatch, cpu_time};
use crate::plan::RunPlan;

/// Time between making the workers and the run's first instant: enough for all to be ready and waiting for it.
const LEAD: Duration = Duration::from_millis(50);

/// So many traps without a single iteration that ended otherwise, and the scenario is taken to be broken everywhere.
const HOPELESS_TRAPS: u64 = 100;

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EndCause {
    /// Its duration or its iterations were over, or Ctrl-C ended a run that has neither.
    Finished,
    /// A signal came before its end.
    Signal,
    /// The scenario asked for it.
    Scenario(EndRequest),
    /// Users did nothing but trap.
    Hopeless,
}

/// What a run came to.
pub(crate) struct Outcome {
    pub(crate) cause: EndCause,
    pub(crate) snapshot: Snapshot,
    /// Length of the measured part.
    pub(crate) measured: Duration,
    pub(crate) warm_up: Duration,
    /// Request heads handed to the network over the whole run.
    pub(crate) requests_written: u64,
    pub(crate) users_at_once: u64,
    pub(crate) began_at: std::time::SystemTime,
    pub(crate) cpu: CpuRecord,
    /// What held the rate, where something did.
    pub(crate) control: Option<ControlRecord>,
}

impl Outcome {
    /// Whether users did nothing but trap.
    pub(crate) fn only_traps(&self) -> bool {
        only_traps(&self.snapshot)
    }
}

/// Whether there were traps, and no iteration that ended in any other way.
fn only_traps(snapshot: &Snapshot) -> bool {
    let iterations = |count: fn(&Outcomes) -> u64| count(&snapshot.warm_up.iterations) + count(&snapshot.measured.iterations);
    let (traps, otherwise) = (snapshot.users.traps.total(), iterations(|all| all.ok + all.interrupted));
    traps > 0 && otherwise == 0 && iterations(|all| all.failed) <= traps
}

/// How busy this process was during the measured part.
#[derive(Clone, Debug, Default)]
pub(crate) struct CpuRecord {
    /// Windows, and those in which the allowed cores were used up.
    pub(crate) windows: CpuWindows,
    pub(crate) stolen: Option<f64>,
    pub(crate) seconds: f64,
}

/// What a live view is shown, a few times a second.
pub(crate) struct Look<'a> {
    /// Since the run's first instant.
    pub(crate) elapsed: Duration,
    pub(crate) total: &'a Snapshot,
    /// What was counted since the last look, which lasted this long.
    pub(crate) recent: (&'a Snapshot, Duration),
    pub(crate) users: u64,
    pub(crate) control: Option<&'a SetPoints>,
}

/// Runs the plan to its end. `show` is called once a second.
///
/// # Errors
/// The machine does not give what a run needs; nothing was sent.
pub(crate) fn drive(
    plan: &RunPlan,
    program: &Arc<Program>,
    run: Arc<Run>,
    start_data: Vec<u8>,
    end_requests: mpsc::Receiver<EndRequest>,
    show: &mut dyn FnMut(&Look<'_>),
) -> anyhow::Result<Outcome> {
    let workers = plan.workers;
    let overflow = SharedOverflow::new(workers);
    let began = Instant::now() + LEAD;
    let shared = Arc::new(Shared {
        program: Arc::clone(program),
        run,
        client: plan.client.clone(),
        pace: plan.pace(),
        start_data,
        has_stop: plan.has_start,
        iterations: Iterations::new(plan.plan.stop.iterations),
        overflow,
        began,
        measured_from: plan.plan.measured_from(),
        ends_at: plan.plan.end(),
        objectives: plan.plan.control.as_ref().map_or_else(Vec::new, |control| control.objectives.clone()),
        users: UserCounts::default(),
    });
    let (orders, order) = watch::channel(Order::Run);
    let (set_points, set_point) = watch::channel(None);
    let (windows, incoming) = mpsc::channel(workers * WINDOWS_UNDER_WAY);
    let mut spares = Vec::new();
    let mut threads = Vec::new();
    for index in 0..workers {
        let (spare, spares_of_worker) = mpsc::channel(WINDOWS_UNDER_WAY);
        spares.push(spare);
        let lines = Lines { orders: order.clone(), set_points: set_point.clone(), windows: windows.clone(), spares: spares_of_worker };
        let shared = Arc::clone(&shared);
        let dispatcher = plan.dispatcher(index);
        let thread = std::thread::Builder::new().name(format!("swell-worker-{index}"));
        threads.push(thread.spawn(move || work(&shared, index, dispatcher, lines)).context("cannot start a worker thread")?);
    }
    drop(windows);

    let control = Control {
        plan,
        shared: &shared,
        orders,
        spares,
        total: Snapshot::default(),
        recent: Snapshot::default(),
        cpu: CpuRecord::default(),
        set_points: plan.plan.control.as_ref().map(|control| SetPoints::new(Pilot::of(control), set_points, workers)),
        ended_after: None,
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the control thread's runtime")?;
    let mut ended = runtime.block_on(control.run(incoming, end_requests, show))?;

    let mut requests_written = 0;
    for thread in threads {
        let Farewell { window, written } = thread.join().map_err(|_| anyhow!("a worker thread broke down"))??;
        ended.total.merge(&window);
        requests_written += written;
    }
    Ok(Outcome {
        cause: ended.cause,
        snapshot: ended.total,
        measured: ended.measured,
        warm_up: plan.plan.warm_up.min(ended.lasted),
        requests_written,
        users_at_once: shared.users.most_at_once(),
        began_at: std::time::SystemTime::now() - began.elapsed(),
        cpu: ended.cpu,
        control: ended.control,
    })
}

/// The control thread's state during a run.
struct Control<'a> {
    plan: &'a RunPlan,
    shared: &'a Shared,
    orders: watch::Sender<Order>,
    spares: Vec<mpsc::Sender<Window>>,
    total: Snapshot,
    /// What was counted since the last look.
    recent: Snapshot,
    cpu: CpuRecord,
    set_points: Option<SetPoints>,
    /// When the workers were told to begin nothing more.
    ended_after: Option<Duration>,
}

struct Ended {
    cause: EndCause,
    total: Snapshot,
    cpu: CpuRecord,
    control: Option<ControlRecord>,
    lasted: Duration,
    measured: Duration,
}

/// How often the live view is shown.
const LOOK: Duration = Duration::from_secs(1);

impl Control<'_> {
    async fn run(
        mut self,
        mut windows: mpsc::Receiver<Window>,
        mut end_requests: mpsc::Receiver<EndRequest>,
        show: &mut dyn FnMut(&Look<'_>),
    ) -> anyhow::Result<Ended> {
        let mut interrupt = Stops::listen()?;
        let mut cpu_watch = None;
        let mut cpu_before = Duration::ZERO;
        let mut ticks = tokio::time::interval(WINDOW);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut last_look = self.shared.began;
        let mut ending: Option<(EndCause, Instant)> = None;
        let mut cut = false;
        loop {
            tokio::select! {
                biased;
                () = interrupt.next() => match &ending {
                    // Without an end of its own a run lasts until it is told to stop; that is its normal end.
                    None if self.plan.lasts_until_stopped() => ending = Some(self.end(EndCause::Finished, RunOver::Finished)),
                    None => ending = Some(self.end(EndCause::Signal, RunOver::Stopped)),
                    Some(_) => {
                        if let Some((cause, _)) = &mut ending {
                            *cause = EndCause::Signal;
                        }
                        cut = self.cut();
                    }
                },
                Some(request) = end_requests.recv(), if ending.is_none() => match request {
                    // Iterations that have taken a row go on to their end; the last of them ends the run.
                    EndRequest::FeedExhausted(feed) => {
                        tracing::info!("feed {feed:?} has no row left: the run ends with the iterations under way");
                        self.shared.iterations.close();
                    }
                    request => ending = Some(self.end(EndCause::Scenario(request), RunOver::Stopped)),
                },
                window = windows.recv() => match window {
                    Some(window) => self.merge(window),
                    // All workers have ended.
                    None => break,
                },
                _ = ticks.tick() => {
                    let elapsed = self.shared.began.elapsed();
                    if let Some(set_points) = self.set_points.as_mut().filter(|_| ending.is_none()) {
                        set_points.tick(self.shared.began);
                    }
                    if elapsed >= self.plan.plan.warm_up && ending.is_none() && Instant::now() >= self.shared.began {
                        match &mut cpu_watch {
                            None => {
                                cpu_before = cpu_time();
                                cpu_watch = Some(CpuWatch::start());
                            }
                            Some(watch) => self.watch_cpu(watch),
                        }
                    }
                    if last_look.elapsed() >= LOOK && elapsed >= LOOK {
                        let recent = std::mem::take(&mut self.recent);
                        show(&Look { elapsed, total: &self.total, recent: (&recent, last_look.elapsed()), users: self.shared.users.alive(), control: self.set_points.as_ref() });
                        last_look = Instant::now();
                    }
                    match &ending {
                        None => ending = self.reason_to_end(elapsed),
                        Some((_, deadline)) if !cut && Instant::now() >= *deadline => cut = self.cut(),
                        Some(_) => {}
                    }
                }
            }
        }
        let (cause, _) = ending.context("the workers ended by themselves")?;
        self.cpu.seconds = cpu_time().saturating_sub(cpu_before).as_secs_f64();
        let lasted = self.ended_after.unwrap_or_else(|| self.shared.began.elapsed());
        let measured = lasted.saturating_sub(self.plan.plan.warm_up).min(self.plan.plan.stop.measured.unwrap_or(Duration::MAX));
        let control = self.set_points.map(|set_points| set_points.record());
        Ok(Ended { cause, total: self.total, cpu: self.cpu, control, lasted, measured })
    }

    fn merge(&mut self, mut window: Window) {
        if let Some(set_points) = &mut self.set_points {
            set_points.add(&window);
        }
        self.total.merge(&window.counted);
        self.recent.merge(&window.counted);
        window.counted.clear();
        window.tallies.iter_mut().for_each(Tally::clear);
        // Whichever worker has room for it; with none, its memory is freed.
        for spare in &self.spares {
            match spare.try_send(window) {
                Ok(()) => return,
                Err(mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back)) => window = back,
            }
        }
    }

    fn watch_cpu(&mut self, watch: &mut CpuWatch) {
        let look = watch.look();
        self.cpu.windows.record(look.busy);
        // A mean over windows of equal length.
        let count = self.cpu.windows.windows as f64;
        self.cpu.stolen = look.stolen.map(|stolen| self.cpu.stolen.unwrap_or(0.0) * (count - 1.0) / count + stolen / count);
    }

    /// Whether the run is to end now of itself.
    fn reason_to_end(&mut self, elapsed: Duration) -> Option<(EndCause, Instant)> {
        let over = self.plan.plan.stop.measured.is_some_and(|duration| elapsed >= self.plan.plan.warm_up + duration);
        let found = self.set_points.as_ref().is_some_and(SetPoints::is_over);
        if over || found || self.shared.iterations.are_over() {
            return Some(self.end(EndCause::Finished, RunOver::Finished));
        }
        let hopeless = self.total.users.traps.total() >= HOPELESS_TRAPS && only_traps(&self.total);
        hopeless.then(|| self.end(EndCause::Hopeless, RunOver::Stopped))
    }

    /// Tells the workers to begin nothing more; gives when what is under way is cut.
    fn end(&mut self, cause: EndCause, why: RunOver) -> (EndCause, Instant) {
        self.ended_after = Some(self.shared.began.elapsed());
        self.orders.send_replace(Order::End(why));
        if why == RunOver::Stopped {
            tracing::info!("ending: what is under way has up to {:?}; Ctrl-C cuts it", self.plan.plan.grace);
        }
        (cause, Instant::now() + self.plan.plan.grace)
    }

    fn cut(&self) -> bool {
        self.orders.send_replace(Order::Cut);
        true
    }
}

/// The signals that end a run: Ctrl-C, and what a service manager or a container sends.
struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

impl Stops {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
