//! What a file contains, as it says itself.

use wasmtime::component::Component;
use wasmtime::{Engine, Store};

use crate::bindings::exports::swell::scenario::lifecycle::{FileInfo, ScenarioInfo};
use crate::error::LoadError;
use crate::limits::GuestLimits;
use crate::link::link;
use crate::runtime::Ticker;
use crate::state::GuestState;
use crate::store::{explain, limited};
use crate::wasi::Wasi;

/// Asks the component what it contains, in an instance of its own.
pub(crate) fn describe(
    engine: &Engine,
    component: &Component,
    limits: GuestLimits,
    uses_wasi: bool,
) -> Result<FileInfo, LoadError> {
    let scenario = link(engine, component, uses_wasi)?;
    let _ticker = Ticker::start(engine)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| {
        LoadError::Engine { reason: format!("cannot start a runtime: {error}") }
    })?;
    let file = runtime.block_on(async {
        let wasi = uses_wasi.then(|| Box::new(Wasi::silent()));
        let mut store = Store::new(engine, GuestState::new(limits, None, wasi));
        limited(&mut store, limits);
        let answer = async {
            let guest = scenario.instantiate_async(&mut store).await?;
            guest.swell_scenario_lifecycle().call_describe(&mut store).await
        };
        match answer.await {
            Ok(file) => Ok(file),
            Err(error) => Err(LoadError::Describe { reason: explain(&mut store, &error).0 }),
        }
    })?;
    check_description(&file.scenarios)?;
    Ok(file)
}

fn check_description(scenarios: &[ScenarioInfo]) -> Result<(), LoadError> {
    let wrong = |reason: String| LoadError::Describe { reason };
    if scenarios.is_empty() {
        return Err(wrong(
            "it contains no scenario\nhelp: mark a function with #[scenario]".to_owned(),
        ));
    }
    for (index, scenario) in scenarios.iter().enumerate() {
        if scenario.name.is_empty()
            || scenario.name.len() > 128
            || scenario.name.chars().any(char::is_control)
        {
            return Err(wrong(format!(
                "{:?} is no name for a scenario; it has 1 to 128 bytes and no control characters",
                scenario.name
            )));
        }
        if scenarios[..index].iter().any(|other| other.name == scenario.name) {
            return Err(wrong(format!("two scenarios have the name {:?}", scenario.name)));
        }
    }
    Ok(())
}
