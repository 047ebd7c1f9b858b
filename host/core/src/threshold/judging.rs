//! What a threshold comes to.

use std::time::Duration;

use super::rule::{Of, Side, Threshold};
use crate::catalogue::{self, Measure, Portion, Source, Timed, Unit};
use crate::record::{Censored, Check, Figure, Figures, Histogram, Split, Statistic, Value};
use crate::spelling;
use crate::units::{grouped, print_duration, print_rate, print_share};

/// What a threshold came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It holds.
    Passed {
        /// What was measured, as a report shows it.
        measured: String,
    },
    /// It does not.
    Failed {
        /// What was measured, as a report shows it.
        measured: String,
    },
    /// There is nothing to compare, which fails it too.
    NoData {
        /// Why, and which name may have been meant.
        reason: String,
    },
}

impl Outcome {
    /// Whether the run passes as far as this threshold goes.
    pub const fn passed(&self) -> bool {
        matches!(self, Self::Passed { .. })
    }
}

/// What was found to compare with the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Found {
    value: f64,
    /// What it may be as well, as so many were cut off before they ended; nothing where it is
    /// exact.
    otherwise: Option<(f64, u64)>,
}

impl From<f64> for Found {
    fn from(value: f64) -> Self {
        Self { value, otherwise: None }
    }
}

impl Threshold {
    /// Whether it says which part of all transactions may fail.
    pub fn is_about_failures(&self) -> bool {
        self.subject.name == catalogue::ERROR_RATE && self.narrowed.is_none()
    }

    /// Compares with the figures of the measured part, which lasted `length`.
    pub fn evaluate(&self, measured: &Figures, length: Duration) -> Outcome {
        let found = match self.value(measured, length) {
            Ok(found) => found,
            Err(reason) => return Outcome::NoData { reason },
        };
        let print = |value: f64| match self.subject.judged.unit() {
            Unit::Seconds => print_duration(Duration::from_secs_f64(value)),
            Unit::Share => print_share(value),
            Unit::PerSecond => print_rate(value),
            Unit::Number => format!("{value}"),
        };
        let measured = match found.otherwise {
            None => print(found.value),
            Some((f64::INFINITY, cut)) => format!(
                "≥ {}, as {} were cut off before they ended",
                print(found.value),
                grouped(cut)
            ),
            Some((most, cut)) => {
                format!(
                    "{} to {}, as {} were cut off before they ended",
                    print(found.value),
                    print(most),
                    grouped(cut)
                )
            }
        };
        let ways = [Some(found.value), found.otherwise.map(|(value, _)| value)];
        let holds =
            ways.into_iter().flatten().all(|value| self.comparison.holds(value, self.limit));
        if holds { Outcome::Passed { measured } } else { Outcome::Failed { measured } }
    }

    fn value(&self, figures: &Figures, length: Duration) -> Result<Found, String> {
        match &self.subject.judged.source {
            Source::Run(measure) => self.measured(measure, figures, length),
            Source::Transactions(measure) => self.measured(measure, self.row(figures)?, length),
            Source::Checks(measure) => self.measured(measure, &self.checks(figures)?, length),
            Source::Own => self.own(figures).map(Found::from),
        }
    }

    fn measured<T: ?Sized>(
        &self,
        measure: &Measure<T>,
        of: &T,
        length: Duration,
    ) -> Result<Found, String> {
        match measure {
            Measure::Split(times) => self.time(&self.side(times(of))),
            Measure::Times(times) => self.time(&exact(times(of))),
            Measure::Share(portion, lacks) => share(portion(of), lacks),
            Measure::PerSecond(count) => rate(count(of), length),
        }
    }

