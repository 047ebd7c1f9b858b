//! Charts over time: rate with its goal, and percentiles of the response time.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget as _};
use swell_core::RunInstant;
use swell_core::units::grouped;
use swell_report::{Piece, Tone};

use super::axis::{LogScale, linear};
use super::parts::framed;
use crate::course::DRAWN;
use crate::drawn::Drawn;
use crate::followed::Followed;
use crate::ink::Curve;
use crate::log::clock;

const CURVES: [Curve; DRAWN.len()] = [Curve::Main, Curve::Second, Curve::Third];

/// What is completed a second, and what was asked for.
pub(super) fn rate(view: &Drawn<'_>, run: &Followed, area: Rect, buf: &mut Buffer) {
    let reckoned = &run.reckoned;
    let curves: Vec<(Curve, &[(f64, f64)])> =
        [(Curve::Second, &reckoned.goals), (Curve::Main, &reckoned.completed)]
            .map(|(curve, points)| (curve, points.as_slice()))
            .to_vec();
    let values = curves.iter().flat_map(|(_, points)| points.iter().map(|(_, value)| *value));
    let (end, labels) = linear(values);
    let inner = framed(view, &[Tone::Title.of("transactions/s")], area, buf);
    let y = ChartScale { bounds: [0.0, end], labels: labels.to_vec() };
    plot(view, run, &curves, y, inner, buf);
    let goal = (!reckoned.goals.is_empty()).then_some((Curve::Second, ["goal"; 2]));
    let legend = goal.into_iter().chain([(Curve::Main, ["completed"; 2])]);
    put_legend(view, &legend.collect::<Vec<_>>(), area, buf);
}

/// Percentiles of the response time, on a logarithmic scale.
pub(super) fn response(view: &Drawn<'_>, run: &Followed, area: Rect, buf: &mut Buffer) {
    let inner = framed(view, &[Tone::Title.of("response time")], area, buf);
    let curves = &run.reckoned.response;
    let values = curves.iter().flat_map(|curve| curve.points.iter().map(|(_, ms)| *ms));
    let scale = LogScale::of(values, usize::from(inner.height.saturating_sub(2) / 2 + 1));
    let placed: Vec<Vec<(f64, f64)>> = curves
        .iter()
        .map(|curve| curve.points.iter().map(|(at, ms)| (*at, scale.place(*ms))).collect())
        .collect();
    let drawn: Vec<(Curve, &[(f64, f64)])> =
        CURVES.into_iter().zip(placed.iter().map(Vec::as_slice)).collect();
    plot(
        view,
        run,
        &drawn,
        ChartScale { bounds: scale.bounds(), labels: scale.labels() },
        inner,
        buf,
    );
    let name = |place: usize| {
        // Where single seconds have too few samples, it is said over how long each point is.
        let over = curves[place].over.map(|over| over.as_secs_f64().round() as u64);
        let over = over.filter(|over| *over > 1);
        let over = over.map_or_else(String::new, |over| format!(" of {} s", grouped(over)));
        let name = DRAWN[place].name();
        let is_known = !curves[place].points.is_empty();
        if is_known { format!("{name}{over}") } else { format!("{name} n/a") }
    };
    let names = [0, 1, 2].map(name);
    let legend =
        [0, 1, 2].map(|place| (CURVES[place], [names[place].as_str(), DRAWN[place].name()]));
    put_legend(view, &legend, area, buf);
}

/// What the values of a chart are on.
struct ChartScale {
    bounds: [f64; 2],
    labels: Vec<String>,
}

fn plot(
    view: &Drawn<'_>,
    run: &Followed,
    curves: &[(Curve, &[(f64, f64)])],
    y: ChartScale,
    area: Rect,
    buf: &mut Buffer,
) {
    let until = run.until();
    let from = view.look.window.length().map_or(RunInstant::START, |length| until - length);
    let x = [from.as_secs_f64(), until.as_secs_f64().max(from.as_secs_f64() + 1.0)];
    let marks: Vec<[(f64, f64); 2]> = run
        .marks
        .iter()
        .filter(|at| (x[0]..=x[1]).contains(at))
        .map(|at| [(*at, y.bounds[0]), (*at, y.bounds[1])])
        .collect();
    let mut sets: Vec<Dataset<'_>> = marks
        .iter()
        .map(|ends| {
            let set = Dataset::default().data(ends).graph_type(GraphType::Line);
            set.marker(Marker::Braille).style(view.ink.mark())
        })
        .collect();
    for (curve, points) in curves {
        let set = Dataset::default().data(points).graph_type(GraphType::Line);
        sets.push(set.marker(view.ink.marker(*curve)).style(view.ink.curve(*curve)));
    }
    let faint = view.ink.style(Tone::Faint);
    let labels = [from, until].map(|at| Line::from(clock(at)));
    let x = Axis::default().bounds(x).labels(labels).style(faint);
    let y = Axis::default().bounds(y.bounds).labels(y.labels).style(faint);
    Chart::new(sets).x_axis(x).y_axis(y).legend_position(None).render(area, buf);
}

/// Names of curves at the right end of a panel's title: at length, in short, or not at all, as
/// there is room beside it.
fn put_legend(view: &Drawn<'_>, legend: &[(Curve, [&str; 2])], area: Rect, buf: &mut Buffer) {
    let room = usize::from(area.width.saturating_sub(TITLE));
    let in_form = |form: usize| -> Vec<(Curve, Piece)> {
        let name = |(curve, names): &(Curve, [&str; 2])| {
            (*curve, Piece::from(format!(" {} {} ", view.ink.sign(*curve), names[form])))
        };
        legend.iter().map(name).collect()
    };
    let wide =
        |names: &[(Curve, Piece)]| names.iter().map(|(_, name)| name.columns()).sum::<usize>();
    let Some(names) = [0, 1].map(in_form).into_iter().find(|names| wide(names) <= room) else {
        return;
    };
    let start = usize::from(area.right()).saturating_sub(wide(&names) + 1);
    let mut x = u16::try_from(start).unwrap_or(u16::MAX);
    for (curve, name) in names {
        (x, _) = buf.set_stringn(x, area.y, &name.text, room, view.ink.curve(curve));
    }
}

/// Columns of the titles of charts, and what is left free beside them.
const TITLE: u16 = 18;
