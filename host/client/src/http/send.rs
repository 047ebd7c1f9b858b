//! The one way that every request takes.
//!
//! `send` → `follow` (redirects) → `exchange` (which connection, and whether once more) →
//! `answered` and `receive` (the body). What happens rarely stands in functions of its own whose
//! futures are boxed, so that the future of a plain request on an open connection stays small.

mod quic;

use std::borrow::{Borrow, Cow};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use swell_core::exchange::{ErrorClass, Phase, Phases};
use swell_core::observer::ObservedHop;
use tokio::time::Instant;
use url::Url;

use crate::error::Error;
use crate::http::body::{Incoming, KeptRoom};
use crate::http::coding::{Coding, codings};
use crate::http::failure::{Attempts, SendFailure};
use crate::http::head::Head;
use crate::http::http1::Http1Connection;
use crate::http::http2::Http2Connection;
use crate::http::outgoing::{self, OutgoingRequest};
use crate::http::pool::{Checkout, Link, Permit, Pool};
use crate::http::redirect;
use crate::http::request::{Keep, Request, Response, Sent, Version};
use crate::http::seen::Seen;
use crate::http::shared::SharedConnection;
use crate::http::trail::Trail;
use crate::http::urls::{ParsedUrl, told};
use crate::http::wire::OpenBody;
use crate::net::connect;
use crate::net::deadline::Timer;
use crate::net::stream::Stream;
use crate::session::Session;

/// A request on its way, over all its redirects and attempts.
pub(crate) struct Sending<'a> {
    session: &'a Session,
    trail: Trail,
    timer: Timer,
    /// By when all of it must have ended.
    whole: Instant,
    /// Whether the request is at the origin that it was meant for, which may know who asks.
    is_at_home: bool,
    /// What is sent and received, where somebody looks on.
    seen: Option<Box<Seen>>,
    /// What becomes of the body of the last answer.
    last: LastBody,
}

/// What becomes of the body of an answer that is no redirect.
enum LastBody {
    /// It is read as the request asks.
    Received,
    /// It is left to somebody else.
    LeftOpen,
    /// It was.
    Open(Box<OpenedAnswer>),
}

/// An answer whose body is left to somebody else.
pub(crate) struct OpenedAnswer {
    pub(crate) body: OpenBody,
    /// What is to be undone of it, in the order in which it was done.
    pub(crate) codings: Vec<Coding>,
    /// When the request was handed to the network.
    pub(crate) handed: Instant,
}

/// All that is known of a request whose answer is left open.
pub(crate) struct OpenedParts {
    pub(crate) response: Response,
    pub(crate) opened: Box<OpenedAnswer>,
    pub(crate) trail: Trail,
    /// What was seen so far, and the phases up to where the last hop began.
    pub(crate) seen: Option<(Vec<ObservedHop>, Phases)>,
}

/// The result of one hop: an answer, and the URL of a redirect that is to be followed.
type Hop = (Response, Option<Box<Url>>);

impl Session {
    /// Sends a request and waits for the end of its answer.
    ///
    /// It must run inside a `LocalSet` when HTTP/2 may be spoken. Dropping the future closes the
    /// connection in use, or resets its HTTP/2 stream, and leaves the session as good as before;
    /// what was written by then is counted in [`Client::written`](crate::Client::written) alone.
    pub async fn send(&self, request: impl Borrow<Request>) -> Sent {
        self.send_keeping(request.borrow(), self.room()).await
    }

    /// The room for bodies of one call, where somebody looks on.
    pub(crate) fn room(&self) -> Option<KeptRoom> {
        self.is_seen.then(KeptRoom::new)
    }

    /// Sends a request; what is seen of it takes its room from there.
    async fn send_keeping(&self, request: &Request, room: Option<KeptRoom>) -> Sent {
        let mut sending = Sending::new(self, request, room, Instant::now());
        let result = sending.follow(request).await;
        sending.over(result).await
    }

