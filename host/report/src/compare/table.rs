//! The figures that are held against each other, and what is found of each.

use schemars::JsonSchema;
use serde::Serialize;
use swell_core::catalogue::Unit;
use swell_core::threshold::{Quantity, QuantityAmount};

use super::between::{self, Deals, median};
use super::chance::{CHANCE, corrected};
use super::method::Method;
use super::run::ComparedRun;
use super::told::{Scale, Told};
use super::within::{self, Draws, Sampled};

/// What decides the resamples. Any number would do; a fixed one says the same of the same runs.
const SEED: u64 = 14;

/// What is told of all transactions together, where there are samples for it.
const FIGURES: [&str; 7] = [
    "response.mean",
    "response.p50",
    "response.p95",
    "response.p99",
    "error_rate",
    "throughput",
    "unsent",
];

/// The figure that leads, which most objectives and thresholds are about, and what each of the
/// others weighs beside it: so little that five runs a side may still tell it by two exchanged
/// ranks.
const LEADS: &str = "response.p95";
const FOLLOWS: f64 = 0.2;

/// What is told of those of one name. The service time leads there, as it does in a report.
const OF_A_NAME: [(&str, &str); 3] = [("service", ".p50"), ("service", ".p95"), ("error_rate", "")];

/// One figure of both sides.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FigureComparison {
    /// Its name, as thresholds have it.
    pub figure: String,
    /// What the values are in: "s", "share", "1/s" or "".
    pub unit: &'static str,
    /// The value of the first side; of several runs the median. Absent where one of them has too
    /// few samples.
    pub a: Option<f64>,
    /// The same of the second.
    pub b: Option<f64>,
    /// Whether values would be greater, or the same, had nothing been cut off.
    #[serde(skip_serializing_if = "is_exact")]
    pub at_least: [bool; 2],
    /// Whether the difference is told as a part of the first value, and not in the unit.
    pub is_relative: bool,
    /// How much more the second side has; with several runs the median of what pairs of runs differ
    /// by. Absent where it is not known.
    pub difference: Option<f64>,
    /// Where that may lie, with 95 %; an end that is not known is absent.
    pub interval: Option<[Option<f64>; 2]>,
    /// How often chance alone is as far from zero.
    pub p: Option<f64>,
    /// How often chance alone shows this, or any figure of the table that is as sure.
    pub p_of_table: Option<f64>,
    /// What is found.
    pub finding: FigureFinding,
    /// Why there is no more to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

fn is_exact(at_least: &[bool; 2]) -> bool {
    *at_least == [false; 2]
}

/// What is found of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum FigureFinding {
    /// Its whole interval lies on one side of zero, and chance shows that in one of twenty tables
    /// at most.
    #[serde(rename = "differs")]
    Differs,
    /// The interval lies on one side of zero, as chance has it in some row of a table of this
    /// length.
    #[serde(rename = "may be chance")]
    MayBeChance,
    /// Zero is in the interval.
    #[serde(rename = "cannot tell")]
    CannotTell,
    /// Both have the same, and nothing says that it might be otherwise.
    #[serde(rename = "the same")]
    Same,
    /// No interval is known.
    #[serde(rename = "not known")]
    NotKnown,
}

/// Both sides, ready to be asked for figures.
pub(super) struct Sides<'a> {
    pub(super) a: &'a [ComparedRun],
    pub(super) b: &'a [ComparedRun],
    pub(super) method: Method,
    draws: Option<[Draws; 2]>,
    deals: Option<Deals>,
}

/// A figure of both sides, on the scale on which it differs.
pub(super) struct Found {
    scale: Scale,
    /// The values of each run.
    values: [Vec<f64>; 2],
    at_least: [bool; 2],
    pub(super) told: Option<Told>,
}

/// Why each side does not have a figure, if it does not.
pub(super) type MissingSides = [Option<String>; 2];

/// A figure that was asked for, and what is known of it.
type AskedRow = (Quantity, Result<Found, MissingSides>);

impl<'a> Sides<'a> {
    pub(super) fn new(a: &'a [ComparedRun], b: &'a [ComparedRun]) -> Self {
        let method = Method::of(a, b);
        let draws = (method == Method::TwoRuns).then(|| {
            let draws = |runs: &[ComparedRun], run| Draws::new(runs[0].pieces()?, SEED, run);
            Some([draws(a, 0)?, draws(b, 1)?])
        });
        let deals = (method == Method::ManyRuns).then(|| Deals::new(a.len(), b.len(), SEED));
        Self { a, b, method, draws: draws.flatten(), deals }
    }

    /// The figures of all transactions together.
    pub(super) fn figures(&self) -> Vec<FigureComparison> {
        let quantities = FIGURES.iter().filter(|name| **name != "unsent" || self.has_unsent());
        self.table(quantities.map(|name| quantity(name)))
    }

