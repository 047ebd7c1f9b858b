//! Writes to a peer, `-e peer=HOST:PORT`, that reads nothing, until the host takes no more. The
//! host must hold what it has taken in bounded memory, and say that there is no room.

use swell::prelude::*;
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

#[scenario]
fn floods() -> Result<()> {
    let port = context::variable("port").ok_or("-e port=PORT is missing")?.parse()?;
    transaction("flood", || {
        let told = |code: ErrorCode| Error::from(format!("{code:?}"));
        let socket = create_tcp_socket(IpAddressFamily::Ipv4).map_err(told)?;
        let peer = Ipv4SocketAddress { port, address: (127, 0, 0, 1) };
        socket.start_connect(&instance_network(), IpSocketAddress::Ipv4(peer)).map_err(told)?;
        socket.subscribe().block();
        let (input, output) = socket.finish_connect().map_err(told)?;
        let mut taken = 0;
        loop {
            let room = output.check_write().map_err(|error| Error::from(format!("{error}")))?;
            if room == 0 {
                break;
            }
            output
                .write(&vec![b'x'; room as usize])
                .map_err(|error| Error::from(format!("{error}")))?;
            taken += room;
            ensure!(taken < 64 << 20, "there is no end to what the host takes");
        }
        metrics::trend("taken").add(taken as f64);
        // What is unsent goes with the user, and nobody waits for it.
        std::mem::forget((input, output, socket));
        Ok(())
    })
}
