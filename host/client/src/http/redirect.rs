//! Where a redirect leads and what is sent there: the fetch standard's rules, which are what
//! browsers do.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, LOCATION, PROXY_AUTHORIZATION,
    TRANSFER_ENCODING,
};
use http::{Method, StatusCode};
use swell_core::trace_context::TRACEPARENT;
use url::Url;

use crate::error::Error;
use crate::http::request::Request;
use crate::http::urls::told;

/// The URL to which an answer redirects, if it does.
pub(crate) fn location(
    from: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Url>, Error> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(value) = headers.get(LOCATION) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    let url = from
        .join(&text)
        .map_err(|e| Error::protocol(format!("redirect to {:?}: {e}", told(&text))))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Error::protocol(format!(
            "redirect to {:?}: only http and https can be followed",
            told(&text)
        )));
    }
    Ok(Some(url))
}

/// Turns `request` into the one that follows a redirect with `status`: 303 turns everything but
/// HEAD into GET, 301 and 302 turn POST into GET, 307 and 308 change nothing. What was meant for
/// one origin alone is not sent to another.
pub(crate) fn follow(request: &mut Request, status: StatusCode, same_origin: bool) {
    let to_get = match status.as_u16() {
        303 => request.method != Method::HEAD,
        301 | 302 => request.method == Method::POST,
        _ => false,
    };
    if to_get {
        request.method = Method::GET;
        request.body.clear();
        drop_headers(
            request,
            &[
                CONTENT_LENGTH,
                CONTENT_TYPE,
                CONTENT_ENCODING,
                CONTENT_LANGUAGE,
                CONTENT_LOCATION,
                EXPECT,
                TRANSFER_ENCODING,
            ],
        );
    }
    if !same_origin {
        let traceparent = HeaderName::from_static(TRACEPARENT);
        drop_headers(request, &[AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, HOST, traceparent]);
    }
}

fn drop_headers(request: &mut Request, names: &[HeaderName]) {
    request.headers.retain(|(name, _)| !names.contains(name));
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::http::request::header;

    fn followed(method: Method, status: u16, same_origin: bool) -> Request {
        let mut request = Request::new(method, "http://a.test/");
        request.body = Bytes::from_static(b"body");
        for (name, value) in [
            ("content-type", "text/plain"),
            ("authorization", "x"),
            ("cookie", "a=b"),
            ("traceparent", "00-1-2-01"),
            ("x-own", "1"),
        ] {
            request.headers.push(header(name, value).expect("a header"));
        }
        follow(&mut request, StatusCode::from_u16(status).expect("a status"), same_origin);
        request
    }

    #[test]
    fn method_and_body_change_as_in_browsers() {
        use Method as M;
        for (status, method, becomes) in [
            (301, M::POST, M::GET),
            (302, M::POST, M::GET),
            (303, M::POST, M::GET),
            (303, M::PUT, M::GET),
            (303, M::HEAD, M::HEAD),
            (301, M::PUT, M::PUT),
            (302, M::DELETE, M::DELETE),
            (302, M::HEAD, M::HEAD),
            (307, M::POST, M::POST),
            (308, M::POST, M::POST),
            (308, M::PATCH, M::PATCH),
        ] {
            let request = followed(method.clone(), status, true);
            assert_eq!(request.method, becomes, "{status} of {method}");
            let kept = becomes == method;
            assert_eq!(!request.body.is_empty(), kept, "body at {status} of {method}");
            assert_eq!(
                request.headers.iter().any(|(name, _)| name == CONTENT_TYPE),
                kept,
                "content-type at {status} of {method}"
            );
        }
    }

    #[test]
    fn credentials_and_traces_stay_with_their_origin() {
        let names = |request: &Request| {
            request.headers.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&followed(Method::GET, 302, true)),
            ["content-type", "authorization", "cookie", "traceparent", "x-own"]
        );
        assert_eq!(names(&followed(Method::GET, 302, false)), ["content-type", "x-own"]);
    }

    #[test]
    fn a_location_is_relative_to_the_url_that_gave_it() {
        let from = Url::parse("http://a.test/x/y?q").expect("a URL");
        let to = |status: u16, location: &str| {
            let headers = HeaderMap::from_iter([header("location", location).expect("a header")]);
            super::location(&from, StatusCode::from_u16(status).expect("a status"), &headers)
        };
        assert_eq!(to(302, "z").expect("valid").expect("followed").as_str(), "http://a.test/x/z");
        assert_eq!(
            to(308, "//b.test/").expect("valid").expect("followed").as_str(),
            "http://b.test/"
        );
        assert!(to(302, "ftp://b.test/").is_err() && to(302, "http://:x/").is_err());
        assert!(
            to(200, "z").expect("not a redirect").is_none()
                && to(304, "z").expect("not a redirect").is_none()
        );
    }
}
