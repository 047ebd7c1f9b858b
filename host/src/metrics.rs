//! What a run is, for Prometheus: what its workers counted, through the `metrics` facade, labelled
//! with run, scenario and transaction.
//!
//! Nothing here is touched while a sample is taken: once a second the control thread adds what it
//! has merged. Series are made for at most [`MOST_TRANSACTIONS`] names a run; the others are
//! counted together.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use hyper::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram, Label, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use metrics_util::MetricKindMask;
use swell_core::control::Limiter;
use swell_core::plain::line;
use swell_core::record::{Causes, Figures, Histogram as Times, Snapshot, Split, Transaction};

use crate::serve::{Answer, Call};
use crate::status::{ObjectiveStatus, Status};

/// Names of transactions that have series of their own, in each run: with their histograms some
/// forty lines each.
const MOST_TRANSACTIONS: usize = 200;
/// The name under which the others are counted.
const OTHER: &str = "other";

/// Upper bounds of the histograms' buckets, in seconds: steps of 2 to 2.5 from a tenth of a
/// millisecond to a minute.
const BUCKETS: [f64; 18] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0,
];

/// All metrics of the process.
pub(crate) struct Exporter {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

/// The metrics of one run.
pub(crate) struct RunMetrics {
    exporter: Rc<Exporter>,
    labels: Vec<Label>,
    transactions: BTreeMap<String, OfTransaction>,
    requests: [Counter; 3],
    request_seconds: Histogram,
    request_errors: BTreeMap<&'static str, Counter>,
    lag: [Histogram; 2],
    unsent: [Counter; 3],
    checks: BTreeMap<(String, &'static str), Counter>,
    objectives: BTreeMap<String, OfObjective>,
    users: Gauge,
    goal: Gauge,
    actual: Gauge,
    limited: [(Limiter, Gauge); 3],
    active: Gauge,
}

struct OfTransaction {
    outcomes: [Counter; 3],
    failures: BTreeMap<String, Counter>,
    service: Histogram,
    response: Histogram,
}

struct OfObjective {
    limit: Gauge,
    measured: Gauge,
    binding: Gauge,
    /// One for each state that there was.
    states: BTreeMap<String, Gauge>,
}

/// The names of the metrics, their units and what they mean.
const DESCRIBED: [(&str, Unit, &str); 19] = [
    ("swell_run_active", Unit::Count, "1 while a run goes on"),
    (
        "swell_transactions_total",
        Unit::Count,
        "Transactions that ended, by outcome: ok, failed, interrupted (cut off before their end)",
    ),
    ("swell_transaction_failures_total", Unit::Count, "Transactions that failed, by cause"),
    (
        "swell_service_seconds",
        Unit::Seconds,
        "End minus actual start of transactions; of those cut off their age",
    ),
    (
        "swell_response_seconds",
        Unit::Seconds,
        "End minus intended start of transactions; of those cut off their age",
    ),
    (
        "swell_start_lag_seconds",
        Unit::Seconds,
        "How late outermost transactions began, by whose fault: users, generator, lease",
    ),
    (
        "swell_unsent_total",
        Unit::Count,
        "Starts that were due and given up, by whose fault: users, generator",
    ),
    (
        "swell_requests_total",
        Unit::Count,
        "Requests that ended, by outcome: ok, failed, interrupted",
    ),
    ("swell_request_errors_total", Unit::Count, "Requests without an answer, by class"),
    ("swell_request_seconds", Unit::Seconds, "How long requests took; of those cut off their age"),
    ("swell_checks_total", Unit::Count, "Checks, by name and outcome: passed, failed"),
    ("swell_users", Unit::Count, "Virtual users that exist"),
    (
        "swell_goal_tps",
        Unit::CountPerSecond,
        "Starts a second that are to be; not a number in the closed model",
    ),
    ("swell_actual_tps", Unit::CountPerSecond, "Transactions completed in the last second"),
    (
        "swell_tps_limited",
        Unit::Count,
        "1 where the service, the users or the generator keeps the rate below the goal",
    ),
    (
        "swell_objective_limit_tps",
        Unit::CountPerSecond,
        "The rate up to which an objective was found to hold",
    ),
    (
        "swell_objective_measured",
        Unit::Count,
        "What an objective measured last: seconds, or a share",
    ),
    ("swell_objective_binding", Unit::Count, "1 for the objective that keeps the goal down"),
    ("swell_objective_state", Unit::Count, "1 for what an objective's controller does"),
];

const METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

impl Exporter {
    /// With a time, series that nothing was added to for so long are left out: those of runs that
    /// are over.
    pub(crate) fn new(idle: Option<Duration>) -> Rc<Self> {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
            .expect("there are buckets");
        let builder = builder.idle_timeout(MetricKindMask::ALL, idle);
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        for (name, unit, text) in DESCRIBED {
            let (key, text) = (metrics::KeyName::from(name), SharedString::from(text));
            match () {
                () if name.ends_with("_total") => recorder.describe_counter(key, Some(unit), text),
                () if name.ends_with("_seconds") => {
                    recorder.describe_histogram(key, Some(unit), text)
                }
                () => recorder.describe_gauge(key, Some(unit), text),
            }
        }
        Rc::new(Self { recorder, handle })
    }

