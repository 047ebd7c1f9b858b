//! The name by which a service is known to TLS, where whoever runs a test says it.

use std::str::FromStr;

use rustls_pki_types::ServerName;

/// A name that TLS asks for, and that a certificate must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsName(ServerName<'static>);

impl TlsName {
    pub(crate) fn name(&self) -> ServerName<'static> {
        self.0.clone()
    }
}

impl FromStr for TlsName {
    type Err = String;

    /// Reads a host's name. An address is none: TLS never asks for one (RFC 6066, 3).
    fn from_str(text: &str) -> Result<Self, String> {
        match ServerName::try_from(text.trim_end_matches('.').to_owned()) {
            Ok(name @ ServerName::DnsName(_)) => Ok(Self(name)),
            Ok(_) => Err("an address is no name that TLS could ask for; a host's name is needed, \
                          as shop.example"
                .to_owned()),
            Err(_) => Err("a host's name is needed, as shop.example".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_a_host_and_no_address() {
        assert_eq!("shop.example.".parse(), "shop.example".parse::<TlsName>());
        assert!("shop.example".parse::<TlsName>().is_ok());
        for (text, told) in [
            ("10.0.0.7", "an address is no name"),
            ("::1", "an address is no name"),
            ("", "a host's name is needed"),
            ("shop.example:443", "a host's name is needed"),
            ("a b", "a host's name is needed"),
        ] {
            let error = text.parse::<TlsName>().expect_err(text);
            assert!(error.starts_with(told), "{text}: {error}");
        }
    }
}
