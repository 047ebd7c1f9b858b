//! A run as a whole, from what its hosts counted in each second.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use swell_core::RunInstant;
use swell_core::plain::line;
use swell_core::plan::StopAfter;
use swell_core::record::{Batches, Figures, Snapshot};
use swell_core::run::{
    ControlLook, EndCause, Look, MachineRecord, NodeCounts, NodeFate, NodeId, NodeLook, NodePlace,
    NodeResult, NodeTotals, RunOutcome, UnknownStarts,
};
use swell_outputs::Outputs;
use swell_report::record::{Frame, JointFrames, SideBySide};
use swell_report::{RunState, Status};

use super::parts::{KeptPart, PartFrames};
use crate::run_record::RunRecord;

/// How much less than it was to last a run may have lasted and count as whole.
const TOLERANCE: Duration = Duration::from_secs(1);

/// See the module's documentation.
pub(super) struct Whole {
    total: Snapshot,
    batches: Batches,
    /// Where the measured part begins, as the host says that goes furthest.
    measured_from: RunInstant,
    /// Until when any of the hosts might begin something.
    covered_until: RunInstant,
    is_leaderless: bool,
    nodes: Vec<MergedNode>,
    /// Those that were to take part and of which nothing is here.
    absent: BTreeSet<NodeId>,
}

/// What is known of a host.
struct MergedNode {
    id: NodeId,
    name: String,
    totals: NodeTotals,
    phase: RunState,
    /// Whether it took part by now.
    has_begun: bool,
    is_complete: bool,
    /// Whether it left, once it is complete.
    leaves: Rc<Cell<bool>>,
}

impl Whole {
    /// Tells a record what these parts counted, second by second; gives all of it.
    pub(super) fn of(parts: Vec<KeptPart>, record: &mut RunRecord, outputs: &Outputs) -> Self {
        let mut absent: BTreeSet<NodeId> =
            parts.iter().flat_map(|part| part.about.hosts.iter().copied()).collect();
        let (mut nodes, frames): (Vec<MergedNode>, Vec<PartFrames>) =
            parts.into_iter().map(MergedNode::of).unzip();
        tell_apart(&mut nodes);
        absent.retain(|host| nodes.iter().all(|node| node.id != *host));
        let mut whole = Self {
            total: Snapshot::default(),
            batches: Batches::default(),
            measured_from: RunInstant::START,
            covered_until: RunInstant::START,
            is_leaderless: false,
            nodes,
            absent,
        };
        let mut side_by_side = SideBySide::new(frames);
        while let Some(stretch) = side_by_side.next() {
            let (from, until) = (stretch.from, stretch.until);
            let recent = whole.add(stretch);
            let next_from = |place| side_by_side.next_from(place);
            let look = whole.look(until, (&recent, until.since(from)), next_from);
            outputs.wait_for_room();
            record.count(&recent);
            record.look(&look, &Status::of(&look), Vec::new());
        }
        whole
    }

    /// Adds what was counted in a stretch; gives that.
    fn add(&mut self, stretch: JointFrames) -> Snapshot {
        let (mut recent, until) = (Snapshot::default(), stretch.until);
        for (place, Frame { counted, moment, .. }) in stretch.frames {
            let node = &mut self.nodes[place];
            recent.merge(&counted);
            let part = moment.part.unwrap_or_default();
            node.totals.add(&NodeCounts {
                counted,
                users: moment.users,
                users_at_once: part.users_at_once,
                requests_written: part.requests_written,
                last_end: part.last_end,
                slots: part.slots,
                machine: part.machine,
                // Journals do not tell it.
                acted: Vec::new(),
            });
            (node.phase, node.is_complete) = (moment.phase, part.is_last);
            node.has_begun = true;
            self.measured_from = part.measured_from;
            self.covered_until = self.covered_until.max(part.covered_until);
            self.is_leaderless |= part.is_leaderless;
        }
        self.total.merge(&recent);
        if until > self.measured_from && !self.is_ending() {
            self.batches.add(&recent.measured.total.response.both());
        }
        recent
    }

    /// Whether no host begins anything any more.
    fn is_ending(&self) -> bool {
        let ends = |phase| matches!(phase, RunState::Draining | RunState::Over);
        self.nodes.iter().all(|node| ends(node.phase))
    }

