//! From an origin to a stream that can carry a protocol.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::ClientConfig;
use swell_core::exchange::ErrorClass;
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use crate::error::Error;
use crate::net::faults;
use crate::net::network::WorkerNetwork;
use crate::net::origin::Origin;
use crate::net::proxy::Proxy;
use crate::net::rare::Rare;
use crate::net::resolve::Addresses;
use crate::net::routes::Route;
use crate::net::socket::ClientSocket;

/// How long one address has an attempt to itself, before an attempt at the next begins beside it
/// (RFC 8305, 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Why an address has no connection, the reason that says least first.
#[derive(Debug)]
pub(super) enum Missed {
    /// This machine has no route to the address, as to IPv6 addresses where there is no IPv6.
    NoWay(Error),
    Refused(Error),
    /// Something is missing on this machine, for every address.
    Ours(Error),
}

impl Missed {
    const fn weight(&self) -> u8 {
        match self {
            Self::NoWay(_) => 0,
            Self::Refused(_) => 1,
            Self::Ours(_) => 2,
        }
    }

    pub(super) fn into_error(self) -> Error {
        let (Self::NoWay(error) | Self::Refused(error) | Self::Ours(error)) = self;
        error
    }
}

/// Opens a connection to the origin, whatever stands between.
pub(crate) async fn open(network: &WorkerNetwork, origin: &Origin) -> Result<ClientSocket, Error> {
    match network.routes.route_to(&origin.host, origin.port) {
        Route::Straight(host, port) => {
            open_tcp(network, &host, port, &origin.addresses).await.map(ClientSocket::Tcp)
        }
        Route::Unix(path) => {
            let opened = UnixStream::connect(path).await;
            opened.map(ClientSocket::Unix).map_err(|error| faults::connect_unix(&error, path))
        }
        Route::Through(proxy, host, port) => {
            Box::pin(open_tunnel(network, proxy, host, port, &origin.addresses))
                .await
                .map(ClientSocket::Tcp)
        }
    }
}

/// Opens a connection for requests over plain HTTP/1.1: to the proxy, where one reads them.
pub(crate) async fn open_for_requests(
    network: &WorkerNetwork,
    origin: &Origin,
) -> Result<ClientSocket, Error> {
    match network.routes.proxy_asked_for(&origin.host, origin.port) {
        Some(proxy) => open_proxy(network, proxy).await.map(ClientSocket::Tcp),
        None => open(network, origin).await,
    }
}

/// Finds out where the origin's name leads, if anybody is asked here before it is connected to.
pub(crate) async fn look_up(network: &WorkerNetwork, origin: &Origin) -> Result<(), Error> {
    let (host, port, known) = match network.routes.route_to(&origin.host, origin.port) {
        Route::Straight(host, port) => (host, port, &origin.addresses),
        Route::Through(proxy, ..) => (proxy.host.clone(), proxy.port, &network.of_proxy),
        Route::Unix(_) => return Ok(()),
    };
    network.resolver.addresses(&host, port, known).await.map(drop)
}

async fn open_proxy(network: &WorkerNetwork, proxy: &Proxy) -> Result<TcpStream, Error> {
    let opened = open_tcp(network, &proxy.host, proxy.port, &network.of_proxy).await;
    opened.map_err(|error| Error { message: format!("proxy: {}", error.message), ..error })
}

async fn open_tunnel(
    network: &WorkerNetwork,
    proxy: &Proxy,
    host: Host,
    port: u16,
    known: &Addresses,
) -> Result<TcpStream, Error> {
    let host = if proxy.looks_up() {
        host
    } else {
        match network.resolver.addresses(&host, port, known).await?[0].ip() {
            IpAddr::V4(ip) => Host::Ipv4(ip),
            IpAddr::V6(ip) => Host::Ipv6(ip),
        }
    };
    let stream = open_proxy(network, proxy).await?;
    proxy.tunnel(stream, &host, port).await
}

/// Opens a TCP connection to one of the host's addresses: to the next one in turn, or, if that one
/// is slow, to whichever answers first.
async fn open_tcp(
    network: &WorkerNetwork,
    host: &Host,
    port: u16,
    known: &Addresses,
) -> Result<TcpStream, Error> {
    let addresses = network.resolver.addresses(host, port, known).await?;
    let opened = match *addresses {
        [only] => open_address(network, only).await,
        _ => race(addresses, |to| open_address(network, to)).await,
    };
    opened.map_err(Missed::into_error)
}

