//! Tables of a sheet: a name and figures a row.

use swell_core::plain::line;

use super::{Piece, Sheet, Tone, plain, up_to, width};

/// Columns of a terminal that names have at the most; a longer one stands above its figures.
const MAX_NAME: usize = 60;

/// The same before figures are left out for them.
const NAME_BEFORE_FIGURES: usize = 20;

/// What a figure takes with the spaces before it, where there is room.
const COMFORTABLE: usize = 10;

/// A column of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// What it is called.
    pub(crate) head: &'static str,
    /// Of two that have no room, the one with the greater rank is left out.
    pub(crate) rank: usize,
}

/// A row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Somebody else's or ours, after the spaces that set it in.
    pub(crate) name: String,
    /// Below each column its figure.
    pub(crate) figures: Vec<Piece>,
    /// What else is to be said of it, below.
    pub(crate) below: Option<String>,
}

/// Rows below their columns.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// What its names are.
    pub(crate) title: String,
    /// Figures from left to right.
    pub(crate) columns: Vec<Column>,
    /// From top to bottom.
    pub(crate) rows: Vec<Row>,
}

/// What a table looks like on a sheet.
struct Layout {
    name: usize,
    /// The places of the columns that have room, and how wide each is with the spaces before it.
    columns: Vec<(usize, usize)>,
}

/// Where a table begins.
const INDENT: usize = 4;

impl Sheet {
    pub(crate) fn table(&mut self, mut table: Table) {
        for row in &mut table.rows {
            row.name = line(&row.name).to_string();
        }
        let layout = self.layout(&table);
        self.blank();
        let heads: Vec<Piece> =
            table.columns.iter().map(|column| Tone::Faint.of(column.head)).collect();
        self.row(&layout, &Tone::Title.of(table.title), &heads);
        for row in table.rows {
            self.row(&layout, &Piece::from(row.name), &row.figures);
            if let Some(below) = row.below {
                self.say(INDENT + 2, [below]);
            }
        }
    }

    fn layout(&mut self, table: &Table) -> Layout {
        let names = table.rows.iter().map(|row| width(&row.name)).max().unwrap_or(0);
        let longest = names.max(width(&table.title)).min(MAX_NAME);
        let room = self.columns.map_or(usize::MAX, |columns| columns - INDENT);
        let compact: Vec<usize> = table
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| {
                let figures = table.rows.iter().map(|row| width(&row.figures[place].text));
                figures.chain([width(column.head)]).max().unwrap_or(0) + 2
            })
            .collect();
        let mut kept: Vec<usize> = (0..table.columns.len()).collect();
        let sum = |kept: &[usize], least: usize| -> usize {
            kept.iter().map(|&place| compact[place].max(least)).sum()
        };
        while kept.len() > 1 && longest.min(NAME_BEFORE_FIGURES) + sum(&kept, 0) > room {
            let last = kept.iter().copied().max_by_key(|&place| table.columns[place].rank);
            kept.retain(|&place| Some(place) != last);
            let head = last.map(|place| table.columns[place].head);
            self.left_out.extend(head.filter(|head| !self.left_out.contains(head)));
        }
        let least = if longest + sum(&kept, COMFORTABLE) <= room { COMFORTABLE } else { 0 };
        let columns: Vec<(usize, usize)> =
            kept.iter().map(|&place| (place, compact[place].max(least))).collect();
        Layout { name: longest.min(room.saturating_sub(sum(&kept, least))), columns }
    }

    /// A row, whose name stands above its figures where it is too long.
    fn row(&mut self, layout: &Layout, name: &Piece, figures: &[Piece]) {
        let indent = " ".repeat(INDENT);
        let mut rest = name.text.as_str();
        let room = self.columns.map_or(usize::MAX, |columns| columns - INDENT);
        while width(rest) > layout.name {
            let part = up_to(rest, room);
            self.lines.push(vec![Piece::from(indent.as_str()), name.tone.of(part)]);
            rest = &rest[part.len()..];
        }
        let mut cells = vec![Piece::from(indent), name.tone.of(rest)];
        let mut gap = layout.name - width(rest);
        for &(place, wide) in &layout.columns {
            let figure = plain(figures[place].clone());
            gap += wide.saturating_sub(width(&figure.text));
            cells.extend([Piece::from(" ".repeat(gap)), figure]);
            gap = 0;
        }
        self.lines.push(cells);
    }
}
