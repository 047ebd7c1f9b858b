//! How much of the lateness of waiting slots comes from this thread's own standing still, and which
//! of the slots that were given up would have started without it.
//!
//! ## Why a debt
//! A thread that stood still for a second starts what was due in that second late, and with it all
//! that comes after until nothing waits any more: users that park late are then late because of
//! *us*. While slots wait one after the other, a standstill delays each later slot by at most its
//! own length. So the time for which a thread stood still since its queue was last empty is the
//! part of each lag that may be our fault; the rest is for want of users. A slow service has a long
//! queue before any standstill, and is blamed for its part of the lag.
//!
//! A slot that is given up reduces the debt by the time that its start would have taken: the slots
//! after it move up by as much. So a short pause during a long shortage is blamed for what could
//! have been started in the pause, and for no more.

use std::time::Duration;

use crate::RunInstant;

/// How much of the lateness of waiting slots is one worker's own fault.
#[derive(Debug, Default)]
pub(super) struct Debt {
    owed: Duration,
    /// The debt of other workers whose slots this worker starts before its own.
    shared: Duration,
    /// Since when there were always slots that waited.
    since: Option<RunInstant>,
    /// Since then: how long the thread has stood still, and how many slots were started.
    stood: Duration,
    starts: u64,
}

impl Debt {
    /// The greatest lateness of this worker's slots that is due to its standing still.
    pub(super) const fn owed(&self) -> Duration {
        self.owed
    }

    /// The part of a lag for want of a user that may come from standing still: this worker's, or
    /// that of a worker whose slots are started here.
    pub(super) fn part_of(&self, lag: Duration) -> Duration {
        lag.min(self.owed.max(self.shared))
    }

    /// This worker starts slots of others, whose debt is `owed`.
    pub(super) fn handle_others(&mut self, owed: Duration) {
        self.shared = owed;
    }

    /// The thread has stood still for the time `stood`, until `now`.
    pub(super) fn handle_standstill(&mut self, now: RunInstant, stood: Duration) {
        self.since.get_or_insert(now - stood);
        self.owed += stood;
        self.stood += stood;
    }

    /// A slot has to wait.
    pub(super) fn handle_wait(&mut self, now: RunInstant) {
        self.since.get_or_insert(now);
    }

    /// A slot was started.
    pub(super) fn handle_start(&mut self) {
        self.starts += 1;
    }

    /// No slot waits.
    pub(super) fn handle_empty(&mut self) {
        *self = Self::default();
    }

    /// A slot found no user in time. Returns how much less the debt is for that, if the slot would
    /// have been started but for our standing still; otherwise `None`.
    pub(super) fn pay(&mut self, now: RunInstant) -> Option<Duration> {
        let since = self.since.filter(|_| !self.owed.is_zero())?;
        // The time that a start took while the thread ran. If nothing was started, it may have been
        // all of the time.
        let ran = now.since(since).saturating_sub(self.stood);
        let each = ran.div_f64((self.starts + 1) as f64);
        let rest = self.owed.checked_sub(each);
        self.owed = rest.unwrap_or_default();
        rest.map(|_| each)
    }
}
