//! Commands about runs that a cluster does: `host run --coordinator`, `host attach`, `host runs`,
//! `host stop`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Deserialize;
use swell_cluster::Token;
use swell_core::plain;
use swell_core::plan::Search;
use swell_core::units::counted;
use swell_engine::ScenarioSource;
use swell_outputs::Outputs;
use swell_report::{Ended, Exit};
use tokio::task::LocalSet;

use super::bundle::{HeldBundle, OfferedFiles};
use super::coordinator_client::{CoordinatorClient, path};
use super::message::Submission;
use super::watch::{RemoteWatch, Watcher};
use crate::control_api::ShownRun;
use crate::delivery::open_outputs;
use crate::prepare::fixed;
use crate::programme::plan_of;
use crate::settings::flags::parse_pair;
use crate::settings::layers::Layers;
use crate::settings::reach::consent;
use crate::stops::Stops;
use crate::terminal;
use crate::tui::ReadyView;

/// Where a cluster is.
#[derive(Debug, Args)]
struct CoordinatorArgs {
    /// Where the coordinator is, if not where the token says: as 10.0.0.1:7600.
    #[arg(long, value_name = "ADDR")]
    coordinator: Option<String>,

    /// The token that the coordinator printed.
    #[arg(long, value_name = "TOKEN", env = "SWELL_TOKEN", hide_env_values = true)]
    token: Token,
}

#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    #[command(flatten)]
    place: CoordinatorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    /// The run's name, as `host runs` shows it; not needed where there is but one.
    name: Option<String>,

    #[command(flatten)]
    place: CoordinatorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AttachArgs {
    /// The run's name, as `host runs` shows it; not needed where there is but one.
    name: Option<String>,

    #[command(flatten)]
    place: CoordinatorArgs,

    #[arg(
        long = "out",
        value_name = "KIND=FILE",
        value_parser = parse_pair,
        help = Outputs::help()
    )]
    out: Vec<(String, String)>,

    /// Show the run on the whole terminal, with charts, tables and keys, in place of the live
    /// line. `?` there tells the keys.
    #[arg(long, conflicts_with = "quiet")]
    tui: bool,

    /// No live line, and no summary beyond errors.
    #[arg(long, short = 'q')]
    quiet: bool,
}

/// The answer to `GET /v1/runs`.
#[derive(Deserialize)]
struct ShownRuns {
    runs: Vec<ShownRun>,
}

/// A run that a cluster is to do.
pub(crate) struct RemoteRun<'a> {
    /// Where the cluster is.
    pub(crate) coordinator: &'a str,
    pub(crate) token: Option<Token>,
    pub(crate) source: ScenarioSource,
    /// The files that were read for it already.
    pub(crate) read: Vec<PathBuf>,
    /// How many hosts are to share it; without it all that are free.
    pub(crate) hosts: Option<usize>,
    pub(crate) search: Option<Search>,
}

/// Lets the cluster of a coordinator do a run, and shows the run to its end.
///
/// # Errors
/// The coordinator cannot be reached; the run is refused, with the reason.
pub(crate) fn run_remotely(wanted: RemoteRun<'_>, layers: &Layers) -> anyhow::Result<Exit> {
    let RemoteRun { coordinator, token, source, read: of_request, hosts, search } = wanted;
    let Some(token) = token else {
        bail!(
            "--coordinator {coordinator}: joining it needs the token that it printed\nhelp: give \
            it with --token, or in the variable SWELL_TOKEN"
        );
    };
    let token = token.at(vec![coordinator.to_owned()]).context("--coordinator")?;
    if let Some(file) = plan_of(&source) {
        bail!(
            "{}: a plan of several runs runs on one host\nhelp: leave --coordinator out, or give a \
            .wasm file",
            file.display()
        );
    }
    let layers = layers.granting(&consent(layers.claims(None)?)?);
    let settings = layers.settings(None)?;
    for (flag, given) in [
        ("control", settings.control.is_some()),
        ("ui", settings.ui.is_some()),
        ("prometheus", settings.prometheus.is_some()),
        ("to", !settings.to.is_empty()),
        ("summary-dir", settings.summary_dir.is_some()),
    ] {
        if given {
            bail!("--{flag} is for whoever does the run\nhelp: give it to `host node`");
        }
    }
    let (source, mut read) = fixed(source, &layers)?;
    read.extend(of_request);
    let outputs = open_outputs(&settings, read)?;
    let view = if settings.tui { ReadyView::new(outputs.takes_stdout()) } else { None };
    let offered = OfferedFiles::default();
    let packed = HeldBundle::new(&offered, &source, layers.pairs(None)?, &BTreeMap::new())?;
    let submission = Submission { bundle: packed.bundle.clone(), hosts, search };
    on_runtime(async move {
        let mut stops = Stops::listen()?;
        let mut client = CoordinatorClient::connect(&token, offered).await?;
        let shown: ShownRun = tokio::select! {
            shown = client.submit(submission) => shown?,
            _ = stops.next() => {
                client.leave().await;
                terminal::say("error: stopped before anything was sent (exit code 105)");
                return Ok(Exit::Signal);
            }
        };
        if !settings.quiet {
            tracing::info!(
                "run {:?}: {}; others see it by `host attach`",
                shown.name,
                plain::line(&shown.model)
            );
        }
        let _held = packed;
        let watch =
            RemoteWatch { who: Watcher::Submitter, outputs: &outputs, quiet: settings.quiet };
        watch.follow(&mut client, &shown.name, view, &mut stops).await
    })
}

