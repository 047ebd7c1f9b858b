//! Whether the certificate that a server shows is accepted.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::net::faults::webpki_error;

/// Trusts the roots, and also each certificate of a CA file if a server shows exactly that one: a
/// self-signed certificate is its own authority, and the rules of RFC 5280 do not allow an
/// authority's certificate for a server. Its name and its dates must be right as those of any
/// other.
#[derive(Debug)]
pub(super) struct Trusting {
    pub(super) roots: Arc<WebPkiServerVerifier>,
    /// The certificates of the CA files.
    pub(super) given: Vec<CertificateDer<'static>>,
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
            // The dates are checked before the issuer, so they have been checked by now.
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

/// Gives the same answer for every certificate: yes where the user asked for that; no where no root
/// is known (a run without TLS needs none, and a run with TLS is told what is missing). Signatures
/// are checked in either case, so that the handshake is a real one.
#[derive(Debug)]
pub(super) struct Unverified {
    pub(super) accept: bool,
    pub(super) provider: Arc<CryptoProvider>,
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
