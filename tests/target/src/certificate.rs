//! Certificates, good and bad, made afresh for each target.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// What a client should think of a target's certificate, given the authority of
/// [`Target::ca_pem`](crate::Target::ca_pem).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CertificateKind {
    /// Valid for `localhost`, `127.0.0.1` and `::1`.
    Good,
    /// Was valid until the end of 2020.
    Expired,
    /// Valid for `elsewhere.example` alone.
    WrongName,
    /// Signed by itself: no authority vouches for it.
    SelfSigned,
}

pub(crate) struct Certificate {
    pub(crate) ca_pem: String,
    pub(crate) acceptor: TlsAcceptor,
}

impl Certificate {
    /// Makes the keys and the certificates; both versions of HTTP are offered.
    pub(crate) fn new(kind: CertificateKind) -> Self {
        const MADE: &str = "names and dates are constants that rcgen takes";
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "swell target CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().expect(MADE)).expect(MADE);

        let names: &[&str] = if kind == CertificateKind::WrongName {
            &["elsewhere.example"]
        } else {
            &["localhost", "127.0.0.1", "::1"]
        };
        let mut leaf =
            CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
                .expect(MADE);
        leaf.distinguished_name.push(DnType::CommonName, "swell target");
        if kind == CertificateKind::Expired {
            (leaf.not_before, leaf.not_after) =
                (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 12, 31));
        }
        let key = KeyPair::generate().expect(MADE);
        let leaf = match kind {
            CertificateKind::SelfSigned => leaf.self_signed(&key),
            _ => leaf.signed_by(&key, &ca),
        };
        let chain = vec![leaf.expect(MADE).der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has both versions");
        let mut config = versions
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("the key is the certificate's own");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { ca_pem: ca.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) }
    }
}
