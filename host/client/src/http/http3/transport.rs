//! The streams of a QUIC connection as h3 wants them.
//!
//! A stream for a request is opened before h3 asks for one, so that to wait for the service's leave
//! is told from sending. A stream that is dropped before it is over is reset as RFC 9114, 4.1.1 has
//! it.

use std::cell::{Cell, RefCell};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};
use quinn::{ConnectionError, ReadError, VarInt, WriteError};

use super::frames::{FrameNews, Http3Frames, Number, StreamFault};
use super::wire::Http3Wire;

/// A connection, for h3.
pub(super) struct Transport {
    quic: quinn::Connection,
    wire: Rc<Http3Wire>,
    offered: Rc<OfferedStreams>,
    opening: Option<OpeningStream<quinn::SendStream>>,
    accepting: Option<OpeningStream<quinn::RecvStream>>,
}

/// What gives h3 a stream for each request: the one that was opened for it.
#[derive(Clone)]
pub(super) struct Opener(Rc<OfferedStreams>);

/// The stream of the request that h3 is about to send.
#[derive(Default)]
pub(super) struct OfferedStreams(RefCell<Option<RequestStreams>>);

/// Both directions of a request's stream.
pub(super) struct RequestStreams {
    outgoing: OutgoingStream,
    incoming: IncomingStream,
}

/// What is sent.
pub(super) struct OutgoingStream {
    stream: quinn::SendStream,
    writing: Option<WriteBuf<Bytes>>,
    is_over: bool,
    /// Of a request, what is noted of it, and where what is written is counted.
    request: Option<(Rc<StreamNotes>, Rc<Http3Wire>)>,
}

/// What is noted of a request's stream beside what h3 makes of it.
#[derive(Default)]
pub(super) struct StreamNotes {
    /// Whether the beginning of the request was handed to the network.
    is_written: Cell<bool>,
    /// Frames of the answer's body that came without any of it, and were not passed over yet.
    empty: Cell<u32>,
}

/// What is received.
pub(super) struct IncomingStream {
    stream: quinn::RecvStream,
    followed: FollowedStream,
    wire: Rc<Http3Wire>,
    is_over: bool,
}

/// How far a stream is known.
enum FollowedStream {
    Answer(Http3Frames, Rc<StreamNotes>),
    /// One of the service's own, whose type is still to come.
    Unnamed(Number),
    Control(Http3Frames),
    /// What h3 does not read, or throws away.
    Other,
}

type OpeningStream<S> = Pin<Box<dyn Future<Output = Result<S, ConnectionError>>>>;

/// The type of the stream on which a side speaks of the connection (RFC 9114, 6.2.1).
const CONTROL: u64 = 0;

impl Transport {
    pub(super) fn new(quic: quinn::Connection, wire: Rc<Http3Wire>) -> Self {
        Self { quic, wire, offered: Rc::default(), opening: None, accepting: None }
    }

    /// Where streams for requests are offered.
    pub(super) fn offered(&self) -> Rc<OfferedStreams> {
        Rc::clone(&self.offered)
    }
}

impl StreamNotes {
    /// Whether the beginning of the request was handed to the network.
    pub(super) fn is_written(&self) -> bool {
        self.is_written.get()
    }

    /// Passes over a frame without content, if one came.
    pub(super) fn take_empty(&self) -> bool {
        let empty = self.empty.get();
        self.empty.set(empty.saturating_sub(1));
        empty > 0
    }
}

impl OfferedStreams {
    pub(super) fn put(&self, streams: RequestStreams) {
        *self.0.borrow_mut() = Some(streams);
    }

    /// Takes back what nobody wanted.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().take();
    }
}

impl RequestStreams {
    pub(super) fn new(
        (outgoing, incoming): (quinn::SendStream, quinn::RecvStream),
        wire: &Rc<Http3Wire>,
    ) -> Self {
        wire.begins();
        let notes = Rc::<StreamNotes>::default();
        Self {
            outgoing: OutgoingStream {
                stream: outgoing,
                writing: None,
                is_over: false,
                request: Some((Rc::clone(&notes), Rc::clone(wire))),
            },
            incoming: IncomingStream {
                stream: incoming,
                followed: FollowedStream::Answer(Http3Frames::new(wire.frame_limit()), notes),
                wire: Rc::clone(wire),
                is_over: false,
            },
        }
    }

    /// Its number.
    pub(super) fn id(&self) -> u64 {
        self.incoming.id()
    }

    /// What is noted of it.
    pub(super) fn notes(&self) -> Rc<StreamNotes> {
        self.outgoing.request.as_ref().map(|(notes, _)| Rc::clone(notes)).unwrap_or_default()
    }
}

