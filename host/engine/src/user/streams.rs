//! Exchanges that a user holds open while their answers come.
//!
//! ## To whom one belongs
//! An exchange belongs to the transaction in which it was opened, whose end ends it: so whatever
//! becomes of it counts in the transaction that has caused it. Outside any transaction of an
//! iteration it gets one of its own, which ends when no exchange of it is open any more, and no
//! transaction that began in it. What is opened in `start` belongs to the user.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use swell_client::{Error, Request, Response, Sent, StreamEvent, StreamRead};
use swell_core::arrivals::Gap;
use swell_core::exchange::{Expected, Phases};
use swell_core::observer::{ObservedPiece, UserEvent};
use swell_core::record::{StreamEnd, StreamNews, Streams};
use swell_core::transactions::GuestCall;

use super::held::{HeldStream, MAX_HELD, StreamEnding, StreamError, StreamOutcome, StreamState};
use super::traffic::asked;
use super::{Trap, UserState, trap};
use crate::patience::Patience;
use crate::run::RunOver;

impl UserState {
    /// Sends a request and waits for the head of its answer; `None` says that the run is over and
    /// nothing was sent.
    pub(crate) async fn open_stream(
        &mut self,
        mut request: Result<Request, Error>,
        expected: Expected,
    ) -> Trap<Option<Result<u32, Error>>> {
        if self.streams.held.len() >= MAX_HELD {
            return trap(format!("a user may hold {MAX_HELD} exchanges; drop those that are over"));
        }
        let implicit = match self.begin_implicit(|| asked(&request)).await? {
            Ok(implicit) => implicit,
            Err(RunOver::Finished | RunOver::Stopped) => return Ok(None),
        };
        let mut words = self.words_of([&request]);
        self.trace(std::slice::from_mut(&mut request));
        let began = self.now();
        let keeps_headers = request.as_ref().is_ok_and(|request| request.keep_headers);
        let opened = match request {
            Ok(request) => {
                self.in_flight = self.under_way(1, words.clone());
                let opened = self.session.open(request).await;
                self.in_flight.count = 0;
                opened
            }
            Err(error) => Err(Box::new(Sent::unsent(error))),
        };
        let asked = words.pop();
        let answer = match opened {
            Ok(answer) => answer,
            Err(mut sent) => {
                self.account_sent(&mut sent, &expected, began, asked);
                self.finish_implicit(implicit)?;
                return Ok(sent.result.err().map(Err));
            }
        };
        self.count_stream(|streams| streams.opened += 1);
        let head = answer.head().clone();
        if let (Some(observer), Some(asked)) = (&self.worker.observer, &asked) {
            let (asked, after) = (asked.clone(), self.worker.now().since(began));
            observer.tell(UserEvent::Opened { asked, status: head.status.as_u16(), after });
        }
        self.streams.implicit = implicit.or(self.streams.implicit);
        let owner = self.transactions.innermost();
        let state = StreamState::Open(answer);
        let number = self.streams.put(HeldStream {
            state,
            owner,
            expected,
            began,
            asked,
            head,
            keeps_headers,
        });
        self.settle_stream(number)?;
        Ok(Some(Ok(number)))
    }

    /// The head of an answer, and whether its headers are kept.
    pub(crate) fn stream_head(&mut self, number: u32) -> Trap<(Response, bool)> {
        let held = self.streams.find(number)?;
        Ok((held.head.clone(), held.keeps_headers))
    }

    /// The next piece of an answer.
    pub(crate) async fn read_chunk(
        &mut self,
        number: u32,
        timeout: Option<Duration>,
    ) -> Trap<StreamOutcome<Bytes>> {
        let answer = match &mut self.streams.find(number)?.state {
            StreamState::Open(answer) => answer,
            StreamState::Over(ending) => return Ok(HeldStream::afterwards(ending)),
        };
        let read = patiently(&self.patience, answer.read_piece(timeout)).await;
        let piece = |piece: &Bytes| ObservedPiece::Bytes(piece.len());
        self.has_read(number, read, piece)
    }

    /// The next event of an answer.
    pub(crate) async fn read_event(
        &mut self,
        number: u32,
        timeout: Option<Duration>,
    ) -> Trap<StreamOutcome<StreamEvent>> {
        let answer = match &mut self.streams.find(number)?.state {
            StreamState::Open(answer) => answer,
            StreamState::Over(ending) => return Ok(HeldStream::afterwards(ending)),
        };
        let read = patiently(&self.patience, answer.read_event(timeout)).await;
        let event = |event: &StreamEvent| ObservedPiece::Event {
            kind: event.kind.clone(),
            data: event.data.clone(),
        };
        self.has_read(number, read, event)
    }

