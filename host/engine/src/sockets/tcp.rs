//! A TCP socket until it is connected.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use swell_client::{SocketFailure, SocketSlot};
use swell_core::record::SocketEvent;
use tokio::net::{TcpSocket as Unconnected, TcpStream};
use wasmtime_wasi::p2::Pollable;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use super::UserSockets;
use super::connection::SocketConnection;
use crate::thread_bound::ThreadBound;

/// A TCP socket of a guest.
pub(crate) struct TcpSocket {
    state: TcpState,
    is_ipv4: bool,
    sockets: Rc<UserSockets>,
    _slot: SocketSlot,
}

type Connecting = Pin<Box<dyn Future<Output = Result<TcpStream, SocketFailure>>>>;

enum TcpState {
    /// Nothing was done with it.
    Fresh(Unconnected),
    /// It is being connected to this address.
    Connecting(SocketAddr, Connecting),
    /// It is connected, or not, and the guest has not been told.
    Settled(Result<Rc<SocketConnection>, ErrorCode>),
    /// It is connected.
    Connected(Rc<SocketConnection>),
    /// There was no connection.
    Closed(ErrorCode),
}

impl TcpSocket {
    /// A socket that is not connected.
    ///
    /// # Errors
    /// The user has too many, or this machine gives none.
    pub(crate) fn new(sockets: &Rc<UserSockets>, is_ipv4: bool) -> Result<Self, ErrorCode> {
        let (socket, slot) = sockets
            .network
            .open_tcp(is_ipv4)
            .map_err(|error| sockets.failed("a socket", &error))?;
        let sockets = Rc::clone(sockets);
        Ok(Self { state: TcpState::Fresh(socket), is_ipv4, sockets, _slot: slot })
    }

    /// Whether it is one of IPv4, and else of IPv6.
    pub(crate) const fn is_ipv4(&self) -> bool {
        self.is_ipv4
    }

    /// Begins to connect it.
    ///
    /// # Errors
    /// It is not allowed, or no address of its kind, or the socket has begun before.
    pub(crate) fn start_connect(&mut self, to: SocketAddr) -> Result<(), ErrorCode> {
        let busy = match &self.state {
            TcpState::Fresh(_) => None,
            TcpState::Connecting(..) | TcpState::Settled(_) => Some(ErrorCode::ConcurrencyConflict),
            TcpState::Connected(_) | TcpState::Closed(_) => Some(ErrorCode::InvalidState),
        };
        if let Some(busy) = busy {
            return Err(busy);
        }
        let sockets = &self.sockets;
        let denied = |error: SocketFailure| sockets.failed("a connection", &error);
        sockets.network.may_reach(to).map_err(denied)?;
        if !is_remote(to, self.is_ipv4) || to.ip().is_multicast() {
            return Err(ErrorCode::InvalidArgument);
        }
        let fresh = std::mem::replace(&mut self.state, TcpState::Closed(ErrorCode::InvalidState));
        if let TcpState::Fresh(socket) = fresh {
            let connecting = sockets.network.connect(socket, to).map_err(denied)?;
            self.state = TcpState::Connecting(to, Box::pin(connecting));
        }
        Ok(())
    }

    /// Goes on connecting, as long as the guest is to wait.
    fn poll_settled(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let TcpState::Connecting(to, connecting) = &mut self.state else { return Poll::Ready(()) };
        let (to, polled) = (*to, connecting.as_mut().poll(context));
        self.sockets.patient(polled, context).map(|connected| self.settle(to, connected))
    }

    /// Takes in what came of connecting; nothing, if it was given up.
    fn settle(&mut self, to: SocketAddr, connected: Option<Result<TcpStream, SocketFailure>>) {
        let sockets = &self.sockets;
        self.state = TcpState::Settled(match connected {
            Some(Ok(stream)) => {
                sockets.count(SocketEvent::Opened);
                sockets.tell(|| Ok(format!("connected to {to}")));
                Ok(SocketConnection::new(stream, sockets))
            }
            Some(Err(error)) => Err(sockets.failed("a connection", &error)),
            None => Err(ErrorCode::ConnectionAborted),
        });
    }

    /// The connection, once it is open; it is given once.
    ///
    /// # Errors
    /// It is not open yet, or there is none.
    pub(crate) fn finish_connect(&mut self) -> Result<Rc<SocketConnection>, ErrorCode> {
        if let TcpState::Connecting(to, connecting) = &mut self.state {
            let to = *to;
            match connecting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(connected) => self.settle(to, Some(connected)),
                Poll::Pending if self.sockets.has_given_up() => self.settle(to, None),
                Poll::Pending => return Err(ErrorCode::WouldBlock),
            }
        }
        match std::mem::replace(&mut self.state, TcpState::Closed(ErrorCode::InvalidState)) {
            TcpState::Settled(Ok(connection)) => {
                self.state = TcpState::Connected(Rc::clone(&connection));
                Ok(connection)
            }
            TcpState::Settled(Err(code)) => {
                self.state = TcpState::Closed(code);
                Err(code)
            }
            other => {
                self.state = other;
                Err(ErrorCode::NotInProgress)
            }
        }
    }

    /// The connection, if it is open and the guest knows it.
    ///
    /// # Errors
    /// It is not.
    pub(crate) fn connection(&self) -> Result<&Rc<SocketConnection>, ErrorCode> {
        match &self.state {
            TcpState::Connected(connection) => Ok(connection),
            TcpState::Closed(code) => Err(*code),
            _ => Err(ErrorCode::InvalidState),
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
            TcpState::Fresh(socket) => act(socket.as_fd()),
            _ => self.connection()?.with(|stream| act(stream.as_fd())),
        }
        .map_err(ErrorCode::from)
    }
}

/// Whether something can be sent to this address by a socket of this IP version: WASI has no IPv4
/// addresses within IPv6 there.
pub(super) fn is_remote(to: SocketAddr, is_ipv4: bool) -> bool {
    let is_of_version = match to {
        SocketAddr::V4(_) => is_ipv4,
        SocketAddr::V6(to) => !is_ipv4 && to.ip().to_ipv4_mapped().is_none(),
    };
    is_of_version && to.port() != 0 && !to.ip().is_unspecified()
}

/// A socket in a guest's table.
pub(crate) struct TcpHandle(pub(crate) ThreadBound<TcpSocket>);

#[wasmtime_wasi::async_trait]
impl Pollable for TcpHandle {
    async fn ready(&mut self) {
        poll_fn(|context| self.0.poll_settled(context)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_one_ip_version_and_is_somebody_s() {
        let is = |to: &str, is_ipv4| is_remote(to.parse().expect("an address"), is_ipv4);
        assert!(is("10.0.0.7:1", true) && is("[2001:db8::7]:1", false));
        assert!(!is("10.0.0.7:1", false) && !is("[2001:db8::7]:1", true));
        for nobody in ["10.0.0.7:0", "0.0.0.0:1", "[::]:1", "[::ffff:10.0.0.7]:1"] {
            assert!(!is(nobody, true) && !is(nobody, false), "{nobody}");
        }
    }
}
