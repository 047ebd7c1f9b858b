//! What the connections of one worker thread share, whatever protocol they carry.

use std::net::IpAddr;

use crate::error::OptionsError;
use crate::net::deadline::Timers;
use crate::net::resolve::Resolver;
use crate::net::sources::Sources;

/// One worker's way to the network.
pub(crate) struct WorkerNetwork {
    pub(crate) resolver: Resolver,
    pub(crate) sources: Sources,
    pub(crate) timers: Timers,
}

impl WorkerNetwork {
    /// It opens nothing, except that each source address is bound once to see that it is ours.
    pub(crate) fn new(sources: Vec<IpAddr>) -> Result<Self, OptionsError> {
        Ok(Self {
            resolver: Resolver::default(),
            sources: Sources::new(sources)?,
            timers: Timers::default(),
        })
    }
}
