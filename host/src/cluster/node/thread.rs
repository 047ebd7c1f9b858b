//! The thread of a node that joined a cluster: it finds its coordinator, waits for runs, and takes
//! part in each.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use swell_cluster::{
    Admission, BlobHash, BlobSource, CloseCode, Identity, LinkError, NodeEndpoint, NodeId, Peer,
    Socket, Token,
};
use swell_driver::MemberLine;
use swell_protocol::clock::LocalInstant;
use tokio::sync::oneshot::error::RecvError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::cluster::alarm::Alarm;
use crate::cluster::link::{RETRY_EVERY, hello, join_patiently, receive, send, until_renewal};
use crate::cluster::member_bridge::{MemberBridge, from_workers};
use crate::cluster::message::{
    Assignment, FromCoordinator, FromMember, MemberCall, MemberRequest, Role,
};
use crate::cluster::own_thread::on_own_thread;
use crate::cluster::requests::{ApiReply, OpenRequests};
use crate::prepare::ReceivedScenario;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(1_500);
/// How long the coordinator may be out of reach before this node gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run in which this node is to take part, with its files.
pub(super) struct AssignedRun {
    pub(super) assignment: Assignment,
    pub(super) received: ReceivedScenario,
    pub(super) line: MemberLine,
    /// Whether it can begin, or why not.
    pub(super) prepared: oneshot::Sender<Result<f64, String>>,
}

/// A call that the coordinator is to answer.
pub(super) type Forwarded = (MemberCall, oneshot::Sender<ApiReply>);

/// What the thread tells.
pub(super) enum MembershipEvent {
    /// The node has joined: its id.
    Joined(NodeId),
    /// There is a run to take part in.
    Assigned(Box<AssignedRun>),
    /// The membership is over; with an error if it should not be.
    Ended(anyhow::Result<()>),
}

/// A node's membership of a cluster.
pub(super) struct Membership {
    events: mpsc::UnboundedReceiver<MembershipEvent>,
    ended: oneshot::Receiver<()>,
}

/// Joins by a token, serves the coordinator from then on, and has it answer `calls`.
///
/// # Errors
/// The machine does not give a thread.
pub(super) fn join_cluster(
    token: Token,
    name: String,
    mut calls: mpsc::Receiver<Forwarded>,
) -> anyhow::Result<Membership> {
    // There are few of them.
    let (tell, events) = mpsc::unbounded_channel();
    let (over, ended) = oneshot::channel();
    on_own_thread("swell-cluster", async move {
        let ended = serve(token, name, &mut calls, &tell).await;
        // Nobody hears it if the process is ending.
        let _ = tell.send(MembershipEvent::Ended(ended));
        let _ = over.send(());
    })?;
    Ok(Membership { events, ended })
}

impl Membership {
    /// The next event; `None` if the thread broke down. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<MembershipEvent> {
        self.events.recv().await
    }

    /// Leaves the cluster. The coordinator is told, if that is possible within a moment.
    pub(super) async fn end(self) {
        drop(self.events);
        let _ = tokio::time::timeout(GOODBYE, self.ended).await;
    }
}

async fn serve(
    token: Token,
    name: String,
    calls: &mut mpsc::Receiver<Forwarded>,
    tell: &mpsc::UnboundedSender<MembershipEvent>,
) -> anyhow::Result<()> {
    let socket = Socket::bind((std::net::Ipv4Addr::UNSPECIFIED, 0).into())?;
    let Admission { identity, coordinator, address } = join_patiently(&socket, &token).await?;
    let own = identity.id();
    let identity = Arc::new(identity);
    let endpoint = NodeEndpoint::open(
        socket,
        Arc::clone(&identity),
        hello(),
        Arc::new(|_: &BlobHash| None::<BlobSource>),
        None,
    );
    let _ = tell.send(MembershipEvent::Joined(own));
    let mut current = CurrentRun::default();
    loop {
        let peer = Arc::new(reach(&endpoint, address, coordinator, &mut current.bridge).await?);
        let role = Role::Node(current.bridge.as_ref().map(MemberBridge::run));
        peer.send(&FromMember::Introduction { name: name.clone(), role })
            .await
            .context("the coordinator is gone")?;
        let disconnect = tokio::select! {
            disconnect = serve_connection(&peer, own, &mut current, calls, tell) => disconnect,
            never = renew(&endpoint, &peer, &identity) => match never {},
        };
        match disconnect {
            Disconnect::Dismissed => {
                peer.close("dismissed").await;
                return Ok(());
            }
            Disconnect::Lost(reason) => tracing::warn!("the coordinator is out of reach: {reason}"),
            Disconnect::NobodyListens => {
                peer.close("leaving").await;
                endpoint.close().await;
                return Ok(());
            }
        }
    }
}

