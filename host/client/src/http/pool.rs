//! The connections that one user has to one origin, and the requests that wait for one.
//!
//! Over HTTP/1.1 at most as many as the run's limits say; over HTTP/2 and HTTP/3 one that all
//! requests share. Where TLS decides which version it is, the first connection finds out, and the
//! other requests wait for that, because they might open connections that nobody needs.
//!
//! A connection that has been idle for too long is closed by the request that would have used it:
//! an idle connection has neither a task nor a timer that could do it before.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::http::http1::Http1Connection;
use crate::http::request::Version;
use crate::http::shared::{SharedConnection, SharedSender};
use crate::net::origin::Origin;
use crate::options::ConnectionLimits;

/// One user's connections to one origin, for one choice of HTTP version.
pub(crate) struct Pool {
    pub(crate) origin: Rc<Origin>,
    pub(crate) version: Version,
    limits: ConnectionLimits,
    /// Whether the service named it as another place of it.
    pub(crate) is_alternative: bool,
    state: RefCell<PoolState>,
    freed: Notify,
    waiting: Cell<usize>,
}

/// What changes as requests take connections and put them back.
struct PoolState {
    idle: Vec<IdleConnection>,
    /// How many permits are taken: HTTP/1.1 connections, idle ones included, and connections being
    /// opened.
    open: usize,
    /// The connection that all requests share, if there is one that takes new requests.
    shared: Option<SharedConnection>,
    /// Whether the service is known to speak HTTP/1.1.
    http1: bool,
}

/// A connection that no request uses. It stays in its box: with every request one goes out and in
/// again, and a pointer is moved for less than what it points at.
struct IdleConnection {
    connection: Box<Http1Connection>,
    /// Since when; only where that bounds how long it is kept.
    since: Option<Instant>,
}

/// What a request gets that wants a connection.
pub(crate) enum Checkout {
    /// A connection that is open.
    Ready(Link),
    /// The right to open a connection.
    Open(Permit),
    /// Nothing yet: it must wait until something is [freed](Pool::freed).
    Wait,
}

/// A connection to send on.
pub(crate) enum Link {
    /// A whole connection.
    Http1 { connection: Box<Http1Connection>, permit: Permit, reused: bool },
    /// A part of a shared connection.
    Shared { sender: SharedSender, reused: bool },
}

/// The right to one connection of a pool. Dropping it, with its connection, makes room for another.
pub(crate) struct Permit(Option<Rc<Pool>>);

impl Pool {
    pub(crate) fn new(origin: Rc<Origin>, version: Version, limits: ConnectionLimits) -> Self {
        let http1 = version == Version::Http1 || version == Version::Automatic && !origin.secure;
        let state = PoolState { idle: Vec::new(), open: 0, shared: None, http1 };
        Self {
            origin,
            version,
            limits,
            is_alternative: false,
            state: RefCell::new(state),
            freed: Notify::new(),
            waiting: Cell::new(0),
        }
    }

    /// Of another place of a service, where HTTP/3 is spoken.
    pub(crate) fn of_alternative(origin: Rc<Origin>, limits: ConnectionLimits) -> Self {
        Self { is_alternative: true, ..Self::new(origin, Version::Http3, limits) }
    }

    /// A connection, the one that was used last first; if there is none, what else to do.
    pub(crate) fn take(self: &Rc<Self>) -> Checkout {
        let mut state = self.state.borrow_mut();
        self.close_stale(&mut state);
        if let Some(IdleConnection { connection, .. }) = state.idle.pop() {
            return Checkout::Ready(Link::Http1 {
                connection,
                permit: Permit(Some(Rc::clone(self))),
                reused: true,
            });
        }
        if let Some(shared) = &state.shared {
            let sender = shared.sender();
            if sender.is_none() || shared.is_spent() {
                state.shared = None;
            }
            if let Some(sender) = sender {
                return Checkout::Ready(Link::Shared { sender, reused: true });
            }
        }
        let most = if state.http1 { self.limits.per_host.get() } else { 1 };
        if state.open == most as usize {
            return Checkout::Wait;
        }
        state.open += 1;
        Checkout::Open(Permit(Some(Rc::clone(self))))
    }

    /// Closes what has been idle for too long. The connections that were put back first are the
    /// first in the list.
    fn close_stale(&self, state: &mut PoolState) {
        let Some(longest) = self.limits.idle else { return };
        let now = Instant::now();
        let is_stale = |since: Option<Instant>| since.is_some_and(|since| now - since > longest);
        let stale = state.idle.partition_point(|idle| is_stale(idle.since));
        state.idle.drain(..stale);
        state.open -= stale;
        if state.shared.as_ref().is_some_and(|shared| is_stale(shared.idle_since())) {
            state.shared = None;
        }
    }

    /// Waits until it makes sense to ask again.
    pub(crate) async fn freed(&self) {
        let _waiting = WaiterCount::new(&self.waiting);
        self.freed.notified().await;
    }

    /// Gives `connection` to no further request. The requests on it keep it until they have ended.
    /// Does nothing where another connection has taken its place already.
    pub(crate) fn retire(&self, connection: &SharedConnection) {
        let shared = &mut self.state.borrow_mut().shared;
        if shared.as_ref().is_some_and(|shared| shared.is(connection)) {
            *shared = None;
        }
    }

    fn announce(&self) {
        if self.waiting.get() > 0 {
            self.freed.notify_waiters();
        }
    }
}

impl Link {
    /// Whether the connection is closed behind the request that it is for, and says so: HTTP/2 has
    /// no words for that.
    pub(crate) fn is_last(&self) -> bool {
        matches!(self, Self::Http1 { connection, .. } if connection.is_at_last_request())
    }

    /// Whether the service takes another request on it now.
    pub(crate) fn has_room(&mut self) -> bool {
        match self {
            Self::Http1 { .. } => true,
            Self::Shared { sender, .. } => sender.has_room(),
        }
    }

    /// Waits until the service takes another request on it, or it has ended.
    pub(crate) async fn room(&mut self) {
        match self {
            Self::Http1 { .. } => {}
            Self::Shared { sender, .. } => sender.room().await,
        }
    }
}

impl Permit {
    /// Returns the connection to the pool, for the next request.
    pub(crate) fn keep(mut self, connection: Box<Http1Connection>) {
        if let Some(pool) = self.0.take() {
            let since = pool.limits.idle.map(|_| Instant::now());
            pool.state.borrow_mut().idle.push(IdleConnection { connection, since });
            pool.announce();
        }
    }

    /// Says that the service speaks HTTP/1.1, so that other requests may open connections too.
    pub(crate) fn speaks_http1(&self) {
        if let Some(pool) = &self.0
            && !std::mem::replace(&mut pool.state.borrow_mut().http1, true)
        {
            pool.announce();
        }
    }

    /// Makes the connection the one that all requests share.
    pub(crate) fn share(self, connection: SharedConnection) {
        if let Some(pool) = &self.0
            && !connection.is_spent()
        {
            pool.state.borrow_mut().shared = Some(connection);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(pool) = self.0.take() {
            pool.state.borrow_mut().open -= 1;
            pool.announce();
        }
    }
}

/// Counts a request for as long as it waits, so that nothing is announced when no request waits.
struct WaiterCount<'a>(&'a Cell<usize>);

impl<'a> WaiterCount<'a> {
    fn new(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for WaiterCount<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
