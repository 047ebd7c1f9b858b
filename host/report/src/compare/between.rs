//! Several runs a side: what the spread between runs says.
//!
//! A run gives one value of each figure. Runs that should be equal differ by more than what varies
//! within one, by the machine, the day, the order in which memory was laid out; only several runs
//! tell how much that is.
//!
//! ## Five and more a side
//! No law is assumed. Whether the sides differ is decided by ranks, as Mann and Whitney, *On a Test
//! of Whether one of Two Random Variables is Stochastically Larger than the Other* (1947), with all
//! ways to deal the runs to the sides, or 10,000 of them where there are more. By how much is the
//! median of all differences between a run of one side and one of the other (Hodges and Lehmann,
//! *Estimates of Location Based on Rank Tests*, 1963), and its interval are those differences that
//! the test does not refuse (Lehmann, *Nonparametrics*, 1975, section 2.5).
//!
//! ## Fewer
//! Three values against three can be dealt in twenty ways, and the most extreme two of them are
//! 10 %: by ranks nothing could ever be told. So it is assumed that runs spread as the normal law
//! says, in proportion to their size: Welch, *The generalization of "Student's" problem when
//! several different population variances are involved* (1947), on logarithms. A single run has no
//! spread of its own; it is taken to be that of the other side.

use swell_core::random::Random;

use super::chance::{CHANCE, beyond, reach, shares_as_far};
use super::told::Told;

/// Runs a side from which ranks decide.
pub(super) const MANY: usize = 5;
/// Ways to deal the runs that are looked at. With so many, 5 % are known to 0.4 %.
const DEALS: usize = 10_000;

/// Ways to deal runs to two sides: each names the runs of the first side.
pub(super) struct Deals(Vec<Vec<usize>>);

impl Deals {
    /// All ways, or some that the seed repeats. The first is how they were dealt.
    pub(super) fn new(first: usize, second: usize, seed: u64) -> Self {
        let all = first + second;
        let as_it_was: Vec<usize> = (0..first).collect();
        if ways(first, second) <= DEALS as f64 {
            let mut deals = vec![as_it_was];
            while let Some(next) = next_deal(deals.last().expect("there is one"), all) {
                deals.push(next);
            }
            return Self(deals);
        }
        let mut random = Random::stream(seed, 1);
        let some = (1..DEALS).map(|_| {
            let mut runs: Vec<usize> = (0..all).collect();
            for place in 0..first {
                runs.swap(place, place + random.below((all - place) as u64) as usize);
            }
            runs.truncate(first);
            runs
        });
        Self(std::iter::once(as_it_was).chain(some).collect())
    }
}

/// The next choice of as many out of `all`, in the order of their numbers.
fn next_deal(deal: &[usize], all: usize) -> Option<Vec<usize>> {
    let size = deal.len();
    let place = (0..size).rev().find(|&place| deal[place] < all - size + place)?;
    let mut next = deal.to_vec();
    for (step, run) in next[place..].iter_mut().enumerate() {
        *run = deal[place] + 1 + step;
    }
    Some(next)
}

/// How many ways there are to choose so many out of both.
fn ways(first: usize, second: usize) -> f64 {
    (1..=first).map(|place| (second + place) as f64 / place as f64).product()
}

/// What the ranks of the runs' values say of the second side against the first.
pub(super) fn by_ranks(first: &[f64], second: &[f64], deals: &Deals) -> Told {
    let all: Vec<f64> = first.iter().chain(second).copied().collect();
    let ranks = ranks(&all);
    let middle = first.len() as f64 * (all.len() + 1) as f64 / 2.0;
    let far = |deal: &Vec<usize>| {
        let sum: f64 = deal.iter().map(|&run| ranks[run]).sum();
        (sum - middle).abs()
    };
    let null: Vec<f64> = deals.0.iter().map(far).collect();
    let mut differences: Vec<f64> =
        first.iter().flat_map(|one| second.iter().map(move |other| other - one)).collect();
    differences.sort_by(f64::total_cmp);
    // The interval begins with the last difference that the test would refuse to lie above.
    let refused = refused(first.len(), second.len());
    let low = refused.checked_sub(1).map_or(f64::NEG_INFINITY, |place| differences[place]);
    let high = if refused == 0 { f64::INFINITY } else { differences[differences.len() - refused] };
    Told { difference: median(&differences), low, high, p: shares_as_far(&null)[0], null }
}

/// The place of each value among all; equal ones share the mean of their places.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&one, &other| values[one].total_cmp(&values[other]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for same in order.chunk_by(|&one, &other| values[one] == values[other]) {
        let shared = before as f64 + (same.len() + 1) as f64 / 2.0;
        same.iter().for_each(|&place| ranks[place] = shared);
        before += same.len();
    }
    ranks
}

/// How many counts of differences below zero are so low that chance has them, or lower ones, in
/// 2.5 % at most.
///
/// The numbers of deals with each count of differences below zero are the coefficients of a
/// Gaussian binomial (Mann and Whitney's own recurrence in closed form).
fn refused(first: usize, second: usize) -> usize {
    let pairs = first * second;
    let mut deals = vec![0.0; pairs + 1];
    deals[0] = 1.0;
    for step in 1..=first {
        let factor = second + step;
        for count in (factor..=pairs).rev() {
            deals[count] -= deals[count - factor];
        }
        for count in step..=pairs {
            deals[count] += deals[count - step];
        }
    }
    let allowed = ways(first, second) * CHANCE / 2.0;
    let mut sum = 0.0;
    let fit = deals.iter().take_while(|deals| {
        sum += **deals;
        sum <= allowed
    });
    fit.count()
}

