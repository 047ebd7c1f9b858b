//! HTTP/3: one connection to an origin for all requests of a user, over QUIC.
//!
//! The crate h3 knows frames and the compression of heads; `transport` gives it the streams of a
//! QUIC connection. It reads heads of any size and passes over a body that is cut short, so
//! the frames are followed as they come (`frames`): what is larger than its limit, or ends within a
//! frame, ends there.
//!
//! What was handed to the network is, as seen from here, what was handed to QUIC: a datagram may be
//! lost on its way, and is sent again.

mod fault;
mod frames;
mod transport;
mod wire;

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use h3::client::{Connection, RequestStream, SendRequest, builder};
use h3::error::{Code, StreamError};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request, StatusCode};
use quinn::VarInt;
use swell_core::exchange::ErrorClass;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use self::fault::FaultReader;
use self::transport::{
    IncomingStream, OfferedStreams, Opener, OutgoingStream, RequestStreams, StreamNotes, Transport,
};
pub(crate) use self::wire::Http3Wire;
use crate::error::Error;
use crate::http::failure::{Retry, SendFailure};
use crate::http::head::Head;
use crate::net::quic::{CONNECTION_WINDOW, QuicConnection, SocketNews};
use crate::net::rare::Rare;
use crate::options::ConnectionLimits;

/// An open connection. It is closed when it is dropped.
pub(crate) struct Http3Connection {
    quic: quinn::Connection,
    /// Cloned for each request.
    sender: SendRequest<Opener, Bytes>,
    offered: Rc<OfferedStreams>,
    wire: Rc<Http3Wire>,
    faults: FaultReader,
    header_limit: usize,
    limits: ConnectionLimits,
    /// How many requests it was given.
    given: Cell<u32>,
    /// The task that reads what the service says of the connection.
    task: JoinHandle<()>,
}

/// One exchange's right to send on a connection, which stays open for it.
pub(crate) struct Http3Sender {
    connection: Rc<Http3Connection>,
    /// The stream of its request, from when there was room for one until it is used.
    streams: Option<RequestStreams>,
    /// The number of that stream.
    id: u64,
    /// When all of the request was handed to QUIC.
    handed: Option<Instant>,
    is_written: bool,
}

/// A body that is being received, while the request's own may still be on its way.
pub(crate) struct Http3Body {
    answer: RequestStream<IncomingStream, Bytes>,
    notes: Rc<StreamNotes>,
    upload: Option<Upload>,
    /// How many bytes are still to come, where the head says how many there are.
    left: Option<u64>,
    /// Whether only what follows a body may still come.
    has_ended: bool,
    is_end: bool,
    connection: Rc<Http3Connection>,
}

type Upload = Pin<Box<dyn Future<Output = Result<(), StreamError>>>>;

/// How often a connection with a request under way sends something, so that neither side takes it
/// for idle while an answer is waited for: a third of the shortest idle timeout in common use.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

impl Http3Connection {
    /// Takes a connection that is open.
    #[inline(never)]
    pub(crate) fn open(
        QuicConnection { connection: quic, news }: QuicConnection,
        header_limit: usize,
        limits: ConnectionLimits,
        wire: Rc<Http3Wire>,
    ) -> Rare<'static, Result<Rc<Self>, Error>> {
        Box::pin(async move {
            let faults = FaultReader::new(quic.clone(), news);
            let transport = Transport::new(quic.clone(), Rc::clone(&wire));
            let offered = transport.offered();
            let opened = builder()
                .send_grease(false)
                .max_field_section_size(header_limit as u64)
                .build(transport)
                .await;
            let (connection, sender) = opened.map_err(|error| faults.connection(&error))?;
            let driven = drive(connection, quic.clone(), faults.news(), Rc::clone(&wire));
            let task = tokio::task::spawn_local(driven);
            Ok(Rc::new(Self {
                quic,
                sender,
                offered,
                wire,
                faults,
                header_limit,
                limits,
                given: Cell::new(0),
                task,
            }))
        })
    }

    /// A right to send on the connection; `None` if it has ended or takes no new request.
    pub(crate) fn sender(self: &Rc<Self>) -> Option<Http3Sender> {
        let is_open = self.wire.takes_more() && self.quic.close_reason().is_none();
        is_open.then(|| {
            self.given.set(self.given.get() + 1);
            Http3Sender {
                connection: Rc::clone(self),
                streams: None,
                id: 0,
                handed: None,
                is_written: false,
            }
        })
    }

    /// Whether it was given as many requests as it may carry.
    pub(crate) fn is_spent(&self) -> bool {
        self.limits.requests.is_some_and(|most| self.given.get() >= most.get())
    }

    /// Since when no request has been under way on it; nothing while one is, or where nobody wants
    /// to know.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        self.limits.idle.and_then(|_| self.wire.idle_since())
    }
}

