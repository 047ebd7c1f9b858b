//! What the connections of one worker thread share, whatever protocol they carry.

use std::net::IpAddr;
use std::rc::Rc;

use crate::error::OptionsError;
use crate::net::deadline::Timers;
use crate::net::resolve::{Addresses, Resolver};
use crate::net::routes::Routes;
use crate::net::sources::Sources;

/// One worker's way to the network.
pub(crate) struct WorkerNetwork {
    pub(crate) resolver: Resolver,
    pub(crate) sources: Sources,
    pub(crate) timers: Timers,
    pub(crate) routes: Rc<Routes>,
    /// The addresses of the proxy, if there is one.
    pub(crate) of_proxy: Addresses,
}

impl WorkerNetwork {
    /// It opens nothing, except that each source address is bound once to see that it is ours.
    pub(crate) fn new(sources: Vec<IpAddr>, routes: Routes) -> Result<Self, OptionsError> {
        if let Some(only) = routes.only_version()
            && !sources.is_empty()
            && !sources.iter().any(|source| only.is_of(source))
        {
            return Err(OptionsError::SourcesOfOtherIpVersion { only: only.name() });
        }
        let routes = Rc::new(routes);
        Ok(Self {
            resolver: Resolver::new(Rc::clone(&routes)),
            sources: Sources::new(sources)?,
            timers: Timers::default(),
            routes,
            of_proxy: Addresses::default(),
        })
    }
}