/// `host attach`.
///
/// # Errors
/// There is no such run, or the coordinator cannot be reached.
pub(crate) fn attach(args: AttachArgs) -> anyhow::Result<Exit> {
    let outputs = Outputs::open(&args.out, &[], &[], terminal::hand_over)?;
    on_runtime(async move {
        let mut stops = Stops::listen()?;
        let mut client = args.place.connect().await?;
        let name = chosen(&mut client, args.name).await?;
        let view = if args.tui { ReadyView::new(outputs.takes_stdout()) } else { None };
        let watch = RemoteWatch { who: Watcher::Observer, outputs: &outputs, quiet: args.quiet };
        watch.follow(&mut client, &name, view, &mut stops).await
    })
}

/// `host runs`.
///
/// # Errors
/// The coordinator cannot be reached.
pub(crate) fn runs(args: RunsArgs) -> anyhow::Result<Exit> {
    on_runtime(async move {
        let ShownRuns { runs } = args.place.connect().await?.call("GET", "/v1/runs").await?;
        if runs.is_empty() {
            terminal::show("no run yet\n")?;
        }
        for run in runs {
            let status = &run.status;
            let state = match &run.exit {
                Some(Ended { code, reason, .. }) => {
                    format!(
                        "over, {} (exit code {code})",
                        plain::line(reason.lines().next().unwrap_or_default())
                    )
                }
                None => format!(
                    "{} for {:.0} s, {:.0} transactions/s, {} failed, {} on {}",
                    status.phase.name(),
                    status.elapsed_seconds,
                    status.per_second,
                    status.failed,
                    counted(status.users, "user"),
                    counted(status.hosts.len().max(1) as u64, "host")
                ),
            };
            terminal::show(format_args!(
                "{}  {}  {state}\n",
                plain::line(&run.name),
                plain::line(&run.model)
            ))?;
        }
        Ok(Exit::Passed)
    })
}

/// `host stop`.
///
/// # Errors
/// There is no such run, or the coordinator cannot be reached.
pub(crate) fn stop(args: StopArgs) -> anyhow::Result<Exit> {
    on_runtime(async move {
        let mut client = args.place.connect().await?;
        let name = chosen(&mut client, args.name).await?;
        let shown: ShownRun = client.call("POST", &path(&name, "/stop")).await?;
        if let Some(exit) = shown.exit {
            bail!("run {name:?} is over already: {} (exit code {})", exit.reason, exit.code);
        }
        tracing::info!("run {name:?} is ending; what is under way may finish");
        Ok(Exit::Passed)
    })
}

impl CoordinatorArgs {
    async fn connect(self) -> anyhow::Result<CoordinatorClient> {
        let token = match self.coordinator {
            Some(address) => self.token.at(vec![address]).context("--coordinator")?,
            None => self.token,
        };
        CoordinatorClient::connect(&token, OfferedFiles::default()).await
    }
}

fn on_runtime<T>(job: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    LocalSet::new().block_on(&runtime, job)
}

/// The run that was named, or the only one that goes on.
async fn chosen(client: &mut CoordinatorClient, name: Option<String>) -> anyhow::Result<String> {
    if let Some(name) = name {
        return Ok(name);
    }
    let ShownRuns { runs } = client.call("GET", "/v1/runs").await?;
    let going_on: Vec<&str> =
        runs.iter().filter(|run| run.exit.is_none()).map(|run| run.name.as_str()).collect();
    match going_on[..] {
        [one] => Ok(one.to_owned()),
        [] => bail!("no run goes on\nhelp: `host runs` lists those that are over"),
        _ => bail!("several runs go on: {}\nhelp: name one", going_on.join(", ")),
    }
}
