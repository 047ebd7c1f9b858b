//! The scenario's own metrics: counters, gauges, rates and trends, each split into series by tags.
//!
//! A series is found by one text, made of its metric's name and its sorted tags, in a buffer that
//! is used again. So a value for a known series allocates nothing, and merging needs no numbers on
//! which threads would have to agree.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::metric_kind::MetricKind;
use super::names::{MAX_NAME_LEN, MAX_NAMES};
use super::trend::Trend;
use crate::RunInstant;
use crate::travel::{self, AtMost, Refused};

/// The most series over all metrics and tags. At some hundred bytes each, a report can still be
/// read and a merge is still cheap.
pub const MAX_SERIES: usize = 10_000;
/// The most series, with those of each metric's "other" tag.
const MAX_SERIES_WITH_OTHER: usize = MAX_SERIES + MAX_NAMES;
/// The most bytes of a series' name, its metric and its tags together: more than a row of a report
/// can show.
pub const MAX_SERIES_NAME_LEN: usize = 4_096;
/// The most bytes of the names of all series together: 200 for each of the most series. Each thread
/// has two windows with their names and tags, so that with the series themselves a thread needs 15
/// MB at the most.
pub const MAX_NAMES_BYTES: usize = 2 << 20;
/// The same with those of each metric's "other" tag.
const MAX_NAMES_BYTES_WITH_OTHER: usize = MAX_NAMES_BYTES + MAX_NAMES * (MAX_NAME_LEN + 32);

/// The tag of a series that takes the values of further series: those for which there is no room,
/// and those whose names are too long.
const OTHER: &[(&str, &str)] = &[("other", "true")];

/// All series of a scenario's own metrics.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "SentMetrics")]
pub struct Metrics {
    series: BTreeMap<Arc<str>, Series>,
    /// The number of bytes of all their names.
    name_bytes: usize,
    /// Values that were left out: they were no number, infinite, or negative for a counter; their
    /// metric was beyond the most names that all threads and nodes may have; or the metric has
    /// another kind on another node.
    pub ignored: u64,
}

/// The values of one metric that carry the same tags.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SentSeries")]
pub struct Series {
    /// The metric's name.
    #[serde(serialize_with = "travel::text")]
    pub metric: Arc<str>,
    /// Names and values of the tags, sorted by name. All snapshots into which the series was merged
    /// share them.
    #[serde(serialize_with = "travel::list")]
    pub tags: Arc<[(Box<str>, Box<str>)]>,
    /// The values.
    pub value: Value,
}

/// The values of a series, as its kind keeps them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SentValue")]
pub enum Value {
    /// Their sum.
    Counter {
        /// How many were added.
        count: u64,
        /// What they add up to.
        sum: f64,
    },
    /// The last of them.
    Gauge {
        /// How many values were set.
        count: u64,
        /// When the last one was set.
        at: RunInstant,
        /// The last value; of two that were set at the same instant, the greater.
        last: f64,
        /// The least value.
        min: f64,
        /// The greatest value.
        max: f64,
    },
    /// How many values were not zero.
    Rate {
        /// How many were seen.
        count: u64,
        /// How many were not zero.
        nonzero: u64,
    },
    /// The distribution of the values.
    Trend(Trend),
}

impl Metrics {
    /// The series that have values. Those of one metric stand together.
    pub fn iter(&self) -> impl Iterator<Item = &Series> {
        self.series.values().filter(|series| series.value.count() > 0)
    }

    /// All series of a metric together; `None` when it has no values.
    pub fn total(&self, metric: &str) -> Option<Value> {
        self.iter()
            .filter(|series| &*series.metric == metric)
            .map(|series| series.value.clone())
            .reduce(|mut total, value| {
                _ = total.merge(&value);
                total
            })
    }

    /// Adds the values of `other`.
    pub fn merge(&mut self, other: &Self) {
        // The bytes of names are counted when series are added.
        let Self { series, name_bytes: _, ignored } = other;
        let mut key = KeyBuffer::default();
        for (name, theirs) in series.iter().filter(|(_, series)| series.value.count() > 0) {
            if let Some(mine) = self.series.get_mut(name) {
                self.ignored += mine.value.merge(&theirs.value);
            } else if self.has_room_for(name) {
                self.insert(Arc::clone(name), theirs.clone());
            } else if self.series.len() < MAX_SERIES_WITH_OTHER
                || self.series.contains_key(key.of(&theirs.metric, OTHER))
            {
                self.ignored += self
                    .series_of(&theirs.metric, theirs.value.kind(), OTHER, &mut key)
                    .merge(&theirs.value);
            } else {
                self.ignored += theirs.value.count();
            }
        }
        self.ignored += ignored;
    }

