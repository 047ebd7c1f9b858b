//! What a user does over gRPC: calls of one message, and streams.
//!
//! A stream belongs to a transaction as an exchange does that lasts; see `streams`.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use swell_client::{CalledGrpc, Error, GrpcCall, GrpcError, GrpcIncoming, GrpcReply};
use swell_core::RunInstant;
use swell_core::exchange::{ErrorClass, Expected, Protocol};
use swell_core::grpc::CANCELLED;
use swell_core::observer::{ObservedMessage, ObservedMessageKind, UserEvent};
use swell_core::record::GrpcMessages;
use swell_core::transactions::Failure;

use super::held_calls::{CallState, HeldCall, MAX_OPEN_CALLS};
use super::in_flight::InFlight;
use super::streams::patiently;
use super::{Trap, UserState};
use crate::descriptions;

/// What waits; nothing where the run was found over outside any transaction.
type WaitedCall<T> = Option<Result<T, GrpcError>>;

/// A call as a scenario asks for it, or why it cannot be asked for.
pub(crate) type AskedCall = Result<GrpcCall, Error>;

impl UserState {
    /// Sends one message and waits for its answer. Outside any transaction of an iteration the call
    /// is a transaction of its own; `None` then says that the run is over and nothing was sent.
    pub(crate) async fn call(
        &mut self,
        call: AskedCall,
        expected: Expected,
        message: Bytes,
    ) -> Trap<WaitedCall<GrpcReply>> {
        let method = method_of(&call);
        let Ok(implicit) = self.begin_implicit(|| method.clone()).await? else { return Ok(None) };
        let began = self.now();
        let called = match call {
            Ok(mut call) => {
                self.trace_call(&mut call);
                self.in_flight = self.call_under_way(Protocol::Grpc, &method);
                let called = self.session.call(call, message).await;
                self.in_flight.count = 0;
                called
            }
            Err(error) => CalledGrpc::unsent(Protocol::Grpc, error),
        };
        let result = self.account_call(&method, called, &expected, began);
        self.finish_implicit(implicit)?;
        Ok(Some(result))
    }

    /// Begins a stream; its number.
    pub(crate) async fn open_call(
        &mut self,
        call: AskedCall,
        expected: Expected,
    ) -> Trap<WaitedCall<u32>> {
        let method = method_of(&call);
        let Ok(implicit) = self.begin_implicit(|| method.clone()).await? else { return Ok(None) };
        let began = self.now();
        let opened = match self.room_for(call) {
            Ok(mut call) => {
                self.trace_call(&mut call);
                self.in_flight = self.call_under_way(Protocol::GrpcStream, &method);
                let opened = self.session.open_call(call).await;
                self.in_flight.count = 0;
                opened
            }
            Err(error) => Err(Box::new(CalledGrpc::unsent(Protocol::GrpcStream, error))),
        };
        match opened {
            Ok(stream) => {
                self.streams.implicit = implicit.or(self.streams.implicit);
                let owner = self.transactions.innermost();
                let state = CallState::Open(stream);
                Ok(Some(Ok(self.calls.put(HeldCall { state, owner, expected, began, method }))))
            }
            Err(called) => {
                let result = self.account_call(&method, *called, &expected, began);
                self.finish_implicit(implicit)?;
                // A deadline that passed before the call began is a status, and the stream one that
                // has ended with it.
                let Ok(end) = result else { return Ok(Some(result.map(|_| 0))) };
                let state = CallState::Over(Ok(end));
                let held = HeldCall { state, owner: None, expected, began, method };
                Ok(Some(Ok(self.calls.put(held))))
            }
        }
    }

