//! The connection under hyper, where an answer can be spoilt in ways that hyper itself would never
//! produce.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// What goes over the wire in place of an answer: neither HTTP/1.1 nor an HTTP/2 frame.
const GARBAGE: &[u8] = b"\x00\x01\x02 this is not a status line\r\n\x7f\xff\xfe\r\n\r\n";

/// What is to become of a connection; the answers hold one to decide.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate(Arc<AtomicU8>);

impl Fate {
    // 0, the default, leaves the connection whole.
    const GARBAGE: u8 = 1;
    const GARBAGE_SENT: u8 = 2;
    const RESET: u8 = 3;

    /// Whatever is written from now on is replaced, once, by garbage.
    pub(crate) fn spoil(&self) {
        self.set(Self::GARBAGE);
    }

    /// The connection is reset, not closed, when it ends.
    pub(crate) fn reset(&self) {
        self.set(Self::RESET);
    }

    fn set(&self, fate: u8) {
        self.0.store(fate, Ordering::Relaxed);
    }

    fn now(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection that can be reset.
pub(crate) trait ResettableSocket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    fn tcp(&self) -> &TcpStream;
}

impl ResettableSocket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl ResettableSocket for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// A connection with its fate.
#[derive(Debug)]
pub(crate) struct Wire<S: ResettableSocket> {
    pub(crate) socket: S,
    pub(crate) fate: Fate,
}

impl<S: ResettableSocket> Wire<S> {
    /// Writes the garbage once and pretends that this many bytes were written.
    fn poll_garbage(&mut self, cx: &mut Context<'_>, pretended: usize) -> Poll<io::Result<usize>> {
        if self.fate.now() == Fate::GARBAGE {
            ready!(Pin::new(&mut self.socket).poll_write(cx, GARBAGE))?;
            self.fate.set(Fate::GARBAGE_SENT);
        }
        Poll::Ready(Ok(pretended))
    }

    fn is_spoilt(&self) -> bool {
        matches!(self.fate.now(), Fate::GARBAGE | Fate::GARBAGE_SENT)
    }
}

impl<S: ResettableSocket> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl<S: ResettableSocket> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_spoilt() {
            return self.poll_garbage(cx, buf.len());
        }
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_spoilt() {
            return self.poll_garbage(cx, bufs.iter().map(|buf| buf.len()).sum());
        }
        Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// A connection that is to be reset says no goodbye first.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fate.now() == Fate::RESET {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl<S: ResettableSocket> Drop for Wire<S> {
    fn drop(&mut self) {
        if self.fate.now() == Fate::RESET {
            // Fails only on a connection that is gone, which needs no reset.
            let _ = self.socket.tcp().set_zero_linger();
        }
    }
}
