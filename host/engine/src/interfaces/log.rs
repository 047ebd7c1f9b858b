//! `log`: lines for the person who runs the test.

use crate::bindings::swell::scenario::log::{Host, Level};
use crate::state::GuestState;

impl Host for GuestState {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.user()?.log().write(level, message.as_bytes());
        Ok(())
    }
}
