//! Whose certificate is accepted, in which protocol.
//!
//! Two protocols share the one port of a node. In `swell-join/1` only the node that admits proves
//! who it is, by the key that the token pins; in `swell/1` both sides show a certificate of the
//! cluster. TLS asks for the client's certificate before it knows the protocol, so a server always
//! asks, checks a certificate that it is shown, and [`NodeEndpoint`](crate::NodeEndpoint) closes a
//! `swell/1` connection that came without one before it reads a byte. TLS 1.3 only; no tickets,
//! hence no resumption and no 0-RTT: each connection proves its ends anew, and nothing of it can be
//! replayed.
//!
//! The protocol's number is its major version. A server also agrees to numbers that it does not
//! speak, for as long as it takes to say so: otherwise the other side would only hear that TLS
//! found no common protocol.

use std::sync::Arc;

use quinn::crypto::rustls::{HandshakeData, QuicClientConfig, QuicServerConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::certificate::{Pin, provider};
use crate::identity::Identity;

/// The protocol between members.
pub(crate) const LINK_PROTOCOL: &str = "swell/1";
/// The protocol by which a node becomes one.
pub(crate) const JOIN_PROTOCOL: &str = "swell-join/1";
/// The major versions that this release can refuse by name.
const OTHER_MAJORS: std::ops::RangeInclusive<u32> = 2..=9;

/// How a node answers when it is dialled.
pub(crate) fn server(identity: &Arc<Identity>) -> quinn::ServerConfig {
    let provider = Arc::new(provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(identity.roots(), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .expect("a verifier with a root and without revocation lists can be built");
    let mut config =
        ServerConfig::builder_with_details(provider, Arc::new(identity.clock().clone()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("ring supports TLS 1.3")
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(identity) as _);
    // The first that the client offers too is taken.
    let others =
        OTHER_MAJORS.flat_map(|major| [format!("swell/{major}"), format!("swell-join/{major}")]);
    config.alpn_protocols = [LINK_PROTOCOL, JOIN_PROTOCOL]
        .into_iter()
        .map(str::to_owned)
        .chain(others)
        .map(String::into_bytes)
        .collect();
    config.send_tls13_tickets = 0;
    let config = QuicServerConfig::try_from(config)
        .expect("ring supports the cipher suite of QUIC's first packets");
    quinn::ServerConfig::with_crypto(Arc::new(config))
}

/// How a member dials another.
pub(crate) fn link_client(identity: &Arc<Identity>) -> quinn::ClientConfig {
    let config = ClientConfig::builder_with_details(
        Arc::new(provider()),
        Arc::new(identity.clock().clone()),
    )
    .with_protocol_versions(&[&rustls::version::TLS13])
    .expect("ring supports TLS 1.3")
    .with_root_certificates(identity.roots())
    .with_client_cert_resolver(Arc::clone(identity) as _);
    client(config, LINK_PROTOCOL)
}

/// How a node with a token dials the one that admits.
pub(crate) fn join_client(pin: Pin) -> quinn::ClientConfig {
    anonymous_client(pin, JOIN_PROTOCOL)
}

/// How a node without a certificate dials, in any protocol.
pub(crate) fn anonymous_client(pin: Pin, protocol: &str) -> quinn::ClientConfig {
    let provider = Arc::new(provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring supports TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { pin, provider }))
        .with_no_client_auth();
    client(config, protocol)
}

/// How a node with the certificate of another cluster dials.
#[cfg(test)]
pub(crate) fn foreign_client(pin: Pin, foreign: &Arc<Identity>) -> quinn::ClientConfig {
    let provider = Arc::new(provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { pin, provider }))
        .with_client_cert_resolver(Arc::clone(foreign) as _);
    client(config, LINK_PROTOCOL)
}

fn client(mut config: ClientConfig, protocol: &str) -> quinn::ClientConfig {
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    config.resumption = Resumption::disabled();
    let config = QuicClientConfig::try_from(config)
        .expect("ring supports the cipher suite of QUIC's first packets");
    let mut config = quinn::ClientConfig::new(Arc::new(config));
    config.token_store(Arc::new(quinn::NoneTokenStore));
    config
}

/// The protocol that both sides agreed on.
pub(crate) fn protocol_of(connection: &quinn::Connection) -> String {
    let data = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    let name = data.and_then(|data| data.protocol).unwrap_or_default();
    String::from_utf8_lossy(&name).into_owned()
}

/// Accepts a node that admits by the pin of its cluster and by nothing else: not even by the time,
/// which the joining node is about to be told.
#[derive(Debug)]
struct Pinned {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let authority =
            chain.iter().find(|link| Pin::of_certificate(link).is_ok_and(|pin| pin == self.pin));
        let authority =
            authority.ok_or(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let parsed = ParsedCertificate::try_from(certificate)?;
        let verify = |now| {
            verify_server_cert_signed_by_trust_anchor(
                &parsed,
                &roots,
                &[],
                now,
                self.provider.signature_verification_algorithms.all,
            )
        };
        verify(now).or_else(|e| match e {
            rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
                not_after,
                ..
            }) => verify(not_after),
            rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext {
                not_before,
                ..
            }) => verify(not_before),
            e => Err(e),
        })?;
        verify_server_name(&parsed, name)?;
        Ok(ServerCertVerified::assertion())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::{Authority, CertificateRole, SigningRequest};
    use crate::certificate::{ADMITTING_NODE, server_name};
    use crate::identity::{Applicant, draw_node_id};

    fn certificate(
        authority: &Authority,
        role: CertificateRole,
        now_unix_s: u64,
    ) -> CertificateDer<'static> {
        let request = Applicant::new(draw_node_id()).unwrap().request().unwrap();
        authority.certify(&SigningRequest::parse(&request).unwrap(), role, now_unix_s).unwrap()
    }

    fn believed(
        pin: Pin,
        certificate: &CertificateDer<'_>,
        authority: &Authority,
        now_unix_s: u64,
    ) -> bool {
        let pinned = Pinned { pin, provider: Arc::new(provider()) };
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now_unix_s));
        pinned
            .verify_server_cert(
                certificate,
                &[authority.certificate().clone()],
                &server_name(ADMITTING_NODE),
                &[],
                now,
            )
            .is_ok()
    }

    #[test]
    fn a_node_that_admits_is_believed_by_the_pin_whatever_the_time() {
        let authority = Authority::found().unwrap();
        let shown = certificate(&authority, CertificateRole::Admits, 1_000_000);
        for now in [0, 1_000_000, 900_000_000] {
            assert!(believed(authority.pin(), &shown, &authority, now), "at {now}");
        }
    }

    #[test]
    fn another_cluster_and_a_member_that_does_not_admit_are_not_believed() {
        let (authority, other) = (Authority::found().unwrap(), Authority::found().unwrap());
        let shown = certificate(&authority, CertificateRole::Admits, 1_000_000);
        assert!(!believed(other.pin(), &shown, &authority, 1_000_000));
        // The pinned certificate alone is public, and proves nothing about a key that it did not
        // sign.
        assert!(!believed(other.pin(), &shown, &other, 1_000_000));
        assert!(!believed(
            authority.pin(),
            &certificate(&authority, CertificateRole::Member, 1_000_000),
            &authority,
            1_000_000
        ));
    }
}
