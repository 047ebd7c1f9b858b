//! Two runs: what varied within each of them, and what that says of their difference.
//!
//! ## Why blocks
//! Neighbouring samples of a run resemble each other, so drawing single ones anew would make the
//! interval far too narrow (see `swell_core::record::Batches`). Instead a run is cut into blocks of
//! equal length, and put together anew from blocks drawn at random: what hangs together within a
//! block stays together (Carlstein, *The Use of Subseries Values for Estimating the Variance of a
//! General Statistic from a Stationary Sequence*, 1986; Künsch, *The Jackknife and the Bootstrap
//! for General Stationary Observations*, 1989). What lasts longer than a block would still be
//! missed, so a run is cut into thirty and into ten, and the greater of both standard errors
//! counts.
//!
//! ## From the resamples to an interval
//! Their spread is the standard error, made greater for the few blocks that there are, and the
//! interval is that of Student's t with as many degrees of freedom (Welch's, for two runs). The
//! ends of the resamples themselves would be too narrow with so few blocks (Efron and Tibshirani,
//! *An Introduction to the Bootstrap*, 1993, section 12.5).
//!
//! ## Where nothing is said
//! A percentile has an interval only where the samples, for what they are worth, reach beyond it:
//! the same rule as in the report of a run. Shares of which fewer than ten were seen are too rare
//! for a standard error; they have Wilson's interval, the two combined by Newcombe (*Interval
//! Estimation for the Difference between Independent Proportions*, 1998, method 10), which holds
//! from zero on.
//!
//! Nothing here speaks of the spread between runs.

use swell_core::catalogue::Unit;
use swell_core::random::Random;
use swell_core::record::{Batches, Histogram, interval};
use swell_core::threshold::{Makings, Quantity};

use super::chance::{beyond, reach};
use super::run::RunPiece;
use super::told::{Scale, Told};

/// Into how many blocks a run is cut: as many as a report's batches at most and at least.
const BLOCKS: [usize; 2] = [30, 10];
/// Resamples: the standard error is then known to 2 %.
const RESAMPLES: usize = 1_000;
/// Fewer than so many of a kind are rare: as many must lie beyond a percentile that is told.
const RARE: f64 = 10.0;

/// How often each block was drawn, for each resample.
pub(super) struct Draws {
    /// For each way to cut.
    ways: Vec<Vec<Vec<u32>>>,
}

impl Draws {
    /// Those of one of two runs; nothing where it is too short to be cut.
    pub(super) fn new(pieces: &[RunPiece], seed: u64, run: u64) -> Option<Self> {
        let fewest = BLOCKS[BLOCKS.len() - 1];
        let ways = BLOCKS.iter().enumerate().map(|(way, &most)| {
            let blocks = blocks(pieces.len(), most);
            let mut random = Random::stream(seed, run * BLOCKS.len() as u64 + way as u64);
            let draw = |_| {
                let mut drawn = vec![0; blocks];
                (0..blocks).for_each(|_| drawn[random.below(blocks as u64) as usize] += 1);
                drawn
            };
            (0..RESAMPLES).map(draw).collect()
        });
        (pieces.len() >= fewest).then(|| Self { ways: ways.collect() })
    }
}

/// How many blocks so many pieces make, at most `most`, with as many pieces in each.
const fn blocks(pieces: usize, most: usize) -> usize {
    pieces / pieces.div_ceil(most)
}

/// What a quantity is made of in each block of a run.
enum RunBlocks {
    /// For each time how many samples of each block do not exceed it.
    Percentile {
        times: Vec<f64>,
        up_to: Vec<Vec<u64>>,
        percent: f64,
    },
    Quotient(Vec<(f64, f64)>),
}

impl RunBlocks {
    /// Nothing for a quantity that does not add up.
    fn new(quantity: &Quantity, pieces: &[RunPiece], most: usize) -> Option<Self> {
        let number = blocks(pieces.len(), most);
        let each = pieces.len() / number;
        // What is left after the last whole block belongs to it.
        let block_of = |piece: usize| (piece / each).min(number - 1);
        let mut quotients = vec![(0.0, 0.0); number];
        let mut histograms = vec![Histogram::default(); number];
        let (mut told, mut batches) = (None, Batches::default());
        for (place, piece) in pieces.iter().enumerate() {
            match quantity.makings(&piece.counted, piece.length)? {
                Makings::Percentile(times, percent) => {
                    batches.add(&times);
                    histograms[block_of(place)].merge(&times);
                    told = Some(percent);
                }
                Makings::Quotient(part, whole) => {
                    let (parts, wholes) = &mut quotients[block_of(place)];
                    (*parts, *wholes) = (*parts + part, *wholes + whole);
                }
            }
        }
        let Some(percent) = told else { return Some(Self::Quotient(quotients)) };
        let mut all = Histogram::default();
        histograms.iter().for_each(|block| all.merge(block));
        interval(&all, percent, batches.effective_samples(&all)?)?;
        Some(Self::percentile(&histograms, &all, percent))
    }

