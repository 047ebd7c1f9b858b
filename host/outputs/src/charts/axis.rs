//! Where a value stands on a picture, and which values are named beside it.

use swell_core::units::grouped;

/// The vertical axis of a panel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    from: f64,
    until: f64,
    is_log: bool,
}

impl Axis {
    /// From nothing to a round number that is not below `most`.
    pub(super) fn linear(most: f64) -> Self {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let step = round_step(most / 4.0);
        Self { from: 0.0, until: (most / step).ceil() * step, is_log: false }
    }

    /// Whole decades around two positive values.
    pub(super) fn decades(least: f64, most: f64) -> Self {
        let least = least.clamp(1e-6, 1e12);
        let from = 10_f64.powf(least.log10().floor());
        let until = 10_f64.powf(most.clamp(least, 1e12).log10().ceil());
        Self { from, until: if until > from { until } else { from * 10.0 }, is_log: true }
    }

    /// How far up a value stands, from 0 to 1.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = if self.is_log {
            (value.max(self.from) / self.from).log10() / (self.until / self.from).log10()
        } else {
            (value - self.from) / (self.until - self.from)
        };
        share.clamp(0.0, 1.0)
    }

    /// Values that have a line, and whether they are named.
    pub(super) fn ticks(&self) -> Vec<(f64, bool)> {
        if !self.is_log {
            let step = round_step(self.until / 4.0);
            let count = (self.until / step).round() as u32;
            return (0..=count).map(|number| (f64::from(number) * step, true)).collect();
        }
        let decades = (self.until / self.from).log10().round() as i32;
        let first = self.from.log10().round() as i32;
        // With one or two decades the steps between are needed to read a value.
        let between = decades <= 2;
        let in_decade = |decade: i32| {
            [1.0, 2.0, 5.0].map(|of_ten| (of_ten * 10_f64.powi(first + decade), of_ten))
        };
        (0..=decades)
            .flat_map(in_decade)
            .filter(|(value, _)| *value <= self.until * 1.001)
            .map(|(value, of_ten)| (value, between || of_ten == 1.0))
            .collect()
    }
}

/// The round number next to it from above: 1, 2 or 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= least * 0.999_999).unwrap_or(power * 10.0)
}

/// Instants that are named on an axis of so many seconds.
pub(super) fn instants(seconds: f64) -> Vec<f64> {
    const STEPS: [f64; 15] = [
        1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0,
        7_200.0, 14_400.0,
    ];
    let most = 12.0;
    let step = STEPS.into_iter().find(|step| seconds / step <= most);
    let step = step.unwrap_or_else(|| (seconds / most / 86_400.0).ceil() * 86_400.0);
    (0..=(seconds / step) as u32).map(|number| f64::from(number) * step).collect()
}

/// An instant of a run of so many seconds.
pub(super) fn instant(at: f64, of_seconds: f64) -> String {
    let at = at.max(0.0) as u64;
    let (hours, minutes, seconds) = (at / 3_600, at / 60 % 60, at % 60);
    if of_seconds < 120.0 {
        format!("{at} s")
    } else if of_seconds < 3_600.0 {
        format!("{}:{seconds:02}", at / 60)
    } else {
        format!("{hours}:{minutes:02}:{seconds:02}")
    }
}

/// A number of things.
pub(super) fn number(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 {
        grouped(value.round() as u64)
    } else {
        let text = format!("{value:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// A round number of milliseconds.
pub(super) fn milliseconds(ms: f64) -> String {
    match ms {
        ms if ms < 0.9 => format!("{} µs", number((ms * 1e3 * 100.0).round() / 100.0)),
        ms if ms < 999.0 => format!("{} ms", number(ms)),
        ms => format!("{} s", number(ms / 1e3)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(axis: Axis, words: fn(f64) -> String) -> Vec<String> {
        axis.ticks().into_iter().filter(|(_, named)| *named).map(|(at, _)| words(at)).collect()
    }

    #[test]
    fn a_linear_axis_begins_at_nothing_and_ends_at_a_round_number() {
        assert_eq!(named(Axis::linear(480.0), number), ["0", "200", "400", "600"]);
        assert_eq!(named(Axis::linear(1.0), number), ["0", "0.5", "1"]);
        assert_eq!(named(Axis::linear(5_000.0), number), ["0", "2,000", "4,000", "6,000"]);
        assert_eq!(Axis::linear(0.0), Axis::linear(1.0));
        assert_eq!(Axis::linear(f64::NAN), Axis::linear(1.0));
        let axis = Axis::linear(400.0);
        assert_eq!([0.0, 200.0, 400.0, 999.0].map(|value| axis.place(value)), [0.0, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn a_logarithmic_axis_has_whole_decades() {
        let axis = Axis::decades(3.0, 40.0);
        assert_eq!(
            named(axis, milliseconds),
            ["1 ms", "2 ms", "5 ms", "10 ms", "20 ms", "50 ms", "100 ms"]
        );
        assert_eq!(
            [1.0, 10.0, 100.0].map(|ms| (axis.place(ms) * 100.0).round()),
            [0.0, 50.0, 100.0]
        );
        let wide = Axis::decades(0.02, 30_000.0);
        assert_eq!(
            named(wide, milliseconds),
            ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s"]
        );
        assert_eq!(Axis::decades(10.0, 10.0).place(10.0), 0.0);
    }

    #[test]
    fn instants_are_few_and_round() {
        assert_eq!(instants(10.0).len(), 11);
        for seconds in [1.0, 59.0, 61.0, 599.0, 3_600.0, 86_400.0, 30.0 * 86_400.0] {
            let all = instants(seconds);
            assert!((2..=13).contains(&all.len()), "{seconds}: {all:?}");
        }
        assert_eq!(instant(70.0, 100.0), "70 s");
        assert_eq!(instant(70.0, 600.0), "1:10");
        assert_eq!(instant(3_670.0, 7_200.0), "1:01:10");
    }
}
