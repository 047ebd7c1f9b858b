//! The addresses that a user may reach over sockets.
//!
//! HTTP asks for a host by its name, and the name decides. A socket is connected to an address, and
//! nobody can tell from an address which name it was looked up by. So a user reaches what the plan
//! allows literally, and what its own look-ups of allowed names gave: with the ports that the plan
//! allows for that name.
//!
//! ## Why a name server may not name this machine
//! Whoever allows a name trusts its owner with what stands behind it: addresses move, and in a
//! cluster they are private ones. But nobody who allows a name of somebody else's means services
//! that listen on the load generator alone, or what only its own link answers, as the metadata of a
//! cloud's machines. These have to be allowed themselves, unless this machine itself has given them
//! for the name: by its hosts file, or for `localhost`.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use url::Host;

use crate::net::allow::AllowList;

/// The addresses that a user's look-ups gave, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Reached(VecDeque<FoundAddress>);

/// An address that a look-up gave.
#[derive(Debug, PartialEq)]
struct FoundAddress {
    ip: IpAddr,
    name: Host,
    /// Whether the name's owner may say so.
    is_trusted: bool,
}

/// The most addresses that are known of a user's look-ups. A name has some; what was found before
/// so many others is forgotten and has to be looked up again.
const MAX_FOUND: usize = 256;

impl Reached {
    /// A look-up of an allowed name gave these addresses.
    pub(super) fn found(&mut self, name: &Host, ips: &[IpAddr], are_of_this_machine: bool) {
        for ip in ips.iter().map(IpAddr::to_canonical) {
            let is_trusted = are_of_this_machine || !is_own(ip);
            let found = FoundAddress { ip, name: name.clone(), is_trusted };
            self.0.retain(|known| (known.ip, &known.name) != (ip, name));
            if self.0.len() == MAX_FOUND {
                self.0.pop_front();
            }
            self.0.push_back(found);
        }
    }

    /// Whether the user may reach this address; if not, the words for people, with the flag that
    /// would allow it.
    pub(super) fn judge(&self, list: &AllowList, to: SocketAddr) -> Result<(), String> {
        let (ip, port) = (to.ip().to_canonical(), to.port());
        let literal = match ip {
            IpAddr::V4(ip) => Host::Ipv4(ip),
            IpAddr::V6(ip) => Host::Ipv6(ip),
        };
        if list.allows(&literal, port) {
            return Ok(());
        }
        let found = || self.0.iter().filter(|found| found.ip == ip);
        if found().any(|found| found.is_trusted && list.allows(&found.name, port)) {
            return Ok(());
        }
        Err(match found().next_back() {
            Some(FoundAddress { name, is_trusted: true, .. }) => {
                format!("{name}:{port} is not allowed by the plan (--allow-host {name}:{port})")
            }
            Some(FoundAddress { name, is_trusted: false, .. }) => format!(
                "{literal}:{port} is this machine's own, and a name server gave it for {name}; it \
                has to be allowed itself (--allow-host {literal}:{port})"
            ),
            None => format!(
                "{literal}:{port} is not allowed by the plan (--allow-host {literal}:{port})"
            ),
        })
    }
}