/// Dials until there is an answer. Meanwhile messages of the workers are taken in, and their lease
/// runs out.
async fn reach(
    endpoint: &NodeEndpoint,
    address: std::net::SocketAddr,
    coordinator: NodeId,
    bridge: &mut Option<MemberBridge>,
) -> anyhow::Result<Peer> {
    let began = tokio::time::Instant::now();
    loop {
        let dialled = {
            let dial = endpoint.dial(address, Some(coordinator));
            tokio::pin!(dial);
            loop {
                tokio::select! {
                    dialled = &mut dial => break dialled,
                    () = keep_for_later(bridge) => {}
                }
            }
        };
        match dialled {
            Ok(peer) => return Ok(peer),
            Err(error) if began.elapsed() >= PATIENCE => {
                return Err(error).context("the coordinator is gone");
            }
            Err(error) => tracing::debug!("{error:#}"),
        }
        let wait = tokio::time::sleep(RETRY_EVERY);
        tokio::pin!(wait);
        loop {
            tokio::select! {
                () = &mut wait => break,
                () = keep_for_later(bridge) => {}
            }
        }
    }
}

/// Takes in a message of the workers about which nobody else can be told now.
async fn keep_for_later(bridge: &mut Option<MemberBridge>) {
    let said = from_workers(bridge).await;
    if let Some(bridge) = bridge {
        bridge.keep_for_later(said);
    }
}

/// Renews this node's certificate whenever half of its life is over, as long as the future is
/// polled.
async fn renew(
    endpoint: &NodeEndpoint,
    peer: &Peer,
    identity: &Identity,
) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(until_renewal(identity)).await;
        if identity.renew_in().is_zero()
            && let Err(error) = endpoint.renew(peer).await
        {
            tracing::warn!("this node's certificate could not be renewed: {error}");
        }
    }
}

/// What this node is doing, whatever happens to a connection.
#[derive(Default)]
struct CurrentRun {
    bridge: Option<MemberBridge>,
    line: Option<MemberLine>,
    fetching: Option<JoinHandle<anyhow::Result<Fetched>>>,
    preparing: Option<oneshot::Receiver<Result<f64, String>>>,
}

impl CurrentRun {
    /// The coordinator says something about a run.
    fn handle_message(&mut self, peer: &Arc<Peer>, own: NodeId, message: FromCoordinator) {
        match message {
            FromCoordinator::Assignment(assignment) if self.bridge.is_none() => {
                let (bridge, line) = MemberBridge::new(own, assignment.number);
                self.bridge = Some(bridge);
                self.line = Some(line);
                self.fetching = Some(tokio::spawn(fetch(Arc::clone(peer), *assignment)));
            }
            // It is the run that goes on here, described again after the connection had ended.
            FromCoordinator::Assignment(_) => {}
            FromCoordinator::Down(run, message) => {
                if let Some(bridge) = self.bridge.as_mut().filter(|bridge| bridge.run() == run) {
                    bridge.handle_message(message);
                }
            }
            FromCoordinator::Dismissed(run) => {
                if let Some(bridge) = self.bridge.take_if(|bridge| bridge.run() == run) {
                    self.fetching.take().iter().for_each(JoinHandle::abort);
                    (self.line, self.preparing) = (None, None);
                    bridge.dismiss();
                }
            }
            // It is no answer to anything that was asked here.
            FromCoordinator::Answer { .. } => {}
        }
    }

    /// The files of the run are here, or do not come; returns the run if it can be prepared.
    fn handle_fetched(&mut self, fetched: anyhow::Result<Fetched>) -> Option<AssignedRun> {
        self.fetching = None;
        match (fetched, self.line.take()) {
            (Ok(Fetched { assignment, received }), Some(line)) => {
                let (prepared, is_prepared) = oneshot::channel();
                self.preparing = Some(is_prepared);
                Some(AssignedRun { assignment, received, line, prepared })
            }
            (Err(error), _) => {
                if let Some(bridge) = &mut self.bridge {
                    bridge.handle_prepared(Err(format!("{error:#}")));
                }
                None
            }
            (Ok(_), None) => None,
        }
    }

