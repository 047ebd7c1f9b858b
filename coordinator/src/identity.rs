//! Who a node is: an id drawn for the life of its process, a key that never leaves it, and the
//! cluster's signature that ties them together.
//!
//! ## Why no step of a clock takes a node's identity
//! Nothing here asks the machine's clock. A certificate's times are compared with the cluster's
//! time ([`ClusterClock`]). The time until a renewal is counted from the moment when the
//! certificate was received, on a clock that nobody can set: it is due after half of the
//! certificate's life, so that there are twelve hours in which a renewal may fail. If two nodes
//! still disagree on the time, each by an hour to either side, certificates begin early enough and
//! end late enough for both. A connection that exists is not asked for its certificate again.
//!
//! One case remains: a machine that was suspended for a day has lost its identity, and its node
//! joins anew.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::RootCertStore;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use swell_protocol::message::NodeId;

use crate::certificate::{CERTIFICATE_LIFE, provider, verify_node};
use crate::clock::{ClusterClock, since_boot};
use crate::random::random;

/// A member's id, key and certificate, to be shared with an [`Arc`].
pub struct Identity {
    id: NodeId,
    authority: CertificateDer<'static>,
    roots: Arc<RootCertStore>,
    clock: ClusterClock,
    current: Mutex<Current>,
}

/// What a renewal replaces.
struct Current {
    key: Arc<CertifiedKey>,
    /// Since boot.
    renew_at: Duration,
}

/// Why an identity cannot be made, read or renewed. The identity before stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A PEM text holds no certificate or no key.
    #[error(
        "the cluster's {what} cannot be read: {reason}\nhelp: give the PEM text that the cluster \
        was founded with"
    )]
    Unreadable {
        /// Certificate or key.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate and a key do not belong together.
    #[error(
        "the cluster's key is not the one in its certificate\nhelp: give both as they were made \
        together"
    )]
    OtherKey,
    /// A signing request cannot be read, is not signed by its key, or asks for what no node may
    /// have.
    #[error("a signing request cannot be granted: {reason}")]
    BadRequest {
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate that was sent to this node is not this node's, or is not signed by its
    /// cluster.
    #[error("the certificate that was granted is not this node's: {reason}")]
    NotOurs {
        /// What is wrong with it.
        reason: String,
    },
    /// A key or a certificate cannot be made.
    #[error("a key or certificate cannot be made: {0}")]
    Making(#[from] rcgen::Error),
}

/// Draws the id of a new process. Two of a million nodes have the same one in one of 37 million
/// clusters.
pub(crate) fn draw_node_id() -> NodeId {
    NodeId(u64::from_be_bytes(random()))
}

/// Reads an id as it is printed: 16 hexadecimal digits, in small letters.
pub(crate) fn read_node_id(text: &str) -> Result<NodeId, IdentityError> {
    let small = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let number = small.then(|| u64::from_str_radix(text, 16).ok()).flatten();
    number.map(NodeId).ok_or_else(|| IdentityError::BadRequest {
        reason: format!("a host's id is 16 hexadecimal digits, not {text:?}"),
    })
}

impl Identity {
    /// Takes over the certificate that was granted to an applicant, if it is the applicant's and is
    /// signed by its cluster.
    pub(crate) fn new(
        applicant: Applicant,
        certificate: CertificateDer<'static>,
        authority: CertificateDer<'static>,
        clock: ClusterClock,
    ) -> Result<Self, IdentityError> {
        let mut roots = RootCertStore::empty();
        roots
            .add(authority.clone())
            .map_err(|e| IdentityError::NotOurs { reason: e.to_string() })?;
        let id = applicant.id;
        let key = applicant.certified(certificate, &authority, &roots, &clock)?;
        let current = Mutex::new(Current::fresh(key));
        Ok(Self { id, authority, roots: Arc::new(roots), clock, current })
    }

    /// The node's name.
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// The cluster's time.
    pub const fn clock(&self) -> &ClusterClock {
        &self.clock
    }

    /// How long until the certificate is to be renewed, none when it is due: by
    /// [`NodeEndpoint::renew`](crate::NodeEndpoint::renew), or where the authority is by
    /// [`Authority::renew`](crate::Authority::renew). If that fails there are twelve hours to try
    /// again.
    ///
    /// Ask now and then: while the machine is suspended this time passes, and that of a timer does
    /// not.
    pub fn renew_in(&self) -> Duration {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .renew_at
            .saturating_sub(since_boot())
    }

    /// Replaces key and certificate, and takes over the time at which they were granted;
    /// connections that stand are left as they are.
    pub(crate) fn adopt(
        &self,
        applicant: Applicant,
        certificate: CertificateDer<'static>,
        now_unix_s: u64,
    ) -> Result<(), IdentityError> {
        // By its signature the cluster vouches for the key, which is fresh, and so for the time as
        // well.
        let key = applicant.certified(
            certificate,
            &self.authority,
            &self.roots,
            &ClusterClock::showing(now_unix_s),
        )?;
        self.clock.set(now_unix_s);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Current::fresh(key);
        Ok(())
    }

    pub(crate) fn roots(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.roots)
    }

    fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner).key)
    }
}

