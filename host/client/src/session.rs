//! One virtual user's traffic, and the one road that every request takes.
//!
//! `send` → `follow` (redirects) → `exchange` (which connection, and whether once more) → `receive`
//! (the body). What is rare stands in functions of its own whose futures are boxed, so that the
//! future of a plain request on an open connection stays small.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use rustls::ClientConfig;
use swell_core::exchange::{ErrorClass, Phase};
use tokio::time::Instant;
use url::Url;

use crate::client::Client;
use crate::error::{Chance, Error, Failure};
use crate::http::body::{Incoming, Source};
use crate::http::cookies::Jar;
use crate::http::endpoint::{Endpoint, Origin};
use crate::http::outgoing::{self, Outgoing};
use crate::http::pool::{Lane, Link, Place, Turn};
use crate::http::request::{Head, Keep, Request, Response, Sent, Version};
use crate::http::trail::Trail;
use crate::http::{http1, http2, redirect};
use crate::net::connect::{self, Stream};
use crate::net::deadline::Timer;
use crate::net::tls::UserTls;

/// One virtual user: its connections, its TLS sessions, its cookies, none of them another's.
/// Dropping it closes its connections.
pub struct Session {
    client: Rc<Client>,
    lanes: RefCell<Vec<Rc<Lane>>>,
    jar: RefCell<Jar>,
    tls: RefCell<Option<Box<UserTls>>>,
}

/// How often a request is sent that the server says it did nothing with. A server that closes each
/// connection after a few requests says so of the rest, once a connection; one that says it for
/// ever is no service.
const MOST_ATTEMPTS: u32 = 16;

/// What one hop gave: an answer, and where it sends the user if that is to be followed.
type Hop = (Response, Option<Box<Url>>);

impl Session {
    /// A user without connections or cookies.
    pub fn new(client: &Rc<Client>) -> Self {
        Self {
            client: Rc::clone(client),
            lanes: RefCell::default(),
            jar: RefCell::default(),
            tls: RefCell::default(),
        }
    }

    /// Sends a request and waits for the end of its answer.
    ///
    /// It must run inside a `LocalSet` when HTTP/2 may be spoken. Dropping the future closes the
    /// connection in use, or resets its HTTP/2 stream, and leaves the session as good as before;
    /// what was written by then is counted in [`Client::written`] alone.
    pub async fn send(&self, mut request: Request) -> Sent {
        let start = Instant::now();
        let mut trail = Trail::start(start);
        let mut timer = self.client.take_timer(start);
        let result = self.follow(&mut request, &mut trail, &mut timer).await;
        self.client.give_timer(timer);
        trail.finish(result, Instant::now())
    }

