//! Who may call the address that serves the live page: the page itself, and whoever may call the
//! control API, which is at the same address.
//!
//! A page in a browser acts for whoever wrote it. So a call of a page is answered only where its
//! `Origin` is the address that the call names; and that must be one of ours, because a name of
//! another site may be resolved to this machine. What the page asks for has the rank of a call from
//! another machine: it names no files of this one.
//!
//! On a loopback address without a token anybody with a shell on this machine may call, and so may
//! the page. Where a token is set, and beyond loopback one must be, a person gives it to the page
//! once; the page then has a cookie with random bytes, which no script can read, which other sites'
//! pages do not send, and which expires. Its name has the port, as cookies know no ports.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::bail;
use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, COOKIE, HOST, HeaderMap, ORIGIN};
use serde::Deserialize;
use swell_cluster::random;

use crate::access::{TOKEN, header, is_json, is_loopback, token_of_environment};
use crate::control_api::Caller;
use crate::serve::{Call, HttpAnswer};

/// How long a session lasts: a day of work, and nobody else's next one.
const SESSION: Duration = Duration::from_secs(12 * 3_600);

/// Sessions that may be open at a time; the oldest gives way.
const MAX_SESSIONS: usize = 100;

/// See the module's documentation.
pub(crate) struct PageAccess {
    scheme: &'static str,
    names: ServedNames,
    cookie: String,
    token: Option<blake3::Hash>,
    sessions: RefCell<Sessions>,
}

/// By which names the page is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ServedNames {
    /// Those of a loopback address.
    Loopback,
    /// Addresses, which nobody can have resolved to another, and what this machine calls itself.
    Addresses(String),
    /// Those of our certificate: a browser has looked.
    OfCertificate,
}

/// How a page is protected on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Tls,
    /// As somebody has said.
    Plain,
    /// As nobody has said anything.
    Unsaid,
}

/// The body of a login.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    token: String,
}

impl PageAccess {
    /// The rules for a page at this address.
    ///
    /// # Errors
    /// It is not a loopback one, and there is no token, or nothing says how it is protected; or the
    /// token is not one.
    pub(crate) fn to(address: SocketAddr, way: Way, own_name: &str) -> anyhow::Result<Self> {
        Self::with_token(address, way, own_name, token_of_environment(address)?)
    }

    fn with_token(
        address: SocketAddr,
        way: Way,
        own_name: &str,
        token: Option<blake3::Hash>,
    ) -> anyhow::Result<Self> {
        let (is_loopback, port) = (address.ip().is_loopback(), address.port());
        if !is_loopback && token.is_none() {
            bail!(
                "--ui {address}: beyond loopback the page needs a token\nhelp: set {TOKEN} to a \
                long random text, which the page then asks for; or use 127.0.0.1:{port}"
            );
        }
        if !is_loopback && way == Way::Unsaid {
            bail!(
                "--ui {address}: beyond loopback the page needs TLS\nhelp: give a certificate with \
                --ui-cert and --ui-key; or --ui-plain, where nobody on the way reads or changes \
                what the page and its token say"
            );
        }
        let names = match way {
            Way::Tls => ServedNames::OfCertificate,
            Way::Plain | Way::Unsaid if is_loopback => ServedNames::Loopback,
            Way::Plain | Way::Unsaid => ServedNames::Addresses(own_name.to_lowercase()),
        };
        Ok(Self {
            scheme: if way == Way::Tls { "https" } else { "http" },
            names,
            cookie: format!("swell-{port}"),
            token,
            sessions: RefCell::default(),
        })
    }

    /// How the page's address begins.
    pub(crate) fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Says at which port it is served, once that is known.
    pub(crate) fn at_port(&mut self, port: u16) {
        self.cookie = format!("swell-{port}");
    }

