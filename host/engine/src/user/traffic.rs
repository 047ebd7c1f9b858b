//! What takes a user time: waiting for a start, requests, think times.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use swell_client::{Error, Request, Sent};
use swell_core::RunInstant;
use swell_core::dispatch::Start;
use swell_core::exchange::{ErrorClass, Exchange, Expected, Protocol};
use swell_core::observer::{ObservedExchange, ObservedHop, UserEvent};
use swell_core::record::KindId;
use swell_core::trace_context::{TRACEPARENT, TraceId};
use swell_core::transactions::{Failure, GuestCall, Lacking};

use super::in_flight::InFlight;
use super::{Trap, UserState, misuse};
use crate::run::RunOver;

impl UserState {
    /// Opens a transaction, waiting for its start if it is an outermost one.
    pub(crate) async fn begin(&mut self, kind: u32) -> Trap<Result<u32, RunOver>> {
        let kind = KindId(kind);
        let lacking =
            self.transactions.handle_begin(kind, &self.worker.recorder.borrow()).map_err(misuse)?;
        let start = match lacking {
            Lacking::Nothing => None,
            Lacking::Taken(start) => Some(start),
            Lacking::Start { first } => match self.next_start(first).await {
                Ok(start) => Some(start),
                Err(over) => {
                    let recorder = self.worker.recorder.borrow();
                    self.transactions.handle_run_over(kind, &recorder).map_err(misuse)?;
                    return Ok(Err(over));
                }
            },
        };
        let now = self.now();
        let recorder = &mut self.worker.recorder.borrow_mut();
        let serial = match start {
            Some(start) => {
                let phase = self.worker.phase(start.intended);
                self.transactions.begin_outermost(now, kind, start, phase, recorder)
            }
            None => self.transactions.begin_inner(now, kind, recorder),
        };
        self.settle();
        Ok(Ok(serial))
    }

    async fn next_start(&mut self, first: bool) -> Result<Start, RunOver> {
        if self.run().asked_to_end().is_some() {
            return Err(RunOver::Stopped);
        }
        self.waits_for_start = true;
        let start =
            poll_fn(|context| self.worker.pacing.poll_start(self.key, first, context)).await;
        self.waits_for_start = false;
        start
    }

    /// Sends a request. Outside any transaction of an iteration the request is a transaction of its
    /// own; `None` then says that the run is over and nothing was sent.
    pub(crate) async fn send(
        &mut self,
        request: &mut Result<Request, Error>,
        expected: &Expected,
    ) -> Trap<Option<Sent>> {
        let implicit = match self.begin_implicit(|| asked(request)).await? {
            Ok(implicit) => implicit,
            Err(RunOver::Finished | RunOver::Stopped) => return Ok(None),
        };
        let mut words = self.words_of([&*request]);
        self.trace(std::slice::from_mut(request));
        let began = self.now();
        let mut sent = match request {
            Ok(request) => {
                self.in_flight = self.under_way(1, words.clone());
                let sent = self.session.send(&*request).await;
                self.in_flight.count = 0;
                sent
            }
            Err(error) => Sent::unsent(error.clone()),
        };
        self.account_sent(&mut sent, expected, began, words.pop());
        self.finish_implicit(implicit)?;
        Ok(Some(sent))
    }

    /// Sends requests at the same time; see [`UserState::send`].
    pub(crate) async fn send_all(
        &mut self,
        mut requests: Vec<Result<Request, Error>>,
        expected: &[Expected],
    ) -> Trap<Option<Vec<Sent>>> {
        let implicit = match self.begin_implicit(|| "send-all".to_owned()).await? {
            Ok(implicit) => implicit,
            Err(RunOver::Finished | RunOver::Stopped) => return Ok(None),
        };
        let words = self.words_of(&requests);
        let sendable_words = self.words_of(requests.iter().filter(|request| request.is_ok()));
        self.trace(&mut requests);
        let began = self.now();
        let mut sendable = Vec::with_capacity(requests.len());
        let mut refused = Vec::new();
        for (index, request) in requests.into_iter().enumerate() {
            match request {
                Ok(request) => sendable.push(request),
                Err(error) => refused.push((index, Sent::unsent(error))),
            }
        }
        self.in_flight = self.under_way(sendable.len(), sendable_words);
        let mut all = self.session.send_all(sendable).await;
        self.in_flight.count = 0;
        for (index, sent) in refused {
            all.insert(index, sent);
        }
        let mut words = words.into_iter();
        for (sent, expected) in all.iter_mut().zip(expected) {
            self.account_sent(sent, expected, began, words.next());
        }
        self.finish_implicit(implicit)?;
        Ok(Some(all))
    }

    pub(super) fn under_way(&self, count: usize, asked: Vec<String>) -> InFlight {
        let mut in_flight = InFlight::new(Protocol::Http, count, self.now());
        in_flight.asked = asked;
        in_flight
    }

