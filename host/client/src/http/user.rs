//! What HTTP keeps for one virtual user.

use std::cell::RefCell;
use std::rc::Rc;

use crate::http::alternatives::Alternatives;
use crate::http::cookies::Jar;
use crate::http::pool::Pool;
use crate::http::request::Version;
use crate::net::origin::Origin;
use crate::options::ConnectionLimits;

/// One user as HTTP services know it: its connections, and its cookies.
#[derive(Default)]
pub(crate) struct HttpUser {
    pub(crate) jar: RefCell<Jar>,
    pub(crate) alternatives: RefCell<Alternatives>,
    pools: RefCell<Vec<Rc<Pool>>>,
}

impl HttpUser {
    /// The connections to an origin, for one choice of HTTP version.
    pub(crate) fn pool(
        &self,
        origin: &Rc<Origin>,
        version: Version,
        limits: ConnectionLimits,
    ) -> Rc<Pool> {
        let mut pools = self.pools.borrow_mut();
        if let Some(known) =
            pools.iter().find(|pool| pool.version == version && Rc::ptr_eq(&pool.origin, origin))
        {
            return Rc::clone(known);
        }
        let pool = Rc::new(Pool::new(Rc::clone(origin), version, limits));
        pools.push(Rc::clone(&pool));
        pool
    }

    /// The connections to another place of a service, over HTTP/3.
    pub(crate) fn alternative_pool(&self, to: &Rc<Origin>, limits: ConnectionLimits) -> Rc<Pool> {
        let mut pools = self.pools.borrow_mut();
        if let Some(known) = pools.iter().find(|pool| Rc::ptr_eq(&pool.origin, to)) {
            return Rc::clone(known);
        }
        let pool = Rc::new(Pool::of_alternative(Rc::clone(to), limits));
        pools.push(Rc::clone(&pool));
        pool
    }

    /// Closes the connections to a place, but for those in use, which are closed by their requests.
    pub(crate) fn leave(&self, place: &Rc<Origin>) {
        self.pools.borrow_mut().retain(|pool| !Rc::ptr_eq(&pool.origin, place));
    }

    pub(crate) fn clear_cookies(&self) {
        self.jar.borrow_mut().clear();
    }

    /// Closes the connections that no request uses; the requests close the others. What services
    /// said of other places is forgotten with them, as somebody new knows nothing of it.
    pub(crate) fn forget_connections(&self) {
        self.pools.borrow_mut().clear();
        self.alternatives.replace(Alternatives::default());
    }
}
