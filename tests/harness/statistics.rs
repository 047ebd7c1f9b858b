//! What may be said of a comparison: medians, and how far they may be off.
//!
//! Machines are noisy, by up to 45 % from run to run, but two runs right after one another suffer
//! alike. So runs are made in pairs, each pair gives a ratio, and the interval comes from
//! resampling the pairs (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, the
//! percentile interval).

use std::fmt;

/// A median with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The median.
    pub median: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

/// What an estimate says about a bound that it should be under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The whole interval is at or under the bound.
    Reached,
    /// The whole interval is above it.
    Missed,
    /// The bound is inside: more pairs would tell.
    Undecided,
}

/// So many that the ends of the interval hardly depend on the seed.
const RESAMPLES: usize = 10_000;

impl Estimate {
    /// The median of these values, with an interval that the seed repeats.
    ///
    /// # Panics
    /// There are no values.
    pub fn of(values: &[f64], seed: u64) -> Self {
        let mut random = seed;
        let mut resample = vec![0.0; values.len()];
        let mut medians: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                resample.fill_with(|| values[below(&mut random, values.len())]);
                median(&resample)
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        Self {
            median: median(values),
            low: medians[RESAMPLES * 25 / 1000],
            high: medians[RESAMPLES * 975 / 1000],
        }
    }

    /// The median of the ratios of pairs, ours to theirs.
    ///
    /// # Panics
    /// There are no pairs, or not equally many of both.
    pub fn of_ratios(ours: &[f64], theirs: &[f64], seed: u64) -> Self {
        assert_eq!(ours.len(), theirs.len(), "runs come in pairs");
        let ratios: Vec<f64> =
            ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
        Self::of(&ratios, seed)
    }

    /// Judges whether the true median is at or under a bound.
    pub fn judge(&self, bound: f64) -> Judgement {
        if self.high <= bound {
            Judgement::Reached
        } else if self.low > bound {
            Judgement::Missed
        } else {
            Judgement::Undecided
        }
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, low, high } = self;
        write!(f, "{median:.2} ({low:.2} to {high:.2})")
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reached => "reached",
            Self::Missed => "missed",
            Self::Undecided => "undecided",
        })
    }
}

/// The middle value, or the mean of the middle two.
///
/// # Panics
/// There are no values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

/// A number below this one, by SplitMix64. The bias of the remainder is under 1 in 10^17 here.
fn below(state: &mut u64, bound: usize) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) % bound as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_one_or_between_the_middle_two() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[7.0]), 7.0);
    }

    #[test]
    fn equal_values_leave_no_doubt() {
        assert_eq!(Estimate::of(&[2.0; 15], 1), Estimate { median: 2.0, low: 2.0, high: 2.0 });
    }

    #[test]
    fn pairs_cancel_what_both_suffered() {
        let slow_machine = [1.0, 1.4, 1.1, 1.3, 1.0];
        let theirs: Vec<f64> = slow_machine.iter().map(|slow| 10.0 * slow).collect();
        let ours: Vec<f64> = slow_machine.iter().map(|slow| 15.0 * slow).collect();
        let ratio = Estimate::of_ratios(&ours, &theirs, 1);
        assert!((ratio.low - 1.5).abs() < 1e-9 && (ratio.high - 1.5).abs() < 1e-9, "{ratio:?}");
    }

    #[test]
    fn an_interval_holds_the_true_median_in_about_95_of_100_experiments() {
        let mut random = 42;
        let held = (0..200).filter(|&seed| {
            // 15 values, uniform in [0, 2): the true median is 1.
            let values: Vec<f64> =
                (0..15).map(|_| below(&mut random, 20_000) as f64 / 10_000.0).collect();
            let estimate = Estimate::of(&values, seed);
            estimate.low <= 1.0 && 1.0 <= estimate.high
        });
        let held = held.count();
        assert!((180..=199).contains(&held), "{held} of 200");
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let values = [1.0, 5.0, 2.0, 8.0, 3.0];
        assert_eq!(Estimate::of(&values, 9), Estimate::of(&values, 9));
    }

    #[test]
    fn a_bound_inside_the_interval_decides_nothing() {
        let estimate = Estimate { median: 1.5, low: 1.4, high: 1.6 };
        assert_eq!(estimate.judge(1.6), Judgement::Reached);
        assert_eq!(estimate.judge(1.5), Judgement::Undecided);
        assert_eq!(estimate.judge(1.3), Judgement::Missed);
    }
}
