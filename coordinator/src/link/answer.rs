//! Answering what a peer asks.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use quinn::SendStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::admission::desk::Desk;
use crate::blob::BlobStore;
use crate::blob_serve;
use crate::clock::ClusterClock;
use crate::gate::{Bucket, BucketRate};
use crate::link::connection::PeerConnection;
use crate::link::question::{MAX_QUESTION, PeerQuestion, QUESTION_DEADLINE, Renewal};
use crate::wire::close::CloseCode;
use crate::wire::frame::{self, FrameError, FrameReader};

/// Questions of one peer that are answered at the same time; more of them wait at the peer. A node
/// asks for two files at a time and a renewal.
pub(crate) const MAX_QUESTIONS: u32 = 8;
/// How many questions one peer may ask, at once and a second. A run has some tens of files; a peer
/// that asks ten thousand times is broken.
const QUESTIONS: BucketRate = BucketRate { burst: 1024.0, each_second: 64.0 };

/// What a node has for its peers: files, and certificates where it admits nodes.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) store: Arc<dyn BlobStore>,
    pub(crate) desk: Option<Arc<Desk>>,
    pub(crate) clock: ClusterClock,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Services")
    }
}

/// Answers what a peer asks until its connection ends.
pub(crate) async fn answer_all(connection: Arc<PeerConnection>, services: Services) {
    let mut answers = JoinSet::new();
    let mut left = Bucket::full(QUESTIONS, Instant::now());
    loop {
        tokio::select! {
            stream = connection.quinn.accept_bi() => {
                let Ok((send, recv)) = stream else { break };
                if !left.take(Instant::now()) {
                    let (node, address) = (connection.node, connection.address());
                    tracing::warn!(
                        target: "audit",
                        "node {node} at {address} opens streams without end: closed"
                    );
                    connection.close(CloseCode::TooManyStreams, "");
                    break;
                }
                let (connection, services) = (Arc::clone(&connection), services.clone());
                answers.spawn(answer(connection, send, FrameReader::new(recv), services));
            }
            Some(_) = answers.join_next() => {}
        }
    }
}

/// Answers one question. It is no fault if a stream is given up before it has asked: the peer may
/// have lost interest.
async fn answer(
    connection: Arc<PeerConnection>,
    mut send: SendStream,
    mut asked: FrameReader,
    services: Services,
) {
    let question = match timeout(QUESTION_DEADLINE, asked.next(MAX_QUESTION)).await {
        Ok(Ok(question)) => question,
        Ok(Err(FrameError::TooLong(bytes))) => {
            return connection.close(CloseCode::TooLong, &format!("{bytes} bytes"));
        }
        Ok(Err(_)) | Err(_) => return,
    };
    match frame::decode(&question) {
        Ok(PeerQuestion::Blob(hash)) => blob_serve::serve(&mut send, hash, &*services.store).await,
        Ok(PeerQuestion::Renewal(request)) => {
            let renewal = renewal(&connection, &request, &services);
            if let Ok(frame) = frame::encode(&renewal)
                && send.write_chunk(frame).await.is_ok()
            {
                let _ = send.finish();
            }
        }
        Err(_) => connection.close(CloseCode::Garbage, "a question made no sense"),
    }
}

/// A new certificate for a peer, if this is where nodes are admitted.
fn renewal(connection: &PeerConnection, request: &[u8], services: &Services) -> Renewal {
    let (node, address) = (connection.node, connection.address());
    let renewed = match &services.desk {
        Some(desk) => desk.renew(node, request, services.clock.unix_s()),
        None => Err("it is not where hosts are admitted".to_owned()),
    };
    match renewed {
        Ok(grant) => {
            tracing::info!(target: "audit", "certificate of node {node} at {address} renewed");
            Renewal::Granted(grant)
        }
        Err(reason) => {
            tracing::warn!(
                target: "audit",
                "certificate of node {node} at {address} not renewed: {reason}"
            );
            Renewal::Refused(reason)
        }
    }
}