    /// Forgets all values; series and memory stay.
    pub fn clear(&mut self) {
        self.series.values_mut().for_each(|series| series.value.clear());
        self.ignored = 0;
    }

    /// Leaves all values out; they count as ignored.
    pub fn leave_out(&mut self) {
        self.ignored += self.iter().map(|series| series.value.count()).sum::<u64>();
        self.series.clear();
        self.name_bytes = 0;
    }

    fn has_room_for(&self, name: &str) -> bool {
        name.len() <= MAX_SERIES_NAME_LEN
            && self.series.len() < MAX_SERIES
            && self.name_bytes + name.len() <= MAX_NAMES_BYTES
    }

    fn insert(&mut self, name: Arc<str>, series: Series) {
        self.name_bytes += name.len();
        self.series.insert(name, series);
    }

    pub(super) fn record(
        &mut self,
        (metric, kind): &(Arc<str>, MetricKind),
        at: RunInstant,
        value: f64,
        tags: &[(&str, &str)],
        key: &mut KeyBuffer,
    ) {
        if !value.is_finite() || (*kind == MetricKind::Counter && value < 0.0) {
            self.ignored += 1;
            return;
        }
        // Nearly every value is for a known series, which one search finds.
        if let Some(known) = self.series.get_mut(key.of(metric, tags)) {
            known.value.record(at, value);
        } else {
            self.series_of(metric, *kind, tags, key).record(at, value);
        }
    }

    /// The values of the series with these tags. Where there is no room for another series, or its
    /// name is too long, the values of the metric's "other" series.
    fn series_of(
        &mut self,
        metric: &Arc<str>,
        kind: MetricKind,
        tags: &[(&str, &str)],
        key: &mut KeyBuffer,
    ) -> &mut Value {
        let name = key.of(metric, tags);
        if !self.series.contains_key(name) {
            if tags != OTHER && !self.has_room_for(name) {
                return self.series_of(metric, kind, OTHER, key);
            }
            let name = name.into();
            let mut sorted: Vec<(Box<str>, Box<str>)> =
                tags.iter().map(|&(name, value)| (name.into(), value.into())).collect();
            sorted.sort();
            self.insert(
                name,
                Series { metric: Arc::clone(metric), tags: sorted.into(), value: Value::new(kind) },
            );
        }
        &mut self.series.get_mut(key.text.as_str()).expect("the series was found or made").value
    }
}

impl PartialEq for Metrics {
    fn eq(&self, other: &Self) -> bool {
        self.ignored == other.ignored && self.iter().eq(other.iter())
    }
}

impl Value {
    fn new(kind: MetricKind) -> Self {
        match kind {
            MetricKind::Counter => Self::Counter { count: 0, sum: 0.0 },
            MetricKind::Gauge => {
                Self::Gauge { count: 0, at: RunInstant::START, last: 0.0, min: 0.0, max: 0.0 }
            }
            MetricKind::Rate => Self::Rate { count: 0, nonzero: 0 },
            MetricKind::Trend => Self::Trend(Trend::default()),
        }
    }

    /// The kind of metric to which this value belongs.
    pub const fn kind(&self) -> MetricKind {
        match self {
            Self::Counter { .. } => MetricKind::Counter,
            Self::Gauge { .. } => MetricKind::Gauge,
            Self::Rate { .. } => MetricKind::Rate,
            Self::Trend(_) => MetricKind::Trend,
        }
    }

    /// How many values were recorded.
    pub const fn count(&self) -> u64 {
        match self {
            Self::Counter { count, .. } | Self::Gauge { count, .. } | Self::Rate { count, .. } => {
                *count
            }
            Self::Trend(trend) => trend.count(),
        }
    }

    /// Adds one value.
    fn record(&mut self, now: RunInstant, value: f64) {
        match self {
            Self::Counter { count, sum } => {
                *count += 1;
                *sum += value;
            }
            Self::Gauge { .. } => {
                _ = self.merge(&Self::Gauge {
                    count: 1,
                    at: now,
                    last: value,
                    min: value,
                    max: value,
                })
            }
            Self::Rate { count, nonzero } => {
                *count += 1;
                *nonzero += u64::from(value != 0.0);
            }
            Self::Trend(trend) => trend.record(value),
        }
    }

