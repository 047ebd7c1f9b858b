//! What waits for a receiver: when it is tried, how much goes at once, and what is given up.
//!
//! While a receiver is away, updates wait for it, and it is tried less and less often: at intervals
//! that double up to [`LONGEST`], each of them shifted at random, so that the hosts of a cluster do
//! not all come back at one moment. Memory has a bound, and the oldest updates go first.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use swell_core::random::Random;

/// Updates that wait at most: two minutes of one run.
const MOST: usize = 120;
/// Bytes of them.
const MOST_BYTES: usize = 16 << 20;
/// Bytes that go at once: receivers have limits, most of them of 20 MB and more. Of one that has a
/// lower limit that is learned.
const BATCH: usize = 4 << 20;
/// How long after the first failure a receiver is tried again.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest of these intervals.
const LONGEST: Duration = Duration::from_secs(15);

/// How updates go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joining {
    /// The bytes of several behind each other are one message.
    Appended,
    /// Each is a message.
    Apart,
    /// One makes those before it needless.
    Latest,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Backlog {
    joining: Joining,
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    /// How many of them are under way, and of how many bytes.
    under_way: usize,
    bytes_under_way: usize,
    /// Bytes that go at once.
    batch: usize,
    /// How often in a row the receiver could not be reached, and when it is tried again.
    failures: u32,
    next_try: Option<Instant>,
    random: Random,
    delivered: u64,
    dropped: u64,
}

impl Backlog {
    pub(super) const fn new(joining: Joining, random: Random) -> Self {
        Self {
            joining,
            waiting: VecDeque::new(),
            bytes: 0,
            under_way: 0,
            bytes_under_way: 0,
            batch: BATCH,
            failures: 0,
            next_try: None,
            random,
            delivered: 0,
            dropped: 0,
        }
    }

    /// Another update. The oldest are dropped where there is no room.
    pub(super) fn handle_update(&mut self, update: Vec<u8>) {
        if self.joining == Joining::Latest {
            self.take(self.waiting.len());
        }
        self.bytes += update.len();
        self.waiting.push_back(update);
        while self.waiting.len() > MOST || self.bytes > MOST_BYTES && self.waiting.len() > 1 {
            self.take(1);
            self.dropped += 1;
        }
    }

    /// How updates go together.
    pub(super) const fn joining(&self) -> Joining {
        self.joining
    }

    /// What is to be sent now.
    pub(super) fn poll_batch(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.next_try.is_some_and(|at| now < at) {
            return None;
        }
        let mut batch = self.waiting.front()?.clone();
        self.under_way = 1;
        if self.joining == Joining::Appended {
            for update in self.waiting.iter().skip(1) {
                if batch.len() + update.len() > self.batch {
                    break;
                }
                batch.extend_from_slice(update);
                self.under_way += 1;
            }
        }
        self.bytes_under_way = batch.len();
        Some(batch)
    }

    /// The receiver has taken what is under way.
    pub(super) fn handle_taken(&mut self) {
        self.delivered += self.under_way as u64;
        self.take(self.under_way);
        (self.failures, self.next_try) = (0, None);
    }

    /// The receiver does not take so much at once, and gets half of it from here on. Says whether
    /// that can be: one update by itself has no half.
    pub(super) const fn halve_batch(&mut self) -> bool {
        let has_half = self.under_way > 1;
        if has_half {
            self.batch = self.bytes_under_way / 2;
        }
        has_half
    }

    /// The receiver will never take what is under way.
    pub(super) fn handle_refused(&mut self) {
        self.dropped += self.under_way as u64;
        self.take(self.under_way);
        (self.failures, self.next_try) = (0, None);
    }

    /// The receiver could not be reached: what is under way is kept.
    pub(super) fn handle_failed(&mut self, now: Instant) {
        let doubled = SHORTEST * 2_u32.saturating_pow(self.failures.min(8));
        let shifted = doubled.min(LONGEST).mul_f64(0.5 + self.random.unit());
        self.next_try = Some(now + shifted);
        self.failures += 1;
    }

    /// Nothing more comes: what is left may be tried at once.
    pub(super) const fn hurry(&mut self) {
        self.next_try = None;
    }

    /// How often in a row the receiver could not be reached.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// Updates that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Updates that were dropped.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// All updates that there were, but for those that a later one made needless.
    pub(super) fn all(&self) -> u64 {
        self.delivered + self.dropped + self.waiting.len() as u64
    }

