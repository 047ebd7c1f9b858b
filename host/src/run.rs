//! `host run` and `host find`: from what was typed to the exit code.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use swell_cluster::Token;
use swell_core::plan::Search;
use swell_core::units::{self, counted};
use swell_engine::ScenarioSource;
use swell_outputs::{LiveRecords, Outputs};
use swell_report::Exit;
use tokio::task::LocalSet;

use crate::cluster::{
    Coordinator, CoordinatorConfig, RemoteRun, answer, default_weight, parse_weight, run_remotely,
};
use crate::conclusion::conclude;
use crate::control_api::ControlApi;
use crate::delivery::{kept, open_outputs};
use crate::executor::Executor;
use crate::finished::Done;
use crate::notes;
use crate::own_summary::OwnSummary;
use crate::programme::Programme;
use crate::quick::{QuickArgs, QuickRun};
use crate::runs::Runs;
use crate::servers::{PageOptions, Servers};
use crate::settings::flags::{CLUSTER, LOAD, Settings, parse_address, parse_hosts};
use crate::settings::keys::shapes_load;
use crate::settings::layer::Typed;
use crate::settings::layers::Layers;
use crate::settings::presets::Preset;
use crate::stops::Stops;
use crate::terminal;
use crate::tui::ReadyView;

/// How long the token of a run admits.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The scenario file: a component, or a core module from wasm32-unknown-unknown or
    /// wasm32-wasip1, or a script. Or a plan of several runs: a .toml file. Or a URL, which is
    /// asked for again and again, by ten users unless told otherwise.
    pub(crate) file: PathBuf,

    #[command(flatten)]
    quick: QuickArgs,

    /// A TOML file with settings: each flag's name is a key. Without it, `swell.toml` in the
    /// current folder is read if there is one.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Share the run with other hosts: listen for them here, as 0.0.0.0:7600 (UDP). The command
    /// that has a host join is printed.
    #[arg(
        long,
        value_name = "ADDR",
        value_parser = parse_address,
        requires = "hosts",
        help_heading = CLUSTER
    )]
    pub(crate) listen: Option<SocketAddr>,

    /// How many hosts are to share the run: with --listen this one and so many more, and it begins
    /// when all are there; with --coordinator so many of those that are free, in place of all.
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_hosts,
        allow_hyphen_values = true,
        help_heading = CLUSTER
    )]
    pub(crate) hosts: Option<usize>,

    /// Have the cluster of this coordinator do the run, as 10.0.0.1:7600; this command shows it,
    /// and ends with its results.
    #[arg(
        long,
        value_name = "ADDR",
        conflicts_with_all = ["listen", "control", "ui", "prometheus"],
        help_heading = CLUSTER
    )]
    pub(crate) coordinator: Option<String>,

    /// The token that the coordinator printed.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SWELL_TOKEN",
        hide_env_values = true,
        help_heading = CLUSTER
    )]
    pub(crate) token: Option<Token>,

    /// How much this host bears beside others; 0 has it lead alone. Default: one for each core.
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_weight,
        requires = "listen",
        allow_hyphen_values = true,
        help_heading = CLUSTER
    )]
    pub(crate) weight: Option<f64>,

    /// Keep the record of what this host itself counts in a file in this folder; `host merge` makes
    /// the result of such records of all hosts, should this one be lost.
    #[arg(long, value_name = "DIR", requires = "listen", help_heading = CLUSTER)]
    pub(crate) journal: Option<PathBuf>,

    /// A kind of load by its name: `smoke` (one user), or around the rate that is usual for the
    /// service: `load=200`, `stress=200` (up to twice as much), `spike=200` (ten times as much for
    /// a while), `soak=200` (two hours). The flags that it means are printed; --duration makes it
    /// longer or shorter. For where the service breaks there is `host find`.
    #[arg(long, value_name = "KIND=N", help_heading = LOAD)]
    preset: Option<Preset>,

    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Args)]
pub(crate) struct FindArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,

    /// How long a rate is kept to count as held.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        allow_hyphen_values = true,
        value_parser = units::parse_duration_above_zero,
        help_heading = LOAD
    )]
    pub(crate) hold: Duration,

    /// When the search ends at the latest.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10m",
        allow_hyphen_values = true,
        value_parser = units::parse_duration_above_zero,
        help_heading = LOAD
    )]
    pub(crate) budget: Duration,
}