    /// Sends requests at the same time, as a browser loads what a page needs, and returns their
    /// ends in the order of the requests.
    ///
    /// At most six connections an origin over HTTP/1.1, one over HTTP/2; waiting for one is phase
    /// `Blocked`.
    pub async fn send_all(&self, requests: Vec<Request>) -> Vec<Sent> {
        let mut running: Vec<_> =
            requests.into_iter().map(|request| Some(Box::pin(self.send(request)))).collect();
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

    /// Forgets the cookies, as between iterations.
    pub fn clear_cookies(&self) {
        self.jar.borrow_mut().clear();
    }

    /// Closes the connections and forgets the TLS sessions. Requests in flight end as they would
    /// have, and close theirs then.
    pub fn forget(&self) {
        self.lanes.borrow_mut().clear();
        self.tls.borrow_mut().take();
    }

    async fn follow(
        &self,
        request: &mut Request,
        trail: &mut Trail,
        timer: &mut Timer,
    ) -> Result<Response, Error> {
        outgoing::check(request)?;
        let mut endpoint = self.client.endpoints.find(&request.url)?;
        let longest = self.client.options.timeouts.whole;
        let whole = trail.start + request.timeout.map_or(longest, |own| own.min(longest));
        let mut run_headers = &self.client.options.headers[..];
        let mut redirects = 0;
        loop {
            let (mut response, location) =
                self.exchange(&endpoint, request, run_headers, trail, timer, whole).await?;
            let Some(location) = location else {
                if redirects > 0 {
                    response.redirects = redirects;
                    response.final_url = Some(endpoint.url.to_string());
                }
                return Ok(response);
            };
            if redirects == request.redirects {
                return Err(Error::protocol(format!(
                    "still redirected after {redirects} redirects, to {location}"
                )));
            }
            redirects += 1;
            trail.enter(Phase::Blocked, Instant::now());
            // Nobody but the service is to blame for where it sends us.
            let next =
                self.client.endpoints.find(location.as_str()).map_err(|error| {
                    match error.class {
                        ErrorClass::Invalid => {
                            Error::protocol(format!("redirect to {location}: {error}"))
                        }
                        _ => error,
                    }
                })?;
            // What a redirect leaves behind, it leaves behind of the run's headers as of the
            // request's own.
            outgoing::adopt(request, std::mem::take(&mut run_headers));
            redirect::follow(request, response.status, Rc::ptr_eq(&next.origin, &endpoint.origin));
            endpoint = next;
        }
    }

    /// One request and its answer, on whichever connection; sent anew where it is known that it was
    /// not, or may arrive twice.
    async fn exchange(
        &self,
        endpoint: &Endpoint,
        request: &Request,
        run_headers: &[(HeaderName, HeaderValue)],
        trail: &mut Trail,
        timer: &mut Timer,
        whole: Instant,
    ) -> Result<Hop, Error> {
        let version = if request.version == Version::Automatic {
            self.client.options.version
        } else {
            request.version
        };
        let lane = self.lane(&endpoint.origin, version);
        let cookies = self.jar.borrow().header(&endpoint.url, SystemTime::now);
        let outgoing = Outgoing { client: &self.client, endpoint, request, run_headers, cookies };
        let mut retried = false;
        let mut attempts = 0;
        let mut turn = lane.take();
        loop {
            let link = match turn {
                Turn::Ready(link) => link,
                turn => Box::pin(self.connection(&lane, turn, trail, timer, whole)).await?,
            };
            trail.enter(Phase::Sending, trail.since());
            let due = whole.min(trail.since() + self.client.options.timeouts.response);
            let (failure, reused, place, shared) = match link {
                Link::Http1 { mut connection, place, reused } => {
                    let outcome = timer.until(due, pin!(connection.send(&outgoing))).await;
                    if let Some(at) = connection.handed_over() {
                        trail.enter(Phase::Waiting, at);
                    }
                    trail.written += u32::from(connection.is_written());
                    match outcome {
                        Some(Ok(head)) => {
                            let mut incoming = Incoming::new(Source::Http1(&mut connection));
                            let answer = self
                                .receive(
                                    head,
                                    &mut incoming,
                                    endpoint,
                                    request,
                                    reused,
                                    trail,
                                    timer,
                                    whole,
                                )
                                .await?;
                            if connection.is_reusable() {
                                place.keep(connection);
                            }
                            return Ok(answer);
                        }
                        Some(Err(failure)) => (failure, reused, Some(place), None),
                        None => return Err(timed_out(trail, due)),
                    }
                }
                Link::Http2 { mut handle, reused } => {
                    let head = outgoing.http2()?;
                    trail.enter(Phase::Waiting, trail.since());
                    let outcome =
                        timer.until(due, Box::pin(handle.send(head, request.body.clone()))).await;
                    trail.written += u32::from(handle.is_written());
                    match outcome {
                        Some(Ok((head, body))) => {
                            let mut incoming = Incoming::new(Source::Http2(body));
                            return self
                                .receive(
                                    head,
                                    &mut incoming,
                                    endpoint,
                                    request,
                                    reused,
                                    trail,
                                    timer,
                                    whole,
                                )
                                .await;
                        }
                        Some(Err(failure)) => (failure, reused, None, Some(handle)),
                        None => return Err(timed_out(trail, due)),
                    }
                }
            };
            // A connection that closed while it was idle is no answer. When nothing went out on it,
            // another one is simply taken; when the head did, what may be sent twice is sent once
            // more, on a new connection. What a server says it did nothing with may be anything.
            let Failure { error, written, chance } = failure;
            attempts += u32::from(written || !reused);
            let again = match chance {
                _ if reused && !written => true,
                Chance::None => false,
                Chance::Unanswered => reused && !retried && request.may_arrive_twice(),
                Chance::Unprocessed => attempts < MOST_ATTEMPTS,
            };
            if !again {
                return Err(error);
            }
            trail.enter(Phase::Blocked, Instant::now());
            if written {
                retried |= chance == Chance::Unanswered;
                trail.reconnects += 1;
            }
            turn = match place {
                Some(place) if written => Turn::Open(place),
                place => {
                    drop(place);
                    // A stream that was refused says nothing about the next one on its connection,
                    // unless that is refused too.
                    if let Some(handle) = shared
                        && (chance == Chance::Unanswered || attempts > 1)
                    {
                        lane.retire(handle.connection());
                    }
                    lane.take()
                }
            };
        }
    }

    /// A connection when none was ready: waits for one, or opens one.
    async fn connection(
        &self,
        lane: &Rc<Lane>,
        mut turn: Turn,
        trail: &mut Trail,
        timer: &mut Timer,
        whole: Instant,
    ) -> Result<Link, Error> {
        loop {
            match turn {
                Turn::Ready(link) => {
                    trail.enter(Phase::Sending, Instant::now());
                    return Ok(link);
                }
                Turn::Open(place) => return self.open(lane, place, trail, timer, whole).await,
                Turn::Wait => {
                    timer
                        .until(whole, pin!(lane.freed()))
                        .await
                        .ok_or_else(|| timed_out(trail, whole))?;
                    // What was freed by somebody's timeout may come at the moment of one's own.
                    if Instant::now() >= whole {
                        return Err(timed_out(trail, whole));
                    }
                    turn = lane.take();
                }
            }
        }
    }

    async fn open(
        &self,
        lane: &Lane,
        place: Place,
        trail: &mut Trail,
        timer: &mut Timer,
        whole: Instant,
    ) -> Result<Link, Error> {
        let client = &*self.client;
        let origin = &*lane.origin;
        let now = Instant::now();
        trail.enter(Phase::Connecting, now);
        let due = whole.min(now + client.options.timeouts.connect);
        let tcp = timer
            .until(due, pin!(connect::open(client, origin)))
            .await
            .unwrap_or_else(|| Err(timed_out(trail, due)))?;
        trail.connections += 1;
        let (stream, is_http2) = if origin.secure {
            let now = Instant::now();
            trail.enter(Phase::Tls, now);
            let due = whole.min(now + client.options.timeouts.tls);
            let handshake = connect::secure(self.tls_config(lane.version), origin, tcp);
            let tls =
                timer.until(due, handshake).await.unwrap_or_else(|| Err(timed_out(trail, due)))?;
            let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
            if lane.version == Version::Http2 && !is_http2 {
                return Err(Error::protocol(format!("{} did not agree to HTTP/2", origin.host)));
            }
            (Stream::Secure(tls), is_http2)
        } else {
            (Stream::Plain(tcp), lane.version == Version::Http2)
        };
        trail.enter(Phase::Sending, Instant::now());
        if is_http2 {
            let connection = http2::Connection::open(
                stream,
                client.options.header_limit,
                Rc::clone(&client.written),
            )
            .await?;
            let handle = connection.handle().ok_or_else(|| {
                Error::new(ErrorClass::Reset, "the connection was closed at once")
            })?;
            place.share(connection);
            Ok(Link::Http2 { handle, reused: false })
        } else {
            place.speaks_http1();
            let connection = http1::Connection::new(stream, &client.http1);
            Ok(Link::Http1 { connection, place, reused: false })
        }
    }

    /// Reads the answer's body as the request asks.
    #[expect(
        clippy::too_many_arguments,
        reason = "what an exchange has come to; a struct of them would live for this call alone"
    )]
    async fn receive(
        &self,
        head: Head,
        incoming: &mut Incoming<'_>,
        endpoint: &Endpoint,
        request: &Request,
        reused: bool,
        trail: &mut Trail,
        timer: &mut Timer,
        whole: Instant,
    ) -> Result<Hop, Error> {
        trail.enter(Phase::Receiving, Instant::now());
        self.jar.borrow_mut().store(&endpoint.url, &head.headers, SystemTime::now);
        let redirect = if request.redirects > 0 {
            redirect::location(&endpoint.url, head.status, &head.headers)?.map(Box::new)
        } else {
            None
        };
        let mut kept = Bytes::new();
        let mut outcome = Some(Ok(()));
        if !incoming.is_end() {
            outcome = match request.keep {
                Keep::Body { limit } if redirect.is_none() => {
                    let limit = limit.min(self.client.options.body_limit);
                    let read = Box::pin(async {
                        if request.decompress {
                            incoming.decompress(limit, &head.headers).await
                        } else {
                            incoming.keep(limit).await
                        }
                    });
                    timer.until(whole, read).await.map(|body| body.map(|body| kept = body))
                }
                _ => timer.until(whole, pin!(incoming.discard())).await,
            };
        }
        let body_size = incoming.received();
        trail.body_bytes += body_size;
        outcome.unwrap_or_else(|| Err(timed_out(trail, whole)))?;
        let headers = if request.keep_headers { head.headers } else { HeaderMap::default() };
        Ok((
            Response {
                status: head.status,
                headers,
                body: kept,
                body_size,
                reused,
                redirects: 0,
                final_url: None,
            },
            redirect,
        ))
    }

    fn lane(&self, origin: &Rc<Origin>, version: Version) -> Rc<Lane> {
        let mut lanes = self.lanes.borrow_mut();
        if let Some(known) =
            lanes.iter().find(|lane| lane.version == version && Rc::ptr_eq(&lane.origin, origin))
        {
            return Rc::clone(known);
        }
        let lane = Rc::new(Lane::new(Rc::clone(origin), version));
        lanes.push(Rc::clone(&lane));
        lane
    }

    fn tls_config(&self, version: Version) -> Arc<ClientConfig> {
        self.tls
            .borrow_mut()
            .get_or_insert_with(|| Box::new(self.client.options.tls.user()))
            .offering(version)
    }
}

fn timed_out(trail: &Trail, due: Instant) -> Error {
    Error::timeout(trail.phase(), due.saturating_duration_since(trail.since()))
}
