//! `transactions`: what the host paces and measures.

use wasmtime::component::Resource;

use crate::bindings::OpenTransaction;
use crate::bindings::swell::scenario::transactions::{Host, HostTransaction, Outcome, RunOver};
use crate::run;
use crate::state::GuestState;
use crate::thread_bound::ThreadBound;

impl Host for GuestState {
    fn define(&mut self, name: String) -> wasmtime::Result<u32> {
        self.user()?.define(&name)
    }

    async fn begin(
        &mut self,
        kind: u32,
    ) -> wasmtime::Result<Result<Resource<OpenTransaction>, RunOver>> {
        let begun = ThreadBound::new(self.user()?.begin(kind));
        Ok(match begun.await? {
            Ok(serial) => Ok(Resource::new_own(serial)),
            Err(run::RunOver::Finished) => Err(RunOver::Finished),
            Err(run::RunOver::Stopped) => Err(RunOver::Stopped),
        })
    }
}

impl HostTransaction for GuestState {
    fn finish(
        &mut self,
        transaction: Resource<OpenTransaction>,
        outcome: Outcome,
    ) -> wasmtime::Result<()> {
        let user = self.user()?;
        match outcome {
            Outcome::Ok => user.finish(transaction.rep(), None),
            Outcome::Failed(reason) => user.finish(transaction.rep(), Some(reason)),
        }
    }

    fn end(
        &mut self,
        transaction: Resource<OpenTransaction>,
        outcome: Outcome,
    ) -> wasmtime::Result<()> {
        self.finish(transaction, outcome)
    }

    fn drop(&mut self, _transaction: Resource<OpenTransaction>) -> wasmtime::Result<()> {
        // If it was not ended, it stays open and fails when the iteration returns.
        Ok(())
    }
}
