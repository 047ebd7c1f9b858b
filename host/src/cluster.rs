//! Hosts that share a run: one leads and takes part, the others wait for what it has to do and take
//! part as well.
//!
//! Everything that keeps hosts together (connections, leases, results on their way) is on a thread
//! of its own, so that load does not starve it; runs are told and heard through channels. The rules
//! are `swell-protocol`'s, connections and trust are `swell-cluster`'s.
//!
//! | to find | look in |
//! |---|---|
//! | what goes between hosts, and how | `message`, `link` |
//! | a scenario's files, as they travel | `bundle` |
//! | what is wanted of a cluster, and its answer | `requests` |
//! | this host's own part in a run, between the rules and the workers | `member_bridge` |
//! | a host that coordinates: what the control thread asks of it, its thread, its members, each run | `coordinator/` |
//! | a host that joins: its thread, and its part in a run | `node/` |
//! | `host node`; with `--listen` | `node/command`, `coordinator/command` |
//! | commands about runs that a cluster does | `remote_run`, `coordinator_client` |
//! | `host token`, and the file of a cluster that was made beforehand | `token` |
//! | what both sides need: this host's name and address, a thread, a timer | `this_host`, `own_thread`, `alarm` |

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
mod requests;
mod this_host;
mod token;

pub(crate) use self::coordinator::answer::answer;
pub(crate) use self::coordinator::control::{Coordinator, CoordinatorConfig};
pub(crate) use self::node::command::{NodeArgs, node};
pub(crate) use self::remote_run::{
    AttachArgs, RemoteRun, RunsArgs, StopArgs, attach, run_remotely, runs, stop,
};
pub(crate) use self::this_host::{default_weight, parse_weight};
pub(crate) use self::token::{NewCluster, TokenArgs, token};
