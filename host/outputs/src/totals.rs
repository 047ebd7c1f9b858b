//! What a run has come to so far, series by series: sums that only grow, distributions in buckets
//! that only grow, and levels. It is what Prometheus and all that followed it want to be told.

use std::borrow::Cow;
use std::collections::BTreeMap;

use swell_report::Status;
use swell_report::record::{Frame, Moment};

use crate::series::{RunSeries, SeriesKey, SeriesTold, labels_of_run};

/// Upper bounds of buckets of times, in seconds: steps of 2 to 2.5 from a tenth of a millisecond to
/// a minute.
const SECONDS: [f64; 18] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0,
];
/// The same of numbers of which nobody knows what they are, as bytes or euros.
const NUMBERS: [f64; 19] = [
    0.001,
    0.01,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    25.0,
    50.0,
    100.0,
    250.0,
    500.0,
    1_000.0,
    10_000.0,
    100_000.0,
    1_000_000.0,
    1_000_000_000.0,
];

/// Which values share a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Buckets {
    /// Those up to one of a few bounds, and above the bound before.
    Bounds,
    /// Those between two neighbouring powers of a base: `2^(1/2^scale)`, as OpenTelemetry has it.
    Powers {
        /// See above.
        scale: i32,
    },
}

/// What a run has come to so far.
pub(crate) struct RunTotals {
    /// Those of all its series.
    pub(crate) labels: [(Cow<'static, str>, String); 2],
    buckets: Buckets,
    series: RunSeries,
    totals: BTreeMap<SeriesKey, SeriesTotal>,
}

/// What one series has come to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SeriesTotal {
    /// So many.
    Count(f64),
    /// These values.
    Spread(Spread),
    /// So much, at the moment.
    Level(f64),
}

/// Values by their buckets.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    /// The upper bounds of buckets; none where buckets are powers.
    pub(crate) bounds: &'static [f64],
    /// Values that are zero, where buckets are powers.
    pub(crate) zeros: u64,
    /// How many values each bucket has, by its place among the bounds or its exponent.
    pub(crate) buckets: BTreeMap<i32, u64>,
}

impl RunTotals {
    /// Those of a run that begins: what has no name of its own is there at once.
    pub(crate) fn new(run: &str, scenario: &str, buckets: Buckets) -> Self {
        let mut this = Self {
            labels: labels_of_run(run, scenario),
            buckets,
            series: RunSeries::default(),
            totals: BTreeMap::new(),
        };
        let moment = Moment::of(&Status { goal_per_second: Some(0.0), ..Status::default() });
        this.add(&Frame::empty(moment));
        this
    }

    /// Adds what a frame says.
    pub(crate) fn add(&mut self, frame: &Frame) {
        let Self { buckets, series, totals, .. } = self;
        series.tell(frame, &mut |key, told| match totals.get_mut(key) {
            Some(total) => total.add(told, *buckets),
            None => {
                let mut total = SeriesTotal::new(told, *buckets);
                total.add(told, *buckets);
                totals.insert(key.clone(), total);
            }
        });
    }

    /// All series, family by family.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&SeriesKey, &SeriesTotal)> {
        self.totals.iter()
    }

    /// The series of one family.
    pub(crate) fn of_family(
        &self,
        family: &'static str,
    ) -> impl Iterator<Item = (&SeriesKey, &SeriesTotal)> {
        let first = SeriesKey { family, labels: Vec::new() };
        self.totals.range(first..).take_while(move |(key, _)| key.family == family)
    }
}

impl SeriesTotal {
    fn new(told: SeriesTold<'_>, buckets: Buckets) -> Self {
        let spread = |bounds: &'static [f64]| {
            let bounds = if buckets == Buckets::Bounds { bounds } else { &[] };
            Self::Spread(Spread { bounds, ..Spread::default() })
        };
        match told {
            SeriesTold::Count(_) => Self::Count(0.0),
            SeriesTold::Times(_) => spread(&SECONDS),
            SeriesTold::Numbers(_) => spread(&NUMBERS),
            SeriesTold::Level(_) => Self::Level(0.0),
        }
    }

    fn add(&mut self, told: SeriesTold<'_>, buckets: Buckets) {
        match (self, told) {
            (Self::Count(count), SeriesTold::Count(more)) => *count += more,
            (Self::Level(level), SeriesTold::Level(now)) => *level = now,
            (Self::Spread(spread), SeriesTold::Times(times)) => {
                spread.sum += times.sum_ns() as f64 / 1e9;
                for (time, count) in times.buckets() {
                    spread.add(time.as_secs_f64(), count, buckets);
                }
            }
            (Self::Spread(spread), SeriesTold::Numbers(numbers)) => {
                spread.sum += numbers.sum();
                for (number, count) in numbers.buckets() {
                    spread.add(number, count, buckets);
                }
            }
            // A family is of one kind.
            _ => {}
        }
    }
}