impl Drop for Http3Connection {
    fn drop(&mut self) {
        self.quic.close(code(Code::H3_NO_ERROR), b"");
        self.task.abort();
    }
}

fn code(code: Code) -> VarInt {
    VarInt::from_u64(code.value()).unwrap_or(VarInt::MAX)
}

/// Reads what the service says of a connection until it has ended.
async fn drive(
    mut connection: Connection<Transport, Bytes>,
    quic: quinn::Connection,
    news: Arc<SocketNews>,
    wire: Rc<Http3Wire>,
) {
    let mut window = CONNECTION_WINDOW;
    loop {
        tokio::select! {
            // Each request on the connection learns by itself that it has ended.
            _ended = poll_fn(|cx| connection.poll_close(cx)) => return,
            _error = news.lost() => return quic.close(code(Code::H3_NO_ERROR), b""),
            () = sleep(KEEP_ALIVE) => {
                if wire.is_busy() {
                    // To take one byte more is what can be said at any time, and is answered.
                    window += 1;
                    quic.set_receive_window(window.into());
                }
            }
        }
    }
}

impl Http3Sender {
    /// The connection on which it sends.
    pub(crate) const fn connection(&self) -> &Rc<Http3Connection> {
        &self.connection
    }

    /// Whether the request was handed to the network.
    pub(crate) const fn is_written(&self) -> bool {
        self.is_written
    }

    /// When all of the request was handed to the network.
    pub(crate) const fn handed_over(&self) -> Option<Instant> {
        self.handed
    }

    /// Whether the service takes another request now.
    pub(crate) fn has_room(&mut self) -> bool {
        let opening = pin!(self.connection.quic.open_bi());
        match opening.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => false,
            Poll::Ready(opened) => {
                // Without a stream, to send finds out why.
                self.streams =
                    opened.ok().map(|opened| RequestStreams::new(opened, &self.connection.wire));
                true
            }
        }
    }

    /// Waits until the service takes another request, or the connection has ended.
    pub(crate) async fn room(&mut self) {
        let opened = self.connection.quic.open_bi().await;
        self.streams = opened.ok().map(|opened| RequestStreams::new(opened, &self.connection.wire));
    }

    /// Sends a request and waits for the head of its answer. If the future is dropped, the stream
    /// is reset and the other streams of the connection go on.
    ///
    /// With `word` the body waits until then, or until the service asks for it.
    pub(crate) async fn send(
        &mut self,
        request: Request<()>,
        body: Bytes,
        word: Option<Instant>,
    ) -> Result<(Head, Http3Body), SendFailure> {
        let connection = Rc::clone(&self.connection);
        if self.streams.is_none() {
            self.room().await;
        }
        let Some(streams) = self.streams.take() else {
            return Err(SendFailure {
                error: connection.faults.ended(),
                written: false,
                retry: Retry::Never,
            });
        };
        self.id = streams.id();
        let notes = streams.notes();
        let asks_for_head = request.method() == Method::HEAD;
        let mut sender = connection.sender.clone();
        let opened = {
            let mut sending = pin!(sender.send_request(request));
            // The stream is taken in the first poll, between which and this nobody comes.
            connection.offered.put(streams);
            let opened = poll_fn(|cx| {
                let polled = sending.as_mut().poll(cx);
                self.is_written = notes.is_written();
                connection.offered.clear();
                polled
            });
            opened.await
        };
        let (mut outgoing, mut answer) = match opened {
            Ok(opened) => opened.split(),
            Err(error) => return Err(self.failed(error, FaultReader::sending)),
        };
        let mut upload = None;
        if body.is_empty() {
            // What the service does not read it may yet answer.
            let _stopped = outgoing.finish().await;
            self.handed = Some(Instant::now());
        } else {
            upload = Some(upload_of(outgoing, body));
        }
        let mut waits: Option<Pin<Box<Sleep>>> = word.map(|due| Box::pin(sleep_until(due)));
        let head = self.head(&mut answer, &mut upload, &mut waits).await?;
        if waits.is_some() {
            // It is answered without its body, and its stream ends here.
            upload = None;
        }
        let left = announced(&head, asks_for_head).map_err(|error| self.refused(error))?;
        Ok((
            head,
            Http3Body { answer, notes, upload, left, has_ended: false, is_end: false, connection },
        ))
    }

    /// Waits for the head of the answer, beside which the body of the request is sent.
    async fn head(
        &mut self,
        answer: &mut RequestStream<IncomingStream, Bytes>,
        upload: &mut Option<Upload>,
        waits: &mut Option<Pin<Box<Sleep>>>,
    ) -> Result<Head, SendFailure> {
        let limit = self.connection.header_limit;
        let mut announced = 0;
        loop {
            let mut receiving = pin!(answer.recv_response());
            let received = poll_fn(|cx| {
                waits.take_if(|waits| waits.as_mut().poll(cx).is_ready());
                if waits.is_none()
                    && upload.as_mut().is_some_and(|upload| upload.as_mut().poll(cx).is_ready())
                {
                    *upload = None;
                    self.handed = Some(Instant::now());
                }
                receiving.as_mut().poll(cx)
            });
            let (parts, ()) = received
                .await
                .map_err(|error| self.failed(error, FaultReader::stream))?
                .into_parts();
            if parts.status == StatusCode::SWITCHING_PROTOCOLS {
                return Err(self.refused(Error::malformed("status 101 is not one of HTTP/3")));
            }
            if !parts.status.is_informational() {
                return Ok(Head { status: parts.status, headers: parts.headers });
            }
            waits.take_if(|_| parts.status == StatusCode::CONTINUE);
            announced += size(&parts.headers);
            if announced > limit {
                return Err(self.refused(Error::announced_too_much(limit)));
            }
        }
    }

    fn refused(&self, error: Error) -> SendFailure {
        SendFailure { error, written: self.is_written, retry: Retry::Never }
    }

    fn failed(
        &self,
        error: StreamError,
        read: impl Fn(&FaultReader, StreamError) -> Error,
    ) -> SendFailure {
        let is_rejected = matches!(
            &error,
            StreamError::RemoteTerminate { code, .. } if *code == Code::H3_REQUEST_REJECTED
        );
        // What the service says it did not take, or did not look at, it did nothing with (RFC 9114,
        // 4.1.1 and 5.2).
        let retry = if is_rejected || self.connection.wire.is_left_out(self.id) {
            Retry::Always
        } else if self.connection.quic.close_reason().is_some() {
            Retry::IfRepeatable
        } else {
            Retry::Never
        };
        let error = read(&self.connection.faults, error);
        let retry = if error.class == ErrorClass::Protocol { Retry::Never } else { retry };
        SendFailure { error, written: self.is_written, retry }
    }
}

