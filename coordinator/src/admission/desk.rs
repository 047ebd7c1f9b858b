//! The side that admits: it decides about the question of a node by the register of tokens, and
//! signs the node's certificate.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quinn::{Connection, SendStream};
use ring::hmac;
use swell_protocol::message::NodeId;
use tokio::time::timeout;

use crate::admission::message::{
    Grant, JoinAnswer, JoinQuestion, MAX_QUESTION, exporter, proof_key, proven,
};
use crate::authority::{Authority, CertificateRole, SigningRequest};
use crate::clock::ClusterClock;
use crate::identity::IdentityError;
use crate::refusal::JoinRefusal;
use crate::register::{IssuedToken, TokenRegister};
use crate::socket::canonical;
use crate::text::{headline, printable};
use crate::token::{Token, TokenError, TokenId};
use crate::uses::UsesFile;
use crate::wire::close::CloseCode;
use crate::wire::frame::{FrameError, FrameReader, decode, encode};
use crate::wire::hello::Hello;

/// How long a node that was let in may take to ask: a node that does not ask within a second is
/// refused.
const QUESTION_DEADLINE: Duration = Duration::from_millis(900);
/// How long the answer may take to arrive before the connection is closed.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The place where nodes are admitted: it has the cluster's key and the register of its tokens.
#[derive(Debug)]
pub struct Desk {
    authority: Authority,
    register: Mutex<TokenRegister>,
    /// The file of nodes that tokens have admitted, if their counts are to outlive this desk.
    uses: Option<Mutex<UsesFile>>,
}

impl Desk {
    /// A desk that admits nodes to this cluster by the tokens in the register.
    pub fn new(authority: Authority, register: TokenRegister) -> Self {
        Self { authority, register: Mutex::new(register), uses: None }
    }

    /// The same with the file that tells its register which nodes tokens have admitted. Further
    /// nodes are written there.
    #[must_use]
    pub fn noting(self, uses: UsesFile) -> Self {
        Self { uses: Some(Mutex::new(uses)), ..self }
    }

    /// Draws a token that admits from now on, for so many seconds and nodes. The addresses are
    /// those under which this node can be dialled.
    pub fn issue(
        &self,
        addresses: Vec<String>,
        lifetime: Duration,
        uses: NonZeroU32,
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

    /// Decides about the question of a node that would join. A use of the token is spent only if
    /// the node is admitted, or if its certificate cannot be made.
    pub(crate) fn rule(
        &self,
        message: &[u8],
        hello: &Hello,
        exporter: &[u8; 32],
        now_unix_s: u64,
    ) -> (JoinAttempt, Result<Grant, JoinRefusal>) {
        let mut attempt = JoinAttempt::default();
        let ruling = self.rule_on(message, hello, exporter, now_unix_s, &mut attempt);
        (attempt, ruling)
    }

    fn rule_on(
        &self,
        message: &[u8],
        hello: &Hello,
        exporter: &[u8; 32],
        now_unix_s: u64,
        attempt: &mut JoinAttempt,
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
        let question: JoinQuestion = decode(rest).map_err(malformed)?;
        attempt.token = Some(question.token);
        let secret = *self.register().secret(question.token).ok_or(JoinRefusal::UnknownToken)?;
        hmac::verify(
            &proof_key(&secret),
            &proven(exporter, &question.signing_request),
            &question.proof,
        )
        .map_err(|_| JoinRefusal::BadProof)?;
        let request = SigningRequest::parse(&question.signing_request)
            .map_err(|e| malformed(e.to_string()))?;
        attempt.node = Some(request.node);
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
            return Err(format!("a certificate was asked for node {}", request.node));
        }
        self.grant(&request, now_unix_s).map_err(|e| e.to_string())
    }

    fn grant(&self, request: &SigningRequest, now_unix_s: u64) -> Result<Grant, IdentityError> {
        let certificate = self.authority.certify(request, CertificateRole::Member, now_unix_s)?;
        Ok(Grant::new(&certificate, self.authority.certificate(), now_unix_s))
    }

    fn register(&self) -> MutexGuard<'_, TokenRegister> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known about the node that asked, for the audit line.
#[derive(Debug, Default)]
pub(crate) struct JoinAttempt {
    pub(crate) token: Option<TokenId>,
    pub(crate) node: Option<NodeId>,
}

/// Answers the one question of a connection and closes it. True when its node was admitted.
pub(crate) async fn answer(
    connection: &Connection,
    desk: Option<&Desk>,
    hello: &Hello,
    own: NodeId,
    clock: &ClusterClock,
) -> bool {
    let read = timeout(QUESTION_DEADLINE, async {
        let (send, recv) = connection.accept_bi().await.map_err(|_| None)?;
        FrameReader::new(recv).next(MAX_QUESTION).await.map(|message| (send, message)).map_err(Some)
    });
    let unread = |refusal| (JoinAttempt::default(), Err(refusal));
    let ((attempt, ruling), send) = match (read.await, desk) {
        (Ok(Ok((send, message))), Some(desk)) => {
            let ruled = match exporter(connection) {
                Ok(exporter) => desk.rule(&message, hello, &exporter, clock.unix_s()),
                Err(reason) => unread(JoinRefusal::Failed { reason }),
            };
            (ruled, Some(send))
        }
        (Ok(Ok((send, _))), None) => (unread(JoinRefusal::NotHere), Some(send)),
        (Ok(Err(Some(FrameError::TooLong(bytes)))), _) => {
            connection.close(CloseCode::TooLong.into(), b"");
            let reason = format!("{bytes} bytes are too many");
            (unread(JoinRefusal::Malformed { reason }), None)
        }
        (Ok(Err(_)), _) => (unread(JoinRefusal::Malformed { reason: "it broke off".into() }), None),
        (Err(_), _) => (unread(JoinRefusal::NothingAsked), None),
    };
    audit(canonical(connection.remote_address()), &attempt, &ruling);
    let admitted = ruling.is_ok();
    let answer = ruling
        .map_or_else(JoinAnswer::Refused, |grant| JoinAnswer::Admitted { grant, coordinator: own });
    if let Some(send) = send {
        send_answer(connection, send, &answer).await;
    }
    connection.close(CloseCode::Goodbye.into(), b"");
    admitted
}

/// Sends the answer and gives the other side a moment to read it.
async fn send_answer(connection: &Connection, mut send: SendStream, answer: &JoinAnswer) {
    let Ok(frame) = encode(answer) else { return };
    // The other side closes when it has read the answer; this side does not wait long for that.
    let _ = timeout(LAST_WORDS, async {
        if send.write_chunk(frame).await.is_ok() && send.finish().is_ok() {
            connection.closed().await;
        }
    })
    .await;
}

/// One line for each node that asked.
fn audit(source: SocketAddr, attempt: &JoinAttempt, ruling: &Result<Grant, JoinRefusal>) {
    let token = attempt.token.map_or_else(|| "no token".to_owned(), |id| format!("token {id}"));
    match (ruling, attempt.node) {
        (Ok(_), Some(node)) => {
            tracing::info!(target: "audit", "node {node} at {source} joined with {token}");
        }
        // One line a refusal: the cure is for the node that asked.
        (Err(refusal), _) => {
            let why = headline(refusal);
            tracing::warn!(target: "audit", "join from {source} with {token} refused: {why}");
        }
        (Ok(_), None) => {}
    }
}
