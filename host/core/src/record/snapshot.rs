//! What was counted in a stretch of a run: one thread's window, or everything merged.
//!
//! Merging happens here and nowhere else. The order and the grouping of sums do not matter, so
//! windows, threads and nodes may be added in any way: a percentile of the whole is the percentile
//! of all samples, never a mean of percentiles.
//!
//! A snapshot travels between nodes. Rows and buckets that counted nothing are left out. A reader
//! refuses a snapshot that no recorder could have made, or with which sums would not fit.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::counts::{Causes, NamedRow, NamedRows, Texts};
use super::event::TransactionEnd;
use super::grpc::{self, Grpc};
use super::histogram::Histogram;
use super::notable::Notable;
use super::requests::Requests;
use super::series::Metrics;
use super::sockets::Sockets;
use super::split::Split;
use super::streams::{self, Streams};
use super::sum::{Summand, sums};
use super::websocket::WebSockets;
use crate::RunInstant;
use crate::exchange::{ErrorClass, Protocol};
use crate::travel::{self, Refused};

/// Everything counted between two instants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The instants that it covers; `None` while it covers none.
    pub extent: Option<Extent>,
    /// What was meant to start during warm-up. Shown, never judged.
    pub warm_up: Figures,
    /// What was meant to start in the measured part.
    pub measured: Figures,
    /// What happened to virtual users, over the whole run.
    pub users: UserCounts,
    /// Lines that scenarios wrote to the log and that were left out.
    #[serde(deserialize_with = "travel::count")]
    pub log_lines_suppressed: u64,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SentExtent")]
pub struct Extent {
    /// The earliest instant covered.
    pub from: RunInstant,
    /// The instant after the latest one covered.
    pub until: RunInstant,
}

/// An extent as it was sent.
#[derive(Deserialize)]
struct SentExtent {
    from: RunInstant,
    until: RunInstant,
}

impl TryFrom<SentExtent> for Extent {
    type Error = Refused;

    fn try_from(SentExtent { from, until }: SentExtent) -> Result<Self, Refused> {
        if from <= until { Ok(Self { from, until }) } else { Err(Refused::Samples) }
    }
}

/// What was counted in one phase of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// All outermost transactions together.
    pub total: Total,
    /// Transactions by name, nested ones too.
    pub transactions: NamedRows<Transaction>,
    /// All requests together.
    pub requests: Requests,
    /// All WebSockets together.
    pub websockets: WebSockets,
    /// All calls of gRPC together.
    #[serde(with = "grpc::sent")]
    pub grpc: Grpc,
    /// What the scenario did over sockets of its own.
    pub sockets: Sockets,
    /// What else is counted of those whose answers were read while they came.
    #[serde(with = "streams::sent")]
    pub streams: Streams,
    /// Iterations: how many began, and how they ended.
    pub iterations: Outcomes,
    /// Checks by name.
    pub checks: NamedRows<Check>,
    /// The scenario's own metrics.
    pub metrics: Metrics,
    /// Slots that were due and never started.
    pub unsent: Unsent,
    /// How late a worker polled its tasks, at each of its probes.
    pub loop_delay: Histogram,
    /// The same at the probes that were due while the worker was late, and that it never made.
    pub overslept: Histogram,
}

/// How many began, and how they ended. Those that are neither ok, failed nor interrupted are under
/// way; at the end of a run there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// How many began.
    #[serde(deserialize_with = "travel::count")]
    pub started: u64,
    /// How many succeeded.
    #[serde(deserialize_with = "travel::count")]
    pub ok: u64,
    /// How many failed.
    #[serde(deserialize_with = "travel::count")]
    pub failed: u64,
    /// How many were cut off: at the end of the run, or with their user.
    #[serde(deserialize_with = "travel::count")]
    pub interrupted: u64,
}

/// All outermost transactions together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Total {
    /// How many there were.
    pub counts: Outcomes,
    /// End − intended start: what a user of the service would have waited. The leading figure.
    pub response: Split,
    /// End − actual start.
    pub service: Split,
    /// Actual start − intended start.
    pub start_lag: Histogram,
    /// The part of the start lag during which no user was free.
    pub user_lag: Histogram,
    /// The part of the start lag during which a user was free: our fault.
    pub host_lag: Histogram,
    /// Response times in which there is some delay of our own.
    pub delayed_response: Delayed,
    /// Service times in which there is some delay of our own.
    pub delayed_service: Delayed,
}

