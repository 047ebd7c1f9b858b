//! Executes a plan: workers that generate the load, each on its thread, and the control thread,
//! which merges what they measured, watches the machine and ends the run.
//!
//! The rules of when and whom are `core`'s; the users are the engine's. What is here is threads,
//! timers and queues. Several plans may be executed at once: each has its own workers, on threads
//! that all share.

mod account;
mod bearing;
mod floor;
mod iterations;
mod lead;
mod member;
mod pacer;
mod set_point;
mod threads;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use swell_core::RunInstant;
use swell_core::control::Limit;
use swell_core::dispatch::Dispatcher;
use swell_core::record::{Batches, Figures, Outcomes, Snapshot};
use swell_core::verdict::CpuWindows;
use swell_engine::{EndRequest, Program, Run, RunOver};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

use self::account::Account;
pub(crate) use self::bearing::{Bearing, HostLook, HostPlace};
pub(crate) use self::floor::Pace;
use self::iterations::Iterations;
pub(crate) use self::lead::{Decree, HostFate, HostReckoning, LeadLine, News, StoppedBefore, lead};
use self::member::HostCpu;
pub(crate) use self::member::{HostCounts, MemberLine, OfWindow, Participation, Said, take_part};
pub(crate) use self::set_point::Flowed;
use self::set_point::SetPoints;
pub(crate) use self::set_point::{
    ControlRecord, ObjectiveRecord, Refusal, doing_in_words, limit_in_words,
};
pub(crate) use self::threads::Threads;
use self::worker::{
    Farewell, Lease, Lines, Order, SPARE_WINDOWS, SetPoint, Shared, WINDOW, WINDOWS_UNDER_WAY,
    Window, work,
};
use crate::machine::{CpuLook, CpuWatch, cpu_time};
use crate::plan::RunPlan;
use crate::terminal;

/// Time between making the workers and the run's first instant: enough for all to be ready and
/// waiting for it.
const LEAD: Duration = Duration::from_millis(50);

/// How long workers have to say what they counted, once what was under way was cut: where a person
/// waits, and where nobody does.
const LAST_WORDS: Duration = Duration::from_millis(700);
const LAST_WORDS_OF_MANY: Duration = Duration::from_secs(20);

/// So many traps without a single iteration that ended otherwise, and the scenario is taken to be
/// broken everywhere.
const HOPELESS_TRAPS: u64 = 100;

/// So long and so many failures without anything that began, and the same is taken of a scenario:
/// as often as one user alone fails in that time.
const HOPELESS_AFTER: Duration = Duration::from_secs(3);
const HOPELESS_FAILURES: u64 = 10;

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EndCause {
    /// Its duration or its iterations were over, or Ctrl-C ended a run that has neither.
    Finished,
    /// A signal came before its end.
    Signal,
    /// It was stopped before its end over the control API.
    Stopped,
    /// The scenario asked for it.
    Scenario(EndRequest),
    /// Users did nothing but trap.
    Hopeless,
    /// All hosts that shared it have left.
    Deserted,
    /// Whoever led it was lost.
    Leaderless,
}

/// What a run came to.
pub(crate) struct Outcome {
    pub(crate) cause: EndCause,
    pub(crate) snapshot: Snapshot,
    /// Length of the measured part.
    pub(crate) measured: Duration,
    pub(crate) warm_up: Duration,
    /// Whether the service was found to be steady at the end of the warm-up; nothing where that was
    /// not asked for.
    pub(crate) is_steady: Option<bool>,
    /// Request heads handed to the network over the whole run.
    pub(crate) requests_written: u64,
    pub(crate) users_at_once: u64,
    pub(crate) began_at: std::time::SystemTime,
    pub(crate) cpu: CpuRecord,
    /// What held the rate, where something did.
    pub(crate) control: Option<ControlRecord>,
    /// What kept the rate below what was asked for, and until when.
    pub(crate) limits: Vec<(Limit, Option<RunInstant>)>,
    /// Response times of the measured part, second by second.
    pub(crate) batches: Batches,
    /// What became of the hosts that shared the run; none where one was alone.
    pub(crate) hosts: Vec<HostReckoning>,
}

