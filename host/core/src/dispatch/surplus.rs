//! Which parked users are no longer needed.
//!
//! By Little's law the number of users that a rate keeps busy is rate × cycle time. So with a
//! constant rate the mean number of busy users *is* that product, measured without estimating
//! either. The mean is too few whenever starts come in clusters. So the worker keeps the greatest
//! number of the last [`QUIET`] to twice that time, and a tenth more. Of the users beyond that a
//! tenth goes each second: a user is cheap to keep and may be dear to make anew (connections, a
//! login).

use std::collections::BTreeSet;
use std::time::Duration;

use super::population::UserKey;
use crate::RunInstant;

/// How long a user must have been unneeded: several times as long as the stalls from which a
/// service recovers by itself.
const QUIET: Duration = Duration::from_secs(10);
/// How often surplus users are looked for.
const STEP: Duration = Duration::from_secs(1);
/// The part of the surplus that goes at each step, and the reserve beside the busy users, as a part
/// of them.
const TENTH: u32 = 10;

/// How many users were busy lately.
#[derive(Debug, Default)]
pub(super) struct Surplus {
    /// The most busy users in the present period, and in the one before.
    peak: u32,
    peak_before: u32,
    period_end: Option<RunInstant>,
    next_step: RunInstant,
    retiring: BTreeSet<UserKey>,
}

impl Surplus {
    /// So many users exist that are not parked.
    pub(super) fn handle_busy(&mut self, busy: u32) {
        self.peak = self.peak.max(busy.saturating_sub(self.retiring.len() as u32));
    }

    /// A user was asked to go.
    pub(super) fn handle_retired(&mut self, user: UserKey) {
        self.retiring.insert(user);
    }

    /// A user does not exist any more.
    pub(super) fn handle_gone(&mut self, user: UserKey) {
        if !self.retiring.is_empty() {
            self.retiring.remove(&user);
        }
    }

    /// How many of `users` should go now.
    pub(super) fn retire(&mut self, now: RunInstant, users: u32) -> u32 {
        if now < self.next_step {
            return 0;
        }
        self.next_step = now + STEP;
        let Some(period_end) = self.period_end else {
            self.period_end = Some(now + QUIET);
            self.peak_before = u32::MAX;
            return 0;
        };
        if period_end <= now {
            self.period_end = Some(now + QUIET);
            self.peak_before = std::mem::take(&mut self.peak);
        }
        let busy = self.peak.max(self.peak_before);
        let keep = busy.saturating_add(busy.div_ceil(TENTH).max(1));
        (users - self.retiring.len() as u32).saturating_sub(keep).div_ceil(TENTH)
    }

    /// When the next look for surplus users is due.
    pub(super) fn poll_timeout(&self) -> Option<RunInstant> {
        Some(self.next_step)
    }
}
