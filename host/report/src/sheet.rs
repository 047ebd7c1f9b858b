//! Text for people, laid out on lines of a width: sentences are folded at spaces, a table leaves
//! out the columns that have no room and says so, and no word of somebody else does anything to a
//! terminal.
//!
//! A sheet knows no terminal. What a piece of it is to the reader is a tone; whoever shows the
//! sheet makes a colour of it, or none. Without a width, as in a file, nothing is folded, so that
//! `grep` finds what is there.

mod table;

use std::fmt::{self, Display, Formatter};

use swell_core::plain::line;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

pub(crate) use self::table::{Column, Row, Table};

/// Columns below which nothing can be laid out: a narrower terminal folds the lines itself.
const LEAST: usize = 20;

/// What a piece of text is to its reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As all around it.
    #[default]
    Plain,
    /// What a reader looks for first.
    Title,
    /// As it should be.
    Good,
    /// To be looked at.
    Doubtful,
    /// Failed.
    Bad,
    /// There to be complete.
    Faint,
}

impl Tone {
    /// A text in this tone.
    pub fn of(self, text: impl Into<String>) -> Piece {
        Piece { tone: self, text: text.into() }
    }
}

/// A text in one tone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its tone.
    pub tone: Tone,
    /// Its text, which is a part of one line.
    pub text: String,
}

impl Piece {
    /// How many columns of a terminal it takes.
    pub fn columns(&self) -> usize {
        width(&self.text)
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Self {
        Tone::Plain.of(text)
    }
}

impl From<&str> for Piece {
    fn from(text: &str) -> Self {
        Tone::Plain.of(text)
    }
}

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    columns: Option<usize>,
    lines: Vec<Vec<Piece>>,
    /// Columns of tables that had no room.
    left_out: Vec<&'static str>,
}

impl Sheet {
    /// An empty one. Without `columns` its lines are as long as they need to be.
    pub(crate) fn new(columns: Option<usize>) -> Self {
        let columns = columns.map(|columns| columns.max(LEAST));
        Self { columns, lines: Vec::new(), left_out: Vec::new() }
    }

    /// Its lines, each in pieces.
    pub fn lines(&self) -> &[Vec<Piece>] {
        &self.lines
    }

    /// An empty line.
    pub(crate) fn blank(&mut self) {
        self.lines.push(Vec::new());
    }

    /// Sentences that begin after `indent` columns; what is folded stands four further in.
    pub(crate) fn say<P: Into<Piece>>(
        &mut self,
        indent: usize,
        pieces: impl IntoIterator<Item = P>,
    ) {
        self.fold(indent, indent + 4, pieces.into_iter().map(Into::into));
    }

    /// A line to be copied, which is never folded.
    pub(crate) fn verbatim(&mut self, indent: usize, piece: Piece) {
        self.lines.push(vec![" ".repeat(indent).into(), plain(piece)]);
    }

    /// Words beside a head of ours, and what is folded of them below where they begin.
    pub(crate) fn beside<P: Into<Piece>>(
        &mut self,
        head: &str,
        pieces: impl IntoIterator<Item = P>,
    ) {
        self.fold_after(head.into(), width(head), pieces.into_iter().map(Into::into));
    }

    /// A fact with a label before it, and what is folded below its words.
    pub(crate) fn fact<P: Into<Piece>>(
        &mut self,
        label: &str,
        pieces: impl IntoIterator<Item = P>,
    ) {
        let label = Piece::from(format!("{label:<12} "));
        let hang = if self.columns.is_some_and(|columns| columns < 40) { 4 } else { 15 };
        let pieces = std::iter::once(label).chain(pieces.into_iter().map(Into::into));
        self.fold(2, hang, pieces);
    }

    /// Tells which columns the tables lack, if any.
    pub(crate) fn tell_left_out(&mut self) {
        if !self.left_out.is_empty() {
            let names = self.left_out.join(", ");
            let words = format!(
                "some tables lack columns that have no room here ({names}): a wider terminal or \
                --out json=FILE shows them"
            );
            self.blank();
            self.say(2, [Tone::Faint.of(words)]);
        }
    }

    fn fold(&mut self, indent: usize, hang: usize, pieces: impl Iterator<Item = Piece>) {
        self.fold_after(" ".repeat(indent).into(), hang, pieces);
    }

    fn fold_after(&mut self, head: Piece, hang: usize, pieces: impl Iterator<Item = Piece>) {
        let head = (!head.text.is_empty()).then_some(head);
        let Some(columns) = self.columns else {
            self.lines.push(head.into_iter().chain(pieces.map(plain)).collect());
            return;
        };
        let mut folded = Folded { columns, hang, lines: Vec::new() };
        folded.start(head);
        for words in inseparable(words(pieces)) {
            folded.push(words);
        }
        self.lines.extend(folded.lines.into_iter().map(|line| line.pieces));
    }
}

impl Display for Sheet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            line.iter().try_for_each(|piece| f.write_str(&piece.text))?;
            writeln!(f)?;
        }
        Ok(())
    }
}

