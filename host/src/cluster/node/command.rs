//! `host node`: a node that waits for runs and takes part in them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{Context as _, bail};
use clap::Args;
use swell_cluster::Token;
use swell_driver::Threads;
use swell_driver::machine;
use swell_outputs::Outputs;
use swell_report::Exit;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, LocalSet};

use super::lead_runs::LeadRuns;
use super::run::do_part;
use super::thread::{MembershipEvent, join_cluster};
use crate::cluster::coordinator::command::{ListenOptions, coordinate};
use crate::cluster::this_host::{default_weight, own_name, parse_weight};
use crate::control_api::Caller;
use crate::page_runs::PageRuns as _;
use crate::servers::{PageOptions, ReadyPage, Servers};
use crate::settings::flags::{UI_ADDRESS, parse_receiver, parse_ui_address};
use crate::settings::layer::CommandFlags;
use crate::settings::layers::Layers;
use crate::stops::Stops;
use crate::terminal;

/// Calls of the control API that wait to be forwarded.
const MAX_CALLS_TO_FORWARD: usize = 16;

#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// Lead: listen for other hosts and for runs here, as 0.0.0.0:7600 (UDP). The commands by which
    /// both come are printed.
    #[arg(long, value_name = "ADDR", conflicts_with = "coordinator")]
    listen: Option<SocketAddr>,

    /// With --listen: lead the cluster that `host token --new-cluster FILE` made, which hosts of it
    /// find again after a restart; by default it is a new one.
    #[arg(long, value_name = "FILE", requires = "listen")]
    cluster: Option<PathBuf>,

    /// Where the coordinator is, if not where the token says: as 10.0.0.1:7600.
    #[arg(long, value_name = "ADDR")]
    coordinator: Option<String>,

    /// The token that the coordinator printed.
    #[arg(long, value_name = "TOKEN", env = "SWELL_TOKEN", hide_env_values = true)]
    token: Option<Token>,

    /// How much this host bears beside others; with --listen 0 has it lead alone. Default: one for
    /// each core.
    #[arg(long, value_name = "N", value_parser = parse_weight, allow_hyphen_values = true)]
    weight: Option<f64>,

    /// With --listen: a host that runs begun over the control API may send to, as `api.example.com`
    /// or `api.example.com:8443`; repeatable.
    #[arg(long = "allow-host", value_name = "HOST", requires = "listen")]
    allow_host: Vec<String>,

    /// With --listen: a TOML file with settings that runs begun over the control API have, but for
    /// load and length: each flag's name is a key.
    #[arg(long, value_name = "FILE", requires = "listen")]
    config: Option<PathBuf>,

    /// With --listen: a folder of .wasm files that may be run by their names over the control API,
    /// or on the page of --ui.
    #[arg(long, value_name = "DIR", requires = "listen")]
    scenarios: Option<PathBuf>,

    /// Serve the control API at this address, as 127.0.0.1:6565: that of the whole cluster,
    /// whichever of its hosts is asked. Beyond loopback every call needs the token in the variable
    /// SWELL_CONTROL_TOKEN, which then must be set.
    #[arg(long, value_name = "ADDR")]
    control: Option<SocketAddr>,

    /// Serve a page at this address that shows the runs of the whole cluster while they go on, in a
    /// browser, and lets them be paused, resumed, stopped and given another rate; the control API
    /// is there too. Without an address: 127.0.0.1:6565. Beyond loopback it asks for the token in
    /// the variable SWELL_CONTROL_TOKEN, and needs a certificate or --ui-plain.
    #[arg(
        long,
        value_name = "ADDR",
        num_args = 0..=1,
        default_missing_value = UI_ADDRESS,
        value_parser = parse_ui_address
    )]
    ui: Option<SocketAddr>,

    /// The certificate chain (PEM) with which --ui is served over TLS; with --ui-key.
    #[arg(long, value_name = "FILE", requires = "ui", requires = "ui_key")]
    ui_cert: Option<PathBuf>,

    /// Its private key (PEM, not encrypted); with --ui-cert.
    #[arg(long, value_name = "FILE", requires = "ui_cert")]
    ui_key: Option<PathBuf>,

    /// Serve --ui beyond loopback without TLS, where nobody on the way reads or changes what the
    /// page and its token say.
    #[arg(long, requires = "ui", conflicts_with = "ui_cert")]
    ui_plain: bool,

    /// With --listen: serve metrics for Prometheus at this address, as 0.0.0.0:9464, under
    /// /metrics.
    #[arg(long, value_name = "ADDR", requires = "listen")]
    prometheus: Option<SocketAddr>,

    /// With --listen: send figures of all runs elsewhere, as `host run --to` does; repeatable.
    #[arg(
        long = "to",
        value_name = "KIND=PLACE",
        value_parser = parse_receiver,
        requires = "listen"
    )]
    to: Vec<(String, String)>,

    /// With --listen: keep the record of each run in a file of its own in this folder, in place of
    /// the user's own history.
    #[arg(long, value_name = "DIR", requires = "listen", conflicts_with = "no_record")]
    record: Option<PathBuf>,

    /// With --listen: keep no records of runs.
    #[arg(long, requires = "listen")]
    no_record: bool,

    /// Keep the record of what this host counts of each run in a file in this folder; `host merge`
    /// makes a run's result of such records, should the coordinator be lost.
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
}

