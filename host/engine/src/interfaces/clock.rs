//! `clock`: think times.

use std::time::Duration;

use crate::bindings::swell::scenario::clock::Host;
use crate::state::GuestState;
use crate::thread_bound::ThreadBound;

impl Host for GuestState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.user()?.now().as_nanos())
    }

    async fn sleep(&mut self, nanoseconds: u64) -> wasmtime::Result<()> {
        let wait = ThreadBound::new(self.user()?.sleep(Duration::from_nanos(nanoseconds)));
        wait.await;
        Ok(())
    }
}
