//! One call on its stream of HTTP/2: messages out, then the head of the answer, its messages and
//! how it ended.
//!
//! Nothing is read that nobody waits for, so what was not received yet waits in the windows of the
//! stream and of its connection.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::HeaderMap;
use swell_core::grpc;

use crate::error::Error;
use crate::grpc::message::MessageReader;
use crate::grpc::metadata::entries;
use crate::grpc::request::{GrpcEnd, GrpcError};
use crate::grpc::status::GrpcStatus;
use crate::http::failure::{Retry, SendFailure};
use crate::http::head::Head;
use crate::http::http2::Http2Connection;
use crate::http::http2::call::{CallFault, CallPart, Http2Call};

/// A call under way.
pub(crate) struct GrpcWire {
    call: Http2Call,
    /// What is still to be handed on.
    unsent: Bytes,
    /// Whether nothing follows that.
    is_last: bool,
    /// Whether the other side takes nothing more.
    is_deaf: bool,
    head: Option<Head>,
    reader: MessageReader,
    /// Bytes of the answer's body.
    received: u64,
}

/// What comes of a call.
pub(crate) enum WireEvent {
    Message(Bytes),
    Ended(Box<AnswerEnd>),
}

/// How a call ended, with the fields of its answer.
pub(crate) struct AnswerEnd {
    pub(crate) status: GrpcStatus,
    pub(crate) headers: HeaderMap,
    pub(crate) trailers: HeaderMap,
}

impl GrpcWire {
    pub(crate) fn new(call: Http2Call, limit: usize) -> Self {
        Self {
            call,
            unsent: Bytes::new(),
            is_last: false,
            is_deaf: false,
            head: None,
            reader: MessageReader::new(limit),
            received: 0,
        }
    }

    /// The connection that it goes over.
    pub(crate) fn connection(&self) -> &Rc<Http2Connection> {
        self.call.connection()
    }

    /// Whether its head was handed to the network.
    pub(crate) fn is_written(&self) -> bool {
        self.call.is_written()
    }

    /// The head of the answer, once it has come.
    pub(crate) const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Bytes of the answer's body that were received.
    pub(crate) const fn received(&self) -> u64 {
        self.received
    }

    /// Takes in a message that is to be sent; the one before must have been handed on.
    pub(crate) fn put(&mut self, framed: Bytes, is_last: bool) {
        debug_assert!(self.unsent.is_empty(), "one message after the other");
        self.unsent = framed;
        self.is_last = is_last;
    }

    /// Whether all was handed on.
    pub(crate) fn is_sent(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Whether the other side takes nothing more; its answer says why.
    pub(crate) const fn is_deaf(&self) -> bool {
        self.is_deaf
    }

    /// Hands on what there is, as far as the other side lets it. It is ready when all was handed
    /// on, or the other side takes nothing more.
    pub(crate) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.unsent.is_empty() && !self.is_deaf {
            // Why it takes nothing more shows where the answer is read.
            self.is_deaf =
                ready!(self.call.poll_write(cx, &mut self.unsent, self.is_last)).is_err();
        }
        Poll::Ready(())
    }

    /// Says that no message follows.
    pub(crate) fn finish(&mut self) {
        if !self.is_deaf {
            self.is_deaf = self.call.end().is_err();
        }
    }

    /// Waits for the head of the answer.
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallFault>> {
        if self.head.is_none() {
            self.head = Some(ready!(self.call.poll_head(cx))?);
        }
        Poll::Ready(Ok(()))
    }

    /// What comes next.
    pub(crate) fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<WireEvent, CallFault>> {
        ready!(self.poll_head(cx))?;
        if let Some(end) = self.ended_by_head() {
            return Poll::Ready(Ok(WireEvent::Ended(Box::new(end))));
        }
        loop {
            match self.reader.next() {
                Ok(None) => {}
                Ok(Some(message)) => return Poll::Ready(Ok(WireEvent::Message(message))),
                Err(error) => return Poll::Ready(Err(self.refused(error))),
            }
            match ready!(self.call.poll_part(cx))? {
                CallPart::Piece(piece) => {
                    self.received += piece.len() as u64;
                    self.reader.take(piece);
                }
                CallPart::End(trailers) => return Poll::Ready(self.ended(trailers)),
            }
        }
    }

    /// The end of an answer that has nothing but a head, or that is no gRPC.
    fn ended_by_head(&mut self) -> Option<AnswerEnd> {
        let head = self.head.as_mut()?;
        if let Some(status) = GrpcStatus::of_trailers(&head.headers) {
            let trailers = std::mem::take(&mut head.headers);
            return Some(AnswerEnd { status, headers: HeaderMap::new(), trailers });
        }
        let status = GrpcStatus::of_foreign(head)?;
        let headers = std::mem::take(&mut head.headers);
        Some(AnswerEnd { status, headers, trailers: HeaderMap::new() })
    }

    fn ended(&mut self, trailers: Option<HeaderMap>) -> Result<WireEvent, CallFault> {
        let trailers = trailers.unwrap_or_default();
        let status = GrpcStatus::of_trailers(&trailers).unwrap_or_else(GrpcStatus::missing);
        if status.code == grpc::OK && self.reader.is_amid() {
            return Err(self.refused(Error::protocol("the last message was cut short")));
        }
        let headers = self.head.as_mut().map(|head| std::mem::take(&mut head.headers));
        let headers = headers.unwrap_or_default();
        Ok(WireEvent::Ended(Box::new(AnswerEnd { status, headers, trailers })))
    }

    fn refused(&self, error: Error) -> CallFault {
        let failure = SendFailure { error, written: self.is_written(), retry: Retry::Never };
        CallFault { failure, code: None }
    }
}

impl AnswerEnd {
    /// What the scenario is told.
    pub(crate) fn told(self, keep_metadata: bool) -> GrpcEnd {
        let kept = |fields| if keep_metadata { entries(fields) } else { Vec::new() };
        let (headers, trailers) = (kept(&self.headers), kept(&self.trailers));
        GrpcEnd { status: self.status, headers, trailers }
    }
}

impl From<CallFault> for GrpcError {
    fn from(CallFault { failure, code }: CallFault) -> Self {
        match code {
            Some(code) => Self::Reset { code, error: failure.error },
            None => Self::Failed(failure.error),
        }
    }
}