impl Outcome {
    /// Whether users did nothing but trap.
    pub(crate) fn only_traps(&self) -> bool {
        only_traps(&self.snapshot)
    }

    /// Whether nothing ever began, and something failed for it.
    pub(crate) fn nothing_began(&self) -> bool {
        nothing_began(&self.snapshot)
    }
}

/// Whether users do nothing but trap, and have long enough; or nothing has begun, while each of the
/// users that are `alive` has failed.
fn is_hopeless(total: &Snapshot, elapsed: Duration, alive: u64) -> bool {
    let only_traps = total.users.traps.total() >= HOPELESS_TRAPS && only_traps(total);
    let failures = failures_before_anything(total);
    only_traps
        || (elapsed >= HOPELESS_AFTER
            && failures >= HOPELESS_FAILURES.max(alive)
            && nothing_began(total))
}

/// Whether nothing ever began, and something failed for it.
fn nothing_began(snapshot: &Snapshot) -> bool {
    let all = [&snapshot.warm_up, &snapshot.measured];
    let began = |part: &&Figures| {
        part.total.counts.started + part.iterations.ok + part.iterations.interrupted > 0
    };
    !all.iter().any(began) && failures_before_anything(snapshot) > 0
}

/// Users and iterations that failed.
fn failures_before_anything(snapshot: &Snapshot) -> u64 {
    // A trap within an iteration has failed that one as well.
    let in_iterations = snapshot.warm_up.iterations.failed + snapshot.measured.iterations.failed;
    in_iterations.max(snapshot.users.traps.total()) + snapshot.users.start_errors.total()
}

/// Whether there were traps, and no iteration that ended in any other way.
fn only_traps(snapshot: &Snapshot) -> bool {
    let iterations = |count: fn(&Outcomes) -> u64| {
        count(&snapshot.warm_up.iterations) + count(&snapshot.measured.iterations)
    };
    let (traps, otherwise) =
        (snapshot.users.traps.total(), iterations(|all| all.ok + all.interrupted));
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

impl CpuRecord {
    /// Adds what another host saw of its own processors.
    pub(crate) fn add_host(&mut self, host: &HostCpu) {
        let windows = host.windows();
        self.windows.windows = self.windows.windows.saturating_add(windows.windows);
        self.windows.saturated = self.windows.saturated.saturating_add(windows.saturated);
        self.seconds += host.seconds;
        self.stolen = self
            .stolen
            .into_iter()
            .chain(host.stolen.filter(|stolen| stolen.is_finite()))
            .reduce(f64::max);
    }

    /// Adds what was seen of a window.
    fn add(&mut self, look: CpuLook) {
        self.windows.record(look.busy);
        // A mean over windows of equal length.
        let count = self.windows.windows as f64;
        self.stolen = look
            .stolen
            .map(|stolen| self.stolen.unwrap_or(0.0) * (count - 1.0) / count + stolen / count);
    }
}

/// What a live view is shown, a few times a second.
pub(crate) struct Look<'a> {
    /// Since the run's first instant.
    pub(crate) elapsed: Duration,
    pub(crate) warm_up: Duration,
    /// Whether nothing new begins any more.
    pub(crate) is_ending: bool,
    pub(crate) total: &'a Snapshot,
    /// What was counted since the last look, which lasted this long.
    pub(crate) recent: (&'a Snapshot, Duration),
    pub(crate) users: u64,
    pub(crate) control: &'a SetPoints,
    /// Each host, where several share the run.
    pub(crate) hosts: Vec<HostLook>,
}

impl Look<'_> {
    /// Starts a second that are to be; nothing in the closed model.
    pub(crate) fn goal(&self) -> Option<f64> {
        self.control.goal(RunInstant::START + self.elapsed)
    }
}

