//! From a name that a scenario looks up to addresses: what the worker's resolver knows of it, for
//! as long as the name's owner allows.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;

use url::Host;

use super::error::SocketFailure;
use crate::net::resolve::{Addresses, Resolver};

/// A name as it is looked up: a host without a port.
pub(crate) struct SocketName(pub(crate) Host);

impl SocketName {
    pub(crate) fn parse(text: &str) -> Result<Self, SocketFailure> {
        if let Ok(ip) = text.parse::<Ipv6Addr>() {
            return Ok(Self(canonical(Host::Ipv6(ip))));
        }
        let wrong =
            |error| SocketFailure::no_name(format!("{text:?} is no name of a host: {error}"));
        Host::parse(text).map(canonical).map(Self).map_err(wrong)
    }
}

/// An IPv4 address that is written as one of IPv6 is the IPv4 address.
fn canonical(host: Host) -> Host {
    match host {
        Host::Ipv6(ip) => ip.to_ipv4_mapped().map_or(Host::Ipv6(ip), Host::Ipv4),
        other => other,
    }
}

impl fmt::Display for SocketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The names that the users of a worker have looked up. Only allowed names get here, so they are no
/// more than the plan has.
#[derive(Default)]
pub(crate) struct NamesOfSockets(RefCell<HashMap<String, Rc<Addresses>>>);

impl NamesOfSockets {
    /// The addresses of a name, and whether this machine itself, or whoever runs the test, has said
    /// what they are.
    pub(crate) async fn find(
        &self,
        resolver: &Resolver,
        name: &SocketName,
    ) -> Result<(Vec<IpAddr>, bool), SocketFailure> {
        if let Host::Domain(domain) = &name.0 {
            let pinned = resolver.pinned_at_any_port(domain);
            if !pinned.is_empty() {
                return Ok((pinned, true));
            }
        }
        let addresses = Rc::clone(self.0.borrow_mut().entry(name.to_string()).or_default());
        let found = resolver.addresses(&name.0, 0, &addresses).await;
        let found = found.map_err(SocketFailure::not_found)?;
        let ips = found.into_iter().map(|address| address.ip().to_canonical()).collect();
        Ok((ips, addresses.are_of_this_machine()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_host_alone_and_an_address_is_its_own_name() {
        let parsed = |text| SocketName::parse(text).map(|name| name.to_string()).ok();
        assert_eq!(parsed("Redis.Example").as_deref(), Some("redis.example"));
        assert_eq!(parsed("127.0.0.1").as_deref(), Some("127.0.0.1"));
        assert_eq!(parsed("::1").as_deref(), Some("[::1]"));
        assert_eq!(parsed("::ffff:127.0.0.1").as_deref(), Some("127.0.0.1"));
        for wrong in ["", "a b", "redis:6379", "redis/0", "[::1"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