impl NodeArgs {
    fn page(&self) -> Option<PageOptions> {
        let Self { ui, ui_cert, ui_key, ui_plain, .. } = self;
        let identity = ui_cert.clone().zip(ui_key.clone());
        ui.map(|address| PageOptions { address, identity, is_plain: *ui_plain })
    }
}

/// Leads; or joins, and takes part in runs until the coordinator has no more, or a signal comes.
///
/// # Errors
/// The coordinator cannot be reached, or does not admit this host; or it is gone.
pub(crate) fn node(args: NodeArgs, flags: CommandFlags) -> anyhow::Result<Exit> {
    let weight = args.weight.unwrap_or_else(default_weight);
    let page = args.page();
    let NodeArgs {
        cluster, journal, allow_host, config, scenarios, control, prometheus, to, ..
    } = args;
    if let Some(listen) = args.listen {
        let layers = Layers::of_lead(flags, config.as_deref(), allow_host)?;
        return coordinate(ListenOptions {
            listen,
            cluster,
            weight,
            journal,
            layers,
            scenarios,
            control,
            page,
            prometheus,
            record: args.record,
            keeps_records: !args.no_record,
            to,
        });
    }
    let token = match (args.token, args.coordinator) {
        (Some(token), Some(address)) => token.at(vec![address]).context("--coordinator")?,
        (Some(token), None) => token,
        (None, _) => bail!(
            "joining a cluster needs the token that its coordinator printed\nhelp: give it with \
            --token, or in the variable SWELL_TOKEN; --listen ADDR has this node lead"
        ),
    };
    let journals = Outputs::journals(journal.as_deref())?;
    let page = page.map(|page| page.ready()).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the control thread's runtime")?;
    LocalSet::new().block_on(&runtime, take_part(token, weight, journals, (control, page)))
}

/// Takes part in all runs of a cluster.
async fn take_part(
    token: Token,
    weight: f64,
    journals: Option<Outputs>,
    (control, page): (Option<SocketAddr>, Option<ReadyPage>),
) -> anyhow::Result<Exit> {
    let threads = Rc::new(Threads::start(machine::allowed_cores())?);
    let (forward, forwarded) = mpsc::channel(MAX_CALLS_TO_FORWARD);
    let mut servers = Servers::default();
    let of_lead = Rc::new(LeadRuns::new(forward));
    let of_page = page.as_ref().map(|page| page.address);
    if let Some(address) = control.filter(|address| of_page != Some(*address)) {
        let of_lead = Rc::clone(&of_lead);
        let answer = move |call| {
            let of_lead = Rc::clone(&of_lead);
            async move { of_lead.answer(Caller::Here, call).await }
        };
        servers.calls(address, answer).await?;
    }
    if let Some(page) = page {
        servers.page(page, of_lead).await?;
    }
    let mut membership = join_cluster(token, own_name(), forwarded)?;
    let mut stops = Stops::listen()?;
    let (leave, leaves) = watch::channel(false);
    let (mut runs, mut has_joined) = (JoinSet::new(), false);
    let exit = loop {
        tokio::select! {
            event = membership.next() => match event.context("the cluster's thread broke down")? {
                MembershipEvent::Joined(id) => {
                    has_joined = true;
                    tracing::info!("joined as node {id}; waiting for runs, Ctrl-C ends it");
                }
                MembershipEvent::Assigned(run) => {
                    let (threads, journals) = (Rc::clone(&threads), journals.clone());
                    runs.spawn_local(do_part(threads, *run, weight, journals, leaves.clone()));
                }
                // A node that was never admitted has said something wrong; a node that was admitted
                // has lost its coordinator.
                MembershipEvent::Ended(Err(error)) if has_joined => {
                    terminal::say(format_args!("error: {error:#}"));
                    return Ok(Exit::HostsLost);
                }
                MembershipEvent::Ended(ended) => return ended.map(|()| Exit::Passed),
            },
            Some(run) = runs.join_next() => {
                let is_all_merged = run.unwrap_or(false);
                if *leaves.borrow() && runs.is_empty() {
                    break if is_all_merged { Exit::Passed } else { Exit::Signal };
                }
            }
            _ = stops.next() => {
                if runs.is_empty() {
                    break Exit::Passed;
                }
                if leave.send_replace(true) {
                    break Exit::Signal;
                }
                tracing::info!(
                    "leaving: others get this node's share, and what is under way may finish; \
                    Ctrl-C again ends it at once"
                );
            }
        }
    };
    membership.end().await;
    Ok(exit)
}
