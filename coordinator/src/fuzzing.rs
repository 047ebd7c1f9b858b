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
mod script;
#[cfg(test)]
mod tests;
mod token;

/// See the module's documentation.
pub type FuzzTarget = fn(&[u8]) -> bool;

/// All targets, by the names of their folders in `tests/fuzz/corpus`.
pub const TARGETS: [(&str, FuzzTarget); 6] = [
    ("token", token::target),
    ("admission", admission::target),
    ("link", link::target),
    ("lead", lead::target),
    ("member", member::target),
    ("results", results::target),
];
