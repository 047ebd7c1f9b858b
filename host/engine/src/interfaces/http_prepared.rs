//! `http-prepared`: requests that are said once and sent by their number.

use std::fmt::Write as _;

use http::HeaderMap;
use swell_client::Sent;
use wasmtime::component::Resource;

use super::http::{error_to_guest, from_guest, phases};
use crate::bindings::PreparedRequest;
use crate::bindings::swell::scenario::http::{Error, Request};
use crate::bindings::swell::scenario::http_prepared as wit;
use crate::state::GuestState;
use crate::thread_bound::ThreadBound;
use crate::user::KeptParts;

impl wit::Host for GuestState {}

impl wit::HostPreparedRequest for GuestState {
    fn prepare(&mut self, request: Request) -> wasmtime::Result<Resource<PreparedRequest>> {
        let (request, expected) = from_guest(request, self.allowance.memory());
        Ok(Resource::new_own(self.user()?.prepare(request, expected)?))
    }

    async fn send(
        &mut self,
        prepared: Resource<PreparedRequest>,
        body: Option<Vec<u8>>,
    ) -> wasmtime::Result<Result<wit::Answer, Error>> {
        let sent = ThreadBound::new(self.user()?.send_prepared(prepared.rep(), body));
        Ok(sent.await?.map_or(Err(Error::RunOver), |(sent, kept)| to_guest(sent, kept)))
    }

    fn drop(&mut self, prepared: Resource<PreparedRequest>) -> wasmtime::Result<()> {
        self.user()?.drop_prepared(prepared.rep());
        Ok(())
    }
}

fn to_guest(sent: Sent, kept: KeptParts) -> Result<wit::Answer, Error> {
    let response = sent.result.map_err(error_to_guest)?;
    Ok(wit::Answer {
        status: response.status.as_u16(),
        headers: kept.headers.then(|| lines(&response.headers)),
        body: kept.body.then(|| response.body.into()),
        body_size: response.body_size,
        phases: phases(&sent.exchange.phases),
        reused: response.reused,
        redirects: response.redirects,
        final_url: response.final_url,
    })
}

/// A line for each header. No value that was received contains the end of one.
fn lines(headers: &HeaderMap) -> String {
    let length = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 3).sum();
    let mut lines = String::with_capacity(length);
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        _ = writeln!(lines, "{name}: {value}");
    }
    lines
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{CONTENT_TYPE, SET_COOKIE};

    use super::*;

    #[test]
    fn headers_are_lines_in_the_order_in_which_they_came() {
        let mut headers = HeaderMap::new();
        headers.append(SET_COOKIE, HeaderValue::from_static("a=1"));
        headers.append(SET_COOKIE, HeaderValue::from_static("b: 2"));
        headers.append(CONTENT_TYPE, HeaderValue::from_bytes(b"text/\xff").unwrap());
        assert_eq!(
            lines(&headers),
            "set-cookie: a=1\nset-cookie: b: 2\ncontent-type: text/\u{fffd}\n"
        );
        assert_eq!(lines(&HeaderMap::new()), "");
    }
}
