//! A URL, parsed once.
//!
//! A scenario names the same few URLs again and again. To parse one, build its `host` value and ask
//! whether its host is allowed costs more than to send the request, so a worker remembers the
//! results for its last URLs: a request begins with one look-up by the URL's text.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use http::Uri;
use http::header::HeaderValue;
use rustls_pki_types::ServerName;
use swell_core::exchange::ErrorClass;
use url::{Host, ParseError, Position, Url};

use crate::error::{Error, OptionsError};
use crate::net::allow::AllowList;
use crate::net::origin::Origin;
use crate::net::proxy::Proxy;
use crate::net::resolve::Addresses;
use crate::net::routes::Routes;
use crate::net::tls_name::TlsName;

/// Where a request goes: everything about it that does not depend on the request.
pub(crate) struct ParsedUrl {
    pub(crate) url: Url,
    pub(crate) origin: Rc<Origin>,
    /// What HTTP/1.1 asks for: path and query, or all of the URL where a proxy reads it.
    pub(crate) path: Box<str>,
    /// Who asks, for a proxy that reads the request.
    pub(crate) proxy_authorization: Option<HeaderValue>,
    /// Scheme, authority, path and query, as HTTP/2 wants it.
    pub(crate) absolute: Uri,
    /// The value of `host`.
    pub(crate) host: HeaderValue,
}

/// The URLs that a worker has met.
///
/// The memory is bounded by two generations: when the young one is full it becomes the old one, and
/// URLs that nobody asked for since then are forgotten. URLs with an identifier in them do not let
/// it grow.
pub(crate) struct UrlCache {
    target: Option<String>,
    pub(crate) allow: AllowList,
    routes: Routes,
    origins: RefCell<Vec<Rc<Origin>>>,
    /// Where services said that they may be asked as well.
    alternatives: RefCell<Vec<Rc<Origin>>>,
    young: RefCell<HashMap<String, Rc<ParsedUrl>>>,
    old: RefCell<HashMap<String, Rc<ParsedUrl>>>,
}

/// The most other places of services; the oldest is forgotten first. Services have one each.
const MAX_ALTERNATIVES: usize = 64;

/// The most URLs of a generation. Each takes about 1 KB; a scenario with more URLs than this builds
/// them from data.
const GENERATION: usize = 1024;

impl UrlCache {
    pub(crate) fn new(
        target: Option<&str>,
        mut allow: AllowList,
        routes: Routes,
    ) -> Result<Self, OptionsError> {
        let target = match target {
            None => None,
            Some(text) => {
                let url = parse_target(text)?;
                if let Some((address, only)) = routes.unreachable(&host(&url), port(&url)) {
                    return Err(OptionsError::OtherIpVersion { address, only: only.name() });
                }
                allow.add(host(&url), port(&url));
                Some(url[..Position::AfterPath].trim_end_matches('/').to_owned())
            }
        };
        Ok(Self {
            target,
            allow,
            routes,
            origins: RefCell::default(),
            alternatives: RefCell::default(),
            young: RefCell::default(),
            old: RefCell::default(),
        })
    }

    /// A URL with what belongs to it. A URL that is wrong or not allowed is an error, and is not
    /// remembered.
    pub(crate) fn find(&self, text: &str) -> Result<Rc<ParsedUrl>, Error> {
        if let Some(known) = self.young.borrow().get(text) {
            return Ok(Rc::clone(known));
        }
        let parsed = match self.old.borrow().get(text) {
            Some(known) => Rc::clone(known),
            None => Rc::new(self.parse(text)?),
        };
        let mut young = self.young.borrow_mut();
        if young.len() >= GENERATION {
            self.old.replace(std::mem::take(&mut *young));
        }
        young.insert(text.into(), Rc::clone(&parsed));
        Ok(parsed)
    }

    /// Another place of a service, which has to show a certificate for the same name there; nothing
    /// if the plan does not allow it.
    pub(crate) fn alternative(
        &self,
        of: &Origin,
        host: Option<Host>,
        port: u16,
    ) -> Option<Rc<Origin>> {
        let host = host.unwrap_or_else(|| of.host.clone());
        let mut known = self.alternatives.borrow_mut();
        let is_known =
            |known: &&Rc<Origin>| known.port == port && known.host == host && known.name == of.name;
        if let Some(known) = known.iter().find(is_known) {
            return Some(Rc::clone(known));
        }
        if !self.allow.allows(&host, port) {
            return None;
        }
        if known.len() == MAX_ALTERNATIVES {
            known.remove(0);
        }
        let (name, addresses) = (of.name.clone(), Addresses::default());
        let made = Rc::new(Origin { secure: true, host, port, name, addresses });
        known.push(Rc::clone(&made));
        Some(made)
    }

