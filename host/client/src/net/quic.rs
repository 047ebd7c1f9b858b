//! From an origin to an open QUIC connection, which is to HTTP/3 what a stream with TLS is to the
//! versions before it.
//!
//! ## One socket a connection
//! Each connection has a UDP socket of its own, as in browsers, and not a place on a socket that
//! all users of a worker share. What stands before a service deals connections to its machines,
//! processes and threads by address and port: all users on one port would load one of them, and a
//! test would find its limit in place of the service's. So a connection costs a local port and a
//! file descriptor, as one over TCP does, and is closed with its user.
//!
//! ## What is kept small
//! A connection's own ID is empty, as its socket tells it apart: nothing is spent on further IDs.
//! Datagrams are sent and received in batches where the kernel can (GSO, GRO).

mod faults;
mod socket;

use std::cell::RefCell;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    ClientConfig, ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig, TokioRuntime,
    TransportConfig, VarInt,
};
use rustls_pki_types::ServerName;
use swell_core::exchange::{ErrorClass, Phase};
use url::Host;

pub(crate) use self::faults::lost;
pub(crate) use self::socket::SocketNews;
use self::socket::WatchedSocket;
use crate::error::Error;
use crate::net::connect::{self, Missed};
use crate::net::network::WorkerNetwork;
use crate::net::origin::Origin;
use crate::net::rare::Rare;
use crate::net::routes::Route;
use crate::net::tls::{CertificateWatch, Tls};

/// How much of one answer the service may send before it is read, as over HTTP/2.
const STREAM_WINDOW: u32 = 2 << 20;
/// The same for all streams of a connection together.
pub(crate) const CONNECTION_WINDOW: u32 = 5 << 20;
/// How much of requests is kept until the service has acknowledged it.
const SEND_WINDOW: u64 = 2 << 20;
/// After how long without any datagram a connection is given up, unless the service says less: what
/// browsers say.
const IDLE_TIMEOUT_MS: u32 = 30_000;
/// How many streams of its own the service may have open: HTTP/3 uses three, and the rest is for
/// what is not known here and thrown away.
const SERVICE_STREAMS: u32 = 16;
/// What is asked of the kernel for datagrams that have come and were not read; it gives what
/// `net.core.rmem_max` allows. With the usual 208 KiB a large body loses datagrams on a fast
/// network, which are sent again.
const RECEIVE_BUFFER: usize = 1 << 20;

/// The IDs of our side of connections: none.
struct NoIds;

/// What the QUIC connections of one worker share.
pub(crate) struct QuicWorker {
    endpoint: EndpointConfig,
    transport: Arc<TransportConfig>,
}

/// How one user speaks QUIC: with TLS sessions of its own, for one protocol.
pub(crate) struct UserQuic {
    worker: Rc<QuicWorker>,
    config: ClientConfig,
    certificates: Arc<CertificateWatch>,
}

/// An open connection. Whoever has it closes it.
pub(crate) struct QuicConnection {
    pub(crate) connection: quinn::Connection,
    pub(crate) news: Arc<SocketNews>,
}

/// The addresses that were tried, for whoever gives up waiting.
#[derive(Default)]
pub(crate) struct QuicAttempts(RefCell<Vec<(SocketAddr, Arc<SocketNews>)>>);

impl ConnectionIdGenerator for NoIds {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&[])
    }

    fn cid_len(&self) -> usize {
        0
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

impl QuicWorker {
    pub(crate) fn new() -> Self {
        let mut endpoint = EndpointConfig::default();
        endpoint.cid_generator(|| Box::new(NoIds));
        let mut transport = TransportConfig::default();
        transport
            .max_idle_timeout(Some(VarInt::from_u32(IDLE_TIMEOUT_MS).into()))
            .stream_receive_window(STREAM_WINDOW.into())
            .receive_window(CONNECTION_WINDOW.into())
            .send_window(SEND_WINDOW)
            .max_concurrent_bidi_streams(0u32.into())
            .max_concurrent_uni_streams(SERVICE_STREAMS.into())
            .datagram_receive_buffer_size(None);
        Self { endpoint, transport: Arc::new(transport) }
    }
}

impl UserQuic {
    /// For one user that speaks HTTP/3.
    ///
    /// # Errors
    /// The run excludes TLS 1.3, which QUIC contains.
    pub(crate) fn new(worker: &Rc<QuicWorker>, tls: &Tls) -> Result<Self, Error> {
        let (config, certificates) = tls.for_quic(b"h3").ok_or_else(|| {
            Error::invalid("HTTP/3 contains TLS 1.3, which --tls-max 1.2 excludes")
        })?;
        let crypto = QuicClientConfig::try_from(config)
            .expect("ring has the cipher suite that QUIC begins with");
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::clone(&worker.transport));
        Ok(Self { worker: Rc::clone(worker), config, certificates })
    }
}

