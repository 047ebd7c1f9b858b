//! What does a run: this node alone, or this node with others. The code that begins runs does not
//! know which.

use std::pin::Pin;
use std::sync::Arc;

use swell_core::run::RunOutcome;
use swell_driver::{Asked, Threads, View, drive};

use crate::prepare::Prepared;

/// A run to do, after its `setup`.
pub(crate) struct Task<'a> {
    /// This node's own threads.
    pub(crate) threads: &'a Threads,
    pub(crate) prepared: &'a Prepared,
    /// The bytes that the `setup` of each scenario returned.
    pub(crate) start_data: Vec<Vec<u8>>,
    pub(crate) asked: Asked,
    /// The view, which is told once a second where the run is.
    pub(crate) view: &'a mut dyn View,
}

/// What a run came to, or why it did not take place; then nothing was sent.
pub(crate) type Execution<'a> = Pin<Box<dyn Future<Output = anyhow::Result<RunOutcome>> + 'a>>;

/// See the module's documentation.
pub(crate) trait Executor {
    /// Does a run from its beginning to its end.
    fn execute<'a>(&'a self, task: Task<'a>) -> Execution<'a>;
}

/// This node alone.
pub(crate) struct Alone;

impl Executor for Alone {
    fn execute<'a>(&'a self, task: Task<'a>) -> Execution<'a> {
        let Task { threads, prepared, start_data, asked, view } = task;
        let Prepared { plan, program, run, .. } = prepared;
        Box::pin(drive(threads, plan, program, Arc::clone(run), start_data, asked, view))
    }
}
