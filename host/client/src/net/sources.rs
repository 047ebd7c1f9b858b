//! The addresses that connections are opened from.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};

use crate::error::OptionsError;

/// One worker's source addresses: connections take them in turn. If there are none, the kernel
/// chooses.
pub(crate) struct Sources {
    addresses: Vec<IpAddr>,
    next: Cell<usize>,
}

impl Sources {
    /// Binds each address once to see that it is one of this machine, so that a later failure to
    /// bind it can only mean that its ports are used up.
    pub(crate) fn new(addresses: Vec<IpAddr>) -> Result<Self, OptionsError> {
        addresses.iter().copied().try_for_each(check)?;
        Ok(Self { addresses, next: Cell::new(0) })
    }

    /// Whether the kernel chooses.
    pub(crate) fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// The source address of the next connection to `to`, in turn over those of its IP version.
    pub(crate) fn next(&self, to: SocketAddr) -> Option<IpAddr> {
        let count = self.addresses.len();
        let first = self.next.replace(self.next.get().wrapping_add(1));
        (0..count)
            .map(|i| self.addresses[first.wrapping_add(i) % count])
            .find(|source| source.is_ipv4() == to.is_ipv4())
    }
}

fn check(address: IpAddr) -> Result<(), OptionsError> {
    let bind = || {
        let domain = if address.is_ipv4() { socket2::Domain::IPV4 } else { socket2::Domain::IPV6 };
        socket2::Socket::new(domain, socket2::Type::STREAM, None)?
            .bind(&SocketAddr::new(address, 0).into())
    };
    bind().map_err(|source| OptionsError::Source { address, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_the_addresses_of_their_ip_version_in_turn() {
        let sources =
            Sources::new(vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2])])
                .expect("addresses of this machine");
        let to = SocketAddr::from(([127, 0, 0, 1], 9));
        let taken: Vec<_> =
            (0..4).map(|_| sources.next(to).expect("a source").to_string()).collect();
        assert_eq!(taken, ["127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2"]);
        assert_eq!(sources.next(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 9))), None);
    }

    #[test]
    fn an_address_of_another_machine_is_no_source() {
        let error = Sources::new(vec![IpAddr::from([192, 0, 2, 1])]).err().expect("not ours");
        assert!(error.to_string().starts_with("source address 192.0.2.1"), "{error}");
    }
}
