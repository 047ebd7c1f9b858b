//! How many iterations each user has to make, where each makes the same number.
//!
//! A user may end before it has made its own, because it trapped or could not start. The user that
//! is created in its place makes the rest, so that all users together make what was asked for.

/// The iterations of the users of one worker.
#[derive(Debug)]
pub struct Allotment {
    /// What each user makes; `None` where nobody counts.
    each: Option<u64>,
    /// What users left undone whose places are free.
    rests: Vec<u64>,
}

impl Allotment {
    /// So many iterations for each user; without a number there is no end to them.
    pub const fn new(each: Option<u64>) -> Self {
        Self { each, rests: Vec::new() }
    }

    /// How many iterations a user makes that is created now.
    pub fn allot(&mut self) -> u64 {
        self.rests.pop().or(self.each).unwrap_or(u64::MAX)
    }

    /// A user has ended that was to make `left` more. Returns whether nobody is to take its place.
    pub fn handle_ended(&mut self, left: u64) -> bool {
        if left > 0 && self.each.is_some() {
            self.rests.push(left);
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
        assert_eq!((allotment.allot(), allotment.allot()), (10, 10));
        assert!(!allotment.handle_ended(7));
        assert_eq!((allotment.allot(), allotment.allot()), (7, 10));
        assert!(allotment.handle_ended(0));
        assert_eq!(allotment.allot(), 10);
    }

    #[test]
    fn without_a_number_there_is_no_end() {
        let mut allotment = Allotment::new(None);
        let left = allotment.allot() - 1_000;
        assert!(!allotment.handle_ended(left));
        assert_eq!(allotment.allot(), u64::MAX);
    }
}
