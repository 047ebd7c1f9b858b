//! Nodes that share runs: one of them coordinates and may take part, the others join it and take
//! part as well.
//!
//! Everything that keeps nodes together (connections, leases, results on their way) is on a thread
//! of its own, so that load does not starve it; runs speak with that thread through channels.
//! `swell-protocol` has the rules, `swell-cluster` connections and trust.
//!
//! - `coordinator/` is the host that coordinates: what the control thread asks of it (`control`),
//!   its thread, its members, each run, and `host node --listen` (`command`).
//! - `node/` is a host that joins: its thread, its part in a run, and `host node`.
//! - `member_bridge` has a host's own part in a run, between the rules and the workers; both have
//!   one.
//! - `message` and `link` say what goes between hosts, and how; `bundle` a scenario's files, as
//!   they travel; `requests` what is wanted of a cluster, and its answer.
//! - `remote_run` has the commands about runs that a cluster does, over a `coordinator_client`;
//!   `watch` shows such a run to its end, in the terminal view by `remote_view`.
//! - `token` is `host token`, and the file of a cluster that was made beforehand.
//! - `this_host`, `own_thread` and `alarm` are what both sides need.

mod alarm;
mod bundle;
mod coordinator;
mod coordinator_client;
mod link;
mod member_bridge;
mod message;
mod node;
mod own_thread;
mod remote_run;
mod remote_view;
mod requests;
mod this_host;
mod token;
mod watch;

pub(crate) use self::coordinator::answer::answer;
pub(crate) use self::coordinator::control::{Coordinator, CoordinatorConfig};
pub(crate) use self::node::command::{NodeArgs, node};
pub(crate) use self::remote_run::{
    AttachArgs, RemoteRun, RunsArgs, StopArgs, attach, run_remotely, runs, stop,
};
pub(crate) use self::this_host::{default_weight, parse_weight};
pub(crate) use self::token::{NewCluster, TokenArgs, token};
