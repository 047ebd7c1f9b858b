//! Joining: by one question and one answer a token becomes an identity.
//!
//! A node with a token dials the one that admits, which proves itself by the key that the token
//! pins. The node then sends the one message that this protocol accepts: which token it has, a
//! signing request for its fresh key, and a proof that it knows the token's secret. The answer is
//! its certificate, or the reason why not.
//!
//! ## What the proof is worth to a thief
//! It is an HMAC over the signing request and over bytes that TLS derives for this connection alone
//! (an exporter, RFC 8446, section 7.5). Sent again on another connection it proves nothing, for
//! another key neither, and the secret itself never travels. So a captured message is worthless,
//! even to who holds the private key of another member.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use quinn::{Connection, ConnectionError};
use ring::hmac;
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::authority::{Authority, Role, SigningRequest};
use crate::clock::ClusterClock;
use crate::identity::{Applicant, Identity, IdentityError, NodeId, draw_node_id};
use crate::link::{CloseCode, FrameError, FrameReader, Hello, canonical, decode, encode};
use crate::register::{IssuedToken, TokenRegister};
use crate::socket::{DialError, Socket, headline, printable};
use crate::tls::{self, JOIN_PROTOCOL, Pin};
use crate::token::{Token, TokenError, TokenId};
use crate::uses::UsesFile;

/// The longest question: a signing request of some hundred bytes.
const MAX_QUESTION: usize = 4096;
/// The longest answer: two certificates of some hundred bytes.
const MAX_ANSWER: usize = 8192;
/// How long a node that was let in may take to ask. Row 39 of the faults wants it refused within a
/// second.
const QUESTION_DEADLINE: Duration = Duration::from_millis(900);
/// How long the answer may take: a signature, and the way with a loss on it.
const ANSWER_DEADLINE: Duration = Duration::from_secs(3);
/// How long the answer may take to arrive before the connection is closed under it.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// What the bytes of TLS are derived for; another use would have another label.
const EXPORTER: &[u8] = b"EXPORTER-swell-join-1";

/// What a node has when it is admitted.
#[derive(Debug)]
pub struct Admission {
    /// Who it is from now on.
    pub identity: Identity,
    /// The node that admitted it.
    pub coordinator: NodeId,
    /// Where that node answered.
    pub address: SocketAddr,
}

/// Where nodes are admitted: holds the cluster's key and the register of its tokens.
#[derive(Debug)]
pub struct Desk {
    authority: Authority,
    register: Mutex<TokenRegister>,
    /// Where it is kept whom tokens have admitted, if their counts are to outlive this desk.
    uses: Option<Mutex<UsesFile>>,
}

/// Why the node that admits did not. It stands in an answer, so variants are only ever added at the
/// end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum JoinRefusal {
    /// The two releases do not speak the same.
    #[error(
        "it runs release {release} with protocol {protocol}, and this host release \
        {joining_release} with protocol {joining_protocol}\nhelp: run the same \
         release on all hosts"
    )]
    OtherVersion {
        /// The release of the node that admits.
        release: String,
        /// Its protocol.
        protocol: u32,
        /// The release of the node that would join.
        joining_release: String,
        /// Its protocol.
        joining_protocol: u32,
    },
    /// The question made no sense.
    #[error("it did not understand the question: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing was asked in time.
    #[error("it was asked nothing in time: the network is slow, or loses much")]
    NothingAsked,
    /// Nodes are admitted elsewhere.
    #[error("it is a member like any other\nhelp: join at the host that printed the token")]
    NotHere,
    /// The token is not in the register.
    #[error(
        "it does not know this token: it was issued before that host last started, or by \
        another\nhelp: take the one that the coordinator printed when it last started; a new run \
        or start there prints a new one"
    )]
    UnknownToken,
    /// The proof is not the one of the token's secret, this connection and this key.
    #[error("the proof does not fit the token\nhelp: copy the token anew")]
    BadProof,
    /// The token has ended.
    #[error(
        "the token ended {ended_s_ago} s ago\nhelp: take the one that the coordinator printed when \
        it last started; a new run or start there prints a new one"
    )]
    Expired {
        /// How long ago, by the clock of the node that admits.
        ended_s_ago: u64,
    },
    /// The token has admitted as many as it may.
    #[error(
        "the token has been used {uses} times, as often as it may be\nhelp: take the one that the \
        coordinator printed when it last started; a new run or start there prints a new one"
    )]
    UsedUp {
        /// How often it could be used.
        uses: u32,
    },
    /// The token was taken back.
    #[error(
        "the token was revoked\nhelp: take the one that the coordinator printed when it last \
        started; a new run or start there prints a new one"
    )]
    Revoked,
    /// The certificate could not be made.
    #[error("it could not make a certificate: {reason}")]
    Failed {
        /// Why.
        reason: String,
    },
}

