//! How long the addresses of a name are used, and which of them a connection takes.
//!
//! What k6 calls `dns`. What nobody says is as name servers and RFC 8305 have it: an answer is used
//! as long as its owner allows, connections begin at each address in turn, and whichever version of
//! IP answers first is taken.

use std::str::FromStr;
use std::time::{Duration, Instant};

use swell_core::units::parse_duration;

/// The rules by which names become addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DnsRules {
    /// How long an answer is used.
    pub ttl: DnsTtl,
    /// At which of a name's addresses a connection begins.
    pub select: DnsSelect,
    /// Which versions of IP are used.
    pub policy: DnsPolicy,
}

/// How long an answer is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DnsTtl {
    /// As long as the name server says, and a second at the least.
    #[default]
    OfAnswer,
    /// So long, whatever the name server says; zero has each connection ask.
    For(Duration),
    /// As long as the run lasts.
    Forever,
}

/// At which of a name's addresses a connection begins. If that one does not answer, the others are
/// tried, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DnsSelect {
    /// At the one after that of the connection before.
    #[default]
    RoundRobin,
    /// At the first of the answer.
    First,
    /// At any of them.
    Random,
}

/// Which versions of IP are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DnsPolicy {
    /// Both; where both are known they take turns, beginning with the one that was known first.
    #[default]
    Any,
    /// Addresses of this version first, and those of the other behind them.
    Prefer(IpVersion),
    /// This one alone.
    Only(IpVersion),
}

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpVersion {
    /// Whether an address is of this version.
    pub(crate) const fn is_of(self, address: &std::net::IpAddr) -> bool {
        match self {
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }

    /// Its name, for messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

impl DnsRules {
    /// The version whose addresses come first, if there is one.
    pub(crate) const fn preferred(&self) -> Option<IpVersion> {
        match self.policy {
            DnsPolicy::Prefer(version) => Some(version),
            DnsPolicy::Any | DnsPolicy::Only(_) => None,
        }
    }

    /// The only version that is used, if there is one.
    pub(crate) const fn only(&self) -> Option<IpVersion> {
        match self.policy {
            DnsPolicy::Only(version) => Some(version),
            DnsPolicy::Any | DnsPolicy::Prefer(_) => None,
        }
    }
}

impl DnsTtl {
    /// Until when an answer is used that came `now`, and by its own word until `own`.
    pub(crate) fn until(self, now: Instant, own: Instant) -> Instant {
        /// Longer than any run.
        const EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
        match self {
            Self::OfAnswer => own,
            Self::For(time) => now + time,
            Self::Forever => now + EVER,
        }
    }
}

impl FromStr for DnsRules {
    type Err = String;

    /// Reads "ttl=30s,select=random,policy=prefer-ipv4"; names as k6 writes them are read, too.
    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "it is ttl=TIME, select=first, random or round-robin, and policy=any, \
                            prefer-ipv4, prefer-ipv6, only-ipv4 or only-ipv6, with commas between \
                            them";
        let mut rules = Self::default();
        let mut said: Vec<&str> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let Some((key, value)) = part.split_once('=') else {
                return Err(format!("{part:?} has no value; {FORM}"));
            };
            let (key, value) = (key.trim(), value.trim());
            if said.contains(&key) {
                return Err(format!("{key} is given twice; {FORM}"));
            }
            said.push(key);
            let wrong = || format!("{key}={value} is not known; {FORM}");
            match key {
                "ttl" => rules.ttl = value.parse()?,
                "select" => rules.select = select(value).ok_or_else(wrong)?,
                "policy" => rules.policy = policy(value).ok_or_else(wrong)?,
                _ => return Err(format!("{key:?} is not known; {FORM}")),
            }
        }
        Ok(rules)
    }
}

impl FromStr for DnsTtl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "inf" {
            return Ok(Self::Forever);
        }
        let time = parse_duration(text).map_err(|error| {
            format!("ttl={text}: {error}; 0 has each connection ask, inf asks once")
        })?;
        Ok(Self::For(time))
    }
}

fn select(text: &str) -> Option<DnsSelect> {
    match &*joined(text) {
        "first" => Some(DnsSelect::First),
        "random" => Some(DnsSelect::Random),
        "roundrobin" => Some(DnsSelect::RoundRobin),
        _ => None,
    }
}

fn policy(text: &str) -> Option<DnsPolicy> {
    match &*joined(text) {
        "any" => Some(DnsPolicy::Any),
        "preferipv4" => Some(DnsPolicy::Prefer(IpVersion::V4)),
        "preferipv6" => Some(DnsPolicy::Prefer(IpVersion::V6)),
        "onlyipv4" => Some(DnsPolicy::Only(IpVersion::V4)),
        "onlyipv6" => Some(DnsPolicy::Only(IpVersion::V6)),
        _ => None,
    }
}

/// The words of a name without what stands between them: `prefer-ipv4` and `preferIPv4` are one.
fn joined(name: &str) -> String {
    name.replace('-', "").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<DnsRules, String> {
        text.parse()
    }

    #[test]
    fn rules_are_read_as_the_host_and_as_k6_write_them() {
        let rules = DnsRules {
            ttl: DnsTtl::For(Duration::from_secs(30)),
            select: DnsSelect::Random,
            policy: DnsPolicy::Prefer(IpVersion::V4),
        };
        assert_eq!(read("ttl=30s,select=random,policy=prefer-ipv4"), Ok(rules));
        assert_eq!(read("policy=preferIPv4, select=random, ttl=30s"), Ok(rules));
        let ever = DnsRules { ttl: DnsTtl::Forever, ..DnsRules::default() };
        assert_eq!(read("ttl=inf"), Ok(ever));
        let asked = read("ttl=0,select=roundRobin,policy=onlyIPv6").expect("rules");
        assert_eq!(asked.ttl, DnsTtl::For(Duration::ZERO));
        assert_eq!((asked.select, asked.only()), (DnsSelect::RoundRobin, Some(IpVersion::V6)));
    }

    #[test]
    fn what_is_no_rule_is_told_with_those_that_there_are() {
        for (text, begins) in [
            ("", "\"\" has no value; it is ttl=TIME, "),
            ("ttl", "\"ttl\" has no value; "),
            ("ttl=30", "ttl=30: \"30\" has no unit"),
            ("ttl=-1s", "ttl=-1s: "),
            ("select=last", "select=last is not known; "),
            ("policy=ipv4", "policy=ipv4 is not known; "),
            ("server=1.1.1.1", "\"server\" is not known; "),
            ("ttl=1s,ttl=2s", "ttl is given twice; "),
        ] {
            let told = read(text).expect_err(text);
            assert!(told.starts_with(begins), "{text}: {told}");
        }
    }

    #[test]
    fn an_answer_is_used_as_long_as_it_says_or_as_long_as_it_is_told() {
        let now = Instant::now();
        let own = now + Duration::from_secs(300);
        assert_eq!(DnsTtl::OfAnswer.until(now, own), own);
        let short = Duration::from_millis(5);
        assert_eq!(DnsTtl::For(short).until(now, own), now + short);
        assert!(DnsTtl::Forever.until(now, own) > own);
    }
}