    /// Why a part of the page itself, which holds nothing of a run, is not given; `None` if it is.
    /// A link on another site may lead to it.
    pub(crate) fn refuse_part(&self, call: &Call) -> Option<HttpAnswer> {
        let is_navigation =
            call.headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
        self.refuse_name(call).or_else(|| self.refuse_origin(call).filter(|_| !is_navigation))
    }

    /// Who calls; or why they are refused.
    pub(crate) fn admit(&self, call: &Call, now: Instant) -> Result<Caller, HttpAnswer> {
        if let Some(refused) = self.refuse_name(call).or_else(|| self.refuse_origin(call)) {
            return Err(refused);
        }
        let is_bearer = self.token.is_none_or(|token| bearer(&call.headers) == Some(token));
        if !is_bearer && !self.has_session(&call.headers, now) {
            let words = format!(
                "this needs what {TOKEN} holds: log in on the page, or send it in the header \
                `Authorization: Bearer …`"
            );
            return Err(HttpAnswer::error(StatusCode::UNAUTHORIZED, &words));
        }
        if !is_json(call) {
            return Err(HttpAnswer::error(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "a body needs the header `Content-Type: application/json`",
            ));
        }
        Ok(if is_bearer && !call.is_of_a_page() { Caller::Here } else { Caller::Page })
    }

    /// Exchanges the token for a session; gives the cookie.
    pub(crate) fn log_in(&self, call: &Call, now: Instant) -> Result<String, HttpAnswer> {
        if let Some(refused) = self.refuse_name(call).or_else(|| self.refuse_origin(call)) {
            return Err(refused);
        }
        let Some(token) = self.token else {
            return Err(HttpAnswer::error(StatusCode::CONFLICT, "no token is set: nobody logs in"));
        };
        let given = serde_json::from_slice::<Login>(&call.body).ok().filter(|_| is_json(call));
        match given {
            None => Err(HttpAnswer::error(
                StatusCode::BAD_REQUEST,
                "the body is not as {\"token\": \"…\"}",
            )),
            // The comparison takes the same time wherever hashes differ.
            Some(Login { token: given }) if blake3::hash(given.as_bytes()) == token => {
                let secret = blake3::Hash::from(random::<32>()).to_hex();
                self.sessions.borrow_mut().begin(&secret, now);
                let secure = if self.scheme == "https" { "; Secure" } else { "" };
                Ok(format!(
                    "{}={secret}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{secure}",
                    self.cookie,
                    SESSION.as_secs()
                ))
            }
            Some(_) => Err(HttpAnswer::error(
                StatusCode::UNAUTHORIZED,
                &format!("that is not what {TOKEN} holds"),
            )),
        }
    }

    fn refuse_name(&self, call: &Call) -> Option<HttpAnswer> {
        let host = header(&call.headers, HOST).unwrap_or_default();
        let is_served = match &self.names {
            ServedNames::Loopback => is_loopback(host),
            ServedNames::Addresses(own) => is_address(host) || without_port(host) == *own,
            ServedNames::OfCertificate => true,
        };
        (!is_served).then(|| {
            HttpAnswer::error(
                StatusCode::FORBIDDEN,
                &format!("this is asked for by an address of this machine, and not as {host:?}"),
            )
        })
    }

    fn refuse_origin(&self, call: &Call) -> Option<HttpAnswer> {
        let host = header(&call.headers, HOST).unwrap_or_default();
        let own = format!("{}://{host}", self.scheme);
        let is_own = |origin: &hyper::header::HeaderValue| {
            origin.to_str().is_ok_and(|origin| origin.eq_ignore_ascii_case(&own))
        };
        let is_near = |site: &hyper::header::HeaderValue| site == "same-origin" || site == "none";
        let is_refused = !call.headers.get_all(ORIGIN).iter().all(is_own)
            || !call.headers.get_all("sec-fetch-site").iter().all(is_near);
        is_refused.then(|| {
            HttpAnswer::error(StatusCode::FORBIDDEN, "a page of another site may not call this")
        })
    }

