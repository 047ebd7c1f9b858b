//! Answers that are read while they come: piece by piece, or event by event.
//!
//! A request takes the way of all others up to the head of its answer. From there its connection
//! belongs to an [`OpenAnswer`], which reads what it is asked for and nothing else, and gives the
//! connection back to the pool once the answer has been read to its end.

use std::cell::RefCell;
use std::future::poll_fn;
use std::mem;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use swell_core::arrivals::{Arrival, PieceArrivals};
use swell_core::exchange::{Phase, Phases};
use swell_core::observer::ObservedHop;
use swell_core::record::{StreamEnd, StreamNews};
use tokio::time::Instant;

use crate::client::Client;
use crate::error::Error;
use crate::http::coding::{Pieces, fault, undone};
use crate::http::events::{EventReader, StreamEvent};
use crate::http::request::{Keep, Request, Response, Sent};
use crate::http::seen;
use crate::http::send::{OpenedAnswer, OpenedParts, Sending};
use crate::http::trail::Trail;
use crate::http::wire::{BodyWire, SharedWire};
use crate::session::Session;

/// The most bytes of an event where the request says nothing else: what any service sends, and few
/// enough that a thousand users may each have one.
const EVENT_LIMIT: usize = 1 << 20;

/// An answer whose head has come.
///
/// Dropping it closes its connection, or resets its HTTP/2 stream, unless it was read to its end;
/// what is recorded of it is lost then, but for what was written.
pub struct OpenAnswer {
    client: Rc<Client>,
    trail: Trail,
    response: Response,
    wire: Rc<RefCell<BodyWire>>,
    /// The body without its codings.
    content: Box<dyn Pieces>,
    /// What came with the head.
    ahead: Option<Bytes>,
    reading: ReadingManner,
    event_limit: usize,
    /// When the request was handed to the network, from which on all is timed.
    handed: Instant,
    arrivals: PieceArrivals,
    /// When what was read last came.
    arrival: Option<Arrival>,
    /// When the first byte came, if that is known and was not told.
    first_byte: Option<Duration>,
    /// How many pieces were taken, and how many of them were told of.
    taken: u64,
    told: u64,
    is_coded: bool,
    /// By when it must have ended, if ever.
    whole: Option<Instant>,
    end: Option<Result<(), Error>>,
    seen: Option<Box<SeenStream>>,
}

/// How the scenario reads.
enum ReadingManner {
    Undecided,
    Pieces,
    Events(EventReader),
}

/// What somebody who looks on is shown.
struct SeenStream {
    hops: Vec<ObservedHop>,
    /// The phases up to where the last hop began.
    before: Phases,
    /// What was read of the body, up to a limit.
    body: Vec<u8>,
    is_cut: bool,
    limit: usize,
}

/// What was read, with what is counted of it, whatever came of it.
pub struct StreamRead<T> {
    /// It; nothing at the end.
    pub result: Result<Option<T>, Error>,
    /// What is counted of it.
    pub news: StreamNews,
}

impl Session {
    /// Sends a request and waits for the head of its answer.
    ///
    /// What holds for [`Session::send`] holds here up to there. Of the request, `keep` bounds an
    /// event, and `timeout` the whole of it, as long as it lasts.
    ///
    /// # Errors
    /// The record of a request that had no answer.
    pub async fn open(&self, mut request: Request) -> Result<Box<OpenAnswer>, Box<Sent>> {
        let start = Instant::now();
        let body_limit = self.client.options.body_limit;
        let event_limit = match request.keep {
            Keep::Discard => EVENT_LIMIT.min(body_limit),
            Keep::Body { limit } => limit.min(body_limit),
        };
        // The connection hands on what it receives.
        request.keep = Keep::Body { limit: body_limit };
        let sending = Box::new(Sending::new(self, &request, self.room(), start));
        let OpenedParts { response, opened, trail, seen } = sending.up_to_head(&request).await?;
        let OpenedAnswer { body, codings, handed } = *opened;
        let head = trail.since();
        let wire = Rc::new(RefCell::new(BodyWire::new(body, head)));
        let shared = Box::new(SharedWire(Rc::clone(&wire)));
        let mut answer = Box::new(OpenAnswer {
            client: Rc::clone(&self.client),
            trail,
            response,
            wire,
            content: undone(shared, &codings),
            is_coded: !codings.is_empty(),
            ahead: None,
            reading: ReadingManner::Undecided,
            event_limit,
            handed,
            arrivals: PieceArrivals::new(head.saturating_duration_since(handed)),
            arrival: None,
            first_byte: None,
            taken: 0,
            told: 0,
            whole: request.timeout.map(|longest| start + longest),
            end: None,
            seen: seen.map(|(hops, before)| {
                let (body, limit) = (Vec::new(), body_limit);
                Box::new(SeenStream { hops, before, body, is_cut: false, limit })
            }),
        });
        answer.look_ahead().await;
        Ok(answer)
    }
}