impl Spread {
    fn add(&mut self, value: f64, count: u64, buckets: Buckets) {
        self.count += count;
        let bucket = match buckets {
            Buckets::Bounds => self.bounds.partition_point(|bound| *bound < value) as i32,
            Buckets::Powers { .. } if value <= f64::MIN_POSITIVE => {
                self.zeros += count;
                return;
            }
            Buckets::Powers { scale } => (value.log2() * f64::from(scale).exp2()).ceil() as i32 - 1,
        };
        *self.buckets.entry(bucket).or_default() += count;
    }

    /// How many values are up to each bound, the last of which is without end.
    pub(crate) fn up_to_bounds(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let mut below = 0;
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        (0..).zip(bounds).map(move |(place, bound)| {
            below += self.buckets.get(&place).copied().unwrap_or(0);
            (bound, below)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::busy_frame;

    fn response(totals: &RunTotals) -> Spread {
        let mut all = totals.of_family("swell_response_seconds");
        let Some((_, SeriesTotal::Spread(spread))) = all.next() else { panic!("none") };
        spread.clone()
    }

    #[test]
    fn what_frames_count_adds_up_in_either_kind_of_buckets() {
        for buckets in [Buckets::Bounds, Buckets::Powers { scale: 4 }] {
            let mut totals = RunTotals::new("shop", "shop", buckets);
            (0..3).for_each(|second| totals.add(&busy_frame(second, 100)));
            let spread = response(&totals);
            assert_eq!(spread.count, 300);
            assert_eq!(spread.buckets.values().sum::<u64>() + spread.zeros, 300);
            // Between nothing and a tenth of a second.
            assert!((10.0..20.0).contains(&spread.sum), "{}", spread.sum);
        }
    }

    #[test]
    fn bounds_are_told_with_all_that_is_below_them() {
        let mut totals = RunTotals::new("shop", "shop", Buckets::Bounds);
        totals.add(&busy_frame(0, 1_000));
        let up_to: Vec<(f64, u64)> = response(&totals).up_to_bounds().collect();
        assert_eq!(up_to.len(), SECONDS.len() + 1);
        assert!(up_to.windows(2).all(|pair| pair[0].1 <= pair[1].1));
        assert_eq!(*up_to.last().unwrap(), (f64::INFINITY, 1_000));
        let half = up_to.iter().find(|(bound, _)| *bound == 0.05).unwrap().1;
        assert!((400..600).contains(&half), "{half} of 1,000 up to 50 ms");
    }

    #[test]
    fn a_value_is_above_the_power_before_its_bucket_and_not_above_its_own() {
        let buckets = Buckets::Powers { scale: 3 };
        for value in [1e-6, 0.0123, 0.5, 1.0, 1.0001, 7.0, 1e9] {
            let mut spread = Spread::default();
            spread.add(value, 1, buckets);
            let bucket = *spread.buckets.keys().next().unwrap();
            let power = |exponent: i32| (f64::from(exponent) / 8.0).exp2();
            assert!(power(bucket) < value && value <= power(bucket + 1), "{value} in {bucket}");
        }
        let mut zero = Spread::default();
        zero.add(0.0, 2, buckets);
        assert_eq!((zero.zeros, zero.buckets.len()), (2, 0));
    }

    #[test]
    fn all_that_has_no_name_is_there_before_anything_is_counted() {
        let totals = RunTotals::new("shop", "shop", Buckets::Bounds);
        let mut requests = totals.of_family("swell_requests_total");
        assert_eq!(requests.next().map(|(_, total)| total), Some(&SeriesTotal::Count(0.0)));
        let (_, active) = totals.of_family("swell_run_active").next().unwrap();
        assert_eq!(*active, SeriesTotal::Level(1.0));
    }
}
