//! The connection of a request over HTTP/3.

use std::pin::pin;
use std::rc::Rc;

use swell_core::exchange::{ErrorClass, Phase};
use tokio::time::Instant;

use super::Sending;
use crate::error::Error;
use crate::http::http3::{Http3Connection, Http3Wire};
use crate::http::pool::{Link, Permit, Pool};
use crate::http::request::Version;
use crate::http::shared::SharedConnection;
use crate::http::urls::ParsedUrl;
use crate::net::quic::{self, QuicAttempts};

impl Sending<'_> {
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
        let due = self.enter_until(Phase::Connecting, client.options.timeouts.connect);
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