/// What may be asked of a run while it goes on.
pub(crate) enum Command {
    /// To end, as Ctrl-C asks; a second time, to cut what is under way.
    Interrupt,
    /// To end now as if it had come to its end; what is under way may finish.
    Finish,
    /// To end because somebody decided so over the control API.
    Stop,
    /// Another goal, in starts a second.
    SetGoal(f64, Reply),
    /// To begin nothing, or to begin again.
    Pause(bool, Reply),
}

/// Where the answer to a command goes.
pub(crate) type Reply = oneshot::Sender<Result<Standing, Refusal>>;

/// What a run is to do from now on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// Starts a second that are to be; nothing in the closed model.
    pub(crate) goal: Option<f64>,
    pub(crate) is_paused: bool,
}

/// Runs the plan to its end on these threads. `view` is told once a second.
///
/// # Errors
/// The machine does not give what a run needs; nothing was sent.
pub(crate) async fn drive(
    threads: &Threads,
    plan: &RunPlan,
    program: &Arc<Program>,
    run: Arc<Run>,
    start_data: Vec<u8>,
    asked: Asked,
    view: &mut dyn View,
) -> anyhow::Result<Outcome> {
    let began = Instant::now() + LEAD;
    let iterations = Iterations::new(plan.plan.stop.iterations);
    let shared = Shared::new(plan, Arc::clone(program), run, start_data, iterations, began);
    let (set_points, set_point) = watch::channel(None);
    let Crews { orders, spares, farewells, windows } =
        Crews::set_to_work(threads, &shared, set_point, watch::channel(None).1, |index| {
            plan.dispatcher(index)
        });
    let account = Account::new(plan, began, SetPoints::new(plan, set_points));
    let control = Control {
        plan,
        shared: &shared,
        orders,
        spares,
        cpu: CpuRecord::default(),
        written: vec![0; shared.progress.len()],
        account,
        ended_after: None,
        last_words: None,
    };
    let (mut outcome, written_before, gave_up) = control.run(windows, asked, view).await?;
    let mut silent = 0;
    for (index, mut farewell) in farewells.into_iter().enumerate() {
        // Those that go on have ended by now, and have sent it.
        let told = if gave_up {
            farewell.try_recv().ok()
        } else {
            Some(farewell.await.map_err(|_| anyhow!("a worker broke down"))?)
        };
        let Some(told) = told else {
            silent += 1;
            outcome.requests_written += written_before[index];
            continue;
        };
        let Farewell { window, written } = told?;
        view.count(&window);
        outcome.snapshot.merge(&window);
        outcome.requests_written += written;
    }
    if silent > 0 {
        terminal::say(format_args!(
            "warning: {silent} threads were still busy and did not answer: what they counted last \
            is missing"
        ));
    }
    outcome.users_at_once = shared.users.most_at_once();
    Ok(outcome)
}

/// The workers of a run at work, and the lines to them.
struct Crews {
    orders: watch::Sender<Order>,
    spares: Vec<mpsc::Sender<Window>>,
    farewells: Vec<oneshot::Receiver<anyhow::Result<Farewell>>>,
    windows: mpsc::Receiver<Window>,
}

impl Crews {
    fn set_to_work(
        threads: &Threads,
        shared: &Arc<Shared>,
        set_points: watch::Receiver<Option<SetPoint>>,
        leases: watch::Receiver<Option<Lease>>,
        dispatcher: impl Fn(usize) -> Dispatcher,
    ) -> Self {
        let workers = shared.progress.len();
        let (orders, order) = watch::channel(Order::Run);
        let (windows, incoming) = mpsc::channel(workers * WINDOWS_UNDER_WAY);
        let (mut spares, mut farewells) = (Vec::new(), Vec::new());
        for (index, thread) in threads.of(workers).enumerate() {
            let (spare, spares_of_worker) = mpsc::channel(SPARE_WINDOWS);
            spares.push(spare);
            let (orders, set_points, leases) = (order.clone(), set_points.clone(), leases.clone());
            let lines = Lines {
                orders,
                set_points,
                leases,
                windows: windows.clone(),
                spares: spares_of_worker,
            };
            let (shared, dispatcher) = (Arc::clone(shared), dispatcher(index));
            farewells.push(threads.run(thread, move || work(shared, index, dispatcher, lines)));
        }
        Self { orders, spares, farewells, windows: incoming }
    }
}

