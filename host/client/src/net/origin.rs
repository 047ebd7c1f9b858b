//! Whom a connection leads to.

use rustls_pki_types::ServerName;
use url::Host;

use crate::net::resolve::Addresses;

/// Scheme, host and port. There is one for each in a worker, so that two are equal when they are
/// the same.
pub(crate) struct Origin {
    pub(crate) secure: bool,
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// The name that the certificate must have, where there is to be one.
    pub(crate) name: Option<ServerName<'static>>,
    /// The addresses behind the name, for as long as they may be kept.
    pub(crate) addresses: Addresses,
}
