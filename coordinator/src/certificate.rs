//! What a node's certificate says, and whether a certificate is good.
//!
//! A certificate has the name of its node, and the name that all nodes of the cluster have, so that
//! a member can be dialled by its id or as any member. A third name says that its holder may admit
//! nodes.

use std::fmt;
use std::time::Duration;

use ring::digest::{SHA256, digest};
use rustls::RootCertStore;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring as provider_ring};
use rustls::server::ParsedCertificate;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::{CertificateDer, ServerName};
use serde::{Deserialize, Serialize};
use swell_protocol::message::NodeId;

use crate::clock::ClusterClock;

/// The name in every node's certificate. The top level is reserved for private use (ICANN, 2024),
/// so nobody's DNS can hold it.
pub(crate) const ANY_NODE: &str = "swell.internal";
/// The name in the certificate of a node that admits others.
pub(crate) const ADMITTING_NODE: &str = "admits.swell.internal";

/// How long a certificate is good. A node that nobody renews is out after a day.
pub(crate) const CERTIFICATE_LIFE: Duration = Duration::from_secs(24 * 3600);
/// How far back a certificate begins: the clocks of the node that admits and of a node that checks
/// may each be off by an hour, to either side, and one more hour is for a machine that slept.
pub(crate) const CERTIFICATE_BACKDATED: Duration = Duration::from_secs(3 * 3600);

/// The SHA-256 hash of a cluster's public key (its SubjectPublicKeyInfo): by it a joining node
/// knows the cluster.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pin([u8; 32]);

impl Pin {
    pub(crate) fn of(public_key_info: &[u8]) -> Self {
        Self(digest(&SHA256, public_key_info).as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    pub(crate) fn of_certificate(certificate: &CertificateDer<'_>) -> Result<Self, rustls::Error> {
        Ok(Self::of(&ParsedCertificate::try_from(certificate)?.subject_public_key_info()))
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

/// The name in the certificate of this one node.
pub(crate) fn node_name(node: NodeId) -> String {
    format!("{node}.{ANY_NODE}")
}

/// The cryptography of all that is signed, checked and exchanged here.
pub(crate) fn provider() -> CryptoProvider {
    provider_ring::default_provider()
}

/// Whether a certificate belongs to this node, is signed by the cluster, and is good now.
pub(crate) fn verify_node(
    certificate: &CertificateDer<'_>,
    roots: &RootCertStore,
    node: NodeId,
    clock: &ClusterClock,
) -> Result<(), rustls::Error> {
    let now = clock.current_time().ok_or(rustls::Error::FailedToGetCurrentTime)?;
    let parsed = ParsedCertificate::try_from(certificate)?;
    verify_server_cert_signed_by_trust_anchor(
        &parsed,
        roots,
        &[],
        now,
        provider().signature_verification_algorithms.all,
    )?;
    verify_server_name(&parsed, &server_name(&node_name(node)))
}

/// Whether the other side showed a certificate of the cluster, and whether it names this node.
pub(crate) fn proves(connection: &quinn::Connection, node: NodeId) -> bool {
    let shown = connection
        .peer_identity()
        .and_then(|chain| chain.downcast::<Vec<CertificateDer<'static>>>().ok());
    let Some(certificate) = shown.as_deref().and_then(|chain| chain.first()) else { return false };
    ParsedCertificate::try_from(certificate)
        .is_ok_and(|parsed| verify_server_name(&parsed, &server_name(&node_name(node))).is_ok())
}

/// A name as TLS compares it.
///
/// # Panics
/// Where it is no name of DNS.
pub(crate) fn server_name(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).expect("letters, digits and dots make a name")
}