    fn percentile(blocks: &[Histogram], all: &Histogram, percent: f64) -> Self {
        let times: Vec<_> = all.buckets().map(|(time, _)| time).collect();
        let mut up_to = vec![vec![0; blocks.len()]; times.len()];
        for (block, histogram) in blocks.iter().enumerate() {
            let mut counted = histogram.buckets().peekable();
            let mut sum = 0;
            for (row, time) in up_to.iter_mut().zip(&times) {
                sum += counted.next_if(|(same, _)| same == time).map_or(0, |(_, count)| count);
                row[block] = sum;
            }
        }
        let times = times.iter().map(std::time::Duration::as_secs_f64).collect();
        Self::Percentile { times, up_to, percent }
    }

    /// What the quantity is of blocks that were drawn so often; nothing if they have none of it.
    fn of(&self, drawn: &[u32]) -> Option<f64> {
        match self {
            Self::Quotient(blocks) => {
                let (part, whole) = drawn.iter().zip(blocks).fold(
                    (0.0, 0.0),
                    |(parts, wholes), (&times, &(part, whole))| {
                        (parts + f64::from(times) * part, wholes + f64::from(times) * whole)
                    },
                );
                (whole > 0.0).then(|| part / whole)
            }
            Self::Percentile { times, up_to, percent } => {
                let sum = |row: &Vec<u64>| -> u64 {
                    row.iter().zip(drawn).map(|(count, &times)| count * u64::from(times)).sum()
                };
                let all = sum(up_to.last()?);
                let rank = (all as f64 * percent / 100.0).ceil().max(1.0) as u64;
                times.get(up_to.partition_point(|row| sum(row) < rank)).copied()
            }
        }
    }
}

/// How many independent samples the times of a run are worth, by what varied within it; nothing
/// where it is too short.
pub(super) fn effective(quantity: &Quantity, pieces: &[RunPiece]) -> Option<(f64, u64)> {
    let (mut all, mut batches) = (Histogram::default(), Batches::default());
    for piece in pieces {
        let Makings::Percentile(times, _) = quantity.makings(&piece.counted, piece.length)? else {
            return None;
        };
        batches.add(&times);
        all.merge(&times);
    }
    batches.effective_samples(&all).map(|worth| (worth, all.count()))
}

/// One of two runs.
pub(super) struct Sampled<'a> {
    pub(super) pieces: &'a [RunPiece],
    pub(super) draws: &'a Draws,
}