/// How many columns of a terminal a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// A text cut in its middle to a width, as names often differ at their end.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let from_behind = text.chars().rev().collect::<String>();
    let in_room = |room: usize| {
        let (head, tail) = (room.div_ceil(2), room / 2);
        let tail: String = up_to(&from_behind, tail).chars().rev().collect();
        format!("{}…{tail}", up_to(text, head))
    };
    // What changes the character before it may stand first in the tail, and then widens what is
    // before the cut.
    let fitting = (1..columns).rev().map(in_room).find(|short| width(short) <= columns);
    fitting.unwrap_or_else(|| "…".to_owned())
}

/// The longest beginning of a text that takes at most so many columns.
fn up_to(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    let end = text.char_indices().find(|(_, character)| {
        taken += character.width().unwrap_or(0);
        taken > columns
    });
    let mut beginning = end.map_or(text, |(end, _)| &text[..end]);
    // Characters together may be wider than each of them alone: "#" before a U+FE0F is.
    while width(beginning) > columns {
        let last = beginning.char_indices().next_back();
        beginning = last.map_or("", |(start, _)| &beginning[..start]);
    }
    beginning
}

/// The same piece with nothing in it that acts; spaces at its end are ours and stay.
fn plain(Piece { tone, text }: Piece) -> Piece {
    let spaces = text.len() - text.trim_end_matches(' ').len();
    Piece { tone, text: format!("{}{}", line(&text), " ".repeat(spaces)) }
}

/// A word in pieces, as its tone may change within it.
type Word = Vec<Piece>;

/// The words between the spaces; two spaces have an empty word between them.
fn words(pieces: impl Iterator<Item = Piece>) -> Vec<Word> {
    let mut words: Vec<Word> = vec![Vec::new()];
    for Piece { tone, text } in pieces.map(plain) {
        for (place, part) in text.split(' ').enumerate() {
            if place > 0 {
                words.push(Vec::new());
            }
            if let (Some(word), false) = (words.last_mut(), part.is_empty()) {
                word.push(tone.of(part));
            }
        }
    }
    words
}

/// Words in groups that are not parted if it can be helped: a number and its unit.
fn inseparable(words: Vec<Word>) -> Vec<Vec<Word>> {
    let mut groups: Vec<Vec<Word>> = Vec::new();
    let mut goes_on = false;
    for word in words {
        let end = word.last().and_then(|piece| piece.text.chars().next_back());
        let is_number = end.is_some_and(|end| end.is_ascii_digit() || end == '≥');
        match groups.last_mut() {
            Some(group) if goes_on => group.push(word),
            _ => groups.push(vec![word]),
        }
        goes_on = is_number;
    }
    groups
}

fn width_of(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| width(&piece.text)).sum()
}

struct Folded {
    columns: usize,
    hang: usize,
    lines: Vec<FoldedLine>,
}

struct FoldedLine {
    pieces: Vec<Piece>,
    taken: usize,
    is_begun: bool,
}

impl Folded {
    fn start(&mut self, head: Option<Piece>) {
        let taken = head.as_ref().map_or(0, Piece::columns);
        self.lines.push(FoldedLine { pieces: head.into_iter().collect(), taken, is_begun: false });
    }

    /// A line that goes on with the one before it.
    fn go_on(&mut self) {
        self.start((self.hang > 0).then(|| " ".repeat(self.hang).into()));
    }

    /// The line that is not full yet.
    fn last(&mut self) -> &mut FoldedLine {
        self.lines.last_mut().expect("a first line was started")
    }

    fn push(&mut self, group: Vec<Word>) {
        let between = group.len().saturating_sub(1);
        let wide = group.iter().map(|word| width_of(word)).sum::<usize>() + between;
        let (columns, hang) = (self.columns, self.hang);
        if group.len() > 1 && hang + wide > columns {
            group.into_iter().for_each(|word| self.push(vec![word]));
            return;
        }
        let line = self.last();
        if line.is_begun && line.taken + 1 + wide > columns {
            self.go_on();
        } else if line.is_begun {
            line.add_space();
        }
        for (place, word) in group.into_iter().enumerate() {
            if place > 0 {
                self.last().add_space();
            }
            word.into_iter().for_each(|piece| self.push_in_parts(piece));
        }
        self.last().is_begun = true;
    }

    /// A part of a word, cut where the line ends.
    fn push_in_parts(&mut self, Piece { tone, text }: Piece) {
        let mut rest = text.as_str();
        loop {
            let room = self.columns.saturating_sub(self.last().taken);
            let part = up_to(rest, room);
            if !part.is_empty() {
                self.last().add(tone.of(part));
            }
            rest = &rest[part.len()..];
            if rest.is_empty() {
                return;
            }
            self.go_on();
        }
    }
}

impl FoldedLine {
    /// A space in the tone of what stands before it.
    fn add_space(&mut self) {
        let tone = self.pieces.last().map_or(Tone::Plain, |piece| piece.tone);
        self.add(tone.of(" "));
    }

    fn add(&mut self, piece: Piece) {
        self.taken += width(&piece.text);
        match self.pieces.last_mut() {
            Some(last) if last.tone == piece.tone => last.text.push_str(&piece.text),
            _ => self.pieces.push(piece),
        }
    }
}

#[cfg(test)]
mod tests;
