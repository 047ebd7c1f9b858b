//! Connections between members.
//!
//! A node has one [`NodeEndpoint`]: it dials and is dialled through the same socket, and what it is
//! dialled for is sorted here. A node that wants to join is answered by the [`Desk`], if there is
//! one; a member shows its certificate, says what it is, hears the same of this node, and is a
//! [`Peer`] from then on. Two nodes that dial each other at once get two connections; which one to
//! keep is for the caller, who has the ids of both ends.
//!
//! ## What a stranger can cost
//! Before its certificate is checked a connection holds at most 64 KiB and one stream, and no byte
//! of it is read. There are at most 64 such at a time, each for six seconds, and how often they may
//! come is ruled by the [`gate`](crate::gate). A member may cost about 10 MiB: 3 MiB that came and
//! were not read, one message that is being put together, 2 MiB that wait, 2 MiB under way and 2
//! MiB of files. With 256 connections that is the bound on all of it, 2.5 GiB, if every member were
//! an enemy; a cluster at work holds some kilobytes each.

mod ask;
mod close;
mod error;
mod frame;
mod hello;
mod line;
mod peer;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::{Connection, Incoming, SendStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

pub use self::close::CloseCode;
pub use self::error::{LinkError, RenewError};
pub use self::frame::MAX_MESSAGE;
pub use self::hello::{Disagreement, Hello};
pub use self::peer::Peer;

pub(crate) use self::ask::Ask;
pub(crate) use self::frame::{FrameError, FrameReader, decode, encode};
pub(crate) use self::line::canonical;

use self::ask::{Renewal, Services};
use self::line::Line;
use crate::admission::{self, Desk};
use crate::blobs::BlobStore;
use crate::gate::{Gate, Ruling};
use crate::identity::{Applicant, Identity, NodeId};
use crate::socket::{DIAL_DEADLINE, DialError, Socket, headline, transport};
use crate::tls::{self, JOIN_PROTOCOL, LINK_PROTOCOL};

/// Connections at a time, those that are being made included. From 64 nodes on a cluster is a tree,
/// so nobody needs more.
const MAX_CONNECTIONS: usize = 256;
/// Connections at a time that have not proven anything.
const MAX_STRANGERS: usize = 64;
/// Members that were let in and not yet taken by [`NodeEndpoint::accept`]; further ones are turned
/// away.
const MAX_ARRIVALS: usize = 64;
/// In what time a handshake is done: three packets, each of which may be lost once.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(3);
/// In what time both have said what they are.
const HELLO_DEADLINE: Duration = Duration::from_secs(3);
/// How long a side that was refused may take to hear why.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How often those who were turned away are told of, in one line for all.
const TURNED_AWAY_LINE: Duration = Duration::from_secs(1);

/// A node's place in the cluster: where it is dialled, and from where it dials. Dropping it ends
/// that; peers that were given out live on.
#[derive(Debug)]
pub struct NodeEndpoint {
    socket: Socket,
    node: Arc<Node>,
    client: quinn::ClientConfig,
    arrivals: Mutex<mpsc::Receiver<Peer>>,
    reception: JoinSet<()>,
}

/// What all connections of a node share.
#[derive(Debug)]
struct Node {
    identity: Arc<Identity>,
    hello: Hello,
    services: Services,
}

impl NodeEndpoint {
    /// Opens a node's place in the cluster. Files are served out of `store`, also to peers that
    /// this node dialled; with a `desk` nodes are admitted.
    pub fn open(
        socket: Socket,
        identity: Arc<Identity>,
        hello: Hello,
        store: Arc<dyn BlobStore>,
        desk: Option<Arc<Desk>>,
    ) -> Self {
        let mut config = tls::server(&identity);
        config
            .transport_config(Arc::new(transport()))
            .time_source(Arc::new(identity.clock().clone()))
            .max_incoming(MAX_STRANGERS)
            .incoming_buffer_size(16 * 1024)
            .incoming_buffer_size_total(MAX_STRANGERS as u64 * 16 * 1024);
        socket.quinn().set_server_config(Some(config));
        let services = Services { store, desk, clock: identity.clock().clone() };
        let client = tls::link_client(&identity);
        let node = Arc::new(Node { identity, hello, services });
        let (arrived, arrivals) = mpsc::channel(MAX_ARRIVALS);
        let mut reception = JoinSet::new();
        reception.spawn(receive_arrivals(socket.clone(), Arc::clone(&node), arrived));
        Self { socket, node, client, arrivals: Mutex::new(arrivals), reception }
    }

    /// This node's id.
    pub fn id(&self) -> NodeId {
        self.node.identity.id()
    }

    /// Where this node listens.
    pub const fn address(&self) -> SocketAddr {
        self.socket.address()
    }

