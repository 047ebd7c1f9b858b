//! What HTTP keeps for all users of one worker thread.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};

use crate::error::OptionsError;
use crate::http::http1::Buffers;
use crate::http::outgoing::check_shared;
use crate::http::urls::UrlCache;
use crate::net::quic::QuicWorker;
use crate::options::Options;

/// One worker's HTTP: parsed URLs, buffers, and the count of requests that were sent.
pub(crate) struct HttpWorker {
    pub(crate) user_agent: HeaderValue,
    pub(crate) urls: UrlCache,
    pub(crate) http1: Rc<Buffers>,
    /// Request heads handed to the network over all connections of the worker.
    pub(crate) written: Rc<Cell<u64>>,
    quic: OnceCell<Rc<QuicWorker>>,
}

impl HttpWorker {
    /// Checks what the options say about HTTP.
    pub(crate) fn new(options: &Options) -> Result<Self, OptionsError> {
        let user_agent = HeaderValue::try_from(&options.user_agent)
            .map_err(|_| OptionsError::UserAgent(options.user_agent.clone()))?;
        let urls = UrlCache::new(
            options.target.as_deref(),
            options.allow.clone(),
            options.routes.clone(),
        )?;
        let framing = [CONTENT_LENGTH, TRANSFER_ENCODING];
        if let Some((name, _)) = options.headers.iter().find(|(name, _)| framing.contains(name)) {
            return Err(OptionsError::Framing(name.to_string()));
        }
        check_shared(&options.headers).map_err(OptionsError::Headers)?;
        let written = Rc::default();
        let http1 = Buffers::new(options.header_limit, Rc::clone(&written));
        Ok(Self { user_agent, urls, http1, written, quic: OnceCell::new() })
    }

    /// What connections over QUIC share, which is made for the first of them.
    pub(crate) fn quic(&self) -> &Rc<QuicWorker> {
        self.quic.get_or_init(|| Rc::new(QuicWorker::new()))
    }
}
