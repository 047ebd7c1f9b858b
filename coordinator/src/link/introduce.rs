//! Who is at the other end: the first messages of a connection, from either side.

use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, SendStream};
use tokio::time::timeout;

use crate::certificate::proves;
use crate::identity::Identity;
use crate::link::answer::Services;
use crate::link::connection::PeerConnection;
use crate::link::error::LinkError;
use crate::link::peer::Peer;
use crate::socket::{DialError, canonical};
use crate::tls::LINK_PROTOCOL;
use crate::wire::close::CloseCode;
use crate::wire::frame::{FrameError, FrameReader};
use crate::wire::hello::{Hello, MAX_HELLO};

/// How long both sides may take to say what they are.
pub(crate) const HELLO_DEADLINE: Duration = Duration::from_secs(3);
/// How long a side that was refused may take to hear why.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(1);

/// What all connections of a node share.
#[derive(Debug)]
pub(crate) struct LocalNode {
    pub(crate) identity: Arc<Identity>,
    pub(crate) hello: Hello,
    pub(crate) services: Services,
}

impl LocalNode {
    /// Says what this node is, hears what the other is, and decides whether they go together.
    /// Dropping the future closes the connection.
    pub(crate) async fn introduce(
        &self,
        connection: &Connection,
        dialled: bool,
    ) -> Result<Peer, LinkError> {
        let address = canonical(connection.remote_address());
        let broken = |error| LinkError::Dial(DialError::of(error, address, LINK_PROTOCOL));
        let no_hello = |reason| LinkError::NoHello { address, reason };
        let own = self.hello.encode(self.identity.id())?;
        let (mut send, recv) =
            if dialled { connection.open_bi().await } else { connection.accept_bi().await }
                .map_err(broken)?;
        let mut messages = FrameReader::new(recv);
        if dialled {
            send_hello(&mut send, own.clone(), broken).await?;
        }
        let theirs = messages.next(MAX_HELLO).await.map_err(|e| match e {
            FrameError::Broken(quinn::ReadError::ConnectionLost(error)) => broken(error),
            FrameError::TooLong(bytes) => no_hello(format!("{bytes} bytes are too many")),
            _ => no_hello("it broke off".into()),
        });
        let theirs =
            theirs.inspect_err(|_| connection.close(CloseCode::Garbage.into(), b"no hello"))?;
        if !dialled {
            send_hello(&mut send, own, broken).await?;
        }
        let (claimed, judged) = self.hello.judge(&theirs).map_err(|reason| {
            connection.close(CloseCode::Garbage.into(), b"no hello");
            no_hello(reason)
        })?;
        let refuse = async |code: CloseCode, reason: &'static str| {
            // The side that dialled decides in the same way, and closes. If this side closed first,
            // that might overtake its own message.
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
        if !proves(connection, claimed) {
            refuse(CloseCode::Impostor, "").await;
            return Err(LinkError::Impostor { address, claimed });
        }
        if claimed == self.identity.id() {
            refuse(CloseCode::Goodbye, "this is the same host").await;
            return Err(LinkError::Itself { address });
        }
        Ok(Peer::new(
            PeerConnection::new(claimed, connection.clone()),
            hello,
            send,
            messages,
            self.services.clone(),
        ))
    }
}

/// Sends the first words.
async fn send_hello(
    send: &mut SendStream,
    words: bytes::Bytes,
    broken: impl FnOnce(quinn::ConnectionError) -> LinkError,
) -> Result<(), LinkError> {
    send.write_chunk(words).await.map_err(|e| match e {
        quinn::WriteError::ConnectionLost(error) => broken(error),
        _ => broken(quinn::ConnectionError::Reset),
    })
}