    /// Sends requests at the same time, as a browser loads what a page needs, and returns their
    /// ends in the order of the requests.
    ///
    /// At most as many connections an origin over HTTP/1.1 as the options say, one over HTTP/2;
    /// waiting for one is phase `Blocked`.
    pub async fn send_all(&self, requests: Vec<Request>) -> Vec<Sent> {
        let room = self.room();
        let send = |request| Some(Box::pin(self.send_keeping(request, room.clone())));
        let mut running: Vec<_> = requests.iter().map(send).collect();
        let mut ended: Vec<Option<Sent>> = vec![None; running.len()];
        poll_fn(|cx| {
            for (send, end) in running.iter_mut().zip(&mut ended) {
                if let Some(Poll::Ready(sent)) = send.as_mut().map(|send| send.as_mut().poll(cx)) {
                    *end = Some(sent);
                    *send = None;
                }
            }
            if ended.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        drop(running);
        ended.into_iter().flatten().collect()
    }
}

impl Session {
    /// A request as it goes to this URL now.
    pub(crate) fn outgoing<'a>(
        &'a self,
        url: &'a ParsedUrl,
        request: &'a Request,
        run_headers: &'a [(HeaderName, HeaderValue)],
    ) -> OutgoingRequest<'a> {
        let cookies = self.http.jar.borrow().header(&url.url, SystemTime::now);
        let (user_agent, is_seen) = (&self.client.http.user_agent, self.is_seen);
        OutgoingRequest {
            user_agent,
            url,
            request,
            run_headers,
            cookies,
            looks_elsewhere: url.origin.secure && self.client.options.follows_alternatives,
            is_seen,
            is_last: false,
            signature: Vec::new(),
        }
    }
}

impl<'a> Sending<'a> {
    pub(crate) fn new(
        session: &'a Session,
        request: &Request,
        room: Option<KeptRoom>,
        start: Instant,
    ) -> Self {
        let timeouts = &session.client.options.timeouts;
        let longest = request.timeout.map_or(timeouts.whole, |own| own.min(timeouts.whole));
        Self {
            session,
            trail: Trail::start(start),
            timer: session.client.network.timers.take(start + timeouts.response),
            whole: start + longest,
            is_at_home: true,
            seen: room.map(|room| Box::new(Seen::new(session.client.options.body_limit, room))),
            last: LastBody::Received,
        }
    }

    /// The request has come to its end.
    async fn over(self, result: Result<Response, Error>) -> Sent {
        self.session.client.network.timers.give(self.timer);
        let mut sent = self.trail.finish(result, Instant::now());
        if let Some(mut seen) = self.seen {
            seen.ends(&sent.exchange.phases, sent.result.as_ref().err());
            sent.hops = Box::pin(seen.finish()).await;
        }
        sent
    }

    /// Sends the request as all others, but leaves the body of its answer to the caller.
    pub(crate) async fn up_to_head(mut self, request: &Request) -> Result<OpenedParts, Box<Sent>> {
        self.last = LastBody::LeftOpen;
        let response = match self.follow(request).await {
            Ok(response) => response,
            Err(error) => return Err(Box::new(self.over(Err(error)).await)),
        };
        let LastBody::Open(opened) = self.last else {
            unreachable!("an answer that is no redirect leaves its body")
        };
        self.session.client.network.timers.give(self.timer);
        let seen = match self.seen {
            Some(seen) => Some(Box::pin(seen.leave_open()).await),
            None => None,
        };
        Ok(OpenedParts { response, opened, trail: self.trail, seen })
    }

