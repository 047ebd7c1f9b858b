//! Who belongs to the cluster: one key, whose signature on a certificate makes a node a member.
//!
//! The authority is made before any node is up, so that a deployment can carry it in a Secret and
//! make tokens from it; a first node without an authority makes its own. Whoever holds its key is
//! the cluster. It takes nothing from a signing request but the key: names, times and uses of a
//! certificate are set here, so that a request can ask for no more than to be a node by its id.

use std::fmt;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKey, PublicKeyData, date_time_ymd,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer};
use swell_protocol::message::NodeId;

use crate::certificate::{
    ADMITTING_NODE, ANY_NODE, CERTIFICATE_BACKDATED, CERTIFICATE_LIFE, Pin, node_name,
};
use crate::clock::ClusterClock;
use crate::identity::{Applicant, Identity, IdentityError, draw_node_id, read_node_id};
use crate::random::random;

/// The cluster's own key and certificate.
///
/// The certificate has no end: a cluster lives as long as its key is kept, and TLS accepts a trust
/// anchor whatever its dates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    pin: Pin,
}

/// What a certificate says that its holder does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateRole {
    /// A node like any other.
    Member,
    /// A node that holds the authority's key and may answer those that join.
    Admits,
}

/// A node's wish for a certificate, its signature checked: the node that asks holds the key.
pub(crate) struct SigningRequest {
    pub(crate) node: NodeId,
    /// SHA-256 of the key.
    pub(crate) key_hash: [u8; 32],
    key: PublicKey,
}

impl Authority {
    /// Makes a new cluster: draws its key and signs its certificate.
    pub fn found() -> Result<Self, IdentityError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        // Two clusters must not have the same name: then the error for a stranger's certificate
        // says that it is a stranger's, and not that its signature is bad.
        params.distinguished_name.push(
            DnType::CommonName,
            format!("swell cluster {:016x}", u64::from_be_bytes(random())),
        );
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key)?;
        let (der, pem) = (certificate.der().clone(), certificate.pem());
        Self::assemble(der, pem, key)
    }

    /// Reads a cluster's certificate and key as [`Authority::certificate_pem`] and
    /// [`Authority::key_pem`] printed them.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, IdentityError> {
        let unreadable = |what, reason| IdentityError::Unreadable { what, reason };
        let der = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(|e| unreadable("certificate", e.to_string()))?;
        let key = KeyPair::from_pem(key).map_err(|e| unreadable("key", e.to_string()))?;
        Self::assemble(der, certificate.to_owned(), key)
    }

    fn assemble(
        certificate: CertificateDer<'static>,
        certificate_pem: String,
        key: KeyPair,
    ) -> Result<Self, IdentityError> {
        let pin = Pin::of_certificate(&certificate).map_err(|e| IdentityError::Unreadable {
            what: "certificate",
            reason: e.to_string(),
        })?;
        if pin != Pin::of(&key.subject_public_key_info()) {
            return Err(IdentityError::OtherKey);
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key)?;
        Ok(Self { issuer, certificate, certificate_pem, pin })
    }

    /// The certificate, in PEM form. It is public.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key, in PEM form (PKCS #8). Whoever has it is the cluster.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// The hash by which tokens know the cluster.
    pub const fn pin(&self) -> Pin {
        self.pin
    }

    /// The identity of a node that holds the authority itself: of the first one, or of one that
    /// takes over.
    pub fn identity(&self, clock: ClusterClock) -> Result<Identity, IdentityError> {
        let applicant = Applicant::new(draw_node_id())?;
        let certificate = self.certify(
            &SigningRequest::parse(&applicant.request()?)?,
            CertificateRole::Admits,
            clock.unix_s(),
        )?;
        Identity::new(applicant, certificate, self.certificate.clone(), clock)
    }

    /// Renews the identity of a node that holds the authority itself.
    pub fn renew(&self, identity: &Identity) -> Result<(), IdentityError> {
        let applicant = Applicant::new(identity.id())?;
        let now_unix_s = identity.clock().unix_s();
        let certificate = self.certify(
            &SigningRequest::parse(&applicant.request()?)?,
            CertificateRole::Admits,
            now_unix_s,
        )?;
        identity.adopt(applicant, certificate, now_unix_s)
    }

    pub(crate) const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Signs a certificate for the key and the id of a request.
    pub(crate) fn certify(
        &self,
        request: &SigningRequest,
        role: CertificateRole,
        now_unix_s: u64,
    ) -> Result<CertificateDer<'static>, IdentityError> {
        let mut names = vec![node_name(request.node), ANY_NODE.to_owned()];
        if role == CertificateRole::Admits {
            names.push(ADMITTING_NODE.to_owned());
        }
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, request.node.to_string());
        // 10,000 years hold all times that a clock can show and DER can write.
        let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(now_unix_s.min(253_000_000_000));
        params.not_before = now - CERTIFICATE_BACKDATED;
        params.not_after = now + CERTIFICATE_LIFE;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        Ok(params.signed_by(&request.key, &self.issuer)?.der().clone())
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("pin", &self.pin).finish_non_exhaustive()
    }
}