    fn take(&mut self, count: usize) {
        let gone = self.waiting.drain(..count.min(self.waiting.len()));
        self.bytes -= gone.map(|update| update.len()).sum::<usize>();
        self.under_way = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backlog(joining: Joining) -> Backlog {
        Backlog::new(joining, Random::stream(1, 0))
    }

    #[test]
    fn what_waited_goes_at_once_and_in_order() {
        let (mut backlog, now) = (backlog(Joining::Appended), Instant::now());
        assert_eq!(backlog.poll_batch(now), None);
        for update in [b"one ", b"two "] {
            backlog.handle_update(update.to_vec());
        }
        assert_eq!(backlog.poll_batch(now).unwrap(), b"one two ");
        backlog.handle_taken();
        assert_eq!((backlog.poll_batch(now), backlog.all(), backlog.waiting()), (None, 2, 0));
    }

    #[test]
    fn what_cannot_be_joined_goes_one_by_one_and_what_is_needless_never() {
        let now = Instant::now();
        let mut apart = backlog(Joining::Apart);
        let mut latest = backlog(Joining::Latest);
        for backlog in [&mut apart, &mut latest] {
            backlog.handle_update(b"one".to_vec());
            backlog.handle_update(b"two".to_vec());
        }
        assert_eq!(apart.poll_batch(now).unwrap(), b"one");
        apart.handle_taken();
        assert_eq!(apart.poll_batch(now).unwrap(), b"two");
        assert_eq!(latest.poll_batch(now).unwrap(), b"two");
        latest.handle_taken();
        assert_eq!((latest.all(), latest.dropped(), latest.waiting()), (1, 0, 0));
    }

    #[test]
    fn a_receiver_that_is_away_is_tried_less_and_less_often_and_then_gets_all() {
        let (mut backlog, mut now) = (backlog(Joining::Appended), Instant::now());
        let (mut tries, begun) = (0, now);
        for second in 0_u8..100 {
            backlog.handle_update(vec![second]);
            if backlog.poll_batch(now).is_some() {
                backlog.handle_failed(now);
                tries += 1;
            }
            now += Duration::from_secs(1);
        }
        // 1, 2, 4, 8 s and then 15 s, each shifted by half.
        assert!((6..20).contains(&tries), "{tries} tries in {:?}", now - begun);
        assert_eq!((backlog.dropped(), backlog.failures()), (0, tries));
        now += 2 * LONGEST;
        assert_eq!(backlog.poll_batch(now).unwrap(), Vec::from_iter(0..100));
        backlog.handle_taken();
        assert_eq!((backlog.failures(), backlog.all()), (0, 100));
    }

    #[test]
    fn two_that_fail_together_do_not_come_back_together() {
        let now = Instant::now();
        let tries = [1, 2].map(|seed| {
            let mut backlog = Backlog::new(Joining::Appended, Random::stream(seed, 0));
            backlog.handle_failed(now);
            backlog.next_try.unwrap() - now
        });
        assert!(tries[0] != tries[1], "{tries:?}");
        for shifted in tries {
            assert!((SHORTEST / 2..SHORTEST * 3 / 2).contains(&shifted), "{shifted:?}");
        }
    }

    #[test]
    fn the_oldest_are_dropped_and_counted_where_there_is_no_room() {
        let mut many = backlog(Joining::Appended);
        (0..MOST + 7).for_each(|_| many.handle_update(vec![1]));
        assert_eq!((many.waiting(), many.dropped(), many.all()), (MOST, 7, MOST as u64 + 7));
        let mut large = backlog(Joining::Appended);
        (0..5).for_each(|_| large.handle_update(vec![1; MOST_BYTES / 2]));
        assert_eq!((large.waiting(), large.dropped()), (2, 3));
        large.handle_update(vec![1; 2 * MOST_BYTES]);
        assert_eq!((large.waiting(), large.dropped()), (1, 5), "one has room however large it is");
    }

    #[test]
    fn what_is_refused_is_dropped_and_what_follows_is_not() {
        let (mut backlog, now) = (backlog(Joining::Appended), Instant::now());
        backlog.handle_update(b"bad".to_vec());
        assert!(backlog.poll_batch(now).is_some());
        backlog.handle_refused();
        backlog.handle_update(b"good".to_vec());
        assert_eq!(backlog.poll_batch(now).unwrap(), b"good");
        backlog.handle_taken();
        assert_eq!((backlog.dropped(), backlog.all()), (1, 2));
    }

    #[test]
    fn who_takes_less_at_once_gets_less_and_only_what_is_too_large_alone_is_dropped() {
        let (mut backlog, now) = (backlog(Joining::Appended), Instant::now());
        for length in [1, 1, 9, 1, 1, 1] {
            backlog.handle_update(vec![length as u8; length]);
        }
        let mut taken = Vec::new();
        while let Some(batch) = backlog.poll_batch(now) {
            if batch.len() > 4 {
                if !backlog.halve_batch() {
                    backlog.handle_refused();
                }
            } else {
                taken.push(batch.len());
                backlog.handle_taken();
            }
        }
        assert_eq!(taken, [2, 3]);
        assert_eq!((backlog.dropped(), backlog.all()), (1, 6));
    }

    #[test]
    fn one_message_is_no_larger_than_receivers_take() {
        let (mut backlog, now) = (backlog(Joining::Appended), Instant::now());
        (0..3).for_each(|_| backlog.handle_update(vec![1; BATCH / 2]));
        assert_eq!(backlog.poll_batch(now).unwrap().len(), BATCH);
        backlog.handle_taken();
        assert_eq!(backlog.poll_batch(now).unwrap().len(), BATCH / 2);
    }
}
