//! From a URL to an open WebSocket, timed by phase.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use ring::rand::{SecureRandom as _, SystemRandom};
use swell_core::exchange::{ErrorClass, Exchange, Phase, Phases, Protocol};
use swell_core::observer::{ObservedAnswer, ObservedError, ObservedHop};
use tokio::time::Instant;

use crate::error::Error;
use crate::http::body::{BodySource, Incoming};
use crate::http::head::Head;
use crate::http::http1::Http1Connection;
use crate::http::outgoing::{self, OutgoingRequest};
use crate::http::request::{Keep, Request, Version};
use crate::http::trail::Trail;
use crate::net::connect;
use crate::net::deadline::Timer;
use crate::net::origin::Origin;
use crate::net::stream::Stream;
use crate::session::Session;
use crate::websocket::connection::WebSocket;
use crate::websocket::handshake::{Handshake, http_url};
use crate::websocket::request::{WebSocketError, WebSocketRequest};
use crate::websocket::wire::Wire;

/// The most bytes of a refusal's body that are kept: what says why, and no page.
const REFUSAL: usize = 1 << 10;

/// A handshake that has ended: what is recorded, and what the scenario is told.
pub struct OpenedWebSocket {
    /// What is recorded.
    pub exchange: Exchange,
    /// The WebSocket, or why there is none.
    pub result: Result<WebSocket, WebSocketError>,
    /// What was sent and received, where the session is one that is looked on; else nothing.
    pub hops: Vec<ObservedHop>,
}

/// A handshake under way.
struct Opening<'a> {
    session: &'a Session,
    trail: Trail,
    timer: Timer,
    /// By when all of it must have ended.
    whole: Instant,
    /// What is sent and received, where somebody looks on.
    hop: Option<Box<ObservedHop>>,
}

impl Session {
    /// Opens a WebSocket.
    ///
    /// It must run inside a `LocalSet`. Dropping the future closes the connection.
    pub async fn open_websocket(&self, request: WebSocketRequest) -> OpenedWebSocket {
        let start = Instant::now();
        let timeouts = &self.client.options.timeouts;
        let timers = &self.client.network.timers;
        let longest = request.timeout.map_or(timeouts.whole, |own| own.min(timeouts.whole));
        let mut opening = Opening {
            session: self,
            trail: Trail::start(start),
            timer: timers.take(start + timeouts.connect),
            whole: start + longest,
            hop: None,
        };
        let result = opening.open(request).await;
        let Opening { mut trail, timer, mut hop, .. } = opening;
        timers.give(timer);
        trail.enter(trail.phase(), Instant::now());
        if let (Some(hop), Err(error)) = (&mut hop, &result) {
            let class = error.class().filter(|_| hop.answer.is_none());
            hop.error = class.map(|class| ObservedError { class, words: error.to_string() });
        }
        if let Some(hop) = &mut hop {
            hop.phases = *trail.phases();
        }
        let exchange = Exchange {
            protocol: Protocol::WebSocket,
            result: match &result {
                Ok(_) => Ok(101),
                Err(WebSocketError::Refused { status, .. }) => Ok(*status),
                Err(error) => Err(error.class().unwrap_or(ErrorClass::Protocol)),
            },
            phases: *trail.phases(),
            written: trail.written,
            reconnects: 0,
            connections: trail.connections,
            body_bytes: trail.body_bytes,
        };
        OpenedWebSocket { exchange, result, hops: hop.into_iter().map(|hop| *hop).collect() }
    }
}

impl OpenedWebSocket {
    /// The record of a handshake that was found to be wrong before it was tried.
    pub fn unsent(error: Error) -> Self {
        let exchange = Exchange {
            protocol: Protocol::WebSocket,
            result: Err(error.class),
            phases: Phases::default(),
            written: 0,
            reconnects: 0,
            connections: 0,
            body_bytes: 0,
        };
        Self { exchange, result: Err(error.into()), hops: Vec::new() }
    }
}

