//! Durations of many samples: percentiles from a histogram, everything that can be exact beside it.
//!
//! ## Why its own count, sum, least and greatest
//! The buckets hold three significant digits, from 1 µs to 1 h: enough for a percentile, because
//! repeated runs differ by more; too coarse for the mean of lags of some microseconds, and for the
//! one request that took longest. So the count, the sum, the shortest and the longest time are kept
//! exactly, and a percentile never leaves the range of what was seen.
//!
//! ## Why samples are listed first
//! A run may have a thousand names, each with a row in every window of every thread, and most rows
//! see a few samples in the 200 ms of a window. So the first [`LISTED`] samples are kept as a list
//! of their buckets, two bytes each. Only when there are more are they counted by bucket, in
//! [`Pages`] of neighbouring buckets. A page is made when one of its buckets is met: times of one
//! kind lie within some doublings, and take a tenth of the memory that all 24,576 buckets would.
//!
//! ## How a histogram travels
//! A histogram travels as the buckets that have samples, beside the four exact figures; without
//! samples it is one byte. A reader accepts it only if some samples could have made it. It stays as
//! it came until a sample is added to it: most histograms are merged once and dropped.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::buckets::{BUCKETS, bucket_of, counted_in, longest_in};
use super::pages::Pages;
use super::sum::Summand;
use crate::travel::{self, Refused, Sparse};

/// How many samples are listed, in four kilobytes, before they are counted by bucket: 10,000 a
/// second of one name on one thread.
const LISTED: usize = 2_048;

/// How many samples must lie beyond a percentile before a report shows it.
///
/// A percentile that is read from `n` samples is the order statistic of rank `np`. Its 95 %
/// confidence interval reaches about two standard deviations of the binomial count of samples
/// beyond it, 2·√(n(1 − p)) ranks, to both sides (Le Boudec, *Performance Evaluation of Computer
/// and Communication Systems*, section 2.2). With ten samples beyond, that interval still ends
/// inside what was seen; with fewer it soon reaches the maximum, and the figure is one of luck.
const SAMPLES_BEYOND: f64 = 10.0;

/// Durations, merged without loss from threads, windows and nodes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Option<SentHistogram>")]
pub struct Histogram {
    samples: Samples,
    count: u64,
    sum_ns: u128,
    min_ns: u64,
    max_ns: u64,
}

/// Which buckets the samples are in.
#[derive(Clone, Debug)]
enum Samples {
    /// The bucket of each sample, in the order in which they came.
    Listed(Vec<u16>),
    /// The number and the count of each bucket that has samples, in the order of the buckets, as
    /// another thread or node sent them.
    SentHistogram(Box<[(u32, u64)]>),
    /// Counts by bucket.
    Counted(Box<Pages>),
}

impl Default for Samples {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl Samples {
    /// Adds one sample: done ten times for a transaction, where each instruction of the general way
    /// tells.
    fn add_one(&mut self, bucket: u32) {
        match self {
            Self::Counted(pages) => pages.add_one(bucket),
            Self::Listed(list) if list.len() < LISTED => list.push(bucket as u16),
            _ => self.counted().add_one(bucket),
        }
    }

    fn add(&mut self, bucket: u32, count: u64) {
        match self {
            Self::Counted(pages) => pages.add(bucket, count),
            Self::Listed(list) if (LISTED - list.len()) as u64 >= count => {
                list.extend(std::iter::repeat_n(bucket as u16, count as usize))
            }
            _ => self.counted().add(bucket, count),
        }
    }

    fn merge(&mut self, other: &Self) {
        match other {
            Self::Listed(list) => list.iter().for_each(|&bucket| self.add_one(u32::from(bucket))),
            Self::SentHistogram(counts) => {
                counts.iter().for_each(|&(bucket, count)| self.add(bucket, count))
            }
            Self::Counted(theirs) => self.counted().merge(theirs),
        }
    }

    /// Counts by bucket, with room for any sample.
    #[cold]
    fn counted(&mut self) -> &mut Pages {
        if !matches!(self, Self::Counted(_)) {
            let mut pages = Box::<Pages>::default();
            self.by_bucket().iter().for_each(|&(bucket, count)| pages.add(bucket, count));
            *self = Self::Counted(pages);
        }
        let Self::Counted(pages) = self else { unreachable!("it has just been made so") };
        pages
    }

