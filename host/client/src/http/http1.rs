//! HTTP/1.1: one exchange after another on one connection.
//!
//! This file and the files under it are all the code that knows how HTTP/1.1 is spoken. The task
//! that sends also drives the connection: the connection has no task of its own, is closed when it
//! is dropped, and costs neither time nor a buffer while it is idle or waits for an answer.
//!
//! ## Why this is our own code
//! A load generator is judged by its CPU per request, of which one write and one read in the kernel
//! cannot be saved. Hyper's HTTP/1.1 is made for every use: channels between task and connection,
//! maps of all headers, a read after each answer. Measured against nginx with 64 connections (a
//! core each, interleaved runs, medians): wrk 9.5 µs a request, hyper bare 12.3, this crate over
//! hyper 16.1, over these files 10.0; 19,600 instructions over hyper, 7,400 over these files.
//! Parsing is left to httparse, as hyper leaves it.
//!
//! ## How one write and one read are enough
//! The runtime knows without a system call whether a socket has anything to read. It is asked just
//! before a request is written. Nearly always there is nothing, and the answer will wake the task.
//! The end of the connection, or bytes that nobody asked for, mean that the connection cannot be
//! used any more; this shows before anything was sent on it. Reading stops with the answer, so that
//! no read finds nothing.

mod framing;
mod parse;
mod response;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use swell_core::exchange::ErrorClass;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;
use tokio::time::Instant;

use self::response::{ResponseOptions, ResponseReader};
use crate::error::Error;
use crate::http::failure::{Retry, SendFailure};
use crate::http::head::Head;
use crate::http::outgoing::OutgoingRequest;
use crate::net::faults;
use crate::net::stream::Stream;
use crate::net::time_slice::TimeSlice;

/// An open connection.
pub(crate) struct Http1Connection {
    stream: Stream,
    buffers: Rc<Buffers>,
    response: ResponseReader,
    /// The part of the request for which the network had no room yet.
    remainder: Option<Box<Remainder>>,
    /// The last successful write of this exchange.
    sent: Option<Instant>,
    /// How many bytes of the request were handed to the network.
    handed: usize,
    /// Whether anything was received in this exchange.
    has_received: bool,
    /// Whether the service has ended the connection in good order.
    ended: bool,
    /// Whether anything was received before this exchange.
    answered: bool,
    /// Whether the request said that it is the last one on the connection.
    closing: bool,
    /// Whether the answer came before the body of the request was asked for, which is not sent
    /// then.
    withheld: bool,
    /// How many requests it may still carry; absent for as many as come.
    left: Option<u32>,
}

/// What the connections of one worker share. A connection needs a buffer only while it looks at
/// what was read, so one buffer serves all.
pub(crate) struct Buffers {
    /// The bytes of one read.
    input: RefCell<Box<[u8]>>,
    /// The head of a request, and its body if that is small, before they are written.
    output: RefCell<Vec<u8>>,
    header_limit: usize,
    /// The heads handed to the network.
    written: Rc<Cell<u64>>,
}

/// A request, a part of which is still to be written.
struct Remainder {
    head: Vec<u8>,
    body: Bytes,
    /// How many bytes of head and body were written.
    done: usize,
    /// Whether the body waits until the server asks for it (RFC 9110, 10.1.1).
    waits: bool,
}

/// How much is read at once. Larger reads make large bodies no cheaper.
const INPUT: usize = 64 << 10;

/// A body up to this size is copied behind its head: cheaper than telling the kernel of two places.
const COPIED: usize = 4 << 10;

/// The most bytes that TLS puts into one record.
const ONE_RECORD: usize = 16 << 10;

impl Buffers {
    pub(crate) fn new(header_limit: usize, written: Rc<Cell<u64>>) -> Rc<Self> {
        Rc::new(Self {
            input: RefCell::new(vec![0; INPUT].into()),
            output: RefCell::default(),
            header_limit,
            written,
        })
    }
}

impl Http1Connection {
    /// Takes a stream that is ready for HTTP.
    pub(crate) fn new(stream: Stream, buffers: &Rc<Buffers>) -> Box<Self> {
        Box::new(Self {
            stream,
            buffers: Rc::clone(buffers),
            response: ResponseReader::new(buffers.header_limit),
            remainder: None,
            sent: None,
            handed: 0,
            has_received: false,
            ended: false,
            answered: false,
            closing: false,
            withheld: false,
            left: None,
        })
    }

    /// The same, which carries so many requests and no more; absent for as many as come.
    pub(crate) fn for_requests(mut self: Box<Self>, most: Option<NonZeroU32>) -> Box<Self> {
        self.left = most.map(NonZeroU32::get);
        self
    }

    /// Whether the next request is the last that it may carry.
    pub(crate) fn is_at_last_request(&self) -> bool {
        self.left == Some(1)
    }

