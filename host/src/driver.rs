//! Executes a plan: workers that generate the load, each on its thread, and the control thread,
//! which merges what they measured, watches the machine and ends the run.
//!
//! The rules of when and whom are `core`'s; the users are the engine's. What is here is threads,
//! timers and queues. Several plans may be executed at once: each has its own workers, on threads
//! that all share.

mod account;
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
use swell_core::dispatch::Dispatcher;
use swell_core::record::Snapshot;
use swell_core::run::{
    CpuRecord, EndCause, EndRequest, Look, MachineRecord, Outcome, Refusal, Standing, is_hopeless,
};
use swell_engine::{Program, Run, RunOver};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

use self::account::Account;
use self::iterations::Iterations;
pub(crate) use self::lead::{Decree, LeadLine, News, StoppedBefore, lead};
pub(crate) use self::member::{MemberLine, OfWindow, Participation, Said, take_part};
use self::set_point::SetPoints;
pub(crate) use self::threads::Threads;
use self::worker::{
    Farewell, Lease, Lines, Order, SPARE_WINDOWS, SetPoint, Shared, WINDOW, WINDOWS_UNDER_WAY,
    Window, work,
};
use crate::machine::{CpuWatch, allowed_cores, cpu_time, most_resident_bytes};
use crate::plan::RunPlan;
use crate::terminal;

/// Time between making the workers and the run's first instant: enough for all to be ready and
/// waiting for it.
const LEAD: Duration = Duration::from_millis(50);

/// How long workers have to say what they counted, once what was under way was cut: where a person
/// waits, and where nobody does.
const LAST_WORDS: Duration = Duration::from_millis(700);
const LAST_WORDS_OF_MANY: Duration = Duration::from_secs(20);

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
                            Some(watch) => watch.look(&mut self.cpu),
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
        let machine = MachineRecord {
            cores: allowed_cores() as u64,
            most_resident_bytes: most_resident_bytes(),
            cpu: self.cpu,
        };
        Ok((self.account.close(cause, lasted, machine, view), self.written, gave_up))
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
        self.account.set_points.add(&window.flowed(self.shared.pace, 1));
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
