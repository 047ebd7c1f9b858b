//! What may leave this machine of an exchange: no header's value but of those that are known to
//! hold no secret, no value of a query, no user and password of a URL, no body.

use crate::record::without_secrets_of_url;

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

/// A URL without what it may give away: where it goes and the names of its query stay.
pub(super) fn url(url: &str) -> String {
    // What stands behind `#` never leaves a browser, unless a service hands out tokens there.
    // Whoever reads a URL passes over blanks around it, and over tabs in it.
    let read = url.split('#').next().unwrap_or_default().trim().replace('\t', "");
    without_secrets_of_url(&read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_where_it_goes_and_no_more() {
        for (given, shown) in [
            (
                "http://me:pass@host:80/a?token=x&y=#z",
                "http://not-kept@host:80/a?token=not-kept&y=not-kept",
            ),
            ("/a?secret", "/a?not-kept"),
            ("next?code=x", "next?code=not-kept"),
            ("https://host", "https://host"),
            ("/plain", "/plain"),
            ("/login?code=s3cret&to=https://shop/", "/login?code=not-kept&to=not-kept"),
            ("//me:s3cret@h/", "//not-kept@h/"),
            (" /\t/me:s3cret@h/", "//not-kept@h/"),
            ("HTTP://h/#://me:s3cret@h/?code=s3cret", "HTTP://h/"),
            ("/a#b?code=s3cret", "/a"),
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
        for name in ["location", "Referer"] {
            assert_eq!(header(name, "/next?code=s3cret"), "/next?code=not-kept");
        }
    }
}
