//! What runs counted and where they are, in Prometheus' text format, labelled with run, scenario
//! and transaction.
//!
//! Nothing here is touched while a sample is taken: once a second what was merged is added. Which
//! metrics there are says `series`.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::{Key, Label};
use metrics_exporter_prometheus::LabelSet;
use metrics_exporter_prometheus::formatting::{
    write_help_line, write_metric_line, write_type_line,
};
use swell_report::Status;
use swell_report::record::{Frame, Moment};

use crate::series::{SeriesKey, families};
use crate::totals::{Buckets, RunTotals, SeriesTotal};

/// All metrics of the process.
pub struct Exporter {
    runs: Mutex<Vec<ServedRun>>,
    /// How long those of a run that is over are served; nothing where that is for ever.
    idle: Option<Duration>,
}

/// What is served of a run.
struct ServedRun {
    totals: RunTotals,
    over: Option<Instant>,
}

/// The metrics of one run.
pub(crate) struct RunMetrics {
    exporter: Arc<Exporter>,
    /// What they are found by.
    labels: RunLabels,
    /// Where the run was when it was shown last.
    moment: Moment,
}

/// Names of a run and of its scenario.
type RunLabels = [(Cow<'static, str>, String); 2];

impl Exporter {
    /// With a time, runs that have been over for so long are left out.
    pub(crate) fn new(idle: Option<Duration>) -> Arc<Self> {
        Arc::new(Self { runs: Mutex::default(), idle })
    }

    /// All of them in Prometheus' text format.
    pub fn render(&self) -> String {
        let mut runs = self.runs();
        self.leave_out(&mut runs);
        let mut text = String::new();
        for family in families() {
            let mut is_first = true;
            for run in &*runs {
                for (key, total) in run.totals.of_family(family.name) {
                    if std::mem::take(&mut is_first) {
                        write_help_line(&mut text, family.name, None, None, family.help);
                        write_type_line(&mut text, family.name, None, None, family.kind);
                    }
                    push_series(&mut text, &run.totals.labels, key, total);
                }
            }
        }
        text
    }

    fn leave_out(&self, runs: &mut Vec<ServedRun>) {
        if let Some(idle) = self.idle {
            runs.retain(|run| run.over.is_none_or(|over| over.elapsed() < idle));
        }
    }

    fn runs(&self) -> MutexGuard<'_, Vec<ServedRun>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunMetrics {
    pub(crate) fn new(exporter: &Arc<Exporter>, run: &str, scenario: &str) -> Self {
        let totals = RunTotals::new(run, scenario, Buckets::Bounds);
        let labels = totals.labels.clone();
        let mut runs = exporter.runs();
        // A scraper cannot tell two runs of one name apart.
        runs.retain(|earlier| earlier.totals.labels != labels);
        exporter.leave_out(&mut runs);
        runs.push(ServedRun { totals, over: None });
        drop(runs);
        let moment = Moment::of(&Status::default());
        Self { exporter: Arc::clone(exporter), labels, moment }
    }

    /// Adds what was counted since the last call, and shows where the run is.
    pub(crate) fn add(&mut self, frame: &Frame) {
        self.served(|run| run.totals.add(frame));
        self.moment.clone_from(&frame.moment);
    }

    /// Shows that the run is over.
    pub(crate) fn over(&mut self) {
        let frame = Frame::empty(self.moment.clone().over());
        self.served(|run| {
            run.totals.add(&frame);
            run.over = Some(Instant::now());
        });
    }

    fn served(&self, act: impl FnOnce(&mut ServedRun)) {
        let mut runs = self.exporter.runs();
        if let Some(run) = runs.iter_mut().find(|run| run.totals.labels == self.labels) {
            act(run);
        }
    }
}

/// Adds the lines of a series.
fn push_series(text: &mut String, of_run: &RunLabels, key: &SeriesKey, total: &SeriesTotal) {
    let labels = of_run.iter().chain(&key.labels).map(|(name, value)| {
        // What formats them takes two backslashes for one that is escaped already.
        Label::new(name.to_string(), value.replace('\\', r"\\"))
    });
    let labels = Key::from_parts("", labels.collect::<Vec<_>>());
    let labels = LabelSet::from_key_and_global(&labels, &Default::default());
    let mut push = |suffix, bound: Option<f64>, value: &dyn Display| {
        let bound = bound.map(|bound| ("le", number(bound)));
        write_metric_line(text, key.family, suffix, &labels, bound, value, None);
    };
    match total {
        SeriesTotal::Count(value) | SeriesTotal::Level(value) => push(None, None, &number(*value)),
        SeriesTotal::Spread(spread) => {
            for (bound, count) in spread.up_to_bounds() {
                push(Some("bucket"), Some(bound), &count);
            }
            push(Some("sum"), None, &number(spread.sum));
            push(Some("count"), None, &spread.count);
        }
    }
}

/// A number as Prometheus reads it.
pub(crate) fn number(value: f64) -> Cow<'static, str> {
    match value {
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        value => value.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use swell_core::RunInstant;
    use swell_core::catalogue::{self, Family};
    use swell_core::control::{Doing, Limiter};
    use swell_core::exchange::{ErrorClass, Exchange, Phases, Protocol};
    use swell_core::record::{
        Cause, GrpcMessages, MetricKind, Recorder, RunPhase, Snapshot, StreamEnd, TransactionEnd,
        TransactionTimes, WebSocketEnd, WebSockets,
    };

    use super::*;
    use crate::series::MAX_TRANSACTIONS;
    use swell_report::ObjectiveStatus;

    /// A window in which each of so many names had a transaction that failed in words of its own.
    fn window(names: usize) -> Snapshot {
        let mut recorder = Recorder::new(RunInstant::START);
        for number in 0..names {
            let kind = recorder
                .define(&format!("name {number}"))
                .expect("there are fewer than a thousand");
            recorder.begun(kind, RunInstant::START, true);
            let times = TransactionTimes::unpaced(
                RunInstant::START,
                RunInstant::START + Duration::from_millis(3),
            );
            recorder.ended(
                kind,
                &times,
                true,
                TransactionEnd::Failed(&Cause::Said(&format!("words {number}"))),
            );
        }
        recorder.take_window(RunInstant::START + Duration::from_secs(1), Snapshot::default())
    }

    fn counted(counted: Snapshot) -> Frame {
        Frame { counted, ..of(&Status::default()) }
    }

    fn of(status: &Status) -> Frame {
        Frame::empty(Moment::of(status))
    }

    #[test]
    fn names_beyond_the_most_are_counted_together_and_words_as_one_cause() {
        let exporter = Exporter::new(None);
        let mut metrics = RunMetrics::new(&exporter, "run", "scenario");
        (0..2).for_each(|_| metrics.add(&counted(window(900))));
        let text = exporter.render();
        let counted = text.lines().filter(|line| {
            line.starts_with("swell_transactions_total{") && line.contains("failed")
        });
        assert_eq!(counted.count(), MAX_TRANSACTIONS + 1);
        let others = text.lines().find(|line| {
            line.starts_with("swell_transaction_failures_total{") && line.contains("\"other\"")
        });
        assert!(
            others.is_some_and(|line| line.contains("cause=\"said\"") && line.ends_with(" 1400")),
            "{others:?}"
        );
        let others = "swell_service_seconds_count{run=\"run\",scenario=\"scenario\",\
        transaction=\"other\"} 1400";
        assert!(text.contains(others));
    }

    #[test]
    fn what_was_cut_off_is_counted_beside_what_failed_and_at_its_age() {
        let exporter = Exporter::new(None);
        let mut metrics = RunMetrics::new(&exporter, "run", "scenario");
        let mut recorder = Recorder::new(RunInstant::START);
        let kind = recorder.define("page").unwrap();
        recorder.begun(kind, RunInstant::START, true);
        let times = TransactionTimes::unpaced(
            RunInstant::START,
            RunInstant::START + Duration::from_secs(7),
        );
        recorder.ended(kind, &times, true, TransactionEnd::Interrupted);
        let until = RunInstant::START + Duration::from_secs(8);
        metrics.add(&counted(recorder.take_window(until, Snapshot::default())));
        let text = exporter.render();
        assert!(text.contains("transaction=\"page\",outcome=\"interrupted\"} 1"), "{text}");
        for (bound, count) in [("5", 0), ("10", 1)] {
            let of_page = format!(
                "swell_service_seconds_bucket{{run=\"run\",scenario=\"scenario\",\
                transaction=\"page\",le=\"{bound}\"}} {count}"
            );
            assert!(text.contains(&of_page), "{of_page} in {text}");
        }
    }

    #[test]
    fn a_run_that_is_over_keeps_its_counts_and_has_no_users() {
        let exporter = Exporter::new(None);
        let mut metrics = RunMetrics::new(&exporter, "run", "scenario");
        metrics.add(&counted(window(1)));
        metrics.add(&of(&Status {
            users: 5,
            goal_per_second: Some(10.0),
            limited_by: Some(Limiter::Service),
            ..Status::default()
        }));
        let shown = exporter.render();
        assert!(
            shown.contains("swell_users{run=\"run\",scenario=\"scenario\"} 5")
                && shown.contains("by=\"service\"} 1"),
            "{shown}"
        );
        metrics.over();
        let shown = exporter.render();
        assert!(
            shown.contains("swell_users{run=\"run\",scenario=\"scenario\"} 0")
                && shown.contains("by=\"service\"} 0"),
            "{shown}"
        );
        assert!(shown.contains("outcome=\"failed\"} 1"));
    }

    #[test]
    fn each_family_of_the_catalogue_is_scraped_with_its_help_and_its_counts() {
        let exporter = Exporter::new(None);
        let mut metrics = RunMetrics::new(&exporter, "run", "scenario");
        let mut recorder = Recorder::new(RunInstant::START);
        recorder.check(RunPhase::Measured, "title", true);
        for kind in MetricKind::ALL {
            let metric = recorder.define_metric(kind.name(), kind).unwrap();
            recorder.metric(RunPhase::Measured, RunInstant::START, metric, 0.5, &[]);
        }
        let websockets = recorder.websockets(RunPhase::Measured);
        websockets.errors.add(ErrorClass::Reset, 1);
        websockets.ended(WebSocketEnd::Scenario, Duration::from_secs(1));
        let WebSockets { handshakes, round_trips, pings, .. } = websockets;
        for times in [&mut handshakes.service.ok, round_trips, pings] {
            times.record(Duration::from_millis(1));
        }
        let call = Exchange {
            protocol: Protocol::Grpc,
            result: Ok(14),
            phases: Phases::default(),
            written: 1,
            reconnects: 0,
            connections: 1,
            body_bytes: 0,
        };
        let grpc = recorder.grpc(RunPhase::Measured);
        grpc.ended("/shop.Shop/Buy", &call, false);
        let messages = GrpcMessages { sent: 1, received: 1, bytes_sent: 1, bytes_received: 1 };
        grpc.messaged("/shop.Shop/Buy", &messages);
        grpc.calls.errors.add(ErrorClass::GoAway, 1);
        grpc.streams.ok += 1;
        let mut all = window(1);
        all.measured.requests.errors.add(ErrorClass::Dns, 1);
        all.measured.sockets.errors.add(ErrorClass::Dns, 1);
        all.measured.streams.ended(StreamEnd::Complete);
        all.merge(&recorder.take_window(RunInstant::START, Snapshot::default()));
        metrics.add(&counted(all));
        let text = exporter.render();
        for Family { name, help, labels, series } in catalogue::families() {
            let kind = series.kind();
            for line in [format!("# HELP {name} {help}\n"), format!("# TYPE {name} {kind}\n")] {
                assert!(text.contains(&line), "{line} in {text}");
            }
            let is_of_it = |line: &&str| {
                let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', '_']));
                rest.is_some_and(|_| {
                    labels.iter().all(|label| line.contains(&format!("{}=\"", label.name)))
                })
            };
            assert!(text.lines().any(|line| is_of_it(&line)), "{name} in {text}");
        }
    }

    #[test]
    fn what_an_objective_does_is_one_thing_at_a_time() {
        let exporter = Exporter::new(None);
        let mut metrics = RunMetrics::new(&exporter, "run", "scenario");
        let mut show = |state| {
            let objective = ObjectiveStatus {
                rule: "p95=1s".to_owned(),
                limit_per_second: 9.0,
                state,
                binding: true,
                measured: None,
            };
            metrics.add(&of(&Status { objectives: vec![objective], ..Status::default() }));
            let text = exporter.render();
            let states = text.lines().filter(|line| line.starts_with("swell_objective_state{"));
            states.map(|line| line.ends_with("} 1")).collect::<Vec<_>>()
        };
        assert_eq!(show(Doing::Raising), [true]);
        let after = show(Doing::Holding);
        assert_eq!((after.len(), after.iter().filter(|is_so| **is_so).count()), (2, 1));
    }

    #[test]
    fn what_is_no_whole_number_and_what_a_label_may_hold_is_written_as_it_is_read() {
        let exporter = Exporter::new(None);
        let mut metrics = RunMetrics::new(&exporter, "a\"b\\c\n", "scenario");
        let mut recorder = Recorder::new(RunInstant::START);
        let euros = recorder.define_metric("euros", MetricKind::Counter).unwrap();
        for value in [0.25, 0.5] {
            recorder.metric(RunPhase::Measured, RunInstant::START, euros, value, &[("c", "x")]);
        }
        let until = RunInstant::START + Duration::from_secs(1);
        metrics.add(&counted(recorder.take_window(until, Snapshot::default())));
        let text = exporter.render();
        let line = "swell_own_total{run=\"a\\\"b\\\\c\",scenario=\"scenario\",\
        metric=\"euros\",c=\"x\"} 0.75\n";
        assert!(text.contains(line), "{line} in {text}");
        assert!(text.contains("swell_goal_tps{") && text.contains("} NaN\n"), "{text}");
        let infinities = [f64::INFINITY, f64::NEG_INFINITY].map(number);
        assert_eq!(infinities, ["+Inf", "-Inf"]);
    }

    #[test]
    fn a_value_s_backslashes_and_quotes_are_told_apart_and_a_part_of_a_count_is_kept() {
        let line = |value: &str| {
            let labels = vec![("name".into(), value.to_owned())];
            let key = SeriesKey { family: "swell_own_total", labels };
            let of_run = [("run".into(), "evening".into()), ("scenario".into(), "shop".into())];
            let mut text = String::new();
            push_series(&mut text, &of_run, &key, &SeriesTotal::Count(1.5));
            text
        };
        for (value, shown) in [(r"a\b", r"a\\b"), (r"a\\b", r"a\\\\b"), ("a\\\"b\n", r#"a\\\"b\n"#)]
        {
            let begins = "swell_own_total{run=\"evening\",scenario=\"shop\",name=";
            assert_eq!(line(value), format!("{begins}\"{shown}\"}} 1.5\n"));
        }
    }

    #[test]
    fn a_run_of_an_earlier_ones_name_takes_its_place_and_one_that_is_long_over_goes() {
        let exporter = Exporter::new(Some(Duration::ZERO));
        let mut first = RunMetrics::new(&exporter, "run", "scenario");
        let mut other = RunMetrics::new(&exporter, "other", "scenario");
        first.add(&counted(window(1)));
        let again = RunMetrics::new(&exporter, "run", "scenario");
        let text = exporter.render();
        assert_eq!(text.matches("swell_users{run=\"run\"").count(), 1, "{text}");
        assert!(!text.contains("name 0"), "{text}");
        other.over();
        assert!(!exporter.render().contains("other"));
        drop(again);
    }
}
