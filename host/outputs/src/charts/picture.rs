//! A picture of runs, one below the other: what each was, its panels, and what happened in it.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::prelude::DrawingBackend;
use plotters::style::RGBColor;
use swell_core::verdict::Stamp;
use swell_report::Exit;
use swell_report::record::{Mark, MarkKind};

use super::axis::{instant, instants};
use super::course::PictureRun;
use super::panels::{self, HEAD, HEIGHTS, LEFT, RIGHT, place};
use super::pen::{BAD, DOUBTFUL, DrawError, GOOD, INK, PALE_INK, PAPER, Pen, Stands};

const WIDTH: u32 = 1_200;

/// Runs that are drawn, and marks that are told in words.
const MAX_RUNS: usize = 8;
const MAX_MARKS: usize = 12;

/// What stands above the panels of a run, below them, and for each mark.
const TITLE: f64 = 84.0;
const LANE: f64 = 22.0;
const INSTANTS: f64 = 34.0;
const MARK: f64 = 21.0;
const REST: f64 = 28.0;

/// How near the numbers of two marks may stand.
const APART: f64 = 30.0;

/// Width and height of the picture of these runs.
pub(super) fn size(runs: &[PictureRun]) -> (u32, u32) {
    let height: f64 = runs.iter().take(MAX_RUNS).map(height).sum();
    let rest = if runs.len() > MAX_RUNS { REST } else { 0.0 };
    (WIDTH, (height + rest).ceil() as u32)
}

fn height(run: &PictureRun) -> f64 {
    let panels: f64 = HEIGHTS.iter().map(|height| height + HEAD).sum();
    TITLE + LANE + panels + INSTANTS + told_marks(run) as f64 * MARK + REST
}

/// Lines about marks.
fn told_marks(run: &PictureRun) -> usize {
    if run.marks.len() > MAX_MARKS { MAX_MARKS + 1 } else { run.marks.len() }
}

/// Draws them, in so many dots for each of the picture.
pub(super) fn draw<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    runs: &[PictureRun],
    dots: u32,
) -> Result<(), DrawError<DB>> {
    area.fill(&PAPER)?;
    let pen = Pen { area, dots };
    let mut top = 0.0;
    for run in runs.iter().take(MAX_RUNS) {
        draw_run(&pen, run, top)?;
        top += height(run);
    }
    if let Some(more @ 1..) = runs.len().checked_sub(MAX_RUNS) {
        let words = format!("and {more} more runs, which --out html=FILE shows");
        pen.words(&words, (LEFT, top + 8.0), 15, PALE_INK, Stands::After)?;
    }
    Ok(())
}

fn draw_run<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    run: &PictureRun,
    top: f64,
) -> Result<(), DrawError<DB>> {
    title(pen, run, top)?;
    let (lane, seconds) = (top + TITLE, run.seconds());
    let panels_end = lane + LANE + HEIGHTS.iter().map(|height| height + HEAD).sum::<f64>();
    panels::draw(pen, run, lane + LANE - HEAD / 2.0 + 4.0)?;
    let bottom = panels_end - HEAD / 2.0 + 4.0;
    for at in instants(seconds) {
        let spot = (place(at, seconds), bottom + 14.0);
        pen.words(&instant(at, seconds), spot, 13, PALE_INK, Stands::Around)?;
    }
    pins(pen, run, lane, bottom)?;
    let mut y = bottom + INSTANTS + 6.0;
    for (number, mark) in run.marks.iter().take(MAX_MARKS).enumerate() {
        let colour = colour(mark.kind);
        pen.words(&format!("{}", number + 1), (LEFT, y), 14, colour, Stands::Before)?;
        let at = instant(mark.at.as_secs_f64(), seconds);
        pen.words(&at, (LEFT + 62.0, y), 14, PALE_INK, Stands::Before)?;
        let words = pen.cut(&mark.text, 14, RIGHT - LEFT - 80.0)?;
        pen.words(&words, (LEFT + 74.0, y), 14, colour, Stands::After)?;
        y += MARK;
    }
    if let Some(more @ 1..) = run.marks.len().checked_sub(MAX_MARKS) {
        let words = format!("and {more} more, which --out html=FILE shows");
        pen.words(&words, (LEFT + 74.0, y), 14, PALE_INK, Stands::After)?;
    }
    Ok(())
}

