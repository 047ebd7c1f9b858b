//! All runs of this process: begun side by side on the same threads, watched, told what to do, and
//! waited for.
//!
//! The command line begins runs here, a plan of several does, the control API does, and so does a
//! file's `conduct`. Everything is on the control thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use swell_core::plain::line;
use swell_core::record::Snapshot;
use swell_core::units::Rate;
use swell_engine::EndRequest;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use crate::cluster::Cluster;
use crate::control_api::Ended;
use crate::driver::{
    Asked, Command, EndCause, Look, Outcome, Refusal, Reply, StoppedBefore, Threads, View, drive,
};
use crate::exit::Exit;
use crate::journal::Subject;
use crate::judgement;
use crate::live::{Line, Screen};
use crate::machine;
use crate::metrics::{Exporter, RunMetrics};
use crate::plan::RunPlan;
use crate::prepare::{EndRequests, HookFailure, Prepared};
use crate::report::{
    About, ConfidenceReport, ControlReport, ExitReport, HostReport, LimitReport, MachineReport,
    Part, Report, SCHEMA, SearchReport, UsersReport,
};
use crate::status::{Phase, Status};
use crate::stderr;
use crate::terminal;

/// Commands on their way to a run, which reads them at once; who sends more waits.
const COMMANDS_UNDER_WAY: usize = 16;

/// How long a `teardown` may take, or as long as --grace if that is longer: as k6 has it.
const LONGEST_TEARDOWN: Duration = Duration::from_secs(60);

/// The same where the run was cut: whoever has pressed Ctrl-C twice waits for a second at the most.
const TEARDOWN_OF_A_CUT: Duration = Duration::from_millis(500);

/// Runs that one process can have had: each keeps its results until the end.
const MOST_RUNS: usize = 1_000;

/// See the module's documentation.
pub(crate) struct Runs {
    threads: Threads,
    screen: Screen,
    quiet: bool,
    /// Where metrics are served.
    exporter: Option<Rc<Exporter>>,
    /// The hosts that share runs, where there are others.
    cluster: RefCell<Option<Rc<Cluster>>>,
    /// Runs that are over and kept; without it all are.
    kept: Option<usize>,
    list: RefCell<Vec<Rc<Handle>>>,
    /// When the latest one ended.
    ended: Cell<Option<Instant>>,
    /// How often Ctrl-C came.
    interrupts: watch::Sender<u32>,
}

/// Why a run was not begun.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum NotBegun {
    /// Another run has the name.
    #[error("there is a run {0:?} already")]
    Name(String),
    /// Ctrl-C came.
    #[error("all is ending: nothing new begins")]
    Ending,
    /// There were very many.
    #[error("this process has had {MOST_RUNS} runs, and keeps the results of no more")]
    TooMany,
}

/// A run that goes on, or is over.
pub(crate) struct Handle {
    pub(crate) name: String,
    pub(crate) scenario: String,
    pub(crate) model: String,
    commands: mpsc::Sender<Command>,
    /// How often it was told to end as Ctrl-C does.
    interrupts: watch::Sender<u32>,
    status: RefCell<Status>,
    done: watch::Receiver<Option<Rc<Done>>>,
}

/// What a run came to.
pub(crate) enum Done {
    /// It took place.
    Finished(Box<Finished>),
    /// It did not: the exit, and why.
    Failed(Exit, String),
}

/// A run that took place.
pub(crate) struct Finished {
    pub(crate) report: Report,
    pub(crate) exit: Exit,
    pub(crate) reason: String,
    pub(crate) snapshot: Snapshot,
    /// When its measured part began and ended, on the wall clock.
    pub(crate) measured: (SystemTime, SystemTime),
}

impl Runs {
    /// No run yet. Of those that are over the latest so many are `kept`, or all.
    ///
    /// # Errors
    /// The machine does not give threads.
    pub(crate) fn new(
        quiet: bool,
        exporter: Option<Rc<Exporter>>,
        kept: Option<usize>,
    ) -> anyhow::Result<Rc<Self>> {
        let threads = Threads::start(machine::allowed_cores())?;
        Ok(Rc::new(Self {
            threads,
            screen: Screen::new(quiet),
            quiet,
            exporter,
            cluster: RefCell::default(),
            kept,
            list: RefCell::default(),
            ended: Cell::default(),
            interrupts: watch::Sender::new(0),
        }))
    }

