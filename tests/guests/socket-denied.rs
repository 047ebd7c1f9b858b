//! Tries what `-e tries=WHAT` says with the address or name of `-e with`, and expects that the host
//! does not allow it. With `-e allowed=yes` it expects the contrary.

use std::io;
use std::net::SocketAddr;

use swell::net::{TcpStream, UdpSocket, lookup};
use swell::prelude::*;
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

#[scenario]
fn denied() -> Result<()> {
    let with = context::variable("with").unwrap_or_default();
    let is_allowed = context::variable("allowed").is_some();
    transaction("tries", || match tries(&with) {
        Ok(()) if is_allowed => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !is_allowed => Ok(()),
        Ok(()) => bail!("it was allowed"),
        Err(error) => bail!("{:?}: {error}", error.kind()),
    })
}

fn tries(with: &str) -> io::Result<()> {
    match context::variable("tries").as_deref() {
        Some("connect") => TcpStream::connect(with).map(drop),
        Some("look up") => lookup(with).map(drop),
        Some("send") => UdpSocket::bind("0.0.0.0:0")?.send_to(b"x", with).map(drop),
        Some("connect datagrams") => UdpSocket::bind("0.0.0.0:0")?.connect(with),
        Some("bind datagrams") => UdpSocket::bind(with).map(drop),
        Some("bind") => raw(IpAddressFamily::Ipv4, |socket| {
            socket.start_bind(&instance_network(), address(with))
        }),
        Some("listen") => raw(IpAddressFamily::Ipv4, |socket| socket.start_listen()),
        Some("connect mapped") => raw(IpAddressFamily::Ipv6, |socket| {
            socket.start_connect(&instance_network(), address(with))
        }),
        other => Err(io::Error::other(format!("-e tries={other:?}"))),
    }
}

fn raw(
    family: IpAddressFamily,
    act: impl FnOnce(&wasip2::sockets::tcp::TcpSocket) -> Result<(), ErrorCode>,
) -> io::Result<()> {
    let told = |code| match code {
        ErrorCode::AccessDenied => io::ErrorKind::PermissionDenied.into(),
        other => io::Error::other(format!("{other:?}")),
    };
    let socket = create_tcp_socket(family).map_err(told)?;
    act(&socket).map_err(told)
}

fn address(text: &str) -> IpSocketAddress {
    match text.parse().expect("-e with is an address") {
        SocketAddr::V4(to) => {
            let [a, b, c, d] = to.ip().octets();
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port: to.port(), address: (a, b, c, d) })
        }
        SocketAddr::V6(to) => {
            let [a, b, c, d, e, f, g, h] = to.ip().segments();
            IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port: to.port(),
                flow_info: 0,
                address: (a, b, c, d, e, f, g, h),
                scope_id: 0,
            })
        }
    }
}
