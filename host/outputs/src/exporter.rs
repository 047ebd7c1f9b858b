//! What runs counted and where they are, in Prometheus' text format, labelled with run, scenario
//! and transaction.
//!
//! Nothing here is touched while a sample is taken: once a second what was merged is added. Which
//! metrics there are says core's catalogue of figures, and the list of gauges that are made of
//! where it is. Series are made for at most [`MAX_TRANSACTIONS`] names a run; the others are
//! counted together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit,
};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use metrics_util::MetricKindMask;
use swell_core::catalogue::{self, Family, FamilySeries, TRANSACTION};
use swell_core::plain::line;
use swell_core::record::{Figures, Histogram as TimeHistogram, Snapshot};
use swell_report::record::{Frame, Moment};
use swell_report::{FrameGauge, GAUGES, Status};

/// Names of transactions that have series of their own, in each run: with their histograms some
/// forty lines each.
const MAX_TRANSACTIONS: usize = 200;
/// The name under which the others are counted.
const OTHER: &str = "other";

/// Upper bounds of the histograms' buckets, in seconds: steps of 2 to 2.5 from a tenth of a
/// millisecond to a minute.
const BUCKETS: [f64; 18] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0,
];

/// All metrics of the process.
pub struct Exporter {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

/// The metrics of one run.
pub(crate) struct RunMetrics {
    exporter: Arc<Exporter>,
    labels: Vec<Label>,
    /// Names of transactions that have series of their own.
    transactions: BTreeSet<String>,
    counters: Known<Counter>,
    histograms: Known<Histogram>,
    gauges: Known<Gauge>,
    /// Where the run was when it was shown last.
    moment: Moment,
}

/// The series that there are, by their family and the values of its labels.
type Known<T> = BTreeMap<(&'static str, Vec<String>), T>;

const METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

impl Exporter {
    /// With a time, series that nothing was added to for so long are left out: those of runs that
    /// are over.
    pub(crate) fn new(idle: Option<Duration>) -> Arc<Self> {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
            .expect("there are buckets");
        let builder = builder.idle_timeout(MetricKindMask::ALL, idle);
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        for family in catalogue::families() {
            let (key, help) = (KeyName::from(family.name), SharedString::from(family.help));
            match family.series {
                FamilySeries::Counter(_) => recorder.describe_counter(key, Some(Unit::Count), help),
                FamilySeries::Times(_) => {
                    recorder.describe_histogram(key, Some(Unit::Seconds), help)
                }
            }
        }
        for gauge in &GAUGES {
            let (key, help) = (KeyName::from(gauge.name), SharedString::from(gauge.help));
            let unit = if gauge.is_rate { Unit::CountPerSecond } else { Unit::Count };
            recorder.describe_gauge(key, Some(unit), help);
        }
        Arc::new(Self { recorder, handle })
    }

    /// All of them in Prometheus' text format.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// To be called each second or so, so that samples that nobody scrapes do not gather.
    pub fn tidy(&self) {
        self.handle.run_upkeep();
    }
}

/// A value comes from a scenario as it is, and a scraper may be a person at a terminal.
fn label(name: &'static str, value: &str) -> Label {
    Label::new(name, line(value).to_string())
}

impl RunMetrics {
    pub(crate) fn new(exporter: &Arc<Exporter>, run: &str, scenario: &str) -> Self {
        let mut this = Self {
            exporter: Arc::clone(exporter),
            labels: vec![label("run", run), label("scenario", scenario)],
            transactions: BTreeSet::new(),
            counters: Known::new(),
            histograms: Known::new(),
            gauges: Known::new(),
            moment: Moment::of(&Status { goal_per_second: Some(0.0), ..Status::default() }),
        };
        // What has no name of its own is there from the beginning.
        this.count_part(&Figures::default());
        this.show(&Frame::empty(this.moment.clone()));
        this
    }

    /// Adds what was counted since the last call.
    pub(crate) fn count(&mut self, counted: &Snapshot) {
        for part in [&counted.warm_up, &counted.measured] {
            self.count_part(part);
        }
    }

    fn count_part(&mut self, part: &Figures) {
        for family in catalogue::families() {
            match family.series {
                FamilySeries::Counter(series) => series(part, &mut |values, count| {
                    self.counter(family, values).increment(*count);
                }),
                FamilySeries::Times(series) => series(part, &mut |values, times| {
                    record(self.histogram(family, values), times);
                }),
            }
        }
    }

    /// Shows where the run is.
    pub(crate) fn show(&mut self, frame: &Frame) {
        // What is not told any more is no longer so.
        self.gauges.values().for_each(|gauge| gauge.set(0.0));
        for gauge in &GAUGES {
            (gauge.values)(frame, &mut |values, value| self.gauge(gauge, values).set(value));
        }
        self.moment.clone_from(&frame.moment);
    }

    /// Shows that the run is over.
    pub(crate) fn over(&mut self) {
        self.show(&Frame::empty(self.moment.clone().over()));
    }

    fn counter(&mut self, family: &Family, values: &[&str]) -> &Counter {
        let values = self.told_apart(family.labels, values);
        let Self { exporter, labels, counters, .. } = self;
        counters.entry((family.name, values)).or_insert_with_key(|&(name, ref values)| {
            exporter.recorder.register_counter(&key(name, labels, family.labels, values), &METADATA)
        })
    }

    fn histogram(&mut self, family: &Family, values: &[&str]) -> &Histogram {
        let values = self.told_apart(family.labels, values);
        let Self { exporter, labels, histograms, .. } = self;
        histograms.entry((family.name, values)).or_insert_with_key(|&(name, ref values)| {
            let key = key(name, labels, family.labels, values);
            exporter.recorder.register_histogram(&key, &METADATA)
        })
    }

    fn gauge(&mut self, gauge: &FrameGauge, values: &[&str]) -> &Gauge {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let Self { exporter, labels, gauges, .. } = self;
        gauges.entry((gauge.name, values)).or_insert_with_key(|&(name, ref values)| {
            exporter.recorder.register_gauge(&key(name, labels, gauge.labels, values), &METADATA)
        })
    }

    /// The values under which something is counted: names of transactions beyond those that have
    /// series of their own are one.
    fn told_apart(&mut self, labels: &[catalogue::Label], values: &[&str]) -> Vec<String> {
        let own = |(label, value): (&catalogue::Label, &&str)| {
            let is_named = *label != TRANSACTION || self.transactions.contains(*value);
            if is_named {
                return (*value).to_owned();
            }
            if self.transactions.len() == MAX_TRANSACTIONS {
                return OTHER.to_owned();
            }
            self.transactions.insert((*value).to_owned());
            (*value).to_owned()
        };
        labels.iter().zip(values).map(own).collect()
    }
}

/// What a series is known by.
fn key(
    name: &'static str,
    of_run: &[Label],
    labels: &[catalogue::Label],
    values: &[String],
) -> Key {
    let own = labels.iter().zip(values).map(|(name, value)| label(name.name, value));
    Key::from_parts(name, of_run.iter().cloned().chain(own).collect::<Vec<_>>())
}

fn record(histogram: &Histogram, times: &TimeHistogram) {
    for (time, count) in times.buckets() {
        histogram.record_many(time.as_secs_f64(), usize::try_from(count).unwrap_or(usize::MAX));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use swell_core::RunInstant;
    use swell_core::control::{Doing, Limiter};
    use swell_core::exchange::ErrorClass;
    use swell_core::record::{
        Cause, Recorder, RunPhase, Snapshot, TransactionEnd, TransactionTimes,
    };

    use super::*;
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

    fn of(status: &Status) -> Frame {
        Frame::empty(Moment::of(status))
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
        metrics.count(
            &recorder.take_window(RunInstant::START + Duration::from_secs(8), Snapshot::default()),
        );
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
        metrics.count(&window(1));
        metrics.show(&of(&Status {
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
        let mut counted = window(1);
        counted.measured.requests.errors.add(ErrorClass::Dns, 1);
        counted.merge(&recorder.take_window(RunInstant::START, Snapshot::default()));
        metrics.count(&counted);
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
            metrics.show(&of(&Status { objectives: vec![objective], ..Status::default() }));
            let text = exporter.render();
            let states = text.lines().filter(|line| line.starts_with("swell_objective_state{"));
            states.map(|line| line.ends_with("} 1")).collect::<Vec<_>>()
        };
        assert_eq!(show(Doing::Raising), [true]);
        let after = show(Doing::Holding);
        assert_eq!((after.len(), after.iter().filter(|is_so| **is_so).count()), (2, 1));
    }
}
