//! The scales of charts: where they begin and end, and what stands beside them.

use swell_core::units::grouped;

/// A logarithmic scale of milliseconds, which goes from one power of ten to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogScale {
    /// Powers of ten.
    from: i32,
    until: i32,
    /// How many decades there are from one label to the next.
    step: i32,
}

impl LogScale {
    /// The scale on which all values are, with at most so many labels. Without values it is about a
    /// millisecond.
    pub(super) fn of(values: impl Iterator<Item = f64>, labels: usize) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(|value| *value > 0.0) {
            (least, most) = (least.min(value), most.max(value));
        }
        if most == 0.0 {
            (least, most) = (0.1, 10.0);
        }
        // A time just below a power of ten is drawn at its line.
        let from = (least * 1.001).log10().floor() as i32;
        let until = ((most * 0.999).log10().ceil() as i32).max(from + 1);
        let parts = i32::try_from(labels.max(2) - 1).unwrap_or(i32::MAX);
        let step = (until - from + parts - 1) / parts;
        // All steps are whole ones.
        let until = from + (until - from + step - 1) / step * step;
        Self { from, until, step }
    }

    /// Where a value stands.
    pub(super) fn place(self, ms: f64) -> f64 {
        ms.max(f64::MIN_POSITIVE).log10().clamp(f64::from(self.from), f64::from(self.until))
    }

    pub(super) fn bounds(self) -> [f64; 2] {
        [f64::from(self.from), f64::from(self.until)]
    }

    /// From the bottom to the top.
    pub(super) fn labels(self) -> Vec<String> {
        let step = usize::try_from(self.step).unwrap_or(1);
        let powers = (self.from..=self.until).step_by(step);
        powers.map(in_short).collect()
    }
}

/// So many milliseconds, of which this is the power of ten, as "100 µs", "10 ms" or "1 s".
fn in_short(power: i32) -> String {
    let (unit, of_unit) = match power {
        3.. => ("s", power - 3),
        0..3 => ("ms", power),
        ..0 => ("µs", power + 3),
    };
    // Below a microsecond it is a part of one.
    format!("{} {unit}", 10_f64.powi(of_unit))
}

/// Ends of a scale, and their tens.
const ENDS: [f64; 10] = [1.0, 1.2, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];

/// The end of a scale that begins at zero, which no value exceeds, with three labels.
pub(super) fn linear(values: impl Iterator<Item = f64>) -> (f64, [String; 3]) {
    let most = values.fold(0.0_f64, f64::max).max(1.0);
    let decade = 10_f64.powf(most.log10().floor());
    let end = ENDS.map(|part| part * decade);
    let end = end.into_iter().find(|end| *end * 1.000_1 >= most).unwrap_or(most);
    let label = |value: f64| {
        if value.fract() == 0.0 { grouped(value as u64) } else { format!("{value:.1}") }
    };
    (end, [label(0.0), label(end / 2.0), label(end)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: &[f64], most: usize) -> Vec<String> {
        LogScale::of(values.iter().copied(), most).labels()
    }

    #[test]
    fn a_logarithmic_scale_has_powers_of_ten_and_no_more_labels_than_there_is_room() {
        assert_eq!(labels(&[1.5, 80.0], 5), ["1 ms", "10 ms", "100 ms"]);
        assert_eq!(labels(&[2.0, 3.0], 5), ["1 ms", "10 ms"]);
        assert_eq!(labels(&[0.02, 900.0], 3), ["10 µs", "10 ms", "10 s"]);
        assert_eq!(labels(&[], 5), ["100 µs", "1 ms", "10 ms"]);
        assert_eq!(labels(&[10.0, 100.0], 9), ["10 ms", "100 ms"]);
        for room in 2..9 {
            assert!(labels(&[0.001, 3e6], room).len() <= room);
        }
    }

    #[test]
    fn each_value_stands_on_the_scale() {
        let values = [0.3, 7.0, 450.0];
        let scale = LogScale::of(values.into_iter(), 4);
        let [from, until] = scale.bounds();
        assert!(values.iter().all(|ms| (from..=until).contains(&scale.place(*ms))));
        assert_eq!(scale.place(0.0), from);
    }

    #[test]
    fn a_rate_has_a_round_end() {
        assert_eq!(linear([98.0, 104.0].into_iter()).1, ["0", "60", "120"]);
        assert_eq!(linear([5_000.0].into_iter()).1, ["0", "2,500", "5,000"]);
        assert_eq!(linear(std::iter::empty()).1, ["0", "0.5", "1"]);
    }
}