/// What the means of the runs' values say, if runs spread as the normal law says. The standard
/// error is at least `resolution`.
pub(super) fn by_means(first: &[f64], second: &[f64], resolution: f64) -> Told {
    let difference = mean(second) - mean(first);
    let (one, other) = (variance(first), variance(second));
    let sizes = [first, second].map(|side| side.len() as f64);
    let (error, freedom) = match (one, other) {
        (Some(one), Some(other)) => {
            let (one, other) = (one / sizes[0], other / sizes[1]);
            let both = one + other;
            let freedom =
                both.powi(2) / (one.powi(2) / (sizes[0] - 1.0) + other.powi(2) / (sizes[1] - 1.0));
            (both.sqrt(), if both > 0.0 { freedom } else { sizes[0] + sizes[1] - 2.0 })
        }
        (Some(known), None) | (None, Some(known)) => {
            (((1.0 / sizes[0] + 1.0 / sizes[1]) * known).sqrt(), sizes[0] + sizes[1] - 2.0)
        }
        (None, None) => (f64::INFINITY, 0.0),
    };
    Told::by_error(difference, error.max(resolution), freedom)
}

impl Told {
    /// What an estimate with this standard error says, by Student's t.
    pub(super) fn by_error(difference: f64, error: f64, freedom: f64) -> Self {
        let half = reach(freedom) * error;
        Self {
            difference,
            low: difference - half,
            high: difference + half,
            p: beyond(difference / error, freedom),
            null: Vec::new(),
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Of one value nothing.
fn variance(values: &[f64]) -> Option<f64> {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| squares / (values.len() - 1) as f64)
}

/// The middle one of sorted values, or the mean of the middle two.
pub(super) fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ways_to_deal_are_looked_at_while_they_are_few() {
        assert_eq!(Deals::new(2, 2, 1).0, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
        assert_eq!(Deals::new(5, 5, 1).0.len(), 252);
        let some = Deals::new(10, 10, 1).0;
        assert_eq!((some.len(), &some[0][..3]), (DEALS, &[0, 1, 2][..]));
        assert!(some.iter().all(|deal| {
            let mut runs = deal.clone();
            runs.sort_unstable();
            runs.dedup();
            runs.len() == 10
        }));
    }

    #[test]
    fn the_interval_of_ranks_is_that_of_the_tables() {
        // The highest U that is refused, in the tables for 5 %, two-sided; 0 is one as well.
        let tables =
            [(5, 5, 2), (5, 6, 3), (6, 6, 5), (8, 8, 13), (10, 10, 23), (20, 20, 127), (4, 4, 0)];
        for (first, second, below) in tables {
            assert_eq!(refused(first, second), below + 1, "{first} and {second}");
        }
        assert_eq!(refused(3, 3), 0, "no difference can be refused");
    }

    #[test]
    fn sides_that_do_not_overlap_have_the_least_p_that_there_is() {
        let (first, second) = ([1.0, 2.0, 3.0, 4.0, 5.0], [11.0, 12.0, 13.0, 14.0, 15.0]);
        let told = by_ranks(&first, &second, &Deals::new(5, 5, 1));
        assert!((told.p - 2.0 / 252.0).abs() < 1e-12, "{}", told.p);
        assert!((told.difference - 10.0).abs() < 1e-12);
        assert!(told.low > 6.0 && told.high < 14.0 && told.low < told.high, "{told:?}");
    }

    #[test]
    fn equal_values_are_told_as_equal() {
        let told = by_ranks(&[2.0; 5], &[2.0; 5], &Deals::new(5, 5, 1));
        assert_eq!((told.difference, told.low, told.high, told.p), (0.0, 0.0, 0.0, 1.0));
        let told = by_means(&[2.0; 3], &[2.0; 3], 1e-4);
        assert!(told.low < 0.0 && told.high > 0.0 && told.p > 0.99, "{told:?}");
    }

    #[test]
    fn few_runs_are_told_as_in_the_example_of_a_textbook() {
        // Ten hours of extra sleep by two drugs (Student, "The probable error of a mean", 1908), as
        // every introduction has them; Welch: t = 1.8608, 17.776 degrees of freedom, p = 0.0794.
        let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        let told = by_means(&first, &second, 0.0);
        assert!((told.p - 0.0794).abs() < 1e-4, "{told:?}");
        assert!((told.low + 0.2055).abs() < 1e-3 && (told.high - 3.3655).abs() < 1e-3, "{told:?}");
    }

    #[test]
    fn a_single_run_is_held_against_the_spread_of_the_others() {
        let others = [10.0, 10.2, 9.8, 10.1, 9.9];
        assert!(by_means(&others, &[10.1], 0.0).p > 0.3);
        assert!(by_means(&others, &[12.0], 0.0).p < 0.01);
        assert!(by_means(&[12.0], &others, 0.0).high < 0.0);
        let two = by_means(&[1.0], &[2.0], 0.0);
        assert_eq!((two.low, two.high, two.p), (f64::NEG_INFINITY, f64::INFINITY, 1.0));
    }
}
