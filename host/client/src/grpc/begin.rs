//! From a call's method to a stream of HTTP/2 that carries it, timed by phase.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use http::header::HeaderMap;
use http::{Method, Request};
use swell_core::exchange::{ErrorClass, Exchange, Phase, Protocol};
use tokio::time::Instant;

use crate::error::Error;
use crate::grpc::metadata::head;
use crate::grpc::request::{GrpcCall, GrpcError, exchange};
use crate::grpc::seen::SeenCall;
use crate::http::http2::{Http2Connection, Http2Sender};
use crate::http::pool::{Checkout, Link, Permit, Pool};
use crate::http::shared::{SharedConnection, SharedSender};
use crate::http::trail::Trail;
use crate::http::urls::ParsedUrl;
use crate::net::connect;
use crate::net::deadline::Timer;
use crate::net::stream::Stream;
use crate::session::Session;

/// A call that is being made.
pub(crate) struct Calling<'a> {
    pub(crate) session: &'a Session,
    pub(crate) trail: Trail,
    pub(crate) timer: Timer,
    pub(crate) deadline: Option<CallDeadline>,
    /// By when all of it must have ended.
    pub(crate) whole: Instant,
    /// What is sent and received, where somebody looks on.
    pub(crate) seen: Option<Box<SeenCall>>,
}

/// The deadline of a call.
#[derive(Clone, Copy)]
pub(crate) struct CallDeadline {
    pub(crate) at: Instant,
    /// As the scenario has given it.
    pub(crate) after: Duration,
}

/// Why a call has no answer.
pub(crate) enum CallStop {
    /// It failed.
    Failed(GrpcError),
    /// Its deadline has passed in this phase.
    Deadline(Phase),
}

impl From<GrpcError> for CallStop {
    fn from(error: GrpcError) -> Self {
        Self::Failed(error)
    }
}

impl From<Error> for CallStop {
    fn from(error: Error) -> Self {
        Self::Failed(error.into())
    }
}

/// A call as it goes to its service.
pub(crate) struct OutgoingCall {
    pub(crate) url: Rc<ParsedUrl>,
    pub(crate) pool: Rc<Pool>,
    pub(crate) head: HeaderMap,
}

impl OutgoingCall {
    /// The head as HTTP/2 carries it.
    pub(crate) fn request(&self) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        request.uri_mut().clone_from(&self.url.absolute);
        request.headers_mut().clone_from(&self.head);
        request
    }
}

impl<'a> Calling<'a> {
    pub(crate) fn new(session: &'a Session, call: &GrpcCall) -> Self {
        let start = Instant::now();
        let timeouts = &session.client.options.timeouts;
        let at = |after| start.checked_add(after).map(|at| CallDeadline { at, after });
        Self {
            session,
            trail: Trail::start(start),
            timer: session.client.network.timers.take(start + timeouts.response),
            deadline: call.deadline.and_then(at),
            whole: start + timeouts.whole,
            seen: session.is_seen.then(Box::default),
        }
    }

    /// Checks a call; nothing is sent.
    pub(crate) fn outgoing(&mut self, call: &GrpcCall) -> Result<OutgoingCall, Error> {
        let client = &self.session.client;
        check_method(&call.method)?;
        let url = if call.target.is_empty() {
            client.http.urls.find(&call.method)?
        } else {
            let target = call.target.trim_end_matches('/');
            client.http.urls.find(&format!("{target}{}", call.method))?
        };
        let (of_run, user_agent) = (&client.options.headers, &client.http.user_agent);
        let head = head(&call.metadata, call.deadline, of_run, user_agent)?;
        let pool = self.session.grpc.pool(&url.origin, client.options.connections);
        if let Some(seen) = &mut self.seen {
            seen.begins(&url, &head);
        }
        Ok(OutgoingCall { url, pool, head })
    }

    /// A right to send over the connection to the service, and whether that was open before.
    pub(crate) async fn sender(
        &mut self,
        pool: &Rc<Pool>,
    ) -> Result<(Http2Sender, bool), CallStop> {
        let mut checkout = pool.take();
        // Who need not wait has waited for nothing.
        let mut now = self.trail.since();
        loop {
            match checkout {
                Checkout::Ready(Link::Shared { sender: SharedSender::Http2(sender), reused }) => {
                    self.trail.enter(Phase::Sending, now);
                    return Ok((sender, reused));
                }
                Checkout::Ready(Link::Http1 { .. } | Link::Shared { .. }) => {
                    unreachable!("a pool for HTTP/2 has no other connections")
                }
                Checkout::Open(permit) => {
                    let sender = self.open(pool, permit).await?;
                    self.trail.enter(Phase::Sending, Instant::now());
                    return Ok((sender, false));
                }
                Checkout::Wait => {
                    let due = self.due(self.whole);
                    let freed = self.timer.until(due, pin!(pool.freed())).await;
                    if freed.is_none() || Instant::now() >= due {
                        return Err(self.timed_out(due));
                    }
                    now = Instant::now();
                    checkout = pool.take();
                }
            }
        }
    }

