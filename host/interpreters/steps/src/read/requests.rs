//! Requests: where they go, what they send, what is expected of the answer and taken from it.

use regex_lite::Regex;
use serde_json::Value;

use super::fields::Fields;
use super::scenario::ScenarioReader;
use super::statuses::parse_statuses;
use super::steps::{duration, whole};
use crate::json_path::JsonPath;
use crate::keys::{AUTH, CODINGS, EXPECT, EXPECT_BODY, EXTRACT, PART};
use crate::model::{
    Auth, Expectation, Expectations, ExpectedOf, Extraction, ExtractionSource, FormPart, JsonPiece,
    PartContent, StepBody, StepRequest,
};
use crate::template::ValueTemplate;
use crate::tree::{FileNode, FilePlace, NodeEntry, NodeValue, Wrong};

const BODIES: [&str; 5] = ["body", "json", "form", "multipart", "file"];
const SOURCES: [&str; 4] = ["json", "regex", "header", "cookie"];

impl ScenarioReader<'_> {
    pub(super) fn request(
        &mut self,
        fields: &mut Fields,
        method: String,
        url: FileNode,
    ) -> Result<StepRequest, Wrong> {
        let at = url.at;
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if method.is_empty() || !method.chars().all(is_token) {
            return Err(Wrong::new(at, format!("{method:?} is no method")));
        }
        let url = self.template(url, "a path or a URL")?;
        self.look_at_url(&url, at)?;
        let name = match self.name(fields)? {
            Some(name) => name,
            None => format!("{method} {}", path_of(&url.in_short())),
        };
        let name = self.transaction(&name, at)?;
        let mut named = |key| match fields.take(key) {
            Some(node) => self.templates(node),
            None => Ok(Vec::new()),
        };
        let (query, headers) = (named("query")?, named("headers")?);
        let auth = fields.take("auth").map(|node| self.auth(node)).transpose()?;
        let body = match fields.take_one(BODIES)? {
            Some((key, node)) => self.body(key, node)?,
            None => StepBody::None,
        };
        let compress = fields.take("compress").map(|node| coding(node, &body)).transpose()?;
        let redirects = fields.take("redirects").map(whole).transpose()?.unwrap_or(0);
        let redirects = u8::try_from(redirects)
            .map_err(|_| Wrong::new(at, "redirects: at most 255 are followed"))?;
        let timeout = fields.take("timeout").map(|node| {
            let at = node.at;
            duration(&node.text("a duration")?, at)
        });
        let expect = fields.take("expect").map(|node| self.expectations(node)).transpose()?;
        let extract = fields.take("extract").map(|node| self.extractions(node)).transpose()?;
        Ok(StepRequest {
            name,
            method,
            url,
            query,
            headers,
            auth,
            body,
            compress,
            redirects,
            timeout: timeout.transpose()?,
            expect: expect.unwrap_or_default(),
            extract: extract.unwrap_or_default(),
        })
    }

    /// Notes the host that a URL names.
    fn look_at_url(&mut self, url: &ValueTemplate, at: FilePlace) -> Result<(), Wrong> {
        if url.in_short().contains('#') {
            return Err(Wrong::new(at, "what follows # stays in a browser: leave it out"));
        }
        let beginning = url.beginning();
        let is_open = beginning.is_empty() && url.fixed().is_none();
        if beginning.starts_with('/') || is_open {
            return Ok(());
        }
        let authority = ["http://", "https://"].iter().find_map(|it| beginning.strip_prefix(it));
        let Some(authority) = authority else {
            let cure = "a path begins with /, and a URL with http:// or https://";
            return Err(Wrong::new(at, format!("{:?} goes nowhere: {cure}", url.in_short())));
        };
        let end = authority.find(['/', '?', '#']);
        // A host that is filled in is looked at when it is.
        if end.is_some() || url.fixed().is_some() {
            let host = &authority[..end.unwrap_or(authority.len())];
            if host.contains('@') {
                let cure = "auth = { basic = [\"user\", \"password\"] } sends them";
                return Err(Wrong::new(at, format!("a URL has no user and password: {cure}")));
            }
            self.hosts.insert(host.to_owned());
        }
        Ok(())
    }

    fn auth(&mut self, node: FileNode) -> Result<Auth, Wrong> {
        let mut fields = Fields::of(node, &AUTH)?;
        let at = fields.at;
        match fields.take_one(["basic", "bearer"])? {
            Some(("bearer", node)) => Ok(Auth::Bearer(self.template(node, "a token")?)),
            Some((_, node)) => {
                let pair = node.list("user and password")?;
                let Ok([user, password]) = <[FileNode; 2]>::try_from(pair) else {
                    let cure = "basic = [\"user\", \"password\"]";
                    return Err(Wrong::new(at, format!("two texts are wanted: {cure}")));
                };
                let user = self.template(user, "a user")?;
                Ok(Auth::Basic(user, self.template(password, "a password")?))
            }
            None => Err(Wrong::new(at, "auth has basic = [\"user\", \"password\"] or bearer")),
        }
    }

    fn body(&mut self, key: &str, node: FileNode) -> Result<StepBody, Wrong> {
        Ok(match key {
            "body" => StepBody::Text(self.template(node, "a text")?),
            "json" => {
                let mut pieces = vec![JsonPiece::Written(String::new())];
                self.json(node, &mut pieces)?;
                StepBody::Json(pieces)
            }
            "form" => StepBody::Form(self.templates(node)?),
            "file" => StepBody::File(self.file(node)?),
            _ => {
                let parts = node.list("a list of parts")?;
                let parts = parts.into_iter().map(|node| self.part(node));
                StepBody::Multipart(parts.collect::<Result<_, _>>()?)
            }
        })
    }

    fn file(&mut self, node: FileNode) -> Result<String, Wrong> {
        let at = node.at;
        let path = node.text("a file")?;
        if path.is_empty() {
            return Err(Wrong::new(at, "a file is named here"));
        }
        self.files.insert(path.clone());
        Ok(path)
    }

    fn part(&mut self, node: FileNode) -> Result<FormPart, Wrong> {
        let mut fields = Fields::of(node, &PART)?;
        let at = fields.at;
        let name = fields.take("name").map(|node| node.text("a name")).transpose()?;
        let kind = fields.take("type").map(|node| node.text("a media type")).transpose()?;
        let content = match fields.take_one(["value", "file"])? {
            Some(("value", node)) => PartContent::Value(self.template(node, "a text")?),
            Some((_, node)) => PartContent::File(self.file(node)?),
            None => return Err(Wrong::new(at, "a part has a value or a file")),
        };
        let is_plain = |text: &str| !text.contains(['"', '\r', '\n']);
        match name {
            Some(name) if is_plain(&name) && kind.as_deref().is_none_or(is_plain) => {
                Ok(FormPart { name, content, kind })
            }
            Some(_) => Err(Wrong::new(at, "a part's name and type have no quotes and line ends")),
            None => Err(Wrong::new(at, "a part has a name")),
        }
    }

    /// Writes a value as JSON, with places for what is filled in.
    fn json(&mut self, node: FileNode, pieces: &mut Vec<JsonPiece>) -> Result<(), Wrong> {
        let at = node.at;
        match node.value {
            NodeValue::Null => write(pieces, "null"),
            NodeValue::Bool(value) => write(pieces, &value.to_string()),
            // As it is written: the nearest number that has room in 64 bits is another one.
            NodeValue::Number(number, text) => {
                let is_json = serde_json::from_str::<serde_json::Number>(&text).is_ok();
                write(pieces, &if is_json { text } else { number.to_string() });
            }
            NodeValue::Text(text) => {
                let template = self.template_of(&text, at)?;
                match template.fixed() {
                    Some(text) => write(pieces, &Value::from(text).to_string()),
                    None if template.is_number() => pieces.push(JsonPiece::Number(template)),
                    None => pieces.push(JsonPiece::Text(template)),
                }
            }
            NodeValue::List(list) => {
                write(pieces, "[");
                for (index, node) in list.into_iter().enumerate() {
                    write(pieces, if index > 0 { "," } else { "" });
                    self.json(node, pieces)?;
                }
                write(pieces, "]");
            }
            NodeValue::Table(entries) => {
                write(pieces, "{");
                for (index, NodeEntry { key, node, .. }) in entries.into_iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write(pieces, &format!("{comma}{}:", Value::from(key)));
                    self.json(node, pieces)?;
                }
                write(pieces, "}");
            }
        }
        Ok(())
    }

    fn expectations(&mut self, node: FileNode) -> Result<Expectations, Wrong> {
        let mut fields = Fields::of(node, &EXPECT)?;
        let mut expect = Expectations::default();
        if let Some(node) = fields.take("status") {
            let list = match node.value {
                NodeValue::List(list) => list,
                _ => vec![node],
            };
            for node in list {
                let at = node.at;
                let statuses = parse_statuses(&node.text("a status")?);
                expect.status.push(statuses.map_err(|error| Wrong::new(at, error))?);
            }
        }
        let mut expected = |words: String, of| expect.others.push(Expectation { words, of });
        if let Some(node) = fields.take("headers") {
            for (name, value) in self.templates(node)? {
                let words = format!("header {name} has {:?}", value.in_short());
                expected(words, ExpectedOf::Header(name, value));
            }
        }
        if let Some(node) = fields.take("body") {
            let mut body = Fields::of(node, &EXPECT_BODY)?;
            if let Some(node) = body.take("contains") {
                let text = self.template(node, "a text")?;
                let words = format!("body has {:?}", text.in_short());
                expected(words, ExpectedOf::Contains(text));
            }
            if let Some(node) = body.take("matches") {
                let (text, regex) = regex(node)?;
                expected(format!("body matches {text:?}"), ExpectedOf::Matches(regex));
            }
            for NodeEntry { key, at, node } in body
                .take("json")
                .map(|node| node.entries("JSON paths"))
                .transpose()?
                .unwrap_or_default()
            {
                let path = JsonPath::parse(&key).map_err(|error| Wrong::new(at, error))?;
                let value = match node.value {
                    NodeValue::Null => None,
                    _ => Some(self.template(node, "a value")?),
                };
                let is = value.as_ref().map(|value| format!(" is {:?}", value.in_short()));
                let words = format!("{key}{}", is.unwrap_or_else(|| " is there".to_owned()));
                expected(words, ExpectedOf::Json(path, value));
            }
        }
        if let Some(node) = fields.take("time") {
            let at = node.at;
            let text = node.text("a duration")?;
            expected(format!("time < {text}"), ExpectedOf::Within(duration(&text, at)?));
        }
        Ok(expect)
    }

    fn extractions(&mut self, node: FileNode) -> Result<Vec<Extraction>, Wrong> {
        let entries = node.entries("variables, each with where it is found")?;
        let mut extractions = Vec::with_capacity(entries.len());
        for NodeEntry { key: variable, at, node } in entries {
            self.set_variable(&variable, at)?;
            let mut fields = Fields::of(node, &EXTRACT)?;
            let default =
                fields.take("default").map(|node| self.template(node, "a text")).transpose()?;
            let Some((kind, node)) = fields.take_one(SOURCES)? else {
                let cure = "json = \"$.path\", regex, header or cookie says where it is found";
                return Err(Wrong::new(at, format!("{variable}: {cure}")));
            };
            let at = node.at;
            let (words, from) = match kind {
                "regex" => {
                    let (text, regex) = regex(node)?;
                    (format!("the body by {text:?}"), ExtractionSource::Regex(regex))
                }
                kind => {
                    let text = node.text("a text")?;
                    match kind {
                        "json" => {
                            let path = JsonPath::parse(&text);
                            let path = path.map_err(|error| Wrong::new(at, error))?;
                            (format!("the body at {text}"), ExtractionSource::Json(path))
                        }
                        "header" => (format!("the header {text}"), ExtractionSource::Header(text)),
                        _ => (format!("the cookie {text}"), ExtractionSource::Cookie(text)),
                    }
                }
            };
            extractions.push(Extraction { variable, from, default, words });
        }
        Ok(extractions)
    }
}

