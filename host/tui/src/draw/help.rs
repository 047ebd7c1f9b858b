//! The keys and what they do, above everything else.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear, Padding, Paragraph, Widget as _};
use swell_report::Tone;

use crate::drawn::{Drawn, ViewKind};
use crate::key::{BOTH, LIVE, REPLAY};

/// Columns of the keys.
const KEYS: usize = 10;

pub(super) fn draw(view: &Drawn<'_>, area: Rect, buf: &mut Buffer) {
    let own = match view.kind {
        ViewKind::Live => LIVE,
        ViewKind::Replay(_) => REPLAY,
    };
    let rows: Vec<(&str, &str)> = own.into_iter().chain(BOTH).collect();
    let lines: Vec<_> = rows
        .iter()
        .map(|(keys, what)| {
            view.ink.line(&[Tone::Title.of(format!("{keys:<KEYS$} ")), (*what).into()])
        })
        .collect();
    let wide = lines.iter().map(ratatui::text::Line::width).max().unwrap_or(0) + 4;
    let wide = u16::try_from(wide).unwrap_or(u16::MAX).min(area.width);
    let high = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let place = Rect {
        x: area.x + (area.width - wide) / 2,
        y: area.y + (area.height - high) / 2,
        width: wide,
        height: high,
    };
    Clear.render(place, buf);
    let block = Block::bordered().title(" keys ").padding(Padding::horizontal(1));
    Paragraph::new(lines).block(block).render(place, buf);
}