    /// Those of the transactions of each name that both sides have, if there are several.
    pub(super) fn by_name(&self) -> Vec<FigureComparison> {
        let [a, b] = [self.a, self.b]
            .map(|side| side.iter().map(ComparedRun::names).reduce(|one, other| &one & &other));
        let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
        if a.len().max(b.len()) < 2 {
            return Vec::new();
        }
        self.table(a.intersection(&b).flat_map(|name| {
            OF_A_NAME.map(|(of, statistic)| quantity(&format!("{of}[{name}]{statistic}")))
        }))
    }

    fn has_unsent(&self) -> bool {
        let unsent = quantity("unsent");
        let mut runs = self.a.iter().chain(self.b);
        runs.any(|run| run.share(&unsent).is_some_and(|(part, _)| part > 0.0))
    }

    /// A table of these figures, each as sure as it may be said among the others. What neither side
    /// has is left out.
    fn table(&self, quantities: impl Iterator<Item = Quantity>) -> Vec<FigureComparison> {
        let found: Vec<AskedRow> = quantities
            .map(|quantity| {
                let found = self.find(&quantity);
                (quantity, found)
            })
            .filter(|(_, found)| !matches!(found, Err([Some(_), Some(_)])))
            .collect();
        let told: Vec<&Told> =
            found.iter().filter_map(|(_, found)| found.as_ref().ok()?.told.as_ref()).collect();
        let p: Vec<f64> = told.iter().map(|told| told.p).collect();
        let null: Vec<Vec<f64>> = told.iter().map(|told| told.null.clone()).collect();
        let weight = |(quantity, found): &AskedRow| {
            let is_known = found.as_ref().is_ok_and(|found| found.told.is_some());
            is_known.then_some(if quantity.to_string() == LEADS { 1.0 } else { FOLLOWS })
        };
        let weights: Vec<f64> = found.iter().filter_map(weight).collect();
        let mut of_table = corrected(&p, &null, &weights).into_iter();
        let row = |(quantity, found): &AskedRow| match found {
            Ok(found) => {
                let p = if found.told.is_some() { of_table.next() } else { None };
                found.row(quantity, p)
            }
            Err(why) => self.missing(quantity, why),
        };
        found.iter().map(row).collect()
    }

    /// What is known of a figure.
    ///
    /// # Errors
    /// A side does not have it, and why.
    pub(super) fn find(&self, quantity: &Quantity) -> Result<Found, MissingSides> {
        let amounts = [self.a, self.b].map(|side| {
            side.iter()
                .map(|run| run.amount(quantity))
                .collect::<Result<Vec<QuantityAmount>, String>>()
        });
        let [Ok(a), Ok(b)] = &amounts else {
            return Err(amounts.map(Result::err));
        };
        let values = [a, b].map(|side| side.iter().map(|amount| amount.value).collect::<Vec<_>>());
        let at_least = [a, b].map(|side| side.iter().any(|amount| amount.otherwise.is_some()));
        let is_positive = values.iter().flatten().all(|value| *value > 0.0);
        let scale =
            if is_positive && quantity.unit() != Unit::Share { Scale::Part } else { Scale::Amount };
        let mut found = Found { scale, values, at_least, told: None };
        found.told = self.tell(quantity, &found);
        if let Some(told) = &mut found.told {
            // Had nothing been cut off, a side that is "at least" might have any more.
            told.low = if at_least[0] { f64::NEG_INFINITY } else { told.low };
            told.high = if at_least[1] { f64::INFINITY } else { told.high };
            told.p = if told.excludes_zero() || at_least == [false; 2] { told.p } else { 1.0 };
        }
        Ok(found)
    }

    fn tell(&self, quantity: &Quantity, found: &Found) -> Option<Told> {
        let Found { scale, values, .. } = found;
        let on_scale =
            || values.each_ref().map(|side| side.iter().map(|value| scale.of(*value)).collect());
        match self.method {
            Method::TotalsOfTwoRuns => None,
            Method::TwoRuns => {
                let [first, second] = self.draws.as_ref()?;
                let runs = [
                    Sampled { pieces: self.a[0].pieces()?, draws: first },
                    Sampled { pieces: self.b[0].pieces()?, draws: second },
                ];
                within::told(quantity, *scale, [values[0][0], values[1][0]], &runs)
            }
            Method::FewRuns => {
                let [first, second]: [Vec<f64>; 2] = on_scale();
                let resolution = scale.resolution().max(self.error_of_counts(quantity));
                Some(between::by_means(&first, &second, resolution))
            }
            Method::ManyRuns => {
                let [first, second]: [Vec<f64>; 2] = on_scale();
                Some(between::by_ranks(&first, &second, self.deals.as_ref()?))
            }
        }
    }