    /// Forgets all samples and keeps the memory of those that were counted here.
    fn clear(&mut self) {
        match self {
            Self::Listed(list) => list.clear(),
            Self::SentHistogram(_) => *self = Self::default(),
            Self::Counted(pages) => pages.clear(),
        }
    }

    /// How many samples share each bucket that has any, in their order.
    fn by_bucket(&self) -> Cow<'_, [(u32, u64)]> {
        match self {
            Self::Listed(list) => {
                let mut sorted = list.clone();
                sorted.sort_unstable();
                sorted
                    .chunk_by(|one, other| one == other)
                    .map(|same| (u32::from(same[0]), same.len() as u64))
                    .collect()
            }
            Self::SentHistogram(counts) => Cow::Borrowed(counts),
            Self::Counted(pages) => pages.iter().collect(),
        }
    }
}

impl Histogram {
    /// Counts one sample. Allocates while the list of samples grows, and then when a sample is far
    /// from all before it.
    pub fn record(&mut self, sample: Duration) {
        let ns = sample
            .as_secs()
            .saturating_mul(1_000_000_000)
            .saturating_add(u64::from(sample.subsec_nanos()));
        self.samples.add_one(counted_in(ns));
        self.min_ns = if self.count == 0 { ns } else { self.min_ns.min(ns) };
        self.max_ns = self.max_ns.max(ns);
        self.sum_ns += u128::from(ns);
        self.count += 1;
    }

    /// Counts the same sample `samples` times.
    pub fn record_many(&mut self, sample: Duration, samples: u64) {
        if samples == 0 {
            return;
        }
        let ns = u64::try_from(sample.as_nanos()).unwrap_or(u64::MAX);
        self.samples.add(counted_in(ns), samples);
        self.min_ns = if self.count == 0 { ns } else { self.min_ns.min(ns) };
        self.max_ns = self.max_ns.max(ns);
        self.sum_ns += u128::from(ns) * u128::from(samples);
        self.count += samples;
    }

    /// The histogram that there would be if the samples of `taken`, which are in this one, had been
    /// the samples of `put`. The mean, the shortest and the longest of the other samples are then
    /// those of their buckets.
    pub fn replaced(&self, taken: &Self, put: &Self) -> Self {
        let mut left = Self::default();
        let mut taken = taken.buckets().peekable();
        for (time, count) in self.buckets() {
            while taken.next_if(|(earlier, _)| *earlier < time).is_some() {}
            let gone = taken.next_if(|(same, _)| *same == time).map_or(0, |(_, count)| count);
            left.record_many(time, count.saturating_sub(gone));
        }
        left.merge(put);
        left
    }

    /// Adds all samples of `other`. The order and the grouping of such sums do not matter.
    pub fn merge(&mut self, other: &Self) {
        let Self { samples, count, sum_ns, min_ns, max_ns } = other;
        if *count == 0 {
            return;
        }
        self.samples.merge(samples);
        self.min_ns = if self.count == 0 { *min_ns } else { self.min_ns.min(*min_ns) };
        self.max_ns = self.max_ns.max(*max_ns);
        self.sum_ns += sum_ns;
        self.count += count;
    }

    /// Forgets all samples and keeps the memory.
    pub fn clear(&mut self) {
        if self.count == 0 {
            return;
        }
        let Self { samples, count, sum_ns, min_ns, max_ns } = self;
        samples.clear();
        (*count, *sum_ns, *min_ns, *max_ns) = (0, 0, 0, 0);
    }

    /// How many samples there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether there is no sample.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The exact sum of all samples, in nanoseconds.
    pub const fn sum_ns(&self) -> u128 {
        self.sum_ns
    }

    /// The exact mean; `None` without samples.
    pub fn mean(&self) -> Option<Duration> {
        let mean = self.sum_ns.checked_div(u128::from(self.count))?;
        Some(Duration::from_nanos(u64::try_from(mean).expect("a mean of u64 fits into u64")))
    }

