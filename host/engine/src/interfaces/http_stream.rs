//! `http-stream`: answers that are read while they come.

use std::time::Duration;

use wasmtime::component::Resource;

use super::http::{error_to_guest, from_guest, headers, phases};
use crate::bindings::OpenExchange;
use crate::bindings::swell::scenario::http::{Error, Request};
use crate::bindings::swell::scenario::http_stream as wit;
use crate::state::GuestState;
use crate::thread_bound::ThreadBound;
use crate::user::StreamError;

impl wit::Host for GuestState {}

impl wit::HostExchange for GuestState {
    async fn open(
        &mut self,
        request: Request,
    ) -> wasmtime::Result<Result<Resource<OpenExchange>, Error>> {
        let (request, expected) = from_guest(request, self.allowance.memory());
        let opened = ThreadBound::new(self.user()?.open_stream(request, expected));
        Ok(match opened.await? {
            Some(Ok(number)) => Ok(Resource::new_own(number)),
            Some(Err(error)) => Err(error_to_guest(error)),
            None => Err(Error::RunOver),
        })
    }

    async fn head(
        &mut self,
        exchange: Resource<OpenExchange>,
    ) -> wasmtime::Result<Result<wit::Head, Error>> {
        let (head, keeps_headers) = self.user()?.stream_head(exchange.rep())?;
        Ok(Ok(wit::Head {
            status: head.status.as_u16(),
            headers: keeps_headers.then(|| headers(&head.headers)),
            reused: head.reused,
            redirects: head.redirects,
            final_url: head.final_url,
        }))
    }

    async fn read_chunk(
        &mut self,
        exchange: Resource<OpenExchange>,
        timeout: u64,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let user = self.user()?;
        let read = ThreadBound::new(user.read_chunk(exchange.rep(), given(timeout)));
        Ok(read.await?.map(|piece| piece.map(Into::into)).map_err(fault))
    }

    async fn read_event(
        &mut self,
        exchange: Resource<OpenExchange>,
        timeout: u64,
    ) -> wasmtime::Result<Result<Option<wit::Event>, Error>> {
        let user = self.user()?;
        let read = ThreadBound::new(user.read_event(exchange.rep(), given(timeout)));
        let event = |event: swell_client::StreamEvent| wit::Event {
            kind: event.kind,
            data: event.data,
            id: event.id,
            retry: event.retry,
            after: u64::try_from(event.after.as_nanos()).unwrap_or(u64::MAX),
        };
        Ok(read.await?.map(|read| read.map(event)).map_err(fault))
    }

    async fn discard(
        &mut self,
        exchange: Resource<OpenExchange>,
        timeout: u64,
    ) -> wasmtime::Result<Result<u64, Error>> {
        let user = self.user()?;
        let read = ThreadBound::new(user.discard(exchange.rep(), given(timeout)));
        Ok(read.await?.map_err(fault))
    }

    fn end(&mut self, exchange: Resource<OpenExchange>) -> wasmtime::Result<wit::Ending> {
        let ending = self.user()?.end_stream(exchange.rep())?;
        Ok(wit::Ending {
            complete: ending.is_complete,
            body_size: ending.body_size,
            phases: phases(&ending.phases),
        })
    }

    fn drop(&mut self, exchange: Resource<OpenExchange>) -> wasmtime::Result<()> {
        self.user()?.drop_stream(exchange.rep())
    }
}

/// The timeout that a guest gives; 0 gives none.
fn given(nanoseconds: u64) -> Option<Duration> {
    (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds))
}

fn fault(error: StreamError) -> Error {
    match error {
        StreamError::RunOver => Error::RunOver,
        StreamError::Failed(error) => error_to_guest(error),
    }
}