/// Times that the load generator itself made longer: it started late, or stood still while an
/// answer came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delayed {
    /// The times as they were measured.
    pub seen: Histogram,
    /// The same times without our delay. Where a thread stood still while something was under way,
    /// nobody knows when in that time it ended: it counts as if it had ended as soon as possible.
    pub without: Histogram,
}

/// The transactions of one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// How many there were.
    pub counts: Outcomes,
    /// End − actual start. The leading figure, as user lag falls on whichever name took the slot.
    pub service: Split,
    /// End − intended start.
    pub response: Split,
    /// Why transactions failed.
    pub causes: Causes,
    /// The transactions that are worth a look of their own; of the warm-up none.
    pub notable: Notable,
}

/// A named condition that is true or false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// How often it was true.
    #[serde(deserialize_with = "travel::count")]
    pub passed: u64,
    /// How often it was false.
    #[serde(deserialize_with = "travel::count")]
    pub failed: u64,
}

/// Slots that were due and never started, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsent {
    /// No user was free: the service is slow, or the users too few.
    #[serde(deserialize_with = "travel::count")]
    pub users: u64,
    /// A user was free and we did not start it.
    #[serde(deserialize_with = "travel::count")]
    pub host: u64,
    /// The node had no lease, or heard too late that the slot was its own.
    #[serde(deserialize_with = "travel::count")]
    pub lease: u64,
}

impl Unsent {
    /// The sum of the three.
    pub const fn total(&self) -> u64 {
        self.users + self.host + self.lease
    }
}

/// What happened to virtual users.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UserCounts {
    /// Users that were created.
    #[serde(deserialize_with = "travel::count")]
    pub created: u64,
    /// Users that ended, for whatever reason.
    #[serde(deserialize_with = "travel::count")]
    pub gone: u64,
    /// Users that were cut off by a trap, by its text.
    pub traps: Texts,
    /// Users that the scenario's own `start` refused, by the text of the error.
    pub start_errors: Texts,
    /// Iterations that the scenario ended with an error, by its text.
    pub iteration_errors: Texts,
    /// Users that ended by themselves, as the scenario asked with `stop-user`, by the reason.
    pub stopped: Texts,
}

sums! {
    Snapshot { extent, warm_up, measured, users, log_lines_suppressed }
    Figures {
        total, transactions, requests, websockets, grpc, sockets, streams, iterations, checks,
        metrics, unsent, loop_delay, overslept,
    }
    Total {
        counts, response, service, start_lag, user_lag, host_lag, delayed_response,
        delayed_service,
    }
    Outcomes { started, ok, failed, interrupted }
    Delayed { seen, without }
    Transaction { counts, service, response, causes, notable }
    Check { passed, failed }
    Unsent { users, host, lease }
    UserCounts { created, gone, traps, start_errors, iteration_errors, stopped }
}

impl Summand for Option<Extent> {
    fn merge(&mut self, other: &Self) {
        *self = match (*self, *other) {
            (Some(mine), Some(theirs)) => Some(Extent {
                from: mine.from.min(theirs.from),
                until: mine.until.max(theirs.until),
            }),
            (mine, theirs) => mine.or(theirs),
        };
    }

    fn clear(&mut self) {
        *self = None;
    }
}

impl Snapshot {
    /// Leaves out the transactions that are worth a look of their own; they are counted all the
    /// same.
    pub fn leave_out_notables(&mut self) {
        for part in self.parts() {
            part.transactions.change(|row| row.notable.clear());
        }
    }

    /// Leaves out the values of the scenario's own metrics; they count as ignored.
    pub fn leave_out_metrics(&mut self) {
        self.parts().for_each(|part| part.metrics.leave_out());
    }

    /// Leaves out the texts; how many there were stays.
    pub fn leave_out_texts(&mut self) {
        let UserCounts { created: _, gone: _, traps, start_errors, iteration_errors, stopped } =
            &mut self.users;
        for texts in [traps, start_errors, iteration_errors, stopped] {
            texts.leave_out();
        }
        for part in self.parts() {
            part.transactions.change(|row| {
                row.causes.said.leave_out();
                row.causes.traps.leave_out();
            });
        }
    }

