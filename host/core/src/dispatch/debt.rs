//! By how much the slots that wait are late for our own standing still, and which of those given up
//! would have started without it.
//!
//! ## Why a debt
//! A thread that stood still for a second starts what was due in that second late, and with it all
//! that comes after until nothing waits any more: users that park late are then late for *us*.
//! While slots wait one after the other, a standstill delays each later one by at most its length.
//! So what a thread stood still since its queue was last empty is the part of each lag that may be
//! ours; the rest is the users'. A service that is slow has a long queue before any standstill, and
//! keeps its part.
//!
//! A slot that is given up takes the time that its start would have taken off the debt: who comes
//! after it moves up by as much. So a short pause in the midst of a long shortage is blamed for
//! what could have been started in it, and for no more.

use std::time::Duration;

use crate::RunInstant;

/// What one worker owes to the slots that wait.
#[derive(Debug, Default)]
pub(super) struct Debt {
    owed: Duration,
    /// What the others owe whose slots this worker starts before its own.
    shared: Duration,
    /// Since when there were always slots that waited.
    since: Option<RunInstant>,
    /// How long the thread has stood still since, and how many were started.
    stood: Duration,
    starts: u64,
}

impl Debt {
    /// How late at the most the slots of this worker are for its standing still.
    pub(super) const fn owed(&self) -> Duration {
        self.owed
    }

    /// The part of a lag for want of a user that may be for our standing still: this worker's, or
    /// that of one whose slots are started here.
    pub(super) fn part_of(&self, lag: Duration) -> Duration {
        lag.min(self.owed.max(self.shared))
    }

    /// Slots are started here for others, who owe as much.
    pub(super) fn handle_others(&mut self, owed: Duration) {
        self.shared = owed;
    }

    /// The thread has stood still for so long, until `now`.
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

    /// A slot found nobody in time. Gives what it takes off the debt if it would have been started
    /// but for our standing still, and otherwise nothing.
    pub(super) fn pay(&mut self, now: RunInstant) -> Option<Duration> {
        let since = self.since.filter(|_| !self.owed.is_zero())?;
        // The time that a start took while the thread ran. Without any it is not known to be less
        // than all of it.
        let ran = now.since(since).saturating_sub(self.stood);
        let each = ran.div_f64((self.starts + 1) as f64);
        let rest = self.owed.checked_sub(each);
        self.owed = rest.unwrap_or_default();
        rest.map(|_| each)
    }
}
