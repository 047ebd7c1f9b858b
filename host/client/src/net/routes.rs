//! The way to a service, where it is another than its name says.
//!
//! Whoever runs a test decides on it, and nobody else: what a URL names is allowed or not by its
//! own host and port, wherever its connections lead.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use url::Host;

use crate::net::dns::{DnsRules, IpVersion};
use crate::net::proxy::Proxy;
use crate::net::tls_name::TlsName;

/// Where connections go in place of what URLs name.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// Names whose addresses are known.
    pub names: Vec<PinnedName>,
    /// Services that stand elsewhere.
    pub services: Vec<MovedService>,
    /// The only version of IP by which services are reached. Default: both.
    pub ip_version: Option<IpVersion>,
    /// How the addresses of names are used.
    pub dns: DnsRules,
    /// The name that TLS asks for and certificates must have, in place of the host's. Default: the
    /// host's.
    pub tls_name: Option<TlsName>,
    /// A socket of this machine to which all connections go.
    pub unix_socket: Option<PathBuf>,
    /// What stands between, for all hosts but those of `without_proxy`.
    pub proxy: Option<Proxy>,
    /// Hosts that are reached without the proxy, with all names below them.
    pub without_proxy: Vec<Host>,
}

/// A name whose addresses are known, so that nobody is asked for them: `HOST:PORT:ADDRESS`, with
/// `*` for any host, and several addresses with commas between them, as curl has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedName {
    /// The name; absent for any.
    host: Option<String>,
    port: u16,
    addresses: Vec<IpAddr>,
}

/// A service that stands elsewhere: `HOST:PORT:HOST:PORT`. Of the first two each may be empty, for
/// any; of the last two each may be empty, for the same as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedService {
    from: (Option<Host>, Option<u16>),
    to: (Option<Host>, Option<u16>),
}

/// The way of one connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// To a socket of this machine.
    Unix(&'a PathBuf),
    /// To this host and port, through a proxy.
    Through(&'a Proxy, Host, u16),
    /// To this host and port.
    Straight(Host, u16),
}

impl Routes {
    /// The way to a host and port.
    pub(crate) fn route_to(&self, host: &Host, port: u16) -> Route<'_> {
        if let Some(socket) = &self.unix_socket {
            return Route::Unix(socket);
        }
        let (host, port) = self
            .services
            .iter()
            .find_map(|moved| moved.instead_of(host, port))
            .unwrap_or_else(|| (host.clone(), port));
        match &self.proxy {
            Some(proxy) if !self.is_without_proxy(&host) => Route::Through(proxy, host, port),
            _ => Route::Straight(host, port),
        }
    }

    /// The proxy that is asked for a URL of this host, where requests without TLS are written for
    /// the proxy itself to read. A service that stands elsewhere keeps its name in its requests, so
    /// a proxy learns its place by a tunnel alone.
    pub(crate) fn proxy_asked_for(&self, host: &Host, port: u16) -> Option<&Proxy> {
        match self.route_to(host, port) {
            Route::Through(proxy, to, at) if proxy.reads_requests() => {
                (to == *host && at == port).then_some(proxy)
            }
            _ => None,
        }
    }

    /// The addresses that are known of a name.
    pub(crate) fn pinned(&self, name: &str, port: u16) -> Option<&[IpAddr]> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let is = |pinned: &&PinnedName| {
            pinned.port == port && pinned.host.as_ref().is_none_or(|host| host == name)
        };
        self.names.iter().find(is).map(|pinned| &*pinned.addresses)
    }

    /// The addresses that are known of this very name, whatever the port: who looks a name up says
    /// none.
    pub(crate) fn pinned_at_any_port(&self, name: &str) -> Vec<IpAddr> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let is = |pinned: &&PinnedName| pinned.host.as_deref() == Some(name);
        self.names.iter().filter(is).flat_map(|pinned| pinned.addresses.iter().copied()).collect()
    }

    /// The only version of IP by which services are reached, if there is one.
    pub(crate) fn only_version(&self) -> Option<IpVersion> {
        self.ip_version.or(self.dns.only())
    }

    /// The address to which connections for this host would go, and the only version of IP that is
    /// used, where the one is not of the other: no connection is ever opened there.
    pub(crate) fn unreachable(&self, host: &Host, port: u16) -> Option<(IpAddr, IpVersion)> {
        let only = self.only_version()?;
        let to = match self.route_to(host, port) {
            Route::Unix(_) => return None,
            Route::Through(proxy, ..) => proxy.host.clone(),
            Route::Straight(host, _) => host,
        };
        let address = match to {
            Host::Domain(_) => return None,
            Host::Ipv4(ip) => ip.into(),
            Host::Ipv6(ip) => ip.into(),
        };
        (!only.is_of(&address)).then_some((address, only))
    }

    fn is_without_proxy(&self, host: &Host) -> bool {
        self.without_proxy.iter().any(|without| match (without, host) {
            (Host::Domain(without), Host::Domain(host)) => {
                let host = host.strip_suffix('.').unwrap_or(host);
                host.strip_suffix(&**without)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (without, host) => without == host,
        })
    }
}

