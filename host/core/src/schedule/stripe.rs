//! Parts of all slots, by the slots' numbers alone.

/// A share of all slots: those whose number leaves the remainder `index` when divided by `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stripe {
    index: u64,
    of: u64,
}

impl Stripe {
    /// All slots.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Share number `index` of `of`.
    ///
    /// # Panics
    /// When there is no such share.
    pub const fn new(index: u64, of: u64) -> Self {
        assert!(index < of, "a share is one of those that there are");
        Self { index, of }
    }

    /// Part number `index` of `of` of this part: for a thread, of its node's part.
    ///
    /// # Panics
    /// When there is no such share.
    pub const fn part(self, index: u64, of: u64) -> Self {
        Self::new(self.index + index * self.of, self.of * of)
    }

    /// Which share it is, from 0.
    pub const fn index(self) -> u64 {
        self.index
    }

    /// How many shares there are.
    pub const fn of(self) -> u64 {
        self.of
    }
}
