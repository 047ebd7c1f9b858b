//! Rows of a comparison in words, as text and Markdown have them.

use swell_core::catalogue::Unit;
use swell_core::plain::line;
use swell_core::threshold::Quantity;

use super::method::Method;
use super::table::{FigureComparison, FigureFinding};

/// A row as texts.
pub(super) struct Cells {
    pub(super) a: String,
    pub(super) b: String,
    pub(super) change: String,
    pub(super) interval: String,
}

impl Cells {
    pub(super) fn of(row: &FigureComparison) -> Self {
        let quantity: Option<Quantity> = row.figure.parse().ok();
        let unit = quantity.as_ref().map_or(Unit::Number, Quantity::unit);
        let value = |value: Option<f64>, is_at_least: bool| match (value, &quantity) {
            (Some(value), Some(quantity)) => {
                format!("{}{}", if is_at_least { "≥ " } else { "" }, quantity.print(value))
            }
            _ => "n/a".to_owned(),
        };
        let open = |end: Option<f64>, otherwise: f64| end.unwrap_or(otherwise);
        Self {
            a: value(row.a, row.at_least[0]),
            b: value(row.b, row.at_least[1]),
            change: row
                .difference
                .map_or_else(String::new, |difference| change(difference, row.is_relative, unit)),
            interval: row.interval.map_or_else(String::new, |[low, high]| {
                let interval = [open(low, f64::NEG_INFINITY), open(high, f64::INFINITY)];
                ends(interval, row.is_relative, unit)
            }),
        }
    }
}

/// What was found of a row, in words.
pub(super) fn found(row: &FigureComparison, method: Method) -> String {
    match (row.finding, method, &row.why) {
        (_, _, Some(why)) => line(why).to_string(),
        (FigureFinding::Differs, Method::TwoRuns, _) => "differs within these two runs".to_owned(),
        (FigureFinding::Differs, ..) => "differs".to_owned(),
        (FigureFinding::MayBeChance, ..) => "may be chance".to_owned(),
        (FigureFinding::CannotTell, ..) => "cannot tell".to_owned(),
        (FigureFinding::Same, ..) => "the same".to_owned(),
        (FigureFinding::NotKnown, Method::TotalsOfTwoRuns, _) => "no interval is known".to_owned(),
        (FigureFinding::NotKnown, ..) => "too few samples to tell".to_owned(),
    }
}

/// A difference with its sign: as a part of the first side's value, or in the unit.
pub(super) fn change(difference: f64, is_relative: bool, unit: Unit) -> String {
    if !difference.is_finite() {
        return if difference > 0.0 { "any more" } else { "any less" }.to_owned();
    }
    let sign = if difference < 0.0 { "-" } else { "+" };
    let size = difference.abs();
    match (is_relative, unit) {
        (true, _) if size >= 9.995 => format!("{sign}{:.1} x", size),
        (true, _) => format!("{sign}{} %", digits(size * 100.0)),
        (false, Unit::Share) => format!("{sign}{} pt", digits(size * 100.0)),
        (false, Unit::Seconds) => format!("{sign}{} ms", digits(size * 1e3)),
        (false, Unit::PerSecond) => format!("{sign}{}/s", digits(size)),
        (false, Unit::Number) => format!("{sign}{}", digits(size)),
    }
}

/// The ends of an interval.
pub(super) fn ends([low, high]: [f64; 2], is_relative: bool, unit: Unit) -> String {
    let words = |end| change(end, is_relative, unit);
    // Nothing is less than none.
    let is_bound = low.is_finite() && !(is_relative && low <= -1.0);
    match (is_bound, high.is_finite()) {
        (true, true) => format!("{} to {}", words(low), words(high)),
        (true, false) => format!("{} or more", words(low)),
        (false, true) => format!("{} or less", words(high)),
        (false, false) => "anything".to_owned(),
    }
}

/// Two digits that say something; more would be noise.
fn digits(number: f64) -> String {
    match number {
        ..0.0005 => "0".to_owned(),
        ..0.0995 => format!("{number:.3}"),
        ..0.995 => format!("{number:.2}"),
        ..99.5 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}
