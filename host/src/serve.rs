//! A small HTTP server for the process's own endpoints, on the control thread: bounded in
//! connections, body and time, so that no client of it disturbs the load.
//!
//! ## Nobody's place is another's
//! A silent connection, or one that sends its request a byte at a time, holds no place that others
//! need: when there are many connections, the one that has been so for longest is closed for the
//! next. A call that waits for the end of a run is answered beside the calls that end it.
//!
//! An answer may go on, piece by piece ([`OngoingAnswer`]). Whoever makes it waits for a reader
//! only as long as it likes: once it has let go of the call, the connection is as one that says
//! nothing.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{self, Poll};
use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, ORIGIN};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use swell_core::plain::{self, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

/// How many connections may be between one call and the next, not counting those that have been so
/// for a moment only: many may come at once. Usually there are a scraper and some shells.
const MAX_IDLE: usize = 32;
const MIN_IDLE: Duration = Duration::from_secs(1);
/// How many connections may have calls that are being answered. Further ones are refused.
const MAX_ANSWERED: usize = 256;
/// The most bytes of a request's body: the longest sensible plan of a run has some hundred.
pub(crate) const MAX_BODY: usize = 64 << 10;
/// How long a client may take to send a request's head, and to read the answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may ask for one thing after the other. What it then has asked for is still
/// answered, whenever that can be: a report is there once its run ends.
const MAX_CONNECTION: Duration = Duration::from_secs(600);
/// How often it is looked whether the last answer should have been read.
const LOOK: Duration = Duration::from_secs(1);

/// The kinds of answers.
pub(crate) const JSON: &str = "application/json";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// A request, read whole.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whoever answers holds it as long as the connection is busy with that.
    pub(crate) busy: Busy,
}

/// From when it is dropped on, a connection's client must read, or ask again.
#[derive(Default)]
pub(crate) struct Busy(Rc<Cell<Option<Instant>>>);

impl Busy {
    fn begin(idle_since: &Rc<Cell<Option<Instant>>>) -> Self {
        idle_since.set(None);
        Self(Rc::clone(idle_since))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set(Some(Instant::now()));
    }
}

/// What an answer carries.
pub(crate) type AnswerBody = Pin<Box<dyn Body<Data = Bytes, Error = Infallible>>>;

/// What an answer that goes on carries: pieces as they are made.
pub(crate) struct OngoingAnswer(mpsc::Receiver<AnswerPiece>, bool);

/// A piece of it.
pub(crate) enum AnswerPiece {
    More(Bytes),
    /// Nothing follows it.
    Last(Bytes),
}

impl OngoingAnswer {
    /// One piece waits at most: whoever makes them sees by that how fast the reader is.
    pub(crate) fn new() -> (mpsc::Sender<AnswerPiece>, Self) {
        let (to, from) = mpsc::channel(1);
        (to, Self(from, false))
    }
}

impl Body for OngoingAnswer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.1 {
            return Poll::Ready(None);
        }
        self.0.poll_recv(context).map(|piece| {
            let bytes = match piece? {
                AnswerPiece::More(bytes) => bytes,
                AnswerPiece::Last(bytes) => {
                    self.1 = true;
                    bytes
                }
            };
            Some(Ok(Frame::data(bytes)))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.1
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

/// Binds an address that a flag names.
///
/// # Errors
/// The address is taken, or is not one of this machine.
pub(crate) async fn listen(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let cure = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "\nhelp: end what has the port, or give another; 0 takes one that is free"
            }
            _ => "",
        };
        anyhow!("--{flag} {address}: cannot listen there: {error}{cure}")
    })
}

/// Answers calls for as long as it is polled, over TLS where there is a certificate. A body that is
/// too large, or does not come, is refused before `answer` is asked.
pub(crate) async fn serve<F: Future<Output: Into<Response<AnswerBody>>> + 'static>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    answer: impl Fn(Call) -> F + 'static,
) {
    let answer = Rc::new(answer);
    let (mut tasks, mut connections) = (JoinSet::new(), Vec::<Connection>::new());
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // There may be no descriptors left: in a moment there may be some again.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        while tasks.try_join_next().is_some() {}
        connections.retain(|connection| !connection.task.is_finished());
        let idle = connections.iter().filter(|connection| connection.idle_since.get().is_some());
        let longest = idle.clone().min_by_key(|connection| connection.idle_since.get());
        let is_full = connections.len() >= MAX_IDLE + MAX_ANSWERED;
        match longest
            .filter(|longest| is_full || idle.count() >= MAX_IDLE && longest.has_been_idle())
        {
            Some(longest) => {
                longest.task.abort();
                longest.idle_since.set(None);
            }
            None if is_full => continue,
            None => {}
        }
        let idle_since = Rc::new(Cell::new(Some(Instant::now())));
        let (answer, idle) = (Rc::clone(&answer), Rc::clone(&idle_since));
        let tls = tls.clone();
        let task = tasks.spawn_local(async move {
            let Some(tls) = tls else { return converse(stream, answer, idle).await };
            // A browser that does not trust the certificate ends here, and says so itself.
            if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
                converse(stream, answer, idle).await;
            }
        });
        connections.push(Connection { task, idle_since });
    }
}