    /// All of them in Prometheus' text format.
    fn render(&self) -> String {
        self.handle.render()
    }

    /// Answers a scraper.
    pub(crate) fn answer(&self, call: &Call) -> Answer {
        match (&call.method, call.path.as_str()) {
            _ if call.is_of_a_page() => {
                Answer::error(StatusCode::FORBIDDEN, "a web page may not read the metrics")
            }
            (&Method::GET, "/metrics") => Answer {
                status: StatusCode::OK,
                content_type: "text/plain; version=0.0.4; charset=utf-8",
                body: self.render(),
            },
            (&Method::GET, _) => {
                Answer::error(StatusCode::NOT_FOUND, "the metrics are at /metrics")
            }
            _ => Answer::error(StatusCode::METHOD_NOT_ALLOWED, "GET /metrics is all there is"),
        }
    }

    /// To be called each second or so, so that samples that nobody scrapes do not gather.
    pub(crate) fn tidy(&self) {
        self.handle.run_upkeep();
    }

    fn key(name: &'static str, labels: &[Label], more: &[(&'static str, &str)]) -> metrics::Key {
        let more = more.iter().map(|(name, value)| label(name, value));
        metrics::Key::from_parts(name, labels.iter().cloned().chain(more).collect::<Vec<_>>())
    }

    fn counter(
        &self,
        name: &'static str,
        labels: &[Label],
        more: &[(&'static str, &str)],
    ) -> Counter {
        self.recorder.register_counter(&Self::key(name, labels, more), &METADATA)
    }

    fn gauge(&self, name: &'static str, labels: &[Label], more: &[(&'static str, &str)]) -> Gauge {
        self.recorder.register_gauge(&Self::key(name, labels, more), &METADATA)
    }

