//! WebSockets, spoken and timed by the host over connections that belong to this virtual user.
//!
//! ```no_run
//! # use swell::prelude::*;
//! # fn scenario() -> Result<()> {
//! let chat = transaction("join", || websocket::connect("/chat"))?;
//! let answer = transaction("say", || chat.exchange("hello"))?;
//! ensure!(answer.text()? == "hello", "it came back");
//! while let Some(message) = chat.next_within(secs(5))? {
//!     log::info!("{}", message.text()?);
//! }
//! # Ok(()) }
//! ```
//!
//! A connection that is dropped closes at once; [`Connection::close`] waits until the service has
//! answered. A WebSocket that is opened outside any transaction is a transaction of its own,
//! "connect /chat", and so is an exchange; a message that is sent or received there belongs to
//! none. What fails inside a transaction fails it, whatever becomes of the error.

pub(crate) mod error;
mod message;

use std::time::Duration;

pub use crate::bindings::websocket::Phase;
pub use error::Error;
pub use message::Message;

use crate::bindings::websocket::{self, Incoming};
use crate::error::Result;
use crate::think::nanoseconds;

/// Opens a WebSocket: at `ws://` or `wss://`, or at a path that is taken relative to the run's
/// target.
pub fn connect(url: &str) -> Result<Connection> {
    to(url).connect()
}

/// A WebSocket that has not been opened yet, with more than its URL:
/// `websocket::to("/chat").subprotocol("v2").connect()?`.
pub fn to(url: &str) -> Opening<'_> {
    Opening {
        url,
        headers: Vec::new(),
        subprotocols: Vec::new(),
        keep_headers: false,
        timeout_nanoseconds: 0,
    }
}

/// A WebSocket that has not been opened yet.
#[derive(Debug, Clone)]
#[must_use = "a WebSocket is not opened until .connect()"]
pub struct Opening<'a> {
    url: &'a str,
    headers: Vec<(String, String)>,
    subprotocols: Vec<String>,
    keep_headers: bool,
    timeout_nanoseconds: u64,
}

impl Opening<'_> {
    /// Adds a header. One of the same name that is there already stays.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a subprotocol that the scenario speaks; the preferred one first.
    pub fn subprotocol(mut self, name: impl Into<String>) -> Self {
        self.subprotocols.push(name.into());
        self
    }

    /// Keeps the headers of the answer, for [`Connection::header`].
    pub fn keep_headers(mut self) -> Self {
        self.keep_headers = true;
        self
    }

    /// The most that opening may take in all. The run's own timeouts hold as well.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout_nanoseconds = nanoseconds(timeout);
        self
    }

    /// Opens it.
    pub fn connect(self) -> Result<Connection> {
        let subprotocols: Vec<&str> = self.subprotocols.iter().map(String::as_str).collect();
        let opened = websocket::connect(websocket::Request {
            url: self.url,
            headers: &self.headers,
            subprotocols: &subprotocols,
            keep_headers: self.keep_headers,
            timeout: self.timeout_nanoseconds,
        });
        opened.map(Connection).map_err(failure)
    }
}

/// An open WebSocket. Dropping it closes it at once.
#[derive(Debug)]
pub struct Connection(websocket::Connection);

impl Connection {
    /// The subprotocol that the service chose, if any.
    pub fn subprotocol(&self) -> Option<String> {
        self.0.subprotocol()
    }

    /// The first header of this name in the answer to the handshake, if headers were kept. Names do
    /// not depend on case.
    pub fn header(&self, name: &str) -> Option<String> {
        let headers = self.0.headers().into_iter();
        let mut named = headers.filter(|(given, _)| given.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value)
    }

    /// Sends a message: a text, or bytes.
    pub fn send(&self, message: impl Into<Message>) -> Result<()> {
        self.0.send(&message.into().0).map_err(failure)
    }

    /// The next message, if one comes within the run's `--timeout`. That the service has closed the
    /// connection is an error here; [`Connection::next`] tells it otherwise.
    pub fn receive(&self) -> Result<Message> {
        self.receive_within(Duration::ZERO)
    }

