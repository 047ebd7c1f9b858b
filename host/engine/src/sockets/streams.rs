//! The two directions of a connection, as a guest has them: WASI's streams.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::connection::{SocketConnection, UnsentSender, given_up};
use crate::thread_bound::ThreadBound;

/// What comes from the other side.
pub(crate) struct SocketReader(ThreadBound<Rc<SocketConnection>>);

impl SocketReader {
    pub(crate) fn new(connection: &Rc<SocketConnection>) -> Self {
        Self(ThreadBound::new(Rc::clone(connection)))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for SocketReader {
    async fn ready(&mut self) {
        let readable = poll_fn(|context| {
            let polled = self.0.poll_readable(context).map(Ok);
            self.0.patient(polled, context)
        });
        // A wait that was given up shows in what is read afterwards.
        let _ = readable.await;
    }
}

#[wasmtime_wasi::async_trait]
impl InputStream for SocketReader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        match self.0.poll_read(size, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(read) => read,
            Poll::Pending if self.0.has_given_up() => Err(given_up()),
            Poll::Pending => Ok(Bytes::new()),
        }
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        poll_fn(|context| {
            let polled = self.0.poll_read(size, context);
            self.0.patient(polled, context)
        })
        .await
    }
}

/// What goes to the other side.
pub(crate) struct SocketWriter {
    connection: ThreadBound<Rc<SocketConnection>>,
    /// The task that sends what is unsent.
    sender: Option<UnsentSender>,
}

impl SocketWriter {
    pub(crate) fn new(connection: &Rc<SocketConnection>) -> Self {
        Self { connection: ThreadBound::new(Rc::clone(connection)), sender: None }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for SocketWriter {
    async fn ready(&mut self) {
        ThreadBound::new(self.connection.settled()).await;
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for SocketWriter {
    fn write(&mut self, mut bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > self.connection.room()? {
            return Err(StreamError::trap(
                "a scenario wrote more to a connection than `check-write` had allowed",
            ));
        }
        let mut context = Context::from_waker(Waker::noop());
        match self.connection.poll_send(&mut bytes, &mut context) {
            Poll::Ready(sent) => sent,
            Poll::Pending => {
                self.sender = Some(self.connection.send_later(bytes));
                Ok(())
            }
        }
    }

    async fn blocking_write_and_flush(&mut self, mut bytes: Bytes) -> StreamResult<()> {
        if self.connection.has_unsent() {
            self.ready().await;
        }
        if self.connection.room()? == 0 {
            return Err(given_up());
        }
        poll_fn(|context| {
            let polled = self.connection.poll_send(&mut bytes, context);
            self.connection.patient(polled, context)
        })
        .await
    }

    fn flush(&mut self) -> StreamResult<()> {
        // What is unsent is on its way.
        self.connection.room().map(drop)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.connection.room()
    }

    /// The guest has let go of it: what it has written is sent, and then the other side is told of
    /// the end.
    async fn cancel(&mut self) {
        self.ready().await;
    }
}

impl Drop for SocketWriter {
    fn drop(&mut self) {
        self.connection.end();
    }
}
