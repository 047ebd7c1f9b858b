//! How many iterations each user has to make, where each makes the same number.
//!
//! A user may end before it has made its own, because it trapped or could not start. The user that
//! is created in its place, of the same scenario, makes the rest. So all users of each scenario
//! together make what was asked for.

use std::collections::BTreeMap;

/// The iterations of the users of one worker.
#[derive(Debug)]
pub struct Allotment {
    /// What each user makes; `None` where nobody counts.
    each: Option<u64>,
    /// What users of each scenario left undone whose places are free.
    rests: BTreeMap<usize, Vec<u64>>,
}

impl Allotment {
    /// So many iterations for each user; without a number there is no end to them.
    pub const fn new(each: Option<u64>) -> Self {
        Self { each, rests: BTreeMap::new() }
    }

    /// How many iterations a user of this scenario makes that is created now.
    pub fn allot(&mut self, scenario: usize) -> u64 {
        let rest = self.rests.get_mut(&scenario).and_then(Vec::pop);
        rest.or(self.each).unwrap_or(u64::MAX)
    }

    /// A user of this scenario has ended that was to make `left` more. Returns whether nobody is to
    /// take its place.
    pub fn handle_ended(&mut self, scenario: usize, left: u64) -> bool {
        if left > 0 && self.each.is_some() {
            self.rests.entry(scenario).or_default().push(left);
        }
        left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_a_place_makes_the_rest_and_nobody_takes_that_of_a_user_that_made_all() {
        let mut allotment = Allotment::new(Some(10));
        assert_eq!((allotment.allot(0), allotment.allot(1)), (10, 10));
        assert!(!allotment.handle_ended(0, 7));
        let next = [1, 0, 0].map(|scenario| allotment.allot(scenario));
        assert_eq!(next, [10, 7, 10], "the rest is for a user of the same scenario");
        assert!(allotment.handle_ended(0, 0));
        assert_eq!(allotment.allot(0), 10);
    }

    #[test]
    fn without_a_number_there_is_no_end() {
        let mut allotment = Allotment::new(None);
        let left = allotment.allot(0) - 1_000;
        assert!(!allotment.handle_ended(0, left));
        assert_eq!(allotment.allot(0), u64::MAX);
    }
}