/// Why a node could not join. It has no identity, and may try again.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// No connection was made.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The node that admits is there and did not.
    #[error("{address} does not admit this host: {refusal}")]
    Refused {
        /// The node that admits.
        address: SocketAddr,
        /// Why.
        refusal: JoinRefusal,
    },
    /// The node that admits is there and did not answer.
    #[error("{address} took the question and did not answer within {:.0} s: that host is \
    overloaded, or stopped", ANSWER_DEADLINE.as_secs_f64())]
    Silent {
        /// The node that admits.
        address: SocketAddr,
    },
    /// The answer makes no sense.
    #[error("{address} gave an answer that makes no sense: {reason}")]
    BadAnswer {
        /// The node that admits.
        address: SocketAddr,
        /// What is wrong with it.
        reason: String,
    },
    /// A key cannot be made, or what was granted is not this node's.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl JoinError {
    /// Whether it may well be otherwise in a moment: that node is there, and has too much to do.
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Dial(DialError::Busy { .. } | DialError::Unfinished { .. }) | Self::Silent { .. }
        )
    }
}

/// A certificate on its way to the node that it is for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Grant {
    certificate: Vec<u8>,
    authority: Vec<u8>,
    now_unix_s: u64,
}

/// What a node asks, after its protocol and its release: those two are read first and never change
/// their place.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    token: TokenId,
    signing_request: Vec<u8>,
    proof: [u8; 32],
}

/// What it is answered. The refusal comes first and its first variant too, so that every release
/// can read why it was not admitted.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Refused(JoinRefusal),
    Admitted { grant: Grant, coordinator: NodeId },
}

/// Joins the cluster of a token from this socket, as a node with a new id and a new key.
///
/// All addresses of the token are dialled at once, and the first that answers is asked. Without any
/// answer it fails after four seconds. Dropping the future gives up; if the question was already
/// under way, a use of the token may be spent.
pub async fn join(socket: &Socket, token: &Token, hello: &Hello) -> Result<Admission, JoinError> {
    let applicant = Applicant::new(draw_node_id())?;
    let connection = socket
        .dial_first(
            &tls::join_client(token.pin()),
            token.addresses(),
            tls::ADMITTING_NODE,
            JOIN_PROTOCOL,
        )
        .await?;
    let address = canonical(connection.remote_address());
    let asked = timeout(ANSWER_DEADLINE, async {
        let proof_of =
            exporter(&connection).map_err(|reason| JoinError::BadAnswer { address, reason })?;
        let question = question(token, hello, applicant.request()?, &proof_of);
        ask(&connection, address, question).await
    });
    let answer = asked.await.unwrap_or(Err(JoinError::Silent { address }))?;
    connection.close(CloseCode::Goodbye.into(), b"");
    match answer {
        Answer::Refused(refusal) => {
            Err(JoinError::Refused { address, refusal: refusal.printable() })
        }
        Answer::Admitted { grant, coordinator } => {
            let authority = CertificateDer::from(grant.authority.clone());
            if Pin::of_certificate(&authority).ok() != Some(token.pin()) {
                return Err(IdentityError::NotOurs {
                    reason: "it is not of the token's cluster".into(),
                }
                .into());
            }
            let clock = ClusterClock::showing(grant.now_unix_s);
            let identity = Identity::new(applicant, grant.certificate(), authority, clock)?;
            Ok(Admission { identity, coordinator, address })
        }
    }
}

/// Sends the one question and reads the one answer.
async fn ask(
    connection: &Connection,
    address: SocketAddr,
    question: bytes::Bytes,
) -> Result<Answer, JoinError> {
    let broken =
        |error: ConnectionError| JoinError::Dial(DialError::of(error, address, JOIN_PROTOCOL));
    let bad = |reason: String| JoinError::BadAnswer { address, reason };
    let (mut send, recv) = connection.open_bi().await.map_err(broken)?;
    // A stream that the other side stopped may carry its answer all the same.
    let _ = send.write_chunk(question).await;
    let _ = send.finish();
    match FrameReader::new(recv).next(MAX_ANSWER).await {
        Ok(answer) => decode(&answer).map_err(bad),
        Err(FrameError::Broken(quinn::ReadError::ConnectionLost(error))) => Err(broken(error)),
        Err(FrameError::TooSlow) => Err(JoinError::Silent { address }),
        Err(FrameError::TooLong(bytes)) => Err(bad(format!("{bytes} bytes are too many"))),
        Err(_) => Err(bad("it broke off".into())),
    }
}