    /// The run can begin here, or cannot.
    fn handle_prepared(&mut self, prepared: Result<Result<f64, String>, RecvError>) {
        self.preparing = None;
        if let Some(bridge) = &mut self.bridge {
            let broke_down = || Err("it broke down while it prepared".to_owned());
            bridge.handle_prepared(prepared.unwrap_or_else(|_| broke_down()));
        }
    }

    /// When the bridge is to be polled at the latest.
    fn poll_timeout(&self) -> LocalInstant {
        self.bridge.as_ref().map_or(LocalInstant::NEVER, MemberBridge::poll_timeout)
    }
}

enum Disconnect {
    /// The membership is over, and ended well.
    Dismissed,
    /// The connection has ended.
    Lost(String),
    /// The process is ending.
    NobodyListens,
}

impl From<LinkError> for Disconnect {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Closed { here: false, code: Some(CloseCode::Goodbye), .. } => {
                Self::Dismissed
            }
            error => Self::Lost(format!("{error:#}")),
        }
    }
}

/// Speaks with the coordinator as long as the connection lasts.
async fn serve_connection(
    peer: &Arc<Peer>,
    own: NodeId,
    current: &mut CurrentRun,
    calls: &mut mpsc::Receiver<Forwarded>,
    tell: &mpsc::UnboundedSender<MembershipEvent>,
) -> Disconnect {
    // What has no answer when the connection ends is not answered at all.
    let (mut pending, mut alarm) = (OpenRequests::default(), Alarm::new());
    loop {
        while let Some(message) = current.bridge.as_mut().and_then(MemberBridge::poll) {
            if let Err(error) = send(peer, &message, message.is_passing()).await {
                return Disconnect::Lost(format!("{error:#}"));
            }
        }
        let due = current.poll_timeout();
        let CurrentRun { bridge, fetching, preparing, .. } = &mut *current;
        let to_send = tokio::select! {
            message = receive::<FromCoordinator>(peer) => match message {
                Ok(FromCoordinator::Answer { number, status, is_json, piece, is_last }) => {
                    pending.handle_piece(number, (status, is_json), &piece, is_last);
                    None
                }
                Ok(message) => {
                    current.handle_message(peer, own, message);
                    None
                }
                Err(error) => return error.into(),
            },
            // What nobody waits for any more is not done late: a stop, say, that was given up.
            Some((call, reply)) = calls.recv() => (!reply.is_closed()).then(|| {
                FromMember::Request(pending.open(reply), MemberRequest::Call(call))
            }),
            fetched = task(fetching) => {
                if let Some(run) = current.handle_fetched(fetched)
                    && tell.send(MembershipEvent::Assigned(Box::new(run))).is_err()
                {
                    return Disconnect::NobodyListens;
                }
                None
            }
            prepared = answer(preparing) => {
                current.handle_prepared(prepared);
                None
            }
            said = from_workers(bridge) => {
                current.bridge.as_mut().and_then(|bridge| bridge.handle_workers(said))
            }
            () = tell.closed() => return Disconnect::NobodyListens,
            () = alarm.until(due) => None,
        };
        if let Some(message) = to_send
            && let Err(error) = peer.send(&message).await
        {
            return Disconnect::Lost(format!("{error:#}"));
        }
    }
}

async fn task<T>(task: &mut Option<JoinHandle<anyhow::Result<T>>>) -> anyhow::Result<T> {
    match task {
        Some(task) => task.await.context("fetching broke down")?,
        None => std::future::pending().await,
    }
}

async fn answer<T>(answer: &mut Option<oneshot::Receiver<T>>) -> Result<T, RecvError> {
    match answer {
        Some(answer) => answer.await,
        None => std::future::pending().await,
    }
}

/// A run whose files are here.
struct Fetched {
    assignment: Assignment,
    received: ReceivedScenario,
}

async fn fetch(peer: Arc<Peer>, assignment: Assignment) -> anyhow::Result<Fetched> {
    let received = assignment.bundle.fetch(&peer).await?;
    Ok(Fetched { assignment, received })
}
