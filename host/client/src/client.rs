//! What the virtual users of one worker thread share: the options, the way to the network, and what
//! each protocol keeps for all of them.

use std::rc::Rc;

use crate::error::OptionsError;
use crate::http::worker::HttpWorker;
use crate::net::network::WorkerNetwork;
use crate::options::Options;

/// One worker's client; its users are [`Session`](crate::Session)s.
pub struct Client {
    pub(crate) options: Options,
    pub(crate) network: WorkerNetwork,
    pub(crate) http: HttpWorker,
}

impl Client {
    /// Checks the options. It needs no runtime and opens nothing, except that each source address
    /// is bound once to see that it is ours.
    pub fn new(options: Options) -> Result<Rc<Self>, OptionsError> {
        Ok(Rc::new(Self {
            http: HttpWorker::new(&options)?,
            network: WorkerNetwork::new(options.sources.clone())?,
            options,
        }))
    }

    /// Request heads that all sessions of this client have handed to the network: the sum of
    /// `written` over all exchanges, and those of sends that were dropped before they had one.
    pub fn written(&self) -> u64 {
        self.http.written.get()
    }
}
