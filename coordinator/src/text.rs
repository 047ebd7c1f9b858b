//! Texts that come from outside, made safe to print.

use std::fmt::Display;

/// How many characters of such a text are kept.
const MAX_CHARS: usize = 300;

/// A text from outside, cut to some length and without anything that could control a terminal.
pub(crate) fn printable(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .chars()
        .take(MAX_CHARS)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// The first line of an error, for a log: a text from outside in it cannot begin another line
/// there.
pub(crate) fn headline(error: &impl Display) -> String {
    printable(error.to_string().lines().next().unwrap_or_default().as_bytes())
}