    /// Has the hosts of a cluster share all runs that begin from now on.
    pub(crate) fn share(&self, cluster: Rc<Cluster>) {
        self.cluster.replace(Some(cluster));
    }

    /// A name like this one that no run has.
    pub(crate) fn free_name(&self, like: &str) -> String {
        let numbered = (2..).map(|number| format!("{like}-{number}"));
        std::iter::once(like.to_owned())
            .chain(numbered)
            .find(|name| self.named(name).is_none())
            .unwrap_or_default()
    }

    /// Begins a run.
    ///
    /// # Errors
    /// There is one of its name, or no run may begin any more.
    pub(crate) fn begin(
        self: &Rc<Self>,
        (prepared, end_requests): (Prepared, EndRequests),
    ) -> Result<Rc<Handle>, NotBegun> {
        if *self.interrupts.borrow() > 0 {
            return Err(NotBegun::Ending);
        }
        if self.named(&prepared.name).is_some() {
            return Err(NotBegun::Name(prepared.name));
        }
        self.forget();
        if self.list.borrow().len() >= MOST_RUNS {
            return Err(NotBegun::TooMany);
        }
        let (commands, asked) = mpsc::channel(COMMANDS_UNDER_WAY);
        let (finished, done) = watch::channel(None);
        let handle = Rc::new(Handle {
            name: prepared.name.clone(),
            scenario: prepared.scenario.name.clone(),
            model: prepared.plan.model(),
            commands,
            interrupts: watch::Sender::new(0),
            status: RefCell::default(),
            done,
        });
        self.list.borrow_mut().push(Rc::clone(&handle));
        let (this, of_task) = (Rc::clone(self), Rc::clone(&handle));
        tokio::task::spawn_local(async move {
            let mut done = this.live(prepared, &of_task, asked, end_requests).await;
            if let (Some(_), Done::Finished(run)) = (this.kept, &mut done) {
                // Code that judges runs by it does not run here, and it is large.
                run.snapshot = Snapshot::default();
            }
            this.ended.set(Some(Instant::now()));
            of_task.status.borrow_mut().phase = Phase::Over;
            finished.send_replace(Some(Rc::new(done)));
        });
        Ok(handle)
    }

    /// Lets go of the oldest results beyond those that are kept.
    fn forget(&self) {
        let Some(kept) = self.kept else { return };
        let mut list = self.list.borrow_mut();
        let over = list.iter().filter(|run| run.done.borrow().is_some()).count();
        let mut surplus = over.saturating_sub(kept);
        list.retain(|run| {
            let goes = surplus > 0 && run.done.borrow().is_some();
            surplus -= usize::from(goes);
            !goes
        });
    }

    /// How long ago a run ended, if one has.
    pub(crate) fn since_last_end(&self) -> Option<Duration> {
        self.ended.get().map(|ended| ended.elapsed())
    }

    /// The run of this name.
    pub(crate) fn named(&self, name: &str) -> Option<Rc<Handle>> {
        self.list.borrow().iter().find(|run| run.name == name).cloned()
    }

    /// All runs, in the order in which they began.
    pub(crate) fn all(&self) -> Vec<Rc<Handle>> {
        self.list.borrow().clone()
    }

    /// Waits until no run goes on, those that began meanwhile included.
    pub(crate) async fn all_done(&self) {
        loop {
            let next = self.list.borrow().iter().find(|run| run.done.borrow().is_none()).cloned();
            let Some(run) = next else { return };
            run.done().await;
        }
    }

    /// Ctrl-C: nothing new begins, and each run ends; a second time, what is under way is cut.
    pub(crate) fn interrupt(&self) {
        self.interrupts.send_modify(|count| *count += 1);
        self.all().iter().for_each(|run| run.interrupt());
    }

    /// How often Ctrl-C came.
    pub(crate) fn interrupts(&self) -> watch::Receiver<u32> {
        self.interrupts.subscribe()
    }

    /// Waits for Ctrl-C.
    pub(crate) async fn interrupted(&self) {
        // The sender lives as long as `self`.
        let _ = self.interrupts().wait_for(|count| *count > 0).await;
    }