/// How a body is compressed, if there is one.
fn coding(node: FileNode, body: &StepBody) -> Result<&'static str, Wrong> {
    let at = node.at;
    let word = node.text("a word")?;
    let Some(coding) = CODINGS.iter().find(|coding| **coding == word) else {
        let words = CODINGS.join(", ");
        return Err(Wrong::new(at, format!("compress is one of {words}")));
    };
    match body {
        StepBody::None => {
            let cure = "give body, json, form, multipart or file, or leave it out";
            Err(Wrong::new(at, format!("there is no body to compress: {cure}")))
        }
        _ => Ok(coding),
    }
}

fn regex(node: FileNode) -> Result<(String, Regex), Wrong> {
    let at = node.at;
    let text = node.text("a regular expression")?;
    let regex = Regex::new(&text);
    let regex = regex.map_err(|error| Wrong::new(at, format!("{text:?}: {error}")))?;
    Ok((text, regex))
}

fn write(pieces: &mut Vec<JsonPiece>, text: &str) {
    match pieces.last_mut() {
        Some(JsonPiece::Written(written)) => written.push_str(text),
        _ => pieces.push(JsonPiece::Written(text.to_owned())),
    }
}

/// The path of a URL, or of what is one already, without its query.
fn path_of(url: &str) -> &str {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => url,
    };
    path.split(['?', '#']).next().unwrap_or(path)
}
