//! HTTP/2: many exchanges at once on one connection.
//!
//! Unlike HTTP/1.1, a connection must answer pings and settings while nobody sends, so it has a
//! task of its own. Each sender on a connection keeps it open: a connection that has said goodbye
//! takes no new request, and the answers that it promised are received to their end.
//!
//! ## What was written
//! The protocol's state machine takes a request whether or not there is a stream for it yet. What
//! was handed to the network shows only in the bytes: the frames are followed as they are sent, and
//! each frame that opens a stream is a request that was written.

pub(crate) mod call;
mod fault;
mod wire;

use std::cell::Cell;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Reason, RecvStream};
use http::header::HeaderMap;
use http::{Request, StatusCode};
use swell_core::exchange::ErrorClass;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep_until};

use self::fault::fault;
use self::wire::{Http2Wire, Tap};
use crate::error::Error;
use crate::http::failure::{Retry, SendFailure};
use crate::http::head::Head;
use crate::net::rare::Rare;
use crate::net::stream::Stream;
use crate::options::ConnectionLimits;

/// An open connection. Its task ends with it.
pub(crate) struct Http2Connection {
    /// Cloned for each request.
    sender: SendRequest<Bytes>,
    wire: Rc<Http2Wire>,
    header_limit: usize,
    limits: ConnectionLimits,
    /// How many requests it was given.
    given: Cell<u32>,
    /// How many of them have not come to their end.
    under_way: Cell<u32>,
    /// When the last one came to its end; only where that bounds how long it is kept.
    idle_since: Cell<Option<Instant>>,
    /// The task that reads and writes for all requests on the connection.
    task: JoinHandle<()>,
}

/// One exchange's right to send on a connection, which stays open for it.
pub(crate) struct Http2Sender {
    connection: InUse,
    sender: SendRequest<Bytes>,
    /// The stream of its request, once it has one.
    stream: Option<u32>,
}

/// A body that is being received.
pub(crate) struct Http2Body {
    stream: RecvStream,
    _connection: InUse,
}

/// A part in a connection, which keeps it open and is known to be under way.
struct InUse(Rc<Http2Connection>);

impl InUse {
    fn new(connection: &Rc<Http2Connection>) -> Self {
        connection.under_way.set(connection.under_way.get() + 1);
        Self(Rc::clone(connection))
    }
}

impl Deref for InUse {
    type Target = Rc<Http2Connection>;

    fn deref(&self) -> &Rc<Http2Connection> {
        &self.0
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
        if self.0.limits.idle.is_some() {
            self.0.idle_since.set(Some(Instant::now()));
        }
    }
}

/// How much of a body the server may send before it is read, as in hyper: enough that a body on a
/// fast network never waits for us.
const STREAM_WINDOW: u32 = 2 << 20;
/// The same for all streams of a connection together.
const CONNECTION_WINDOW: u32 = 5 << 20;

impl Http2Connection {
    /// Takes a stream that is ready for HTTP/2. `written` counts the requests that were handed to
    /// the network.
    #[inline(never)]
    pub(crate) fn open(
        stream: Stream,
        header_limit: usize,
        limits: ConnectionLimits,
        written: Rc<Cell<u64>>,
    ) -> Rare<'static, Result<Rc<Self>, Error>> {
        Box::pin(async move {
            let wire = Http2Wire::new(written);
            let (sender, mut connection) = Builder::new()
                .enable_push(false)
                .initial_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                // Above this size h2 ends a stream without saying why. A head between our limit and
                // this size is refused below, with a reason.
                .max_header_list_size(
                    u32::try_from(header_limit.saturating_mul(4)).unwrap_or(u32::MAX),
                )
                .handshake(Tap::new(stream, Rc::clone(&wire)))
                .await
                .map_err(|e| wire.error(&e))?;
            let followed = Rc::clone(&wire);
            let task = tokio::task::spawn_local(async move {
                // Each request on the connection learns by itself that it has ended; nobody else
                // has to know.
                let _ended = poll_fn(|cx| {
                    followed.begin_turn();
                    Pin::new(&mut connection).poll(cx)
                })
                .await;
            });
            Ok(Rc::new(Self {
                sender,
                wire,
                header_limit,
                limits,
                given: Cell::new(0),
                under_way: Cell::new(0),
                idle_since: Cell::new(None),
                task,
            }))
        })
    }

    /// A right to send on the connection; `None` if the connection has ended or takes no new
    /// request.
    pub(crate) fn sender(self: &Rc<Self>) -> Option<Http2Sender> {
        let mut sender = self.sender.clone();
        let ready = sender.poll_ready(&mut Context::from_waker(Waker::noop()));
        matches!(ready, Poll::Ready(Ok(()))).then(|| {
            self.given.set(self.given.get() + 1);
            Http2Sender { connection: InUse::new(self), sender, stream: None }
        })
    }

    /// Whether it was given as many requests as it may carry.
    pub(crate) fn is_spent(&self) -> bool {
        self.limits.requests.is_some_and(|most| self.given.get() >= most.get())
    }

    /// Since when no request has been under way on it; nothing while one is, or where nobody wants
    /// to know.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        self.idle_since.get().filter(|_| self.under_way.get() == 0)
    }
}

