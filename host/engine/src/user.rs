//! One virtual user's side of the contract: its transactions, requests, waits and numbers.
//!
//! This is the rule book of `transactions`, free of wasmtime: what may be begun and ended when,
//! what fails a transaction, what a cut leaves behind. The interfaces forward to it; `instance.rs`
//! calls the guest.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use swell_client::{Error, Request, Sent, Session};
use swell_core::RunInstant;
use swell_core::dispatch::Start;
use swell_core::exchange::{ErrorClass, Protocol};
use swell_core::random::Random;
use swell_core::record::{
    Cause, Ended, IterationEnd, KindId, MetricId, MetricKind, RunPhase, Times,
};

use crate::interfaces::log::Lines;
use crate::run::{EndRequest, Run, RunOver, Worker};

/// Which of its exports the guest is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// `setup` or `teardown`, outside the run.
    Preparing,
    /// `start`: paced by nothing, its requests are counted.
    Starting,
    /// `run`.
    Iterating,
    /// `stop`.
    Stopping,
}

/// Why a transaction failed, kept until it ends.
#[derive(Clone, Debug)]
enum Failure {
    Status(u16),
    Request(ErrorClass),
    Said(String),
}

impl Failure {
    fn cause(&self) -> Cause<'_> {
        match self {
            Self::Status(status) => Cause::Status(*status),
            Self::Request(class) => Cause::Request(*class),
            Self::Said(text) => Cause::Said(text),
        }
    }
}

#[derive(Debug)]
struct Open {
    serial: u32,
    kind: KindId,
    intended: RunInstant,
    parked_at: RunInstant,
    started: RunInstant,
    failure: Option<Failure>,
}

/// Whether a user's waits end with the run, and when that is. Shared with what waits on the user's
/// behalf.
pub(crate) struct Patience {
    worker: Rc<Worker>,
    key: u32,
    /// Outside a transaction they do: nothing is lost by it. Inside one they last to the end of the
    /// grace.
    ends_with_run: Cell<bool>,
}

impl Patience {
    /// Resolves when a wait is to end early.
    pub(crate) fn poll_over(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.ends_with_run.get() {
            self.worker.pacing.poll_over(self.key, context)
        } else {
            Poll::Pending
        }
    }
}

/// What the host knows of one user.
pub(crate) struct UserState {
    worker: Rc<Worker>,
    key: u32,
    number: u64,
    role: Role,
    session: Session,
    lines: Lines,
    patience: Rc<Patience>,
    open: Vec<Open>,
    serial: u32,
    /// With `--rate` the iteration took the slot; its first transaction carries it.
    carried: Option<Start>,
    met_run_over: bool,
    /// A unique feed had no row left for this iteration.
    ran_out: bool,
    /// A transaction was begun in this iteration.
    has_begun: bool,
    iteration: u64,
    /// The phase that what happens now is counted in: that of the last outermost transaction, or of
    /// the iteration before its first.
    phase: RunPhase,
    /// The phase that the iteration under way is counted in; none outside an iteration, or while it
    /// has begun nothing.
    iteration_phase: Option<RunPhase>,
    random: Random,
    waits_for_start: bool,
    /// Requests under way, and since when.
    in_flight: usize,
    sent_at: RunInstant,
}

/// A rule of the contract was broken: the guest traps with this text.
type Trap<T> = wasmtime::Result<T>;

fn trap<T>(text: String) -> Trap<T> {
    Err(wasmtime::Error::msg(text))
}

impl UserState {
    /// A user of this worker; `key` is its number on the worker, by which the dispatcher knows it.
    pub(crate) fn new(worker: &Rc<Worker>, key: u32, role: Role) -> Self {
        let number = if role == Role::Preparing { 0 } else { worker.run.number_user() };
        Self {
            session: Session::new(&worker.client),
            lines: Lines::new(&worker.run, (role != Role::Preparing).then_some(number)),
            // A user's own numbers, before its first iteration, must not be those of the iteration
            // with the same number.
            random: Random::stream(!worker.run.seed, number),
            patience: Rc::new(Patience {
                worker: Rc::clone(worker),
                key,
                ends_with_run: Cell::new(false),
            }),
            worker: Rc::clone(worker),
            key,
            number,
            role,
            open: Vec::new(),
            serial: 0,
            carried: None,
            met_run_over: false,
            ran_out: false,
            has_begun: false,
            iteration: 0,
            phase: worker.phase(worker.now()),
            iteration_phase: None,
            waits_for_start: false,
            in_flight: 0,
            sent_at: RunInstant::START,
        }
    }

