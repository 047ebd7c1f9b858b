//! What a run comes to, while it goes on: counts merged as they arrive, a look at all of it each
//! second, and when the warm-up has done its work.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use swell_core::RunInstant;
use swell_core::control::Steadiness;
use swell_core::record::{Batches, Snapshot};
use swell_core::run::{EndCause, Look, MachineRecord, NodeLook, Outcome};

use super::View;
use super::set_point::SetPoints;
use crate::plan::RunPlan;

/// How often the live view is shown.
const LOOK: Duration = Duration::from_secs(1);

/// See the module's documentation.
pub(super) struct Account<'a> {
    plan: &'a RunPlan,
    began: Instant,
    /// What was counted until the last look.
    total: Snapshot,
    /// What was counted since.
    recent: Snapshot,
    batches: Batches,
    pub(super) set_points: SetPoints,
    /// How long the warm-up takes, or may take.
    pub(super) warm_up: Duration,
    /// Where it ends as soon as the service is steady, and has not ended yet.
    steadiness: Option<Steadiness>,
    last_look: Instant,
}

impl<'a> Account<'a> {
    pub(super) fn new(plan: &'a RunPlan, began: Instant, set_points: SetPoints) -> Self {
        Self {
            plan,
            began,
            total: Snapshot::default(),
            recent: Snapshot::default(),
            batches: Batches::default(),
            set_points,
            warm_up: plan.plan.warm_up,
            steadiness: plan.plan.warm_up_ends_when_steady.then(Steadiness::default),
            last_look: began,
        }
    }

    /// Adds what was counted.
    pub(super) fn add(&mut self, counted: &Snapshot) {
        self.recent.merge(counted);
    }

    /// What was counted until the last look.
    pub(super) const fn total(&self) -> &Snapshot {
        &self.total
    }

    /// Shows where the run is, if it is time to.
    pub(super) fn look(
        &mut self,
        is_ending: bool,
        users: u64,
        view: &mut dyn View,
        nodes: impl FnOnce() -> Vec<NodeLook>,
    ) {
        let elapsed = self.began.elapsed();
        if self.last_look.elapsed() < LOOK || elapsed < LOOK {
            return;
        }
        self.total.merge(&self.recent);
        view.count(&self.recent);
        if elapsed > self.warm_up && !is_ending {
            self.batches.add(&self.recent.measured.total.response.both());
        }
        self.look_whether_steady(elapsed);
        view.look(&Look {
            elapsed,
            warm_up: self.warm_up,
            is_ending,
            total: &self.total,
            recent: (&self.recent, self.last_look.elapsed()),
            users,
            control: self.set_points.look(RunInstant::START + elapsed),
            nodes: nodes(),
        });
        self.recent.clear();
        self.last_look = Instant::now();
    }

    /// Ends a warm-up that is to end by itself if the service shows no trend any more.
    fn look_whether_steady(&mut self, elapsed: Duration) {
        let Some(steadiness) = &mut self.steadiness else { return };
        let total = &self.recent.warm_up.total;
        let completed = total.counts.ok + total.counts.failed;
        let nanos = total.service.ok.sum_ns() + total.service.failed.sum_ns();
        let steady = !self.set_points.is_paused()
            && steadiness.on_second(
                completed,
                Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)),
            );
        if elapsed >= self.warm_up {
            self.steadiness = None;
        } else if steady {
            self.steadiness = None;
            let from = self.set_points.measure(RunInstant::START + elapsed);
            self.warm_up = from.since(RunInstant::START);
            tracing::info!(
                "the service is steady after {:.1} s: what begins now is measured",
                self.warm_up.as_secs_f64()
            );
        }
    }

    /// Whether its time is over.
    pub(super) fn is_over(&self) -> bool {
        self.plan
            .plan
            .stop
            .measured
            .is_some_and(|duration| self.began.elapsed() >= self.warm_up + duration)
    }

    /// What the run has come to; `lasted` until nothing began any more. The users' figures and the
    /// requests written are the caller's to add.
    pub(super) fn close(
        mut self,
        cause: EndCause,
        lasted: Duration,
        machine: MachineRecord,
        view: &mut dyn View,
    ) -> Outcome {
        self.total.merge(&self.recent);
        view.count(&self.recent);
        let warm_up = self.warm_up.min(lasted);
        let control = self.set_points.record();
        let mut outcome = Outcome {
            cause,
            snapshot: self.total,
            measured: lasted
                .saturating_sub(warm_up)
                .min(self.plan.plan.stop.measured.unwrap_or(Duration::MAX)),
            warm_up,
            is_steady: self
                .plan
                .plan
                .warm_up_ends_when_steady
                .then(|| self.warm_up < self.plan.plan.warm_up),
            requests_written: 0,
            users_at_once: 0,
            began_at: (SystemTime::now() - self.began.elapsed())
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            machine,
            control,
            limits: Vec::new(),
            batches: self.batches,
            nodes: Vec::new(),
        };
        // Nobody was in the way of what never began.
        if !outcome.nothing_began() {
            outcome.limits = self.set_points.into_limits();
        }
        outcome
    }
}
