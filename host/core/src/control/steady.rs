//! Whether a service has warmed up: throughput and service time show no trend any more.
//!
//! A straight line is laid through the last ten seconds of throughput, and another through those of
//! service time (least squares). A service is steady when each line changes by no more than five
//! percent of the mean over these seconds, or by no more than chance explains (two standard errors
//! of its slope). Noise, however large, is no trend, and a level that still rises slowly is one.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many seconds are looked at: a cache that fills or a compiler that optimises shows within
/// them.
const SPAN: usize = 10;
/// The change over the span that makes no difference.
const LEVEL: f64 = 0.05;
/// Standard errors that a slope may have by chance.
const BY_CHANCE: f64 = 2.0;
/// With fewer completed transactions nothing is concluded.
const ENOUGH: u64 = 100;

/// Looks at each second of a warm-up.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Steadiness {
    /// How many were completed, and the mean of their service times in seconds.
    seconds: VecDeque<(u64, f64)>,
}

impl Steadiness {
    /// Takes in a second: how many transactions were completed, and their service time summed up.
    /// Returns whether the service is steady.
    pub fn on_second(&mut self, completed: u64, service: Duration) -> bool {
        self.seconds.push_back((completed, service.as_secs_f64() / completed.max(1) as f64));
        if self.seconds.len() > SPAN {
            self.seconds.pop_front();
        }
        let all: u64 = self.seconds.iter().map(|(completed, _)| completed).sum();
        self.seconds.len() == SPAN
            && all >= ENOUGH
            && self.seconds.iter().all(|(completed, _)| *completed > 0)
            && is_level(self.seconds.iter().map(|(completed, _)| *completed as f64))
            && is_level(self.seconds.iter().map(|(_, service)| *service))
    }
}

/// Whether values one after another have no trend.
fn is_level(values: impl ExactSizeIterator<Item = f64> + Clone) -> bool {
    let count = values.len() as f64;
    let middle = (count - 1.0) / 2.0;
    let mean = values.clone().sum::<f64>() / count;
    let (mut spread, mut together) = (0.0, 0.0);
    for (place, value) in values.clone().enumerate() {
        let from_middle = place as f64 - middle;
        spread += from_middle * from_middle;
        together += from_middle * (value - mean);
    }
    let slope = together / spread;
    let left: f64 = values
        .enumerate()
        .map(|(place, value)| value - mean - slope * (place as f64 - middle))
        .map(|left| left * left)
        .sum();
    let error = (left / (count - 2.0) / spread).sqrt();
    slope.abs() * count <= LEVEL * mean.abs() || slope.abs() <= BY_CHANCE * error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// The second in which a service is found to be steady, of a hundred.
    fn steady_at(second: impl Fn(f64, &mut Random) -> (f64, f64), seed: u64) -> Option<usize> {
        let (mut steadiness, mut random) = (Steadiness::default(), Random::stream(seed, 0));
        (0..100).find(|at| {
            let (rate, service) = second(*at as f64, &mut random);
            steadiness.on_second(rate as u64, Duration::from_secs_f64(service * rate.floor()))
        })
    }

    #[test]
    fn a_service_without_a_warm_up_is_steady_after_ten_seconds() {
        assert_eq!(steady_at(|_, _| (1_000.0, 0.02), 1), Some(9));
    }

    #[test]
    fn a_service_that_warms_up_is_steady_when_it_has() {
        // Answers take five times as long at first, and get there with a time constant of five
        // seconds: after 20 s a tenth is left, after 35 s nothing.
        for seed in 0..50 {
            let warm = |at: f64, random: &mut Random| {
                (1_000.0, 0.02 * (1.0 + 4.0 * (-at / 5.0).exp()) * (0.95 + 0.1 * random.unit()))
            };
            let found = steady_at(warm, seed).expect("it comes to rest");
            assert!((18..60).contains(&found), "seed {seed}: {found}");
        }
    }

    #[test]
    fn a_load_that_rises_is_not_steady_until_it_stays() {
        let found = steady_at(|at, _| ((512.0 * 1.2_f64.powf(at)).min(5_000.0), 0.01), 1)
            .expect("it stays");
        // 5,000/s is reached after 12.5 s.
        assert!((18..=23).contains(&found), "{found}");
    }

    #[test]
    fn noise_alone_is_no_trend_for_long() {
        for seed in 0..100 {
            let found = steady_at(
                |_, random| (300.0 + 60.0 * random.unit(), 0.01 + 0.01 * random.unit()),
                seed,
            )
            .expect("no trend is there");
            assert!(found < 25, "seed {seed}: {found}");
        }
    }

    #[test]
    fn nothing_is_concluded_of_nothing() {
        assert_eq!(steady_at(|_, _| (0.0, 0.0), 1), None);
        assert_eq!(steady_at(|_, _| (5.0, 0.01), 1), None, "too few to tell");
    }
}
