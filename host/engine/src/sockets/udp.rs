//! A socket for datagrams, and its two directions. Each datagram is judged by itself: whom it goes
//! to, and whom it comes from.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, UdpSocket as Plain};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::rc::Rc;

use socket2::SockRef;
use swell_client::{SocketFailure, SocketSlot};
use swell_core::record::SocketEvent;
use tokio::net::UdpSocket as Bound;
use wasmtime_wasi::p2::Pollable;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use super::UserSockets;
use super::tcp::is_remote;
use crate::thread_bound::ThreadBound;

/// The most datagrams that are sent or received by one call.
pub(crate) const MAX_DATAGRAMS: usize = 16;

/// The most bytes that a datagram has.
pub(crate) const MAX_DATAGRAM: usize = u16::MAX as usize;

thread_local! {
    /// Where datagrams are received, whose length nobody knows before. No call keeps it.
    static RECEIVED: RefCell<Vec<u8>> = RefCell::new(vec![0; MAX_DATAGRAM]);
}

/// A UDP socket of a guest.
pub(crate) struct UdpSocket {
    state: UdpState,
    is_ipv4: bool,
    sockets: Rc<UserSockets>,
    /// Whether it was bound and the guest has not asked for the result.
    pub(crate) is_binding: bool,
    _slot: SocketSlot,
}

enum UdpState {
    Unbound(socket2::Socket),
    Bound(Rc<BoundUdp>),
    /// It could not be bound.
    Lost,
}

/// What the directions of a socket share.
pub(crate) struct BoundUdp {
    socket: Bound,
    is_ipv4: bool,
    sockets: Rc<UserSockets>,
    /// The only address that it sends to and receives from, if there is one.
    remote: Cell<Option<SocketAddr>>,
}

impl UdpSocket {
    /// A socket that is not bound.
    ///
    /// # Errors
    /// The user has too many, or this machine gives none.
    pub(crate) fn new(sockets: &Rc<UserSockets>, is_ipv4: bool) -> Result<Self, ErrorCode> {
        let (socket, slot) = sockets
            .network
            .open_udp(is_ipv4)
            .map_err(|error| sockets.failed("a socket", &error))?;
        let sockets = Rc::clone(sockets);
        let state = UdpState::Unbound(socket);
        Ok(Self { state, is_ipv4, sockets, is_binding: false, _slot: slot })
    }

    /// Whether it is one of IPv4, and else of IPv6.
    pub(crate) const fn is_ipv4(&self) -> bool {
        self.is_ipv4
    }

    /// Binds it, so that it may send.
    ///
    /// # Errors
    /// It is bound already, or its user may not send from there.
    pub(crate) fn bind(&mut self, local: SocketAddr) -> Result<(), ErrorCode> {
        let UdpState::Unbound(socket) = &self.state else { return Err(ErrorCode::InvalidState) };
        let sockets = &self.sockets;
        let failed = |error: SocketFailure| sockets.failed("a socket", &error);
        sockets.network.may_send_from(local).map_err(failed)?;
        if local.is_ipv4() != self.is_ipv4 {
            return Err(ErrorCode::InvalidArgument);
        }
        sockets.network.bind_udp(socket, local).map_err(failed)?;
        let unbound = std::mem::replace(&mut self.state, UdpState::Lost);
        if let UdpState::Unbound(socket) = unbound {
            let socket = Bound::from_std(Plain::from(socket)).map_err(ErrorCode::from)?;
            let (is_ipv4, sockets) = (self.is_ipv4, Rc::clone(sockets));
            let datagrams = BoundUdp { socket, is_ipv4, sockets, remote: Cell::new(None) };
            self.state = UdpState::Bound(Rc::new(datagrams));
            self.is_binding = true;
        }
        Ok(())
    }

    /// What its directions share, once it is bound.
    ///
    /// # Errors
    /// It is not.
    pub(crate) fn datagrams(&self) -> Result<&Rc<BoundUdp>, ErrorCode> {
        match &self.state {
            UdpState::Bound(datagrams) => Ok(datagrams),
            UdpState::Unbound(_) | UdpState::Lost => Err(ErrorCode::InvalidState),
        }
    }

