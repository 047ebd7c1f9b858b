//! What was counted in a stretch of a run, and where the run was at its end.
//!
//! Two neighbouring frames join into one that counted what both did. That loses nothing but
//! resolution in time, so a long run fits into a small file, and the sum of all frames is the
//! report's whatever was joined.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use swell_core::RunInstant;
use swell_core::control::Limiter;
use swell_core::record::Snapshot;

use super::part::PartMoment;
use crate::status::{HostStatus, ObjectiveStatus, RunState, Status};

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Where it begins, which is where the frame before it ends.
    pub from: RunInstant,
    /// Where it ends.
    pub until: RunInstant,
    /// What was counted in it.
    pub counted: Snapshot,
    /// Where the run was at its end.
    pub moment: Moment,
}

/// What only the moment knows of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// What it is doing.
    pub phase: RunState,
    /// Virtual users that exist.
    pub users: u64,
    /// Transactions that have begun and not ended.
    pub under_way: u64,
    /// Starts a second that are to be; nothing in the closed model.
    pub goal_per_second: Option<f64>,
    /// What keeps the goal where it is, in words; nothing where the plan alone does.
    pub held_by: Option<String>,
    /// Who keeps the rate below the goal.
    pub limited_by: Option<Limiter>,
    /// The same in words.
    pub limit: Option<String>,
    /// What each objective does.
    pub objectives: Vec<ObjectiveStatus>,
    /// Processors in use, on average over the frame; nothing where nobody has looked.
    pub cores: Option<f64>,
    /// Memory that the process has resident, in MiB; the most of the frames that were joined.
    pub memory_mib: Option<f64>,
    /// Each node, where several share the run.
    pub hosts: Vec<HostStatus>,
    /// Where a node's own part is, in a record of that.
    pub part: Option<Box<PartMoment>>,
}

impl Frame {
    /// One that counted nothing and took no time.
    pub fn empty(moment: Moment) -> Self {
        let (from, until) = (RunInstant::START, RunInstant::START);
        Self { from, until, counted: Snapshot::default(), moment }
    }

    /// How long it is.
    pub const fn length(&self) -> Duration {
        self.until.since(self.from)
    }

    /// Transactions that were completed a second, well or not.
    pub fn completed_per_second(&self) -> f64 {
        let parts = [&self.counted.warm_up, &self.counted.measured];
        let of_both: u64 =
            parts.map(|part| part.total.counts.ok + part.total.counts.failed).iter().sum();
        of_both as f64 / self.length().max(Duration::from_millis(1)).as_secs_f64()
    }

    /// Whether a record that is read may hold the two as one.
    pub fn can_join(&self, later: &Self) -> bool {
        self.counted.can_travel_with(&later.counted)
    }

    /// Joins the frame that follows it. Counts add up; what is a state is that of the later one;
    /// what is a rate is averaged by time.
    pub fn join(&mut self, later: &Self) {
        let (mine, theirs) = (self.length().as_secs_f64(), later.length().as_secs_f64());
        let Self { from: _, until, counted, moment } = later;
        self.until = *until;
        self.counted.merge(counted);
        self.moment.join(mine, moment, theirs);
    }
}

impl Moment {
    /// The moment of a status.
    pub fn of(status: &Status) -> Self {
        let seen = |host: &&HostStatus| host.present;
        let cores = || status.hosts.iter().filter(seen).map(|host| host.cores).sum();
        Self {
            phase: status.phase,
            users: status.users,
            under_way: status.under_way,
            goal_per_second: status.goal_per_second,
            held_by: status.held_by.clone(),
            limited_by: status.limited_by,
            limit: status.limit.clone(),
            objectives: status.objectives.clone(),
            cores: (!status.hosts.is_empty()).then(cores),
            memory_mib: None,
            hosts: status.hosts.clone(),
            part: None,
        }
    }

