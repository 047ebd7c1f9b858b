//! How often chance alone brings about what a table shows.
//!
//! ## Why each row alone is not enough
//! Of twenty figures of equal runs one differs "with 95 %". Who looks at a table looks at all of
//! its rows, so a row is said to differ only if chance would show any such row in at most one of
//! twenty tables.
//!
//! ## Why by rearranging runs, and not by dividing the 5 %
//! The figures of a table hang together: where p95 is high by chance, so are p99 and mean. To
//! divide the 5 % among them, as Bonferroni does, would treat them as independent and hide real
//! differences. Westfall and Young, *Resampling-Based Multiple Testing* (1993), take it from the
//! same rearrangements (or resamples) that say what chance does to each: how often the least p of
//! all rows is as low as the one seen. This is their step-down form as in Ge, Dudoit and Speed,
//! *Resampling-based multiple testing for microarray data analysis* (Test 12, 2003, box 3). Where
//! there is nothing to rearrange, Holm's way (*A simple sequentially rejective multiple test
//! procedure*, 1979) holds whatever the rows have to do with each other.
//!
//! ## Why rows have weights
//! With five runs a side there are few ways to deal them, and a p between 3 % and 5 % does not
//! exist. Shared evenly, the 5 % would leave the figure that is asked for most with nothing but the
//! clearest differences. So one row may lead, fixed before anybody looks: it has most of the 5 %,
//! and the others have theirs whole once it differs (weights as in Holm's paper, section 4).

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// How often chance shows something that is not there, at most, where it is said to be there.
pub(super) const CHANCE: f64 = 0.05;

/// The p of each row, corrected for all rows that are looked at. `null` has, for each row, how far
/// it was from no difference in each of the worlds in which there is none, in the same order.
pub(super) fn corrected(p: &[f64], null: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let weighted: Vec<f64> = p.iter().zip(weights).map(|(p, weight)| p / weight).collect();
    let order = ascending(&weighted);
    let worlds = null.first().map_or(0, Vec::len);
    if worlds == 0 {
        return holm(p, &weighted, weights, &order);
    }
    let in_worlds: Vec<Vec<f64>> = null.iter().map(|far| shares_as_far(far)).collect();
    let mut least = vec![1.0_f64; worlds];
    let mut corrected = vec![1.0; p.len()];
    for &row in order.iter().rev() {
        for (least, p) in least.iter_mut().zip(&in_worlds[row]) {
            *least = least.min(*p / weights[row]);
        }
        // Worlds that are equal but for rounding are equal.
        let as_low = least.iter().filter(|least| **least <= weighted[row] + 1e-9).count();
        corrected[row] = as_low as f64 / worlds as f64;
    }
    monotone(&order, p, corrected)
}

/// The same without any world: it holds for rows that have anything to do with each other.
fn holm(p: &[f64], weighted: &[f64], weights: &[f64], order: &[usize]) -> Vec<f64> {
    let mut corrected = vec![1.0; p.len()];
    let mut left: f64 = weights.iter().sum();
    for &row in order {
        corrected[row] = (weighted[row] * left).min(1.0);
        left -= weights[row];
    }
    monotone(order, p, corrected)
}

/// A row is no surer than those before it, and no surer than it is by itself.
fn monotone(order: &[usize], p: &[f64], mut corrected: Vec<f64>) -> Vec<f64> {
    let mut before = 0.0_f64;
    for &row in order {
        before = before.max(corrected[row]).max(p[row]);
        corrected[row] = before;
    }
    corrected
}

fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&one, &other| p[one].total_cmp(&p[other]));
    order
}

/// For each of these values the share of all that are as great or greater.
pub(super) fn shares_as_far(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&one, &other| values[other].total_cmp(&values[one]));
    let mut shares = vec![1.0; values.len()];
    let mut from = 0;
    for same in order.chunk_by(|&one, &other| (values[one] - values[other]).abs() < 1e-9) {
        from += same.len();
        same.iter().for_each(|&place| shares[place] = from as f64 / values.len() as f64);
    }
    shares
}

