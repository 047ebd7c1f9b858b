//! Sample values of a schema: its example where it has one, else the least that its rules allow.

use serde_json::{Map, Number, Value};

use crate::draft::literal_json;

/// How deep samples go: a schema that holds itself would have no end.
const DEEPEST: u32 = 12;

/// Values that one sample may have: schemas that hold each other twice grow by powers.
const MOST_VALUES: u32 = 500;

/// What a reference stands for, through others if need be.
pub(crate) fn resolved<'a>(document: &'a Value, mut value: &'a Value) -> Option<&'a Value> {
    for _ in 0..32 {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Some(value) };
        value = document.pointer(reference.strip_prefix('#')?)?;
    }
    None
}

/// A value that the schema allows, as far as that is seen without trying.
pub(crate) fn sample(document: &Value, schema: &Value) -> Value {
    Sampler { document, left: MOST_VALUES }.value(schema, 0)
}

struct Sampler<'a> {
    document: &'a Value,
    left: u32,
}

impl Sampler<'_> {
    fn value(&mut self, schema: &Value, depth: u32) -> Value {
        let Some(schema) = resolved(self.document, schema) else { return Value::Null };
        self.left = self.left.saturating_sub(1);
        if depth > DEEPEST || self.left == 0 {
            return Value::Null;
        }
        for key in ["example", "default", "const"] {
            if let Some(value) = schema.get(key) {
                return literal_json(value);
            }
        }
        for key in ["examples", "enum"] {
            if let Some(value) = schema.get(key).and_then(Value::as_array).and_then(|v| v.first()) {
                return literal_json(value);
            }
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            let mut all = Map::new();
            for part in parts {
                match self.value(part, depth + 1) {
                    Value::Object(fields) => all.extend(fields),
                    Value::Null => {}
                    other if parts.len() == 1 => return other,
                    _ => {}
                }
            }
            all.extend(self.fields(schema, depth));
            return Value::Object(all);
        }
        for key in ["oneOf", "anyOf"] {
            let choices = schema.get(key).and_then(Value::as_array);
            let is_some = |choice: &&Value| choice.get("type") != Some(&Value::from("null"));
            if let Some(choice) = choices.and_then(|choices| choices.iter().find(is_some)) {
                let mut value = self.value(choice, depth + 1);
                if let Value::Object(fields) = &mut value {
                    fields.extend(self.fields(schema, depth));
                }
                return value;
            }
        }
        self.typed(schema, depth)
    }

    fn typed(&mut self, schema: &Value, depth: u32) -> Value {
        // Since 3.1 a type may be a list, of which "null" is one.
        let kind = match schema.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(Value::Array(kinds)) => kinds
                .iter()
                .filter_map(Value::as_str)
                .find(|kind| *kind != "null")
                .unwrap_or("null"),
            _ if schema.get("properties").is_some() => "object",
            _ if schema.get("items").is_some() => "array",
            _ => "string",
        };
        match kind {
            "object" => Value::Object(self.fields(schema, depth)),
            "array" => match schema.get("items") {
                Some(items) => match self.value(items, depth + 1) {
                    Value::Null => Value::Array(vec![]),
                    item => Value::Array(vec![item]),
                },
                None => Value::Array(vec![]),
            },
            "integer" | "number" => least(schema),
            "boolean" => Value::Bool(true),
            "null" => Value::Null,
            _ => Value::String(text(schema)),
        }
    }

    fn fields(&mut self, schema: &Value, depth: u32) -> Map<String, Value> {
        let mut fields = Map::new();
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let of = resolved(self.document, property);
            let is_answer = of.and_then(|it| it.get("readOnly")) == Some(&Value::Bool(true));
            if is_answer {
                continue;
            }
            let value = self.value(property, depth + 1);
            // What ends a cycle is left out, where it may be.
            if !value.is_null() || required.contains(&name.as_str()) {
                fields.insert(name.clone(), value);
            }
        }
        fields
    }
}

/// The least number that is allowed.
fn least(schema: &Value) -> Value {
    let bound = |key: &str| schema.get(key).and_then(Value::as_i64);
    if let Some(minimum) = schema.get("minimum").filter(|minimum| minimum.is_number()) {
        if schema.get("exclusiveMinimum") == Some(&Value::Bool(true)) {
            return bound("minimum").map_or(Value::from(1), |least| least.saturating_add(1).into());
        }
        return minimum.clone();
    }
    let least = bound("exclusiveMinimum").map_or(1, |least| least.saturating_add(1));
    let most = bound("maximum").unwrap_or(i64::MAX);
    Value::Number(Number::from(least.min(most)))
}

fn text(schema: &Value) -> String {
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let sample = match format {
        "date-time" => "{{now()}}",
        "date" => "2030-01-31",
        "time" => "12:00:00Z",
        "uuid" => "{{uuid()}}",
        "email" => "someone@example.com",
        "uri" | "url" => "https://example.com/",
        "hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "byte" => "dGV4dA==",
        _ => "text",
    };
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    let (least, most) = (bound("minLength").unwrap_or(0).min(1000), bound("maxLength"));
    let mut sample = sample.to_owned();
    if format.is_empty() {
        while (sample.len() as u64) < least {
            sample.push('x');
        }
        if let Some(most) = most.and_then(|most| usize::try_from(most).ok()) {
            sample.truncate(most);
        }
    }
    sample
}
