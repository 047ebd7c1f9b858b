//! One JSON object a line. Texts come without their quotes, everything else as it is written:
//! `10.00` is not `10.0`, and a number may have any digits.

use std::fmt;
use std::io::BufRead;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::rows::{Gathering, Rows};
use super::unread::{Unread, text};

pub(super) fn rows(mut file: impl BufRead, size: u64) -> Result<Rows, Unread> {
    let mut rows = Gathering::of_file(size);
    let mut bytes = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for line in 1.. {
        bytes.clear();
        if file.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let text = text(&bytes, line)?.trim();
        if text.is_empty() {
            continue;
        }
        let wrong = |reason: String| Unread::Line(line, reason);
        let object: JsonLine<'_> =
            serde_json::from_str(text).map_err(|error| wrong(not_an_object(text, &error)))?;
        names.clear();
        for (name, _) in &object.0 {
            if names.contains(name) {
                return Err(wrong(format!("the object has {name:?} twice")));
            }
            names.push(name.clone());
        }
        let (first, shape) = (rows.values(), rows.shape(&names));
        for (name, value) in &object.0 {
            let value = value.get();
            let unquoted: Option<String> = if value.starts_with('"') {
                Some(
                    serde_json::from_str(value)
                        .map_err(|error| wrong(not_an_object(text, &error)))?,
                )
            } else {
                None
            };
            let added = if shape.is_none() { rows.value(name) } else { Ok(()) };
            added
                .and_then(|()| rows.value(unquoted.as_deref().unwrap_or(value)))
                .map_err(|reason| wrong(reason.into()))?;
        }
        rows.end_row(first, shape).map_err(|reason| wrong(reason.into()))?;
    }
    Ok(rows.finish())
}

/// The reason, with the place in the line; the parser knows of one line only.
fn not_an_object(text: &str, error: &serde_json::Error) -> String {
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    let hint = if text == "[" || text.starts_with("[{") {
        "\nhelp: this looks like one JSON array; make lines of it: jq -c '.[]' OLD > NEW"
    } else if text == "{" {
        "\nhelp: each object stands in one line: jq -c . OLD > NEW"
    } else {
        ""
    };
    format!("not a JSON object: {said} at column {}{hint}", error.column())
}

/// An object's members in order, their values as they are written.
struct JsonLine<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for JsonLine<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = JsonLine<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(JsonLine(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}
