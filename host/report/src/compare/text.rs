//! A comparison as text, for a terminal of any width from 60 columns on.
//!
//! Where a line has room for it, a figure is a line; else its interval and its words stand on a
//! second one.

use std::fmt::{Display, Formatter, Result, Write as _};

use swell_core::plain::line;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::comparison::RunComparison;
use super::ruling::MarginRuling;
use super::table::{FigureComparison, FigureFinding};
use super::words::{Cells, found};

/// Columns of a value, of a difference, and of an interval.
const VALUE: usize = 10;
const CHANGE: usize = 10;
const INTERVAL: usize = 22;
/// Columns for a figure's name, and for what is found of it.
const NAME: usize = 24;
const MAX_NAME: usize = 60;
const FOUND: usize = 29;
/// Columns below which nothing is made narrower.
const NARROWEST: usize = 60;
/// Rows of single transactions that are shown; the JSON has all.
const SHOWN_ROWS: usize = 30;

/// A comparison for so many columns.
pub struct ComparisonText<'a> {
    /// What is told.
    pub comparison: &'a RunComparison,
    /// How many columns there are.
    pub width: usize,
}

impl Display for ComparisonText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let comparison = self.comparison;
        for (side, runs) in [("A", &comparison.a), ("B", &comparison.b)] {
            let names: Vec<String> = runs.iter().map(|run| line(run).to_string()).collect();
            let mut words = names.join(", ");
            if runs.len() > 1 {
                words = format!("{} runs: {words}", runs.len());
            }
            self.paragraph(f, &format!("{side}  "), &words)?;
        }
        self.unlike(f)?;
        for remark in &comparison.remarks {
            writeln!(f)?;
            self.paragraph(f, "  ", &line(remark).to_string())?;
        }
        self.table(f, "all transactions", &comparison.figures, usize::MAX)?;
        self.table(f, "by name", &comparison.by_name, SHOWN_ROWS)?;
        writeln!(f)?;
        self.paragraph(f, "  ", comparison.method.words())?;
        let rows = comparison.figures.iter().chain(&comparison.by_name);
        if rows.into_iter().any(|row| row.finding == FigureFinding::MayBeChance) {
            self.paragraph(
                f,
                "  ",
                "\"may be chance\": of as many rows as there are, one looks like this by chance \
                alone more often than once in twenty comparisons.",
            )?;
        }
        self.margins(f)
    }
}