/// Student's t: how often chance is further from zero than `t`, to either side.
pub(super) fn beyond(t: f64, freedom: f64) -> f64 {
    if !t.is_finite() {
        return if t.is_nan() { 1.0 } else { 0.0 };
    }
    students(freedom).map_or(1.0, |law| 2.0 * law.cdf(-t.abs()))
}

/// How far from zero chance is in one of twenty cases, by Student's t; infinite where it has no
/// degree of freedom.
pub(super) fn reach(freedom: f64) -> f64 {
    students(freedom).map_or(f64::INFINITY, |law| law.inverse_cdf(1.0 - CHANCE / 2.0))
}

fn students(freedom: f64) -> Option<StudentsT> {
    // Above that it is the normal law, and the library would only lose digits.
    StudentsT::new(0.0, 1.0, freedom.min(1e6)).ok().filter(|_| freedom > 0.0)
}

#[cfg(test)]
mod tests {
    use swell_core::random::Random;

    use super::*;

    #[test]
    fn students_law_is_that_of_the_tables() {
        // Two-sided 5 %, from any table of the distribution.
        let table = [(1.0, 12.706), (4.0, 2.776), (8.0, 2.306), (30.0, 2.042), (1e9, 1.960)];
        for (freedom, t) in table {
            assert!((reach(freedom) - t).abs() < 1e-3, "{freedom}: {}", reach(freedom));
            assert!((beyond(t, freedom) - 0.05).abs() < 1e-4, "{freedom}");
        }
        assert_eq!(reach(0.0), f64::INFINITY);
    }

    #[test]
    fn shares_count_what_is_as_far_and_ties_are_equal() {
        assert_eq!(shares_as_far(&[3.0, 1.0, 3.0, 2.0]), [0.5, 1.0, 0.5, 0.75]);
    }

    #[test]
    fn by_holm_the_lowest_is_multiplied_by_all_and_the_next_by_fewer() {
        let corrected = corrected(&[0.04, 0.01, 0.03], &[], &[1.0; 3]);
        for (found, right) in corrected.iter().zip([0.06, 0.03, 0.06]) {
            assert!((found - right).abs() < 1e-12, "{corrected:?}");
        }
        assert_eq!(super::corrected(&[], &[], &[]), Vec::<f64>::new());
    }

    #[test]
    fn a_row_that_leads_has_most_of_it_and_leaves_it_to_the_others() {
        let corrected = corrected(&[0.03, 0.02], &[], &[1.0, 0.25]);
        for (found, right) in corrected.iter().zip([0.0375, 0.0375]) {
            assert!((found - right).abs() < 1e-12, "{corrected:?}");
        }
    }

    /// Rows and worlds of a spread that all rows share to this part.
    fn table(rows: usize, shared: f64, seed: u64) -> (Vec<f64>, Vec<Vec<f64>>) {
        let mut random = Random::stream(seed, 0);
        let mut normal = || {
            let (u, v) = (1.0 - random.unit(), random.unit());
            (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
        };
        let mut null = vec![Vec::new(); rows];
        for _ in 0..1_000 {
            let all = normal();
            for row in &mut null {
                row.push((shared.sqrt() * all + (1.0 - shared).sqrt() * normal()).abs());
            }
        }
        // The first world is what was seen.
        let p = null.iter().map(|far| shares_as_far(far)[0]).collect();
        (p, null)
    }

    #[test]
    fn chance_shows_any_row_in_one_of_twenty_tables_however_the_rows_hang_together() {
        for (shared, leader) in [(0.0, 1.0), (0.9, 1.0), (1.0, 1.0), (0.5, 5.0)] {
            let mut weights = [1.0; 8];
            weights[3] = leader;
            let wolves = (0..200)
                .filter(|seed| {
                    let (p, null) = table(8, shared, *seed);
                    corrected(&p, &null, &weights).iter().any(|p| *p <= CHANCE)
                })
                .count();
            assert!((2..=18).contains(&wolves), "{shared}: {wolves} of 200");
        }
    }

    #[test]
    fn rows_that_say_the_same_cost_each_other_nothing() {
        let (p, null) = table(8, 1.0, 7);
        let corrected = corrected(&p, &null, &[1.0; 8]);
        assert!(corrected.iter().zip(&p).all(|(corrected, p)| (corrected - p).abs() < 0.01));
    }
}
