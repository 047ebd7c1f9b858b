//! What gRPC keeps for one virtual user: a connection to each service that it calls.

use std::cell::RefCell;
use std::rc::Rc;

use crate::http::pool::Pool;
use crate::http::request::Version;
use crate::net::origin::Origin;
use crate::options::ConnectionLimits;

/// One user as gRPC services know it.
#[derive(Default)]
pub(crate) struct GrpcUser {
    /// Apart from those of requests over HTTP/2, which are counted as requests.
    pools: RefCell<Vec<Rc<Pool>>>,
}

impl GrpcUser {
    /// The connection to an origin.
    pub(crate) fn pool(&self, origin: &Rc<Origin>, limits: ConnectionLimits) -> Rc<Pool> {
        let mut pools = self.pools.borrow_mut();
        if let Some(known) = pools.iter().find(|pool| Rc::ptr_eq(&pool.origin, origin)) {
            return Rc::clone(known);
        }
        let pool = Rc::new(Pool::new(Rc::clone(origin), Version::Http2, limits));
        pools.push(Rc::clone(&pool));
        pool
    }

    /// Closes the connections that no call uses; the calls close the others.
    pub(crate) fn forget_connections(&self) {
        self.pools.borrow_mut().clear();
    }
}
