//! Where a run is at the moment: what the live line, the control API and the metrics show.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use swell_core::control::{Doing, Limiter};
use swell_core::record::{Censored, Figures, Snapshot};
use swell_core::run::{Look, NodeLook, ObjectiveRecord, Standing, limit_in_words};
use swell_core::verdict::Stamp;

use crate::report::{Times, names};

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// `setup` is under way.
    Preparing,
    /// It runs, and what begins now does not count yet.
    WarmUp,
    /// It runs and measures.
    Measuring,
    /// Nothing begins, because it was asked for.
    Paused,
    /// Nothing begins any more; what is under way may finish.
    Draining,
    /// It is over.
    Over,
}

impl RunState {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::WarmUp => "warming up",
            Self::Measuring => "measuring",
            Self::Paused => "paused",
            Self::Draining => "ending",
            Self::Over => "over",
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// What a shell sees: a later release may have codes that this one does not know.
    pub code: u8,
    /// All that led to it, in words.
    pub reason: String,
    /// Whether there is a report of it.
    pub took_place: bool,
}

/// A run at one moment. Rates and times are of the last second; counts are of the whole run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// What it is doing.
    pub phase: RunState,
    /// Since its first instant.
    pub elapsed_seconds: f64,
    /// When the plan has it end, since that instant: at the latest, where the warm-up may end
    /// sooner. Absent where its length is not planned.
    #[serde(default)]
    pub ends_at_seconds: Option<f64>,
    /// When what is under way is cut, since that instant; absent before nothing begins any more.
    #[serde(default)]
    pub cut_at_seconds: Option<f64>,
    /// Virtual users that exist.
    pub users: u64,
    /// Starts a second that are to be; absent in the closed model.
    pub goal_per_second: Option<f64>,
    /// Completed a second, well or not.
    pub per_second: f64,
    /// Failed of those that ended by themselves; absent without any.
    pub error_rate: Option<f64>,
    /// End minus intended start.
    pub response_ms: Times,
    /// End minus actual start.
    pub service_ms: Times,
    /// Response time of all that was measured so far; in the warm-up, of the warm-up.
    #[serde(default)]
    pub response_so_far_ms: Times,
    /// Transactions that began.
    pub started: u64,
    /// Those that ended well.
    pub ok: u64,
    /// Those that failed.
    pub failed: u64,
    /// Were cut off before they ended.
    pub interrupted: u64,
    /// The same of those that began; absent without any.
    pub interrupted_rate: Option<f64>,
    /// Have begun and not ended.
    pub under_way: u64,
    /// Starts that were due and given up.
    pub unsent: u64,
    /// What keeps the goal where it is, in words; absent where the plan alone does.
    pub held_by: Option<String>,
    /// Who keeps the rate below the goal.
    pub limited_by: Option<Limiter>,
    /// The same in words.
    pub limit: Option<String>,
    /// What each objective does.
    pub objectives: Vec<ObjectiveStatus>,
    /// Each host, where several share the run.
    #[serde(serialize_with = "with_old_names")]
    pub hosts: Vec<HostStatus>,
}

/// What one of several hosts does. Rates are of the last second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostStatus {
    /// What it calls itself.
    pub name: String,
    /// The part of the starts that is its own.
    pub share: f64,
    /// Whether it is heard and takes part.
    pub present: bool,
    /// Whether it left of its own accord.
    pub left: bool,
    /// Virtual users that exist on it.
    pub users: u64,
    /// Completed a second, well or not.
    pub per_second: f64,
    /// Processors in use.
    pub cores: f64,
    /// The 99th percentile of the lag of starts that is its own fault, so far.
    pub generator_lag_p99_ms: Option<f64>,
    /// What its figures so far would be worth alone.
    pub verdict: Stamp,
}

/// What an objective does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectiveStatus {
    /// As it is written on the command line.
    pub rule: String,
    /// The rate up to which it was found to hold, in transactions a second.
    pub limit_per_second: f64,
    /// What its controller does.
    #[schemars(schema_with = "names::doing_by_name")]
    pub state: Doing,
    /// Whether it is what keeps the goal down.
    pub binding: bool,
    /// Seconds or a share, whichever the rule is about.
    pub measured: Option<f64>,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            phase: RunState::Preparing,
            elapsed_seconds: 0.0,
            ends_at_seconds: None,
            cut_at_seconds: None,
            users: 0,
            goal_per_second: None,
            per_second: 0.0,
            error_rate: None,
            response_ms: Times::default(),
            service_ms: Times::default(),
            response_so_far_ms: Times::default(),
            started: 0,
            ok: 0,
            failed: 0,
            interrupted: 0,
            interrupted_rate: None,
            under_way: 0,
            unsent: 0,
            held_by: None,
            limited_by: None,
            limit: None,
            objectives: Vec::new(),
            hosts: Vec::new(),
        }
    }
}

