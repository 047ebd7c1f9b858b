//! The hosts that a plan allows: a scenario is somebody else's code, and reaches nothing else.
//!
//! The name that is asked for decides, not the address behind it: a name that is allowed may move,
//! and an address that is allowed says nothing about the names that resolve to it.

use std::net::Ipv6Addr;

use url::Host;

use crate::error::OptionsError;

/// Hosts to which requests may be sent, each with any port or with one. An empty list allows
/// nothing but the target.
#[derive(Clone, Debug, Default)]
pub struct AllowList(Vec<(Host, Option<u16>)>);

impl AllowList {
    /// Parses entries of the forms `host`, `host:port`, `[v6]` and `[v6]:port`; names do not depend
    /// on case.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, OptionsError> {
        entries.into_iter().map(entry).collect::<Result<_, _>>().map(Self)
    }

    /// Also allows what another list allows.
    pub fn add_all(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether it allows all that another list does.
    pub fn covers(&self, other: &Self) -> bool {
        let allows = |(host, port): &(Host, Option<u16>)| {
            self.0.iter().any(|(allowed, at)| allowed == host && (at.is_none() || at == port))
        };
        other.0.iter().all(allows)
    }

    pub(crate) fn add(&mut self, host: Host, port: u16) {
        self.0.push((without_final_dot(host), Some(port)));
    }

    /// Whether the host is allowed with any port at all.
    pub(crate) fn names(&self, host: &Host) -> bool {
        self.0.iter().any(|(allowed, _)| is_same(allowed, host))
    }

    pub(crate) fn allows(&self, host: &Host, port: u16) -> bool {
        self.0.iter().any(|(allowed, at)| is_same(allowed, host) && at.is_none_or(|at| at == port))
    }
}

fn is_same(allowed: &Host, host: &Host) -> bool {
    match (allowed, host) {
        (Host::Domain(allowed), Host::Domain(host)) => {
            allowed == host.strip_suffix('.').unwrap_or(host)
        }
        _ => allowed == host,
    }
}

fn entry(text: &str) -> Result<(Host, Option<u16>), OptionsError> {
    let wrong = |reason: String| OptionsError::AllowedHost { entry: text.into(), reason };
    if text.contains('*') {
        return Err(wrong("there are no patterns; name each host, as api.example.com".into()));
    }
    let bare = text
        .split_once("://")
        .map_or(text, |(_, rest)| rest)
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default();
    if bare != text {
        let cure =
            if bare.is_empty() { "host or host:port".to_owned() } else { format!("{bare:?}") };
        return Err(wrong(format!(
            "a host stands here without a scheme, a path or a range; write {cure}"
        )));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(wrong(format!("an IPv6 address stands in brackets; write \"[{text}]\"")));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let port = port.parse().ok().filter(|port| *port != 0);
            (
                host,
                Some(port.ok_or_else(|| {
                    wrong("after the colon stands a port from 1 to 65535".into())
                })?),
            )
        }
        _ => (text, None),
    };
    let host = Host::parse(host)
        .map_err(|e| wrong(format!("{e}; give a host, as api.example.com, or host:port")))?;
    Ok((without_final_dot(host), port))
}

/// A name with a dot at its end is the same host as without it.
fn without_final_dot(host: Host) -> Host {
    match host {
        Host::Domain(mut name) => {
            name.truncate(name.trim_end_matches('.').len());
            Host::Domain(name)
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(list: &AllowList, host: &str, port: u16) -> bool {
        list.allows(&Host::parse(host).expect("a host"), port)
    }

    #[test]
    fn a_host_allows_every_port_and_a_port_only_itself() {
        let list = AllowList::parse(["Example.com", "api.test:8080", "[::1]:9", "10.0.0.1"])
            .expect("entries");
        assert!(allows(&list, "example.com", 1) && allows(&list, "EXAMPLE.COM", 443));
        assert!(allows(&list, "api.test", 8080) && !allows(&list, "api.test", 80));
        assert!(allows(&list, "[::1]", 9) && !allows(&list, "[::1]", 10));
        assert!(allows(&list, "10.0.0.1", 80) && !allows(&list, "10.0.0.2", 80));
    }

    #[test]
    fn a_name_with_a_dot_at_its_end_is_the_same_host() {
        let list = AllowList::parse(["example.com", "other.test."]).expect("entries");
        assert!(
            allows(&list, "example.com.", 80)
                && allows(&list, "other.test", 80)
                && allows(&list, "other.test.", 80)
        );
        assert!(!allows(&list, "example.com..", 80) && !allows(&list, ".example.com", 80));
    }

    #[test]
    fn a_list_covers_another_where_it_allows_no_less() {
        let list = AllowList::parse(["a.test", "b.test:81"]).expect("entries");
        let covers = |entry| list.covers(&AllowList::parse([entry]).expect("an entry"));
        assert!(
            covers("A.test")
                && covers("a.test:9")
                && covers("b.test:81")
                && list.covers(&AllowList::default())
        );
        assert!(!covers("b.test") && !covers("b.test:82") && !covers("c.test"));
        let target = AllowList::of_target("https://b.test/api").expect("a target");
        assert!(
            target.covers(&AllowList::parse(["b.test:443"]).expect("an entry"))
                && !list.covers(&target)
        );
    }

    #[test]
    fn neither_a_subdomain_nor_a_suffix_is_allowed_by_its_parent() {
        let list = AllowList::parse(["example.com"]).expect("entry");
        assert!(
            !allows(&list, "www.example.com", 80)
                && !allows(&list, "badexample.com", 80)
                && !allows(&list, "example.com.evil.test", 80)
        );
    }

    #[test]
    fn an_entry_that_is_no_host_says_why() {
        for (wrong, cure) in [
            ("http://example.com", "write \"example.com\""),
            ("https://example.com:8443/path?q", "write \"example.com:8443\""),
            ("example.com/path", "write \"example.com\""),
            ("10.0.0.0/8", "write \"10.0.0.0\""),
            ("http://", "host or host:port"),
            ("*.example.com", "name each host"),
            ("*", "name each host"),
            ("::1", "write \"[::1]\""),
            ("example.com:http", "a port from 1 to 65535"),
            ("example.com:0", "a port from 1 to 65535"),
            ("a b", "give a host"),
            ("", "give a host"),
        ] {
            let error = AllowList::parse([wrong]).expect_err(wrong).to_string();
            assert!(error.contains(&format!("{wrong:?}")) && error.contains(cure), "{error}");
        }
    }
}
