//! Where a connection leads.

use rustls_pki_types::ServerName;
use url::Host;

use crate::net::resolve::Addresses;

/// Scheme, host and port. A worker has one value for each origin, so two origins are equal when
/// they are the same value.
pub(crate) struct Origin {
    pub(crate) secure: bool,
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// The name that the certificate must have; `None` without TLS.
    pub(crate) name: Option<ServerName<'static>>,
    /// The addresses of the name, for as long as they may be kept.
    pub(crate) addresses: Addresses,
}

impl Origin {
    /// Whose certificate is asked for, as messages tell it.
    pub(crate) fn certified(&self) -> String {
        match &self.name {
            Some(ServerName::DnsName(name)) => name.as_ref().to_owned(),
            _ => self.host.to_string(),
        }
    }
}