/// Whether an address means this machine, or only something that its own link answers.
fn is_own(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local() || ip.octets()[0] == 0,
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY_SERVER: bool = false;
    const BY_THIS_MACHINE: bool = true;

    fn list(entries: &[&str]) -> AllowList {
        AllowList::parse(entries.iter().copied()).expect("entries")
    }

    fn found(name: &str, ips: &[&str], are_of_this_machine: bool) -> Reached {
        let mut reached = Reached::default();
        let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().expect("an address")).collect();
        reached.found(&Host::parse(name).expect("a host"), &ips, are_of_this_machine);
        reached
    }

    fn judge(reached: &Reached, entries: &[&str], to: &str) -> Result<(), String> {
        reached.judge(&list(entries), to.parse().expect("an address with a port"))
    }

    #[test]
    fn an_address_is_reached_where_it_is_allowed_literally_with_its_port() {
        let nothing = Reached::default();
        let allowed = ["10.0.0.7:6379", "[2001:db8::7]", "redis.example"];
        for good in ["10.0.0.7:6379", "[2001:db8::7]:1", "[2001:db8::7]:65535"] {
            assert_eq!(judge(&nothing, &allowed, good), Ok(()), "{good}");
        }
        for bad in ["10.0.0.7:6380", "10.0.0.8:6379", "[2001:db8::8]:1", "127.0.0.1:6379"] {
            let words = judge(&nothing, &allowed, bad).expect_err(bad);
            assert!(words.ends_with(&format!("(--allow-host {bad})")), "{words}");
        }
    }

    #[test]
    fn an_address_is_reached_by_its_name_once_it_was_looked_up_and_with_the_ports_of_that_name() {
        let reached = found("redis.example", &["10.0.0.7", "2001:db8::7"], BY_SERVER);
        let allowed = ["redis.example:6379", "other.example"];
        assert_eq!(judge(&reached, &allowed, "10.0.0.7:6379"), Ok(()));
        assert_eq!(judge(&reached, &allowed, "[2001:db8::7]:6379"), Ok(()));
        let words = judge(&reached, &allowed, "10.0.0.7:22").expect_err("another port");
        assert!(words.contains("(--allow-host redis.example:22)"), "{words}");
        judge(&reached, &allowed, "10.0.0.8:6379").expect_err("nobody has looked that up");
        judge(&Reached::default(), &allowed, "10.0.0.7:6379").expect_err("another user has");
    }

    #[test]
    fn of_two_names_with_one_address_each_gives_its_own_ports() {
        let mut reached = found("one.example", &["10.0.0.7"], BY_SERVER);
        let name = Host::parse("two.example").expect("a host");
        reached.found(&name, &["10.0.0.7".parse().expect("an address")], BY_SERVER);
        let allowed = ["one.example:1", "two.example:2"];
        assert_eq!(judge(&reached, &allowed, "10.0.0.7:1"), Ok(()));
        assert_eq!(judge(&reached, &allowed, "10.0.0.7:2"), Ok(()));
        judge(&reached, &allowed, "10.0.0.7:3").expect_err("neither has it");
    }

    #[test]
    fn what_a_name_server_says_of_this_machine_and_its_link_is_not_taken() {
        for ip in ["127.0.0.1", "127.8.8.8", "169.254.169.254", "0.0.0.0", "::1", "fe80::1"] {
            let to = SocketAddr::new(ip.parse().expect("an address"), 80).to_string();
            let words = judge(&found("evil.example", &[ip], BY_SERVER), &["evil.example"], &to)
                .expect_err(ip);
            let flag = format!("(--allow-host {to})");
            assert!(words.contains("evil.example") && words.ends_with(&flag), "{words}");
            let hosts = found("near.example", &[ip], BY_THIS_MACHINE);
            assert_eq!(judge(&hosts, &["near.example"], &to), Ok(()), "{ip}");
        }
        let private = found("redis", &["172.18.0.3"], BY_SERVER);
        assert_eq!(judge(&private, &["redis"], "172.18.0.3:6379"), Ok(()));
    }

    #[test]
    fn an_ipv4_address_in_the_clothes_of_ipv6_is_judged_as_what_it_is() {
        let nothing = Reached::default();
        assert_eq!(judge(&nothing, &["10.0.0.7"], "[::ffff:10.0.0.7]:1"), Ok(()));
        let words = judge(&nothing, &["10.0.0.8"], "[::ffff:127.0.0.1]:1").expect_err("loopback");
        assert!(words.ends_with("(--allow-host 127.0.0.1:1)"), "{words}");
        judge(
            &found("evil.example", &["::ffff:127.0.0.1"], BY_SERVER),
            &["evil.example"],
            "127.0.0.1:1",
        )
        .expect_err("a name server gave it");
    }

    #[test]
    fn an_address_within_one_of_ipv6_is_no_ipv4_address_by_any_other_rule() {
        for other in ["[64:ff9b::7f00:1]:1", "[2002:7f00:1::]:1", "[::127.0.0.1]:1"] {
            judge(&Reached::default(), &["127.0.0.1"], other).expect_err(other);
        }
    }

    #[test]
    fn look_ups_are_remembered_up_to_a_bound_and_the_oldest_is_forgotten() {
        let mut reached = Reached::default();
        let name = Host::parse("many.example").expect("a host");
        let ip = |number: usize| IpAddr::from([10, 0, (number / 256) as u8, (number % 256) as u8]);
        for number in 0..=MAX_FOUND {
            reached.found(&name, &[ip(number)], BY_SERVER);
            reached.found(&name, &[ip(number)], BY_SERVER);
        }
        assert_eq!(reached.0.len(), MAX_FOUND);
        let allowed = list(&["many.example"]);
        reached.judge(&allowed, SocketAddr::new(ip(0), 1)).expect_err("it is forgotten");
        assert_eq!(reached.judge(&allowed, SocketAddr::new(ip(1), 1)), Ok(()));
    }
}
