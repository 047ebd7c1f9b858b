//! Hosts that share a run: one leads and takes part, the others wait for what it has to do and take
//! part as well.
//!
//! Everything that keeps hosts together (connections, leases, results on their way) is on a thread
//! of its own, so that load does not starve it; runs are told and heard through channels. The rules
//! are `swell-protocol`'s, connections and trust are `swell-cluster`'s.
//!
//! | file | what it does |
//! |---|---|
//! | `message` | what goes between hosts |
//! | `parcel` | a scenario's files, as they travel |
//! | `inquiry` | what is wanted of a cluster, and its answer |
//! | `seat` | this host's own part in a run, between the rules and the workers |
//! | `founder` | a cluster as the control thread of the host that leads knows it |
//! | `leading`, `led` | the thread of that host, and each run that it leads |
//! | `following` | the thread of any other |
//! | `node`, `coordinate` | `host node`, and `host node --listen` |
//! | `client`, `elsewhere` | commands about runs that a cluster does |
//! | `token` | `host token`, and the file of a cluster that was made beforehand |

mod client;
mod coordinate;
mod elsewhere;
mod following;
mod founder;
mod inquiry;
mod leading;
mod led;
mod message;
mod node;
mod parcel;
mod seat;
mod token;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use swell_cluster::{Admission, Hello, Identity, JoinError, LinkError, Peer, Socket, Token, join};
use swell_protocol::clock::LocalInstant;
use tokio::time::Sleep;

use crate::machine::local_now;

pub(crate) use self::coordinate::answer;
pub(crate) use self::elsewhere::{
    AttachArgs, RunsArgs, StopArgs, Wanted, attach, run_elsewhere, runs, stop,
};
pub(crate) use self::founder::{Cluster, Founding};
pub(crate) use self::node::{NodeArgs, default_weight, node, parse_weight};
pub(crate) use self::token::{NewCluster, TokenArgs, token};

/// The version of the messages between hosts.
const PROTOCOL: u32 = 2;
/// The time between attempts to reach a coordinator.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// How long one is asked for admission that is there, and has too much to do.
const JOIN_PATIENCE: Duration = Duration::from_secs(20);

/// What this host is, for others to judge whether they go together. A release has one version of
/// wasmtime.
fn hello() -> Hello {
    let release = env!("CARGO_PKG_VERSION").to_owned();
    let mut contract = blake3::Hasher::new();
    for text in CONTRACT {
        contract.update(text.as_bytes());
    }
    Hello {
        protocol: PROTOCOL,
        engine: format!("the engine of release {release}"),
        release,
        contract: *contract.finalize().as_bytes(),
    }
}

/// The interfaces that scenarios are written against.
const CONTRACT: [&str; 12] = [
    include_str!("../../wit/checks.wit"),
    include_str!("../../wit/clock.wit"),
    include_str!("../../wit/context.wit"),
    include_str!("../../wit/data.wit"),
    include_str!("../../wit/http.wit"),
    include_str!("../../wit/lifecycle.wit"),
    include_str!("../../wit/log.wit"),
    include_str!("../../wit/metrics.wit"),
    include_str!("../../wit/random.wit"),
    include_str!("../../wit/runs.wit"),
    include_str!("../../wit/transactions.wit"),
    include_str!("../../wit/world.wit"),
];

/// How long to wait before it is looked whether a certificate is to be renewed: a minute at least,
/// as after a failure; ten at most, as its clock goes on while the machine is suspended, and that
/// of a timer does not.
fn until_renewal(identity: &Identity) -> Duration {
    identity.renew_in().clamp(Duration::from_secs(60), Duration::from_secs(600))
}

/// Goes off at an instant that is moved now and then, and costs nothing while it is not.
struct Alarm {
    set_to: Option<LocalInstant>,
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    /// The longest that it sleeps at a time.
    const LONG: Duration = Duration::from_secs(3_600);

    fn new() -> Self {
        Self { set_to: None, sleep: Box::pin(tokio::time::sleep(Self::LONG)) }
    }

    /// Waits until something is due, or for a long time. Dropping the future loses nothing.
    async fn until(&mut self, due: LocalInstant) {
        if self.set_to.replace(due) != Some(due) {
            self.sleep
                .as_mut()
                .reset(tokio::time::Instant::now() + due.since(local_now()).min(Self::LONG));
        }
        self.sleep.as_mut().await;
        self.set_to = None;
    }
}

/// Joins by a token. Where many do at once some are turned away, and try again.
///
/// # Errors
/// The coordinator cannot be reached, or does not admit this host.
async fn join_patiently(socket: &Socket, token: &Token) -> Result<Admission, JoinError> {
    let began = tokio::time::Instant::now();
    loop {
        match join(socket, token, &hello()).await {
            Err(error) if error.is_passing() && began.elapsed() < JOIN_PATIENCE => {
                tracing::info!("{error}; trying again")
            }
            joined => return joined,
        }
        tokio::time::sleep(RETRY_EVERY).await;
    }
}

/// Sends a message; one that is passing does not wait for those before it, which may have to be
/// sent again.
///
/// # Errors
/// The connection is gone, or the other side does not read.
async fn say<T: Serialize + Sync>(
    peer: &Peer,
    word: &T,
    is_passing: bool,
) -> Result<(), LinkError> {
    // What does not fit into a packet goes with the others.
    if is_passing && peer.send_datagram(word).is_ok() {
        return Ok(());
    }
    peer.send(word).await
}

/// The next message, whichever way it comes. Dropping the future loses none.
///
/// # Errors
/// The connection is gone, or what came is no message.
async fn hear<T: DeserializeOwned>(peer: &Peer) -> Result<T, LinkError> {
    tokio::select! {
        // What came before the end of the connection is heard before it.
        biased;
        word = peer.receive() => word,
        word = peer.receive_datagram() => word,
    }
}

/// Does a job on a thread of its own, with a runtime of its own. The thread ends with the job.
fn on_own_thread(name: &str, job: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the cluster's runtime")?;
    let thread = std::thread::Builder::new().name(name.to_owned());
    // As a task of its own it is not woken by way of the kernel whenever another of the thread's
    // tasks has something for it.
    let run = move || drop(runtime.block_on(runtime.spawn(job)));
    thread.spawn(run).context("cannot start the cluster's thread")?;
    Ok(())
}

/// An address that others can dial, of a socket that listens here.
fn reachable(listening: SocketAddr) -> SocketAddr {
    if !listening.ip().is_unspecified() {
        return listening;
    }
    // Nothing is sent: the kernel says from which of its addresses it would be.
    let outward = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    };
    let ip = outward().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip());
    SocketAddr::new(ip, listening.port())
}
