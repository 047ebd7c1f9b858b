//! The store of one instance: it has its limits from the first instruction on, and explains its
//! traps.

use std::sync::Arc;

use swell_core::plain::line;
use wasmtime::component::ResourceTableError;
use wasmtime::{Store, StoreContextMut, UpdateDeadline, WasmBacktrace};

use crate::cpu::{CpuDecision, thread_time};
use crate::limits::{GuestLimits, HANDLES};
use crate::state::GuestState;

/// Why an instance could not go on. It cannot be used any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trapped(pub String);

/// Puts a store under its limits.
pub(crate) fn limited(store: &mut Store<GuestState>, limits: GuestLimits) {
    store.limiter(|state| &mut state.allowance);
    // The host holds a copy of what a call hands over. A list may name the same bytes again and
    // again, so the copy may have as much room as the guest itself, and no more.
    store.set_hostcall_fuel(limits.memory);
    meter(store);
}

/// Puts a store under its meter.
fn meter(store: &mut Store<GuestState>) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|context: StoreContextMut<'_, GuestState>| {
        let cpu = &context.data().cpu;
        match cpu.tick(thread_time) {
            CpuDecision::Continue => Ok(UpdateDeadline::Continue(1)),
            CpuDecision::Yield => {
                Ok(UpdateDeadline::YieldCustom(1, Box::pin(Arc::clone(cpu).give_way())))
            }
            CpuDecision::Cut => Err(wasmtime::Error::msg(cpu.reason())),
        }
    });
}

/// Frames of the guest that a trap shows; the innermost ones say where it happened.
const SHOWN_FRAMES: usize = 5;

/// A trap for people: what it was, the limit behind it if there was one, and where in the guest.
pub(crate) fn explain(store: &mut Store<GuestState>, error: &wasmtime::Error) -> Trapped {
    let mut text = error.root_cause().to_string();
    if let Some(denied) = store.data_mut().allowance.denied.take() {
        text = format!("{text}; before, {denied}");
    }
    if text.contains("fuel allocated for hostcalls") {
        text = format!(
            "one call handed the host more than {} bytes, the limit of --guest-memory",
            store.hostcall_fuel()
        );
    } else if error.root_cause().is::<ResourceTableError>() {
        text = format!("{text}: of WASI it may hold {HANDLES} at once");
    }
    let frames =
        error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::frames).unwrap_or_default();
    let name = |frame: &wasmtime::FrameInfo| {
        frame.func_name().map_or_else(|| format!("function {}", frame.func_index()), readable)
    };
    let shown = frames
        .iter()
        .map(name)
        .filter(|name| !is_machinery(name))
        .take(SHOWN_FRAMES)
        .collect::<Vec<_>>();
    if !shown.is_empty() {
        text = format!("{text} (in {})", shown.join(" < "));
    }
    Trapped(text)
}

/// A Rust function's name without the hash that the compiler adds.
fn readable(name: &str) -> String {
    let demangled = rustc_demangle::demangle(name);
    // Names come from the file, which may call a function what it likes.
    line(&format!("{demangled:#}")).to_string()
}

/// Frames that every panic has, and that say nothing about the scenario.
fn is_machinery(name: &str) -> bool {
    [
        "core::panicking",
        "std::panicking",
        "std::sys::",
        "rust_begin_unwind",
        "__rust",
        "__rustc",
        "std::process::abort",
        "core::ops::function",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
}
