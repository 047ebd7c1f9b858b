//! `runs`: what `conduct` begins and waits for.

use std::sync::Arc;

use wasmtime::component::Resource;

use crate::bindings::ConductedRun;
use crate::bindings::swell::scenario::runs::{Host, HostRun, Stats};
use crate::run::Conductor;
use crate::state::GuestState;

impl GuestState {
    fn conductor(&mut self) -> wasmtime::Result<Arc<dyn Conductor>> {
        let conductor = self.user()?.run().conductor.clone();
        conductor
            .ok_or_else(|| wasmtime::Error::msg("a run was begun or asked about outside `conduct`"))
    }
}

impl Host for GuestState {}

impl HostRun for GuestState {
    async fn start(
        &mut self,
        scenario: String,
        settings: Vec<(String, String)>,
    ) -> wasmtime::Result<Result<Resource<ConductedRun>, String>> {
        let started = self.conductor()?.start(scenario, settings);
        Ok(started.await.map(Resource::new_own))
    }

    async fn wait(
        &mut self,
        run: Resource<ConductedRun>,
    ) -> wasmtime::Result<Result<Stats, String>> {
        let over = self.conductor()?.wait(run.rep());
        Ok(over.await)
    }

    async fn set_tps(
        &mut self,
        run: Resource<ConductedRun>,
        tps: f64,
    ) -> wasmtime::Result<Result<(), String>> {
        let set = self.conductor()?.set_tps(run.rep(), tps);
        Ok(set.await)
    }

    fn stop(&mut self, run: Resource<ConductedRun>) -> wasmtime::Result<()> {
        self.conductor()?.stop(run.rep());
        Ok(())
    }

    fn drop(&mut self, _run: Resource<ConductedRun>) -> wasmtime::Result<()> {
        Ok(())
    }
}
