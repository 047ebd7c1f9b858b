//! Descriptions of services (OpenAPI 3.0 and 3.1): one step for each operation.
//!
//! The document is read as what it is, JSON: real ones break the rules of their version in places
//! that say nothing about requests, and a strict reader would refuse them whole.

use serde_json::Value;

use crate::draft::{
    Body, Draft, DraftAuth, DraftContent, DraftEntry, DraftPart, DraftStep, is_secret_name,
    literal, literal_json,
};
use crate::not_imported::NotImported;
use crate::place::{http_url, origin};
use crate::sample::{resolved, sample};

const METHODS: [&str; 8] = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];

/// Reads a description.
pub(crate) fn read(document: &Value) -> Result<Draft, NotImported> {
    let version = document.get("openapi").and_then(Value::as_str).unwrap_or_default();
    if !version.starts_with("3.") {
        let what = format!("OpenAPI {version:?}");
        return Err(NotImported::Version {
            what,
            help: "give a description of version 3.0 or 3.1",
        });
    }
    let paths = document.get("paths").and_then(Value::as_object).ok_or_else(|| {
        let why = "it has no paths".to_owned();
        NotImported::Broken { what: "OpenAPI description of requests", why }
    })?;
    let mut reader = DescriptionReader { document, draft: Draft::default(), base: String::new() };
    reader.server();
    for (path, item) in paths {
        let Some(item) = resolved(document, item) else {
            reader.draft.notes.push(format!("the path {path}, which is in another file"));
            continue;
        };
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                let step = reader.operation(path, item, method, operation);
                reader.draft.entries.push(DraftEntry::Step(Box::new(step)));
            }
        }
    }
    Ok(reader.draft)
}

struct DescriptionReader<'a> {
    document: &'a Value,
    draft: Draft,
    /// The path of the server, which goes before all others.
    base: String,
}

