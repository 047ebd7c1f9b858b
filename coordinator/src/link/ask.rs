//! Questions beside the messages: a stream each, with one question and one answer, so that a file
//! under way holds up nothing else.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::SendStream;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::admission::{Desk, Grant};
use crate::blobs::{self, BlobHash, BlobStore};
use crate::clock::ClusterClock;
use crate::gate::{Bucket, Rate};
use crate::link::close::CloseCode;
use crate::link::error::LinkError;
use crate::link::frame::{self, FrameError, FrameReader};
use crate::link::line::Line;
use crate::link::peer::Peer;

/// Questions of one peer that are answered at the same time; more of them wait at the peer. A node
/// asks for two files at a time and a renewal.
pub(crate) const MAX_ASKS: u32 = 8;
/// Questions of one peer at once and a second. A run has some tens of files; a peer that asks ten
/// thousand times is broken.
const ASKS: Rate = Rate { burst: 1024.0, each_second: 64.0 };
/// The longest question: a signing request of some hundred bytes.
const MAX_ASK: usize = 8 * 1024;
/// How long a stream may take to open and to say its question, and an answer to begin.
const ASK_DEADLINE: Duration = Duration::from_secs(5);

/// What may be asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// A file.
    Blob(BlobHash),
    /// A new certificate, by a signing request.
    Renewal(Vec<u8>),
}

/// The answer to [`Ask::Renewal`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Renewal {
    /// A certificate.
    Granted(Grant),
    /// None, and why.
    Refused(String),
}

/// Who answers.
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

impl Peer {
    /// Asks, and gives the stream on which the answer comes. Dropping that ends the answer.
    pub(crate) async fn ask(&self, ask: &Ask) -> Result<FrameReader, LinkError> {
        let frame = frame::encode(ask)?;
        let line = self.line();
        let asked = async {
            let (mut send, recv) = line.connection.open_bi().await.map_err(|e| line.ended(e))?;
            send.write_chunk(frame).await.map_err(|_| LinkError::Stalled { node: line.node })?;
            // A stream that was reset under our hands shows when the answer is read.
            let _ = send.finish();
            Ok(FrameReader::new(recv))
        };
        timeout(ASK_DEADLINE, asked).await.unwrap_or(Err(LinkError::Stalled { node: line.node }))
    }

    /// Waits for the message with which the answer begins.
    pub(crate) async fn answer<T: serde::de::DeserializeOwned>(
        &self,
        reader: &mut FrameReader,
    ) -> Result<T, LinkError> {
        let line = self.line();
        let garbage = |reason| {
            line.close(CloseCode::Garbage, "an answer made no sense");
            LinkError::Garbage { node: line.node, reason }
        };
        match timeout(ASK_DEADLINE, reader.next(MAX_ASK)).await {
            Err(_) | Ok(Err(FrameError::TooSlow)) => Err(LinkError::Stalled { node: line.node }),
            Ok(Ok(answer)) => frame::decode(&answer).map_err(garbage),
            Ok(Err(FrameError::Broken(quinn::ReadError::ConnectionLost(error)))) => {
                Err(line.ended(error))
            }
            Ok(Err(FrameError::TooLong(_))) => Err(garbage("an answer that is too long".into())),
            // The peer gave the answer up, and may answer the next.
            Ok(Err(_)) => Err(LinkError::Stalled { node: line.node }),
        }
    }
}

/// Answers what a peer asks until its connection ends.
pub(crate) async fn answer_all(line: Arc<Line>, services: Services) {
    let mut answers = JoinSet::new();
    let mut left = Bucket::full(ASKS, Instant::now());
    loop {
        tokio::select! {
            stream = line.connection.accept_bi() => {
                let Ok((send, recv)) = stream else { break };
                if !left.take(Instant::now()) {
                    tracing::warn!(target: "audit", "host {} at {} opens streams without end: \
                    closed", line.node, line.address());
                    line.close(CloseCode::TooManyStreams, "");
                    break;
                }
                answers.spawn(answer(Arc::clone(&line), send, FrameReader::new(recv), services.clone()));
            }
            Some(_) = answers.join_next() => {}
        }
    }
}

/// Answers one question. A stream that is given up before it has asked is no offence: whoever asked
/// may have lost interest.
async fn answer(line: Arc<Line>, mut send: SendStream, mut asked: FrameReader, services: Services) {
    let Ok(Ok(ask)) = timeout(ASK_DEADLINE, asked.next(MAX_ASK)).await.map(|ask| match ask {
        Ok(ask) => Ok(ask),
        Err(FrameError::TooLong(bytes)) => {
            line.close(CloseCode::TooLong, &format!("{bytes} bytes"));
            Err(())
        }
        Err(_) => Err(()),
    }) else {
        return;
    };
    match frame::decode(&ask) {
        Ok(Ask::Blob(hash)) => blobs::serve(&mut send, hash, &*services.store).await,
        Ok(Ask::Renewal(request)) => {
            let renewed = match &services.desk {
                Some(desk) => desk.renew(line.node, &request, services.clock.unix_s()),
                None => Err("it is not where hosts are admitted".to_owned()),
            };
            match &renewed {
                Ok(_) => {
                    tracing::info!(target: "audit", "certificate of host {} at {} renewed", line.node, line.address())
                }
                Err(reason) => {
                    tracing::warn!(target: "audit", "certificate of host {} at {} not renewed: \
                    {reason}", line.node, line.address())
                }
            }
            let renewal = renewed.map_or_else(Renewal::Refused, Renewal::Granted);
            if let Ok(frame) = frame::encode(&renewal)
                && send.write_chunk(frame).await.is_ok()
            {
                let _ = send.finish();
            }
        }
        Err(_) => line.close(CloseCode::Garbage, "a question made no sense"),
    }
}
