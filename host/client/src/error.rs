//! Errors: those of a run that cannot start, and those of an exchange, which are measurements with
//! a class and a text for people.
//!
//! The class decides what is counted, so this is the one place that reads it out of what h2, rustls
//! and the kernel say.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use rustls::CertificateError;
use swell_core::exchange::{ErrorClass, Phase};

use crate::net::tls::webpki_error;

/// Why an exchange has no answer: its class for the books, its text for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What is counted.
    pub class: ErrorClass,
    /// What happened, lower-case, with the address or name that it happened to.
    pub message: String,
    /// Whether a path alone was asked for, and the run has no target that it would be of.
    pub lacks_target: bool,
}

/// What became of a request that has no answer's head, as far as its connection can say.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Whether its head was handed to the network.
    pub(crate) written: bool,
    /// Whether it may be sent anew.
    pub(crate) chance: Chance,
}

/// What is known of a request that failed, for whoever would send it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chance {
    /// It was answered, or the connection is not to be blamed.
    None,
    /// The connection closed without a byte in answer: what may arrive twice may be sent again, if
    /// the connection had been idle.
    Unanswered,
    /// The server has said that it did nothing with it: whatever it is may be sent again (RFC 9113,
    /// 8.7).
    Unprocessed,
}

/// Why a client cannot be made of its options. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The target is not an absolute http or https URL.
    #[error("target {url:?}: {reason}\nhelp: write it like \"http://127.0.0.1:8080\"")]
    Target {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An entry of the allow-list is neither a host nor host:port.
    #[error("allowed host {entry:?}: {reason}")]
    AllowedHost {
        /// As given.
        entry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A source address is not one of this machine.
    #[error("source address {address} cannot be used{}", no_port(source))]
    Source {
        /// As given.
        address: IpAddr,
        /// What the kernel says.
        source: io::Error,
    },
    /// The user agent cannot stand in a header.
    #[error("user agent {0:?} cannot stand in a header")]
    UserAgent(String),
    /// A header for all requests says where the body of one ends.
    #[error("header {0:?} belongs to one request and its body; it cannot be added to all")]
    Framing(String),
    /// The headers for all requests cannot be sent together.
    #[error("headers for all requests: {0}")]
    Headers(Error),
    /// A certificate or key file cannot be read or holds none.
    #[error("{flag} {}: {reason}", path.display())]
    File {
        /// What it was given as.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The client certificate and its key do not make an identity.
    #[error("--key {}: {reason}", key.display())]
    Identity {
        /// The key's file.
        key: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a source address lacks that is ours and yet cannot be bound.
fn no_port(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            ": none of its local ports is free; widen net.ipv4.ip_local_port_range, or add a \
            source address"
        }
        _ => "",
    }
}

impl Error {
    pub(crate) fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), lacks_target: false }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Invalid, message)
    }

    pub(crate) fn lacks_target(path: &str) -> Self {
        Self {
            lacks_target: true,
            ..Self::invalid(format!("{path:?} is relative and the run has no target"))
        }
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Protocol, message)
    }

    pub(crate) fn timeout(phase: Phase, after: Duration) -> Self {
        Self::new(
            ErrorClass::Timeout(phase),
            format!("timed out after {after:.1?} of {}", phase.name()),
        )
    }

    /// A socket that could not be opened or connected.
    pub(crate) fn connect(error: &io::Error, to: SocketAddr) -> Self {
        local(error)
            .unwrap_or_else(|| Self::new(ErrorClass::Connect, format!("{} ({to})", words(error))))
    }

    /// A source address that could not be bound. It is known to be ours, so what is missing is a
    /// port.
    pub(crate) fn bind(error: &io::Error, from: IpAddr) -> Self {
        local(error).unwrap_or_else(|| {
            Self::new(ErrorClass::Connect, format!("cannot send from {from}: {}", words(error)))
        })
    }

    /// A failed handshake. Whoever ended it, the class is TLS: no HTTP was spoken yet.
    pub(crate) fn handshake(error: &io::Error, name: &str) -> Self {
        let reason = rustls_error(error).map_or_else(|| words(error), |tls| tls_reason(tls, name));
        Self::new(ErrorClass::Tls, format!("TLS handshake with {name}: {reason}"))
    }

    /// A failure of an open stream.
    pub(crate) fn stream(error: &io::Error) -> Self {
        if let Some(tls) = rustls_error(error) {
            return Self::new(ErrorClass::Tls, tls_reason(tls, "the server"));
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::new(
                ErrorClass::Reset,
                "the connection was closed before the answer was complete",
            ),
            _ => Self::new(ErrorClass::Reset, words(error)),
        }
    }

    /// What h2 says of a request or a body.
    pub(crate) fn h2(error: &h2::Error) -> Self {
        if let Some(io) = error.get_io() {
            return Self::stream(io);
        }
        // Text in place of a frame reads as one of impossible length: the first bytes of "HTTP/1.1"
        // ask for 4.7 MB.
        if !error.is_remote() && error.reason() == Some(h2::Reason::FRAME_SIZE_ERROR) {
            return Self::protocol(
                "HTTP/2: what came is no HTTP/2, as from a server that speaks HTTP/1.1 alone \
                (leave the version of the request open, or set it to HTTP/1.1)",
            );
        }
        // The peer's own decision to end a stream or the connection is a reset; what we had to end
        // because of it broke the protocol.
        let class = if error.is_remote() { ErrorClass::Reset } else { ErrorClass::Protocol };
        Self::new(class, format!("HTTP/2: {error}"))
    }
}

