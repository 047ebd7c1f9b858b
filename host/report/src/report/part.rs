//! What was counted in one part of a run, as data: transactions, requests, checks, the scenario's
//! own metrics.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swell_core::exchange::Protocol;
use swell_core::record::{
    Cause, Causes, Figures, MetricKind, Outcomes, Series, Snapshot, Split, Statistic, Transaction,
    Unsent, Value,
};

use super::grpc::GrpcReport;
use super::header::Header;
use super::names;
use super::notable::NotableReport;
use super::renamed;
use super::requests::{RequestsReport, per_second};
use super::sockets::SocketsReport;
use super::streams::StreamsReport;
use super::times::Times;
use super::websocket::WebSocketsReport;

/// What began in one part of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// All outermost transactions together.
    pub transactions: Totals,
    /// Transactions by name, nested ones too, in the order in which their names were first met.
    pub by_name: IndexMap<String, NameReport>,
    /// All requests together.
    pub requests: RequestsReport,
    /// All WebSockets together; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub websockets: Option<WebSocketsReport>,
    /// All calls of gRPC together; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GrpcReport>,
    /// What the scenario did over sockets of its own; absent where it did nothing.
    #[serde(default, skip_serializing_if = "SocketsReport::is_unused")]
    pub sockets: SocketsReport,
    /// Those of them whose answers were read while they came; absent where there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<StreamsReport>,
    /// Passes of the scenario.
    pub iterations: Counted,
    /// By their names, in the same order.
    pub checks: IndexMap<String, CheckReport>,
    /// The scenario's own metrics.
    pub metrics: Vec<SeriesReport>,
    /// Values that were not finite, or negative for a counter.
    pub metric_values_ignored: u64,
    /// How late threads of the generator ran what was ready.
    pub loop_delay_ms: Times,
}

/// How many there were, and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Counted {
    /// Began.
    pub started: u64,
    /// Ended well.
    pub ok: u64,
    /// Did not.
    pub failed: u64,
    /// Were cut off before their end.
    pub interrupted: u64,
    /// Failed of those that ended by themselves; absent without any.
    pub error_rate: Option<f64>,
    /// Cut off of those that began; absent without any.
    pub interrupted_rate: Option<f64>,
}

/// All outermost transactions together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// How many.
    #[serde(flatten)]
    pub counts: Counted,
    /// Ended well, a second.
    pub ok_per_second: f64,
    /// Ended, a second.
    pub per_second: f64,
    /// How many were under way, on average: service time summed up, by the length of the part.
    /// Where some were interrupted, it is at least so many.
    pub concurrency: f64,
    /// Starts that were due and never came.
    pub unsent: UnsentReport,
    /// End minus intended start: what a user of the service would have waited.
    pub response_ms: Times,
    /// End minus actual start.
    pub service_ms: Times,
    /// Response time of those that ended well.
    pub ok_response_ms: Times,
    /// Response time of those that failed.
    #[serde(default)]
    pub failed_response_ms: Times,
    /// Actual minus intended start.
    pub start_lag_ms: Times,
    /// The part of it in which no user was free.
    pub user_lag_ms: Times,
    /// The part of it in which a user was free: the generator's fault.
    #[serde(flatten, with = "renamed::generator_lag_ms")]
    #[schemars(schema_with = "renamed::generator_lag_ms::schema::<Times>")]
    pub generator_lag_ms: Times,
}

/// Starts that were due and never came, by who was in the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UnsentReport {
    /// No user was free.
    pub users: u64,
    /// A user was free, and the generator did not begin it.
    #[serde(flatten, with = "renamed::generator")]
    #[schemars(schema_with = "renamed::generator::schema::<u64>")]
    pub generator: u64,
    /// No lease was held: the coordinator could not be reached in time.
    pub lease: u64,
}

/// The transactions of one name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NameReport {
    /// How many.
    #[serde(flatten)]
    pub counts: Counted,
    /// Ended, a second.
    pub per_second: f64,
    /// How many were under way, on average.
    pub concurrency: f64,
    /// End minus actual start.
    pub service_ms: Times,
    /// End minus intended start.
    pub response_ms: Times,
    /// Why they failed, by the cause in words.
    pub failures: BTreeMap<String, u64>,
    /// Transactions that are worth a look of their own; of the warm-up, and of several runs
    /// together, none.
    #[serde(default)]
    pub notable: NotableReport,
}

/// A named yes-or-no observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckReport {
    /// How often it was so.
    pub passed: u64,
    /// How often it was not.
    pub failed: u64,
}

/// A series of one of the scenario's own metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesReport {
    /// The metric's name.
    pub metric: String,
    /// What tells it from other series of the metric.
    pub tags: BTreeMap<String, String>,
    /// What is done with values.
    #[schemars(schema_with = "names::metric_kind")]
    pub kind: MetricKind,
    /// Values.
    pub count: u64,
    /// What the kind says: `sum`; `last`, `min`, `max`; `share`; or `min`, `mean`, `max` and
    /// percentiles.
    pub values: BTreeMap<String, Option<f64>>,
}

impl Counted {
    fn of(outcomes: &Outcomes) -> Self {
        Self {
            started: outcomes.started,
            ok: outcomes.ok,
            failed: outcomes.failed,
            interrupted: outcomes.interrupted,
            error_rate: outcomes.error_rate(),
            interrupted_rate: outcomes.interrupted_rate(),
        }
    }
}

impl UnsentReport {
    pub(crate) const fn of(Unsent { users, host, lease }: Unsent) -> Self {
        Self { users, generator: host, lease }
    }
}

