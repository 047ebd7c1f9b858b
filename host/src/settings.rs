//! What was said about a run, and who may say it: the flags, the layers that they come from, and
//! the line between how much load there is and what a run reaches.
//!
//! This is the bottom of the command line: every command may look in here, and nothing in here
//! knows a command.

pub(crate) mod connections;
mod defaults;
pub(crate) mod flags;
pub(crate) mod habits;
pub(crate) mod keys;
pub(crate) mod layer;
pub(crate) mod layers;
pub(crate) mod mistyped;
pub(crate) mod presets;
pub(crate) mod reach;
