//! Requests, built step by step.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::Serializer;
use serde::Serialize;

use super::{Coding, Response, Version, prepared};
use crate::bindings::http::{self, Keep, Method, StatusRange};
use crate::bindings::http_prepared::PreparedRequest;
use crate::error::Result;
use crate::think::nanoseconds;

/// What `keep_body` keeps at most: more than any page a scenario reads, and little beside an
/// instance's memory.
const KEPT: u32 = 1 << 20;

/// A request that has not been sent yet.
///
/// Unless told otherwise it keeps nothing of the answer but its status and sizes, follows no
/// redirect, and takes 200 to 399 as success.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until .send()"]
pub struct Request<'a> {
    method: Method<'a>,
    url: Cow<'a, str>,
    headers: Vec<(String, String)>,
    body: Cow<'a, [u8]>,
    keep: Keep,
    keep_headers: bool,
    redirects: u8,
    decompress: bool,
    version: Version,
    expect: Vec<StatusRange>,
    timeout_nanoseconds: u64,
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident $method:ident;)+) => {$(
        $(#[$doc])*
        pub fn $name<'a>(url: impl Into<Cow<'a, str>>) -> Request<'a> {
            Request::new(Method::$method, url.into())
        }
    )+};
}

methods! {
    /// A GET request.
    get Get;
    /// A HEAD request.
    head Head;
    /// A POST request.
    post Post;
    /// A PUT request.
    put Put;
    /// A DELETE request.
    delete Delete;
    /// A PATCH request.
    patch Patch;
    /// An OPTIONS request.
    options Options;
}

/// A request with any method, as it goes over the wire: `http::request("PROPFIND", "/files")`.
pub fn request<'a>(method: &'a str, url: impl Into<Cow<'a, str>>) -> Request<'a> {
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "PATCH" => Method::Patch,
        "OPTIONS" => Method::Options,
        other => Method::Other(other),
    };
    Request::new(method, url.into())
}

