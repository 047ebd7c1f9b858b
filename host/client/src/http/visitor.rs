//! What HTTP keeps for one virtual user.

use std::cell::RefCell;
use std::rc::Rc;

use crate::http::cookies::Jar;
use crate::http::pool::Lane;
use crate::http::request::Version;
use crate::net::origin::Origin;

/// One user as HTTP services know it: its connections, and its cookies.
#[derive(Default)]
pub(crate) struct Visitor {
    pub(crate) jar: RefCell<Jar>,
    lanes: RefCell<Vec<Rc<Lane>>>,
}

impl Visitor {
    /// The connections to an origin, for one choice of HTTP version.
    pub(crate) fn lane(&self, origin: &Rc<Origin>, version: Version) -> Rc<Lane> {
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

    pub(crate) fn clear_cookies(&self) {
        self.jar.borrow_mut().clear();
    }

    /// Closes the connections that no request is on; the others are closed by their requests.
    pub(crate) fn forget_connections(&self) {
        self.lanes.borrow_mut().clear();
    }
}
