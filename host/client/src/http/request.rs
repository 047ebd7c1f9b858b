//! What a caller asks for, and what it gets.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use swell_core::exchange::{Exchange, Phases, Protocol};
use swell_core::observer::ObservedHop;

use crate::error::Error;
use crate::net::tls::Alpn;

/// What to send, and what to do with the answer.
#[derive(Clone, Debug)]
pub struct Request {
    /// Any method but CONNECT.
    pub method: Method,
    /// Absolute, or a path that begins with `/` and is appended to the target.
    pub url: String,
    /// Sent in this order, after `host` and before what is added where it is missing.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Sent with its `content-length`; empty for none.
    pub body: Bytes,
    /// What becomes of the response's body.
    pub keep: Keep,
    /// Whether the response's headers are returned.
    pub keep_headers: bool,
    /// How many redirects to follow; 0 follows none and returns the redirect itself.
    pub redirects: u8,
    /// Whether to ask for a compressed body, and to decompress it when it is kept.
    pub decompress: bool,
    /// Which HTTP version to speak.
    pub version: Version,
    /// The longest time that it may take in all, redirects included. The run's own timeouts hold as
    /// well.
    pub timeout: Option<Duration>,
}

impl Request {
    /// A request with neither headers nor body, whose answer is read and discarded and whose
    /// redirects are not followed.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            keep: Keep::Discard,
            keep_headers: false,
            redirects: 0,
            decompress: false,
            version: Version::Automatic,
            timeout: None,
        }
    }

    /// Whether the request may arrive twice without harm (RFC 9110, 9.2.2).
    pub(crate) fn may_arrive_twice(&self) -> bool {
        matches!(
            self.method,
            Method::GET
                | Method::HEAD
                | Method::PUT
                | Method::DELETE
                | Method::OPTIONS
                | Method::TRACE
        )
    }
}

/// What becomes of a response's body. Whatever is chosen, an exchange ends when the body has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Read to its end, counted and never stored.
    Discard,
    /// The body is returned. If it is longer than `limit` bytes after decompression, or longer than
    /// the run's own limit, that is an error `TooLarge`.
    Body {
        /// Bytes.
        limit: usize,
    },
}

/// Which HTTP version to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/2 where TLS negotiates it, else HTTP/1.1.
    #[default]
    Automatic,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only; without TLS by prior knowledge.
    Http2,
    /// HTTP/3 only: over QUIC, to https URLs.
    Http3,
}

impl Version {
    /// This version, or the run's where this is `Automatic`.
    pub(crate) fn or(self, of_run: Self) -> Self {
        if self == Self::Automatic { of_run } else { self }
    }

    /// What a TLS handshake offers.
    pub(crate) const fn offer(self) -> Alpn {
        match self {
            Self::Automatic => &[b"h2", b"http/1.1"],
            Self::Http1 => &[b"http/1.1"],
            Self::Http2 => &[b"h2"],
            Self::Http3 => &[b"h3"],
        }
    }
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status of the final answer.
    pub status: StatusCode,
    /// Empty unless kept.
    pub headers: HeaderMap,
    /// Empty unless kept; decompressed when that was asked for.
    pub body: Bytes,
    /// Bytes of this body as received, before decompression.
    pub body_size: u64,
    /// Whether the final answer came over a connection that was open before.
    pub reused: bool,
    /// Redirects followed.
    pub redirects: u8,
    /// Where the answer came from, when a redirect was followed.
    pub final_url: Option<String>,
}

/// One exchange that has ended: what is recorded, whatever happened, and what the caller is told.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What is recorded.
    pub exchange: Exchange,
    /// The answer, or why there is none.
    pub result: Result<Response, Error>,
    /// All that was sent and received, where the session is one that is looked on; else nothing.
    pub hops: Vec<ObservedHop>,
}

impl Sent {
    /// The record of a request that was found to be wrong before it was tried.
    pub fn unsent(error: Error) -> Self {
        let exchange = Exchange {
            protocol: Protocol::Http,
            result: Err(error.class),
            phases: Phases::default(),
            written: 0,
            reconnects: 0,
            connections: 0,
            body_bytes: 0,
        };
        Self { exchange, result: Err(error), hops: Vec::new() }
    }
}

/// Parses a header as a scenario gives it. Characters that cannot be sent are an error of class
/// `Invalid`.
pub fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Error> {
    let parsed = HeaderName::try_from(name)
        .map_err(|_| Error::invalid(format!("{name:?} is no header name")))?;
    let value = HeaderValue::try_from(value).map_err(|_| {
        Error::invalid(format!("the value of header {name:?} has characters that cannot be sent"))
    })?;
    Ok((parsed, value))
}
