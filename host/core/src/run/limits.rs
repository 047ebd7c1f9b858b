//! What kept the throughput below what was asked for, one limit after the other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::effect::Notice;
use crate::RunInstant;
use crate::control::{Flow, Limit, LimitWatch};

/// How long it takes until slots that move to another node are all started again: the length of a
/// lease, and the time until a silent node counts as lost.
const MOVING: Duration = Duration::from_millis(2_500);

/// The most limits that a report keeps. Of a run with more of them the report has the first ones.
const MAX_LIMITS: usize = 100;

/// See the module's documentation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct LimitHistory {
    watch: LimitWatch,
    /// When the look for limits goes on, after shares have moved.
    judges_again: Option<RunInstant>,
    /// The limits so far, with when they ended; `None` while one lasts.
    past: Vec<(Limit, Option<RunInstant>)>,
}

impl LimitHistory {
    /// The limit at the moment.
    pub(super) const fn current(&self) -> Option<&Limit> {
        self.watch.limit()
    }

    /// All limits, with when they ended.
    pub(super) fn into_past(self) -> Vec<(Limit, Option<RunInstant>)> {
        self.past
    }

    /// Slots move from one node to another. Meanwhile some slots are missed, which is nobody's
    /// limit.
    pub(super) fn handle_move(&mut self, now: RunInstant) {
        self.watch.forget();
        self.judges_again = Some(now + MOVING);
    }

    /// The run follows another goal from now on.
    pub(super) fn handle_new_goal(&mut self, now: RunInstant) {
        self.watch.forget();
        self.end_latest(now);
    }

    /// Whether limits are looked for at the moment.
    pub(super) fn judges(&self, now: RunInstant) -> bool {
        self.judges_again.is_none_or(|again| now >= again)
    }

    /// Takes in a window; returns what a person is to be told about it.
    pub(super) fn handle_window(&mut self, flow: Flow) -> Option<Notice> {
        let until = flow.until;
        let before = self.watch.limit().map(|limit| limit.by);
        self.watch.on_window(flow);
        let limit = self.watch.limit().copied();
        if before != limit.map(|limit| limit.by) {
            self.end_latest(until);
            let Some(limit) = limit else { return Some(Notice::Reached) };
            if self.past.len() < MAX_LIMITS {
                self.past.push((limit, None));
            }
            return Some(Notice::Limited(limit));
        }
        if let (Some(limit), Some((latest, None))) = (limit, self.past.last_mut()) {
            *latest = limit;
        }
        None
    }

    fn end_latest(&mut self, now: RunInstant) {
        if let Some((_, end @ None)) = self.past.last_mut() {
            *end = Some(now);
        }
    }
}
