//! The connection of a request over HTTP/3.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use http::header::HeaderMap;
use swell_core::exchange::{ErrorClass, Phase};
use tokio::time::Instant;

use super::Sending;
use crate::error::Error;
use crate::http::alternatives::{Said, said};
use crate::http::http3::{Http3Connection, Http3Wire};
use crate::http::pool::{Checkout, Link, Permit, Pool};
use crate::http::request::{Request, Version};
use crate::http::shared::SharedConnection;
use crate::http::urls::ParsedUrl;
use crate::net::origin::Origin;
use crate::net::quic::{self, QuicAttempts};
use crate::session::Session;

/// How long an alternative may take to open: what leaves one lost datagram its second try. Then the
/// request goes over TCP.
const ALTERNATIVE_WAIT: Duration = Duration::from_secs(3);

impl Sending<'_> {
    /// The connections that a request goes over: to where the service says that it speaks HTTP/3,
    /// if the run follows that.
    pub(super) fn pool(&self, origin: &Rc<Origin>, version: Version) -> Rc<Pool> {
        let Session { client, http, .. } = self.session;
        let version = version.or(client.options.version);
        if client.options.follows_alternatives
            && version == Version::Automatic
            && let Some(to) = http.alternatives.borrow().find(Instant::now(), origin)
        {
            return http.alternative_pool(&to, client.options.connections);
        }
        http.pool(origin, version, client.options.connections)
    }

    /// A connection, when none was ready. Where an alternative does not open, it is left alone, and
    /// the service is asked as if it had named none.
    pub(super) async fn link(
        &mut self,
        pool: &mut Rc<Pool>,
        mut checkout: Checkout,
        url: &ParsedUrl,
        request: &Request,
    ) -> Result<Link, Error> {
        loop {
            let reached = self.connection(pool, checkout).await;
            if reached.is_ok() || !pool.is_alternative || Instant::now() >= self.whole {
                return reached;
            }
            let Session { client, http, .. } = self.session;
            http.alternatives.borrow_mut().leave_alone(Instant::now(), &pool.origin);
            self.trail.enter(Phase::Blocked, Instant::now());
            let version = request.version.or(client.options.version);
            *pool = http.pool(&url.origin, version, client.options.connections);
            checkout = pool.take();
        }
    }

    /// Takes in where else a service says that it may be asked, if it may be asked there.
    pub(super) fn learn(&self, origin: &Rc<Origin>, headers: &HeaderMap) {
        let Session { client, http, .. } = self.session;
        let mut known = http.alternatives.borrow_mut();
        let left = match said(headers) {
            None => None,
            Some(Said::Clear) => known.clear(origin),
            Some(Said::Offer(host, port, age)) => {
                let to = client.http.urls.alternative(origin, host, port);
                let reaches = |to: &Rc<Origin>| quic::check(&client.network, to).is_ok();
                to.filter(reaches).and_then(|to| known.learn(Instant::now(), origin, to, age))
            }
        };
        if let Some(left) = left {
            http.leave(&left);
        }
    }

    /// Refuses a URL that cannot be asked for over HTTP/3, where that is what is spoken.
    pub(super) fn check_version(&self, url: &ParsedUrl, version: Version) -> Result<(), Error> {
        let client = &*self.session.client;
        if version.or(client.options.version) == Version::Http3 {
            quic::check(&client.network, &url.origin)?;
        }
        Ok(())
    }

    /// Opens a connection over QUIC. Its handshake is the phase `Connecting`, with that of TLS,
    /// which it contains.
    pub(super) async fn open_quic(&mut self, pool: &Pool, permit: Permit) -> Result<Link, Error> {
        let client = &*self.session.client;
        let user = self.session.quic()?;
        let longest = client.options.timeouts.connect;
        let longest = if pool.is_alternative { longest.min(ALTERNATIVE_WAIT) } else { longest };
        let due = self.enter_until(Phase::Connecting, longest);
        let attempts = QuicAttempts::default();
        let opening = quic::open(&client.network, &pool.origin, &user, &attempts);
        let Some(opened) = self.timer.until(due, opening).await else {
            return Err(if due < self.whole {
                attempts.given_up(due.saturating_duration_since(self.trail.since()))
            } else {
                self.timed_out(due)
            });
        };
        let connection = opened?;
        self.trail.connections += 1;
        self.trail.enter(Phase::Sending, Instant::now());
        let limit = client.options.header_limit;
        let wire = Http3Wire::new(Rc::clone(&client.http.written), limit);
        let opening = Http3Connection::open(connection, limit, client.options.connections, wire);
        let opened = self.timer.until(self.whole, pin!(opening)).await;
        let connection = opened.unwrap_or_else(|| Err(self.timed_out(self.whole)))?;
        let connection = SharedConnection::Http3(connection);
        let sender = connection
            .sender()
            .ok_or_else(|| Error::new(ErrorClass::Reset, "the connection was closed at once"))?;
        permit.share(connection);
        Ok(Link::Shared { sender, reused: false })
    }

    /// Waits until the service takes another request on a connection.
    pub(super) async fn room(&mut self, link: &mut Link) -> Result<(), Error> {
        self.trail.enter(Phase::Blocked, Instant::now());
        let room = self.timer.until(self.whole, pin!(link.room())).await;
        if room.is_none() {
            return Err(self.timed_out(self.whole));
        }
        self.trail.enter(Phase::Sending, Instant::now());
        Ok(())
    }
}
