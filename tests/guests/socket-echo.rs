//! Connects to `-e peer=HOST:PORT` once a user, and has it say again what it sends: over TCP, or
//! with `-e by=datagrams` over UDP. The host must count connections and bytes exactly, and take the
//! waits for waits.

use std::io::{Read, Write};

use swell::net::{TcpStream, UdpSocket};
use swell::prelude::*;

enum Peer {
    Stream(TcpStream),
    Datagrams(UdpSocket),
}

/// What is sent: as many bytes as `-e size` says, or 5.
fn words() -> Result<Vec<u8>> {
    let size = context::variable("size").map_or(Ok(5), |size| size.parse())?;
    Ok(b"ping\n".iter().copied().cycle().take(size).collect())
}

#[scenario(start = connect)]
fn echo(peer: &mut Peer) -> Result<()> {
    transaction("echo", || {
        let sent = words()?;
        let mut said = vec![0; sent.len()];
        match peer {
            Peer::Stream(stream) => {
                stream.write_all(&sent)?;
                stream.read_exact(&mut said)?;
            }
            Peer::Datagrams(socket) => {
                socket.send(&sent)?;
                let received = socket.recv(&mut said)?;
                said.truncate(received);
            }
        }
        ensure!(said == sent, "something else came back");
        Ok(())
    })
}

fn connect() -> Result<Peer> {
    let peer = context::variable("peer").ok_or("-e peer=HOST:PORT is missing")?;
    Ok(match context::variable("by").as_deref() {
        Some("datagrams") => {
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            socket.connect(peer)?;
            Peer::Datagrams(socket)
        }
        _ => Peer::Stream(TcpStream::connect(peer)?),
    })
}