    /// Waits for Ctrl-C for the second time.
    pub(crate) async fn interrupted_again(&self) {
        let _ = self.interrupts().wait_for(|count| *count > 1).await;
    }

    /// A run from `setup` to its report.
    async fn live(
        &self,
        prepared: Prepared,
        handle: &Handle,
        mut commands: mpsc::Receiver<Command>,
        end_requests: EndRequests,
    ) -> Done {
        let scenario = prepared.scenario.name.clone();
        if !self.quiet && !prepared.scenario.hosts.is_empty() {
            // Each was given: a run does not begin otherwise.
            tracing::info!(
                "{}: it reaches hosts of its manifest: {}",
                line(&prepared.name),
                line(&prepared.scenario.hosts.join(", "))
            );
        }
        let given_up = async {
            loop {
                match commands.recv().await {
                    Some(Command::Interrupt | Command::Stop | Command::Finish) | None => break,
                    Some(Command::SetGoal(_, reply) | Command::Pause(_, reply)) => {
                        drop(reply.send(Err(Refusal::Preparing)))
                    }
                }
            }
        };
        let data = tokio::select! {
            data = prepared.set_up() => match data {
                Ok(data) => data,
                Err(failure) => {
                    // What was not given is a mistake of the command, wherever it comes out.
                    let exit = if prepared.run.lacks().is_some() { Exit::Usage } else { Exit::Trapped };
                    return Done::Failed(exit, format!("`setup` of scenario {scenario:?} {failure}; \
                    nothing was measured"));
                }
            },
            () = given_up => return Done::Failed(Exit::Signal, "stopped before anything was sent".to_owned()),
        };
        if !self.quiet {
            // Where runs come and go, Ctrl-C is for all of it.
            let hint = if self.kept.is_none() { "; Ctrl-C ends it" } else { "" };
            tracing::info!(
                "{}: {}, {}{hint}",
                line(&prepared.name),
                line(&prepared.plan.model()),
                prepared.plan.length()
            );
        }
        let Prepared { plan, program, run, .. } = &prepared;
        let lasts = plan
            .plan
            .stop
            .measured
            .filter(|_| !plan.plan.warm_up_ends_when_steady)
            .map(|measured| plan.plan.warm_up + measured);
        let metrics = self
            .exporter
            .as_ref()
            .map(|exporter| RunMetrics::new(exporter, &prepared.name, &scenario));
        let mut view = RunView {
            line: self.screen.line(&prepared.name, lasts),
            metrics,
            status: &handle.status,
        };
        let asked = Asked { commands, end_requests };
        let start_data = data.clone().unwrap_or_default();
        let cluster = self.cluster.borrow().clone();
        let outcome = match cluster {
            None => {
                drive(&self.threads, plan, program, Arc::clone(run), start_data, asked, &mut view)
                    .await
            }
            Some(cluster) => {
                cluster.drive(&self.threads, &prepared, start_data, asked, &mut view).await
            }
        };
        view.line.finish();
        handle.status.borrow_mut().phase = Phase::Draining;
        let mut was_cut = false;
        if let Some(data) = data
            && let Err(amiss) = tear_down(&prepared, data, &handle.interrupts).await
        {
            was_cut = matches!(amiss, NotTornDown::Cut);
            terminal::say(format_args!("warning: `teardown` of scenario {scenario:?} {amiss}"));
        }
        match outcome {
            Ok(Outcome {
                cause: EndCause::Scenario(EndRequest::Lacks(what)),
                requests_written: 0,
                ..
            }) => Done::Failed(Exit::Usage, what),
            Ok(outcome) => {
                let mut finished =
                    Finished::of(&prepared.subject(), plan, run.lines_left_out(), outcome);
                if was_cut {
                    finished.was_cut_in_teardown();
                }
                Done::Finished(Box::new(finished))
            }
            Err(error) if error.is::<StoppedBefore>() => {
                Done::Failed(Exit::Signal, error.to_string())
            }
            Err(error) => Done::Failed(Exit::Usage, format!("{error:#}")),
        }
    }
}

