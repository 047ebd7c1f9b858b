//! `clock`: think times.

use std::time::Duration;

use crate::thread_bound::ThreadBound;
use crate::world::State;
use crate::world::bindings::swell::scenario::clock::Host;

impl Host for State {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.user()?.now().as_nanos())
    }

    async fn sleep(&mut self, nanoseconds: u64) -> wasmtime::Result<()> {
        let wait = ThreadBound::new(self.user()?.sleep(Duration::from_nanos(nanoseconds)));
        wait.await;
        Ok(())
    }
}
