//! HTTP/2: many exchanges at once on one connection.
//!
//! Unlike HTTP/1.1 a connection must answer pings and settings while nobody is sending, so it runs in tasks of its own. They belong to it and end with it.

use std::cell::{Cell, RefCell};
use std::error::Error as StdError;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use swell_core::exchange::ErrorClass;
use tokio::task::JoinSet;

use crate::connect::{Rare, Stream};
use crate::error::{Error, Failure};
use crate::request::Head;

/// An open connection and its tasks.
pub(crate) struct Connection {
    handle: Handle,
    tasks: Tasks,
}

/// A right to send on a connection; it does not keep it open.
#[derive(Clone)]
pub(crate) struct Handle {
    sender: SendRequest<Full<Bytes>>,
    header_limit: usize,
    written: Rc<Cell<u64>>,
}

/// A body that is being received.
pub(crate) struct Body(Incoming);

impl Connection {
    /// Takes a stream that is ready for HTTP/2. `written` counts the heads handed to the connection.
    #[inline(never)]
    pub(crate) fn open(stream: Stream, header_limit: usize, written: Rc<Cell<u64>>) -> Rare<'static, Result<Self, Error>> {
        Box::pin(async move {
            let tasks = Tasks::default();
            let (sender, driver) = http2::Builder::new(tasks.clone())
                // Over this h2 breaks a stream off without saying why. What lies between is refused below, with its reason.
                .max_header_list_size(u32::try_from(header_limit.saturating_mul(4)).unwrap_or(u32::MAX))
                .handshake(TokioIo::new(stream))
                .await
                .map_err(|e| Error::http(&e))?;
            tasks.execute(async {
                // Each request on it is told of its end; there is nobody else to tell.
                let _ended = driver.await;
            });
            Ok(Self { handle: Handle { sender, header_limit, written }, tasks })
        })
    }

    /// A handle to send with, unless the connection has ended.
    pub(crate) fn handle(&self) -> Option<Handle> {
        (!self.handle.sender.is_closed()).then(|| self.handle.clone())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tasks.0.borrow_mut().abort_all();
    }
}

impl Handle {
    /// Sends a request and waits for the head of its answer. Dropping the future resets the stream and leaves the connection to the others.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<(Head, Body), Failure> {
        self.written.set(self.written.get() + 1);
        match self.sender.try_send_request(request).await {
            Ok(response) => {
                let (head, body) = response.into_parts();
                // Each field counts 32 bytes beside its text (RFC 9113, 6.5.2).
                let size: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
                if size > self.header_limit {
                    let error = Error::new(ErrorClass::TooLarge, "the response's headers are larger than the limit");
                    return Err(Failure { error, written: true, silent_close: false });
                }
                Ok((Head { status: head.status, headers: head.headers }, Body(body)))
            }
            Err(failed) => {
                let written = failed.message().is_none();
                if !written {
                    self.written.set(self.written.get() - 1);
                }
                let error = Error::http(failed.error());
                let silent_close = error.class == ErrorClass::Reset && connection_ended(failed.error());
                Err(Failure { error, written, silent_close })
            }
        }
    }
}

/// Whether the connection is over, and not only this stream of it.
fn connection_ended(error: &hyper::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(at) = cause {
        if let Some(h2) = at.downcast_ref::<h2::Error>() {
            return h2.is_io() || h2.is_go_away();
        }
        cause = at.source();
    }
    true
}

impl Body {
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            return Poll::Ready(match ready!(Pin::new(&mut self.0).poll_frame(cx)) {
                None => None,
                Some(Err(error)) => Some(Err(Error::http(&error))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => Some(Ok(data)),
                    Err(_trailers) => continue,
                },
            });
        }
    }

    pub(crate) fn is_end(&self) -> bool {
        self.0.is_end_stream()
    }
}

/// The tasks of one connection: hyper spawns a driver, and one for each request with a body.
#[derive(Clone, Default)]
struct Tasks(Rc<RefCell<JoinSet<()>>>);

impl<F: Future<Output = ()> + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let mut tasks = self.0.borrow_mut();
        while tasks.try_join_next().is_some() {}
        tasks.spawn_local(task);
    }
}
