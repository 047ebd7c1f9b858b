//! Measurement: what each worker thread counts, and how the counts of all become one.
//!
//! A [`Recorder`] belongs to one thread and writes into its current [`Snapshot`] without a lock
//! and, once names and their first samples have been seen, without an allocation. At the end of a
//! window the thread swaps the snapshot for an empty one and sends it off; whoever merged it clears
//! it and gives it back. Nothing on this path divides, formats or looks at a clock: instants come
//! with what happened.

mod buckets;
mod censored;
mod confidence;
mod counts;
mod event;
mod grpc;
mod histogram;
pub(crate) mod metric_kind;
mod names;
mod notable;
mod pages;
mod requests;
mod series;
mod snapshot;
mod sockets;
mod split;
mod statistic;
mod streams;
mod sum;
mod trend;
mod websocket;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub use self::censored::{Censored, Figure};
pub use self::confidence::{Batches, interval};
pub use self::counts::{Causes, Counts, NamedRow, NamedRows, Texts};
pub use self::event::{Cause, IterationEnd, RunPhase, TransactionEnd, TransactionTimes};
pub use self::grpc::{Grpc, GrpcMessages, GrpcMethod};
pub use self::histogram::Histogram;
pub use self::metric_kind::MetricKind;
use self::names::OTHER;
pub use self::names::{MAX_NAME_LEN, MAX_NAMES};
use self::notable::words;
pub use self::notable::{MAX_NOTABLE, Notable, NotableTransaction, Whose};
pub use self::requests::Requests;
pub use self::series::{MAX_NAMES_BYTES, MAX_SERIES, MAX_SERIES_NAME_LEN, Metrics, Series, Value};
pub use self::snapshot::{
    Check, Delayed, Extent, Figures, Outcomes, Snapshot, Total, Transaction, Unsent, UserCounts,
};
pub use self::sockets::{SocketEvent, Sockets};
pub use self::split::Split;
pub use self::statistic::{Percentile, Statistic};
pub use self::streams::{StreamEnd, StreamNews, Streams};
pub use self::trend::Trend;
pub use self::websocket::{WebSocketEnd, WebSocketTraffic, WebSockets};
use crate::RunInstant;
use crate::control::{self, Objective, Watch};
use crate::dispatch::{Lag, UnsentCause};
use crate::exchange::{Exchange, Protocol};
use crate::observer::{ObservedEnd, Observer, UserEvent};
use crate::standstill::{Heartbeat, PROBE};

/// How many steps the delays of probes are counted in that a worker overslept: enough to tell one
/// delay from the next.
const OVERSLEPT_STEPS: u64 = 1_000;

/// The name of a transaction, as a number of one recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindId(pub u32);

/// The name of a metric, as a number of one recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricId(pub u32);

/// Why a name was not taken. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// The name is empty or too long.
    #[error(
        "a name of {bytes} bytes: it must have 1 to {MAX_NAME_LEN}; put what varies into tags or \
        the log, not into the name"
    )]
    Length {
        /// Its length.
        bytes: usize,
    },
    /// There are too many other names.
    #[error("{name:?} would be name number {}: a run tells {MAX_NAMES} names apart; put what \
    varies into tags or the log, not into the name", MAX_NAMES + 1)]
    TooMany {
        /// The name that is one too many.
        name: String,
    },
    /// There is a metric of this name with another kind.
    #[error("metric {name:?} was defined before as a {} and cannot be a {} too; give one of them \
    another name", defined.name(), wanted.name())]
    OtherKind {
        /// The name.
        name: String,
        /// The kind that the metric has.
        defined: MetricKind,
        /// The kind that it was to have.
        wanted: MetricKind,
    },
}

/// What one worker counts.
#[derive(Debug)]
pub struct Recorder {
    measured_from: RunInstant,
    kinds: Vec<Arc<str>>,
    metrics: Vec<(Arc<str>, MetricKind)>,
    key: series::KeyBuffer,
    current: Snapshot,
    window_from: RunInstant,
    watched: Vec<Watched>,
    heartbeat: Rc<Heartbeat>,
    observer: Option<Observer>,
    /// What this recorder has noted of each kind since its beginning, without words: what has no
    /// place here has none in the sum of all windows.
    noted: Vec<Notable>,
}

