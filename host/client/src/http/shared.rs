//! A connection that all requests of a user to an origin share, whichever version it speaks.

use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use tokio::time::Instant;

use crate::error::Error;
use crate::http::failure::SendFailure;
use crate::http::head::Head;
use crate::http::http2::{Http2Body, Http2Connection, Http2Sender};
use crate::http::http3::{Http3Body, Http3Connection, Http3Sender};

/// An open connection.
pub(crate) enum SharedConnection {
    Http2(Rc<Http2Connection>),
    Http3(Rc<Http3Connection>),
}

/// One exchange's right to send on one, which stays open for it.
pub(crate) enum SharedSender {
    Http2(Http2Sender),
    Http3(Box<Http3Sender>),
}

/// A body that is being received on one.
pub(crate) enum SharedBody {
    Http2(Http2Body),
    Http3(Box<Http3Body>),
}

impl SharedConnection {
    /// A right to send; `None` if the connection has ended or takes no new request.
    pub(crate) fn sender(&self) -> Option<SharedSender> {
        match self {
            Self::Http2(connection) => connection.sender().map(SharedSender::Http2),
            Self::Http3(connection) => {
                connection.sender().map(|sender| SharedSender::Http3(Box::new(sender)))
            }
        }
    }

    /// Whether it was given as many requests as it may carry.
    pub(crate) fn is_spent(&self) -> bool {
        match self {
            Self::Http2(connection) => connection.is_spent(),
            Self::Http3(connection) => connection.is_spent(),
        }
    }

    /// Since when no request has been under way on it; nothing while one is, or where nobody wants
    /// to know.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        match self {
            Self::Http2(connection) => connection.idle_since(),
            Self::Http3(connection) => connection.idle_since(),
        }
    }

    /// Whether both are the same connection.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Http2(this), Self::Http2(other)) => Rc::ptr_eq(this, other),
            (Self::Http3(this), Self::Http3(other)) => Rc::ptr_eq(this, other),
            _ => false,
        }
    }
}

impl SharedSender {
    /// The connection on which it sends.
    pub(crate) fn connection(&self) -> SharedConnection {
        match self {
            Self::Http2(sender) => SharedConnection::Http2(Rc::clone(sender.connection())),
            Self::Http3(sender) => SharedConnection::Http3(Rc::clone(sender.connection())),
        }
    }

    /// The version of HTTP, as people write it.
    pub(crate) const fn version(&self) -> &'static str {
        match self {
            Self::Http2(_) => "HTTP/2",
            Self::Http3(_) => "HTTP/3",
        }
    }

    /// Whether the service takes another request now, as far as is known before it is sent.
    pub(crate) fn has_room(&mut self) -> bool {
        match self {
            Self::Http2(_) => true,
            Self::Http3(sender) => sender.has_room(),
        }
    }

    /// Waits until the service takes another request, or the connection has ended.
    pub(crate) async fn room(&mut self) {
        match self {
            Self::Http2(_) => {}
            Self::Http3(sender) => sender.room().await,
        }
    }

    /// Whether the request was handed to the network.
    pub(crate) fn is_written(&self) -> bool {
        match self {
            Self::Http2(sender) => sender.is_written(),
            Self::Http3(sender) => sender.is_written(),
        }
    }

    /// When all of the request was handed over that was ready to be sent then: over HTTP/2 to its
    /// connection, which does not say more.
    pub(crate) const fn handed_over(&self, ready: Instant) -> Option<Instant> {
        match self {
            Self::Http2(_) => Some(ready),
            Self::Http3(sender) => sender.handed_over(),
        }
    }

    /// Sends a request and waits for the head of its answer. If the future is dropped, the stream
    /// is reset and the other streams of the connection go on. With `word` the body waits until
    /// then, or until the service asks for it.
    pub(crate) async fn send(
        &mut self,
        request: Request<()>,
        body: Bytes,
        word: Option<Instant>,
    ) -> Result<(Head, SharedBody), SendFailure> {
        match self {
            Self::Http2(sender) => {
                let (head, body) = sender.send(request, body, word).await?;
                Ok((head, SharedBody::Http2(body)))
            }
            Self::Http3(sender) => {
                let (head, body) = sender.send(request, body, word).await?;
                Ok((head, SharedBody::Http3(Box::new(body))))
            }
        }
    }
}

impl SharedBody {
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        match self {
            Self::Http2(body) => body.poll_data(cx),
            Self::Http3(body) => body.poll_data(cx),
        }
    }

    pub(crate) fn is_end(&self) -> bool {
        match self {
            Self::Http2(body) => body.is_end(),
            Self::Http3(body) => body.is_end(),
        }
    }
}
