//! From an origin to a stream that can carry HTTP.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::ClientConfig;
use swell_core::exchange::ErrorClass;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::Client;
use crate::endpoint::Origin;
use crate::error::{Error, OptionsError};

/// A future of what is done rarely, on the heap and behind a pointer.
///
/// A future awaited by value widens its caller's frame by all that it may ever hold, and the stack of a virtual user stays in memory as deep as it has ever
/// been: a lookup and two handshakes in the frames of every request cost 20 KB a user. What makes one is not inlined, so that its own frame is gone when it is polled.
pub(crate) type Rare<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// An open connection, with or without TLS.
pub(crate) enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

/// Opens a TCP connection to one of the origin's addresses: the next one in turn, or whichever answers after it.
pub(crate) async fn open(client: &Client, origin: &Origin) -> Result<TcpStream, Error> {
    let mut failed = None;
    for to in client.resolver.addresses(&origin.host, origin.port, &origin.addresses).await? {
        match open_address(client, to).await {
            Ok(stream) => return Ok(stream),
            // What is missing here is missing for every address.
            Err(error) if error.class.is_ours() => return Err(error),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.expect("a resolved name has at least one address"))
}

async fn open_address(client: &Client, to: SocketAddr) -> Result<TcpStream, Error> {
    let socket = socket(to).map_err(|e| Error::connect(&e, to))?;
    if !client.options.sources.is_empty() {
        let from = client.next_source(to).ok_or_else(|| {
            Error::new(ErrorClass::Connect, format!("none of the source addresses can reach {to}, which is of the other IP version"))
        })?;
        socket.bind(SocketAddr::new(from, 0)).map_err(|e| Error::bind(&e, from))?;
    }
    let stream = socket.connect(to).await.map_err(|e| Error::connect(&e, to))?;
    // A request that waits for the acknowledgement of the last one is not what is measured.
    stream.set_nodelay(true).map_err(|e| Error::connect(&e, to))?;
    Ok(stream)
}

fn socket(to: SocketAddr) -> io::Result<TcpSocket> {
    if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}

/// Shakes hands. Whether HTTP/2 was agreed on stands in the stream's session.
#[inline(never)]
pub(crate) fn secure(config: Arc<ClientConfig>, origin: &Origin, stream: TcpStream) -> Rare<'_, Result<Box<TlsStream<TcpStream>>, Error>> {
    let handshake = TlsConnector::from(config).connect(origin.name.clone(), stream);
    Box::pin(async move { handshake.await.map(Box::new).map_err(|e| Error::handshake(&e, &origin.host.to_string())) })
}

/// Checks that an address is one of this machine, so that a later failure to bind it can only mean that its ports are used up.
pub(crate) fn check_source(address: IpAddr) -> Result<(), OptionsError> {
    let bind = || {
        let domain = if address.is_ipv4() { socket2::Domain::IPV4 } else { socket2::Domain::IPV6 };
        socket2::Socket::new(domain, socket2::Type::STREAM, None)?.bind(&SocketAddr::new(address, 0).into())
    };
    bind().map_err(|source| OptionsError::Source { address, source })
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Secure(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Secure(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Secure(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Secure(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Secure(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