/// The transactions that one objective is about.
#[derive(Debug)]
struct Watched {
    /// The transactions' name; `None` for all outermost ones.
    name: Option<String>,
    /// The name's number, once the recorder has given it one.
    kind: Option<KindId>,
    watch: Watch,
}

impl Watched {
    fn is_about(&self, kind: KindId, outermost: bool) -> bool {
        if self.name.is_some() { self.kind == Some(kind) } else { outermost }
    }
}

impl Recorder {
    /// A recorder that has counted nothing. What is meant to start before `measured_from` is
    /// warm-up.
    pub fn new(measured_from: RunInstant) -> Self {
        Self {
            measured_from,
            kinds: Vec::new(),
            metrics: Vec::new(),
            key: series::KeyBuffer::default(),
            current: Snapshot::default(),
            window_from: RunInstant::START,
            watched: Vec::new(),
            heartbeat: Rc::default(),
            observer: None,
            noted: Vec::new(),
        }
    }

    /// Has it tell what it counts of transactions, checks and metrics, one by one.
    pub fn observed_by(&mut self, observer: Observer) {
        self.observer = Some(observer);
    }

    /// The heartbeat of the thread for which it counts; all recorders of a thread share one.
    pub fn heartbeat(&self) -> Rc<Heartbeat> {
        Rc::clone(&self.heartbeat)
    }

    /// From now on, what is meant to start before `measured_from` is warm-up. That instant may lie
    /// ahead of the present, and before the one that was in force.
    pub fn measure_from(&mut self, measured_from: RunInstant) {
        self.measured_from = measured_from;
    }

