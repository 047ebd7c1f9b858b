//! The coordinator as the control thread knows it: opened, asked to share runs, closed. What it
//! says to members and hears from them is on a thread of its own, in `thread`.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use swell_cluster::{
    Authority, ClusterClock, Desk, Identity, MAX_MESSAGE, NodeEndpoint, Socket, Token,
    TokenRegister,
};
use swell_core::plan::WeightedScenario;
use swell_core::run::RunOutcome;
use swell_driver::{Asked, LeadLine, PartView, Participation, lead, take_part};
use swell_outputs::Outputs;
use swell_protocol::lead::LeadSettings;
use tokio::sync::{mpsc, oneshot, watch};

use super::thread::{ControlRequest, NewRun, serve};
use crate::cluster::bundle::{HeldBundle, OfferedFiles};
use crate::cluster::link::{hello, until_renewal};
use crate::cluster::message::{AssignedScenario, Assignment, RunNumber};
use crate::cluster::own_thread::on_own_thread;
use crate::cluster::requests::ClusterRequest;
use crate::cluster::this_host::reachable;
use crate::cluster::token::read_cluster;
use crate::executor::{Execution, Executor, Task};
use crate::node_record::NodeRecord;
use crate::prepare::Prepared;
use crate::run_identity::RunIdentity;
use crate::run_record::record_header;

/// How many nodes and commands one token admits: one each few seconds for as long as it lasts.
const TOKEN_USES: NonZeroU32 = NonZeroU32::new(1_000_000).expect("it is not zero");
/// The most bytes that `setup` may return: they travel in one message, with room for what surrounds
/// them.
const MAX_START_DATA: usize = 900_000;
/// How long the coordinator waits for a silent node at the end of a run: until the node's
/// connection has surely been given up, and made anew once.
const PATIENCE: Duration = Duration::from_secs(15);
/// How many commands of a run may wait: they are a few a second.
const MAX_COMMANDS: usize = 16;
/// What somebody wants of the cluster. It waits for the control thread, which answers at once or in
/// a task.
const MAX_REQUESTS: usize = 64;

/// How a cluster is opened.
pub(crate) struct CoordinatorConfig {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// How much this node bears beside others; with 0 it leads and takes no part.
    pub(crate) weight: f64,
    /// Where this node keeps what it counts itself.
    pub(crate) journals: Option<Outputs>,
    /// How long its token admits nodes.
    pub(crate) token_life: Duration,
    /// How many nodes must be there before a run begins.
    pub(crate) min_nodes: usize,
    /// The file of a cluster that was made beforehand, in place of a new one.
    pub(crate) made: Option<PathBuf>,
}

/// A cluster that this node leads.
pub(crate) struct Coordinator {
    requests: mpsc::Sender<ControlRequest>,
    address: String,
    /// The token that was drawn; `None` where it was made beforehand.
    token: Option<Token>,
    offered: OfferedFiles,
    journals: Option<Outputs>,
    min_nodes: usize,
    ended: watch::Receiver<bool>,
}

impl Coordinator {
    /// Opens a cluster. What is wanted of it comes out of the receiver.
    ///
    /// # Errors
    /// The address is taken, or cannot be listened at; the file cannot be read.
    pub(crate) async fn open(
        config: CoordinatorConfig,
    ) -> anyhow::Result<(Self, mpsc::Receiver<ClusterRequest>)> {
        let CoordinatorConfig { listen, weight, journals, token_life, min_nodes, made } = config;
        let made = made.map(|file| read_cluster(&file)).transpose()?;
        let offered = OfferedFiles::default();
        let (requests, asked) = mpsc::channel(1);
        let (founded, place) = oneshot::channel();
        let (over, ended) = watch::channel(false);
        let (answer_request, member_requests) = mpsc::channel(MAX_REQUESTS);
        let served = offered.clone();
        on_own_thread("swell-cluster", async move {
            match open(listen, served, token_life, made) {
                Ok(Opened { endpoint, identity, desk, address, token }) => {
                    // Nobody waits for it only if the process is ending.
                    let _ = founded.send(Ok((address, token)));
                    tokio::select! {
                        () = serve(endpoint, asked, answer_request, weight) => {}
                        never = renew(&desk, &identity) => match never {},
                    }
                    let _ = over.send(true);
                }
                Err(error) => drop(founded.send(Err(error))),
            }
        })?;
        let (address, token) = place.await.context("the cluster's thread broke down")??;
        Ok((
            Self { requests, address, token, offered, journals, min_nodes, ended },
            member_requests,
        ))
    }