/// What two runs say of a quantity; nothing where no interval is known.
pub(super) fn told(
    quantity: &Quantity,
    scale: Scale,
    values: [f64; 2],
    runs: &[Sampled<'_>; 2],
) -> Option<Told> {
    let ways = 0..BLOCKS.len();
    let told = ways.filter_map(|way| told_by(quantity, scale, values, runs, way));
    let told = told.max_by(|one, other| (one.high - one.low).total_cmp(&(other.high - other.low)));
    if quantity.unit() == Unit::Share { told.map(|told| rare(quantity, told, runs)) } else { told }
}

/// The same by one way to cut the runs.
fn told_by(
    quantity: &Quantity,
    scale: Scale,
    values: [f64; 2],
    runs: &[Sampled<'_>; 2],
    way: usize,
) -> Option<Told> {
    let mut resampled = Vec::with_capacity(2);
    for run in runs {
        let blocks = RunBlocks::new(quantity, run.pieces, BLOCKS[way])?;
        let draws = &run.draws.ways[way];
        let values: Vec<f64> = draws
            .iter()
            .map(|drawn| blocks.of(drawn).map(|value| scale.of(value)))
            .collect::<Option<_>>()?;
        // A resample may have none of what the whole has a little of.
        if values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let number = draws[0].len() as f64;
        resampled.push((variance(&values) * number / (number - 1.0), number - 1.0, values));
    }
    let [(one, its_freedom, first), (other, other_freedom, second)] = &resampled[..] else {
        return None;
    };
    let difference = scale.of(values[1]) - scale.of(values[0]);
    let error = (one + other).sqrt().max(scale.resolution());
    let freedom = if one + other > 0.0 {
        (one + other).powi(2) / (one.powi(2) / its_freedom + other.powi(2) / other_freedom)
    } else {
        its_freedom + other_freedom
    };
    let mut told = Told::by_error(difference, error, freedom);
    told.null = first
        .iter()
        .zip(second)
        .map(|(first, second)| (second - first - difference).abs() / error.max(f64::MIN_POSITIVE))
        .collect();
    Some(told)
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}

/// What was found of a share, unless it or its opposite was seen too rarely for a standard error.
fn rare(quantity: &Quantity, told: Told, runs: &[Sampled<'_>; 2]) -> Told {
    let counts = runs.each_ref().map(|run| {
        run.pieces.iter().fold((0.0, 0.0), |(parts, wholes), piece| {
            match quantity.makings(&piece.counted, piece.length) {
                Some(Makings::Quotient(part, whole)) => (parts + part, wholes + whole),
                _ => (parts, wholes),
            }
        })
    });
    let is_rare = counts.iter().any(|(part, whole)| part.min(whole - part) < RARE);
    if is_rare { by_counts(counts, told) } else { told }
}

/// Newcombe's interval. What was found by blocks counts where it is less sure: rare things come in
/// clusters, too.
fn by_counts([(part, whole), (other_part, other_whole)]: [(f64, f64); 2], told: Told) -> Told {
    let (one, other) = (part / whole, other_part / other_whole);
    let [(low, high), (other_low, other_high)] =
        [wilson(part, whole), wilson(other_part, other_whole)];
    let difference = other - one;
    let down = (other - other_low).hypot(high - one);
    let up = (other_high - other).hypot(one - low);
    let z = reach(f64::INFINITY);
    let towards_zero = if difference > 0.0 { down } else { up };
    Told {
        difference,
        low: told.low.min(difference - down),
        high: told.high.max(difference + up),
        p: told.p.max(beyond(difference / towards_zero * z, f64::INFINITY)),
        null: told.null,
    }
}

/// Where a share may lie, with 95 % (Wilson, *Probable Inference, the Law of Succession, and
/// Statistical Inference*, 1927).
fn wilson(part: f64, whole: f64) -> (f64, f64) {
    let (z, share) = (reach(f64::INFINITY), part / whole);
    let by = 1.0 + z * z / whole;
    let middle = (share + z * z / (2.0 * whole)) / by;
    let half = z / by * (share * (1.0 - share) / whole + (z / (2.0 * whole)).powi(2)).sqrt();
    (middle - half, middle + half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_cut_into_equal_blocks() {
        assert_eq!([60, 45, 30, 12, 10].map(|pieces| blocks(pieces, 30)), [30, 22, 30, 12, 10]);
        assert_eq!([60, 45, 30, 12, 10].map(|pieces| blocks(pieces, 10)), [10, 9, 10, 6, 10]);
        assert!(Draws::new(&[], 1, 0).is_none());
    }

    #[test]
    fn a_percentile_of_drawn_blocks_is_that_of_their_samples() {
        let mut random = Random::stream(7, 0);
        let samples: Vec<Histogram> = (0..10)
            .map(|_| {
                let mut block = Histogram::default();
                (0..100).for_each(|_| {
                    block.record(std::time::Duration::from_micros(1 + random.below(50_000)));
                });
                block
            })
            .collect();
        let mut all = Histogram::default();
        samples.iter().for_each(|block| all.merge(block));
        let blocks = RunBlocks::percentile(&samples, &all, 95.0);
        let drawn = [0, 3, 1, 0, 1, 2, 0, 0, 1, 2];
        let mut merged = Histogram::default();
        for (block, &times) in samples.iter().zip(&drawn) {
            (0..times).for_each(|_| merged.merge(block));
        }
        let found = blocks.of(&drawn).unwrap();
        let right = merged.percentile(95.0).unwrap().as_secs_f64();
        assert!((found / right - 1.0).abs() < 1e-3, "{found} and {right}");
    }

    #[test]
    fn the_interval_of_rare_failures_is_newcombes() {
        // His table II, method 10: 56/70 − 48/80 is 0.0524 to 0.3339, and 10/10 − 0/20 is 0.6791 to
        // 1.
        let open = Told::by_error(0.0, 0.0, 10.0);
        let open = Told { low: 1.0, ..open };
        let told = by_counts([(48.0, 80.0), (56.0, 70.0)], open.clone());
        let (low, high) = (told.low, told.high);
        assert!((low - 0.0524).abs() < 1e-4 && (high - 0.3339).abs() < 1e-4, "{told:?}");
        let told = by_counts([(0.0, 20.0), (10.0, 10.0)], open);
        assert!((told.low - 0.6791).abs() < 1e-4, "{told:?}");
    }
}
