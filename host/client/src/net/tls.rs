//! Which certificates are trusted and which is ours, loaded once for all workers.
//!
//! Roots are parsed and the verifier is built in [`TlsOptions::load`]; a [`Tls`] is a handle on the
//! outcome. A virtual user gets a configuration of its own for its session cache (see
//! [`Tls::user`]), because a user that resumes another's session is not the client that it plays.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::error::OptionsError;
use crate::net::faults::{tls_reason, webpki_error};

/// What to load.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// Whether the machine's own roots are trusted. Default true.
    pub system_roots: bool,
    /// PEM files of further roots.
    pub ca_files: Vec<PathBuf>,
    /// Who we are, for services that ask.
    pub identity: Option<ClientIdentity>,
    /// Accept any certificate. Default false.
    pub insecure: bool,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self { system_roots: true, ca_files: Vec::new(), identity: None, insecure: false }
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
pub struct Tls(Arc<ClientConfig>);

impl TlsOptions {
    /// Reads the files and the machine's roots. It takes milliseconds and blocks: once a process,
    /// before the run.
    ///
    /// A system root that cannot be parsed is left out, and a machine without any is no error: the
    /// first handshake that needs a root says that there is none.
    pub fn load(&self) -> Result<Tls, OptionsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("ring supports the default protocol versions")
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(provider)?);
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
        Ok(Tls(Arc::new(config)))
    }

    fn verifier(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, OptionsError> {
        if self.insecure {
            return Ok(Arc::new(Unverified { accept: true, provider }));
        }
        let mut roots = RootCertStore::empty();
        if self.system_roots {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let mut given = Vec::new();
        for file in &self.ca_files {
            for certificate in files::certificates("--ca-cert", file)? {
                let unusable = |e: rustls::Error| OptionsError::File {
                    flag: "--ca-cert",
                    path: file.clone(),
                    reason: tls_reason(&e, "a root"),
                };
                roots.add(certificate.clone()).map_err(unusable)?;
                given.push(certificate);
            }
        }
        if roots.is_empty() {
            return Ok(Arc::new(Unverified { accept: false, provider }));
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let roots =
            verifier.expect("a verifier with roots and without revocation lists can be built");
        Ok(Arc::new(Trusting { roots, given }))
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
        let mut config = ClientConfig::clone(&self.0);
        // A user meets few hosts; each keeps what its last connections were given.
        config.resumption = Resumption::in_memory_sessions(16);
        UserTls { base: config, offers: Vec::new() }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// The names of protocols that a handshake offers (RFC 7301), the preferred one first.
pub(crate) type Alpn = &'static [&'static [u8]];

/// One user's TLS: the same session cache whichever protocols it offers.
pub(crate) struct UserTls {
    base: ClientConfig,
    /// What it has offered so far; one entry where a user speaks one protocol.
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
        // A user costs memory ten thousand times, and few offer more than one list.
        self.offers.reserve_exact(1);
        self.offers.push((protocols, Arc::clone(&config)));
        config
    }
}

/// Trusts the roots, and each certificate of a CA file as the one that a server shows: a
/// self-signed one is its own authority, and the rules of RFC 5280 for a server's certificate
/// refuse an authority's. Its name and its dates must be right as anybody's.
#[derive(Debug)]
struct Trusting {
    roots: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.roots.verify_server_cert(shown, chain, name, ocsp, now) {
            // Its dates come before its issuer, so that they have been looked at.
            Err(rustls::Error::InvalidCertificate(reason))
                if is_about_the_issuer(&reason) && self.given.contains(shown) =>
            {
                verify_server_name(&ParsedCertificate::try_from(shown)?, name)
                    .map(|()| ServerCertVerified::assertion())
            }
            decided => decided,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.roots.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.roots.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.roots.supported_verify_schemes()
    }
}

fn is_about_the_issuer(reason: &CertificateError) -> bool {
    *reason == CertificateError::UnknownIssuer
        || webpki_error(reason) == Some(&webpki::Error::CaUsedAsEndEntity)
}

/// Says the same of every certificate: yes where the user asked for it, no where no root is known
/// (a run without TLS needs none, and one with it is told what is missing). Signatures are checked
/// in either case, so that the handshake is one.
#[derive(Debug)]
struct Unverified {
    accept: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.accept {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General(
                "no root certificate is known (install the system's, or give a CA file)".into(),
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

mod files;