    /// Whether both together can still be read where they are sent or kept as one. Bytes come to
    /// their bound first: in some hours of 10 Gbit/s.
    pub fn can_travel_with(&self, other: &Self) -> bool {
        let fits = |one: &Figures, other: &Figures| {
            one.requests.can_travel_with(&other.requests)
                && one.websockets.can_travel_with(&other.websockets)
                && one.grpc.can_travel_with(&other.grpc)
                && one.sockets.can_travel_with(&other.sockets)
        };
        fits(&self.warm_up, &other.warm_up) && fits(&self.measured, &other.measured)
    }

    /// Leaves out the rows by name; the totals stay.
    pub fn leave_out_rows(&mut self) {
        for part in self.parts() {
            (part.transactions, part.checks, part.grpc.methods) = Default::default();
        }
    }

    fn parts(&mut self) -> impl Iterator<Item = &mut Figures> {
        [&mut self.warm_up, &mut self.measured].into_iter()
    }
}

impl Figures {
    /// The counts of the exchanges of this protocol.
    pub const fn exchanges(&mut self, protocol: Protocol) -> &mut Requests {
        match protocol {
            Protocol::Http => &mut self.requests,
            Protocol::WebSocket => &mut self.websockets.handshakes,
            Protocol::Grpc => &mut self.grpc.calls,
            Protocol::GrpcStream => &mut self.grpc.streams,
        }
    }

    /// How many exchanges, and things over sockets of the scenario's own, failed in this way.
    pub fn errors(&self, class: ErrorClass) -> u64 {
        self.requests.errors.of(class)
            + self.websockets.handshakes.errors.of(class)
            + self.grpc.calls.errors.of(class)
            + self.grpc.streams.errors.of(class)
            + self.sockets.errors.of(class)
    }

    /// How late workers polled what was ready, as somebody sees it who comes at any time: each
    /// moment of a pause counts, and not only the one in which it ended.
    pub fn delays(&self) -> Histogram {
        let mut delays = self.loop_delay.clone();
        delays.merge(&self.overslept);
        delays
    }
}

impl Outcomes {
    /// How many have ended, with those that were cut off.
    pub const fn ended(&self) -> u64 {
        self.ok + self.failed + self.interrupted
    }

    /// How many have begun and not ended. In a single window it may be less than zero, because
    /// transactions end that began before; merged over a run it is exact.
    pub const fn in_flight(&self) -> i64 {
        self.started as i64 - self.ended() as i64
    }

    /// The share of those that began which was cut off; `None` when none began.
    pub fn interrupted_rate(&self) -> Option<f64> {
        (self.started > 0).then(|| self.interrupted as f64 / self.started as f64)
    }

    /// The share that failed of those that ended by themselves; `None` when none did.
    pub fn error_rate(&self) -> Option<f64> {
        let judged = self.ok + self.failed;
        (judged > 0).then(|| self.failed as f64 / judged as f64)
    }

    pub(super) fn count(&mut self, ended: TransactionEnd<'_>) {
        match ended {
            TransactionEnd::Ok => self.ok += 1,
            TransactionEnd::Failed(_) => self.failed += 1,
            TransactionEnd::Interrupted => self.interrupted += 1,
        }
    }
}

/// A delay of our own that is shorter than this is left out: no verdict minds so little.
const NOTICEABLE: Duration = Duration::from_millis(1);

impl Delayed {
    /// Counts a time of which `ours` was our own delay, if that delay is long enough to matter.
    pub(super) fn record(&mut self, seen: Duration, ours: Duration) {
        if ours >= NOTICEABLE {
            self.seen.record(seen);
            self.without.record(seen.saturating_sub(ours));
        }
    }
}

impl NamedRow for Transaction {
    fn merge(&mut self, other: &Self) {
        Self::merge(self, other);
    }

    fn clear(&mut self) {
        Self::clear(self);
    }

    fn is_empty(&self) -> bool {
        self.counts == Outcomes::default()
    }
}

impl NamedRow for Check {
    fn merge(&mut self, other: &Self) {
        Self::merge(self, other);
    }

    fn clear(&mut self) {
        Self::clear(self);
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
