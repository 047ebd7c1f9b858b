//! An open connection of a guest's own.
//!
//! ## What is not sent yet
//! A write gives the kernel what it takes. The rest, at most what one write may have, stays here
//! until the kernel takes it; nothing more is taken from the guest before. A task sends it, because
//! the guest may do something else meanwhile.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use swell_client::SocketFailure;
use swell_core::record::SocketEvent;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_local};
use wasmtime::Error;
use wasmtime_wasi::p2::{StreamError, StreamResult};

use super::{RUN_OVER, UserSockets};

/// The most bytes that are read or written at once, and the most that wait for the kernel.
pub(crate) const MAX_AT_ONCE: usize = 64 << 10;

/// An open connection.
pub(crate) struct SocketConnection {
    stream: RefCell<TcpStream>,
    sockets: Rc<UserSockets>,
    /// What the guest has written and the kernel has not taken.
    unsent: RefCell<Bytes>,
    /// Woken when nothing is unsent any more, or nothing can be sent.
    settled: Notify,
    /// Why nothing can be sent any more, until the guest is told; `SendingEnd::Told` afterwards.
    ended: RefCell<Option<SendingEnd>>,
    /// Whether the guest ends this direction when what is unsent is sent.
    ends: Cell<bool>,
    /// Whether nothing comes any more.
    received_all: Cell<bool>,
}

/// Why nothing can be sent any more.
enum SendingEnd {
    Failed(String),
    Told,
}

/// The task that sends what is unsent. It ends with its owner.
pub(crate) struct UnsentSender(AbortHandle);

impl Drop for UnsentSender {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl SocketConnection {
    pub(crate) fn new(stream: TcpStream, sockets: &Rc<UserSockets>) -> Rc<Self> {
        Rc::new(Self {
            stream: RefCell::new(stream),
            sockets: Rc::clone(sockets),
            unsent: RefCell::default(),
            settled: Notify::new(),
            ended: RefCell::new(None),
            ends: Cell::new(false),
            received_all: Cell::new(false),
        })
    }

    /// Does something with the socket.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&TcpStream) -> T) -> T {
        act(&self.stream.borrow())
    }

    /// Reads what has arrived, at most `size` bytes.
    pub(crate) fn poll_read(
        &self,
        size: usize,
        context: &mut Context<'_>,
    ) -> Poll<StreamResult<Bytes>> {
        if self.received_all.get() {
            return Poll::Ready(Err(StreamError::Closed));
        }
        if size == 0 {
            return Poll::Ready(Ok(Bytes::new()));
        }
        let mut bytes = BytesMut::with_capacity(size.min(MAX_AT_ONCE));
        let stream = &mut *self.stream.borrow_mut();
        let read = ready!(pin!(stream.read_buf(&mut bytes)).poll(context));
        Poll::Ready(match read {
            Ok(0) => {
                self.received_all.set(true);
                Err(StreamError::Closed)
            }
            Ok(count) => {
                self.sockets.count(SocketEvent::Received(count));
                Ok(bytes.freeze())
            }
            Err(error) => {
                self.received_all.set(true);
                Err(StreamError::LastOperationFailed(Error::msg(self.broken(error))))
            }
        })
    }

