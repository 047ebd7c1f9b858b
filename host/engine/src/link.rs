//! Gives a component what it imports.

use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, Linker};

use crate::bindings::{Scenario, ScenarioPre};
use crate::error::LoadError;
use crate::interfaces::{bounded, bounded_grpc, bounded_websocket, wasi};
use crate::state::GuestState;

/// Whether any of these imports is of WASI.
pub(crate) fn uses_wasi(imports: &[String]) -> bool {
    imports.iter().any(|import| import.starts_with("wasi:"))
}

/// The component with all that it imports: the names and types of these fit, and so do those of
/// what it exports.
pub(crate) fn link(
    engine: &Engine,
    component: &Component,
    uses_wasi: bool,
) -> Result<ScenarioPre<GuestState>, LoadError> {
    let wrong = |error: wasmtime::Error| LoadError::WrongWorld { reason: format!("{error:#}") };
    let mut linker = Linker::<GuestState>::new(engine);
    Scenario::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state).map_err(wrong)?;
    bounded::add_to_linker(&mut linker).map_err(wrong)?;
    bounded_websocket::add_to_linker(&mut linker).map_err(wrong)?;
    bounded_grpc::add_to_linker(&mut linker).map_err(wrong)?;
    if uses_wasi {
        wasi::add_to_linker(&mut linker).map_err(wrong)?;
        bounded::add_wasi_to_linker(&mut linker).map_err(wrong)?;
    }
    let instance = linker.instantiate_pre(component).map_err(wrong)?;
    ScenarioPre::new(instance).map_err(wrong)
}
