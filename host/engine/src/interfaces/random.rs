//! `random`: numbers that repeat with the seed.

use crate::world::State;
use crate::world::bindings::swell::scenario::random::Host;

impl Host for State {
    fn next(&mut self) -> wasmtime::Result<u64> {
        Ok(self.user()?.next_random())
    }
}