/// A connection as the server sees it.
struct Connection {
    task: AbortHandle,
    /// Since when it has had no complete call to answer; `None` while it has one.
    idle_since: Rc<Cell<Option<Instant>>>,
}

impl Connection {
    /// Whether it could have sent a call by now.
    fn has_been_idle(&self) -> bool {
        self.idle_since.get().is_some_and(|since| since.elapsed() >= MIN_IDLE)
    }
}

async fn converse<F: Future<Output: Into<Response<AnswerBody>>> + 'static>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    answer: Rc<impl Fn(Call) -> F + 'static>,
    idle_since: Rc<Cell<Option<Instant>>>,
) {
    let idle = Rc::clone(&idle_since);
    let service = service_fn(move |request| {
        let (answer, idle_since) = (Rc::clone(&answer), Rc::clone(&idle_since));
        async move {
            let answered = respond(request, &*answer, &idle_since).await;
            Ok::<_, Infallible>(answered)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(MAX_BODY)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // A client that has ended, is slow or makes mistakes is no fault of ours.
    if tokio::time::timeout(MAX_CONNECTION, connection.as_mut()).await.is_ok() {
        return;
    }
    connection.as_mut().graceful_shutdown();
    let is_unread = || idle.get().is_some_and(|since| since.elapsed() >= PATIENCE);
    let unread = async {
        while !is_unread() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        _ = connection => {}
        () = unread => {}
    }
}

async fn respond<F: Future<Output: Into<Response<AnswerBody>>>>(
    request: Request<Incoming>,
    answer: &impl Fn(Call) -> F,
    idle_since: &Rc<Cell<Option<Instant>>>,
) -> Response<AnswerBody> {
    let (head, body) = request.into_parts();
    let refused = match tokio::time::timeout(PATIENCE, Limited::new(body, MAX_BODY).collect()).await
    {
        Ok(Ok(body)) => {
            let call = Call {
                method: head.method,
                path: head.uri.path().to_owned(),
                query: head.uri.query().map(str::to_owned),
                headers: head.headers,
                body: body.to_bytes(),
                busy: Busy::begin(idle_since),
            };
            return answer(call).await.into();
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => HttpAnswer::error(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("the body is longer than {MAX_BODY} bytes"),
        ),
        Ok(Err(_)) => HttpAnswer::error(StatusCode::BAD_REQUEST, "the body ended before its end"),
        Err(_) => HttpAnswer::error(StatusCode::REQUEST_TIMEOUT, "the body did not come"),
    };
    refused.into()
}

impl From<HttpAnswer> for Response<AnswerBody> {
    fn from(answer: HttpAnswer) -> Self {
        let mut response = whole(answer.content_type, Bytes::from(answer.body));
        *response.status_mut() = answer.status;
        response
    }
}

/// An answer that is known whole.
pub(crate) fn whole(content_type: &'static str, body: Bytes) -> Response<AnswerBody> {
    let mut response = Response::new(Box::pin(Full::new(body)) as AnswerBody);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

impl Call {
    /// Whether a page in a browser makes the call. Such a page may read nothing, and may have
    /// nothing done: neither for another site, nor by a name that its server let resolve to this
    /// machine.
    pub(crate) fn is_of_a_page(&self) -> bool {
        // A person who types the address into a browser is no page.
        let by_hand = |value: &HeaderValue| value == "none";
        self.headers.contains_key(ORIGIN)
            || !self.headers.get_all("sec-fetch-site").iter().all(by_hand)
    }
}

impl HttpAnswer {
    /// A value as JSON.
    pub(crate) fn json(status: StatusCode, value: &impl serde::Serialize) -> Self {
        let mut body =
            json(&serde_json::to_string(value).expect("what we answer has names for keys"));
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
