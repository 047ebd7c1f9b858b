//! `host node --listen`: a node that leads all runs that it is given, and takes part in them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use swell_outputs::{AskedOutputs, Outputs, Prometheus, Sink, default_record};
use swell_report::Exit;
use tokio::task::LocalSet;

use super::answer::answer;
use super::control::{Coordinator, CoordinatorConfig};
use crate::control_api::ControlApi;
use crate::executor::Executor;
use crate::runs::Runs;
use crate::servers::{PageOptions, Servers};
use crate::settings::layers::Layers;
use crate::stops::Stops;
use crate::terminal;

/// How long metrics of a run that is over are served.
const SERIES_KEPT: Duration = Duration::from_secs(600);
/// Runs that are over and whose results are kept.
const RUNS_KEPT: usize = 100;

/// How long the token admits, unless it was made beforehand.
const TOKEN_LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// How long those who watch a run have to fetch its results when the coordinator ends: they look
/// once a second.
const LAST_LOOK: Duration = Duration::from_millis(2_500);

/// What a host that leads is told.
pub(crate) struct ListenOptions {
    pub(crate) listen: SocketAddr,
    pub(crate) cluster: Option<PathBuf>,
    pub(crate) weight: f64,
    pub(crate) journal: Option<PathBuf>,
    /// What runs that are begun over the control API have of this command.
    pub(crate) layers: Layers,
    pub(crate) scenarios: Option<PathBuf>,
    pub(crate) control: Option<SocketAddr>,
    pub(crate) page: Option<PageOptions>,
    pub(crate) prometheus: Option<SocketAddr>,
    /// The folder for records of runs, in place of the user's history.
    pub(crate) record: Option<PathBuf>,
    /// Whether records of runs are kept at all.
    pub(crate) keeps_records: bool,
    pub(crate) to: Vec<(String, String)>,
}

/// Leads until a signal comes; runs that go on then are ended as by Ctrl-C.
///
/// # Errors
/// An address is taken; the machine does not give what is needed.
pub(crate) fn coordinate(options: ListenOptions) -> anyhow::Result<Exit> {
    let ListenOptions {
        listen,
        cluster: made,
        weight,
        journal,
        layers,
        scenarios,
        control,
        page,
        prometheus,
        record,
        keeps_records,
        to,
    } = options;
    let journals = Outputs::journals(journal.as_deref())?;
    let page = page.map(|page| page.ready()).transpose()?;
    check_scenarios(scenarios.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the control thread's runtime")?;
    LocalSet::new().block_on(&runtime, async {
        // Whoever follows a run, on the page or from elsewhere, has what it has told so far.
        let records = page.as_ref().map(|page| page.records.clone()).unwrap_or_default();
        let outputs = open_outputs(prometheus, record.as_deref(), keeps_records, &to)?;
        let outputs = outputs.and(records.sink()?);
        let runs = Runs::new(false, outputs.clone(), Some(RUNS_KEPT))?;
        let api = Rc::new(ControlApi::new(&runs, &layers, scenarios));
        let mut servers = Servers::default();
        let page = servers.api_and_page(control, page, &api).await?;
        for (address, exporter) in outputs.pages() {
            servers.metrics(address, exporter).await?;
        }
        let mut stops = Stops::listen()?;
        let (cluster, member_requests) = Coordinator::open(CoordinatorConfig {
            listen,
            weight,
            journals,
            token_life: TOKEN_LIFE,
            min_nodes: 1,
            made: made.clone(),
        })
        .await?;
        let cluster = Rc::new(cluster);
        runs.have_done_by(Rc::clone(&cluster) as Rc<dyn Executor>);
        tell_invitation(&cluster, made.as_deref());
        tokio::task::spawn_local(answer(member_requests, api, Rc::clone(&runs), records));
        let _ = stops.next().await;
        let was_idle = runs.all().iter().all(|run| run.ended().is_some());
        end_all(&runs, &mut stops).await;
        if let Some(page) = page {
            page.last_words().await;
        }
        if let Some(left) = runs.since_last_end().and_then(|since| LAST_LOOK.checked_sub(since)) {
            tokio::time::sleep(left).await;
        }
        cluster.close().await;
        let exit = if was_idle { Exit::Passed } else { Exit::Signal };
        // Those in the history have a moment, after which they are given up.
        match stops.while_it_moves(move |taken| outputs.end_without_results(taken)).await.flatten()
        {
            Ok(()) => Ok(exit),
            Err(error) => {
                terminal::say(format_args!("error: {error:#}"));
                Ok(exit.min(Exit::Unwritten))
            }
        }
    })
}

/// Ends all runs as by Ctrl-C, and at each further signal once more.
async fn end_all(runs: &Runs, stops: &mut Stops) {
    runs.interrupt();
    let cut = async {
        loop {
            let _ = stops.next().await;
            runs.interrupt();
        }
    };
    tokio::select! {
        () = runs.all_done() => {}
        never = cut => never,
    }
}

fn check_scenarios(folder: Option<&Path>) -> anyhow::Result<()> {
    match folder.filter(|folder| !folder.is_dir()) {
        Some(missing) => bail!(
            "--scenarios {}: there is no such folder\nhelp: make it, or name another",
            missing.display()
        ),
        None => Ok(()),
    }
}

/// Says how others join the cluster, which may have been made beforehand.
fn tell_invitation(cluster: &Coordinator, made: Option<&Path>) {
    let invitation = cluster.invitation();
    let which = made.map_or_else(String::new, |file| {
        format!("where TOKEN is the one that was made with {}\n", file.display())
    });
    terminal::say(format_args!(
        "other hosts join by\n\n    host node {invitation}\n\nand a run begins by\n\n    host run \
        scenario.wasm {invitation}\n\n{which}"
    ));
}

/// Where runs go that are led here: metrics, receivers, and a record of each.
///
/// # Errors
/// There is no such folder for records, or a receiver cannot be one.
fn open_outputs(
    prometheus: Option<SocketAddr>,
    records: Option<&Path>,
    keeps_records: bool,
    to: &[(String, String)],
) -> anyhow::Result<Outputs> {
    if let Some(folder) = records.filter(|folder| !folder.is_dir()) {
        bail!(
            "--record {}: there is no such folder\nhelp: make it, or name another: each run gets \
            a file of its own in it",
            folder.display()
        );
    }
    let own: Vec<(&str, String)> =
        records.iter().map(|folder| ("record", folder.display().to_string())).collect();
    let asked = AskedOutputs { own: &own, to, ..AskedOutputs::default() };
    let named = Outputs::open_all(asked, &[], terminal::hand_over)?;
    let metrics = prometheus
        .map(|address| Box::new(Prometheus::new(address, Some(SERIES_KEPT))) as Box<dyn Sink>);
    let kept_anyway = (records.is_none() && keeps_records).then(default_record).flatten();
    Ok(metrics.into_iter().chain(kept_anyway).fold(named, Outputs::and))
}
