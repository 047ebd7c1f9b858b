//! The one UDP socket of a node, and dialling from it.
//!
//! Joining, links and files all go through the same port, so that a firewall has one number to open
//! and a node one address. The limits of QUIC are set here for all of them: small until the other
//! side has proven who it is ([`NodeEndpoint`](crate::NodeEndpoint) widens them then).
//!
//! A dial that fails says whose fault it is, as far as that can be known: nothing came back, or the
//! other side answered and refused.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use quinn::{
    ConnectError, Connection, ConnectionError, TransportConfig, TransportErrorCode, VarInt,
};
use socket2::{Domain, Protocol, Type};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::text::{headline, printable};
use crate::wire::close::CloseCode;
use crate::wire::frame::MAX_MESSAGE;

/// By when a dial has succeeded or failed: within five seconds, with all that the caller does
/// around it. QUIC repeats its first packet after 1 s and 3 s (RFC 9002, section 6.2), so two
/// losses in a row do not end it.
pub(crate) const DIAL_DEADLINE: Duration = Duration::from_secs(4);
/// After how much silence a connection is given up, and how often something is said so that there
/// is no silence: four keep-alives in a row may be lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(2);
/// What fits a path of 1,280 bytes, the least that IPv6 allows, with all headers; QUIC's own
/// minimum too. Longer packets are found by probing.
const FIRST_MTU: u16 = 1200;
/// How much a side that has proven nothing yet may have under way to this node, in bytes and
/// streams: a question of some kilobytes on one stream.
const STRANGER_WINDOW: u32 = 64 * 1024;
const STRANGER_STREAMS: u32 = 1;
/// How much a member may have under way to this node: a whole message on one stream, and files
/// beside it.
pub(crate) const MEMBER_WINDOW: u32 = 3 * 1024 * 1024;
/// How much this node keeps for one connection until it is acknowledged.
const SEND_WINDOW: u64 = 2 * 1024 * 1024;
/// How many bytes of datagrams may wait to be sent or read; when there are more, the oldest are
/// dropped.
const DATAGRAM_BUFFER: usize = 64 * 1024;
/// How many bytes the kernel may hold for the socket, so that a node whose processors are busy does
/// not lose packets at once. The kernel may grant less.
const KERNEL_BUFFER: usize = 4 * 1024 * 1024;

/// A bound UDP socket, first to join with, then for an [`NodeEndpoint`](crate::NodeEndpoint).
/// Cloning shares it.
#[derive(Clone, Debug)]
pub struct Socket {
    quinn: quinn::Endpoint,
    address: SocketAddr,
}

/// Why a socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another process has the port.
    #[error(
        "{address} is taken: another process listens on UDP port {}\nhelp: end it (`ss -ulpn` \
        names it), or listen on another \
         port with --listen",
        address.port()
    )]
    Taken {
        /// Where to listen.
        address: SocketAddr,
    },
    /// The address is not one of this machine's.
    #[error(
        "{address} is no address of this machine\nhelp: give one that `ip address` shows, or \
        0.0.0.0, to --listen"
    )]
    NotHere {
        /// Where to listen.
        address: SocketAddr,
    },
    /// The kernel refuses for another reason.
    #[error("cannot listen on {address}: {source}")]
    Kernel {
        /// Where to listen.
        address: SocketAddr,
        /// What the kernel says.
        source: io::Error,
    },
}

