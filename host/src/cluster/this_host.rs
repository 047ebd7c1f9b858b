//! What this host is called, where others find it, and how much it bears.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use swell_driver::machine;

/// A weight from the command line.
pub(crate) fn parse_weight(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(weight) if (0.0..=1_000.0).contains(&weight) => Ok(weight),
        _ => {
            Err("a number from 0 to 1000 is needed; 0 is for a host that generates no load"
                .to_owned())
        }
    }
}

/// One for each core.
pub(crate) fn default_weight() -> f64 {
    machine::allowed_cores() as f64
}

/// What this host is called.
pub(crate) fn own_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// An address that others can dial, of a socket that listens here.
pub(super) fn reachable(listening: SocketAddr) -> SocketAddr {
    if !listening.ip().is_unspecified() {
        return listening;
    }
    // Nothing is sent: the kernel says from which of its addresses it would be.
    let outward = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    };
    let ip = outward().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip());
    SocketAddr::new(ip, listening.port())
}
