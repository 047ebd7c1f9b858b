//! Figures in words, as the summary, the live line and the terminal view have them.

use swell_core::verdict::Stamp;

use crate::sheet::Tone;

/// Milliseconds for people, in the unit that needs the fewest digits.
pub fn time(ms: Option<f64>) -> String {
    match ms {
        None => "n/a".to_owned(),
        Some(ms) if ms < 1.0 => format!("{:.0} µs", ms * 1e3),
        Some(ms) if ms < 100.0 => format!("{ms:.1} ms"),
        Some(ms) if ms < 10_000.0 => format!("{ms:.0} ms"),
        Some(ms) => format!("{:.1} s", ms / 1e3),
    }
}

/// The same with a sign where it may be more.
pub fn bounded(ms: Option<f64>, is_at_least: bool) -> String {
    if is_at_least && ms.is_some() { format!("≥ {}", time(ms)) } else { time(ms) }
}

/// What a verdict is to its reader.
pub const fn stamp_tone(stamp: Stamp) -> Tone {
    match stamp {
        Stamp::Valid => Tone::Good,
        Stamp::Suspect | Stamp::Unjudged => Tone::Doubtful,
        Stamp::Invalid => Tone::Bad,
    }
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