    /// The shortest sample, exactly; `None` without samples.
    pub fn min(&self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_nanos(self.min_ns))
    }

    /// The longest sample, exactly; `None` without samples.
    pub fn max(&self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_nanos(self.max_ns))
    }

    /// The time within which `percent` of the samples lie, to 0.1 %; `None` ("n/a") when there are
    /// too few samples to tell.
    ///
    /// There must be ten samples beyond the percentile on the side that has fewer: p50 needs 20
    /// samples, p95 200, p99 1,000, p99.9 10,000. `percent` lies between 0 and 100; at these two
    /// ends the result is the exact minimum or maximum.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        if percent <= 0.0 {
            return self.min();
        }
        if percent >= 100.0 {
            return self.max();
        }
        (self.count >= Self::samples_needed(percent)).then(|| self.read(percent))
    }

    /// How many samples were longer than `limit`, to the resolution of the buckets.
    pub fn count_above(&self, limit: Duration) -> u64 {
        let limit = bucket_of(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
        self.samples
            .by_bucket()
            .iter()
            .filter(|(bucket, _)| *bucket > limit)
            .map(|(_, count)| count)
            .sum()
    }

    /// The time within which `percent` of the samples lie, however few there are: for a decision
    /// that must be taken on what was seen, not for a report.
    ///
    /// With fewer than 1/(1 − p) samples it is the longest one; `None` without samples.
    pub fn percentile_seen(&self, percent: f64) -> Option<Duration> {
        (self.count > 0).then(|| self.read(percent))
    }

    /// How many samples a percentile between 0 and 100 needs before a report shows it.
    pub fn samples_needed(percent: f64) -> u64 {
        let beyond = percent.min(100.0 - percent) / 100.0;
        // Without the small step back, rounding would ask for 10,001 samples at p99.9.
        (SAMPLES_BEYOND / beyond - 1e-6).ceil() as u64
    }

    /// How many samples each bucket has, shortest bucket first, with the longest time that belongs
    /// to the bucket. Buckets without samples are left out.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        self.samples
            .by_bucket()
            .into_owned()
            .into_iter()
            .map(|(bucket, count)| (Duration::from_nanos(longest_in(bucket)), count))
    }

    /// The same with the number of each bucket in the layout: 2,048 buckets of 512 ns, then 1,024
    /// for each doubling.
    pub fn numbered_buckets(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.samples.by_bucket().into_owned().into_iter()
    }

    fn read(&self, percent: f64) -> Duration {
        let rank = ((percent / 100.0).min(1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        let reaches = |&&(_, count): &&(u32, u64)| {
            below += count;
            below >= rank
        };
        let found = self
            .samples
            .by_bucket()
            .iter()
            .find(reaches)
            .map_or(self.max_ns, |&(bucket, _)| longest_in(bucket));
        Duration::from_nanos(found.clamp(self.min_ns, self.max_ns))
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        let exact = |histogram: &Self| {
            (histogram.count, histogram.sum_ns, histogram.min_ns, histogram.max_ns)
        };
        exact(self) == exact(other) && self.samples.by_bucket() == other.samples.by_bucket()
    }
}

/// A histogram with samples, as it travels.
#[derive(Serialize, Deserialize)]
struct SentHistogram {
    #[serde(deserialize_with = "travel::count")]
    count: u64,
    sum_ns: u128,
    min_ns: u64,
    max_ns: u64,
    buckets: Sparse,
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { count, sum_ns, min_ns, max_ns, .. } = *self;
        let buckets = || Sparse::pack(self.samples.by_bucket().iter().copied());
        (count > 0)
            .then(|| SentHistogram { count, sum_ns, min_ns, max_ns, buckets: buckets() })
            .serialize(serializer)
    }
}

impl TryFrom<Option<SentHistogram>> for Histogram {
    type Error = Refused;

    fn try_from(sent: Option<SentHistogram>) -> Result<Self, Refused> {
        let Some(SentHistogram { count, sum_ns, min_ns, max_ns, buckets: sparse }) = sent else {
            return Ok(Self::default());
        };
        let counts = sparse.unpack(BUCKETS)?;
        // The shortest and the longest are one sample each, unless there is only one.
        let others = u128::from(count.saturating_sub(1));
        let (min, max) = (u128::from(min_ns), u128::from(max_ns));
        let is_possible = count > 0
            && counts.iter().map(|(_, count)| count).sum::<u64>() == count
            && (others * min + max..=others * max + min).contains(&sum_ns)
            && are_outermost(min_ns, max_ns, &counts);
        if !is_possible {
            return Err(Refused::Samples);
        }
        Ok(Self { samples: Samples::SentHistogram(counts.into()), count, sum_ns, min_ns, max_ns })
    }
}