/// What comes to a run from outside.
pub(crate) struct Asked {
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Of the scenario itself.
    pub(crate) end_requests: mpsc::Receiver<EndRequest>,
}

/// Who watches a run.
pub(crate) trait View {
    /// What was counted since the last call, once a second.
    fn count(&mut self, counted: &Snapshot);

    /// Where the run is, once a second.
    fn look(&mut self, look: &Look<'_>);
}

/// The control thread's state during a run.
struct Control<'a> {
    plan: &'a RunPlan,
    shared: &'a Shared,
    orders: watch::Sender<Order>,
    spares: Vec<mpsc::Sender<Window>>,
    cpu: CpuRecord,
    /// Request heads that each worker had handed to the network with its latest window.
    written: Vec<u64>,
    account: Account<'a>,
    /// When the workers were told to begin nothing more.
    ended_after: Option<Duration>,
    /// Until when workers may say what they counted, once what was under way was cut.
    last_words: Option<Instant>,
}

impl Control<'_> {
    async fn run(
        mut self,
        mut windows: mpsc::Receiver<Window>,
        mut asked: Asked,
        view: &mut dyn View,
    ) -> anyhow::Result<(Outcome, Vec<u64>, bool)> {
        let mut cpu_watch = None;
        let mut cpu_before = Duration::ZERO;
        let mut ticks = tokio::time::interval(WINDOW);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut ending: Option<(EndCause, Instant)> = None;
        let mut cut = false;
        let gave_up = loop {
            tokio::select! {
                biased;
                Some(command) = asked.commands.recv() => self.obey(command, &mut ending, &mut cut),
                Some(request) = asked.end_requests.recv(), if ending.is_none() => match request {
                    // Iterations that have taken a row go on to their end; the last of them ends
                    // the run.
                    EndRequest::FeedExhausted(feed) => {
                        tracing::info!("feed {feed:?} has no row left: the run ends with the \
                        iterations under way");
                        self.shared.iterations.close();
                    }
                    request => ending = Some(self.end(EndCause::Scenario(request), RunOver::Stopped)),
                },
                window = windows.recv() => match window {
                    Some(window) => self.merge(window),
                    // All workers have ended.
                    None => break false,
                },
                _ = ticks.tick() => {
                    let elapsed = self.shared.began.elapsed();
                    if ending.is_none() {
                        self.account.set_points.tick(self.shared.began, self.shared.users.alive());
                    }
                    if elapsed >= self.account.warm_up && ending.is_none() && Instant::now() >= self.shared.began {
                        match &mut cpu_watch {
                            None => {
                                cpu_before = cpu_time();
                                cpu_watch = Some(CpuWatch::start());
                            }
                            Some(watch) => self.cpu.add(watch.look()),
                        }
                    }
                    self.account.look(ending.is_some(), self.shared.users.alive(), view, Vec::new);
                    match &ending {
                        None => ending = self.reason_to_end(),
                        Some((_, deadline)) if !cut && Instant::now() >= *deadline => cut = self.cut(LAST_WORDS_OF_MANY),
                        Some(_) => {}
                    }
                }
                () = until(self.last_words) => break true,
            }
        };
        let (cause, _) = ending.context("the workers ended by themselves")?;
        self.cpu.seconds = cpu_time().saturating_sub(cpu_before).as_secs_f64();
        let lasted = self.ended_after.unwrap_or_else(|| self.shared.began.elapsed());
        Ok((self.account.close(cause, lasted, self.cpu, view), self.written, gave_up))
    }

    fn obey(&mut self, command: Command, ending: &mut Option<(EndCause, Instant)>, cut: &mut bool) {
        // Without an end of its own a run lasts until it is told to stop; that is its normal end.
        let or_finished = |cause, this: &Self| {
            if this.plan.lasts_until_stopped() { EndCause::Finished } else { cause }
        };
        let now = RunInstant::START + self.shared.began.elapsed();
        match (command, &mut *ending) {
            (Command::Interrupt, None) => {
                let cause = or_finished(EndCause::Signal, self);
                let why =
                    if cause == EndCause::Finished { RunOver::Finished } else { RunOver::Stopped };
                *ending = Some(self.end(cause, why));
            }
            (Command::Interrupt, Some((cause, _))) => {
                *cause = EndCause::Signal;
                *cut = self.cut(LAST_WORDS);
            }
            (Command::Finish, None) => {
                *ending = Some(self.end(EndCause::Finished, RunOver::Finished))
            }
            (Command::Stop, None) => {
                *ending = Some(self.end(or_finished(EndCause::Stopped, self), RunOver::Finished))
            }
            (Command::Finish | Command::Stop, Some(_)) => {}
            // Nobody may wait for an answer any more.
            (Command::SetGoal(_, reply) | Command::Pause(_, reply), Some(_)) => {
                let _ = reply.send(Err(Refusal::Ending));
            }
            // Whoever asked may be gone.
            (Command::SetGoal(goal, reply), None) => {
                let _ = reply.send(self.account.set_points.set_goal(now, goal));
            }
            (Command::Pause(paused, reply), None) => {
                let _ = reply.send(self.account.set_points.pause(now, paused));
            }
        }
    }

    fn merge(&mut self, window: Window) {
        self.written[window.at.worker] = window.written;
        self.account.set_points.add(&Flowed::of(&window, self.shared.pace == Pace::Iterations, 1));
        self.account.add(&window.counted);
        window.give_back(&self.spares);
    }

    /// Whether the run is to end now of itself.
    fn reason_to_end(&mut self) -> Option<(EndCause, Instant)> {
        if self.account.is_over() || self.account.set_points.is_over() {
            return Some(self.end(EndCause::Finished, RunOver::Finished));
        }
        if self.shared.iterations.are_over() {
            let ending = self.end(EndCause::Finished, RunOver::Finished);
            // Not now, but when the last of them was done.
            let last = self
                .shared
                .iterations
                .last_end()
                .map(|at| at.saturating_duration_since(self.shared.began));
            self.ended_after = self.ended_after.map(|now| {
                last.map_or(now, |last| end_of_slots(self.plan, last, self.shared.slots()).min(now))
            });
            return Some(ending);
        }
        let hopeless = is_hopeless(
            self.account.total(),
            self.shared.began.elapsed(),
            self.shared.users.alive(),
        );
        hopeless.then(|| self.end(EndCause::Hopeless, RunOver::Stopped))
    }

    /// Tells the workers to begin nothing more; gives when what is under way is cut.
    fn end(&mut self, cause: EndCause, why: RunOver) -> (EndCause, Instant) {
        self.ended_after = Some(self.shared.began.elapsed());
        self.orders.send_replace(Order::End(why));
        if why == RunOver::Stopped {
            tracing::info!(
                "ending: what is under way has up to {:?}; Ctrl-C cuts it",
                self.plan.plan.grace
            );
        }
        (cause, Instant::now() + self.plan.plan.grace)
    }

    fn cut(&mut self, last_words: Duration) -> bool {
        self.orders.send_replace(Order::Cut);
        let by = Instant::now() + last_words;
        self.last_words = Some(self.last_words.map_or(by, |earlier| earlier.min(by)));
        true
    }
}

/// When a run that ended with its iterations, the last of them after `last`, was over: each slot
/// that it `started` lasts until the next one would have been due.
fn end_of_slots(plan: &RunPlan, last: Duration, started: u64) -> Duration {
    let timeline = if plan.plan.control.is_some() { None } else { plan.plan.timeline() };
    let next = timeline.and_then(|timeline| timeline.instant_of(started as f64));
    next.map_or(last, |next| last.max(next.since(RunInstant::START)))
}

/// Waits for an instant; for ever where there is none.
async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}
