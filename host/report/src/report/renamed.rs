//! Figures that have another name since `swell.run/2`. JSON has each under both names, for whoever
//! knows the old one, until the form after this one; what is read may have either.

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How a field of such a name is written: `#[serde(flatten, with = …)]`, and `schema` for its
/// schema.
macro_rules! renamed {
    ($($field:ident = $old:literal, $about:literal;)+) => {$(
        pub(super) mod $field {
            use super::*;

            const NAMES: Names = Names { new: stringify!($field), old: $old };

            pub(in crate::report) fn serialize<T: Serialize, S: Serializer>(
                value: &T,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                NAMES.write(value, to)
            }

            pub(in crate::report) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
                from: D,
            ) -> Result<T, D::Error> {
                NAMES.read(from)
            }

            pub(in crate::report) fn schema<T: JsonSchema>(of: &mut SchemaGenerator) -> Schema {
                NAMES.schema::<T>(of, $about)
            }
        }
    )+};
}

renamed! {
    generator_lag_ms = "host_lag_ms",
        "The part of the start lag in which a user was free: the generator's fault.";
    generator = "host", "A user was free, and the generator did not begin it.";
    generator_lag_p99_ms = "host_lag_p99_ms",
        "The 99th percentile of the lag of starts that is the node's own fault; absent where too \
        few were seen.";
    nodes = "hosts", "The nodes that shared the run; empty where one was alone.";
}

/// The names of a figure.
struct Names {
    new: &'static str,
    old: &'static str,
}

impl Names {
    fn write<S: Serializer>(&self, value: &impl Serialize, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(2))?;
        map.serialize_entry(self.new, value)?;
        map.serialize_entry(self.old, value)?;
        map.end()
    }

    fn read<'de, T: Deserialize<'de>, D: Deserializer<'de>>(&self, from: D) -> Result<T, D::Error> {
        let value = from.deserialize_map(ByEither { names: self, of: PhantomData })?;
        value.ok_or_else(|| D::Error::missing_field(self.new))
    }

    fn schema<T: JsonSchema>(&self, generator: &mut SchemaGenerator, about: &str) -> Schema {
        let mut new = generator.subschema_for::<T>();
        let mut old = new.clone();
        new.insert("description".to_owned(), about.into());
        old.insert(
            "description".to_owned(),
            format!("The old name of `{}`, which has the same.", self.new).into(),
        );
        let properties = serde_json::Map::from_iter([
            (self.new.to_owned(), new.into()),
            (self.old.to_owned(), old.into()),
        ]);
        json_schema!({
            "type": "object",
            "properties": properties,
            "required": [self.new, self.old],
        })
    }
}

/// Reads the value of whichever name is there.
struct ByEither<'a, T> {
    names: &'a Names,
    of: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ByEither<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with {:?}", self.names.new)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            if found.is_none() && (key == self.names.new || key == self.names.old) {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::report::samples::of_a_cluster;
    use crate::report::{Report, UnsentReport};

    #[test]
    fn what_was_renamed_is_written_under_both_names() {
        let written = serde_json::to_value(of_a_cluster()).unwrap();
        let same = |new: &str, old: &str| {
            let [new, old] = [new, old].map(|at| written.pointer(at));
            assert!(new.is_some(), "{new:?}");
            assert_eq!(new, old);
        };
        let of = "/measured/transactions";
        same(&format!("{of}/generator_lag_ms"), &format!("{of}/host_lag_ms"));
        same(&format!("{of}/unsent/generator"), &format!("{of}/unsent/host"));
        same("/nodes", "/hosts");
        same("/nodes/0/generator_lag_p99_ms", "/nodes/0/host_lag_p99_ms");
    }

    /// What an object was before it had new names.
    fn without_new_names(of: &mut Value) {
        const NEW: [&str; 4] = ["generator_lag_ms", "generator", "generator_lag_p99_ms", "nodes"];
        match of {
            Value::Object(map) => {
                NEW.iter().for_each(|name| drop(map.remove(*name)));
                map.values_mut().for_each(without_new_names);
            }
            Value::Array(list) => list.iter_mut().for_each(without_new_names),
            _ => {}
        }
    }

    #[test]
    fn a_report_of_the_first_form_is_read() {
        let report = of_a_cluster();
        let mut written = serde_json::to_value(&report).unwrap();
        without_new_names(&mut written);
        written["schema"] = "swell.run/1".into();
        assert_eq!(serde_json::from_value::<Report>(written.clone()).unwrap(), report);
        written["schema"] = "swell.run/3".into();
        assert!(serde_json::from_value::<Report>(written).is_err());
    }

    #[test]
    fn a_figure_that_has_neither_name_is_missed_by_the_new_one() {
        let error = serde_json::from_value::<UnsentReport>(json!({ "users": 1, "lease": 2 }));
        assert!(error.unwrap_err().to_string().contains("`generator`"));
    }
}
