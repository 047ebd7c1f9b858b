//! `host merge`: the result of a run that several hosts shared, from the record that each of them
//! kept of its part, without any coordinator.
//!
//! What comes of it is the run's record, told to outputs as that of a run that goes on: a page, its
//! seconds and the record itself can be had of it.

mod parts;
#[cfg(test)]
mod tests;
mod whole;

use std::path::PathBuf;
use std::rc::Rc;

use anyhow::Context as _;
use clap::Args;
use swell_core::plan::WeightedScenario;
use swell_driver::RunPlan;
use swell_engine::ScenarioInfo;
use swell_outputs::Outputs;
use swell_report::Exit;
use swell_report::record::RecordHeader;

use self::parts::{KeptPart, read_parts};
use self::whole::Whole;
use crate::conclusion::conclude;
use crate::finished::{Done, FinishedRun};
use crate::plan::{client_options, run_plan};
use crate::run_record::{RunRecord, this_machine};
use crate::scenario_choice::ChosenScenario;
use crate::settings::flags::parse_pair;
use crate::settings::keys::names_files;
use crate::settings::layers::Layers;
use crate::stops::Stops;
use crate::terminal;

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// The journals of all hosts of one run: the records that `--journal DIR` keeps.
    #[arg(required = true)]
    journals: Vec<PathBuf>,

    #[arg(
        long = "out",
        value_name = "KIND=FILE",
        value_parser = parse_pair,
        help = Outputs::help()
    )]
    out: Vec<(String, String)>,

    /// Write the record of the whole run to this file, or to a file of its own in this folder.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// No summary beyond errors.
    #[arg(long, short = 'q')]
    quiet: bool,
}

/// Merges journals and reports.
///
/// # Errors
/// One cannot be read, is no journal, or is of another run.
pub(crate) fn merge(args: &MergeArgs) -> anyhow::Result<Exit> {
    let record = args.record.iter().map(|path| ("record", path.display().to_string()));
    let own: Vec<(&str, String)> = record.collect();
    let parts = read_parts(&args.journals)?;
    let outputs = Outputs::open(&args.out, &own, &args.journals, terminal::hand_over)?;
    let (name, done) = merged(parts, &outputs)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    runtime.block_on(async {
        let mut stops = Stops::listen()?;
        Ok(conclude(&[(name, Rc::new(done))], true, &outputs, None, args.quiet, &mut stops).await)
    })
}

/// Tells outputs the record of the run that these are parts of; gives its name, and how it ended.
fn merged(parts: Vec<KeptPart>, outputs: &Outputs) -> anyhow::Result<(String, Done)> {
    let header = RecordHeader { part: None, host: this_machine(), ..parts[0].header.clone() };
    let (run, began_at, plan) = (header.run.clone(), header.began_at, plan(&header)?);
    let mut record = RunRecord::of_past(header, plan.plan.thresholds.clone(), outputs.clone());
    let outcome = Whole::of(parts, &mut record, outputs).outcome(began_at, &plan.plan.stop);
    let finished = FinishedRun::of(&run, &plan, 0, outcome);
    record.over(Some(&finished.report));
    Ok((run.name, Done::Finished(Box::new(finished))))
}

/// The plan as it was, of which the result needs the thresholds, the length and what it accepts.
fn plan(header: &RecordHeader) -> anyhow::Result<RunPlan> {
    // Files and keys are of the host where they were named; a result does not depend on them.
    let is_elsewhere = |key: &str| names_files(key) || key == "aws-sigv4";
    let settings = header.settings.iter().filter(|(key, _)| !is_elsewhere(key)).cloned().collect();
    let settings =
        Layers::of_pairs("the journal's settings".to_owned(), settings)?.settings(None)?;
    let mut scenarios = header.run.scenarios.clone();
    if scenarios.is_empty() {
        scenarios.push(WeightedScenario { name: header.run.scenario.clone(), weight: 1.0 });
    }
    let scenarios: Vec<_> = (0..).zip(scenarios).map(of_past).collect();
    let client = client_options(&settings)?;
    run_plan(&settings, None, &scenarios, header.run.seed, u32::MAX, client)
}

/// A scenario of a run that is over: the hosts that it reached and its hooks are of no interest any
/// more.
fn of_past((index, WeightedScenario { name, weight }): (u32, WeightedScenario)) -> ChosenScenario {
    let info = ScenarioInfo {
        name,
        description: String::new(),
        has_setup: false,
        has_start: false,
        defaults: Vec::new(),
        hosts: Vec::new(),
    };
    ChosenScenario { index, info, weight }
}
