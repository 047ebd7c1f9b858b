//! The head of an answer, whichever version carried it.

use http::StatusCode;
use http::header::HeaderMap;

/// What of an answer's head matters to us.
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}
