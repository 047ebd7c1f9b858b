//! What of a setting may be kept where others read it: its name always, and its value where that
//! cannot be a secret.

/// In the place of a value that is not kept.
const HIDDEN: &str = "(not kept)";
/// The same within a URL, where it must be legal.
const HIDDEN_IN_URL: &str = "not-kept";

/// Headers whose values say how a service is asked, and never by whom.
const OPEN_HEADERS: [&str; 9] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-type",
    "host",
    "origin",
    "user-agent",
];

/// The value of a setting without what may be a secret: values of variables and of headers, and of
/// URLs the user with the password, and the values of the query.
pub fn without_secret(key: &str, value: &str) -> String {
    match key {
        "header" => match value.split_once(':') {
            Some((name, _)) if !is_open(name) => format!("{name}: {HIDDEN}"),
            Some(_) => value.to_owned(),
            None => HIDDEN.to_owned(),
        },
        "env" => {
            let name = value.split_once('=').map_or(value, |(name, _)| name);
            format!("{name}={HIDDEN}")
        }
        "to" => without_secret_of_receiver(value),
        _ => without_secrets_of_urls(value),
    }
}

/// A receiver of figures, `KIND=PLACE`. The path of a webhook's URL is its credential, and of what
/// is no kind of ours nobody knows.
fn without_secret_of_receiver(value: &str) -> String {
    let Some((kind, place)) = value.split_once('=') else { return HIDDEN.to_owned() };
    match kind {
        _ if place.is_empty() => value.to_owned(),
        // A name of a file may hold an `@`; but a URL may stand here by mistake.
        "prometheus-file" => without_secrets_of_urls(value),
        "statsd" => match place.rsplit_once('@') {
            Some((_, host)) => format!("{kind}={HIDDEN_IN_URL}@{}", without_secrets_of_url(host)),
            None => format!("{kind}={}", without_secrets_of_url(place)),
        },
        "influx" | "otlp" | "prometheus-remote-write" => {
            format!("{kind}={}", without_secrets_of_url(place))
        }
        _ => {
            let authority = start_of_authority(place).filter(|_| place.contains("://"));
            let Some(authority) = authority else { return format!("{kind}={HIDDEN_IN_URL}") };
            let path =
                place[authority..].find(['/', '?', '#']).map_or(place.len(), |at| authority + at);
            let origin = without_secrets_of_url(&place[..path]);
            let rest = if path < place.len() { "/" } else { return format!("{kind}={origin}") };
            format!("{kind}={origin}{rest}{HIDDEN_IN_URL}")
        }
    }
}

fn is_open(header: &str) -> bool {
    OPEN_HEADERS.iter().any(|open| open.eq_ignore_ascii_case(header.trim()))
}