    /// Where the run was at this instant; `next_from` says where more of a host begins, if there
    /// is more.
    fn look<'a>(
        &'a mut self,
        now: RunInstant,
        recent: (&'a Snapshot, Duration),
        mut next_from: impl FnMut(usize) -> Option<RunInstant>,
    ) -> Look<'a> {
        let started: u64 = self.nodes.iter().map(|node| node.totals.started).sum();
        let nodes: Vec<NodeLook> = self
            .nodes
            .iter_mut()
            .enumerate()
            .map(|(place, node)| node.look(now, started, next_from(place)))
            .collect();
        Look {
            elapsed: now.since(RunInstant::START),
            warm_up: self.measured_from.since(RunInstant::START),
            ends_at: None,
            is_ending: self.is_ending(),
            cut_at: None,
            total: &self.total,
            recent,
            users: nodes.iter().map(|node| node.users).sum(),
            // What held the rate only the host knew that led.
            control: ControlLook {
                goal: None,
                is_paused: false,
                reason: String::new(),
                limit: None,
                objectives: Vec::new(),
            },
            nodes,
            // What a window broke only the host knew that led.
            broken: &[],
        }
    }

    /// Whether all that its hosts counted is here, and is less than the run was to last.
    fn ended_early(&self, stop: &StopAfter, covered: Duration) -> bool {
        let is_whole = self.absent.is_empty() && self.nodes.iter().all(|node| node.is_complete);
        let iterations = |part: &Figures| {
            part.iterations.ok + part.iterations.failed + part.iterations.interrupted
        };
        let made = iterations(&self.total.warm_up) + iterations(&self.total.measured);
        let has_an_end = stop.measured.is_some() || stop.iterations.is_some();
        let is_over = stop.measured.is_some_and(|measured| covered + TOLERANCE >= measured)
            || stop.iterations.is_some_and(|iterations| made >= iterations);
        is_whole && has_an_end && !is_over
    }

    /// What the run came to, which began at this Unix time and was to end by `stop`.
    pub(super) fn outcome(self, began_at: f64, stop: &StopAfter) -> RunOutcome {
        let measured = stop.measured;
        let covered = self.covered_until.since(self.measured_from);
        let lasted = covered.min(measured.unwrap_or(Duration::MAX));
        // One that was lost after the end has taken nothing with it.
        let is_cut = self.is_leaderless && measured.is_none_or(|measured| covered < measured);
        let cause = match () {
            () if is_cut => EndCause::Leaderless,
            () if self.ended_early(stop, covered) => EndCause::Early,
            () => EndCause::Finished,
        };
        let started: u64 = self.nodes.iter().map(|node| node.totals.started).sum();
        let mut machine = MachineRecord::default();
        let (mut requests_written, mut users_at_once) = (0_u64, 0_u64);
        for MergedNode { totals, .. } in &self.nodes {
            machine.merge(&totals.machine);
            requests_written = requests_written.saturating_add(totals.requests_written);
            users_at_once = users_at_once.saturating_add(totals.users_at_once);
        }
        let absent = self.absent.into_iter().map(|host| {
            let totals = NodeTotals::default();
            result(host, format!("{host} (no journal)"), (totals, started), (false, false))
        });
        let mut nodes: Vec<NodeResult> = self
            .nodes
            .into_iter()
            .map(|node| {
                let end = (node.is_complete, node.has_left());
                result(node.id, node.name, (node.totals, started), end)
            })
            .chain(absent)
            .collect();
        nodes.sort_by_key(|node| node.fate.id);
        RunOutcome {
            cause,
            snapshot: self.total,
            measured: lasted,
            warm_up: self.measured_from.since(RunInstant::START),
            is_steady: None,
            requests_written,
            users_at_once,
            acted: Vec::new(),
            began_at: Duration::try_from_secs_f64(began_at).unwrap_or_default(),
            machine,
            control: None,
            limits: Vec::new(),
            batches: self.batches,
            nodes,
            broken: Vec::new(),
        }
    }
}

/// Gives hosts that have one name, as several on one machine have, names of their own.
fn tell_apart(nodes: &mut [MergedNode]) {
    for place in 1..nodes.len() {
        let (before, node) = nodes.split_at_mut(place);
        if before.iter().any(|other| other.name == node[0].name) {
            node[0].name = format!("{}-{}", node[0].name, node[0].id);
        }
    }
}

impl MergedNode {
    fn of(part: KeptPart) -> (Self, PartFrames) {
        let node = Self {
            id: part.about.host,
            name: line(&part.header.host.name).to_string(),
            totals: NodeTotals::default(),
            phase: RunState::Preparing,
            has_begun: false,
            is_complete: false,
            leaves: part.frames.leaves(),
        };
        (node, part.frames)
    }

    /// Whether it left of its own accord, and has told all that it counted.
    fn has_left(&self) -> bool {
        self.is_complete && self.leaves.get()
    }

    /// Its row, where all hosts `started` so much, and where more of it begins if there is more.
    /// One that has told all that it counted, and did not leave, is there to the end.
    fn look(&mut self, now: RunInstant, started: u64, next_from: Option<RunInstant>) -> NodeLook {
        self.has_begun |= next_from.is_some_and(|from| from < now);
        let has_left = self.has_left();
        let is_told = next_from.is_some() || self.is_complete;
        self.totals.look(
            now,
            &NodePlace {
                id: self.id,
                name: self.name.clone(),
                share: self.totals.started as f64 / started.max(1) as f64,
                is_present: self.has_begun && is_told && !has_left,
                has_left,
            },
        )
    }
}

/// What a host came to, where all of them `started` so much.
fn result(
    id: NodeId,
    name: String,
    (totals, started): (NodeTotals, u64),
    (is_complete, has_left): (bool, bool),
) -> NodeResult {
    let unknown = UnknownStarts { least: 0, most: is_complete.then_some(0) };
    NodeResult {
        fate: NodeFate {
            id,
            name,
            share: totals.started as f64 / started.max(1) as f64,
            times_lost: 0,
            unknown,
            is_complete,
            has_left,
        },
        totals,
    }
}
