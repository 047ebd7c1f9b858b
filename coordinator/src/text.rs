//! Texts that come from outside, fit to be printed.

use std::fmt::Display;

/// Characters that are kept of one.
const MAX_CHARS: usize = 300;

/// A text from outside, cut to some length and without what could steer a terminal.
pub(crate) fn printable(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .chars()
        .take(MAX_CHARS)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// The first line of an error, for a log: what it holds from outside cannot begin another one
/// there.
pub(crate) fn headline(error: &impl Display) -> String {
    printable(error.to_string().lines().next().unwrap_or_default().as_bytes())
}
