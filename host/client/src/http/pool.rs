//! The connections that one user has to one origin, and the requests that wait for one.
//!
//! Over HTTP/1.1 at most six, as in browsers; over HTTP/2 one that all requests share. Where TLS
//! decides which version it is, the first connection finds out, and the other requests wait for
//! that, because they might open connections that nobody needs.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::Notify;

use crate::http::http1::Http1Connection;
use crate::http::http2::{Http2Connection, Http2Sender};
use crate::http::request::Version;
use crate::net::origin::Origin;

/// The most HTTP/1.1 connections of a user to an origin: what browsers have settled on.
const MAX_CONNECTIONS: usize = 6;

/// One user's connections to one origin, for one choice of HTTP version.
pub(crate) struct Pool {
    pub(crate) origin: Rc<Origin>,
    pub(crate) version: Version,
    state: RefCell<PoolState>,
    freed: Notify,
    waiting: Cell<usize>,
}

/// What changes as requests take connections and put them back.
struct PoolState {
    #[expect(
        clippy::vec_box,
        reason = "with every request one goes out and in again, and a pointer is moved for less \
        than what it points at"
    )]
    idle: Vec<Box<Http1Connection>>,
    /// How many permits are taken: HTTP/1.1 connections, idle ones included, and connections being
    /// opened.
    open: usize,
    /// The HTTP/2 connection, if there is one that takes new requests.
    shared: Option<Rc<Http2Connection>>,
    /// Whether the service is known to speak HTTP/1.1.
    http1: bool,
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
    Http2 { sender: Http2Sender, reused: bool },
}

/// The right to one connection of a pool. Dropping it, with its connection, makes room for another.
pub(crate) struct Permit(Option<Rc<Pool>>);

impl Pool {
    pub(crate) fn new(origin: Rc<Origin>, version: Version) -> Self {
        let http1 = version == Version::Http1 || version == Version::Automatic && !origin.secure;
        let state = PoolState { idle: Vec::new(), open: 0, shared: None, http1 };
        Self {
            origin,
            version,
            state: RefCell::new(state),
            freed: Notify::new(),
            waiting: Cell::new(0),
        }
    }

    /// A connection, the one that was used last first; if there is none, what else to do.
    pub(crate) fn take(self: &Rc<Self>) -> Checkout {
        let mut state = self.state.borrow_mut();
        if let Some(connection) = state.idle.pop() {
            return Checkout::Ready(Link::Http1 {
                connection,
                permit: Permit(Some(Rc::clone(self))),
                reused: true,
            });
        }
        if let Some(shared) = &state.shared {
            match shared.sender() {
                Some(sender) => return Checkout::Ready(Link::Http2 { sender, reused: true }),
                None => state.shared = None,
            }
        }
        let most = if state.http1 { MAX_CONNECTIONS } else { 1 };
        if state.open == most {
            return Checkout::Wait;
        }
        state.open += 1;
        Checkout::Open(Permit(Some(Rc::clone(self))))
    }

    /// Waits until it makes sense to ask again.
    pub(crate) async fn freed(&self) {
        let _waiting = WaiterCount::new(&self.waiting);
        self.freed.notified().await;
    }

    /// Gives `connection` to no further request. The requests on it keep it until they have ended.
    /// Does nothing where another connection has taken its place already.
    pub(crate) fn retire(&self, connection: &Rc<Http2Connection>) {
        let shared = &mut self.state.borrow_mut().shared;
        if shared.as_ref().is_some_and(|shared| Rc::ptr_eq(shared, connection)) {
            *shared = None;
        }
    }

    fn announce(&self) {
        if self.waiting.get() > 0 {
            self.freed.notify_waiters();
        }
    }
}

impl Permit {
    /// Returns the connection to the pool, for the next request.
    pub(crate) fn keep(mut self, connection: Box<Http1Connection>) {
        if let Some(pool) = self.0.take() {
            pool.state.borrow_mut().idle.push(connection);
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
    pub(crate) fn share(self, connection: Rc<Http2Connection>) {
        if let Some(pool) = &self.0 {
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
