//! Values that a service gave out and was given back later: tokens, ids, and what forms carry.
//!
//! In a recording they are of one visit. Each that a later request sends is taken from the response
//! that had it first, and the request has its variable instead. While a request is read, a mark of
//! characters that no recording holds stands for the variable: what is recognised is then neither
//! taken for a secret nor for a template of the recording's own.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::draft::{
    Body, DraftAuth, DraftContent, DraftStep, Extract, is_secret_name, variable_name,
};
use crate::response::HarResponse;

/// Shorter values are the same by chance.
const SHORTEST: usize = 6;

/// A number with fewer digits is the same by chance.
const SHORTEST_NUMBER: usize = 4;

/// Longer values are content, not names of things.
const LONGEST: usize = 8192;

/// So much of a response is looked at, and so many values are remembered in all.
const MOST_BYTES: usize = 4 << 20;
const MOST_VALUES: usize = 200_000;

/// Around a variable's name; of Unicode's private use.
const MARK: char = '\u{e000}';
const NUMBER_MARK: char = '\u{e001}';
const END: char = '\u{e002}';

/// Where a value was first given out.
struct ValueOrigin {
    step: usize,
    key: String,
    from: Extract,
    variable: Option<String>,
}

/// What was given out so far, and what of it was sent back.
#[derive(Default)]
pub(crate) struct ValueCarrier {
    known: HashMap<String, ValueOrigin>,
    names: HashSet<String>,
    extracts: Vec<(usize, String, Extract)>,
}

/// Whether a text holds a value that was recognised.
pub(crate) fn is_carried(text: &str) -> bool {
    text.contains([MARK, NUMBER_MARK])
}

impl ValueCarrier {
    /// A text with marks where it is a known value, or has one behind a first word as `Bearer`.
    pub(crate) fn text(&mut self, text: &str) -> String {
        if let Some(mark) = self.mark(text, MARK) {
            return mark;
        }
        match text.rsplit_once([' ', ':']) {
            Some((before, last)) => match self.mark(last, MARK) {
                Some(mark) => format!("{}{mark}", &text[..=before.len()]),
                None => text.to_owned(),
            },
            None => text.to_owned(),
        }
    }

    /// Path and query of a URL with marks for whole segments and values.
    pub(crate) fn url(&mut self, path: &str, query: &str) -> (String, String) {
        let decode = |text: &str| {
            percent_encoding::percent_decode_str(&text.replace('+', " "))
                .decode_utf8_lossy()
                .into_owned()
        };
        let mut segment = |text: &str| {
            let mark = self.mark(&decode(text), MARK);
            mark.unwrap_or_else(|| text.to_owned())
        };
        let path: Vec<String> = path.split('/').map(&mut segment).collect();
        let mut pair = |text: &str| match text.split_once('=') {
            Some((name, value)) => format!("{name}={}", segment(value)),
            None => text.to_owned(),
        };
        let query: Vec<String> = query.split('&').map(&mut pair).collect();
        (path.join("/"), query.join("&"))
    }

    /// A body with marks for the values of its fields, if it is JSON or a form.
    pub(crate) fn body(&mut self, text: &str, kind: &str) -> String {
        let kind = kind.to_lowercase();
        if kind.contains("json") {
            return match serde_json::from_str(text) {
                Ok(value) => self.json(&value).to_string(),
                Err(_) => text.to_owned(),
            };
        }
        if kind.starts_with("application/x-www-form-urlencoded") {
            return self.url("", text).1;
        }
        text.to_owned()
    }

