//! What a frame says, series by series, under the names and labels that Prometheus has for them.
//!
//! Whatever takes figures while runs go on is made of this list: the endpoint for scrapers, and
//! each sink that sends them elsewhere. So a figure that is added to core's catalogue, or to the
//! gauges, is in all of them. Nothing here is touched while a sample is taken.
//!
//! Receivers keep an index of series, and a name with its histograms is some forty of them. So a
//! run has series of its own for so many names of transactions and so many of the scenario's own
//! metrics; the others are counted together.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use swell_core::catalogue::{self, Family, FamilySeries, TRANSACTION};
use swell_core::plain::line;
use swell_core::record::{Histogram, Metrics, Series, Trend, Value};
use swell_report::GAUGES;
use swell_report::record::Frame;

/// Names of transactions that have series of their own, in each run.
pub(crate) const MAX_TRANSACTIONS: usize = 200;
/// The scenario's own series that keep their tags, in each run.
const MAX_OWN: usize = 1_000;
/// The name under which other transactions are counted, and the tag of other series.
const OTHER: &str = "other";
/// Labels that a tag of a scenario may not pose as: ours, and those that Prometheus sets.
const RESERVED: [&str; 8] =
    ["run", "scenario", "metric", "outcome", "le", "quantile", "job", "instance"];

/// A series of a run, by its family and the labels that it has beside those of the run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SeriesKey {
    /// The name of its family.
    pub(crate) family: &'static str,
    /// Names and values of its labels.
    pub(crate) labels: Vec<(Cow<'static, str>, String)>,
}

/// What a frame says of a series. One may be told in several parts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SeriesTold<'a> {
    /// So many more.
    Count(f64),
    /// These times more.
    Times(&'a Histogram),
    /// These numbers more, which have no unit that we know.
    Numbers(&'a Trend),
    /// It is so much at the end of the frame.
    Level(f64),
}

/// The same of a whole frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SeriesInFrame {
    Count(f64),
    Times(Histogram),
    Numbers(Trend),
    Level(f64),
}

/// What a family of series is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AboutFamily {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    /// As Prometheus calls it: "counter", "gauge" or "histogram".
    pub(crate) kind: &'static str,
    /// Whether it is of times.
    pub(crate) is_seconds: bool,
}

/// The families that there are.
pub(crate) fn families() -> impl Iterator<Item = AboutFamily> {
    let counted = catalogue::families().map(|Family { name, help, series, .. }| AboutFamily {
        name,
        help,
        kind: series.kind(),
        is_seconds: matches!(series, FamilySeries::Times(_)),
    });
    let seen = GAUGES.iter().map(|gauge| AboutFamily {
        name: gauge.name,
        help: gauge.help,
        kind: "gauge",
        is_seconds: false,
    });
    counted.chain(seen)
}

/// The series of one run, as far as they have been told.
#[derive(Debug, Default)]
pub(crate) struct RunSeries {
    /// Names of transactions that have series of their own.
    transactions: BTreeSet<String>,
    /// The scenario's own series that keep their tags.
    own: BTreeSet<SeriesKey>,
    /// What only the moment knows, as far as it was told.
    levels: BTreeSet<SeriesKey>,
}

