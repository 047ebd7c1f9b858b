//! What an entry of the catalogue holds.

use crate::record::{Check, Figures, Histogram, MetricKind, Outcomes, Split, Total, Transaction};

/// A figure of a run.
pub struct FigureEntry {
    /// The figure's name; thresholds use it too, where they may be about this figure.
    pub name: &'static str,
    /// What a threshold compares; `None` where no threshold may be about this figure.
    pub judged: Option<Judged>,
    /// The metric that shows the figure while a run goes on; `None` where no metric does.
    pub family: Option<Family>,
}

/// What a threshold compares with its limit, and what the figure is measured on.
pub struct Judged {
    /// What the figure is, in a line.
    pub help: &'static str,
    /// How the figure follows from the counts.
    pub source: Source,
}

/// What a figure is measured on.
pub enum Source {
    /// The whole run.
    Run(Measure<Figures>),
    /// All outermost transactions, or those of one name.
    Transactions(Measure<dyn Timed>),
    /// All checks, or one.
    Checks(Measure<Check>),
    /// One of the scenario's own metrics. The metric's kind decides which statistics there are.
    Own,
}

/// How a figure follows from what was counted.
pub enum Measure<T: ?Sized> {
    /// Times, with those of successes, failures and interrupted work kept apart.
    Split(fn(&T) -> &Split),
    /// Times.
    Times(fn(&T) -> &Histogram),
    /// A part of a whole, and the text to show where there is no whole.
    Share(fn(&T) -> Portion, &'static str),
    /// A number of things, which is shown as a number a second.
    PerSecond(fn(&T) -> u64),
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Portion {
    /// How many belong to the part.
    pub part: u64,
    /// How many there are.
    pub whole: u64,
    /// How many may belong to the part or not: they were cut off before their end was known.
    pub undecided: u64,
}

/// What a figure is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A time.
    Seconds,
    /// A part of a whole.
    Share,
    /// Things a second.
    PerSecond,
    /// Any number.
    Number,
}

/// What all outermost transactions and those of one name have in common.
pub trait Timed {
    /// How many transactions there were.
    fn counts(&self) -> &Outcomes;
    /// End minus actual start.
    fn service(&self) -> &Split;
    /// End minus intended start.
    fn response(&self) -> &Split;
}

/// A family of metrics: one for each value of its labels.
pub struct Family {
    /// The family's name for Prometheus.
    pub name: &'static str,
    /// What the family measures, in a line.
    pub help: &'static str,
    /// The family's labels, beside the labels that each metric of the run has.
    pub labels: &'static [Label],
    /// What is counted of each series.
    pub series: FamilySeries,
}

/// A label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// The values that the label may have, where they are few; empty otherwise.
    pub values: &'static str,
}

/// Receives what was counted of one series. The texts are the values of the series' labels.
pub type Tell<'a, T> = &'a mut dyn FnMut(&[&str], &T);

/// What the series of a family are, and how to read them from the counts.
pub enum FamilySeries {
    /// Numbers of things.
    Counter(fn(&Figures, Tell<'_, u64>)),
    /// Times; one series may be told in several parts.
    Times(fn(&Figures, Tell<'_, Histogram>)),
    /// The scenario's own metrics of this kind. Beside the labels of the family, each series has
    /// the tags that the scenario gave it.
    Own(MetricKind),
}

/// A label, with the values that it may have where they are few.
pub(super) const fn label(name: &'static str, values: &'static str) -> Label {
    Label { name, values }
}

/// What a threshold compares that is about the whole run.
pub(super) const fn of_run(help: &'static str, measure: Measure<Figures>) -> Option<Judged> {
    Some(Judged { help, source: Source::Run(measure) })
}

impl Judged {
    /// The unit in which the figure is measured, and in which a limit is written.
    pub const fn unit(&self) -> Unit {
        match &self.source {
            Source::Run(measure) => measure.unit(),
            Source::Transactions(measure) => measure.unit(),
            Source::Checks(measure) => measure.unit(),
            Source::Own => Unit::Number,
        }
    }

    /// Whether a threshold can be about one transaction, check or metric alone.
    pub const fn can_be_narrowed(&self) -> bool {
        !matches!(self.source, Source::Run(_))
    }

    /// Whether times of successes and of failures are kept apart.
    pub const fn is_split(&self) -> bool {
        matches!(
            self.source,
            Source::Run(Measure::Split(_)) | Source::Transactions(Measure::Split(_))
        )
    }
}

impl<T: ?Sized> Measure<T> {
    const fn unit(&self) -> Unit {
        match self {
            Self::Split(_) | Self::Times(_) => Unit::Seconds,
            Self::Share(..) => Unit::Share,
            Self::PerSecond(_) => Unit::PerSecond,
        }
    }
}

impl FamilySeries {
    /// The kind, as Prometheus calls it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Counter(_) | Self::Own(MetricKind::Counter | MetricKind::Rate) => "counter",
            Self::Own(MetricKind::Gauge) => "gauge",
            Self::Times(_) | Self::Own(MetricKind::Trend) => "histogram",
        }
    }
}

impl Timed for Total {
    fn counts(&self) -> &Outcomes {
        &self.counts
    }

    fn service(&self) -> &Split {
        &self.service
    }

    fn response(&self) -> &Split {
        &self.response
    }
}

impl Timed for Transaction {
    fn counts(&self) -> &Outcomes {
        &self.counts
    }

    fn service(&self) -> &Split {
        &self.service
    }

    fn response(&self) -> &Split {
        &self.response
    }
}