    /// Reads an answer to its end; how many bytes there were.
    pub(crate) async fn discard(
        &mut self,
        number: u32,
        timeout: Option<Duration>,
    ) -> Trap<Result<u64, StreamError>> {
        let mut size = match &mut self.streams.find(number)?.state {
            StreamState::Open(answer) => answer.leave_events(),
            StreamState::Over(_) => 0,
        };
        loop {
            match self.read_chunk(number, timeout).await? {
                Ok(Some(piece)) => size += piece.len() as u64,
                Ok(None) => return Ok(Ok(size)),
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// Ends an exchange if it is not over; what became of it.
    pub(crate) fn end_stream(&mut self, number: u32) -> Trap<StreamEnding> {
        if let StreamState::Over(ending) = &self.streams.find(number)?.state {
            return Ok(ending.clone());
        }
        let ending = self.close_stream(number)?;
        self.end_implicit_of_streams()?;
        Ok(ending)
    }

    /// The scenario has dropped an exchange.
    pub(crate) fn drop_stream(&mut self, number: u32) -> Trap<()> {
        self.end_stream(number)?;
        self.streams.held.remove(&number);
        Ok(())
    }

    /// The transaction with this number is about to end: so do its exchanges, and calls of gRPC
    /// that last.
    pub(super) fn end_streams_of(&mut self, transaction: u32) -> Trap<()> {
        for number in self.streams.open_in(|owner| owner == Some(transaction)) {
            self.close_stream(number)?;
        }
        for number in self.calls.open_in(|owner| owner == Some(transaction)) {
            self.close_call(number)?;
        }
        Ok(())
    }

    /// The iteration returned: its exchanges end, and then the transaction that one of them had for
    /// itself.
    pub(super) fn end_streams_of_iteration(&mut self) -> Trap<()> {
        for number in self.streams.open_in(|owner| owner.is_some()) {
            self.close_stream(number)?;
        }
        for number in self.calls.open_in(|owner| owner.is_some()) {
            self.close_call(number)?;
        }
        self.end_implicit_of_streams()?;
        self.streams.implicit = None;
        Ok(())
    }

    /// A function of the scenario's other than `run` returned, or it trapped: what is opened in
    /// `start` lasts, if that went well.
    pub(crate) fn end_streams_of_call(&mut self, well: bool) {
        if self.transactions.call() == GuestCall::Starting && well {
            return;
        }
        self.streams.implicit = None;
        for number in self.streams.open_in(|_| true) {
            // Each of them is held.
            let _ending = self.close_stream(number);
        }
        for number in self.calls.open_in(|_| true) {
            let _ended = self.close_call(number);
        }
    }

    /// Takes in what was read; `None` says that the run is over.
    fn has_read<T>(
        &mut self,
        number: u32,
        read: Option<StreamRead<T>>,
        shown: impl Fn(&T) -> ObservedPiece,
    ) -> Trap<StreamOutcome<T>> {
        let Some(StreamRead { result, news }) = read else { return Ok(Err(StreamError::RunOver)) };
        self.count_stream(|streams| streams.read(&news));
        if let (Some(observer), Ok(Some(read))) = (&self.worker.observer, &result) {
            observer.tell(UserEvent::Read { what: shown(read), after: after(&news) });
        }
        self.settle_stream(number)?;
        Ok(result.map_err(StreamError::Failed))
    }

    /// Counts an exchange that is over.
    fn settle_stream(&mut self, number: u32) -> Trap<()> {
        if let StreamState::Open(answer) = &self.streams.find(number)?.state
            && answer.is_over()
        {
            self.close_stream(number)?;
            self.end_implicit_of_streams()?;
        }
        Ok(())
    }

    /// Ends an exchange that is open, and counts it.
    fn close_stream(&mut self, number: u32) -> Trap<StreamEnding> {
        let held = self.streams.find(number)?;
        let before = StreamState::Over(StreamEnding {
            is_complete: false,
            body_size: 0,
            phases: Phases::default(),
            error: None,
        });
        let answer = match std::mem::replace(&mut held.state, before) {
            StreamState::Open(answer) => answer,
            StreamState::Over(ending) => {
                held.state = StreamState::Over(ending.clone());
                return Ok(ending);
            }
        };
        let (end, mut sent) = answer.finish();
        let ending = StreamEnding {
            is_complete: end == StreamEnd::Complete,
            body_size: sent.exchange.body_bytes,
            phases: sent.exchange.phases,
            error: sent.result.as_ref().err().cloned(),
        };
        held.state = StreamState::Over(ending.clone());
        let (expected, began) = (std::mem::take(&mut held.expected), held.began);
        let asked = held.asked.take();
        self.count_stream(|streams| streams.ended(end));
        self.account_sent(&mut sent, &expected, began, asked);
        Ok(ending)
    }

    /// Ends the transaction that exchanges had for themselves, if nothing is open in it any more.
    pub(super) fn end_implicit_of_streams(&mut self) -> Trap<()> {
        let Some(serial) = self.streams.implicit else { return Ok(()) };
        let is_last = self.transactions.innermost() == Some(serial);
        let belongs = |owner| owner == Some(serial);
        let is_used = || {
            let streams = self.streams.open_in(belongs);
            !(streams.is_empty() && self.calls.open_in(belongs).is_empty())
        };
        if is_last && !is_used() {
            self.streams.implicit = None;
            self.finish_innermost(serial, None)?;
        }
        Ok(())
    }

    fn count_stream(&mut self, count: impl FnOnce(&mut Streams)) {
        if self.transactions.is_measured() {
            count(self.worker.recorder.borrow_mut().streams(self.transactions.phase()));
        }
    }
}

/// Waits for it, unless the wait is one that ends with the run, and that is over.
pub(super) async fn patiently<T>(patience: &Patience, wait: impl Future<Output = T>) -> Option<T> {
    let mut wait = pin!(wait);
    poll_fn(|context| match wait.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => patience.poll_over(context).map(|()| None),
    })
    .await
}

/// How long after the one before it something came, or after its request; nothing where nobody
/// knows.
fn after(news: &StreamNews) -> Option<Duration> {
    match news.gap? {
        Gap::First => news.first_byte,
        Gap::Known(time) => Some(time),
        Gap::Unseen => None,
    }
}
