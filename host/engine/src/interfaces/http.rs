//! `http`: requests over the user's own connections.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use swell_client::{Coding, Compressing, Error, Keep, Request, Sent, Version, header};
use swell_core::exchange::{ErrorClass, Expected, Phase, Phases};

use crate::bindings::swell::scenario::http as wit;
use crate::state::GuestState;
use crate::thread_bound::ThreadBound;
use crate::user::KeptParts;

/// The most requests that `send-all` takes at once.
pub(super) const MAX_AT_ONCE: usize = 256;

impl wit::Host for GuestState {
    async fn send(
        &mut self,
        request: wit::Request,
    ) -> wasmtime::Result<Result<wit::Response, wit::Error>> {
        let kept = kept_by(&request);
        let (mut request, expected) = from_guest(request, self.allowance.memory());
        let sent = ThreadBound::new(self.user()?.send(&mut request, &expected));
        Ok(sent.await?.map_or(Err(wit::Error::RunOver), |sent| to_guest(sent, kept)))
    }

    async fn send_all(
        &mut self,
        requests: Vec<wit::Request>,
    ) -> wasmtime::Result<Vec<Result<wit::Response, wit::Error>>> {
        let count = requests.len();
        if count > MAX_AT_ONCE {
            return Err(wasmtime::Error::msg(format!(
                "send-all was given {count} requests; it takes at most {MAX_AT_ONCE}"
            )));
        }
        let kept: Vec<_> = requests.iter().map(kept_by).collect();
        let memory = self.allowance.memory();
        let (requests, expected): (Vec<_>, Vec<_>) =
            requests.into_iter().map(|request| from_guest(request, memory)).unzip();
        let sent = ThreadBound::new(self.user()?.send_all(requests, &expected));
        Ok(match sent.await? {
            Some(all) => {
                all.into_iter().zip(kept).map(|(sent, kept)| to_guest(sent, kept)).collect()
            }
            None => std::iter::repeat_with(|| Err(wit::Error::RunOver)).take(count).collect(),
        })
    }

    async fn compress(&mut self, body: Vec<u8>, coding: wit::Coding) -> wasmtime::Result<Vec<u8>> {
        let coding = match coding {
            wit::Coding::Gzip => Coding::Gzip,
            wit::Coding::Deflate => Coding::Deflate,
            wit::Coding::Br => Coding::Brotli,
            wit::Coding::Zstd => Coding::Zstd,
        };
        let mut compressing = Compressing::new(body, coding);
        while !compressing.step() {
            Arc::clone(&self.cpu).give_way().await;
        }
        Ok(compressing.finish())
    }
}

/// The client's form of a request; an error when a name or a value in it cannot go over the wire.
/// No body is kept that the guest has no memory for.
pub(super) fn from_guest(
    request: wit::Request,
    memory: usize,
) -> (Result<Request, Error>, Expected) {
    let expected = Expected(request.expect.iter().map(|range| (range.first, range.last)).collect());
    (to_client(request, memory), expected)
}

fn to_client(request: wit::Request, memory: usize) -> Result<Request, Error> {
    let method = match request.method {
        wit::Method::Get => Method::GET,
        wit::Method::Head => Method::HEAD,
        wit::Method::Post => Method::POST,
        wit::Method::Put => Method::PUT,
        wit::Method::Delete => Method::DELETE,
        wit::Method::Patch => Method::PATCH,
        wit::Method::Options => Method::OPTIONS,
        wit::Method::Other(name) => {
            Method::from_bytes(name.as_bytes()).map_err(|_| no_method(&name))?
        }
    };
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| header(name, value))
        .collect::<Result<_, _>>()?;
    let keep = match request.keep {
        wit::Keep::Discard => Keep::Discard,
        wit::Keep::Body(limit) => Keep::Body { limit: memory.min(limit as usize) },
    };
    let version = match request.version {
        wit::Version::Automatic => Version::Automatic,
        wit::Version::Http1 => Version::Http1,
        wit::Version::Http2 => Version::Http2,
    };
    Ok(Request {
        method,
        url: request.url,
        headers,
        body: request.body.into(),
        keep,
        keep_headers: request.keep_headers,
        redirects: request.redirects,
        decompress: request.decompress,
        version,
        timeout: (request.timeout > 0).then(|| Duration::from_nanos(request.timeout)),
    })
}

fn no_method(name: &str) -> Error {
    Error {
        class: ErrorClass::Invalid,
        message: format!("{name:?} is no method"),
        lacks_target: false,
    }
}

fn kept_by(request: &wit::Request) -> KeptParts {
    KeptParts { headers: request.keep_headers, body: matches!(request.keep, wit::Keep::Body(_)) }
}

fn to_guest(sent: Sent, kept: KeptParts) -> Result<wit::Response, wit::Error> {
    match sent.result {
        Ok(response) => Ok(wit::Response {
            status: response.status.as_u16(),
            headers: kept.headers.then(|| headers(&response.headers)),
            body: kept.body.then(|| response.body.into()),
            body_size: response.body_size,
            phases: phases(&sent.exchange.phases),
            reused: response.reused,
            redirects: response.redirects,
            final_url: response.final_url,
        }),
        Err(error) => Err(error_to_guest(error)),
    }
}

/// The client's word as the guest's error.
pub(super) fn error_to_guest(error: Error) -> wit::Error {
    match error.class {
        ErrorClass::Dns => wit::Error::Dns(error.message),
        ErrorClass::Connect => wit::Error::Connect(error.message),
        ErrorClass::Tls => wit::Error::Tls(error.message),
        ErrorClass::Timeout(phase) => wit::Error::Timeout(match phase {
            Phase::Blocked => wit::Phase::Blocked,
            Phase::Connecting => wit::Phase::Connecting,
            Phase::Tls => wit::Phase::Tls,
            Phase::Sending => wit::Phase::Sending,
            Phase::Waiting => wit::Phase::Waiting,
            Phase::Receiving => wit::Phase::Receiving,
        }),
        ErrorClass::Reset | ErrorClass::Closed | ErrorClass::GoAway => {
            wit::Error::Reset(error.message)
        }
        ErrorClass::Protocol => wit::Error::Protocol(error.message),
        ErrorClass::TooLarge => wit::Error::TooLarge(error.message),
        ErrorClass::Denied => wit::Error::Denied(error.message),
        ErrorClass::LocalPorts => wit::Error::LocalPorts(error.message),
        ErrorClass::LocalFiles => wit::Error::LocalFiles(error.message),
        ErrorClass::Invalid => wit::Error::Invalid(error.message),
    }
}

pub(super) fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

pub(super) fn phases(phases: &Phases) -> wit::Phases {
    let nanos = |phase| u64::try_from(phases.get(phase).as_nanos()).unwrap_or(u64::MAX);
    wit::Phases {
        blocked: nanos(Phase::Blocked),
        connecting: nanos(Phase::Connecting),
        tls: nanos(Phase::Tls),
        sending: nanos(Phase::Sending),
        waiting: nanos(Phase::Waiting),
        receiving: nanos(Phase::Receiving),
    }
}
