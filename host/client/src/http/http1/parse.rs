//! The head of an answer: httparse reads it, this file judges it.
//!
//! Most headers of most answers are never looked at, so a map of them is made only when they are
//! kept. What decides where the answer ends is read strictly. A head that two readers could
//! understand differently is refused: a service that sends it is broken or under attack, and its
//! next answer cannot be believed.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use http::StatusCode;
use http::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use httparse::{ParserConfig, Status};
use swell_core::exchange::ErrorClass;

use super::framing::Framing;
use crate::error::Error;
use crate::http::fields::lists;
use crate::http::head::Head;

/// A head of which every byte has arrived.
pub(super) struct ParsedHead {
    pub(super) head: Head,
    /// Its number of bytes, with the empty line at its end.
    pub(super) size: usize,
    /// Whether the server lets another request follow.
    pub(super) keep_alive: bool,
    length: Option<u64>,
    chunked: bool,
}

/// The most headers of an answer, as in hyper: servers send 10 to 30.
const MAX_FIELDS: usize = 100;

/// Parses the head at the start of `input`; `None` if its end is not there yet. Unless all headers
/// are to be kept, the result has only those that the client itself uses.
pub(super) fn parse(input: &[u8], keep_headers: bool) -> Result<Option<ParsedHead>, Error> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let size = match ParserConfig::default()
        .allow_obsolete_multiline_headers_in_responses(true)
        .parse_response_with_uninit_headers(&mut response, input, &mut fields)
    {
        Ok(Status::Complete(size)) => size,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Error::new(
                ErrorClass::TooLarge,
                format!("the response has more than {MAX_FIELDS} headers"),
            ));
        }
        Err(error) => return Err(Error::malformed(error)),
    };
    let code = response.code.expect("a complete head has a status");
    let is_http11 = response.version == Some(1);
    // Empty lines before an answer belong to no answer: a server that sends them counts its bytes
    // differently.
    let mut close = matches!(input[0], b'\r' | b'\n');
    let mut keep_alive = is_http11;
    let mut length = None;
    let mut chunked = false;
    let mut headers = HeaderMap::new();
    for field in response.headers.iter() {
        let value = &*unfold(field.value);
        let mut acted_upon = false;
        // The length of a name is enough to tell most headers from those that the client uses.
        match field.name.len() {
            8 => acted_upon = field.name.eq_ignore_ascii_case(LOCATION.as_str()),
            10 if field.name.eq_ignore_ascii_case("connection") => {
                close |= lists(value, b"close");
                keep_alive |= lists(value, b"keep-alive");
            }
            10 => acted_upon = field.name.eq_ignore_ascii_case(SET_COOKIE.as_str()),
            14 if field.name.eq_ignore_ascii_case("content-length") => {
                let given = number(value).ok_or_else(|| {
                    Error::malformed(format_args!(
                        "content-length is {:?}",
                        String::from_utf8_lossy(value)
                    ))
                })?;
                if length.replace(given).is_some_and(|before| before != given) {
                    return Err(Error::malformed("it has two values of content-length"));
                }
            }
            16 => acted_upon = field.name.eq_ignore_ascii_case(CONTENT_ENCODING.as_str()),
            17 if field.name.eq_ignore_ascii_case("transfer-encoding") => {
                if chunked || !is_http11 || !value.eq_ignore_ascii_case(b"chunked") {
                    let value = String::from_utf8_lossy(value);
                    return Err(Error::malformed(format_args!(
                        "transfer-encoding {value:?} was not asked for"
                    )));
                }
                chunked = true;
            }
            _ => {}
        }
        if keep_headers || acted_upon {
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(Error::malformed)?;
            headers.append(name, HeaderValue::from_bytes(value).map_err(Error::malformed)?);
        }
    }
    if chunked && length.is_some() {
        return Err(Error::malformed("it has both content-length and transfer-encoding"));
    }
    let status = StatusCode::from_u16(code).map_err(Error::malformed)?;
    Ok(Some(ParsedHead {
        head: Head { status, headers },
        size,
        keep_alive: keep_alive && !close,
        length,
        chunked,
    }))
}

impl ParsedHead {
    /// Whether the head only announces the final answer. 101 is no announcement: it is the end of
    /// HTTP on its connection.
    pub(super) fn is_interim(&self) -> bool {
        self.head.status.is_informational() && self.head.status != StatusCode::SWITCHING_PROTOCOLS
    }

    /// Where the body ends (RFC 9112, 6.3). `limit` is the limit of what surrounds the data of a
    /// body.
    pub(super) fn framing(&self, to_head: bool, limit: usize) -> Framing {
        let none = to_head || matches!(self.head.status.as_u16(), 101 | 204 | 304);
        match self.length {
            _ if none => Framing::Length(0),
            Some(length) => Framing::Length(length),
            None if self.chunked => Framing::chunked(limit),
            None => Framing::UntilClose,
        }
    }
}

/// A value without its line foldings; each becomes one space (RFC 9112, 5.2).
fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'\n') {
        return Cow::Borrowed(value);
    }
    let lines: Vec<_> = value.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).collect();
    Cow::Owned(lines.join(&b' '))
}

/// Digits alone: no sign, no space, no list.
fn number(value: &[u8]) -> Option<u64> {
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}