fn question(
    token: &Token,
    hello: &Hello,
    signing_request: Vec<u8>,
    exporter: &[u8; 32],
) -> bytes::Bytes {
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.secret());
    let proof = hmac::sign(&key, &proven(exporter, &signing_request));
    let proof = proof.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes");
    encode(&(
        hello.protocol,
        &hello.release,
        Question { token: token.id(), signing_request, proof },
    ))
    .expect("a question is short and plain")
}

/// What the secret signs.
fn proven(exporter: &[u8; 32], signing_request: &[u8]) -> Vec<u8> {
    [exporter, signing_request].concat()
}

/// Bytes that only the two ends of this connection know.
fn exporter(connection: &Connection) -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    connection
        .export_keying_material(&mut bytes, EXPORTER, b"")
        .map_err(|_| "TLS derives no bytes for a proof".to_owned())?;
    Ok(bytes)
}

impl Desk {
    /// Admits nodes to this cluster by the tokens in the register.
    pub fn new(authority: Authority, register: TokenRegister) -> Self {
        Self { authority, register: Mutex::new(register), uses: None }
    }

    /// The same with the file from which its register knows whom tokens have admitted: further ones
    /// are noted there.
    #[must_use]
    pub fn noting(self, uses: UsesFile) -> Self {
        Self { uses: Some(Mutex::new(uses)), ..self }
    }

    /// Draws a token that admits from now on, for so many seconds and nodes. The addresses are
    /// where this node can be dialled.
    pub fn issue(
        &self,
        addresses: Vec<String>,
        lifetime: Duration,
        uses: std::num::NonZeroU32,
        clock: &ClusterClock,
    ) -> Result<Token, TokenError> {
        let token = Token::draw(
            addresses,
            self.authority.pin(),
            clock.unix_s().saturating_add(lifetime.as_secs()),
            uses,
        )?;
        self.register().add(&token);
        Ok(token)
    }

    /// Takes a token back. False when it is not known.
    pub fn revoke(&self, token: TokenId) -> bool {
        self.register().revoke(token)
    }

    /// The tokens that were issued.
    pub fn tokens(&self) -> Vec<IssuedToken> {
        self.register().tokens().collect()
    }

    /// The cluster's key and certificate.
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Rules on the question of a node that would join. Nothing is spent unless it is admitted, or
    /// its certificate cannot be made.
    fn rule(
        &self,
        message: &[u8],
        hello: &Hello,
        exporter: &[u8; 32],
        now_unix_s: u64,
    ) -> (Asked, Result<Grant, JoinRefusal>) {
        let mut asked = Asked::default();
        let ruling = self.rule_on(message, hello, exporter, now_unix_s, &mut asked);
        (asked, ruling)
    }

    fn rule_on(
        &self,
        message: &[u8],
        hello: &Hello,
        exporter: &[u8; 32],
        now_unix_s: u64,
        asked: &mut Asked,
    ) -> Result<Grant, JoinRefusal> {
        let malformed = |reason: String| JoinRefusal::Malformed { reason };
        let ((protocol, release), rest): ((u32, String), _) =
            postcard::take_from_bytes(message).map_err(|e| malformed(e.to_string()))?;
        if protocol != hello.protocol {
            return Err(JoinRefusal::OtherVersion {
                release: hello.release.clone(),
                protocol: hello.protocol,
                joining_release: printable(release.as_bytes()),
                joining_protocol: protocol,
            });
        }
        let question: Question = decode(rest).map_err(malformed)?;
        asked.token = Some(question.token);
        let secret = *self.register().secret(question.token).ok_or(JoinRefusal::UnknownToken)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        hmac::verify(&key, &proven(exporter, &question.signing_request), &question.proof)
            .map_err(|_| JoinRefusal::BadProof)?;
        let request = SigningRequest::parse(&question.signing_request)
            .map_err(|e| malformed(e.to_string()))?;
        asked.node = Some(request.node);
        let is_use =
            self.register().redeem(question.token, request.node, request.key_hash, now_unix_s)?;
        if let Some(uses) = self.uses.as_ref().filter(|_| is_use) {
            let noted = uses.lock().unwrap_or_else(PoisonError::into_inner).note(
                question.token,
                request.node,
                request.key_hash,
            );
            noted.map_err(|error| JoinRefusal::Failed {
                reason: format!("the use of the token cannot be noted: {error}"),
            })?;
        }
        self.grant(&request, now_unix_s).map_err(|e| JoinRefusal::Failed { reason: e.to_string() })
    }

