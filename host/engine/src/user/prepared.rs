//! Requests that a user says once, and sends again and again.

use bytes::Bytes;
use swell_client::{Error, Request, Sent};
use swell_core::exchange::Expected;

use super::held_requests::{HeldRequest, KeptParts};
use super::{Trap, UserState, trap};

/// The most that a user may have at once: more than a scenario has requests of its own, as those
/// whose texts change are not prepared.
const MAX_PREPARED: usize = 1_000;

impl UserState {
    /// Keeps a request. Returns its number.
    pub(crate) fn prepare(
        &mut self,
        request: Result<Request, Error>,
        expected: Expected,
    ) -> Trap<u32> {
        let all = &mut self.prepared.0;
        let place = all.iter().position(Option::is_none).unwrap_or(all.len());
        if place == MAX_PREPARED {
            return trap(format!("a user may have {MAX_PREPARED} prepared requests; drop some"));
        }
        if place == all.len() {
            all.push(None);
        }
        all[place] = Some(Box::new(HeldRequest { request, expected }));
        Ok(place as u32)
    }

    /// Sends a prepared request, with this body if there is one; see [`UserState::send`].
    pub(crate) async fn send_prepared(
        &mut self,
        number: u32,
        body: Option<Vec<u8>>,
    ) -> Trap<Option<(Sent, KeptParts)>> {
        let Some(mut prepared) = self.prepared.0.get_mut(number as usize).and_then(Option::take)
        else {
            return trap(format!("{number} is no prepared request"));
        };
        let HeldRequest { request, expected } = &mut *prepared;
        // What one sending adds to it, the next is not to have.
        let (mut own_body, mut own_headers) = (None, 0);
        if let Ok(request) = request {
            own_headers = request.headers.len();
            own_body = body.map(|body| std::mem::replace(&mut request.body, Bytes::from(body)));
        }
        let sent = self.send(request, expected).await?;
        if let Ok(request) = request {
            request.headers.truncate(own_headers);
            if let Some(own_body) = own_body {
                request.body = own_body;
            }
        }
        let kept = prepared.keeps();
        self.prepared.0[number as usize] = Some(prepared);
        Ok(sent.map(|sent| (sent, kept)))
    }

    /// Forgets a prepared request.
    pub(crate) fn drop_prepared(&mut self, number: u32) {
        if let Some(place) = self.prepared.0.get_mut(number as usize) {
            *place = None;
        }
    }
}
