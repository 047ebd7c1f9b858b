//! The head of an answer, whatever HTTP version carried it.

use http::StatusCode;
use http::header::HeaderMap;

/// What the client needs of an answer's head.
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}
