//! Changes of a text after which all that stays is where it was.

use std::ops::Range;

/// A byte that means: a space, but a line's end stays one.
const BLANK: u8 = b' ';

/// What is to be done to a text.
pub(super) struct Edits<'t> {
    text: &'t str,
    /// One for each byte of the text: 0 where it stays, or else what stands in place of the
    /// character that begins there.
    marks: Vec<u8>,
    inserted: Vec<(usize, String)>,
}

impl<'t> Edits<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, marks: vec![0; text.len()], inserted: Vec::new() }
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// Takes out what stands there, but for what was put in its place already.
    pub(super) fn blank(&mut self, range: Range<usize>) {
        for mark in self.marks[range].iter_mut().filter(|mark| **mark == 0) {
            *mark = BLANK;
        }
    }

    pub(super) fn is_blank(&self, at: usize) -> bool {
        self.marks[at] == BLANK
    }

    /// Puts an ASCII letter in place of a character.
    pub(super) fn put(&mut self, at: usize, letter: u8) {
        self.marks[at] = letter;
    }

    /// Inserts words, which have no line's end: what follows on the line moves.
    pub(super) fn insert(&mut self, at: usize, words: String) {
        self.inserted.push((at, words));
    }

    /// Where code goes on after this place: behind spaces and comments.
    pub(super) fn next(&self, mut at: usize) -> usize {
        loop {
            let rest = &self.text[at..];
            let code = rest.trim_start();
            at += rest.len() - code.len();
            let length = if code.starts_with("//") {
                code.find('\n')
            } else if code.starts_with("/*") {
                code.find("*/").map(|end| end + 2)
            } else {
                return at;
            };
            at += length.unwrap_or(code.len());
        }
    }

    /// Takes out the character with which code goes on, if it is this one.
    pub(super) fn blank_next(&mut self, at: usize, letter: char) {
        let next = self.next(at);
        if self.text[next..].starts_with(letter) {
            self.blank(next..next + letter.len_utf8());
        }
    }

    /// The text that comes of it.
    pub(super) fn finish(mut self) -> String {
        // Stable: what was inserted first into one place stands first there.
        self.inserted.sort_by_key(|(at, _)| *at);
        let mut inserted = self.inserted.into_iter().peekable();
        let mut made = String::with_capacity(self.text.len());
        for (at, letter) in self.text.char_indices() {
            while let Some((_, words)) = inserted.next_if(|(place, _)| *place <= at) {
                made.push_str(&words);
            }
            made.push(match self.marks[at] {
                0 => letter,
                BLANK if matches!(letter, '\n' | '\r' | '\u{2028}' | '\u{2029}') => letter,
                mark => char::from(mark),
            });
        }
        inserted.for_each(|(_, words)| made.push_str(&words));
        made
    }
}
