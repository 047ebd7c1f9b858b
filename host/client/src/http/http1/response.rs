//! The answer of an exchange, as its bytes come in, in pieces of whatever size. The reader does no
//! I/O, so that tests can feed it byte by byte.

use std::mem;

use bytes::Bytes;
use swell_core::exchange::ErrorClass;

use super::framing::Framing;
use super::parse::{ParsedHead, parse};
use crate::error::Error;
use crate::http::head::Head;

/// One answer after another on one connection.
pub(super) struct ResponseReader {
    wanted: ResponseOptions,
    header_limit: usize,
    /// The part of a head that has arrived.
    partial: Vec<u8>,
    /// How many bytes the announcing heads (1xx) had. A service may send as many of them as it
    /// likes, and none of them is an answer, so together they have the limit of one head.
    announced: usize,
    /// Whether one of them asked for the body of the request (100).
    pub(super) asks_for_body: bool,
    framing: Framing,
    keep_alive: bool,
    /// The part of a body that has arrived and that nobody has taken yet, where the body is kept.
    data: Vec<u8>,
    /// How many bytes of the body have arrived, without its framing.
    pub(super) received: u64,
    /// What came behind a head that ended HTTP on its connection.
    rest: Vec<u8>,
}

/// What the request wants of its answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ResponseOptions {
    /// Whether the method was HEAD, whose answers have no bodies whatever their heads say.
    pub(crate) to_head: bool,
    /// Whether all headers are kept.
    pub(crate) headers: bool,
    /// Whether the body is kept.
    pub(crate) body: bool,
}

impl ResponseReader {
    pub(super) fn new(header_limit: usize) -> Self {
        Self {
            wanted: ResponseOptions::default(),
            header_limit,
            partial: Vec::new(),
            announced: 0,
            asks_for_body: false,
            framing: Framing::Length(0),
            keep_alive: true,
            data: Vec::new(),
            received: 0,
            rest: Vec::new(),
        }
    }

    /// Prepares for the answer to the next request. The answer before must have
    /// [ended](Self::is_end).
    pub(super) fn expect(&mut self, wanted: ResponseOptions) {
        self.wanted = wanted;
        self.announced = 0;
        self.asks_for_body = false;
        self.received = 0;
    }

    /// Takes in what was received (nothing at the end of the connection), and returns the head once
    /// it is complete. What follows the head counts as its body.
    pub(super) fn head(&mut self, input: &[u8]) -> Result<Option<Head>, Error> {
        if input.is_empty() {
            return Err(cut_off());
        }
        if self.partial.is_empty() {
            return self.parse(input);
        }
        let before = self.partial.len();
        self.partial.extend_from_slice(input);
        // A head that comes byte by byte is not parsed again with each byte.
        if has_empty_line(&self.partial[before.saturating_sub(2)..]) {
            let partial = mem::take(&mut self.partial);
            self.parse(&partial)
        } else if self.partial.len() > self.header_limit {
            Err(self.too_large())
        } else {
            Ok(None)
        }
    }

    fn parse(&mut self, mut input: &[u8]) -> Result<Option<Head>, Error> {
        loop {
            match parse(input, self.wanted.headers)? {
                Some(ParsedHead { size, .. }) if size > self.header_limit => {
                    return Err(self.too_large());
                }
                Some(interim) if interim.is_interim() => {
                    self.announced += interim.size;
                    if self.announced > self.header_limit {
                        return Err(Error::announced_too_much(self.header_limit));
                    }
                    self.asks_for_body |= interim.head.status == http::StatusCode::CONTINUE;
                    input = &input[interim.size..];
                }
                Some(parsed) => {
                    self.framing = parsed.framing(self.wanted.to_head, self.header_limit);
                    self.keep_alive = parsed.keep_alive
                        && parsed.head.status != http::StatusCode::SWITCHING_PROTOCOLS;
                    if parsed.head.status == http::StatusCode::SWITCHING_PROTOCOLS {
                        self.rest = input[parsed.size..].to_vec();
                    } else {
                        self.take(&input[parsed.size..])?;
                    }
                    return Ok(Some(parsed.head));
                }
                None if input.len() > self.header_limit => return Err(self.too_large()),
                None => {
                    self.partial = input.to_vec();
                    return Ok(None);
                }
            }
        }
    }

    /// Takes in what was received of the body (nothing at the end of the connection).
    pub(super) fn body(&mut self, input: &[u8]) -> Result<(), Error> {
        if !input.is_empty() {
            return self.take(input);
        }
        let Framing::UntilClose = self.framing else { return Err(cut_off()) };
        self.framing = Framing::Length(0);
        Ok(())
    }

    fn take(&mut self, input: &[u8]) -> Result<(), Error> {
        let Self { wanted, framing, data, received, .. } = self;
        let taken = framing.take(input, |piece| {
            *received += piece.len() as u64;
            if wanted.body {
                data.extend_from_slice(piece);
            }
        })?;
        // Bytes after an answer that nobody asked for are not the answer to the next request.
        if taken < input.len() || matches!(framing, Framing::UntilClose) {
            self.keep_alive = false;
        }
        Ok(())
    }

    /// The part of the body that has arrived and was not taken before.
    pub(super) fn data(&mut self) -> Bytes {
        mem::take(&mut self.data).into()
    }

    /// From now on, nothing of the body is kept.
    pub(super) fn discard(&mut self) {
        self.wanted.body = false;
        self.data = Vec::new();
    }

    /// What came behind a head that ended HTTP on its connection.
    pub(super) fn into_rest(self) -> Vec<u8> {
        self.rest
    }

    /// Whether nothing of the body waits to be taken.
    pub(super) fn is_taken(&self) -> bool {
        self.data.is_empty()
    }

    /// Whether all of the answer has arrived.
    pub(super) fn is_end(&self) -> bool {
        self.framing.is_end()
    }

    /// Whether no other answer can follow on the connection.
    pub(super) fn is_last(&self) -> bool {
        !(self.keep_alive && self.is_end())
    }

    fn too_large(&self) -> Error {
        Error::new(
            ErrorClass::TooLarge,
            format!("the response's headers are larger than {} bytes", self.header_limit),
        )
    }
}

pub(super) fn cut_off() -> Error {
    Error::new(ErrorClass::Reset, "the connection was closed before the answer was complete")
}

/// Whether a line and an empty line after it end in `text`.
fn has_empty_line(text: &[u8]) -> bool {
    text.windows(2).any(|two| two == b"\n\n") || text.windows(3).any(|three| three == b"\n\r\n")
}

#[cfg(test)]
mod tests;