    fn has_session(&self, headers: &HeaderMap, now: Instant) -> bool {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
        pairs.any(|pair| {
            let pair = pair.trim().split_once('=');
            pair.is_some_and(|(name, secret)| {
                name == self.cookie && self.sessions.borrow().is_open(secret, now)
            })
        })
    }
}

fn bearer(headers: &HeaderMap) -> Option<blake3::Hash> {
    let given = header(headers, AUTHORIZATION)?.strip_prefix("Bearer ")?;
    Some(blake3::hash(given.as_bytes()))
}

fn without_port(host: &str) -> String {
    host.rsplit_once(':').map_or(host, |(name, _)| name).to_lowercase()
}

fn is_address(host: &str) -> bool {
    host.parse::<SocketAddr>().is_ok()
        || host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
        || is_loopback(host)
}

/// The sessions that are open, oldest first: what they are told by, and when they end.
#[derive(Debug, Default)]
struct Sessions(Vec<(blake3::Hash, Instant)>);

impl Sessions {
    fn begin(&mut self, secret: &str, now: Instant) {
        self.0.retain(|(_, end)| now < *end);
        if self.0.len() >= MAX_SESSIONS {
            self.0.remove(0);
        }
        self.0.push((blake3::hash(secret.as_bytes()), now + SESSION));
    }

    fn is_open(&self, secret: &str, now: Instant) -> bool {
        let given = blake3::hash(secret.as_bytes());
        self.0.iter().any(|(known, end)| *known == given && now < *end)
    }
}

#[cfg(test)]
mod tests {
    use hyper::Method;
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;
    use crate::serve::Busy;

    fn call(headers: &[(&str, &str)], body: &str) -> Call {
        let header = |(name, value): &(&str, &str)| {
            let value = HeaderValue::from_str(value).expect("it is one line");
            (HeaderName::from_bytes(name.as_bytes()).expect("it is a name"), value)
        };
        Call {
            method: Method::POST,
            path: "/v1/runs".to_owned(),
            query: None,
            headers: headers.iter().map(header).collect(),
            body: body.as_bytes().to_vec().into(),
            busy: Busy::default(),
        }
    }

    fn access(address: &str, way: Way, token: Option<&str>) -> anyhow::Result<PageAccess> {
        let token = token.map(|token| blake3::hash(token.as_bytes()));
        PageAccess::with_token(address.parse().expect("it is one"), way, "Load-a", token)
    }

    /// What comes of a call with these headers: who calls, or the status of the refusal.
    fn admitted(access: &PageAccess, headers: &[(&str, &str)]) -> Result<Caller, u16> {
        access.admit(&call(headers, ""), Instant::now()).map_err(|refused| refused.status.as_u16())
    }

