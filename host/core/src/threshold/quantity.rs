//! What a quantity is of what was counted, and of what it is made.
//!
//! A whole run gives a [`QuantityAmount`]. To say how sure it is, a run is taken apart into pieces
//! and put together anew in other ways, for which a quantity is told in a form that adds up:
//! [`Makings`].

use std::time::Duration;

use super::rule::{Of, Quantity, Side};
use crate::catalogue::{self, Measure, Portion, Source, Timed, Unit};
use crate::record::{
    Censored, Check, Figure, Figures, Histogram, Percentile, Split, Statistic, Trend, Value,
};
use crate::spelling;
use crate::units::{grouped, print_duration, print_rate, print_share};

/// What a quantity is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantityAmount {
    /// What was measured.
    pub value: f64,
    /// What it may be as well, as so many were cut off before they ended; nothing where it is
    /// exact.
    pub otherwise: Option<(f64, u64)>,
}

/// How many samples a percentile is to have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SampleNeed {
    /// As many as reports ask for.
    Enough,
    /// One will do.
    Any,
}

/// How what was counted is looked at.
#[derive(Clone, Copy)]
struct AmountView {
    length: Duration,
    with_cut: bool,
    samples: SampleNeed,
}

impl From<f64> for QuantityAmount {
    fn from(value: f64) -> Self {
        Self { value, otherwise: None }
    }
}

/// What a quantity is made of in a piece of a run. Those of several pieces add up.
#[derive(Clone, Debug)]
pub enum Makings {
    /// A percentile of these times.
    Percentile(Histogram, f64),
    /// One sum by another: a share, a rate, a mean.
    Quotient(f64, f64),
}

