//! The record that one of several hosts keeps of its own part in a run: `--journal DIR`.
//!
//! It is a record like any other, with the same writer and the same reader. Its frames hold what
//! the host counted itself, each what it sends at a time, twice a second; and beside that where its
//! part was, so that `host merge` makes the run's result of the records of all hosts.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use swell_core::RunInstant;
use swell_core::plain::line;
use swell_core::record::Outcomes;
use swell_core::run::NodeCounts;
use swell_driver::{PartBeginning, PartCounts, PartView};
use swell_outputs::Outputs;
use swell_report::record::{Frame, Mark, MarkKind, Moment, PartAbout, PartMoment, RecordHeader};
use swell_report::{RunState, Status};

use crate::own_use::OwnUse;

/// See the module's documentation.
pub(crate) struct NodeRecord {
    outputs: Outputs,
    header: RecordHeader,
    /// The same once the part has begun.
    begun: Option<Arc<RecordHeader>>,
    /// Where the latest frame ended.
    until: RunInstant,
    /// What became of transactions so far.
    outcomes: Outcomes,
    own_use: OwnUse,
}

impl NodeRecord {
    /// The record of a part that is about to begin, of a run with this header.
    pub(crate) fn new(header: RecordHeader, outputs: Outputs) -> Self {
        Self {
            outputs,
            header,
            begun: None,
            until: RunInstant::START,
            outcomes: Outcomes::default(),
            own_use: OwnUse::since_now(),
        }
    }

    fn moment(&mut self, phase: RunState, users: u64) -> Moment {
        let under_way = u64::try_from(self.outcomes.in_flight()).unwrap_or(0);
        let (cores, memory_mib) = self.own_use.look();
        let status = Status { phase, users, under_way, ..Status::default() };
        Moment { cores: Some(cores), memory_mib, ..Moment::of(&status) }
    }
}

impl PartView for NodeRecord {
    fn begin(&mut self, beginning: &PartBeginning<'_>) {
        let &PartBeginning { host, hosts, run_began, at } = beginning;
        let began_at = run_began.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let part = Some(PartAbout { host, hosts: hosts.to_vec() });
        let run = Arc::new(RecordHeader { began_at, part, ..self.header.clone() });
        self.outputs.begin(&run);
        (self.begun, self.until) = (Some(run), at);
    }

    fn count(&mut self, counts: PartCounts) {
        let Some(run) = self.begun.clone() else { return };
        let PartCounts {
            until,
            is_measuring,
            measured_from,
            covered_until,
            is_leaderless,
            is_last,
            is_leaving,
            counts,
        } = counts;
        let NodeCounts {
            counted,
            users,
            users_at_once,
            requests_written,
            last_end,
            slots,
            machine,
            acted: _,
        } = counts;
        for part in [&counted.warm_up, &counted.measured] {
            self.outcomes.merge(&part.total.counts);
        }
        let phase = match () {
            () if is_last => RunState::Over,
            () if is_measuring => RunState::Measuring,
            () if until < measured_from => RunState::WarmUp,
            () => RunState::Draining,
        };
        let mut moment = self.moment(phase, users);
        moment.part = Some(Box::new(PartMoment {
            measured_from,
            covered_until,
            is_leaderless,
            is_last,
            users_at_once,
            requests_written,
            last_end,
            slots,
            machine,
        }));
        if is_last && is_leaving {
            let text = format!("host {} left", line(&run.host.name));
            self.outputs.mark(&run, &Mark { at: until, kind: MarkKind::HostLeft, text });
        }
        let from = std::mem::replace(&mut self.until, until);
        self.outputs.frame(&run, &Arc::new(Frame { from, until, counted, moment }));
    }
}

impl Drop for NodeRecord {
    /// However the part ended, nothing follows.
    fn drop(&mut self) {
        if let Some(run) = &self.begun {
            self.outputs.over(run, None);
        }
    }
}
