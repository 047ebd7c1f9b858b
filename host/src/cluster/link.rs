//! How a node of a cluster speaks with another: what it says about itself, how it joins, and
//! messages both ways.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use swell_cluster::{Admission, Hello, Identity, JoinError, LinkError, Peer, Socket, Token, join};

/// The version of the messages between nodes.
const PROTOCOL: u32 = 6;
/// The time between attempts to reach a coordinator.
pub(super) const RETRY_EVERY: Duration = Duration::from_secs(1);
/// How long a node goes on asking for admission when the coordinator is there and has too much to
/// do.
const JOIN_PATIENCE: Duration = Duration::from_secs(20);

/// What this node is, so that others can decide whether they go together. A release has one version
/// of wasmtime.
pub(super) fn hello() -> Hello {
    let release = env!("CARGO_PKG_VERSION").to_owned();
    Hello {
        protocol: PROTOCOL,
        engine: format!("the engine of release {release}"),
        release,
        contract: swell_engine::contract_hash(),
    }
}

/// How long this node waits before it looks whether to renew its certificate: a minute at least,
/// also after a failure; ten minutes at most, because the certificate's clock goes on while the
/// machine is suspended, and a timer's clock does not.
pub(super) fn until_renewal(identity: &Identity) -> Duration {
    identity.renew_in().clamp(Duration::from_secs(60), Duration::from_secs(600))
}

/// Joins by a token. Where many nodes join at once some are refused, and try again.
///
/// # Errors
/// The coordinator cannot be reached, or does not admit this node.
pub(super) async fn join_patiently(socket: &Socket, token: &Token) -> Result<Admission, JoinError> {
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

/// Sends a message. A message that is soon said again does not wait for earlier ones, which may
/// have to be sent again.
///
/// # Errors
/// The connection is gone, or the other side does not read.
pub(super) async fn send<T: Serialize + Sync>(
    peer: &Peer,
    message: &T,
    is_passing: bool,
) -> Result<(), LinkError> {
    // What does not fit into a packet goes with the others.
    if is_passing && peer.send_datagram(message).is_ok() {
        return Ok(());
    }
    peer.send(message).await
}

/// The next message, whichever way it comes. Dropping the future loses none.
///
/// # Errors
/// The connection has ended, or what came is no message.
pub(super) async fn receive<T: DeserializeOwned>(peer: &Peer) -> Result<T, LinkError> {
    tokio::select! {
        // What came before the end of the connection is taken in before that end.
        biased;
        message = peer.receive() => message,
        message = peer.receive_datagram() => message,
    }
}
