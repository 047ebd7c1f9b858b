//! The requests that a user has said and not dropped.

use swell_client::{Error, Keep, Request};
use swell_core::exchange::Expected;

/// The requests that a user has prepared, by their number. One that is being sent is not here.
#[derive(Default)]
pub(super) struct HeldRequests(pub(super) Vec<Option<Box<HeldRequest>>>);

/// A request as it was said, or what is wrong with it.
pub(super) struct HeldRequest {
    pub(super) request: Result<Request, Error>,
    pub(super) expected: Expected,
}

/// Which parts of an answer a request keeps.
#[derive(Clone, Copy)]
pub(crate) struct KeptParts {
    pub(crate) headers: bool,
    pub(crate) body: bool,
}

impl HeldRequest {
    pub(super) fn keeps(&self) -> KeptParts {
        match &self.request {
            Ok(request) => {
                KeptParts { headers: request.keep_headers, body: request.keep != Keep::Discard }
            }
            Err(_) => KeptParts { headers: false, body: false },
        }
    }
}
