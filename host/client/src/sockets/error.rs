//! Why a socket came to nothing.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use std::{fmt, io};

use swell_core::exchange::{ErrorClass, Phase};

use crate::error::Error;
use crate::net::faults;

/// Why a name was not found, or a socket, a connection or a datagram came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{told}")]
pub struct SocketFailure {
    /// What the scenario is told: the kernel's own code, or a kind.
    pub said: io::Error,
    /// What the books and people are told.
    pub told: Error,
}

impl SocketFailure {
    pub(crate) const fn new(said: io::Error, told: Error) -> Self {
        Self { said, told }
    }

    fn of(kind: io::ErrorKind, class: ErrorClass, message: String) -> Self {
        Self::new(kind.into(), Error::new(class, message))
    }

    /// A failure of an open connection, or of a datagram.
    pub fn of_stream(said: io::Error) -> Self {
        let told = faults::local(&said).unwrap_or_else(|| faults::stream(&said));
        Self::new(said, told)
    }

    pub(crate) fn opening(said: io::Error) -> Self {
        let told = faults::local(&said)
            .unwrap_or_else(|| Error::new(ErrorClass::Connect, format!("no socket: {said}")));
        Self::new(said, told)
    }

    /// An address that could not be bound; `is_ours` says that the scenario has not chosen it.
    pub(crate) fn binding(said: io::Error, from: IpAddr, is_ours: bool) -> Self {
        let told = if is_ours {
            faults::bind(&said, from)
        } else {
            Error::new(ErrorClass::Invalid, format!("cannot send from {from}: {said}"))
        };
        Self::new(said, told)
    }

    pub(crate) fn no_source(to: SocketAddr) -> Self {
        Self::of(
            io::ErrorKind::AddrNotAvailable,
            ErrorClass::Connect,
            format!(
                "none of the source addresses can reach {to}, which is of the other IP version"
            ),
        )
    }

    pub(crate) fn too_many(most: usize) -> Self {
        // What the kernel says to a process that has too many of them.
        Self::new(
            io::Error::from_raw_os_error(libc::EMFILE),
            Error::new(ErrorClass::Invalid, format!("a user has at most {most} sockets at once")),
        )
    }

    pub(crate) fn denied(message: String) -> Self {
        Self::of(io::ErrorKind::PermissionDenied, ErrorClass::Denied, message)
    }

    pub(crate) fn no_name(message: String) -> Self {
        Self::of(io::ErrorKind::InvalidInput, ErrorClass::Invalid, message)
    }

    pub(crate) fn not_found(told: Error) -> Self {
        Self::new(io::ErrorKind::NotFound.into(), told)
    }

    pub(crate) fn connecting_took(longest: Duration, to: SocketAddr) -> Self {
        Self::of(
            io::ErrorKind::TimedOut,
            ErrorClass::Timeout(Phase::Connecting),
            format!("no connection to {to} within {longest:.1?}"),
        )
    }

    pub(crate) fn looking_up_took(longest: Duration, name: impl fmt::Display) -> Self {
        Self::of(
            io::ErrorKind::TimedOut,
            ErrorClass::Timeout(Phase::Connecting),
            format!("no name server has told the addresses of {name} within {longest:.1?}"),
        )
    }
}