impl IncomingStream {
    fn id(&self) -> u64 {
        self.stream.id().into()
    }

    fn follow(&mut self, mut bytes: &[u8]) -> Result<(), StreamFault> {
        if let FollowedStream::Unnamed(number) = &mut self.followed {
            let Some(kind) = number.take(&mut bytes) else { return Ok(()) };
            self.followed = if kind == CONTROL {
                FollowedStream::Control(Http3Frames::new(self.wire.frame_limit()))
            } else {
                FollowedStream::Other
            };
        }
        match &mut self.followed {
            FollowedStream::Answer(frames, notes) => frames.follow(bytes, |news| {
                if news == FrameNews::EmptyData {
                    notes.empty.set(notes.empty.get() + 1);
                }
            }),
            FollowedStream::Control(frames) => frames.follow(bytes, |news| {
                if let FrameNews::LeftOutFrom(stream) = news {
                    self.wire.leave_out_from(stream);
                }
            }),
            FollowedStream::Unnamed(_) | FollowedStream::Other => Ok(()),
        }
    }

    /// Waits for more, unless nothing will come.
    fn wait(&self, cx: &Context<'_>) -> Result<(), StreamFault> {
        if matches!(self.followed, FollowedStream::Answer(..)) {
            if self.wire.is_left_out(self.id()) {
                return Err(StreamFault::LeftOut);
            }
            self.wire.wait(self.id(), cx.waker());
        }
        Ok(())
    }
}

fn of_connection(error: ConnectionError) -> ConnectionErrorIncoming {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            ConnectionErrorIncoming::ApplicationClose { error_code: close.error_code.into() }
        }
        ConnectionError::TimedOut => ConnectionErrorIncoming::Timeout,
        other => ConnectionErrorIncoming::Undefined(Arc::new(other)),
    }
}

fn of_stream(error: ConnectionError) -> StreamErrorIncoming {
    StreamErrorIncoming::ConnectionErrorIncoming { connection_error: of_connection(error) }
}

fn of_fault(fault: StreamFault) -> StreamErrorIncoming {
    StreamErrorIncoming::Unknown(Box::new(fault))
}

fn of_code(code: u64) -> VarInt {
    VarInt::from_u64(code).unwrap_or(VarInt::MAX)
}

/// The number of a stream, as h3 has it.
fn stream_id(id: u64) -> StreamId {
    StreamId::try_from(id).expect("QUIC has no larger numbers than HTTP/3")
}

impl quic::Connection<Bytes> for Transport {
    type RecvStream = IncomingStream;
    type OpenStreams = Opener;

    fn poll_accept_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<IncomingStream, ConnectionErrorIncoming>> {
        let accepting = self.accepting.get_or_insert_with(|| {
            let quic = self.quic.clone();
            Box::pin(async move { quic.accept_uni().await })
        });
        let accepted = ready!(accepting.as_mut().poll(cx));
        self.accepting = None;
        Poll::Ready(accepted.map_err(of_connection).map(|stream| IncomingStream {
            stream,
            followed: FollowedStream::Unnamed(Number::default()),
            wire: Rc::clone(&self.wire),
            is_over: false,
        }))
    }

    fn poll_accept_bidi(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<Result<RequestStreams, ConnectionErrorIncoming>> {
        // The service is allowed none, so QUIC itself ends the connection of one that opens one.
        Poll::Pending
    }

    fn opener(&self) -> Opener {
        Opener(Rc::clone(&self.offered))
    }
}

impl quic::OpenStreams<Bytes> for Transport {
    type BidiStream = RequestStreams;
    type SendStream = OutgoingStream;

    fn poll_open_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<RequestStreams, StreamErrorIncoming>> {
        Opener(Rc::clone(&self.offered)).poll_open_bidi(cx)
    }

    fn poll_open_send(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<OutgoingStream, StreamErrorIncoming>> {
        let opening = self.opening.get_or_insert_with(|| {
            let quic = self.quic.clone();
            Box::pin(async move { quic.open_uni().await })
        });
        let opened = ready!(opening.as_mut().poll(cx));
        self.opening = None;
        Poll::Ready(opened.map_err(of_stream).map(|stream| OutgoingStream {
            stream,
            writing: None,
            is_over: false,
            request: None,
        }))
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.quic.close(of_code(code.value()), reason);
    }
}

impl quic::OpenStreams<Bytes> for Opener {
    type BidiStream = RequestStreams;
    type SendStream = OutgoingStream;