    /// The transactions that it is about: those of one name, or all.
    fn row<'a>(&self, figures: &'a Figures) -> Result<&'a (dyn Timed + 'static), String> {
        let Some(name) = &self.narrowed else { return Ok(&figures.total) };
        let row = figures.transactions.row(name);
        let row = row.ok_or_else(|| {
            unknown("transaction", name, figures.transactions.iter().map(|(name, _)| name))
        })?;
        Ok(row)
    }

    /// The check that it is about, or all together.
    fn checks(&self, figures: &Figures) -> Result<Check, String> {
        let Some(name) = &self.narrowed else {
            let mut all = Check::default();
            figures.checks.iter().for_each(|(_, check)| all.merge(check));
            return Ok(all);
        };
        let check = figures.checks.row(name).copied();
        check.ok_or_else(|| unknown("check", name, figures.checks.iter().map(|(name, _)| name)))
    }

    /// The times of its side. What was cut off may belong to either, so a limit above holds with
    /// it, and one below without.
    fn side(&self, split: &Split) -> Censored {
        let ended = match self.statistic.side {
            Side::Both => return split.all(),
            Side::Ok => &split.ok,
            Side::Failed => &split.failed,
        };
        if self.comparison.is_above() {
            Censored::new(ended.clone(), &split.interrupted)
        } else {
            exact(ended)
        }
    }

    fn time(&self, times: &Censored) -> Result<Found, String> {
        let time = match self.statistic.of {
            Of::Statistic(statistic) => statistic.of(times),
            Of::Percentile(percent) => times.percentile(percent),
            Of::Itself => {
                unreachable!("a time without a statistic is refused when the threshold is read")
            }
        };
        let Figure { time, is_at_least } = time.ok_or_else(|| self.too_few(times.count()))?;
        Ok(Found {
            value: time.as_secs_f64(),
            otherwise: is_at_least.then_some((f64::INFINITY, times.cut())),
        })
    }

    fn own(&self, figures: &Figures) -> Result<f64, String> {
        let name =
            self.narrowed.as_deref().expect("an own metric is named when the threshold is read");
        let value = figures.metrics.total(name);
        let value = value.ok_or_else(|| {
            unknown("metric", name, figures.metrics.iter().map(|series| &*series.metric))
        })?;
        let wrong_kind =
            || format!("{name:?} is a {} and has no such statistic", value.kind().name());
        match (&value, self.statistic.of) {
            (Value::Counter { sum, .. }, Of::Itself) => Ok(*sum),
            (Value::Gauge { last, .. }, Of::Itself) => Ok(*last),
            (Value::Gauge { min, .. }, Of::Statistic(Statistic::Min)) => Ok(*min),
            (Value::Gauge { max, .. }, Of::Statistic(Statistic::Max)) => Ok(*max),
            (Value::Rate { count, nonzero }, Of::Itself) => Ok(*nonzero as f64 / *count as f64),
            (Value::Trend(trend), Of::Statistic(statistic)) => {
                statistic.of_trend(trend).ok_or_else(|| self.too_few(trend.count()))
            }
            (Value::Trend(trend), Of::Percentile(percent)) => {
                trend.percentile(percent).ok_or_else(|| self.too_few(trend.count()))
            }
            _ => Err(wrong_kind()),
        }
    }

    fn too_few(&self, samples: u64) -> String {
        let percent = match self.statistic.of {
            Of::Percentile(percent) => Some(percent),
            Of::Statistic(Statistic::Percentile(percentile)) => Some(percentile.percent()),
            Of::Statistic(_) | Of::Itself => None,
        };
        match percent.filter(|_| samples > 0) {
            Some(percent) => format!(
                "p{percent} needs {} samples, there are {}",
                grouped(Histogram::samples_needed(percent)),
                grouped(samples)
            ),
            None => "there are no samples".to_owned(),
        }
    }
}

fn exact(times: &Histogram) -> Censored {
    Censored::new(times.clone(), &Histogram::default())
}

fn share(Portion { part, whole, undecided }: Portion, otherwise: &str) -> Result<Found, String> {
    if whole == 0 {
        return Err(otherwise.to_owned());
    }
    let part_of = |part: u64| part as f64 / whole as f64;
    Ok(Found {
        value: part_of(part),
        otherwise: (undecided > 0).then(|| (part_of(part + undecided), undecided)),
    })
}

fn rate(count: u64, length: Duration) -> Result<Found, String> {
    if length.is_zero() {
        Err("nothing was measured".to_owned())
    } else {
        Ok(Found::from(count as f64 / length.as_secs_f64()))
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match spelling::nearest(name, known) {
        Some(near) => format!("no {what} {name:?} was seen; did you mean {near:?}?"),
        None => format!("no {what} {name:?} was seen"),
    }
}
