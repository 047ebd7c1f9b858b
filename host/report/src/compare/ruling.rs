//! What must not differ by more than a margin: `--fail-if 'response.p95 > +5%'`.
//!
//! It fails where the whole interval lies beyond the margin: what was found must not be explained
//! by what varies. Each margin was named before anybody looked, so its interval is its own,
//! whatever else is in the table. Of what is not known nobody can say that it is well, so it fails,
//! too, as a threshold without data does.

use schemars::JsonSchema;
use serde::Serialize;
use swell_core::threshold::{By, Margin};

use super::method::Method;
use super::table::Sides;
use super::words::{change, ends};

/// What became of a margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MarginRuling {
    /// The difference may lie within it.
    Passed,
    /// It surely lies beyond.
    Failed,
    /// There is no interval to compare with.
    NoData,
}

/// A margin and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MarginReport {
    /// As it is written on the command line.
    pub rule: String,
    /// What became of it.
    pub ruling: MarginRuling,
    /// What was found, and how weak the evidence is.
    pub found: String,
}

/// Judges one.
pub(super) fn rule(sides: &Sides<'_>, margin: &Margin) -> MarginReport {
    let (ruling, found) = judge(sides, margin);
    MarginReport { rule: margin.to_string(), ruling, found }
}

fn judge(sides: &Sides<'_>, margin: &Margin) -> (MarginRuling, String) {
    let quantity = margin.quantity();
    let found = match sides.find(quantity) {
        Ok(found) => found,
        Err(why) => {
            let why = ["A", "B"].iter().zip(why);
            let why = why.filter_map(|(side, why)| Some(format!("{side}: {}", why?)));
            return (MarginRuling::NoData, why.collect::<Vec<_>>().join("; "));
        }
    };
    let Some((difference, interval)) = found.difference() else {
        return (MarginRuling::NoData, no_interval(sides.method).to_owned());
    };
    // A part is told of what A has, and an amount in the unit.
    let base = found.values()[0];
    let as_asked = |value: f64| match (margin.by(), found.is_relative()) {
        (By::Part(_), true) | (By::Amount(_), false) => Some(value),
        (By::Amount(_), true) => Some(value * base),
        (By::Part(_), false) => (base > 0.0).then(|| value / base),
    };
    let (Some(low), Some(high)) = (as_asked(interval[0]), as_asked(interval[1])) else {
        let none = "A has none of it: say the margin in its own unit, and not as a part".to_owned();
        return (MarginRuling::NoData, none);
    };
    let is_beyond = margin.is_beyond(low) && margin.is_beyond(high);
    let unit = quantity.unit();
    let words = format!(
        "{}, 95 % sure {}; {}",
        change(difference, found.is_relative(), unit),
        ends(interval, found.is_relative(), unit),
        evidence(sides)
    );
    (if is_beyond { MarginRuling::Failed } else { MarginRuling::Passed }, words)
}

const fn no_interval(method: Method) -> &'static str {
    match method {
        Method::TotalsOfTwoRuns => {
            "the totals of two runs have no interval: give records, or several runs of each"
        }
        _ => "no interval is known: the runs are too short, or have too few of it",
    }
}

/// How weak it is.
fn evidence(sides: &Sides<'_>) -> String {
    match sides.method {
        Method::TotalsOfTwoRuns | Method::TwoRuns => {
            "weak evidence: one run of each, and equal runs may differ as much".to_owned()
        }
        Method::FewRuns => format!(
            "some evidence: {} runs against {}, if runs spread as the normal law says",
            sides.a.len(),
            sides.b.len()
        ),
        Method::ManyRuns => {
            format!("evidence of {} runs against {}", sides.a.len(), sides.b.len())
        }
    }
}
