//! Figures over times some of which have no end: what was cut off counts with its age, as a time
//! that is at least so long.
//!
//! ## Why
//! What is still under way when a run is cut is the slowest of all. If it were left out, a service
//! that never answers every second request would have the percentiles of the other half, and they
//! would be good. Nobody knows how long it would have taken, but its age when it was cut is a lower
//! bound. Such times are called right-censored.
//!
//! ## What is exact, and what a bound
//! Each such time is placed at its age. Its true value lies above, so a percentile that is below
//! all ages is exact. A percentile that is not may be too small and never too large: it is "at
//! least". The same is true of the minimum and the maximum, and the mean is a bound as soon as one
//! time was cut.

use std::time::Duration;

use super::histogram::Histogram;

/// A time that is exact, or at least so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The time.
    pub time: Duration,
    /// Whether the time might be longer if nothing had been cut off.
    pub is_at_least: bool,
}

/// The times of what ended, and the ages of what was cut off, together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Censored {
    all: Histogram,
    cut: u64,
    shortest_age: Option<Duration>,
}

impl Censored {
    /// Puts together the times of what ended, and the ages of what was cut off.
    pub fn new(ended: Histogram, ages: &Histogram) -> Self {
        let mut all = ended;
        all.merge(ages);
        Self { all, cut: ages.count(), shortest_age: ages.min() }
    }

    /// Adds all samples of `other`.
    pub fn merge(&mut self, other: &Self) {
        let Self { all, cut, shortest_age } = other;
        self.all.merge(all);
        self.cut += cut;
        self.shortest_age = self.shortest_age.into_iter().chain(*shortest_age).min();
    }

    /// How many samples there are, with those that were cut off.
    pub const fn count(&self) -> u64 {
        self.all.count()
    }

    /// How many of them were cut off.
    pub const fn cut(&self) -> u64 {
        self.cut
    }

    /// The mean; `None` without samples.
    pub fn mean(&self) -> Option<Figure> {
        self.all.mean().map(|time| Figure { time, is_at_least: self.cut > 0 })
    }

    /// The shortest sample; `None` without samples.
    pub fn min(&self) -> Option<Figure> {
        self.all.min().map(|time| self.figure(time))
    }

    /// The longest sample; `None` without samples.
    pub fn max(&self) -> Option<Figure> {
        self.all.max().map(|time| self.figure(time))
    }

    /// The percentile of all samples, under the rules of [`Histogram::percentile`].
    pub fn percentile(&self, percent: f64) -> Option<Figure> {
        self.all.percentile(percent).map(|time| self.figure(time))
    }

    /// The percentile however few samples there are, as [`Histogram::percentile_seen`] has it.
    pub fn percentile_seen(&self, percent: f64) -> Option<Figure> {
        self.all.percentile_seen(percent).map(|time| self.figure(time))
    }

    /// Where the percentile may lie, under the rules of [`interval`](super::interval).
    pub fn interval(&self, percent: f64, effective: f64) -> Option<(Duration, Figure)> {
        super::interval(&self.all, percent, effective)
            .map(|(from, until)| (from, self.figure(until)))
    }

    fn figure(&self, time: Duration) -> Figure {
        Figure { time, is_at_least: self.shortest_age.is_some_and(|age| age <= time) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn times(times: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        times.into_iter().for_each(|ms| histogram.record(Duration::from_millis(ms)));
        histogram
    }

    fn seconds(figure: Option<Figure>) -> (f64, bool) {
        let figure = figure.expect("there are samples enough");
        ((figure.time.as_secs_f64() * 100.0).round() / 100.0, figure.is_at_least)
    }

    #[test]
    fn a_percentile_is_exact_only_below_all_ages() {
        let all = Censored::new(
            times(std::iter::repeat_n(10, 400)),
            &times((0..400).map(|i| 30_000 + i * 20)),
        );
        assert_eq!((all.count(), all.cut()), (800, 400));
        assert_eq!(seconds(all.percentile(40.0)), (0.01, false));
        assert_eq!(seconds(all.percentile(50.0)), (0.01, false));
        assert_eq!(seconds(all.percentile(95.0)), (37.21, true));
        assert_eq!(seconds(all.max()), (37.98, true));
        assert_eq!(seconds(all.min()), (0.01, false));
        assert_eq!(seconds(all.mean()), (17.0, true));
    }

    #[test]
    fn where_nothing_was_cut_everything_is_exact() {
        let all = Censored::new(times(1..=2_000), &Histogram::default());
        for figure in [all.min(), all.mean(), all.max(), all.percentile(1.0), all.percentile(99.0)]
        {
            assert!(!figure.expect("there are samples enough").is_at_least);
        }
        assert_eq!(Censored::default().max(), None);
    }

    #[test]
    fn an_age_below_everything_that_ended_makes_even_the_least_a_bound() {
        let all = Censored::new(times(100..300), &times([5]));
        assert_eq!(seconds(all.min()), (0.01, true));
        assert_eq!(seconds(all.percentile(50.0)), (0.2, true));
    }

    #[test]
    fn what_would_have_come_without_the_cut_is_what_was_said_or_more_than_the_bound() {
        let mut random = Random::stream(5, 0);
        for round in 0..300 {
            let (mut truth, mut ended, mut ages) =
                (Histogram::default(), Histogram::default(), Histogram::default());
            for _ in 0..400 {
                // Some begin late, and so are young when all is cut.
                let time = Duration::from_millis(1 + (random.next() >> (44 + random.below(12))));
                let age = Duration::from_millis(1 + random.below(3_000));
                truth.record(time);
                if time <= age { ended.record(time) } else { ages.record(age) }
            }
            let all = Censored::new(ended, &ages);
            let pairs = [50.0, 75.0, 95.0]
                .map(|percent| (all.percentile(percent), truth.percentile(percent)));
            for (said, truth) in pairs.into_iter().chain([
                (all.min(), truth.min()),
                (all.max(), truth.max()),
                (all.mean(), truth.mean()),
            ]) {
                let (said, truth) = (said.unwrap(), truth.unwrap());
                let holds = if said.is_at_least { truth >= said.time } else { truth == said.time };
                assert!(holds, "round {round}: {said:?}, in truth {truth:?}");
            }
        }
    }

    #[test]
    fn what_was_merged_is_as_if_it_had_been_together() {
        let parts = [
            (times(1..100), times([50, 70])),
            (times(200..300), times([])),
            (times([7]), times([900])),
        ];
        let mut merged = Censored::default();
        parts.iter().for_each(|(ended, ages)| merged.merge(&Censored::new(ended.clone(), ages)));
        let (mut ended, mut ages) = (Histogram::default(), Histogram::default());
        parts.iter().for_each(|part| {
            ended.merge(&part.0);
            ages.merge(&part.1);
        });
        assert_eq!(merged, Censored::new(ended, &ages));
    }
}
