//! A list of URLs, one a line, each with a method before it or not.

use crate::draft::{Draft, DraftEntry, DraftStep};
use crate::not_imported::NotImported;
use crate::place::http_url;

/// Reads the list; empty lines and what follows a `#` at a line's begin say nothing.
pub(crate) fn read(text: &str) -> Result<Draft, NotImported> {
    let mut draft = Draft::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fault = || NotImported::Line { line: number + 1, text: line.to_owned() };
        let (method, url) = match line.split_once(char::is_whitespace) {
            Some((method, url)) if is_method(method) => (method, url.trim()),
            Some(_) => return Err(fault()),
            None => ("GET", line),
        };
        let url = http_url(url).ok_or_else(fault)?;
        let mut step = DraftStep { method: method.to_owned(), ..DraftStep::default() };
        draft.place(&mut step, &url);
        draft.entries.push(DraftEntry::Step(Box::new(step)));
    }
    Ok(draft)
}

/// Whether a word is written as methods are.
pub(crate) fn is_method(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
}
