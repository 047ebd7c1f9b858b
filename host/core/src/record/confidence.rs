//! How sure a percentile of one run is, although neighbouring samples resemble each other.
//!
//! ## Why not by the number of samples
//! A service that is slow for a second is slow for all requests of that second. Ten thousand such
//! samples say no more about the service than some hundred independent ones would, and an interval
//! that counted them all would be ten times too narrow.
//!
//! ## What is done instead
//! The run is cut into at most thirty batches of equal length (B. Schmeiser, *Batch Size Effects in
//! the Analysis of Simulation Output*, 1982: more batches gain nothing and hide dependence). If
//! samples were independent, the variance of a batch's mean would be the variance of one sample
//! divided by their number. By the factor by which it is larger, the number of samples is divided:
//! that is the number of *effective samples*. The interval of a percentile lies between two order
//! statistics: two standard deviations of a binomial count of that many effective samples to both
//! sides (Le Boudec, *Performance Evaluation of Computer and Communication Systems*, section 2.2).
//! It is about this run and what varied within it, and cannot know what varies from day to day.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;

/// The most batches, and the fewest with which anything is said.
const MAX_BATCHES: usize = 30;
const MIN_BATCHES: usize = 10;
/// How many pieces are kept before each two of them become one.
const PIECES: usize = 4 * MAX_BATCHES;
/// Standard deviations to each side for 95 %.
const Z: f64 = 1.96;

/// The means of consecutive pieces of a run, at first one a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Batches {
    /// The number of samples of each piece, and their sum in seconds. Each piece but the last
    /// stands for `span` additions.
    pieces: Vec<(u64, f64)>,
    span: u32,
    /// The number of additions in the last piece.
    filled: u32,
}

impl Batches {
    /// Adds the samples of the next piece of the run.
    pub fn add(&mut self, samples: &Histogram) {
        self.span = self.span.max(1);
        if self.filled == self.span || self.pieces.is_empty() {
            if self.pieces.len() == PIECES {
                self.pieces = pairs(&self.pieces);
                self.span *= 2;
            }
            self.pieces.push((0, 0.0));
            self.filled = 0;
        }
        let last = self.pieces.last_mut().expect("one was pushed if there was none");
        *last = (last.0 + samples.count(), last.1 + samples.sum_ns() as f64 / 1e9);
        self.filled += 1;
    }

    /// How many independent samples those of `all` are worth. `all` must be the samples that were
    /// added. `None` where the run is too short to tell.
    pub fn effective_samples(&self, all: &Histogram) -> Option<f64> {
        // The last piece may be shorter than the others.
        let whole = &self.pieces[..self.pieces.len() - usize::from(self.filled < self.span)];
        let mut size = 1;
        while whole.len() / size > MAX_BATCHES {
            size += 1;
        }
        let batches: Vec<(f64, f64)> = whole
            .chunks_exact(size)
            .map(|pieces| {
                pieces
                    .iter()
                    .fold((0.0, 0.0), |sum, piece| (sum.0 + piece.0 as f64, sum.1 + piece.1))
            })
            .filter(|(count, _)| *count > 0.0)
            .collect();
        let variance = variance(all)?;
        if batches.len() < MIN_BATCHES || variance <= 0.0 {
            return (batches.len() >= MIN_BATCHES).then_some(all.count() as f64);
        }
        let number = batches.len() as f64;
        let mean = batches.iter().map(|(count, sum)| sum / count).sum::<f64>() / number;
        let between = batches.iter().map(|(count, sum)| (sum / count - mean).powi(2)).sum::<f64>()
            / (number - 1.0);
        let size = batches.iter().map(|(count, _)| count).sum::<f64>() / number;
        Some(all.count() as f64 / (size * between / variance).max(1.0))
    }
}

fn pairs(pieces: &[(u64, f64)]) -> Vec<(u64, f64)> {
    pieces
        .chunks(2)
        .map(|pair| pair.iter().fold((0, 0.0), |sum, piece| (sum.0 + piece.0, sum.1 + piece.1)))
        .collect()
}

/// The variance of samples, in seconds squared, to the resolution of the buckets.
fn variance(samples: &Histogram) -> Option<f64> {
    let mean = samples.mean()?.as_secs_f64();
    let squares: f64 = samples
        .buckets()
        .map(|(time, count)| (time.as_secs_f64() - mean).powi(2) * count as f64)
        .sum();
    Some(squares / samples.count() as f64)
}

