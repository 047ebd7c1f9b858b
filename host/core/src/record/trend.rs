//! The distribution of numbers of any size, for the scenario's own trends.
//!
//! A trend may hold bytes, rows or euros, so there are no bounds for which a histogram could be
//! laid out, and a scenario may have 10,000 trends. So only buckets with numbers are kept. Their
//! borders are those of floating-point numbers: the exponent and 10 bits of the mantissa, a
//! relative error of 0.1 %.

use serde::{Deserialize, Serialize, Serializer};

use super::Histogram;
use super::counts::Counts;
use crate::travel::{self, Refused, Sparse};

/// The bits of the mantissa that are not told apart.
const COARSE_BITS: u32 = 42;
/// The number of buckets: the last bucket holds the greatest finite number.
const BUCKETS: usize = bucket_of(f64::MAX) as usize + 1;
/// How far rounding may change a sum: for [`travel::MAX_COUNT`] numbers, by a part of 2⁻¹³.
const ROUNDING: f64 = 1e-3;

/// A distribution of numbers from zero upward.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "Option<SentTrend>")]
pub struct Trend {
    buckets: Counts<u32>,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Trend {
    /// Counts one number; a number below zero counts as zero.
    pub(super) fn record(&mut self, value: f64) {
        let value = if value > 0.0 { value } else { 0.0 };
        self.buckets.add(bucket_of(value), 1);
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.sum += value;
        self.count += 1;
    }

    /// Adds the numbers of `other`.
    pub fn merge(&mut self, other: &Self) {
        let Self { buckets, count, sum, min, max } = other;
        if *count == 0 {
            return;
        }
        self.buckets.merge(buckets);
        self.min = if self.count == 0 { *min } else { self.min.min(*min) };
        self.max = self.max.max(*max);
        self.sum += sum;
        self.count += count;
    }

    pub(super) fn clear(&mut self) {
        let Self { buckets, count, sum, min, max } = self;
        buckets.clear();
        (*count, *sum, *min, *max) = (0, 0.0, 0.0, 0.0);
    }

    /// How many numbers there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The least number; `None` without numbers.
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then_some(self.min)
    }

    /// The greatest number; `None` without numbers.
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }

    /// The sum of all numbers.
    pub const fn sum(&self) -> f64 {
        self.sum
    }

    /// The mean; `None` without numbers.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// The number that `percent` of the numbers do not exceed, to 0.1 %, under the rules of
    /// [`Histogram::percentile`].
    pub fn percentile(&self, percent: f64) -> Option<f64> {
        if percent <= 0.0 {
            return self.min();
        }
        if percent >= 100.0 {
            return self.max();
        }
        if self.count < Histogram::samples_needed(percent) {
            return None;
        }
        self.percentile_seen(percent)
    }

    /// The number that `percent` of the numbers do not exceed, however few there are; `None`
    /// without numbers.
    pub fn percentile_seen(&self, percent: f64) -> Option<f64> {
        let rank = (self.count as f64 * percent / 100.0).ceil() as u64;
        let mut below = 0;
        let (bucket, _) = self.buckets.iter().find(|(_, count)| {
            below += count;
            below >= rank
        })?;
        Some(greatest_in(bucket).clamp(self.min, self.max))
    }

    /// How many numbers each bucket has, least bucket first, with the greatest number that belongs
    /// to the bucket. Buckets without numbers are left out.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        self.buckets.iter().map(|(bucket, count)| (greatest_in(bucket), count))
    }
}

/// The greatest number in a bucket.
fn greatest_in(bucket: u32) -> f64 {
    f64::from_bits(((u64::from(bucket) + 1) << COARSE_BITS) - 1)
}

const fn bucket_of(value: f64) -> u32 {
    (value.to_bits() >> COARSE_BITS) as u32
}

/// A trend with numbers, as it was sent.
#[derive(Serialize, Deserialize)]
struct SentTrend {
    #[serde(deserialize_with = "travel::count")]
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    buckets: Sparse,
}

impl Serialize for Trend {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { count, sum, min, max, .. } = *self;
        (count > 0)
            .then(|| SentTrend { count, sum, min, max, buckets: Sparse::pack(self.buckets.iter()) })
            .serialize(serializer)
    }
}

impl TryFrom<Option<SentTrend>> for Trend {
    type Error = Refused;

    /// Numbers below zero, infinite numbers and values that are no number have no bucket. The sum
    /// of finite numbers may well be infinite.
    fn try_from(sent: Option<SentTrend>) -> Result<Self, Refused> {
        let Some(SentTrend { count, sum, min, max, buckets: sparse }) = sent else {
            return Ok(Self::default());
        };
        let counts = sparse.unpack(BUCKETS)?;
        let outermost = counts.first().zip(counts.last()).map(|(first, last)| (first.0, last.0));
        let is_possible = counts.iter().map(|(_, count)| count).sum::<u64>() == count
            && outermost == Some((bucket_of(min), bucket_of(max)))
            && min <= max
            && (count as f64 * min * (1.0 - ROUNDING)..=count as f64 * max * (1.0 + ROUNDING))
                .contains(&sum);
        if !is_possible {
            return Err(Refused::Samples);
        }
        let mut buckets = Counts::default();
        counts.into_iter().for_each(|(bucket, count)| buckets.add(bucket, count));
        Ok(Self { buckets, count, sum, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_a_thousandth_over_thirty_orders_of_magnitude() {
        for scale in [1e-15, 1.0, 1e15] {
            let mut trend = Trend::default();
            (1..=1_000).for_each(|i| trend.record(f64::from(i) * scale));
            for percent in [1.0, 50.0, 90.0, 99.0] {
                let told = trend.percentile(percent).expect("1,000 numbers are enough");
                let right = percent * 10.0 * scale;
                assert!((told / right - 1.0).abs() < 1e-3, "p{percent} of scale {scale}: {told}");
            }
            assert_eq!((trend.min(), trend.max()), (Some(scale), Some(1_000.0 * scale)));
        }
    }

    #[test]
    fn numbers_below_zero_count_as_zero() {
        let mut trend = Trend::default();
        trend.record(-5.0);
        assert_eq!(
            (trend.count(), trend.min(), trend.max(), trend.mean()),
            (1, Some(0.0), Some(0.0), Some(0.0))
        );
        assert_eq!(trend.percentile(50.0), None);
    }
}
