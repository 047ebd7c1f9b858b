//! One run, from its `setup` to its result.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use swell_core::plain::line;
use swell_core::record::Snapshot;
use swell_core::run::{EndCause, EndRequest, Look, RunOutcome};
use swell_driver::{Asked, CommandCall, StoppedBefore, Threads, View};
use swell_outputs::Outputs;
use swell_report::{Exit, RunState, Status};
use thiserror::Error;
use tokio::sync::mpsc;

use crate::executor::{Executor, Task};
use crate::finished::{Done, FinishedRun, header};
use crate::handle::Handle;
use crate::live::{Line, Screen};
use crate::outside::HookFailure;
use crate::prepare::{EndRequests, Prepared};
use crate::run_record::RunRecord;
use crate::terminal;

/// How long a `teardown` may take, or as long as `--grace` if that is longer: as in k6.
const MAX_TEARDOWN: Duration = Duration::from_secs(60);

/// The same where the run was cut off: somebody who has pressed Ctrl-C twice waits for a second at
/// the most.
const TEARDOWN_OF_A_CUT: Duration = Duration::from_millis(500);

/// What a run needs from its process.
pub(crate) struct Surroundings {
    pub(crate) threads: Threads,
    pub(crate) screen: Screen,
    pub(crate) quiet: bool,
    /// The outputs.
    pub(crate) outputs: Outputs,
    /// Whether Ctrl-C is for this run alone; where runs come and go it is for all of them.
    pub(crate) ctrl_c_ends_it: bool,
}

impl Surroundings {
    /// Does a run.
    pub(crate) async fn live(
        &self,
        prepared: Prepared,
        handle: &Handle,
        mut commands: mpsc::Receiver<CommandCall>,
        end_requests: EndRequests,
        executor: &RefCell<Rc<dyn Executor>>,
    ) -> Done {
        self.tell_hosts(&prepared);
        let data = match set_up(&prepared, &mut commands).await {
            Ok(data) => data,
            Err(failed) => return failed,
        };
        self.tell_beginning(&prepared);
        let mut view = self.view(&prepared, handle);
        let task = Task {
            threads: &self.threads,
            prepared: &prepared,
            start_data: data.clone().unwrap_or_default(),
            asked: Asked { commands, end_requests },
            view: &mut view,
        };
        // The executor may have become known during the run's `setup`.
        let executor = Rc::clone(&*executor.borrow());
        let outcome = executor.execute(task).await;
        view.line.finish();
        handle.enter(RunState::Draining);
        // A `teardown` may take its time, and all has been counted.
        if let Ok(outcome) = outcome.as_ref()
            && took_place(outcome)
        {
            view.record.rest(outcome, handle.status(), handle.take_requests());
        }
        let mut was_cut = false;
        if let Some(data) = data
            && let Err(amiss) = tear_down(&prepared, data, handle).await
        {
            was_cut = matches!(amiss, NotTornDown::Cut);
            let scenario = &prepared.scenario.name;
            terminal::say(format_args!("warning: `teardown` of scenario {scenario:?} {amiss}"));
        }
        let done = done(&prepared, outcome, was_cut);
        view.record.over(match &done {
            Done::Finished(run) => Some(&run.report),
            Done::Failed(..) => None,
        });
        done
    }

    /// Prints which hosts the scenario's manifest names. Each of them was allowed: otherwise the
    /// run does not begin.
    fn tell_hosts(&self, prepared: &Prepared) {
        if !self.quiet && !prepared.scenario.hosts.is_empty() {
            tracing::info!(
                "{}: it reaches hosts of its manifest: {}",
                line(&prepared.name),
                line(&prepared.scenario.hosts.join(", "))
            );
        }
    }

