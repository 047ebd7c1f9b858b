//! A window of the whole run, as control sees it.

use std::time::Duration;

use crate::RunInstant;

/// What a regulator is told about a window beside its tallies.
#[derive(Clone, Copy, Debug)]
pub struct ControlWindow {
    /// When the window ended.
    pub until: RunInstant,
    /// How long the window lasted.
    pub length: Duration,
    /// Outermost transactions that began in the window, whatever their name: the set-point is about
    /// them.
    pub begun: u64,
    /// Whether the load generator was itself a limit in the window.
    pub generator_limited: bool,
}
