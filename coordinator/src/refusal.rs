//! Why a node is not admitted.
//!
//! A refusal travels: the node that would join prints it, in the words of the node that admits. So
//! every release must be able to read the refusals of every other.

use serde::{Deserialize, Serialize};

use crate::text::printable;

/// Why the node that admits refused. It is part of an answer, so variants are only ever added at
/// the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum JoinRefusal {
    /// The two releases speak different protocols.
    #[error(
        "it runs release {release} with protocol {protocol}, and this node release \
        {joining_release} with protocol {joining_protocol}\nhelp: run the same \
         release on all nodes"
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
    /// No question came in time.
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
    /// The proof does not fit the token's secret, this connection and this key.
    #[error("the proof does not fit the token\nhelp: copy the token anew")]
    BadProof,
    /// The token's time is over.
    #[error(
        "the token ended {ended_s_ago} s ago\nhelp: take the one that the coordinator printed when \
        it last started; a new run or start there prints a new one"
    )]
    Expired {
        /// How long ago, by the clock of the node that admits.
        ended_s_ago: u64,
    },
    /// The token has admitted as many nodes as it may.
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

impl JoinRefusal {
    /// The same with texts that are safe to print: it came from outside.
    pub(crate) fn printable(self) -> Self {
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
