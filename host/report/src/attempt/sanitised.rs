//! What may leave this machine of an exchange: no header's value but of those that are known to
//! hold no secret, no value of a query, no user and password of a URL, no body.

/// What stands in the place of what is left out.
pub(super) const LEFT_OUT: &str = "left-out";

/// Headers whose values say how a message is made and not who sends it.
const KNOWN: [&str; 35] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "expect",
    "expires",
    "host",
    "if-modified-since",
    "if-unmodified-since",
    "keep-alive",
    "last-modified",
    "pragma",
    "range",
    "retry-after",
    "server",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "x-content-type-options",
];

/// A header's value as it may be shown.
pub(super) fn header(name: &str, value: &str) -> String {
    if KNOWN.contains(&name.to_ascii_lowercase().as_str()) {
        value.to_owned()
    } else if name.eq_ignore_ascii_case("location") || name.eq_ignore_ascii_case("referer") {
        url(value)
    } else {
        LEFT_OUT.to_owned()
    }
}

/// A URL, absolute or not, without what it may give away: names of a query stay.
pub(super) fn url(url: &str) -> String {
    let (url, _fragment) = url.split_once('#').unwrap_or((url, ""));
    let (place, query) = match url.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (url, None),
    };
    let mut shown = match place.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => place.to_owned(),
    };
    if let Some(query) = query {
        let pairs: Vec<String> = query.split('&').map(query_pair).collect();
        shown = format!("{shown}?{}", pairs.join("&"));
    }
    shown
}

/// A piece of a query: where it has no name, all of it may be secret.
fn query_pair(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) => format!("{name}={LEFT_OUT}"),
        None if pair.is_empty() => String::new(),
        None => LEFT_OUT.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_where_it_goes_and_no_more() {
        for (given, shown) in [
            (
                "http://me:pass@host:8080/a/b?token=x&y=#z",
                "http://host:8080/a/b?token=left-out&y=left-out",
            ),
            ("/a?secret", "/a?left-out"),
            ("https://host", "https://host"),
            ("https://host?a=b@c", "https://host?a=left-out"),
            ("/plain", "/plain"),
        ] {
            assert_eq!(url(given), shown);
        }
    }

    #[test]
    fn a_header_that_nobody_knows_is_left_out() {
        assert_eq!(header("Content-Type", "text/html"), "text/html");
        for name in ["authorization", "cookie", "set-cookie", "x-api-key", "etag"] {
            assert_eq!(header(name, "s3cret"), LEFT_OUT, "{name}");
        }
        assert_eq!(header("location", "/next?code=s3cret"), "/next?code=left-out");
    }
}