    /// The same once the run is over: it has no users, no goal and no limit any more.
    pub fn over(self) -> Self {
        Self {
            phase: RunState::Over,
            users: 0,
            goal_per_second: None,
            limited_by: None,
            limit: None,
            ..self
        }
    }

    /// Joins that of a later stretch; they lasted so many seconds.
    pub(super) fn join(&mut self, mine: f64, later: &Self, theirs: f64) {
        let mean = |before: f64, after: f64| match mine + theirs {
            0.0 => after,
            both => (before * mine + after * theirs) / both,
        };
        let mean_of = |before: Option<f64>, after: Option<f64>| match (before, after) {
            (Some(before), Some(after)) => Some(mean(before, after)),
            (before, after) => after.or(before),
        };
        let mut joined = later.clone();
        joined.cores = mean_of(self.cores, later.cores);
        joined.memory_mib = self.memory_mib.into_iter().chain(later.memory_mib).reduce(f64::max);
        for host in &mut joined.hosts {
            if let Some(before) = self.hosts.iter().find(|before| before.name == host.name) {
                host.per_second = mean(before.per_second, host.per_second);
                host.cores = mean(before.cores, host.cores);
            }
        }
        *self = joined;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::{frame, host_status, quiet_frame};
    use super::*;

    proptest! {
        /// Joined in any grouping, frames count what they did apart.
        #[test]
        fn joining_loses_nothing_but_resolution(
            sizes in prop::collection::vec(0_u64..60, 2..9),
            groups in prop::collection::vec(1_usize..4, 9),
        ) {
            let frames: Vec<Frame> =
                (0..).zip(&sizes).map(|(from, &size)| frame(from, from + 1, size)).collect();
            let sum = |frames: &[Frame]| {
                let mut sum = Snapshot::default();
                frames.iter().for_each(|frame| sum.merge(&frame.counted));
                sum
            };
            let (mut joined, mut rest) = (Vec::new(), &frames[..]);
            for size in groups {
                let (group, left) = rest.split_at(size.min(rest.len()));
                rest = left;
                joined.extend(group.iter().cloned().reduce(|mut all, next| {
                    all.join(&next);
                    all
                }));
            }
            prop_assert_eq!(sum(&joined), sum(&frames));
            prop_assert!(joined.windows(2).all(|pair| pair[0].until == pair[1].from));
            let end = |frames: &[Frame]| frames.last().map(|last| last.until);
            prop_assert_eq!(end(&joined), end(&frames));
        }
    }

    #[test]
    fn states_are_those_of_the_later_frame_and_rates_are_averaged_by_time() {
        let (mut first, mut later) = (quiet_frame(0, 1), quiet_frame(1, 4));
        first.moment.hosts = vec![host_status("a")];
        later.moment.hosts = vec![host_status("a"), host_status("b")];
        (first.moment.users, later.moment.users) = (5, 9);
        (first.moment.cores, later.moment.cores) = (Some(1.0), Some(2.0));
        (first.moment.memory_mib, later.moment.memory_mib) = (Some(90.0), Some(80.0));
        (first.moment.hosts[0].cores, later.moment.hosts[0].cores) = (4.0, 0.0);
        first.join(&later);
        assert_eq!((first.length().as_secs(), first.moment.users), (4, 9));
        assert_eq!((first.moment.cores, first.moment.memory_mib), (Some(1.75), Some(90.0)));
        assert_eq!((first.moment.hosts[0].cores, first.moment.hosts[1].cores), (1.0, 0.25));
    }

    #[test]
    fn what_nobody_looked_at_stays_unknown() {
        let mut first = quiet_frame(0, 1);
        first.join(&quiet_frame(1, 2));
        assert_eq!((first.moment.cores, first.moment.memory_mib), (None, None));
        let mut later = quiet_frame(2, 3);
        later.moment.cores = Some(0.5);
        first.join(&later);
        assert_eq!(first.moment.cores, Some(0.5));
    }
}
