//! One open WebSocket: what is read when, what is kept of it, how it ends.
//!
//! ## Who drives it
//! While the scenario waits for the connection, its own task reads and writes, so that an answer
//! reaches it without a detour. At other times the connection's keeper does, a task that is asleep
//! unless something comes: it takes in messages and answers pings. A socket wakes one task alone,
//! so [`Driven`] hands the connection over and back.
//!
//! ## What is kept
//! Of messages that nobody has received yet, so many that a busy user loses no time, and so few
//! that ten thousand users do not fill the machine. At that bound nothing is read, and the network
//! holds the service back.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use swell_core::record::{WebSocketEnd, WebSocketTraffic};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};

use crate::error::Error;
use crate::net::stream::Stream;
use crate::net::time_slice::{TimeSlice, give_way};
use crate::websocket::failure;
use crate::websocket::request::{
    WebSocketClosing, WebSocketError, WebSocketIncoming, WebSocketMessage,
};

/// The most messages that wait to be received.
const MAX_UNREAD: usize = 256;

/// The most bytes of them: past this, no other message is taken in.
const MAX_UNREAD_BYTES: usize = 1 << 20;

/// The most pings that may be under way.
const MAX_PINGS: usize = 16;

/// What a connection reads at once, and holds for it as long as it lives: a page of memory.
const READ: usize = 4 << 10;

/// The code where a close frame has none (RFC 6455, 7.1.5).
const NO_CODE: u16 = 1005;

/// An open WebSocket.
pub(super) struct Wire {
    context: WebSocketContext,
    /// The connection, until it has ended.
    stream: Option<Stream>,
    inbox: VecDeque<Arrived>,
    /// Bytes of the messages in the inbox.
    unread: usize,
    /// Messages that have come.
    arrived: u64,
    /// How many messages are to come in any case, however many wait: somebody waits for the last.
    wanted: u64,
    traffic: WebSocketTraffic,
    /// Pings that have no answer yet, each with its number.
    pings: VecDeque<(u64, Instant)>,
    pinged: u64,
    /// Whether the scenario has closed it.
    is_closing: bool,
    end: Option<WireEnd>,
    opened: Instant,
    keeper: Option<Waker>,
    is_driven: bool,
}

/// Something that came, and when.
struct Arrived {
    what: WebSocketIncoming,
    at: Instant,
    /// Which message it is of those that came; 0 of what is no message.
    number: u64,
}

/// How a connection ended.
struct WireEnd {
    how: WebSocketEnd,
    at: Instant,
    /// What whoever goes on with it is told.
    error: WebSocketError,
    /// Whether the scenario has received that the service closed it.
    is_told: bool,
}

/// A message that came, and when.
pub(super) type TimedMessage = (WebSocketMessage, Instant);

