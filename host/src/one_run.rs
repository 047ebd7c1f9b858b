//! One run, from its `setup` to its result.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use swell_core::plain::line;
use swell_core::record::Snapshot;
use swell_core::run::{EndCause, EndRequest, Look, RunOutcome};
use swell_driver::{Asked, CommandCall, StoppedBefore, Threads, View};
use swell_outputs::Outputs;
use swell_report::{Exit, RunState, Status};
use tokio::sync::mpsc;

use crate::executor::{Executor, Task};
use crate::finished::{Done, FinishedRun, header};
use crate::handle::Handle;
use crate::hooks::{set_up, tear_down};
use crate::live::{Line, Screen};
use crate::prepare::{EndRequests, Prepared};
use crate::run_record::RunRecord;
use crate::terminal;

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
        let data = match set_up(&prepared, &mut commands, handle).await {
            Ok(data) => data,
            Err(failed) => return failed,
        };
        self.tell_beginning(&prepared);
        let mut view = self.view(&prepared, handle);
        let task = Task {
            threads: &self.threads,
            prepared: &prepared,
            start_data: data.iter().map(|data| data.clone().unwrap_or_default()).collect(),
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
        let was_cut = tear_down(&prepared, data, handle).await;
        let done = done(&prepared, outcome, was_cut);
        view.record.over(match &done {
            Done::Finished(run) => Some(&run.report),
            Done::Failed(..) => None,
        });
        done
    }

    /// Prints which hosts the scenarios' manifests name. Each of them was allowed: otherwise the
    /// run does not begin.
    fn tell_hosts(&self, prepared: &Prepared) {
        let hosts = prepared.scenarios.iter().flat_map(|scenario| &scenario.info.hosts);
        let hosts: BTreeSet<&str> = hosts.map(String::as_str).collect();
        if !self.quiet && !hosts.is_empty() {
            tracing::info!(
                "{}: it reaches hosts of its manifest: {}",
                line(&prepared.name),
                line(&hosts.into_iter().collect::<Vec<_>>().join(", "))
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
