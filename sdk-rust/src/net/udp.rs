//! Datagrams.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::udp::{
    IncomingDatagram, IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream,
    UdpSocket as Socket,
};
use wasip2::sockets::udp_create_socket::create_udp_socket;

use super::address::{
    ToSocketAddrs, checked, error, family, socket_from_wasi, timed_out, to_wasi, wait,
};

/// A socket for datagrams. It sends from a port that the system chooses.
pub struct UdpSocket {
    // In this order: what comes of a socket is dropped before it.
    directions: RefCell<Option<(IncomingDatagramStream, OutgoingDatagramStream)>>,
    socket: Socket,
    /// What was received with other datagrams and not asked for yet.
    received: RefCell<VecDeque<IncomingDatagram>>,
    read_timeout: Cell<Option<Duration>>,
}

/// How many datagrams are taken from the host at once.
const AT_ONCE: u64 = 16;

impl UdpSocket {
    /// A socket that sends from this address; its port has to be 0, as in `"0.0.0.0:0"`.
    ///
    /// # Errors
    /// It has another port, or the host has no socket.
    pub fn bind(local: impl ToSocketAddrs) -> io::Result<Self> {
        let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let local = *local.to_socket_addrs()?.first().ok_or_else(none)?;
        let failed = |code| error(code, local);
        let socket = create_udp_socket(family(local)).map_err(failed)?;
        socket.start_bind(&instance_network(), to_wasi(local)).map_err(failed)?;
        socket.finish_bind().map_err(failed)?;
        let directions = socket.stream(None).map_err(failed)?;
        Ok(Self {
            directions: RefCell::new(Some(directions)),
            socket,
            received: RefCell::default(),
            read_timeout: Cell::new(None),
        })
    }

    /// From now on it sends to this address and receives from it alone.
    ///
    /// # Errors
    /// The plan does not allow it, or the name is not known.
    pub fn connect(&self, to: impl ToSocketAddrs) -> io::Result<()> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in to.to_socket_addrs()? {
            // The host gives new directions only when the old ones are gone.
            self.directions.take();
            match self.socket.stream(Some(to_wasi(address))) {
                Ok(directions) => {
                    self.received.borrow_mut().clear();
                    self.directions.replace(Some(directions));
                    return Ok(());
                }
                Err(code) => last = error(code, address),
            }
        }
        let unconnected = self.socket.stream(None).map_err(|code| error(code, "the socket"))?;
        self.directions.replace(Some(unconnected));
        Err(last)
    }

    /// How long a receive may wait; without a timeout as long as it takes.
    ///
    /// # Errors
    /// The time is zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.read_timeout.set(checked(timeout)?);
        Ok(())
    }

    /// Its own address.
    ///
    /// # Errors
    /// The host does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_address().map(socket_from_wasi).map_err(|code| error(code, "the socket"))
    }

    /// Sends a datagram to the address that it is connected to.
    ///
    /// # Errors
    /// It is not connected, or the datagram could not be sent.
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.send_one(bytes, None)
    }

    /// Sends a datagram to an address.
    ///
    /// # Errors
    /// The plan does not allow it, or it could not be sent.
    pub fn send_to(&self, bytes: &[u8], to: impl ToSocketAddrs) -> io::Result<usize> {
        let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let to = *to.to_socket_addrs()?.first().ok_or_else(none)?;
        self.send_one(bytes, Some(to))
    }

    fn send_one(&self, bytes: &[u8], to: Option<SocketAddr>) -> io::Result<usize> {
        let directions = self.directions.borrow();
        let (_, outgoing) = directions.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let datagram = [OutgoingDatagram { data: bytes.to_vec(), remote_address: to.map(to_wasi) }];
        let failed = |code| error(code, "a datagram");
        loop {
            if outgoing.check_send().map_err(failed)? > 0
                && outgoing.send(&datagram).map_err(failed)? > 0
            {
                return Ok(bytes.len());
            }
            outgoing.subscribe().block();
        }
    }

    /// Receives a datagram; what does not fit is lost, as everywhere.
    ///
    /// # Errors
    /// None came in time, or one that was sent did not arrive.
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv_from(buffer).map(|(count, _)| count)
    }

    /// Receives a datagram, and says who sent it.
    ///
    /// # Errors
    /// As [`UdpSocket::recv`].
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let datagram = self.next()?;
        let count = datagram.data.len().min(buffer.len());
        buffer[..count].copy_from_slice(&datagram.data[..count]);
        Ok((count, socket_from_wasi(datagram.remote_address)))
    }

    fn next(&self) -> io::Result<IncomingDatagram> {
        let mut received = self.received.borrow_mut();
        let directions = self.directions.borrow();
        let (incoming, _) = directions.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        loop {
            if let Some(datagram) = received.pop_front() {
                return Ok(datagram);
            }
            let arrived = incoming.receive(AT_ONCE);
            received.extend(arrived.map_err(|code| error(code, "a datagram"))?);
            if received.is_empty() && !wait(&incoming.subscribe(), self.read_timeout.get()) {
                return Err(timed_out("a datagram"));
            }
        }
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket").field("local", &self.local_addr().ok()).finish()
    }
}
