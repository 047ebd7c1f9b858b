//! What QUIC says of a connection, as errors with a class.

use std::net::SocketAddr;

use quinn::{ConnectionError, TransportErrorCode};
use rustls::AlertDescription;
use swell_core::exchange::ErrorClass;

use crate::error::Error;
use crate::net::faults::tls_reason;

/// The most bytes of what the other side says in words that are told.
const TOLD: usize = 200;

/// A connection that could not be opened. `refused` is why its certificate was not accepted, if
/// that is the reason.
pub(super) fn opening(
    error: &ConnectionError,
    to: SocketAddr,
    name: &str,
    refused: Option<&rustls::Error>,
) -> Error {
    let of_tls = |reason: String| {
        Error::new(ErrorClass::Tls, format!("TLS handshake with {name}: {reason}"))
    };
    if let Some(refused) = refused {
        return of_tls(tls_reason(refused, name));
    }
    match error {
        ConnectionError::TransportError(ours) if alert(ours.code).is_some() => {
            of_tls(ours.reason.clone())
        }
        ConnectionError::ConnectionClosed(close) => match alert(close.error_code) {
            Some(AlertDescription::NoApplicationProtocol) => {
                of_tls("the other side does not speak HTTP/3 here (NoApplicationProtocol)".into())
            }
            Some(alert) => of_tls(format!("refused by the other side ({alert:?})")),
            None => Error::new(
                ErrorClass::Connect,
                format!("refused by the other side: {} ({to})", told(&close.to_string())),
            ),
        },
        ConnectionError::VersionMismatch => Error::protocol(format!(
            "QUIC: the other side does not speak version 1, which is the only one here ({to})"
        )),
        ConnectionError::TimedOut => {
            Error::new(ErrorClass::Connect, format!("no answer over UDP ({to})"))
        }
        other => lost(other),
    }
}

/// An open connection that has ended.
pub(crate) fn lost(error: &ConnectionError) -> Error {
    let reset = |words: String| Error::new(ErrorClass::Reset, words);
    match error {
        ConnectionError::TransportError(ours) => {
            Error::protocol(format!("QUIC: {}", told(&ours.to_string())))
        }
        ConnectionError::ConnectionClosed(close) => {
            reset(format!("QUIC: closed by the other side: {}", told(&close.to_string())))
        }
        ConnectionError::ApplicationClosed(close) => {
            reset(format!("closed by the other side: {}", told(&close.to_string())))
        }
        ConnectionError::Reset => {
            reset("QUIC: reset by the other side, which does not know the connection".into())
        }
        ConnectionError::TimedOut => {
            reset("QUIC: the connection is lost: nothing was heard for its idle timeout".into())
        }
        ConnectionError::LocallyClosed => reset("the connection was closed".into()),
        ConnectionError::VersionMismatch | ConnectionError::CidsExhausted => {
            Error::protocol(format!("QUIC: {error}"))
        }
    }
}

/// The alert of TLS that a code of QUIC stands for (RFC 9001, 4.8).
fn alert(code: TransportErrorCode) -> Option<AlertDescription> {
    let code = u64::from(code).checked_sub(0x100)?;
    u8::try_from(code).ok().map(AlertDescription::from)
}

fn told(words: &str) -> String {
    let end = words.floor_char_boundary(TOLD.min(words.len()));
    words[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use bytes::Bytes;
    use quinn::{ApplicationClose, ConnectionClose};

    use super::*;

    fn closed(code: TransportErrorCode) -> ConnectionError {
        ConnectionError::ConnectionClosed(ConnectionClose {
            error_code: code,
            frame_type: None,
            reason: Bytes::new(),
        })
    }

    #[test]
    fn what_ends_a_handshake_has_the_class_that_it_has_over_tcp() {
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, 443));
        let said = |error: &ConnectionError| opening(error, to, "a.test", None);
        let unwanted = said(&closed(TransportErrorCode::crypto(120)));
        assert_eq!(unwanted.class, ErrorClass::Tls);
        assert!(unwanted.message.contains("does not speak HTTP/3"), "{unwanted}");
        let without = said(&closed(TransportErrorCode::crypto(116)));
        assert_eq!(without.class, ErrorClass::Tls);
        assert!(without.message.contains("CertificateRequired"), "{without}");
        let busy = said(&closed(TransportErrorCode::CONNECTION_REFUSED));
        assert_eq!(busy.class, ErrorClass::Connect);
        assert_eq!(said(&ConnectionError::VersionMismatch).class, ErrorClass::Protocol);
    }

    #[test]
    fn what_the_other_side_says_is_cut_where_a_letter_ends() {
        let close =
            ApplicationClose { error_code: 0x100u32.into(), reason: "ä".repeat(500).into() };
        let said = lost(&ConnectionError::ApplicationClosed(close));
        assert_eq!(said.class, ErrorClass::Reset);
        assert!(said.message.len() < 300, "{said}");
    }
}