    /// Counts for these objectives too, from now on.
    pub fn watch<'a>(&mut self, objectives: impl IntoIterator<Item = &'a Objective>) {
        let watched = |objective: &Objective| Watched {
            name: objective.name.clone(),
            kind: None,
            watch: Watch::new(objective.goal),
        };
        self.watched = objectives.into_iter().map(watched).collect();
        for place in 0..self.kinds.len() {
            self.recognise(place);
        }
    }

    /// From now on, each objective is judged only by what begins at `since` or later.
    pub fn restart_watches(&mut self, since: RunInstant) {
        self.watched.iter_mut().for_each(|watched| watched.watch.restart(since));
    }

    /// Ends the objectives' window at `now`, adding to a tally for each, in their order.
    pub fn take_tallies(&mut self, now: RunInstant, into: &mut Vec<control::Tally>) {
        into.resize_with(self.watched.len(), control::Tally::default);
        for (watched, tally) in self.watched.iter_mut().zip(into) {
            watched.watch.take(now, tally);
        }
    }

    /// Tells the objectives which of them are about the transaction with this number.
    fn recognise(&mut self, place: usize) {
        for watched in &mut self.watched {
            if watched.name.as_deref() == Some(&*self.kinds[place]) {
                watched.kind = Some(KindId(place as u32));
            }
        }
    }

    /// The number of the transactions with this name. The same name always has the same number.
    pub fn define(&mut self, name: &str) -> Result<KindId, NameError> {
        if let Some(known) = self.current.measured.transactions.place(name) {
            return Ok(KindId(known as u32));
        }
        let name = self.new_name(name, self.kinds.len())?;
        self.kinds.push(name);
        self.noted.push(Notable::default());
        self.recognise(self.kinds.len() - 1);
        self.align();
        Ok(KindId(self.kinds.len() as u32 - 1))
    }

    /// The name behind a number that [`Recorder::define`] gave; `None` for another number.
    pub fn name(&self, kind: KindId) -> Option<&str> {
        self.kinds.get(kind.0 as usize).map(|name| &**name)
    }

    /// The number of the metric with this name. The same name always has the same number.
    pub fn define_metric(&mut self, name: &str, kind: MetricKind) -> Result<MetricId, NameError> {
        if let Some(known) = self.metrics.iter().position(|(metric, _)| &**metric == name) {
            let defined = self.metrics[known].1;
            return if defined == kind {
                Ok(MetricId(known as u32))
            } else {
                Err(NameError::OtherKind { name: name.to_owned(), defined, wanted: kind })
            };
        }
        let name = self.new_name(name, self.metrics.len())?;
        self.metrics.push((name, kind));
        Ok(MetricId(self.metrics.len() as u32 - 1))
    }

    /// The name behind a number that [`Recorder::define_metric`] gave; `None` for another number.
    pub fn metric_name(&self, metric: MetricId) -> Option<&str> {
        self.metrics.get(metric.0 as usize).map(|(name, _)| &**name)
    }

    /// The phase of the run to which a transaction belongs that is meant to start at `intended`.
    pub fn phase(&self, intended: RunInstant) -> RunPhase {
        if intended < self.measured_from { RunPhase::WarmUp } else { RunPhase::Measured }
    }

    /// Tells the objectives how late an outermost transaction starts that is about to begin.
    pub fn starting(&mut self, intended: RunInstant, parked_at: RunInstant, started: RunInstant) {
        for watched in &mut self.watched {
            watched.watch.starting(intended, parked_at, started);
        }
    }

    /// Counts a transaction that has begun. `outermost` says that it is not inside another one.
    ///
    /// # Panics
    /// With a kind that this recorder did not give; so does [`Recorder::ended`].
    pub fn begun(&mut self, kind: KindId, intended: RunInstant, outermost: bool) {
        let figures = self.figures(self.phase(intended));
        figures.transactions.at(kind.0 as usize).counts.started += 1;
        figures.total.counts.started += u64::from(outermost);
        for watched in self.watched.iter_mut().filter(|watched| watched.is_about(kind, outermost)) {
            watched.watch.begun();
        }
        if let Some(observer) = &self.observer {
            observer.tell(UserEvent::Began { name: self.kinds[kind.0 as usize].to_string() });
        }
    }

    /// Counts a transaction that has ended, in the phase in which it was counted as begun.
    pub fn ended(
        &mut self,
        kind: KindId,
        times: &TransactionTimes,
        outermost: bool,
        ended: TransactionEnd<'_>,
    ) {
        for watched in self.watched.iter_mut().filter(|watched| watched.is_about(kind, outermost)) {
            watched.watch.ended(
                times.started,
                times.ended,
                (ended != TransactionEnd::Interrupted).then_some(ended == TransactionEnd::Ok),
            );
        }
        if let Some(observer) = &self.observer {
            observer.tell(UserEvent::Ended {
                name: self.kinds[kind.0 as usize].to_string(),
                service: times.ended.since(times.started),
                end: match ended {
                    TransactionEnd::Ok => ObservedEnd::Ok,
                    TransactionEnd::Failed(cause) => ObservedEnd::Failed(cause.to_string()),
                    TransactionEnd::Interrupted => ObservedEnd::Interrupted,
                },
            });
        }
        self.heartbeat.look(times.ended, RunInstant::NEVER);
        let stood = self.heartbeat.stood(times.started, times.ended);
        let figures = self.figures(self.phase(times.intended));
        let row = figures.transactions.at(kind.0 as usize);
        row.counts.count(ended);
        if let TransactionEnd::Failed(cause) = ended {
            row.causes.add(cause);
        }
        let (service, response) =
            (times.ended.since(times.started), times.ended.since(times.intended));
        row.service.record(ended, service);
        row.response.record(ended, response);
        if !outermost {
            return;
        }
        let total = &mut figures.total;
        total.counts.count(ended);
        total.service.record(ended, service);
        total.response.record(ended, response);
        let lag = Lag::of(times.intended, times.parked_at, times.started);
        // What was cut off has no end, so no delay of ours made it longer.
        if ended != TransactionEnd::Interrupted {
            total.delayed_service.record(service, stood);
            total.delayed_response.record(response, lag.host + stood);
        }
        total.start_lag.record(lag.total);
        total.user_lag.record(lag.user);
        total.host_lag.record(lag.host);
    }

    /// Notes a transaction of the measured part that has ended, if it is one of the slowest of its
    /// name or of the first that failed.
    ///
    /// # Panics
    /// With a kind that this recorder did not give.
    pub fn note(
        &mut self,
        kind: KindId,
        times: &TransactionTimes,
        whose: Whose,
        ended: TransactionEnd<'_>,
    ) {
        if self.phase(times.intended) == RunPhase::WarmUp {
            return;
        }
        let mut transaction = NotableTransaction {
            at: times.ended,
            whose,
            response: times.ended.since(times.intended),
            service: times.ended.since(times.started),
            error: None,
        };
        let known = &mut self.noted[kind.0 as usize];
        let has_failed = matches!(ended, TransactionEnd::Failed(_));
        let Some(sorts) = known.sorts(&transaction, has_failed) else { return };
        known.keep(sorts, &transaction);
        transaction.error = match ended {
            TransactionEnd::Ok => None,
            TransactionEnd::Failed(cause) => Some(words(&cause.to_string())),
            TransactionEnd::Interrupted => Some("cut off".into()),
        };
        let row = self.current.measured.transactions.at(kind.0 as usize);
        row.notable.keep(sorts, &transaction);
    }

    /// Counts an exchange that has ended by itself. `expected` says that its status is one that the
    /// request expects; if there was no answer it does not matter.
    pub fn exchange(&mut self, phase: RunPhase, exchange: &Exchange, expected: bool) {
        self.figures(phase).exchanges(exchange.protocol).ended(exchange, expected);
    }

    /// Counts an exchange that was cut off at the age `age`, with what it had sent and opened until
    /// then.
    pub fn exchange_interrupted(
        &mut self,
        protocol: Protocol,
        phase: RunPhase,
        age: Duration,
        written: u32,
        connections: u32,
    ) {
        self.figures(phase).exchanges(protocol).cut_off(age, written, connections);
    }

    /// Where WebSockets are counted beside their handshakes. What one does counts in the part of
    /// the run in which the scenario did it, its end where it was opened.
    pub fn websockets(&mut self, phase: RunPhase) -> &mut WebSockets {
        &mut self.figures(phase).websockets
    }

    /// Where calls of gRPC are counted by their methods, beside what is counted of all exchanges.
    pub fn grpc(&mut self, phase: RunPhase) -> &mut Grpc {
        &mut self.figures(phase).grpc
    }

    /// Counts what happened to a socket of the scenario's own.
    pub fn socket(&mut self, phase: RunPhase, event: SocketEvent) {
        self.figures(phase).sockets.count(event);
    }

    /// What is counted of streams in this phase.
    pub fn streams(&mut self, phase: RunPhase) -> &mut Streams {
        &mut self.figures(phase).streams
    }

    /// Counts an iteration that has begun.
    pub fn iteration_begun(&mut self, phase: RunPhase) {
        self.figures(phase).iterations.started += 1;
    }

    /// Counts an iteration that has ended, in the phase in which it began.
    pub fn iteration_ended(&mut self, phase: RunPhase, end: IterationEnd) {
        let iterations = &mut self.figures(phase).iterations;
        match end {
            IterationEnd::Ok => iterations.ok += 1,
            IterationEnd::Failed => iterations.failed += 1,
            IterationEnd::Interrupted => iterations.interrupted += 1,
        }
    }

    /// Counts a check. Names beyond [`MAX_NAMES`] are counted together as "other".
    pub fn check(&mut self, phase: RunPhase, name: &str, passed: bool) {
        let checks = &mut self.figures(phase).checks;
        let name = &name[..name.floor_char_boundary(MAX_NAME_LEN)];
        let place = checks.place_or_other(name, MAX_NAMES, OTHER);
        let check = checks.at(place);
        if passed {
            check.passed += 1
        } else {
            check.failed += 1
        }
        if let Some(observer) = &self.observer {
            observer.tell(UserEvent::Checked { name: name.to_owned(), passed });
        }
    }

    /// Records a value of the scenario's own metric at the instant `now`.
    ///
    /// # Panics
    /// With a metric that this recorder did not give.
    pub fn metric(
        &mut self,
        phase: RunPhase,
        now: RunInstant,
        metric: MetricId,
        value: f64,
        tags: &[(&str, &str)],
    ) {
        let figures = match phase {
            RunPhase::WarmUp => &mut self.current.warm_up,
            RunPhase::Measured => &mut self.current.measured,
        };
        figures.metrics.record(&self.metrics[metric.0 as usize], now, value, tags, &mut self.key);
        if let Some(observer) = &self.observer {
            let (name, kind) = &self.metrics[metric.0 as usize];
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            observer.tell(UserEvent::Measured {
                metric: name.to_string(),
                kind: *kind,
                value,
                tags: tags.iter().map(owned).collect(),
            });
        }
    }

    /// Records that the worker could have polled its tasks `delay` before it did, at `now`. The
    /// probes that were due meanwhile were as late as they still had to wait.
    pub fn loop_delay(&mut self, now: RunInstant, delay: Duration) {
        let figures = self.figures(self.phase(now));
        figures.loop_delay.record(delay);
        let overslept = u64::try_from(delay.as_nanos() / PROBE.as_nanos()).unwrap_or(u64::MAX);
        let each = overslept.div_ceil(OVERSLEPT_STEPS).max(1);
        let mut probes = 0;
        while probes < overslept {
            let step = each.min(overslept - probes);
            probes += step;
            let late = delay.saturating_sub(Duration::from_nanos(
                probes.saturating_mul(PROBE.as_nanos() as u64),
            ));
            figures.overslept.record_many(late, step);
        }
    }

    /// Counts a slot that was due at `intended` and will never start.
    pub fn unsent(&mut self, intended: RunInstant, cause: UnsentCause) {
        let unsent = &mut self.figures(self.phase(intended)).unsent;
        match cause {
            UnsentCause::Users => unsent.users += 1,
            UnsentCause::Host => unsent.host += 1,
            UnsentCause::Lease => unsent.lease += 1,
        }
    }

    /// Counts a virtual user that came into being.
    pub fn user_created(&mut self) {
        self.current.users.created += 1;
    }

    /// Counts a virtual user that does not exist any more, for whatever reason.
    pub fn user_gone(&mut self) {
        self.current.users.gone += 1;
    }

    /// Counts an iteration that the scenario ended with an error, by its text.
    pub fn iteration_error(&mut self, text: &str) {
        self.current.users.iteration_errors.add(text, 1);
    }

    /// Counts a user that its own `start` refused, by the text of the error.
    pub fn start_error(&mut self, text: &str) {
        self.current.users.start_errors.add(text, 1);
    }

    /// Counts a user that ended by itself, by the reason that it gave.
    pub fn user_stopped(&mut self, reason: &str) {
        self.current.users.stopped.add(reason, 1);
    }

    /// Counts a trap by its text.
    pub fn trap(&mut self, text: &str) {
        self.current.users.traps.add(text, 1);
    }

    /// Counts lines that were not written to the log.
    pub fn log_lines_suppressed(&mut self, lines: u64) {
        self.current.log_lines_suppressed += lines;
    }

    /// Ends the window at `now` and returns what was counted in it. From then on `empty` counts: a
    /// cleared snapshot of an earlier window, whose memory is used again, or a new one.
    pub fn take_window(&mut self, now: RunInstant, empty: Snapshot) -> Snapshot {
        let mut window = std::mem::replace(&mut self.current, empty);
        self.align();
        window.extent = Some(Extent { from: self.window_from, until: now });
        self.window_from = now;
        window
    }

    fn figures(&mut self, phase: RunPhase) -> &mut Figures {
        match phase {
            RunPhase::WarmUp => &mut self.current.warm_up,
            RunPhase::Measured => &mut self.current.measured,
        }
    }

    /// Puts the rows of the current snapshot into the order of the names' numbers.
    fn align(&mut self) {
        self.current.warm_up.transactions.align(&self.kinds);
        self.current.measured.transactions.align(&self.kinds);
    }

    fn new_name(&self, name: &str, known: usize) -> Result<Arc<str>, NameError> {
        if name.is_empty() || name.len() > MAX_NAME_LEN {
            return Err(NameError::Length { bytes: name.len() });
        }
        if known == MAX_NAMES {
            return Err(NameError::TooMany { name: name.to_owned() });
        }
        Ok(name.into())
    }
}

#[cfg(test)]
mod tests;
