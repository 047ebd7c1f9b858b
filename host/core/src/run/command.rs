//! What may be asked of a run while it goes on.

use thiserror::Error;

/// What may be asked of a run while it goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
    /// End, as Ctrl-C asks. A second time: cut what is under way.
    Interrupt,
    /// End now as if the run had come to its end; what is under way may finish.
    Finish,
    /// End because somebody decided so over the control API.
    Stop,
    /// Follow another goal, in starts a second.
    SetGoal(f64),
    /// Begin nothing (`true`), or begin again.
    Pause(bool),
}

/// Why a command of the control API is not for this run. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The closed model was asked for a rate.
    #[error("a run of users without a rate has no goal to set; start it with --tps")]
    NoRate,
    /// A search was asked for another rate, or to pause.
    #[error("a search chooses its own rates; it can be stopped, and nothing else")]
    Search,
    /// The run's `setup` is under way.
    #[error("the run has not begun yet: its setup is under way")]
    Preparing,
    /// The run is draining, or over.
    #[error("the run is ending: nothing new begins in it any more")]
    Ending,
}

/// What a run follows from now on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Starts a second that the run aims at; `None` in the closed model.
    pub goal: Option<f64>,
    /// Whether nothing begins because somebody asked for it.
    pub is_paused: bool,
}