    /// Sends a message over a stream.
    pub(crate) async fn send_on(
        &mut self,
        number: u32,
        message: Result<Vec<u8>, Error>,
    ) -> Trap<Result<(), GrpcError>> {
        if let Ok(message) = &message {
            self.tell_message(true, message);
        }
        let sent = match (&mut self.calls.find(number)?.state, message) {
            (_, Err(error)) => Err(error.into()),
            (CallState::Open(stream), Ok(message)) => stream.send(&message).await,
            (CallState::Over(_), Ok(_)) => Err(GrpcError::Ended),
        };
        self.settle_call(number)?;
        // What has not ended the call is counted nowhere else.
        if let (Err(GrpcError::Failed(error)), true) = (&sent, self.calls.find(number)?.is_open()) {
            let failure = match error.class {
                ErrorClass::Invalid => {
                    Failure::Said(format!("invalid gRPC call: {}", error.message))
                }
                class => Failure::Request(class),
            };
            self.transactions.handle_failure(&failure);
        }
        Ok(sent)
    }

    /// Says that no message follows on a stream.
    pub(crate) async fn finish_sending(&mut self, number: u32) -> Trap<Result<(), GrpcError>> {
        let finished = match &mut self.calls.find(number)?.state {
            CallState::Open(stream) => stream.finish().await,
            CallState::Over(_) => Ok(()),
        };
        self.settle_call(number)?;
        Ok(finished)
    }

    /// What comes next over a stream.
    pub(crate) async fn receive_from(
        &mut self,
        number: u32,
        timeout: Option<Duration>,
    ) -> Trap<WaitedCall<GrpcIncoming>> {
        let stream = match &mut self.calls.find(number)?.state {
            CallState::Open(stream) => stream,
            CallState::Over(Ok(end)) => {
                return Ok(Some(Ok(GrpcIncoming::Ended(Box::new(end.clone())))));
            }
            CallState::Over(Err(error)) => return Ok(Some(Err(error.clone()))),
        };
        let received = patiently(&self.patience, stream.receive(timeout)).await;
        if let Some(Ok(GrpcIncoming::Message(message))) = &received {
            self.tell_message(false, message);
        }
        self.settle_call(number)?;
        Ok(received)
    }

