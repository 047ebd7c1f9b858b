//! The counts of a run while it goes on: merged as they arrive, added up once a second. It also
//! decides when the warm-up is over.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::effect::{Effect, Notice};
use super::set_points::SetPoints;
use crate::RunInstant;
use crate::control::Steadiness;
use crate::plan::Plan;
use crate::record::{Batches, Snapshot};

/// How often the counts are added up and shown: once a second. The control is told the time five
/// times a second. The fifth tick counts although it may come a little less than a second after the
/// last look.
const LOOK_EVERY: Duration = Duration::from_millis(900);

/// See the module's documentation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Account {
    /// What was counted until the last look.
    pub(super) total: Snapshot,
    /// What was counted since the last look.
    pub(super) recent: Snapshot,
    pub(super) batches: Batches,
    /// How long the warm-up takes; with `steadiness`, how long at most.
    pub(super) warm_up: Duration,
    /// Looks whether the service is steady, where that ends the warm-up and it has not ended yet.
    steadiness: Option<Steadiness>,
    looked: RunInstant,
}

impl Account {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            total: Snapshot::default(),
            recent: Snapshot::default(),
            batches: Batches::default(),
            warm_up: plan.warm_up,
            steadiness: plan.warm_up_ends_when_steady.then(Steadiness::default),
            looked: RunInstant::START,
        }
    }

    /// Adds up what was counted since the last look, if about a second has passed since, and moves
    /// it to `shown`. Returns how long that stretch lasted.
    pub(super) fn add_up(
        &mut self,
        now: RunInstant,
        is_ending: bool,
        set_points: &mut SetPoints,
        shown: &mut Snapshot,
        effects: &mut VecDeque<Effect>,
    ) -> Option<Duration> {
        let span = now.since(self.looked);
        if span < LOOK_EVERY {
            return None;
        }
        self.looked = now;
        self.total.merge(&self.recent);
        std::mem::swap(&mut self.recent, shown);
        self.recent.clear();
        if now > self.measured_from() && !is_ending {
            self.batches.add(&shown.measured.total.response.both());
        }
        self.look_whether_steady(now, (shown, span), set_points, effects);
        Some(span)
    }

    /// Where the measured part begins; where a steady service ends the warm-up, at the latest.
    pub(super) fn measured_from(&self) -> RunInstant {
        RunInstant::START + self.warm_up
    }

    /// Ends the warm-up if the service shows no trend any more, where that is what ends it.
    fn look_whether_steady(
        &mut self,
        now: RunInstant,
        (second, span): (&Snapshot, Duration),
        set_points: &mut SetPoints,
        effects: &mut VecDeque<Effect>,
    ) {
        let Some(steadiness) = &mut self.steadiness else { return };
        let total = &second.warm_up.total;
        let completed = total.counts.ok + total.counts.failed;
        let nanos = total.service.ok.sum_ns() + total.service.failed.sum_ns();
        let service = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        // A look that comes late counted more, which is no trend of the service.
        let completed = (completed as f64 / span.as_secs_f64()).round() as u64;
        let service = service.div_f64(span.as_secs_f64());
        let is_steady = !set_points.is_paused() && steadiness.on_second(completed, service);
        if now >= RunInstant::START + self.warm_up {
            self.steadiness = None;
        } else if is_steady {
            self.steadiness = None;
            let from = set_points.measure(now, effects);
            self.warm_up = from.since(RunInstant::START);
            effects.push_back(Effect::Say(Notice::Steady { after: self.warm_up }));
        }
    }
}
