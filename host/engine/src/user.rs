//! One virtual user as its instance sees it: what the interfaces forward to, and what the host
//! remembers between two calls.
//!
//! [`swell_core::transactions`] decides which transaction may begin and end when, and what counts;
//! what takes time (starts, requests, waits) stands in `traffic`, `websocket` and `grpc`, requests
//! that last in `streams`, those that are said once in `prepared`. This file brings them together
//! with the clock and the worker's recorder.

mod grpc;
mod held;
mod held_calls;
mod held_requests;
mod in_flight;
mod open_websockets;
mod prepared;
mod streams;
mod traffic;
mod websocket;

use std::rc::Rc;

use prost_reflect::DescriptorPool;
use swell_client::Session;
use swell_core::RunInstant;
use swell_core::dispatch::Start;
use swell_core::exchange::Protocol;
use swell_core::random::Random;
use swell_core::record::{MetricId, MetricKind, Whose};
use swell_core::run::EndRequest;
use swell_core::transactions::{GuestCall, IterationScope, Misuse, Transactions};

pub(crate) use self::grpc::AskedCall;
use self::held::HeldStreams;
pub(crate) use self::held::StreamError;
use self::held_calls::HeldCalls;
use self::held_requests::HeldRequests;
pub(crate) use self::held_requests::KeptParts;
use self::in_flight::InFlight;
use self::open_websockets::OpenWebSockets;
use crate::log::{Speaker, UserLog};
use crate::patience::Patience;
use crate::run::{Run, Worker};
use crate::sockets::UserSockets;

/// What the host knows about one user.
pub(crate) struct UserState {
    worker: Rc<Worker>,
    /// The key by which the dispatcher knows the user.
    key: u32,
    /// The number by which the scenario knows the user.
    number: u64,
    /// The number of the iteration under way, or the last one.
    iteration: u64,
    transactions: Transactions,
    /// Its connections, TLS sessions and cookies.
    session: Session,
    log: UserLog,
    patience: Rc<Patience>,
    /// What it does over sockets of its own.
    sockets: Rc<UserSockets>,
    /// Random numbers that repeat with the run's seed and the number of the iteration.
    random: Random,
    /// Whether the user waits at the dispatcher.
    waits_for_start: bool,
    in_flight: InFlight,
    websockets: OpenWebSockets,
    streams: HeldStreams,
    calls: HeldCalls,
    /// The services that it has described.
    services: DescriptorPool,
    prepared: HeldRequests,
    /// Requests of the iteration so far that say which trace they are a part of.
    traced: u64,
    /// Why the user is to end when it has returned, if it said so.
    stopped: Option<String>,
}

/// The guest broke a rule of the contract: it traps with this text.
type Trap<T> = wasmtime::Result<T>;

const NO_USER: &str =
    "it called `stop-user`, and in `setup`, `teardown` and `conduct` there is no user to end";

fn trap<T>(text: String) -> Trap<T> {
    Err(wasmtime::Error::msg(text))
}

fn misuse(misuse: Misuse) -> wasmtime::Error {
    wasmtime::Error::msg(misuse.to_string())
}

impl UserState {
    /// A user of this worker; `key` is its number on the worker, by which the dispatcher knows it,
    /// and `place` that of its scenario in the run.
    pub(crate) fn new(worker: &Rc<Worker>, place: u32, key: u32, call: GuestCall) -> Self {
        let run = &worker.run;
        let (number, speaker) = match call {
            GuestCall::Preparing if run.conductor.is_some() => (0, Speaker::Conduct),
            GuestCall::Preparing => (0, Speaker::Setup),
            _ => {
                let number = run.number_user(place);
                (number, Speaker::User(number))
            }
        };
        let patience = Patience::new(worker, key);
        Self {
            session: match worker.observer {
                Some(_) => Session::seen(&worker.client),
                None => Session::new(&worker.client),
            },
            log: UserLog::new(&run.lines, speaker, worker.observer.as_ref()),
            // A user's own numbers, before its first iteration, must not be those of the iteration
            // with the same number.
            random: Random::stream(!run.seed, number),
            sockets: UserSockets::new(worker, &patience),
            patience,
            transactions: Transactions::new(call, worker.phase(worker.now())),
            worker: Rc::clone(worker),
            key,
            number,
            iteration: 0,
            waits_for_start: false,
            in_flight: InFlight::new(Protocol::Http, 0, RunInstant::START),
            websockets: OpenWebSockets::default(),
            streams: HeldStreams::default(),
            calls: HeldCalls::default(),
            services: DescriptorPool::new(),
            prepared: HeldRequests::default(),
            traced: 0,
            stopped: None,
        }
    }

    pub(crate) fn run(&self) -> &Run {
        &self.worker.run
    }

    pub(crate) fn log(&self) -> &UserLog {
        &self.log
    }

    pub(crate) fn patience(&self) -> &Rc<Patience> {
        &self.patience
    }