    /// Asks something of the socket, or sets something.
    ///
    /// # Errors
    /// The kernel says no, or there is no socket any more.
    pub(crate) fn with<T>(
        &self,
        act: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>,
    ) -> Result<T, ErrorCode> {
        match &self.state {
            UdpState::Unbound(socket) => act(socket.as_fd()),
            UdpState::Bound(datagrams) => act(datagrams.socket.as_fd()),
            UdpState::Lost => return Err(ErrorCode::InvalidState),
        }
        .map_err(ErrorCode::from)
    }
}

impl BoundUdp {
    /// From now on it sends to one address alone, and receives from it alone; or with `None` to and
    /// from all that are allowed.
    ///
    /// # Errors
    /// The address is not allowed, or none of its kind.
    pub(crate) fn connect(&self, remote: Option<SocketAddr>) -> Result<(), ErrorCode> {
        match remote {
            Some(remote) => {
                self.may_send_to(remote)?;
                SockRef::from(&self.socket).connect(&remote.into()).map_err(ErrorCode::from)?;
            }
            None if self.remote.get().is_some() => {
                rustix::net::connect_unspec(&self.socket).map_err(io::Error::from)?;
            }
            None => {}
        }
        self.remote.set(remote);
        Ok(())
    }

    /// The address that it is connected to.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        self.remote.get()
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    /// The kernel does not say.
    pub(crate) fn local_address(&self) -> Result<SocketAddr, ErrorCode> {
        self.socket.local_addr().map_err(ErrorCode::from)
    }

    fn may_send_to(&self, to: SocketAddr) -> Result<(), ErrorCode> {
        let denied = |error: SocketFailure| self.sockets.failed("a datagram", &error);
        self.sockets.network.may_reach(to).map_err(denied)?;
        if is_remote(to, self.is_ipv4) { Ok(()) } else { Err(ErrorCode::InvalidArgument) }
    }

    /// Waits until the kernel may take a datagram.
    ///
    /// # Errors
    /// The socket is broken.
    pub(crate) async fn sendable(&self) -> Result<(), ErrorCode> {
        self.socket.writable().await.map_err(ErrorCode::from)
    }

