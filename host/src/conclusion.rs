//! The end of a command that did runs: their results are written and shown, and its exit code is
//! said with the reason.

use std::fmt::Display;
use std::rc::Rc;

use crate::exit::Exit;
use crate::finished::{Done, Finished};
use crate::outputs::{Outputs, show};
use crate::report::{ExitReport, ReportOfRuns};
use crate::stops::Stops;
use crate::summary::{Summary, SummaryOfRuns};
use crate::terminal;

/// Writes the results and says how all ended.
pub(crate) async fn conclude(
    done: &[(String, Rc<Done>)],
    is_one_run: bool,
    outputs: &Outputs,
    quiet: bool,
    stops: &mut Stops,
) -> Exit {
    let (mut exit, mut reasons) = (Exit::Passed, Vec::new());
    let mut finished: Vec<(&str, &Finished)> = Vec::new();
    for (name, done) in done {
        let (its_exit, reason) = match &**done {
            Done::Finished(run) => {
                finished.push((name, run));
                (run.exit, &run.reason)
            }
            Done::Failed(exit, reason) => (*exit, reason),
        };
        exit = exit.min(its_exit);
        if its_exit != Exit::Passed {
            reasons.push((name, reason));
        }
    }
    let reason = match &reasons[..] {
        [] => "passed".to_owned(),
        [(_, reason)] if is_one_run && done.len() == 1 => (*reason).clone(),
        several => several
            .iter()
            .map(|(name, reason)| format!("{name}: {reason}"))
            .collect::<Vec<_>>()
            .join("; "),
    };
    let is_one_run = is_one_run && done.len() == 1;
    let written = match &finished[..] {
        [] if is_one_run => Ok(()),
        [(_, run)] if is_one_run => {
            let page = Summary { report: &run.report, is_alone: true };
            deliver(&run.report, &page, outputs, quiet, stops).await
        }
        several => {
            let report =
                ReportOfRuns::of(several, ExitReport { code: exit.code(), reason: reason.clone() });
            deliver(&report, &SummaryOfRuns(&report), outputs, quiet, stops).await
        }
    };
    if exit != Exit::Passed {
        let prefix = if is_one_run && finished.is_empty() { "error: " } else { "" };
        terminal::say(format_args!("{prefix}{reason} (exit code {})", exit.code()));
    }
    if let Err(error) = written {
        terminal::say(format_args!("error: {error:#}"));
        exit = exit.min(Exit::Unwritten);
    }
    exit
}

/// Writes results where they are to go, and shows their summary: also where none is wanted, if it
/// is all that is left of them.
async fn deliver(
    report: &impl serde::Serialize,
    page: &impl Display,
    outputs: &Outputs,
    quiet: bool,
    stops: &mut Stops,
) -> anyhow::Result<()> {
    let written = outputs.write(report, stops).await;
    if !outputs.takes_stdout() && (!quiet || written.is_err()) {
        show(page, stops).await;
    }
    written
}
