//! A node that joins a cluster, and takes part in its runs.

pub(crate) mod command;
mod lead_runs;
mod run;
mod thread;