/// Does all that a command line says. With `search` it is `host find`.
///
/// # Errors
/// Wrong usage, plan or scenario file, or a machine that does not give what is needed: nothing was
/// sent.
pub(crate) fn run(
    typed: &Typed<'_>,
    args: &RunArgs,
    search: Option<Search>,
) -> anyhow::Result<Exit> {
    refuse_what_makes_no_sense(args)?;
    let mut layers = Layers::of_command(typed, args.config.as_deref(), search.is_some())?;
    let mut preset = None;
    if let Some(wanted) = args.preset {
        let (meant, table) = flags_of_preset(args, wanted, &layers, search.is_some())?;
        layers = layers.under_typed(format!("--preset {wanted}"), table)?;
        preset = Some(meant);
    }
    let (source, read) = match args.quick.of(&args.file, &args.settings)? {
        Some(QuickRun { source, target, read }) => {
            layers = layers.aimed_at(target)?;
            (source, read)
        }
        None => (ScenarioSource::File(args.file.clone()), Vec::new()),
    };
    layers = layers.of_source(&source);
    let quiet = layers.undisputed()?.quiet;
    terminal::be_quiet(quiet);
    if !quiet {
        notes::say(layers.found_file());
        if let (Some(wanted), Some(meant)) = (args.preset, preset) {
            terminal::say(format_args!("note: --preset {wanted} is {meant}"));
        }
    }
    if let Some(coordinator) = &args.coordinator {
        let (token, hosts) = (args.token.clone(), args.hosts);
        let wanted = RemoteRun { coordinator, token, source, read, hosts, search };
        return run_remotely(wanted, &layers);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the control thread's runtime")?;
    LocalSet::new().block_on(&runtime, run_here(args, (source, read), layers, search))
}

fn refuse_what_makes_no_sense(args: &RunArgs) -> anyhow::Result<()> {
    if let (Some(hosts), None, None) = (args.hosts, args.listen, &args.coordinator) {
        bail!(
            "--hosts {hosts}: which?\nhelp: --listen ADDR has others join this command, \
            --coordinator ADDR has a cluster do the run"
        );
    }
    Ok(())
}

/// What a preset means: as flags, and as settings.
fn flags_of_preset(
    args: &RunArgs,
    preset: Preset,
    layers: &Layers,
    is_search: bool,
) -> anyhow::Result<(String, toml::Table)> {
    if is_search {
        bail!("--preset {preset}: a search finds the load itself\nhelp: leave --preset out");
    }
    if let Some(key) = layers.typed().find(|key| shapes_load(key)) {
        bail!(
            "--preset {preset} and --{key} both say how much load there is\nhelp: leave --{key} \
            out; the rate or the users of a preset stand behind it, as --preset load=200"
        );
    }
    let settings = preset.settings(args.settings.duration).map_err(anyhow::Error::msg)?;
    Ok((Preset::flags(&settings), settings))
}

/// Does it on this host, which other hosts may join.
async fn run_here(
    args: &RunArgs,
    (source, read): (ScenarioSource, Vec<PathBuf>),
    layers: Layers,
    search: Option<Search>,
) -> anyhow::Result<Exit> {
    let mut stops = Stops::listen()?;
    let is_shared = args.listen.is_some();
    // Compiling takes its time, and a pipe is opened once somebody reads it.
    let ready = move || {
        let programme = Programme::new(source, &layers, search)?;
        let settings = programme.layers().settings(None)?;
        let page = PageOptions::of(&settings).map(|page| page.ready()).transpose()?;
        let read: Vec<PathBuf> = programme.read_files().iter().cloned().chain(read).collect();
        let kept = kept(&settings, read.clone());
        let own = OwnSummary::of(programme.file(), programme.layers(), &settings, kept)?;
        let outputs = open_outputs(&settings, read)?;
        let records = page.as_ref().map(|page| page.records.clone()).unwrap_or_default();
        let outputs =
            if page.is_some() || is_shared { outputs.and(records.sink()?) } else { outputs };
        anyhow::Ok((programme, settings, page, (outputs, records), own))
    };
    let Some(ready) = stops.unless(ready).await? else {
        return Ok(stopped("before anything was sent"));
    };
    let (programme, settings, page, (outputs, records), own) = ready?;
    let view = if settings.tui { ReadyView::new(outputs.takes_stdout()) } else { None };
    let outputs = match &view {
        Some(view) => outputs.and(view.sink()?),
        None => outputs,
    };
    let is_one_run = programme.is_one_run();
    refuse_to_share(args, is_one_run)?;
    let journals = Outputs::journals(args.journal.as_deref())?;
    let runs = Runs::new(settings.quiet, outputs.clone(), None)?;
    let api = Rc::new(ControlApi::new(&runs, programme.layers(), None));
    let mut servers = Servers::default();
    let page = servers.api_and_page(settings.control, page, &api).await?;
    for (address, exporter) in outputs.pages() {
        servers.metrics(address, exporter).await?;
    }
    let mut shared = None;
    if let Some(sharing) = args.listen.zip(args.hosts) {
        let Some(coordinator) =
            gather(args, sharing, journals, (&runs, api, records), &mut stops).await?
        else {
            return Ok(stopped("while it waited for hosts; nothing was sent"));
        };
        shared = Some(coordinator);
    }
    // What was printed before is left for whoever reads it afterwards.
    let view = view.map(|view| view.show(&runs)).transpose()?;
    let done = perform(programme, &runs, &mut stops, shared).await;
    if let Some(view) = view {
        view.close();
    }
    let own = own.as_ref();
    let exit = conclude(&done, is_one_run, &outputs, own, settings.quiet, &mut stops).await;
    if let Some(page) = page {
        page.last_words().await;
    }
    Ok(exit)
}

/// Refuses what other hosts cannot share.
fn refuse_to_share(args: &RunArgs, is_one_run: bool) -> anyhow::Result<()> {
    if let (Some(listen), false) = (args.listen, is_one_run) {
        bail!(
            "--listen {listen}: hosts share the run of one scenario; a plan or a file with \
            `conduct` runs on one host\nhelp: leave --listen out, or choose a scenario with \
            --scenario NAME"
        );
    }
    if args.weight == Some(0.0) && args.hosts == Some(1) {
        bail!(
            "--weight 0 --hosts 1: nobody would generate the load\nhelp: leave --weight out, \
            or have others join with a larger --hosts"
        );
    }
    Ok(())
}

/// Founds a cluster for the run and waits until all its hosts are there; gives nothing if a signal
/// comes before.
async fn gather(
    args: &RunArgs,
    (listen, hosts): (SocketAddr, usize),
    journals: Option<Outputs>,
    (runs, api, records): (&Rc<Runs>, Rc<ControlApi>, LiveRecords),
    stops: &mut Stops,
) -> anyhow::Result<Option<Rc<Coordinator>>> {
    let config = CoordinatorConfig {
        listen,
        weight: args.weight.unwrap_or_else(default_weight),
        journals,
        token_life: TOKEN_LIFE,
        min_nodes: hosts,
        made: None,
    };
    let (coordinator, requests) = Coordinator::open(config).await?;
    let coordinator = Rc::new(coordinator);
    let (others, hosts) = (hosts - 1, counted(hosts as u64, "host"));
    terminal::say(format_args!(
        "waiting for {others} of {hosts}; each joins by\n\n    host node {}\n",
        coordinator.invitation()
    ));
    // What others want meanwhile is for the cluster as well.
    runs.have_done_by(Rc::clone(&coordinator) as Rc<dyn Executor>);
    tokio::task::spawn_local(answer(requests, api, Rc::clone(runs), records));
    tokio::select! {
        gathered = coordinator.gather() => gathered.map(|()| Some(Rc::clone(&coordinator))),
        _ = stops.next() => {
            coordinator.close().await;
            Ok(None)
        }
    }
}

/// Does all runs to their end, and gives what each came to by its name.
async fn perform(
    programme: Programme,
    runs: &Rc<Runs>,
    stops: &mut Stops,
    shared: Option<Rc<Coordinator>>,
) -> Vec<(String, Rc<Done>)> {
    let interrupted = async {
        loop {
            let _ = stops.next().await;
            runs.interrupt();
        }
    };
    let all = async {
        let amiss = programme.perform(runs).await;
        runs.all_done().await;
        amiss
    };
    let amiss = tokio::select! {
        amiss = all => amiss,
        never = interrupted => never,
    };
    let mut done = Vec::new();
    for run in runs.all() {
        done.push((run.name.clone(), run.done().await));
    }
    if let Some(coordinator) = shared {
        coordinator.close().await;
    }
    done.extend(amiss.into_iter().map(|(name, done)| (name, Rc::new(done))));
    done
}

fn stopped(when: &str) -> Exit {
    terminal::say(format_args!("error: stopped {when} (exit code 105)"));
    Exit::Signal
}