impl SigningRequest {
    /// Reads a request in DER form (PKCS #10) and checks its signature. Only the node's id and the
    /// key are taken from it.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, IdentityError> {
        let bad = |reason: String| IdentityError::BadRequest { reason };
        let request =
            CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(der))
                .map_err(|e| bad(e.to_string()))?;
        let key = request.public_key;
        // An uncompressed point of P-256 has 65 bytes; no other curve's has.
        if *key.algorithm() != PKCS_ECDSA_P256_SHA256 || key.der_bytes().len() != 65 {
            return Err(bad("its key is not on the curve P-256".into()));
        }
        let name = request.params.distinguished_name.get(&DnType::CommonName);
        let name = name.and_then(|name| {
            if let rcgen::DnValue::Utf8String(name) = name { Some(name) } else { None }
        });
        let node = name
            .and_then(|name| read_node_id(name).ok())
            .ok_or_else(|| bad("it names no host".into()))?;
        Ok(Self { node, key_hash: *Pin::of(&key.subject_public_key_info()).as_bytes(), key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_survives_its_pem_form() {
        let authority = Authority::found().unwrap();
        let again = Authority::from_pem(authority.certificate_pem(), &authority.key_pem()).unwrap();
        assert_eq!(again.pin(), authority.pin());
        let identity = again.identity(ClusterClock::of_this_machine()).unwrap();
        authority.renew(&identity).unwrap();
    }

    #[test]
    fn a_key_of_another_cluster_is_refused() {
        let (one, other) = (Authority::found().unwrap(), Authority::found().unwrap());
        assert!(matches!(
            Authority::from_pem(one.certificate_pem(), &other.key_pem()),
            Err(IdentityError::OtherKey)
        ));
        assert!(matches!(
            Authority::from_pem("no certificate", &other.key_pem()),
            Err(IdentityError::Unreadable { what: "certificate", .. })
        ));
        assert!(matches!(
            Authority::from_pem(one.certificate_pem(), "no key"),
            Err(IdentityError::Unreadable { what: "key", .. })
        ));
    }

    #[test]
    fn a_signing_request_that_was_tampered_with_or_is_none_is_refused() {
        let mut request = Applicant::new(draw_node_id()).unwrap().request().unwrap();
        assert!(SigningRequest::parse(&request).is_ok());
        let last = request.len() - 1;
        request[last] ^= 1;
        assert!(matches!(SigningRequest::parse(&request), Err(IdentityError::BadRequest { .. })));
        assert!(matches!(SigningRequest::parse(b"garbage"), Err(IdentityError::BadRequest { .. })));
    }

    #[test]
    fn a_signing_request_of_a_foreign_key_or_without_a_node_is_refused() {
        let mut params = CertificateParams::default();
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let nameless = params.serialize_request(&key).unwrap();
        assert!(matches!(
            SigningRequest::parse(nameless.der()),
            Err(IdentityError::BadRequest { .. })
        ));
        params.distinguished_name.push(DnType::CommonName, draw_node_id().to_string());
        let foreign = params
            .serialize_request(&KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap())
            .unwrap();
        assert!(matches!(
            SigningRequest::parse(foreign.der()),
            Err(IdentityError::BadRequest { .. })
        ));
    }
}