    /// Whether there is something to read, or to be told of the end.
    pub(crate) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.received_all.get() {
            return Poll::Ready(());
        }
        self.stream.borrow().poll_read_ready(context).map(drop)
    }

    /// How much may be written now: nothing while something is unsent.
    pub(crate) fn room(&self) -> StreamResult<usize> {
        self.may_send()?;
        if self.unsent.borrow().is_empty() {
            return Ok(MAX_AT_ONCE);
        }
        if self.sockets.has_given_up() { Err(given_up()) } else { Ok(0) }
    }

    /// Gives the kernel all of `bytes`, of which the rest stays.
    pub(crate) fn poll_send(
        &self,
        bytes: &mut Bytes,
        context: &mut Context<'_>,
    ) -> Poll<StreamResult<()>> {
        let stream = &mut *self.stream.borrow_mut();
        while !bytes.is_empty() {
            match ready!(Pin::new(&mut *stream).poll_write(context, bytes)) {
                Ok(count) => {
                    self.sockets.count(SocketEvent::Sent(count));
                    bytes.advance(count);
                }
                Err(error) => {
                    *self.ended.borrow_mut() = Some(SendingEnd::Told);
                    let broken = Error::msg(self.broken(error));
                    return Poll::Ready(Err(StreamError::LastOperationFailed(broken)));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Keeps what the kernel did not take, and has a task send it.
    pub(crate) fn send_later(self: &Rc<Self>, bytes: Bytes) -> UnsentSender {
        *self.unsent.borrow_mut() = bytes;
        let connection = Rc::clone(self);
        let sending = spawn_local(async move {
            let mut bytes = connection.unsent.borrow().clone();
            let sent = poll_fn(|context| {
                let polled = connection.poll_send(&mut bytes, context);
                *connection.unsent.borrow_mut() = bytes.clone();
                polled
            });
            if let Err(StreamError::LastOperationFailed(error)) = sent.await {
                // The guest is told at its next write.
                *connection.ended.borrow_mut() = Some(SendingEnd::Failed(error.to_string()));
            }
            *connection.unsent.borrow_mut() = Bytes::new();
            if connection.ends.get() {
                connection.end_now();
            }
            connection.settled.notify_waiters();
        });
        UnsentSender(sending.abort_handle())
    }

    /// Whether something written is not sent yet.
    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.borrow().is_empty()
    }

    /// Waits until nothing is unsent, or it is to be waited no longer.
    pub(crate) async fn settled(&self) {
        while self.has_unsent() {
            if self.patiently(pin!(self.settled.notified())).await.is_none() {
                return;
            }
        }
    }

    /// Waits for something, or returns `None` if it is to be waited no longer.
    pub(crate) async fn patiently<F: Future>(&self, mut future: Pin<&mut F>) -> Option<F::Output> {
        poll_fn(|context| {
            let polled = future.as_mut().poll(context);
            self.sockets.patient(polled, context)
        })
        .await
    }

    /// As [`SocketConnection::patiently`], for something that is polled.
    pub(crate) fn patient<T>(
        &self,
        polled: Poll<StreamResult<T>>,
        context: &mut Context<'_>,
    ) -> Poll<StreamResult<T>> {
        self.sockets.patient(polled, context).map(|done| done.unwrap_or_else(|| Err(given_up())))
    }

    /// Whether something was given up because the run is over.
    pub(crate) fn has_given_up(&self) -> bool {
        self.sockets.has_given_up()
    }

    /// Tells the other side that nothing more comes, after what is unsent.
    pub(crate) fn end(&self) {
        if self.has_unsent() {
            self.ends.set(true);
        } else {
            self.end_now();
        }
    }

    fn end_now(&self) {
        // It fails where the connection is over already.
        let _ = rustix::net::shutdown(&*self.stream.borrow(), rustix::net::Shutdown::Write);
        self.ended.borrow_mut().get_or_insert(SendingEnd::Told);
    }

    /// Takes nothing more from the other side.
    pub(crate) fn stop_receiving(&self) {
        let _ = rustix::net::shutdown(&*self.stream.borrow(), rustix::net::Shutdown::Read);
        self.received_all.set(true);
    }

    fn may_send(&self) -> StreamResult<()> {
        if self.ends.get() {
            return Err(StreamError::Closed);
        }
        let mut ended = self.ended.borrow_mut();
        match ended.as_mut() {
            None => Ok(()),
            Some(SendingEnd::Told) => Err(StreamError::Closed),
            Some(SendingEnd::Failed(words)) => {
                let words = std::mem::take(words);
                *ended = Some(SendingEnd::Told);
                Err(StreamError::LastOperationFailed(Error::msg(words)))
            }
        }
    }

    /// Counts that the connection broke, and says how.
    fn broken(&self, error: io::Error) -> String {
        let error = SocketFailure::of_stream(error);
        self.sockets.failed("a connection", &error);
        error.told.message
    }
}

/// What a stream says where the run is over.
pub(crate) fn given_up() -> StreamError {
    StreamError::LastOperationFailed(Error::msg(RUN_OVER))
}
