//! When starts that were missed are made up for all at once, and which transactions that touches.
//!
//! ## Why it is no evidence
//! After a standstill of ours, or of a service that all users waited for, the slots that became due
//! meanwhile start together, at a hundred times the rate in force. A service that limits its rate
//! turns most of such a burst away, and one that queues is late for as long as the burst takes to
//! drain; neither says anything of the rate that is to be judged. So what begins in a catch-up, and
//! for as long again as the starts were late, is left out.
//!
//! ## Why not always
//! A generator that is late in every second window has no other evidence, and a service that is
//! failing must be left alone by it as by any other. Lateness is an accident where it is rare.

use std::time::Duration;

use crate::RunInstant;

/// A start is made up for, and not just late, when it is so late: a thread that is polled ten
/// milliseconds late has a handful of starts to make up for.
const LATE: Duration = Duration::from_millis(10);
/// What follows a catch-up is left out for so long at most.
const MAX_WAKE: Duration = Duration::from_secs(1);
/// Of the last five seconds' windows, those that may have seen a catch-up while it is an accident
/// still.
const REMEMBERED: u32 = 25;
const MAX_BY_ACCIDENT: u32 = 5;

/// The last catch-up of a worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct CatchUp {
    /// What begins from here on is touched, and no longer from `until` on.
    from: RunInstant,
    until: RunInstant,
    /// The last moment at which users were known to wait for us: what was under way then may have
    /// ended long before it was seen to.
    stood_still: RunInstant,
    /// The windows that saw one, the latest as the lowest bit.
    windows: u32,
}

impl CatchUp {
    pub(super) const fn none() -> Self {
        Self {
            from: RunInstant::START,
            until: RunInstant::START,
            stood_still: RunInstant::START,
            windows: 0,
        }
    }

    /// A transaction starts that was meant for `intended`, by a user that was ready at `parked_at`.
    pub(super) fn starting(
        &mut self,
        intended: RunInstant,
        parked_at: RunInstant,
        started: RunInstant,
    ) {
        let late = started.since(intended);
        if late < LATE {
            return;
        }
        self.windows |= 1;
        if self.is_the_rule() {
            return;
        }
        if started >= self.until {
            self.from = started;
        }
        self.until = self.until.max(started + late.min(MAX_WAKE));
        if started.since(intended.max(parked_at)) >= LATE {
            self.stood_still = started;
        }
    }

    /// Whether what began and ended then says nothing of the rate in force.
    pub(super) fn touches(&self, began: RunInstant, ended: RunInstant) -> bool {
        self.from <= began && began < self.until
            || began < self.stood_still && self.stood_still <= ended
    }

    /// Whether what began between these instants includes what is touched.
    pub(super) fn overlaps(&self, from: RunInstant, until: RunInstant) -> bool {
        from < self.until && self.from < until
            || from < self.stood_still && self.stood_still <= until
    }

    /// A window is over.
    pub(super) fn window_ended(&mut self) {
        self.windows = self.windows << 1 & ((1 << REMEMBERED) - 1);
    }

    fn is_the_rule(&self) -> bool {
        self.windows.count_ones() > MAX_BY_ACCIDENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> RunInstant {
        RunInstant::START + Duration::from_millis(ms)
    }

    #[test]
    fn what_begins_in_a_catch_up_and_as_long_again_is_touched() {
        let mut catch_up = CatchUp::none();
        catch_up.starting(ms(500), ms(400), ms(503));
        assert!(!catch_up.touches(ms(503), ms(504)), "three milliseconds are no standstill");
        for intended in 1_000..1_150 {
            catch_up.starting(ms(intended), ms(1_150), ms(1_150));
        }
        assert!(
            !catch_up.touches(ms(999), ms(1_151)),
            "it began at its time, and its user came back when it was answered"
        );
        assert!(catch_up.touches(ms(1_150), ms(1_151)));
        assert!(catch_up.touches(ms(1_299), ms(1_300)), "the last of the burst were hardly late");
        assert!(!catch_up.touches(ms(1_300), ms(1_301)));
        assert!(
            catch_up.overlaps(ms(1_200), ms(1_400)) && !catch_up.overlaps(ms(1_300), ms(1_500))
        );
    }

    #[test]
    fn what_was_under_way_while_users_waited_for_us_is_touched() {
        let mut catch_up = CatchUp::none();
        catch_up.starting(ms(1_000), ms(900), ms(3_000));
        assert!(catch_up.touches(ms(990), ms(3_001)), "its end was seen when we went on");
        assert!(!catch_up.touches(ms(990), ms(995)));
        assert!(
            catch_up.touches(ms(3_999), ms(4_100)) && !catch_up.touches(ms(4_000), ms(4_100)),
            "nothing is left out for longer than a second"
        );
    }

    #[test]
    fn a_generator_that_is_always_late_has_everything_counted() {
        let mut catch_up = CatchUp::none();
        let mut left_out = 0;
        for window in 0..50 {
            let at = window * 200;
            catch_up.starting(ms(at + 100), ms(at), ms(at + 150));
            left_out += u32::from(catch_up.touches(ms(at + 150), ms(at + 160)));
            catch_up.window_ended();
        }
        assert_eq!(left_out, MAX_BY_ACCIDENT);
        (0..REMEMBERED).for_each(|_| catch_up.window_ended());
        catch_up.starting(ms(60_000), ms(60_000), ms(60_150));
        assert!(catch_up.touches(ms(60_150), ms(60_151)), "by now it is rare again");
    }
}
