//! Asking a peer, and reading how its answer begins.

use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::link::error::LinkError;
use crate::link::peer::Peer;
use crate::link::question::{MAX_QUESTION, PeerQuestion, QUESTION_DEADLINE};
use crate::wire::close::CloseCode;
use crate::wire::frame::{self, FrameError, FrameReader};

impl Peer {
    /// Asks, and gives the stream on which the answer comes. Dropping that ends the answer.
    pub(crate) async fn ask(&self, question: &PeerQuestion) -> Result<FrameReader, LinkError> {
        let frame = frame::encode(question)?;
        let connection = self.connection();
        let asked = async {
            let (mut send, recv) =
                connection.quinn.open_bi().await.map_err(|e| connection.ended(e))?;
            send.write_chunk(frame)
                .await
                .map_err(|_| LinkError::Stalled { node: connection.node })?;
            // A stream that was reset under our hands shows when the answer is read.
            let _ = send.finish();
            Ok(FrameReader::new(recv))
        };
        timeout(QUESTION_DEADLINE, asked)
            .await
            .unwrap_or(Err(LinkError::Stalled { node: connection.node }))
    }

    /// Waits for the message with which the answer begins.
    pub(crate) async fn read_answer<T: DeserializeOwned>(
        &self,
        reader: &mut FrameReader,
    ) -> Result<T, LinkError> {
        let connection = self.connection();
        let garbage = |reason| {
            connection.close(CloseCode::Garbage, "an answer made no sense");
            LinkError::Garbage { node: connection.node, reason }
        };
        match timeout(QUESTION_DEADLINE, reader.next(MAX_QUESTION)).await {
            Err(_) | Ok(Err(FrameError::TooSlow)) => {
                Err(LinkError::Stalled { node: connection.node })
            }
            Ok(Ok(answer)) => frame::decode(&answer).map_err(garbage),
            Ok(Err(FrameError::Broken(quinn::ReadError::ConnectionLost(error)))) => {
                Err(connection.ended(error))
            }
            Ok(Err(FrameError::TooLong(_))) => Err(garbage("an answer that is too long".into())),
            // The peer gave the answer up, and may answer the next.
            Ok(Err(_)) => Err(LinkError::Stalled { node: connection.node }),
        }
    }
}