/// The errors that are the generator's own fault.
pub(crate) fn local(error: &io::Error) -> Option<Error> {
    match error.raw_os_error() {
        Some(libc::EADDRNOTAVAIL | libc::EADDRINUSE) => Some(Error::new(
            ErrorClass::LocalPorts,
            "no local port is free (widen net.ipv4.ip_local_port_range or add a source address)",
        )),
        Some(libc::EMFILE | libc::ENFILE) => {
            Some(Error::new(ErrorClass::LocalFiles, "no file descriptor is free (raise nofile)"))
        }
        _ => None,
    }
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset => "connection reset by the other side".into(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            "connection closed by the other side".into()
        }
        io::ErrorKind::TimedOut => "connection timed out".into(),
        io::ErrorKind::HostUnreachable => "host unreachable".into(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".into(),
        _ => error.to_string(),
    }
}

/// Whether what failed a handshake is TLS itself, and not the connection under it.
pub(crate) fn is_of_tls(error: &io::Error) -> bool {
    rustls_error(error).is_some()
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

pub(crate) fn tls_reason(error: &rustls::Error, name: &str) -> String {
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the \
            certificate has expired"
                .into(),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "the \
            certificate is not valid yet"
                .into(),
            CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
                format!(
                    "the certificate is not valid for {name}: it has no subject alternative name, \
                    and \
                a common name alone is not looked at (make it with \
                 -addext subjectAltName=DNS:{name})"
                )
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("the certificate is not valid for {name}")
            }
            CertificateError::UnknownIssuer => "the certificate's issuer is not trusted (add its \
            CA file with --ca-cert)"
                .into(),
            CertificateError::BadEncoding => "the certificate is damaged".into(),
            other => match webpki_error(other) {
                Some(webpki::Error::CaUsedAsEndEntity) => {
                    "the certificate is its own authority and is not trusted (give it with \
                    --ca-cert)"
                        .into()
                }
                Some(webpki::Error::UnsupportedCertVersion) => {
                    "the certificate is of X.509 version 1, which has no names of hosts (make one \
                    of version 3)"
                        .into()
                }
                _ => format!("the certificate is not accepted: {other}"),
            },
        },
        rustls::Error::AlertReceived(alert) => format!("refused by the other side ({alert:?})"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_lacks_is_never_blamed_on_the_service() {
        let to = SocketAddr::from(([127, 0, 0, 1], 9));
        let class = |code| Error::connect(&io::Error::from_raw_os_error(code), to).class;
        assert_eq!(
            (class(libc::EADDRNOTAVAIL), class(libc::EADDRINUSE)),
            (ErrorClass::LocalPorts, ErrorClass::LocalPorts)
        );
        assert_eq!(
            (class(libc::EMFILE), class(libc::ENFILE)),
            (ErrorClass::LocalFiles, ErrorClass::LocalFiles)
        );
        assert!(
            [libc::ECONNREFUSED, libc::EHOSTUNREACH, libc::ENETUNREACH, libc::ETIMEDOUT]
                .map(class)
                .iter()
                .all(|&c| c == ErrorClass::Connect)
        );
        assert_eq!(
            Error::bind(&io::Error::from_raw_os_error(libc::EADDRINUSE), to.ip()).class,
            ErrorClass::LocalPorts
        );
    }

    #[test]
    fn a_timeout_names_its_phase_and_how_long_it_was() {
        let error = Error::timeout(Phase::Waiting, Duration::from_secs(60));
        assert_eq!(
            (error.class, error.to_string().as_str()),
            (ErrorClass::Timeout(Phase::Waiting), "timed out after 60.0s of waiting")
        );
    }
}
