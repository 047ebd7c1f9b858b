//! Connections between members.
//!
//! A node has one [`NodeEndpoint`]: it dials and is dialled through the same socket, and this is
//! where incoming connections are sorted. A node that wants to join is answered by the [`Desk`], if
//! there is one. A member shows its certificate, says what it is, hears the same from this node,
//! and is a [`Peer`] from then on. Two nodes that dial each other at once get two connections; the
//! caller, who has the ids of both ends, decides which one to keep.
//!
//! Each file imports only from those above it: `error`, `connection`, `question` (what may be asked
//! beside the messages), `answer`, `peer`, `ask`, `introduce` (the first words), `reception` (what
//! comes to the socket), and this one.
//!
//! ## What a stranger can cost
//! Before its certificate is checked, a connection holds at most 64 KiB and one stream, and no byte
//! of it is read. There are at most 64 such connections at a time, each for six seconds, and the
//! [`gate`](crate::gate) limits how often they come. A member may cost about 10 MiB: 3 MiB that
//! arrived and were not read, one message that is being put together, 2 MiB that wait, 2 MiB under
//! way and 2 MiB of files. With 256 connections the bound on all of it is 2.5 GiB, if every member
//! were an enemy; in a cluster at work each holds some kilobytes.

pub(crate) mod answer;
mod ask;
mod connection;
pub(crate) mod error;
mod introduce;
pub(crate) mod peer;
pub(crate) mod question;
mod reception;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use swell_protocol::message::NodeId;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::admission::desk::Desk;
use crate::blob::BlobStore;
use crate::certificate::{ANY_NODE, node_name};
use crate::identity::{Applicant, Identity};
use crate::link::answer::Services;
use crate::link::error::{LinkError, RenewError};
use crate::link::introduce::{HELLO_DEADLINE, LAST_WORDS, LocalNode};
use crate::link::peer::Peer;
use crate::link::question::{PeerQuestion, Renewal};
use crate::link::reception::{MAX_STRANGERS, receive_arrivals};
use crate::socket::{DIAL_DEADLINE, Socket, transport};
use crate::text::printable;
use crate::tls::{self, LINK_PROTOCOL};
use crate::wire::close::CloseCode;
use crate::wire::hello::Hello;

/// How many members may be let in that [`NodeEndpoint::accept`] has not taken yet; further ones are
/// refused.
const MAX_ARRIVALS: usize = 64;

/// A node's place in the cluster: where it is dialled, and from where it dials. Dropping it ends
/// that; peers that were given out stay connected.
#[derive(Debug)]
pub struct NodeEndpoint {
    socket: Socket,
    local: Arc<LocalNode>,
    client: quinn::ClientConfig,
    arrivals: Mutex<mpsc::Receiver<Peer>>,
    /// The task that sees members in; dropping the set ends it.
    reception: JoinSet<()>,
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
        let local = Arc::new(LocalNode { identity, hello, services });
        let (arrived, arrivals) = mpsc::channel(MAX_ARRIVALS);
        let mut reception = JoinSet::new();
        reception.spawn(receive_arrivals(socket.clone(), Arc::clone(&local), arrived));
        Self { socket, local, client, arrivals: Mutex::new(arrivals), reception }
    }

    /// This node's id.
    pub fn id(&self) -> NodeId {
        self.local.identity.id()
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
        let name = expected.map_or_else(|| ANY_NODE.to_owned(), node_name);
        let deadline = tokio::time::Instant::now() + DIAL_DEADLINE;
        let connection =
            self.socket.dial(self.client.clone(), address, &name, LINK_PROTOCOL, deadline).await?;
        let greeted = timeout(HELLO_DEADLINE, self.local.introduce(&connection, true)).await;
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
        let mut reader = peer.ask(&PeerQuestion::Renewal(applicant.request()?)).await?;
        match peer.read_answer(&mut reader).await? {
            Renewal::Granted(grant) => {
                self.local.identity.adopt(applicant, grant.certificate(), grant.now_unix_s())?;
                Ok(())
            }
            Renewal::Refused(reason) => {
                Err(RenewError::Refused { node: peer.id(), reason: printable(reason.as_bytes()) })
            }
        }
    }

    /// Closes all connections, the peers that were given out included, and waits up to a second
    /// until the other sides have been told.
    pub async fn close(mut self) {
        self.reception.shutdown().await;
        self.socket.quinn().close(CloseCode::Goodbye.into(), b"this node is ending");
        // A node that has not heard of it by then learns it from the silence.
        let _ = timeout(LAST_WORDS, self.socket.quinn().wait_idle()).await;
    }
}

impl Drop for NodeEndpoint {
    fn drop(&mut self) {
        self.socket.quinn().set_server_config(None);
    }
}
