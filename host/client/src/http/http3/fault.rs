//! What HTTP/3 says of a request, a body or a connection, as an error with a class.

use std::sync::Arc;

use h3::error::{Code, ConnectionError, LocalError, StreamError};
use swell_core::exchange::ErrorClass;

use super::frames::StreamFault;
use crate::error::Error;
use crate::net::faults::words;
use crate::net::quic::{SocketNews, lost};

/// Reads errors of one connection, of which QUIC and the kernel know more than HTTP/3 does.
pub(super) struct FaultReader {
    quic: quinn::Connection,
    news: Arc<SocketNews>,
}

impl FaultReader {
    pub(super) const fn new(quic: quinn::Connection, news: Arc<SocketNews>) -> Self {
        Self { quic, news }
    }

    /// What is heard of the connection's socket.
    pub(super) fn news(&self) -> Arc<SocketNews> {
        Arc::clone(&self.news)
    }

    /// Why the connection has ended, as the other side has it, or the way to it.
    fn error_beyond(&self) -> Option<Error> {
        if let Some(error) = self.news.error() {
            let said = format!("{} (UDP {})", words(error), self.quic.remote_address());
            return Some(Error::new(ErrorClass::Reset, said));
        }
        match self.quic.close_reason()? {
            quinn::ConnectionError::LocallyClosed => None,
            quinn::ConnectionError::ApplicationClosed(close) => {
                let code = Code::from(close.error_code.into_inner());
                let reason = String::from_utf8_lossy(&close.reason);
                let colon = if reason.is_empty() { "" } else { ": " };
                let reason: String = reason.chars().take(200).collect();
                let said = format!("HTTP/3: closed by the other side: {code}{colon}{reason}");
                Some(Error::new(ErrorClass::Reset, said))
            }
            other => Some(lost(&other)),
        }
    }

    /// Why no request can be sent any more.
    pub(super) fn ended(&self) -> Error {
        self.error_beyond()
            .unwrap_or_else(|| Error::new(ErrorClass::Reset, "HTTP/3: the connection was closed"))
    }

    /// Why a connection cannot go on.
    pub(super) fn connection(&self, error: &ConnectionError) -> Error {
        if let Some(error) = self.error_beyond() {
            return error;
        }
        match error {
            ConnectionError::Local {
                error: LocalError::Application { code, reason, .. }, ..
            } if *code != Code::H3_NO_ERROR => {
                Error::protocol(format!("HTTP/3: {reason} ({code})"))
            }
            _ => self.ended(),
        }
    }

    /// Why a request was not sent.
    pub(super) fn sending(&self, error: StreamError) -> Error {
        match error {
            StreamError::HeaderTooBig { actual_size, max_size, .. } => Error::new(
                ErrorClass::TooLarge,
                format!(
                    "HTTP/3: the request's headers have {actual_size} bytes, and the service takes \
                    {max_size}"
                ),
            ),
            other => self.stream(other),
        }
    }

    /// Why an answer does not come, or not all of it.
    pub(super) fn stream(&self, error: StreamError) -> Error {
        let reset = |said: String| Error::new(ErrorClass::Reset, said);
        match error {
            StreamError::RemoteTerminate { code, .. } => {
                reset(format!("HTTP/3: the stream was reset by the other side: {code}"))
            }
            StreamError::StreamError { code, reason, .. } => {
                Error::malformed(format!("HTTP/3: {reason} ({code})"))
            }
            StreamError::ConnectionError { 0: error, .. } => self.connection(&error),
            StreamError::HeaderTooBig { .. } => too_large(),
            StreamError::RemoteClosing { .. } => {
                reset("HTTP/3: the other side takes no more requests here (GOAWAY)".into())
            }
            StreamError::Undefined { 0: error, .. } => match error.downcast_ref() {
                Some(StreamFault::TooLarge(_)) => too_large(),
                Some(StreamFault::CutShort) => {
                    Error::malformed("HTTP/3: the stream ends within a frame")
                }
                Some(StreamFault::LeftOut) => {
                    reset("HTTP/3: the other side did nothing with the request (GOAWAY)".into())
                }
                None => self
                    .error_beyond()
                    .unwrap_or_else(|| Error::protocol(format!("HTTP/3: {error}"))),
            },
            other => Error::protocol(format!("HTTP/3: {other}")),
        }
    }
}

fn too_large() -> Error {
    Error::new(ErrorClass::TooLarge, "the response's headers are larger than the limit")
}
