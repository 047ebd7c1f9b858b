//! Where a run is, as a live view shows it once a second.

use std::time::Duration;

use super::control_record::ObjectiveRecord;
use super::node::NodePlace;
use crate::control::Limit;
use crate::record::Snapshot;
use crate::verdict::Stamp;

/// Where a run is.
#[derive(Debug)]
pub struct Look<'a> {
    /// Since the run's first instant.
    pub elapsed: Duration,
    /// How long the warm-up takes, or may take.
    pub warm_up: Duration,
    /// When the plan has the run end, since its first instant: at the latest, where its warm-up may
    /// end sooner. Nothing where its length is not planned.
    pub ends_at: Option<Duration>,
    /// Whether nothing new begins any more.
    pub is_ending: bool,
    /// When what is under way is cut, since the run's first instant; nothing before it ends.
    pub cut_at: Option<Duration>,
    /// What was counted so far.
    pub total: &'a Snapshot,
    /// What was counted since the last look, which lasted this long.
    pub recent: (&'a Snapshot, Duration),
    /// Users that exist.
    pub users: u64,
    /// What the rate follows.
    pub control: ControlLook,
    /// Each node, where several share the run.
    pub nodes: Vec<NodeLook>,
}

/// What the rate follows at the moment, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlLook {
    /// Starts a second that are to be; nothing in the closed model.
    pub goal: Option<f64>,
    /// Whether nothing begins because somebody asked for it.
    pub is_paused: bool,
    /// What keeps the rate where it is, in words; nothing where the plan alone does.
    pub reason: String,
    /// Who keeps less from being completed than is asked for.
    pub limit: Option<Limit>,
    /// What each objective does; nothing where there is none.
    pub objectives: Vec<ObjectiveRecord>,
}

/// A node in the live view. Rates are of the time since the last look.
#[derive(Clone, Debug)]
pub struct NodeLook {
    /// What it has of the run.
    pub place: NodePlace,
    /// Users that exist on it.
    pub users: u64,
    /// Transactions that it completed a second.
    pub per_second: f64,
    /// Processors in use; zero in the warm-up.
    pub cores: f64,
    /// The 99th percentile of the lag of starts that is its own fault.
    pub generator_lag: Option<Duration>,
    /// What its figures so far would be worth alone.
    pub stamp: Stamp,
}
