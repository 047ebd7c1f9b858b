//! A node that joins a cluster, and takes part in its runs.

pub(crate) mod command;
mod run;
mod thread;