impl Status {
    /// Where a run is.
    pub fn of(look: &Look<'_>) -> Self {
        let (recent, span) = look.recent;
        let (mut ok, mut failed) = (0, 0);
        for part in [&recent.warm_up, &recent.measured] {
            ok += part.total.counts.ok;
            failed += part.total.counts.failed;
        }
        let all =
            |count: fn(&Figures) -> u64| count(&look.total.warm_up) + count(&look.total.measured);
        let mut counts = look.total.warm_up.total.counts;
        counts.merge(&look.total.measured.total.counts);
        let limit = look.control.limit.as_ref();
        let is_warming_up = look.elapsed < look.warm_up;
        let so_far = if is_warming_up { &look.total.warm_up } else { &look.total.measured };
        Self {
            phase: match () {
                () if look.is_ending => RunState::Draining,
                () if look.control.is_paused => RunState::Paused,
                () if is_warming_up => RunState::WarmUp,
                () => RunState::Measuring,
            },
            elapsed_seconds: look.elapsed.as_secs_f64(),
            ends_at_seconds: look.ends_at.map(|at| at.as_secs_f64()),
            cut_at_seconds: look.cut_at.map(|at| at.as_secs_f64()),
            users: look.users,
            goal_per_second: look.control.goal,
            per_second: (ok + failed) as f64 / span.max(Duration::from_millis(1)).as_secs_f64(),
            error_rate: (ok + failed > 0).then(|| failed as f64 / (ok + failed) as f64),
            response_ms: Times::of_all(&both(recent, |part| part.total.response.all())),
            service_ms: Times::of_all(&both(recent, |part| part.total.service.all())),
            response_so_far_ms: Times::of_all(&so_far.total.response.all()),
            started: counts.started,
            ok: counts.ok,
            failed: counts.failed,
            interrupted: counts.interrupted,
            interrupted_rate: counts.interrupted_rate(),
            under_way: u64::try_from(counts.in_flight()).unwrap_or(0),
            unsent: all(|part| part.unsent.total()),
            held_by: Some(look.control.reason.clone()).filter(|reason| !reason.is_empty()),
            limited_by: limit.map(|limit| limit.by),
            limit: limit.map(limit_in_words),
            objectives: look.control.objectives.iter().map(ObjectiveStatus::of).collect(),
            hosts: look.nodes.iter().map(HostStatus::of).collect(),
        }
    }
}

impl Status {
    /// Follows what was asked of the run since it was looked at.
    pub fn stands(&mut self, standing: Standing) {
        self.goal_per_second = standing.goal;
        self.phase = match self.phase {
            RunState::WarmUp | RunState::Measuring if standing.is_paused => RunState::Paused,
            RunState::Paused if !standing.is_paused => RunState::Measuring,
            phase => phase,
        };
    }
}

impl HostStatus {
    fn of(look: &NodeLook) -> Self {
        Self {
            name: look.place.name.clone(),
            share: look.place.share,
            present: look.place.is_present,
            left: look.place.has_left,
            users: look.users,
            per_second: look.per_second,
            cores: look.cores,
            generator_lag_p99_ms: look.generator_lag.map(|lag| lag.as_secs_f64() * 1e3),
            verdict: look.stamp,
        }
    }
}

impl ObjectiveStatus {
    fn of(record: &ObjectiveRecord) -> Self {
        Self {
            rule: record.objective.to_string(),
            limit_per_second: record.limit,
            state: record.doing,
            binding: record.binding,
            measured: record.measured.map(|(reading, _)| reading),
        }
    }
}

/// Writes hosts for whoever knows the names that their figures had before `swell.run/2`, too.
fn with_old_names<S: Serializer>(hosts: &[HostStatus], to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct WithOldNames<'a> {
        #[serde(flatten)]
        host: &'a HostStatus,
        host_lag_p99_ms: Option<f64>,
    }

    to.collect_seq(
        hosts.iter().map(|host| WithOldNames { host, host_lag_p99_ms: host.generator_lag_p99_ms }),
    )
}

/// Of what began in the warm-up and after it, whatever ended lately.
fn both(recent: &Snapshot, times: impl Fn(&Figures) -> Censored) -> Censored {
    let mut both = times(&recent.warm_up);
    both.merge(&times(&recent.measured));
    both
}