    #[test]
    fn the_page_itself_may_call_and_no_other_page() {
        let own = access("127.0.0.1:6565", Way::Unsaid, None).expect("loopback needs nothing");
        for (headers, expected) in [
            (&[("host", "127.0.0.1:6565")][..], Ok(Caller::Here)),
            (&[("host", "localhost:6565"), ("sec-fetch-site", "same-origin")], Ok(Caller::Page)),
            (&[("host", "127.0.0.1:6565"), ("origin", "http://127.0.0.1:6565")], Ok(Caller::Page)),
            (&[("host", "127.0.0.1:6565"), ("origin", "http://127.0.0.1:8080")], Err(403)),
            (&[("host", "127.0.0.1:6565"), ("origin", "https://127.0.0.1:6565")], Err(403)),
            (&[("host", "127.0.0.1:6565"), ("origin", "null")], Err(403)),
            (&[("host", "127.0.0.1:6565"), ("sec-fetch-site", "cross-site")], Err(403)),
            (&[("host", "127.0.0.1:6565"), ("sec-fetch-site", "same-site")], Err(403)),
            // Its own name, which its server let resolve to this machine.
            (&[("host", "evil.test:6565"), ("origin", "http://evil.test:6565")], Err(403)),
            (&[], Err(403)),
        ] {
            assert_eq!(admitted(&own, headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_link_of_another_site_leads_to_the_page_but_no_image_or_script_tag_does() {
        let own = access("127.0.0.1:6565", Way::Unsaid, None).expect("loopback needs nothing");
        let part = |mode| {
            let headers =
                [("host", "localhost"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode)];
            own.refuse_part(&call(&headers, "")).is_none()
        };
        assert!(part("navigate") && !part("no-cors"));
    }

    #[test]
    fn beyond_loopback_a_token_and_a_word_on_the_way_are_needed() {
        let refused = |way, token| {
            let error = access("0.0.0.0:6565", way, token).err().expect("it is refused");
            error.to_string()
        };
        assert!(refused(Way::Tls, None).contains("set SWELL_CONTROL_TOKEN"));
        let plain = refused(Way::Unsaid, Some("sesame"));
        assert!(plain.contains("--ui-cert") && plain.contains("--ui-plain"), "{plain}");
        let plain = access("0.0.0.0:6565", Way::Plain, Some("sesame")).expect("both are there");
        let token = ("authorization", "Bearer sesame");
        for (host, expected) in [
            ("10.0.0.7:6565", Ok(Caller::Here)),
            ("[2001:db8::7]:6565", Ok(Caller::Here)),
            ("load-a:6565", Ok(Caller::Here)),
            ("load-a.evil.test:6565", Err(403)),
        ] {
            assert_eq!(admitted(&plain, &[("host", host), token]), expected, "{host}");
        }
        let tls = access("0.0.0.0:6565", Way::Tls, Some("sesame")).expect("both are there");
        assert_eq!(admitted(&tls, &[("host", "swell.corp.test"), token]), Ok(Caller::Here));
        assert_eq!(admitted(&tls, &[("host", "swell.corp.test")]), Err(401));
    }

    #[test]
    fn a_token_is_exchanged_for_a_cookie_that_expires_and_has_the_rank_of_the_page() {
        let mut own = access("127.0.0.1:0", Way::Unsaid, Some("open sesame")).expect("it may be");
        own.at_port(6565);
        let json = ("content-type", "application/json");
        let now = Instant::now();
        let host = ("host", "127.0.0.1:6565");
        let login = |body: &str| own.log_in(&call(&[host, json], body), now);
        assert_eq!(login(r#"{"token": "open"}"#).expect_err("wrong").status.as_u16(), 401);
        assert_eq!(login("open sesame").expect_err("no JSON").status.as_u16(), 400);
        let cookie = login(r#"{"token": "open sesame"}"#).expect("it is the token");
        for part in ["swell-6565=", "; HttpOnly", "; SameSite=Strict", "; Max-Age=43200"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("sesame") && !cookie.contains("Secure"), "{cookie}");
        let pair = cookie.split(';').next().expect("there is a first part");
        let with = |cookie: &str, now| {
            let call = call(&[host, ("cookie", &format!("other=1; {cookie}"))], "");
            own.admit(&call, now).map_err(|refused| refused.status.as_u16())
        };
        assert_eq!(with(pair, now), Ok(Caller::Page));
        assert_eq!(with(pair, now + SESSION), Err(401));
        assert_eq!(with("swell-6565=guess", now), Err(401));
        assert_eq!(with(&pair.replace("6565", "7000"), now), Err(401));
        assert_eq!(
            admitted(&own, &[host, ("authorization", "Bearer open sesame")]),
            Ok(Caller::Here)
        );
    }

    #[test]
    fn sessions_are_bounded_and_the_oldest_gives_way() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        (0..=MAX_SESSIONS).for_each(|number| sessions.begin(&number.to_string(), now));
        assert!(!sessions.is_open("0", now) && sessions.is_open("1", now));
        sessions.begin("late", now + SESSION);
        assert_eq!(sessions.0.len(), 1);
    }
}