impl OpenAnswer {
    /// The head: an answer without a body.
    pub const fn head(&self) -> &Response {
        &self.response
    }

    /// Whether it is over: it was read to its end, or has failed.
    pub const fn is_over(&self) -> bool {
        self.end.is_some() && self.ahead.is_none()
    }

    /// The next piece of the body: what is there, or what comes next.
    pub async fn read_piece(&mut self, timeout: Option<Duration>) -> StreamRead<Bytes> {
        if matches!(self.reading, ReadingManner::Events(_)) {
            return refused("the answer is read in events, and cannot be read in pieces as well");
        }
        self.reading = ReadingManner::Pieces;
        let due = self.due(timeout);
        let result = self.piece(due).await;
        let mut news = self.news();
        if let (Ok(Some(_)), Some(arrival)) = (&result, self.arrival) {
            news.gap = Some(self.arrivals.answer(arrival, self.handed.elapsed()));
        }
        StreamRead { result, news }
    }

    /// Has pieces be read from now on, and throws away what was received of events that were not
    /// read: so many bytes.
    pub fn leave_events(&mut self) -> u64 {
        match mem::replace(&mut self.reading, ReadingManner::Pieces) {
            ReadingManner::Events(reader) => reader.unread() as u64,
            ReadingManner::Undecided | ReadingManner::Pieces => 0,
        }
    }

    /// The next server-sent event.
    pub async fn read_event(&mut self, timeout: Option<Duration>) -> StreamRead<StreamEvent> {
        match self.reading {
            ReadingManner::Pieces => {
                return refused("the answer is read in pieces, and cannot be read in events too");
            }
            ReadingManner::Undecided => {
                self.reading = ReadingManner::Events(EventReader::new(self.event_limit))
            }
            ReadingManner::Events(_) => {}
        }
        let due = self.due(timeout);
        let mut result = self.event(due).await;
        let mut news = self.news();
        if let (Ok(Some(event)), Some(arrival)) = (&mut result, self.arrival) {
            event.after = arrival.taken();
            news.is_event = true;
            news.gap = Some(self.arrivals.answer(arrival, self.handed.elapsed()));
        }
        StreamRead { result, news }
    }

    async fn event(&mut self, due: Instant) -> Result<Option<StreamEvent>, Error> {
        loop {
            let ReadingManner::Events(reader) = &mut self.reading else { return Ok(None) };
            match reader.next() {
                Ok(Some(event)) => return Ok(Some(event)),
                Ok(None) => {}
                Err(error) => return Err(self.fail(error)),
            }
            let Some(piece) = self.piece(due).await? else { return Ok(None) };
            if let ReadingManner::Events(reader) = &mut self.reading {
                reader.take(piece);
            }
        }
    }