impl Drop for Http2Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Http2Sender {
    /// The connection on which it sends.
    pub(crate) fn connection(&self) -> &Rc<Http2Connection> {
        &self.connection
    }

    /// Whether the request was handed to the network.
    pub(crate) fn is_written(&self) -> bool {
        self.stream.is_some_and(|stream| self.connection.wire.has_opened(stream))
    }

    /// Sends a request and waits for the head of its answer. If the future is dropped, the stream
    /// is reset and the other streams of the connection go on.
    ///
    /// With `word` the body waits until then, or until the server asks for it. What is answered
    /// before is sent without its body, and its stream is reset once the answer is not read any
    /// more.
    pub(crate) async fn send(
        &mut self,
        request: Request<()>,
        body: Bytes,
        word: Option<Instant>,
    ) -> Result<(Head, Http2Body), SendFailure> {
        let (mut response, mut stream) =
            self.sender.send_request(request, body.is_empty()).map_err(|e| self.failed(&e))?;
        self.stream = Some(response.stream_id().as_u32());
        let mut body = Some(body).filter(|body| !body.is_empty());
        let mut waits: Option<Pin<Box<Sleep>>> = word.map(|due| Box::pin(sleep_until(due)));
        let limit = self.connection.header_limit;
        let mut announced = 0;
        let response = poll_fn(|cx| {
            while let Poll::Ready(Some(Ok(interim))) = response.poll_informational(cx) {
                announced += size(interim.headers());
                waits.take_if(|_| interim.status() == StatusCode::CONTINUE);
                if announced > limit {
                    return Poll::Ready(Err(self.refused(Error::announced_too_much(limit))));
                }
            }
            waits.take_if(|waits| waits.as_mut().poll(cx).is_ready());
            if waits.is_none()
                && let Some(body) = body.take()
            {
                stream.send_data(body, true).map_err(|e| self.failed(&e))?;
            }
            Pin::new(&mut response).poll(cx).map_err(|e| self.failed(&e))
        })
        .await?;
        let (head, received) = response.into_parts();
        if size(&head.headers) > limit {
            return Err(self.refused(Error::new(
                ErrorClass::TooLarge,
                "the response's headers are larger than the limit",
            )));
        }
        let head = Head { status: head.status, headers: head.headers };
        Ok((head, Http2Body { stream: received, _connection: InUse::new(&self.connection) }))
    }

    fn refused(&self, error: Error) -> SendFailure {
        SendFailure { error, written: self.is_written(), retry: Retry::Never }
    }

    fn failed(&self, error: &h2::Error) -> SendFailure {
        self.connection.failed(error, self.is_written())
    }
}

impl Http2Connection {
    fn failed(&self, error: &h2::Error, written: bool) -> SendFailure {
        let refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
        // h2 reports a goodbye only to requests for which the server has said that it did nothing
        // (RFC 9113, 6.8 and 8.7).
        let retry = if error.is_remote() && (refused || error.is_go_away()) {
            Retry::Always
        } else if error.is_io() {
            Retry::IfRepeatable
        } else {
            Retry::Never
        };
        SendFailure { error: self.wire.error(error), written, retry }
    }
}

/// The size of a head's fields, each of which counts 32 bytes beside its text (RFC 9113, 6.5.2).
fn size(headers: &HeaderMap) -> usize {
    let fields: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
    // The status is a field too, and the only one of a head without others.
    fields + ":status200".len() + 32
}

impl Http2Body {
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            return Poll::Ready(match ready!(self.stream.poll_data(cx)) {
                None => None,
                Some(Ok(data)) if data.is_empty() => continue,
                Some(Ok(data)) => {
                    // This fails where the stream has ended and needs no more room.
                    let _ended = self.stream.flow_control().release_capacity(data.len());
                    Some(Ok(data))
                }
                Some(Err(error)) => Some(Err(fault(&error))),
            });
        }
    }

    pub(crate) fn is_end(&self) -> bool {
        self.stream.is_end_stream()
    }
}
