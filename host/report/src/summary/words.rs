//! Figures in words and in tables, as all parts of the summary have them.

use std::time::Duration;

use swell_core::record::{Percentile, Statistic};
use swell_core::units::{grouped, print_duration};

use crate::report::{Counted, Times};
use crate::sheet::{Column, Piece, Tone};

/// Different texts of failures and traps that are shown; the JSON has all that were kept.
pub(super) const SHOWN_TEXTS: usize = 10;

/// Where the rest of a list is that was cut.
pub(super) const REST: &str = "(all of them: --out json=FILE)";

/// What a row tells of a distribution, and which of that is left out first: what a service is
/// judged by stays.
const SHOWN: [(Statistic, usize); 7] = [
    (Statistic::Mean, 8),
    (Statistic::Percentile(Percentile::P50), 5),
    (Statistic::Percentile(Percentile::P90), 12),
    (Statistic::Percentile(Percentile::P95), 1),
    (Statistic::Percentile(Percentile::P99), 3),
    (Statistic::Percentile(Percentile::P999), 10),
    (Statistic::Max, 7),
];

/// The columns of a distribution.
pub(super) fn times_columns() -> impl Iterator<Item = Column> {
    SHOWN.into_iter().map(|(statistic, rank)| Column { head: statistic.name(), rank })
}

/// What stands below them.
pub(super) fn times_figures(times: &Times) -> impl Iterator<Item = Piece> {
    SHOWN.into_iter().map(|(statistic, _)| {
        let tone = if times.get(statistic).is_some() { Tone::Plain } else { Tone::Faint };
        tone.of(times.in_words(statistic))
    })
}

/// How many ended well, how many failed, and how many did not end.
pub(super) fn outcomes(counts: &Counted) -> Vec<Piece> {
    let share = |rate: Option<f64>| {
        let rate = rate.filter(|rate| *rate > 0.0);
        rate.map_or_else(String::new, |rate| format!(" ({:.2} %)", rate * 100.0))
    };
    let mut pieces = vec![Piece::from(format!("{} ok, ", grouped(counts.ok)))];
    let failed = format!("{} failed{}", grouped(counts.failed), share(counts.error_rate));
    pieces.push(if counts.failed > 0 { Tone::Bad } else { Tone::Plain }.of(failed));
    if counts.interrupted > 0 {
        let (number, share) = (grouped(counts.interrupted), share(counts.interrupted_rate));
        pieces.push(", ".into());
        pieces.push(Tone::Bad.of(format!("{number} interrupted{share}")));
    }
    pieces
}

/// A number of what went wrong, which is nothing to look at where there is none.
pub(super) fn count_of_bad(count: u64) -> Piece {
    if count > 0 { Tone::Bad } else { Tone::Faint }.of(grouped(count))
}

pub(super) fn duration(seconds: f64) -> String {
    print_duration(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

pub(super) fn per_second(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { grouped(rate.round() as u64) }
}