    fn parse(&self, text: &str) -> Result<ParsedUrl, Error> {
        let url = match (text.starts_with('/'), &self.target) {
            (false, _) => parse(text),
            (true, Some(target)) => parse(&format!("{target}{text}")),
            (true, None) => Err(Error::lacks_target(&told(text))),
        }?;
        let origin = self.origin(&url)?;
        // The url crate has encoded all that http would refuse, up to its limit of 64 KiB.
        let absolute = Uri::try_from(&url[..Position::AfterQuery])
            .map_err(|e| Error::invalid(format!("URL {:?}: {e}", told(text))))?;
        let proxy = match origin.secure {
            true => None,
            false => self.routes.proxy_asked_for(&origin.host, origin.port),
        };
        let path = match proxy {
            Some(_) => url[..Position::AfterQuery].into(),
            None => url[Position::BeforePath..Position::AfterQuery].into(),
        };
        let proxy_authorization = proxy.and_then(Proxy::authorization);
        let host = HeaderValue::try_from(&url[Position::BeforeHost..Position::AfterPort])
            .expect("an authority of a parsed URL is printable");
        Ok(ParsedUrl { url, origin, path, proxy_authorization, absolute, host })
    }

    fn origin(&self, url: &Url) -> Result<Rc<Origin>, Error> {
        let (secure, host, port) = (url.scheme() == "https", host(url), port(url));
        let mut origins = self.origins.borrow_mut();
        if let Some(known) = origins
            .iter()
            .find(|known| known.secure == secure && known.port == port && known.host == host)
        {
            return Ok(Rc::clone(known));
        }
        if !self.allow.allows(&host, port) {
            return Err(Error::new(
                ErrorClass::Denied,
                format!("{host}:{port} is not allowed by the plan (--allow-host {host}:{port})"),
            ));
        }
        let name = match &host {
            _ if !secure => None,
            _ if self.routes.tls_name.is_some() => self.routes.tls_name.as_ref().map(TlsName::name),
            // No certificate has the dot at the end of a full name.
            Host::Domain(name) => {
                Some(ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|_| {
                    Error::invalid(format!("{name:?} is no name that a certificate could have"))
                })?)
            }
            Host::Ipv4(ip) => Some(ServerName::IpAddress((*ip).into())),
            Host::Ipv6(ip) => Some(ServerName::IpAddress((*ip).into())),
        };
        let origin = Rc::new(Origin { secure, host, port, name, addresses: Addresses::default() });
        origins.push(Rc::clone(&origin));
        Ok(origin)
    }
}

impl AllowList {
    /// The host and port of a target, which are allowed without being listed.
    pub fn of_target(url: &str) -> Result<Self, OptionsError> {
        let url = parse_target(url)?;
        let mut list = Self::default();
        list.add(host(&url), port(&url));
        Ok(list)
    }
}

/// A URL as errors tell it, which are kept and shown to others: without its user and password, and
/// without the values of its query. It is not parsed, as it may be wrong anywhere: where it may
/// have a user, it is taken to have one.
pub(crate) fn told(text: &str) -> String {
    let is_scheme = |at: &usize| text[..*at].bytes().all(|byte| byte.is_ascii_alphanumeric());
    let scheme = text.find("://").filter(is_scheme).map_or_else(
        || ["http:", "https:"].iter().find(|s| text.starts_with(**s)).map_or(0, |s| s.len()),
        |at| at + "://".len(),
    );
    let (scheme, rest) = text.split_at(scheme);
    let authority = &rest[..rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len())];
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    let is_path = scheme.is_empty() && rest.starts_with('/') && !rest.starts_with("//");
    let is_host = !authority.is_empty()
        && !authority.contains('@')
        && port.bytes().all(|byte| byte.is_ascii_digit());
    // A password may hold any of the signs that end an authority.
    let before_query = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    let at = before_query.rfind('@').or_else(|| rest.rfind('@'));
    let (user, rest) = match at.filter(|_| !is_path && !is_host) {
        Some(at) => ("***@", &rest[at + 1..]),
        None => ("", rest),
    };
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let Some((path, query)) = rest.split_once('?') else { return format!("{scheme}{user}{rest}") };
    let without_value = |pair: &str| match pair.split_once('=') {
        Some((name, _)) => format!("{name}=***"),
        // What stands alone may be a value.
        None => "***".to_owned(),
    };
    let query: Vec<String> = query.split('&').map(without_value).collect();
    format!("{scheme}{user}{path}?{}", query.join("&"))
}

