//! Where a run is, as a live view shows it once a second.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::control_record::ObjectiveRecord;
use super::node::NodePlace;
use super::stops::Broken;
use crate::control::Limit;
use crate::record::Snapshot;
use crate::verdict::Stamp;

/// Where a run is.
#[derive(Debug)]
pub struct Look<'a> {
    /// The time since the run's first instant.
    pub elapsed: Duration,
    /// How long the warm-up takes; where a steady service ends it, how long at most.
    pub warm_up: Duration,
    /// When the plan ends the run, counted from its first instant; if the warm-up may end sooner,
    /// at the latest. `None` where the plan has no length.
    pub ends_at: Option<Duration>,
    /// Whether nothing new begins any more.
    pub is_ending: bool,
    /// When what is under way is cut, counted from the run's first instant; `None` before the run
    /// ends.
    pub cut_at: Option<Duration>,
    /// What was counted so far.
    pub total: &'a Snapshot,
    /// What was counted since the last look, and how long that stretch lasted.
    pub recent: (&'a Snapshot, Duration),
    /// Users that exist.
    pub users: u64,
    /// What the rate follows.
    pub control: ControlLook,
    /// Each node, where several share the run.
    pub nodes: Vec<NodeLook>,
    /// Conditions that did not hold so far, of those that are judged while the run goes on.
    pub broken: &'a [Broken],
}

/// What the rate follows at the moment, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlLook {
    /// Starts a second that the run aims at; `None` in the closed model.
    pub goal: Option<f64>,
    /// Whether nothing begins because somebody asked for it.
    pub is_paused: bool,
    /// What keeps the rate where it is, in words; empty where the plan alone does.
    pub reason: String,
    /// What keeps the throughput below what is asked for.
    pub limit: Option<Limit>,
    /// What each objective does; empty where there are no objectives.
    pub objectives: Vec<ObjectiveRecord>,
}

/// A node in the live view. Rates are those since the last look.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeLook {
    /// The node's part in the run.
    pub place: NodePlace,
    /// Users that exist on the node.
    pub users: u64,
    /// Transactions that the node completed a second.
    pub per_second: f64,
    /// Processors in use; zero during the warm-up.
    pub cores: f64,
    /// The 99th percentile of the generator lag of the node.
    pub generator_lag: Option<Duration>,
    /// The stamp that the node's figures so far would have alone.
    pub stamp: Stamp,
}
