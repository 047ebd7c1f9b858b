//! A host that coordinates a cluster.

pub(crate) mod answer;
pub(crate) mod command;
pub(crate) mod control;
mod run;
mod thread;