/// Whether the shortest and the longest sample are in buckets that have counts, and no bucket with
/// a count is shorter or longer than theirs.
fn are_outermost(min_ns: u64, max_ns: u64, counts: &[(u32, u64)]) -> bool {
    // A time beyond all buckets is counted in the bucket of the longest time, above which there are
    // some more buckets.
    let is_beyond = |ns| bucket_of(ns) as usize >= BUCKETS;
    let bucket = counted_in;
    let is_counted = |ns| counts.binary_search_by_key(&bucket(ns), |&(bucket, _)| bucket).is_ok();
    let (Some((first, _)), Some((last, _))) = (counts.first(), counts.last()) else { return false };
    let is_none_longer = *last <= bucket(max_ns) || is_beyond(max_ns) && !is_beyond(min_ns);
    min_ns <= max_ns
        && is_counted(min_ns)
        && is_counted(max_ns)
        && *first >= bucket(min_ns).min(bucket(max_ns))
        && is_none_longer
}

impl<const N: usize> Summand for [Histogram; N] {
    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.iter_mut().zip(other) {
            mine.merge(theirs);
        }
    }

    fn clear(&mut self) {
        self.iter_mut().for_each(Histogram::clear);
    }
}

#[cfg(test)]
mod tests {
    use super::super::buckets::{MAX_NS, shortest_in};
    use super::*;
    use crate::random::Random;

    #[test]
    fn a_percentile_is_told_only_with_ten_samples_beyond_it() {
        assert_eq!(
            [50.0, 95.0, 99.0, 99.9].map(Histogram::samples_needed),
            [20, 200, 1_000, 10_000]
        );
        assert_eq!(Histogram::samples_needed(5.0), 200);
        let mut histogram = Histogram::default();
        for ms in 1..=199 {
            histogram.record(Duration::from_millis(ms));
        }
        assert_eq!(histogram.percentile(95.0), None);
        histogram.record(Duration::from_millis(200));
        let p95 = histogram.percentile(95.0).expect("200 samples are enough");
        assert!((p95.as_secs_f64() - 0.190).abs() < 0.000_2, "{p95:?}");
    }

    #[test]
    fn samples_are_replaced_by_others_and_the_rest_stays() {
        let of = |all: &[(u64, u64)]| {
            let mut histogram = Histogram::default();
            all.iter()
                .for_each(|&(ms, count)| histogram.record_many(Duration::from_millis(ms), count));
            histogram
        };
        let all = of(&[(1, 90), (500, 6), (3_000, 4)]);
        let left = all.replaced(&of(&[(500, 5), (3_000, 4), (9_000, 2)]), &of(&[(2, 9)]));
        let near = |time: Duration| (time.as_secs_f64() * 1e3).round() as u64;
        assert_eq!(
            left.buckets().map(|(time, count)| (near(time), count)).collect::<Vec<_>>(),
            [(1, 90), (2, 9), (500, 1)]
        );
        assert_eq!(all.replaced(&Histogram::default(), &Histogram::default()).count(), 100);
        assert_eq!(of(&[(5, 0)]), Histogram::default());
    }

    #[test]
    fn without_samples_nothing_is_known() {
        let histogram = Histogram::default();
        assert_eq!((histogram.min(), histogram.max(), histogram.mean()), (None, None, None));
        assert_eq!(
            (histogram.percentile(0.0), histogram.percentile(50.0), histogram.percentile(100.0)),
            (None, None, None)
        );
        assert_eq!(histogram.buckets().count(), 0);
    }

