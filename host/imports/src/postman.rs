//! Collections of Postman 2.0 and 2.1: folders, requests, variables, and the simplest of scripts.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::draft::{
    Body, Draft, DraftAuth, DraftContent, DraftEntry, DraftPart, DraftStep, is_secret_name,
    literal, variable_name,
};
use crate::not_imported::NotImported;
use crate::place::{http_url, origin};
use crate::postman_script::{ScriptFound, read_script};

/// Reads a collection.
pub(crate) fn read(collection: &Value) -> Result<Draft, NotImported> {
    let mut reader = CollectionReader::default();
    for variable in list(collection, "variable") {
        let name = text(variable, "key").or_else(|| text(variable, "id")).unwrap_or_default();
        let value = variable.get("value").map(plain).unwrap_or_default();
        reader.values.insert(name.to_owned(), value);
    }
    reader.find_extracted(collection);
    reader.scripts(collection, "the collection", None);
    let auth = collection.get("auth").filter(|auth| !auth.is_null());
    let mut entries = Vec::new();
    for item in list(collection, "item") {
        reader.item(item, auth, &mut entries)?;
    }
    reader.draft.entries = entries;
    Ok(reader.draft)
}

#[derive(Default)]
struct CollectionReader {
    draft: Draft,
    /// Variables of the collection with their values.
    values: BTreeMap<String, String>,
    /// Those that some script takes from a response.
    extracted: Vec<String>,
}

impl CollectionReader {
    fn find_extracted(&mut self, item: &Value) {
        for lines in scripts(item, "test") {
            for (_, found) in read_script(&lines) {
                if let ScriptFound::Extract(name, _) = found {
                    self.extracted.push(name);
                }
            }
        }
        for inner in list(item, "item") {
            self.find_extracted(inner);
        }
    }

    fn item(
        &mut self,
        item: &Value,
        auth: Option<&Value>,
        entries: &mut Vec<DraftEntry>,
    ) -> Result<(), NotImported> {
        let name = name_of(text(item, "name").unwrap_or("request"));
        if item.get("item").is_some() {
            let auth = item.get("auth").filter(|auth| !auth.is_null()).or(auth);
            self.scripts(item, &name, None);
            let mut inner = Vec::new();
            for item in list(item, "item") {
                self.item(item, auth, &mut inner)?;
            }
            if !inner.is_empty() {
                entries.push(DraftEntry::Group { name, entries: inner });
            }
            return Ok(());
        }
        let Some(request) = item.get("request") else {
            self.draft.notes.push(format!("{name:?}, which has no request"));
            return Ok(());
        };
        let method = text(request, "method").unwrap_or("GET").to_uppercase();
        let mut step = DraftStep { name: Some(name.clone()), method, ..DraftStep::default() };
        self.place(&mut step, request.get("url").unwrap_or(request), &name)?;
        for header in list(request, "header").filter(|header| !is_off(header)) {
            let (Some(key), Some(value)) = (text(header, "key"), text(header, "value")) else {
                continue;
            };
            if !step.has_header(key) {
                self.header(&mut step, key, value);
            }
        }
        let auth = request.get("auth").filter(|auth| !auth.is_null()).or(auth);
        if let Some(auth) = auth {
            self.auth(&mut step, auth, &name);
        }
        if let Some(body) = request.get("body").filter(|body| !body.is_null() && !is_off(body)) {
            self.body(&mut step, body, &name);
        }
        self.scripts(item, &name, Some(&mut step));
        entries.push(DraftEntry::Step(Box::new(step)));
        Ok(())
    }

    fn header(&mut self, step: &mut DraftStep, key: &str, value: &str) {
        if value.contains("{{") {
            let value = self.templates(value);
            step.headers.push((key.to_owned(), value));
        } else {
            self.draft.guarded_header(step, key, value);
        }
    }

    /// Its URL: variables at its begin by their values, since they say which service it is.
    fn place(&mut self, step: &mut DraftStep, url: &Value, name: &str) -> Result<(), NotImported> {
        let raw = url.as_str().or_else(|| text(url, "raw")).unwrap_or_default();
        let mut whole = raw.split('#').next().unwrap_or_default().trim().to_owned();
        for _ in 0..8 {
            let Some((variable, rest)) = whole.strip_prefix("{{").and_then(|w| w.split_once("}}"))
            else {
                break;
            };
            match self.values.get(variable.trim()).filter(|value| !value.is_empty()) {
                Some(value) => whole = format!("{}{rest}", value.trim_end_matches('/')),
                None => {
                    let note = format!(
                        "the address {{{{{variable}}}}}, whose value is not there: give --target"
                    );
                    if !self.draft.notes.contains(&note) {
                        self.draft.notes.push(note);
                    }
                    whole =
                        if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
                }
            }
        }
        if !whole.contains("://") && !whole.starts_with('/') {
            whole.insert_str(0, "http://");
        }
        let (address, query) = whole.split_once('?').unwrap_or((&whole, ""));
        let begin = address.find("://").map_or(0, |at| {
            address[at + 3..].find('/').map_or(address.len(), |slash| at + 3 + slash)
        });
        let (host, path) = address.split_at(begin);
        if !host.is_empty() {
            let host = http_url(host).ok_or_else(|| NotImported::Broken {
                what: "Postman collection",
                why: format!("{name:?} goes to {raw:?}, which is no URL"),
            })?;
            let own = origin(&host);
            let target = self.draft.target.get_or_insert_with(|| own.clone());
            if *target != own {
                step.url = own;
            }
        }
        let mut parts = Vec::new();
        for part in path.split('/') {
            let variable = part
                .strip_prefix(':')
                .and_then(|own| list(url, "variable").find(|it| text(it, "key") == Some(own)));
            let value = variable.and_then(|it| it.get("value")).map(plain);
            parts.push(self.templates(value.as_deref().unwrap_or(part)));
        }
        step.url.push_str(&parts.join("/"));
        if step.url.is_empty() || path.is_empty() {
            step.url.push('/');
        }
        self.query(step, query);
        Ok(())
    }

