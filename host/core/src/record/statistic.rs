//! The figures of a distribution: one list, from which the keys of JSON, the rows of the summary,
//! the words of thresholds and what a verdict compares are made.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::censored::{Censored, Figure};
use super::trend::Trend;

/// A percentile that reports show, where there are enough samples for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Percentile {
    /// The median.
    P50,
    /// A tenth of the samples is slower.
    P90,
    /// One of twenty samples is slower.
    P95,
    /// One of a hundred samples is slower.
    P99,
    /// One of a thousand samples is slower.
    P999,
}

impl Percentile {
    /// All of them, from the least to the greatest.
    pub const ALL: [Self; 5] = [Self::P50, Self::P90, Self::P95, Self::P99, Self::P999];

    /// How many of a hundred samples do not exceed it.
    pub const fn percent(self) -> f64 {
        match self {
            Self::P50 => 50.0,
            Self::P90 => 90.0,
            Self::P95 => 95.0,
            Self::P99 => 99.0,
            Self::P999 => 99.9,
        }
    }

    /// The name in reports, JSON and thresholds.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
        }
    }
}

/// One figure of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Statistic {
    /// The least sample.
    Min,
    /// The sum of all samples divided by their number.
    Mean,
    /// A percentile.
    Percentile(Percentile),
    /// The greatest sample.
    Max,
}

impl Statistic {
    /// All of them, in the order in which reports show them.
    pub const ALL: [Self; Percentile::ALL.len() + 3] = {
        let mut all = [Self::Max; Percentile::ALL.len() + 3];
        (all[0], all[1]) = (Self::Min, Self::Mean);
        let mut place = 0;
        while place < Percentile::ALL.len() {
            all[place + 2] = Self::Percentile(Percentile::ALL[place]);
            place += 1;
        }
        all
    };

    /// The name in reports, JSON and thresholds.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Mean => "mean",
            Self::Percentile(percentile) => percentile.name(),
            Self::Max => "max",
        }
    }

    /// Its place in [`Statistic::ALL`].
    pub const fn place(self) -> usize {
        match self {
            Self::Min => 0,
            Self::Mean => 1,
            Self::Percentile(percentile) => 2 + percentile as usize,
            Self::Max => Self::ALL.len() - 1,
        }
    }

    /// The statistic with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|statistic| statistic.name() == name)
    }

    /// The statistic of these times; `None` where there are too few.
    pub fn of(self, times: &Censored) -> Option<Figure> {
        match self {
            Self::Min => times.min(),
            Self::Mean => times.mean(),
            Self::Percentile(percentile) => times.percentile(percentile.percent()),
            Self::Max => times.max(),
        }
    }

    /// The statistic of these numbers; `None` where there are too few.
    pub fn of_trend(self, trend: &Trend) -> Option<f64> {
        match self {
            Self::Min => trend.min(),
            Self::Mean => trend.mean(),
            Self::Percentile(percentile) => trend.percentile(percentile.percent()),
            Self::Max => trend.max(),
        }
    }
}

impl Serialize for Percentile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Percentile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Percentile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a percentile")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Percentile, E> {
                let known = Percentile::ALL.into_iter().find(|known| known.name() == name);
                known.ok_or_else(|| E::invalid_value(Unexpected::Str(name), &self))
            }
        }

        deserializer.deserialize_str(Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statistic_stands_at_its_place_and_is_found_by_its_name() {
        for (place, statistic) in Statistic::ALL.into_iter().enumerate() {
            assert_eq!(statistic.place(), place, "{statistic:?}");
            assert_eq!(Statistic::named(statistic.name()), Some(statistic));
        }
        assert_eq!(Statistic::named("p98"), None);
    }

    #[test]
    fn the_name_of_a_percentile_says_its_percentage() {
        for percentile in Percentile::ALL {
            assert_eq!(percentile.name(), format!("p{}", percentile.percent()));
        }
    }

    #[test]
    fn a_percentile_is_written_and_read_by_its_name() {
        for percentile in Percentile::ALL {
            let written = serde_json::to_string(&percentile).unwrap();
            assert_eq!(written, format!("{:?}", percentile.name()));
            assert_eq!(serde_json::from_str::<Percentile>(&written).unwrap(), percentile);
        }
        assert!(serde_json::from_str::<Percentile>("\"p98\"").is_err());
    }
}
