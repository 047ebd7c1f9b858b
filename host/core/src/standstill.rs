//! When a worker's thread stood still although it had something to do.
//!
//! A process may be stopped, a virtual machine moved, a quota used up, a thread kept busy by one
//! scenario's computing. Nobody tells us: all that shows is that the clock has moved on. So a
//! thread always has an instant at which it is to look at the clock next, its *probe*. The first
//! look after that instant finds out for how long the thread did not run, whether the probe makes
//! that look or an answer that the thread read before it.
//!
//! ## Why looks, and not the probe alone
//! After a pause everything is ready at once, and it is chance what runs first. A transaction that
//! ends then, or a slot that starts, must know already what delayed it. And a thread that has much
//! to do may come to its probe late without standing still: other code looks at the clock
//! meanwhile.
//!
//! ## Why pauses of ten milliseconds and more
//! The loop delay is about shorter pauses, and knows how often they come. A service with a queue
//! does not notice them: it works on with what it has. Twice the distance of two probes can be told
//! from a probe that came late.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use crate::RunInstant;

/// How often a thread looks how late it is polled: often enough for a p99 within a second, and
/// seldom enough to cost nothing.
pub const PROBE: Duration = Duration::from_millis(5);
/// The shortest pause that counts as standing still.
pub const MIN_PAUSE: Duration = Duration::from_millis(10);
/// How many pauses are remembered one by one: those of a thread that is stopped ten times a second,
/// for seven minutes. For what is under way longer, the remembered pauses count.
const REMEMBERED: usize = 4_096;

/// The looks of one thread at the clock. Each thread has its own heartbeat.
#[derive(Debug)]
pub struct Heartbeat(RefCell<State>);

#[derive(Debug)]
struct State {
    /// By when the thread is to look again.
    due: RunInstant,
    seen: RunInstant,
    pauses: VecDeque<Pause>,
    total: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    from: RunInstant,
    until: RunInstant,
    /// How long the thread had stood still before this pause.
    before: Duration,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self(RefCell::new(State {
            due: RunInstant::NEVER,
            seen: RunInstant::START,
            pauses: VecDeque::new(),
            total: Duration::ZERO,
        }))
    }
}

impl Heartbeat {
    /// The thread runs at `now`, and should have run by `due`, or by its next probe if that is
    /// earlier.
    pub fn look(&self, now: RunInstant, due: RunInstant) {
        let mut state = self.0.borrow_mut();
        let from = state.due.min(due).max(state.seen);
        let pause = now.since(from);
        state.seen = state.seen.max(now);
        if pause < MIN_PAUSE {
            return;
        }
        let before = state.total;
        state.total += pause;
        if state.pauses.len() == REMEMBERED {
            state.pauses.pop_front();
        }
        state.pauses.push_back(Pause { from, until: now, before });
    }

    /// The thread probes at `now`. Returns how late that is, and when the next probe is due.
    pub fn probe(&self, now: RunInstant) -> (Duration, RunInstant) {
        self.look(now, RunInstant::NEVER);
        let mut state = self.0.borrow_mut();
        let next = now + PROBE;
        let due = std::mem::replace(&mut state.due, next);
        (now.since(due), next)
    }

    /// The thread makes no more probes.
    pub fn stop(&self) {
        self.0.borrow_mut().due = RunInstant::NEVER;
    }

    /// How long the thread has stood still in all.
    pub fn total(&self) -> Duration {
        self.0.borrow().total
    }

    /// How long the thread stood still between two instants.
    pub fn stood(&self, from: RunInstant, until: RunInstant) -> Duration {
        let state = self.0.borrow();
        // Nearly always the last pause is long over.
        if state.pauses.back().is_none_or(|last| last.until <= from) {
            return Duration::ZERO;
        }
        state.stood_by(until).saturating_sub(state.stood_by(from))
    }
}

impl State {
    /// How long the thread had stood still by `instant`.
    fn stood_by(&self, instant: RunInstant) -> Duration {
        let begun = self.pauses.partition_point(|pause| pause.from < instant);
        match begun.checked_sub(1).map(|last| self.pauses[last]) {
            Some(pause) => pause.before + pause.until.min(instant).since(pause.from),
            None => self.pauses.front().map_or(Duration::ZERO, |first| first.before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> RunInstant {
        RunInstant::from_nanos(ms * 1_000_000)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A thread that probed at 1,000 ms.
    fn alive() -> Heartbeat {
        let heartbeat = Heartbeat::default();
        heartbeat.probe(at(1_000));
        heartbeat
    }

    #[test]
    fn whoever_looks_first_finds_the_pause_and_who_looks_next_finds_none() {
        let heartbeat = alive();
        heartbeat.look(at(1_002), RunInstant::NEVER);
        heartbeat.look(at(4_005), RunInstant::NEVER);
        assert_eq!(heartbeat.total(), ms(3_000), "since the probe of 1,005 ms");
        heartbeat.look(at(4_006), RunInstant::NEVER);
        assert_eq!(heartbeat.probe(at(4_008)), (ms(3_003), at(4_013)));
        assert_eq!(heartbeat.total(), ms(3_000));
    }

    #[test]
    fn a_timer_that_was_to_go_off_before_the_probe_says_when_the_pause_began() {
        let heartbeat = alive();
        heartbeat.look(at(1_021), at(1_001));
        assert_eq!(heartbeat.total(), ms(20));
    }

    #[test]
    fn a_thread_with_much_to_do_comes_late_to_its_probe_and_has_not_stood_still() {
        let heartbeat = alive();
        (1_001..1_100).for_each(|now| heartbeat.look(at(now), RunInstant::NEVER));
        assert_eq!((heartbeat.probe(at(1_100)).0, heartbeat.total()), (ms(95), Duration::ZERO));
    }

    #[test]
    fn a_thread_without_a_probe_yet_or_any_more_does_not_stand_still() {
        let heartbeat = Heartbeat::default();
        heartbeat.look(at(5_000), RunInstant::NEVER);
        heartbeat.probe(at(5_001));
        heartbeat.stop();
        heartbeat.look(at(9_000), RunInstant::NEVER);
        assert_eq!(heartbeat.total(), Duration::ZERO);
    }

    #[test]
    fn what_lay_in_between_is_counted_to_the_nanosecond() {
        let heartbeat = alive();
        for now in [1_025, 2_030] {
            heartbeat.look(at(now), at(now - 20));
            heartbeat.probe(at(now));
        }
        // From 1,005 to 1,025 ms, and from the probe of 1,030 to 2,030 ms.
        assert_eq!(heartbeat.total(), ms(1_020));
        let cases = [
            (0, 1_005, 0),
            (0, 1_010, 5),
            (1_010, 1_020, 10),
            (1_010, 1_030, 15),
            (1_024, 1_031, 2),
            (0, 9_000, 1_020),
            (2_030, 9_000, 0),
        ];
        for (from, until, stood) in cases {
            assert_eq!(heartbeat.stood(at(from), at(until)), ms(stood), "{from} to {until}");
        }
    }

    #[test]
    fn pauses_without_number_take_bounded_memory() {
        let heartbeat = alive();
        for second in 2..10_002 {
            heartbeat.look(at(second * 1_000), at(second * 1_000 - 100));
        }
        assert_eq!(heartbeat.0.borrow().pauses.len(), REMEMBERED);
        assert_eq!(heartbeat.stood(at(9_999_500), at(10_000_500)), ms(1_000));
    }
}
