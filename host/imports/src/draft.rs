//! What all readers make: the steps of one scenario, before they are text.
//!
//! All texts in here are templates already: a reader calls [`literal`] for what it takes over as it
//! stands, so that braces of a foreign file never become a name of ours.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

/// The steps of one file, and what is said about them.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// The service that paths without a host belong to.
    pub(crate) target: Option<String>,
    /// Variables with values that may be known to all.
    pub(crate) vars: Vec<(String, String)>,
    pub(crate) entries: Vec<DraftEntry>,
    /// What was not taken over as it stands, by place.
    pub(crate) notes: Vec<String>,
    /// Values that the person who runs it gives by `-e`, with what they are.
    pub(crate) secrets: BTreeMap<String, String>,
}

/// A part of a scenario.
#[derive(Debug)]
pub(crate) enum DraftEntry {
    Step(Box<DraftStep>),
    Group { name: String, entries: Vec<DraftEntry> },
}

/// A request.
#[derive(Debug, Default)]
pub(crate) struct DraftStep {
    /// Lines above the step.
    pub(crate) comments: Vec<String>,
    /// Whether all of it is a comment, as with what would delete things.
    pub(crate) left_out: bool,
    pub(crate) name: Option<String>,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) auth: Option<DraftAuth>,
    pub(crate) body: Option<Body>,
    pub(crate) status: Option<u16>,
    pub(crate) extract: Vec<(String, Extract)>,
    pub(crate) redirects: Option<u32>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) think: Option<Duration>,
}

#[derive(Debug, Clone)]
pub(crate) enum DraftAuth {
    Basic(String, String),
    Bearer(String),
}

/// What a request carries.
#[derive(Debug)]
pub(crate) enum Body {
    Text(String),
    Json(Value),
    Form(Vec<(String, String)>),
    Multipart(Vec<DraftPart>),
    File(String),
}

/// A part of a multipart body.
#[derive(Debug)]
pub(crate) struct DraftPart {
    pub(crate) name: String,
    pub(crate) content: DraftContent,
    pub(crate) kind: Option<String>,
}

#[derive(Debug)]
pub(crate) enum DraftContent {
    Value(String),
    File(String),
}

/// Where a value stands in a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Extract {
    Json(String),
    Regex(String),
    Header(String),
    Cookie(String),
}

impl Draft {
    /// A value that is not written down; answers what stands in its place.
    pub(crate) fn secret(&mut self, name: &str, what: String) -> String {
        let name = variable_name(name).to_uppercase();
        let call = format!("{{{{env({name})}}}}");
        self.secrets.entry(name).or_insert(what);
        call
    }

    /// Has nothing stand for files without a name, as forms send them where no file is chosen.
    pub(crate) fn leave_out_nameless_files(&mut self) {
        let mut left = Vec::new();
        nameless_files(&mut self.entries, &mut left);
        self.notes.extend(left);
    }

    /// How many requests it has that are sent.
    pub(crate) fn requests(&self) -> usize {
        count(&self.entries)
    }
}

fn nameless_files(entries: &mut [DraftEntry], left: &mut Vec<String>) {
    for entry in entries {
        let step = match entry {
            DraftEntry::Group { entries, .. } => {
                nameless_files(entries, left);
                continue;
            }
            DraftEntry::Step(step) => step,
        };
        let note = format!("a file without a name, which {} {} sends", step.method, step.url);
        match &mut step.body {
            Some(Body::File(file)) if file.is_empty() => {
                step.body = None;
                left.push(note);
            }
            Some(Body::Multipart(parts)) => {
                let is_nameless = |content: &DraftContent| match content {
                    DraftContent::File(file) => file.is_empty(),
                    DraftContent::Value(_) => false,
                };
                for part in parts.iter_mut().filter(|part| is_nameless(&part.content)) {
                    part.content = DraftContent::Value(String::new());
                    left.push(note.clone());
                }
            }
            _ => {}
        }
    }
}

fn count(entries: &[DraftEntry]) -> usize {
    let of = |entry: &DraftEntry| match entry {
        DraftEntry::Step(step) => usize::from(!step.left_out),
        DraftEntry::Group { entries, .. } => count(entries),
    };
    entries.iter().map(of).sum()
}

impl DraftStep {
    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// Sets a header that the source does not have itself.
    pub(crate) fn default_header(&mut self, name: &str, value: &str) {
        if !self.has_header(name) {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// A text as it stands, for a place where templates are read.
pub(crate) fn literal(text: &str) -> String {
    text.replace("{{", "{{\"{{\"}}")
}

/// A JSON value whose texts are taken over as they stand.
pub(crate) fn literal_json(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(literal(text)),
        Value::Array(items) => Value::Array(items.iter().map(literal_json).collect()),
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(key, value)| (key.clone(), literal_json(value))).collect(),
        ),
        other => other.clone(),
    }
}

/// A name as variables have it: letters, digits and underscores, none that means something already.
pub(crate) fn variable_name(text: &str) -> String {
    let mut name: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.insert_str(0, "v_");
    }
    if matches!(name.to_lowercase().as_str(), "user" | "iteration") {
        name.push_str("_value");
    }
    name
}

/// Whether a header, a parameter or a field of this name holds what nobody should read in a file.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase().replace(['-', '_', '.'], "");
    const PARTS: [&str; 10] = [
        "password",
        "passwd",
        "secret",
        "token",
        "apikey",
        "authorization",
        "credential",
        "privatekey",
        "sessionid",
        "csrf",
    ];
    PARTS.iter().any(|part| name.contains(part)) || matches!(name.as_str(), "pwd" | "pass" | "auth")
}

/// The pairs of a query or a form, decoded, if encoding them again says the same.
pub(crate) fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let once = (1..pairs.len()).all(|n| pairs[..n].iter().all(|(key, _)| *key != pairs[n].0));
    let normal = |text: &str| text.replace("%20", "+").to_lowercase();
    let again: String =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    let bare = text.split('&').all(|pair| pair.contains('='));
    (!pairs.is_empty() && once && bare && decoded(&normal(&again)) == decoded(&normal(text)))
        .then_some(pairs)
}

fn decoded(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}