    /// Sends a datagram, to the address that it is connected to if none is given.
    ///
    /// # Errors
    /// It is not allowed, too large or has no address; or the kernel takes none now.
    fn send(&self, bytes: &[u8], to: Option<SocketAddr>) -> Result<(), ErrorCode> {
        let to = match (to, self.remote.get()) {
            (Some(to), Some(remote)) if to != remote => return Err(ErrorCode::InvalidArgument),
            (Some(to), None) => {
                self.may_send_to(to)?;
                Some(to)
            }
            (_, Some(_)) => None,
            (None, None) => return Err(ErrorCode::InvalidArgument),
        };
        let sent = match to {
            Some(to) => self.socket.try_send_to(bytes, to),
            None => self.socket.try_send(bytes),
        };
        match sent {
            Ok(count) => {
                self.sockets.count(SocketEvent::DatagramSent(count));
                Ok(())
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Receives a datagram that somebody sent who is allowed.
    ///
    /// # Errors
    /// There is none yet; or the kernel tells of one that was sent and did not arrive.
    fn receive(&self) -> Result<(Vec<u8>, SocketAddr), ErrorCode> {
        RECEIVED.with_borrow_mut(|buffer| {
            loop {
                let received = self.socket.try_recv_from(buffer);
                let (count, from) = received.map_err(|error| self.failed(error))?;
                // The kernel looks at the sender when a datagram arrives, which may have been
                // before this socket was connected.
                let is_awaited = self.remote.get().is_none_or(|remote| remote == from);
                if is_awaited && self.sockets.network.may_reach(from).is_ok() {
                    self.sockets.count(SocketEvent::DatagramReceived(count));
                    return Ok((buffer[..count].to_vec(), from));
                }
            }
        })
    }

    /// What the guest is told of an error of the kernel's, which is counted unless it says to try
    /// again.
    fn failed(&self, error: io::Error) -> ErrorCode {
        if error.kind() == io::ErrorKind::WouldBlock {
            return ErrorCode::WouldBlock;
        }
        self.sockets.failed("a datagram", &SocketFailure::of_stream(error))
    }

    /// Waits for something of the socket, as long as the guest is to wait.
    async fn patiently(&self, interest: tokio::io::Interest) {
        poll_fn(|context| {
            let polled = if interest.is_readable() {
                self.socket.poll_recv_ready(context)
            } else {
                self.socket.poll_send_ready(context)
            };
            // An error shows in the call that follows.
            self.sockets.patient(polled.map(drop), context).map(drop)
        })
        .await;
    }

    /// What is told where there is nothing to do now.
    fn nothing_yet(&self) -> Result<(), ErrorCode> {
        if self.sockets.has_given_up() { Err(ErrorCode::ConnectionAborted) } else { Ok(()) }
    }
}

/// A socket in a guest's table.
pub(crate) struct UdpHandle(pub(crate) ThreadBound<UdpSocket>);

#[wasmtime_wasi::async_trait]
impl Pollable for UdpHandle {
    async fn ready(&mut self) {}
}

/// What a guest receives by.
pub(crate) struct IncomingDatagrams(ThreadBound<Rc<BoundUdp>>);

impl IncomingDatagrams {
    pub(crate) fn new(datagrams: &Rc<BoundUdp>) -> Self {
        Self(ThreadBound::new(Rc::clone(datagrams)))
    }

    /// What has arrived: at most so many datagrams.
    ///
    /// # Errors
    /// A datagram that was sent did not arrive, or the run is over and nothing came.
    pub(crate) fn receive(&self, most: usize) -> Result<Vec<(Vec<u8>, SocketAddr)>, ErrorCode> {
        let mut received = Vec::new();
        let mut bytes = 0;
        while received.len() < most.min(MAX_DATAGRAMS) && bytes < MAX_DATAGRAM {
            match self.0.receive() {
                Ok(datagram) => {
                    bytes += datagram.0.len();
                    received.push(datagram);
                }
                Err(ErrorCode::WouldBlock) if received.is_empty() => {
                    self.0.nothing_yet()?;
                    break;
                }
                Err(code) if received.is_empty() => return Err(code),
                Err(_) => break,
            }
        }
        Ok(received)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for IncomingDatagrams {
    async fn ready(&mut self) {
        ThreadBound::new(self.0.patiently(tokio::io::Interest::READABLE)).await;
    }
}

/// What a guest sends by.
pub(crate) struct OutgoingDatagrams {
    datagrams: ThreadBound<Rc<BoundUdp>>,
    /// How many datagrams the guest was told that it may send.
    allowed: usize,
}

impl OutgoingDatagrams {
    pub(crate) fn new(datagrams: &Rc<BoundUdp>) -> Self {
        Self { datagrams: ThreadBound::new(Rc::clone(datagrams)), allowed: 0 }
    }

    /// How many datagrams may be sent now.
    pub(crate) fn check(&mut self) -> usize {
        self.allowed = MAX_DATAGRAMS;
        self.allowed
    }

    /// Whether so many datagrams may be sent, which is asked once.
    pub(crate) fn allows(&mut self, count: usize) -> bool {
        count <= std::mem::take(&mut self.allowed)
    }

    /// Sends datagrams and returns how many the kernel has taken.
    ///
    /// # Errors
    /// The first could not be sent.
    pub(crate) fn send(
        &self,
        datagrams: impl IntoIterator<Item = (Vec<u8>, Option<SocketAddr>)>,
    ) -> Result<usize, ErrorCode> {
        let mut sent = 0;
        for (bytes, to) in datagrams {
            match self.datagrams.send(&bytes, to) {
                Ok(()) => sent += 1,
                Err(ErrorCode::WouldBlock) if sent == 0 => {
                    self.datagrams.nothing_yet()?;
                    break;
                }
                Err(code) if sent == 0 => return Err(code),
                Err(_) => break,
            }
        }
        Ok(sent)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for OutgoingDatagrams {
    async fn ready(&mut self) {
        ThreadBound::new(self.datagrams.patiently(tokio::io::Interest::WRITABLE)).await;
    }
}
