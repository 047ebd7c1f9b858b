//! Commands about runs that a cluster does: `host run --coordinator`, `host attach`, `host runs`,
//! `host stop`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use swell_cluster::{LinkError, Token};
use swell_core::plain;
use swell_core::plan::Search;
use swell_core::units::counted;
use swell_engine::ScenarioSource;
use swell_outputs::{Outputs, replay};
use swell_report::{Ended, Exit, Report, RunState, Written};
use tempfile::NamedTempFile;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use super::bundle::{HeldBundle, OfferedFiles};
use super::coordinator_client::CoordinatorClient;
use super::message::Submission;
use crate::control_api::ShownRun;
use crate::delivery::{deliver, open_outputs};
use crate::live::Screen;
use crate::prepare::fixed;
use crate::programme::plan_of;
use crate::settings::flags::parse_pair;
use crate::settings::layers::Layers;
use crate::settings::reach::consent;
use crate::stops::{Stop, Stops};
use crate::terminal;

/// How often the command asks where a run is.
const LOOK: Duration = Duration::from_secs(1);

/// How long the record of a run may take to come, where nobody has asked for it.
const PATIENCE: Duration = Duration::from_secs(10);

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
    if layers.undisputed()?.tui {
        bail!(
            "--tui: a cluster tells this command where a run is, and not what each of its seconds \
            counted\nhelp: leave --tui out; the live line shows the run node by node"
        );
    }
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
    ] {
        if given {
            bail!("--{flag} is for whoever does the run\nhelp: give it to `host node`");
        }
    }
    let (source, mut read) = fixed(source, &layers)?;
    read.extend(of_request);
    let outputs = open_outputs(&settings, read)?;
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
        follow(&mut client, &shown.name, Watcher::Submitter, &outputs, settings.quiet, &mut stops)
            .await
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
        follow(&mut client, &name, Watcher::Observer, &outputs, args.quiet, &mut stops).await
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

fn path(run: &str, act: &str) -> String {
    format!("/v1/runs/{}{act}", utf8_percent_encode(run, NON_ALPHANUMERIC))
}

/// What a watcher is to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watcher {
    /// The command that began it: when the command is told to end, so is the run.
    Submitter,
    /// Somebody who only looks: the run goes on, whatever happens to them, unless they say
    /// otherwise.
    Observer,
}

/// Shows a run to its end, and its results as if it had been done here. Ctrl-C stops the run, or
/// leaves it alone, whichever the person says.
async fn follow(
    client: &mut CoordinatorClient,
    name: &str,
    who: Watcher,
    outputs: &Outputs,
    quiet: bool,
    stops: &mut Stops,
) -> anyhow::Result<Exit> {
    let screen = Screen::new(quiet);
    let mut line = screen.line(name);
    let exit = loop {
        tokio::select! {
            shown = look(client, name) => {
                let ShownRun { status, exit, .. } = match shown {
                    Ok(shown) => shown,
                    Err(error) => return out_of_sight(name, error),
                };
                if let Some(exit) = exit {
                    break exit;
                }
                if status.phase != RunState::Preparing {
                    line.show(&status);
                }
            }
            stop = stops.next() => {
                line.finish();
                match what_to_do(who, stop, stops).await {
                    AfterSignal::Stop => {
                        let path = path(name, "/interrupt");
                        if let Err(error) = client.insist::<ShownRun>("POST", &path).await {
                            return out_of_sight(name, error);
                        }
                    }
                    AfterSignal::Detach => {
                        terminal::say(format_args!("the run goes on; `host attach {0}` shows it \
                        again, `host stop {0}` ends it", plain::line(name)));
                        return Ok(Exit::Passed);
                    }
                    AfterSignal::Leave => {
                        terminal::say(format_args!(
                            "stopped watching; the run goes on: `host attach {0}` shows it again, \
                            `host stop {0}` ends it (exit code 105)",
                            plain::line(name)
                        ));
                        return Ok(Exit::Signal);
                    }
                    AfterSignal::GoOn => line = screen.line(name),
                }
            }
        }
    };
    line.finish();
    let took_place = exit.took_place;
    let written =
        if took_place { show_results(client, name, outputs, quiet, stops).await } else { Ok(()) };
    if !quiet {
        outputs.last_words().iter().for_each(terminal::say);
    }
    if exit.code != Exit::Passed.code() {
        let prefix = if took_place { "" } else { "error: " };
        terminal::say(format_args!("{prefix}{} (exit code {})", exit.reason, exit.code));
    }
    let mut ended = Exit::of_code(exit.code).with_context(|| {
        format!("the coordinator knows an exit code {} that this node does not", exit.code)
    })?;
    if let Err(error) = written {
        terminal::say(format_args!("error: {error:#}"));
        ended = ended.min(Exit::Unwritten);
    }
    Ok(ended)
}

