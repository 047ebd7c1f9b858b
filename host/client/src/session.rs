//! What one virtual user has: its TLS sessions, and what each protocol keeps for the user.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rustls::ClientConfig;

use crate::client::Client;
use crate::error::Error;
use crate::grpc::user::GrpcUser;
use crate::http::user::HttpUser;
use crate::net::quic::UserQuic;
use crate::net::tls::{Alpn, UserTls};

/// One virtual user: its connections, its TLS sessions and its cookies, which it shares with no
/// other user. When it is dropped, its connections close.
pub struct Session {
    pub(crate) client: Rc<Client>,
    pub(crate) http: HttpUser,
    pub(crate) grpc: GrpcUser,
    tls: RefCell<Option<Box<UserTls>>>,
    quic: RefCell<Option<Rc<UserQuic>>>,
    /// Whether somebody looks on what it sends and receives.
    pub(crate) is_seen: bool,
}

impl Session {
    /// A user without connections or cookies.
    pub fn new(client: &Rc<Client>) -> Self {
        Self {
            client: Rc::clone(client),
            http: HttpUser::default(),
            grpc: GrpcUser::default(),
            tls: RefCell::default(),
            quic: RefCell::default(),
            is_seen: false,
        }
    }

    /// The same, of which each [`Sent`](crate::Sent) holds all that was sent and received.
    pub fn seen(client: &Rc<Client>) -> Self {
        Self { is_seen: true, ..Self::new(client) }
    }

    /// Forgets the cookies, as between iterations.
    pub fn clear_cookies(&self) {
        self.http.clear_cookies();
    }

    /// Closes the connections and forgets the TLS sessions. Requests under way end as they would
    /// have, and close their connections then.
    pub fn forget(&self) {
        self.http.forget_connections();
        self.grpc.forget_connections();
        self.tls.borrow_mut().take();
        self.quic.borrow_mut().take();
    }

    /// How the user speaks QUIC.
    ///
    /// # Errors
    /// The run excludes what QUIC needs.
    pub(crate) fn quic(&self) -> Result<Rc<UserQuic>, Error> {
        let mut quic = self.quic.borrow_mut();
        if let Some(known) = &*quic {
            return Ok(Rc::clone(known));
        }
        let made = Rc::new(UserQuic::new(self.client.http.quic(), &self.client.options.tls)?);
        Ok(Rc::clone(quic.insert(made)))
    }

    /// The user's TLS configuration that offers these protocols.
    pub(crate) fn tls_config(&self, protocols: Alpn) -> Arc<ClientConfig> {
        self.tls
            .borrow_mut()
            .get_or_insert_with(|| Box::new(self.client.options.tls.user()))
            .offering(protocols)
    }
}
