//! How a host of a cluster speaks with another: what it says of itself, how it joins, and messages
//! both ways.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use swell_cluster::{Admission, Hello, Identity, JoinError, LinkError, Peer, Socket, Token, join};

/// The version of the messages between hosts.
const PROTOCOL: u32 = 3;
/// The time between attempts to reach a coordinator.
pub(super) const RETRY_EVERY: Duration = Duration::from_secs(1);
/// How long one is asked for admission that is there, and has too much to do.
const JOIN_PATIENCE: Duration = Duration::from_secs(20);

/// What this host is, for others to judge whether they go together. A release has one version of
/// wasmtime.
pub(super) fn hello() -> Hello {
    let release = env!("CARGO_PKG_VERSION").to_owned();
    Hello {
        protocol: PROTOCOL,
        engine: format!("the engine of release {release}"),
        release,
        contract: swell_engine::contract_hash(),
    }
}

/// How long this host waits before it looks whether to renew its certificate: a minute at least,
/// as after a failure; ten at most, as its clock goes on while the machine is suspended, and that
/// of a timer does not.
pub(super) fn until_renewal(identity: &Identity) -> Duration {
    identity.renew_in().clamp(Duration::from_secs(60), Duration::from_secs(600))
}

/// Joins by a token. Where many do at once some are turned away, and try again.
///
/// # Errors
/// The coordinator cannot be reached, or does not admit this host.
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

/// Sends a message; one that is passing does not wait for those before it, which may have to be
/// sent again.
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
/// The connection is gone, or what came is no message.
pub(super) async fn receive<T: DeserializeOwned>(peer: &Peer) -> Result<T, LinkError> {
    tokio::select! {
        // What came before the end of the connection is heard before it.
        biased;
        message = peer.receive() => message,
        message = peer.receive_datagram() => message,
    }
}
