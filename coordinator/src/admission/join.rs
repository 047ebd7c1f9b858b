//! The side that joins: a node with a token becomes a member.

use std::net::SocketAddr;
use std::time::Duration;

use quinn::{Connection, ConnectionError};
use swell_protocol::message::NodeId;
use tokio::time::timeout;

use crate::admission::message::{JoinAnswer, MAX_ANSWER, exporter, question};
use crate::certificate::{ADMITTING_NODE, Pin};
use crate::clock::ClusterClock;
use crate::identity::{Applicant, Identity, IdentityError, draw_node_id};
use crate::refusal::JoinRefusal;
use crate::socket::{DialError, Socket, canonical};
use crate::tls::{self, JOIN_PROTOCOL};
use crate::token::Token;
use crate::wire::close::CloseCode;
use crate::wire::frame::{FrameError, FrameReader, decode};
use crate::wire::hello::Hello;

/// How long the answer may take: a signature, and the way there and back with one loss.
const ANSWER_DEADLINE: Duration = Duration::from_secs(3);

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

/// Why a node could not join. It has no identity, and may try again.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// No connection was made.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The node that admits was reached, and refused.
    #[error("{address} does not admit this node: {refusal}")]
    Refused {
        /// The node that admits.
        address: SocketAddr,
        /// Why.
        refusal: JoinRefusal,
    },
    /// The node that admits was reached, and did not answer.
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
    /// A key cannot be made, or the certificate that was granted is not this node's.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl JoinError {
    /// Whether another attempt in a moment may work: the other node was reached, and has too much
    /// to do.
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Dial(DialError::Busy { .. } | DialError::Unfinished { .. }) | Self::Silent { .. }
        )
    }
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
            ADMITTING_NODE,
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
        JoinAnswer::Refused(refusal) => {
            Err(JoinError::Refused { address, refusal: refusal.printable() })
        }
        JoinAnswer::Admitted { grant, coordinator } => {
            let authority = grant.authority();
            if Pin::of_certificate(&authority).ok() != Some(token.pin()) {
                return Err(IdentityError::NotOurs {
                    reason: "it is not of the token's cluster".into(),
                }
                .into());
            }
            let clock = ClusterClock::showing(grant.now_unix_s());
            let identity = Identity::new(applicant, grant.certificate(), authority, clock)?;
            Ok(Admission { identity, coordinator, address })
        }
    }
}

/// Sends the one question and reads the one answer.
pub(super) async fn ask(
    connection: &Connection,
    address: SocketAddr,
    question: bytes::Bytes,
) -> Result<JoinAnswer, JoinError> {
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
