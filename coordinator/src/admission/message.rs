//! The one question of joining and the one answer, and the proof in the question.

use quinn::Connection;
use ring::hmac;
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use swell_protocol::message::NodeId;

use crate::refusal::JoinRefusal;
use crate::token::{Token, TokenId};
use crate::wire::frame::encode;
use crate::wire::hello::Hello;

/// The longest question: a signing request of some hundred bytes.
pub(crate) const MAX_QUESTION: usize = 4096;
/// The longest answer: two certificates of some hundred bytes.
pub(crate) const MAX_ANSWER: usize = 8192;
/// What the bytes that TLS derives are for; another use would have another label.
const EXPORTER: &[u8] = b"EXPORTER-swell-join-1";

/// A certificate on its way to the node that it is for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Grant {
    certificate: Vec<u8>,
    /// The certificate of the cluster itself, by whose key the other is signed.
    authority: Vec<u8>,
    /// The cluster's time, so that a node need not trust its own clock.
    now_unix_s: u64,
}

/// What a node asks. Its protocol and its release come first in the message, are read first and
/// never change their place.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct JoinQuestion {
    pub(crate) token: TokenId,
    /// For the node's fresh key, in DER form (PKCS #10).
    pub(crate) signing_request: Vec<u8>,
    /// What [`proof_key`] signs of [`proven`].
    pub(crate) proof: [u8; 32],
}

/// The answer. The refusal is the first variant, and "another protocol" is its own first variant,
/// so that every release can read why it was not admitted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum JoinAnswer {
    Refused(JoinRefusal),
    Admitted { grant: Grant, coordinator: NodeId },
}

/// The one message of a node that would join.
pub(crate) fn question(
    token: &Token,
    hello: &Hello,
    signing_request: Vec<u8>,
    exporter: &[u8; 32],
) -> bytes::Bytes {
    let proof = hmac::sign(&proof_key(token.secret()), &proven(exporter, &signing_request));
    let proof = proof.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes");
    encode(&(
        hello.protocol,
        &hello.release,
        JoinQuestion { token: token.id(), signing_request, proof },
    ))
    .expect("a question is short and plain")
}

/// What a token's secret signs with.
pub(crate) fn proof_key(secret: &[u8; 32]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}

/// What it signs.
pub(crate) fn proven(exporter: &[u8; 32], signing_request: &[u8]) -> Vec<u8> {
    [exporter, signing_request].concat()
}

/// Bytes that only the two ends of this connection know.
pub(crate) fn exporter(connection: &Connection) -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    connection
        .export_keying_material(&mut bytes, EXPORTER, b"")
        .map_err(|_| "TLS derives no bytes for a proof".to_owned())?;
    Ok(bytes)
}

impl Grant {
    pub(crate) fn new(
        certificate: &CertificateDer<'_>,
        authority: &CertificateDer<'_>,
        now_unix_s: u64,
    ) -> Self {
        Self { certificate: certificate.to_vec(), authority: authority.to_vec(), now_unix_s }
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.certificate.clone())
    }

    pub(crate) fn authority(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.authority.clone())
    }

    pub(crate) const fn now_unix_s(&self) -> u64 {
        self.now_unix_s
    }
}
