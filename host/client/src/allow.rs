//! The hosts that a plan allows: a scenario is somebody else's code, and reaches nothing else.
//!
//! The name that is asked for decides, not the address behind it: a name that is allowed may move, and an address that is allowed says nothing about
//! the names that resolve to it.

use url::Host;

use crate::error::OptionsError;

/// Hosts that may be asked, each with any port or one. Empty, it allows nothing but the target.
#[derive(Clone, Debug, Default)]
pub struct AllowList(Vec<(Host, Option<u16>)>);

impl AllowList {
    /// Parses entries of the forms `host`, `host:port`, `[v6]` and `[v6]:port`; names do not depend on case.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, OptionsError> {
        entries.into_iter().map(entry).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn add(&mut self, host: Host, port: u16) {
        self.0.push((host, Some(port)));
    }

    pub(crate) fn allows(&self, host: &Host, port: u16) -> bool {
        self.0.iter().any(|(allowed, at)| allowed == host && at.is_none_or(|at| at == port))
    }
}

fn entry(text: &str) -> Result<(Host, Option<u16>), OptionsError> {
    let wrong = |reason: String| OptionsError::AllowedHost { entry: text.into(), reason };
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let port = port.parse().map_err(|_| wrong(format!("{port:?} is no port; an IPv6 address stands in brackets")))?;
            (host, Some(port))
        }
        _ => (text, None),
    };
    let host = Host::parse(host).map_err(|e| wrong(format!("{e}; give a host or host:port without a scheme or path")))?;
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(list: &AllowList, host: &str, port: u16) -> bool {
        list.allows(&Host::parse(host).expect("a host"), port)
    }

    #[test]
    fn a_host_allows_every_port_and_a_port_only_itself() {
        let list = AllowList::parse(["Example.com", "api.test:8080", "[::1]:9", "10.0.0.1"]).expect("entries");
        assert!(allows(&list, "example.com", 1) && allows(&list, "EXAMPLE.COM", 443));
        assert!(allows(&list, "api.test", 8080) && !allows(&list, "api.test", 80));
        assert!(allows(&list, "[::1]", 9) && !allows(&list, "[::1]", 10));
        assert!(allows(&list, "10.0.0.1", 80) && !allows(&list, "10.0.0.2", 80));
    }

    #[test]
    fn neither_a_subdomain_nor_a_suffix_is_allowed_by_its_parent() {
        let list = AllowList::parse(["example.com"]).expect("entry");
        assert!(
            !allows(&list, "www.example.com", 80) && !allows(&list, "badexample.com", 80) && !allows(&list, "example.com.evil.test", 80)
        );
    }

    #[test]
    fn an_entry_that_is_no_host_says_why() {
        for wrong in ["http://example.com", "example.com:http", "a b", "", "::1", "example.com/path"] {
            let error = AllowList::parse([wrong]).expect_err(wrong);
            assert!(error.to_string().contains(&format!("{wrong:?}")), "{error}");
        }
    }
}
