//! What an entry of the catalogue holds.

use crate::record::{Check, Figures, Histogram, Outcomes, Split, Total, Transaction};

/// A figure of a run.
pub struct FigureEntry {
    /// Its name; where it is judged, the one that a threshold has for it.
    pub name: &'static str,
    /// What a threshold compares; nothing where no threshold is about it.
    pub judged: Option<Judged>,
    /// The metric that shows it while a run goes on; nothing where none does.
    pub family: Option<Family>,
}

/// What a threshold compares, and what it is measured on.
pub struct Judged {
    /// What it is, in a line.
    pub help: &'static str,
    /// How it follows from the counts.
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
    /// One of the scenario's own metrics, whose kind decides what there is.
    Own,
}

/// How a figure follows from what was counted.
pub enum Measure<T: ?Sized> {
    /// Times, kept apart by how what took them ended.
    Split(fn(&T) -> &Split),
    /// Times.
    Times(fn(&T) -> &Histogram),
    /// A part of a whole; with what to say where there is no whole.
    Share(fn(&T) -> Portion, &'static str),
    /// A number of things, which is told by the second.
    PerSecond(fn(&T) -> u64),
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// How many belong to the part.
    pub part: u64,
    /// How many there are.
    pub whole: u64,
    /// How many may belong to the part or not, as they were cut off before it was known.
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
    /// How many.
    fn counts(&self) -> &Outcomes;
    /// End minus actual start.
    fn service(&self) -> &Split;
    /// End minus intended start.
    fn response(&self) -> &Split;
}

/// A family of metrics: one for each value of its labels.
pub struct Family {
    /// Its name for Prometheus.
    pub name: &'static str,
    /// What it is, in a line.
    pub help: &'static str,
    /// Its labels, beside those of the run.
    pub labels: &'static [Label],
    /// Its series.
    pub series: FamilySeries,
}

/// A label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// The values that it has, where they are few.
    pub values: &'static str,
}

/// Tells what was counted of a series, which the values of its labels name.
pub type Tell<'a, T> = &'a mut dyn FnMut(&[&str], &T);

/// What the series of a family are, and what was counted of each.
pub enum FamilySeries {
    /// Numbers of things.
    Counter(fn(&Figures, Tell<'_, u64>)),
    /// Times; a series may be told in several parts.
    Times(fn(&Figures, Tell<'_, Histogram>)),
}

impl Judged {
    /// What it is measured in, and so how its limit is written.
    pub const fn unit(&self) -> Unit {
        match &self.source {
            Source::Run(measure) => measure.unit(),
            Source::Transactions(measure) => measure.unit(),
            Source::Checks(measure) => measure.unit(),
            Source::Own => Unit::Number,
        }
    }

    /// Whether it can be narrowed to one transaction, check or metric.
    pub const fn can_be_narrowed(&self) -> bool {
        !matches!(self.source, Source::Run(_))
    }

    /// Whether what ended well and what failed are kept apart.
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
            Self::Counter(_) => "counter",
            Self::Times(_) => "histogram",
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
