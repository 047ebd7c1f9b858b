//! Requests as scripts give them, and what is told of answers, whether they are waited for or read
//! while they come.

use std::cell::Cell;

use rquickjs::{Array, Value};

use super::calls::pairs;
use crate::bindings::http::{Error, Keep, Method, Phase, Request, StatusRange, Version};
use crate::body::bytes;

/// The longest body that is given to a script: as long as the contract gives any.
const LONGEST: u32 = 16 << 20;

thread_local! {
    static KEEP_HEADERS: Cell<bool> = const { Cell::new(false) };
}

/// Words of which a script has one if it sees headers or cookies of a response: by their names, or
/// by showing all of a response.
const HEADER_WORDS: [&str; 7] =
    ["headers", "ookie", "jar", "Jar", "stringify", "console", "digest"];

/// Headers cost their part of each request, and many scripts never see them. They are kept where a
/// file of the script may ask for them.
pub(crate) fn look_for_headers(text: &str) {
    if HEADER_WORDS.iter().any(|word| text.contains(word)) {
        KEEP_HEADERS.set(true);
    }
}

/// A request as JavaScript gives it: method, URL, headers, body, what to keep of the answer
/// (nothing, text, bytes), redirects, milliseconds, and the first and last of the statuses that are
/// a success.
pub(super) struct AskedRequest {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    pub(super) keep: u8,
    redirects: u8,
    timeout: f64,
    expect: Vec<StatusRange>,
}

impl AskedRequest {
    pub(super) fn read(array: &Array<'_>) -> rquickjs::Result<Self> {
        let headers: Option<Vec<String>> = array.get(2)?;
        let body: Value<'_> = array.get(3)?;
        let statuses: Option<Vec<u16>> = array.get(7)?;
        let expect = statuses.unwrap_or_default();
        Ok(Self {
            method: array.get(0)?,
            url: array.get(1)?,
            headers: headers.map(|words| pairs(&words)).unwrap_or_default(),
            body: bytes(&body)?,
            keep: array.get(4)?,
            redirects: array.get(5)?,
            timeout: array.get(6)?,
            expect: expect
                .chunks_exact(2)
                .map(|range| StatusRange { first: range[0], last: range[1] })
                .collect(),
        })
    }

    pub(super) fn request(&self) -> Request<'_> {
        Request {
            method: match self.method.as_str() {
                "GET" => Method::Get,
                "HEAD" => Method::Head,
                "POST" => Method::Post,
                "PUT" => Method::Put,
                "DELETE" => Method::Delete,
                "PATCH" => Method::Patch,
                "OPTIONS" => Method::Options,
                other => Method::Other(other),
            },
            url: &self.url,
            headers: &self.headers,
            body: &self.body,
            keep: if self.keep == 0 { Keep::Discard } else { Keep::Body(LONGEST) },
            keep_headers: KEEP_HEADERS.get(),
            redirects: self.redirects,
            // As in k6: a script that asks for a compressed body reads it as it was.
            decompress: self
                .headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("accept-encoding")),
            version: Version::Automatic,
            expect: &self.expect,
            timeout: (self.timeout * 1e6) as u64,
        }
    }
}

/// Headers, a line each.
pub(super) fn lines(headers: &[(String, String)]) -> String {
    let mut lines = String::with_capacity(512);
    for (name, value) in headers {
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.extend([name.as_str(), ":", value]);
    }
    lines
}

/// Why there is no answer, with the number that k6 has for it.
pub(super) fn explained(error: Error) -> (String, u32) {
    match error {
        Error::Dns(text) => (text, 1100),
        Error::Connect(text) => (text, 1210),
        Error::Tls(text) => (text, 1300),
        Error::Timeout(Phase::Connecting) => ("dial: i/o timeout".to_owned(), 1211),
        Error::Timeout(_) => ("request timeout".to_owned(), 1050),
        Error::Reset(text) => (text, 1220),
        Error::Protocol(text) | Error::TooLarge(text) => (text, 1000),
        Error::Denied(text) => (text, 1111),
        Error::LocalPorts(text) | Error::LocalFiles(text) => (text, 1200),
        Error::Invalid(text) => (text, 1020),
        Error::RunOver => ("the run is over".to_owned(), 1000),
    }
}