    #[test]
    fn least_greatest_and_mean_are_exact_beyond_the_bounds_of_the_buckets() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_nanos(7));
        histogram.record(Duration::from_secs(2 * 3_600));
        assert_eq!(histogram.min(), Some(Duration::from_nanos(7)));
        assert_eq!(histogram.max(), Some(Duration::from_secs(2 * 3_600)));
        assert_eq!(histogram.sum_ns(), 7_200_000_000_007);
        assert_eq!(histogram.buckets().map(|(_, count)| count).sum::<u64>(), 2);
    }

    #[test]
    fn a_percentile_never_leaves_what_was_seen() {
        let mut histogram = Histogram::default();
        for _ in 0..1_000 {
            histogram.record(Duration::from_nanos(1_234_567));
        }
        assert_eq!(histogram.percentile(99.0), Some(Duration::from_nanos(1_234_567)));
        assert_eq!(histogram.percentile(1.0), Some(Duration::from_nanos(1_234_567)));
    }

    #[test]
    fn a_thousand_partitions_merge_to_the_same_whole() {
        let mut random = Random::stream(1, 0);
        let samples: Vec<Duration> =
            (0..300).map(|_| Duration::from_nanos(random.next() >> random.below(64))).collect();
        let mut whole = Histogram::default();
        samples.iter().for_each(|&sample| whole.record(sample));
        let mut parts = vec![Histogram::default(); 6];
        for partition in 0..1_000 {
            parts.iter_mut().for_each(Histogram::clear);
            samples.iter().for_each(|&sample| parts[random.below(6) as usize].record(sample));
            // Two ways to group the samples, in an order that changes with the partition.
            parts.rotate_left(partition % 6);
            let (left, right) = parts.split_at_mut(3);
            left.iter_mut().zip(&*right).for_each(|(mine, theirs)| mine.merge(theirs));
            let (first, rest) = left.split_at_mut(1);
            rest.iter().rev().for_each(|part| first[0].merge(part));
            assert_eq!(first[0], whole, "partition {partition}");
        }
    }

    #[test]
    fn few_samples_decide_only_where_a_decision_is_needed() {
        let mut histogram = Histogram::default();
        (1..=50).for_each(|ms| histogram.record(Duration::from_millis(ms)));
        assert_eq!(histogram.percentile(99.0), None);
        assert_eq!(histogram.percentile_seen(99.0), Some(Duration::from_millis(50)));
    }

    fn reference() -> hdrhistogram::Histogram<u64> {
        hdrhistogram::Histogram::new_with_bounds(1_000, MAX_NS, 3).unwrap()
    }

    #[test]
    fn buckets_are_laid_out_as_those_of_hdr_histogram() {
        let buckets = reference();
        let mut numbers = 0..;
        for step in buckets.iter_all() {
            let (longest, number) = (step.value_iterated_to(), numbers.next().unwrap());
            let shortest = buckets.lowest_equivalent(longest);
            assert_eq!(
                (bucket_of(shortest), bucket_of(longest), shortest_in(number)),
                (number, number, shortest)
            );
        }
        assert_eq!((numbers.start as usize, BUCKETS), (buckets.distinct_values(), BUCKETS));
        assert!(bucket_of(MAX_NS) < numbers.start && bucket_of(u64::MAX) > numbers.start);
    }

    #[test]
    fn few_samples_and_many_have_the_percentiles_that_hdr_histogram_reads() {
        let mut random = Random::stream(3, 0);
        for samples in [1, 7, LISTED, LISTED + 1, 5_000] {
            let (mut histogram, mut reference) = (Histogram::default(), reference());
            for _ in 0..samples {
                let ns = random.next() >> (20 + random.below(40));
                histogram.record(Duration::from_nanos(ns));
                reference.saturating_record(ns);
            }
            for percent in [0.1, 1.0, 50.0, 95.0, 99.0, 99.9, 100.0] {
                let right = reference
                    .value_at_quantile(percent / 100.0)
                    .clamp(histogram.min_ns, histogram.max_ns);
                assert_eq!(
                    histogram.percentile_seen(percent),
                    Some(Duration::from_nanos(right)),
                    "p{percent} of {samples}"
                );
            }
            assert_eq!(
                histogram.count_above(Duration::from_millis(1)),
                samples as u64 - reference.count_between(0, 1_000_000)
            );
            let counted: Vec<(u64, u64)> = histogram
                .buckets()
                .map(|(longest, count)| (longest.as_nanos() as u64, count))
                .collect();
            let right = reference.iter_recorded().map(|step| {
                (reference.highest_equivalent(step.value_iterated_to()), step.count_at_value())
            });
            assert_eq!(counted, right.collect::<Vec<_>>());
        }
    }

    #[test]
    fn histograms_of_any_samples_travel() {
        let mut random = Random::stream(2, 0);
        for _ in 0..1_000 {
            let mut histogram = Histogram::default();
            let widest = random.below(64);
            (0..random.below(20)).for_each(|_| {
                histogram
                    .record(Duration::from_nanos(random.next() >> (63 - random.below(widest + 1))))
            });
            let bytes = postcard::to_stdvec(&histogram).unwrap();
            assert_eq!(postcard::from_bytes(&bytes), Ok(histogram.clone()), "{histogram:?}");
        }
    }

    #[test]
    fn clearing_leaves_a_histogram_like_a_new_one() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_millis(5));
        histogram.clear();
        assert_eq!(histogram, Histogram::default());
        histogram.record(Duration::from_millis(9));
        assert_eq!(histogram.min(), Some(Duration::from_millis(9)));
    }
}
