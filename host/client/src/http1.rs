//! HTTP/1.1: one exchange after another on one connection.
//!
//! This file is all that knows how HTTP/1.1 is spoken, so that another way of speaking it changes nothing else. Here it is hyper's, driven by the task
//! that sends: a connection has no task of its own, is closed by dropping it, and costs nothing while it is idle.
//!
//! ## Why there are two wakers
//! Hyper hands requests and bodies over channels, since it expects its connection to run elsewhere. Both ends are polled here, one right after the other,
//! so a wake-up between them would only schedule the task again to find nothing. They get an inner waker that raises a flag (poll once more before
//! sleeping); the socket alone gets the task's.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use swell_core::exchange::ErrorClass;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::connect::Stream;
use crate::error::{Error, Failure};
use crate::request::Head;

/// An open connection.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Absent once the connection has ended.
    driver: Option<Box<http1::Connection<TokioIo<Metered>, Full<Bytes>>>>,
    /// Why it ended, when no request was there to be told.
    failure: Option<hyper::Error>,
    answered: bool,
    wire: Rc<Wire>,
    inner: Arc<Inner>,
    inner_waker: Waker,
}

/// A body that is being received over its connection.
pub(crate) struct Body(Incoming);

/// How often a connection is polled again before the task lets others run.
const ROUNDS: usize = 32;

impl Connection {
    /// Takes a stream that is ready for HTTP. `written` counts the heads handed to the network.
    pub(crate) async fn open(stream: Stream, header_limit: usize, written: Rc<Cell<u64>>) -> Result<Self, Error> {
        let wire = Rc::new(Wire {
            waker: RefCell::new(Waker::noop().clone()),
            sent: Cell::new(None),
            blocked: Cell::new(false),
            heard: Cell::new(false),
            written,
        });
        let io = TokioIo::new(Metered { stream, wire: Rc::clone(&wire) });
        let mut builder = http1::Builder::new();
        builder.max_header_size(header_limit);
        if header_limit > HYPER_BUFFER {
            builder.max_buf_size(header_limit);
        }
        let (sender, driver) = builder.handshake(io).await.map_err(|e| Error::http(&e))?;
        let inner = Arc::new(Inner(AtomicBool::new(false)));
        let inner_waker = Waker::from(Arc::clone(&inner));
        Ok(Self { sender, driver: Some(Box::new(driver)), failure: None, answered: false, wire, inner, inner_waker })
    }