    async fn follow(&mut self, request: &Request) -> Result<Response, Error> {
        outgoing::check(request)?;
        let mut request = Cow::Borrowed(request);
        let client = &*self.session.client;
        let mut url = client.http.urls.find(&request.url)?;
        self.check_version(&url, request.version)?;
        let mut run_headers = &client.options.headers[..];
        let mut redirects = 0;
        loop {
            let (mut response, location) = self.exchange(&url, &request, run_headers).await?;
            let Some(location) = location else {
                if redirects > 0 {
                    response.redirects = redirects;
                    response.final_url = Some(url.url.to_string());
                }
                return Ok(response);
            };
            if redirects == request.redirects {
                return Err(Error::protocol(format!(
                    "still redirected after {redirects} redirects, to {}",
                    told(location.as_str())
                )));
            }
            redirects += 1;
            self.trail.enter(Phase::Blocked, Instant::now());
            self.see(|seen, phases| seen.ends(phases, None));
            // A URL that cannot be asked for is the service's fault here, and not the scenario's.
            let next = client.http.urls.find(location.as_str());
            let next = next
                .and_then(|next| self.check_version(&next, request.version).map(|()| next))
                .map_err(|error| match error.class {
                    ErrorClass::Invalid => {
                        Error::protocol(format!("redirect to {}: {error}", told(location.as_str())))
                    }
                    _ => error,
                })?;
            // What a redirect leaves behind, it leaves behind of the run's headers as of the
            // request's own.
            let redirected = request.to_mut();
            outgoing::adopt(redirected, std::mem::take(&mut run_headers));
            let is_same = Rc::ptr_eq(&next.origin, &url.origin);
            self.is_at_home &= is_same;
            redirect::follow(redirected, response.status, is_same);
            url = next;
        }
    }

