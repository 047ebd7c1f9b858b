//! Randomness that repeats: what is drawn follows from the run's seed and the iteration's number,
//! on one host or on many.

use std::ops::{Range, RangeInclusive};

use crate::bindings::random;

/// A number of all 64-bit numbers.
#[must_use]
pub fn next() -> u64 {
    random::next()
}

/// A number of a range, each as likely as any other: `random::range(1..=6)`,
/// `random::range(0.0..1.0)`.
///
/// # Panics
///
/// When the range is empty.
pub fn range<T: Uniform>(range: impl Bounds<T>) -> T {
    let (first, last) = range.bounds();
    T::between(first, last, next())
}

/// Whether something happens that has this probability, from 0.0 to 1.0.
#[must_use]
pub fn chance(probability: f64) -> bool {
    unit(next()) < probability
}

/// One of the items, each as likely as any other; nothing when there are none:
/// `random::pick(&items).ok_or("the shop is empty")?`.
pub fn pick<T>(items: &[T]) -> Option<&T> {
    (!items.is_empty()).then(|| &items[range(0..items.len())])
}

/// One of the items, as likely as its weight says:
/// `random::weighted(&[(3, "browse"), (1, "buy")])`.
///
/// # Panics
///
/// When there is no item, or every weight is 0.
pub fn weighted<T>(items: &[(u32, T)]) -> &T {
    let total = items.iter().map(|(weight, _)| u64::from(*weight)).sum();
    &items[share(items.iter().map(|(weight, _)| *weight), below(next(), total))].1
}

/// Takes one of several branches, as likely as its weight says; the others are not evaluated.
///
/// ```no_run
/// # use swell::prelude::*;
/// # fn search() -> Result<()> { Ok(()) }
/// # fn buy() -> Result<()> { Ok(()) }
/// # fn scenario() -> Result<()> {
/// choose! {
///     8 => search()?,
///     2 => buy()?,
/// }
/// # Ok(()) }
/// ```
///
/// # Panics
///
/// When every weight is 0.
#[macro_export]
macro_rules! choose {
    ($($weight:expr => $branch:expr),+ $(,)?) => {{
        let drawn: usize = $crate::random::index(&[$($weight),+]);
        $crate::choose!(@branch drawn, 0usize, $($branch),+)
    }};
    (@branch $drawn:ident, $position:expr, $last:expr) => { $last };
    (@branch $drawn:ident, $position:expr, $branch:expr, $($further:expr),+) => {
        if $drawn == $position {
            $branch
        } else {
            $crate::choose!(@branch $drawn, $position + 1, $($further),+)
        }
    };
}

/// What `choose!` draws.
#[doc(hidden)]
#[must_use]
pub fn index(weights: &[u32]) -> usize {
    let total = weights.iter().map(|weight| u64::from(*weight)).sum();
    share(weights.iter().copied(), below(next(), total))
}

/// A number type that [`range`] can draw.
pub trait Uniform: Sized {
    /// What the 64 random bits in `draw` stand for between `first` and `last`.
    fn between(first: Self, last: Self, draw: u64) -> Self;
}

/// A range that [`range`] can draw from.
pub trait Bounds<T> {
    /// Its first and its last number.
    fn bounds(self) -> (T, T);
}

macro_rules! whole_numbers {
    ($($number:ty),+) => {$(
        impl Uniform for $number {
            fn between(first: Self, last: Self, draw: u64) -> Self {
                assert!(first <= last, "an empty range has no number to draw");
                let size = (last as i128 - first as i128 + 1) as u128;
                (first as i128 + ((u128::from(draw) * size) >> 64) as i128) as Self
            }
        }

        impl Bounds<$number> for RangeInclusive<$number> {
            fn bounds(self) -> ($number, $number) {
                self.into_inner()
            }
        }

        impl Bounds<$number> for Range<$number> {
            fn bounds(self) -> ($number, $number) {
                assert!(self.start < self.end, "an empty range has no number to draw");
                (self.start, self.end - 1)
            }
        }
    )+};
}

whole_numbers!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

impl Uniform for f64 {
    fn between(first: Self, last: Self, draw: u64) -> Self {
        assert!(first <= last, "an empty range has no number to draw");
        first + unit(draw) * (last - first)
    }
}

impl Bounds<f64> for Range<f64> {
    fn bounds(self) -> (f64, f64) {
        (self.start, self.end)
    }
}

/// From 0.0 up to and without 1.0: the 53 bits that a double holds.
fn unit(draw: u64) -> f64 {
    (draw >> 11) as f64 / (1u64 << 53) as f64
}

/// A number below `limit`. The high half of the product favours none by more than one part in 2^64
/// / `limit`.
fn below(draw: u64, limit: u64) -> u64 {
    assert!(limit > 0, "every weight is 0, there is nothing to choose");
    ((u128::from(draw) * u128::from(limit)) >> 64) as u64
}

/// Whose share of the summed weights a point lies in.
fn share(weights: impl Iterator<Item = u32>, point: u64) -> usize {
    let mut end = 0;
    let ends = weights.map(|weight| {
        end += u64::from(weight);
        end
    });
    ends.take_while(|end| *end <= point).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_reaches_both_its_ends_and_nothing_else() {
        assert_eq!(i32::between(-3, 3, 0), -3);
        assert_eq!(i32::between(-3, 3, u64::MAX), 3);
        assert_eq!(u64::between(0, u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(i64::between(i64::MIN, i64::MAX, 0), i64::MIN);
        assert_eq!((1u8..3).bounds(), (1, 2));
    }

    #[test]
    fn each_face_of_a_die_has_a_sixth_of_the_draws() {
        let draws = 6_000u64;
        let mut faces = [0; 6];
        for draw in 0..draws {
            faces[usize::from(u8::between(1, 6, draw * (u64::MAX / draws))) - 1] += 1;
        }
        assert!(faces.iter().all(|count| (990..=1010).contains(count)), "{faces:?}");
    }

    #[test]
    fn a_fraction_never_reaches_the_end() {
        assert_eq!(unit(0), 0.0);
        assert!(unit(u64::MAX) < 1.0);
    }

    #[test]
    fn a_point_belongs_to_the_weight_that_covers_it() {
        let weights = [3, 0, 1];
        let owners: Vec<usize> = (0..4).map(|point| share(weights.into_iter(), point)).collect();
        assert_eq!(owners, [0, 0, 0, 2]);
    }

    #[test]
    #[should_panic(expected = "an empty range has no number to draw")]
    fn an_empty_range_is_refused() {
        let (first, last) = Bounds::bounds(5..5);
        i32::between(first, last, 0);
    }

    #[test]
    #[should_panic(expected = "every weight is 0")]
    fn weights_of_nothing_are_refused() {
        below(0, 0);
    }
}