/// Why a dial has failed. Nothing was exchanged but certificates.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Nothing came back at all.
    #[error(
        "no answer from {address} within {:.0} s: UDP is blocked on the way, or nothing listens \
        there\nhelp: open UDP port {} in firewalls and security \
         groups on the way, and check the address after --listen on that host",
        DIAL_DEADLINE.as_secs_f64(), address.port()
    )]
    Unanswered {
        /// The address or name that was dialled.
        address: SocketAddr,
    },
    /// The other side answered and then did not go on.
    #[error("{address} answers, but the connection was not made within {:.0} s: that host or the \
    network is overloaded", DIAL_DEADLINE.as_secs_f64())]
    Unfinished {
        /// The address or name that was dialled.
        address: SocketAddr,
    },
    /// The other side was reached and takes no connection now: it has too many, or was asked too
    /// often.
    #[error(
        "{address} takes no further connection now\nhelp: wait a few seconds; if it lasts, look \
        for what dials that host so often"
    )]
    Busy {
        /// The address or name that was dialled.
        address: SocketAddr,
    },
    /// The other side speaks another major version of the protocol.
    #[error(
        "{address} speaks {}, and this node speaks {ours}\nhelp: run the same release on all nodes",
        theirs.as_deref().unwrap_or("no protocol of this node's")
    )]
    OtherMajor {
        /// The address or name that was dialled.
        address: SocketAddr,
        /// What was offered.
        ours: &'static str,
        /// What the other side speaks, if it says so.
        theirs: Option<String>,
    },
    /// The other side does not prove to be the node that was dialled.
    #[error(
        "{address} is no host of this cluster, or not the one that was dialled: {reason}\nhelp: \
        check the address, and take a token \
         of the cluster that runs there"
    )]
    Stranger {
        /// The address or name that was dialled.
        address: SocketAddr,
        /// What its certificate lacks.
        reason: String,
    },
    /// The other side does not accept this node's certificate.
    #[error(
        "{address} does not accept this node's certificate: {reason}\nhelp: join that cluster anew \
        with a token of it"
    )]
    NotAccepted {
        /// The address or name that was dialled.
        address: SocketAddr,
        /// What the other side says.
        reason: &'static str,
    },
    /// A socket for IPv4 cannot reach an IPv6 address.
    #[error(
        "{address} cannot be reached from {own}\nhelp: listen on [::] with --listen, or dial an \
        IPv4 address"
    )]
    Unreachable {
        /// The address or name that was dialled.
        address: SocketAddr,
        /// Where this node's socket is.
        own: SocketAddr,
    },
    /// A name has no address.
    #[error(
        "{name:?} has no address: {reason}\nhelp: check the name in the token, and that this \
        machine's DNS knows it"
    )]
    Unknown {
        /// As given.
        name: String,
        /// What the resolver says.
        reason: String,
    },
    /// This node is closing.
    #[error("cannot dial {address}: this node is closing its socket")]
    Closing {
        /// The address or name that was dialled.
        address: SocketAddr,
    },
    /// The address cannot be dialled.
    #[error("{address} cannot be dialled: an address has a host and a port that are not zero")]
    NoAddress {
        /// As given.
        address: SocketAddr,
    },
    /// The connection broke while it was made.
    #[error("the connection to {address} broke while it was made: {reason}")]
    Broken {
        /// The address or name that was dialled.
        address: SocketAddr,
        /// How.
        reason: String,
    },
}

impl Socket {
    /// Binds a socket, inside of a tokio runtime. Port 0 takes any that is free; `[::]` serves IPv4
    /// too.
    pub fn bind(listen: SocketAddr) -> Result<Self, SocketError> {
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => SocketError::Taken { address: listen },
            io::ErrorKind::AddrNotAvailable => SocketError::NotHere { address: listen },
            _ => SocketError::Kernel { address: listen, source },
        };
        let socket = bind_udp(listen).map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        let quinn = quinn::Endpoint::new(
            quinn::EndpointConfig::default(),
            None,
            socket,
            Arc::new(quinn::TokioRuntime),
        )
        .map_err(refused)?;
        Ok(Self { quinn, address })
    }

    /// Where it is bound, with the port that was taken.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) const fn quinn(&self) -> &quinn::Endpoint {
        &self.quinn
    }

    /// Makes a connection by the deadline; dropping the future gives it up.
    pub(crate) async fn dial(
        &self,
        mut config: quinn::ClientConfig,
        address: SocketAddr,
        name: &str,
        protocol: &'static str,
        deadline: Instant,
    ) -> Result<Connection, DialError> {
        config.transport_config(Arc::new(transport()));
        let mut connecting =
            self.quinn.connect_with(config, address, name).map_err(|e| match e {
                ConnectError::EndpointStopping => DialError::Closing { address },
                _ if address.is_ipv6() && self.address.is_ipv4() => {
                    DialError::Unreachable { address, own: self.address }
                }
                _ => DialError::NoAddress { address },
            })?;
        let broken = |e| DialError::of(e, address, protocol);
        // TLS names the protocol in its first answer: when that is there, the other side was
        // reached.
        timeout_at(deadline, connecting.handshake_data())
            .await
            .map_err(|_| DialError::Unanswered { address })?
            .map_err(broken)?;
        timeout_at(deadline, connecting)
            .await
            .map_err(|_| DialError::Unfinished { address })?
            .map_err(broken)
    }

    /// Makes a connection to whichever of some addresses, names or numbers, answers first.
    pub(crate) async fn dial_first(
        &self,
        config: &quinn::ClientConfig,
        addresses: &[String],
        name: &'static str,
        protocol: &'static str,
    ) -> Result<Connection, DialError> {
        let deadline = Instant::now() + DIAL_DEADLINE;
        let mut dials = JoinSet::new();
        for address in addresses.iter().cloned() {
            let (socket, config) = (self.clone(), config.clone());
            dials.spawn(async move {
                let mut failed = None;
                for address in resolve(&address, deadline).await? {
                    match socket.dial(config.clone(), address, name, protocol, deadline).await {
                        Ok(connection) => return Ok(connection),
                        Err(error) => DialError::keep(&mut failed, error),
                    }
                }
                Err(failed.unwrap_or_else(|| DialError::Unknown {
                    name: address,
                    reason: "the resolver knows none".into(),
                }))
            });
        }
        let mut failed = None;
        while let Some(dial) = dials.join_next().await {
            match dial.expect("a dial is neither aborted nor panics") {
                Ok(connection) => return Ok(connection),
                Err(error) => DialError::keep(&mut failed, error),
            }
        }
        Err(failed.expect("a token has an address"))
    }
}

