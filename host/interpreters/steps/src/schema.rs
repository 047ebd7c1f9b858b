//! The JSON Schema of steps files, for editors and for whoever writes such files by program.

use serde_json::{Map, Value, json};

use crate::keys::{FILE, KeyForm, TableForm};

/// The schema, of the draft of 2020-12.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    let mut root = table(&FILE, &mut definitions);
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("Swell steps");
    root["$defs"] = Value::Object(definitions);
    root
}

fn table(form: &'static TableForm, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for key in form.keys {
        let mut value = value(&key.form, definitions);
        value["description"] = json!(key.help);
        properties.insert(key.name.to_owned(), value);
    }
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn value(form: &'static KeyForm, definitions: &mut Map<String, Value>) -> Value {
    match form {
        KeyForm::Text => json!({ "type": ["string", "number", "boolean"] }),
        KeyForm::Whole => json!({ "type": "integer", "minimum": 0 }),
        KeyForm::Any => json!({}),
        KeyForm::Word(words) => json!({ "enum": words }),
        KeyForm::List(item) => json!({ "type": "array", "items": value(item, definitions) }),
        KeyForm::Map(item) => {
            json!({ "type": "object", "additionalProperties": value(item, definitions) })
        }
        KeyForm::Either(forms) => {
            let forms: Vec<Value> = forms.iter().map(|form| value(form, definitions)).collect();
            json!({ "anyOf": forms })
        }
        KeyForm::Table(name) => {
            let form = name.form();
            if !definitions.contains_key(form.what) {
                // A step may have steps: the name stands before what it means.
                definitions.insert(form.what.to_owned(), Value::Null);
                let defined = table(form, definitions);
                definitions.insert(form.what.to_owned(), defined);
            }
            json!({ "$ref": format!("#/$defs/{}", form.what.replace(' ', "%20")) })
        }
    }
}

#[cfg(test)]
mod tests;
