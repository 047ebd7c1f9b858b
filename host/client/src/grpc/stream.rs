//! Calls that last: messages go either way until both sides have ended.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use swell_core::exchange::{Phase, Protocol};
use swell_core::grpc::{CANCELLED, DEADLINE_EXCEEDED};
use swell_core::record::GrpcMessages;
use tokio::time::Instant;

use crate::client::Client;
use crate::error::Error;
use crate::grpc::begin::{CallDeadline, CallStop, Calling};
use crate::grpc::message::framed;
use crate::grpc::request::{CalledGrpc, GrpcCall, GrpcEnd, GrpcError, GrpcIncoming};
use crate::grpc::seen::SeenCall;
use crate::grpc::status::GrpcStatus;
use crate::grpc::wire::{GrpcWire, WireEvent};
use crate::http::trail::Trail;
use crate::session::Session;

/// A stream that has begun. Dropping it resets its stream of HTTP/2 unless it has ended; what is
/// recorded of it is lost then.
///
/// A future of its own that is dropped before its end leaves it as good as before; of a message
/// that was begun, the rest goes before the next one.
pub struct GrpcStream {
    client: Rc<Client>,
    trail: Trail,
    /// None once it has ended.
    wire: Option<GrpcWire>,
    deadline: Option<CallDeadline>,
    keep_metadata: bool,
    /// Whether the scenario has said that no message follows.
    is_finished: bool,
    /// What came and was not received yet.
    came: Option<Bytes>,
    end: Option<Result<GrpcEnd, GrpcError>>,
    /// The bytes of the message that is being sent.
    sending: Option<usize>,
    messages: GrpcMessages,
    seen: Option<Box<SeenCall>>,
}

impl Session {
    /// Begins a call; it waits for a connection, and for no answer. It must run inside a
    /// `LocalSet`.
    ///
    /// # Errors
    /// The record of a call that has not begun.
    pub async fn open_call(
        &self,
        call: GrpcCall,
    ) -> Result<Box<GrpcStream>, Box<CalledGrpc<GrpcEnd>>> {
        let mut calling = Calling::new(self, &call);
        let begun = calling.begin(&call).await;
        let Calling { mut trail, timer, deadline, seen, .. } = calling;
        self.client.network.timers.give(timer);
        let stop = match begun {
            Ok(wire) => {
                trail.enter(Phase::Waiting, Instant::now());
                return Ok(Box::new(GrpcStream {
                    client: Rc::clone(&self.client),
                    trail,
                    wire: Some(wire),
                    deadline,
                    keep_metadata: call.keep_metadata,
                    is_finished: false,
                    came: None,
                    end: None,
                    sending: None,
                    messages: GrpcMessages::default(),
                    seen,
                }));
            }
            Err(stop) => stop,
        };
        let result = stop.into_end(deadline);
        let recorded = result.as_ref().map(|end| end.status.code).map_err(GrpcError::class);
        let exchange = Calling::record(&mut trail, Protocol::GrpcStream, recorded);
        let hops = seen.map(|seen| seen.over(&exchange.phases, result.as_ref().err()));
        Err(Box::new(CalledGrpc {
            exchange,
            messages: GrpcMessages::default(),
            result,
            hops: hops.unwrap_or_default(),
        }))
    }
}

impl CallStop {
    /// The end of a call that this is: a deadline that has passed is a status.
    fn into_end(self, deadline: Option<CallDeadline>) -> Result<GrpcEnd, GrpcError> {
        match self {
            Self::Failed(error) => Err(error),
            Self::Deadline(phase) => {
                let words = deadline.map(|deadline| deadline.words(phase)).unwrap_or_default();
                let status = GrpcStatus::new(DEADLINE_EXCEEDED, words);
                Ok(GrpcEnd { status, ..GrpcEnd::default() })
            }
        }
    }
}

impl Calling<'_> {
    async fn begin(&mut self, call: &GrpcCall) -> Result<GrpcWire, CallStop> {
        let outgoing = self.outgoing(call)?;
        loop {
            let (sender, reused) = self.sender(&outgoing.pool).await?;
            if let Some(seen) = &mut self.seen {
                seen.goes(reused, &[]);
            }
            match sender.begin(outgoing.request()) {
                Ok(begun) => return Ok(GrpcWire::new(begun, call.limit)),
                // The connection has ended since it was asked.
                Err(_) if reused => {}
                Err(fault) => return Err(GrpcError::from(fault).into()),
            }
        }
    }
}