impl Part {
    /// Has names stand in the order of an earlier part of the run: which of them the first window
    /// of a later part has counted is chance.
    pub(crate) fn follow(&mut self, earlier: &Self) {
        let place = |known: Option<usize>| known.unwrap_or(usize::MAX);
        self.by_name.sort_by_cached_key(|name, _| place(earlier.by_name.get_index_of(name)));
        self.checks.sort_by_cached_key(|name, _| place(earlier.checks.get_index_of(name)));
    }

    /// The warm-up and the measured part of a run, which lasted so many seconds, with the
    /// transactions of the latter that are worth a look of their own.
    pub(crate) fn of_both(
        counted: &Snapshot,
        [warm_up, measured]: [f64; 2],
        run: &Header,
    ) -> [Self; 2] {
        let before = Self::of(&counted.warm_up, warm_up);
        let mut part = Self::of(&counted.measured, measured);
        part.follow(&before);
        let traced = run.traceparent.then_some(run.seed);
        for (name, row) in &mut part.by_name {
            if let Some(counted) = counted.measured.transactions.row(name) {
                row.notable = NotableReport::of(&counted.notable, traced);
            }
        }
        [before, part]
    }

    /// The figures of a part that lasted `seconds`.
    pub fn of(figures: &Figures, seconds: f64) -> Self {
        let rate = |count: u64| per_second(count, seconds);
        let total = &figures.total;
        Self {
            transactions: Totals {
                counts: Counted::of(&total.counts),
                ok_per_second: rate(total.counts.ok),
                per_second: rate(total.counts.ok + total.counts.failed),
                concurrency: concurrency(&total.service, seconds),
                unsent: UnsentReport::of(figures.unsent),
                response_ms: Times::of_all(&total.response.all()),
                service_ms: Times::of_all(&total.service.all()),
                ok_response_ms: Times::of(&total.response.ok),
                failed_response_ms: Times::of(&total.response.failed),
                start_lag_ms: Times::of(&total.start_lag),
                user_lag_ms: Times::of(&total.user_lag),
                generator_lag_ms: Times::of(&total.host_lag),
            },
            by_name: figures
                .transactions
                .iter()
                .map(|(name, row)| (name.to_owned(), NameReport::of(row, seconds)))
                .collect(),
            requests: RequestsReport::of(&figures.requests, Protocol::Http, seconds),
            websockets: WebSocketsReport::of(&figures.websockets, seconds),
            grpc: GrpcReport::of(&figures.grpc, seconds),
            sockets: SocketsReport::of(&figures.sockets),
            streams: StreamsReport::of(&figures.streams),
            iterations: Counted::of(&figures.iterations),
            checks: figures
                .checks
                .iter()
                .map(|(name, check)| {
                    (name.to_owned(), CheckReport { passed: check.passed, failed: check.failed })
                })
                .collect(),
            metrics: figures.metrics.iter().map(SeriesReport::of).collect(),
            metric_values_ignored: figures.metrics.ignored,
            loop_delay_ms: Times::of(&figures.delays()),
        }
    }
}

/// How many were under way on average of what took these times, by Little's law.
fn concurrency(service: &Split, seconds: f64) -> f64 {
    let busy = service.sum_ns() as f64 / 1e9;
    if seconds > 0.0 { busy / seconds } else { 0.0 }
}

impl NameReport {
    fn of(row: &Transaction, seconds: f64) -> Self {
        Self {
            counts: Counted::of(&row.counts),
            per_second: per_second(row.counts.ok + row.counts.failed, seconds),
            concurrency: concurrency(&row.service, seconds),
            service_ms: Times::of_all(&row.service.all()),
            response_ms: Times::of_all(&row.response.all()),
            failures: failures(&row.causes),
            notable: NotableReport::default(),
        }
    }
}

/// Why transactions failed, in words.
pub fn failures(causes: &Causes) -> BTreeMap<String, u64> {
    let words = |cause: Cause<'_>, count| (cause.to_string(), count);
    let statuses = causes.statuses.iter().map(|(status, n)| words(Cause::Status(status), n));
    let requests = causes.requests.iter().map(|(class, n)| words(Cause::Request(class), n));
    let grpc = causes.grpc.iter().map(|(code, n)| words(Cause::Grpc(code), n));
    let said = causes.said.iter().map(|(text, n)| words(Cause::Said(text), n));
    let traps = causes.traps.iter().map(|(text, n)| words(Cause::Trap(text), n));
    let not_ended = (causes.not_ended > 0).then(|| words(Cause::NotEnded, causes.not_ended));
    let mut all = BTreeMap::new();
    for (text, count) in
        statuses.chain(requests).chain(grpc).chain(said).chain(traps).chain(not_ended)
    {
        *all.entry(text).or_default() += count;
    }
    all
}

impl SeriesReport {
    fn of(series: &Series) -> Self {
        let values = match &series.value {
            Value::Counter { sum, .. } => vec![("sum", Some(*sum))],
            Value::Gauge { last, min, max, .. } => {
                vec![("last", Some(*last)), ("min", Some(*min)), ("max", Some(*max))]
            }
            Value::Rate { count, nonzero } => {
                vec![("share", (*count > 0).then(|| *nonzero as f64 / *count as f64))]
            }
            Value::Trend(trend) => Statistic::ALL
                .map(|statistic| (statistic.name(), statistic.of_trend(trend)))
                .to_vec(),
        };
        let tags =
            series.tags.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Self {
            metric: series.metric.to_string(),
            tags,
            kind: series.value.kind(),
            count: series.value.count(),
            values: values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        }
    }
}
