//! A node that coordinates a cluster.

pub(crate) mod answer;
pub(crate) mod command;
pub(crate) mod control;
mod kept_record;
mod live_record;
mod member;
mod run;
mod thread;