impl Quantity {
    /// The name of the figure that it is about, without brackets and what stands after a point.
    pub const fn subject(&self) -> &'static str {
        self.subject.name
    }

    /// The transaction, check or metric that it is narrowed to.
    pub fn narrowed(&self) -> Option<&str> {
        self.narrowed.as_deref()
    }

    /// The statistic that it is, of all times, whether what took them ended well or not; nothing
    /// for any other.
    pub fn statistic(&self) -> Option<Statistic> {
        match self.statistic.of {
            _ if self.statistic.side != Side::Both => None,
            Of::Statistic(statistic) => Some(statistic),
            Of::Percentile(percent) => Percentile::ALL
                .into_iter()
                .find(|known| known.percent() == percent)
                .map(Statistic::Percentile),
            Of::Itself => None,
        }
    }

    /// Whether it has no statistic: it is a share, a rate or a number by itself.
    pub fn is_itself(&self) -> bool {
        self.statistic.of == Of::Itself
    }

    /// What it is measured in.
    pub const fn unit(&self) -> Unit {
        self.subject.judged.unit()
    }

    /// Whether it is the share of all transactions that failed.
    pub(super) fn is_error_rate(&self) -> bool {
        self.subject.name == catalogue::ERROR_RATE && self.narrowed.is_none()
    }

    /// A value of it, with its unit.
    pub fn print(&self, value: f64) -> String {
        match self.unit() {
            Unit::Seconds => print_duration(Duration::try_from_secs_f64(value).unwrap_or_default()),
            Unit::Share => print_share(value),
            Unit::PerSecond => print_rate(value),
            Unit::Number => format!("{value}"),
        }
    }

    /// What it is of these figures, which took `length` to count. Of times of what ended well or of
    /// what failed, `with_cut` counts what was cut off, which may belong to either.
    ///
    /// # Errors
    /// There is nothing that could be told, and why.
    pub fn amount(
        &self,
        figures: &Figures,
        length: Duration,
        with_cut: bool,
    ) -> Result<QuantityAmount, String> {
        self.amount_of(figures, AmountView { length, with_cut, samples: SampleNeed::Enough })
    }

    /// The same however few samples there are for a percentile; nothing where there are none.
    pub(super) fn amount_of_few(
        &self,
        figures: &Figures,
        length: Duration,
        with_cut: bool,
    ) -> Option<QuantityAmount> {
        self.amount_of(figures, AmountView { length, with_cut, samples: SampleNeed::Any }).ok()
    }

    /// Whether it is of an own metric that has values, and no such statistic.
    pub(super) fn is_of_another_kind(&self, figures: &Figures) -> bool {
        let metric = self.narrowed.as_deref().filter(|_| self.subject.is_own());
        metric.is_some_and(|name| figures.metrics.total(name).is_some())
            && self.own(figures, SampleNeed::Any).is_err()
    }

    fn amount_of(&self, figures: &Figures, view: AmountView) -> Result<QuantityAmount, String> {
        match &self.subject.judged.source {
            Source::Run(measure) => self.measured(measure, figures, view),
            Source::Transactions(measure) => self.measured(measure, self.row(figures)?, view),
            Source::Checks(measure) => self.measured(measure, &self.checks(figures)?, view),
            Source::Own => self.own(figures, view.samples).map(QuantityAmount::from),
        }
    }

    /// What it is made of in a piece of a run that lasted `length`; nothing for what does not add
    /// up: the least, the greatest, and a scenario's own metrics.
    pub fn makings(&self, figures: &Figures, length: Duration) -> Option<Makings> {
        match &self.subject.judged.source {
            Source::Run(measure) => self.made_of(measure, Some(figures), length),
            Source::Transactions(measure) => self.made_of(measure, self.row(figures).ok(), length),
            Source::Checks(measure) => {
                self.made_of(measure, self.checks(figures).ok().as_ref(), length)
            }
            Source::Own => None,
        }
    }

    /// A piece in which the name does not occur has nothing of it.
    fn made_of<T: ?Sized>(
        &self,
        measure: &Measure<T>,
        of: Option<&T>,
        length: Duration,
    ) -> Option<Makings> {
        let of_times = |times: Histogram| match self.statistic.of {
            Of::Statistic(Statistic::Mean) => {
                Some(Makings::Quotient(times.sum_ns() as f64 / 1e9, times.count() as f64))
            }
            Of::Statistic(Statistic::Percentile(percentile)) => {
                Some(Makings::Percentile(times, percentile.percent()))
            }
            Of::Percentile(percent) => Some(Makings::Percentile(times, percent)),
            Of::Statistic(Statistic::Min | Statistic::Max) | Of::Itself => None,
        };
        match measure {
            Measure::Split(times) => of_times(of.map_or_else(Histogram::default, |of| {
                let split = times(of);
                match self.statistic.side {
                    Side::Ok => split.ok.clone(),
                    Side::Failed => split.failed.clone(),
                    Side::Both => {
                        let mut all = split.both();
                        all.merge(&split.interrupted);
                        all
                    }
                }
            })),
            Measure::Times(times) => {
                of_times(of.map_or_else(Histogram::default, |of| times(of).clone()))
            }
            Measure::Share(portion, _) => {
                let Portion { part, whole, .. } = of.map(portion).unwrap_or_default();
                Some(Makings::Quotient(part as f64, whole as f64))
            }
            Measure::PerSecond(count) => {
                let count = of.map_or(0, count);
                Some(Makings::Quotient(count as f64, length.as_secs_f64()))
            }
        }
    }

    fn measured<T: ?Sized>(
        &self,
        measure: &Measure<T>,
        of: &T,
        AmountView { length, with_cut, samples }: AmountView,
    ) -> Result<QuantityAmount, String> {
        match measure {
            Measure::Split(times) => self.time(&self.side(times(of), with_cut), samples),
            Measure::Times(times) => self.time(&exact(times(of)), samples),
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

    /// The times of its side.
    fn side(&self, split: &Split, with_cut: bool) -> Censored {
        let ended = match self.statistic.side {
            Side::Both => return split.all(),
            Side::Ok => &split.ok,
            Side::Failed => &split.failed,
        };
        if with_cut { Censored::new(ended.clone(), &split.interrupted) } else { exact(ended) }
    }

    fn time(&self, times: &Censored, samples: SampleNeed) -> Result<QuantityAmount, String> {
        let time = match self.statistic.of {
            Of::Statistic(statistic) => statistic.of(times),
            Of::Percentile(percent) => times.percentile(percent),
            Of::Itself => {
                unreachable!("a time without a statistic is refused when it is read")
            }
        };
        let time = time.or_else(|| times.percentile_seen(self.percent_of(samples)?));
        let Figure { time, is_at_least } = time.ok_or_else(|| self.too_few(times.count()))?;
        Ok(QuantityAmount {
            value: time.as_secs_f64(),
            otherwise: is_at_least.then_some((f64::INFINITY, times.cut())),
        })
    }

    fn own(&self, figures: &Figures, samples: SampleNeed) -> Result<f64, String> {
        let name = self.narrowed.as_deref().expect("an own metric is named when it is read");
        let value = figures.metrics.total(name);
        let value = value.ok_or_else(|| {
            unknown("metric", name, figures.metrics.iter().map(|series| &*series.metric))
        })?;
        let wrong_kind =
            || format!("{name:?} is a {} and has no such statistic", value.kind().name());
        let seen = |trend: &Trend| trend.percentile_seen(self.percent_of(samples)?);
        match (&value, self.statistic.of) {
            (Value::Counter { sum, .. }, Of::Itself) => Ok(*sum),
            (Value::Gauge { last, .. }, Of::Itself) => Ok(*last),
            (Value::Gauge { min, .. }, Of::Statistic(Statistic::Min)) => Ok(*min),
            (Value::Gauge { max, .. }, Of::Statistic(Statistic::Max)) => Ok(*max),
            (Value::Rate { count, nonzero }, Of::Itself) => Ok(*nonzero as f64 / *count as f64),
            (Value::Trend(trend), Of::Statistic(statistic)) => {
                let found = statistic.of_trend(trend).or_else(|| seen(trend));
                found.ok_or_else(|| self.too_few(trend.count()))
            }
            (Value::Trend(trend), Of::Percentile(percent)) => {
                let found = trend.percentile(percent).or_else(|| seen(trend));
                found.ok_or_else(|| self.too_few(trend.count()))
            }
            _ => Err(wrong_kind()),
        }
    }

    /// Which percentile it is.
    const fn percent(&self) -> Option<f64> {
        match self.statistic.of {
            Of::Percentile(percent) => Some(percent),
            Of::Statistic(Statistic::Percentile(percentile)) => Some(percentile.percent()),
            Of::Statistic(_) | Of::Itself => None,
        }
    }

    /// Which percentile it is, if any number of samples will do.
    fn percent_of(&self, samples: SampleNeed) -> Option<f64> {
        self.percent().filter(|_| samples == SampleNeed::Any)
    }

    fn too_few(&self, samples: u64) -> String {
        match self.percent().filter(|_| samples > 0) {
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

fn share(
    Portion { part, whole, undecided }: Portion,
    otherwise: &str,
) -> Result<QuantityAmount, String> {
    if whole == 0 {
        return Err(otherwise.to_owned());
    }
    let part_of = |part: u64| part as f64 / whole as f64;
    Ok(QuantityAmount {
        value: part_of(part),
        otherwise: (undecided > 0).then(|| (part_of(part + undecided), undecided)),
    })
}

fn rate(count: u64, length: Duration) -> Result<QuantityAmount, String> {
    if length.is_zero() {
        Err("nothing was measured".to_owned())
    } else {
        Ok(QuantityAmount::from(count as f64 / length.as_secs_f64()))
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match spelling::nearest(name, known) {
        Some(near) => format!("no {what} {name:?} was seen; did you mean {near:?}?"),
        None => format!("no {what} {name:?} was seen"),
    }
}