    /// Waits until one of these has something to receive; its place in the list, or `None` when the
    /// time is over or the run is.
    pub(crate) async fn ready_calls(
        &mut self,
        numbers: &[u32],
        time: Duration,
    ) -> Trap<Option<u32>> {
        for &number in numbers {
            self.calls.find(number)?;
        }
        let mut over = pin!(tokio::time::sleep(time));
        let place = poll_fn(|context| {
            for (place, number) in numbers.iter().enumerate() {
                let is_ready = match &mut self.calls.find(*number)?.state {
                    CallState::Open(stream) => stream.poll_ready(context).is_ready(),
                    CallState::Over(_) => true,
                };
                if is_ready {
                    return Poll::Ready(Ok(u32::try_from(place).ok()));
                }
            }
            if over.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(None));
            }
            self.patience.poll_over(context).map(|()| Ok(None))
        });
        place.await
    }

    /// The scenario has dropped a stream.
    pub(crate) fn drop_call(&mut self, number: u32) -> Trap<()> {
        self.close_call(number)?;
        self.end_implicit_of_streams()?;
        self.calls.held.remove(&number);
        Ok(())
    }

    /// Takes in descriptions of services, beside those that it has.
    pub(crate) fn describe(&mut self, files: Vec<(String, String)>) -> Result<(), String> {
        let described = self.run().descriptions.compiled(files)?;
        descriptions::add(&mut self.services, described)
    }

    /// A message to a method, from JSON.
    pub(crate) fn encode(&self, method: &str, json: &str) -> Result<Vec<u8>, String> {
        descriptions::encode(&self.services, method, json)
    }

    /// A message of a method, as JSON.
    pub(crate) fn decode(&self, method: &str, message: &[u8]) -> Result<String, String> {
        descriptions::decode(&self.services, method, message)
    }

    /// Counts what went over a stream, and the stream if it is over.
    fn settle_call(&mut self, number: u32) -> Trap<()> {
        let held = self.calls.find(number)?;
        let CallState::Open(stream) = &mut held.state else { return Ok(()) };
        let messages = stream.take_messages();
        let is_over = stream.is_over();
        count_messages(self, number, &messages)?;
        if is_over {
            self.close_call(number)?;
            self.end_implicit_of_streams()?;
        }
        Ok(())
    }

    /// Ends a stream that is open, and counts it.
    pub(super) fn close_call(&mut self, number: u32) -> Trap<()> {
        let held = self.calls.find(number)?;
        let before = CallState::Over(Err(GrpcError::Ended));
        let stream = match std::mem::replace(&mut held.state, before) {
            CallState::Open(stream) => stream,
            over @ CallState::Over(_) => {
                held.state = over;
                return Ok(());
            }
        };
        // Who cancels a call does not find that it failed.
        let is_cancelled = !stream.has_ended();
        let expected = match is_cancelled {
            true => Expected(vec![(CANCELLED, CANCELLED)]),
            false => std::mem::take(&mut held.expected),
        };
        let (began, method) = (held.began, std::mem::take(&mut held.method));
        let ended = self.account_call(&method, stream.close(), &expected, began);
        self.calls.find(number)?.state = CallState::Over(ended);
        Ok(())
    }

    /// Counts a call that has ended, all together and by its method.
    fn account_call<T>(
        &mut self,
        method: &str,
        called: CalledGrpc<T>,
        expected: &Expected,
        began: RunInstant,
    ) -> Result<T, GrpcError> {
        let CalledGrpc { exchange, messages, result, hops } = called;
        if self.transactions.is_measured() {
            let is_ok =
                exchange.result.is_ok_and(|code| expected.contains(exchange.protocol, code));
            let recorder = &mut self.worker.recorder.borrow_mut();
            let grpc = recorder.grpc(self.transactions.phase());
            grpc.ended(method, &exchange, is_ok);
            grpc.messaged(method, &messages);
        }
        let told = self.worker.observer.is_some().then(|| (format!("gRPC {method}"), hops));
        let error = result.as_ref().err().and_then(GrpcError::error);
        self.account(&exchange, error, expected, began, told);
        result
    }

    fn call_under_way(&self, protocol: Protocol, method: &str) -> InFlight {
        let mut in_flight = InFlight::new(protocol, 1, self.now());
        in_flight.method = Some(method.to_owned());
        if self.worker.observer.is_some() {
            in_flight.asked.push(format!("gRPC {method}"));
        }
        in_flight
    }

    fn room_for(&self, call: AskedCall) -> AskedCall {
        if self.calls.open_in(|_| true).len() >= MAX_OPEN_CALLS {
            return Err(Error::of_a_call(format!(
                "this user has {MAX_OPEN_CALLS} streams open; end some"
            )));
        }
        call
    }

    fn trace_call(&mut self, call: &mut GrpcCall) {
        let mut headers = Vec::new();
        self.trace_one(&mut headers);
        for (name, value) in headers {
            if !call.metadata.iter().any(|(given, _)| given == name.as_str()) {
                call.metadata.push((name.as_str().to_owned(), value.as_bytes().to_vec()));
            }
        }
    }

    fn tell_message(&self, sent: bool, message: &[u8]) {
        if let Some(observer) = &self.worker.observer {
            let kind = ObservedMessageKind::Binary;
            observer.tell(UserEvent::Messaged(ObservedMessage::new(sent, kind, message)));
        }
    }
}

fn count_messages(user: &mut UserState, number: u32, messages: &GrpcMessages) -> Trap<()> {
    if user.transactions.is_measured() {
        let method = &user.calls.find(number)?.method;
        let recorder = &mut user.worker.recorder.borrow_mut();
        recorder.grpc(user.transactions.phase()).messaged(method, messages);
    }
    Ok(())
}

fn method_of(call: &AskedCall) -> String {
    match call {
        Ok(call) => call.method.clone(),
        Err(_) => "invalid".to_owned(),
    }
}
