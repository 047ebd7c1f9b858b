//! How long a node that has told all waits until that has been merged.
//!
//! The clock begins when the node told the last.

use std::time::Duration;

use swell_core::RunInstant;

/// How long the last results are kept when nobody takes them any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// The same of a node that wants to leave: somebody waits for its end.
pub(crate) const HURRY: Duration = Duration::from_secs(5);

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct LastWords {
    given_up_at: RunInstant,
}

impl LastWords {
    /// All was told just now, by a node that wants to leave, or does not.
    pub fn new(is_leaving: bool) -> Self {
        let wait = if is_leaving { HURRY } else { PATIENCE };
        Self { given_up_at: RunInstant::START + wait }
    }

    /// The node wants to leave.
    pub fn handle_leave(&mut self, now: RunInstant) {
        self.given_up_at = self.given_up_at.min(now + HURRY);
    }

    /// Until when the node waits.
    pub const fn given_up_at(&self) -> RunInstant {
        self.given_up_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: u64) -> RunInstant {
        RunInstant::START + Duration::from_secs(second)
    }

    #[test]
    fn a_node_waits_a_minute_and_one_that_leaves_five_seconds() {
        assert_eq!(LastWords::new(false).given_up_at(), second(60));
        assert_eq!(LastWords::new(true).given_up_at(), second(5));
    }

    #[test]
    fn who_wants_to_leave_later_waits_no_longer_than_anybody() {
        let mut waits = LastWords::new(false);
        waits.handle_leave(second(10));
        assert_eq!(waits.given_up_at(), second(15));
        let mut waits = LastWords::new(false);
        waits.handle_leave(second(58));
        assert_eq!(waits.given_up_at(), second(60));
    }
}
