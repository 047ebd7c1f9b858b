//! Who kept less from being completed than was asked for, one limit after the other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::effect::Notice;
use crate::RunInstant;
use crate::control::{Flow, Limit, LimitWatch};

/// How long it takes until slots that move are all started again: a lease, and the time until a
/// silent node is taken for lost.
const MOVING: Duration = Duration::from_millis(2_500);

/// Limits that are kept for the report. A run in which more come and go is told by the first ones.
const MAX_LIMITS: usize = 100;

/// See the module's documentation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct LimitHistory {
    watch: LimitWatch,
    /// When limits are looked for again, after shares have moved.
    judges_again: Option<RunInstant>,
    /// Those that came, with when they went.
    past: Vec<(Limit, Option<RunInstant>)>,
}

impl LimitHistory {
    /// Who the limit is at the moment.
    pub(super) const fn current(&self) -> Option<&Limit> {
        self.watch.limit()
    }

    /// The limits that there were, with when they ended.
    pub(super) fn into_past(self) -> Vec<(Limit, Option<RunInstant>)> {
        self.past
    }

    /// Slots move from one node to another. Meanwhile some are missed, and that is no limit of
    /// anybody's.
    pub(super) fn handle_move(&mut self, now: RunInstant) {
        self.watch.forget();
        self.judges_again = Some(now + MOVING);
    }

    /// Something else is asked for from now on.
    pub(super) fn handle_new_goal(&mut self, now: RunInstant) {
        self.watch.forget();
        self.end_latest(now);
    }

    /// Whether limits are looked for at present.
    pub(super) fn judges(&self, now: RunInstant) -> bool {
        self.judges_again.is_none_or(|again| now >= again)
    }

    /// Takes in a window; gives what is to be said of it.
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
