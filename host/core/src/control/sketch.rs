//! Times as parts of an objective, in few buckets.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::travel::{Refused, Sparse};

/// Bits of the mantissa that tell buckets apart: each doubling has 64 buckets, which are at most
/// 1.6 % wide.
const FINE_BITS: u32 = 6;
/// How many doublings below the objective have buckets, and how many above it. A time outside of
/// them counts in the first or the last bucket.
const BELOW: u64 = 6;
const ABOVE: u64 = 6;
const BUCKETS: usize = ((BELOW + ABOVE) << FINE_BITS) as usize;
/// The number, in units of a bucket, of the first one: 2⁻⁶ as a floating-point number without its
/// fine bits.
const FIRST: u64 = (1023 - BELOW) << FINE_BITS;

/// A distribution of times in units of an objective. The objective lies on the border of two
/// buckets, so the number of times above it is exact.
///
/// The histograms of reports span nine orders of magnitude in 190 KB. A controller looks at the
/// surroundings of one objective, at many spans of time, so it has its own: 3 KB.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Sparse")]
pub(super) struct Sketch {
    buckets: Box<[u32; BUCKETS]>,
    count: u64,
}

impl Sketch {
    pub(super) fn add(&mut self, time: Duration, objective: Duration, n: u32) {
        let ratio = time.as_nanos() as f64 / objective.as_nanos() as f64;
        let place =
            (ratio.to_bits() >> (52 - FINE_BITS)).saturating_sub(FIRST).min(BUCKETS as u64 - 1);
        self.buckets[place as usize] += n;
        self.count += u64::from(n);
    }

    /// Adds the times of `other`. A bucket that is full takes no more; only a node that makes up
    /// its counts can fill one.
    pub(super) fn merge(&mut self, other: &Self) {
        for (own, others) in self.buckets.iter_mut().zip(other.buckets.iter()) {
            let sum = own.saturating_add(*others);
            self.count += u64::from(sum - *own);
            *own = sum;
        }
    }

    pub(super) fn clear(&mut self) {
        self.buckets.fill(0);
        self.count = 0;
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// How many times were as long as the objective or longer.
    pub(super) fn above(&self) -> u64 {
        self.buckets[(BELOW << FINE_BITS) as usize..].iter().map(|&count| u64::from(count)).sum()
    }

    /// The time within which this part of all lies, in units of the objective; zero without
    /// samples.
    pub(super) fn quantile(&self, part: f64) -> f64 {
        let rank = (part * self.count as f64).ceil().max(1.0) as u64;
        let mut within = 0;
        let place = self.buckets.iter().position(|&count| {
            within += u64::from(count);
            within >= rank
        });
        place.map_or(0.0, |place| {
            let edge = |place: usize| f64::from_bits((place as u64 + FIRST) << (52 - FINE_BITS));
            f64::midpoint(edge(place), edge(place + 1))
        })
    }
}

impl Default for Sketch {
    fn default() -> Self {
        Self { buckets: Box::new([0; BUCKETS]), count: 0 }
    }
}

impl Serialize for Sketch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = self.buckets.iter().zip(0..).filter(|(count, _)| **count > 0);
        Sparse::pack(counts.map(|(count, bucket)| (bucket, u64::from(*count))))
            .serialize(serializer)
    }
}

impl TryFrom<Sparse> for Sketch {
    type Error = Refused;

    fn try_from(sparse: Sparse) -> Result<Self, Refused> {
        let mut sketch = Self::default();
        for (bucket, count) in sparse.unpack(BUCKETS)? {
            sketch.buckets[bucket as usize] =
                u32::try_from(count).map_err(|_| Refused::Count(count))?;
            sketch.count += count;
        }
        Ok(sketch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECTIVE: Duration = Duration::from_millis(200);

    #[test]
    fn quantiles_are_right_to_a_bucket() {
        let mut sketch = Sketch::default();
        (1..=1_000).for_each(|ms| sketch.add(Duration::from_millis(ms), OBJECTIVE, 1));
        for (part, right) in [(0.05, 0.25), (0.2, 1.0), (0.5, 2.5), (0.99, 4.95)] {
            let told = sketch.quantile(part);
            assert!((told / right - 1.0).abs() < 0.017, "{part}: {told}");
        }
        assert_eq!((sketch.count(), sketch.above()), (1_000, 801));
    }

    #[test]
    fn a_sketch_travels_and_one_with_impossible_buckets_is_refused() {
        let mut sketch = Sketch::default();
        (1..=1_000).for_each(|ms| sketch.add(Duration::from_millis(ms), OBJECTIVE, 3));
        assert_eq!(postcard::from_bytes(&postcard::to_stdvec(&sketch).unwrap()), Ok(sketch));
        let read = |bucket, count| Sketch::try_from(Sparse::pack([(bucket, count)]));
        assert!(read(BUCKETS as u32 - 1, u64::from(u32::MAX)).is_ok());
        assert_eq!(read(BUCKETS as u32, 1), Err(Refused::Buckets));
        assert_eq!(read(0, 1 << 32), Err(Refused::Count(1 << 32)));
    }

    #[test]
    fn a_full_bucket_takes_no_more() {
        let full = Sketch::try_from(Sparse::pack([(3, u64::from(u32::MAX))])).unwrap();
        let mut sum = full.clone();
        sum.add(OBJECTIVE, OBJECTIVE, 1);
        sum.merge(&full);
        assert_eq!((sum.count(), sum.above()), (u64::from(u32::MAX) + 1, 1));
    }

    #[test]
    fn what_lies_beyond_is_counted_at_the_ends() {
        let mut sketch = Sketch::default();
        for time in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            sketch.add(time, OBJECTIVE, 1);
        }
        assert_eq!((sketch.count(), sketch.above()), (3, 1));
        assert!(sketch.quantile(1.0) > 60.0);
        assert!(sketch.quantile(0.0) < 0.017);
        sketch.clear();
        assert_eq!((sketch.count(), sketch.quantile(0.5)), (0, 0.0));
    }
}
