//! What one instance of a scenario may use.

use std::time::Duration;

/// Limits of one virtual user's instance. Meeting one is the scenario's error, never the host's.
#[derive(Clone, Copy, Debug)]
pub struct GuestLimits {
    /// Bytes of linear memory. Growing further fails inside the guest, which for most languages ends in a trap. Default 64 MiB: a Rust scenario takes 1.1.
    pub memory: usize,
    /// Time that the guest may compute without calling the host for anything that waits. Default 100 ms: far more than building a request takes, and short
    /// enough that one spinning user does not show in the others' figures.
    pub cpu: Duration,
}

impl Default for GuestLimits {
    fn default() -> Self {
        Self { memory: 64 << 20, cpu: Duration::from_millis(100) }
    }
}

/// Elements of one table; a Rust scenario has a few hundred, a JavaScript engine a few thousand.
pub(crate) const TABLE_ELEMENTS: usize = 20_000;

/// Stack of the guest's own frames, in bytes.
pub(crate) const WASM_STACK: usize = 512 << 10;

/// Stack of a fiber: the guest's frames and the host's below them, which poll the user's connection there.
pub(crate) const FIBER_STACK: usize = 1 << 20;

/// Denies memory and tables beyond the limits, and remembers that it did, so that the trap that follows can be explained.
#[derive(Debug)]
pub(crate) struct Allowance {
    limits: GuestLimits,
    pub(crate) denied: Option<String>,
}

impl Allowance {
    pub(crate) fn new(limits: GuestLimits) -> Self {
        Self { limits, denied: None }
    }
}

impl wasmtime::ResourceLimiter for Allowance {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let granted = desired <= self.limits.memory;
        if !granted {
            self.denied = Some(format!("it asked for {desired} bytes of memory, the limit is {} (--guest-memory)", self.limits.memory));
        }
        Ok(granted)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let granted = desired <= TABLE_ELEMENTS;
        if !granted {
            self.denied = Some(format!("it asked for a table of {desired} elements, the limit is {TABLE_ELEMENTS}"));
        }
        Ok(granted)
    }
}
