//! A request as it is sent: the scenario's own headers, and what is added where it is missing.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST,
    HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
    USER_AGENT,
};
use http::uri::Authority;
use http::{Method, Uri};

use crate::error::Error;
use crate::http::coding;
use crate::http::fields::lists;
use crate::http::request::{Keep, Request};
use crate::http::sigv4::{AwsSigner, SignedParts};
use crate::http::urls::ParsedUrl;

/// A request on its way to a URL.
pub(crate) struct OutgoingRequest<'a> {
    /// The `user-agent` where neither the request nor the run names another.
    pub(crate) user_agent: &'a HeaderValue,
    pub(crate) url: &'a ParsedUrl,
    pub(crate) request: &'a Request,
    /// Headers of the run, which are added where the request has none of the same name.
    pub(crate) run_headers: &'a [(HeaderName, HeaderValue)],
    /// The cookies of the user for this URL.
    pub(crate) cookies: Option<HeaderValue>,
    /// Whether the answer may say where else the service may be asked.
    pub(crate) looks_elsewhere: bool,
    /// Whether somebody looks on: head and body of the answer are kept then, whatever the request
    /// says.
    pub(crate) is_seen: bool,
    /// Whether its connection is closed behind it.
    pub(crate) is_last: bool,
    /// What signs it; empty where nothing does.
    pub(crate) signature: Vec<(HeaderName, HeaderValue)>,
}

/// Refuses what cannot be sent, before anything is sent.
///
/// Two readers must never disagree about where a request ends or for whom it is. A scenario that
/// could make them disagree would send one request within another, past whatever stands before the
/// service.
pub(crate) fn check(request: &Request) -> Result<(), Error> {
    if request.method == Method::CONNECT {
        return Err(Error::invalid(
            "CONNECT opens a tunnel, which is not a request that can be answered",
        ));
    }
    let length = the_one(&request.headers, &CONTENT_LENGTH)?;
    if let Some(length) = length
        && length.as_bytes() != request.body.len().to_string().as_bytes()
    {
        return Err(Error::invalid(format!(
            "content-length is {length:?} and the body has {} bytes",
            request.body.len()
        )));
    }
    match the_one(&request.headers, &TRANSFER_ENCODING)? {
        Some(_) if length.is_some() => {
            return Err(Error::invalid("a request has either content-length or transfer-encoding"));
        }
        Some(coding) if coding != "chunked" => {
            return Err(Error::invalid(format!(
                "transfer-encoding {coding:?}: only \"chunked\" can be sent"
            )));
        }
        _ => {}
    }
    if request.body.is_empty() && request.headers.iter().any(|(name, value)| is_wait(name, value)) {
        return Err(Error::invalid(
            "a request without a body cannot expect 100-continue: there is nothing to wait with",
        ));
    }
    check_shared(&request.headers)
}

/// Whether a header says that the body waits until the server asks for it.
fn is_wait(name: &HeaderName, value: &HeaderValue) -> bool {
    name == EXPECT && value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"100-continue")
}

/// Refuses headers, of a request or of a whole run, that name the receiver of a request in two
/// ways, or that have it changed on its way.
pub(crate) fn check_shared(headers: &[(HeaderName, HeaderValue)]) -> Result<(), Error> {
    if let Some(host) = the_one(headers, &HOST)?
        && !is_host(host)
    {
        return Err(Error::invalid(format!("{host:?} cannot be asked for as a host")));
    }
    // The next hop removes what `connection` names. Without such a header a request would end
    // elsewhere, or be for another receiver.
    let hops = headers.iter().filter(|(name, _)| name == CONNECTION);
    for (_, value) in hops {
        for name in [CONTENT_LENGTH, TRANSFER_ENCODING, HOST] {
            if lists(value.as_bytes(), name.as_str().as_bytes()) {
                return Err(Error::invalid(format!(
                    "connection {value:?} would have {name} taken out on the way"
                )));
            }
        }
    }
    Ok(())
}

/// The value of a header that can be given once.
fn the_one<'a>(
    headers: &'a [(HeaderName, HeaderValue)],
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Error> {
    let mut values = headers.iter().filter(|(given, _)| given == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(_), Some(_)) => Err(Error::invalid(format!("{name} is given twice"))),
        (value, _) => Ok(value),
    }
}

