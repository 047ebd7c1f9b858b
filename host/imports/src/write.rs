//! A draft as the text of a steps file, with what is to be known in comments.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::draft::{
    Body, Draft, DraftAuth, DraftContent, DraftEntry, DraftPart, DraftStep, Extract, literal,
};

/// The whole file.
pub(crate) fn file(draft: &Draft, origin: &str) -> String {
    let mut text = format!("# Steps, made of {}.\n", plain(origin));
    for note in &draft.notes {
        let _ = writeln!(text, "# Not taken over: {}", plain(note));
    }
    for (name, what) in &draft.secrets {
        let _ = writeln!(text, "# Give -e {name}=...: {}", plain(what));
    }
    if let Some(target) = &draft.target {
        let _ = write!(text, "\n[settings]\ntarget = {}\n", quoted(target));
    }
    if !draft.vars.is_empty() {
        text.push_str("\n[vars]\n");
        for (name, value) in &draft.vars {
            let _ = writeln!(text, "{} = {}", key(name), quoted(value));
        }
    }
    entries(&draft.entries, "step", &mut text);
    text
}

fn entries(entries_: &[DraftEntry], table: &str, text: &mut String) {
    for entry in entries_ {
        match entry {
            DraftEntry::Step(step) => self::step(step, table, text),
            DraftEntry::Group { name, entries: inner } => {
                let _ = write!(text, "\n[[{table}]]\nname = {}\n", quoted(name));
                entries(inner, &format!("{table}.steps"), text);
            }
        }
    }
}

fn step(step: &DraftStep, table: &str, text: &mut String) {
    let mut own = String::new();
    let _ = writeln!(own, "[[{table}]]");
    for (name, value) in fields(step) {
        let _ = writeln!(own, "{name} = {value}");
    }
    text.push('\n');
    for comment in &step.comments {
        let _ = writeln!(text, "# {}", plain(comment));
    }
    if step.left_out {
        for line in own.lines() {
            let _ = writeln!(text, "# {line}");
        }
    } else {
        text.push_str(&own);
    }
}

/// The keys of a step and their values, in the order in which they are read best.
fn fields(step: &DraftStep) -> Vec<(&'static str, String)> {
    const METHODS: [&str; 7] = ["get", "post", "put", "delete", "patch", "head", "options"];
    let mut fields = Vec::new();
    match METHODS.iter().find(|method| method.eq_ignore_ascii_case(&step.method)) {
        Some(method) => fields.push((*method, quoted(&step.url))),
        None => {
            fields.push(("method", quoted(&step.method)));
            fields.push(("url", quoted(&step.url)));
        }
    }
    if let Some(name) = &step.name {
        fields.push(("name", quoted(name)));
    }
    if !step.query.is_empty() {
        fields.push(("query", texts(&step.query)));
    }
    if !step.headers.is_empty() {
        fields.push(("headers", texts(&step.headers)));
    }
    match &step.auth {
        Some(DraftAuth::Basic(user, password)) => {
            fields
                .push(("auth", format!("{{ basic = [{}, {}] }}", quoted(user), quoted(password))));
        }
        Some(DraftAuth::Bearer(token)) => {
            fields.push(("auth", format!("{{ bearer = {} }}", quoted(token))));
        }
        None => {}
    }
    fields.extend(step.body.as_ref().map(body));
    if let Some(status) = step.status {
        fields.push(("expect", format!("{{ status = [{status}] }}")));
    }
    if !step.extract.is_empty() {
        let each =
            step.extract.iter().map(|(name, from)| format!("{} = {}", key(name), extract(from)));
        fields.push(("extract", format!("{{ {} }}", each.collect::<Vec<_>>().join(", "))));
    }
    if let Some(redirects) = step.redirects {
        fields.push(("redirects", redirects.to_string()));
    }
    if let Some(timeout) = step.timeout {
        fields.push(("timeout", quoted(&time(timeout))));
    }
    if let Some(think) = step.think {
        fields.push(("think", quoted(&time(think))));
    }
    fields
}

fn body(body: &Body) -> (&'static str, String) {
    match body {
        Body::Text(text) => ("body", quoted(text)),
        Body::File(file) => ("file", quoted(file)),
        Body::Form(pairs) => ("form", texts(pairs)),
        Body::Multipart(parts) => {
            let parts = parts.iter().map(part).collect::<Vec<_>>().join(", ");
            ("multipart", format!("[{parts}]"))
        }
        // TOML has no null and no number above 2^63.
        Body::Json(value) => match json(value) {
            Some(text) => ("json", text),
            None => ("body", quoted(&json_text(value))),
        },
    }
}

/// Whether a JSON body can be written under `json`, which sets its content type.
pub(crate) fn is_toml(value: &Value) -> bool {
    json(value).is_some()
}

fn json(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64()?;
            format!("{number:?}").replace("e", "e+").replace("e+-", "e-")
        }
        Value::Number(number) => number.as_i64()?.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(json).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            // Whether a name is a template, nobody would guess.
            let each = |(name, value): (&String, &Value)| match name.contains("{{") {
                true => None,
                false => Some(format!("{} = {}", key(name), json(value)?)),
            };
            let fields: Option<Vec<_>> = fields.iter().map(each).collect();
            format!("{{ {} }}", fields?.join(", "))
        }
    })
}

/// JSON as text, in which the templates stand as templates are written.
fn json_text(value: &Value) -> String {
    let text = with_literal_names(value).to_string();
    let (mut out, mut rest) = (String::new(), text.as_str());
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, behind) = after.split_once("}}").unwrap_or((after, ""));
        out.push_str(before);
        let _ = write!(out, "{{{{{}}}}}", inside.replace("\\\"", "\""));
        rest = behind;
    }
    out + rest
}

fn with_literal_names(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(with_literal_names).collect()),
        Value::Object(fields) => {
            let each =
                |(name, value): (&String, &Value)| (literal(name), with_literal_names(value));
            Value::Object(fields.iter().map(each).collect())
        }
        other => other.clone(),
    }
}

fn part(part: &DraftPart) -> String {
    let content = match &part.content {
        DraftContent::Value(value) => format!("value = {}", quoted(value)),
        DraftContent::File(file) => format!("file = {}", quoted(file)),
    };
    let kind = part.kind.as_ref().map(|kind| format!(", type = {}", quoted(kind)));
    format!("{{ name = {}, {content}{} }}", quoted(&part.name), kind.unwrap_or_default())
}

fn extract(from: &Extract) -> String {
    let (kind, place) = match from {
        Extract::Json(path) => ("json", path),
        Extract::Regex(pattern) => ("regex", pattern),
        Extract::Header(name) => ("header", name),
        Extract::Cookie(name) => ("cookie", name),
    };
    format!("{{ {kind} = {} }}", quoted(place))
}

fn texts(pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{} = {}", key(name), quoted(value)));
    format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
}

fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { quoted(name) }
}

/// A text as TOML has it: as it stands where it may, else with escapes.
fn quoted(text: &str) -> String {
    let is_plain = !text.chars().any(|c| c.is_control() || c == '\'');
    if is_plain && (text.contains('"') || text.contains('\\')) {
        return format!("'{text}'");
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A text for a comment, which ends with its line.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn time(time: Duration) -> String {
    let ms = time.as_millis();
    if ms.is_multiple_of(1000) { format!("{}s", ms / 1000) } else { format!("{ms}ms") }
}
