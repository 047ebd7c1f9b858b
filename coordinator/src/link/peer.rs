//! A member that this node has a connection with.
//!
//! Messages travel in order on one stream, each way. They are written by a task of the peer's own,
//! so that a caller that drops a [`Peer::send`] in a `select!` has sent a message whole or not at
//! all. Beside them are datagrams, which may be lost, and streams with a question each
//! ([`question`](super::question)), which a second task answers. Both tasks end with the peer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::{SendDatagramError, SendStream, VarInt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use swell_protocol::message::NodeId;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, SemaphorePermit, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::link::answer::{MAX_QUESTIONS, Services, answer_all};
use crate::link::connection::PeerConnection;
use crate::link::error::LinkError;
use crate::socket::MEMBER_WINDOW;
use crate::wire::close::CloseCode;
use crate::wire::frame::{self, FrameError, FrameReader, MAX_MESSAGE};
use crate::wire::hello::Hello;

/// How many bytes of messages may wait to be written: two of the longest. When there are more,
/// [`Peer::send`] waits.
const MAX_WAITING_BYTES: usize = 2 * MAX_MESSAGE;
/// How many messages may wait to be written. When there are more, [`Peer::send`] waits.
const MAX_WAITING: usize = 1024;
/// How many files are fetched from one peer at a time, each with up to 1 MiB that was not read yet:
/// a third would leave no room for messages.
const MAX_FETCHES: usize = 2;
/// How long a message waits for room: as long as a whole message may take on its way.
const SEND_DEADLINE: Duration = Duration::from_secs(5);
/// How long a goodbye waits until what was sent before it has arrived.
const GOODBYE_DEADLINE: Duration = Duration::from_secs(1);

/// A member at the other end of a connection. Dropping it closes the connection; share it with an
/// [`Arc`].
#[derive(Debug)]
pub struct Peer {
    hello: Hello,
    connection: Arc<PeerConnection>,
    /// Bytes of messages that may still wait to be written.
    room: Arc<Semaphore>,
    outgoing: mpsc::Sender<QueuedWrite>,
    messages: Mutex<FrameReader>,
    /// Files that may still be fetched at the same time.
    fetches: Semaphore,
    /// The writer and the answerer; dropping the set aborts them.
    _tasks: JoinSet<()>,
}

/// What the writer of a connection does next.
#[derive(Debug)]
enum QueuedWrite {
    /// A message, and the room that it takes until it is written.
    Message(Bytes, OwnedSemaphorePermit),
    /// The last message: it is acknowledged when all before it has arrived.
    Goodbye(oneshot::Sender<()>),
}

impl Peer {
    /// A peer that has said who it is and proven it.
    pub(crate) fn new(
        connection: PeerConnection,
        hello: Hello,
        send: SendStream,
        messages: FrameReader,
        services: Services,
    ) -> Self {
        // The other side is known now, so the streams are opened: one for messages, which is open
        // already if the peer has dialled, and those for questions.
        connection.quinn.set_receive_window(VarInt::from_u32(MEMBER_WINDOW));
        connection.quinn.set_max_concurrent_bi_streams(VarInt::from_u32(1 + MAX_QUESTIONS));
        let connection = Arc::new(connection);
        let room = Arc::new(Semaphore::new(MAX_WAITING_BYTES));
        let (outgoing, waiting) = mpsc::channel(MAX_WAITING);
        let mut tasks = JoinSet::new();
        tasks.spawn(write(Arc::clone(&connection), send, waiting, Arc::clone(&room)));
        tasks.spawn(answer_all(Arc::clone(&connection), services));
        Self {
            hello,
            connection,
            room,
            outgoing,
            messages: Mutex::new(messages),
            fetches: Semaphore::new(MAX_FETCHES),
            _tasks: tasks,
        }
    }

    /// Its id, which its certificate proves.
    pub fn id(&self) -> NodeId {
        self.connection.node
    }

    /// What it says that it is.
    pub const fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Its present address; this may change when it is behind NAT.
    pub fn address(&self) -> SocketAddr {
        self.connection.address()
    }

    /// The estimate of the round trip to it.
    pub fn round_trip(&self) -> Duration {
        self.connection.quinn.rtt()
    }

    /// Sends a message of at most [`MAX_MESSAGE`] bytes. It is on its way when this returns, and
    /// has not arrived.
    ///
    /// It waits at most five seconds for room. A caller that drops the future has sent it whole or
    /// not at all.
    pub async fn send<T: Serialize + ?Sized>(&self, message: &T) -> Result<(), LinkError> {
        let frame = frame::encode(message)?;
        if let Some(error) = self.connection.quinn.close_reason() {
            return Err(self.connection.ended(error));
        }
        let bytes = u32::try_from(frame.len()).expect("a message has at most 1 MiB");
        let sent = async {
            let room = Arc::clone(&self.room).acquire_many_owned(bytes).await.ok()?;
            self.outgoing.send(QueuedWrite::Message(frame, room)).await.ok()
        };
        match timeout(SEND_DEADLINE, sent).await {
            Ok(Some(())) => Ok(()),
            Ok(None) => Err(self.connection.ended(self.connection.quinn.closed().await)),
            Err(_) => Err(LinkError::Stalled { node: self.id() }),
        }
    }

