//! `grpc`: calls by the name of a method, whose messages are bytes.

use std::time::Duration;

use bytes::Bytes;
use swell_client::{Error, GrpcCall, GrpcEnd, GrpcError, GrpcIncoming, GrpcReply};
use swell_core::exchange::{ErrorClass, Expected, Phase};
use wasmtime::component::Resource;

use super::bounded_grpc::MAX_MESSAGE;
use crate::bindings::OpenCall;
use crate::bindings::swell::scenario::grpc as wit;
use crate::state::GuestState;
use crate::thread_bound::ThreadBound;
use crate::user::AskedCall;

/// The most bytes of a message that comes where the call says nothing else: as in the libraries of
/// gRPC.
const LIMIT: u32 = 4 << 20;

impl GuestState {
    /// Sends one message and waits for its answer.
    pub(super) async fn unary_call(
        &mut self,
        call: wit::Call,
        message: Result<Vec<u8>, Error>,
    ) -> wasmtime::Result<Result<wit::Reply, wit::Error>> {
        let (call, expected) = to_client(call, self.allowance.memory());
        let (call, message) = match message {
            Ok(message) => (call, Bytes::from(message)),
            Err(error) => (Err(error), Bytes::new()),
        };
        let called = ThreadBound::new(self.user()?.call(call, expected, message));
        Ok(match called.await? {
            Some(Ok(reply)) => Ok(reply_to_guest(reply)),
            Some(Err(error)) => Err(to_guest(error)),
            None => Err(wit::Error::RunOver),
        })
    }

    /// Sends a message over a stream.
    pub(super) async fn send_message(
        &mut self,
        stream: &Resource<OpenCall>,
        message: Result<Vec<u8>, Error>,
    ) -> wasmtime::Result<Result<(), wit::Error>> {
        let sent = ThreadBound::new(self.user()?.send_on(stream.rep(), message));
        Ok(sent.await?.map_err(to_guest))
    }
}

