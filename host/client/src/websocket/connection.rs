//! What a scenario does with an open WebSocket.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::HeaderMap;
use swell_core::exchange::Phase;
use swell_core::record::{WebSocketEnd, WebSocketTraffic};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::Instant;

use crate::client::Client;
use crate::error::Error;
use crate::websocket::request::{WebSocketError, WebSocketIncoming, WebSocketMessage};
use crate::websocket::wire::{Driven, Wire};

/// How long the service may take to answer a close: as long as to open a connection, which is one
/// round trip, too.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest reason of a close frame, which has 125 bytes with its code.
const MAX_REASON: usize = 123;

/// An open WebSocket of one virtual user. When it is dropped, it closes without waiting.
///
/// A future of its own that is dropped before its end leaves it as good as before, but for a send:
/// what was begun is sent on.
pub struct WebSocket {
    wire: Rc<RefCell<Wire>>,
    client: Rc<Client>,
    keeper: JoinHandle<()>,
    subprotocol: Option<String>,
    headers: HeaderMap,
}

impl WebSocket {
    /// Takes a connection after its handshake. It must run inside a `LocalSet`.
    pub(super) fn new(
        wire: Wire,
        client: &Rc<Client>,
        subprotocol: Option<String>,
        headers: HeaderMap,
    ) -> Self {
        let wire = Rc::new(RefCell::new(wire));
        let kept = Rc::clone(&wire);
        let keeper = spawn_local(poll_fn(move |cx| kept.borrow_mut().poll_keep(cx)));
        Self { wire, client: Rc::clone(client), keeper, subprotocol, headers }
    }

