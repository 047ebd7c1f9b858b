//! `context`: who and where a user is, and how it ends the run or itself.

use swell_core::plain::line;
use swell_core::run::EndRequest;

use crate::bindings::swell::scenario::context::Host;
use crate::state::GuestState;

impl Host for GuestState {
    fn run_id(&mut self) -> wasmtime::Result<String> {
        Ok(self.user()?.run().id.clone())
    }

    fn user(&mut self) -> wasmtime::Result<u64> {
        Ok(Self::user(self)?.number())
    }

    fn iteration(&mut self) -> wasmtime::Result<u64> {
        Ok(Self::user(self)?.iteration())
    }

    fn variable(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        if let Some(variables) = &self.variables {
            return Ok(variables.get(&name).cloned());
        }
        Ok(Self::user(self)?.run().variables.get(&name).cloned())
    }

    fn stop_run(&mut self, reason: String) -> wasmtime::Result<()> {
        Self::user(self)?.run().request_end(EndRequest::Stop(line(&reason).to_string()));
        Ok(())
    }

    fn fail_run(&mut self, reason: String) -> wasmtime::Result<()> {
        Self::user(self)?.run().request_end(EndRequest::Fail(line(&reason).to_string()));
        Ok(())
    }

    fn stop_user(&mut self, reason: String) -> wasmtime::Result<()> {
        Self::user(self)?.stop(line(&reason).to_string())
    }
}