/// Why a `teardown` did not clean up, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum NotTornDown {
    #[error(transparent)]
    Failed(#[from] HookFailure),
    #[error("was cut by Ctrl-C: what it was to clean up may be left")]
    Cut,
    #[error("went on for {} s and was given up: what it was to clean up may be left (a longer \
    --grace is for it as well)", .0.as_secs())]
    TooLong(Duration),
}

/// Has `teardown` clean up, for as long as it may take. A first Ctrl-C has its waits end early, a
/// second one cuts it; a run that was cut leaves it a moment.
async fn tear_down(
    prepared: &Prepared,
    data: Vec<u8>,
    interrupts: &watch::Sender<u32>,
) -> Result<(), NotTornDown> {
    let before = *interrupts.borrow();
    let limit = LONGEST_TEARDOWN.max(prepared.plan.plan.grace);
    let (mut asked, mut again) = (interrupts.subscribe(), interrupts.subscribe());
    let asked_to_end = async move {
        // A run that is gone asks for nothing.
        let _ = asked.wait_for(|count| *count > before).await;
    };
    let cut = async {
        let was_cut = before > 1;
        tokio::select! {
            () = tokio::time::sleep(TEARDOWN_OF_A_CUT), if was_cut => {}
            _ = again.wait_for(|count| *count > before.max(1)) => {}
        }
    };
    tokio::select! {
        ended = prepared.tear_down(data, asked_to_end) => Ok(ended?),
        () = cut => Err(NotTornDown::Cut),
        () = tokio::time::sleep(limit) => Err(NotTornDown::TooLong(limit)),
    }
}

impl Handle {
    /// Where it is.
    pub(crate) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&self) -> Option<Ended> {
        self.done.borrow().as_deref().map(|done| match done {
            Done::Finished(run) => {
                Ended { code: run.exit.code(), reason: run.reason.clone(), took_place: true }
            }
            Done::Failed(exit, reason) => {
                Ended { code: exit.code(), reason: reason.clone(), took_place: false }
            }
        })
    }

    /// What it came to, once it is over.
    pub(crate) async fn done(&self) -> Rc<Done> {
        let mut done = self.done.clone();
        let done = done
            .wait_for(Option::is_some)
            .await
            .expect("a run's task tells what it came to before it ends");
        Rc::clone(done.as_ref().expect("it was waited for"))
    }

    /// Tells it to end as if it had come to its end.
    pub(crate) fn finish(&self) {
        self.tell(Command::Finish);
    }

    /// Tells it to end, as the control API does.
    pub(crate) fn stop(&self) {
        self.tell(Command::Stop);
    }

    /// Tells it to end as Ctrl-C does; a second time, what is under way is cut.
    pub(crate) fn interrupt(&self) {
        self.interrupts.send_modify(|count| *count += 1);
        self.tell(Command::Interrupt);
    }

    /// Gives it another goal, in starts a second.
    ///
    /// # Errors
    /// It cannot have one, or not any more.
    pub(crate) async fn set_goal(&self, goal: Rate) -> Result<(), Refusal> {
        self.ask(|reply| Command::SetGoal(goal.per_second(), reply)).await
    }

    /// Has nothing new begin, or has it begin again.
    ///
    /// # Errors
    /// As [`Handle::set_goal`].
    pub(crate) async fn pause(&self, paused: bool) -> Result<(), Refusal> {
        self.ask(|reply| Command::Pause(paused, reply)).await
    }

    fn tell(&self, command: Command) {
        let commands = self.commands.clone();
        tokio::task::spawn_local(async move {
            // A run that is over needs no command.
            let _ = commands.send(command).await;
        });
    }

    /// Whoever looks after the answer sees what was asked for, although the run itself is looked at
    /// once a second.
    async fn ask(&self, command: impl FnOnce(Reply) -> Command) -> Result<(), Refusal> {
        let (reply, replied) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| Refusal::Ending)?;
        let standing = replied.await.unwrap_or(Err(Refusal::Ending))?;
        self.status.borrow_mut().stands(standing);
        Ok(())
    }
}

/// Who watches a run: the screen, the metrics, and those who ask for its status.
struct RunView<'a> {
    line: Line,
    metrics: Option<RunMetrics>,
    status: &'a RefCell<Status>,
}

