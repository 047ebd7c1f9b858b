//! Counts of numbered buckets, when those in use are near to each other: memory for these alone,
//! and a count in a few instructions.
//!
//! The buckets lie in pages, and a page is made when one of its buckets is met. Clearing drops the
//! pages in which nothing was counted since the last time, so that what one window met does not
//! stay for all windows after it.

use std::collections::BTreeMap;

use super::buckets::BUCKETS;

/// Buckets of a page: an eighth of a doubling of times, in a quarter of a kilobyte.
const PAGE: usize = 128;
/// Pages for which memory is fetched at once, so that little memory is for no page.
const AT_ONCE: usize = 4;
/// The bits of a count that are in its page.
const LOWER_BITS: u32 = u16::BITS;
const LOWER: u64 = u16::MAX as u64;
const PAGES: usize = BUCKETS.div_ceil(PAGE);
const _: () = assert!(PAGES < u8::MAX as usize, "the place of a page is a byte");

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    /// Where each page is in `counts`, counted from one; zero where there is no page.
    places: [u8; PAGES],
    /// The last 16 bits of each count.
    counts: Vec<[u16; PAGE]>,
    /// How often each count has overflown; counts that never did are left out.
    carries: BTreeMap<u32, u64>,
}

impl Default for Pages {
    fn default() -> Self {
        Self { places: [0; PAGES], counts: Vec::new(), carries: BTreeMap::new() }
    }
}

impl Pages {
    /// Counts one more in a bucket.
    ///
    /// # Panics
    /// There is no such bucket.
    pub(super) fn add_one(&mut self, bucket: u32) {
        let lower = &mut self.page(bucket as usize / PAGE)[bucket as usize % PAGE];
        let (sum, carry) = lower.overflowing_add(1);
        *lower = sum;
        if carry {
            self.carry(bucket, 1);
        }
    }

    /// Counts `count` more in a bucket.
    ///
    /// # Panics
    /// There is no such bucket.
    pub(super) fn add(&mut self, bucket: u32, count: u64) {
        let (page, place) = (bucket as usize / PAGE, bucket as usize % PAGE);
        let lower = &mut self.page(page)[place];
        let sum = u64::from(*lower) + (count & LOWER);
        *lower = (sum & LOWER) as u16;
        let carry = (sum >> LOWER_BITS) + (count >> LOWER_BITS);
        if carry > 0 {
            self.carry(bucket, carry);
        }
    }

    /// Adds the counts of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        for (page, theirs) in other.made() {
            let mut carried = false;
            let mine = self.page(page);
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                let (sum, carry) = mine.overflowing_add(*theirs);
                *mine = sum;
                carried |= carry;
            }
            if carried {
                // If a sum has overflown, it is less than each of its two parts.
                let wrapped: Vec<usize> =
                    (0..PAGE).filter(|&place| self.page(page)[place] < theirs[place]).collect();
                wrapped.into_iter().for_each(|place| self.carry((page * PAGE + place) as u32, 1));
            }
        }
        other.carries.iter().for_each(|(&bucket, &carry)| self.carry(bucket, carry));
    }

    /// Sets all counts to zero. Pages without counts are dropped; their memory is used for the next
    /// pages.
    pub(super) fn clear(&mut self) {
        let mut kept = 0;
        for place in self.places.iter_mut().filter(|place| **place > 0) {
            let is_in_use = self.counts[usize::from(*place) - 1].iter().any(|&count| count > 0);
            kept += u8::from(is_in_use);
            *place = if is_in_use { kept } else { 0 };
        }
        self.counts.truncate(usize::from(kept));
        // All pages are the same now, so those that stay may change their places.
        self.counts.fill([0; PAGE]);
        self.carries.clear();
    }

    /// The buckets in which anything was counted, in their order, each with its count.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let buckets = self
            .made()
            .flat_map(|(page, counts)| (page * PAGE..).map(|bucket| bucket as u32).zip(counts));
        let whole = buckets.map(|(bucket, &lower)| {
            let upper = if self.carries.is_empty() {
                0
            } else {
                self.carries.get(&bucket).copied().unwrap_or(0)
            };
            (bucket, (upper << LOWER_BITS) + u64::from(lower))
        });
        whole.filter(|(_, count)| *count > 0)
    }

    /// The pages that exist, in the order of their buckets.
    fn made(&self) -> impl Iterator<Item = (usize, &[u16; PAGE])> {
        let made = self.places.iter().enumerate().filter(|(_, place)| **place > 0);
        made.map(|(page, &place)| (page, &self.counts[usize::from(place) - 1]))
    }

    fn page(&mut self, page: usize) -> &mut [u16; PAGE] {
        if self.places[page] == 0 {
            self.make(page);
        }
        &mut self.counts[usize::from(self.places[page]) - 1]
    }

    #[cold]
    fn make(&mut self, page: usize) {
        if self.counts.len() == self.counts.capacity() {
            self.counts.reserve_exact(AT_ONCE);
        }
        self.counts.push([0; PAGE]);
        self.places[page] = self.counts.len() as u8;
    }

    #[cold]
    fn carry(&mut self, bucket: u32, carry: u64) {
        *self.carries.entry(bucket).or_default() += carry;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pages: &Pages) -> Vec<(u32, u64)> {
        pages.iter().collect()
    }

    #[test]
    fn a_count_that_overflows_its_page_is_exact_however_it_was_reached() {
        let (mut pages, mut other) = (Pages::default(), Pages::default());
        pages.add(700, (1 << 16) - 1);
        pages.add(700, 1);
        assert_eq!(counts(&pages), [(700, 1 << 16)]);
        let mut one_by_one = Pages::default();
        (0..(1 << 16) + 3).for_each(|_| one_by_one.add_one(700));
        assert_eq!(counts(&one_by_one), [(700, (1 << 16) + 3)]);
        other.add(700, (7 << 40) - 1);
        other.add(701, 5);
        pages.merge(&other);
        assert_eq!(counts(&pages), [(700, (7 << 40) + (1 << 16) - 1), (701, 5)]);
        pages.merge(&other);
        assert_eq!(counts(&pages), [(700, (14 << 40) + (1 << 16) - 2), (701, 10)]);
        pages.clear();
        assert_eq!(counts(&pages), []);
    }

    #[test]
    fn pages_that_a_window_did_not_need_are_let_go_and_the_others_count_on() {
        let mut pages = Pages::default();
        [0, 200, 24_575].into_iter().for_each(|bucket| pages.add(bucket, 1));
        pages.clear();
        assert_eq!((counts(&pages), pages.counts.len()), (vec![], 3));
        [24_575, 201].into_iter().for_each(|bucket| pages.add(bucket, 2));
        pages.clear();
        assert_eq!(pages.counts.len(), 2);
        [24_575, 0, 201].into_iter().for_each(|bucket| pages.add(bucket, 3));
        assert_eq!(counts(&pages), [(0, 3), (201, 3), (24_575, 3)]);
    }
}
