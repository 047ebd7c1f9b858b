//! Paths into JSON, as RFC 9535 writes them: names, places, all members and all descendants. The
//! first value that is found counts; filters and slices are not known.

use serde_json::Value;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonPath(Vec<PathSegment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum PathSegment {
    Name(String),
    /// From the end where it is below zero.
    Place(i64),
    All,
    /// What the next segment selects of a value, or of anything within it.
    Within,
}

impl JsonPath {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{text:?} is no JSON path: {what}");
        let mut rest = text
            .strip_prefix('$')
            .ok_or_else(|| wrong("it begins with $, as in \"$.items[0].id\""))?;
        let mut segments = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("..") {
                segments.push(PathSegment::Within);
                rest = after;
                if rest.starts_with('[') {
                    continue;
                }
            } else if let Some(after) = rest.strip_prefix('.') {
                rest = after;
            } else if let Some(inside) = rest.strip_prefix('[') {
                let (segment, after) = bracket(inside).map_err(|what| wrong(&what))?;
                segments.push(segment);
                rest = after;
                continue;
            } else {
                return Err(wrong("a name follows a dot"));
            }
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            segments.push(match name {
                "" => return Err(wrong("a name is missing")),
                "*" => PathSegment::All,
                name => PathSegment::Name(name.to_owned()),
            });
            rest = after;
        }
        if segments.last() == Some(&PathSegment::Within) {
            return Err(wrong("a name is missing"));
        }
        Ok(Self(segments))
    }

    /// The first value there, if there is one.
    pub(crate) fn first<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        find(&self.0, value)
    }
}

/// What stands in brackets, and what follows them.
fn bracket(inside: &str) -> Result<(PathSegment, &str), String> {
    if let Some(quoted) = inside.strip_prefix(['"', '\'']) {
        let quote = &inside[..1];
        let (name, after) = quoted.split_once(quote).ok_or("a quote is never closed")?;
        let after = after.strip_prefix(']').ok_or("] is missing")?;
        return Ok((PathSegment::Name(name.to_owned()), after));
    }
    let (inner, after) = inside.split_once(']').ok_or("] is missing")?;
    let segment = match inner.trim() {
        "*" => PathSegment::All,
        place => PathSegment::Place(place.parse().map_err(|_| {
            format!("[{place}] is not known: a number, a 'name' or * stands in brackets")
        })?),
    };
    Ok((segment, after))
}

fn find<'a>(segments: &[PathSegment], value: &'a Value) -> Option<&'a Value> {
    let Some((segment, rest)) = segments.split_first() else { return Some(value) };
    match segment {
        PathSegment::Name(name) => find(rest, value.get(name)?),
        PathSegment::Place(place) => {
            let list = value.as_array()?;
            let index = usize::try_from(*place)
                .ok()
                .or_else(|| list.len().checked_sub(usize::try_from(place.unsigned_abs()).ok()?))?;
            find(rest, list.get(index)?)
        }
        PathSegment::All => members(value).find_map(|member| find(rest, member)),
        PathSegment::Within => {
            find(rest, value).or_else(|| members(value).find_map(|member| find(segments, member)))
        }
    }
}

fn members(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(list) => Box::new(list.iter()),
        Value::Object(table) => Box::new(table.values()),
        _ => Box::new(std::iter::empty()),
    }
}

/// A value as a text: of a text what it says, of all else how it is written.
pub(crate) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_value_at_a_path_is_found() {
        let value = json!({
            "token": "t", "items": [{"id": 1, "a b": true}, {"id": 2}], "deep": {"x": {"id": 9}},
        });
        for (path, expected) in [
            ("$.token", Some("t")),
            ("$", Some(&*value.to_string())),
            ("$.items[1].id", Some("2")),
            ("$.items[-1].id", Some("2")),
            ("$['items'][0][\"a b\"]", Some("true")),
            ("$.items[*].id", Some("1")),
            ("$.deep.*.id", Some("9")),
            ("$..id", Some("1")),
            ("$.deep..id", Some("9")),
            ("$..[1].id", Some("2")),
            ("$.items[2]", None),
            ("$.items[-3]", None),
            ("$.token.x", None),
            ("$..nobody", None),
        ] {
            let path_read = JsonPath::parse(path).expect("it is a path");
            assert_eq!(path_read.first(&value).map(as_text).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for (path, words) in [
            ("token", "begins with $"),
            ("$token", "a name follows a dot"),
            ("$.", "a name is missing"),
            ("$..", "a name is missing"),
            ("$.a[", "] is missing"),
            ("$.a['x]", "never closed"),
            ("$.a[?@.b]", "[?@.b] is not known"),
            ("$.a[1:2]", "[1:2] is not known"),
        ] {
            let said = JsonPath::parse(path).expect_err("it is refused");
            assert!(said.contains(words), "{path}: {said}");
        }
    }
}
