//! Names and addresses, and what the host says of a socket, as the standard library has them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;

use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::{Pollable, poll};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};

/// The addresses of a host, the one to try first at the beginning.
///
/// The host looks a name up as it does for requests: in its hosts file or at its name servers, and
/// keeps the answer as long as the name's owner allows.
///
/// # Errors
/// The plan does not allow the name, or nobody knows it.
pub fn lookup(host: &str) -> io::Result<Vec<IpAddr>> {
    let network = instance_network();
    let stream = resolve_addresses(&network, host).map_err(|code| error(code, host))?;
    let mut found = Vec::new();
    loop {
        match stream.resolve_next_address() {
            Ok(Some(address)) => found.push(from_wasi(address)),
            Ok(None) => return Ok(found),
            Err(ErrorCode::WouldBlock) => stream.subscribe().block(),
            Err(code) => return Err(error(code, host)),
        }
    }
}

/// What has addresses with a port: as the trait of the standard library, whose look-ups are none on
/// most targets.
pub trait ToSocketAddrs {
    /// The addresses, the one to try first at the beginning.
    ///
    /// # Errors
    /// It is neither an address nor a name with a port; or as [`lookup`].
    fn to_socket_addrs(&self) -> io::Result<Vec<SocketAddr>>;
}

impl ToSocketAddrs for SocketAddr {
    fn to_socket_addrs(&self) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![*self])
    }
}

impl ToSocketAddrs for (IpAddr, u16) {
    fn to_socket_addrs(&self) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::from(*self)])
    }
}

impl ToSocketAddrs for (&str, u16) {
    fn to_socket_addrs(&self) -> io::Result<Vec<SocketAddr>> {
        let (host, port) = *self;
        if let Ok(ip) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        Ok(lookup(host)?.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }
}

impl ToSocketAddrs for str {
    fn to_socket_addrs(&self) -> io::Result<Vec<SocketAddr>> {
        let (host, port) = split(self)?;
        (host, port).to_socket_addrs()
    }
}

impl ToSocketAddrs for String {
    fn to_socket_addrs(&self) -> io::Result<Vec<SocketAddr>> {
        self.as_str().to_socket_addrs()
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn to_socket_addrs(&self) -> io::Result<Vec<SocketAddr>> {
        (**self).to_socket_addrs()
    }
}

/// `host:port`, `1.2.3.4:port` or `[v6]:port`.
fn split(text: &str) -> io::Result<(&str, u16)> {
    let wrong = || {
        let words = format!("{text:?} is no address; write it like \"redis.example:6379\"");
        io::Error::new(io::ErrorKind::InvalidInput, words)
    };
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let is_bare_ipv6 = host.contains(':') && !host.ends_with(']');
    match port.parse() {
        Ok(port) if !host.is_empty() && !is_bare_ipv6 => Ok((host, port)),
        _ => Err(wrong()),
    }
}

/// Waits until something is ready, or for so long. Returns whether it is.
pub(super) fn wait(ready: &Pollable, longest: Option<Duration>) -> bool {
    let Some(longest) = longest else {
        ready.block();
        return true;
    };
    let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
    poll(&[ready, &monotonic_clock::subscribe_duration(nanos)]).contains(&0)
}

/// The error of a wait that was long enough.
pub(super) fn timed_out(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("{what} took longer than it may"))
}

/// A timeout as the standard library takes it: none, or a time that is not zero.
pub(super) fn checked(timeout: Option<Duration>) -> io::Result<Option<Duration>> {
    match timeout {
        Some(Duration::ZERO) => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "a timeout of zero is none"))
        }
        timeout => Ok(timeout),
    }
}