    pub(crate) fn run(&self) -> &Run {
        &self.worker.run
    }

    pub(crate) fn lines(&self) -> &Lines {
        &self.lines
    }

    pub(crate) fn patience(&self) -> &Rc<Patience> {
        &self.patience
    }

    /// To be called when the role or what is open has changed.
    fn settle_patience(&self) {
        let may_end_early = matches!(self.role, Role::Iterating | Role::Preparing);
        self.patience.ends_with_run.set(may_end_early && self.open.is_empty());
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

    /// A unique feed has no row for this iteration: the run is ending, and an iteration that begins
    /// nothing for want of it does not count.
    pub(crate) fn run_out(&mut self, feed: String) {
        self.ran_out = true;
        self.run().request_end(EndRequest::FeedExhausted(feed));
    }

    /// Whether a transaction was begun in the iteration under way, or the last one.
    pub(crate) const fn has_begun(&self) -> bool {
        self.has_begun
    }

    pub(crate) fn check(&self, name: &str, passed: bool) {
        self.worker.recorder.borrow_mut().check(self.phase, name, passed);
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
        recorder.metric(self.phase, now, MetricId(metric), value, &tags);
        Ok(())
    }

    /// An iteration begins: its number decides its randomness, and `carried` is the start it took
    /// if iterations are what is paced.
    pub(crate) fn enter(&mut self, role: Role, iteration: u64, carried: Option<Start>) {
        self.role = role;
        self.settle_patience();
        self.met_run_over = false;
        self.ran_out = false;
        self.has_begun = false;
        self.carried = carried;
        self.phase = self.worker.phase(carried.map_or_else(|| self.now(), |start| start.intended));
        if role == Role::Iterating {
            self.iteration = iteration;
            self.random = Random::stream(self.run().seed, iteration);
            if self.worker.run.fresh_iterations {
                self.session.forget();
            }
            self.session.clear_cookies();
        }
    }

    /// The iteration returned, well or not: what is still open was not ended. Says whether it met
    /// the end of the run.
    pub(crate) fn leave(&mut self, well: bool) -> Left {
        while !self.open.is_empty() {
            self.end_innermost(Ended::Failed(&Cause::NotEnded));
        }
        let left = match self.iteration_phase {
            None if self.met_run_over || self.ran_out => Left::Empty,
            Some(_) if self.met_run_over => Left::CutShort,
            _ => Left::Whole,
        };
        match left {
            Left::Whole if well => self.end_iteration(IterationEnd::Ok),
            Left::Whole => self.end_iteration(IterationEnd::Failed),
            Left::CutShort => self.end_iteration(IterationEnd::Interrupted),
            Left::Empty => {}
        }
        left
    }

    /// The guest trapped: its open transactions failed of it, and so did its iteration.
    pub(crate) fn trapped(&mut self, reason: &str) {
        while !self.open.is_empty() {
            self.end_innermost(Ended::Failed(&Cause::Trap(reason)));
        }
        if self.role == Role::Iterating {
            self.end_iteration(IterationEnd::Failed);
        }
        if self.role != Role::Preparing {
            self.worker.recorder.borrow_mut().trap(reason);
        }
    }

    /// Counts the iteration as begun and ended: one that begins nothing, because the run is over,
    /// must not be counted at all.
    fn end_iteration(&mut self, end: IterationEnd) {
        let phase = self.iteration_phase.take().unwrap_or(self.phase);
        let mut recorder = self.worker.recorder.borrow_mut();
        recorder.iteration_begun(phase);
        recorder.iteration_ended(phase, end);
    }

    pub(crate) fn define(&self, name: &str) -> Trap<u32> {
        match self.worker.recorder.borrow_mut().define(name) {
            Ok(kind) => Ok(kind.0),
            Err(error) => trap(error.to_string()),
        }
    }

    /// Opens a transaction, waiting for its start if it is an outermost one.
    pub(crate) async fn begin(&mut self, kind: u32) -> Trap<Result<u32, RunOver>> {
        if self.role != Role::Iterating {
            return trap(
                "a transaction was begun outside `run`; only iterations are measured".to_owned(),
            );
        }
        let kind = KindId(kind);
        if self.worker.recorder.borrow().name(kind).is_none() {
            return trap(format!("{} is no kind that `transactions.define` gave", kind.0));
        }
        if self.open.iter().any(|open| open.kind == kind) {
            return trap(format!(
                "transaction {:?} was begun while it is still open",
                self.name(kind)
            ));
        }
        let (intended, parked_at, started) = if self.open.is_empty() {
            match self.next_start().await {
                Ok(start) => (start.intended, start.parked_at, self.now()),
                Err(_) if self.met_run_over => {
                    return trap(format!(
                        "transaction {:?} was begun after `begin` had answered that the run is \
                        over",
                        self.name(kind)
                    ));
                }
                Err(over) => {
                    self.met_run_over = true;
                    return Ok(Err(over));
                }
            }
        } else {
            let now = self.now();
            (now, now, now)
        };
        let outermost = self.open.is_empty();
        self.has_begun = true;
        if outermost {
            self.phase = self.worker.phase(intended);
            self.iteration_phase.get_or_insert(self.phase);
        }
        let mut recorder = self.worker.recorder.borrow_mut();
        if outermost {
            recorder.starting(intended, parked_at, started);
        }
        recorder.begun(kind, intended, outermost);
        drop(recorder);
        self.serial = self.serial.wrapping_add(1);
        self.patience.ends_with_run.set(false);
        self.open.push(Open {
            serial: self.serial,
            kind,
            intended,
            parked_at,
            started,
            failure: None,
        });
        Ok(Ok(self.serial))
    }

    async fn next_start(&mut self) -> Result<Start, RunOver> {
        if let Some(start) = self.carried.take() {
            return Ok(start);
        }
        self.waits_for_start = true;
        let first = self.iteration_phase.is_none();
        let start =
            poll_fn(|context| self.worker.pacing.poll_start(self.key, first, context)).await;
        self.waits_for_start = false;
        start
    }

    /// Ends a transaction in the guest's judgement: `reason` says why it failed, if it did.
    pub(crate) fn finish(&mut self, serial: u32, reason: Option<String>) -> Trap<()> {
        let Some(position) = self.open.iter().position(|open| open.serial == serial) else {
            return trap("a transaction was ended that is not open".to_owned());
        };
        if let Some(inner) = self.open.get(position + 1) {
            let (outer, inner) = (self.name(self.open[position].kind), self.name(inner.kind));
            return trap(format!(
                "transaction {outer:?} was ended while {inner:?}, begun inside it, is still open"
            ));
        }
        let open = &mut self.open[position];
        if let (Some(reason), None) = (reason, &open.failure) {
            open.failure = Some(Failure::Said(reason));
        }
        match self.open[position].failure.take() {
            None => self.end_innermost(Ended::Ok),
            Some(failure) => self.end_innermost(Ended::Failed(&failure.cause())),
        }
        Ok(())
    }

    fn end_innermost(&mut self, ended: Ended<'_>) {
        let now = self.now();
        let Some(open) = self.open.pop() else { return };
        self.settle_patience();
        let times = Times {
            intended: open.intended,
            parked_at: open.parked_at,
            started: open.started,
            ended: now,
        };
        self.worker.recorder.borrow_mut().ended(open.kind, &times, self.open.is_empty(), ended);
    }

    fn name(&self, kind: KindId) -> String {
        self.worker.recorder.borrow().name(kind).unwrap_or("?").to_owned()
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
                (self.in_flight, self.sent_at) = (1, self.now());
                let sent = self.session.send(request).await;
                self.in_flight = 0;
                sent
            }
            Err(error) => Sent::unsent(error),
        };
        self.account(&sent, &expected);
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
        (self.in_flight, self.sent_at) = (sendable.len(), self.now());
        let mut all = self.session.send_all(sendable).await;
        self.in_flight = 0;
        for (index, sent) in refused {
            all.insert(index, sent);
        }
        for (sent, expected) in all.iter().zip(expected) {
            self.account(sent, expected);
        }
        self.finish_implicit(implicit)?;
        Ok(Some(all))
    }

    async fn begin_implicit(
        &mut self,
        name: impl FnOnce() -> String,
    ) -> Trap<Result<Option<u32>, RunOver>> {
        if self.role != Role::Iterating || !self.open.is_empty() {
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

    /// Counts an exchange, and fails the transactions around it if it failed.
    fn account(&mut self, sent: &Sent, expected: &Expected) {
        if let (Err(ErrorClass::Invalid), Err(error)) = (sent.exchange.result, &sent.result)
            && error.lacks_target
        {
            self.run().lacks_target(&error.message);
        } else {
            self.run().sent();
        }
        let failure = match (sent.exchange.result, &sent.result) {
            (Ok(status), _) if expected.contains(status) => None,
            (Ok(status), _) => Some(Failure::Status(status)),
            // What was wrong with a request differs each time, and its author needs the words.
            (Err(ErrorClass::Invalid), Err(error)) => {
                Some(Failure::Said(format!("invalid request: {}", error.message)))
            }
            (Err(class), _) => Some(Failure::Request(class)),
        };
        if self.role != Role::Preparing {
            self.worker.recorder.borrow_mut().exchange(
                self.phase,
                &sent.exchange,
                failure.is_none(),
            );
        }
        let Some(failure) = failure else { return };
        for open in &mut self.open {
            open.failure.get_or_insert_with(|| failure.clone());
        }
    }

    /// Waits; outside a transaction only until the run is over, and outside the run until whoever
    /// called is asked to end.
    pub(crate) async fn sleep(&mut self, time: Duration) {
        let mut sleep = pin!(tokio::time::sleep(time));
        poll_fn(|context| match sleep.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => self.patience.poll_over(context),
        })
        .await;
    }
}

