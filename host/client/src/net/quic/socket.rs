//! The UDP socket of one connection, and what the kernel says of it beside datagrams.
//!
//! The socket is connected, so the kernel tells it when nobody has the port that it sends to, or
//! when a rule of this machine forbids to send. QUIC itself takes no notice of that, and would wait
//! for its timeouts; who opened the connection wants to know at once, as over TCP.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use quinn::udp::{RecvMeta, Transmit, UdpSocketState};
use quinn::{AsyncUdpSocket, UdpPoller};
use tokio::io::Interest;
use tokio::sync::Notify;

/// What was heard on a socket, shared with whoever opened it.
#[derive(Debug, Default)]
pub(crate) struct SocketNews {
    /// Whether any datagram came.
    heard: AtomicBool,
    /// Why nothing more can be sent or will come.
    lost: OnceLock<io::Error>,
    changed: Notify,
}

/// See the module's documentation.
pub(super) struct WatchedSocket {
    io: tokio::net::UdpSocket,
    state: UdpSocketState,
    news: Arc<SocketNews>,
}

/// Wakes the one task that sends on a socket.
#[derive(Debug)]
struct Writable(Arc<WatchedSocket>);

impl SocketNews {
    pub(crate) fn has_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    /// Why nothing more will come, if that is known.
    pub(crate) fn error(&self) -> Option<&io::Error> {
        self.lost.get()
    }

    /// Waits until nothing more will come, and says why.
    pub(crate) async fn lost(&self) -> io::Error {
        loop {
            let changed = self.changed.notified();
            if let Some(error) = self.lost.get() {
                return error
                    .raw_os_error()
                    .map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
            }
            changed.await;
        }
    }

    /// Takes in what the kernel said. Most of it passes: a route that is missing for a moment is a
    /// datagram lost, and one that is larger than the way allows finds out how large it may be.
    fn take(&self, error: io::Error) {
        let is_final = matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused | io::ErrorKind::PermissionDenied
        );
        if is_final && self.lost.set(error).is_ok() {
            self.changed.notify_waiters();
        }
    }
}

impl WatchedSocket {
    pub(super) fn new(socket: UdpSocket, news: Arc<SocketNews>) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        Ok(Self { io: tokio::net::UdpSocket::from_std(socket)?, state, news })
    }
}

impl fmt::Debug for WatchedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WatchedSocket")
    }
}

impl AsyncUdpSocket for WatchedSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Writable(self))
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let send = || self.state.try_send((&self.io).into(), transmit);
        match self.io.try_io(Interest::WRITABLE, send) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                self.news.take(error);
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        // The kernel keeps one error at a time, so a second one at once is none that passes.
        let mut is_second = false;
        loop {
            ready!(self.io.poll_recv_ready(cx))?;
            let receive = || self.state.recv((&self.io).into(), bufs, meta);
            match self.io.try_io(Interest::READABLE, receive) {
                Ok(count) => {
                    if !self.news.has_heard() {
                        self.news.heard.store(true, Ordering::Relaxed);
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if is_second => return Poll::Ready(Err(error)),
                Err(error) => {
                    is_second = true;
                    self.news.take(error);
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.state.gro_segments()
    }

    fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }
}

impl UdpPoller for Writable {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.io.poll_send_ready(cx)
    }
}
