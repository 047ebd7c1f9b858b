//! WASI 0.2, as wasmtime's own crate implements it, with a clock of ours.

use wasmtime::component::{HasData, Linker};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::{WasiCtxView, WasiView};

use crate::state::GuestState;
use crate::wasi::{Clock, Wasi};

/// Gives a linker all of WASI 0.2.
pub(crate) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<GuestState, Clocks>(linker, |state| wasi_of(state).clock())?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Names [`Clock`] to the linker, whatever it borrows from.
struct Clocks;

impl HasData for Clocks {
    type Data<'a> = Clock<'a>;
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        wasi_of(self).view()
    }
}

fn wasi_of(state: &mut GuestState) -> &mut Wasi {
    state.wasi.as_mut().expect("a component that imports WASI is given a context of it")
}