    /// Dials a member, a certain one if its id is known: then nobody else can answer in its place.
    /// It takes at most seven seconds, and four if nothing comes back at all. Dropping the future
    /// gives it up.
    pub async fn dial(
        &self,
        address: SocketAddr,
        expected: Option<NodeId>,
    ) -> Result<Peer, LinkError> {
        let name = expected.map_or_else(|| tls::ANY_NODE.to_owned(), tls::node_name);
        let deadline = tokio::time::Instant::now() + DIAL_DEADLINE;
        let connection =
            self.socket.dial(self.client.clone(), address, &name, LINK_PROTOCOL, deadline).await?;
        let greeted = timeout(HELLO_DEADLINE, self.node.introduce(&connection, true)).await;
        greeted.unwrap_or(Err(LinkError::Silent { address }))
    }

    /// Waits for the next member that dials this node; none when the endpoint is closed. A caller
    /// may drop the future and loses nobody.
    pub async fn accept(&self) -> Option<Peer> {
        self.arrivals.lock().await.recv().await
    }

    /// Renews this node's certificate at a peer that admits nodes. When it is due says
    /// [`Identity::renew_in`]; while it fails, the old one stays. A caller may drop the future.
    pub async fn renew(&self, peer: &Peer) -> Result<(), RenewError> {
        let applicant = Applicant::new(self.id())?;
        let mut reader = peer.ask(&Ask::Renewal(applicant.request()?)).await?;
        match peer.answer(&mut reader).await? {
            Renewal::Granted(grant) => {
                self.node.identity.adopt(applicant, grant.certificate(), grant.now_unix_s())?;
                Ok(())
            }
            Renewal::Refused(reason) => Err(RenewError::Refused {
                node: peer.id(),
                reason: crate::socket::printable(reason.as_bytes()),
            }),
        }
    }

    /// Closes all connections, the peers that were given out included, and waits up to a second
    /// until the other sides have been told.
    pub async fn close(mut self) {
        self.reception.shutdown().await;
        self.socket.quinn().close(CloseCode::Goodbye.into(), b"this host is ending");
        // Who has not heard it by then finds out by the silence.
        let _ = timeout(LAST_WORDS, self.socket.quinn().wait_idle()).await;
    }
}

impl Drop for NodeEndpoint {
    fn drop(&mut self) {
        self.socket.quinn().set_server_config(None);
    }
}

impl Node {
    /// Says what this node is, hears what the other is, and whether they go together. Dropping the
    /// future closes the connection.
    async fn introduce(&self, connection: &Connection, dialled: bool) -> Result<Peer, LinkError> {
        let address = canonical(connection.remote_address());
        let broken = |error| LinkError::Dial(DialError::of(error, address, LINK_PROTOCOL));
        let no_hello = |reason| LinkError::NoHello { address, reason };
        let own = self.hello.encode(self.identity.id())?;
        let (mut send, recv) =
            if dialled { connection.open_bi().await } else { connection.accept_bi().await }
                .map_err(broken)?;
        let mut messages = FrameReader::new(recv);
        if dialled {
            say(&mut send, own.clone(), broken).await?;
        }
        let theirs = messages.next(hello::MAX_HELLO).await.map_err(|e| match e {
            FrameError::Broken(quinn::ReadError::ConnectionLost(error)) => broken(error),
            FrameError::TooLong(bytes) => no_hello(format!("{bytes} bytes are too many")),
            _ => no_hello("it broke off".into()),
        });
        let theirs =
            theirs.inspect_err(|_| connection.close(CloseCode::Garbage.into(), b"no hello"))?;
        if !dialled {
            say(&mut send, own, broken).await?;
        }
        let (claimed, judged) = self.hello.judge(&theirs).map_err(|reason| {
            connection.close(CloseCode::Garbage.into(), b"no hello");
            no_hello(reason)
        })?;
        let refuse = async |code: CloseCode, reason: &'static str| {
            // Whoever dialled judges the same and closes; to close first might overtake our words.
            if !dialled {
                let _ = timeout(LAST_WORDS, connection.closed()).await;
            }
            connection.close(code.into(), reason.as_bytes());
        };
        let hello = match judged {
            Ok(hello) => hello,
            Err(disagreement) => {
                refuse(CloseCode::OtherVersion, "").await;
                return Err(LinkError::OtherVersion { address, disagreement });
            }
        };
        if !tls::proves(connection, claimed) {
            refuse(CloseCode::Impostor, "").await;
            return Err(LinkError::Impostor { address, claimed });
        }
        if claimed == self.identity.id() {
            refuse(CloseCode::Goodbye, "this is the same host").await;
            return Err(LinkError::Itself { address });
        }
        Ok(Peer::new(
            Line::new(claimed, connection.clone()),
            hello,
            send,
            messages,
            self.services.clone(),
        ))
    }
}