impl View for RunView<'_> {
    fn count(&mut self, counted: &Snapshot) {
        if let Some(metrics) = &mut self.metrics {
            metrics.count(counted);
        }
    }

    fn look(&mut self, look: &Look<'_>) {
        let status = Status::of(look);
        self.line.show(&status);
        if let Some(metrics) = &mut self.metrics {
            metrics.show(&status);
        }
        self.status.replace(status);
    }
}

impl Finished {
    /// What an outcome means; of the scenario's log `lines_left_out` were not written.
    pub(crate) fn of(
        subject: &Subject,
        plan: &RunPlan,
        lines_left_out: u64,
        outcome: Outcome,
    ) -> Self {
        let verdict = judgement::verdict(plan, &outcome);
        let mut report = report(subject, plan, lines_left_out, &outcome);
        let (exit, reason) = judgement::exit(plan, &outcome, &verdict, &report.thresholds);
        report.exit = ExitReport { code: exit.code(), reason: reason.clone() };
        let from = outcome.began_at + outcome.warm_up;
        Self {
            report,
            exit,
            reason,
            snapshot: outcome.snapshot,
            measured: (from, from + outcome.measured),
        }
    }

    /// A signal ended its `teardown`, and with it the command.
    fn was_cut_in_teardown(&mut self) {
        let others = Some(std::mem::take(&mut self.reason)).filter(|_| self.exit != Exit::Passed);
        // One that a signal ended before has said so.
        if self.exit != Exit::Signal {
            self.exit = self.exit.min(Exit::Signal);
            self.reason = std::iter::once("stopped by a signal in its `teardown`".to_owned())
                .chain(others)
                .collect::<Vec<_>>()
                .join("; ");
        } else {
            self.reason = others.unwrap_or_default();
        }
        self.report.exit = ExitReport { code: self.exit.code(), reason: self.reason.clone() };
    }
}

fn report(subject: &Subject, plan: &RunPlan, lines_left_out: u64, outcome: &Outcome) -> Report {
    let (measured, warm_up) = (outcome.measured.as_secs_f64(), outcome.warm_up.as_secs_f64());
    Report {
        schema: SCHEMA,
        run: About {
            id: subject.run.clone(),
            version: env!("CARGO_PKG_VERSION"),
            seed: subject.seed,
            scenario: subject.scenario.clone(),
            file: subject.file.clone(),
            file_hash: subject.file_hash.clone(),
            target: plan.client.target.clone(),
            model: plan.model(),
            asked_per_second: plan.asked_per_second(),
            began_at: outcome.began_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            warm_up_seconds: warm_up,
            warm_up_steady: outcome.is_steady,
            grace_seconds: plan.plan.grace.as_secs_f64(),
            timeout_seconds: plan.client.timeouts.response.as_secs_f64(),
            measured_seconds: measured,
        },
        verdict: judgement::verdict_report(&judgement::verdict(plan, outcome)),
        exit: ExitReport { code: 0, reason: String::new() },
        measured: Part::of(&outcome.snapshot.measured, measured),
        confidence: ConfidenceReport::of(
            &outcome.batches,
            &outcome.snapshot.measured.total.response,
        ),
        warm_up: Part::of(&outcome.snapshot.warm_up, warm_up),
        requests_written: outcome.requests_written,
        users: UsersReport::of(&outcome.snapshot, outcome.users_at_once, lines_left_out),
        thresholds: judgement::thresholds(plan, outcome),
        control: outcome
            .control
            .as_ref()
            .filter(|control| control.found.is_none())
            .map(ControlReport::of),
        limits: outcome.limits.iter().map(LimitReport::of).collect(),
        hosts: outcome.hosts.iter().map(HostReport::of).collect(),
        search: outcome
            .control
            .as_ref()
            .and_then(|control| control.found.as_ref())
            .map(|found| SearchReport::of(found, plan)),
        machine: MachineReport {
            cores: machine::allowed_cores(),
            cpu_seconds: outcome.cpu.seconds,
            busy_windows: outcome.cpu.windows.saturated,
            windows: outcome.cpu.windows.windows,
            resident_mib: machine::most_resident_bytes()
                .map(|bytes| bytes as f64 / (1 << 20) as f64),
            stolen: outcome.cpu.stolen,
            stderr_lines_left_out: stderr::lines_left_out(),
        },
    }
}
