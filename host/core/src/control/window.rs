//! A window of the whole run, as control sees it.

use std::time::Duration;

use crate::RunInstant;

/// What a regulator is told of a window beside its tallies.
#[derive(Clone, Copy, Debug)]
pub struct ControlWindow {
    /// When it ended.
    pub until: RunInstant,
    /// How long it lasted.
    pub length: Duration,
    /// Outermost transactions that began in it, of whichever name: what the set-point is about.
    pub begun: u64,
    /// Whether the load generator was itself a limit in it.
    pub generator_limited: bool,
}
