//! Why a certificate was not accepted, for handshakes that do not tell.
//!
//! QUIC hands on of a failed handshake an alert and a line of text. What is wrong with a
//! certificate, and what helps, is in the error of TLS, so it is kept on its way.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// A verifier that remembers what it did not accept.
#[derive(Debug)]
pub(crate) struct CertificateWatch {
    verifier: Arc<dyn ServerCertVerifier>,
    /// Whose certificates were not accepted, and why; until somebody asks.
    refused: Mutex<Vec<(ServerName<'static>, rustls::Error)>>,
}

/// How many refusals are kept that nobody asks for, as whoever shook hands has gone.
const KEPT: usize = 8;

impl CertificateWatch {
    pub(super) fn new(verifier: Arc<dyn ServerCertVerifier>) -> Self {
        Self { verifier, refused: Mutex::default() }
    }

    /// Why the certificate of this name was not accepted, if it was not.
    pub(crate) fn take(&self, name: &ServerName<'_>) -> Option<rustls::Error> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let at = refused.iter().position(|(of, _)| of == name)?;
        Some(refused.swap_remove(at).1)
    }
}

impl ServerCertVerifier for CertificateWatch {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verifier.verify_server_cert(shown, chain, name, ocsp, now).inspect_err(|error| {
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            if refused.len() == KEPT {
                refused.remove(0);
            }
            refused.push((name.to_owned(), error.clone()));
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
