//! A member of the cluster as its coordinator knows it: what the member is sent, and what it wants.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use swell_cluster::{NodeId, Peer};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::cluster::link::{receive, send};
use crate::cluster::message::{FromCoordinator, FromMember, MemberRequest, Role, RunNumber};
use crate::cluster::requests::{ApiReply, ClusterRequest, Requested};

/// How many messages may wait to be written to one node: orders and answers of some seconds. A node
/// with more is too slow to be spoken with, and asks again.
const MAX_MESSAGES_TO_SEND: usize = 64;
/// How many pieces of answers may wait behind what is said about runs.
const MAX_PIECES_TO_SEND: usize = 2;
/// What one member may want at a time.
const MAX_REQUESTS: usize = 16;

/// What comes from a connection: a message, or its end.
pub(super) type FromConnection = (NodeId, u64, Result<FromMember, String>);

/// A member that is connected, or that takes part in a run and was connected.
pub(super) struct Member {
    /// The member's name; empty before its first message.
    pub(super) name: Option<String>,
    pub(super) role: Role,
    peer: Arc<Peer>,
    pub(super) address: SocketAddr,
    /// Which of its connections is in use.
    pub(super) connection: u64,
    messages: mpsc::Sender<FromCoordinator>,
    /// Pieces of answers, which wait behind messages.
    answers: mpsc::Sender<FromCoordinator>,
    pub(super) is_connected: bool,
    /// The run that it takes part in.
    pub(super) at: Option<RunNumber>,
    /// What the member wants and may not have an answer to, oldest first.
    requests: VecDeque<(u64, AbortHandle)>,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.requests.iter().for_each(|(_, asked)| asked.abort());
    }
}

/// What a member is sent: messages about runs, and pieces of answers, which wait behind them.
pub(super) struct Outbox {
    messages: mpsc::Receiver<FromCoordinator>,
    answers: mpsc::Receiver<FromCoordinator>,
}

impl Member {
    /// A member whose connection has just been made. It goes on as the member that it was `before`
    /// under the same identity.
    pub(super) fn connected(
        peer: &Arc<Peer>,
        connection: u64,
        before: Option<&Self>,
    ) -> (Self, Outbox) {
        let (messages, to_write) = mpsc::channel(MAX_MESSAGES_TO_SEND);
        let (answers, to_answer) = mpsc::channel(MAX_PIECES_TO_SEND);
        let member = Self {
            name: before.and_then(|before| before.name.clone()),
            role: Role::Client,
            peer: Arc::clone(peer),
            address: peer.address(),
            connection,
            messages,
            answers,
            is_connected: true,
            at: before.and_then(|before| before.at),
            requests: VecDeque::new(),
        };
        (member, Outbox { messages: to_write, answers: to_answer })
    }

    /// Whether it is a node that could take part in a run.
    pub(super) const fn is_node(&self) -> bool {
        self.is_connected && self.name.is_some() && matches!(self.role, Role::Node(_))
    }

    /// Lets the cluster do what the member wants.
    pub(super) fn handle_request(
        &mut self,
        number: u64,
        request: MemberRequest,
        cluster: mpsc::Sender<ClusterRequest>,
    ) {
        self.requests.retain(|(_, asked)| !asked.is_finished());
        // Nobody is likely to wait for the oldest any more.
        if self.requests.len() >= MAX_REQUESTS
            && let Some((oldest, asked)) = self.requests.pop_front()
        {
            asked.abort();
            let words = "too much was wanted at a time, and this was the oldest";
            for piece in ApiReply::error(429, words).pieces(oldest) {
                self.send(piece);
            }
        }
        let (peer, answers) = (Arc::clone(&self.peer), self.answers.clone());
        let asked = tokio::spawn(answer_request(peer, number, request, cluster, answers));
        self.requests.push_back((number, asked.abort_handle()));
    }

    /// The connection has ended: what the member wants is not done any more.
    pub(super) fn handle_disconnect(&mut self) {
        self.is_connected = false;
        self.requests.drain(..).for_each(|(_, asked)| asked.abort());
    }

    /// What does not fit is lost, as on a network: nodes ask again.
    pub(super) fn send(&self, message: FromCoordinator) {
        if self.is_connected {
            let _ = self.messages.try_send(message);
        }
    }

    /// The same for messages that nobody asks for again: with the next connection all is said anew.
    pub(super) fn send_reliably(&self, message: FromCoordinator) {
        if self.is_connected && self.messages.try_send(message).is_err() {
            self.peer.reject("what is said to this node is not read");
        }
    }
}

/// Speaks with a member until either side ends the connection.
pub(super) async fn converse(
    peer: Arc<Peer>,
    connection: u64,
    outbox: Outbox,
    heard: mpsc::Sender<FromConnection>,
) {
    let Outbox { mut messages, mut answers } = outbox;
    let write = async {
        // A lease is not to wait behind a long answer.
        while let Some(message) = tokio::select! {
            biased;
            message = messages.recv() => message,
            Some(piece) = answers.recv() => Some(piece),
        } {
            if let Err(error) = send(&peer, &message, message.is_passing()).await {
                // The member is to dial again, and is then told everything again.
                let reason = format!("{error:#}");
                peer.reject(&reason);
                return reason;
            }
        }
        peer.close("dismissed").await;
        "it was dismissed".to_owned()
    };
    let read = async {
        loop {
            match receive(&peer).await {
                Ok(message) => {
                    if heard.send((peer.id(), connection, Ok(message))).await.is_err() {
                        return "this node is ending".to_owned();
                    }
                }
                Err(error) => return format!("{error:#}"),
            }
        }
    };
    let reason = tokio::select! {
        reason = write => reason,
        reason = read => reason,
    };
    // Nobody receives it where this node is ending.
    let _ = heard.send((peer.id(), connection, Err(reason))).await;
}

/// Has done what a member wants of the cluster, and answers.
async fn answer_request(
    peer: Arc<Peer>,
    number: u64,
    request: MemberRequest,
    cluster: mpsc::Sender<ClusterRequest>,
    answers: mpsc::Sender<FromCoordinator>,
) {
    let (reply, replied) = oneshot::channel();
    let what = match request {
        MemberRequest::Call(call) => Ok(Requested::Call(call)),
        MemberRequest::Run(run) => match run.bundle.fetch(&peer).await {
            Ok(received) => Ok(Requested::Run(received, run.hosts, run.search)),
            Err(error) => Err(ApiReply::error(422, &format!("{error:#}"))),
        },
    };
    drop(peer);
    let reply_of_cluster = match what {
        Ok(what) => {
            // Where nobody listens, there is no reply either.
            let _ = cluster.send(ClusterRequest { what, reply }).await;
            replied.await.unwrap_or_else(|_| ApiReply::error(503, "the coordinator is ending"))
        }
        Err(refused) => refused,
    };
    for piece in reply_of_cluster.pieces(number) {
        if answers.send(piece).await.is_err() {
            return;
        }
    }
}