    fn poll_open_bidi(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<Result<RequestStreams, StreamErrorIncoming>> {
        let offered = self.0.0.borrow_mut().take();
        Poll::Ready(offered.ok_or_else(|| StreamErrorIncoming::Unknown("no stream is open".into())))
    }

    fn poll_open_send(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<Result<OutgoingStream, StreamErrorIncoming>> {
        let error = "a client sends requests alone".into();
        Poll::Ready(Err(StreamErrorIncoming::Unknown(error)))
    }

    fn close(&mut self, _: Code, _: &[u8]) {
        // The connection is closed by whoever has it.
    }
}

impl quic::SendStream<Bytes> for OutgoingStream {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        while let Some(writing) = self.writing.as_mut().filter(|writing| writing.has_remaining()) {
            let amount = match ready!(Pin::new(&mut self.stream).poll_write(cx, writing.chunk())) {
                Ok(amount) => amount,
                Err(error) => {
                    self.is_over = true;
                    return Poll::Ready(Err(match error {
                        WriteError::Stopped(code) => {
                            StreamErrorIncoming::StreamTerminated { error_code: code.into() }
                        }
                        WriteError::ConnectionLost(error) => of_stream(error),
                        other => StreamErrorIncoming::Unknown(Box::new(other)),
                    }));
                }
            };
            writing.advance(amount);
            if let Some((notes, wire)) = &self.request
                && !notes.is_written.replace(true)
            {
                wire.count_written();
            }
        }
        self.writing = None;
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.writing = Some(data.into());
        Ok(())
    }

    fn poll_finish(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.is_over = true;
        let finished = self.stream.finish();
        Poll::Ready(finished.map_err(|error| StreamErrorIncoming::Unknown(Box::new(error))))
    }

    fn reset(&mut self, reset_code: u64) {
        self.is_over = true;
        // One that is closed needs no reset.
        let _ = self.stream.reset(of_code(reset_code));
    }

    fn send_id(&self) -> StreamId {
        stream_id(self.stream.id().into())
    }
}

impl quic::RecvStream for IncomingStream {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let read = pin!(self.stream.read_chunk(usize::MAX, true)).poll(cx);
        let outcome = match read {
            Poll::Pending => match self.wait(cx) {
                Ok(()) => return Poll::Pending,
                Err(fault) => Err(of_fault(fault)),
            },
            Poll::Ready(Ok(Some(chunk))) => match self.follow(&chunk.bytes) {
                Ok(()) => return Poll::Ready(Ok(Some(chunk.bytes))),
                Err(fault) => Err(of_fault(fault)),
            },
            Poll::Ready(Ok(None)) => {
                self.is_over = true;
                match &self.followed {
                    FollowedStream::Answer(frames, _) if frames.is_within() => {
                        Err(of_fault(StreamFault::CutShort))
                    }
                    _ => Ok(None),
                }
            }
            Poll::Ready(Err(error)) => {
                self.is_over = true;
                Err(match error {
                    ReadError::Reset(code) => {
                        StreamErrorIncoming::StreamTerminated { error_code: code.into() }
                    }
                    ReadError::ConnectionLost(error) => of_stream(error),
                    other => StreamErrorIncoming::Unknown(Box::new(other)),
                })
            }
        };
        Poll::Ready(outcome)
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.is_over = true;
        // One that is closed need not be stopped.
        let _ = self.stream.stop(of_code(error_code));
    }

    fn recv_id(&self) -> StreamId {
        stream_id(self.id())
    }
}

impl quic::SendStream<Bytes> for RequestStreams {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.outgoing.poll_ready(cx)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.outgoing.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.outgoing.poll_finish(cx)
    }

    fn reset(&mut self, reset_code: u64) {
        self.outgoing.reset(reset_code);
    }

    fn send_id(&self) -> StreamId {
        self.outgoing.send_id()
    }
}

impl quic::RecvStream for RequestStreams {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.incoming.poll_data(cx)
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.incoming.stop_sending(error_code);
    }

    fn recv_id(&self) -> StreamId {
        self.incoming.recv_id()
    }
}

impl quic::BidiStream<Bytes> for RequestStreams {
    type SendStream = OutgoingStream;
    type RecvStream = IncomingStream;

    fn split(self) -> (OutgoingStream, IncomingStream) {
        (self.outgoing, self.incoming)
    }
}

impl Drop for OutgoingStream {
    fn drop(&mut self) {
        if !self.is_over {
            quic::SendStream::reset(self, Code::H3_REQUEST_CANCELLED.value());
        }
    }
}

impl Drop for IncomingStream {
    fn drop(&mut self) {
        if !self.is_over {
            quic::RecvStream::stop_sending(self, Code::H3_REQUEST_CANCELLED.value());
        }
        if matches!(self.followed, FollowedStream::Answer(..)) {
            self.wire.ends(self.id());
        }
    }
}