impl wit::Host for GuestState {
    async fn unary(
        &mut self,
        call: wit::Call,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<wit::Reply, wit::Error>> {
        self.unary_call(call, Ok(message)).await
    }

    fn describe(&mut self, files: Vec<(String, String)>) -> wasmtime::Result<Result<(), String>> {
        Ok(self.user()?.describe(files))
    }

    fn encode(
        &mut self,
        method: String,
        json: String,
    ) -> wasmtime::Result<Result<Vec<u8>, String>> {
        Ok(self.user()?.encode(&method, &json))
    }

    fn decode(
        &mut self,
        method: String,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<String, String>> {
        Ok(self.user()?.decode(&method, &message))
    }

    async fn ready(
        &mut self,
        streams: Vec<Resource<OpenCall>>,
        timeout: u64,
    ) -> wasmtime::Result<Option<u32>> {
        let numbers: Vec<u32> = streams.iter().map(Resource::rep).collect();
        let time = Duration::from_nanos(timeout);
        let ready = ThreadBound::new(self.user()?.ready_calls(&numbers, time));
        ready.await
    }
}

impl wit::HostCallStream for GuestState {
    async fn open(
        &mut self,
        call: wit::Call,
    ) -> wasmtime::Result<Result<Resource<OpenCall>, wit::Error>> {
        let (call, expected) = to_client(call, self.allowance.memory());
        let opened = ThreadBound::new(self.user()?.open_call(call, expected));
        Ok(match opened.await? {
            Some(Ok(number)) => Ok(Resource::new_own(number)),
            Some(Err(error)) => Err(to_guest(error)),
            None => Err(wit::Error::RunOver),
        })
    }

    async fn send(
        &mut self,
        stream: Resource<OpenCall>,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<(), wit::Error>> {
        self.send_message(&stream, Ok(message)).await
    }

    async fn finish(
        &mut self,
        stream: Resource<OpenCall>,
    ) -> wasmtime::Result<Result<(), wit::Error>> {
        let finished = ThreadBound::new(self.user()?.finish_sending(stream.rep()));
        Ok(finished.await?.map_err(to_guest))
    }

    async fn receive(
        &mut self,
        stream: Resource<OpenCall>,
        timeout: u64,
    ) -> wasmtime::Result<Result<wit::Incoming, wit::Error>> {
        let received = ThreadBound::new(self.user()?.receive_from(stream.rep(), given(timeout)));
        Ok(match received.await? {
            Some(Ok(GrpcIncoming::Message(message))) => Ok(wit::Incoming::Message(message.into())),
            Some(Ok(GrpcIncoming::Ended(end))) => Ok(wit::Incoming::Ended(end_to_guest(*end))),
            Some(Err(error)) => Err(to_guest(error)),
            None => Err(wit::Error::RunOver),
        })
    }

    fn drop(&mut self, stream: Resource<OpenCall>) -> wasmtime::Result<()> {
        self.user()?.drop_call(stream.rep())
    }
}

/// The client's form of a call, and the statuses that it expects. No message is taken in that the
/// guest has no memory for.
fn to_client(call: wit::Call, memory: usize) -> (AskedCall, Expected) {
    let codes = call.expected.iter().filter_map(|code| u16::try_from(*code).ok());
    let expected = Expected(codes.map(|code| (code, code)).collect());
    let limit = if call.limit == 0 { LIMIT } else { call.limit.min(MAX_MESSAGE) };
    let asked = GrpcCall {
        method: call.method,
        target: call.target,
        metadata: call.metadata,
        deadline: given(call.deadline),
        limit: (limit as usize).min(memory),
        keep_metadata: call.keep_metadata,
    };
    (Ok(asked), expected)
}

/// A time that is left open as zero.
fn given(nanoseconds: u64) -> Option<Duration> {
    (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds))
}

fn reply_to_guest(reply: GrpcReply) -> wit::Reply {
    wit::Reply { message: reply.message.map(Into::into), status: end_to_guest(reply.end) }
}

fn end_to_guest(end: GrpcEnd) -> wit::Status {
    let GrpcEnd { status, headers, trailers } = end;
    wit::Status {
        code: status.code.into(),
        message: status.message,
        details: status.details.into(),
        headers,
        trailers,
    }
}

/// Why a call has no status, as the guest is told it.
pub(super) fn to_guest(error: GrpcError) -> wit::Error {
    let error = match error {
        GrpcError::Failed(error) => error,
        GrpcError::Reset { code, error } => {
            return wit::Error::Reset(wit::Breach { code: Some(code), text: error.message });
        }
        GrpcError::Ended => return wit::Error::Ended,
    };
    match error.class {
        ErrorClass::Dns => wit::Error::Dns(error.message),
        ErrorClass::Connect => wit::Error::Connect(error.message),
        ErrorClass::Tls => wit::Error::Tls(error.message),
        ErrorClass::Timeout(phase) => wit::Error::Timeout(match phase {
            Phase::Blocked | Phase::Connecting => wit::Phase::Connecting,
            Phase::Tls => wit::Phase::Tls,
            Phase::Sending => wit::Phase::Sending,
            Phase::Waiting => wit::Phase::Waiting,
            Phase::Receiving => wit::Phase::Receiving,
        }),
        ErrorClass::Reset | ErrorClass::Closed => {
            wit::Error::Reset(wit::Breach { code: None, text: error.message })
        }
        ErrorClass::GoAway => wit::Error::Goaway(error.message),
        ErrorClass::Protocol => wit::Error::Protocol(error.message),
        ErrorClass::TooLarge => wit::Error::TooLarge(error.message),
        ErrorClass::Denied => wit::Error::Denied(error.message),
        ErrorClass::LocalPorts => wit::Error::LocalPorts(error.message),
        ErrorClass::LocalFiles => wit::Error::LocalFiles(error.message),
        ErrorClass::Invalid => wit::Error::Invalid(error.message),
    }
}
