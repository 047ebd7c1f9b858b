//! What panels are made of: a title with a line, lists, words that flow.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Paragraph, Widget as _};
use swell_report::{Piece, Tone};

use crate::drawn::Drawn;

/// The frame of a panel with a title; gives what is left in it.
pub(super) fn framed(view: &Drawn<'_>, title: &[Piece], area: Rect, buf: &mut Buffer) -> Rect {
    let mut line = view.ink.line(title);
    line.spans.insert(0, " ".into());
    line.spans.push(" ".into());
    let block = Block::new().borders(Borders::TOP).title(line);
    let block = block.border_style(view.ink.style(Tone::Faint));
    let inner = block.inner(area);
    block.render(area, buf);
    // A column is left between panels that stand side by side.
    Rect { width: inner.width.saturating_sub(1), ..inner }
}

/// Lines from top to bottom, as far as there is room; the last one says how many more there are.
pub(super) fn listed(view: &Drawn<'_>, lines: &[Vec<Piece>], area: Rect, buf: &mut Buffer) {
    let room = usize::from(area.height);
    let is_whole = lines.len() <= room;
    let shown = if is_whole { lines.len() } else { room.saturating_sub(1) };
    let mut all: Vec<Line<'_>> = lines[..shown].iter().map(|line| view.ink.line(line)).collect();
    if !is_whole {
        let more = format!("and {} more", lines.len() - shown);
        all.push(view.ink.line(&[Tone::Faint.of(more)]));
    }
    Paragraph::new(all).render(area, buf);
}

/// Words on lines of a width, as many as go on each, three columns between them; those that have no
/// room on so many lines are left out.
pub(super) fn flowed(words: Vec<Vec<Piece>>, columns: u16, rows: usize) -> Vec<Vec<Piece>> {
    let columns = usize::from(columns);
    let wide = |pieces: &[Piece]| pieces.iter().map(Piece::columns).sum::<usize>();
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    for word in words {
        let last = lines.last_mut().filter(|line| wide(line) + 3 + wide(&word) <= columns);
        if let Some(line) = last {
            line.push("   ".into());
            line.extend(word);
        } else if lines.len() < rows {
            lines.push(word);
        }
    }
    lines
}

/// The beginning of a sentence that has no room, with a sign that it goes on.
pub(super) fn beginning(text: &str, columns: usize) -> String {
    if Piece::from(text).columns() <= columns {
        return text.to_owned();
    }
    let mut shown = text.to_owned();
    while Piece::from(shown.as_str()).columns() >= columns && shown.pop().is_some() {}
    if columns > 0 {
        shown.push('…');
    }
    shown
}