    /// What the service chose of the subprotocols.
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// The headers of the answer to the handshake, if they were kept.
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Sends a message, and returns when it was handed to the network.
    pub async fn send(&self, message: WebSocketMessage) -> Result<(), WebSocketError> {
        self.put(|wire, cx| {
            wire.write(message, cx);
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Sends a ping; its answer is received.
    pub async fn ping(&self) -> Result<(), WebSocketError> {
        self.put(Wire::write_ping).await.map(drop)
    }

    /// What comes next.
    pub async fn receive(
        &self,
        timeout: Option<Duration>,
    ) -> Result<WebSocketIncoming, WebSocketError> {
        // What came before needs no timer.
        if let Some(next) = self.wire.borrow_mut().next() {
            return next;
        }
        self.wait(self.longest(timeout), |wire, cx| {
            wire.drive(cx);
            wire.next().map_or(Poll::Pending, Poll::Ready)
        })
        .await
        .unwrap_or_else(|after| Err(Error::timeout(Phase::Receiving, after).into()))
    }

    /// Sends a message and waits for the first that comes after it; says how long that took from
    /// when the message was handed to the network.
    pub async fn exchange(
        &self,
        message: WebSocketMessage,
        timeout: Option<Duration>,
    ) -> Result<(WebSocketMessage, Duration), WebSocketError> {
        let before = self.wire.borrow().arrived();
        let sent = self
            .put(|wire, cx| {
                wire.write(message, cx);
                Ok(())
            })
            .await?;
        self.wire.borrow_mut().want(before + 1);
        let came = self
            .wait(self.longest(timeout), |wire, cx| {
                if let Some(came) = wire.message_after(before) {
                    return Poll::Ready(came);
                }
                wire.drive(cx);
                wire.message_after(before).map_or(Poll::Pending, Poll::Ready)
            })
            .await;
        self.wire.borrow_mut().want(0);
        let (answer, at) =
            came.unwrap_or_else(|after| Err(Error::timeout(Phase::Receiving, after).into()))?;
        Ok((answer, at.saturating_duration_since(sent)))
    }

    /// Closes it, and waits until the service has answered.
    pub async fn close(&self, code: u16, reason: String) -> Result<(), WebSocketError> {
        // What an endpoint may send (RFC 6455, 7.4), with what was registered since.
        if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            return Err(Error::invalid(format!("{code} is no code to close with")).into());
        }
        if reason.len() > MAX_REASON {
            return Err(Error::invalid(format!(
                "a reason to close has at most {MAX_REASON} bytes, and not {}",
                reason.len()
            ))
            .into());
        }
        if self.wire.borrow().error().is_some() {
            return Ok(());
        }
        let mut asked = Some(reason);
        let closed = self
            .wait(CLOSE_TIMEOUT, |wire, cx| {
                if let Some(reason) = asked.take() {
                    wire.write_close(code, reason, cx);
                }
                _ = wire.poll_sent(cx);
                wire.poll_ended(cx)
            })
            .await;
        closed.map_err(|after| {
            let error = Error::timeout(Phase::Receiving, after);
            self.wire.borrow_mut().end_failed(error.clone());
            error.into()
        })
    }

    /// Waits until one of these has something to receive, or has ended; says which.
    pub async fn ready(all: &[&Self]) -> usize {
        let _driven: Vec<_> = all.iter().map(|one| Driven::new(&one.wire)).collect();
        poll_fn(|cx| {
            let ready = all.iter().position(|one| {
                let mut wire = one.wire.borrow_mut();
                if !wire.is_ready() {
                    wire.drive(cx);
                }
                wire.is_ready()
            });
            ready.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// How it ended, and after which time; none while it is open.
    pub fn ended(&self) -> Option<(WebSocketEnd, Duration)> {
        self.wire.borrow().ended()
    }

    /// For how long it has been open.
    pub fn age(&self) -> Duration {
        self.wire.borrow().age()
    }

    /// What went over it since the last time.
    pub fn take_traffic(&self) -> WebSocketTraffic {
        self.wire.borrow_mut().take_traffic()
    }

    /// Closes it without waiting. What went over it, and how it ended, can still be asked.
    pub fn abandon(&self) {
        self.wire.borrow_mut().abandon();
    }

    /// Hands something to the network; when that was. If the service does not take it in time, the
    /// connection is not used any more: a part of it may be on its way.
    async fn put(
        &self,
        begin: impl FnOnce(&mut Wire, &mut Context<'_>) -> Result<(), Error>,
    ) -> Result<Instant, WebSocketError> {
        if let Some(error) = self.wire.borrow().error() {
            return Err(error.clone());
        }
        let mut begin = Some(begin);
        let longest = self.client.options.timeouts.response;
        let sent = self
            .wait(longest, |wire, cx| {
                if let Some(begin) = begin.take()
                    && let Err(error) = begin(wire, cx)
                {
                    return Poll::Ready(Err(error.into()));
                }
                wire.poll_sent(cx)
            })
            .await;
        sent.unwrap_or_else(|after| {
            let error = Error::timeout(Phase::Sending, after);
            self.wire.borrow_mut().end_failed(error.clone());
            Err(error.into())
        })
    }

    /// Drives the connection until something is ready; an error when the time is over, which it
    /// names.
    async fn wait<T>(
        &self,
        longest: Duration,
        mut poll: impl FnMut(&mut Wire, &mut Context<'_>) -> Poll<T>,
    ) -> Result<T, Duration> {
        let _driven = Driven::new(&self.wire);
        let timers = &self.client.network.timers;
        let due = Instant::now() + longest;
        let mut timer = timers.take(due);
        let ready = poll_fn(|cx| poll(&mut self.wire.borrow_mut(), cx));
        let outcome = timer.until(due, pin!(ready)).await;
        timers.give(timer);
        outcome.ok_or(longest)
    }

    /// How long a wait may take. A scenario may wait for longer than the run's requests may take,
    /// as what comes over a WebSocket comes when it likes.
    fn longest(&self, timeout: Option<Duration>) -> Duration {
        timeout.unwrap_or(self.client.options.timeouts.response)
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        self.abandon();
        self.keeper.abort();
    }
}
