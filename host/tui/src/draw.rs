//! Where everything stands on a screen of some size: at the top what the run is and how it goes,
//! below it charts, transactions, and as many lists as there is room for; at the bottom the keys.

mod axis;
mod chart;
mod head;
mod help;
mod lists;
mod parts;
mod table;

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::widgets::{Paragraph, Widget as _, Wrap};
use swell_core::plain::line;
use swell_report::{RunState, Tone, cut};

use crate::drawn::{BelowPanel, Drawn, ViewKind};
use crate::followed::Followed;

/// A smaller screen shows nothing but that it is too small.
const LEAST: (u16, u16) = (50, 18);

/// Columns from which lists stand beside the table.
const WIDE: u16 = 100;

/// Columns from which two charts stand beside each other.
const TWO_CHARTS: u16 = 80;

/// Rows of what stands above all panels where the screen is wide, and where it is not.
const HEAD: (u16, u16) = (3, 4);

/// Draws a screen.
pub(crate) fn draw(view: &Drawn<'_>, now: Duration, area: Rect, buf: &mut Buffer) {
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return too_small(view, area, buf);
    }
    let head = if area.width >= WIDE { HEAD.0 } else { HEAD.1 };
    let rows = [Constraint::Length(head), Constraint::Fill(1), Constraint::Length(1)];
    let [top, middle, bottom] = Layout::vertical(rows).areas(area);
    match view.run {
        Some((run, place, of)) => {
            head::draw(view, run, (place, of), now, top, buf);
            panels(view, run, middle, buf);
        }
        None => {
            let words = match view.kind {
                ViewKind::Live => "nothing has begun yet",
                ViewKind::Replay(_) => "nothing was recorded up to this instant",
            };
            Paragraph::new(words).centered().render(middle, buf);
        }
    }
    foot(view, bottom, buf);
    if view.look.is_help_open {
        help::draw(view, area, buf);
    }
}

fn too_small(view: &Drawn<'_>, area: Rect, buf: &mut Buffer) {
    let (columns, rows) = LEAST;
    let rest = match view.kind {
        ViewKind::Live => "the run goes on",
        ViewKind::Replay(_) => "q closes it",
    };
    let words = format!(
        "too small: the view needs {columns} columns and {rows} rows, here are {} and {}; {rest}",
        area.width, area.height
    );
    Paragraph::new(words).wrap(Wrap { trim: true }).render(area, buf);
}

fn panels(view: &Drawn<'_>, run: &Followed, area: Rect, buf: &mut Buffer) {
    // A chart needs rows to say anything; beyond some the lists have more use for them. The table
    // has what its rows need, as long as something is left below.
    let charts = (area.height * 2 / 5).clamp(5, 20);
    let below = (area.height / 4).max(3);
    let names = u16::try_from(run.reckoned.counted.rows()).unwrap_or(u16::MAX);
    let table = names.max(5).saturating_add(3).min(area.height - charts - below);
    let rows = [Constraint::Length(charts), Constraint::Length(table), Constraint::Fill(1)];
    let [top, middle, bottom] = Layout::vertical(rows).areas(area);
    if area.width >= TWO_CHARTS {
        let [left, right] = in_two(top, 1, 1);
        chart::rate(view, run, left, buf);
        chart::response(view, run, right, buf);
    } else {
        chart::response(view, run, top, buf);
    }
    if area.width < WIDE {
        table::draw(view, run, middle, buf);
        return match view.look.below {
            BelowPanel::WhatThereIs if !lists::has_failures(run) => {
                lists::control(view, run, bottom, buf)
            }
            BelowPanel::WhatThereIs | BelowPanel::Failures => {
                lists::failures(view, run, bottom, buf)
            }
            BelowPanel::Control => lists::control(view, run, bottom, buf),
            BelowPanel::Happenings => lists::happenings(view, bottom, buf),
        };
    }
    let [table, failures] = in_two(middle, 3, 2);
    table::draw(view, run, table, buf);
    lists::failures(view, run, failures, buf);
    let [happenings, control] = in_two(bottom, 3, 2);
    lists::happenings(view, happenings, buf);
    lists::control(view, run, control, buf);
}

fn in_two(area: Rect, left: u16, right: u16) -> [Rect; 2] {
    Layout::horizontal([Constraint::Fill(left), Constraint::Fill(right)]).areas(area)
}

fn foot(view: &Drawn<'_>, area: Rect, buf: &mut Buffer) {
    let look = &view.look;
    let pieces = match (&look.asks_to_stop, &look.notice) {
        (Some(name), _) => {
            let name = cut(&line(name).to_string(), 30);
            let is_ending = view.run.is_some_and(|(run, ..)| run.state() == RunState::Draining);
            let question = if is_ending {
                format!("cut off what is under way in {name}? y does, any other key does not")
            } else {
                format!("stop {name}? y stops it, any other key does not")
            };
            vec![Tone::Doubtful.of(question)]
        }
        (None, Some(notice)) => {
            vec![Tone::Doubtful.of(line(notice).to_string())]
        }
        (None, None) => vec![Tone::Faint.of(match view.kind {
            ViewKind::Live => {
                "p pause  r resume  s stop  + - goal  w window  o order  v below  ? help  q close"
            }
            ViewKind::Replay(_) => {
                "space play  ← → step  + - speed  w window  o order  v below  ? help  q close"
            }
        })],
    };
    view.ink.line(&pieces).render(area, buf);
}