/// Whether the value is a host, with or without a port, and nothing that could be read in another
/// way.
fn is_host(value: &HeaderValue) -> bool {
    let plain = |&byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%:[]".contains(&byte);
    let text = value.as_bytes();
    !text.is_empty()
        && text.iter().all(plain)
        && Authority::try_from(text).is_ok_and(|authority| !authority.host().is_empty())
}

/// Adds headers of the run to the request's own, where it has none of the same name.
pub(crate) fn adopt(request: &mut Request, run_headers: &[(HeaderName, HeaderValue)]) {
    let own = request.headers.len();
    for (name, value) in run_headers {
        if !request.headers[..own].iter().any(|(given, _)| given == name) {
            request.headers.push((name.clone(), value.clone()));
        }
    }
}

fn given<'a>(request: &'a Request, name: &HeaderName) -> Option<&'a HeaderValue> {
    request.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value)
}

impl OutgoingRequest<'_> {
    pub(crate) fn is_head(&self) -> bool {
        self.request.method == Method::HEAD
    }

    pub(crate) fn keeps_headers(&self) -> bool {
        self.request.keep_headers || self.is_seen || self.looks_elsewhere
    }

    pub(crate) fn keeps_body(&self) -> bool {
        self.request.keep != Keep::Discard || self.is_seen
    }

    /// Signs the request as it is now, unless it says itself who asks.
    pub(crate) fn sign(&mut self, signer: &AwsSigner, now: SystemTime) {
        if self.set(&AUTHORIZATION).is_some() {
            return;
        }
        let mut signed = Vec::new();
        self.headers(|name, value| {
            if name == CONTENT_TYPE || name.as_str().starts_with("x-amz-") {
                signed.push((name.clone(), value.clone()));
            }
        });
        let host = self.set(&HOST).unwrap_or(&self.url.host);
        let headers = signed.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let parts = SignedParts {
            method: self.request.method.as_str(),
            path: self.url.url.path(),
            query: self.url.url.query().unwrap_or_default(),
            headers: [(HOST.as_str(), host.as_bytes())].into_iter().chain(headers).collect(),
            body: &self.request.body,
        };
        let signature = signer.sign(&parts, now);
        self.signature = signature;
    }

    /// Whether the body waits until the server asks for it.
    pub(crate) fn waits_for_word(&self) -> bool {
        !self.request.body.is_empty()
            && self.set(&EXPECT).is_some_and(|value| is_wait(&EXPECT, value))
    }

    /// Whether the request tells the server to close the connection.
    pub(crate) fn closes(&self) -> bool {
        let close = |headers: &[(HeaderName, HeaderValue)]| {
            headers
                .iter()
                .any(|(name, value)| name == CONNECTION && lists(value.as_bytes(), b"close"))
        };
        self.is_last
            || close(&self.request.headers)
            || given(self.request, &CONNECTION).is_none() && close(self.run_headers)
    }

    /// Whether the request may arrive twice without harm.
    pub(crate) fn may_arrive_twice(&self) -> bool {
        self.request.may_arrive_twice()
    }

    /// Appends the head, up to the empty line.
    pub(crate) fn write_http1(&self, out: &mut Vec<u8>) {
        let Self { url, request, .. } = self;
        for part in [request.method.as_str(), " ", &url.path, " HTTP/1.1\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        let mut put = |name: &HeaderName, value: &HeaderValue| {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                out.extend_from_slice(part);
            }
        };
        self.all_headers(false, &mut put);
        if let Some(login) = &url.proxy_authorization {
            put(&PROXY_AUTHORIZATION, login);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// The body as HTTP/1.1 carries it: a scenario that asks for the chunked coding gets one chunk.
    pub(crate) fn body_http1(&self) -> Bytes {
        let body = &self.request.body;
        if given(self.request, &TRANSFER_ENCODING).is_none() {
            return body.clone();
        }
        let chunk = if body.is_empty() {
            Vec::new()
        } else {
            [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat()
        };
        [&chunk[..], b"0\r\n\r\n"].concat().into()
    }

    /// The head as HTTP/2 carries it.
    pub(crate) fn http2(&self) -> Result<http::Request<()>, Error> {
        let mut headers = HeaderMap::new();
        let mut overflow = false;
        self.headers(|name, value| {
            if !is_http1_only(name, value) {
                overflow |= headers.try_append(name, value.clone()).is_err();
            }
        });
        if !self.request.body.is_empty() && given(self.request, &CONTENT_LENGTH).is_none() {
            overflow |= headers.try_append(CONTENT_LENGTH, self.request.body.len().into()).is_err();
        }
        if overflow {
            return Err(Error::invalid("more headers than can be sent"));
        }
        let mut head = http::Request::new(());
        *head.method_mut() = self.request.method.clone();
        *head.uri_mut() = match self.set(&HOST) {
            None => self.url.absolute.clone(),
            Some(host) => with_authority(&self.url.absolute, host)?,
        };
        *head.headers_mut() = headers;
        Ok(head)
    }

    /// Hands to `put` all headers as they are sent.
    pub(crate) fn all_headers(
        &self,
        over_http2: bool,
        mut put: impl FnMut(&HeaderName, &HeaderValue),
    ) {
        let Self { url, request, .. } = self;
        if self.set(&HOST).is_none() && !over_http2 {
            put(&HOST, &url.host);
        }
        self.headers(|name, value| {
            if !(over_http2 && is_http1_only(name, value)) {
                put(name, value);
            }
        });
        if !request.body.is_empty() && !self.is_framed() {
            put(&CONTENT_LENGTH, &request.body.len().into());
        }
    }

    /// Passes all headers to `put`, except those that name the host, and a length of the body that
    /// nobody gave.
    fn headers(&self, mut put: impl FnMut(&HeaderName, &HeaderValue)) {
        let Self { user_agent, request, run_headers, cookies, signature, .. } = self;
        let mut put = |name: &HeaderName, value: &HeaderValue| {
            // An empty one stands for no cookies, and is not sent.
            if *name != COOKIE || !value.is_empty() {
                put(name, value);
            }
        };
        let of_run = run_headers.iter().filter(|(name, _)| given(request, name).is_none());
        for (name, value) in request.headers.iter().chain(of_run) {
            // What all requests of a run are to say is not for those that have nothing to wait with
            // (RFC 9110, 10.1.1). What a signature says comes before what it would replace.
            let is_needless = request.body.is_empty() && is_wait(name, value);
            if !is_needless && !signature.iter().any(|(own, _)| own == name) {
                put(name, value);
            }
        }
        for (name, value) in signature {
            put(name, value);
        }
        if self.set(&USER_AGENT).is_none() {
            put(&USER_AGENT, user_agent);
        }
        if request.decompress && self.set(&ACCEPT_ENCODING).is_none() {
            put(&ACCEPT_ENCODING, &HeaderValue::from_static(coding::ACCEPTED));
        }
        if self.is_last && self.set(&CONNECTION).is_none() {
            put(&CONNECTION, &HeaderValue::from_static("close"));
        }
        if let Some(cookies) = cookies
            && self.set(&COOKIE).is_none()
        {
            put(&COOKIE, cookies);
        }
        // Where a body is expected, a request says that it has none (RFC 9110, 8.6).
        if request.body.is_empty()
            && matches!(request.method, Method::POST | Method::PUT | Method::PATCH)
            && !self.is_framed()
        {
            put(&CONTENT_LENGTH, &HeaderValue::from_static("0"));
        }
    }

    /// The value of a header as the request gives it, or else as the run gives it.
    fn set(&self, name: &HeaderName) -> Option<&HeaderValue> {
        let of_run =
            || self.run_headers.iter().find(|(set, _)| set == name).map(|(_, value)| value);
        given(self.request, name).or_else(of_run)
    }

    /// Whether the request says itself where its body ends.
    fn is_framed(&self) -> bool {
        given(self.request, &CONTENT_LENGTH).is_some()
            || given(self.request, &TRANSFER_ENCODING).is_some()
    }
}

/// Headers about an HTTP/1.1 connection, which HTTP/2 forbids (RFC 9113, 8.2.2), and `host`, for
/// which HTTP/2 has a field of its own.
fn is_http1_only(name: &HeaderName, value: &HeaderValue) -> bool {
    [HOST, CONNECTION, TRANSFER_ENCODING, UPGRADE].contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
        || name == TE && value != "trailers"
}

fn with_authority(uri: &Uri, host: &HeaderValue) -> Result<Uri, Error> {
    let wrong = || Error::invalid(format!("{host:?} cannot be asked for as a host"));
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(Authority::try_from(host.as_bytes()).map_err(|_| wrong())?);
    Uri::from_parts(parts).map_err(|_| wrong())
}
