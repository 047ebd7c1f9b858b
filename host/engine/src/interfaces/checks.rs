//! `checks`: named yes-or-no observations.

use crate::world::State;
use crate::world::bindings::swell::scenario::checks::Host;

impl Host for State {
    fn check(&mut self, name: String, passed: bool) -> wasmtime::Result<()> {
        self.user()?.check(&name, passed);
        Ok(())
    }
}
