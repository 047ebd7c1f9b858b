//! Bodies: JSON and forms as steps write them, anything else as text.

use serde_json::Value;

use crate::draft::{Body, Draft, DraftStep, is_secret_name, literal, pairs};

impl Draft {
    /// A body of text as JSON or a form where it is one, without the secrets in it.
    pub(crate) fn body(&mut self, step: &mut DraftStep, text: &str, default_type: &str) {
        let written =
            step.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let kind = written.map_or(default_type, |(_, kind)| kind.as_str()).to_lowercase();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_owned();
        let drop_type = |step: &mut DraftStep| {
            step.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        };
        if kind == "application/x-www-form-urlencoded" {
            if let Some(pairs) = pairs(text) {
                drop_type(step);
                let guard = |(name, value): (String, String)| {
                    let value = self.guarded(&name, &value, &step.url);
                    (name, value)
                };
                step.body = Some(Body::Form(pairs.into_iter().map(guard).collect()));
                return;
            }
        } else if kind.ends_with("json")
            && let Ok(value) = serde_json::from_str::<Value>(text)
        {
            let value = self.guarded_json(&value, &step.url);
            if kind == "application/json" && crate::write::is_toml(&value) {
                drop_type(step);
            } else {
                step.default_header("Content-Type", &kind);
            }
            step.body = Some(Body::Json(value));
            return;
        }
        if !kind.is_empty() {
            step.default_header("Content-Type", &kind);
        }
        step.body = Some(Body::Text(literal(text)));
    }

    /// A JSON body without the texts whose names say that they are secrets.
    pub(crate) fn guarded_json(&mut self, value: &Value, place: &str) -> Value {
        match value {
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.guarded_json(item, place)).collect())
            }
            Value::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(name, value)| {
                        let value = match value {
                            Value::String(text) if is_secret_name(name) => {
                                Value::String(self.guarded(name, text, place))
                            }
                            value => self.guarded_json(value, place),
                        };
                        (name.clone(), value)
                    })
                    .collect(),
            ),
            Value::String(text) => Value::String(literal(text)),
            other => other.clone(),
        }
    }
}