/// A text in which each URL has lost its user and the values of its query.
pub(super) fn without_secrets_of_urls(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = url.find(|c: char| c.is_whitespace() || "\"'<>".contains(c));
        let (url, after) = url.split_at(end.unwrap_or(url.len()));
        push_url(&mut shown, url);
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// A URL, absolute or not, that has lost its user and the values of its query.
pub(crate) fn without_secrets_of_url(url: &str) -> String {
    let (scheme, rest) = url.split_at(start_of_authority(url).unwrap_or(0));
    let mut shown = scheme.to_owned();
    push_url(&mut shown, rest);
    shown
}

/// Where in a URL its user and host begin, if it names them: behind the slashes that follow its
/// scheme, or two slashes that it begins with. As the URL standard has it for http, a backslash is
/// a slash, and any number of them will do behind a scheme. What stands behind `?` or `#` is
/// another URL.
fn start_of_authority(url: &str) -> Option<usize> {
    let (before, rest) = url.split_at(url.find(['/', '\\', '?', '#'])?);
    let slashes = rest.len() - rest.trim_start_matches(['/', '\\']).len();
    let is_absolute = before.ends_with(':') && slashes > 0 || before.is_empty() && slashes > 1;
    is_absolute.then_some(before.len() + slashes)
}

/// Adds a URL from behind its scheme on.
fn push_url(shown: &mut String, url: &str) {
    let (authority, path) = url.split_at(url.find(['/', '?', '#']).unwrap_or(url.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => shown.extend([HIDDEN_IN_URL, "@", host]),
        None => shown.push_str(authority),
    }
    let (path, fragment) = path.split_at(path.find('#').unwrap_or(path.len()));
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    shown.push_str(path);
    for (place, pair) in query.trim_start_matches('?').split('&').enumerate() {
        if query.len() > 1 {
            shown.push(if place == 0 { '?' } else { '&' });
            // A pair without a value may be one.
            let name = pair.split_once('=').map(|(name, _)| name);
            shown.extend(name.into_iter().flat_map(|name| [name, "="]));
            shown.push_str(HIDDEN_IN_URL);
        }
    }
    shown.push_str(fragment);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_headers_are_kept_by_name_alone() {
        for (key, value, kept) in [
            ("header", "authorization: Bearer s3cret", "authorization: (not kept)"),
            ("header", "X-Api-Key:s3cret", "X-Api-Key: (not kept)"),
            ("header", "Accept: text/html", "Accept: text/html"),
            ("header", "s3cret", "(not kept)"),
            ("env", "password=s3cret=1", "password=(not kept)"),
            ("env", "empty=", "empty=(not kept)"),
            ("env", "alone", "alone=(not kept)"),
            ("data", "x=users.csv", "x=users.csv"),
            ("to", "prometheus-file=/var/x@y?z.prom", "prometheus-file=/var/x@y?z.prom"),
            ("to", "prometheus-file=http://u:s3cret@h/x", "prometheus-file=http://not-kept@h/x"),
            ("to", "statsd=h:8125", "statsd=h:8125"),
            ("to", "statsd=u:s3cret@h:8125", "statsd=not-kept@h:8125"),
            ("to", "statsd=u:s3/cret@h:8125", "statsd=not-kept@h:8125"),
            ("to", "statsd=http://u:s3cret@h:8125", "statsd=not-kept@h:8125"),
            ("to", "influx=http://me:s3cret@h/db", "influx=http://not-kept@h/db"),
            ("to", "influx=me:s3cret@h/db", "influx=not-kept@h/db"),
            (
                "to",
                "influx=http://h?org=a&bucket=b",
                "influx=http://h?org=not-kept&bucket=not-kept",
            ),
            ("to", "webhook=https://h/a/s3cret?k=s3cret", "webhook=https://h/not-kept"),
            ("to", "webhook=https://me:s3cret@h", "webhook=https://not-kept@h"),
            ("to", "webhook=", "webhook="),
            ("to", "webhook=h/s3cret", "webhook=not-kept"),
            ("to", "slack=https://h/s3cret", "slack=https://h/not-kept"),
            ("to", "https://h/s3cret", "(not kept)"),
        ] {
            assert_eq!(without_secret(key, value), kept);
        }
    }

    #[test]
    fn urls_lose_their_user_and_what_they_ask_for() {
        for (url, kept) in [
            ("http://shop.example:8080/a", "http://shop.example:8080/a"),
            ("https://me:s3cret@shop.example/a", "https://not-kept@shop.example/a"),
            ("https://me:s3@cret@shop.example", "https://not-kept@shop.example"),
            ("http://h/a?key=s3cret&x=1#top", "http://h/a?key=not-kept&x=not-kept#top"),
            ("http://h?s3cret", "http://h?not-kept"),
            ("http://h/?", "http://h/"),
            ("localhost:8080", "localhost:8080"),
            (
                "cannot reach \"http://me:s3cret@h/\" nor ftp://a?b=s3cret at all",
                "cannot reach \"http://not-kept@h/\" nor ftp://a?b=not-kept at all",
            ),
        ] {
            assert_eq!(without_secret("target", url), kept);
        }
    }

    #[test]
    fn a_url_that_need_not_be_absolute_loses_them_too() {
        for (url, kept) in [
            ("/login?code=s3cret&to=https://shop/", "/login?code=not-kept&to=not-kept"),
            ("login?to=https://me:s3cret@shop/&code=s3cret", "login?to=not-kept&code=not-kept"),
            ("?code=s3cret&to=https://shop/", "?code=not-kept&to=not-kept"),
            ("/a?x=https://h/?code=s3cret?b=s3cret", "/a?x=not-kept"),
            ("/a?b?code=s3cret", "/a?b?code=not-kept"),
            ("/a#https://me@h/", "/a#https://me@h/"),
            ("//me:s3cret@h/", "//not-kept@h/"),
            ("//me:s3@cret@h?s3cret", "//not-kept@h?not-kept"),
            ("\\\\me:s3cret@h/", "\\\\not-kept@h/"),
            ("///me:s3cret@h/", "///not-kept@h/"),
            ("HTTPS://me:s3cret@H/a?B=s3cret", "HTTPS://not-kept@H/a?B=not-kept"),
            ("https:/me:s3cret@h/", "https:/not-kept@h/"),
            ("https:me:s3cret@h/", "not-kept@h/"),
            ("https:\\\\me:s3cret@h\\a?b=s3cret", "https:\\\\not-kept@h\\a?b=not-kept"),
            ("https://h/@me/a:b@c?d=https://e@f", "https://h/@me/a:b@c?d=not-kept"),
            ("/users/me@h/://x", "/users/me@h/://x"),
            ("", ""),
        ] {
            assert_eq!(without_secrets_of_url(url), kept);
        }
    }
}