    /// Adds the values of `other`, and returns how many it left out because they are of another
    /// kind. A scenario that gives one name two kinds is refused when it defines the second, but
    /// nodes may have different ones.
    fn merge(&mut self, other: &Self) -> u64 {
        match (self, other) {
            (Self::Counter { count, sum }, Self::Counter { count: n, sum: more }) => {
                *count += n;
                *sum += more;
            }
            (Self::Rate { count, nonzero }, Self::Rate { count: n, nonzero: more }) => {
                *count += n;
                *nonzero += more;
            }
            (Self::Trend(trend), Self::Trend(more)) => trend.merge(more),
            (mine @ Self::Gauge { count: 0, .. }, theirs @ Self::Gauge { .. }) => {
                mine.clone_from(theirs)
            }
            (
                Self::Gauge { count, at, last, min, max },
                &Self::Gauge {
                    count: n @ 1..,
                    at: their_at,
                    last: their_last,
                    min: their_min,
                    max: their_max,
                },
            ) => {
                if (their_at, their_last) >= (*at, *last) {
                    (*at, *last) = (their_at, their_last);
                }
                (*count, *min, *max) = (*count + n, min.min(their_min), max.max(their_max));
            }
            (_, other) => return other.count(),
        }
        0
    }

    fn clear(&mut self) {
        match self {
            Self::Trend(trend) => trend.clear(),
            other => *other = Self::new(other.kind()),
        }
    }
}

/// Metrics as they were sent: the text of each series is put together anew.
#[derive(Deserialize)]
struct SentMetrics {
    series: AtMost<Series, MAX_SERIES_WITH_OTHER>,
    #[serde(deserialize_with = "travel::count")]
    ignored: u64,
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct SentParts<'a> {
            series: Vec<&'a Series>,
            ignored: u64,
        }
        SentParts { series: self.iter().collect(), ignored: self.ignored }.serialize(serializer)
    }
}

impl TryFrom<SentMetrics> for Metrics {
    type Error = Refused;

    fn try_from(
        SentMetrics { series: AtMost(all), ignored }: SentMetrics,
    ) -> Result<Self, Refused> {
        let (mut metrics, mut key) = (Self { ignored, ..Self::default() }, KeyBuffer::default());
        for one in all {
            let tags: Vec<(&str, &str)> =
                one.tags.iter().map(|(name, value)| (&**name, &**value)).collect();
            let name = key.of(&one.metric, &tags);
            travel::length(name, MAX_SERIES_NAME_LEN)?;
            if metrics.series.contains_key(name) {
                return Err(Refused::Order);
            }
            metrics.insert(name.into(), one);
            if metrics.name_bytes > MAX_NAMES_BYTES_WITH_OTHER {
                return Err(Refused::Length(metrics.name_bytes));
            }
        }
        Ok(metrics)
    }
}

/// A series as it was sent.
#[derive(Deserialize)]
struct SentSeries {
    metric: Box<str>,
    tags: Vec<(Box<str>, Box<str>)>,
    value: Value,
}

impl TryFrom<SentSeries> for Series {
    type Error = Refused;

    fn try_from(SentSeries { metric, tags, value }: SentSeries) -> Result<Self, Refused> {
        travel::length(&metric, MAX_NAME_LEN)?;
        if metric.is_empty() || value.count() == 0 {
            return Err(Refused::Empty);
        }
        if tags.is_sorted() {
            Ok(Self { metric: metric.into(), tags: tags.into(), value })
        } else {
            Err(Refused::Order)
        }
    }
}

/// A value as it was sent.
#[derive(Deserialize)]
enum SentValue {
    Counter {
        #[serde(deserialize_with = "travel::count")]
        count: u64,
        sum: f64,
    },
    Gauge {
        #[serde(deserialize_with = "travel::count")]
        count: u64,
        at: RunInstant,
        last: f64,
        min: f64,
        max: f64,
    },
    Rate {
        #[serde(deserialize_with = "travel::count")]
        count: u64,
        nonzero: u64,
    },
    Trend(Trend),
}

impl TryFrom<SentValue> for Value {
    type Error = Refused;