    /// One request and its answer, on whatever connection. The request is sent again where it
    /// surely was not sent, or may arrive twice.
    async fn exchange(
        &mut self,
        url: &ParsedUrl,
        request: &Request,
        run_headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Hop, Error> {
        let client = &*self.session.client;
        let mut pool = self.pool(&url.origin, request.version);
        let mut outgoing = self.session.outgoing(url, request, run_headers);
        if let Some(signer) = client.options.aws.as_ref().filter(|_| self.is_at_home) {
            outgoing.sign(signer, SystemTime::now());
        }
        self.see(|seen, _| seen.begins(&outgoing));
        let mut attempts = Attempts::default();
        let mut checkout = pool.take();
        loop {
            let mut link = match checkout {
                Checkout::Ready(link) => link,
                checkout => Box::pin(self.link(&mut pool, checkout, url, request)).await?,
            };
            outgoing.is_last = link.is_last();
            if !link.has_room() {
                Box::pin(self.room(&mut link)).await?;
            }
            self.see(|seen, _| seen.goes_over(&link, &outgoing));
            self.trail.enter(Phase::Sending, self.trail.since());
            let due = self.whole.min(self.trail.since() + client.options.timeouts.response);
            let (failure, reused, permit, shared) = match link {
                Link::Http1 { mut connection, permit, reused } => {
                    let sent = self.over_http1(&mut connection, &outgoing, due);
                    match sent.await {
                        Some(Ok(head)) => {
                            let body = OpenBody::Http1(connection, permit);
                            return self.answered(head, body, &outgoing, reused).await;
                        }
                        Some(Err(failure)) => (failure, reused, Some(permit), None),
                        None => return Err(self.timed_out(due)),
                    }
                }
                Link::Shared { mut sender, reused } => {
                    let head = outgoing.http2()?;
                    let word = self.due_for_word(&outgoing, due);
                    let sent = Box::pin(sender.send(head, request.body.clone(), word));
                    let outcome = self.timer.until(due, sent).await;
                    if let Some(at) = sender.handed_over(self.trail.since()) {
                        self.trail.enter(Phase::Waiting, at);
                    }
                    self.trail.written += u32::from(sender.is_written());
                    match outcome {
                        Some(Ok((head, body))) => {
                            let body = OpenBody::Shared(body);
                            return self.answered(head, body, &outgoing, reused).await;
                        }
                        Some(Err(failure)) => (failure, reused, None, Some(sender)),
                        None => return Err(self.timed_out(due)),
                    }
                }
            };
            if !attempts.allow_another(&failure, reused, request.may_arrive_twice()) {
                return Err(failure.error);
            }
            self.trail.enter(Phase::Blocked, Instant::now());
            self.trail.reconnects += u32::from(failure.written);
            self.see(|seen, phases| seen.is_sent_anew(phases, &failure.error, &outgoing));
            checkout = match permit {
                Some(permit) if failure.written => Checkout::Open(permit),
                permit => {
                    drop(permit);
                    if let Some(sender) = shared
                        && attempts.blames_connection(&failure)
                    {
                        pool.retire(&sender.connection());
                    }
                    pool.take()
                }
            };
        }
    }

    /// A connection, when none was ready: waits for one, or opens one.
    async fn connection(&mut self, pool: &Rc<Pool>, mut checkout: Checkout) -> Result<Link, Error> {
        loop {
            match checkout {
                Checkout::Ready(link) => {
                    self.trail.enter(Phase::Sending, Instant::now());
                    return Ok(link);
                }
                Checkout::Open(permit) if pool.version == Version::Http3 => {
                    return self.open_quic(pool, permit).await;
                }
                Checkout::Open(permit) => return self.open(pool, permit).await,
                Checkout::Wait => {
                    let freed = self.timer.until(self.whole, pin!(pool.freed())).await;
                    // A connection that is freed by another request's timeout may come at the
                    // moment of this request's own timeout.
                    if freed.is_none() || Instant::now() >= self.whole {
                        return Err(self.timed_out(self.whole));
                    }
                    checkout = pool.take();
                }
            }
        }
    }

    async fn open(&mut self, pool: &Pool, permit: Permit) -> Result<Link, Error> {
        let client = &*self.session.client;
        let timeouts = &client.options.timeouts;
        let origin = &*pool.origin;
        let due = self.enter_until(Phase::Connecting, timeouts.connect);
        let is_http1 = !origin.secure && pool.version != Version::Http2;
        let opening = async {
            if is_http1 {
                connect::open_for_requests(&client.network, origin).await
            } else {
                connect::open(&client.network, origin).await
            }
        };
        let opened = self.timer.until(due, pin!(opening)).await;
        let socket = opened.unwrap_or_else(|| Err(self.timed_out(due)))?;
        self.trail.connections += 1;
        let (stream, is_http2) = if origin.secure {
            let due = self.enter_until(Phase::Tls, timeouts.tls);
            let config = self.session.tls_config(pool.version.offer());
            let shaken = self.timer.until(due, connect::secure(config, origin, socket)).await;
            let tls = shaken.unwrap_or_else(|| Err(self.timed_out(due)))?;
            let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
            if pool.version == Version::Http2 && !is_http2 {
                return Err(Error::protocol(format!("{} did not agree to HTTP/2", origin.host)));
            }
            (Stream::Secure(tls), is_http2)
        } else {
            (Stream::Plain(socket), !is_http1)
        };
        self.trail.enter(Phase::Sending, Instant::now());
        if is_http2 {
            let written = Rc::clone(&client.http.written);
            let limit = client.options.header_limit;
            let limits = client.options.connections;
            let connection = Http2Connection::open(stream, limit, limits, written).await?;
            let connection = SharedConnection::Http2(connection);
            let sender = connection.sender().ok_or_else(|| {
                Error::new(ErrorClass::Reset, "the connection was closed at once")
            })?;
            permit.share(connection);
            Ok(Link::Shared { sender, reused: false })
        } else {
            permit.speaks_http1();
            let connection = Http1Connection::new(stream, &client.http.http1)
                .for_requests(client.options.connections.requests);
            Ok(Link::Http1 { connection, permit, reused: false })
        }
    }

    /// The head of an answer has come: reads its body, or leaves it open.
    async fn answered(
        &mut self,
        head: Head,
        mut body: OpenBody,
        outgoing: &OutgoingRequest<'_>,
        reused: bool,
    ) -> Result<Hop, Error> {
        let OutgoingRequest { url, request, .. } = outgoing;
        let handed = self.trail.since();
        self.trail.enter(Phase::Receiving, Instant::now());
        self.see(|seen, _| seen.is_answered(&head));
        let Session { client, http, .. } = self.session;
        if outgoing.looks_elsewhere {
            self.learn(&url.origin, &head.headers);
        }
        if client.options.takes_cookies {
            http.jar.borrow_mut().store(&url.url, &head.headers, SystemTime::now);
        }
        let redirect = if request.redirects > 0 {
            redirect::location(&url.url, head.status, &head.headers)?.map(Box::new)
        } else {
            None
        };
        let (mut kept, mut body_size) = (Bytes::new(), 0);
        if redirect.is_none() && matches!(self.last, LastBody::LeftOpen) {
            let codings = if request.decompress { codings(&head.headers)? } else { Vec::default() };
            self.last = LastBody::Open(Box::new(OpenedAnswer { body, codings, handed }));
        } else {
            let mut incoming = Incoming::new(body.source());
            let is_kept = redirect.is_none();
            kept = self.receive(&head, &mut incoming, request, is_kept).await?;
            body_size = incoming.received();
            body.keep();
        }
        let response = Response {
            status: head.status,
            headers: if request.keep_headers { head.headers } else { HeaderMap::default() },
            body: kept,
            body_size,
            reused,
            redirects: 0,
            final_url: None,
        };
        Ok((response, redirect))
    }

    /// Reads an answer's body to its end, and keeps it if the request asks for that.
    async fn receive(
        &mut self,
        head: &Head,
        incoming: &mut Incoming<'_>,
        request: &Request,
        is_kept: bool,
    ) -> Result<Bytes, Error> {
        self.see(|seen, _| incoming.copy(seen.limit(), seen.room()));
        let mut outcome = Some(Ok(Bytes::new()));
        if !incoming.is_end() {
            outcome = match request.keep {
                Keep::Body { limit } if is_kept => {
                    let limit = limit.min(self.session.client.options.body_limit);
                    let read = Box::pin(async {
                        if request.decompress {
                            incoming.decompress(limit, &head.headers).await
                        } else {
                            incoming.keep(limit).await
                        }
                    });
                    self.timer.until(self.whole, read).await
                }
                _ => {
                    let read = self.timer.until(self.whole, pin!(incoming.discard())).await;
                    read.map(|read| read.map(|()| Bytes::new()))
                }
            };
        }
        let body_size = incoming.received();
        self.trail.body_bytes += body_size;
        self.see(|seen, _| seen.has_body(incoming.take_copy(), body_size));
        outcome.unwrap_or_else(|| Err(self.timed_out(self.whole)))
    }

    /// Sends a request over HTTP/1.1 and waits for the head of its answer; nothing where `due` came
    /// first.
    async fn over_http1(
        &mut self,
        connection: &mut Http1Connection,
        outgoing: &OutgoingRequest<'_>,
        due: Instant,
    ) -> Option<Result<Head, SendFailure>> {
        let word = self.due_for_word(outgoing, due);
        let first = word.unwrap_or(due);
        let mut outcome = self.timer.until(first, pin!(connection.send(outgoing))).await;
        if outcome.is_none() && word.is_some() {
            let unasked = Box::pin(connection.send_unasked(outgoing));
            outcome = self.timer.until(due, unasked).await;
        }
        if let Some(at) = connection.handed_over() {
            self.trail.enter(Phase::Waiting, at);
        }
        self.trail.written += u32::from(connection.is_written());
        outcome
    }

    /// Until when the request's body waits for the server to ask for it, if it waits, and if that
    /// is before all of it must have been answered.
    fn due_for_word(&self, outgoing: &OutgoingRequest<'_>, due: Instant) -> Option<Instant> {
        let longest = self.session.client.options.timeouts.word;
        let word = outgoing.waits_for_word().then(|| Instant::now() + longest);
        word.filter(|word| *word < due)
    }

    /// Begins a phase, and returns by when it must have ended.
    fn enter_until(&mut self, phase: Phase, longest: Duration) -> Instant {
        let now = Instant::now();
        self.trail.enter(phase, now);
        self.whole.min(now + longest)
    }

    /// Has somebody who looks on see something.
    #[inline]
    fn see(&mut self, look: impl FnOnce(&mut Seen, &Phases)) {
        if let Some(seen) = &mut self.seen {
            look(seen, self.trail.phases());
        }
    }

    fn timed_out(&self, due: Instant) -> Error {
        Error::timeout(self.trail.phase(), due.saturating_duration_since(self.trail.since()))
    }
}