    /// Ends the cluster: all nodes are told.
    pub(crate) async fn close(&self) {
        // A thread that broke down has nothing to say.
        if self.requests.send(ControlRequest::Close).await.is_ok() {
            let _ = self.ended.clone().wait_for(|ended| *ended).await;
        }
    }

    /// The arguments with which others join, and with which the cluster is given something to do. A
    /// token that was made beforehand is not shown again.
    pub(crate) fn invitation(&self) -> String {
        let token = self.token.as_ref().map_or_else(|| "TOKEN".to_owned(), Token::to_string);
        format!("--coordinator {} --token {token}", self.address)
    }

    /// Waits until all nodes are there that are to share a run.
    pub(crate) async fn gather(&self) -> anyhow::Result<()> {
        let (there, gathered) = oneshot::channel();
        self.request(ControlRequest::Gather(self.min_nodes, there)).await?;
        gathered.await.context("the cluster's thread broke down")
    }

    /// Lets nodes that are free do a run, this node too if it is free; `view` is told about all of
    /// it once a second.
    ///
    /// # Errors
    /// Too few nodes are free, or one cannot take part, and nothing was sent; or the machine does
    /// not give what is needed.
    async fn drive(&self, task: Task<'_>) -> anyhow::Result<RunOutcome> {
        let Task { threads, prepared, start_data, asked, view } = task;
        let (told, news) = mpsc::unbounded_channel();
        let (run_commands, decreed) = mpsc::channel(MAX_COMMANDS);
        let (own_part, own_line) = oneshot::channel();
        let (assignment, _packed) = self.assignment(prepared, start_data.clone()).await?;
        // The same on all nodes, so that all journals of a run are alike.
        let subject =
            RunIdentity { settings: assignment.bundle.settings.clone(), ..prepared.subject() };
        let plan = &prepared.plan;
        let new_run = NewRun {
            assignment,
            settings: LeadSettings {
                timeline: plan.plan.timeline(),
                arrivals: plan.plan.arrivals,
                iterations: plan.plan.shared_iterations(),
                patience: PATIENCE,
            },
            news: told,
            run_commands: decreed,
            own_part,
            exact_users: plan.plan.load.exact_users(),
            hosts: prepared.hosts,
            min_nodes: prepared.hosts.unwrap_or(self.min_nodes),
        };
        self.request(ControlRequest::Lead(Box::new(new_run))).await?;
        let Asked { commands, end_requests } = asked;
        let (_, no_requests) = mpsc::channel(1);
        let leading = lead(
            plan,
            LeadLine { news, run_commands },
            Asked { commands, end_requests: no_requests },
            view,
        );
        let part = async {
            // Without a line this node has no part: others do the run.
            if let Ok(line) = own_line.await {
                let view = self.journals.clone().map(|outputs| {
                    let header = record_header(&subject, plan);
                    Box::new(NodeRecord::new(header, outputs)) as Box<dyn PartView>
                });
                // The node that leads cannot leave.
                let leave = watch::channel(false).1;
                let participation = Participation { start_data, line, end_requests, view, leave };
                take_part(
                    threads,
                    plan,
                    &prepared.program,
                    Arc::clone(&prepared.run),
                    participation,
                )
                .await?;
            }
            // The run goes on until all nodes have sent their counts.
            std::future::pending::<anyhow::Result<RunOutcome>>().await
        };
        tokio::select! {
            outcome = leading => outcome,
            failed = part => failed,
        }
    }