impl<'a> Request<'a> {
    fn new(method: Method<'a>, url: Cow<'a, str>) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: Cow::Borrowed(&[]),
            keep: Keep::Discard,
            keep_headers: false,
            redirects: 0,
            decompress: false,
            version: Version::Automatic,
            expect: Vec::new(),
            timeout_nanoseconds: 0,
        }
    }

    /// Adds a header. One of the same name that is there already stays.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds `authorization: Bearer …`.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Adds `authorization: Basic …`.
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        self.header(
            "authorization",
            format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))),
        )
    }

    /// Adds a parameter to the URL, encoded as it must be:
    /// `.query("q", "tea & cake").query("page", 2)`.
    pub fn query(mut self, name: &str, value: impl Display) -> Self {
        let pair = Serializer::new(String::new()).append_pair(name, &value.to_string()).finish();
        let url = self.url.to_mut();
        let end = url.find('#').unwrap_or(url.len());
        let separator = match url[..end].split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        url.insert_str(end, &format!("{separator}{pair}"));
        self
    }

    /// Sends these bytes as the body.
    pub fn body(mut self, body: impl Into<Cow<'a, [u8]>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends a value as JSON, with its `content-type`.
    ///
    /// # Panics
    ///
    /// When the value cannot be JSON, such as a map whose keys are no texts.
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Self {
        let body = serde_json::to_vec(value)
            .unwrap_or_else(|error| panic!("the value for .json() cannot be JSON: {error}"));
        self.header("content-type", "application/json").body(body)
    }

    /// Sends the fields of a form, with its `content-type`:
    /// `.form(&[("user", "ada"), ("password", "secret")])`.
    pub fn form<N: AsRef<str>, V: Display>(self, fields: &[(N, V)]) -> Self {
        let mut form = Serializer::new(String::new());
        for (name, value) in fields {
            form.append_pair(name.as_ref(), &value.to_string());
        }
        self.header("content-type", "application/x-www-form-urlencoded")
            .body(form.finish().into_bytes())
    }

    /// Compresses the body that was given before, with its `content-encoding`:
    /// `.json(&order).compress(Coding::Gzip)`. Said twice, one coding is within the other. Nothing
    /// happens to a request without a body.
    ///
    /// The host compresses it before the request is sent; it is no part of what is measured.
    pub fn compress(mut self, coding: Coding) -> Self {
        if self.body.is_empty() {
            return self;
        }
        self.body = http::compress(&self.body, coding).into();
        let name = match coding {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Br => "br",
            Coding::Zstd => "zstd",
        };
        let is_coding =
            |header: &&mut (String, String)| header.0.eq_ignore_ascii_case("content-encoding");
        match self.headers.iter_mut().find(is_coding) {
            Some((_, codings)) => {
                codings.push_str(", ");
                codings.push_str(name);
                self
            }
            None => self.header("content-encoding", name),
        }
    }

    /// Keeps the answer's headers, and its body up to 1 MiB; a longer one is the error
    /// [`TooLarge`](super::Error::TooLarge).
    pub fn keep_body(self) -> Self {
        self.keep_body_up_to(KEPT)
    }

    /// As [`keep_body`](Self::keep_body), up to this number of bytes after decompression; the host
    /// keeps at most 16 MiB whatever is said.
    pub fn keep_body_up_to(mut self, bytes: u32) -> Self {
        self.keep = Keep::Body(bytes);
        self.keep_headers()
    }

    /// Keeps the answer's headers.
    pub fn keep_headers(mut self) -> Self {
        self.keep_headers = true;
        self
    }

    /// Follows up to this number of redirects.
    pub fn redirects(mut self, most: u8) -> Self {
        self.redirects = most;
        self
    }

    /// Asks for a compressed body, and decompresses it.
    pub fn decompress(mut self) -> Self {
        self.decompress = true;
        self
    }

    /// Speaks this version of HTTP; else HTTP/2 where TLS negotiates it.
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Takes a status, or a range of them, as success, instead of 200 to 399. It may be said
    /// several times: `.expect(200..=299).expect(404)`.
    pub fn expect(mut self, statuses: impl Statuses) -> Self {
        let (first, last) = statuses.bounds();
        self.expect.push(StatusRange { first, last });
        self
    }

    /// Gives up after this time, redirects included. The run's timeouts are in force besides:
    /// `--timeout` for the head (60 s by default), and 120 s, or twice `--timeout` if that is more,
    /// for the whole with its redirects and body.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout_nanoseconds = nanoseconds(time).max(1);
        self
    }

    /// Sends the request and waits for the end of the answer, whatever its status.
    ///
    /// # Errors
    ///
    /// [`Error::Http`](crate::Error::Http) when there is no answer;
    /// [`Error::RunOver`](crate::Error::RunOver) outside any transaction when the run is over.
    pub fn send(self) -> Result<Response> {
        let prepare = || PreparedRequest::prepare(self.without_body());
        match prepared::known(|text| self.identify(text), prepare) {
            Some(known) => {
                let body = (!self.body.is_empty()).then_some(&*self.body);
                known.send(body).map(Response::prepared).map_err(from_host)
            }
            None => answered(http::send(self.borrow())),
        }
    }

    /// Says what tells this request from all others, but for the body.
    fn identify(&self, text: &mut Vec<u8>) {
        let method = match &self.method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Patch => "PATCH",
            Method::Options => "OPTIONS",
            Method::Other(name) => name,
        };
        let (keeps, most) = match self.keep {
            Keep::Discard => (0, 0),
            Keep::Body(most) => (1, most),
        };
        let flags = [
            keeps,
            u8::from(self.keep_headers),
            self.redirects,
            u8::from(self.decompress),
            self.version as u8,
        ];
        text.extend(flags);
        text.extend(most.to_le_bytes());
        text.extend(self.timeout_nanoseconds.to_le_bytes());
        let headers = self.headers.iter().flat_map(|(name, value)| [&**name, value]);
        for part in [method, &*self.url].into_iter().chain(headers) {
            text.extend((part.len() as u32).to_le_bytes());
            text.extend(part.as_bytes());
        }
        for range in &self.expect {
            text.extend(range.first.to_le_bytes());
            text.extend(range.last.to_le_bytes());
        }
    }

    fn without_body(&self) -> http::Request<'_> {
        http::Request { body: &[], ..self.borrow() }
    }

    pub(super) fn borrow(&self) -> http::Request<'_> {
        http::Request {
            method: self.method.clone(),
            url: &self.url,
            headers: &self.headers,
            body: &self.body,
            keep: self.keep,
            keep_headers: self.keep_headers,
            redirects: self.redirects,
            decompress: self.decompress,
            version: self.version,
            expect: &self.expect,
            timeout: self.timeout_nanoseconds,
        }
    }
}

pub(super) fn answered(answer: Result<http::Response, http::Error>) -> Result<Response> {
    answer.map(Response::new).map_err(from_host)
}

/// The host's word as the scenario's error.
pub(super) fn from_host(error: http::Error) -> crate::Error {
    crate::Error::Http(match error {
        http::Error::Dns(text) => super::Error::Dns(text),
        http::Error::Connect(text) => super::Error::Connect(text),
        http::Error::Tls(text) => super::Error::Tls(text),
        http::Error::Timeout(phase) => super::Error::Timeout(phase),
        http::Error::Reset(text) => super::Error::Reset(text),
        http::Error::Protocol(text) => super::Error::Protocol(text),
        http::Error::TooLarge(text) => super::Error::TooLarge(text),
        http::Error::Denied(text) => super::Error::Denied(text),
        http::Error::LocalPorts(text) => super::Error::LocalPorts(text),
        http::Error::LocalFiles(text) => super::Error::LocalFiles(text),
        http::Error::Invalid(text) => super::Error::Invalid(text),
        http::Error::RunOver => return crate::Error::RunOver,
    })
}

/// What [`Request::expect`] takes: a status or a range of them.
pub trait Statuses {
    /// The first and the last status.
    fn bounds(self) -> (u16, u16);
}

impl Statuses for u16 {
    fn bounds(self) -> (u16, u16) {
        (self, self)
    }
}

impl Statuses for RangeInclusive<u16> {
    fn bounds(self) -> (u16, u16) {
        self.into_inner()
    }
}

#[cfg(test)]
mod tests;
