//! gRPC, spoken and timed by the host over HTTP/2 connections that belong to this virtual user.
//!
//! ```no_run
//! # use swell::prelude::*;
//! # fn scenario(request: Vec<u8>) -> Result<()> {
//! let reply = grpc::call("/hello.Greeter/SayHello").timeout(secs(2)).send(&request)?;
//! log::info!("{} bytes", reply.message().len());
//!
//! let mut prices = grpc::call("/shop.Prices/Watch").open()?;
//! prices.send(&request)?;
//! prices.finish()?;
//! while let Some(price) = prices.receive()? {
//!     log::info!("{} bytes", price.len());
//! }
//! # Ok(()) }
//! ```
//!
//! A message is bytes, as `encode_to_vec` of prost makes them and `decode` reads them.
//!
//! A call outside any transaction is a transaction of its own, named by its method. A stream ends
//! with the transaction in which it was opened; opened in `start`, it lasts as long as the user. A
//! call that ends with another status than it [expects](Call::expect) is an error, and fails the
//! transactions around it, whatever becomes of the error.

pub(crate) mod error;
mod status;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::bindings::grpc::Phase;
pub use error::Error;
pub use status::{Code, Status};

use crate::bindings::grpc::{self, Breach, CallStream, Entry, Incoming};
use crate::error::Result;
use crate::think::nanoseconds;

/// A call of a method, as "/package.Service/Method", that has not been made yet.
pub fn call(method: &str) -> Call<'_> {
    Call {
        method,
        target: String::new(),
        metadata: Vec::new(),
        deadline: 0,
        limit: 0,
        expected: Vec::new(),
        keep_metadata: false,
    }
}

/// Describes services, for messages in JSON: each file of `.proto` by the name under which others
/// import it, with its text. Files of `google/protobuf` need not be given.
///
/// ```no_run
/// # use swell::prelude::*;
/// # fn start() -> Result<()> {
/// # const HELLO: &str = "";
/// // const HELLO: &str = include_str!("../hello.proto");
/// grpc::describe(&[("hello.proto", HELLO)])?;
/// let reply = grpc::call("/hello.Greeter/SayHello").send_json(&json!({ "name": "Ada" }))?;
/// let reply: serde_json::Value = reply.json()?;
/// # Ok(()) }
/// ```
///
/// Each user describes what it uses, best in `start`; it is compiled once a run. An error names the
/// file and the line.
pub fn describe(files: &[(&str, &str)]) -> Result<()> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    let files: Vec<(String, String)> = files.iter().map(owned).collect();
    grpc::describe(&files).map_err(|words| Error::Invalid(words).into())
}

/// A call that has not been made yet.
#[derive(Debug, Clone)]
#[must_use = "a call is not made until .send() or .open()"]
pub struct Call<'a> {
    method: &'a str,
    target: String,
    metadata: Vec<Entry>,
    deadline: u64,
    limit: u32,
    expected: Vec<u32>,
    keep_metadata: bool,
}

impl Call<'_> {
    /// Calls another service than the run's target: "http://HOST:PORT", or https.
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target = target.into();
        self
    }

    /// Adds metadata. A name is written small; the value of one that ends with "-bin" is bytes, any
    /// other is printable ASCII.
    pub fn metadata(mut self, name: impl Into<String>, value: impl AsRef<[u8]>) -> Self {
        self.metadata.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// The deadline, from when the call is made. The service is told, and the host keeps it: a call
    /// that takes longer ends with DEADLINE_EXCEEDED. The run's own timeouts hold as well.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.deadline = nanoseconds(timeout);
        self
    }

    /// The most bytes that a message may have which comes: 4 MiB where nothing else is said, at
    /// most 16 MiB.
    pub fn limit(mut self, bytes: u32) -> Self {
        self.limit = bytes;
        self
    }

    /// Takes a status for success, whatever it is by itself. The first one replaces OK, further
    /// ones are added.
    pub fn expect(mut self, code: Code) -> Self {
        self.expected.push(code as u32);
        self
    }

    /// Keeps the metadata of the answer, for [`Status::metadata`].
    pub fn keep_metadata(mut self) -> Self {
        self.keep_metadata = true;
        self
    }

    /// Sends one message, and waits for the one that answers it.
    pub fn send(self, message: impl AsRef<[u8]>) -> Result<Reply> {
        let metadata: Vec<&Entry> = self.metadata.iter().collect();
        let reply = grpc::unary(self.raw(&metadata), message.as_ref()).map_err(failure)?;
        let status = Status::of(reply.status);
        if !self.expects(status.code()) {
            return Err(Error::Status(Box::new(status)).into());
        }
        let method = self.method.to_owned();
        Ok(Reply { method, message: reply.message.unwrap_or_default(), status })
    }

    /// The same with a message in JSON, of a service that was [described](describe).
    pub fn send_json(self, message: &impl Serialize) -> Result<Reply> {
        let message = encode(self.method, message)?;
        self.send(message)
    }

    /// Begins a call that lasts. It does not wait for an answer.
    pub fn open(self) -> Result<Stream> {
        let metadata: Vec<&Entry> = self.metadata.iter().collect();
        let stream = CallStream::open(self.raw(&metadata)).map_err(failure)?;
        let method = self.method.to_owned();
        Ok(Stream { stream, method, expected: self.expected, status: None })
    }

    fn raw<'a>(&'a self, metadata: &'a [&'a Entry]) -> grpc::Call<'a> {
        grpc::Call {
            method: self.method,
            target: &self.target,
            metadata,
            deadline: self.deadline,
            limit: self.limit,
            expected: &self.expected,
            keep_metadata: self.keep_metadata,
        }
    }

    fn expects(&self, code: Code) -> bool {
        is_expected(&self.expected, code)
    }
}