    /// The row of what one side does not have.
    fn missing(&self, quantity: &Quantity, why: &MissingSides) -> FigureComparison {
        let value = |side: &[ComparedRun]| {
            let values = side.iter().map(|run| run.amount(quantity).map(|amount| amount.value));
            let mut values = values.collect::<Result<Vec<f64>, String>>().ok()?;
            values.sort_by(f64::total_cmp);
            Some(median(&values))
        };
        let words = ["A", "B"].iter().zip(why);
        let words =
            words.filter_map(|(side, why)| why.as_ref().map(|why| format!("{side}: {why}")));
        FigureComparison {
            figure: quantity.to_string(),
            unit: unit(quantity),
            a: value(self.a),
            b: value(self.b),
            at_least: [false; 2],
            is_relative: false,
            difference: None,
            interval: None,
            p: None,
            p_of_table: None,
            finding: FigureFinding::NotKnown,
            why: Some(words.collect::<Vec<_>>().join("; ")),
        }
    }

    /// The standard error that the difference of two shares has by the number of what was counted
    /// alone: few runs without a failure do not show that there never is one.
    fn error_of_counts(&self, quantity: &Quantity) -> f64 {
        let sum = |side: &[ComparedRun]| {
            side.iter()
                .filter_map(|run| run.share(quantity))
                .fold((0.0, 0.0), |sum, of| (sum.0 + of.0, sum.1 + of.1))
        };
        if quantity.unit() != Unit::Share {
            return 0.0;
        }
        let [(part, whole), (other_part, other_whole)] = [sum(self.a), sum(self.b)];
        let share = (part + other_part + 0.5) / (whole + other_whole + 1.0);
        (share * (1.0 - share) * (1.0 / whole + 1.0 / other_whole)).sqrt()
    }

    /// How many samples the response times of both runs are worth, in words.
    pub(super) fn worth(&self) -> Option<[(f64, u64); 2]> {
        if self.method != Method::TwoRuns {
            return None;
        }
        let response = quantity("response.p50");
        let worth = |side: &[ComparedRun]| within::effective(&response, side[0].pieces()?);
        Some([worth(self.a)?, worth(self.b)?])
    }
}

/// A quantity of the catalogue.
fn quantity(name: &str) -> Quantity {
    name.parse().expect("the catalogue has it")
}

impl Found {
    /// The difference as it is told, with the ends of its interval.
    pub(super) fn difference(&self) -> Option<(f64, [f64; 2])> {
        let told = self.told.as_ref()?;
        let [difference, low, high] =
            [told.difference, told.low, told.high].map(|value| self.scale.told(value));
        Some((difference, [low, high]))
    }

    pub(super) const fn is_relative(&self) -> bool {
        matches!(self.scale, Scale::Part)
    }

    /// The value of each side.
    pub(super) fn values(&self) -> [f64; 2] {
        self.values.each_ref().map(|side| {
            let mut sorted = side.clone();
            sorted.sort_by(f64::total_cmp);
            median(&sorted)
        })
    }

    /// The row of a table in which chance shows it so often.
    fn row(&self, quantity: &Quantity, p_of_table: Option<f64>) -> FigureComparison {
        let [a, b] = self.values();
        let finding = match (&self.told, p_of_table) {
            (Some(told), Some(p)) if told.excludes_zero() && p <= CHANCE => FigureFinding::Differs,
            (Some(told), _) if told.excludes_zero() => FigureFinding::MayBeChance,
            (Some(told), _) if told.low == 0.0 && told.high == 0.0 => FigureFinding::Same,
            (Some(_), _) => FigureFinding::CannotTell,
            (None, _) if a == b => FigureFinding::Same,
            (None, _) => FigureFinding::NotKnown,
        };
        let known = self.difference();
        let finite = |value: f64| value.is_finite().then_some(value);
        let is_part = self.is_relative();
        let plain = if is_part { b / a - 1.0 } else { b - a };
        FigureComparison {
            figure: quantity.to_string(),
            unit: unit(quantity),
            a: Some(a),
            b: Some(b),
            at_least: self.at_least,
            is_relative: is_part,
            difference: Some(known.map_or(plain, |(difference, _)| difference)),
            interval: known.map(|(_, ends)| ends.map(finite)),
            p: self.told.as_ref().map(|told| told.p),
            p_of_table,
            finding,
            why: None,
        }
    }
}

const fn unit(quantity: &Quantity) -> &'static str {
    match quantity.unit() {
        Unit::Seconds => "s",
        Unit::Share => "share",
        Unit::PerSecond => "1/s",
        Unit::Number => "",
    }
}
