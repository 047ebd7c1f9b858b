//! A look-up of a name, and the addresses that it gives one by one.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use swell_client::SocketFailure;
use swell_core::exchange::ErrorClass;
use wasmtime_wasi::p2::Pollable;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use super::UserSockets;
use crate::thread_bound::ThreadBound;

/// A look-up.
pub(crate) struct LookUp {
    sockets: Rc<UserSockets>,
    state: LookUpState,
}

enum LookUpState {
    Asking(Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, SocketFailure>>>>),
    Answered(std::vec::IntoIter<IpAddr>),
    Failed(ErrorCode),
}

impl LookUp {
    /// Begins to look a name up.
    ///
    /// # Errors
    /// It is no name, or not allowed.
    pub(crate) fn new(sockets: &Rc<UserSockets>, name: &str) -> Result<Self, ErrorCode> {
        let asking = sockets.network.look_up(name).map_err(|error| code(sockets, &error))?;
        let sockets = Rc::clone(sockets);
        Ok(Self { sockets, state: LookUpState::Asking(Box::pin(asking)) })
    }

    /// The next address, `None` after the last.
    ///
    /// # Errors
    /// The answer is not there yet, or it is that there is none.
    pub(crate) fn next(&mut self) -> Result<Option<IpAddr>, ErrorCode> {
        if let LookUpState::Asking(asking) = &mut self.state {
            match asking.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(answer) => self.settle(Some(answer)),
                Poll::Pending if self.sockets.has_given_up() => self.settle(None),
                Poll::Pending => return Err(ErrorCode::WouldBlock),
            }
        }
        match &mut self.state {
            LookUpState::Answered(addresses) => Ok(addresses.next()),
            LookUpState::Failed(code) => Err(*code),
            LookUpState::Asking(_) => Err(ErrorCode::WouldBlock),
        }
    }

    fn poll_settled(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let LookUpState::Asking(asking) = &mut self.state else { return Poll::Ready(()) };
        let polled = asking.as_mut().poll(context);
        self.sockets.patient(polled, context).map(|answer| self.settle(answer))
    }

    /// Takes in the answer; none, if it was given up.
    fn settle(&mut self, answer: Option<Result<Vec<IpAddr>, SocketFailure>>) {
        self.state = match answer {
            Some(Ok(addresses)) => LookUpState::Answered(addresses.into_iter()),
            Some(Err(error)) => LookUpState::Failed(code(&self.sockets, &error)),
            None => LookUpState::Failed(ErrorCode::TemporaryResolverFailure),
        };
    }
}

/// Counts a look-up that failed. Returns what the guest is told.
fn code(sockets: &UserSockets, error: &SocketFailure) -> ErrorCode {
    let code = sockets.failed("a look-up", error);
    match error.told.class {
        ErrorClass::Dns => ErrorCode::NameUnresolvable,
        ErrorClass::Denied | ErrorClass::Invalid => code,
        _ => ErrorCode::TemporaryResolverFailure,
    }
}

/// A look-up in a guest's table.
pub(crate) struct LookUpHandle(pub(crate) ThreadBound<LookUp>);

#[wasmtime_wasi::async_trait]
impl Pollable for LookUpHandle {
    async fn ready(&mut self) {
        poll_fn(|context| self.0.poll_settled(context)).await;
    }
}