impl ComparisonText<'_> {
    fn width(&self) -> usize {
        self.width.max(NARROWEST)
    }

    fn unlike(&self, f: &mut Formatter<'_>) -> Result {
        if self.comparison.unlike.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n  not the same in all runs")?;
        for unlike in &self.comparison.unlike {
            let [a, b] = [&unlike.a, &unlike.b]
                .map(|all| all.iter().map(|one| line(one).to_string()).collect::<Vec<_>>());
            let [a, b] = [a, b].map(|all| all.join(" | "));
            let head = format!("    {:<14} ", unlike.what);
            if head.len() + a.width() + b.width() + 4 <= self.width() {
                writeln!(f, "{head}{a} -> {b}")?;
            } else {
                self.paragraph(f, &head, &a)?;
                self.paragraph(f, &format!("{:>width$} ", "->", width = head.len() - 1), &b)?;
            }
        }
        Ok(())
    }

    fn table(
        &self,
        f: &mut Formatter<'_>,
        title: &str,
        rows: &[FigureComparison],
        most: usize,
    ) -> Result {
        if rows.is_empty() {
            return Ok(());
        }
        let beside = 2 + VALUE * 2 + CHANGE + 3;
        let in_one_line = self.width() >= beside + NAME + INTERVAL + FOUND + 2;
        let room = self.width() - beside - if in_one_line { INTERVAL + FOUND + 2 } else { 0 };
        let longest = rows.iter().take(most).map(|row| row.figure.width()).max().unwrap_or(0);
        let name = room.min(longest.max(NAME)).min(MAX_NAME);
        write!(
            f,
            "\n  {} {:>VALUE$} {:>VALUE$} {:>CHANGE$}",
            fitting(title, name),
            "A",
            "B",
            "B to A"
        )?;
        let heading = if in_one_line { "95 % sure" } else { "" };
        writeln!(f, "{}", format!(" {heading:>INTERVAL$}").trim_end())?;
        for row in shown(rows, most) {
            let Cells { a, b, change, interval } = Cells::of(row);
            let figure = fitting(&line(&row.figure).to_string(), name);
            let values = format!("  {figure} {a:>VALUE$} {b:>VALUE$} {change:>CHANGE$}");
            f.write_str(values.trim_end())?;
            let found = found(row, self.comparison.method);
            if in_one_line && row.why.is_none() {
                writeln!(f, "{}", format!(" {interval:>INTERVAL$}  {found}").trim_end())?;
            } else {
                writeln!(f)?;
                let interval = if interval.is_empty() { interval } else { interval + ", " };
                self.paragraph(f, "      ", &format!("{interval}{found}"))?;
            }
        }
        if rows.len() > most {
            let words = format!("{} more rows: --out json=FILE has all", rows.len() - most);
            self.paragraph(f, "    ", &words)?;
        }
        Ok(())
    }

    fn margins(&self, f: &mut Formatter<'_>) -> Result {
        let margins = &self.comparison.margins;
        if !margins.is_empty() {
            writeln!(f, "\n  must not be")?;
        }
        for margin in margins {
            let mark = match margin.ruling {
                MarginRuling::Passed => "ok      ",
                MarginRuling::Failed => "FAILED  ",
                MarginRuling::NoData => "NO DATA ",
            };
            let words = format!("{} (found {})", line(&margin.rule), line(&margin.found));
            self.paragraph(f, &format!("    {mark}"), &words)?;
        }
        Ok(())
    }

    /// Words in lines of the width; all but the first are indented as far as the head reaches.
    fn paragraph(&self, f: &mut Formatter<'_>, head: &str, words: &str) -> Result {
        let indent = head.width();
        let mut used = indent;
        f.write_str(head)?;
        for (place, word) in words.split(' ').enumerate() {
            let mut rest = word;
            let needs = usize::from(place > 0) + word.width();
            if place > 0 && used + needs > self.width() && used > indent {
                write!(f, "\n{:indent$}", "")?;
                used = indent;
            } else if place > 0 {
                f.write_char(' ')?;
                used += 1;
            }
            // A word that is longer than a line, as a file's path, is broken.
            while used + rest.width() > self.width() {
                let (piece, more) = split_at_width(rest, self.width() - used);
                write!(f, "{piece}\n{:indent$}", "")?;
                (used, rest) = (indent, more);
            }
            f.write_str(rest)?;
            used += rest.width();
        }
        writeln!(f)
    }
}

/// The rows that are shown: where there are too many, those of which something is known come first.
fn shown(rows: &[FigureComparison], most: usize) -> Vec<&FigureComparison> {
    let mut shown: Vec<(usize, &FigureComparison)> = rows.iter().enumerate().collect();
    if rows.len() > most {
        shown.sort_by(|(_, one), (_, other)| {
            let p = |row: &FigureComparison| row.p.unwrap_or(2.0);
            p(one).total_cmp(&p(other))
        });
        shown.truncate(most);
        shown.sort_by_key(|(place, _)| *place);
    }
    shown.into_iter().map(|(_, row)| row).collect()
}

/// A text in exactly so many columns.
fn fitting(text: &str, columns: usize) -> String {
    let width = text.width();
    if width <= columns {
        return format!("{text}{:>spaces$}", "", spaces = columns - width);
    }
    let (piece, _) = split_at_width(text, columns.saturating_sub(1));
    format!("{piece}…{:>spaces$}", "", spaces = columns.saturating_sub(piece.width() + 1))
}

/// The longest beginning that fits into so many columns, one character at least, and what follows.
fn split_at_width(text: &str, columns: usize) -> (&str, &str) {
    let mut used = 0;
    for (place, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > columns && place > 0 {
            return text.split_at(place);
        }
    }
    (text, "")
}