    /// Prints what begins now, and how long it lasts.
    fn tell_beginning(&self, prepared: &Prepared) {
        if !self.quiet {
            let hint = if self.ctrl_c_ends_it { "; Ctrl-C ends it" } else { "" };
            tracing::info!(
                "{}: {}, {}{hint}",
                line(&prepared.name),
                line(&prepared.plan.model()),
                prepared.plan.length()
            );
        }
    }

    fn view<'a>(&self, prepared: &Prepared, handle: &'a Handle) -> RunView<'a> {
        RunView {
            line: self.screen.line(&prepared.name),
            record: RunRecord::new(prepared, self.outputs.clone()),
            handle,
        }
    }
}

/// Calls `setup` and returns its bytes; or the end of the run, if it does not begin.
async fn set_up(
    prepared: &Prepared,
    commands: &mut mpsc::Receiver<CommandCall>,
) -> Result<Option<Vec<u8>>, Done> {
    let given_up = async {
        while let Some(call) = commands.recv().await {
            if call.gives_up() {
                break;
            }
        }
    };
    tokio::select! {
        data = prepared.set_up() => data.map_err(|failure| {
            // If something was not given, that is a mistake of the command, wherever it shows.
            let lacks = prepared.run.lacks().is_some();
            let exit = if lacks { Exit::Usage } else { Exit::Trapped };
            let scenario = &prepared.scenario.name;
            Done::Failed(
                exit,
                format!("`setup` of scenario {scenario:?} {failure}; nothing was measured"),
            )
        }),
        () = given_up => {
            Err(Done::Failed(Exit::Signal, "stopped before anything was sent".to_owned()))
        }
    }
}

/// Whether there is a result to report.
fn took_place(outcome: &RunOutcome) -> bool {
    let lacks = matches!(outcome.cause, EndCause::Scenario(EndRequest::Lacks(_)));
    outcome.requests_written > 0 || !lacks
}

/// The end of a run with this outcome; `was_cut` says whether Ctrl-C cut its `teardown` off.
fn done(prepared: &Prepared, outcome: anyhow::Result<RunOutcome>, was_cut: bool) -> Done {
    match outcome {
        Ok(RunOutcome {
            cause: EndCause::Scenario(EndRequest::Lacks(what)),
            requests_written: 0,
            ..
        }) => Done::Failed(Exit::Usage, what),
        Ok(outcome) => {
            let left_out = prepared.run.lines_left_out();
            let header = header(&prepared.subject(), &prepared.plan);
            let mut finished = FinishedRun::of(&header, &prepared.plan, left_out, outcome);
            if was_cut {
                finished.was_cut_in_teardown();
            }
            Done::Finished(Box::new(finished))
        }
        Err(error) if error.is::<StoppedBefore>() => Done::Failed(Exit::Signal, error.to_string()),
        Err(error) => Done::Failed(Exit::Usage, format!("{error:#}")),
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

/// Lets `teardown` clean up, for as long as it may take. A first Ctrl-C makes its waits end early,
/// a second one cuts it off; a run that was cut off leaves it a moment.
async fn tear_down(prepared: &Prepared, data: Vec<u8>, handle: &Handle) -> Result<(), NotTornDown> {
    let (mut asked, mut again) = (handle.interrupts(), handle.interrupts());
    let before = *asked.borrow();
    let limit = MAX_TEARDOWN.max(prepared.plan.plan.grace);
    let asked_to_end = async move {
        // A run that is over asks for nothing.
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

/// The views of a run: the screen, the outputs, and those who ask for its status.
struct RunView<'a> {
    line: Line,
    record: RunRecord,
    handle: &'a Handle,
}

impl View for RunView<'_> {
    fn count(&mut self, counted: &Snapshot) {
        self.record.count(counted);
    }

    fn look(&mut self, look: &Look<'_>) {
        let status = Status::of(look);
        self.line.show(&status);
        self.record.look(look, &status, self.handle.take_requests());
        self.handle.show(status);
    }

    fn warn(&mut self, text: &str) {
        terminal::say(format_args!("warning: {text}"));
    }
}