/// Sends a body and ends the request.
fn upload_of(mut stream: RequestStream<OutgoingStream, Bytes>, body: Bytes) -> Upload {
    Box::pin(async move {
        if !body.is_empty() {
            stream.send_data(body).await?;
        }
        stream.finish().await
    })
}

/// The size of a head's fields, each of which counts 32 bytes beside its text (RFC 9114, 4.2.2).
fn size(headers: &HeaderMap) -> usize {
    let fields: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
    // The status is a field too, and the only one of a head without others.
    fields + ":status200".len() + 32
}

/// How many bytes of a body a head announces; nothing where it does not say, or none has to come.
fn announced(head: &Head, asks_for_head: bool) -> Result<Option<u64>, Error> {
    let mut all = head.headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = all.next() else { return Ok(None) };
    if all.any(|other| other != first) {
        return Err(Error::malformed("it has two different lengths"));
    }
    let is_number = first.as_bytes().iter().all(u8::is_ascii_digit);
    let length = first.to_str().ok().filter(|_| is_number).and_then(|text| text.parse().ok());
    let length =
        length.ok_or_else(|| Error::malformed(format!("content-length {first:?} is no length")))?;
    let has_none = asks_for_head || head.status == StatusCode::NOT_MODIFIED;
    Ok((!has_none).then_some(length))
}

impl Http3Body {
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        if let Some(upload) = &mut self.upload
            && upload.as_mut().poll(cx).is_ready()
        {
            self.upload = None;
        }
        loop {
            if self.is_end {
                return Poll::Ready(None);
            }
            if self.has_ended {
                return self.poll_end(cx);
            }
            let data = match ready!(self.answer.poll_recv_data(cx)) {
                Ok(Some(mut data)) => data.copy_to_bytes(data.remaining()),
                // What reads frames says the same of an empty one as of the end.
                Ok(None) => {
                    self.has_ended = !self.notes.take_empty();
                    continue;
                }
                Err(error) => return Poll::Ready(Some(Err(self.failed(error)))),
            };
            if data.is_empty() {
                continue;
            }
            if let Some(left) = &mut self.left {
                match left.checked_sub(data.len() as u64) {
                    Some(rest) => *left = rest,
                    None => {
                        self.is_end = true;
                        let why = "the body is longer than its content-length";
                        return Poll::Ready(Some(Err(Error::malformed(why))));
                    }
                }
            }
            return Poll::Ready(Some(Ok(data)));
        }
    }

    /// The body has ended; trailers may follow, which nobody asked for.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let ended = ready!(self.answer.poll_recv_trailers(cx));
        self.is_end = true;
        Poll::Ready(match (ended, self.left) {
            (Err(error), _) => Some(Err(self.failed(error))),
            (Ok(_), Some(1..)) => {
                Some(Err(Error::malformed("the body is shorter than its content-length")))
            }
            (Ok(_), _) => None,
        })
    }

    pub(crate) const fn is_end(&self) -> bool {
        self.is_end
    }

    fn failed(&mut self, error: StreamError) -> Error {
        self.is_end = true;
        self.connection.faults.stream(error)
    }
}