impl Wire {
    /// A connection after its handshake, with what came behind the answer.
    pub(super) fn new(stream: Stream, early: Vec<u8>, limit: usize, now: Instant) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ)
            .write_buffer_size(0)
            .max_message_size(Some(limit))
            .max_frame_size(Some(limit));
        Self {
            context: WebSocketContext::from_partially_read(early, Role::Client, Some(config)),
            stream: Some(stream),
            inbox: VecDeque::new(),
            unread: 0,
            arrived: 0,
            wanted: 0,
            traffic: WebSocketTraffic::default(),
            pings: VecDeque::new(),
            pinged: 0,
            is_closing: false,
            end: None,
            opened: now,
            keeper: None,
            is_driven: false,
        }
    }

    /// The keeper's turn; ready when there is nothing to keep any more.
    pub(super) fn poll_keep(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_driven {
            self.drive(cx);
        }
        if self.end.is_some() {
            return Poll::Ready(());
        }
        match &mut self.keeper {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Reads what came, as far as there is room, and writes what waits to be written.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        let Some(mut stream) = self.stream.take() else { return };
        let mut slice = TimeSlice::new();
        loop {
            let mut polled = Polled { stream: &mut stream, cx, slice: &mut slice };
            if !self.has_room() {
                match self.context.flush(&mut polled) {
                    Err(error) if !failure::is_pause(&error) => self.fail(error),
                    _ => {}
                }
                break;
            }
            match self.context.read(&mut polled) {
                Ok(message) => self.take_in(message, &mut polled),
                Err(error) if failure::is_pause(&error) => break,
                Err(error) => self.fail(error),
            }
            if self.end.is_some() {
                break;
            }
            if slice.is_over() {
                // Whoever waits for this connection is polled again after all others.
                _ = give_way::<()>(cx);
                break;
            }
        }
        if self.end.is_none() {
            self.stream = Some(stream);
        }
    }

    fn has_room(&self) -> bool {
        self.is_closing
            || self.arrived < self.wanted
            || self.inbox.len() < MAX_UNREAD && self.unread < MAX_UNREAD_BYTES
    }

    fn take_in(&mut self, message: Message, polled: &mut Polled<'_, '_>) {
        let now = Instant::now();
        match message {
            Message::Text(text) => {
                self.take_in_message(WebSocketMessage::Text(text.as_str().to_owned()), now);
            }
            Message::Binary(bytes) => {
                self.take_in_message(WebSocketMessage::Binary(bytes), now);
            }
            Message::Pong(payload) => self.take_in_pong(&payload, now),
            Message::Close(frame) => {
                // The answer to it, which goes out now or never: the service closes next.
                _ = self.context.flush(polled);
                self.take_in_close(frame);
            }
            // Pings are answered within, and frames are never read.
            Message::Ping(_) | Message::Frame(_) => {}
        }
    }

    fn take_in_message(&mut self, message: WebSocketMessage, at: Instant) {
        let size = message.bytes().len();
        self.arrived += 1;
        self.traffic.messages_received += 1;
        self.traffic.bytes_received += size as u64;
        if !self.is_closing {
            self.unread += size;
            let what = WebSocketIncoming::Message(message);
            self.inbox.push_back(Arrived { what, at, number: self.arrived });
        }
    }

    fn take_in_pong(&mut self, payload: &[u8], at: Instant) {
        let number = payload.try_into().map(u64::from_be_bytes).ok();
        let asked = self.pings.iter().position(|(asked, _)| number == Some(*asked));
        // A pong that nobody asked for says nothing (RFC 6455, 5.5.3).
        let Some((_, sent)) = asked.and_then(|place| self.pings.remove(place)) else { return };
        let time = at.saturating_duration_since(sent);
        self.traffic.pings.push(time);
        let what = WebSocketIncoming::Pong(time);
        self.inbox.push_back(Arrived { what, at, number: 0 });
    }

    fn take_in_close(&mut self, frame: Option<CloseFrame>) {
        // In place of a code that may not be sent, tungstenite hands on these words of its own.
        if let Some(frame) = &frame
            && frame.code == CloseCode::Protocol
            && frame.reason.as_str() == "Protocol violation"
        {
            return self.end_failed(failure::wrong_code());
        }
        let closing = frame.map_or_else(
            || WebSocketClosing { code: NO_CODE, reason: String::new() },
            |frame| WebSocketClosing {
                code: frame.code.into(),
                reason: frame.reason.as_str().to_owned(),
            },
        );
        let how = if self.is_closing {
            WebSocketEnd::Scenario
        } else {
            WebSocketEnd::Service(closing.code)
        };
        self.end(how, WebSocketError::Closed(closing));
    }

    /// Takes the next of what came, if there is anything; or the end.
    pub(super) fn next(&mut self) -> Option<Result<WebSocketIncoming, WebSocketError>> {
        if let Some(arrived) = self.inbox.pop_front() {
            self.is_taken(&arrived.what);
            return Some(Ok(arrived.what));
        }
        let end = self.end.as_mut()?;
        Some(match (&end.error, end.how) {
            (WebSocketError::Closed(closing), WebSocketEnd::Service(_)) if !end.is_told => {
                end.is_told = true;
                Ok(WebSocketIncoming::Closed(closing.clone()))
            }
            (error, _) => Err(error.clone()),
        })
    }

    /// Takes the first message that came after so many others, if it is there; or the end.
    pub(super) fn message_after(
        &mut self,
        before: u64,
    ) -> Option<Result<TimedMessage, WebSocketError>> {
        let place = self.inbox.iter().position(|arrived| arrived.number > before);
        let Some(arrived) = place.and_then(|place| self.inbox.remove(place)) else {
            return self.end.as_ref().map(|end| Err(end.error.clone()));
        };
        self.is_taken(&arrived.what);
        match arrived.what {
            WebSocketIncoming::Message(message) => Some(Ok((message, arrived.at))),
            _ => None,
        }
    }

    fn is_taken(&mut self, what: &WebSocketIncoming) {
        if let WebSocketIncoming::Message(message) = what {
            self.unread -= message.bytes().len();
        }
    }

    /// Whether there is anything to receive.
    pub(super) fn is_ready(&self) -> bool {
        !self.inbox.is_empty() || self.end.is_some()
    }

    /// Messages that have come.
    pub(super) fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Has so many messages come in any case.
    pub(super) fn want(&mut self, messages: u64) {
        self.wanted = messages;
    }

    /// Begins to send; `poll_sent` goes on.
    pub(super) fn write(&mut self, message: WebSocketMessage, cx: &mut Context<'_>) {
        let size = message.bytes().len() as u64;
        let message = match message {
            WebSocketMessage::Text(text) => Message::Text(text.into()),
            WebSocketMessage::Binary(bytes) => Message::Binary(bytes),
        };
        if self.put(message, cx) {
            self.traffic.messages_sent += 1;
            self.traffic.bytes_sent += size;
        }
    }

    /// Begins to send a ping, if there are not too many under way.
    pub(super) fn write_ping(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        if self.pings.len() >= MAX_PINGS {
            return Err(Error::invalid(format!("{MAX_PINGS} pings have no answer yet")));
        }
        self.pinged += 1;
        let payload = Bytes::copy_from_slice(&self.pinged.to_be_bytes());
        self.pings.push_back((self.pinged, Instant::now()));
        self.put(Message::Ping(payload), cx);
        Ok(())
    }

    /// Begins to close.
    pub(super) fn write_close(&mut self, code: u16, reason: String, cx: &mut Context<'_>) {
        self.is_closing = true;
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        self.put(Message::Close(Some(frame)), cx);
    }

    /// Hands a message to the connection; whether it was taken.
    fn put(&mut self, message: Message, cx: &mut Context<'_>) -> bool {
        let Some(mut stream) = self.stream.take() else { return false };
        let mut slice = TimeSlice::new();
        let mut polled = Polled { stream: &mut stream, cx, slice: &mut slice };
        let put = self.context.write(&mut polled, message);
        self.stream = Some(stream);
        match put {
            Err(error) if !failure::is_pause(&error) => {
                self.cannot_write(error, cx);
                false
            }
            _ => true,
        }
    }

    /// Whether all that was begun has been handed to the network, and when.
    pub(super) fn poll_sent(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Instant, WebSocketError>> {
        if let Some(mut stream) = self.stream.take() {
            let mut slice = TimeSlice::new();
            let mut polled = Polled { stream: &mut stream, cx, slice: &mut slice };
            let flushed = self.context.flush(&mut polled);
            self.stream = Some(stream);
            match flushed {
                Ok(()) => return Poll::Ready(Ok(Instant::now())),
                // What comes meanwhile is read: a service may want to be read before it reads.
                Err(error) if failure::is_pause(&error) => self.drive(cx),
                Err(error) => self.cannot_write(error, cx),
            }
        }
        match &self.end {
            Some(end) => Poll::Ready(Err(end.error.clone())),
            None => Poll::Pending,
        }
    }

    /// Whether the connection has ended.
    pub(super) fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.drive(cx);
        if self.end.is_some() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// A write failed. The service may have said why before it closed, in what was not read yet.
    fn cannot_write(&mut self, error: tungstenite::Error, cx: &mut Context<'_>) {
        self.drive(cx);
        if self.end.is_none() {
            self.fail(error);
        }
    }

    fn fail(&mut self, error: tungstenite::Error) {
        self.end_failed(failure::of_connection(error));
    }

    /// The connection has failed. After the scenario has closed it, most services say no more.
    pub(super) fn end_failed(&mut self, error: Error) {
        let is_end = error.class == swell_core::exchange::ErrorClass::Reset;
        let how = if self.is_closing && is_end {
            WebSocketEnd::Scenario
        } else {
            WebSocketEnd::Failed(error.class)
        };
        self.end(how, error.into());
    }

    fn end(&mut self, how: WebSocketEnd, error: WebSocketError) {
        self.stream = None;
        if self.end.is_none() {
            self.end = Some(WireEnd { how, at: Instant::now(), error, is_told: false });
        }
    }

    /// The scenario lets go of it: it closes at once, and says so as far as there is room.
    pub(super) fn abandon(&mut self) {
        if self.end.is_none() {
            let cx = &mut Context::from_waker(Waker::noop());
            if !self.is_closing {
                self.write_close(CloseCode::Away.into(), String::new(), cx);
            }
            let closing = WebSocketClosing { code: CloseCode::Away.into(), reason: String::new() };
            self.end(WebSocketEnd::Scenario, WebSocketError::Closed(closing));
        }
        if let Some(keeper) = self.keeper.take() {
            keeper.wake();
        }
    }

    /// Why it cannot be used any more, if it has ended.
    pub(super) fn error(&self) -> Option<&WebSocketError> {
        self.end.as_ref().map(|end| &end.error)
    }

    /// How it ended, and after which time.
    pub(super) fn ended(&self) -> Option<(WebSocketEnd, Duration)> {
        let end = self.end.as_ref()?;
        Some((end.how, end.at.saturating_duration_since(self.opened)))
    }

    /// For how long it has been open.
    pub(super) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// What went over it since the last time.
    pub(super) fn take_traffic(&mut self) -> WebSocketTraffic {
        std::mem::take(&mut self.traffic)
    }
}

/// While it lives, whoever holds it drives the connection.
pub(super) struct Driven<'a>(&'a RefCell<Wire>);

impl<'a> Driven<'a> {
    pub(super) fn new(wire: &'a Rc<RefCell<Wire>>) -> Self {
        wire.borrow_mut().is_driven = true;
        Self(wire)
    }
}

impl Drop for Driven<'_> {
    /// The keeper drives it again, and asks the socket to be woken.
    fn drop(&mut self) {
        let mut wire = self.0.borrow_mut();
        wire.is_driven = false;
        if let Some(keeper) = wire.keeper.take() {
            keeper.wake();
        }
    }
}

/// A stream as tungstenite reads and writes it: where it would have to wait, it says so, and the
/// task is woken later.
struct Polled<'a, 'b> {
    stream: &'a mut Stream,
    cx: &'a mut Context<'b>,
    slice: &'a mut TimeSlice,
}

impl Read for Polled<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // Frames that make no message may come without end.
        if self.slice.is_over() {
            _ = give_way::<()>(self.cx);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut read = ReadBuf::new(into);
        match Pin::new(&mut *self.stream).poll_read(self.cx, &mut read) {
            Poll::Ready(outcome) => outcome.map(|()| read.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Polled<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match Pin::new(&mut *self.stream).poll_write(self.cx, bytes) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match Pin::new(&mut *self.stream).poll_flush(self.cx) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}