    /// Sends a request and waits for the head of its answer. If that fails, or the future is
    /// dropped, the connection cannot be used any more.
    pub(crate) async fn send(
        &mut self,
        request: &OutgoingRequest<'_>,
    ) -> Result<Head, SendFailure> {
        self.response.expect(ResponseOptions {
            to_head: request.is_head(),
            headers: request.keeps_headers(),
            body: request.keeps_body(),
        });
        self.sent = None;
        self.answered |= self.has_received;
        self.has_received = false;
        self.handed = 0;
        self.closing = request.closes();
        self.left = self.left.map(|left| left.saturating_sub(1));
        // The runtime learns what has arrived between two turns of its tasks. A request that may
        // arrive twice is sent again if its connection had closed; any other request looks first.
        if self.answered && !request.may_arrive_twice() && self.stream.has_news() {
            yield_now().await;
        }
        poll_fn(|cx| self.poll_send(request, cx)).await.map_err(|error| self.failed(error))
    }

    /// Goes on with a request whose body waits, although nobody has asked for it.
    pub(crate) async fn send_unasked(
        &mut self,
        request: &OutgoingRequest<'_>,
    ) -> Result<Head, SendFailure> {
        self.has_body_follow();
        poll_fn(|cx| self.poll_send(request, cx)).await.map_err(|error| self.failed(error))
    }

    fn has_body_follow(&mut self) {
        if let Some(remainder) = &mut self.remainder {
            remainder.waits = false;
        }
    }

    fn poll_send(
        &mut self,
        request: &OutgoingRequest<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Head, Error>> {
        if self.sent.is_none() {
            if let Poll::Ready(unasked) =
                self.poll_read(
                    cx,
                    |_, input| if input.is_empty() { Err(response::cut_off()) } else { Ok(()) },
                )
            {
                return Poll::Ready(
                    unasked.and(Err(Error::protocol("the server spoke before it was asked"))),
                );
            }
            self.write(request, cx)?;
            return Poll::Pending;
        }
        self.write_on(cx);
        let mut slice = TimeSlice::new();
        loop {
            let head = ready!(self.poll_read(cx, ResponseReader::head))?;
            if mem::take(&mut self.response.asks_for_body) {
                self.has_body_follow();
                self.write_on(cx);
            }
            if let Some(head) = head {
                // What waits still is not wanted any more.
                self.withheld = self.remainder.take_if(|remainder| remainder.waits).is_some();
                return Poll::Ready(Ok(head));
            }
            ready!(slice.poll(cx));
        }
    }

    fn failed(&mut self, error: Error) -> SendFailure {
        // Over TLS 1.3 a server refuses a client's certificate only after the client's first
        // message, which it has not read as a request.
        if error.class == ErrorClass::Tls && !self.answered && self.sent.take().is_some() {
            self.buffers.written.set(self.buffers.written.get() - 1);
        }
        let silent = error.class == ErrorClass::Reset && !self.has_received;
        if silent && self.answered && self.crossed() && self.sent.take().is_some() {
            self.buffers.written.set(self.buffers.written.get() - 1);
        }
        SendFailure {
            error,
            written: self.sent.is_some(),
            retry: if silent { Retry::IfRepeatable } else { Retry::Never },
        }
    }

    /// Whether the request and the end of its connection crossed on the way, so that the server has
    /// not read the request.
    ///
    /// Each segment says what its sender has received so far: an end that acknowledges nothing of
    /// the request was sent before the request arrived. Over TLS more bytes are sent than were
    /// handed over, which makes no difference as long as it is one record.
    fn crossed(&self) -> bool {
        let counts = matches!(self.stream, Stream::Plain(_)) || self.handed <= ONE_RECORD;
        self.ended
            && counts
            && self.stream.unacknowledged().is_some_and(|waiting| waiting >= self.handed)
    }

    /// The next piece of a body that is kept, or its end.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let mut slice = TimeSlice::new();
        loop {
            let data = self.response.data();
            if !data.is_empty() {
                return Poll::Ready(Some(Ok(data)));
            }
            if self.response.is_end() {
                return Poll::Ready(None);
            }
            self.write_on(cx);
            if let Err(error) = ready!(self.poll_read(cx, ResponseReader::body)) {
                return Poll::Ready(Some(Err(error)));
            }
            ready!(slice.poll(cx));
        }
    }

