//! Where else a service may be asked, as it says itself (RFC 7838): at which host and port it
//! speaks HTTP/3.
//!
//! What a service says holds for the user that was told, and for as long as it says. An alternative
//! that did not open is left alone for a while, as each try costs a request its wait.

use std::rc::Rc;
use std::time::Duration;

use http::header::HeaderMap;
use tokio::time::Instant;
use url::Host;

use crate::net::origin::Origin;

/// What one user knows.
#[derive(Default)]
pub(crate) struct Alternatives(Vec<KnownAlternative>);

/// One place of a service.
struct KnownAlternative {
    of: Rc<Origin>,
    to: Rc<Origin>,
    until: Instant,
    /// Until when it is left alone, as it did not open.
    broken_until: Option<Instant>,
}

/// What an answer says of other places.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// What was said before holds no longer.
    Clear,
    /// HTTP/3 is spoken at this host, or at the same one, and this port, for so long.
    Offer(Option<Host>, u16, Duration),
}

/// How long an offer holds that says nothing else (RFC 7838, 3.1).
const DEFAULT_AGE: Duration = Duration::from_secs(24 * 3600);
/// The longest that is taken at its word, which no test outlasts.
const MAX_AGE: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long an alternative that did not open is left alone: what browsers begin with.
const BROKEN: Duration = Duration::from_secs(300);
/// The most services whose alternatives a user remembers; the oldest is forgotten first.
const MAX_KNOWN: usize = 32;

impl Alternatives {
    /// Where to ask instead, if anywhere.
    pub(crate) fn find(&self, now: Instant, origin: &Rc<Origin>) -> Option<Rc<Origin>> {
        let known = self.0.iter().find(|known| Rc::ptr_eq(&known.of, origin))?;
        let is_whole = known.broken_until.is_none_or(|until| now >= until);
        (now < known.until && is_whole).then(|| Rc::clone(&known.to))
    }

    /// Takes in that a service may be asked elsewhere for so long, and returns where it may be
    /// asked no longer, if that is another place.
    pub(crate) fn learn(
        &mut self,
        now: Instant,
        of: &Rc<Origin>,
        to: Rc<Origin>,
        age: Duration,
    ) -> Option<Rc<Origin>> {
        let (same, other) = match self.forget(of) {
            Some(before) if Rc::ptr_eq(&before.to, &to) => (Some(before), None),
            before => (None, before.map(|before| before.to)),
        };
        let oldest = (self.0.len() == MAX_KNOWN).then(|| self.0.remove(0).to);
        let broken_until = same.and_then(|before| before.broken_until);
        self.0.push(KnownAlternative { of: Rc::clone(of), to, until: now + age, broken_until });
        other.or(oldest)
    }

    /// Forgets where a service may be asked, and returns it.
    pub(crate) fn clear(&mut self, of: &Rc<Origin>) -> Option<Rc<Origin>> {
        self.forget(of).map(|known| known.to)
    }

    fn forget(&mut self, of: &Rc<Origin>) -> Option<KnownAlternative> {
        let at = self.0.iter().position(|known| Rc::ptr_eq(&known.of, of))?;
        Some(self.0.remove(at))
    }

    /// Leaves a place alone, as it did not open.
    pub(crate) fn leave_alone(&mut self, now: Instant, to: &Rc<Origin>) {
        for known in self.0.iter_mut().filter(|known| Rc::ptr_eq(&known.to, to)) {
            known.broken_until = Some(now + BROKEN);
        }
    }
}

/// What the headers of an answer say: of several offers of HTTP/3 the first. What cannot be read is
/// passed over, as RFC 7838, 3 has it.
pub(crate) fn said(headers: &HeaderMap) -> Option<Said> {
    let mut values = headers.get_all("alt-svc").iter().filter_map(|value| value.to_str().ok());
    values.find_map(|value| {
        if value.trim() == "clear" {
            return Some(Said::Clear);
        }
        unquoted(value, ',').find_map(offer)
    })
}