    /// Finite numbers may add up to an infinite sum.
    fn try_from(sent: SentValue) -> Result<Self, Refused> {
        Ok(match sent {
            SentValue::Counter { count, sum } if sum >= 0.0 => Self::Counter { count, sum },
            SentValue::Gauge { count, at, last, min, max }
                if min <= last && last <= max && min.is_finite() && max.is_finite() =>
            {
                Self::Gauge { count, at, last, min, max }
            }
            SentValue::Rate { count, nonzero } if nonzero <= count => Self::Rate { count, nonzero },
            SentValue::Trend(trend) => Self::Trend(trend),
            _ => return Err(Refused::Samples),
        })
    }
}

/// Where the text that names a series is put together.
#[derive(Debug, Default)]
pub(super) struct KeyBuffer {
    text: String,
    order: Vec<usize>,
}

impl KeyBuffer {
    /// The text of a metric and its tags, which does not depend on the tags' order. Lengths keep
    /// names apart, whatever characters they contain.
    fn of(&mut self, metric: &str, tags: &[(&str, &str)]) -> &str {
        self.text.clear();
        self.push(metric);
        if let [(name, value)] = tags {
            self.push(name);
            self.push(value);
            return &self.text;
        }
        self.order.clear();
        self.order.extend(0..tags.len());
        self.order.sort_unstable_by_key(|&index| tags[index]);
        for place in 0..self.order.len() {
            let (name, value) = tags[self.order[place]];
            self.push(name);
            self.push(value);
        }
        &self.text
    }

    fn push(&mut self, part: &str) {
        push_number(&mut self.text, part.len());
        self.text.push(':');
        self.text.push_str(part);
    }
}

