//! A virtual user as the driver sees it: an instance of the scenario that can be started, iterated
//! and stopped.

use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use swell_core::dispatch::Start;
use swell_core::transactions::{GuestCall, IterationScope};
use wasmtime::Store;
use wasmtime::component::{Instance, TypedFunc};

use crate::bindings::Scenario;
use crate::cpu::CpuMeter;
use crate::own_summary::SummaryPart;
use crate::program::Program;
use crate::run::Worker;
use crate::state::GuestState;
use crate::store::{Trapped, explain, limited};
use crate::text::GuestText;
use crate::user::UserState;
use crate::wasi::Wasi;

/// How an iteration ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IterationOutcome {
    /// `run` returned ok.
    Ok,
    /// `run` returned an error, with this text.
    Failed(String),
    /// The run was over before the iteration had begun anything: it does not count.
    NotBegun,
    /// The run was over before the iteration was.
    CutShort,
}

/// How `start`, `setup` or `teardown` failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookError {
    /// It returned an error, with this text.
    Said(String),
    /// It trapped.
    Trapped(Trapped),
}

/// Which scenario of its file a user acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScenarioRole {
    /// The scenario's index into [`ScenarioFile::scenarios`](crate::ScenarioFile::scenarios).
    pub scenario: u32,
    /// Its place among the scenarios of the run.
    pub place: u32,
}

impl ScenarioRole {
    /// Of the only scenario of a run.
    pub const fn only(scenario: u32) -> Self {
        Self { scenario, place: 0 }
    }
}

/// One instance of a scenario. It stays on its worker's thread.
pub struct User {
    store: Store<GuestState>,
    cpu: Arc<CpuMeter>,
    instance: Instance,
    guest: Scenario,
    /// `run`, called through a type that cuts the text of an error.
    run: TypedFunc<(u32,), (Result<(), GuestText>,)>,
    /// The scenario's index in its file.
    scenario: u32,
    on_one_thread: PhantomData<Rc<()>>,
}

impl User {
    /// Creates an instance. `key` is the user's number on its worker.
    ///
    /// # Errors
    /// The guest's own initialisation trapped, or the pool has no room, which the plan's limits
    /// rule out.
    pub async fn create(
        program: &Arc<Program>,
        role: ScenarioRole,
        worker: &Rc<Worker>,
        key: u32,
    ) -> Result<Self, Trapped> {
        Self::create_as(program, role, worker, key, GuestCall::Starting).await
    }

    /// Creates the instance that prepares a run and cleans up after it. It is no user, and nothing
    /// that it does is measured.
    ///
    /// # Errors
    /// As [`User::create`].
    pub async fn create_to_prepare(
        program: &Arc<Program>,
        scenario: u32,
        worker: &Rc<Worker>,
    ) -> Result<Self, Trapped> {
        let role = ScenarioRole::only(scenario);
        Self::create_as(program, role, worker, u32::MAX, GuestCall::Preparing).await
    }

    async fn create_as(
        program: &Arc<Program>,
        role: ScenarioRole,
        worker: &Rc<Worker>,
        key: u32,
        call: GuestCall,
    ) -> Result<Self, Trapped> {
        let user = UserState::new(worker, role.place, key, call);
        let wasi = program.uses_wasi.then(|| Box::new(Wasi::new(&user)));
        let state = GuestState::new(worker.run.limits, program.ticker.turns(), Some(user), wasi);
        let mut store = Store::new(&program.engine, state);
        limited(&mut store, worker.run.limits);
        let cpu = Arc::clone(&store.data().cpu);
        let made = async {
            let instance = program.scenario.instance_pre().instantiate_async(&mut store).await?;
            if let Some(script) = &program.script {
                script.load_again(&mut store, &instance).await?;
            }
            let guest = program.exports.load(&mut store, &instance)?;
            let run = instance.get_typed_func(&mut store, program.run)?;
            Ok::<_, wasmtime::Error>((instance, guest, run))
        };
        let (instance, guest, run) = match cpu.watch(made).await {
            Ok(made) => made,
            Err(error) => return Err(explain(&mut store, &error)),
        };
        let scenario = role.scenario;
        Ok(Self { store, cpu, instance, guest, run, scenario, on_one_thread: PhantomData })
    }

    fn enter(&mut self, call: GuestCall, iteration: u64, carried: Option<Start>) {
        let state = self.store.data_mut();
        state.cpu.called(call == GuestCall::Iterating);
        if let Some(user) = &mut state.user {
            user.enter(call, iteration, carried);
            if let Some(wasi) = &state.wasi {
                wasi.seed(user.next_random());
            }
        }
        self.store.set_epoch_deadline(1);
    }

    /// The trap as people read it, after the user's open transactions have failed because of it.
    fn explain(&mut self, error: &wasmtime::Error) -> Trapped {
        let trapped = explain(&mut self.store, error);
        if let Some(user) = &mut self.store.data_mut().user {
            user.trapped(&trapped.0);
        }
        trapped
    }