    fn histogram(
        &self,
        name: &'static str,
        labels: &[Label],
        more: &[(&'static str, &str)],
    ) -> Histogram {
        self.recorder.register_histogram(&Self::key(name, labels, more), &METADATA)
    }
}

/// A value comes from a scenario as it is, and a scraper may be a person at a terminal.
fn label(name: &'static str, value: &str) -> Label {
    Label::new(name, line(value).to_string())
}

impl RunMetrics {
    pub(crate) fn new(exporter: &Rc<Exporter>, run: &str, scenario: &str) -> Self {
        let labels = vec![label("run", run), label("scenario", scenario)];
        let limiters = [Limiter::Service, Limiter::Users, Limiter::Generator];
        let active = exporter.gauge("swell_run_active", &labels, &[]);
        active.set(1.0);
        Self {
            transactions: BTreeMap::new(),
            requests: outcomes(|outcome| {
                exporter.counter("swell_requests_total", &labels, &[("outcome", outcome)])
            }),
            request_seconds: exporter.histogram("swell_request_seconds", &labels, &[]),
            request_errors: BTreeMap::new(),
            lag: WHOSE
                .map(|by| exporter.histogram("swell_start_lag_seconds", &labels, &[("by", by)])),
            unsent: ["users", "generator", "lease"]
                .map(|by| exporter.counter("swell_unsent_total", &labels, &[("by", by)])),
            checks: BTreeMap::new(),
            objectives: BTreeMap::new(),
            users: exporter.gauge("swell_users", &labels, &[]),
            goal: exporter.gauge("swell_goal_tps", &labels, &[]),
            actual: exporter.gauge("swell_actual_tps", &labels, &[]),
            limited: limiters
                .map(|by| (by, exporter.gauge("swell_tps_limited", &labels, &[("by", by.name())]))),
            active,
            labels,
            exporter: Rc::clone(exporter),
        }
    }

    /// Adds what was counted since the last call.
    pub(crate) fn count(&mut self, counted: &Snapshot) {
        for part in [&counted.warm_up, &counted.measured] {
            self.count_part(part);
        }
    }

    fn count_part(&mut self, part: &Figures) {
        let Self { exporter, labels, .. } = &*self;
        let (exporter, labels) = (Rc::clone(exporter), labels.clone());
        for (name, row) in part.transactions.iter().filter(|(_, row)| row.counts.ended() > 0) {
            let known = self.transactions.len();
            let own = if self.transactions.contains_key(name) || known < MOST_TRANSACTIONS {
                name
            } else {
                OTHER
            };
            let of = self
                .transactions
                .entry(own.to_owned())
                .or_insert_with(|| OfTransaction::new(&exporter, &labels, own));
            of.count(row, |cause| {
                exporter.counter(
                    "swell_transaction_failures_total",
                    &labels,
                    &[("transaction", own), ("cause", cause)],
                )
            });
        }
        for (lag, times) in self.lag.iter().zip([&part.total.user_lag, &part.total.host_lag]) {
            record(lag, times);
        }
        for (unsent, count) in
            self.unsent.iter().zip([part.unsent.users, part.unsent.host, part.unsent.lease])
        {
            unsent.increment(count);
        }
        let requests = &part.requests;
        for (counter, count) in
            self.requests.iter().zip([requests.ok, requests.failed, requests.interrupted])
        {
            counter.increment(count);
        }
        record_all(&self.request_seconds, &requests.service);
        for (class, count) in requests.errors.iter() {
            let new = || {
                exporter.counter("swell_request_errors_total", &labels, &[("class", class.name())])
            };
            self.request_errors.entry(class.name()).or_insert_with(new).increment(count);
        }
        for (name, check) in part.checks.iter() {
            for (outcome, count) in [("passed", check.passed), ("failed", check.failed)]
                .into_iter()
                .filter(|(_, count)| *count > 0)
            {
                let new = || {
                    exporter.counter(
                        "swell_checks_total",
                        &labels,
                        &[("check", name), ("outcome", outcome)],
                    )
                };
                self.checks.entry((name.to_owned(), outcome)).or_insert_with(new).increment(count);
            }
        }
    }

    /// Shows where the run is.
    pub(crate) fn show(&mut self, status: &Status) {
        self.users.set(status.users as f64);
        self.goal.set(status.goal_per_second.unwrap_or(f64::NAN));
        self.actual.set(status.per_second);
        for (by, gauge) in &self.limited {
            gauge.set(f64::from(u8::from(status.limited_by.as_deref() == Some(by.name()))));
        }
        for objective in &status.objectives {
            let of = self
                .objectives
                .entry(objective.rule.clone())
                .or_insert_with(|| OfObjective::new(&self.exporter, &self.labels, &objective.rule));
            of.show(objective, |state| {
                self.exporter.gauge(
                    "swell_objective_state",
                    &self.labels,
                    &[("objective", &objective.rule), ("state", state)],
                )
            });
        }
    }
}

impl Drop for RunMetrics {
    /// A run that is over has no users and no goal any more; what it counted stays.
    fn drop(&mut self) {
        self.active.set(0.0);
        self.users.set(0.0);
        self.goal.set(f64::NAN);
        self.actual.set(0.0);
        self.limited.iter().for_each(|(_, gauge)| gauge.set(0.0));
    }
}

impl OfTransaction {
    fn new(exporter: &Exporter, labels: &[Label], name: &str) -> Self {
        let new = |metric| exporter.histogram(metric, labels, &[("transaction", name)]);
        let counter = |outcome: &str| {
            exporter.counter(
                "swell_transactions_total",
                labels,
                &[("transaction", name), ("outcome", outcome)],
            )
        };
        Self {
            outcomes: outcomes(counter),
            failures: BTreeMap::new(),
            service: new("swell_service_seconds"),
            response: new("swell_response_seconds"),
        }
    }

    fn count(&mut self, row: &Transaction, new_failure: impl Fn(&str) -> Counter) {
        let counts = &row.counts;
        for (counter, count) in
            self.outcomes.iter().zip([counts.ok, counts.failed, counts.interrupted])
        {
            counter.increment(count);
        }
        record_all(&self.service, &row.service);
        record_all(&self.response, &row.response);
        for (cause, count) in by_cause(&row.causes) {
            self.failures
                .entry(cause.clone())
                .or_insert_with(|| new_failure(&cause))
                .increment(count);
        }
    }
}

impl OfObjective {
    fn new(exporter: &Exporter, labels: &[Label], rule: &str) -> Self {
        let gauge = |name| exporter.gauge(name, labels, &[("objective", rule)]);
        Self {
            limit: gauge("swell_objective_limit_tps"),
            measured: gauge("swell_objective_measured"),
            binding: gauge("swell_objective_binding"),
            states: BTreeMap::new(),
        }
    }

    fn show(&mut self, status: &ObjectiveStatus, new_state: impl Fn(&str) -> Gauge) {
        self.limit.set(status.limit_per_second);
        self.measured.set(status.measured.unwrap_or(f64::NAN));
        self.binding.set(f64::from(u8::from(status.binding)));
        self.states.entry(status.state.clone()).or_insert_with(|| new_state(&status.state));
        for (state, gauge) in &self.states {
            gauge.set(f64::from(u8::from(*state == status.state)));
        }
    }
}

/// Failures by kinds of causes: what a scenario said in its own words is one kind, as there may be
/// any number of them.
fn by_cause(causes: &Causes) -> Vec<(String, u64)> {
    let statuses =
        causes.statuses.iter().map(|(status, count)| (format!("status {status}"), count));
    let requests = causes.requests.iter().map(|(class, count)| (class.name().to_owned(), count));
    let others = [
        ("said", causes.said.total()),
        ("trap", causes.traps.total()),
        ("not ended", causes.not_ended),
    ];
    statuses
        .chain(requests)
        .chain(others.map(|(cause, count)| (cause.to_owned(), count)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// What was cut off is counted at its age, as the least that it would have taken: a quantile
/// without it would be that of what did not hang.
fn record_all(histogram: &Histogram, times: &Split) {
    record(histogram, &times.ok);
    record(histogram, &times.failed);
    record(histogram, &times.interrupted);
}

fn record(histogram: &Histogram, times: &Times) {
    for (time, count) in times.buckets() {
        histogram.record_many(time.as_secs_f64(), usize::try_from(count).unwrap_or(usize::MAX));
    }
}

/// Whose fault it is that something begins late.
const WHOSE: [&str; 2] = ["users", "generator"];

fn outcomes<T>(make: impl Fn(&str) -> T) -> [T; 3] {
    ["ok", "failed", "interrupted"].map(make)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use swell_core::RunInstant;
    use swell_core::record::{Cause, Ended, Recorder, Snapshot, Times};

    use super::*;

    /// A window in which each of so many names had a transaction that failed in words of its own.
    fn window(names: usize) -> Snapshot {
        let mut recorder = Recorder::new(RunInstant::START);
        for number in 0..names {
            let kind = recorder
                .define(&format!("name {number}"))
                .expect("there are fewer than a thousand");
            recorder.begun(kind, RunInstant::START, true);
            let times =
                Times::unpaced(RunInstant::START, RunInstant::START + Duration::from_millis(3));
            recorder.ended(
                kind,
                &times,
                true,
                Ended::Failed(&Cause::Said(&format!("words {number}"))),
            );
        }
        recorder.take_window(RunInstant::START + Duration::from_secs(1), Snapshot::default())
    }

    #[test]
    fn names_beyond_the_most_are_counted_together_and_words_as_one_cause() {
        let exporter = Exporter::new(None);
        let mut metrics = RunMetrics::new(&exporter, "run", "scenario");
        (0..2).for_each(|_| metrics.count(&window(900)));
        let text = exporter.render();
        let counted = text.lines().filter(|line| {
            line.starts_with("swell_transactions_total{") && line.contains("failed")
        });
        assert_eq!(counted.count(), MOST_TRANSACTIONS + 1);
        let others = text.lines().find(|line| {
            line.starts_with("swell_transaction_failures_total{") && line.contains("\"other\"")
        });
        assert!(
            others.is_some_and(|line| line.contains("cause=\"said\"") && line.ends_with(" 1400")),
            "{others:?}"
        );
        assert!(text.contains("swell_service_seconds_count{run=\"run\",scenario=\"scenario\",transaction=\"other\"} 1400"));
    }

    #[test]
    fn what_was_cut_off_is_counted_beside_what_failed_and_at_its_age() {
        let exporter = Exporter::new(None);
        let mut metrics = RunMetrics::new(&exporter, "run", "scenario");
        let mut recorder = Recorder::new(RunInstant::START);
        let kind = recorder.define("page").unwrap();
        recorder.begun(kind, RunInstant::START, true);
        let times = Times::unpaced(RunInstant::START, RunInstant::START + Duration::from_secs(7));
        recorder.ended(kind, &times, true, Ended::Interrupted);
        metrics.count(
            &recorder.take_window(RunInstant::START + Duration::from_secs(8), Snapshot::default()),
        );
        let text = exporter.render();
        assert!(text.contains("transaction=\"page\",outcome=\"interrupted\"} 1"), "{text}");
        for (bound, count) in [("5", 0), ("10", 1)] {
            let of_page = format!(
                "swell_service_seconds_bucket{{run=\"run\",scenario=\"scenario\",transaction=\"page\",le=\"{bound}\"}} {count}"
            );
            assert!(text.contains(&of_page), "{of_page} in {text}");
        }
    }

    #[test]
    fn a_run_that_is_over_keeps_its_counts_and_has_no_users() {
        let exporter = Exporter::new(None);
        let mut metrics = RunMetrics::new(&exporter, "run", "scenario");
        metrics.count(&window(1));
        metrics.show(&Status {
            users: 5,
            goal_per_second: Some(10.0),
            limited_by: Some("service".to_owned()),
            ..Status::default()
        });
        let shown = exporter.render();
        assert!(
            shown.contains("swell_users{run=\"run\",scenario=\"scenario\"} 5")
                && shown.contains("by=\"service\"} 1"),
            "{shown}"
        );
        drop(metrics);
        let shown = exporter.render();
        assert!(
            shown.contains("swell_users{run=\"run\",scenario=\"scenario\"} 0")
                && shown.contains("by=\"service\"} 0"),
            "{shown}"
        );
        assert!(shown.contains("outcome=\"failed\"} 1"));
    }
}
