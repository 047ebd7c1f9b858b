//! What all that is printed of an iteration is made of.

use std::time::Duration;

use crate::sheet::Piece;

/// What is printed of an event: lines, each in pieces.
pub type PrintedLines = Vec<Vec<Piece>>;

/// A time in the unit that needs the fewest digits.
pub(super) fn time(time: Duration) -> String {
    crate::figures::time(Some(time.as_secs_f64() * 1e3))
}
