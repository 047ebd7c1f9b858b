//! Which certificates are trusted and which is ours, loaded once for all workers.
//!
//! Files are read in [`TlsOptions::load`]; a [`Tls`] is a handle on the result. A virtual user gets
//! a configuration of its own for its session cache (see [`Tls::user`]), because a user that
//! resumed another user's session would not act as a client of its own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};

pub use self::files::{certificates, key as private_key};
use self::verify::{Roots, Trusted, Verifier};
pub(crate) use self::watch::CertificateWatch;
use crate::error::OptionsError;
use crate::net::faults::tls_reason;

/// What to load.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// Whether the machine's own roots are trusted. Default true.
    pub system_roots: bool,
    /// PEM files of further roots.
    pub ca_files: Vec<PathBuf>,
    /// Our own certificate, for services that ask for one.
    pub identity: Option<ClientIdentity>,
    /// Accept any certificate. Default false.
    pub insecure: bool,
    /// The oldest version of TLS that is offered. Default 1.2: older ones have been withdrawn (RFC
    /// 8996).
    pub oldest: TlsVersion,
    /// The newest one. Default 1.3.
    pub newest: TlsVersion,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    V1_2,
    /// RFC 8446.
    V1_3,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            system_roots: true,
            ca_files: Vec::new(),
            identity: None,
            insecure: false,
            oldest: TlsVersion::V1_2,
            newest: TlsVersion::V1_3,
        }
    }
}

/// A client certificate.
#[derive(Clone, Debug)]
pub struct ClientIdentity {
    /// PEM file of the certificate, followed by its chain.
    pub certificate: PathBuf,
    /// PEM file of its private key, without a passphrase.
    pub key: PathBuf,
}

/// Loaded TLS options; cloning shares them.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    verifier: Arc<dyn ServerCertVerifier>,
    /// Whether TLS 1.3 is among the versions that are offered.
    offers_1_3: bool,
}

impl TlsOptions {
    /// Reads the files, and has the machine's roots read, which the first handshake waits for. It
    /// blocks: before the run.
    ///
    /// A system root that cannot be parsed is left out, and a machine without any is no error: the
    /// first handshake that needs a root says that there is none.
    pub fn load(&self) -> Result<Tls, OptionsError> {
        let provider = Arc::new(ring::default_provider());
        let verifier = self.verifier(Arc::clone(&provider))?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions())
            .expect("ring supports both versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier));
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = files::certificates("--cert", &identity.certificate)?;
                let key = files::key("--key", &identity.key)?;
                let unusable = |error| OptionsError::Identity {
                    key: identity.key.clone(),
                    reason: identity_reason(&error, &identity.certificate),
                };
                builder.with_client_auth_cert(chain, key).map_err(unusable)?
            }
        };
        let offers_1_3 = self.newest == TlsVersion::V1_3;
        Ok(Tls { config: Arc::new(config), verifier, offers_1_3 })
    }

    /// The versions that are offered: of those that are wrong way round, the newest.
    fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let all = [(TlsVersion::V1_2, &TLS12), (TlsVersion::V1_3, &TLS13)];
        let oldest = self.oldest.min(self.newest);
        let is_offered = |version: &TlsVersion| (oldest..=self.newest).contains(version);
        all.iter().filter(|(version, _)| is_offered(version)).map(|(_, known)| *known).collect()
    }

    fn verifier(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, OptionsError> {
        if self.insecure {
            return Ok(Arc::new(Verifier { trusted: Trusted::Anybody, provider }));
        }
        let mut roots = Roots::new(self.system_roots);
        for file in &self.ca_files {
            for certificate in files::certificates("--ca-cert", file)? {
                roots.add(certificate).map_err(|error| OptionsError::File {
                    flag: "--ca-cert",
                    path: file.clone(),
                    reason: tls_reason(&error, "a root"),
                })?;
            }
        }
        Ok(Arc::new(Verifier { trusted: Trusted::Below(roots), provider }))
    }
}

fn identity_reason(error: &rustls::Error, certificate: &Path) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            format!("this key does not belong to the certificate in {}", certificate.display())
        }
        rustls::Error::General(_) => {
            "this kind of key cannot be used; RSA, ECDSA with P-256 or P-384, and Ed25519 can"
                .into()
        }
        other => tls_reason(other, "a client"),
    }
}

impl Tls {
    /// A configuration for one virtual user, with a session cache of its own.
    pub(crate) fn user(&self) -> UserTls {
        let mut config = ClientConfig::clone(&self.config);
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        UserTls { base: config, offers: Vec::new() }
    }

    /// A configuration for the QUIC connections of one user, which offer this protocol, and what
    /// its verifier says of certificates; nothing without TLS 1.3. The sessions are others than
    /// those over TCP: a ticket of one is of no use to the other.
    pub(crate) fn for_quic(
        &self,
        protocol: &[u8],
    ) -> Option<(Arc<ClientConfig>, Arc<CertificateWatch>)> {
        if !self.offers_1_3 {
            return None;
        }
        let watch = Arc::new(CertificateWatch::new(Arc::clone(&self.verifier)));
        let mut config = ClientConfig::clone(&self.config);
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        config.alpn_protocols = vec![protocol.to_vec()];
        let verifier: Arc<dyn ServerCertVerifier> = Arc::<CertificateWatch>::clone(&watch);
        config.dangerous().set_certificate_verifier(verifier);
        Some((Arc::new(config), watch))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// For how many hosts a user keeps what their last connections were given: a user meets few.
const SESSIONS: usize = 16;

/// The names of the protocols that a handshake offers (RFC 7301), the preferred one first.
pub(crate) type Alpn = &'static [&'static [u8]];

/// One user's TLS: the same session cache whichever protocols it offers.
pub(crate) struct UserTls {
    base: ClientConfig,
    /// What the user has offered so far; one entry where the user speaks one protocol.
    offers: Vec<(Alpn, Arc<ClientConfig>)>,
}

impl UserTls {
    /// The configuration that offers these protocols.
    pub(crate) fn offering(&mut self, protocols: Alpn) -> Arc<ClientConfig> {
        if let Some((_, known)) = self.offers.iter().find(|(offer, _)| *offer == protocols) {
            return Arc::clone(known);
        }
        let mut config = self.base.clone();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let config = Arc::new(config);
        // Each user costs this memory, and few users offer more than one list.
        self.offers.reserve_exact(1);
        self.offers.push((protocols, Arc::clone(&config)));
        config
    }
}

mod files;
mod verify;
mod watch;