impl GrpcStream {
    /// Sends a message, and returns when it was handed to the network.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), GrpcError> {
        if self.is_finished && self.end.is_none() {
            return Err(Error::invalid("a message after the last one: it was finished").into());
        }
        self.put().await?;
        let Some(wire) = &mut self.wire else { return Err(GrpcError::Ended) };
        wire.put(framed(message), false);
        self.sending = Some(message.len());
        self.put().await
    }

    /// Says that no message follows.
    pub async fn finish(&mut self) -> Result<(), GrpcError> {
        self.put().await.or_else(|error| match error {
            GrpcError::Ended => Ok(()),
            error => Err(error),
        })?;
        if let Some(wire) = &mut self.wire
            && !std::mem::replace(&mut self.is_finished, true)
        {
            wire.finish();
        }
        Ok(())
    }

    /// The next message, or how the call ended; that comes again whenever it is asked for.
    pub async fn receive(&mut self, timeout: Option<Duration>) -> Result<GrpcIncoming, GrpcError> {
        let longest = timeout.unwrap_or(self.client.options.timeouts.response);
        let ready = self.wait(longest, Self::poll_ready).await;
        if ready.is_none() && self.end.is_none() {
            let phase = self.trail.phase();
            self.over(Err(Error::timeout(phase, longest).into()));
        }
        if let Some(message) = self.came.take() {
            return Ok(GrpcIncoming::Message(message));
        }
        match &self.end {
            Some(Ok(end)) => Ok(GrpcIncoming::Ended(Box::new(end.clone()))),
            Some(Err(error)) => Err(error.clone()),
            None => unreachable!("what is ready is a message or an end"),
        }
    }

    /// Whether there is something to receive; it is waited for.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.came.is_some() || self.end.is_some() {
            return Poll::Ready(());
        }
        _ = self.poll_put(cx);
        let Some(wire) = &mut self.wire else { return Poll::Ready(()) };
        let had_head = wire.head().is_some();
        let event = wire.poll_event(cx);
        if !had_head && wire.head().is_some() {
            self.trail.enter(Phase::Receiving, Instant::now());
        }
        match event {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(WireEvent::Message(message))) => {
                self.messages.received += 1;
                self.messages.bytes_received += message.len() as u64;
                self.came = Some(message);
            }
            Poll::Ready(Ok(WireEvent::Ended(end))) => {
                if let Some(seen) = &mut self.seen {
                    let status = wire.head().map_or(0, |head| head.status.as_u16());
                    seen.is_answered(status, &end, &[], wire.received());
                }
                let end = end.told(self.keep_metadata);
                self.over(Ok(end));
            }
            Poll::Ready(Err(fault)) => self.over(Err(fault.into())),
        }
        Poll::Ready(())
    }

    /// Whether the call has ended and nothing of it is left to receive.
    pub const fn is_over(&self) -> bool {
        self.end.is_some() && self.came.is_none()
    }

    /// Whether the call has ended.
    pub const fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// The messages that went since somebody last asked.
    pub fn take_messages(&mut self) -> GrpcMessages {
        std::mem::take(&mut self.messages)
    }

    /// Ends the call, unless it has ended: then it is cancelled. What is recorded of it.
    pub fn close(mut self) -> CalledGrpc<GrpcEnd> {
        if self.end.is_none() {
            let status = GrpcStatus::new(CANCELLED, "cancelled by the scenario");
            self.over(Ok(GrpcEnd { status, ..GrpcEnd::default() }));
        }
        let result = self.end.take().unwrap_or(Err(GrpcError::Ended));
        let recorded = result.as_ref().map(|end| end.status.code).map_err(GrpcError::class);
        let exchange = Calling::record(&mut self.trail, Protocol::GrpcStream, recorded);
        let seen = self.seen.take();
        let hops = seen.map(|seen| seen.over(&exchange.phases, result.as_ref().err()));
        CalledGrpc {
            exchange,
            messages: self.take_messages(),
            result,
            hops: hops.unwrap_or_default(),
        }
    }

    /// The call has ended in this way: its stream of HTTP/2 is reset unless that has ended, too.
    fn over(&mut self, end: Result<GrpcEnd, GrpcError>) {
        self.trail.enter(self.trail.phase(), Instant::now());
        if let Some(wire) = self.wire.take() {
            self.trail.written += u32::from(wire.is_written());
            self.trail.body_bytes += wire.received();
        }
        self.end.get_or_insert(end);
    }

    /// Waits until the message that is being sent was handed to the network.
    async fn put(&mut self) -> Result<(), GrpcError> {
        if self.end.is_some() {
            return Err(self.told_to_senders());
        }
        if self.sending.is_none() {
            return Ok(());
        }
        let longest = self.client.options.timeouts.response;
        let sent = self.wait(longest, Self::poll_put).await;
        if sent.is_none() && self.end.is_none() {
            self.over(Err(Error::timeout(Phase::Sending, longest).into()));
        }
        if self.end.is_some() || self.wire.as_ref().is_some_and(GrpcWire::is_deaf) {
            return Err(self.told_to_senders());
        }
        Ok(())
    }

    /// That the other side takes nothing more is told by what it answers: whoever sends is told if
    /// that is known, and is no status.
    fn poll_put(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(wire) = &mut self.wire else { return Poll::Ready(()) };
        let sent = wire.poll_sent(cx);
        if wire.is_deaf() {
            self.sending = None;
            return Poll::Ready(());
        }
        if sent.is_ready()
            && let Some(size) = self.sending.take()
        {
            self.messages.sent += 1;
            self.messages.bytes_sent += size as u64;
        }
        sent
    }

    /// What whoever sends is told of a call that has ended, or that takes nothing more.
    fn told_to_senders(&mut self) -> GrpcError {
        // What lies there says whether it was broken off.
        if self.end.is_none() {
            _ = self.poll_ready(&mut Context::from_waker(std::task::Waker::noop()));
        }
        match &self.end {
            Some(Err(error)) => error.clone(),
            _ => GrpcError::Ended,
        }
    }

    /// Waits until something is ready; none when the time is over, or the deadline has passed,
    /// which ends the call.
    async fn wait(
        &mut self,
        longest: Duration,
        mut poll: impl FnMut(&mut Self, &mut Context<'_>) -> Poll<()>,
    ) -> Option<()> {
        // What is there needs no timer.
        let mut cx = Context::from_waker(std::task::Waker::noop());
        if poll(self, &mut cx).is_ready() {
            return Some(());
        }
        let client = Rc::clone(&self.client);
        let due = Instant::now() + longest;
        let due = self.deadline.map_or(due, |deadline| deadline.at.min(due));
        let mut timer = client.network.timers.take(due);
        let outcome = timer.until(due, pin!(poll_fn(|cx| poll(self, cx)))).await;
        client.network.timers.give(timer);
        if let (None, Some(deadline)) = (outcome, self.deadline)
            && deadline.at <= due
        {
            let stop = CallStop::Deadline(self.trail.phase());
            self.over(stop.into_end(self.deadline));
        }
        outcome
    }
}
