//! What each node of a run counted, added up: the content of its row in the live view and in the
//! report.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::look::NodeLook;
use super::machine::MachineRecord;
use super::node::{ActedScenario, NodeCounts, NodeFate, NodePlace};
use crate::RunInstant;
use crate::record::Figures;
use crate::verdict::{self, Circumstances, Stamp};

/// See the module's documentation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeTotals {
    /// The figures that its verdict needs: no rows by name, and of requests only the errors.
    judged: Figures,
    /// The facts of its machine.
    pub machine: MachineRecord,
    /// Transactions that the node started.
    pub started: u64,
    /// Users that exist.
    pub users: u64,
    /// The most users that ever existed at a time.
    pub users_at_once: u64,
    /// Request heads handed to the network.
    pub requests_written: u64,
    /// When the latest iteration that ended did so.
    pub last_end: Option<RunInstant>,
    /// Slots that the node started.
    pub slots: u64,
    /// What the users of each scenario did, where the run has several.
    pub acted: Vec<ActedScenario>,
    completed: u64,
    /// The last look: when it was, how many transactions were completed and how much processor time
    /// was used by then.
    looked: Option<(RunInstant, u64, f64)>,
}

impl NodeTotals {
    /// What the users of each scenario did on all these nodes; nothing where the run has one alone.
    pub fn acted<'a>(nodes: impl IntoIterator<Item = &'a Self>) -> Vec<ActedScenario> {
        let mut all: Vec<ActedScenario> = Vec::new();
        for node in nodes {
            all.resize(all.len().max(node.acted.len()), ActedScenario::default());
            for (all, acted) in all.iter_mut().zip(&node.acted) {
                let ActedScenario { users_at_once, iterations } = *acted;
                all.users_at_once = all.users_at_once.saturating_add(users_at_once);
                all.iterations = all.iterations.saturating_add(iterations);
            }
        }
        all
    }

    /// Takes in what the node counted since it last sent its counts.
    pub fn add(&mut self, counts: &NodeCounts) {
        let NodeCounts {
            counted,
            users,
            users_at_once,
            requests_written,
            last_end,
            slots,
            machine,
            acted,
        } = counts;
        for part in [&counted.warm_up, &counted.measured] {
            self.started = self.started.saturating_add(part.total.counts.started);
            self.completed = self.completed.saturating_add(part.total.counts.ended());
        }
        let measured = &counted.measured;
        self.judged.total.merge(&measured.total);
        self.judged.loop_delay.merge(&measured.loop_delay);
        self.judged.overslept.merge(&measured.overslept);
        self.judged.unsent.merge(&measured.unsent);
        self.judged.requests.errors.merge(&measured.requests.errors);
        (self.users, self.users_at_once) = (*users, *users_at_once);
        self.requests_written = self.requests_written.max(*requests_written);
        (self.last_end, self.slots) = (self.last_end.max(*last_end), self.slots.max(*slots));
        self.machine = *machine;
        self.acted.clone_from(acted);
    }

    /// The stamp of the node's figures so far, if they were all of the run.
    pub fn stamp(&self) -> Stamp {
        let known = Circumstances { cpu: self.machine.cpu.windows, ..Circumstances::default() };
        verdict::judge(&self.judged, known).stamp
    }

    /// The 99th percentile of the node's generator lag; `None` where there were too few starts.
    pub fn generator_lag(&self) -> Option<Duration> {
        self.judged.total.host_lag.percentile(99.0)
    }

    /// The node's row in the live view. Rates are those since the last look.
    pub fn look(&mut self, now: RunInstant, place: &NodePlace) -> NodeLook {
        let cpu = self.machine.cpu.seconds;
        let (per_second, cores) = self.looked.replace((now, self.completed, cpu)).map_or(
            (0.0, 0.0),
            |(since, completed, cpu_before)| {
                let seconds = now.since(since).as_secs_f64().max(1e-3);
                (
                    (self.completed - completed) as f64 / seconds,
                    (cpu - cpu_before).max(0.0) / seconds,
                )
            },
        );
        NodeLook {
            place: place.clone(),
            users: if place.is_present { self.users } else { 0 },
            per_second,
            cores,
            generator_lag: self.generator_lag(),
            stamp: self.stamp(),
        }
    }
}

/// What a node did for a run.
#[derive(Debug, PartialEq)]
pub struct NodeResult {
    /// What became of the node.
    pub fate: NodeFate,
    /// What the node counted, as far as that arrived.
    pub totals: NodeTotals,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Outcomes, Snapshot};
    use crate::run::{CpuRecord, NodeId};

    fn counts(ok: u64, cpu_seconds: f64) -> NodeCounts {
        let mut counted = Snapshot::default();
        counted.warm_up.total.counts = Outcomes { started: 1, ok: 1, ..Outcomes::default() };
        counted.measured.total.counts = Outcomes { started: ok + 1, ok, ..Outcomes::default() };
        let cpu = CpuRecord { seconds: cpu_seconds, ..CpuRecord::default() };
        let machine = MachineRecord { cores: 2, cpu, ..MachineRecord::default() };
        NodeCounts { counted, users: 7, slots: ok, machine, ..NodeCounts::default() }
    }

    fn at(seconds: u64) -> RunInstant {
        RunInstant::START + Duration::from_secs(seconds)
    }

    #[test]
    fn what_users_of_each_scenario_did_on_all_nodes_is_added_up() {
        let acted = |users_at_once, iterations| ActedScenario { users_at_once, iterations };
        let node = |latest: [ActedScenario; 2]| {
            let mut totals = NodeTotals::default();
            for acted in [vec![acted(1, 1); 2], latest.to_vec()] {
                totals.add(&NodeCounts { acted, ..counts(1, 0.0) });
            }
            totals
        };
        let nodes = [
            node([acted(3, 30), acted(1, 5)]),
            NodeTotals::default(),
            node([acted(2, u64::MAX), acted(1, 7)]),
        ];
        assert_eq!(NodeTotals::acted(&nodes), [acted(5, u64::MAX), acted(2, 12)]);
        assert_eq!(NodeTotals::acted(&nodes[1..2]), []);
    }

    #[test]
    fn a_row_shows_rates_since_the_look_before() {
        let mut place = NodePlace {
            id: NodeId(1),
            name: "a".to_owned(),
            share: 1.0,
            is_present: true,
            has_left: false,
        };
        let mut totals = NodeTotals::default();
        totals.add(&counts(99, 0.5));
        let first = totals.look(at(1), &place);
        assert_eq!((first.per_second, first.cores, first.users), (0.0, 0.0, 7));
        totals.add(&counts(199, 3.5));
        place.is_present = false;
        let second = totals.look(at(3), &place);
        assert_eq!((second.per_second, second.cores), (100.0, 1.5));
        assert_eq!(second.users, 0, "of users of a node that is not heard nothing is known");
        assert_eq!((totals.started, totals.slots, totals.machine.cores), (302, 199, 2));
    }
}