/// One offer, if it is of HTTP/3.
fn offer(text: &str) -> Option<Said> {
    let mut parts = unquoted(text, ';');
    let (protocol, authority) = parts.next()?.split_once('=')?;
    if protocol.trim() != "h3" {
        return None;
    }
    let authority = authority.trim().strip_prefix('"')?.strip_suffix('"')?;
    let (host, port) = authority.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let host = if host.is_empty() { None } else { Some(Host::parse(host).ok()?) };
    let mut age = DEFAULT_AGE;
    for part in parts {
        if let Some((name, value)) = part.split_once('=')
            && name.trim().eq_ignore_ascii_case("ma")
        {
            let seconds = value.trim().trim_matches('"').parse().ok()?;
            age = Duration::from_secs(seconds).min(MAX_AGE);
        }
    }
    Some(Said::Offer(host, port, age))
}

/// The parts of a text between signs that are not within quotes.
fn unquoted(text: &str, sign: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |at| {
        is_quoted ^= at == '"';
        at == sign && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;

    use super::*;
    use crate::net::resolve::Addresses;

    fn read(values: &[&str]) -> Option<Said> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("alt-svc", HeaderValue::from_str(value).expect("a value"));
        }
        said(&headers)
    }

    #[test]
    fn offers_of_http3_are_read_and_others_passed_over() {
        let day = DEFAULT_AGE;
        let here = |port, age| Some(Said::Offer(None, port, age));
        for (value, expected) in [
            ("h3=\":443\"", here(443, day)),
            ("h3=\":8443\"; ma=60; persist=1", here(8443, Duration::from_secs(60))),
            ("h2=\"a:1\", h3-29=\":1\", h3=\":2\";ma=\"7\"", here(2, Duration::from_secs(7))),
            ("h3=\"alt.test:9\"", Some(Said::Offer(Some(Host::Domain("alt.test".into())), 9, day))),
            ("h3=\"[::1]:9\"", Some(Said::Offer(Some(Host::parse("[::1]").expect("one")), 9, day))),
            ("h3=\":443\"; ma=99999999999999", here(443, MAX_AGE)),
            (" clear ", Some(Said::Clear)),
            ("h2=\":443\"", None),
            ("h3=:443", None),
            ("h3=\":0\"", None),
            ("h3=\":99999\"", None),
            ("h3=\"a b:443\"", None),
            ("h3=\":443\"; ma=soon", None),
            ("h3", None),
            ("\"h3=\\\",", None),
            ("", None),
        ] {
            assert_eq!(read(&[value]), expected, "{value}");
        }
        assert_eq!(read(&["h2=\":1\"", "h3=\":2\""]), here(2, day));
        assert_eq!(read(&[]), None);
    }

    fn origin(port: u16) -> Rc<Origin> {
        let host = Host::Domain("a.test".to_owned());
        Rc::new(Origin { secure: true, host, port, name: None, addresses: Addresses::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn an_alternative_holds_for_its_time_and_rests_where_it_did_not_open() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let (of, to, other) = (origin(443), origin(8443), origin(444));
        let mut known = Alternatives::default();
        known.learn(now, &of, Rc::clone(&to), 1000 * second);
        let found = |known: &Alternatives, at| known.find(at, &of).map(|found| found.port);
        assert_eq!(found(&known, now), Some(8443));
        assert!(known.find(now, &other).is_none());
        known.leave_alone(now, &to);
        // The same words again do not mend it.
        known.learn(now, &of, Rc::clone(&to), 1000 * second);
        assert_eq!(found(&known, now + BROKEN - second), None);
        assert_eq!(found(&known, now + BROKEN), Some(8443));
        assert_eq!(found(&known, now + 1000 * second), None);
        let left = known.learn(now, &of, origin(9443), 10 * second);
        assert!(left.is_some_and(|left| Rc::ptr_eq(&left, &to)), "its connections are closed");
        assert_eq!(found(&known, now), Some(9443));
        assert_eq!(known.clear(&of).map(|left| left.port), Some(9443));
        assert_eq!(found(&known, now), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_remembers_so_many_services_and_no_more() {
        let (now, mut known) = (Instant::now(), Alternatives::default());
        let services: Vec<_> = (1..=100).map(origin).collect();
        for of in &services {
            known.learn(now, of, origin(1), DEFAULT_AGE);
        }
        let kept = services.iter().filter(|of| known.find(now, of).is_some()).count();
        assert_eq!((kept, known.find(now, &services[99]).is_some()), (MAX_KNOWN, true));
    }
}
