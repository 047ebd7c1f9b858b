//! Errors: those of a run that cannot start, and those of an exchange, which are measurements with
//! a class and a text for people.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use swell_core::exchange::{ErrorClass, Phase};

/// Why an exchange has no answer: its class for the books, its text for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The class that is counted.
    pub class: ErrorClass,
    /// What happened, lower-case, with the address or name that it happened to.
    pub message: String,
    /// Whether the request had only a path, and the run has no target to which a path could belong.
    pub lacks_target: bool,
}

/// Why a client cannot be made of its options. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The target is not an absolute http or https URL.
    #[error("target {url:?}: {reason}\nhelp: write it like \"http://127.0.0.1:8080\"")]
    Target {
        /// The target as it was given, without a user or values of a query.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An entry of the allow-list is neither a host nor host:port.
    #[error("allowed host {entry:?}: {reason}")]
    AllowedHost {
        /// The entry as it was given.
        entry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A source address is not one of this machine.
    #[error("source address {address} cannot be used{}", no_port(source))]
    Source {
        /// The address as it was given.
        address: IpAddr,
        /// What the kernel says.
        source: io::Error,
    },
    /// Requests to the target would go to an address of a version of IP that is not used.
    #[error(
        "requests to the target go to {address}, and only {only} is used\nhelp: leave out what \
        chooses a version of IP, or name an address of {only}"
    )]
    OtherIpVersion {
        /// The address.
        address: IpAddr,
        /// The version that is used.
        only: &'static str,
    },
    /// Nothing could be sent from the source addresses by the version of IP that is used.
    #[error(
        "only {only} is used, and none of the source addresses is of {only}\nhelp: leave out what \
        chooses a version of IP, or add a source address of {only}"
    )]
    SourcesOfOtherIpVersion {
        /// The version that is used.
        only: &'static str,
    },
    /// The user agent cannot stand in a header.
    #[error("user agent {0:?} cannot stand in a header")]
    UserAgent(String),
    /// A header for all requests says where the body of a request ends.
    #[error("header {0:?} belongs to one request and its body; it cannot be added to all")]
    Framing(String),
    /// The headers for all requests cannot be sent together.
    #[error("headers for all requests: {0}")]
    Headers(Error),
    /// A certificate or key file cannot be read, or has no certificate or key in it.
    #[error("{flag} {}: {reason}", path.display())]
    File {
        /// The flag that named the file.
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

/// What is missing for a source address that belongs to this machine and yet cannot be bound.
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

    /// A call that cannot be made where it was made: of class `Invalid`.
    pub fn of_a_call(message: impl Into<String>) -> Self {
        Self::invalid(message)
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

    /// A response that cannot be read, or that two readers could understand differently.
    pub(crate) fn malformed(reason: impl std::fmt::Display) -> Self {
        Self::protocol(format!("malformed response: {reason}"))
    }

    pub(crate) fn body_too_large(limit: usize) -> Self {
        Self::new(ErrorClass::TooLarge, format!("the body is larger than {limit} bytes"))
    }

    pub(crate) fn announced_too_much(limit: usize) -> Self {
        Self::new(
            ErrorClass::TooLarge,
            format!("more than {limit} bytes of announcements (status 1xx) came before a response"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_names_its_phase_and_how_long_it_was() {
        let error = Error::timeout(Phase::Waiting, Duration::from_secs(60));
        assert_eq!(
            (error.class, error.to_string().as_str()),
            (ErrorClass::Timeout(Phase::Waiting), "timed out after 60.0s of waiting")
        );
    }
}