    /// Runs `start` with the bytes from `setup`.
    ///
    /// # Errors
    /// What the guest said, or its trap.
    pub async fn start(&mut self, data: &[u8]) -> Result<(), HookError> {
        self.enter(GuestCall::Starting, 0, None);
        let result = self
            .cpu
            .watch(self.guest.swell_scenario_lifecycle().call_start(
                &mut self.store,
                self.scenario,
                data,
            ))
            .await;
        self.hook_result(result)
    }

    /// Runs one iteration. With `--rate`, `carried` is the start that it took.
    ///
    /// # Errors
    /// The guest trapped; its open transactions have failed because of it.
    pub async fn iterate(
        &mut self,
        iteration: u64,
        carried: Option<Start>,
    ) -> Result<IterationOutcome, Trapped> {
        self.enter(GuestCall::Iterating, iteration, carried);
        let returned = self.cpu.watch(self.run.call_async(&mut self.store, (self.scenario,))).await;
        let returned = match returned {
            Ok((returned,)) => returned.map_err(|said| said.text),
            Err(error) => {
                let trapped = self.explain(&error);
                return Err(trapped);
            }
        };
        let left =
            match self.store.data_mut().user.as_mut().map(|user| user.leave(returned.is_ok())) {
                None => IterationScope::Whole,
                Some(Ok(left)) => left,
                Some(Err(error)) => return Err(self.explain(&error)),
            };
        Ok(match (left, returned) {
            (IterationScope::Empty, _) => IterationOutcome::NotBegun,
            (IterationScope::CutShort, _) => IterationOutcome::CutShort,
            (IterationScope::Whole, Ok(())) => IterationOutcome::Ok,
            (IterationScope::Whole, Err(reason)) => IterationOutcome::Failed(reason),
        })
    }

    /// Whether the last iteration began a transaction.
    pub fn has_begun(&self) -> bool {
        self.store.data().user.as_ref().is_some_and(|user| user.has_begun())
    }

    /// Why the user is to end after what it has done last, if it said so.
    pub fn stopped(&self) -> Option<&str> {
        self.store.data().user.as_ref().and_then(|user| user.stopped())
    }

    /// Runs `stop`; a trap in it has no effect on anything.
    ///
    /// # Errors
    /// The trap, for the log.
    pub async fn stop(&mut self) -> Result<(), Trapped> {
        self.enter(GuestCall::Stopping, 0, None);
        let result = self
            .cpu
            .watch(self.guest.swell_scenario_lifecycle().call_stop(&mut self.store, self.scenario))
            .await;
        self.end_streams(true);
        result.map_err(|error| self.explain(&error))
    }

    /// A function other than `run` returned, well or not.
    fn end_streams(&mut self, well: bool) {
        if let Some(user) = &mut self.store.data_mut().user {
            user.end_streams_of_call(well);
        }
    }

    /// Runs `setup` and gives its bytes.
    ///
    /// # Errors
    /// What the guest said, or its trap.
    pub async fn set_up(&mut self) -> Result<Vec<u8>, HookError> {
        self.enter(GuestCall::Preparing, 0, None);
        let result = self
            .cpu
            .watch(self.guest.swell_scenario_lifecycle().call_setup(&mut self.store, self.scenario))
            .await;
        self.hook_result(result)
    }

    /// Runs `teardown` with the bytes from `setup`.
    ///
    /// # Errors
    /// What the guest said, or its trap.
    pub async fn tear_down(&mut self, data: &[u8]) -> Result<(), HookError> {
        self.enter(GuestCall::Preparing, 0, None);
        let result = self
            .cpu
            .watch(self.guest.swell_scenario_lifecycle().call_teardown(
                &mut self.store,
                self.scenario,
                data,
            ))
            .await;
        self.hook_result(result)
    }

    /// Runs `conduct` of the file.
    ///
    /// # Errors
    /// What the guest said, or its trap.
    pub async fn conduct(&mut self) -> Result<(), HookError> {
        self.enter(GuestCall::Preparing, 0, None);
        let result = self
            .cpu
            .watch(self.guest.swell_scenario_lifecycle().call_conduct(&mut self.store))
            .await;
        self.hook_result(result)
    }

    /// Writes the summary of results, which are JSON; nothing comes of a `program` that has none of
    /// its own. What it gives has together no more bytes than the guest may have memory.
    ///
    /// # Errors
    /// What the guest said, or its trap.
    pub async fn summarize(
        &mut self,
        program: &Program,
        results: &str,
    ) -> Result<Vec<SummaryPart>, HookError> {
        let Some(export) = program.summary else { return Ok(Vec::new()) };
        self.enter(GuestCall::Preparing, 0, None);
        let called = export.summarize(&mut self.store, &self.instance, results);
        let result = self.cpu.watch(called).await;
        self.hook_result(result)
    }

    fn hook_result<T>(
        &mut self,
        result: wasmtime::Result<Result<T, String>>,
    ) -> Result<T, HookError> {
        self.end_streams(matches!(result, Ok(Ok(_))));
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(said)) => Err(HookError::Said(said)),
            Err(error) => Err(HookError::Trapped(self.explain(&error))),
        }
    }
}
