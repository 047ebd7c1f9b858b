//! A distribution as data: how many samples, and each statistic that core lists.

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use swell_core::record::{Censored, Figure, Histogram, Percentile, Statistic};

use crate::figures::bounded;

/// A distribution, in the unit that the name of its key ends with. What was cut off is in it with
/// the age that it had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// Samples.
    pub count: u64,
    #[serde(flatten)]
    values: Values,
    /// The figures that would be greater, or the same, had nothing been cut off; absent where all
    /// are exact.
    #[serde(default, skip_serializing_if = "AtLeast::is_empty")]
    at_least: AtLeast,
}

impl Times {
    /// Of times that all have an end.
    pub fn of(histogram: &Histogram) -> Self {
        Self::of_all(&Censored::new(histogram.clone(), &Histogram::default()))
    }

    /// Of times and ages together.
    pub fn of_all(all: &Censored) -> Self {
        let figures = Statistic::ALL.map(|statistic| statistic.of(all));
        let ms = |Figure { time, .. }: Figure| time.as_nanos() as f64 / 1e6;
        Self {
            count: all.count(),
            values: Each(figures.map(|figure| figure.map(ms))),
            at_least: Each(figures.map(|figure| figure.is_some_and(|figure| figure.is_at_least))),
        }
    }

    /// What a statistic is; nothing where there were too few samples.
    pub const fn get(&self, statistic: Statistic) -> Option<f64> {
        self.values.0[statistic.place()]
    }

    /// The same of a percentile.
    pub const fn percentile(&self, percentile: Percentile) -> Option<f64> {
        self.get(Statistic::Percentile(percentile))
    }

    /// What a statistic is, in words, with a sign where it may be more.
    pub fn in_words(&self, statistic: Statistic) -> String {
        bounded(self.get(statistic), self.is_at_least(statistic))
    }

    /// Whether a statistic would be greater, or the same, had nothing been cut off.
    pub const fn is_at_least(&self, statistic: Statistic) -> bool {
        self.at_least.0[statistic.place()]
    }
}

/// What each statistic is.
type Values = Each<Option<f64>>;

/// Which statistics are bounds below.
type AtLeast = Each<bool>;

/// Something for each statistic, written by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Each<T>([T; Statistic::ALL.len()]);

impl AtLeast {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for statistic in Statistic::ALL {
            map.serialize_entry(statistic.name(), &self.0[statistic.place()])?;
        }
        map.end()
    }
}

impl Serialize for AtLeast {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bounds = || Statistic::ALL.into_iter().filter(|statistic| self.0[statistic.place()]);
        let mut map = serializer.serialize_map(Some(bounds().count()))?;
        for statistic in bounds() {
            map.serialize_entry(statistic.name(), &true)?;
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de> + Default + Copy> Deserialize<'de> for Each<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByName<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + Default + Copy> Visitor<'de> for ByName<T> {
            type Value = Each<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("statistics by their names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Each<T>, A::Error> {
                let mut each = Each([T::default(); Statistic::ALL.len()]);
                while let Some(name) = map.next_key::<String>()? {
                    match Statistic::named(&name) {
                        Some(statistic) => each.0[statistic.place()] = map.next_value()?,
                        // Of a later release.
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(each)
            }
        }

        deserializer.deserialize_map(ByName(PhantomData))
    }
}

impl JsonSchema for Values {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Values".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        by_name(&generator.subschema_for::<Option<f64>>())
    }
}

impl JsonSchema for AtLeast {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AtLeast".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = by_name(&generator.subschema_for::<bool>());
        schema.insert(
            "description".to_owned(),
            "Which figures of a distribution are bounds below; absent ones are exact.".into(),
        );
        schema
    }
}

/// An object that may have something of this kind for each statistic.
fn by_name(of_each: &Schema) -> Schema {
    let properties: serde_json::Map<_, _> = Statistic::ALL
        .into_iter()
        .map(|statistic| (statistic.name().to_owned(), of_each.clone().into()))
        .collect();
    json_schema!({ "type": "object", "properties": properties })
}