async fn say(
    send: &mut SendStream,
    words: bytes::Bytes,
    broken: impl FnOnce(quinn::ConnectionError) -> LinkError,
) -> Result<(), LinkError> {
    send.write_chunk(words).await.map_err(|e| match e {
        quinn::WriteError::ConnectionLost(error) => broken(error),
        _ => broken(quinn::ConnectionError::Reset),
    })
}

/// Lets in who may come, until the socket is closed. It owns those who are not yet in.
async fn receive_arrivals(socket: Socket, node: Arc<Node>, arrived: mpsc::Sender<Peer>) {
    let mut gate = Gate::new(Instant::now());
    let mut strangers = JoinSet::new();
    let mut turned_away = TurnedAway { count: 0, told: None };
    loop {
        tokio::select! {
            incoming = socket.quinn().accept() => {
                let Some(incoming) = incoming else { break };
                let (now, source) = (Instant::now(), canonical(incoming.remote_address()).ip());
                let full = strangers.len() >= MAX_STRANGERS || socket.quinn().open_connections() >= MAX_CONNECTIONS;
                match if full { Ruling::Refuse } else { gate.rule(now, source, incoming.remote_address_validated(), strangers.len() >= MAX_STRANGERS / 2) } {
                    Ruling::Enter => {
                        strangers.spawn(receive(incoming, source, Arc::clone(&node), arrived.clone()));
                    }
                    // An attempt that has proven its address already is not asked to.
                    Ruling::ProveAddress => if let Err(proven) = incoming.retry() { proven.into_incoming().refuse() },
                    Ruling::Refuse => {
                        turned_away.count(now, source);
                        incoming.refuse();
                    }
                }
            }
            Some(received) = strangers.join_next() => if let Ok(Some(source)) = received { gate.give_back(source) },
        }
    }
}

/// Sees one connection in, and gives its source back if it ended well.
async fn receive(
    incoming: Incoming,
    source: IpAddr,
    node: Arc<Node>,
    arrived: mpsc::Sender<Peer>,
) -> Option<IpAddr> {
    let address = canonical(incoming.remote_address());
    let connection = match timeout(HANDSHAKE_DEADLINE, async { incoming.accept()?.await }).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            tracing::warn!(target: "audit", "{address} refused: {}", headline(&error));
            return None;
        }
        Err(_) => {
            tracing::warn!(target: "audit", "{address} refused: it did not end its handshake");
            return None;
        }
    };
    match tls::protocol_of(&connection).as_str() {
        LINK_PROTOCOL => {
            if connection.peer_identity().is_none() {
                tracing::warn!(target: "audit", "{address} refused: it showed no certificate");
                connection.close(CloseCode::NoCertificate.into(), b"");
                return None;
            }
            match timeout(HELLO_DEADLINE, node.introduce(&connection, false))
                .await
                .unwrap_or(Err(LinkError::Silent { address }))
            {
                Ok(peer) => {
                    tracing::info!(target: "audit", "host {} connected from {address}", peer.id());
                    if let Err(peer) = arrived.try_send(peer) {
                        peer.into_inner().line().close(CloseCode::Busy, "");
                    }
                    Some(source)
                }
                // A member that reaches itself by another of its names is no stranger.
                Err(LinkError::Itself { .. }) => Some(source),
                Err(error) => {
                    tracing::warn!(target: "audit", "member at {address} refused: {}", headline(&error));
                    None
                }
            }
        }
        JOIN_PROTOCOL => {
            let (desk, clock) = (node.services.desk.as_deref(), node.identity.clock());
            admission::answer(&connection, desk, &node.hello, node.identity.id(), clock)
                .await
                .then_some(source)
        }
        other => {
            let ours = if other.starts_with("swell-join/") { JOIN_PROTOCOL } else { LINK_PROTOCOL };
            tracing::warn!(target: "audit", "{address} refused: it speaks {other}, and this host \
            {ours}");
            connection.close(CloseCode::OtherMajor.into(), ours.as_bytes());
            None
        }
    }
}

/// Those who were turned away at the gate: one line a second, so that nobody fills a disk by
/// knocking.
struct TurnedAway {
    count: u64,
    told: Option<Instant>,
}

impl TurnedAway {
    fn count(&mut self, now: Instant, source: IpAddr) {
        self.count += 1;
        if self.told.is_none_or(|told| now.duration_since(told) >= TURNED_AWAY_LINE) {
            tracing::warn!(target: "audit", "{} connections turned away unseen, as there are too \
            many; the last from {source}", self.count);
            (self.count, self.told) = (0, Some(now));
        }
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
#[cfg(test)]
mod tests;
