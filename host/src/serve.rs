//! A small HTTP server for the process's own endpoints, on the control thread: bounded in connections, body and time, so that no client of it disturbs the load.

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use swell_core::plain::{self, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections at a time; more wait. A scraper and some shells are all that is expected.
const MOST_CONNECTIONS: usize = 32;
/// The most bytes of a request's body: the longest sensible plan of a run has some hundred.
pub(crate) const LARGEST_BODY: usize = 64 << 10;
/// How long a client may take to send a request's head, and to take the answer to one that it has sent.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may live in all: a client that reads nothing is let go.
const LONGEST_CONNECTION: Duration = Duration::from_secs(600);

/// The kinds of answers.
pub(crate) const JSON: &str = "application/json";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// A request, read whole.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

/// Binds an address that a flag names.
///
/// # Errors
/// It is taken, or not ours.
pub(crate) async fn listen(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("--{flag} {address}: cannot listen there"))
}

/// Answers calls for as long as it is polled. A body that is too large, or does not come, is refused before `answer` is asked.
pub(crate) async fn serve<F: Future<Output = Answer> + 'static>(listener: TcpListener, answer: impl Fn(Call) -> F + 'static) {
    let (answer, places) = (Rc::new(answer), Rc::new(Semaphore::new(MOST_CONNECTIONS)));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let place = Rc::clone(&places);
        let Ok(permit) = places.acquire().await else { return };
        permit.forget();
        let Ok((stream, _)) = listener.accept().await else {
            // Descriptors may have run out: in a moment there may be some again.
            place.add_permits(1);
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let answer = Rc::clone(&answer);
        connections.spawn_local(async move {
            let service = service_fn(move |request| {
                let answer = Rc::clone(&answer);
                async move { Ok::<_, std::convert::Infallible>(respond(request, &*answer).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .max_buf_size(LARGEST_BODY)
                .serve_connection(TokioIo::new(stream), service);
            // A client that is gone, slow or wrong is no concern of ours.
            let _ = tokio::time::timeout(LONGEST_CONNECTION, connection).await;
            place.add_permits(1);
        });
    }
}

async fn respond<F: Future<Output = Answer>>(request: Request<Incoming>, answer: &impl Fn(Call) -> F) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let answer = match tokio::time::timeout(PATIENCE, Limited::new(body, LARGEST_BODY).collect()).await {
        Ok(Ok(body)) => {
            let path = head.uri.path().to_owned();
            answer(Call { method: head.method, path, headers: head.headers, body: body.to_bytes() }).await
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Answer::error(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body is longer than {LARGEST_BODY} bytes"))
        }
        Ok(Err(_)) => Answer::error(StatusCode::BAD_REQUEST, "the body ended before its end"),
        Err(_) => Answer::error(StatusCode::REQUEST_TIMEOUT, "the body did not come"),
    };
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = answer.status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(answer.content_type));
    response
}

impl Answer {
    /// A value as JSON.
    pub(crate) fn json(status: StatusCode, value: &impl serde::Serialize) -> Self {
        let mut body = json(&serde_json::to_string(value).expect("what we answer has names for keys"));
        body.push('\n');
        Self { status, content_type: JSON, body }
    }

    /// A page for people.
    pub(crate) fn text(page: &str) -> Self {
        Self { status: StatusCode::OK, content_type: TEXT, body: plain::page(page).to_string() }
    }

    /// What is wrong, in words.
    pub(crate) fn error(status: StatusCode, words: &str) -> Self {
        Self::json(status, &serde_json::json!({ "error": words }))
    }
}
