//! What arrives at the socket: the gate counts it, its handshake must end in time, and its protocol
//! says whether it is a node that would join or a member.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::{Connection, Incoming};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::admission::desk;
use crate::gate::{Gate, Ruling};
use crate::link::error::LinkError;
use crate::link::introduce::{HELLO_DEADLINE, LocalNode};
use crate::link::peer::Peer;
use crate::socket::{Socket, canonical};
use crate::text::headline;
use crate::tls::{self, JOIN_PROTOCOL, LINK_PROTOCOL};
use crate::wire::close::CloseCode;

/// How many connections there may be at a time, with those that are being made. From 64 nodes on a
/// cluster is a tree, so nobody needs more.
const MAX_CONNECTIONS: usize = 256;
/// How many connections may exist at a time that have proven nothing yet.
pub(crate) const MAX_STRANGERS: usize = 64;
/// In what time a handshake is done: three packets, each of which may be lost once.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(3);
/// How often a line reports the connections that were refused.
const TURNED_AWAY_LINE: Duration = Duration::from_secs(1);

/// Lets connections in, until the socket is closed. It owns those that are not let in yet.
pub(crate) async fn receive_arrivals(
    socket: Socket,
    local: Arc<LocalNode>,
    arrived: mpsc::Sender<Peer>,
) {
    let mut gate = Gate::new(Instant::now());
    let mut strangers = JoinSet::new();
    let mut turned_away = TurnedAway { count: 0, told: None };
    loop {
        tokio::select! {
            incoming = socket.quinn().accept() => {
                let Some(incoming) = incoming else { break };
                let (now, source) = (Instant::now(), canonical(incoming.remote_address()).ip());
                let is_full = strangers.len() >= MAX_STRANGERS
                    || socket.quinn().open_connections() >= MAX_CONNECTIONS;
                let is_crowded = strangers.len() >= MAX_STRANGERS / 2;
                let is_proven = incoming.remote_address_validated();
                let ruling = if is_full {
                    Ruling::Refuse
                } else {
                    gate.rule(now, source, is_proven, is_crowded)
                };
                match ruling {
                    Ruling::Enter => {
                        let (local, arrived) = (Arc::clone(&local), arrived.clone());
                        strangers.spawn(receive(incoming, source, local, arrived));
                    }
                    Ruling::ProveAddress => {
                        // An attempt that has proven its address already is not asked to do so
                        // again.
                        if let Err(proven) = incoming.retry() {
                            proven.into_incoming().refuse();
                        }
                    }
                    Ruling::Refuse => {
                        turned_away.count(now, source);
                        incoming.refuse();
                    }
                }
            }
            Some(received) = strangers.join_next() => {
                if let Ok(Some(source)) = received {
                    gate.give_back(source);
                }
            }
        }
    }
}

/// Lets one connection in, and gives its attempt back if it ended well.
async fn receive(
    incoming: Incoming,
    source: IpAddr,
    local: Arc<LocalNode>,
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
    let ended_well = match tls::protocol_of(&connection).as_str() {
        LINK_PROTOCOL => receive_member(&connection, &local, &arrived).await,
        JOIN_PROTOCOL => {
            let (desk, clock) = (local.services.desk.as_deref(), local.identity.clock());
            desk::answer(&connection, desk, &local.hello, local.identity.id(), clock).await
        }
        other => {
            let ours = if other.starts_with("swell-join/") { JOIN_PROTOCOL } else { LINK_PROTOCOL };
            tracing::warn!(
                target: "audit",
                "{address} refused: it speaks {other}, and this node {ours}"
            );
            connection.close(CloseCode::OtherMajor.into(), ours.as_bytes());
            false
        }
    };
    ended_well.then_some(source)
}

/// Exchanges the first messages with a member and passes it on. False when it was refused.
async fn receive_member(
    connection: &Connection,
    local: &LocalNode,
    arrived: &mpsc::Sender<Peer>,
) -> bool {
    let address = canonical(connection.remote_address());
    if connection.peer_identity().is_none() {
        tracing::warn!(target: "audit", "{address} refused: it showed no certificate");
        connection.close(CloseCode::NoCertificate.into(), b"");
        return false;
    }
    let introduced = timeout(HELLO_DEADLINE, local.introduce(connection, false)).await;
    match introduced.unwrap_or(Err(LinkError::Silent { address })) {
        Ok(peer) => {
            tracing::info!(target: "audit", "node {} connected from {address}", peer.id());
            if let Err(peer) = arrived.try_send(peer) {
                peer.into_inner().connection().close(CloseCode::Busy, "");
            }
            true
        }
        // A member that reaches itself under another of its names is no stranger.
        Err(LinkError::Itself { .. }) => true,
        Err(error) => {
            let why = headline(&error);
            tracing::warn!(target: "audit", "member at {address} refused: {why}");
            false
        }
    }
}

/// The connections that the gate refused: one line a second, so that nobody can fill a disk by
/// trying again and again.
struct TurnedAway {
    count: u64,
    told: Option<Instant>,
}

impl TurnedAway {
    fn count(&mut self, now: Instant, source: IpAddr) {
        self.count += 1;
        if self.told.is_none_or(|told| now.duration_since(told) >= TURNED_AWAY_LINE) {
            let count = self.count;
            tracing::warn!(
                target: "audit",
                "{count} connections turned away unseen, as there are too many; the last from \
                {source}"
            );
            (self.count, self.told) = (0, Some(now));
        }
    }
}