    /// Reads to the end of the body and keeps nothing of it.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.response.discard();
        let mut slice = TimeSlice::new();
        loop {
            if self.response.is_end() {
                return Poll::Ready(Ok(()));
            }
            self.write_on(cx);
            ready!(self.poll_read(cx, ResponseReader::body))?;
            ready!(slice.poll(cx));
        }
    }

    /// Whether the answer has ended, and nothing of it waits to be taken.
    pub(crate) fn is_end(&self) -> bool {
        self.response.is_end() && self.response.is_taken()
    }

    /// Bytes of the answer's body that were received.
    pub(crate) fn received(&self) -> u64 {
        self.response.received
    }

    /// The connection after an answer that ended HTTP on it (status 101), with what came behind the
    /// answer.
    pub(crate) fn into_upgraded(self) -> (Stream, Vec<u8>) {
        (self.stream, self.response.into_rest())
    }

    /// Whether another request can follow.
    pub(crate) fn is_reusable(&self) -> bool {
        !(self.closing || self.withheld) && self.remainder.is_none() && !self.response.is_last()
    }

    /// Whether the head of the current request was handed to the network.
    pub(crate) fn is_written(&self) -> bool {
        self.sent.is_some()
    }

    /// When the whole of the current request was handed to the network, or as much of it as was
    /// wanted; `None` if it was not.
    pub(crate) fn handed_over(&self) -> Option<Instant> {
        if self.remainder.is_some() { None } else { self.sent }
    }

    /// Reads once and passes on what came; passes on nothing at the end of the connection.
    fn poll_read<T>(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut ResponseReader, &[u8]) -> Result<T, Error>,
    ) -> Poll<Result<T, Error>> {
        let mut input = self.buffers.input.borrow_mut();
        let mut input = ReadBuf::new(&mut input);
        if let Err(error) = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut input)) {
            // TLS reports an end of the connection that was not announced in this way.
            self.ended = error.kind() == io::ErrorKind::UnexpectedEof;
            return Poll::Ready(Err(faults::stream(&error)));
        }
        self.ended = input.filled().is_empty();
        self.has_received |= !self.ended;
        Poll::Ready(take(&mut self.response, input.filled()))
    }

    /// Writes as much of a request as there is room for, and keeps the rest.
    fn write(&mut self, request: &OutgoingRequest<'_>, cx: &mut Context<'_>) -> Result<(), Error> {
        let buffers = Rc::clone(&self.buffers);
        let mut head = buffers.output.borrow_mut();
        head.clear();
        request.write_http1(&mut head);
        let mut body = request.body_http1();
        let waits = request.waits_for_word();
        if !waits && body.len() <= COPIED {
            head.extend_from_slice(&mem::take(&mut body));
        }
        let mut done = 0;
        let wanted: &[u8] = if waits { &[] } else { &body };
        self.remainder = match self.push(&head, wanted, &mut done, cx) {
            Ok(true) if !waits => None,
            Err(error) if self.sent.is_none() => return Err(error),
            Ok(_) | Err(_) => {
                Some(Box::new(Remainder { head: mem::take(&mut head), body, done, waits }))
            }
        };
        Ok(())
    }

    /// Writes what had no room before.
    ///
    /// A failure shows when the answer is read: a server that does not want the body may have
    /// answered before it closed.
    fn write_on(&mut self, cx: &mut Context<'_>) {
        if let Some(mut remainder) = self.remainder.take() {
            let Remainder { head, body, done, waits } = &mut *remainder;
            let wanted: &[u8] = if *waits { &[] } else { body };
            if !matches!(self.push(head, wanted, done, cx), Ok(true)) || *waits {
                self.remainder = Some(remainder);
            }
        }
    }

    /// Writes a request from byte `done` on, and returns whether all of it was handed to the
    /// network.
    fn push(
        &mut self,
        head: &[u8],
        body: &[u8],
        done: &mut usize,
        cx: &mut Context<'_>,
    ) -> Result<bool, Error> {
        let size = head.len() + body.len();
        while *done < size {
            let stream = Pin::new(&mut self.stream);
            let outcome = match head.get(*done..) {
                Some(rest) if body.is_empty() => stream.poll_write(cx, rest),
                Some(rest @ [_, ..]) => {
                    stream.poll_write_vectored(cx, &[IoSlice::new(rest), IoSlice::new(body)])
                }
                _ => stream.poll_write(cx, &body[*done - head.len()..]),
            };
            let Poll::Ready(outcome) = outcome else { return Ok(false) };
            match outcome {
                Ok(0) => return Err(faults::stream(&io::ErrorKind::WriteZero.into())),
                Ok(amount) => {
                    *done += amount;
                    self.handed = *done;
                }
                Err(error) => return Err(faults::stream(&error)),
            }
            if self.sent.replace(Instant::now()).is_none() {
                self.buffers.written.set(self.buffers.written.get() + 1);
            }
        }
        // TLS may still hold records for which there was no room.
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(outcome) => outcome.map(|()| true).map_err(|e| faults::stream(&e)),
            Poll::Pending => Ok(false),
        }
    }
}