impl DialError {
    /// What a broken connection says about the other side.
    pub(crate) fn of(error: ConnectionError, address: SocketAddr, ours: &'static str) -> Self {
        match error {
            ConnectionError::TimedOut => Self::Unfinished { address },
            ConnectionError::TransportError(error) if alert(error.code).is_some() => {
                Self::Stranger { address, reason: error.reason }
            }
            ConnectionError::ConnectionClosed(close)
                if close.error_code == TransportErrorCode::CONNECTION_REFUSED =>
            {
                Self::Busy { address }
            }
            ConnectionError::ConnectionClosed(ref close) => match alert(close.error_code) {
                Some(NO_APPLICATION_PROTOCOL) => Self::OtherMajor { address, ours, theirs: None },
                Some(alert) => Self::NotAccepted { address, reason: certificate_alert(alert) },
                None => Self::broken(address, &error),
            },
            ConnectionError::ApplicationClosed(ref close) => {
                match CloseCode::of(close.error_code) {
                    Some(CloseCode::OtherMajor) => {
                        Self::OtherMajor { address, ours, theirs: Some(printable(&close.reason)) }
                    }
                    Some(CloseCode::NoCertificate) => {
                        Self::NotAccepted { address, reason: "none was shown" }
                    }
                    Some(CloseCode::Busy) => Self::Busy { address },
                    _ => Self::broken(address, &error),
                }
            }
            ConnectionError::LocallyClosed => Self::Closing { address },
            error => Self::broken(address, &error),
        }
    }

    fn broken(address: SocketAddr, error: &ConnectionError) -> Self {
        Self::Broken { address, reason: headline(error) }
    }

    /// Of several errors, keeps the one that says most: that somebody refused says more than that
    /// nobody answered, and that says more than that a name is unknown.
    fn keep(kept: &mut Option<Self>, error: Self) {
        let rank = |error: &Self| match error {
            Self::Unknown { .. } => 0,
            Self::Unreachable { .. } => 1,
            Self::Unanswered { .. } => 2,
            _ => 3,
        };
        if kept.as_ref().is_none_or(|kept| rank(kept) < rank(&error)) {
            *kept = Some(error);
        }
    }
}

fn bind_udp(listen: SocketAddr) -> io::Result<UdpSocket> {
    let socket =
        socket2::Socket::new(Domain::for_address(listen), Type::DGRAM, Some(Protocol::UDP))?;
    if listen.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Smaller buffers lose packets under load, which QUIC repairs: no reason not to start.
    let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
    let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
    socket.bind(&listen.into())?;
    Ok(socket.into())
}

/// The limits of a connection whose other side has proven nothing yet.
pub(crate) fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(IDLE_TIMEOUT.try_into().expect("ten seconds fit")))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .initial_mtu(FIRST_MTU)
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .max_concurrent_bidi_streams(VarInt::from_u32(STRANGER_STREAMS))
        .stream_receive_window(VarInt::from_u32(MAX_MESSAGE as u32))
        .receive_window(VarInt::from_u32(STRANGER_WINDOW))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER))
        .datagram_send_buffer_size(DATAGRAM_BUFFER);
    transport
}

/// An IPv4 address as such, also where a socket for IPv6 shows it in its own form.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// A host's name or number and port as addresses, by the deadline.
async fn resolve(name: &str, deadline: Instant) -> Result<Vec<SocketAddr>, DialError> {
    let unknown = |reason: String| DialError::Unknown { name: name.to_owned(), reason };
    let found = timeout_at(deadline, tokio::net::lookup_host(name))
        .await
        .map_err(|_| unknown("the resolver does not answer".into()))?;
    Ok(found.map_err(|e| unknown(e.to_string()))?.collect())
}

/// The alerts of TLS that say something about a certificate or the protocol (RFC 8446, section 6.2;
/// RFC 7301).
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// The TLS alert in a code of QUIC (RFC 9001, section 4.8).
fn alert(code: TransportErrorCode) -> Option<u8> {
    let code = u64::from(code);
    (0x100..0x200).contains(&code).then_some((code & 0xff) as u8)
}

const fn certificate_alert(alert: u8) -> &'static str {
    match alert {
        45 => "it has expired, or that host's time is another",
        48 | 51 => "it is of another cluster",
        116 => "none was shown",
        _ => "it is no certificate for this",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_failed_dials_the_one_that_was_refused_is_told() {
        let address = SocketAddr::from(([10, 0, 0, 1], 7600));
        let mut kept = None;
        DialError::keep(&mut kept, DialError::Unanswered { address });
        DialError::keep(&mut kept, DialError::Busy { address });
        DialError::keep(&mut kept, DialError::Unanswered { address });
        assert!(matches!(kept, Some(DialError::Busy { .. })));
    }
}
