//! The end of a command that did runs: it writes and shows their results, and prints the exit code
//! with its reason.

use std::rc::Rc;
use swell_core::record::Figures;
use swell_outputs::Outputs;
use swell_report::{Exit, ExitReport, OneOfRuns, ReportOfRuns, Written};

use crate::delivery::deliver;
use crate::finished::{Done, FinishedRun};
use crate::own_summary::OwnSummary;
use crate::stops::Stops;
use crate::terminal;

/// Writes the results and prints how all runs ended. `own` is a summary of the file's own.
pub(crate) async fn conclude(
    done: &[(String, Rc<Done>)],
    is_one_run: bool,
    outputs: &Outputs,
    own: Option<&OwnSummary>,
    quiet: bool,
    stops: &mut Stops,
) -> Exit {
    let (mut exit, mut reasons) = (Exit::Passed, Vec::new());
    let mut finished: Vec<(&str, &FinishedRun)> = Vec::new();
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
    let mut counted = Figures::default();
    if own.is_some() {
        finished.iter().for_each(|(_, run)| counted.merge(&run.snapshot.measured));
    }
    let own = own.map(|own| (own, &counted));
    let written = match &finished[..] {
        [] if is_one_run => Ok(()),
        [(_, run)] if is_one_run => {
            deliver(Written::Run(Box::new(run.report.clone())), outputs, quiet, stops, own).await
        }
        several => {
            let several: Vec<OneOfRuns<'_>> = several
                .iter()
                .map(|(name, run)| OneOfRuns {
                    name,
                    report: &run.report,
                    counted: &run.snapshot.measured,
                    measured: run.measured,
                })
                .collect();
            let exit = ExitReport { code: exit, reason: reason.clone() };
            let report = Box::new(ReportOfRuns::of(&several, exit));
            deliver(Written::Runs(report), outputs, quiet, stops, own).await
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
    if !quiet {
        outputs.last_words().iter().for_each(terminal::say);
    }
    exit
}