impl Current {
    fn fresh(key: CertifiedKey) -> Self {
        Self { key: Arc::new(key), renew_at: since_boot() + CERTIFICATE_LIFE / 2 }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("id", &self.id).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key())
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.key())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A node with a fresh key that has no certificate for it yet.
pub(crate) struct Applicant {
    id: NodeId,
    key: KeyPair,
}

impl Applicant {
    pub(crate) fn new(id: NodeId) -> Result<Self, IdentityError> {
        Ok(Self { id, key: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)? })
    }

    /// The signing request, in DER form (PKCS #10).
    pub(crate) fn request(&self) -> Result<Vec<u8>, IdentityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, self.id.to_string());
        Ok(params.serialize_request(&self.key)?.der().to_vec())
    }

    /// The key with the certificate that was granted, both checked.
    fn certified(
        self,
        certificate: CertificateDer<'static>,
        authority: &CertificateDer<'static>,
        roots: &RootCertStore,
        clock: &ClusterClock,
    ) -> Result<CertifiedKey, IdentityError> {
        let not_ours = |e: rustls::Error| IdentityError::NotOurs { reason: e.to_string() };
        verify_node(&certificate, roots, self.id, clock).map_err(not_ours)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        // The authority's certificate goes along, so that a joining node finds the key that its
        // token pins.
        CertifiedKey::from_der(vec![certificate, authority.clone()], key, &provider())
            .map_err(not_ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::{Authority, CertificateRole, SigningRequest};
    use crate::certificate::CERTIFICATE_BACKDATED;

    fn granted(
        authority: &Authority,
        applicant: &Applicant,
        now_unix_s: u64,
    ) -> CertificateDer<'static> {
        authority
            .certify(
                &SigningRequest::parse(&applicant.request().unwrap()).unwrap(),
                CertificateRole::Member,
                now_unix_s,
            )
            .unwrap()
    }

    #[test]
    fn a_node_id_is_sixteen_digits_in_and_out() {
        let id = NodeId(0xabc);
        assert_eq!(id.to_string(), "0000000000000abc");
        assert_eq!(read_node_id(&id.to_string()).unwrap(), id);
        for text in ["abc", "0000000000000ABC", "+000000000000abc", "00000000000000abc"] {
            assert!(read_node_id(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_certificate_for_another_node_key_or_cluster_is_not_taken() {
        let (cluster, other) = (Authority::found().unwrap(), Authority::found().unwrap());
        let identity = cluster.identity(ClusterClock::showing(1_000_000)).unwrap();
        let refused = |applicant: Applicant, certificate| {
            assert!(matches!(
                identity.adopt(applicant, certificate, 1_000_000),
                Err(IdentityError::NotOurs { .. })
            ));
        };
        let [ours, same_node, foreign] =
            [identity.id(), identity.id(), draw_node_id()].map(|id| Applicant::new(id).unwrap());
        refused(Applicant::new(identity.id()).unwrap(), granted(&cluster, &same_node, 1_000_000));
        refused(Applicant::new(identity.id()).unwrap(), granted(&cluster, &foreign, 1_000_000));
        let strangers = granted(&other, &ours, 1_000_000);
        refused(ours, strangers);
    }

    #[test]
    fn clocks_that_are_an_hour_off_to_either_side_agree_on_a_certificate_until_it_is_renewed() {
        let authority = Authority::found().unwrap();
        let [hour, now] = [3600, 1_000_000];
        for signed_at in [now - hour, now, now + hour] {
            for checked_at in [
                now - hour,
                now + hour,
                now - hour + CERTIFICATE_LIFE.as_secs() / 2,
                now + hour + CERTIFICATE_LIFE.as_secs() / 2,
            ] {
                let applicant = Applicant::new(draw_node_id()).unwrap();
                let certificate = granted(&authority, &applicant, signed_at);
                let identity = Identity::new(
                    applicant,
                    certificate,
                    authority.certificate().clone(),
                    ClusterClock::showing(checked_at),
                );
                assert!(
                    identity.is_ok(),
                    "signed at {signed_at}, checked at {checked_at}: {identity:?}"
                );
            }
        }
        let applicant = Applicant::new(draw_node_id()).unwrap();
        let certificate = granted(&authority, &applicant, now);
        let long_before = ClusterClock::showing(now - CERTIFICATE_BACKDATED.as_secs() - 60);
        assert!(
            Identity::new(applicant, certificate, authority.certificate().clone(), long_before)
                .is_err()
        );
    }

    #[test]
    fn renewal_is_due_after_half_a_day_whatever_the_clock_shows() {
        let identity =
            Authority::found().unwrap().identity(ClusterClock::showing(1_000_000)).unwrap();
        identity.clock().set(9_000_000);
        let left = identity.renew_in();
        assert!(
            left <= CERTIFICATE_LIFE / 2 && left > CERTIFICATE_LIFE / 2 - Duration::from_secs(60),
            "{left:?}"
        );
    }
}