    pub(crate) fn sockets(&self) -> &Rc<UserSockets> {
        &self.sockets
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn iteration(&self) -> u64 {
        self.iteration
    }

    pub(crate) fn now(&self) -> RunInstant {
        self.worker.now()
    }

    pub(crate) fn next_random(&mut self) -> u64 {
        self.random.next()
    }

    /// Whether a transaction began in the present iteration, or in the last one.
    pub(crate) const fn has_begun(&self) -> bool {
        self.transactions.has_begun()
    }

    /// A feed whose rows are used once has no row for this iteration: the run is ending.
    pub(crate) fn run_out(&mut self, feed: String) {
        self.transactions.handle_feed_exhausted();
        self.run().request_end(EndRequest::FeedExhausted(feed));
    }

    /// The user wants to end when the present call has returned. Of several reasons the first
    /// counts.
    pub(crate) fn stop(&mut self, reason: String) -> Trap<()> {
        if self.transactions.call() == GuestCall::Preparing {
            return trap(NO_USER.to_owned());
        }
        self.stopped.get_or_insert(reason);
        Ok(())
    }

    /// Why the user wants to end, if it said so.
    pub(crate) fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    pub(crate) fn check(&self, name: &str, passed: bool) {
        self.worker.recorder.borrow_mut().check(self.transactions.phase(), name, passed);
    }

    pub(crate) fn define_metric(&self, name: &str, kind: MetricKind) -> Trap<u32> {
        match self.worker.recorder.borrow_mut().define_metric(name, kind) {
            Ok(id) => Ok(id.0),
            Err(error) => trap(error.to_string()),
        }
    }

    pub(crate) fn add_metric(
        &self,
        metric: u32,
        value: f64,
        tags: &[(String, String)],
    ) -> Trap<()> {
        let tags: Vec<(&str, &str)> =
            tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let now = self.now();
        let mut recorder = self.worker.recorder.borrow_mut();
        if recorder.metric_name(MetricId(metric)).is_none() {
            return trap(format!("{metric} is no metric that `metrics.define` gave"));
        }
        recorder.metric(self.transactions.phase(), now, MetricId(metric), value, &tags);
        Ok(())
    }

    pub(crate) fn define(&self, name: &str) -> Trap<u32> {
        match self.worker.recorder.borrow_mut().define(name) {
            Ok(kind) => Ok(kind.0),
            Err(error) => trap(error.to_string()),
        }
    }

    /// The guest is called. The number of an iteration decides its randomness. `carried` is the
    /// start that the iteration took, where iterations are paced.
    pub(crate) fn enter(&mut self, call: GuestCall, iteration: u64, carried: Option<Start>) {
        let phase = self.worker.phase(carried.map_or_else(|| self.now(), |start| start.intended));
        self.transactions.handle_call(call, carried, phase);
        self.patience.renew();
        self.settle();
        if call == GuestCall::Iterating {
            self.iteration = iteration;
            self.transactions.belong_to(Whose { iteration, user: self.number });
            self.traced = 0;
            self.random = Random::stream(self.run().seed, iteration);
            if self.worker.run.fresh_iterations {
                self.session.forget();
            }
            if !self.worker.run.keeps_cookies {
                self.session.clear_cookies();
            }
        }
    }

    /// The iteration returned, well or not. Returns what became of it.
    pub(crate) fn leave(&mut self, well: bool) -> Trap<IterationScope> {
        self.end_streams_of_iteration()?;
        let now = self.now();
        if self.patience.has_given_up() {
            self.transactions.handle_given_up();
        }
        let recorder = &mut self.worker.recorder.borrow_mut();
        let scope = self.transactions.handle_return(now, well, recorder);
        self.settle();
        Ok(scope)
    }

    /// The guest trapped.
    pub(crate) fn trapped(&mut self, reason: &str) {
        self.end_streams_of_call(false);
        let now = self.now();
        self.transactions.handle_trap(now, reason, &mut self.worker.recorder.borrow_mut());
        self.settle();
    }

    /// The guest ends a transaction: `reason` says why it failed, if it did.
    pub(crate) fn finish(&mut self, serial: u32, reason: Option<String>) -> Trap<()> {
        self.end_streams_of(serial)?;
        self.finish_innermost(serial, reason)?;
        self.end_implicit_of_streams()
    }

    /// The same of a transaction in which nothing else is open.
    fn finish_innermost(&mut self, serial: u32, reason: Option<String>) -> Trap<()> {
        let now = self.now();
        let recorder = &mut self.worker.recorder.borrow_mut();
        self.transactions.finish(now, serial, reason, recorder).map_err(misuse)?;
        self.settle();
        Ok(())
    }

    /// To be called when the guest was called, or when other transactions are open than before.
    fn settle(&self) {
        self.patience.set_ends_with_run(self.transactions.waits_end_with_run());
        let transactions = &self.transactions;
        self.sockets.count_in(transactions.is_measured().then(|| transactions.phase()));
    }
}

impl Drop for UserState {
    /// A user may be cut off anywhere it waits: its open transactions are interrupted, and the
    /// dispatcher forgets that it waits.
    fn drop(&mut self) {
        if self.waits_for_start {
            self.worker.pacing.forget(self.key);
        }
        let now = self.now();
        let recorder = &mut self.worker.recorder.borrow_mut();
        if self.transactions.is_measured() {
            self.streams.handle_cut(now, self.transactions.phase(), recorder);
            self.calls.handle_cut(now, self.transactions.phase(), recorder);
        }
        self.in_flight.handle_cut(now, self.transactions.phase(), recorder);
        self.websockets.handle_cut(self.transactions.phase(), recorder);
        if let Some(observer) = &self.worker.observer {
            self.in_flight.tell(now, observer);
            self.streams.tell(now, observer);
            self.calls.tell(now, observer);
        }
        self.transactions.handle_cut(now, recorder);
    }
}
