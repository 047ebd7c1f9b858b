//! What the virtual users of one worker thread share: options, names, parsed URLs, and things worth
//! using again.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use tokio::time::Instant;

use crate::error::OptionsError;
use crate::http::endpoint::Endpoints;
use crate::http::http1;
use crate::http::outgoing::check_shared;
use crate::net::connect::check_source;
use crate::net::deadline::Timer;
use crate::net::resolve::Resolver;
use crate::options::Options;

/// One worker's client; its users are [`Session`](crate::Session)s.
pub struct Client {
    pub(crate) options: Options,
    pub(crate) user_agent: HeaderValue,
    pub(crate) endpoints: Endpoints,
    pub(crate) resolver: Resolver,
    pub(crate) written: Rc<Cell<u64>>,
    pub(crate) http1: Rc<http1::Shared>,
    source: Cell<usize>,
    spare_timers: RefCell<Vec<Timer>>,
}

/// Timers that are kept when nobody needs them. What is in use at once is bounded by the users;
/// more than this lying idle is waste.
const SPARES: usize = 256;

impl Client {
    /// Checks the options. It needs no runtime and opens nothing, except that each source address
    /// is bound once to see that it is ours.
    pub fn new(options: Options) -> Result<Rc<Self>, OptionsError> {
        let user_agent = HeaderValue::try_from(&options.user_agent)
            .map_err(|_| OptionsError::UserAgent(options.user_agent.clone()))?;
        let endpoints = Endpoints::new(options.target.as_deref(), options.allow.clone())?;
        options.sources.iter().copied().try_for_each(check_source)?;
        if let Some((name, _)) = options
            .headers
            .iter()
            .find(|(name, _)| [CONTENT_LENGTH, TRANSFER_ENCODING].contains(name))
        {
            return Err(OptionsError::Framing(name.to_string()));
        }
        check_shared(&options.headers).map_err(OptionsError::Headers)?;
        let written = Rc::default();
        Ok(Rc::new(Self {
            http1: http1::Shared::new(options.header_limit, Rc::clone(&written)),
            options,
            user_agent,
            endpoints,
            resolver: Resolver::default(),
            written,
            source: Cell::new(0),
            spare_timers: RefCell::default(),
        }))
    }

    /// Request heads that all sessions of this client have handed to the network: the sum of
    /// `written` over all exchanges, and those of sends that were dropped before they had one.
    pub fn written(&self) -> u64 {
        self.written.get()
    }

    /// The source address of the next connection to `to`, in turn over those of its IP version.
    pub(crate) fn next_source(&self, to: SocketAddr) -> Option<IpAddr> {
        let sources = &self.options.sources;
        let first = self.source.replace(self.source.get().wrapping_add(1));
        (0..sources.len())
            .map(|i| sources[first.wrapping_add(i) % sources.len()])
            .find(|source| source.is_ipv4() == to.is_ipv4())
    }

    pub(crate) fn take_timer(&self, now: Instant) -> Timer {
        self.spare_timers
            .borrow_mut()
            .pop()
            .unwrap_or_else(|| Timer::new(now + self.options.timeouts.response))
    }

    pub(crate) fn give_timer(&self, timer: Timer) {
        let mut spares = self.spare_timers.borrow_mut();
        if spares.len() < SPARES {
            spares.push(timer);
        }
    }
}
