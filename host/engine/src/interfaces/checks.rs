//! `checks`: named yes-or-no observations.

use crate::bindings::swell::scenario::checks::Host;
use crate::state::GuestState;

impl Host for GuestState {
    fn check(&mut self, name: String, passed: bool) -> wasmtime::Result<()> {
        self.user()?.check(&name, passed);
        Ok(())
    }
}