/// Where a percentile of the service lies, with 95 % confidence, if the samples are worth
/// `effective` independent ones; `None` where the interval goes beyond what was seen.
pub fn interval(samples: &Histogram, percent: f64, effective: f64) -> Option<(Duration, Duration)> {
    let part = percent / 100.0;
    let half = Z * (part * (1.0 - part) / effective).sqrt();
    let (from, until) = (part - half, part + half);
    if from * effective < 1.0 || (1.0 - until) * effective < 1.0 {
        return None;
    }
    Some((samples.percentile_seen(from * 100.0)?, samples.percentile_seen(until * 100.0)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Exponential times of 10 ms on average, times the level of their five seconds; the truth is
    /// that of a very long run.
    fn run(seconds: u32, level: impl Fn(&mut Random) -> f64, seed: u64) -> (Histogram, Batches) {
        let mut random = Random::stream(seed, 0);
        let (mut all, mut batches, mut now) = (Histogram::default(), Batches::default(), 1.0);
        for second in 0..seconds {
            if second % 5 == 0 {
                now = level(&mut random);
            }
            let mut piece = Histogram::default();
            (0..200).for_each(|_| {
                piece.record(Duration::from_secs_f64(-0.01 * now * (1.0 - random.unit()).ln()))
            });
            all.merge(&piece);
            batches.add(&piece);
        }
        (all, batches)
    }

    #[test]
    fn independent_samples_are_worth_about_their_number() {
        for seed in 0..50 {
            let (all, batches) = run(120, |_| 1.0, seed);
            let worth = batches.effective_samples(&all).unwrap() / all.count() as f64;
            assert!((0.4..=1.0).contains(&worth), "seed {seed}: {worth}");
        }
    }

    #[test]
    fn the_interval_contains_the_truth_as_often_as_it_says() {
        // p90 of an exponential time with a mean of 10 ms is 10 ms × ln 10.
        let truth = 0.01 * 10.0_f64.ln();
        let holds = |seed: &u64| {
            let (all, batches) = run(60, |_| 1.0, *seed);
            let (from, until) =
                interval(&all, 90.0, batches.effective_samples(&all).unwrap()).unwrap();
            (from.as_secs_f64() * 0.999..=until.as_secs_f64() * 1.001).contains(&truth)
        };
        let held = (0..300).filter(holds).count();
        assert!(held >= 276, "{held} of 300");
    }

    #[test]
    fn a_service_with_better_and_worse_times_is_known_less_surely_than_its_samples_suggest() {
        let level = |random: &mut Random| if random.unit() < 0.5 { 0.5 } else { 2.0 };
        let truth = run(100_000, level, 1_000).0.percentile(90.0).unwrap().as_secs_f64();
        let (mut held, mut naive) = (0, 0);
        for seed in 0..200 {
            let (all, batches) = run(120, level, seed);
            let effective = batches.effective_samples(&all).unwrap();
            assert!(
                effective < all.count() as f64 / 20.0,
                "seed {seed}: {effective} of {}",
                all.count()
            );
            let contains = |effective| {
                let within = interval(&all, 90.0, effective).map(|(from, until)| {
                    (from.as_secs_f64()..=until.as_secs_f64()).contains(&truth)
                });
                u32::from(within.unwrap_or(true))
            };
            held += contains(effective);
            naive += contains(all.count() as f64);
        }
        assert!(
            held >= 170 && naive <= 120,
            "{held} and, by the number of samples, {naive} of 200"
        );
    }

    #[test]
    fn a_short_run_says_nothing_and_a_long_one_keeps_few_pieces() {
        let (all, batches) = run(9, |_| 1.0, 1);
        assert_eq!(batches.effective_samples(&all), None);
        assert_eq!(Batches::default().effective_samples(&Histogram::default()), None);
        let (all, batches) = run(3_601, |_| 1.0, 1);
        assert!(batches.pieces.len() <= PIECES && batches.effective_samples(&all).is_some());
        let counted: u64 = batches.pieces.iter().map(|(count, _)| count).sum();
        assert_eq!(counted, all.count());
    }

    #[test]
    fn an_interval_that_leaves_what_was_seen_is_none() {
        let (all, _) = run(10, |_| 1.0, 1);
        assert_eq!(interval(&all, 99.9, 100.0), None);
        assert!(interval(&all, 50.0, 100.0).is_some());
    }
}