impl MovedService {
    fn instead_of(&self, host: &Host, port: u16) -> Option<(Host, u16)> {
        let is_meant = self.from.0.as_ref().is_none_or(|from| from == host)
            && self.from.1.is_none_or(|from| from == port);
        is_meant
            .then(|| (self.to.0.clone().unwrap_or_else(|| host.clone()), self.to.1.unwrap_or(port)))
    }
}

impl FromStr for PinnedName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "it is HOST:PORT:ADDRESS, as shop.test:443:10.0.0.7";
        let mut parts = parts(text);
        let (Some(host), Some(port)) = (parts.next(), parts.next()) else {
            return Err(FORM.to_owned());
        };
        let host = match host {
            "*" => None,
            host => match a_host(host)? {
                Host::Domain(name) => Some(name),
                _ => return Err(format!("{host} is an address already; {FORM}")),
            },
        };
        let port = a_port(port)?.ok_or_else(|| format!("the port is missing; {FORM}"))?;
        // An IPv6 address may stand without brackets at the end, as in curl.
        let listed = parts.collect::<Vec<_>>().join(":");
        let addresses = listed.split(',').map(an_address).collect::<Result<_, _>>();
        let addresses = addresses.map_err(|wrong| format!("{wrong}; {FORM}"))?;
        Ok(Self { host, port, addresses })
    }
}

impl FromStr for MovedService {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "it is HOST:PORT:HOST:PORT, as shop.test:443:10.0.0.7:8443, each of \
                            which may be empty";
        let parts: Vec<&str> = parts(text).collect();
        let [host, port, to_host, to_port] = parts[..] else { return Err(FORM.to_owned()) };
        let a_host = |host: &str| if host.is_empty() { Ok(None) } else { a_host(host).map(Some) };
        let told = |wrong: String| format!("{wrong}; {FORM}");
        Ok(Self {
            from: (a_host(host).map_err(told)?, a_port(port).map_err(told)?),
            to: (a_host(to_host).map_err(told)?, a_port(to_port).map_err(told)?),
        })
    }
}

/// What stands between the colons that are in no brackets.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.split(move |sign| {
        match sign {
            '[' => inside = true,
            ']' => inside = false,
            _ => {}
        }
        sign == ':' && !inside
    })
}

fn a_host(text: &str) -> Result<Host, String> {
    match Host::parse(text) {
        Ok(Host::Domain(mut name)) => {
            name.truncate(name.trim_end_matches('.').len());
            Ok(Host::Domain(name))
        }
        Ok(host) => Ok(host),
        Err(error) => Err(format!("{text:?} is no host: {error}")),
    }
}

/// A port; nothing where nothing stands.
fn a_port(text: &str) -> Result<Option<u16>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse() {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err(format!("{text:?} is no port; ports are from 1 to 65535")),
    }
}

fn an_address(text: &str) -> Result<IpAddr, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| format!("{text:?} is no address"))
}

/// Hosts that are reached without the proxy, with commas between them: names, each with all names
/// below it, and addresses.
///
/// # Errors
/// One of them is no host; which.
pub fn parse_without_proxy(text: &str) -> Result<Vec<Host>, String> {
    let bare = |entry: &str| a_host(entry.trim().trim_start_matches('.'));
    text.split(',').filter(|entry| !entry.trim().is_empty()).map(bare).collect()
}

#[cfg(test)]
mod tests;