/// The URL of a target, which can have a path and nothing behind it.
fn parse_target(text: &str) -> Result<Url, OptionsError> {
    let wrong = |reason: String| OptionsError::Target { url: told(text), reason };
    let url = Url::parse(&absolute(text))
        .map_err(|e| {
            wrong(if e == ParseError::RelativeUrlWithoutBase {
                "it names no host".into()
            } else {
                words(e)
            })
        })
        .and_then(|url| check(url).map_err(|e| wrong(e.into())))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(
            "paths are appended to it, so it can have neither query nor fragment".into(),
        ));
    }
    Ok(url)
}

/// A target as people type it: `localhost:8080` is asked over http.
fn absolute(target: &str) -> Cow<'_, str> {
    let has_scheme = target.contains("://")
        || ["http:", "https:"].iter().any(|scheme| target.starts_with(scheme));
    let begins_with_host =
        target.starts_with(|c: char| c.is_alphanumeric() || c == '[' || c == '_');
    if has_scheme || !begins_with_host { target.into() } else { format!("http://{target}").into() }
}

fn parse(text: &str) -> Result<Url, Error> {
    let wrong = |reason: &str| Error::invalid(format!("URL {:?}: {reason}", told(text)));
    let url = Url::parse(text).map_err(|e| wrong(&words(e)))?;
    check(url).map_err(wrong)
}

fn words(error: ParseError) -> String {
    match error {
        ParseError::RelativeUrlWithoutBase => {
            "it begins neither with http:// and a host nor with a path's slash".into()
        }
        ParseError::RelativeUrlWithCannotBeABaseBase | ParseError::EmptyHost => {
            "it names no host".into()
        }
        other => other.to_string(),
    }
}

fn check(url: Url) -> Result<Url, &'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err("only http and https can be sent");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a name and password in the URL are not sent; set the authorization header");
    }
    if url.port() == Some(0) {
        return Err("nothing can listen on port 0");
    }
    Ok(url)
}

fn host(url: &Url) -> Host {
    url.host().expect("an http URL has a host").to_owned()
}