impl RunSeries {
    /// Tells what a frame says. What is counted without a name is told even if it is nothing; a
    /// level that is not so any more is zero.
    pub(crate) fn tell(&mut self, frame: &Frame, tell: &mut dyn FnMut(&SeriesKey, SeriesTold<'_>)) {
        let parts = [&frame.counted.warm_up, &frame.counted.measured];
        let mut own = Metrics::default();
        parts.iter().for_each(|part| own.merge(&part.metrics));
        for family in catalogue::families() {
            match family.series {
                FamilySeries::Counter(series) => {
                    for part in parts {
                        series(part, &mut |values, count: &u64| {
                            let key = self.key(family, values);
                            tell(&key, SeriesTold::Count(*count as f64));
                        });
                    }
                }
                FamilySeries::Times(series) => {
                    for part in parts {
                        series(part, &mut |values, times: &Histogram| {
                            tell(&self.key(family, values), SeriesTold::Times(times));
                        });
                    }
                }
                FamilySeries::Own(kind) => {
                    for series in own.iter().filter(|series| series.value.kind() == kind) {
                        self.tell_own(family.name, series, tell);
                    }
                }
            }
        }
        self.tell_levels(frame, tell);
    }

    /// What a frame says of each series, all parts together.
    pub(crate) fn in_frame(&mut self, frame: &Frame) -> BTreeMap<SeriesKey, SeriesInFrame> {
        let mut all = BTreeMap::<SeriesKey, SeriesInFrame>::new();
        self.tell(frame, &mut |key, told| match (all.get_mut(key), told) {
            (Some(SeriesInFrame::Count(sum)), SeriesTold::Count(count)) => *sum += count,
            (Some(SeriesInFrame::Times(sum)), SeriesTold::Times(times)) => sum.merge(times),
            (Some(SeriesInFrame::Numbers(sum)), SeriesTold::Numbers(more)) => sum.merge(more),
            (_, told) => _ = all.insert(key.clone(), SeriesInFrame::of(told)),
        });
        all
    }

    fn tell_levels(&mut self, frame: &Frame, tell: &mut dyn FnMut(&SeriesKey, SeriesTold<'_>)) {
        let mut now = BTreeSet::new();
        for gauge in &GAUGES {
            (gauge.values)(frame, &mut |values, level| {
                let names = gauge.labels.iter().map(|label| label.name);
                let labels = names.zip(values).map(|(name, value)| (name.into(), shown(value)));
                let key = SeriesKey { family: gauge.name, labels: labels.collect() };
                tell(&key, SeriesTold::Level(level));
                now.insert(key);
            });
        }
        for gone in self.levels.difference(&now) {
            tell(gone, SeriesTold::Level(0.0));
        }
        self.levels.extend(now);
    }

    fn tell_own(
        &mut self,
        family: &'static str,
        series: &Series,
        tell: &mut dyn FnMut(&SeriesKey, SeriesTold<'_>),
    ) {
        let key = self.own_key(family, series);
        match &series.value {
            Value::Counter { sum, .. } => tell(&key, SeriesTold::Count(*sum)),
            Value::Gauge { last, .. } => tell(&key, SeriesTold::Level(*last)),
            Value::Trend(trend) => tell(&key, SeriesTold::Numbers(trend)),
            Value::Rate { count, nonzero } => {
                for (outcome, count) in [("nonzero", *nonzero), ("zero", count - nonzero)] {
                    let mut key = key.clone();
                    key.labels.push(("outcome".into(), outcome.to_owned()));
                    tell(&key, SeriesTold::Count(count as f64));
                }
            }
        }
    }

    fn own_key(&mut self, family: &'static str, series: &Series) -> SeriesKey {
        let metric = ("metric".into(), shown(&series.metric));
        let mut labels = vec![metric.clone()];
        for (name, value) in &*series.tags {
            let name = label_name(name, &labels);
            labels.push((name.into(), shown(value)));
        }
        let key = SeriesKey { family, labels };
        if self.own.contains(&key) {
            return key;
        }
        if self.own.len() == MAX_OWN {
            let other = (OTHER.into(), "true".to_owned());
            return SeriesKey { family, labels: vec![metric, other] };
        }
        self.own.insert(key.clone());
        key
    }

    fn key(&mut self, family: &Family, values: &[&str]) -> SeriesKey {
        let told_apart = |(label, value): (&catalogue::Label, &&str)| {
            if *label != TRANSACTION {
                return (label.name.into(), shown(value));
            }
            if !self.transactions.contains(*value) {
                if self.transactions.len() == MAX_TRANSACTIONS {
                    return (label.name.into(), OTHER.to_owned());
                }
                self.transactions.insert((*value).to_owned());
            }
            (label.name.into(), shown(value))
        };
        let labels = family.labels.iter().zip(values).map(told_apart).collect();
        SeriesKey { family: family.name, labels }
    }
}

impl SeriesInFrame {
    fn of(told: SeriesTold<'_>) -> Self {
        match told {
            SeriesTold::Count(count) => Self::Count(count),
            SeriesTold::Times(times) => Self::Times(times.clone()),
            SeriesTold::Numbers(numbers) => Self::Numbers(numbers.clone()),
            SeriesTold::Level(level) => Self::Level(level),
        }
    }
}

/// The labels that all series of a run have.
pub(crate) fn labels_of_run(run: &str, scenario: &str) -> [(Cow<'static, str>, String); 2] {
    [("run".into(), shown(run)), ("scenario".into(), shown(scenario))]
}

/// A value comes from a scenario as it is, and a receiver may show it at a terminal.
fn shown(value: &str) -> String {
    line(value).to_string()
}

/// A tag's name as all receivers take it, and as no other label of its series is called.
fn label_name(tag: &str, taken: &[(Cow<'static, str>, String)]) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let mut name: String = tag.chars().map(plain).collect();
    // Two underscores in front are Prometheus' own.
    let is_taken = RESERVED.contains(&&*name) || name.starts_with("__");
    if is_taken || name.chars().next().is_none_or(|first| first.is_ascii_digit()) {
        name.insert_str(0, "tag_");
    }
    while taken.iter().any(|(other, _)| *other == name) {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use swell_core::RunInstant;
    use swell_core::control::Limiter;
    use swell_core::record::{
        MetricKind, Recorder, RunPhase, Snapshot, TransactionEnd, TransactionTimes,
    };
    use swell_report::Status;
    use swell_report::record::Moment;

    use super::*;
    use crate::samples::frame;

    fn with_counted(counted: Snapshot) -> Frame {
        Frame { counted, ..(*frame(0, 0)).clone() }
    }

    fn text(key: &SeriesKey) -> String {
        let labels = key.labels.iter().map(|(name, value)| format!("{name}={value}"));
        format!("{} {}", key.family, labels.collect::<Vec<_>>().join(","))
    }

    /// A metric that a scenario set: its name and kind, a value and its tags.
    type SetMetric<'a> = (&'a str, MetricKind, f64, &'a [(&'a str, &'a str)]);

    /// A second in which a scenario set these metrics.
    fn metrics(set: &[SetMetric<'_>]) -> Frame {
        let mut recorder = Recorder::new(RunInstant::START);
        for (phase, at) in [(RunPhase::WarmUp, 1), (RunPhase::Measured, 2)] {
            for (name, kind, value, tags) in set {
                let metric = recorder.define_metric(name, *kind).unwrap();
                recorder.metric(phase, RunInstant::from_nanos(at), metric, *value, tags);
            }
        }
        let until = RunInstant::START + Duration::from_secs(1);
        with_counted(recorder.take_window(until, Snapshot::default()))
    }

    #[test]
    fn each_family_is_told_once_it_has_something_to_say() {
        let mut recorder = Recorder::new(RunInstant::START);
        let page = recorder.define("page").unwrap();
        recorder.begun(page, RunInstant::START, true);
        let times = TransactionTimes::unpaced(RunInstant::START, RunInstant::from_nanos(9_000));
        recorder.ended(page, &times, true, TransactionEnd::Ok);
        let until = RunInstant::START + Duration::from_secs(1);
        let frame = with_counted(recorder.take_window(until, Snapshot::default()));
        let all = RunSeries::default().in_frame(&frame);
        let of_page = all
            .iter()
            .find(|(key, _)| text(key) == "swell_response_seconds transaction=page")
            .map(|(_, told)| told.clone());
        let Some(SeriesInFrame::Times(times)) = of_page else { panic!("{of_page:?}") };
        assert_eq!(times.count(), 1, "what ended well, failed and was cut off is one series");
        for name in ["swell_requests_total outcome=ok", "swell_users "] {
            assert!(all.keys().any(|key| text(key) == name), "{name}");
        }
        assert!(families().any(|family| family.name == "swell_own_trend"));
    }

    #[test]
    fn own_metrics_have_their_tags_under_names_that_all_receivers_take() {
        let tags: &[(&str, &str)] =
            &[("a-b", "1"), ("a_b", "2"), ("run", "3"), ("9", "4"), ("", "\u{1b}[2J")];
        let all = RunSeries::default().in_frame(&metrics(&[
            ("euros", MetricKind::Counter, 0.25, tags),
            ("level", MetricKind::Gauge, 7.0, &[]),
            ("hit", MetricKind::Rate, 1.0, &[]),
            ("size", MetricKind::Trend, 100.0, &[]),
        ]));
        let own: Vec<(String, &SeriesInFrame)> = all
            .iter()
            .filter(|(key, _)| key.family.starts_with("swell_own"))
            .map(|(key, told)| (text(key), told))
            .collect();
        let rates = ["metric=hit,outcome=nonzero", "metric=hit,outcome=zero"];
        for (rate, (told, count)) in rates.into_iter().zip([(0, 2.0), (1, 0.0)]) {
            let expected = (format!("swell_own_rate_total {rate}"), &SeriesInFrame::Count(count));
            assert_eq!(own[told], expected);
        }
        let euros = "swell_own_total metric=euros,tag_=\\u{1b}[2J,tag_9=4,a_b=1,a_b_=2,tag_run=3";
        assert_eq!(own[2], (euros.to_owned(), &SeriesInFrame::Count(0.5)));
        let SeriesInFrame::Numbers(sizes) = own[3].1 else { panic!("{own:?}") };
        assert_eq!((sizes.count(), sizes.sum()), (2, 200.0));
        let level = ("swell_own_value metric=level".to_owned(), &SeriesInFrame::Level(7.0));
        assert_eq!(own[4], level);
    }

    #[test]
    fn series_beyond_the_most_are_told_together() {
        let names: Vec<String> = (0..MAX_OWN + 7).map(|number| number.to_string()).collect();
        let tags: Vec<[(&str, &str); 1]> = names.iter().map(|name| [("n", &**name)]).collect();
        let set: Vec<SetMetric<'_>> =
            tags.iter().map(|tags| ("x", MetricKind::Counter, 1.0, &tags[..])).collect();
        let all = RunSeries::default().in_frame(&metrics(&set));
        let others = all.iter().find(|(key, _)| text(key).ends_with("metric=x,other=true"));
        assert_eq!(others.map(|(_, told)| told), Some(&SeriesInFrame::Count(14.0)));
    }

    #[test]
    fn a_level_that_is_not_so_any_more_is_zero() {
        let mut series = RunSeries::default();
        let limited = |limited_by| {
            Frame::empty(Moment::of(&Status { limited_by, users: 5, ..Status::default() }))
        };
        let level = |all: &BTreeMap<SeriesKey, SeriesInFrame>, name: &str| {
            all.iter().find(|(key, _)| text(key) == name).map(|(_, told)| told.clone())
        };
        let name = "swell_tps_limited by=service";
        let all = series.in_frame(&limited(Some(Limiter::Service)));
        assert_eq!(level(&all, name), Some(SeriesInFrame::Level(1.0)));
        let all = series.in_frame(&limited(None));
        assert_eq!(level(&all, name), Some(SeriesInFrame::Level(0.0)));
        assert_eq!(level(&all, "swell_users "), Some(SeriesInFrame::Level(5.0)));
    }
}
