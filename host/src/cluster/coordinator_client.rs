//! The connection of a command that gives a cluster something to do, or asks how it is.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use swell_cluster::{Admission, LinkError, NodeEndpoint, NodeId, Peer, Socket, Token};
use tokio::sync::oneshot;

use super::bundle::OfferedFiles;
use super::link::{RETRY_EVERY, hello, join_patiently};
use super::message::{FromCoordinator, FromMember, MemberCall, MemberRequest, Role, Submission};
use super::requests::{ApiReply, OpenRequests};
use super::this_host::own_name;

/// How long the coordinator may be out of reach.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module's documentation. It does one thing at a time.
pub(super) struct CoordinatorClient {
    endpoint: NodeEndpoint,
    coordinator: NodeId,
    address: SocketAddr,
    peer: Peer,
    pending: OpenRequests,
}

impl CoordinatorClient {
    /// Joins by a token. The coordinator may fetch the offered files.
    ///
    /// # Errors
    /// The coordinator cannot be reached, or does not admit this node.
    pub(super) async fn connect(token: &Token, offered: OfferedFiles) -> anyhow::Result<Self> {
        let socket = Socket::bind((Ipv4Addr::UNSPECIFIED, 0).into())?;
        let Admission { identity, coordinator, address } = join_patiently(&socket, token).await?;
        let endpoint =
            NodeEndpoint::open(socket, Arc::new(identity), hello(), Arc::new(offered), None);
        let peer = dial(&endpoint, address, coordinator).await?;
        Ok(Self { endpoint, coordinator, address, peer, pending: OpenRequests::default() })
    }

    /// Dials again, for a minute at the most.
    ///
    /// # Errors
    /// There is no answer.
    async fn reconnect(&mut self) -> anyhow::Result<()> {
        let began = tokio::time::Instant::now();
        loop {
            match dial(&self.endpoint, self.address, self.coordinator).await {
                Ok(peer) => {
                    self.peer = peer;
                    return Ok(());
                }
                Err(error) if began.elapsed() >= PATIENCE => {
                    return Err(error).context("the coordinator is gone");
                }
                Err(_) => tokio::time::sleep(RETRY_EVERY).await,
            }
        }
    }

    /// Says goodbye, so that what is wanted and not yet begun does not begin.
    pub(super) async fn leave(&self) {
        self.peer.close("leaving").await;
    }

    /// Lets the cluster do a run.
    ///
    /// # Errors
    /// The run is refused, with the reason; or the connection has ended.
    pub(super) async fn submit<T: DeserializeOwned>(
        &mut self,
        submission: Submission,
    ) -> anyhow::Result<T> {
        read(self.ask(MemberRequest::Run(Box::new(submission))).await?)
    }

    /// Makes a call of the control API whose answer is JSON.
    ///
    /// # Errors
    /// As [`CoordinatorClient::submit`].
    pub(super) async fn call<T: DeserializeOwned>(
        &mut self,
        method: &str,
        path: &str,
    ) -> anyhow::Result<T> {
        read(self.fetch(method, path, Vec::new()).await?)
    }

    /// Makes a call whose answer is bytes.
    ///
    /// # Errors
    /// As [`CoordinatorClient::submit`].
    pub(super) async fn bytes(&mut self, path: &str) -> anyhow::Result<Vec<u8>> {
        content(self.fetch("GET", path, Vec::new()).await?)
    }

    /// Makes a call with a body, of whose answer nothing is needed.
    ///
    /// # Errors
    /// As [`CoordinatorClient::submit`].
    pub(super) async fn tell(
        &mut self,
        method: &str,
        path: &str,
        body: Vec<u8>,
    ) -> anyhow::Result<()> {
        content(self.fetch(method, path, body).await?).map(drop)
    }

    /// The same as [`CoordinatorClient::call`] for a run that goes on, whatever happens to the
    /// connection: if it has ended, it is made again.
    ///
    /// # Errors
    /// As [`CoordinatorClient::submit`], or the coordinator is gone for good.
    pub(super) async fn insist<T: DeserializeOwned>(
        &mut self,
        method: &str,
        path: &str,
    ) -> anyhow::Result<T> {
        read(self.fetch_insistently(method, path).await?)
    }

    /// The same of [`CoordinatorClient::bytes`].
    ///
    /// # Errors
    /// As [`CoordinatorClient::insist`].
    pub(super) async fn insist_on_bytes(&mut self, path: &str) -> anyhow::Result<Vec<u8>> {
        content(self.fetch_insistently("GET", path).await?)
    }

    async fn fetch_insistently(&mut self, method: &str, path: &str) -> anyhow::Result<ApiReply> {
        match self.fetch(method, path, Vec::new()).await {
            Err(error) => {
                tracing::warn!("the coordinator is out of reach: {error}");
                self.reconnect().await?;
                Ok(self.fetch(method, path, Vec::new()).await?)
            }
            Ok(answer) => Ok(answer),
        }
    }

    /// Makes a call of the control API.
    ///
    /// # Errors
    /// The connection is gone.
    async fn fetch(
        &mut self,
        method: &str,
        path: &str,
        body: Vec<u8>,
    ) -> Result<ApiReply, LinkError> {
        let (method, path) = (method.to_owned(), path.to_owned());
        self.ask(MemberRequest::Call(MemberCall { method, path, body, is_of_page: false })).await
    }

    async fn ask(&mut self, request: MemberRequest) -> Result<ApiReply, LinkError> {
        let (reply, mut replied) = oneshot::channel();
        let number = self.pending.open(reply);
        self.peer.send(&FromMember::Request(number, request)).await?;
        loop {
            if let FromCoordinator::Answer { number, status, is_json, piece, is_last } =
                self.peer.receive().await?
            {
                self.pending.handle_piece(number, (status, is_json), &piece, is_last);
            }
            if let Ok(answer) = replied.try_recv() {
                return Ok(answer);
            }
        }
    }
}

/// The path of a call about a run.
pub(super) fn path(run: &str, act: &str) -> String {
    format!("/v1/runs/{}{act}", utf8_percent_encode(run, NON_ALPHANUMERIC))
}

async fn dial(
    endpoint: &NodeEndpoint,
    address: SocketAddr,
    coordinator: NodeId,
) -> Result<Peer, LinkError> {
    let peer = endpoint.dial(address, Some(coordinator)).await?;
    peer.send(&FromMember::Introduction { name: own_name(), role: Role::Client }).await?;
    Ok(peer)
}

const fn is_ok(answer: &ApiReply) -> bool {
    matches!(answer.status, 200..=299)
}

/// What an answer has, unless it is a refusal.
fn content(answer: ApiReply) -> anyhow::Result<Vec<u8>> {
    if is_ok(&answer) { Ok(answer.body) } else { bail!(refusal(&answer)) }
}

/// Why it was refused.
fn refusal(answer: &ApiReply) -> String {
    let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    said["error"].as_str().map_or_else(
        || format!("the coordinator answered with status {}", answer.status),
        str::to_owned,
    )
}

fn read<T: DeserializeOwned>(answer: ApiReply) -> anyhow::Result<T> {
    serde_json::from_slice(&content(answer)?)
        .map_err(|error| anyhow!("the coordinator's answer makes no sense: {error}"))
}
