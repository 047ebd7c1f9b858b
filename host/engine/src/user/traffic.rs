//! What takes a user time: waiting for a start, requests, think times.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use swell_client::{Error, Request, Sent};
use swell_core::dispatch::Start;
use swell_core::exchange::{ErrorClass, Exchange, Expected, Protocol};
use swell_core::record::KindId;
use swell_core::transactions::{Failure, Lacking};

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
        self.settle_patience();
        Ok(Ok(serial))
    }

    async fn next_start(&mut self, first: bool) -> Result<Start, RunOver> {
        self.waits_for_start = true;
        let start =
            poll_fn(|context| self.worker.pacing.poll_start(self.key, first, context)).await;
        self.waits_for_start = false;
        start
    }

    /// Sends a request. Outside any transaction of an iteration it is one of its own; `None` then
    /// says that the run is over and nothing was sent.
    pub(crate) async fn send(
        &mut self,
        request: Result<Request, Error>,
        expected: Expected,
    ) -> Trap<Option<Sent>> {
        let name = || match &request {
            Ok(request) => format!("{} {}", request.method, path_of(&request.url)),
            Err(_) => "invalid request".to_owned(),
        };
        let implicit = match self.begin_implicit(name).await? {
            Ok(implicit) => implicit,
            Err(RunOver::Finished | RunOver::Stopped) => return Ok(None),
        };
        let sent = match request {
            Ok(request) => {
                self.in_flight = self.under_way(1);
                let sent = self.session.send(request).await;
                self.in_flight.count = 0;
                sent
            }
            Err(error) => Sent::unsent(error),
        };
        self.account(&sent.exchange, sent.result.as_ref().err(), &expected);
        self.finish_implicit(implicit)?;
        Ok(Some(sent))
    }

    /// Sends requests at the same time; see [`UserState::send`].
    pub(crate) async fn send_all(
        &mut self,
        requests: Vec<Result<Request, Error>>,
        expected: &[Expected],
    ) -> Trap<Option<Vec<Sent>>> {
        let implicit = match self.begin_implicit(|| "send-all".to_owned()).await? {
            Ok(implicit) => implicit,
            Err(RunOver::Finished | RunOver::Stopped) => return Ok(None),
        };
        let mut sendable = Vec::with_capacity(requests.len());
        let mut refused = Vec::new();
        for (index, request) in requests.into_iter().enumerate() {
            match request {
                Ok(request) => sendable.push(request),
                Err(error) => refused.push((index, Sent::unsent(error))),
            }
        }
        self.in_flight = self.under_way(sendable.len());
        let mut all = self.session.send_all(sendable).await;
        self.in_flight.count = 0;
        for (index, sent) in refused {
            all.insert(index, sent);
        }
        for (sent, expected) in all.iter().zip(expected) {
            self.account(&sent.exchange, sent.result.as_ref().err(), expected);
        }
        self.finish_implicit(implicit)?;
        Ok(Some(all))
    }

    fn under_way(&self, count: usize) -> InFlight {
        InFlight::new(Protocol::Http, count, self.now())
    }

    async fn begin_implicit(
        &mut self,
        name: impl FnOnce() -> String,
    ) -> Trap<Result<Option<u32>, RunOver>> {
        if !self.transactions.is_implicit() {
            return Ok(Ok(None));
        }
        let kind = self.worker.implicit_kind(name())?;
        Ok(self.begin(kind.0).await?.map(Some))
    }

    fn finish_implicit(&mut self, implicit: Option<u32>) -> Trap<()> {
        match implicit {
            Some(serial) => self.finish(serial, None),
            None => Ok(()),
        }
    }

    /// Counts an exchange, and fails the transactions around it if it failed; `error` has the words
    /// where it has no answer.
    fn account(&mut self, exchange: &Exchange, error: Option<&Error>, expected: &Expected) {
        match error {
            Some(error) if error.lacks_target => self.run().lacks_target(&error.message),
            _ => self.run().sent(),
        }
        let failure = match (exchange.result, error) {
            (Ok(code), _) if expected.contains(exchange.protocol, code) => None,
            (Ok(code), _) => Some(Failure::Status(code)),
            // What was wrong with a request differs each time, and its author needs the words.
            (Err(ErrorClass::Invalid), Some(error)) => {
                Some(Failure::Said(format!("invalid request: {}", error.message)))
            }
            (Err(class), _) => Some(Failure::Request(class)),
        };
        let recorder = &mut self.worker.recorder.borrow_mut();
        self.transactions.handle_exchange(exchange, failure, recorder);
    }

    /// Waits. Outside a transaction the wait ends with the run, and in `setup`, `teardown` and
    /// `conduct` when they are asked to end.
    pub(crate) async fn sleep(&mut self, time: Duration) {
        let mut sleep = pin!(tokio::time::sleep(time));
        poll_fn(|context| match sleep.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => self.patience.poll_over(context),
        })
        .await;
    }
}

/// The path of a URL, absolute or relative, without query and fragment.
fn path_of(url: &str) -> &str {
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
