//! Which frames of a record are joined where there are too many of them.
//!
//! Who looks at a run that took a day wants its last minutes second by second, and its first hours
//! in steps that a chart can show. So frames are joined in pairs, the oldest first, and those that
//! came of it in pairs again: of each length, 1 s, 2 s, 4 s and so on, about as many are left. The
//! step of a frame is then about in proportion to its age.

use std::ops::Range;
use std::time::Duration;

/// A frame, as far as it decides on what is joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// How long it is.
    pub length: Duration,
    /// How many bytes it takes.
    pub bytes: u64,
}

/// Which frames become one each, oldest first, so that no more than `frames` are left, and that
/// they take no more than `bytes`, as far as can be known before. The ranges follow each other;
/// most hold one frame.
pub fn joined(spans: &[Span], frames: usize, bytes: u64) -> Vec<Range<usize>> {
    let alone = || (0..spans.len()).map(|at| at..at + 1).collect::<Vec<_>>();
    let mut kept_of_each_length = spans.len();
    loop {
        let mut groups = alone();
        // Each round joins frames of up to twice the length of the round before; there is no
        // length beyond the last.
        for doublings in 0..u32::BITS {
            if fits(spans, &groups, frames, bytes) {
                return groups;
            }
            // Those that are shorter are newer, and so many of each are kept before.
            let kept = kept_of_each_length * (doublings as usize + 1);
            groups = in_pairs(spans, groups, Duration::from_secs(1 << doublings), kept);
        }
        if fits(spans, &groups, frames, bytes) || kept_of_each_length == 0 {
            return groups;
        }
        kept_of_each_length = kept_of_each_length * 3 / 4;
    }
}

/// Joins neighbours that are about as long as `length` or shorter, but for the newest of these.
fn in_pairs(
    spans: &[Span],
    groups: Vec<Range<usize>>,
    length: Duration,
    kept: usize,
) -> Vec<Range<usize>> {
    // A second's frame is rarely exactly one long.
    let is_short = |group: &Range<usize>| length_of(spans, group) < length * 3 / 2;
    let short = groups.iter().filter(|group| is_short(group)).count();
    let mut to_join = short.saturating_sub(kept);
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(groups.len());
    // Whether the latest of `joined` waits for the other one of its pair.
    let mut waits = false;
    for group in groups {
        let takes_part = to_join > 0 && is_short(&group);
        to_join -= usize::from(takes_part);
        match joined.last_mut().filter(|_| waits && takes_part) {
            Some(before) => (before.end, waits) = (group.end, false),
            None => {
                waits = takes_part;
                joined.push(group);
            }
        }
    }
    joined
}

fn length_of(spans: &[Span], group: &Range<usize>) -> Duration {
    spans[group.clone()].iter().map(|span| span.length).sum()
}

/// Whether there are few enough. How much less a pair takes than its parts nobody knows before it
/// is made: of seconds with thousands of samples it is about a third.
fn fits(spans: &[Span], groups: &[Range<usize>], frames: usize, bytes: u64) -> bool {
    let taken = |group: &Range<usize>| {
        let all: u64 = spans[group.clone()].iter().map(|span| span.bytes).sum();
        (0..group.len().ilog2()).fold(all, |bytes, _| bytes * 2 / 3)
    };
    groups.len() <= frames && groups.iter().map(taken).sum::<u64>() <= bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(lengths: &[u64]) -> Vec<Span> {
        let span = |&length| Span { length: Duration::from_secs(length), bytes: 100 };
        lengths.iter().map(span).collect()
    }

    /// A record that grows by a frame a second, and is thinned whenever it has too many.
    fn grown(total: usize, most: usize) -> Vec<Span> {
        let mut spans = Vec::new();
        for _ in 0..total {
            spans.push(Span { length: Duration::from_secs(1), bytes: 100 });
            if spans.len() > most {
                let groups = joined(&spans, most * 3 / 4, u64::MAX);
                spans = groups
                    .iter()
                    .map(|group| Span { length: length_of(&spans, group), bytes: 100 })
                    .collect();
            }
        }
        spans
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let spans = seconds(&[1; 5]);
        assert_eq!(joined(&spans, 5, 500), [0..1, 1..2, 2..3, 3..4, 4..5]);
        assert_eq!(joined(&[], 0, 0), Vec::<Range<usize>>::new());
    }

    #[test]
    fn the_oldest_are_joined_first_and_nothing_is_left_out() {
        let spans = seconds(&[1; 8]);
        let groups = joined(&spans, 6, u64::MAX);
        assert_eq!(groups.first(), Some(&(0..2)));
        assert_eq!(groups.last(), Some(&(7..8)));
        assert!(groups.len() <= 6);
        assert!(groups.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert_eq!((groups[0].start, groups[groups.len() - 1].end), (0, 8));
    }

    #[test]
    fn a_day_is_in_steps_of_its_age_and_its_last_minutes_in_seconds() {
        let day = grown(86_400, 3_600);
        assert!(day.len() <= 3_600 && day.len() > 1_800, "{}", day.len());
        assert_eq!(day.iter().map(|span| span.length.as_secs()).sum::<u64>(), 86_400);
        let step = |age: u64| {
            let mut later = 0;
            let found = day.iter().rev().find(|span| {
                later += span.length.as_secs();
                later > age
            });
            found.unwrap().length.as_secs()
        };
        assert_eq!(step(120), 1, "the last two minutes");
        assert!(step(3_600) <= 16, "an hour ago: {}", step(3_600));
        assert!(step(86_300) <= 512, "a day ago: {}", step(86_300));
    }

    #[test]
    fn frames_that_take_too_many_bytes_are_joined_however_few_they_are() {
        let spans = seconds(&[1; 100]);
        let groups = joined(&spans, 3_600, 7_000);
        assert!(groups.len() < 80 && groups.len() > 20, "{}", groups.len());
        // Where even one is too large, there is nothing to join it with.
        assert_eq!(joined(&seconds(&[1, 1]), 10, 1).len(), 1);
    }

    #[test]
    fn frames_of_odd_lengths_are_joined_as_well() {
        let spans = seconds(&[40, 1, 1, 3, 1, 900, 1, 2, 1, 1]);
        let groups = joined(&spans, 3, u64::MAX);
        assert!(groups.len() <= 3, "{groups:?}");
    }
}
