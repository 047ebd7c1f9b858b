//! A stream of HTTP/2 of which both sides are used as they like: pieces go out while others come
//! in, and what comes ends with trailers.

use std::future::Future as _;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};
use http::Request;
use http::header::HeaderMap;
use swell_core::exchange::ErrorClass;

use super::fault::OTHER_VERSION;
use super::{Http2Connection, Http2Sender, InUse, size};
use crate::error::Error;
use crate::http::failure::{Retry, SendFailure};
use crate::http::head::Head;

/// An open stream. If it is dropped before both sides have ended, it is reset with the reason
/// CANCEL, and the other streams of the connection go on.
pub(crate) struct Http2Call {
    connection: InUse,
    id: u32,
    out: SendStream<Bytes>,
    response: Option<ResponseFuture>,
    /// Bytes of announcements before the answer.
    announced: usize,
    incoming: Option<RecvStream>,
}

/// What has ended a stream.
pub(crate) struct CallFault {
    pub(crate) failure: SendFailure,
    /// The reason by which the other side has reset the stream.
    pub(crate) code: Option<u32>,
}

/// A part of what comes after the head.
pub(crate) enum CallPart {
    /// A piece of the body; never empty.
    Piece(Bytes),
    /// The end, with its trailers.
    End(Option<HeaderMap>),
}

impl Http2Sender {
    /// Begins a stream. Nothing has been written when it returns.
    pub(crate) fn begin(mut self, request: Request<()>) -> Result<Http2Call, CallFault> {
        match self.sender.send_request(request, false) {
            Ok((response, out)) => Ok(Http2Call {
                id: response.stream_id().as_u32(),
                connection: self.connection,
                out,
                response: Some(response),
                announced: 0,
                incoming: None,
            }),
            Err(error) => Err(fault(self.failed(&error), &error)),
        }
    }
}

/// A stream that was reset tells its reason; a connection that was left is told apart from one that
/// was lost.
fn fault(mut failure: SendFailure, error: &h2::Error) -> CallFault {
    if error.is_remote() && error.is_go_away() {
        failure.error.class = ErrorClass::GoAway;
    }
    // Nobody has asked for a version who could ask for another one.
    if let Some(words) = failure.error.message.strip_suffix(OTHER_VERSION) {
        failure.error.message = words.to_owned();
    }
    let is_reset = error.is_remote() && error.is_reset();
    CallFault { failure, code: error.reason().filter(|_| is_reset).map(u32::from) }
}

impl Http2Call {
    /// The connection that it goes over.
    pub(crate) fn connection(&self) -> &Rc<Http2Connection> {
        &self.connection
    }

    /// Whether its head was handed to the network.
    pub(crate) fn is_written(&self) -> bool {
        self.connection.wire.has_opened(self.id)
    }

    /// Hands on what is to be sent, as far as the other side lets it, and then says that this was
    /// all, if `ends`. Once it is ready, all was handed on.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        data: &mut Bytes,
        ends: bool,
    ) -> Poll<Result<(), CallFault>> {
        while !data.is_empty() {
            self.out.reserve_capacity(data.len());
            let room = match self.out.capacity() {
                0 => match ready!(self.out.poll_capacity(cx)) {
                    Some(Ok(room)) => room,
                    Some(Err(error)) => return Poll::Ready(Err(self.fault(&error))),
                    None => return Poll::Ready(Err(self.closed(cx))),
                },
                room => room,
            };
            let piece = data.split_to(room.min(data.len()));
            let is_last = ends && data.is_empty();
            if let Err(error) = self.out.send_data(piece, is_last) {
                return Poll::Ready(Err(self.fault(&error)));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Says that nothing more is sent.
    pub(crate) fn end(&mut self) -> Result<(), CallFault> {
        self.out.send_data(Bytes::new(), true).map_err(|error| self.fault(&error))
    }

    /// The head of the answer.
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, CallFault>> {
        let limit = self.connection.header_limit;
        let Some(response) = &mut self.response else {
            unreachable!("an answer has one head, which is taken once")
        };
        while let Poll::Ready(Some(Ok(interim))) = response.poll_informational(cx) {
            self.announced += size(interim.headers());
            if self.announced > limit {
                return Poll::Ready(Err(self.refused(Error::announced_too_much(limit))));
            }
        }
        let (head, incoming) = match ready!(Pin::new(response).poll(cx)) {
            Ok(response) => response.into_parts(),
            Err(error) => return Poll::Ready(Err(self.fault(&error))),
        };
        self.response = None;
        self.incoming = Some(incoming);
        if size(&head.headers) > limit {
            return Poll::Ready(Err(self.refused(Error::new(
                ErrorClass::TooLarge,
                "the response's headers are larger than the limit",
            ))));
        }
        Poll::Ready(Ok(Head { status: head.status, headers: head.headers }))
    }

    /// What comes next after the head.
    pub(crate) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<CallPart, CallFault>> {
        let Some(incoming) = &mut self.incoming else {
            unreachable!("what comes after the head is asked for after the head")
        };
        loop {
            match ready!(incoming.poll_data(cx)) {
                Some(Ok(piece)) => {
                    // This fails where the stream has ended and needs no more room.
                    let _ended = incoming.flow_control().release_capacity(piece.len());
                    if !piece.is_empty() {
                        return Poll::Ready(Ok(CallPart::Piece(piece)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(self.fault(&error))),
                None => break,
            }
        }
        let trailers = ready!(incoming.poll_trailers(cx));
        Poll::Ready(match trailers {
            Ok(Some(trailers)) if size(&trailers) > self.connection.header_limit => Err(self
                .refused(Error::new(
                    ErrorClass::TooLarge,
                    "the response's trailers are larger than the limit",
                ))),
            Ok(trailers) => Ok(CallPart::End(trailers)),
            Err(error) => Err(self.fault(&error)),
        })
    }

    fn fault(&self, error: &h2::Error) -> CallFault {
        let failure = self.connection.failed(error, self.is_written());
        fault(failure, error)
    }

    fn refused(&self, error: Error) -> CallFault {
        let failure = SendFailure { error, written: self.is_written(), retry: Retry::Never };
        CallFault { failure, code: None }
    }

    /// Why nothing can be sent any more: what the answering side says of it, if it does.
    fn closed(&mut self, cx: &mut Context<'_>) -> CallFault {
        match self.out.poll_reset(cx) {
            Poll::Ready(Ok(reason)) => {
                let error =
                    Error::new(ErrorClass::Reset, format!("HTTP/2: stream reset: {reason}"));
                CallFault { code: Some(reason.into()), ..self.refused(error) }
            }
            Poll::Ready(Err(error)) => self.fault(&error),
            Poll::Pending => {
                self.refused(Error::new(ErrorClass::Reset, "HTTP/2: the stream takes nothing more"))
            }
        }
    }
}
