//! How long somebody whose attempt failed at once waits before the next attempt.
//!
//! An iteration that fails at once is repeated at once, a million times a second: the machine is
//! busy with nothing, and the service, which was never asked, looks slow. So each failure in a row
//! makes the wait twice as long. A fault that goes away by itself, as a file that does not exist
//! yet, then costs little, and a fault that stays costs nothing. After a success the waits begin
//! anew.

use std::time::Duration;

/// The first wait: longer than any work that is worth repeating at once.
const FIRST: Duration = Duration::from_millis(1);
/// The longest wait: a person who looks on still sees that the attempts go on.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// See the module's documentation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// An attempt failed again. Returns how long to wait.
    pub fn fail(&mut self) -> Duration {
        let wait = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(MAX_WAIT);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// An attempt began something: the next failure waits for the first time again.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_that_fails_at_once_tries_a_dozen_times_in_three_seconds_and_not_three_million_times()
    {
        let (mut backoff, mut waited, mut tries) = (Backoff::default(), Duration::ZERO, 0);
        while waited < Duration::from_secs(3) {
            waited += backoff.fail();
            tries += 1;
        }
        assert_eq!(tries, 12);
    }

    #[test]
    fn it_waits_longer_each_time_up_to_a_second_and_begins_anew() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..12).map(|_| backoff.fail()).collect();
        assert!(waits.is_sorted());
        assert_eq!((waits[0], waits[1], waits[11]), (FIRST, 2 * FIRST, MAX_WAIT));
        (0..1_000).for_each(|_| assert!(backoff.fail() <= MAX_WAIT));
        backoff.reset();
        assert_eq!(backoff.fail(), FIRST);
    }
}
