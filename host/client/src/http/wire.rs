//! The connection under an answer that is read while it comes, and how it is given back.
//!
//! What undoes the codings of a body takes the connection along, and whoever reads the body wants
//! to know meanwhile what has come: so both share it.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::time::Instant;

use crate::error::Error;
use crate::http::body::BodySource;
use crate::http::coding::Pieces;
use crate::http::http1::Http1Connection;
use crate::http::pool::Permit;
use crate::http::shared::SharedBody;

/// A connection that has given the head of an answer, and is to give its body.
pub(crate) enum OpenBody {
    /// A whole connection.
    Http1(Box<Http1Connection>, Permit),
    /// A stream of a shared one.
    Shared(SharedBody),
}

/// The body as it comes over the network.
pub(crate) struct BodyWire {
    /// Nothing once the body has ended, or nobody reads on.
    body: Option<OpenBody>,
    /// Bytes of the body; while it comes over HTTP/1.1 the connection counts them.
    received: u64,
    /// How many pieces were taken.
    pieces: u64,
    /// When the last one was.
    taken: Instant,
    /// When all of the answer had been taken.
    ended: Option<Instant>,
}

/// One of those who share it.
#[derive(Clone)]
pub(crate) struct SharedWire(pub(crate) Rc<RefCell<BodyWire>>);

impl OpenBody {
    /// What reads it.
    pub(crate) fn source(&mut self) -> BodySource<'_> {
        match self {
            Self::Http1(connection, _) => BodySource::Http1(connection),
            Self::Shared(body) => BodySource::Shared(body),
        }
    }

    fn is_end(&self) -> bool {
        match self {
            Self::Http1(connection, _) => connection.is_end(),
            Self::Shared(body) => body.is_end(),
        }
    }

    /// The answer was read to its end: the connection may serve another request.
    pub(crate) fn keep(self) {
        if let Self::Http1(connection, permit) = self
            && connection.is_reusable()
        {
            permit.keep(connection);
        }
    }
}

impl BodyWire {
    pub(crate) fn new(body: OpenBody, now: Instant) -> Self {
        let mut wire = Self { body: Some(body), received: 0, pieces: 0, taken: now, ended: None };
        wire.settle();
        wire
    }

    /// Gives the connection back if all of the answer has been taken.
    fn settle(&mut self) {
        if self.body.as_ref().is_some_and(OpenBody::is_end)
            && let Some(body) = self.let_go()
        {
            self.ended = Some(self.taken);
            body.keep();
        }
    }

    fn let_go(&mut self) -> Option<OpenBody> {
        self.received = self.received();
        self.body.take()
    }

    /// Closes the connection, or resets its stream, unless all of the answer has been taken.
    pub(crate) fn close(&mut self) {
        drop(self.let_go());
    }

    /// When all of the answer had been taken; nothing before.
    pub(crate) const fn ended(&self) -> Option<Instant> {
        self.ended
    }

    /// Bytes of the body that were received.
    pub(crate) fn received(&self) -> u64 {
        match &self.body {
            Some(OpenBody::Http1(connection, _)) => connection.received(),
            _ => self.received,
        }
    }

    /// How many pieces were taken, and when the last one was.
    pub(crate) const fn taken(&self) -> (u64, Instant) {
        (self.pieces, self.taken)
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Error>> {
        let piece = match &mut self.body {
            None => return Poll::Ready(Ok(Bytes::new())),
            Some(OpenBody::Http1(connection, _)) => ready!(connection.poll_data(cx)),
            Some(OpenBody::Shared(body)) => ready!(body.poll_data(cx)),
        };
        Poll::Ready(match piece {
            Some(Ok(piece)) => {
                if let Some(OpenBody::Shared(_)) = self.body {
                    self.received += piece.len() as u64;
                }
                self.pieces += 1;
                self.taken = Instant::now();
                self.settle();
                Ok(piece)
            }
            Some(Err(error)) => {
                self.close();
                Err(error)
            }
            None => {
                self.ended = Some(Instant::now());
                if let Some(body) = self.let_go() {
                    body.keep();
                }
                Ok(Bytes::new())
            }
        })
    }
}

impl Pieces for SharedWire {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        self.0.borrow_mut().poll_piece(cx).map_err(io::Error::other)
    }
}