    /// Renews the certificate of a member, whose id its connection proves.
    pub(crate) fn renew(
        &self,
        member: NodeId,
        signing_request: &[u8],
        now_unix_s: u64,
    ) -> Result<Grant, String> {
        let request = SigningRequest::parse(signing_request).map_err(|e| e.to_string())?;
        if request.node != member {
            return Err(format!("a certificate was asked for host {}", request.node));
        }
        self.grant(&request, now_unix_s).map_err(|e| e.to_string())
    }

    fn grant(&self, request: &SigningRequest, now_unix_s: u64) -> Result<Grant, IdentityError> {
        let certificate = self.authority.certify(request, Role::Member, now_unix_s)?;
        Ok(Grant {
            certificate: certificate.to_vec(),
            authority: self.authority.certificate().to_vec(),
            now_unix_s,
        })
    }

    fn register(&self) -> std::sync::MutexGuard<'_, TokenRegister> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of who asked, for the audit line.
#[derive(Debug, Default)]
struct Asked {
    token: Option<TokenId>,
    node: Option<NodeId>,
}

/// Answers the one question of a connection and closes it. True when its node was admitted.
pub(crate) async fn answer(
    connection: &Connection,
    desk: Option<&Desk>,
    hello: &Hello,
    own: NodeId,
    clock: &ClusterClock,
) -> bool {
    let source = canonical(connection.remote_address());
    let heard = timeout(QUESTION_DEADLINE, async {
        let (send, recv) = connection.accept_bi().await.map_err(|_| None)?;
        FrameReader::new(recv).next(MAX_QUESTION).await.map(|message| (send, message)).map_err(Some)
    });
    let (asked, ruling, send) = match (heard.await, desk) {
        (Ok(Ok((send, message))), Some(desk)) => {
            let (asked, ruling) = match exporter(connection) {
                Ok(exporter) => desk.rule(&message, hello, &exporter, clock.unix_s()),
                Err(reason) => (Asked::default(), Err(JoinRefusal::Failed { reason })),
            };
            (asked, ruling, Some(send))
        }
        (Ok(Ok((send, _))), None) => (Asked::default(), Err(JoinRefusal::NotHere), Some(send)),
        (Ok(Err(Some(FrameError::TooLong(bytes)))), _) => {
            connection.close(CloseCode::TooLong.into(), b"");
            (
                Asked::default(),
                Err(JoinRefusal::Malformed { reason: format!("{bytes} bytes are too many") }),
                None,
            )
        }
        (Ok(Err(_)), _) => {
            (Asked::default(), Err(JoinRefusal::Malformed { reason: "it broke off".into() }), None)
        }
        (Err(_), _) => (Asked::default(), Err(JoinRefusal::NothingAsked), None),
    };
    let token = asked.token.map_or_else(|| "no token".to_owned(), |id| format!("token {id}"));
    match (&ruling, asked.node) {
        (Ok(_), Some(node)) => {
            tracing::info!(target: "audit", "host {node} at {source} joined with {token}")
        }
        // One line a refusal: the cure is for who asked.
        (Err(refusal), _) => {
            tracing::warn!(target: "audit", "join from {source} with {token} refused: {}", headline(refusal))
        }
        (Ok(_), None) => {}
    }
    let admitted = ruling.is_ok();
    let answer =
        ruling.map_or_else(Answer::Refused, |grant| Answer::Admitted { grant, coordinator: own });
    if let Some(mut send) = send
        && let Ok(frame) = encode(&answer)
    {
        // The other side closes when it has read; it is not waited for long.
        let _ = timeout(LAST_WORDS, async {
            if send.write_chunk(frame).await.is_ok() && send.finish().is_ok() {
                connection.closed().await;
            }
        })
        .await;
    }
    connection.close(CloseCode::Goodbye.into(), b"");
    admitted
}

impl Grant {
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.certificate.clone())
    }

    pub(crate) const fn now_unix_s(&self) -> u64 {
        self.now_unix_s
    }
}

impl JoinRefusal {
    /// The same with its texts fit to be printed: it came from outside.
    fn printable(self) -> Self {
        match self {
            Self::OtherVersion { release, protocol, joining_release, joining_protocol } => {
                Self::OtherVersion {
                    release: printable(release.as_bytes()),
                    protocol,
                    joining_release: printable(joining_release.as_bytes()),
                    joining_protocol,
                }
            }
            Self::Malformed { reason } => Self::Malformed { reason: printable(reason.as_bytes()) },
            Self::Failed { reason } => Self::Failed { reason: printable(reason.as_bytes()) },
            plain => plain,
        }
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
#[cfg(test)]
mod tests;
