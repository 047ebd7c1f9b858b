//! What the kernel and TLS say of a connection, as errors with a class.
//!
//! The class decides what is counted, so this is the one place that derives it from the words of
//! the kernel and of TLS. What a protocol says is read in the protocol's own folder.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use rustls::CertificateError;
use swell_core::exchange::ErrorClass;

use crate::error::Error;

/// A socket that could not be opened or connected.
pub(crate) fn connect(error: &io::Error, to: SocketAddr) -> Error {
    local(error)
        .unwrap_or_else(|| Error::new(ErrorClass::Connect, format!("{} ({to})", words(error))))
}

/// A socket of this machine that could not be opened or connected.
pub(crate) fn connect_unix(error: &io::Error, path: &Path) -> Error {
    let path = path.display();
    local(error).unwrap_or_else(|| {
        Error::new(ErrorClass::Connect, format!("{} (socket {path})", words(error)))
    })
}

/// A source address that could not be bound. The address is known to belong to this machine, so a
/// port is missing.
pub(crate) fn bind(error: &io::Error, from: IpAddr) -> Error {
    local(error).unwrap_or_else(|| {
        Error::new(ErrorClass::Connect, format!("cannot send from {from}: {}", words(error)))
    })
}

/// A failed handshake. Whichever side ended it, the class is TLS: no request had been sent yet.
pub(crate) fn handshake(error: &io::Error, name: &str) -> Error {
    let reason = rustls_error(error).map_or_else(|| words(error), |tls| tls_reason(tls, name));
    Error::new(ErrorClass::Tls, format!("TLS handshake with {name}: {reason}"))
}

/// A failure of an open stream.
pub(crate) fn stream(error: &io::Error) -> Error {
    if let Some(tls) = rustls_error(error) {
        return Error::new(ErrorClass::Tls, tls_reason(tls, "the server"));
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::new(
            ErrorClass::Reset,
            "the connection was closed before the answer was complete",
        ),
        _ => Error::new(ErrorClass::Reset, words(error)),
    }
}

/// The errors that are the load generator's own fault.
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

/// What the kernel says of a connection, in few words.
pub(crate) fn words(error: &io::Error) -> String {
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

/// Whether TLS itself made a handshake fail, and not the connection under it.
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

/// What the checker of certificates says where rustls has no word for it.
pub(crate) fn webpki_error(reason: &CertificateError) -> Option<&webpki::Error> {
    match reason {
        CertificateError::Other(other) => other.0.downcast_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_lacks_is_never_blamed_on_the_service() {
        let to = SocketAddr::from(([127, 0, 0, 1], 9));
        let class = |code| connect(&io::Error::from_raw_os_error(code), to).class;
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
            bind(&io::Error::from_raw_os_error(libc::EADDRINUSE), to.ip()).class,
            ErrorClass::LocalPorts
        );
    }
}