/// Ends with what a run that goes on could not be asked for: if the coordinator is gone, nothing
/// more can be learnt of it.
fn out_of_sight(name: &str, error: anyhow::Error) -> anyhow::Result<Exit> {
    if !error.is::<LinkError>() {
        return Err(error);
    }
    let name = plain::line(name);
    terminal::say(format_args!(
        "error: {error:#}\nhelp: the run may go on: `host attach {name}` shows it again, `host \
        stop {name}` ends it"
    ));
    Ok(Exit::HostsLost)
}

/// Writes a run's results, and shows their summary.
async fn show_results(
    client: &mut CoordinatorClient,
    name: &str,
    outputs: &Outputs,
    quiet: bool,
    stops: &mut Stops,
) -> anyhow::Result<()> {
    let report: Box<Report> = client
        .call("GET", &path(name, "/report"))
        .await
        .context("the results cannot be fetched")?;
    let told = if outputs.hear_frames() {
        tell_seconds(client, name, outputs, stops).await
    } else {
        Ok(())
    };
    let written = deliver(Written::Run(report), outputs, quiet, stops).await;
    match told.context("the run's seconds cannot be fetched") {
        Err(error) if outputs.need_seconds() => Err(error),
        Err(error) => {
            tracing::warn!("no record of the run is kept here: {error:#}");
            written
        }
        Ok(()) => written,
    }
}

/// Tells outputs the record that the coordinator keeps of a run.
async fn tell_seconds(
    client: &mut CoordinatorClient,
    name: &str,
    outputs: &Outputs,
    stops: &mut Stops,
) -> anyhow::Result<()> {
    let path = path(name, "/record");
    let given_up = async {
        if outputs.need_seconds() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(PATIENCE).await;
    };
    let record = tokio::select! {
        record = client.bytes(&path) => record?,
        _ = stops.next() => bail!("a signal came"),
        () = given_up => bail!("it took longer than {} s", PATIENCE.as_secs()),
    };
    let told = outputs.clone();
    let job = move || {
        let mut file = NamedTempFile::new().context("cannot make a file for it")?;
        file.write_all(&record).context("cannot write it to a file")?;
        replay(file.path(), &told)
    };
    stops.unless(job).await?.context("a signal came")??;
    Ok(())
}

/// Asks where a run is, after a while.
async fn look(client: &mut CoordinatorClient, name: &str) -> anyhow::Result<ShownRun> {
    tokio::time::sleep(LOOK).await;
    client.insist("GET", &path(name, "")).await
}

/// What a person wants who has pressed Ctrl-C, or a program that ends the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterSignal {
    Stop,
    Detach,
    /// The same, from somebody who was not asked.
    Leave,
    GoOn,
}

/// What is wanted where nobody is there to answer, or where another signal is the answer.
const fn if_unasked(who: Watcher) -> AfterSignal {
    match who {
        Watcher::Submitter => AfterSignal::Stop,
        Watcher::Observer => AfterSignal::Leave,
    }
}

/// Asks, where there is somebody to answer; a second Ctrl-C is an answer too.
async fn what_to_do(who: Watcher, stop: Stop, stops: &mut Stops) -> AfterSignal {
    if stop == Stop::Terminate || !terminal::is_attended() {
        return if_unasked(who);
    }
    terminal::say("stop the run, detach and leave it running, or go on watching? [s, d, Enter]");
    let (answer, answered) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        // Without a line there is no wish.
        let _ = std::io::stdin().read_line(&mut line);
        let _ = answer.send(line);
    });
    tokio::select! {
        line = answered => match line.unwrap_or_default().trim() {
            "s" | "stop" => AfterSignal::Stop,
            "d" | "detach" => AfterSignal::Detach,
            _ => AfterSignal::GoOn,
        },
        _ = stops.next() => if_unasked(who),
    }
}
