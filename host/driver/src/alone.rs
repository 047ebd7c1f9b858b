//! A run on this machine alone: the control thread, which merges what its workers measured, watches
//! the machine, and carries out what the control of the run decides.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{anyhow, ensure};
use swell_core::record::Snapshot;
use swell_core::run::{
    Effect, EndOrder, IterationsOver, LocalFacts, NodeCounts, NodeId, Pace, RunControl, RunOutcome,
};
use swell_engine::{Program, Run, RunOver};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::iterations::Iterations;
use crate::machine::MachineWatch;
use crate::plan::RunPlan;
use crate::run_lines::{Asked, View, say, show};
use crate::shared::{Shared, Window, WorkerSetPoint};
use crate::threads::Threads;
use crate::worker::{Order, WINDOW, WorkerResult};
use crate::workers::{Results, Workers};

/// The time between making the workers and the run's first instant: long enough for all workers to
/// be ready and to wait for it. Users that are made before take their time in addition.
const LEAD: Duration = Duration::from_millis(10);

/// The node's identity where nobody shares the run.
const ALONE: NodeId = NodeId(0);

/// Runs the plan to its end on these threads. `view` is told once a second.
///
/// # Errors
/// The machine does not give what a run needs; nothing was sent.
pub async fn drive(
    threads: &Threads,
    plan: &RunPlan,
    program: &Arc<Program>,
    run: Arc<Run>,
    start_data: Vec<Vec<u8>>,
    mut asked: Asked,
    view: &mut dyn View,
) -> anyhow::Result<RunOutcome> {
    let began = Instant::now() + LEAD + plan.time_ahead;
    let iterations = Iterations::new(plan.plan.stop.iterations);
    let shared = Shared::new(plan, Arc::clone(program), run, start_data, iterations, began);
    let (set_points, set_point) = watch::channel(None);
    let no_leases = watch::channel(None).1;
    let workers = Workers::set_to_work(threads, &shared, &set_point, &no_leases, |worker| {
        plan.dispatcher(worker)
    });
    let Workers { orders, spares, results, windows } = workers;
    let mut alone = LocalRun {
        shared: &shared,
        control: RunControl::new(&plan.plan, plan.workers, plan.room()),
        orders,
        set_points,
        spares,
        machine: MachineWatch::default(),
        written: vec![0; plan.workers],
    };
    let gave_up = alone.run(windows, &mut asked, view).await;
    ensure!(alone.control.is_ending(), "the workers ended by themselves");
    let taken = alone.take_last(results, gave_up, view).await;
    let LocalRun { control, .. } = alone;
    view.count(control.since_last_look());
    taken?;
    let began_at = SystemTime::now() - began.elapsed();
    let began_at = began_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(control.close(shared.now(), began_at, Vec::new()))
}

/// The control thread's state during a run.
struct LocalRun<'a> {
    shared: &'a Shared,
    control: RunControl,
    orders: watch::Sender<Order>,
    set_points: watch::Sender<Option<WorkerSetPoint>>,
    spares: Vec<mpsc::Sender<Window>>,
    machine: MachineWatch,
    /// Request heads that each worker had handed to the network by the end of its latest window.
    written: Vec<u64>,
}