/// What was run, and what became of it.
fn title<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    run: &PictureRun,
    top: f64,
) -> Result<(), DrawError<DB>> {
    let about = &run.header.run;
    let name = pen.cut(&about.name, 26, 700.0)?;
    pen.words(&name, (24.0, top + 32.0), 26, INK, Stands::After)?;
    let (words, colour) = match &run.end {
        None => ("no end in this record".to_owned(), DOUBTFUL),
        Some(end) => {
            let (word, colour) = match (end.exit, end.stamp) {
                (Exit::Passed, Stamp::Valid) => ("passed".to_owned(), GOOD),
                (Exit::Passed, _) => ("passed".to_owned(), DOUBTFUL),
                (exit, _) => (format!("failed, exit code {}", exit.code()), BAD),
            };
            (format!("{word} · figures {}", end.stamp.name()), colour)
        }
    };
    pen.words(&words, (RIGHT, top + 32.0), 19, colour, Stands::Before)?;
    let seconds = run.end.as_ref().map(|end| format!(", {:.1} s measured", end.measured_seconds));
    let target = about.target.as_deref().map(|target| format!("{target}, "));
    let about =
        format!("{}{}{}", target.unwrap_or_default(), about.model, seconds.unwrap_or_default());
    let about = pen.cut(&about, 15, RIGHT - 24.0)?;
    pen.words(&about, (24.0, top + 62.0), 15, PALE_INK, Stands::After)
}

/// A dotted line through all panels for each mark, with its number above; those that are near each
/// other share a place.
fn pins<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    run: &PictureRun,
    lane: f64,
    bottom: f64,
) -> Result<(), DrawError<DB>> {
    let x = |mark: &Mark| place(mark.at.as_secs_f64(), run.seconds());
    let y = lane + 4.0;
    let numbered: Vec<(usize, &Mark)> = (1..).zip(&run.marks).collect();
    for (_, mark) in &numbered {
        let line = [(x(mark), y + 9.0), (x(mark), bottom)];
        pen.dashes(&line, colour(mark.kind), 1, (2, 3))?;
    }
    let mut rest = &numbered[..];
    while let [(first, mark), ..] = rest {
        let near = rest.iter().take_while(|(_, other)| x(other) - x(mark) < APART).count();
        let (shared, others) = rest.split_at(near.max(1));
        let last = first + shared.len() - 1;
        let words = if last == *first { first.to_string() } else { format!("{first}–{last}") };
        let worst = shared.iter().map(|(_, mark)| mark.kind).max_by_key(|kind| weight(*kind));
        let colour = colour(worst.unwrap_or(mark.kind));
        pen.words(&words, (x(mark), y), 14, colour, Stands::Around)?;
        rest = others;
    }
    Ok(())
}

/// How bad it is that this happened: 2 for what broke.
const fn weight(kind: MarkKind) -> u8 {
    match kind {
        MarkKind::HostLost
        | MarkKind::ThresholdBroken
        | MarkKind::EndedByCondition
        | MarkKind::UserTrapped => 2,
        MarkKind::Limited => 1,
        MarkKind::GoalChanged
        | MarkKind::Paused
        | MarkKind::Resumed
        | MarkKind::WarmUpOver
        | MarkKind::Reached
        | MarkKind::HostJoined
        | MarkKind::HostLeft => 0,
    }
}

const fn colour(kind: MarkKind) -> RGBColor {
    match weight(kind) {
        2 => BAD,
        1 => DOUBTFUL,
        _ => PALE_INK,
    }
}