/// What the host said, in words.
pub(super) fn error(code: ErrorCode, what: impl std::fmt::Display) -> io::Error {
    use std::io::ErrorKind;
    let (kind, words) = match code {
        ErrorCode::AccessDenied => {
            (ErrorKind::PermissionDenied, "the plan does not allow it (see --allow-host)")
        }
        ErrorCode::NameUnresolvable => (ErrorKind::NotFound, "no such name"),
        ErrorCode::TemporaryResolverFailure | ErrorCode::PermanentResolverFailure => {
            (ErrorKind::NotFound, "no name server answered")
        }
        ErrorCode::NewSocketLimit => (ErrorKind::QuotaExceeded, "too many open sockets"),
        ErrorCode::Timeout => (ErrorKind::TimedOut, "no connection in time"),
        ErrorCode::ConnectionRefused => (ErrorKind::ConnectionRefused, "connection refused"),
        ErrorCode::ConnectionReset => (ErrorKind::ConnectionReset, "connection reset"),
        ErrorCode::ConnectionAborted => (ErrorKind::ConnectionAborted, "connection aborted"),
        ErrorCode::RemoteUnreachable => (ErrorKind::HostUnreachable, "no way there"),
        ErrorCode::AddressInUse | ErrorCode::AddressNotBindable => {
            (ErrorKind::AddrNotAvailable, "no local address or port is free")
        }
        ErrorCode::DatagramTooLarge => (ErrorKind::InvalidInput, "the datagram is too large"),
        ErrorCode::InvalidArgument => (ErrorKind::InvalidInput, "no address of its kind"),
        ErrorCode::NotSupported => (ErrorKind::Unsupported, "not supported"),
        ErrorCode::OutOfMemory => (ErrorKind::OutOfMemory, "out of memory"),
        ErrorCode::WouldBlock => (ErrorKind::WouldBlock, "nothing yet"),
        _ => (ErrorKind::Other, "it did not work"),
    };
    io::Error::new(kind, format!("{what}: {words}"))
}

pub(super) const fn family(address: SocketAddr) -> IpAddressFamily {
    if address.is_ipv4() { IpAddressFamily::Ipv4 } else { IpAddressFamily::Ipv6 }
}

fn from_wasi(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => Ipv4Addr::new(a, b, c, d).into(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => Ipv6Addr::new(a, b, c, d, e, f, g, h).into(),
    }
}

pub(super) fn to_wasi(address: SocketAddr) -> IpSocketAddress {
    match address {
        SocketAddr::V4(address) => {
            let [a, b, c, d] = address.ip().octets();
            let port = address.port();
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (a, b, c, d) })
        }
        SocketAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.ip().segments();
            IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port: address.port(),
                flow_info: address.flowinfo(),
                address: (a, b, c, d, e, f, g, h),
                scope_id: address.scope_id(),
            })
        }
    }
}

pub(super) fn socket_from_wasi(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (a, b, c, d) }) => {
            SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port).into()
        }
        IpSocketAddress::Ipv6(Ipv6SocketAddress { port, flow_info, address, scope_id }) => {
            let (a, b, c, d, e, f, g, h) = address;
            let ip = Ipv6Addr::new(a, b, c, d, e, f, g, h);
            SocketAddrV6::new(ip, port, flow_info, scope_id).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_port_needs_no_look_up() {
        for (text, expected) in [
            ("127.0.0.1:6379", "127.0.0.1:6379"),
            ("[::1]:6379", "[::1]:6379"),
            ("[2001:db8::7]:1", "[2001:db8::7]:1"),
        ] {
            let found = text.to_socket_addrs().unwrap();
            assert_eq!(found, [expected.parse::<SocketAddr>().unwrap()]);
            assert_eq!(socket_from_wasi(to_wasi(found[0])), found[0]);
        }
    }

    #[test]
    fn what_is_no_address_says_what_one_looks_like() {
        for wrong in ["redis", "redis:", "redis:x", ":6379", "::1", "redis:65536", ""] {
            let error = wrong.to_socket_addrs().unwrap_err();
            assert!(error.to_string().contains("redis.example:6379"), "{error}");
        }
        assert_eq!(split("redis.example:6379").unwrap(), ("redis.example", 6379));
    }

    #[test]
    fn a_timeout_of_zero_is_none() {
        assert!(checked(Some(Duration::ZERO)).is_err());
        assert_eq!(checked(None).unwrap(), None);
    }
}