    /// What requests ask for, where somebody looks on; else nothing.
    pub(super) fn words_of<'a>(
        &self,
        requests: impl IntoIterator<Item = &'a Result<Request, Error>>,
    ) -> Vec<String> {
        match self.worker.observer {
            Some(_) => requests.into_iter().map(asked).collect(),
            None => Vec::new(),
        }
    }

    /// Has the requests of an iteration say which trace they are a part of, unless the scenario
    /// says so itself.
    pub(super) fn trace(&mut self, requests: &mut [Result<Request, Error>]) {
        for request in requests.iter_mut().flatten() {
            self.trace_one(&mut request.headers);
        }
    }

    /// As [`UserState::trace`], of one request with these headers.
    pub(super) fn trace_one(&mut self, headers: &mut Vec<(HeaderName, HeaderValue)>) {
        if !self.run().sends_trace_context || self.transactions.call() != GuestCall::Iterating {
            return;
        }
        let trace = TraceId::of(self.run().seed, self.iteration);
        self.traced += 1;
        let value = HeaderValue::try_from(trace.traceparent(self.traced));
        if !headers.iter().any(|(name, _)| name == TRACEPARENT)
            && let Ok(value) = value
        {
            headers.push((HeaderName::from_static(TRACEPARENT), value));
        }
    }

    /// Begins what is a transaction of its own, outside any other transaction of an iteration.
    pub(super) async fn begin_implicit(
        &mut self,
        name: impl FnOnce() -> String,
    ) -> Trap<Result<Option<u32>, RunOver>> {
        if !self.transactions.is_implicit() {
            return Ok(Ok(None));
        }
        let kind = self.worker.implicit_kind(name())?;
        Ok(self.begin(kind.0).await?.map(Some))
    }

    pub(super) fn finish_implicit(&mut self, implicit: Option<u32>) -> Trap<()> {
        match implicit {
            Some(serial) => self.finish(serial, None),
            None => Ok(()),
        }
    }

    /// Counts a request, as [`UserState::account`] does.
    pub(super) fn account_sent(
        &mut self,
        sent: &mut Sent,
        expected: &Expected,
        began: RunInstant,
        asked: Option<String>,
    ) {
        let hops = std::mem::take(&mut sent.hops);
        let told = asked.map(|asked| (asked, hops));
        self.account(&sent.exchange, sent.result.as_ref().err(), expected, began, told);
    }

    /// Counts an exchange. If it failed, the transactions around it fail. An observer is told what
    /// it asked for and what was sent.
    pub(super) fn account(
        &mut self,
        exchange: &Exchange,
        error: Option<&Error>,
        expected: &Expected,
        began: RunInstant,
        told: Option<(String, Vec<ObservedHop>)>,
    ) {
        match error {
            Some(error) if error.lacks_target => self.run().lacks_target(&error.message),
            _ => self.run().sent(),
        }
        if let (Err(ErrorClass::Denied), Some(error), None) =
            (exchange.result, error, &self.worker.observer)
        {
            self.run().denied("a request", &error.message);
        }
        let failure = match (exchange.result, error) {
            (Ok(code), _) if expected.contains(exchange.protocol, code) => None,
            (Ok(code), _) if matches!(exchange.protocol, Protocol::Grpc | Protocol::GrpcStream) => {
                Some(Failure::Grpc(code))
            }
            (Ok(code), _) => Some(Failure::Status(code)),
            // What was wrong with a request differs each time, and the author of the scenario needs
            // the words.
            (Err(ErrorClass::Invalid), Some(error)) => {
                Some(Failure::Said(format!("invalid request: {}", error.message)))
            }
            (Err(class), _) => Some(Failure::Request(class)),
        };
        if let (Some(observer), Some((asked, hops))) = (&self.worker.observer, told) {
            let words = error.map(|error| error.message.clone());
            let exchanged = ObservedExchange {
                began,
                asked,
                exchange: *exchange,
                failure: failure.as_ref().map(|failure| words.unwrap_or(failure.to_string())),
                hops,
            };
            observer.tell(UserEvent::Exchanged(Box::new(exchanged)));
        }
        let recorder = &mut self.worker.recorder.borrow_mut();
        self.transactions.handle_exchange(exchange, failure, recorder);
    }

    /// Waits. Outside a transaction the wait ends with the run, and in `setup`, `teardown` and
    /// `conduct` when they are asked to end.
    pub(crate) async fn sleep(&mut self, time: Duration) {
        if let Some(observer) = &self.worker.observer {
            observer.tell(UserEvent::Waits(time));
        }
        let mut sleep = pin!(tokio::time::sleep(time));
        poll_fn(|context| match sleep.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => self.patience.poll_over(context),
        })
        .await;
    }
}

/// What a request asks for: its method and path.
pub(super) fn asked(request: &Result<Request, Error>) -> String {
    match request {
        Ok(request) => format!("{} {}", request.method, path_of(&request.url)),
        Err(_) => "invalid request".to_owned(),
    }
}

/// The path of a URL, absolute or relative, without query and fragment.
pub(super) fn path_of(url: &str) -> &str {
    let rest = url
        .split_once("://")
        .map_or(url, |(_, rest)| rest.find('/').map_or("/", |slash| &rest[slash..]));
    rest.split(['?', '#']).next().unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_outside_a_transaction_is_named_by_its_path() {
        assert_eq!(path_of("/items?page=2"), "/items");
        assert_eq!(path_of("https://example.com/a/b#c"), "/a/b");
        assert_eq!(path_of("https://example.com"), "/");
    }
}
