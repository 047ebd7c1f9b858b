//! Opens a hundred thousand sockets and lets go of none. The host must refuse all beyond 128 with
//! an error, and take as much memory as for those.

use swell::prelude::*;
use wasip2::sockets::network::{ErrorCode, IpAddressFamily};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp_create_socket::create_udp_socket;

#[scenario]
fn hoards() -> Result<()> {
    transaction("sockets", || {
        let mut kept = Vec::new();
        let mut refused = 0;
        for _ in 0..100_000 {
            match create_tcp_socket(IpAddressFamily::Ipv4) {
                Ok(socket) => kept.push(socket),
                Err(ErrorCode::NewSocketLimit) => refused += 1,
                Err(other) => bail!("{other:?}"),
            }
        }
        ensure!(kept.len() == 128 && refused == 99_872, "{} were opened", kept.len());
        ensure!(create_udp_socket(IpAddressFamily::Ipv4).is_err(), "datagrams have their own");
        kept.pop();
        ensure!(create_udp_socket(IpAddressFamily::Ipv4).is_ok(), "the place is not free again");
        Ok(())
    })
}
