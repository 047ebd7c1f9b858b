//! `random`: numbers that repeat with the seed.

use crate::bindings::swell::scenario::random::Host;
use crate::state::GuestState;

impl Host for GuestState {
    fn next(&mut self) -> wasmtime::Result<u64> {
        Ok(self.user()?.next_random())
    }
}