    fn query(&mut self, step: &mut DraftStep, query: &str) {
        if !query.contains("{{") {
            return self.draft.place_query(step, query);
        }
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = self.guarded(key, value, &step.url.clone());
            if step.query.iter().any(|(own, _)| own == key) {
                self.draft.notes.push(format!("the second {key:?} in the query of {}", step.url));
            } else {
                step.query.push((key.to_owned(), value));
            }
        }
    }

    fn guarded(&mut self, name: &str, value: &str, place: &str) -> String {
        if value.contains("{{") {
            self.templates(value)
        } else {
            self.draft.guarded(name, value, place)
        }
    }

    /// A text with Postman's variables as ours.
    fn templates(&mut self, text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            out.push_str(before);
            let Some((name, behind)) = after.split_once("}}") else {
                return out + &literal(&rest[before.len()..]);
            };
            out.push_str(&self.variable(name.trim()));
            rest = behind;
        }
        out + rest
    }

    fn variable(&mut self, name: &str) -> String {
        let call = match name {
            "$guid" | "$randomUUID" => "uuid()",
            "$timestamp" => "timestamp()",
            "$isoTimestamp" => "now()",
            "$randomInt" => "random(0, 1000)",
            _ if name.starts_with('$') => {
                self.draft
                    .notes
                    .push(format!("what {name} makes: eight random letters stand there"));
                "random_text(8)"
            }
            _ => return self.own_variable(name),
        };
        format!("{{{{{call}}}}}")
    }

    fn own_variable(&mut self, name: &str) -> String {
        let own = variable_name(name);
        let value = self.values.get(name).filter(|value| !value.is_empty()).cloned();
        if self.extracted.contains(&own) {
            return format!("{{{{{own}}}}}");
        }
        match value {
            Some(value) if !is_secret_name(name) && !value.contains("{{") => {
                if !self.draft.vars.iter().any(|(known, _)| *known == own) {
                    self.draft.vars.push((own.clone(), literal(&value)));
                }
                format!("{{{{{own}}}}}")
            }
            _ => self.draft.secret(name, format!("the collection's variable {name}")),
        }
    }

    fn auth(&mut self, step: &mut DraftStep, auth: &Value, name: &str) {
        let kind = text(auth, "type").unwrap_or("noauth");
        let field = |field: &str| -> String {
            let fields = auth.get(kind);
            let listed = fields.and_then(Value::as_array).and_then(|fields| {
                fields.iter().find(|it| text(it, "key") == Some(field))?.get("value")
            });
            let value = listed.or_else(|| fields?.get(field));
            value.map(plain).unwrap_or_default()
        };
        match kind {
            "noauth" => {}
            "basic" => {
                let user = self.templates(&field("username"));
                let password = self.guarded("password", &field("password"), name);
                step.auth = Some(DraftAuth::Basic(user, password));
            }
            "bearer" => {
                let token = self.guarded("token", &field("token"), "Authorization");
                step.auth = Some(DraftAuth::Bearer(token));
            }
            "apikey" => {
                let (key, value) = (field("key"), field("value"));
                let value = if value.contains("{{") {
                    self.templates(&value)
                } else {
                    self.draft.secret(&key, format!("the API key {key}"))
                };
                if field("in") == "query" {
                    step.query.push((key, value));
                } else {
                    step.headers.push((key, value));
                }
            }
            other => self.draft.notes.push(format!("the authentication {other} of {name:?}")),
        }
    }

    fn body(&mut self, step: &mut DraftStep, body: &Value, name: &str) {
        match text(body, "mode") {
            Some("raw") => self.raw(step, body),
            Some("urlencoded") => {
                let mut pairs = Vec::new();
                for field in list(body, "urlencoded").filter(|field| !is_off(field)) {
                    let key = text(field, "key").unwrap_or_default();
                    let value = field.get("value").map(plain).unwrap_or_default();
                    pairs.push((key.to_owned(), self.guarded(key, &value, name)));
                }
                step.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
                step.body = Some(Body::Form(pairs));
            }
            Some("formdata") => {
                let mut parts = Vec::new();
                for field in list(body, "formdata").filter(|field| !is_off(field)) {
                    let key = text(field, "key").unwrap_or_default();
                    let content = if text(field, "type") == Some("file") {
                        let file = field.get("src").map(plain).unwrap_or_default();
                        self.draft.notes.push(format!(
                            "the file {file:?} that {name:?} sends: put it \
                            beside this one"
                        ));
                        DraftContent::File(file)
                    } else {
                        let value = field.get("value").map(plain).unwrap_or_default();
                        DraftContent::Value(self.guarded(key, &value, name))
                    };
                    let kind = text(field, "contentType").map(str::to_owned);
                    parts.push(DraftPart { name: key.to_owned(), content, kind });
                }
                step.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
                step.body = Some(Body::Multipart(parts));
            }
            Some("graphql") => {
                let graphql = body.get("graphql").unwrap_or(body);
                let query = self.templates(text(graphql, "query").unwrap_or_default());
                let variables = text(graphql, "variables").unwrap_or_default();
                let mut sent = serde_json::json!({ "query": query });
                if let Ok(variables @ Value::Object(_)) = serde_json::from_str(variables) {
                    sent["variables"] = self.json(&variables, name);
                }
                step.body = Some(Body::Json(sent));
            }
            Some("file") => {
                let file = body.pointer("/file/src").map(plain).unwrap_or_default();
                self.draft.notes.push(format!(
                    "the file {file:?} that {name:?} sends: put it beside \
                    this one"
                ));
                step.body = Some(Body::File(file));
            }
            _ => {}
        }
    }

    fn raw(&mut self, step: &mut DraftStep, body: &Value) {
        let raw = text(body, "raw").unwrap_or_default();
        if raw.is_empty() {
            return;
        }
        let language = body.pointer("/options/raw/language").and_then(Value::as_str);
        let default = match language {
            Some("json") => "application/json",
            Some("xml") => "application/xml",
            Some("html") => "text/html",
            _ => "text/plain",
        };
        if !raw.contains("{{") {
            return self.draft.body(step, raw, default);
        }
        // JSON whose templates stand without quotes is text until it is sent.
        let place = step.url.clone();
        match serde_json::from_str(raw) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => {
                let value = self.json(&value, &place);
                if crate::write::is_toml(&value) {
                    step.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
                } else {
                    step.default_header("Content-Type", "application/json");
                }
                step.body = Some(Body::Json(value));
            }
            _ => {
                step.default_header("Content-Type", default);
                let raw = self.templates(raw);
                step.body = Some(Body::Text(raw));
            }
        }
    }

    fn json(&mut self, value: &Value, place: &str) -> Value {
        match value {
            Value::String(text) => Value::String(self.templates(text)),
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.json(item, place)).collect())
            }
            Value::Object(fields) => {
                let each = |(name, value): (&String, &Value)| {
                    let value = match value {
                        Value::String(text) => Value::String(self.guarded(name, text, place)),
                        value => self.json(value, place),
                    };
                    (name.clone(), value)
                };
                Value::Object(fields.iter().map(each).collect())
            }
            other => other.clone(),
        }
    }

    /// Takes over what scripts say that steps can say, and tells the rest line by line.
    fn scripts(&mut self, item: &Value, name: &str, mut step: Option<&mut DraftStep>) {
        for (number, line) in scripts(item, "prerequest").into_iter().flatten().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with("//") {
                let line = without_texts(line);
                let note = format!("line {} of the script before {name:?}: {line}", number + 1);
                self.draft.notes.push(note);
            }
        }
        for lines in scripts(item, "test") {
            for (number, found) in read_script(&lines) {
                match (found, step.as_deref_mut()) {
                    (ScriptFound::Extract(name, from), Some(step)) => {
                        step.extract.push((name, from))
                    }
                    (ScriptFound::Status(status), Some(step)) => step.status = Some(status),
                    _ => {
                        let line = without_texts(lines[number].trim());
                        let note =
                            format!("line {} of the script after {name:?}: {line}", number + 1);
                        self.draft.notes.push(note);
                    }
                }
            }
        }
    }
}

/// A line of a script up to its first text, which may be a secret.
fn without_texts(line: &str) -> String {
    match line.find(['"', '\'', '`']) {
        Some(at) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

/// The scripts of an item, each as its lines.
fn scripts(item: &Value, of: &str) -> Vec<Vec<String>> {
    let of_event = |event: &Value| -> Option<Vec<String>> {
        let lines = event.pointer("/script/exec")?;
        Some(match lines {
            Value::String(text) => text.lines().map(str::to_owned).collect(),
            Value::Array(lines) => lines.iter().map(plain).collect(),
            _ => return None,
        })
    };
    list(item, "event")
        .filter(|event| text(event, "listen") == Some(of))
        .filter_map(of_event)
        .collect()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn is_off(value: &Value) -> bool {
    value.get("disabled").and_then(Value::as_bool).unwrap_or(false)
}

/// A text, or what another value is written as.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A name, which is a fixed text.
fn name_of(text: &str) -> String {
    let text: String = text.replace("{{", "{").replace("}}", "}");
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}
