//! Which instant of a record is shown when: played at a speed, stopped, stepped through.

use std::time::Duration;

use swell_core::RunInstant;

use crate::key::Key;

/// Speeds that there are.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.125..=1_024.0;

/// How far an arrow goes, and a page.
const STEP: Duration = Duration::from_secs(1);
const PAGE: Duration = Duration::from_secs(10);

/// See the module's documentation. Time is that since the command began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Playback {
    /// The stretch that is played.
    from: RunInstant,
    until: RunInstant,
    /// Record seconds in one of ours.
    speed: f64,
    /// What was shown at an instant, and when that was.
    known: (RunInstant, Duration),
    plays: bool,
}

impl Playback {
    /// Plays from one instant to another, at once.
    pub fn new(now: Duration, from: RunInstant, until: RunInstant, speed: f64) -> Self {
        let speed = speed.clamp(*SPEEDS.start(), *SPEEDS.end());
        Self { from, until: until.max(from), speed, known: (from, now), plays: true }
    }

    /// The instant that is shown.
    pub fn at(&self, now: Duration) -> RunInstant {
        let (at, since) = self.known;
        let passed = if self.plays { now.saturating_sub(since) } else { Duration::ZERO };
        (at + passed.mul_f64(self.speed)).clamp(self.from, self.until)
    }

    /// The record ends here, and not later.
    pub fn handle_end(&mut self, until: RunInstant) {
        self.until = self.until.min(until).max(self.from);
    }

    /// Whether the end was reached.
    pub fn is_at_end(&self, now: Duration) -> bool {
        self.at(now) >= self.until
    }

    /// Whether time passes.
    pub fn plays(&self, now: Duration) -> bool {
        self.plays && !self.is_at_end(now)
    }

    /// Record seconds in one of ours.
    pub const fn speed(&self) -> f64 {
        self.speed
    }

    /// Does what a key asks for; says whether the key was for it.
    pub(crate) fn handle_key(&mut self, now: Duration, key: Key) -> bool {
        let at = self.at(now);
        match key {
            // At the end it begins anew.
            Key::Char(' ') if self.is_at_end(now) => self.go(now, self.from, true),
            Key::Char(' ') => self.go(now, at, !self.plays),
            Key::Left => self.go(now, at - STEP, false),
            Key::Right => self.go(now, at + STEP, false),
            Key::PageUp => self.go(now, at - PAGE, self.plays),
            Key::PageDown => self.go(now, at + PAGE, self.plays),
            Key::Home => self.go(now, self.from, self.plays),
            Key::End => self.go(now, self.until, false),
            Key::Char('+' | '=') => self.be_fast(now, self.speed * 2.0),
            Key::Char('-') => self.be_fast(now, self.speed / 2.0),
            _ => return false,
        }
        true
    }

    fn go(&mut self, now: Duration, to: RunInstant, plays: bool) {
        self.known = (to.clamp(self.from, self.until), now);
        self.plays = plays;
    }

    fn be_fast(&mut self, now: Duration, speed: f64) {
        self.known = (self.at(now), now);
        self.speed = speed.clamp(*SPEEDS.start(), *SPEEDS.end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn shown(playback: &Playback, now: u64) -> f64 {
        playback.at(seconds(now)).as_secs_f64()
    }

    fn of_a_minute() -> Playback {
        let at = |seconds: u64| RunInstant::from_nanos(seconds * 1_000_000_000);
        Playback::new(seconds(5), at(10), at(60), 10.0)
    }

    #[test]
    fn it_plays_as_fast_as_it_is_told_and_stops_at_the_end() {
        let mut playback = of_a_minute();
        assert_eq!([5, 6, 7, 20].map(|now| shown(&playback, now)), [10.0, 20.0, 30.0, 60.0]);
        assert!(playback.plays(seconds(9)) && !playback.plays(seconds(10)));
        playback.handle_key(seconds(7), Key::Char('+'));
        assert_eq!([7, 8].map(|now| shown(&playback, now)), [30.0, 50.0]);
        assert!((0..30).all(|_| playback.handle_key(seconds(7), Key::Char('-'))));
        assert_eq!(playback.speed(), 0.125);
        playback.handle_end(RunInstant::from_nanos(25_000_000_000));
        assert_eq!(shown(&playback, 99), 25.0);
    }

    #[test]
    fn it_stands_still_steps_and_never_leaves_its_stretch() {
        let mut playback = of_a_minute();
        let mut after = |key, now| {
            assert!(playback.handle_key(seconds(now), key), "{key:?}");
            (shown(&playback, now), shown(&playback, now + 1))
        };
        assert_eq!(after(Key::Char(' '), 7), (30.0, 30.0));
        assert_eq!(after(Key::Left, 8), (29.0, 29.0));
        assert_eq!(after(Key::Right, 8), (30.0, 30.0));
        assert_eq!(after(Key::PageUp, 8), (20.0, 20.0));
        assert_eq!(after(Key::Home, 8), (10.0, 10.0));
        assert_eq!(after(Key::Left, 8), (10.0, 10.0));
        assert_eq!(after(Key::End, 8), (60.0, 60.0));
        assert_eq!(after(Key::PageDown, 8), (60.0, 60.0));
        // From the end it plays anew.
        assert_eq!(after(Key::Char(' '), 9), (10.0, 20.0));
        assert!(!playback.handle_key(seconds(9), Key::Char('w')));
    }
}
