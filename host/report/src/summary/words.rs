//! Figures in words, as all parts of the summary have them.

use std::fmt::{Formatter, Result, Write as _};
use std::time::Duration;

use swell_core::plain::line;
use swell_core::record::{Percentile, Statistic};
use swell_core::units::{grouped, print_duration};

use crate::report::{Counted, Times};

/// Different texts of failures and traps that are shown; the JSON has all that were kept.
pub(super) const SHOWN_TEXTS: usize = 10;

/// Width of a row's name.
pub(super) const NAME: usize = 30;

/// What a row tells of a distribution, as far as a line has room for it.
const SHOWN: [Statistic; 6] = [
    Statistic::Mean,
    Statistic::Percentile(Percentile::P50),
    Statistic::Percentile(Percentile::P95),
    Statistic::Percentile(Percentile::P99),
    Statistic::Percentile(Percentile::P999),
    Statistic::Max,
];

pub(super) fn times_heading(f: &mut Formatter<'_>, title: &str) -> Result {
    write!(f, "\n    {title:<NAME$} {:>9}", "count")?;
    for statistic in SHOWN {
        write!(f, " {:>9}", statistic.name())?;
    }
    writeln!(f)
}

pub(super) fn times_row(f: &mut Formatter<'_>, name: &str, times: &Times) -> Result {
    let name = line(name).to_string();
    let name: String = if name.chars().count() > NAME {
        name.chars().take(NAME - 1).chain(['…']).collect()
    } else {
        name
    };
    write!(f, "    {name:<NAME$} {:>9}", grouped(times.count))?;
    for statistic in SHOWN {
        write!(f, " {:>9}", bounded(times.get(statistic), times.is_at_least(statistic)))?;
    }
    writeln!(f)
}

/// Milliseconds for people, in the unit that needs the fewest digits.
pub(super) fn time(ms: Option<f64>) -> String {
    match ms {
        None => "n/a".to_owned(),
        Some(ms) if ms < 1.0 => format!("{:.0} µs", ms * 1e3),
        Some(ms) if ms < 100.0 => format!("{ms:.1} ms"),
        Some(ms) if ms < 10_000.0 => format!("{ms:.0} ms"),
        Some(ms) => format!("{:.1} s", ms / 1e3),
    }
}

/// The same with a sign where it may be more.
pub(super) fn bounded(ms: Option<f64>, is_at_least: bool) -> String {
    if is_at_least && ms.is_some() { format!("≥ {}", time(ms)) } else { time(ms) }
}

pub(super) fn outcomes(counts: &Counted) -> String {
    let mut text = format!("{} ok, {} failed", grouped(counts.ok), grouped(counts.failed));
    if let Some(rate) = counts.error_rate.filter(|rate| *rate > 0.0) {
        let _ = write!(text, " ({:.2} %)", rate * 100.0);
    }
    if counts.interrupted > 0 {
        let _ = write!(text, ", {} interrupted", grouped(counts.interrupted));
    }
    if let Some(rate) = counts.interrupted_rate.filter(|rate| *rate > 0.0) {
        let _ = write!(text, " ({:.2} %)", rate * 100.0);
    }
    text
}

pub(super) fn duration(seconds: f64) -> String {
    print_duration(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

pub(super) fn per_second(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { grouped(rate.round() as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_samples_is_not_zero() {
        assert_eq!(
            [None, Some(0.25), Some(12.34), Some(2000.0), Some(61_000.0)].map(time),
            ["n/a", "250 µs", "12.3 ms", "2000 ms", "61.0 s"]
        );
    }
}