    fn json(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Number(number) => match self.mark(&number.to_string(), NUMBER_MARK) {
                Some(mark) => Value::String(mark),
                None => value.clone(),
            },
            Value::Array(items) => Value::Array(items.iter().map(|item| self.json(item)).collect()),
            Value::Object(fields) => Value::Object(
                fields.iter().map(|(key, value)| (key.clone(), self.json(value))).collect(),
            ),
            other => other.clone(),
        }
    }

    fn mark(&mut self, value: &str, begin: char) -> Option<String> {
        let origin = self.known.get_mut(value)?;
        let variable = match &origin.variable {
            Some(variable) => variable.clone(),
            None => {
                let base = variable_name(&origin.key);
                let mut name = base.clone();
                let mut number = 2;
                while !self.names.insert(name.clone()) {
                    name = format!("{base}_{number}");
                    number += 1;
                }
                origin.variable = Some(name.clone());
                self.extracts.push((origin.step, name.clone(), origin.from.clone()));
                name
            }
        };
        Some(format!("{begin}{variable}{END}"))
    }

    /// What earlier steps have to take from their responses since this was asked last.
    pub(crate) fn new_extracts(&mut self) -> Vec<(usize, String, Extract)> {
        std::mem::take(&mut self.extracts)
    }

    /// Remembers what the response of a step gives out.
    pub(crate) fn learn(&mut self, step: usize, response: &HarResponse) {
        for header in &response.headers {
            let value = header.value.as_deref().unwrap_or_default();
            if header.name.eq_ignore_ascii_case("set-cookie") {
                for cookie in value.lines() {
                    let pair = cookie.split(';').next().unwrap_or_default();
                    if let Some((name, value)) = pair.split_once('=') {
                        let name = name.trim();
                        self.know(step, value.trim(), name, Extract::Cookie(name.to_owned()));
                    }
                }
            } else if is_own_header(&header.name) {
                self.know(step, value, &header.name, Extract::Header(header.name.clone()));
            }
        }
        let Some(text) = response.text().filter(|text| text.len() <= MOST_BYTES) else { return };
        let kind = response.kind().to_lowercase();
        if kind.contains("json") {
            if let Ok(value) = serde_json::from_str(&text) {
                self.learn_json(step, &value, "$", "value");
            }
        } else if kind.contains("html") {
            self.learn_fields(step, &text);
        }
    }

    fn learn_json(&mut self, step: usize, value: &Value, path: &str, key: &str) {
        match value {
            Value::String(text) => self.know(step, text, key, Extract::Json(path.to_owned())),
            Value::Number(number) => {
                let text = number.to_string();
                if text.len() >= SHORTEST_NUMBER && text.bytes().all(|byte| byte.is_ascii_digit()) {
                    self.remember(step, &text, key, Extract::Json(path.to_owned()));
                }
            }
            Value::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    self.learn_json(step, item, &format!("{path}[{place}]"), key);
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    let bare = !name.is_empty() && name.chars().all(is_bare);
                    if !bare && name.contains(['\'', '\\']) {
                        continue;
                    }
                    let inner =
                        if bare { format!("{path}.{name}") } else { format!("{path}['{name}']") };
                    self.learn_json(step, value, &inner, name);
                }
            }
            _ => {}
        }
    }

    /// Hidden fields of forms and `meta` elements: `name` before `value` or `content`.
    fn learn_fields(&mut self, step: usize, html: &str) {
        for tag in html.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
            let is_meta = tag.get(..5).is_some_and(|begin| begin.eq_ignore_ascii_case("meta "));
            let is_input = tag.get(..6).is_some_and(|begin| begin.eq_ignore_ascii_case("input "));
            let attribute = if is_meta { "content" } else { "value" };
            if !is_meta && !is_input {
                continue;
            }
            let (Some(name), Some(value)) =
                (attribute_of(tag, "name"), attribute_of(tag, attribute))
            else {
                continue;
            };
            // What stands around the value is the same each time, and the value is not.
            let Some((before, _)) = tag.split_once(&format!("{attribute}=\"{value}\"")) else {
                continue;
            };
            let before: String = before.chars().map(escaped).collect();
            if value.contains(['&', '"']) || before.len() > 500 {
                continue;
            }
            let pattern = format!("<{before}{attribute}=\"([^\"]*)\"");
            self.know(step, value, name, Extract::Regex(pattern));
        }
    }

    /// Remembers a value that is long enough to be no chance, and no word that anybody writes.
    fn know(&mut self, step: usize, value: &str, key: &str, from: Extract) {
        let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
        let is_word = !has_digit && !is_secret_name(key);
        let is_long = value.len() >= 20 && !value.contains(char::is_whitespace);
        let is_url = value.contains("://");
        let is_date = value.len() >= 8
            && value.bytes().all(|b| b.is_ascii_digit() || b"-:.TZ /".contains(&b))
            && value.contains(['-', ':', '/']);
        if value.len() >= SHORTEST && (is_long || !is_word) && !is_url && !is_date {
            self.remember(step, value, key, from);
        }
    }

    fn remember(&mut self, step: usize, value: &str, key: &str, from: Extract) {
        if value.len() <= LONGEST && self.known.len() < MOST_VALUES {
            let origin = || ValueOrigin { step, key: key.to_owned(), from, variable: None };
            self.known.entry(value.to_owned()).or_insert_with(origin);
        }
    }
}

/// Headers of responses that give something out for later.
fn is_own_header(name: &str) -> bool {
    let name = name.to_lowercase();
    name.starts_with("x-") || name.contains("token") || name == "etag" || name == "authorization"
}

fn attribute_of<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// A character as a regular expression has it.
fn escaped(c: char) -> String {
    if "\\.+*?()|[]{}^$".contains(c) { format!("\\{c}") } else { c.to_string() }
}

/// Puts templates where a step has marks.
pub(crate) fn resolve(step: &mut DraftStep) {
    resolve_text(&mut step.url);
    step.query.iter_mut().for_each(|(_, value)| resolve_text(value));
    step.headers.iter_mut().for_each(|(_, value)| resolve_text(value));
    match &mut step.auth {
        Some(DraftAuth::Basic(user, password)) => {
            [user, password].into_iter().for_each(resolve_text)
        }
        Some(DraftAuth::Bearer(token)) => resolve_text(token),
        None => {}
    }
    match &mut step.body {
        Some(Body::Text(text)) => resolve_text(text),
        Some(Body::Json(value)) => resolve_json(value),
        Some(Body::Form(pairs)) => pairs.iter_mut().for_each(|(_, value)| resolve_text(value)),
        Some(Body::Multipart(parts)) => {
            for part in parts {
                if let DraftContent::Value(text) = &mut part.content {
                    resolve_text(text);
                }
            }
        }
        Some(Body::File(_)) | None => {}
    }
}

fn resolve_json(value: &mut Value) {
    match value {
        Value::String(text) => resolve_text(text),
        Value::Array(items) => items.iter_mut().for_each(resolve_json),
        Value::Object(fields) => fields.values_mut().for_each(resolve_json),
        _ => {}
    }
}

fn resolve_text(text: &mut String) {
    if !is_carried(text) {
        return;
    }
    let (mut out, mut is_number) = (String::with_capacity(text.len() + 16), false);
    for c in text.chars() {
        match c {
            MARK => out.push_str("{{"),
            NUMBER_MARK => {
                is_number = true;
                out.push_str("{{number(");
            }
            END if std::mem::take(&mut is_number) => out.push_str(")}}"),
            END => out.push_str("}}"),
            c => out.push(c),
        }
    }
    *text = out;
}