impl QuicAttempts {
    /// Why there is no connection after so long: nobody answered, or somebody was slow.
    pub(crate) fn given_up(&self, after: Duration) -> Error {
        let tried = self.0.borrow();
        if tried.is_empty() || tried.iter().any(|(_, news)| news.has_heard()) {
            return Error::timeout(Phase::Connecting, after);
        }
        let addresses: Vec<String> = tried.iter().map(|(to, _)| to.to_string()).collect();
        Error::new(
            ErrorClass::Connect,
            format!(
                "no answer over UDP from {} after {after:.1?}: UDP is blocked on the way, or \
                nothing speaks HTTP/3 there (HTTP/2 and 1.1 go over TCP)",
                addresses.join(" and ")
            ),
        )
    }
}

/// Opens a connection to the origin and shakes hands, which over QUIC is one and the same.
///
/// # Errors
/// All but a want of time, which is the caller's to say.
#[inline(never)]
pub(crate) fn open<'a>(
    network: &'a WorkerNetwork,
    origin: &'a Origin,
    user: &'a UserQuic,
    attempts: &'a QuicAttempts,
) -> Rare<'a, Result<QuicConnection, Error>> {
    Box::pin(async move {
        let (host, port) = straight(network, origin)?;
        let addresses = network.resolver.addresses(&host, port, &origin.addresses).await?;
        let attempt = |to| open_address(network, origin, user, attempts, to);
        let opened = match *addresses {
            [only] => attempt(only).await,
            _ => connect::race(addresses, attempt).await,
        };
        opened.map_err(Missed::into_error)
    })
}

/// Refuses an origin to which no connection can be opened, whatever the network says.
pub(crate) fn check(network: &WorkerNetwork, origin: &Origin) -> Result<(), Error> {
    if origin.secure {
        return straight(network, origin).map(drop);
    }
    let host = &origin.host;
    Err(Error::invalid(format!(
        "HTTP/3 is spoken with TLS alone: ask for https://{host}, or for HTTP/2 or HTTP/1.1"
    )))
}

/// The host and port that the origin is reached at.
///
/// # Errors
/// It is reached over what carries no UDP.
fn straight(network: &WorkerNetwork, origin: &Origin) -> Result<(Host, u16), Error> {
    let what = match network.routes.route_to(&origin.host, origin.port) {
        Route::Straight(host, port) => return Ok((host, port)),
        Route::Through(..) => "--proxy; name the host in --no-proxy",
        Route::Unix(_) => "--unix-socket",
    };
    Err(Error::invalid(format!(
        "HTTP/3 goes over UDP, and not through {what}, or ask for HTTP/2 or HTTP/1.1"
    )))
}

async fn open_address(
    network: &WorkerNetwork,
    origin: &Origin,
    user: &UserQuic,
    attempts: &QuicAttempts,
    to: SocketAddr,
) -> Result<QuicConnection, Missed> {
    let name = origin.name.as_ref().expect("an https origin has a name for its certificate");
    let news = Arc::new(SocketNews::default());
    attempts.0.borrow_mut().push((to, Arc::clone(&news)));
    let socket = bound(network, to)?;
    let socket = WatchedSocket::new(socket, Arc::clone(&news));
    let socket = socket.map_err(|error| connect::missed(&error, to))?;
    let endpoint = Endpoint::new_with_abstract_socket(
        user.worker.endpoint.clone(),
        None,
        Arc::new(socket),
        Arc::new(TokioRuntime),
    )
    .map_err(|error| connect::missed(&error, to))?;
    let connecting = endpoint
        .connect_with(user.config.clone(), to, &shown(name))
        .map_err(|error| connect::sorted(Error::protocol(format!("QUIC: {error}"))))?;
    let connected = tokio::select! {
        connected = connecting => connected,
        error = news.lost() => return Err(connect::missed(&error, to)),
    };
    match connected {
        Ok(connection) => Ok(QuicConnection { connection, news }),
        Err(error) => {
            let refused = user.certificates.take(name);
            Err(connect::sorted(faults::opening(&error, to, &shown(name), refused.as_ref())))
        }
    }
}

/// A socket from which datagrams go to that address alone, and which hears of nobody else.
fn bound(network: &WorkerNetwork, to: SocketAddr) -> Result<UdpSocket, Missed> {
    let any = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let from = connect::source(network, to)?.unwrap_or(any);
    let socket = UdpSocket::bind((from, 0)).map_err(|error| connect::unbound(&error, from))?;
    // The kernel may give less.
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
    socket.connect(to).map_err(|error| connect::missed(&error, to))?;
    Ok(socket)
}

fn shown(name: &ServerName<'_>) -> String {
    name.to_str().into_owned()
}
