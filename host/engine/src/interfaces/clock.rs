//! `clock`: think times.

use std::pin::pin;
use std::time::Duration;

use crate::thread_bound::ThreadBound;
use crate::world::State;
use crate::world::bindings::swell::scenario::clock::Host;

impl Host for State {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.user()?.now().as_nanos())
    }

    async fn sleep(&mut self, nanoseconds: u64) -> wasmtime::Result<()> {
        let (user, cpu) = self.user_and_cpu()?;
        cpu.watch(pin!(ThreadBound::new(user.sleep(Duration::from_nanos(nanoseconds))))).await;
        Ok(())
    }
}