impl DescriptionReader<'_> {
    /// The first server, with its variables' defaults.
    fn server(&mut self) {
        let Some(server) = self.document.pointer("/servers/0") else { return };
        let mut url = text(server, "url").unwrap_or_default().to_owned();
        for (name, variable) in
            server.get("variables").and_then(Value::as_object).into_iter().flatten()
        {
            let default = variable.get("default").map(plain).unwrap_or_default();
            url = url.replace(&format!("{{{name}}}"), &default);
        }
        match http_url(&url) {
            Some(whole) => {
                self.draft.target = Some(origin(&whole));
                self.base = whole.path().trim_end_matches('/').to_owned();
            }
            None if url.starts_with('/') => self.base = url.trim_end_matches('/').to_owned(),
            None => self.draft.notes.push(format!("the server {url:?}: give --target")),
        }
        if self.document.pointer("/servers/1").is_some() {
            self.draft.notes.push(format!("servers other than {url}"));
        }
    }

    fn operation(
        &mut self,
        path: &str,
        item: &Value,
        method: &str,
        operation: &Value,
    ) -> DraftStep {
        let place = format!("{} {path}", method.to_uppercase());
        let mut step = DraftStep {
            method: method.to_uppercase(),
            url: literal(&format!("{}{path}", self.base)),
            name: text(operation, "operationId").filter(|id| !id.contains("{{")).map(str::to_owned),
            ..DraftStep::default()
        };
        step.comments.extend(text(operation, "summary").map(str::to_owned));
        if method == "delete" {
            step.left_out = true;
            self.draft.notes.push(format!("{place}, as it deletes: it stands in comments"));
        }
        // An operation's own parameters go before those of its path.
        let of = |value: &Value| -> Vec<Value> {
            value.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let mut known: Vec<(String, String)> = Vec::new();
        for parameter in of(operation).iter().chain(&of(item)) {
            let Some(parameter) = resolved(self.document, parameter) else { continue };
            let (Some(name), Some(within)) = (text(parameter, "name"), text(parameter, "in"))
            else {
                continue;
            };
            let key = (name.to_owned(), within.to_owned());
            if !known.contains(&key) {
                known.push(key);
                self.parameter(&mut step, parameter, name, within);
            }
        }
        if step.url.split('?').next().is_some_and(has_placeholder) {
            self.draft
                .notes
                .push(format!("a value of the path of {place}, which is not described"));
        }
        self.body(&mut step, operation, &place);
        self.security(&mut step, operation, &place);
        step
    }

    fn parameter(&mut self, step: &mut DraftStep, parameter: &Value, name: &str, within: &str) {
        let example = self.example(parameter);
        let is_required = parameter.get("required") == Some(&Value::Bool(true));
        let schema = parameter
            .get("schema")
            .or_else(|| parameter.get("content")?.as_object()?.values().next()?.get("schema"));
        let value = match (&example, schema) {
            (Some(example), _) => literal_json(example),
            (None, Some(schema)) => sample(self.document, schema),
            (None, None) => Value::from("text"),
        };
        let value = match &value {
            Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
            other => plain(other),
        };
        match within {
            "path" => {
                let value = if value.contains("{{") { value } else { encoded(&value) };
                step.url = step.url.replace(&format!("{{{name}}}"), &value);
            }
            "query" | "header" if is_required || example.is_some() => {
                let value = if is_secret_name(name) {
                    self.draft.secret(name, format!("the parameter {name}"))
                } else {
                    value
                };
                if within == "query" {
                    step.query.push((name.to_owned(), value));
                } else {
                    step.headers.push((name.to_owned(), value));
                }
            }
            _ => {}
        }
    }

    /// What is given as an example, in any of the places where it may stand.
    fn example(&self, of: &Value) -> Option<Value> {
        if let Some(example) = of.get("example") {
            return Some(example.clone());
        }
        let first = of.get("examples")?.as_object()?.values().next()?;
        resolved(self.document, first)?.get("value").cloned()
    }

    fn body(&mut self, step: &mut DraftStep, operation: &Value, place: &str) {
        let Some(body) = operation.get("requestBody") else { return };
        let body = resolved(self.document, body);
        let Some(contents) = body.and_then(|body| body.get("content")).and_then(Value::as_object)
        else {
            self.draft.notes.push(format!("the body of {place}, which is not described here"));
            return;
        };
        let is_json =
            |kind: &str| kind.split(';').next().is_some_and(|kind| kind.ends_with("json"));
        let chosen =
            contents.iter().find(|(kind, _)| is_json(kind)).or_else(|| contents.iter().next());
        let Some((kind, content)) = chosen else { return };
        let empty = Value::Object(serde_json::Map::new());
        let value = match self.example(content) {
            Some(example) => literal_json(&example),
            None => sample(self.document, content.get("schema").unwrap_or(&empty)),
        };
        if is_json(kind) {
            let value = self.without_secrets(&value, place);
            if kind != "application/json" || !crate::write::is_toml(&value) {
                step.default_header("Content-Type", kind);
            }
            step.body = Some(Body::Json(value));
            return;
        }
        let fields = value.as_object().cloned().unwrap_or_default();
        let mut pairs = Vec::new();
        for (name, value) in &fields {
            let value = if is_secret_name(name) {
                self.draft.secret(name, format!("{name} of {place}"))
            } else {
                plain(value)
            };
            pairs.push((name.clone(), value));
        }
        match kind.as_str() {
            "application/x-www-form-urlencoded" => step.body = Some(Body::Form(pairs)),
            "multipart/form-data" => {
                let part = |(name, value)| DraftPart {
                    name,
                    content: DraftContent::Value(value),
                    kind: None,
                };
                step.body = Some(Body::Multipart(pairs.into_iter().map(part).collect()));
                self.draft.notes.push(format!("files that {place} may send: its parts are texts"));
            }
            kind => match value {
                Value::String(text) => {
                    step.default_header("Content-Type", kind);
                    step.body = Some(Body::Text(text));
                }
                _ => self.draft.notes.push(format!("the body of {place}, of the type {kind}")),
            },
        }
    }

    fn without_secrets(&mut self, value: &Value, place: &str) -> Value {
        match value {
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.without_secrets(item, place)).collect())
            }
            Value::Object(fields) => {
                let each = |(name, value): (&String, &Value)| {
                    let value = if value.is_string() && is_secret_name(name) {
                        Value::String(self.draft.secret(name, format!("{name} of {place}")))
                    } else {
                        self.without_secrets(value, place)
                    };
                    (name.clone(), value)
                };
                Value::Object(fields.iter().map(each).collect())
            }
            other => other.clone(),
        }
    }

    /// The first way to be let in that is known here.
    fn security(&mut self, step: &mut DraftStep, operation: &Value, place: &str) {
        let wanted = operation.get("security").or_else(|| self.document.get("security"));
        let Some(choices) = wanted.and_then(Value::as_array) else { return };
        let is_open = |choice: &Value| choice.as_object().is_some_and(serde_json::Map::is_empty);
        if choices.is_empty() || choices.iter().any(is_open) {
            return;
        }
        let Some(choice) = choices[0].as_object() else { return };
        for name in choice.keys() {
            let schemes = self.document.pointer("/components/securitySchemes");
            let scheme = schemes.and_then(|schemes| schemes.get(name));
            let scheme = scheme.and_then(|scheme| resolved(self.document, scheme));
            let field =
                |field: &str| scheme.and_then(|scheme| text(scheme, field)).unwrap_or_default();
            let what = format!("the security scheme {name}");
            match (field("type"), field("scheme").to_lowercase().as_str()) {
                ("http", "basic") => {
                    let user =
                        self.draft.secret(&format!("{name}_USER"), format!("the user of {what}"));
                    let password = self
                        .draft
                        .secret(&format!("{name}_PASSWORD"), format!("the password of {what}"));
                    step.auth = Some(DraftAuth::Basic(user, password));
                }
                ("http", "bearer") | ("oauth2" | "openIdConnect", _) => {
                    step.auth = Some(DraftAuth::Bearer(
                        self.draft.secret(name, format!("a token of {what}")),
                    ));
                }
                ("apiKey", _) => {
                    let value = self.draft.secret(name, what);
                    let key = field("name").to_owned();
                    match field("in") {
                        "query" => step.query.push((key, value)),
                        "cookie" => {
                            step.headers.push(("Cookie".to_owned(), format!("{key}={value}")))
                        }
                        _ => step.headers.push((key, value)),
                    }
                }
                _ => self.draft.notes.push(format!("{what} of {place}")),
            }
        }
    }
}

fn has_placeholder(path: &str) -> bool {
    path.replace("{{", "").split_once('{').is_some_and(|(_, rest)| rest.contains('}'))
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
