//! `host merge`: the result of a run that several hosts shared, from their journals, without any
//! coordinator.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use swell_core::RunInstant;
use swell_core::plain::line;
use swell_core::record::{Batches, Snapshot};
use swell_core::run::{
    EndCause, MachineRecord, NodeFate, NodeResult, NodeTotals, RunOutcome, UnknownStarts,
};
use swell_driver::RunPlan;
use swell_driver::journal::{JournalHeader, Reading};
use swell_engine::ScenarioInfo;
use swell_outputs::Outputs;
use swell_protocol::message::NodeId;
use swell_report::Exit;

use crate::conclusion::conclude;
use crate::finished::{Done, FinishedRun};
use crate::plan::run_plan;
use crate::settings::flags::parse_pair;
use crate::settings::keys::names_files;
use crate::settings::layers::Layers;
use crate::stops::Stops;
use crate::terminal;

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// The journals of all hosts of one run.
    #[arg(required = true)]
    journals: Vec<PathBuf>,

    /// Write the results, as `json=FILE`; repeatable. `json=-` writes them to stdout in place of
    /// the summary.
    #[arg(long = "out", value_name = "KIND=FILE", value_parser = parse_pair)]
    out: Vec<(String, String)>,

    /// No summary beyond errors.
    #[arg(long, short = 'q')]
    quiet: bool,
}

/// What journals come to.
struct Merged {
    total: Snapshot,
    machine: MachineRecord,
    requests_written: u64,
    users_at_once: u64,
    measured_from: RunInstant,
    /// Until when any of the hosts might begin something.
    covered_until: RunInstant,
    is_leaderless: bool,
    hosts: BTreeMap<NodeId, NodeResult>,
}

/// Merges journals and reports.
///
/// # Errors
/// One cannot be read, is no journal, or is of another run.
pub(crate) fn merge(args: &MergeArgs) -> anyhow::Result<Exit> {
    let outputs = Outputs::of_results(&args.out, &args.journals, terminal::hand_over)?;
    let mut merged = Merged {
        total: Snapshot::default(),
        machine: MachineRecord::default(),
        requests_written: 0,
        users_at_once: 0,
        measured_from: RunInstant::START,
        covered_until: RunInstant::START,
        is_leaderless: false,
        hosts: BTreeMap::new(),
    };
    let mut first: Option<JournalHeader> = None;
    let mut expected = BTreeSet::new();
    for path in &args.journals {
        let mut reading = Reading::open(path)?;
        let header = reading.header.clone();
        if let Some(first) = first.as_ref().filter(|first| first.subject != header.subject) {
            bail!(
                "{} is of run {}, and the journals before it of {}",
                path.display(),
                line(&header.subject.run),
                line(&first.subject.run)
            );
        }
        if merged.hosts.contains_key(&header.host) {
            bail!("{}: the journal of host {} was given twice", path.display(), header.host);
        }
        expected.extend(header.hosts.iter().copied());
        merged.add(&mut reading)?;
        first.get_or_insert(header);
    }
    let header = first.context("there is no journal")?;
    let absent =
        expected.into_iter().filter(|host| !merged.hosts.contains_key(host)).collect::<Vec<_>>();
    merged.hosts.extend(absent.into_iter().map(|host| {
        (host, result(host, format!("{host} (no journal)"), NodeTotals::default(), false))
    }));
    let subject = &header.subject;
    let plan = plan(&header)?;
    let outcome = merged.outcome(&header, plan.plan.stop.measured);
    let done = Done::Finished(Box::new(FinishedRun::of(subject, &plan, 0, outcome)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    runtime.block_on(async {
        let mut stops = Stops::listen()?;
        Ok(conclude(
            &[(subject.name.clone(), Rc::new(done))],
            true,
            &outputs,
            args.quiet,
            &mut stops,
        )
        .await)
    })
}

fn result(id: NodeId, name: String, totals: NodeTotals, is_complete: bool) -> NodeResult {
    let unknown = UnknownStarts { least: 0, most: is_complete.then_some(0) };
    NodeResult {
        fate: NodeFate {
            id,
            name,
            share: 0.0,
            times_lost: 0,
            unknown,
            is_complete,
            has_left: false,
        },
        totals,
    }
}

/// The plan as it was, of which the result needs the model, the length and the thresholds.
fn plan(header: &JournalHeader) -> anyhow::Result<RunPlan> {
    let subject = &header.subject;
    // Files are of the host where they were named; a result does not depend on them.
    let settings = subject.settings.iter().filter(|(key, _)| !names_files(key)).cloned().collect();
    let settings =
        Layers::of_pairs("the journal's settings".to_owned(), settings)?.settings(None)?;
    // The hosts that it reaches, its users and its hooks are of no interest any more.
    let scenario = ScenarioInfo {
        name: subject.scenario.clone(),
        description: String::new(),
        has_setup: false,
        has_start: false,
        defaults: Vec::new(),
        hosts: Vec::new(),
    };
    run_plan(&settings, None, &scenario, subject.seed, u32::MAX)
}

impl Merged {
    fn add(&mut self, reading: &mut Reading) -> anyhow::Result<()> {
        let (id, name) = (reading.header.host, line(&reading.header.host_name).to_string());
        let (mut totals, mut is_complete) = (NodeTotals::default(), false);
        while let Some(entry) = reading.entry()? {
            self.total.merge(&entry.counts.counted);
            totals.add(&entry.counts);
            self.measured_from = self.measured_from.max(entry.measured_from);
            self.covered_until = self.covered_until.max(entry.covered_until);
            self.is_leaderless |= entry.is_leaderless;
            is_complete = entry.is_last;
        }
        self.machine.merge(&totals.machine);
        self.requests_written = self.requests_written.saturating_add(totals.requests_written);
        self.users_at_once = self.users_at_once.saturating_add(totals.users_at_once);
        self.hosts.insert(id, result(id, name, totals, is_complete));
        Ok(())
    }

    /// `measured` is how long the measured part was to be.
    fn outcome(self, header: &JournalHeader, measured: Option<Duration>) -> RunOutcome {
        let covered = self.covered_until.since(self.measured_from);
        let lasted = covered.min(measured.unwrap_or(Duration::MAX));
        // One that was lost after the end has taken nothing with it.
        let is_cut = self.is_leaderless && measured.is_none_or(|measured| covered < measured);
        RunOutcome {
            cause: if is_cut { EndCause::Leaderless } else { EndCause::Finished },
            snapshot: self.total,
            measured: lasted,
            warm_up: self.measured_from.since(RunInstant::START),
            is_steady: None,
            requests_written: self.requests_written,
            users_at_once: self.users_at_once,
            began_at: Duration::try_from_secs_f64(header.began_at).unwrap_or_default(),
            machine: self.machine,
            control: None,
            limits: Vec::new(),
            batches: Batches::default(),
            nodes: self.hosts.into_values().collect(),
        }
    }
}
