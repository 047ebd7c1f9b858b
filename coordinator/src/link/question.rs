//! Questions beside the messages: a stream each, with one question and one answer, so that a file
//! under way holds up nothing else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::admission::message::Grant;
use crate::blob::BlobHash;

/// The longest question: a signing request of some hundred bytes.
pub(crate) const MAX_QUESTION: usize = 8 * 1024;
/// How long a stream may take to open and to say its question, and an answer to begin.
pub(crate) const QUESTION_DEADLINE: Duration = Duration::from_secs(5);

/// What may be asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum PeerQuestion {
    /// A file.
    Blob(BlobHash),
    /// A new certificate, by a signing request.
    Renewal(Vec<u8>),
}

/// The answer to [`PeerQuestion::Renewal`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Renewal {
    /// A certificate.
    Granted(Grant),
    /// None, and why.
    Refused(String),
}
