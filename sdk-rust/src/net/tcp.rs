//! Connections.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use wasip2::io::streams::{InputStream, OutputStream, StreamError};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::ErrorCode;
use wasip2::sockets::tcp::{ShutdownType, TcpSocket};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

use super::address::{
    ToSocketAddrs, checked, error, family, socket_from_wasi, timed_out, to_wasi, wait,
};

/// What the host takes in one call that waits.
const AT_ONCE: usize = 4096;

/// A connection over TCP. Small writes are not delayed to be joined (`TCP_NODELAY`).
///
/// Dropping it closes the connection, once the kernel has taken what was written.
pub struct TcpStream {
    // In this order: what comes of a socket is dropped before it.
    input: InputStream,
    output: OutputStream,
    socket: TcpSocket,
    read_timeout: Cell<Option<Duration>>,
}

impl TcpStream {
    /// Connects to the first address that answers: `"redis.example:6379"`, `("10.0.0.7", 6379)` or
    /// an address.
    ///
    /// # Errors
    /// The plan does not allow it, the name is not known, or no address answers; the error is that
    /// of the last.
    pub fn connect(to: impl ToSocketAddrs) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in to.to_socket_addrs()? {
            match Self::open(address) {
                Ok(stream) => return Ok(stream),
                Err(failed) => last = failed,
            }
        }
        Err(last)
    }

    fn open(to: SocketAddr) -> io::Result<Self> {
        let failed = |code| error(code, to);
        let socket = create_tcp_socket(family(to)).map_err(failed)?;
        socket.start_connect(&instance_network(), to_wasi(to)).map_err(failed)?;
        let (input, output) = loop {
            match socket.finish_connect() {
                Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
                connected => break connected.map_err(failed)?,
            }
        };
        Ok(Self { input, output, socket, read_timeout: Cell::new(None) })
    }

    /// How long a read may wait; without a timeout as long as it takes.
    ///
    /// # Errors
    /// The time is zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.read_timeout.set(checked(timeout)?);
        Ok(())
    }

    /// The other side's address.
    ///
    /// # Errors
    /// The host does not say.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.remote_address().map(socket_from_wasi).map_err(|code| error(code, "the peer"))
    }

    /// Its own address.
    ///
    /// # Errors
    /// The host does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_address().map(socket_from_wasi).map_err(|code| error(code, "the socket"))
    }

    /// Ends one direction, or both: the other side reads the end.
    ///
    /// # Errors
    /// The connection is over already.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => ShutdownType::Receive,
            Shutdown::Write => ShutdownType::Send,
            Shutdown::Both => ShutdownType::Both,
        };
        self.socket.shutdown(how).map_err(|code| error(code, "shutdown"))
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let most = buffer.len() as u64;
        let received = match self.read_timeout.get() {
            None => self.input.blocking_read(most),
            longest => match self.input.read(most) {
                Ok(bytes) if bytes.is_empty() => {
                    if !wait(&self.input.subscribe(), longest) {
                        return Err(timed_out("a read"));
                    }
                    self.input.read(most)
                }
                received => received,
            },
        };
        match received {
            // The stream was ready, and there is nothing: as far as anybody can tell, not yet.
            Ok(bytes) if bytes.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            Ok(bytes) => {
                buffer[..bytes.len()].copy_from_slice(&bytes);
                Ok(bytes.len())
            }
            Err(StreamError::Closed) => Ok(0),
            Err(StreamError::LastOperationFailed(reason)) => Err(broken(&reason.to_debug_string())),
        }
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let sent = if bytes.len() <= AT_ONCE {
            self.output.blocking_write_and_flush(bytes).map(|()| bytes.len())
        } else {
            self.send_much(bytes)
        };
        sent.map_err(|failed| match failed {
            StreamError::Closed => io::ErrorKind::BrokenPipe.into(),
            StreamError::LastOperationFailed(reason) => broken(&reason.to_debug_string()),
        })
    }

    fn send_much(&self, bytes: &[u8]) -> Result<usize, StreamError> {
        loop {
            let room = usize::try_from(self.output.check_write()?).unwrap_or(usize::MAX);
            if room > 0 {
                let some = &bytes[..bytes.len().min(room)];
                return self.output.write(some).map(|()| some.len());
            }
            self.output.subscribe().block();
        }
    }
}

/// A connection that broke, in the host's words.
fn broken(words: &str) -> io::Error {
    let kind = if words.contains("reset") {
        io::ErrorKind::ConnectionReset
    } else if words.contains("closed") {
        io::ErrorKind::BrokenPipe
    } else {
        io::ErrorKind::ConnectionAborted
    };
    io::Error::new(kind, words)
}

impl Read for &TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer)
    }
}

impl Read for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer)
    }
}

impl Write for &TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream").field("peer", &self.peer_addr().ok()).finish()
    }
}
