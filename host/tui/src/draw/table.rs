//! The transactions of a window, a row for each name.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};
use ratatui::widgets::{Cell, Row, Table, Widget as _};
use swell_core::plain::line;
use swell_core::record::{Percentile, Statistic, Transaction};
use swell_core::units::grouped;
use swell_report::{Times, Tone, bounded, cut};

use super::parts::framed;
use crate::drawn::{Drawn, RowOrder};
use crate::followed::Followed;

/// Columns that a name has at the least, before figures are left out for it, and at the most.
const NAME: (u16, u16) = (16, 60);

/// A figure of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FigureColumn {
    Rate,
    Ok,
    Failed,
    Service(Statistic),
}

/// From left to right, with the columns that each takes. Of two that have no room, the one with the
/// greater rank is left out.
const FIGURES: [(FigureColumn, u16, usize); 7] = [
    (FigureColumn::Rate, 8, 4),
    (FigureColumn::Ok, 10, 3),
    (FigureColumn::Failed, 8, 0),
    (FigureColumn::Service(Statistic::Percentile(Percentile::P50)), 10, 2),
    (FigureColumn::Service(Statistic::Percentile(Percentile::P95)), 10, 1),
    (FigureColumn::Service(Statistic::Percentile(Percentile::P99)), 10, 5),
    (FigureColumn::Service(Statistic::Max), 10, 6),
];

impl FigureColumn {
    const fn head(self) -> &'static str {
        match self {
            Self::Rate => "/s",
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Service(statistic) => statistic.name(),
        }
    }
}

/// A name with what was counted of it.
struct NamedCounts<'a> {
    name: &'a str,
    row: &'a Transaction,
    service: Times,
}

/// Draws them in the order that was chosen.
pub(super) fn draw(view: &Drawn<'_>, run: &Followed, area: Rect, buf: &mut Buffer) {
    let (look, counted) = (&view.look, &run.reckoned.counted);
    let mut rows: Vec<NamedCounts<'_>> = counted
        .figures
        .transactions
        .iter()
        .map(|(name, row)| NamedCounts { name, row, service: Times::of_all(&row.service.all()) })
        .collect();
    sort(&mut rows, look.order);
    let room = usize::from(area.height.saturating_sub(2));
    let first = look.scrolled.min(rows.len().saturating_sub(room));
    let until = (first + room).min(rows.len());
    let which = if rows.len() > room {
        format!(", {} to {until} of {}", first + 1, rows.len())
    } else {
        String::new()
    };
    let title = [
        Tone::Title.of("service time by transaction"),
        format!("  {}{which}", look.order.name()).into(),
    ];
    let inner = framed(view, &title, area, buf);
    let columns = fitting(inner.width);
    let head = columns.iter().map(|(column, _)| right(column.head(), Tone::Faint, view));
    let head = Row::new(std::iter::once(Cell::new("")).chain(head));
    let taken: u16 = columns.iter().map(|(_, wide)| wide).sum();
    let name = inner.width.saturating_sub(taken).min(NAME.1);
    let seconds = counted.seconds;
    let body = rows[first..until].iter().map(|named| {
        let shown = cut(&line(named.name).to_string(), name.into());
        let figures = columns.iter().map(|(column, _)| figure(view, *column, named, seconds));
        Row::new(std::iter::once(Cell::new(shown)).chain(figures))
    });
    let widths = std::iter::once(Constraint::Length(name))
        .chain(columns.iter().map(|(_, wide)| Constraint::Length(*wide)));
    let table = Table::new(body, widths).header(head).column_spacing(0);
    table.render(inner, buf);
}

fn sort(rows: &mut [NamedCounts<'_>], order: RowOrder) {
    let ended = |named: &NamedCounts<'_>| named.row.counts.ok + named.row.counts.failed;
    let slow = |named: &NamedCounts<'_>| {
        let told = named.service.percentile(Percentile::P95);
        told.or_else(|| named.service.get(Statistic::Max)).unwrap_or(0.0)
    };
    match order {
        RowOrder::Met => {}
        RowOrder::Name => rows.sort_by(|a, b| a.name.cmp(b.name)),
        RowOrder::Rate => rows.sort_by_key(|named| std::cmp::Reverse(ended(named))),
        RowOrder::Failed => {
            rows.sort_by_key(|named| std::cmp::Reverse(named.row.counts.failed));
        }
        RowOrder::Slowest => rows.sort_by(|a, b| slow(b).total_cmp(&slow(a))),
    }
}

/// The figures that have room beside a name.
fn fitting(columns: u16) -> Vec<(FigureColumn, u16)> {
    let mut kept = FIGURES.to_vec();
    while kept.len() > 1 && NAME.0 + kept.iter().map(|(_, wide, _)| wide).sum::<u16>() > columns {
        let last = kept.iter().map(|(.., rank)| *rank).max();
        kept.retain(|(.., rank)| Some(*rank) != last);
    }
    kept.into_iter().map(|(column, wide, _)| (column, wide)).collect()
}

fn figure(
    view: &Drawn<'_>,
    column: FigureColumn,
    named: &NamedCounts<'_>,
    seconds: f64,
) -> Cell<'static> {
    let counts = named.row.counts;
    match column {
        FigureColumn::Rate => {
            let rate = (counts.ok + counts.failed) as f64 / seconds.max(1e-3);
            let rate =
                if rate < 10.0 { format!("{rate:.1}") } else { grouped(rate.round() as u64) };
            right(&rate, Tone::Plain, view)
        }
        FigureColumn::Ok => right(&grouped(counts.ok), Tone::Plain, view),
        FigureColumn::Failed => {
            let tone = if counts.failed > 0 { Tone::Bad } else { Tone::Plain };
            right(&grouped(counts.failed), tone, view)
        }
        FigureColumn::Service(statistic) => {
            let (time, is_at_least) =
                (named.service.get(statistic), named.service.is_at_least(statistic));
            right(&bounded(time, is_at_least), Tone::Plain, view)
        }
    }
}

fn right(text: &str, tone: Tone, view: &Drawn<'_>) -> Cell<'static> {
    Cell::new(view.ink.line(&[tone.of(text)]).right_aligned())
}