impl LocalRun<'_> {
    /// Goes on until all workers have ended. Returns whether some had not, and were given up.
    async fn run(
        &mut self,
        mut windows: mpsc::Receiver<Window>,
        asked: &mut Asked,
        view: &mut dyn View,
    ) -> bool {
        let shared = self.shared;
        let mut ticks = tokio::time::interval(WINDOW);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut is_to_begin = true;
        loop {
            let last_words_until = self.control.last_words_until();
            tokio::select! {
                biased;
                Some(call) = asked.commands.recv() => {
                    call.answer(&mut self.control, self.shared.now());
                }
                Some(request) = asked.end_requests.recv() => {
                    self.control.handle_end_request(self.shared.now(), request);
                }
                window = windows.recv() => match window {
                    Some(window) => self.merge(window),
                    // All workers have ended.
                    None => return false,
                },
                _ = ticks.tick() => {
                    self.look_at_machine();
                    self.handle_time(view);
                }
                // What a run takes counts from its beginning, however short it is.
                () = until(Some(shared.began)), if is_to_begin => {
                    is_to_begin = false;
                    self.look_at_machine();
                }
                // A short run does not wait for the end of a window. Where there is a rate, it goes
                // on until its last slot is over, which may be after the iteration.
                () = shared.iterations.may_be_over(), if matches!(shared.pace, Pace::Nothing) => {
                    if shared.iterations.are_over() && !self.control.is_ending() {
                        self.handle_time(view);
                    }
                }
                () = until(last_words_until.map(|until| self.shared.at(until))) => return true,
            }
            self.do_effects();
        }
    }

    /// To be called when the run begins, and once a window: what the machine did in less is noise.
    fn look_at_machine(&mut self) {
        let has_begun = Instant::now() >= self.shared.began;
        if has_begun && self.control.is_measuring(self.shared.now()) {
            self.machine.look();
        }
    }

    fn handle_time(&mut self, view: &mut dyn View) {
        let iterations = &self.shared.iterations;
        let here = LocalFacts {
            users: self.shared.users.alive(),
            iterations: iterations.are_over().then(|| IterationsOver {
                last_end: iterations.last_end().map(|at| self.shared.on_clock(at)),
                slots: self.shared.slots(),
            }),
        };
        self.control.handle_time(self.shared.now(), here);
        // Workers are told a moment ahead, so they come first; a view can wait.
        self.do_effects();
        show(&mut self.control, view);
    }

    fn merge(&mut self, window: Window) {
        self.written[window.at.worker] = window.written;
        let flowed = window.flowed(self.shared.pace, 1);
        self.control.handle_window(&window.counted, &flowed);
        window.give_back(&self.spares);
    }

    fn do_effects(&mut self) {
        while let Some(effect) = self.control.poll_effect() {
            match effect {
                Effect::Publish(set_point) => {
                    self.set_points.send_replace(Some(set_point.into()));
                }
                Effect::End(EndOrder::Planned | EndOrder::Finished) => {
                    self.orders.send_replace(Order::End(RunOver::Finished));
                }
                Effect::End(EndOrder::Stopped) => {
                    self.orders.send_replace(Order::End(RunOver::Stopped));
                }
                Effect::Cut => {
                    self.orders.send_replace(Order::Cut);
                }
                Effect::CloseIterations => self.shared.iterations.close(),
                // There is no other machine.
                Effect::Distrust(_) => {}
                Effect::Say(notice) => say(&notice),
            }
        }
    }

    /// Takes the last results of the workers, and the facts of this machine. From workers that were
    /// given up there are only the windows that they sent.
    async fn take_last(
        &mut self,
        results: Results,
        gave_up: bool,
        view: &mut dyn View,
    ) -> anyhow::Result<()> {
        let (machine, mut counted) = (self.machine.record(), Snapshot::default());
        let mut silent = 0;
        for (worker, mut result) in results.into_iter().enumerate() {
            // Workers that were not given up have ended by now, and have sent their results.
            let told = if gave_up {
                result.try_recv().ok()
            } else {
                Some(result.await.map_err(|_| anyhow!("a worker broke down"))?)
            };
            let Some(told) = told else {
                silent += 1;
                continue;
            };
            let WorkerResult { window, written } = told?;
            counted.merge(&window);
            self.written[worker] = written;
        }
        if silent > 0 {
            view.warn(&format!(
                "{silent} threads were still busy and did not answer: what they counted last is \
                missing"
            ));
        }
        let counts = NodeCounts {
            counted,
            users: self.shared.users.alive(),
            users_at_once: self.shared.users.most_at_once(),
            requests_written: self.written.iter().sum(),
            last_end: None,
            slots: self.shared.slots(),
            machine,
            acted: self.shared.acted(),
        };
        self.control.handle_counts(ALONE, &counts);
        Ok(())
    }
}

/// Waits for an instant; for ever where there is none.
async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}
