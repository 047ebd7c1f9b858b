//! What the kernel knows about a connection, and the runtime does not know yet, or never.
//!
//! A request that must not arrive twice cannot wait for an error to find out that its connection
//! had closed. So the kernel is asked: before the request, whether the end has arrived already;
//! after it, whether the end was sent before the request arrived.

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

use socket2::SockRef;

use crate::net::socket::ClientSocket;
use crate::net::stream::Stream;

impl Stream {
    /// Whether something arrived that was not read: bytes, or the connection's end.
    pub(crate) fn has_news(&self) -> bool {
        let peeked = SockRef::from(self.socket()).peek(&mut [MaybeUninit::uninit()]);
        !peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Bytes that were written and that the other side has not acknowledged, or on this machine not
    /// read; absent where the kernel does not say.
    pub(crate) fn unacknowledged(&self) -> Option<usize> {
        let mut waiting: c_int = 0;
        #[expect(unsafe_code, reason = "no crate of ours asks this of a socket")]
        // SAFETY: the descriptor is open for as long as the stream is borrowed, and the request
        // writes one int to where it is told.
        let outcome = unsafe {
            libc::ioctl(self.socket().as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut waiting)
        };
        if outcome == 0 { usize::try_from(waiting).ok() } else { None }
    }

    fn socket(&self) -> &ClientSocket {
        match self {
            Self::Plain(socket) => socket,
            Self::Secure(tls) => tls.get_ref().0,
        }
    }
}