impl Opening<'_> {
    async fn open(&mut self, asked: WebSocketRequest) -> Result<WebSocket, WebSocketError> {
        let client = &self.session.client;
        let mut request = Request::new(Method::GET, http_url(&asked.url)?);
        request.headers = asked.headers;
        request.keep_headers = true;
        request.keep = Keep::Body { limit: REFUSAL };
        outgoing::check(&request)?;
        let handshake = Handshake::offer(nonce()?, asked.subprotocols, &mut request.headers)?;
        let url = client.http.urls.find(&request.url)?;
        let stream = self.stream(&url.origin).await?;
        let mut outgoing = self.session.outgoing(&url, &request, &client.options.headers);
        if let Some(signer) = &client.options.aws {
            outgoing.sign(signer, SystemTime::now());
        }
        self.see_request(&outgoing);
        let mut connection = Http1Connection::new(stream, &client.websocket);
        let due = self.enter_until(Phase::Sending, client.options.timeouts.response);
        let outcome = self.timer.until(due, pin!(connection.send(&outgoing))).await;
        if let Some(at) = connection.handed_over() {
            self.trail.enter(Phase::Waiting, at);
        }
        self.trail.written += u32::from(connection.is_written());
        let head = match outcome {
            Some(Ok(head)) => head,
            Some(Err(failure)) => return Err(failure.error.into()),
            None => return Err(self.timed_out(due).into()),
        };
        if client.options.takes_cookies {
            let mut jar = self.session.http.jar.borrow_mut();
            jar.store(&url.url, &head.headers, SystemTime::now);
        }
        self.see_answer(&head);
        if head.status.as_u16() != 101 {
            let text = self.refusal(&mut connection).await;
            return Err(WebSocketError::Refused { status: head.status.as_u16(), text });
        }
        let subprotocol = handshake.judge(&head.headers)?;
        let limit = asked.message_limit.min(client.options.body_limit);
        let (stream, early) = connection.into_upgraded();
        let wire = Wire::new(stream, early, limit, Instant::now());
        let headers = if asked.keep_headers { head.headers } else { HeaderMap::new() };
        Ok(WebSocket::new(wire, client, subprotocol, headers))
    }

    /// A connection that is ready for the handshake's request.
    async fn stream(&mut self, origin: &Origin) -> Result<Stream, Error> {
        let client = &self.session.client;
        let timeouts = &client.options.timeouts;
        let due = self.enter_until(Phase::Connecting, timeouts.connect);
        let opened = self.timer.until(due, pin!(connect::open(&client.network, origin))).await;
        let tcp = opened.unwrap_or_else(|| Err(self.timed_out(due)))?;
        self.trail.connections += 1;
        if !origin.secure {
            return Ok(Stream::Plain(tcp));
        }
        let due = self.enter_until(Phase::Tls, timeouts.tls);
        let config = self.session.tls_config(Version::Http1.offer());
        let shaken = self.timer.until(due, connect::secure(config, origin, tcp)).await;
        shaken.unwrap_or_else(|| Err(self.timed_out(due))).map(Stream::Secure)
    }

    /// The beginning of what the service says instead, as far as it comes in time.
    async fn refusal(&mut self, connection: &mut Http1Connection) -> String {
        let mut incoming = Incoming::new(BodySource::Http1(connection));
        let mut body = Vec::new();
        let read = async {
            while body.len() < REFUSAL && !incoming.is_end() {
                match poll_fn(|cx| incoming.poll_next(cx)).await {
                    Some(Ok(piece)) => body.extend_from_slice(&piece),
                    Some(Err(_)) | None => break,
                }
            }
        };
        _ = self.timer.until(self.whole, pin!(read)).await;
        self.trail.body_bytes += incoming.received();
        body.truncate(REFUSAL);
        if let Some(answer) = self.hop.as_mut().and_then(|hop| hop.answer.as_mut()) {
            answer.received = incoming.received();
            answer.body.clone_from(&body);
        }
        String::from_utf8_lossy(&body).into_owned()
    }

    fn see_request(&mut self, outgoing: &OutgoingRequest<'_>) {
        if !self.session.is_seen {
            return;
        }
        let mut headers = Vec::new();
        outgoing.all_headers(false, |name, value| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            headers.push((name.as_str().to_owned(), value));
        });
        self.hop = Some(Box::new(ObservedHop {
            method: "GET".into(),
            // "http" becomes "ws", and "https" becomes "wss".
            url: outgoing.url.url.as_str().replacen("http", "ws", 1),
            version: Some("HTTP/1.1"),
            reused: false,
            headers,
            body: Arc::from([]),
            answer: None,
            error: None,
            phases: Phases::default(),
        }));
    }

    fn see_answer(&mut self, head: &Head) {
        let Some(hop) = &mut self.hop else { return };
        let pair = |(name, value): (&HeaderName, &HeaderValue)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        };
        hop.answer = Some(ObservedAnswer {
            status: head.status.as_u16(),
            reason: head.status.canonical_reason().unwrap_or_default(),
            headers: head.headers.iter().map(pair).collect(),
            body: Vec::new(),
            received: 0,
            body_lacks: None,
        });
    }

    /// Begins a phase, and returns by when it must have ended.
    fn enter_until(&mut self, phase: Phase, longest: Duration) -> Instant {
        let now = Instant::now();
        self.trail.enter(phase, now);
        self.whole.min(now + longest)
    }

    fn timed_out(&self, due: Instant) -> Error {
        Error::timeout(self.trail.phase(), due.saturating_duration_since(self.trail.since()))
    }
}

/// What makes one handshake's key differ from another's.
fn nonce() -> Result<[u8; 16], Error> {
    let mut nonce = [0; 16];
    SystemRandom::new().fill(&mut nonce).map_err(|_| {
        Error::invalid("this machine has no random numbers for the handshake's key")
    })?;
    Ok(nonce)
}
