//! What a file contains, as it says itself: the component of a scenario in `describe`, a script by
//! way of its interpreter's `load`.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::{Component, Instance};
use wasmtime::{Engine, Store};

use crate::bindings::exports::swell::scenario::lifecycle::{FileInfo, ScenarioInfo};
use crate::bindings::{ScenarioIndices, ScenarioPre};
use crate::error::LoadError;
use crate::limits::GuestLimits;
use crate::link::link;
use crate::own_summary::SummaryExport;
use crate::script::{ScriptFile, ScriptSource};
use crate::script_call::{LoadAnswer, LoadedScript};
use crate::state::GuestState;
use crate::store::{explain, limited};
use crate::ticker::Ticker;
use crate::wasi::Wasi;

/// Files that a test may have, its script included.
const MAX_FILES: usize = 1_000;

/// What a file says of itself.
pub(crate) struct SaidOfFile {
    pub(crate) file: FileInfo,
    /// Whether it ends runs in its own words.
    pub(crate) has_summary: bool,
}

/// A component that is asked, each time in a fresh instance.
pub(crate) struct Enquiry<'a> {
    engine: &'a Engine,
    component: &'a Component,
    scenario: ScenarioPre<GuestState>,
    limits: GuestLimits,
    uses_wasi: bool,
    runtime: tokio::runtime::Runtime,
    ticker: Ticker,
}

impl<'a> Enquiry<'a> {
    pub(crate) fn new(
        engine: &'a Engine,
        component: &'a Component,
        limits: GuestLimits,
        uses_wasi: bool,
    ) -> Result<Self, LoadError> {
        let scenario = link(engine, component, uses_wasi)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| {
            LoadError::Engine { reason: format!("cannot start a runtime: {error}") }
        })?;
        let ticker = Ticker::start(engine)?;
        Ok(Self { engine, component, scenario, limits, uses_wasi, runtime, ticker })
    }

    /// Asks a component that is a scenario.
    pub(crate) fn describe(&self) -> Result<SaidOfFile, LoadError> {
        let wrong = |reason| LoadError::Describe { reason };
        let described = self.ask(None, async |scenario, store| {
            let instance = scenario.instance_pre().instantiate_async(&mut *store).await?;
            let guest =
                ScenarioIndices::new(scenario.instance_pre())?.load(&mut *store, &instance)?;
            let file = guest.swell_scenario_lifecycle().call_describe(&mut *store).await?;
            let has_summary = self.has_summary(store, &instance).await?;
            Ok(SaidOfFile { file, has_summary })
        });
        let said = described.map_err(wrong)?;
        let file = &said.file;
        if file.scenarios.is_empty() {
            let cure = "help: mark a function with #[scenario]";
            return Err(wrong(format!("it contains no scenario\n{cure}")));
        }
        check_description(&file.scenarios).map_err(wrong)?;
        Ok(said)
    }

    async fn has_summary(
        &self,
        store: &mut Store<GuestState>,
        instance: &Instance,
    ) -> wasmtime::Result<bool> {
        match SummaryExport::of(self.component) {
            Some(export) => export.does_anything(store, instance).await,
            None => Ok(false),
        }
    }

    /// Asks an interpreter about a script, and gives it the files that it needs until it needs no
    /// more. Returns them all.
    pub(crate) fn load(
        &self,
        source: &ScriptSource,
        variables: &BTreeMap<String, String>,
    ) -> Result<(SaidOfFile, Arc<[ScriptFile]>), LoadError> {
        let wrong = |reason| LoadError::Loading { reason };
        let mut files = source.first()?;
        loop {
            self.check_files(&files)?;
            let script = LoadedScript::new(self.component, files.clone().into());
            let script = script.ok_or(LoadError::NotAnInterpreter)?;
            let loaded = self.ask(Some(variables), async |scenario, store| {
                let instance = scenario.instance_pre().instantiate_async(&mut *store).await?;
                let answer = script.load(store, &instance).await?;
                let is_ready = matches!(answer, Ok(LoadAnswer::Ready(_)));
                Ok((answer, is_ready && self.has_summary(store, &instance).await?))
            });
            let (answer, has_summary) = loaded.map_err(wrong)?;
            match answer {
                Ok(LoadAnswer::Ready(file)) => {
                    check_description(&file.scenarios).map_err(wrong)?;
                    return Ok((SaidOfFile { file, has_summary }, script.files));
                }
                Ok(LoadAnswer::Needs(paths)) => {
                    let given = files.len();
                    for path in &paths {
                        let has = |files: &[ScriptFile]| files.iter().any(|one| one.path == *path);
                        if has(&files[..given]) {
                            return Err(wrong(format!("it asks again for {path:?}")));
                        }
                        // Two places of a script may need one file.
                        if !has(&files[given..]) {
                            files.push(source.find(path)?);
                            self.check_files(&files)?;
                        }
                    }
                    if paths.is_empty() {
                        return Err(wrong("it asks for no file, and is not ready".to_owned()));
                    }
                }
                Err(fault) => return Err(LoadError::Script { words: fault.words(&files) }),
            }
        }
    }

    /// Whether an instance can be given these files.
    fn check_files(&self, files: &[ScriptFile]) -> Result<(), LoadError> {
        let bytes: usize = files.iter().map(|file| file.content.len()).sum();
        if bytes > self.limits.memory {
            return Err(LoadError::Loading {
                reason: format!(
                    "its files have {bytes} bytes together, and a user has {} (--guest-memory)",
                    self.limits.memory
                ),
            });
        }
        if files.len() > MAX_FILES {
            return Err(LoadError::Loading {
                reason: format!("it needs more than {MAX_FILES} files"),
            });
        }
        Ok(())
    }

    /// Calls a fresh instance, which may ask for these variables and nothing else.
    fn ask<T, F>(&self, variables: Option<&BTreeMap<String, String>>, call: F) -> Result<T, String>
    where
        F: AsyncFnOnce(&ScenarioPre<GuestState>, &mut Store<GuestState>) -> wasmtime::Result<T>,
    {
        self.runtime.block_on(async {
            let wasi = self.uses_wasi.then(|| Box::new(Wasi::silent()));
            let mut state = GuestState::new(self.limits, self.ticker.turns(), None, wasi);
            state.variables = variables.cloned().map(Arc::new);
            let mut store = Store::new(self.engine, state);
            limited(&mut store, self.limits);
            let cpu = Arc::clone(&store.data().cpu);
            match cpu.watch(call(&self.scenario, &mut store)).await {
                Ok(answer) => Ok(answer),
                Err(error) => Err(explain(&mut store, &error).0),
            }
        })
    }
}

/// Whether these are scenarios that can be told apart and shown.
fn check_description(scenarios: &[ScenarioInfo]) -> Result<(), String> {
    if scenarios.is_empty() {
        return Err("it contains no scenario".to_owned());
    }
    for (index, scenario) in scenarios.iter().enumerate() {
        if scenario.name.is_empty()
            || scenario.name.len() > 128
            || scenario.name.chars().any(char::is_control)
        {
            return Err(format!(
                "{:?} is no name for a scenario; it has 1 to 128 bytes and no control characters",
                scenario.name
            ));
        }
        if scenarios[..index].iter().any(|other| other.name == scenario.name) {
            return Err(format!("two scenarios have the name {:?}", scenario.name));
        }
    }
    Ok(())
}
