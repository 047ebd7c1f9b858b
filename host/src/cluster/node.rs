//! `host node`: a host that waits for runs and takes part in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use swell_cluster::Token;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use super::following::{Job, Tidings, follow};
use super::message::Assignment;
use crate::driver::{Participation, Threads, take_part};
use crate::exit::Exit;
use crate::journal::{Place, Subject, check_folder};
use crate::layers::Layers;
use crate::machine;
use crate::prepare::{EndRequests, Loaded, Prepared};

#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// Where the coordinator is, if not where the token says: as 10.0.0.1:7600.
    #[arg(long, value_name = "ADDR")]
    coordinator: Option<String>,

    /// The token that the coordinator printed.
    #[arg(long, value_name = "TOKEN", env = "SWELL_TOKEN", hide_env_values = true)]
    token: Token,

    /// How much this host bears beside others. Default: one for each core.
    #[arg(long, value_name = "N", value_parser = parse_weight)]
    weight: Option<f64>,

    /// Keep what this host counts in a file of its own in this folder; `host merge` makes the result of such files, should the coordinator be lost.
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
}

/// A weight from the command line.
pub(crate) fn parse_weight(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(weight) if (0.0..=1_000.0).contains(&weight) => Ok(weight),
        _ => Err("a number from 0 to 1000 is needed; 0 is for a host that generates no load".to_owned()),
    }
}

/// One for each core.
pub(crate) fn default_weight() -> f64 {
    machine::allowed_cores() as f64
}

/// What this host is called.
pub(super) fn own_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Joins, and takes part in runs until the coordinator has no more, or a signal comes.
///
/// # Errors
/// The coordinator cannot be reached, or does not admit this host; or it is gone.
pub(crate) fn node(args: NodeArgs) -> anyhow::Result<Exit> {
    let token = match args.coordinator {
        Some(address) => args.token.at(vec![address]).context("--coordinator")?,
        None => args.token,
    };
    check_folder(args.journal.as_deref())?;
    let weight = args.weight.unwrap_or_else(default_weight);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the control thread's runtime")?;
    LocalSet::new().block_on(&runtime, async {
        let threads = Threads::start(machine::allowed_cores())?;
        let mut tidings = follow(token, own_name())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let serving = async {
            while let Some(tidings) = tidings.recv().await {
                match tidings {
                    Tidings::Joined(id) => tracing::info!("joined as host {id}; waiting for runs, Ctrl-C ends it"),
                    Tidings::Job(job) => take_job(&threads, *job, weight, args.journal.as_deref()).await,
                    Tidings::Ended(ended) => return ended.map(|()| Exit::Passed),
                }
            }
            bail!("the cluster's thread broke down")
        };
        tokio::select! {
            ended = serving => ended,
            _ = interrupt.recv() => Ok(Exit::Signal),
            _ = terminate.recv() => Ok(Exit::Signal),
        }
    })
}

/// Takes part in a run from its files to its last result.
async fn take_job(threads: &Threads, job: Job, weight: f64, journals: Option<&Path>) {
    let (run, scenario) = (job.assignment.run.clone(), job.assignment.scenario.clone());
    let (assignment, file, settings) = (job.assignment.clone(), job.file.clone(), job.settings.clone());
    // Compiling takes its time, and wants a runtime of its own.
    let ready = tokio::task::spawn_blocking(move || prepare(&assignment, &file, settings)).await;
    let (prepared, end_requests) = match ready.context("preparing broke down").flatten() {
        Ok(ready) => ready,
        Err(error) => {
            tracing::warn!("run {run}: {error:#}");
            // The coordinator is told; if it is gone, nobody needs to be.
            let _ = job.prepared.send(Err(format!("{error:#}")));
            return;
        }
    };
    tracing::info!("run {run}: scenario {scenario:?} is ready, {}", prepared.plan.model());
    let _ = job.prepared.send(Ok(weight));
    let Prepared { plan, program, run: shared, .. } = &prepared;
    // As it is known on the host that leads, so that all journals of a run are alike.
    let subject = Subject { file: job.assignment.path.clone(), settings: job.assignment.settings.clone(), ..prepared.subject() };
    let journal = journals.map(|folder| Place { folder: folder.to_owned(), host_name: own_name(), subject });
    let start_data = job.assignment.start_data;
    let participation = Participation { start_data, line: job.line, end_requests, journal };
    match take_part(threads, plan, program, Arc::clone(shared), participation).await {
        Ok(()) => tracing::info!("run {run}: over, all that was counted has been merged"),
        Err(error) => tracing::warn!("run {run}: {error:#}"),
    }
}

fn prepare(assignment: &Assignment, file: &Path, settings: Vec<(String, Option<String>)>) -> anyhow::Result<(Prepared, EndRequests)> {
    let layers = Layers::of_pairs("the coordinator's settings".to_owned(), settings)?;
    let loaded = Loaded::read(file, &layers)?;
    let (mut prepared, end_requests) = Prepared::of(Some(&assignment.name), &loaded, &layers, Some(&assignment.scenario), None)?;
    prepared.known_as(&assignment.run);
    Ok((prepared, end_requests))
}