    async fn open(&mut self, pool: &Pool, permit: Permit) -> Result<Http2Sender, CallStop> {
        let client = &*self.session.client;
        let timeouts = &client.options.timeouts;
        let origin = &*pool.origin;
        let due = self.enter_until(Phase::Connecting, timeouts.connect);
        let opened = self.timer.until(due, pin!(connect::open(&client.network, origin))).await;
        let Some(socket) = opened else { return Err(self.timed_out(due)) };
        let socket = socket?;
        self.trail.connections += 1;
        let stream = if origin.secure {
            let due = self.enter_until(Phase::Tls, timeouts.tls);
            let config = self.session.tls_config(pool.version.offer());
            let shaken = self.timer.until(due, connect::secure(config, origin, socket)).await;
            let Some(tls) = shaken else { return Err(self.timed_out(due)) };
            let tls = tls?;
            if tls.get_ref().1.alpn_protocol() != Some(b"h2") {
                return Err(Error::protocol(format!(
                    "{} did not agree to HTTP/2, which gRPC needs",
                    origin.host
                ))
                .into());
            }
            Stream::Secure(tls)
        } else {
            Stream::Plain(socket)
        };
        let written = Rc::clone(&client.grpc);
        let (limit, limits) = (client.options.header_limit, client.options.connections);
        let connection = Http2Connection::open(stream, limit, limits, written).await?;
        let sender = connection
            .sender()
            .ok_or_else(|| Error::new(ErrorClass::Reset, "the connection was closed at once"))?;
        permit.share(SharedConnection::Http2(connection));
        Ok(sender)
    }

    /// The earlier one of a moment and the deadline.
    pub(crate) fn due(&self, moment: Instant) -> Instant {
        self.deadline.map_or(moment, |deadline| deadline.at.min(moment))
    }

    /// Begins a phase, and returns by when it must have ended.
    pub(crate) fn enter_until(&mut self, phase: Phase, longest: Duration) -> Instant {
        let now = Instant::now();
        self.trail.enter(phase, now);
        self.due(self.whole.min(now + longest))
    }

    /// What it is that something was not there by then.
    pub(crate) fn timed_out(&self, due: Instant) -> CallStop {
        match self.deadline {
            Some(deadline) if deadline.at <= due => CallStop::Deadline(self.trail.phase()),
            _ => {
                let after = due.saturating_duration_since(self.trail.since());
                Error::timeout(self.trail.phase(), after).into()
            }
        }
    }

    /// What is recorded of it.
    pub(crate) fn record(
        trail: &mut Trail,
        protocol: Protocol,
        result: Result<u16, ErrorClass>,
    ) -> Exchange {
        trail.enter(trail.phase(), Instant::now());
        Exchange {
            phases: *trail.phases(),
            written: trail.written,
            reconnects: trail.reconnects,
            connections: trail.connections,
            body_bytes: trail.body_bytes,
            ..exchange(protocol, result)
        }
    }
}

impl CallDeadline {
    /// What is said of it when it has passed.
    pub(crate) fn words(self, phase: Phase) -> String {
        format!("the deadline of {:?} passed while {}", self.after, phase.name())
    }
}

/// Refuses what is no method: two names, each after a slash.
fn check_method(method: &str) -> Result<(), Error> {
    let names = method.strip_prefix('/').and_then(|rest| rest.split_once('/'));
    let is_name = |name: &str| {
        let is_sign = |byte: u8| byte.is_ascii_graphic() && !b"/?#%\\".contains(&byte);
        !name.is_empty() && name.bytes().all(is_sign)
    };
    match names {
        Some((service, method)) if is_name(service) && is_name(method) => Ok(()),
        _ => Err(Error::invalid(format!(
            "{method:?} is no method (write it as \"/package.Service/Method\")"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_two_names() {
        for right in ["/a.B/C", "/B/C", "/grpc.health.v1.Health/Check"] {
            assert!(check_method(right).is_ok(), "{right}");
        }
        for wrong in ["", "/", "/a", "a/b", "//b", "/a/", "/a/b/c", "/a/b?c", "/a/b c", "/ä/b"] {
            assert_eq!(
                check_method(wrong).map_err(|e| e.class),
                Err(ErrorClass::Invalid),
                "{wrong}"
            );
        }
    }
}