    /// The next message, if one comes within this time.
    pub fn receive_within(&self, time: Duration) -> Result<Message> {
        match self.incoming(time)? {
            Ok(message) => Ok(message),
            Err(closing) => {
                Err(Error::Closed { code: closing.code, reason: closing.reason }.into())
            }
        }
    }

    /// The next message, or `None` when the service has closed the connection:
    /// `while let Some(message) = chat.next()? { … }`. That nothing comes within the run's
    /// `--timeout` is an error.
    pub fn next(&self) -> Result<Option<Message>> {
        self.next_within(Duration::ZERO)
    }

    /// The same within this time.
    pub fn next_within(&self, time: Duration) -> Result<Option<Message>> {
        Ok(self.incoming(time)?.ok())
    }

    /// Whether something comes within this time, a message or the end. Nothing is an answer here,
    /// and no error.
    pub fn is_ready_within(&self, time: Duration) -> bool {
        ready(&[self], time).is_some()
    }

    /// Sends a message and waits for its answer: the first that comes after it, within the run's
    /// `--timeout`. The host measures it as a round trip.
    pub fn exchange(&self, message: impl Into<Message>) -> Result<Message> {
        self.exchange_within(message, Duration::ZERO)
    }

    /// The same, for an answer within this time.
    pub fn exchange_within(&self, message: impl Into<Message>, time: Duration) -> Result<Message> {
        let answer = self.0.exchange(&message.into().0, nanoseconds(time));
        answer.map(Message).map_err(failure)
    }

    /// Sends a ping. The host measures how long its pong takes, which no call here returns.
    pub fn ping(&self) -> Result<()> {
        self.0.ping().map_err(failure)
    }

    /// Closes the connection with code 1000, and waits until the service has answered.
    pub fn close(self) -> Result<()> {
        self.close_with(1000, "")
    }

    /// The same with another code, and a reason of at most 123 bytes.
    pub fn close_with(self, code: u16, reason: &str) -> Result<()> {
        self.0.close(code, reason).map_err(failure)
    }

    /// The next message, or how the service closed the connection. Pongs are the host's business.
    fn incoming(&self, time: Duration) -> Result<std::result::Result<Message, websocket::Closing>> {
        loop {
            match self.0.receive(nanoseconds(time)).map_err(failure)? {
                Incoming::Message(message) => return Ok(Ok(Message(message))),
                Incoming::Closed(closing) => return Ok(Err(closing)),
                Incoming::Pong(_) => {}
            }
        }
    }
}

/// Waits until one of these connections has something to receive, or has ended, and returns its
/// place; `None` when the time is over. At most 256.
pub fn ready(connections: &[&Connection], time: Duration) -> Option<usize> {
    let connections: Vec<&websocket::Connection> =
        connections.iter().map(|connection| &connection.0).collect();
    websocket::ready(&connections, nanoseconds(time)).map(|place| place as usize)
}

/// The error of a scenario that this is.
fn failure(error: websocket::Error) -> crate::Error {
    crate::Error::WebSocket(match error {
        websocket::Error::RunOver => return crate::Error::RunOver,
        websocket::Error::Dns(text) => Error::Dns(text),
        websocket::Error::Connect(text) => Error::Connect(text),
        websocket::Error::Tls(text) => Error::Tls(text),
        websocket::Error::Handshake(websocket::Refusal { status, text }) => {
            Error::Handshake { status, text }
        }
        websocket::Error::Closed(websocket::Closing { code, reason }) => {
            Error::Closed { code, reason }
        }
        websocket::Error::Reset(text) => Error::Reset(text),
        websocket::Error::Protocol(text) => Error::Protocol(text),
        websocket::Error::Timeout(phase) => Error::Timeout(phase),
        websocket::Error::TooLarge(text) => Error::TooLarge(text),
        websocket::Error::Denied(text) => Error::Denied(text),
        websocket::Error::LocalPorts(text) => Error::LocalPorts(text),
        websocket::Error::LocalFiles(text) => Error::LocalFiles(text),
        websocket::Error::Invalid(text) => Error::Invalid(text),
    })
}
