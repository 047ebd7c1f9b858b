//! A request as it goes out: the scenario's own headers, and what is added where it is missing.

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
    USER_AGENT,
};
use http::uri::Authority;
use http::{Method, Uri};
use http_body_util::Full;

use crate::body;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::http1::says;
use crate::request::{Keep, Request};

/// A request on its way to an endpoint.
pub(crate) struct Outgoing<'a> {
    pub(crate) client: &'a Client,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) request: &'a Request,
    /// What the user's jar holds for this endpoint.
    pub(crate) cookies: Option<HeaderValue>,
}

/// Refuses what cannot be sent, before anything is.
pub(crate) fn check(request: &Request) -> Result<(), Error> {
    if request.method == Method::CONNECT {
        return Err(Error::invalid("CONNECT opens a tunnel, which is not a request that can be answered"));
    }
    let length = given(request, &CONTENT_LENGTH);
    if let Some(length) = length
        && length.to_str().ok().and_then(|text| text.parse().ok()) != Some(request.body.len())
    {
        return Err(Error::invalid(format!("content-length is {length:?} and the body has {} bytes", request.body.len())));
    }
    match given(request, &TRANSFER_ENCODING) {
        Some(_) if length.is_some() => Err(Error::invalid("a request has either content-length or transfer-encoding")),
        Some(coding) if coding != "chunked" => Err(Error::invalid(format!("transfer-encoding {coding:?}: only \"chunked\" can be sent"))),
        _ => Ok(()),
    }
}

fn given<'a>(request: &'a Request, name: &HeaderName) -> Option<&'a HeaderValue> {
    request.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value)
}

impl Outgoing<'_> {
    pub(crate) fn is_head(&self) -> bool {
        self.request.method == Method::HEAD
    }

    pub(crate) fn keeps_headers(&self) -> bool {
        self.request.keep_headers
    }

    pub(crate) fn keeps_body(&self) -> bool {
        self.request.keep != Keep::Discard
    }

    /// Whether it tells the server to close the connection.
    pub(crate) fn closes(&self) -> bool {
        self.set(&CONNECTION).is_some_and(|value| says(value.as_bytes(), b"close"))
    }

    /// Appends the head, up to the empty line.
    pub(crate) fn write_http1(&self, out: &mut Vec<u8>) {
        let Self { endpoint, request, .. } = self;
        for part in [request.method.as_str(), " ", &endpoint.path, " HTTP/1.1\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        let mut put = |name: &HeaderName, value: &HeaderValue| {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                out.extend_from_slice(part);
            }
        };
        if self.set(&HOST).is_none() {
            put(&HOST, &endpoint.host);
        }
        self.headers(&mut put);
        if !request.body.is_empty() && !self.is_framed() {
            put(&CONTENT_LENGTH, &request.body.len().into());
        }
        out.extend_from_slice(b"\r\n");
    }

    /// The body as HTTP/1.1 carries it: a scenario that asks for the chunked coding gets one chunk.
    pub(crate) fn body_http1(&self) -> Bytes {
        let body = &self.request.body;
        if given(self.request, &TRANSFER_ENCODING).is_none() {
            return body.clone();
        }
        let chunk = if body.is_empty() { Vec::new() } else { [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat() };
        [&chunk[..], b"0\r\n\r\n"].concat().into()
    }

    pub(crate) fn http2(&self) -> Result<http::Request<Full<Bytes>>, Error> {
        let Self { endpoint, request, .. } = self;
        let mut headers = HeaderMap::new();
        let mut overflow = false;
        self.headers(|name, value| {
            if !is_http1_only(name, value) {
                overflow |= headers.try_append(name, value.clone()).is_err();
            }
        });
        if overflow {
            return Err(Error::invalid("more headers than can be sent"));
        }
        let mut head = http::Request::new(Full::new(request.body.clone()));
        *head.method_mut() = request.method.clone();
        *head.uri_mut() = match self.set(&HOST) {
            None => endpoint.absolute.clone(),
            Some(host) => with_authority(&endpoint.absolute, host)?,
        };
        *head.headers_mut() = headers;
        Ok(head)
    }

    /// Hands all headers to `put`, except what names the host or says how long a body is and was not given.
    fn headers(&self, mut put: impl FnMut(&HeaderName, &HeaderValue)) {
        let Self { client, request, cookies, .. } = self;
        for (name, value) in &request.headers {
            put(name, value);
        }
        for (name, value) in client.options.headers.iter().filter(|(name, _)| given(request, name).is_none()) {
            put(name, value);
        }
        if self.set(&USER_AGENT).is_none() {
            put(&USER_AGENT, &client.user_agent);
        }
        if request.decompress && self.set(&ACCEPT_ENCODING).is_none() {
            put(&ACCEPT_ENCODING, &HeaderValue::from_static(body::ACCEPTED));
        }
        if let Some(cookies) = cookies
            && self.set(&COOKIE).is_none()
        {
            put(&COOKIE, cookies);
        }
        // That there is no body is said where one is expected (RFC 9110, 8.6).
        if request.body.is_empty() && matches!(request.method, Method::POST | Method::PUT | Method::PATCH) && !self.is_framed() {
            put(&CONTENT_LENGTH, &HeaderValue::from_static("0"));
        }
    }

    /// The value of a header as the request gives it, or else the run's options.
    fn set(&self, name: &HeaderName) -> Option<&HeaderValue> {
        let of_run = || self.client.options.headers.iter().find(|(set, _)| set == name).map(|(_, value)| value);
        given(self.request, name).or_else(of_run)
    }

    /// Whether the request says itself where its body ends.
    fn is_framed(&self) -> bool {
        given(self.request, &CONTENT_LENGTH).is_some() || given(self.request, &TRANSFER_ENCODING).is_some()
    }
}

/// Headers about an HTTP/1.1 connection, which HTTP/2 forbids (RFC 9113, 8.2.2), and `host`, which it says otherwise.
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
