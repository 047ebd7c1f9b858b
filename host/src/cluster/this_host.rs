//! What this node is called, where others find it, and how much it bears.

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

/// The default weight: one for each core.
pub(crate) fn default_weight() -> f64 {
    machine::allowed_cores() as f64
}

/// The name of this node.
pub(crate) fn own_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// An address that others can dial, for a socket that listens here.
pub(super) fn reachable(listening: SocketAddr) -> SocketAddr {
    if !listening.ip().is_unspecified() {
        return listening;
    }
    // Nothing is sent: the kernel only says which of its addresses it would use.
    let outward = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    };
    let ip = outward().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip());
    SocketAddr::new(ip, listening.port())
}
