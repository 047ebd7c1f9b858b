//! Peers of sockets: what speaks no HTTP, each in a manner of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use socket2::SockRef;

/// How a peer treats those who come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerManner {
    /// It says again what it hears.
    Echoes,
    /// It keeps each connection, reads nothing and says nothing.
    IsSilent,
    /// It says "bye", ends its direction, and hears the other out.
    SaysByeAndListens,
    /// It says some words of its answer, and resets the connection.
    ResetsMidway,
}

/// A peer that listens on loopback until the test ends.
#[derive(Debug)]
pub struct Peer {
    addr: SocketAddr,
    seen: Arc<PeerSeen>,
}

/// What a peer has seen.
#[derive(Debug, Default)]
struct PeerSeen {
    connections: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    closed: AtomicU64,
}

impl Peer {
    /// Starts one over TCP.
    ///
    /// # Panics
    /// Loopback has no free port.
    pub fn start(manner: PeerManner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let addr = listener.local_addr().expect("it is bound");
        let seen = Arc::new(PeerSeen::default());
        let sees = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                sees.connections.fetch_add(1, Ordering::SeqCst);
                let sees = Arc::clone(&sees);
                std::thread::spawn(move || {
                    // However it ends, the connection is over.
                    let _ = serve(stream, manner, &sees);
                    sees.closed.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self { addr, seen }
    }

    /// Starts one that sends each datagram back.
    ///
    /// # Panics
    /// Loopback has no free port.
    pub fn of_datagrams() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
        let addr = socket.local_addr().expect("it is bound");
        let seen = Arc::new(PeerSeen::default());
        let sees = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 65_535];
            while let Ok((count, from)) = socket.recv_from(&mut buffer) {
                sees.received.fetch_add(count as u64, Ordering::SeqCst);
                // Who has gone hears nothing.
                let _ = socket.send_to(&buffer[..count], from);
            }
        });
        Self { addr, seen }
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connections that came.
    pub fn connections(&self) -> u64 {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Connections that are over.
    pub fn closed(&self) -> u64 {
        self.seen.closed.load(Ordering::SeqCst)
    }

    /// Bytes that it has heard.
    pub fn received(&self) -> u64 {
        self.seen.received.load(Ordering::SeqCst)
    }

    /// Bytes that it has said.
    pub fn sent(&self) -> u64 {
        self.seen.sent.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, manner: PeerManner, seen: &PeerSeen) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 16 << 10];
    match manner {
        PeerManner::Echoes => loop {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            seen.received.fetch_add(count as u64, Ordering::SeqCst);
            stream.write_all(&buffer[..count])?;
            seen.sent.fetch_add(count as u64, Ordering::SeqCst);
        },
        PeerManner::IsSilent => {
            // It learns of the end without reading: nothing may be taken from the buffers.
            let mut byte = [0];
            while stream.peek(&mut byte)? > 0 {
                std::thread::park_timeout(std::time::Duration::from_millis(20));
            }
            Ok(())
        }
        PeerManner::SaysByeAndListens => {
            stream.write_all(b"bye")?;
            stream.shutdown(std::net::Shutdown::Write)?;
            let heard = stream.read_to_end(&mut Vec::new())?;
            seen.received.fetch_add(heard as u64, Ordering::SeqCst);
            Ok(())
        }
        PeerManner::ResetsMidway => {
            // Not before the other side has its connection, and has said something.
            if stream.read(&mut buffer)? == 0 {
                return Ok(());
            }
            stream.write_all(b"once upon")?;
            SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO))
        }
    }
}