/// An answer to a call of one message.
#[derive(Debug, Clone)]
pub struct Reply {
    method: String,
    message: Vec<u8>,
    status: Status,
}

impl Reply {
    /// The message; empty where a call that expects another status than OK had none.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The message, for whoever keeps it.
    pub fn into_message(self) -> Vec<u8> {
        self.message
    }

    /// What the message says as JSON, of a service that was [described](describe).
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        decode(&self.method, &self.message)
    }

    /// How the call ended: one of the statuses that it expects.
    pub fn status(&self) -> &Status {
        &self.status
    }
}

/// A call that lasts. Dropping it cancels it, unless it has ended.
#[derive(Debug)]
pub struct Stream {
    stream: CallStream,
    method: String,
    expected: Vec<u32>,
    status: Option<Status>,
}

impl Stream {
    /// Sends a message, and returns when it was handed to the network. When the call has ended that
    /// is [`Error::Ended`], and [`Stream::receive`] says how.
    pub fn send(&mut self, message: impl AsRef<[u8]>) -> Result<()> {
        self.stream.send(message.as_ref()).map_err(failure)
    }

    /// The same with a message in JSON, of a service that was [described](describe).
    pub fn send_json(&mut self, message: &impl Serialize) -> Result<()> {
        let message = encode(&self.method, message)?;
        self.send(message)
    }

    /// The next message, as [`Stream::receive`] has it, as JSON.
    pub fn receive_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let message = self.receive()?;
        message.map(|message| decode(&self.method, &message)).transpose()
    }

    /// Says that no message follows. What comes can still be received.
    pub fn finish(&mut self) -> Result<()> {
        self.stream.finish().map_err(failure)
    }

    /// The next message, or `None` when the call has ended with a status that it expects:
    /// `while let Some(message) = stream.receive()? { … }`. That nothing comes within the run's
    /// `--timeout` ends the call, and is an error.
    pub fn receive(&mut self) -> Result<Option<Vec<u8>>> {
        self.receive_within(Duration::ZERO)
    }

    /// The same within this time.
    pub fn receive_within(&mut self, time: Duration) -> Result<Option<Vec<u8>>> {
        match self.stream.receive(nanoseconds(time)).map_err(failure)? {
            Incoming::Message(message) => Ok(Some(message)),
            Incoming::Ended(status) => {
                let status = Status::of(status);
                let is_expected = is_expected(&self.expected, status.code());
                self.status = Some(status.clone());
                if is_expected { Ok(None) } else { Err(Error::Status(Box::new(status)).into()) }
            }
        }
    }

    /// Says that no message follows, and waits for the one that answers all: for methods to which
    /// messages stream, and that answer with one.
    pub fn finish_and_receive(mut self) -> Result<Vec<u8>> {
        self.finish()?;
        let Some(message) = self.receive()? else {
            return Err(crate::Error::Answer("the call ended without a message".to_owned()));
        };
        match self.receive()? {
            None => Ok(message),
            Some(_) => Err(crate::Error::Answer("the call has more than one message".to_owned())),
        }
    }

    /// Whether something comes within this time, a message or the end. Nothing is an answer here,
    /// and no error; the call goes on.
    pub fn is_ready_within(&self, time: Duration) -> bool {
        ready(&[self], time).is_some()
    }

    /// How the call ended, once [`Stream::receive`] has said that it has.
    pub fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }
}

/// Waits until one of these streams has something to receive, or has ended, and returns its place;
/// `None` when the time is over. At most 256.
pub fn ready(streams: &[&Stream], time: Duration) -> Option<usize> {
    let streams: Vec<&CallStream> = streams.iter().map(|stream| &stream.stream).collect();
    grpc::ready(&streams, nanoseconds(time)).map(|place| place as usize)
}

fn encode(method: &str, message: &impl Serialize) -> Result<Vec<u8>> {
    let json = serde_json::to_string(message)?;
    grpc::encode(method, &json).map_err(|words| Error::Invalid(words).into())
}

fn decode<T: DeserializeOwned>(method: &str, message: &[u8]) -> Result<T> {
    let json = grpc::decode(method, message).map_err(crate::Error::Answer)?;
    Ok(serde_json::from_str(&json)?)
}

fn is_expected(expected: &[u32], code: Code) -> bool {
    if expected.is_empty() { code == Code::Ok } else { expected.contains(&(code as u32)) }
}

/// The error of a scenario that this is.
fn failure(error: grpc::Error) -> crate::Error {
    crate::Error::Grpc(match error {
        grpc::Error::RunOver => return crate::Error::RunOver,
        grpc::Error::Dns(text) => Error::Dns(text),
        grpc::Error::Connect(text) => Error::Connect(text),
        grpc::Error::Tls(text) => Error::Tls(text),
        grpc::Error::Reset(Breach { code, text }) => Error::Reset { code, text },
        grpc::Error::Goaway(text) => Error::GoAway(text),
        grpc::Error::Protocol(text) => Error::Protocol(text),
        grpc::Error::Timeout(phase) => Error::Timeout(phase),
        grpc::Error::TooLarge(text) => Error::TooLarge(text),
        grpc::Error::Denied(text) => Error::Denied(text),
        grpc::Error::LocalPorts(text) => Error::LocalPorts(text),
        grpc::Error::LocalFiles(text) => Error::LocalFiles(text),
        grpc::Error::Invalid(text) => Error::Invalid(text),
        grpc::Error::Ended => Error::Ended,
    })
}