    /// Sends a request and waits for the head of its answer. On failure, and when the future is dropped, the connection is of no more use.
    ///
    /// The request is handed to hyper before the future is made, so that it is not carried along in it.
    pub(crate) fn send(&mut self, request: Request<Full<Bytes>>) -> impl Future<Output = Result<(Head, Body), Failure>> {
        self.wire.arm();
        let reply = self.sender.try_send_request(request);
        async move {
            let mut reply = pin!(reply);
            let reply = poll_fn(|cx| {
                self.wire.wake_by(cx.waker());
                for _ in 0..ROUNDS {
                    self.drive();
                    if let Poll::Ready(reply) = reply.as_mut().poll(&mut Context::from_waker(&self.inner_waker)) {
                        return Poll::Ready(reply);
                    }
                    if !self.inner.raised() {
                        return Poll::Pending;
                    }
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            match reply {
                Ok(response) => {
                    self.answered = true;
                    let (head, body) = response.into_parts();
                    Ok((Head { status: head.status, headers: head.headers }, Body(body)))
                }
                Err(failed) => Err(self.failed(Error::http(failed.error()))),
            }
        }
    }

    fn failed(&self, error: Error) -> Failure {
        // Over TLS 1.3 a server refuses a client's certificate only after the client's first words: it has not read them as a request.
        if error.class == ErrorClass::Tls && !self.answered {
            self.wire.disown();
        }
        let silent_close = error.class == ErrorClass::Reset && !self.wire.heard.get();
        Failure { error, written: self.wire.sent.get().is_some(), silent_close }
    }

    /// The next piece of a body, or its end.
    pub(crate) fn poll_data(&mut self, body: &mut Body, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        self.wire.wake_by(cx.waker());
        for _ in 0..ROUNDS {
            if body.0.is_end_stream() {
                return Poll::Ready(None);
            }
            match Pin::new(&mut body.0).poll_frame(&mut Context::from_waker(&self.inner_waker)) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => return Poll::Ready(Some(Ok(data))),
                    Err(_trailers) => continue,
                },
                Poll::Ready(Some(Err(error))) => {
                    let cause = self.failure.take().unwrap_or(error);
                    return Poll::Ready(Some(Err(Error::http(&cause))));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {}
            }
            self.drive();
            if !self.inner.raised() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether another request can follow, now that the body has ended.
    pub(crate) fn is_reusable(&mut self) -> bool {
        if !self.sender.is_ready() {
            self.drive();
        }
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Whether the head of the current request was handed to the network.
    pub(crate) fn is_written(&self) -> bool {
        self.wire.sent.get().is_some()
    }

    /// When the whole of the current request was handed to the network, if it was.
    pub(crate) fn handed_over(&self) -> Option<Instant> {
        if self.wire.blocked.get() { None } else { self.wire.sent.get() }
    }

    /// Lets hyper do what it can do now.
    fn drive(&mut self) {
        self.inner.0.store(false, Ordering::Relaxed);
        if let Some(driver) = &mut self.driver
            && let Poll::Ready(end) = Pin::new(driver).poll(&mut Context::from_waker(&self.inner_waker))
        {
            self.failure = end.err();
            self.driver = None;
        }
    }
}

impl Body {
    pub(crate) fn is_end(&self) -> bool {
        self.0.is_end_stream()
    }
}

/// Hyper's own limit of its read buffer; a head cannot be larger, whatever limit it is given.
const HYPER_BUFFER: usize = 8192 + 100 * 4096;

/// What a connection's stream tells of the exchange that is using it.
struct Wire {
    /// The task to wake when the socket is ready.
    waker: RefCell<Waker>,
    /// The last successful write of this exchange.
    sent: Cell<Option<Instant>>,
    /// Whether the last write found no room.
    blocked: Cell<bool>,
    /// Whether anything was received in this exchange.
    heard: Cell<bool>,
    written: Rc<Cell<u64>>,
}

impl Wire {
    fn arm(&self) {
        self.sent.set(None);
        self.blocked.set(false);
        self.heard.set(false);
    }

    fn wake_by(&self, task: &Waker) {
        let mut waker = self.waker.borrow_mut();
        if !waker.will_wake(task) {
            waker.clone_from(task);
        }
    }

    fn wrote(&self, outcome: &Poll<io::Result<usize>>) {
        self.blocked.set(outcome.is_pending());
        if matches!(outcome, Poll::Ready(Ok(1..))) && self.sent.replace(Some(Instant::now())).is_none() {
            self.written.set(self.written.get() + 1);
        }
    }

    fn disown(&self) {
        if self.sent.take().is_some() {
            self.written.set(self.written.get() - 1);
        }
    }
}

/// Raised when one end of hyper's channels has something for the other.
struct Inner(AtomicBool);

impl Inner {
    fn raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A stream that notes on its wire what passes, and wakes the task instead of hyper.
struct Metered {
    stream: Stream,
    wire: Rc<Wire>,
}

impl AsyncRead for Metered {
    fn poll_read(self: Pin<&mut Self>, _inner: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, wire } = self.get_mut();
        let before = buf.filled().len();
        let outcome = Pin::new(stream).poll_read(&mut Context::from_waker(&wire.waker.borrow()), buf);
        if buf.filled().len() > before {
            wire.heard.set(true);
        }
        outcome
    }
}

impl AsyncWrite for Metered {
    fn poll_write(self: Pin<&mut Self>, _inner: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, wire } = self.get_mut();
        let outcome = Pin::new(stream).poll_write(&mut Context::from_waker(&wire.waker.borrow()), buf);
        wire.wrote(&outcome);
        outcome
    }

    fn poll_write_vectored(self: Pin<&mut Self>, _inner: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let Self { stream, wire } = self.get_mut();
        let outcome = Pin::new(stream).poll_write_vectored(&mut Context::from_waker(&wire.waker.borrow()), bufs);
        wire.wrote(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _inner: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, wire } = self.get_mut();
        let outcome = Pin::new(stream).poll_flush(&mut Context::from_waker(&wire.waker.borrow()));
        wire.blocked.set(outcome.is_pending());
        outcome
    }

    fn poll_shutdown(self: Pin<&mut Self>, _inner: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, wire } = self.get_mut();
        Pin::new(stream).poll_shutdown(&mut Context::from_waker(&wire.waker.borrow()))
    }
}
