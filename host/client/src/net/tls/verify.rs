//! Whether the certificate that a server shows is accepted.

use std::sync::{Arc, LazyLock, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::net::faults::webpki_error;

/// Judges certificates by what is trusted. Signatures are checked whatever that is, so that the
/// handshake is a real one.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) trusted: Trusted,
    pub(super) provider: Arc<CryptoProvider>,
}

/// Whose certificates are accepted.
#[derive(Debug)]
pub(super) enum Trusted {
    /// Anybody's: the user asked for that.
    Anybody,
    /// Those below these roots.
    Below(Roots),
}

/// The machine's roots, if they count, and those of CA files; also each certificate of a CA file if
/// a server shows exactly that one: a self-signed certificate is its own authority, and the rules
/// of RFC 5280 do not allow an authority's certificate for a server. Its name and its dates must be
/// right as those of any other.
#[derive(Debug)]
pub(super) struct Roots {
    system: bool,
    given: RootCertStore,
    /// The certificates of the CA files.
    certificates: Vec<CertificateDer<'static>>,
    /// What the first certificate that is judged makes of them: nothing without any root.
    verifier: OnceLock<Option<Arc<WebPkiServerVerifier>>>,
}

/// The machine's own, without those that cannot be parsed. Reading them takes tens of milliseconds.
static SYSTEM: LazyLock<RootCertStore> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
});

impl Roots {
    /// With the machine's roots if `system`; they are read beside whatever else is to be done
    /// before the first handshake, which waits for them.
    pub(super) fn new(system: bool) -> Self {
        if system {
            // Where no thread can be had, the first handshake reads them.
            let _ = std::thread::Builder::new()
                .name("system roots".to_owned())
                .spawn(|| LazyLock::force(&SYSTEM));
        }
        Self {
            system,
            given: RootCertStore::empty(),
            certificates: Vec::new(),
            verifier: OnceLock::new(),
        }
    }

    /// Adds a certificate of a CA file.
    pub(super) fn add(
        &mut self,
        certificate: CertificateDer<'static>,
    ) -> Result<(), rustls::Error> {
        self.given.add(certificate.clone())?;
        self.certificates.push(certificate);
        Ok(())
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Option<&WebPkiServerVerifier> {
        let make = || {
            let mut roots = self.given.clone();
            if self.system {
                roots.extend(SYSTEM.roots.iter().cloned());
            }
            let provider = Arc::clone(provider);
            // Without roots there is none.
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()
        };
        self.verifier.get_or_init(make).as_deref()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Trusted::Below(roots) = &self.trusted else {
            return Ok(ServerCertVerified::assertion());
        };
        // A run without TLS needs none, and a run with TLS is told what is missing.
        let verifier = roots.verifier(&self.provider).ok_or_else(|| {
            rustls::Error::General(
                "no root certificate is known (install the system's, or give a CA file)".into(),
            )
        })?;
        match verifier.verify_server_cert(shown, chain, name, ocsp, now) {
            // The dates are checked before the issuer, so they have been checked by now.
            Err(rustls::Error::InvalidCertificate(reason))
                if is_about_the_issuer(&reason) && roots.certificates.contains(shown) =>
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

fn is_about_the_issuer(reason: &CertificateError) -> bool {
    *reason == CertificateError::UnknownIssuer
        || webpki_error(reason) == Some(&webpki::Error::CaUsedAsEndEntity)
}
