//! `websocket`: connections of the user's own that stay open.

use std::time::Duration;

use bytes::Bytes;
use swell_client::{
    Error, WebSocketClosing, WebSocketError, WebSocketIncoming, WebSocketMessage, WebSocketRequest,
    header,
};
use swell_core::exchange::{ErrorClass, Phase};
use wasmtime::component::Resource;

use crate::bindings::OpenConnection;
use crate::bindings::swell::scenario::websocket as wit;
use crate::state::GuestState;
use crate::thread_bound::ThreadBound;

impl wit::Host for GuestState {
    async fn connect(
        &mut self,
        request: wit::Request,
    ) -> wasmtime::Result<Result<Resource<OpenConnection>, wit::Error>> {
        let request = to_client(request, self.allowance.memory());
        let opened = ThreadBound::new(self.user()?.connect(request));
        Ok(match opened.await? {
            Some(Ok(number)) => Ok(Resource::new_own(number)),
            Some(Err(error)) => Err(to_guest(error)),
            None => Err(wit::Error::RunOver),
        })
    }

    async fn ready(
        &mut self,
        connections: Vec<Resource<OpenConnection>>,
        timeout: u64,
    ) -> wasmtime::Result<Option<u32>> {
        let numbers: Vec<u32> = connections.iter().map(Resource::rep).collect();
        let ready = ThreadBound::new(self.user()?.ready(&numbers, Duration::from_nanos(timeout)));
        ready.await
    }
}

impl wit::HostConnection for GuestState {
    fn subprotocol(
        &mut self,
        connection: Resource<OpenConnection>,
    ) -> wasmtime::Result<Option<String>> {
        self.user()?.subprotocol(connection.rep())
    }

    fn headers(
        &mut self,
        connection: Resource<OpenConnection>,
    ) -> wasmtime::Result<Vec<(String, String)>> {
        let headers = self.user()?.answer_headers(connection.rep())?;
        let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Ok(headers.iter().map(pair).collect())
    }

    async fn send(
        &mut self,
        connection: Resource<OpenConnection>,
        message: wit::Message,
    ) -> wasmtime::Result<Result<(), wit::Error>> {
        let sent =
            ThreadBound::new(self.user()?.send_message(connection.rep(), from_guest(message)));
        Ok(sent.await?.map_err(to_guest))
    }

    async fn receive(
        &mut self,
        connection: Resource<OpenConnection>,
        timeout: u64,
    ) -> wasmtime::Result<Result<wit::Incoming, wit::Error>> {
        let received = ThreadBound::new(self.user()?.receive(connection.rep(), waiting(timeout)));
        Ok(match received.await? {
            Some(Ok(incoming)) => Ok(match incoming {
                WebSocketIncoming::Message(message) => {
                    wit::Incoming::Message(message_to_guest(message))
                }
                WebSocketIncoming::Pong(time) => {
                    wit::Incoming::Pong(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
                }
                WebSocketIncoming::Closed(closing) => {
                    wit::Incoming::Closed(closing_to_guest(closing))
                }
            }),
            Some(Err(error)) => Err(to_guest(error)),
            None => Err(wit::Error::RunOver),
        })
    }

    async fn exchange(
        &mut self,
        connection: Resource<OpenConnection>,
        message: wit::Message,
        timeout: u64,
    ) -> wasmtime::Result<Result<wit::Message, wit::Error>> {
        let user = self.user()?;
        let number = connection.rep();
        let exchanged =
            ThreadBound::new(user.exchange_messages(number, from_guest(message), waiting(timeout)));
        Ok(match exchanged.await? {
            Some(Ok(answer)) => Ok(message_to_guest(answer)),
            Some(Err(error)) => Err(to_guest(error)),
            None => Err(wit::Error::RunOver),
        })
    }

    async fn ping(
        &mut self,
        connection: Resource<OpenConnection>,
    ) -> wasmtime::Result<Result<(), wit::Error>> {
        let sent = ThreadBound::new(self.user()?.ping(connection.rep()));
        Ok(sent.await?.map_err(to_guest))
    }

    async fn close(
        &mut self,
        connection: Resource<OpenConnection>,
        code: u16,
        reason: String,
    ) -> wasmtime::Result<Result<(), wit::Error>> {
        let closed = ThreadBound::new(self.user()?.close(connection.rep(), code, reason));
        Ok(closed.await?.map_err(to_guest))
    }

    fn drop(&mut self, connection: Resource<OpenConnection>) -> wasmtime::Result<()> {
        self.user()?.let_go(connection.rep());
        Ok(())
    }
}

/// The client's form of a request; an error when a name or a value in it cannot go over the wire.
/// No message is taken in that the guest has no memory for.
fn to_client(request: wit::Request, memory: usize) -> Result<WebSocketRequest, Error> {
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| header(name, value))
        .collect::<Result<_, _>>()?;
    Ok(WebSocketRequest {
        url: request.url,
        headers,
        subprotocols: request.subprotocols,
        keep_headers: request.keep_headers,
        timeout: waiting(request.timeout),
        message_limit: memory,
    })
}

/// A time that is left open as zero.
fn waiting(nanoseconds: u64) -> Option<Duration> {
    (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds))
}

fn from_guest(message: wit::Message) -> WebSocketMessage {
    match message {
        wit::Message::Text(text) => WebSocketMessage::Text(text),
        wit::Message::Binary(bytes) => WebSocketMessage::Binary(Bytes::from(bytes)),
    }
}

fn message_to_guest(message: WebSocketMessage) -> wit::Message {
    match message {
        WebSocketMessage::Text(text) => wit::Message::Text(text),
        WebSocketMessage::Binary(bytes) => wit::Message::Binary(bytes.into()),
    }
}

fn closing_to_guest(closing: WebSocketClosing) -> wit::Closing {
    wit::Closing { code: closing.code, reason: closing.reason }
}

/// Why something did not succeed, as the guest is told it.
pub(super) fn to_guest(error: WebSocketError) -> wit::Error {
    let error = match error {
        WebSocketError::Failed(error) => error,
        WebSocketError::Refused { status, text } => {
            return wit::Error::Handshake(wit::Refusal { status, text });
        }
        WebSocketError::Closed(closing) => return wit::Error::Closed(closing_to_guest(closing)),
    };
    match error.class {
        ErrorClass::Dns => wit::Error::Dns(error.message),
        ErrorClass::Connect => wit::Error::Connect(error.message),
        ErrorClass::Tls => wit::Error::Tls(error.message),
        ErrorClass::Timeout(phase) => wit::Error::Timeout(match phase {
            Phase::Blocked | Phase::Connecting => wit::Phase::Connecting,
            Phase::Tls => wit::Phase::Tls,
            // A handshake's request is a few hundred bytes, which a send of messages is not.
            Phase::Waiting => wit::Phase::Handshake,
            Phase::Sending => wit::Phase::Sending,
            Phase::Receiving => wit::Phase::Receiving,
        }),
        ErrorClass::Reset | ErrorClass::Closed | ErrorClass::GoAway => {
            wit::Error::Reset(error.message)
        }
        ErrorClass::Protocol => wit::Error::Protocol(error.message),
        ErrorClass::TooLarge => wit::Error::TooLarge(error.message),
        ErrorClass::Denied => wit::Error::Denied(error.message),
        ErrorClass::LocalPorts => wit::Error::LocalPorts(error.message),
        ErrorClass::LocalFiles => wit::Error::LocalFiles(error.message),
        ErrorClass::Invalid => wit::Error::Invalid(error.message),
    }
}
