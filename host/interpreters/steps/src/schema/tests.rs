use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::{json_of, read};

/// What a `$ref` names.
fn definition<'a>(schema: &'a Value, reference: &str) -> &'a Value {
    let name = reference.strip_prefix("#/$defs/").expect("it names a definition");
    &schema["$defs"][name.replace("%20", " ")]
}

/// Why a value is not as the schema has it, with its path; of the words of JSON Schema it knows
/// those that ours has, and stops at any other.
fn against(value: &Value, part: &Value, schema: &Value, path: &str) -> Result<(), String> {
    for (word, wanted) in part.as_object().expect("a part of a schema is an object") {
        let is_met = match &**word {
            "$schema" | "$defs" | "title" | "description" | "additionalProperties" => true,
            "$ref" => {
                let reference = wanted.as_str().expect("a text");
                against(value, definition(schema, reference), schema, path)?;
                true
            }
            "type" => {
                let name = match value {
                    Value::Null => "null",
                    Value::Bool(_) => "boolean",
                    Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
                    Value::Number(_) => "number",
                    Value::String(_) => "string",
                    Value::Array(_) => "array",
                    Value::Object(_) => "object",
                };
                let is =
                    |wanted: &Value| wanted == name || (wanted == "number" && name == "integer");
                wanted.as_array().map_or_else(|| is(wanted), |any| any.iter().any(is))
            }
            "enum" => wanted.as_array().expect("a list").contains(value),
            "minimum" => value.as_f64() >= wanted.as_f64(),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    against(item, wanted, schema, &format!("{path}/{index}"))?;
                }
                true
            }
            "anyOf" => {
                let any = wanted.as_array().expect("a list");
                any.iter().any(|one| against(value, one, schema, path).is_ok())
            }
            "properties" => {
                for (key, item) in value.as_object().into_iter().flatten() {
                    let of_key = wanted.get(key).unwrap_or(&part["additionalProperties"]);
                    let path = format!("{path}/{key}");
                    if of_key == false {
                        return Err(format!("{path}: there is no such key"));
                    }
                    against(item, of_key, schema, &path)?;
                }
                true
            }
            other => panic!("{other} is not known here"),
        };
        if !is_met {
            return Err(format!("{path}: {word}"));
        }
    }
    if part.get("properties").is_none()
        && let Some(of_all) = part.get("additionalProperties")
    {
        for (key, item) in value.as_object().into_iter().flatten() {
            against(item, of_all, schema, &format!("{path}/{key}"))?;
        }
    }
    Ok(())
}

fn validated(name: &str, text: &str) -> Result<(), String> {
    let value = json_of(name, text.as_bytes()).expect("it can be read");
    let schema = schema();
    against(&value, &schema, &schema, "")
}

/// Every table that a file may have, by the forms that it is made of.
fn tables(form: &'static TableForm, found: &mut Vec<&'static TableForm>) {
    if found.iter().any(|known| known.what == form.what) {
        return;
    }
    found.push(form);
    fn within(form: &'static KeyForm, found: &mut Vec<&'static TableForm>) {
        match form {
            KeyForm::List(inner) | KeyForm::Map(inner) => within(inner, found),
            KeyForm::Either(forms) => forms.iter().for_each(|form| within(form, found)),
            KeyForm::Table(name) => tables(name.form(), found),
            KeyForm::Text | KeyForm::Whole | KeyForm::Any | KeyForm::Word(_) => {}
        }
    }
    form.keys.iter().for_each(|key| within(&key.form, found));
}

#[test]
fn each_key_of_the_reader_is_in_the_schema_and_no_other() {
    let schema = schema();
    let mut found = Vec::new();
    tables(&FILE, &mut found);
    assert_eq!(schema["$defs"].as_object().map(Map::len), Some(found.len() - 1));
    for form in found {
        let is_whole = form.what == FILE.what;
        let defined = if is_whole { &schema } else { &schema["$defs"][form.what] };
        let properties = defined["properties"].as_object().expect("it has keys");
        let ours: BTreeSet<&str> = form.keys.iter().map(|key| key.name).collect();
        let theirs: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(ours, theirs, "{}", form.what);
        assert_eq!(defined["additionalProperties"], false, "{}", form.what);
        for (key, value) in properties {
            assert!(value["description"].is_string(), "{}: {key}", form.what);
        }
    }
}

#[test]
fn the_lessons_and_the_guide_are_as_the_schema_has_them() {
    let lessons = [
        include_str!("../../../../../sdk-examples/hello-http/hello-http.toml"),
        include_str!("../../../../../sdk-examples/login-session/login-session.toml"),
        include_str!("../../../../../sdk-examples/checkout/checkout.toml"),
        include_str!("../../../../../sdk-examples/data-feed/data-feed.toml"),
    ];
    let guide = include_str!("../../../../docs/steps.md");
    let examples = guide.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut count = 0;
    for text in lessons.into_iter().chain(examples) {
        read("x.toml", text.as_bytes()).expect("the reader takes it");
        assert_eq!(validated("x.toml", text), Ok(()), "{text}");
        count += 1;
    }
    assert!(count > lessons.len(), "the guide has examples");
}

#[test]
fn what_the_reader_refuses_by_its_form_the_schema_refuses_too() {
    for (text, path) in [
        ("step: [{gte: /}]", "/step/0/gte: there is no such key"),
        ("step: {get: /}", "/step: type"),
        ("step: [{get: /, on-error: ignore}]", "/step/0/on-error: enum"),
        ("step: [{get: /, expect: {body: {json: 5}}}]", "/step/0/expect/body/json: type"),
        ("step: [{get: /, redirects: -1}]", "/step/0/redirects: minimum"),
        ("step: [{get: /}]\nscenario: {a: {target: x}}", "/scenario/a/target: there is no"),
        ("step: [{get: /}]\nsettings: {stage: {a: 1}}", "/settings/stage: anyOf"),
    ] {
        assert!(read("x.yaml", text.as_bytes()).is_err(), "{text}");
        let wrong = validated("x.yaml", text).expect_err(text);
        assert!(wrong.starts_with(path), "{text}: {wrong}");
    }
}
