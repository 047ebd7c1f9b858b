//! A comparison as text, for a terminal of any width from 60 columns on.
//!
//! Where a line has room for it, a figure is a line; else its interval and its words stand on a
//! second one.

use std::fmt::{Display, Formatter, Result};

use swell_core::plain::line;

use super::comparison::RunComparison;
use super::ruling::MarginRuling;
use super::table::{FigureComparison, FigureFinding};
use super::words::{Cells, found};
use crate::sheet::{Sheet, cut, width};

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
        self.sheet().fmt(f)
    }
}

impl ComparisonText<'_> {
    fn sheet(&self) -> Sheet {
        let comparison = self.comparison;
        let mut sheet = Sheet::new(Some(self.width()));
        for (side, runs) in [("A", &comparison.a), ("B", &comparison.b)] {
            let many = (runs.len() > 1).then(|| format!("{} runs: ", runs.len()));
            let names = runs.iter().enumerate().map(|(place, run)| {
                let comma = if place + 1 < runs.len() { ", " } else { "" };
                format!("{}{comma}", line(run))
            });
            sheet.beside(&format!("{side}  "), many.into_iter().chain(names));
        }
        self.unlike(&mut sheet);
        for remark in &comparison.remarks {
            sheet.blank();
            sheet.beside("  ", [remark.as_str()]);
        }
        self.table(&mut sheet, "all transactions", &comparison.figures, usize::MAX);
        self.table(&mut sheet, "by name", &comparison.by_name, SHOWN_ROWS);
        sheet.blank();
        sheet.beside("  ", [comparison.method.words()]);
        let mut rows = comparison.figures.iter().chain(&comparison.by_name);
        if rows.any(|row| row.finding == FigureFinding::MayBeChance) {
            sheet.beside(
                "  ",
                ["\"may be chance\": of as many rows as there are, one looks like this by chance \
                    alone more often than once in twenty comparisons."],
            );
        }
        self.margins(&mut sheet);
        sheet
    }

    fn width(&self) -> usize {
        self.width.max(NARROWEST)
    }

    fn unlike(&self, sheet: &mut Sheet) {
        if self.comparison.unlike.is_empty() {
            return;
        }
        sheet.blank();
        sheet.beside("  ", ["not the same in all runs"]);
        for unlike in &self.comparison.unlike {
            let [a, b] = [&unlike.a, &unlike.b].map(|all| line(&all.join(" | ")).to_string());
            let head = format!("    {:<14} ", unlike.what);
            if width(&head) + width(&a) + width(&b) + 4 <= self.width() {
                sheet.beside(&head, [format!("{a} -> {b}")]);
            } else {
                sheet.beside(&head, [a]);
                sheet.beside(&format!("{:>width$} ", "->", width = width(&head) - 1), [b]);
            }
        }
    }

    fn table(&self, sheet: &mut Sheet, title: &str, rows: &[FigureComparison], most: usize) {
        if rows.is_empty() {
            return;
        }
        let beside = 2 + VALUE * 2 + CHANGE + 3;
        let in_one_line = self.width() >= beside + NAME + INTERVAL + FOUND + 2;
        let room = self.width() - beside - if in_one_line { INTERVAL + FOUND + 2 } else { 0 };
        let longest = rows.iter().take(most).map(|row| width(&row.figure)).max().unwrap_or(0);
        let name = room.min(longest.max(NAME)).min(MAX_NAME);
        let columns = [title, "A", "B", "B to A", if in_one_line { "95 % sure" } else { "" }];
        sheet.blank();
        sheet.verbatim(0, in_columns(columns, name).trim_end().into());
        for row in shown(rows, most) {
            let Cells { a, b, change, interval } = Cells::of(row);
            let figure = line(&row.figure).to_string();
            let found = found(row, self.comparison.method);
            let values = |interval| in_columns([&figure, &a, &b, &change, interval], name);
            if in_one_line && row.why.is_none() {
                let whole = format!("{}  {found}", values(&interval));
                sheet.verbatim(0, whole.trim_end().into());
            } else {
                sheet.verbatim(0, values("").trim_end().into());
                let interval = if interval.is_empty() { interval } else { interval + ", " };
                sheet.beside("      ", [format!("{interval}{found}")]);
            }
        }
        if rows.len() > most {
            let words = format!("{} more rows: --out json=FILE has all", rows.len() - most);
            sheet.beside("    ", [words]);
        }
    }

    fn margins(&self, sheet: &mut Sheet) {
        let margins = &self.comparison.margins;
        if !margins.is_empty() {
            sheet.blank();
            sheet.beside("  ", ["must not be"]);
        }
        for margin in margins {
            let mark = match margin.ruling {
                MarginRuling::Passed => "ok      ",
                MarginRuling::Failed => "FAILED  ",
                MarginRuling::NoData => "NO DATA ",
            };
            let words = format!("{} (found {})", margin.rule, margin.found);
            sheet.beside(&format!("    {mark}"), [words]);
        }
    }
}

/// A row of a table whose names have so many columns.
fn in_columns([first, a, b, change, interval]: [&str; 5], name: usize) -> String {
    let first = cut(first, name);
    let spaces = " ".repeat(name - width(&first));
    format!("  {first}{spaces} {a:>VALUE$} {b:>VALUE$} {change:>CHANGE$} {interval:>INTERVAL$}")
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
