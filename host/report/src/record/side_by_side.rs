//! The frames of several nodes' records side by side: the stretches of which a record of all of
//! them has a frame each.
//!
//! Each node ends its frames when it pleases, and has joined some of them where its run was long.
//! What a frame counted cannot be divided, so a stretch ends where no frame is cut in the midst:
//! one that lies mostly before the end belongs to the stretch, and one that lies mostly behind it
//! to the next. Nothing is lost by that, and a sample is found at most half a frame beside its
//! place.

use std::iter::Peekable;
use std::time::Duration;

use swell_core::RunInstant;

use super::frame::Frame;

/// The least length of a stretch: a second, or a little less where two half seconds came early.
const LEAST: Duration = Duration::from_millis(900);

/// See the module's documentation. Each part gives its frames in their order.
#[derive(Debug)]
pub struct SideBySide<I: Iterator<Item = Frame>> {
    parts: Vec<Peekable<I>>,
    /// Where the next stretch begins.
    from: RunInstant,
}

/// What several nodes counted in a time.
#[derive(Debug)]
pub struct JointFrames {
    /// Where it begins, which is where the one before it ends.
    pub from: RunInstant,
    /// Where it ends.
    pub until: RunInstant,
    /// Its frames, each with the place of the part that it is of, in the order in which they end.
    pub frames: Vec<(usize, Frame)>,
}

impl<I: Iterator<Item = Frame>> SideBySide<I> {
    /// The frames of these parts.
    pub fn new(parts: impl IntoIterator<Item = I>) -> Self {
        let parts = parts.into_iter().map(Iterator::peekable).collect();
        Self { parts, from: RunInstant::START }
    }

    /// Where the next frame of the part at this place begins; nothing where none follows.
    pub fn next_from(&mut self, place: usize) -> Option<RunInstant> {
        self.parts[place].peek().map(|frame| frame.from)
    }

    /// The part whose next frame belongs to a stretch and ends before those of the others.
    fn next_of(&mut self, stretch: &JointFrames) -> Option<usize> {
        let next = self.parts.iter_mut().enumerate().filter_map(|(place, part)| {
            let frame = part.peek().filter(|frame| stretch.takes(frame))?;
            Some((frame.until, place))
        });
        next.min().map(|(_, place)| place)
    }
}

impl<I: Iterator<Item = Frame>> Iterator for SideBySide<I> {
    type Item = JointFrames;

    fn next(&mut self) -> Option<JointFrames> {
        let mut stretch = JointFrames { from: self.from, until: self.from, frames: Vec::new() };
        while let Some(place) = self.next_of(&stretch) {
            let frame = self.parts[place].next().expect("it was looked at");
            stretch.add(place, frame);
        }
        self.from = stretch.until;
        Some(stretch).filter(|stretch| !stretch.frames.is_empty())
    }
}

impl JointFrames {
    /// How long it is.
    pub const fn length(&self) -> Duration {
        self.until.since(self.from)
    }

    /// Whether a frame belongs to it, as far as the stretch goes.
    fn takes(&self, frame: &Frame) -> bool {
        self.length() < LEAST || self.has_most_of(frame) || self.is_cut_by(frame)
    }

    fn has_most_of(&self, frame: &Frame) -> bool {
        frame.from + frame.length() / 2 <= self.until
    }

    /// Whether a frame that ends behind it counted as well what came in most of its time.
    fn is_cut_by(&self, frame: &Frame) -> bool {
        self.until.since(frame.from) > self.length() / 2
    }