/// Happy Eyeballs (RFC 8305, 5): the addresses in order, each 250 ms after the one before, or at
/// once when that one has failed. The first connection wins, and the other attempts are dropped.
#[inline(never)]
pub(super) fn race<'a, T: 'a, A: Future<Output = Result<T, Missed>> + 'a>(
    addresses: Vec<SocketAddr>,
    attempt: impl Fn(SocketAddr) -> A + 'a,
) -> Rare<'a, Result<T, Missed>> {
    Box::pin(async move {
        let mut waiting = addresses.into_iter();
        let mut running: Vec<Pin<Box<A>>> = Vec::new();
        let mut missed: Option<Missed> = None;
        let mut delay = pin!(sleep(Duration::ZERO));
        poll_fn(|cx| {
            loop {
                let mut failed = running.is_empty();
                let mut at = 0;
                while let Some(attempt) = running.get_mut(at) {
                    match attempt.as_mut().poll(cx) {
                        Poll::Ready(Ok(won)) => return Poll::Ready(Ok(won)),
                        Poll::Ready(Err(reason)) => {
                            drop(running.remove(at));
                            failed = true;
                            if missed
                                .as_ref()
                                .is_none_or(|before| before.weight() <= reason.weight())
                            {
                                missed = Some(reason);
                            }
                        }
                        Poll::Pending => at += 1,
                    }
                }
                let is_over = waiting.len() == 0 || matches!(missed, Some(Missed::Ours(_)));
                if is_over && let (true, Some(missed)) = (running.is_empty(), missed.take()) {
                    return Poll::Ready(Err(missed));
                }
                if is_over || !(failed || delay.as_mut().poll(cx).is_ready()) {
                    return Poll::Pending;
                }
                running.extend(waiting.next().map(|to| Box::pin(attempt(to))));
                delay.as_mut().reset(Instant::now() + ATTEMPT_DELAY);
            }
        })
        .await
    })
}

/// What the kernel says of an address that has no connection, as an error with a class.
pub(crate) fn fault(error: &io::Error, to: SocketAddr) -> Error {
    missed(error, to).into_error()
}

async fn open_address(network: &WorkerNetwork, to: SocketAddr) -> Result<TcpStream, Missed> {
    let socket = socket(to).map_err(|e| missed(&e, to))?;
    if let Some(from) = source(network, to)? {
        socket.bind(SocketAddr::new(from, 0)).map_err(|e| unbound(&e, from))?;
    }
    let stream = socket.connect(to).await.map_err(|e| missed(&e, to))?;
    // The delay of a request that waits for the acknowledgement of the request before it is not
    // what a test is to measure.
    stream.set_nodelay(true).map_err(|e| missed(&e, to))?;
    Ok(stream)
}

/// The address from which to connect to another, if whoever runs the test says.
pub(super) fn source(network: &WorkerNetwork, to: SocketAddr) -> Result<Option<IpAddr>, Missed> {
    if network.sources.is_empty() {
        return Ok(None);
    }
    network.sources.next(to).map(Some).ok_or_else(|| {
        let reason = format!(
            "none of the source addresses can reach {to}, which is of the other IP version"
        );
        Missed::NoWay(Error::new(ErrorClass::Connect, reason))
    })
}

/// A source address that could not be bound.
pub(super) fn unbound(error: &io::Error, from: IpAddr) -> Missed {
    sorted(faults::bind(error, from))
}

pub(super) fn sorted(error: Error) -> Missed {
    if error.class.is_ours() { Missed::Ours(error) } else { Missed::Refused(error) }
}

pub(super) fn missed(error: &io::Error, to: SocketAddr) -> Missed {
    match error.raw_os_error() {
        // The kernel says the same of a machine without a port and of one without any address of
        // this IP version.
        Some(libc::EADDRNOTAVAIL) if has_no_way(to) => {
            let version = if to.is_ipv4() { "IPv4" } else { "IPv6" };
            Missed::NoWay(Error::new(
                ErrorClass::Connect,
                format!("this machine has no {version} address from which {to} could be reached"),
            ))
        }
        Some(libc::ENETUNREACH | libc::EAFNOSUPPORT) => Missed::NoWay(faults::connect(error, to)),
        _ => sorted(faults::connect(error, to)),
    }
}

/// Whether this machine has no address from which it could reach the other one: connecting a
/// datagram socket looks for one, sends nothing and needs no TCP port.
fn has_no_way(to: SocketAddr) -> bool {
    let any: IpAddr =
        if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let connected = UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(to));
    connected.is_err_and(|error| {
        matches!(
            error.raw_os_error(),
            Some(libc::EADDRNOTAVAIL | libc::ENETUNREACH | libc::EAFNOSUPPORT)
        )
    })
}

fn socket(to: SocketAddr) -> io::Result<TcpSocket> {
    if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}

/// Shakes hands. Which protocol was agreed on stands in the stream's session.
#[inline(never)]
pub(crate) fn secure(
    config: Arc<ClientConfig>,
    origin: &Origin,
    stream: ClientSocket,
) -> Rare<'_, Result<Box<TlsStream<ClientSocket>>, Error>> {
    let name = origin.name.clone().expect("an https origin has a name for its certificate");
    let handshake = TlsConnector::from(config).connect(name, stream);
    Box::pin(async move {
        handshake.await.map(Box::new).map_err(|e| faults::handshake(&e, &origin.certified()))
    })
}

#[cfg(test)]
mod tests;
