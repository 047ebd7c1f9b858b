//! What bytes of a user or of another node reach, as functions over bytes: for a fuzzer
//! (`cargo xtask fuzz`), and for the quick test of them here.
//!
//! Each target takes any bytes and panics where a promise is broken. It gives whether they were let
//! in, so that a seed of which the layout has changed, and which reaches nothing any more, fails
//! the test.

mod admission;
mod lead;
mod link;
mod member;
mod results;
#[cfg(test)]
mod tests;
mod token;

/// See the module's documentation.
pub type Target = fn(&[u8]) -> bool;

/// All targets, by the names of their folders in `tests/fuzz/corpus`.
pub const TARGETS: [(&str, Target); 6] = [
    ("token", token::target),
    ("admission", admission::target),
    ("link", link::target),
    ("lead", lead::target),
    ("member", member::target),
    ("results", results::target),
];

/// Bytes that are read as what is to happen, one after the other, until there are none left.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<u8> {
        self.0.split_off_first().copied()
    }

    /// Bytes with their number before them, or as many as there are.
    fn piece(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.byte()?).min(self.0.len());
        self.0.split_off(..length)
    }
}
