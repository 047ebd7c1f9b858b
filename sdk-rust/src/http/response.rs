//! Answers.

use std::cell::OnceCell;
use std::time::Duration;

use serde::Deserialize;

use crate::bindings::{http, http_prepared};
use crate::error::{Error, Result};

/// The answer to a request, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    status: u16,
    headers: Option<Headers>,
    body: Option<Vec<u8>>,
    body_size: u64,
    phases: http::Phases,
    reused: bool,
    redirects: u8,
    final_url: Option<String>,
}

/// An answer's headers, as they came from the host.
#[derive(Debug, Clone)]
enum Headers {
    Listed(Vec<(String, String)>),
    /// A line for each, which are taken apart when somebody asks for them.
    Lines(String, OnceCell<Vec<(String, String)>>),
}

impl Headers {
    fn first(&self, name: &str) -> Result<&str> {
        match self {
            Self::Listed(headers) => first_header(headers, name),
            Self::Lines(lines, _) => pairs(lines)
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map_or_else(|| Err(no_header(name)), |(_, value)| Ok(value)),
        }
    }

    fn all(&self) -> &[(String, String)] {
        match self {
            Self::Listed(headers) => headers,
            Self::Lines(lines, listed) => {
                let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
                listed.get_or_init(|| pairs(lines).map(owned).collect())
            }
        }
    }
}

/// Names and values of headers, a line each.
fn pairs(lines: &str) -> impl Iterator<Item = (&str, &str)> {
    lines.split_terminator('\n').filter_map(|line| line.split_once(": "))
}

/// How long each part of an exchange took; over redirects, the sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phases {
    /// Waiting for a connection of this user to become free.
    pub blocked: Duration,
    /// Looking up the name and opening the connection; zero when one was reused.
    pub connecting: Duration,
    /// The TLS handshake; zero when there was none.
    pub tls: Duration,
    /// From the connection's being ready to the request's being handed to the network.
    pub sending: Duration,
    /// From there to the answer's head.
    pub waiting: Duration,
    /// From there to the end of the body.
    pub receiving: Duration,
}

impl Phases {
    pub(super) fn new(phases: &http::Phases) -> Self {
        Self {
            blocked: Duration::from_nanos(phases.blocked),
            connecting: Duration::from_nanos(phases.connecting),
            tls: Duration::from_nanos(phases.tls),
            sending: Duration::from_nanos(phases.sending),
            waiting: Duration::from_nanos(phases.waiting),
            receiving: Duration::from_nanos(phases.receiving),
        }
    }
}

/// The first header of this name, in whichever case.
pub(super) fn first_header<'a>(headers: &'a [(String, String)], name: &str) -> Result<&'a str> {
    let mut values = headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    values.next().map(|(_, value)| value.as_str()).ok_or_else(|| no_header(name))
}

fn no_header(name: &str) -> Error {
    Error::Answer(format!("the answer has no header \"{name}\""))
}

impl Response {
    pub(super) fn new(answer: http::Response) -> Self {
        Self {
            status: answer.status,
            headers: answer.headers.map(Headers::Listed),
            body: answer.body,
            body_size: answer.body_size,
            phases: answer.phases,
            reused: answer.reused,
            redirects: answer.redirects,
            final_url: answer.final_url,
        }
    }

    /// The answer to a request that the host knew.
    pub(super) fn prepared(answer: http_prepared::Answer) -> Self {
        Self {
            status: answer.status,
            headers: answer.headers.map(|lines| Headers::Lines(lines, OnceCell::new())),
            body: answer.body,
            body_size: answer.body_size,
            phases: answer.phases,
            reused: answer.reused,
            redirects: answer.redirects,
            final_url: answer.final_url,
        }
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The body.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] when the request did not ask to keep it.
    pub fn bytes(&self) -> Result<&[u8]> {
        let not_kept =
            || Error::Answer("the body was not kept: call .keep_body() before .send()".to_owned());
        self.body.as_deref().ok_or_else(not_kept)
    }

    /// The body as text.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] when the request did not ask to keep the body, or it is no UTF-8.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(self.bytes()?)
            .map_err(|error| Error::Answer(format!("the body is no text: {error}")))
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] when the request did not ask to keep the body, [`Error::Json`] when it is
    /// not the JSON expected.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        Ok(serde_json::from_slice(self.bytes()?)?)
    }

    /// The first header of this name, in whichever case.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] when there is none, or the request did not ask to keep the headers.
    pub fn header(&self, name: &str) -> Result<&str> {
        self.kept_headers()?.first(name)
    }

    /// All headers, in the order in which they came.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] when the request did not ask to keep them.
    pub fn headers(&self) -> Result<&[(String, String)]> {
        Ok(self.kept_headers()?.all())
    }

    fn kept_headers(&self) -> Result<&Headers> {
        let not_kept = || {
            Error::Answer(
                "the headers were not kept: call .keep_headers() before .send()".to_owned(),
            )
        };
        self.headers.as_ref().ok_or_else(not_kept)
    }

    /// Bytes of the body as received, before decompression, kept or not.
    #[must_use]
    pub fn body_size(&self) -> u64 {
        self.body_size
    }

    /// How long each part took.
    #[must_use]
    pub fn phases(&self) -> Phases {
        Phases::new(&self.phases)
    }

    /// Whether an open connection was reused.
    #[must_use]
    pub fn reused(&self) -> bool {
        self.reused
    }

    /// How many redirects were followed.
    #[must_use]
    pub fn redirects(&self) -> u8 {
        self.redirects
    }

    /// Where the answer came from, if a redirect was followed.
    #[must_use]
    pub fn final_url(&self) -> Option<&str> {
        self.final_url.as_deref()
    }
}

#[cfg(test)]
mod tests;
