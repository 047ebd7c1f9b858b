//! Calls of one message, and the message that answers it.

use std::future::poll_fn;
use std::task::{Poll, ready};

use bytes::Bytes;
use swell_core::exchange::{Phase, Protocol};
use swell_core::grpc::{DEADLINE_EXCEEDED, OK};
use swell_core::record::GrpcMessages;
use tokio::time::Instant;

use crate::error::Error;
use crate::grpc::begin::{CallStop, Calling};
use crate::grpc::message::framed;
use crate::grpc::request::{CalledGrpc, GrpcCall, GrpcEnd, GrpcError, GrpcReply};
use crate::grpc::status::GrpcStatus;
use crate::grpc::wire::{AnswerEnd, GrpcWire, WireEvent};
use crate::http::failure::Attempts;
use crate::http::http2::call::CallFault;
use crate::http::shared::SharedConnection;
use crate::session::Session;

/// How one attempt at a call came to nothing.
enum AttemptStop {
    /// It was broken off.
    Fault(CallFault),
    /// What came is not what answers a call of one message, or its time is over.
    Stop(CallStop),
}

impl From<CallFault> for AttemptStop {
    fn from(fault: CallFault) -> Self {
        Self::Fault(fault)
    }
}

impl Session {
    /// Sends one message, and waits for the one that answers it.
    ///
    /// What the service says it did nothing with is sent again, as a request is. It must run inside
    /// a `LocalSet`. Dropping the future resets the stream.
    pub async fn call(&self, call: GrpcCall, message: Bytes) -> CalledGrpc<GrpcReply> {
        let mut calling = Calling::new(self, &call);
        let mut messages = GrpcMessages::default();
        let result = match calling.unary(&call, &message, &mut messages).await {
            Ok(reply) => Ok(reply),
            Err(CallStop::Failed(error)) => Err(error),
            Err(CallStop::Deadline(phase)) => {
                let words = calling.deadline.map(|deadline| deadline.words(phase));
                let status = GrpcStatus::new(DEADLINE_EXCEEDED, words.unwrap_or_default());
                Ok(GrpcReply { message: None, end: GrpcEnd { status, ..GrpcEnd::default() } })
            }
        };
        let Calling { mut trail, timer, seen, .. } = calling;
        self.client.network.timers.give(timer);
        let recorded = match &result {
            Ok(reply) => Ok(reply.end.status.code),
            Err(error) => Err(error.class()),
        };
        let exchange = Calling::record(&mut trail, Protocol::Grpc, recorded);
        let hops = seen.map(|seen| seen.over(&exchange.phases, result.as_ref().err()));
        CalledGrpc { exchange, messages, result, hops: hops.unwrap_or_default() }
    }
}

impl Calling<'_> {
    async fn unary(
        &mut self,
        call: &GrpcCall,
        message: &Bytes,
        messages: &mut GrpcMessages,
    ) -> Result<GrpcReply, CallStop> {
        let outgoing = self.outgoing(call)?;
        let framed = framed(message);
        let mut attempts = Attempts::default();
        loop {
            let (sender, reused) = self.sender(&outgoing.pool).await?;
            if let Some(seen) = &mut self.seen {
                seen.goes(reused, message);
            }
            let (fault, connection) = match sender.begin(outgoing.request()) {
                // The connection has ended since it was asked.
                Err(fault) => (fault, None),
                Ok(begun) => {
                    let mut wire = GrpcWire::new(begun, call.limit);
                    wire.put(framed.clone(), true);
                    let outcome = self.attempt(&mut wire, call, messages).await;
                    self.trail.written += u32::from(wire.is_written());
                    self.trail.body_bytes += wire.received();
                    if wire.is_sent() && wire.is_written() {
                        messages.sent = 1;
                        messages.bytes_sent = message.len() as u64;
                    }
                    match outcome {
                        Ok(reply) => return Ok(reply),
                        Err(AttemptStop::Fault(fault)) if wire.head().is_none() => {
                            (fault, Some(wire.connection().clone()))
                        }
                        Err(AttemptStop::Fault(fault)) => {
                            return Err(GrpcError::from(fault).into());
                        }
                        Err(AttemptStop::Stop(stop)) => return Err(stop),
                    }
                }
            };
            if !attempts.allow_another(&fault.failure, reused, false) {
                return Err(GrpcError::from(fault).into());
            }
            self.trail.enter(Phase::Blocked, Instant::now());
            self.trail.reconnects += u32::from(fault.failure.written);
            if let Some(connection) = connection
                && attempts.blames_connection(&fault.failure)
            {
                outgoing.pool.retire(&SharedConnection::Http2(connection));
            }
        }
    }

    /// One attempt: the message out, the answer in.
    async fn attempt(
        &mut self,
        wire: &mut GrpcWire,
        call: &GrpcCall,
        messages: &mut GrpcMessages,
    ) -> Result<GrpcReply, AttemptStop> {
        let longest = self.session.client.options.timeouts.response;
        let due = self.due(self.whole.min(self.trail.since() + longest));
        // Who answers before it has all of the message may not want the rest.
        let sent = poll_fn(|cx| match wire.poll_sent(cx) {
            Poll::Pending if wire.poll_head(cx).is_pending() => Poll::Pending,
            _ => Poll::Ready(()),
        });
        if self.timer.until(due, sent).await.is_none() {
            return Err(AttemptStop::Stop(self.timed_out(due)));
        }
        self.trail.enter(Phase::Waiting, Instant::now());
        let head = poll_fn(|cx| {
            _ = wire.poll_sent(cx);
            wire.poll_head(cx)
        });
        match self.timer.until(due, head).await {
            Some(head) => head?,
            None => return Err(AttemptStop::Stop(self.timed_out(due))),
        }
        self.trail.enter(Phase::Receiving, Instant::now());
        let status = wire.head().map_or(0, |head| head.status.as_u16());
        let due = self.due(self.whole);
        let mut message = None;
        let end = poll_fn(|cx| {
            loop {
                _ = wire.poll_sent(cx);
                match ready!(wire.poll_event(cx))? {
                    WireEvent::Ended(end) => return Poll::Ready(Ok(end)),
                    WireEvent::Message(came) => {
                        messages.received += 1;
                        messages.bytes_received += came.len() as u64;
                        if message.replace(came).is_some() {
                            return Poll::Ready(Err(AttemptStop::of(Error::protocol(
                                "a second message came in answer to a call of one",
                            ))));
                        }
                    }
                }
            }
        });
        let end = match self.timer.until(due, end).await {
            Some(end) => end?,
            None => return Err(AttemptStop::Stop(self.timed_out(due))),
        };
        self.see(status, &end, message.as_ref(), wire.received());
        if end.status.code == OK && message.is_none() {
            return Err(AttemptStop::of(Error::protocol(
                "the answer has status OK and no message",
            )));
        }
        Ok(GrpcReply { message, end: end.told(call.keep_metadata) })
    }

    fn see(&mut self, status: u16, end: &AnswerEnd, message: Option<&Bytes>, received: u64) {
        if let Some(seen) = &mut self.seen {
            let message = message.map_or(&[][..], |message| message);
            seen.is_answered(status, end, message, received);
        }
    }
}

impl AttemptStop {
    fn of(error: Error) -> Self {
        Self::Stop(GrpcError::Failed(error).into())
    }
}