impl Drop for UserState {
    /// A user may be cut off anywhere it waits: what it had open is interrupted, and the dispatcher
    /// forgets that it waits.
    fn drop(&mut self) {
        if self.waits_for_start {
            self.worker.pacing.forget(self.key);
        }
        for _ in 0..self.in_flight {
            // What they had written is in the client's own count, which outlives them.
            let age = self.now().since(self.sent_at);
            self.worker.recorder.borrow_mut().exchange_interrupted(
                Protocol::Http,
                self.phase,
                age,
                0,
                0,
            );
        }
        while !self.open.is_empty() {
            self.end_innermost(Ended::Interrupted);
        }
        if self.iteration_phase.is_some() {
            self.end_iteration(IterationEnd::Interrupted);
        }
    }
}

/// What an iteration left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It ran as it wanted.
    Whole,
    /// The run was over, or its data used up, before its first transaction.
    Empty,
    /// The run was over in its midst.
    CutShort,
}

/// The statuses that count as success.
#[derive(Debug, Default)]
pub(crate) struct Expected(pub(crate) Vec<(u16, u16)>);

impl Expected {
    fn contains(&self, status: u16) -> bool {
        match self.0.as_slice() {
            [] => (200..400).contains(&status),
            ranges => ranges.iter().any(|&(first, last)| (first..=last).contains(&status)),
        }
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

    #[test]
    fn without_a_list_success_is_200_to_399() {
        let all = Expected::default();
        assert!(all.contains(200) && all.contains(399) && !all.contains(400) && !all.contains(199));
        let some = Expected(vec![(404, 404), (500, 502)]);
        assert!(some.contains(404) && some.contains(501) && !some.contains(200));
    }
}
