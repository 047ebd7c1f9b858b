//! Sums that are made of parts: they are merged and cleared part by part, and no part is forgotten.

/// Gives types a `merge` and a `clear` of all their parts. If a part is missing from the list, it
/// does not compile.
macro_rules! sums {
    ($($sum:ident { $($part:ident),+ $(,)? })+) => {$(
        impl $sum {
            /// Adds everything that `other` counted.
            pub fn merge(&mut self, other: &Self) {
                let Self { $($part),+ } = other;
                $(self.$part.merge($part);)+
            }

            /// Forgets everything and keeps the memory.
            pub fn clear(&mut self) {
                let Self { $($part),+ } = self;
                $($part.clear();)+
            }
        }
    )+};
}
pub(super) use sums;

/// A part that has no such methods of its own.
pub(super) trait Summand {
    fn merge(&mut self, other: &Self);
    fn clear(&mut self);
}

impl Summand for u64 {
    fn merge(&mut self, other: &Self) {
        *self += other;
    }

    fn clear(&mut self) {
        *self = 0;
    }
}
