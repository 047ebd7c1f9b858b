//! Answers.

use std::time::Duration;

use serde::Deserialize;

use crate::bindings::http;
use crate::error::{Error, Result};

/// The answer to a request, whatever its status.
#[derive(Debug, Clone)]
pub struct Response(http::Response);

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
    values
        .next()
        .map(|(_, value)| value.as_str())
        .ok_or_else(|| Error::Answer(format!("the answer has no header \"{name}\"")))
}

impl Response {
    pub(super) fn new(answer: http::Response) -> Self {
        Self(answer)
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// The body.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] when the request did not ask to keep it.
    pub fn bytes(&self) -> Result<&[u8]> {
        let not_kept =
            || Error::Answer("the body was not kept: call .keep_body() before .send()".to_owned());
        self.0.body.as_deref().ok_or_else(not_kept)
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
        first_header(self.headers()?, name)
    }

    /// All headers, in the order in which they came.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] when the request did not ask to keep them.
    pub fn headers(&self) -> Result<&[(String, String)]> {
        let not_kept = || {
            Error::Answer(
                "the headers were not kept: call .keep_headers() before .send()".to_owned(),
            )
        };
        self.0.headers.as_deref().ok_or_else(not_kept)
    }

    /// Bytes of the body as received, before decompression, kept or not.
    #[must_use]
    pub fn body_size(&self) -> u64 {
        self.0.body_size
    }

    /// How long each part took.
    #[must_use]
    pub fn phases(&self) -> Phases {
        Phases::new(&self.0.phases)
    }

    /// Whether an open connection was reused.
    #[must_use]
    pub fn reused(&self) -> bool {
        self.0.reused
    }

    /// How many redirects were followed.
    #[must_use]
    pub fn redirects(&self) -> u8 {
        self.0.redirects
    }

    /// Where the answer came from, if a redirect was followed.
    #[must_use]
    pub fn final_url(&self) -> Option<&str> {
        self.0.final_url.as_deref()
    }
}

#[cfg(test)]
mod tests;
