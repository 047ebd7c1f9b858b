//! The requests of an iteration as an HTTP Archive, which browsers' tools and proxies open
//! (<http://www.softwareishard.com/blog/har-12-spec/>).
//!
//! An archive is made to be handed on. So it has no secret unless it is asked for: see
//! `sanitised`.

use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};
use swell_core::exchange::{Phase, Phases};
use swell_core::observer::{ObservedAnswer, ObservedExchange, ObservedHop};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::sanitised::{self, LEFT_OUT};

/// Whether an archive has what may be secret: values of headers and queries, and bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// It says of these only that they were there.
    LeftOut,
    /// It has all of them.
    Kept,
}

/// An archive in the making.
#[derive(Debug)]
pub struct Har {
    /// The instant zero of the run's clock, since 1970.
    began_at: Duration,
    secrets: Secrets,
    entries: Vec<Value>,
}

impl Har {
    /// One without an entry. `began_at` is the instant zero of the run's clock, since 1970.
    pub const fn new(began_at: Duration, secrets: Secrets) -> Self {
        Self { began_at, secrets, entries: Vec::new() }
    }

    /// Adds all that was sent for one request.
    pub fn add(&mut self, exchanged: &ObservedExchange) {
        let mut at = self.began_at + Duration::from_nanos(exchanged.began.as_nanos());
        for hop in &exchanged.hops {
            self.entries.push(self.entry(at, hop));
            at += hop.phases.total();
        }
    }

    /// The archive as JSON.
    pub fn json(self) -> String {
        let archive = json!({
            "log": {
                "version": "1.2",
                "creator": { "name": "swell", "version": env!("CARGO_PKG_VERSION") },
                "entries": self.entries,
            }
        });
        format!("{archive:#}\n")
    }

    fn entry(&self, at: Duration, hop: &ObservedHop) -> Value {
        let mut entry = json!({
            "startedDateTime": date_time(at),
            "time": ms(hop.phases.total()),
            "request": self.request(hop),
            "response": self.response(hop),
            "cache": {},
            "timings": timings(&hop.phases),
        });
        if let Some(error) = &hop.error {
            entry["_error"] = match self.secrets {
                // Words about a redirect have the whole of its URL in them.
                Secrets::LeftOut => error.class.name().into(),
                Secrets::Kept => error.words.as_str().into(),
            };
        }
        entry
    }

    fn request(&self, hop: &ObservedHop) -> Value {
        let mut request = json!({
            "method": hop.method,
            "url": self.url(&hop.url),
            "httpVersion": hop.version.unwrap_or_default(),
            "cookies": [],
            "headers": self.headers(&hop.headers),
            "queryString": self.query(&hop.url),
            "headersSize": -1,
            "bodySize": hop.body.len(),
        });
        if !hop.body.is_empty() {
            let mut posted = self.body(&hop.body);
            posted["mimeType"] = media_type(&hop.headers).into();
            request["postData"] = posted;
        }
        request
    }

    fn response(&self, hop: &ObservedHop) -> Value {
        // So browsers write what had no answer.
        let none = ObservedAnswer {
            status: 0,
            reason: "",
            headers: Vec::new(),
            body: Vec::new(),
            received: 0,
            body_lacks: None,
        };
        let answer = hop.answer.as_ref().unwrap_or(&none);
        let location = answer.headers.iter().find(|(name, _)| name == "location");
        let mut content =
            if answer.body.is_empty() { json!({ "text": "" }) } else { self.body(&answer.body) };
        content["size"] = answer.body.len().into();
        content["mimeType"] = media_type(&answer.headers).into();
        if let Some(lacks) = &answer.body_lacks {
            content["comment"] = lacks.as_str().into();
        }
        json!({
            "status": answer.status,
            "statusText": answer.reason,
            "httpVersion": hop.version.unwrap_or_default(),
            "cookies": [],
            "headers": self.headers(&answer.headers),
            "content": content,
            "redirectURL": location.map(|(_, url)| self.url(url)).unwrap_or_default(),
            "headersSize": -1,
            "bodySize": answer.received,
        })
    }

    fn body(&self, bytes: &[u8]) -> Value {
        match (self.secrets, std::str::from_utf8(bytes)) {
            (Secrets::LeftOut, _) => json!({ "text": LEFT_OUT, "comment": "--har-secrets has it" }),
            (Secrets::Kept, Ok(text)) => json!({ "text": text }),
            (Secrets::Kept, Err(_)) => {
                json!({ "text": BASE64.encode(bytes), "encoding": "base64" })
            }
        }
    }

    fn headers(&self, headers: &[(String, String)]) -> Value {
        let shown = |(name, value): &(String, String)| match self.secrets {
            Secrets::LeftOut => json!({ "name": name, "value": sanitised::header(name, value) }),
            Secrets::Kept => json!({ "name": name, "value": value }),
        };
        headers.iter().map(shown).collect()
    }

    fn url(&self, url: &str) -> String {
        match self.secrets {
            Secrets::LeftOut => sanitised::url(url),
            Secrets::Kept => url.to_owned(),
        }
    }

    fn query(&self, url: &str) -> Value {
        let url = self.url(url);
        let query =
            url.split('#').next().and_then(|url| url.split_once('?')).map(|(_, query)| query);
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            json!({ "name": name, "value": value })
        };
        query.into_iter().flat_map(|query| query.split('&')).map(pair).collect()
    }
}

/// The phases as an archive has them: its `connect` holds the handshake, and `-1` says that there
/// was none.
fn timings(phases: &Phases) -> Value {
    let of = |phase| ms(phases.get(phase));
    let or_none = |time: f64| if time > 0.0 { time } else { -1.0 };
    json!({
        "blocked": of(Phase::Blocked),
        "dns": -1,
        "connect": or_none(of(Phase::Connecting) + of(Phase::Tls)),
        "ssl": or_none(of(Phase::Tls)),
        "send": of(Phase::Sending),
        "wait": of(Phase::Waiting),
        "receive": of(Phase::Receiving),
    })
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn media_type(headers: &[(String, String)]) -> &str {
    headers.iter().find(|(name, _)| name == "content-type").map_or("", |(_, value)| value)
}

/// As `2026-11-26T15:04:05.123456789Z`; nothing for a time that no calendar has.
fn date_time(since_1970: Duration) -> String {
    i128::try_from(since_1970.as_nanos())
        .ok()
        .and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok())
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}
