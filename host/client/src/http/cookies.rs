//! One user's cookies, by the rules of RFC 6265. Most scenarios have none, so an empty jar costs a
//! comparison.
//!
//! Names and values are bytes: what a service has set is sent back as it was, whatever characters
//! it is made of.

mod date;

use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, HeaderValue, SET_COOKIE};
use url::{Host, Url};

/// The cookies of one virtual user.
#[derive(Default)]
pub(crate) struct Jar(Vec<Cookie>);

/// A cookie as it is stored. Those that were created first stand first.
struct Cookie {
    name: Box<[u8]>,
    value: Box<[u8]>,
    /// The name of a host, without a dot before it.
    domain: Box<str>,
    /// Whether the cookie belongs to its domain alone, and not to the domains under it.
    host_only: bool,
    path: Box<[u8]>,
    secure: bool,
    /// When the cookie ends; `None` where it lives as long as the jar.
    expires: Option<SystemTime>,
}

/// What follows a cookie's value. If an attribute is there twice, the last one holds.
#[derive(Default)]
struct Attributes<'a> {
    expires: Option<SystemTime>,
    max_age: Option<MaxAge>,
    domain: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
    secure: bool,
}

/// How long a cookie lives from now on.
enum MaxAge {
    /// It ends at once.
    Over,
    /// It lives this long.
    For(Duration),
}

/// The most cookies of a jar, as many as a user agent must have room for (RFC 6265, 6.1); then the
/// oldest is dropped. This stops a service that sets a new cookie with each answer.
const MAX_COOKIES: usize = 3000;

impl Jar {
    /// The `cookie` header for a request to `url`, if a cookie belongs to the request: longer paths
    /// first, then older cookies.
    pub(crate) fn header(
        &self,
        url: &Url,
        now: impl FnOnce() -> SystemTime,
    ) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        let now = now();
        let mut fitting: Vec<&Cookie> =
            self.0.iter().filter(|cookie| !cookie.is_over(now) && cookie.fits(url)).collect();
        fitting.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<_> = fitting
            .iter()
            .map(|cookie| [&cookie.name[..], &cookie.value[..]].join(&b'='))
            .collect();
        if pairs.is_empty() { None } else { HeaderValue::from_bytes(&pairs.join(&b"; "[..])).ok() }
    }

    /// Takes in the cookies of a response from `url`; those that are malformed or for another
    /// domain are ignored, as browsers do.
    pub(crate) fn store(&mut self, url: &Url, headers: &HeaderMap, now: impl Fn() -> SystemTime) {
        for text in headers.get_all(SET_COOKIE) {
            let now = now();
            let Some(mut cookie) = Cookie::parse(text.as_bytes(), url, now) else { continue };
            let Self(cookies) = self;
            cookies.retain(|known| !known.is_over(now));
            match cookies.iter().position(|known| known.is_same(&cookie)) {
                Some(at) if cookie.is_over(now) => drop(cookies.remove(at)),
                // The new cookie keeps the age of the old one.
                Some(at) => std::mem::swap(&mut cookies[at], &mut cookie),
                None if cookie.is_over(now) => {}
                None => {
                    if cookies.len() == MAX_COOKIES {
                        cookies.remove(0);
                    }
                    cookies.push(cookie);
                }
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0 = Vec::new();
    }
}

impl Cookie {
    /// Reads a `set-cookie` of `url` (RFC 6265, 5.2 and 5.3).
    fn parse(text: &[u8], url: &Url, now: SystemTime) -> Option<Self> {
        let mut parts = text.split(|&byte| byte == b';');
        let (name, value) = split(parts.next()?, b'=')?;
        if name.is_empty() || text.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return None;
        }
        let attributes = Attributes::parse(parts);
        let (domain, host_only) = domain(attributes.domain, url)?;
        let path = match attributes.path {
            Some(path) if path.starts_with(b"/") => path,
            _ => default_path(url),
        };
        let expires = match attributes.max_age {
            Some(MaxAge::Over) => Some(SystemTime::UNIX_EPOCH),
            // A cookie that would last longer than time can be counted has no end.
            Some(MaxAge::For(age)) => now.checked_add(age),
            None => attributes.expires,
        };
        Some(Self {
            name: name.into(),
            value: value.into(),
            domain,
            host_only,
            path: path.into(),
            secure: attributes.secure,
            expires,
        })
    }

    fn is_over(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.domain == other.domain && self.path == other.path
    }

    /// Whether the cookie goes along with a request to `url` (RFC 6265, 5.4).
    fn fits(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let at_home = if self.host_only {
            host == &*self.domain
        } else {
            domain_matches(url, host, &self.domain)
        };
        at_home
            && path_matches(url.path().as_bytes(), &self.path)
            && (!self.secure || url.scheme() == "https")
    }
}

impl<'a> Attributes<'a> {
    fn parse(parts: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut attributes = Self::default();
        for part in parts {
            let (name, value) = split(part, b'=').unwrap_or((part.trim_ascii(), b""));
            match &*name.to_ascii_lowercase() {
                b"expires" => attributes.expires = date::parse(value).or(attributes.expires),
                b"max-age" => attributes.max_age = max_age(value).or(attributes.max_age),
                b"domain" if !value.is_empty() => attributes.domain = Some(value),
                b"path" => attributes.path = Some(value),
                b"secure" => attributes.secure = true,
                _ => {}
            }
        }
        attributes
    }
}

/// The parts before and after the first `separator`, without the space around them.
fn split(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&byte| byte == separator)?;
    Some((text[..at].trim_ascii(), text[at + 1..].trim_ascii()))
}

/// Seconds, in digits with or without a minus.
fn max_age(value: &[u8]) -> Option<MaxAge> {
    let (negative, digits) = match value {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // A number with more digits than fit is a long time.
    let seconds = std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX);
    Some(if negative || seconds == 0 {
        MaxAge::Over
    } else {
        MaxAge::For(Duration::from_secs(seconds))
    })
}

/// The domain to which a cookie belongs, and whether to its host alone; `None` where the service
/// may not set cookies for that domain.
fn domain(given: Option<&[u8]>, url: &Url) -> Option<(Box<str>, bool)> {
    let host = url.host_str()?;
    let Some(given) = given else { return Some((host.into(), true)) };
    let given = std::str::from_utf8(given).ok()?.to_ascii_lowercase();
    let domain = given.strip_prefix('.').unwrap_or(&given);
    // A name without a dot belongs to a registry, or to one machine.
    if domain == host && !domain.contains('.') {
        return Some((host.into(), true));
    }
    (domain.contains('.') && domain_matches(url, host, domain)).then(|| (domain.into(), false))
}

fn domain_matches(url: &Url, host: &str, domain: &str) -> bool {
    let under = || host.strip_suffix(domain).is_some_and(|before| before.ends_with('.'));
    host == domain || matches!(url.host(), Some(Host::Domain(_))) && under()
}

/// The directory of the URL that set the cookie (RFC 6265, 5.1.4).
fn default_path(url: &Url) -> &[u8] {
    match url.path().rfind('/') {
        None | Some(0) => b"/",
        Some(end) => &url.path().as_bytes()[..end],
    }
}

fn path_matches(path: &[u8], of_cookie: &[u8]) -> bool {
    path.strip_prefix(of_cookie)
        .is_some_and(|rest| rest.is_empty() || rest[0] == b'/' || of_cookie.ends_with(b"/"))
}

#[cfg(test)]
mod tests;