fn port(url: &Url) -> u16 {
    url.port_or_known_default().expect("http and https have default ports")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(target: Option<&str>) -> UrlCache {
        UrlCache::new(
            target,
            AllowList::parse(["a.test", "b.test:81"]).expect("entries"),
            Routes::default(),
        )
        .expect("a target")
    }

    fn class(urls: &UrlCache, url: &str) -> ErrorClass {
        urls.find(url).err().unwrap_or_else(|| panic!("{url} was accepted")).class
    }

    #[test]
    fn a_relative_path_is_appended_to_the_target_and_its_path() {
        let urls = urls(Some("https://T.test:8443/api/"));
        let url = urls.find("/users?id=1#top").expect("the target is allowed");
        assert_eq!(&*url.path, "/api/users?id=1");
        assert_eq!(url.absolute, "https://t.test:8443/api/users?id=1");
        assert_eq!(url.host, "t.test:8443");
    }

    #[test]
    fn a_target_without_a_scheme_is_asked_over_http() {
        for (target, expected) in [
            ("localhost:8080", "http://localhost:8080/"),
            ("10.0.0.1", "http://10.0.0.1/"),
            ("[::1]:81/api/", "http://[::1]:81/api/"),
            ("my_service", "http://my_service/"),
        ] {
            assert_eq!(urls(Some(target)).find("/").expect(target).absolute, expected);
        }
        for wrong in ["", "/path", "ftp://a.test", "localhost:port", "mailto:someone", "a b"] {
            let error = UrlCache::new(Some(wrong), AllowList::default(), Routes::default())
                .err()
                .expect(wrong)
                .to_string();
            assert!(error.starts_with(&format!("target {wrong:?}: ")), "{error}");
        }
    }

    #[test]
    fn a_path_with_two_slashes_stays_with_the_target() {
        let urls = urls(Some("http://t.test"));
        assert_eq!(
            urls.find("//evil.test/x").expect("a path").absolute,
            "http://t.test//evil.test/x"
        );
    }

    #[test]
    fn what_is_wrong_is_invalid_and_what_is_not_allowed_is_denied() {
        let urls = urls(None);
        for url in [
            "/relative",
            "",
            "a.test",
            "ftp://a.test/",
            "http://",
            "http://a.test:99999/",
            "http://user:pass@a.test/",
            "http://a.test:0/",
        ] {
            assert_eq!(class(&urls, url), ErrorClass::Invalid, "{url}");
        }
        for url in ["http://c.test/", "http://b.test/", "https://b.test/", "http://127.0.0.1/"] {
            assert_eq!(class(&urls, url), ErrorClass::Denied, "{url}");
        }
        assert!(urls.find("http://b.test:81/").is_ok());
    }

    #[test]
    fn errors_tell_a_url_without_its_password_and_without_the_values_of_its_query() {
        for (url, kept) in [
            ("http://a.test:81/path", "http://a.test:81/path"),
            ("https://me:pw@api/", "https://***@api/"),
            ("https://me:p/w@api/x", "https://***@api/x"),
            ("https://me:p?w@api/x?y", "https://***@api/x?***"),
            ("https:me:pw@api", "https:***@api"),
            ("https:\\\\me:pw@api", "https:***@api"),
            ("me:pw@api/x", "***@api/x"),
            ("https://me:pw@api/?mail=a@b", "https://***@api/?mail=***"),
            ("http://a.test:99999/@me", "http://a.test:99999/@me"),
            ("/users/@me?key=pw&pw#pw", "/users/@me?key=***&***"),
            ("/go?to=http://me:pw@api/", "/go?to=***"),
            ("//me:pw@api", "***@api"),
            ("ftp://a.test", "ftp://a.test"),
            ("", ""),
        ] {
            assert_eq!(told(url), kept);
        }
        let urls = urls(None);
        for url in [
            "https://me:pw@a.test/",
            "https://me:pw@a.test:99999/?key=pw",
            "ftp://a.test/?key=pw",
            "/x?key=pw",
        ] {
            let error = urls.find(url).err().expect(url).to_string();
            assert!(!error.contains("pw") && error.contains("***"), "{error}");
        }
        let target =
            UrlCache::new(Some("me:pw@a.test"), AllowList::default(), Routes::default()).err();
        assert!(!target.expect("it has a user").to_string().contains("pw"));
    }

    #[test]
    fn a_name_that_no_certificate_has_can_be_asked_without_tls() {
        let allow = AllowList::parse(["my_service", "a-.test"]).expect("entries");
        let urls = UrlCache::new(None, allow, Routes::default()).expect("no target");
        assert!(urls.find("http://my_service/").is_ok() && urls.find("http://a-.test/").is_ok());
        assert!(urls.find("https://my_service./").is_ok());
        assert_eq!(class(&urls, "https://a-.test/"), ErrorClass::Invalid);
    }

    #[test]
    fn urls_of_one_origin_share_it_and_another_scheme_does_not() {
        let urls = urls(None);
        let origin = |url: &str| Rc::clone(&urls.find(url).expect(url).origin);
        assert!(Rc::ptr_eq(&origin("http://a.test/1"), &origin("http://A.test:80/2?q")));
        assert!(!Rc::ptr_eq(&origin("http://a.test/"), &origin("https://a.test/")));
    }

    #[test]
    fn a_stream_of_new_urls_does_not_grow_the_memory_and_a_url_in_use_is_kept() {
        let urls = urls(None);
        let used = urls.find("http://a.test/used").expect("allowed");
        for i in 0..5 * GENERATION {
            urls.find(&format!("http://a.test/{i}")).expect("allowed");
            assert!(
                Rc::ptr_eq(&used, &urls.find("http://a.test/used").expect("allowed")),
                "forgotten at {i}"
            );
        }
        assert!(urls.young.borrow().len() + urls.old.borrow().len() <= 2 * GENERATION);
    }
}
