//! What the virtual users of one worker thread share: the options, the way to the network, and what
//! each protocol keeps for all users.

use std::cell::Cell;
use std::rc::Rc;

use crate::error::OptionsError;
use crate::http::http1::Buffers;
use crate::http::worker::HttpWorker;
use crate::net::network::WorkerNetwork;
use crate::options::Options;
use crate::sockets::names::NamesOfSockets;

/// One worker's client; its users are [`Session`](crate::Session)s.
pub struct Client {
    pub(crate) options: Options,
    pub(crate) network: WorkerNetwork,
    pub(crate) http: HttpWorker,
    /// How many heads of calls of gRPC were handed to the network. They are no requests.
    pub(crate) grpc: Rc<Cell<u64>>,
    /// What handshakes of WebSockets are read and written with. They are no requests, and not
    /// counted as such.
    pub(crate) websocket: Rc<Buffers>,
    /// What names that sockets asked for are known to be.
    pub(crate) names: NamesOfSockets,
}

impl Client {
    /// Checks the options. It needs no runtime and opens nothing, except that it binds each source
    /// address once to see that the address belongs to this machine.
    pub fn new(options: Options) -> Result<Rc<Self>, OptionsError> {
        Ok(Rc::new(Self {
            http: HttpWorker::new(&options)?,
            grpc: Rc::default(),
            websocket: Buffers::new(options.header_limit, Rc::default()),
            names: NamesOfSockets::default(),
            network: WorkerNetwork::new(options.sources.clone(), options.routes.clone())?,
            options,
        }))
    }

    /// How many request heads all sessions of this client have handed to the network: the sum of
    /// `written` over all exchanges, and the heads of sends that were dropped before they had an
    /// exchange.
    pub fn written(&self) -> u64 {
        self.http.written.get()
    }
}