    /// The next piece, by `due`.
    async fn piece(&mut self, due: Instant) -> Result<Option<Bytes>, Error> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        if let Some(end) = &self.end {
            return end.clone().map(|()| None);
        }
        let asked = Instant::now();
        let timers = &self.client.network.timers;
        let mut timer = timers.take(due);
        let content = &mut self.content;
        let polled = timer.until(due, poll_fn(|cx| content.poll_piece(cx))).await;
        timers.give(timer);
        match polled {
            Some(Ok(piece)) => Ok(self.came(piece, asked)),
            Some(Err(error)) => Err(self.fail(fault(error))),
            None => {
                let waited = due.saturating_duration_since(asked);
                Err(self.fail(Error::timeout(Phase::Receiving, waited)))
            }
        }
    }

    /// Takes what has come with the head, if anything has.
    async fn look_ahead(&mut self) {
        let content = &mut self.content;
        match poll_fn(|cx| Poll::Ready(content.poll_piece(cx))).await {
            Poll::Ready(Ok(piece)) => self.ahead = self.came(piece, self.trail.since()),
            Poll::Ready(Err(error)) => _ = self.fail(fault(error)),
            Poll::Pending => {}
        }
    }

    /// Takes in a piece that was asked for then; nothing at the end.
    fn came(&mut self, piece: Bytes, asked: Instant) -> Option<Bytes> {
        let (pieces, taken) = self.wire.borrow().taken();
        if pieces > self.taken {
            let since = |instant: Instant| instant.saturating_duration_since(self.handed);
            let arrival = self.arrivals.taken(since(asked), since(taken));
            if self.taken == 0 {
                self.first_byte = arrival.known();
            }
            (self.arrival, self.taken) = (Some(arrival), pieces);
        }
        if piece.is_empty() {
            self.end = Some(Ok(()));
            return None;
        }
        if let Some(seen) = &mut self.seen {
            let room = piece.len().min(seen.limit - seen.body.len());
            seen.body.extend_from_slice(&piece[..room]);
            seen.is_cut |= room < piece.len();
        }
        Some(piece)
    }

    /// It has failed: nothing more is read.
    fn fail(&mut self, error: Error) -> Error {
        self.wire.borrow_mut().close();
        self.end = Some(Err(error.clone()));
        error
    }

    /// What has come since this was asked last.
    fn news(&mut self) -> StreamNews {
        let pieces = self.taken - self.told;
        self.told = self.taken;
        StreamNews { pieces, first_byte: self.first_byte.take(), ..StreamNews::default() }
    }

    fn due(&self, timeout: Option<Duration>) -> Instant {
        let due = Instant::now() + timeout.unwrap_or(self.client.options.timeouts.response);
        self.whole.map_or(due, |whole| whole.min(due))
    }

    /// Ends it, and returns how it ended, and what is recorded of it.
    pub fn finish(mut self) -> (StreamEnd, Sent) {
        let (received, ended) = {
            let mut wire = self.wire.borrow_mut();
            wire.close();
            (wire.received(), wire.ended())
        };
        let is_read = ended.is_some() && !self.is_coded && self.is_read();
        let now = ended.unwrap_or_else(Instant::now);
        let (end, result) = match self.end {
            Some(Err(error)) => (StreamEnd::Failed, Err(error)),
            Some(Ok(())) => (StreamEnd::Complete, Ok(self.response)),
            None if is_read => (StreamEnd::Complete, Ok(self.response)),
            None => (StreamEnd::Left, Ok(self.response)),
        };
        let result = result.map(|response| Response { body_size: received, ..response });
        self.trail.body_bytes += received;
        let mut sent = self.trail.finish(result, now);
        if let Some(seen) = self.seen {
            sent.hops = seen.finish(&sent, received);
        }
        (end, sent)
    }

    /// Whether the scenario has read all that has come.
    fn is_read(&self) -> bool {
        self.ahead.is_none()
            && match &self.reading {
                ReadingManner::Events(reader) => reader.unread() == 0,
                ReadingManner::Undecided | ReadingManner::Pieces => true,
            }
    }
}

/// A call that cannot be made here, and that changes nothing.
fn refused<T>(why: &str) -> StreamRead<T> {
    StreamRead { result: Err(Error::invalid(why)), news: StreamNews::default() }
}

impl SeenStream {
    fn finish(mut self, sent: &Sent, received: u64) -> Vec<ObservedHop> {
        if let Some(hop) = self.hops.last_mut() {
            hop.phases = sent.exchange.phases.since(&self.before);
            hop.error = sent.result.as_ref().err().map(seen::observed);
            if let Some(answer) = &mut hop.answer {
                if self.is_cut {
                    let kept = self.body.len();
                    answer.body_lacks = Some(format!("the first {kept} bytes were kept"));
                }
                (answer.body, answer.received) = (self.body, received);
            }
        }
        self.hops
    }
}