/// Adds a number in decimal digits. By `write!` it would take more than half of what it takes to
/// record a value.
fn push_number(text: &mut String, number: usize) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(
        metrics: &mut Metrics,
        name: &str,
        kind: MetricKind,
        at: u64,
        value: f64,
        tags: &[(&str, &str)],
    ) {
        metrics.record(
            &(name.into(), kind),
            RunInstant::from_nanos(at),
            value,
            tags,
            &mut KeyBuffer::default(),
        );
    }

    #[test]
    fn the_order_of_tags_does_not_matter_and_their_borders_do() {
        let mut metrics = Metrics::default();
        record(&mut metrics, "hits", MetricKind::Counter, 0, 1.0, &[("a", "1"), ("b", "2")]);
        record(&mut metrics, "hits", MetricKind::Counter, 0, 2.0, &[("b", "2"), ("a", "1")]);
        record(&mut metrics, "hits", MetricKind::Counter, 0, 4.0, &[("a", "1b"), ("", "2")]);
        let sums: Vec<&Value> = metrics.iter().map(|series| &series.value).collect();
        assert_eq!(sums.len(), 2);
        assert!(sums.contains(&&Value::Counter { count: 2, sum: 3.0 }));
        assert_eq!(metrics.total("hits"), Some(Value::Counter { count: 3, sum: 7.0 }));
        assert_eq!(metrics.total("misses"), None);
    }

    #[test]
    fn the_lengths_in_a_series_name_are_decimal() {
        let mut key = KeyBuffer::default();
        assert_eq!(key.of("", &[]), "0:");
        let (nine, ten, many) = ("x".repeat(9), "x".repeat(10), "x".repeat(4_096));
        assert_eq!(
            key.of(&nine, &[(&ten, &many), ("a", "é")]),
            format!("9:{nine}1:a2:é10:{ten}4096:{many}")
        );
    }

    #[test]
    fn series_beyond_the_most_are_kept_together() {
        let mut metrics = Metrics::default();
        for i in 0..MAX_SERIES + 5 {
            record(&mut metrics, "hits", MetricKind::Counter, 0, 1.0, &[("i", &i.to_string())]);
        }
        let other = metrics
            .iter()
            .find(|series| series.tags[0] == ("other".into(), "true".into()))
            .expect("there is an overflow series");
        assert_eq!(other.value, Value::Counter { count: 5, sum: 5.0 });

        let mut more = Metrics::default();
        record(&mut more, "hits", MetricKind::Counter, 0, 1.0, &[("i", "unheard of")]);
        metrics.merge(&more);
        assert_eq!(
            metrics.total("hits"),
            Some(Value::Counter { count: MAX_SERIES as u64 + 6, sum: MAX_SERIES as f64 + 6.0 })
        );
        assert_eq!(metrics.iter().count(), MAX_SERIES + 1);
    }

    #[test]
    fn tags_that_are_too_long_are_kept_together() {
        let mut metrics = Metrics::default();
        for length in [MAX_SERIES_NAME_LEN - 20, MAX_SERIES_NAME_LEN, MAX_SERIES_NAME_LEN + 1] {
            record(
                &mut metrics,
                "hits",
                MetricKind::Counter,
                0,
                1.0,
                &[("body", &"x".repeat(length))],
            );
        }
        let values: Vec<(&str, u64)> =
            metrics.iter().map(|series| (&*series.tags[0].0, series.value.count())).collect();
        assert_eq!(values, [("body", 1), ("other", 2)]);
    }

    #[test]
    fn series_whose_names_are_long_are_kept_together_before_they_take_much_memory() {
        let mut metrics = Metrics::default();
        let tag = "x".repeat(4_000);
        for i in 0..MAX_SERIES {
            record(
                &mut metrics,
                "hits",
                MetricKind::Counter,
                0,
                1.0,
                &[("body", &format!("{i} {tag}"))],
            );
        }
        let kept = metrics.iter().count();
        assert!(
            (500..530).contains(&kept) && metrics.name_bytes <= MAX_NAMES_BYTES + 100,
            "{kept} with {} bytes",
            metrics.name_bytes
        );
        assert_eq!(
            metrics.total("hits"),
            Some(Value::Counter { count: MAX_SERIES as u64, sum: MAX_SERIES as f64 })
        );
        let mut total = Metrics::default();
        let mut more = Metrics::default();
        record(&mut more, "hits", MetricKind::Counter, 0, 1.0, &[("body", &tag)]);
        [&more, &metrics].into_iter().for_each(|part| total.merge(part));
        assert_eq!(
            (total.iter().count(), total.total("hits").map(|value| value.count())),
            (kept, Some(MAX_SERIES as u64 + 1))
        );
        let sent: Metrics = postcard::from_bytes(&postcard::to_stdvec(&total).unwrap()).unwrap();
        assert_eq!((&sent, sent.name_bytes), (&total, total.name_bytes));
    }

    #[test]
    fn what_is_no_number_is_ignored_and_counted() {
        let mut metrics = Metrics::default();
        record(&mut metrics, "hits", MetricKind::Counter, 0, -1.0, &[]);
        record(&mut metrics, "level", MetricKind::Gauge, 0, f64::NAN, &[]);
        record(&mut metrics, "size", MetricKind::Trend, 0, f64::INFINITY, &[]);
        assert_eq!((metrics.ignored, metrics.iter().count()), (3, 0));
    }

    #[test]
    fn the_latest_value_of_a_gauge_wins_in_whatever_order_threads_are_merged() {
        let (mut early, mut late) = (Metrics::default(), Metrics::default());
        record(&mut early, "level", MetricKind::Gauge, 10, 5.0, &[]);
        record(&mut late, "level", MetricKind::Gauge, 20, 3.0, &[]);
        let (mut one, mut other) = (early.clone(), late.clone());
        one.merge(&late);
        other.merge(&early);
        assert_eq!(one, other);
        let expected = Value::Gauge {
            count: 2,
            at: RunInstant::from_nanos(20),
            last: 3.0,
            min: 3.0,
            max: 5.0,
        };
        assert_eq!(one.total("level"), Some(expected));
    }

    #[test]
    fn values_of_another_kind_are_ignored_and_counted() {
        let (mut metrics, mut other) = (Metrics::default(), Metrics::default());
        record(&mut metrics, "hits", MetricKind::Counter, 0, 2.0, &[]);
        (0..3).for_each(|_| record(&mut other, "hits", MetricKind::Trend, 0, 1.0, &[]));
        metrics.merge(&other);
        assert_eq!(
            (metrics.total("hits"), metrics.ignored),
            (Some(Value::Counter { count: 1, sum: 2.0 }), 3)
        );
    }

    #[test]
    fn clearing_keeps_series_that_no_longer_show() {
        let mut metrics = Metrics::default();
        record(&mut metrics, "ok", MetricKind::Rate, 0, 1.0, &[]);
        metrics.clear();
        assert_eq!(metrics, Metrics::default());
        record(&mut metrics, "ok", MetricKind::Rate, 0, 0.0, &[]);
        assert_eq!(metrics.total("ok"), Some(Value::Rate { count: 1, nonzero: 0 }));
    }
}
