//! The words that JSON has for what core lists: in the schema each is one of a few, and read back
//! it is what it was.

use schemars::{Schema, SchemaGenerator, json_schema};
use swell_core::control::{Doing, Limiter, SearchEnd};
use swell_core::record::MetricKind;
use swell_core::verdict::Stamp;

use crate::exit::Exit;

/// The schema of a stamp.
pub(super) fn stamp(_: &mut SchemaGenerator) -> Schema {
    one_of(Stamp::ALL.map(Stamp::name))
}

/// The schema of who keeps a rate below what is asked for.
pub(super) fn limiter(_: &mut SchemaGenerator) -> Schema {
    one_of(Limiter::ALL.map(Limiter::name))
}

/// The same where nobody may be.
pub(super) fn limiter_if_any(_: &mut SchemaGenerator) -> Schema {
    let names = Limiter::ALL.map(|limiter| Some(limiter.name()));
    let names: Vec<Option<&str>> = names.into_iter().chain([None]).collect();
    json_schema!({ "type": ["string", "null"], "enum": names })
}

/// The schema of what an objective's controller does, by its name.
pub(crate) fn doing_by_name(_: &mut SchemaGenerator) -> Schema {
    one_of(Doing::ALL.map(Doing::name))
}

/// The schema of why a search ended.
pub(super) fn search_end(_: &mut SchemaGenerator) -> Schema {
    one_of(SearchEnd::ALL.map(SearchEnd::name))
}

/// The schema of the kind of a scenario's own metric.
pub(super) fn metric_kind(_: &mut SchemaGenerator) -> Schema {
    one_of(MetricKind::ALL.map(MetricKind::name))
}

/// The schema of an exit code.
pub(super) fn exit(_: &mut SchemaGenerator) -> Schema {
    let codes = Exit::ALL.map(Exit::code);
    json_schema!({ "type": "integer", "format": "uint8", "enum": codes })
}

fn one_of<const N: usize>(names: [&str; N]) -> Schema {
    json_schema!({ "type": "string", "enum": names.as_slice() })
}

/// What an objective's controller does: one of its sentences.
pub(super) mod doing {
    use serde::de::{Error, Unexpected};
    use serde::{Deserialize, Deserializer, Serializer};
    use swell_core::control::Doing;
    use swell_core::run::doing_in_words;

    pub(in crate::report) fn serialize<S: Serializer>(
        doing: &Doing,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(doing_in_words(*doing))
    }

    pub(in crate::report) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Doing, D::Error> {
        let words = String::deserialize(deserializer)?;
        Doing::ALL.into_iter().find(|doing| doing_in_words(*doing) == words).ok_or_else(|| {
            D::Error::invalid_value(Unexpected::Str(&words), &"what a controller does, in words")
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::*;

    fn is_written_by_name<T: Serialize + DeserializeOwned + PartialEq, const N: usize>(
        all: [T; N],
        name: impl Fn(&T) -> &'static str,
    ) {
        for one in all {
            let written = serde_json::to_string(&one).unwrap();
            assert_eq!(written, format!("{:?}", name(&one)));
            assert!(serde_json::from_str::<T>(&written).unwrap() == one, "{written}");
        }
    }

    #[test]
    fn json_has_the_names_that_people_are_told_and_reads_them_back() {
        is_written_by_name(Stamp::ALL, |stamp| stamp.name());
        is_written_by_name(Limiter::ALL, |limiter| limiter.name());
        is_written_by_name(SearchEnd::ALL, |end| end.name());
        is_written_by_name(MetricKind::ALL, |kind| kind.name());
        is_written_by_name(Doing::ALL, |doing| doing.name());
    }
}
