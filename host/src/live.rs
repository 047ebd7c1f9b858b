//! What is seen while runs go on: lines for each that renew themselves on a terminal, a log line
//! each few seconds elsewhere.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use swell_core::plain::line;
use swell_report::{LiveLine, Piece, Status};

use crate::stderr::{self, LiveText};
use crate::terminal;

/// Where lines cannot renew themselves, one comes each so many looks, which are a second apart.
const LOOKS_A_LINE: u32 = 5;

/// Columns that stay free: a terminal shows `^C` behind the last line when that is pressed.
const FREE_COLUMNS: usize = 3;

/// The lines of all runs.
pub(crate) struct Screen {
    quiet: bool,
    /// Where lines can renew themselves.
    shown: Option<Rc<ShownLines>>,
}

/// What is on the terminal, run below run.
struct ShownLines {
    lines: RefCell<BTreeMap<u64, LiveLine>>,
    is_coloured: bool,
}

/// The lines of one run, and those of its hosts where several share it. They go with it.
pub(crate) struct Line {
    /// On a terminal: its place there.
    shown: Option<(Rc<ShownLines>, u64)>,
    quiet: bool,
    looks: u32,
    /// Elsewhere.
    log: LiveLine,
}

impl Screen {
    pub(crate) fn new(quiet: bool) -> Self {
        let shown = (!quiet && terminal::is_renewable()).then(|| {
            let is_coloured = terminal::is_stderr_coloured();
            Rc::new(ShownLines { lines: RefCell::default(), is_coloured })
        });
        Self { quiet, shown }
    }

    pub(crate) fn line(&self, name: &str) -> Line {
        let shown = self.shown.as_ref().map(|shown| {
            let mut lines = shown.lines.borrow_mut();
            let place = lines.last_key_value().map_or(0, |(last, _)| last + 1);
            lines.insert(place, LiveLine::new(name));
            (Rc::clone(shown), place)
        });
        Line { shown, quiet: self.quiet, looks: 0, log: LiveLine::new(name) }
    }
}

impl Line {
    pub(crate) fn show(&mut self, status: &Status) {
        if let Some((shown, place)) = &self.shown {
            if let Some(line) = shown.lines.borrow_mut().get_mut(place) {
                line.handle_status(status);
            }
            shown.draw();
            return;
        }
        self.looks += 1;
        self.log.handle_status(status);
        if !self.quiet && self.looks.is_multiple_of(LOOKS_A_LINE) {
            self.log.log_lines().iter().for_each(|text| tracing::info!("{}", line(text)));
        }
    }

    /// Gives the terminal's lines back.
    pub(crate) fn finish(&self) {
        if let Some((shown, place)) = &self.shown
            && shown.lines.borrow_mut().remove(place).is_some()
        {
            shown.draw();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.finish();
    }
}

impl ShownLines {
    /// Draws all lines, as far as the terminal has rows for them.
    fn draw(&self) {
        let (rows, columns) = terminal::size_of_stderr();
        let columns = columns.saturating_sub(FREE_COLUMNS).max(1);
        let mut lines = self.lines.borrow_mut();
        let is_alone = lines.len() == 1;
        let mut all: Vec<Vec<Piece>> =
            lines.values_mut().flat_map(|line| line.lines(columns, is_alone)).collect();
        let most = rows.saturating_sub(1).max(1);
        if all.len() > most {
            let more = format!("and {} more lines", all.len() - (most - 1));
            all.truncate(most - 1);
            all.push(vec![Piece::from(more)]);
        }
        let text = |pieces: Vec<Piece>| LiveText {
            text: terminal::paint(&pieces, self.is_coloured),
            columns: pieces.iter().map(Piece::columns).sum(),
        };
        stderr::renew(all.into_iter().map(text).collect());
    }
}