    /// Waits for the next message. One task at a time receives; a second one waits for the first.
    ///
    /// A caller may drop the future and loses nothing. The wait ends with the connection, which a
    /// peer that is gone outlives by ten seconds; a peer that lives and has nothing to say is the
    /// caller's to judge. What is no `T` closes the connection.
    pub async fn receive<T: DeserializeOwned>(&self) -> Result<T, LinkError> {
        let node = self.id();
        let message = self.messages.lock().await.next(MAX_MESSAGE).await;
        match message {
            Ok(message) => frame::decode(&message).map_err(|reason| self.garbage(reason)),
            Err(FrameError::Ended) => {
                let connection = &self.connection.quinn;
                Err(match connection.close_reason() {
                    Some(error) => self.connection.ended(error),
                    None => LinkError::Closed {
                        node,
                        here: false,
                        code: Some(CloseCode::Goodbye),
                        reason: String::new(),
                    },
                })
            }
            Err(FrameError::Cut) => Err(self.garbage("it ends within a message".into())),
            Err(FrameError::TooLong(bytes)) => {
                self.connection.close(CloseCode::TooLong, &format!("{bytes} bytes"));
                Err(LinkError::Oversized { node, bytes })
            }
            Err(FrameError::TooSlow) => {
                self.connection.close(CloseCode::TooSlow, "");
                Err(LinkError::TooSlow { node })
            }
            Err(FrameError::Broken(quinn::ReadError::ConnectionLost(error))) => {
                Err(self.connection.ended(error))
            }
            Err(FrameError::Broken(error)) => Err(self.garbage(error.to_string())),
        }
    }

    /// Sends a message that may be lost, or arrive late or out of order, and never waits: when too
    /// many are under way, the oldest is dropped. A message must fit into one packet, about 1,100
    /// bytes.
    pub fn send_datagram<T: Serialize + ?Sized>(&self, message: &T) -> Result<(), LinkError> {
        let unwritable = |reason: String| LinkError::Unwritable { reason };
        let message = postcard::to_stdvec(message).map_err(|e| unwritable(e.to_string()))?;
        let bytes = message.len();
        self.connection.quinn.send_datagram(message.into()).map_err(|e| match e {
            SendDatagramError::ConnectionLost(error) => self.connection.ended(error),
            SendDatagramError::TooLarge => {
                unwritable(format!("{bytes} bytes do not fit into a datagram"))
            }
            e => unwritable(e.to_string()),
        })
    }

    /// Waits for the next datagram; the same is true as of [`Peer::receive`]. Those that nobody
    /// waits for are kept up to 64 KiB, then the oldest go.
    pub async fn receive_datagram<T: DeserializeOwned>(&self) -> Result<T, LinkError> {
        let message =
            self.connection.quinn.read_datagram().await.map_err(|e| self.connection.ended(e))?;
        frame::decode(&message).map_err(|reason| self.garbage(reason))
    }

    /// Waits for the end of the connection and says why it ended. A caller may drop the future.
    pub async fn ended(&self) -> LinkError {
        self.connection.ended(self.connection.quinn.closed().await)
    }

    /// Closes the connection when all that was sent has arrived, or after a second.
    pub async fn close(&self, reason: &str) {
        let (arrived, wait) = oneshot::channel();
        let goodbye = async {
            if self.outgoing.send(QueuedWrite::Goodbye(arrived)).await.is_ok() {
                let _ = wait.await;
            }
        };
        // What did not arrive by the deadline is lost, as the documentation says.
        let _ = timeout(GOODBYE_DEADLINE, goodbye).await;
        self.connection.close(CloseCode::Goodbye, reason);
    }

    /// Closes the connection at once, because the peer sent something well-formed that cannot be
    /// true. The peer is told the reason.
    pub fn reject(&self, reason: &str) {
        self.connection.close(CloseCode::Rejected, reason);
    }

    /// Waits for the turn of one more file; it lasts as long as the permit.
    pub(crate) async fn turn_to_fetch(&self) -> SemaphorePermit<'_> {
        self.fetches.acquire().await.expect("this semaphore is never closed")
    }

    pub(crate) fn connection(&self) -> &PeerConnection {
        &self.connection
    }

    fn garbage(&self, reason: String) -> LinkError {
        self.connection.close(CloseCode::Garbage, &reason);
        LinkError::Garbage { node: self.id(), reason }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.connection.close(CloseCode::Goodbye, "");
    }
}

/// Writes what waits, until the goodbye or the end of the connection; after that nobody needs to
/// wait for room any more.
async fn write(
    connection: Arc<PeerConnection>,
    mut stream: SendStream,
    mut waiting: mpsc::Receiver<QueuedWrite>,
    room: Arc<Semaphore>,
) {
    let closed = connection.quinn.closed();
    tokio::pin!(closed);
    loop {
        let next = tokio::select! {
            next = waiting.recv() => next,
            _ = &mut closed => break,
        };
        let Some(next) = next else { break };
        match next {
            QueuedWrite::Message(message, taken) => {
                if stream.write_chunk(message).await.is_err() {
                    connection.close(CloseCode::Garbage, "messages are not read");
                    break;
                }
                drop(taken);
            }
            QueuedWrite::Goodbye(arrived) => {
                // What is finished already, or broken, has nothing left to wait for.
                if stream.finish().is_ok() {
                    let _ = stream.stopped().await;
                }
                let _ = arrived.send(());
                break;
            }
        }
    }
    room.close();
}