    fn add(&mut self, place: usize, frame: Frame) {
        if self.length() < LEAST || self.is_cut_by(&frame) && !self.has_most_of(&frame) {
            self.until = self.until.max(frame.until);
        }
        self.frames.push((place, frame));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use swell_core::record::Snapshot;

    use super::super::samples::{at, frame, quiet_frame};
    use super::*;

    /// Frames that end at these milliseconds, the first of which begins at the first of them.
    fn frames(ends: &[u64]) -> std::vec::IntoIter<Frame> {
        let of =
            |pair: &[u64]| Frame { from: at(pair[0]), until: at(pair[1]), ..quiet_frame(0, 0) };
        ends.windows(2).map(of).collect::<Vec<_>>().into_iter()
    }

    /// Where stretches end, in milliseconds, and how many frames of each part they have.
    fn stretches(parts: &[&[u64]]) -> Vec<(u64, Vec<usize>)> {
        let of = |stretch: JointFrames| {
            let of_part = |part| stretch.frames.iter().filter(|(place, _)| *place == part).count();
            let counts = (0..parts.len()).map(of_part).collect();
            (stretch.until.as_nanos() / 1_000_000, counts)
        };
        SideBySide::new(parts.iter().map(|ends| frames(ends))).map(of).collect()
    }

    #[test]
    fn half_seconds_become_seconds_each_with_what_lies_mostly_in_it() {
        let one: Vec<u64> = (0..=6).map(|half| half * 500).collect();
        let other: Vec<u64> = (0..=6).map(|half| half * 500 + u64::from(half > 0) * 200).collect();
        assert_eq!(
            stretches(&[&one, &other]),
            [(1_000, vec![2, 2]), (2_000, vec![2, 2]), (3_000, vec![2, 2])]
        );
    }

    #[test]
    fn a_long_frame_beside_short_ones_makes_a_long_stretch() {
        let short: Vec<u64> = (0..=10).map(|half| half * 500).collect();
        assert_eq!(
            stretches(&[&short, &[0, 4_000, 5_000]]),
            [(4_000, vec![8, 1]), (5_000, vec![2, 1])]
        );
    }

    #[test]
    fn who_comes_late_and_who_is_lost_early_take_part_while_they_do() {
        let seconds = |range: std::ops::RangeInclusive<u64>| {
            range.map(|second| second * 1_000).collect::<Vec<_>>()
        };
        assert_eq!(
            stretches(&[&seconds(0..=2), &seconds(0..=4), &seconds(3..=4)]),
            [
                (1_000, vec![1, 1, 0]),
                (2_000, vec![1, 1, 0]),
                (3_000, vec![0, 1, 0]),
                (4_000, vec![0, 1, 1])
            ]
        );
        let (mut early, late) = (SideBySide::new([frames(&[0, 1_000])]), frames(&[]));
        assert_eq!(early.next_from(0), Some(RunInstant::START));
        assert!(early.next().is_some() && early.next_from(0).is_none());
        assert!(SideBySide::new([late]).next().is_none());
    }

    proptest! {
        /// However nodes end their frames, all that they counted is in one stretch each.
        #[test]
        fn nothing_is_lost_and_stretches_follow_each_other(
            lengths in prop::collection::vec(prop::collection::vec(200_u64..9_000, 1..20), 1..6),
        ) {
            let mut seed = 0;
            let parts: Vec<Vec<Frame>> = lengths.iter().map(|lengths| {
                let mut until = 0;
                lengths.iter().map(|length| {
                    seed += 1;
                    let from = until;
                    until += length;
                    Frame { from: at(from), until: at(until), ..frame(seed, seed + 1, 3) }
                }).collect()
            }).collect();
            let mut sum = Snapshot::default();
            parts.iter().flatten().for_each(|frame| sum.merge(&frame.counted));
            let mut side_by_side = SideBySide::new(parts.into_iter().map(Vec::into_iter));
            let (mut all, mut from) = (Snapshot::default(), RunInstant::START);
            let mut lengths = Vec::new();
            for stretch in &mut side_by_side {
                prop_assert_eq!(stretch.from, from);
                from = stretch.until;
                lengths.push(stretch.length());
                stretch.frames.iter().for_each(|(_, frame)| all.merge(&frame.counted));
            }
            prop_assert_eq!(all.warm_up.total, sum.warm_up.total);
            prop_assert_eq!(all.measured.total, sum.measured.total);
            lengths.pop();
            prop_assert!(lengths.iter().all(|length| *length >= LEAST), "{:?}", lengths);
        }
    }
}
