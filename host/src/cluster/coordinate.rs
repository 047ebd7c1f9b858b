//! `host node --listen`: a host that leads whatever runs it is given, and takes part in them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context as _;
use hyper::{Method, StatusCode};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::founder::{Cluster, Founding};
use super::inquiry::{Answered, Inquiry, What};
use crate::control_api::{Caller, ControlApi, begun};
use crate::executor::Executor;
use crate::exit::Exit;
use crate::journal::check_folder;
use crate::metrics::Exporter;
use crate::runs::Runs;
use crate::serve::{Answer, JSON};
use crate::servers::Servers;
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
pub(super) struct Coordination {
    pub(super) listen: SocketAddr,
    pub(super) cluster: Option<PathBuf>,
    pub(super) weight: f64,
    pub(super) journal: Option<PathBuf>,
    /// What runs that are begun over the control API have of this command.
    pub(super) layers: Layers,
    pub(super) scenarios: Option<PathBuf>,
    pub(super) control: Option<SocketAddr>,
    pub(super) prometheus: Option<SocketAddr>,
}

/// Leads until a signal comes; runs that go on then are ended as by Ctrl-C.
///
/// # Errors
/// An address is taken; the machine does not give what is needed.
pub(super) fn coordinate(coordination: Coordination) -> anyhow::Result<Exit> {
    let Coordination {
        listen,
        cluster: made,
        weight,
        journal,
        layers,
        scenarios,
        control,
        prometheus,
    } = coordination;
    check_folder(journal.as_deref())?;
    if let Some(folder) = scenarios.as_ref().filter(|folder| !folder.is_dir()) {
        anyhow::bail!(
            "--scenarios {}: there is no such folder\nhelp: make it, or name another",
            folder.display()
        );
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the control thread's runtime")?;
    LocalSet::new().block_on(&runtime, async {
        let exporter = prometheus.map(|_| Exporter::new(Some(SERIES_KEPT)));
        let runs = Runs::new(false, exporter.clone(), Some(RUNS_KEPT))?;
        let api = Rc::new(ControlApi::new(&runs, &layers, scenarios));
        let mut servers = Servers::default();
        if let Some(address) = control {
            servers.control(address, Rc::clone(&api)).await?;
        }
        if let Some((address, exporter)) = prometheus.zip(exporter) {
            servers.metrics(address, exporter).await?;
        }
        let mut stops = Stops::listen()?;
        let (cluster, inquiries) = Cluster::found(Founding {
            listen,
            weight,
            journals: journal,
            token_life: TOKEN_LIFE,
            least_hosts: 1,
            made: made.clone(),
        })
        .await?;
        let cluster = Rc::new(cluster);
        runs.have_done_by(Rc::clone(&cluster) as Rc<dyn Executor>);
        let invitation = cluster.invitation();
        let which = made.map_or_else(String::new, |file| {
            format!(
                "where TOKEN is the one that was \
        made with {}\n",
                file.display()
            )
        });
        terminal::say(format_args!(
            "other hosts join by\n\n    host node {invitation}\n\nand a run begins by\n\n    host \
            run scenario.wasm {invitation}\n\n{which}"
        ));
        tokio::task::spawn_local(answer(inquiries, api));
        let _ = stops.next().await;
        let was_idle = runs.all().iter().all(|run| run.ended().is_some());
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
        if let Some(left) = runs.since_last_end().and_then(|since| LAST_LOOK.checked_sub(since)) {
            tokio::time::sleep(left).await;
        }
        cluster.close().await;
        Ok(if was_idle { Exit::Passed } else { Exit::Signal })
    })
}

/// Answers what is wanted of a cluster, each in a task of its own.
pub(crate) async fn answer(mut inquiries: mpsc::Receiver<Inquiry>, api: Rc<ControlApi>) {
    while let Some(Inquiry { what, reply }) = inquiries.recv().await {
        let api = Rc::clone(&api);
        tokio::task::spawn_local(async move {
            let answer = match what {
                What::Call(call) => match call.method.parse::<Method>() {
                    Ok(method) => api.answer(Caller::Member, &method, &call.path, &call.body).await,
                    Err(_) => Answer::error(StatusCode::BAD_REQUEST, "the method is none of HTTP"),
                },
                What::Run(unpacked, hosts, search) => {
                    match api.submit(unpacked, hosts, search, || !reply.is_closed()).await {
                        Ok(run) if reply.is_closed() => return run.interrupt(),
                        Ok(run) => begun(&run),
                        Err(refusal) => refusal,
                    }
                }
            };
            let is_json = answer.content_type == JSON;
            // Whoever wanted it may have gone.
            let _ = reply.send(Answered {
                status: answer.status.as_u16(),
                is_json,
                body: answer.body.into_bytes(),
            });
        });
    }
}