    async fn request(&self, request: ControlRequest) -> anyhow::Result<()> {
        self.requests.send(request).await.map_err(|_| anyhow!("the cluster's thread broke down"))
    }

    /// The run as other nodes must know it. The files that they will fetch are held ready as long
    /// as the second value lives.
    async fn assignment(
        &self,
        prepared: &Prepared,
        start_data: Vec<Vec<u8>>,
    ) -> anyhow::Result<(Assignment, HeldBundle)> {
        let given: usize = start_data.iter().map(Vec::len).sum();
        if given > MAX_START_DATA {
            bail!(
                "`setup` gave {given} bytes; to other nodes it can give at most {MAX_START_DATA}"
            );
        }
        let mut settings: Vec<_> = prepared
            .settings
            .iter()
            .filter(|(key, _)| key != "seed" && key != "scenario")
            .cloned()
            .collect();
        settings.push(("seed".to_owned(), Some(prepared.run.seed.to_string())));
        let names =
            prepared.origin.as_ref().map(|origin| origin.names().clone()).unwrap_or_default();
        let (offered, source) = (self.offered.clone(), prepared.source.clone());
        // Other runs go on meanwhile on this thread.
        let packed = tokio::task::spawn_blocking(move || {
            HeldBundle::new(&offered, &source, settings, &names)
        })
        .await
        .context("reading broke down")??;
        let assignment = Assignment {
            // It gets its number when it is accepted.
            number: RunNumber(0),
            run: prepared.run.id.clone(),
            name: prepared.name.clone(),
            scenarios: prepared.weighted().into_iter().zip(start_data).map(assigned).collect(),
            bundle: packed.bundle.clone(),
        };
        // And a byte that says what it is.
        let bytes = postcard::to_stdvec(&assignment)?.len() + 1;
        if bytes > MAX_MESSAGE {
            bail!(
                "what hosts must know of the run takes {bytes} bytes, and {MAX_MESSAGE} can be \
                sent\nhelp: have values of -e and what `setup` gives read from files (--data)"
            );
        }
        Ok((assignment, packed))
    }
}

impl Executor for Coordinator {
    fn execute<'a>(&'a self, task: Task<'a>) -> Execution<'a> {
        Box::pin(self.drive(task))
    }
}

fn assigned((scenario, start_data): (WeightedScenario, Vec<u8>)) -> AssignedScenario {
    AssignedScenario { scenario, start_data }
}

/// What a cluster needs, and what others join it with.
struct Opened {
    endpoint: NodeEndpoint,
    identity: Arc<Identity>,
    desk: Arc<Desk>,
    address: String,
    token: Option<Token>,
}

/// Renews this node's own certificate whenever half of its life is over.
async fn renew(desk: &Desk, identity: &Identity) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(until_renewal(identity)).await;
        if identity.renew_in().is_zero()
            && let Err(error) = desk.authority().renew(identity)
        {
            tracing::warn!("this node's certificate could not be renewed: {error}");
        }
    }
}

fn open(
    listen: SocketAddr,
    offered: OfferedFiles,
    token_life: Duration,
    made: Option<Desk>,
) -> anyhow::Result<Opened> {
    let socket = Socket::bind(listen)?;
    let is_new = made.is_none();
    let desk = match made {
        Some(made) => made,
        None => Desk::new(Authority::found()?, TokenRegister::default()),
    };
    let clock = ClusterClock::of_this_machine();
    let identity = Arc::new(desk.authority().identity(clock.clone())?);
    let desk = Arc::new(desk);
    let endpoint = NodeEndpoint::open(
        socket,
        Arc::clone(&identity),
        hello(),
        Arc::new(offered),
        Some(Arc::clone(&desk)),
    );
    let address = reachable(endpoint.address()).to_string();
    let token = if is_new {
        Some(desk.issue(vec![address.clone()], token_life, TOKEN_USES, &clock)?)
    } else {
        None
    };
    Ok(Opened { endpoint, identity, desk, address, token })
}
