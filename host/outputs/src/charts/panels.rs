//! The panels of a run: what each shows, by which axis.

use plotters::prelude::DrawingBackend;
use plotters::style::RGBColor;

use super::axis::{Axis, instants, milliseconds, number};
use super::course::{PicturePoint, PictureRun, PictureStretch};
use super::pen::{DrawError, GRID, INK, PALE_INK, Pen, SHADE, Spot, Stands};

const P50: RGBColor = RGBColor(0x8c, 0xb4, 0xea);
const P95: RGBColor = RGBColor(0x1f, 0x63, 0xc6);
const P99: RGBColor = RGBColor(0x0f, 0x35, 0x70);
const SERVICE: RGBColor = RGBColor(0xc6, 0x5a, 0x00);
const USERS: RGBColor = RGBColor(0x0c, 0x8a, 0x6a);
const UNDER_WAY: RGBColor = RGBColor(0x9b, 0x4f, 0x96);
const CAUSES: [RGBColor; 4] = [
    RGBColor(0xb3, 0x36, 0x1e),
    RGBColor(0xe5, 0x9a, 0x1c),
    RGBColor(0x7a, 0x5b, 0xb8),
    RGBColor(0x5d, 0x8a, 0xa8),
];
const OTHERS: RGBColor = RGBColor(0x8a, 0x8d, 0x94);

/// Where all panels begin and end.
pub(super) const LEFT: f64 = 68.0;
pub(super) const RIGHT: f64 = 1_176.0;

/// What stands above a panel: its name and what its colours mean.
pub(super) const HEAD: f64 = 30.0;

/// The panels, from above, and how high each is.
pub(super) const HEIGHTS: [f64; 4] = [150.0, 220.0, 110.0, 110.0];

/// How a line is drawn, and shown beside its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineForm {
    Line,
    Dashes,
    Area,
}

/// The rectangle of a panel.
struct Panel<'a, DB: DrawingBackend> {
    pen: &'a Pen<'a, DB>,
    top: f64,
    height: f64,
    seconds: f64,
    axis: Axis,
}

/// Draws all panels from `top` on.
pub(super) fn draw<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    course: &PictureRun,
    top: f64,
) -> Result<(), DrawError<DB>> {
    let mut top = top;
    let draw = [rate, response_times, failures, users];
    for (draw, height) in draw.into_iter().zip(HEIGHTS) {
        top += HEAD;
        draw(pen, course, top, height)?;
        top += height;
    }
    Ok(())
}

fn rate<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    course: &PictureRun,
    top: f64,
    height: f64,
) -> Result<(), DrawError<DB>> {
    let completed = |stretch: &PictureStretch| stretch.completed as f64 / stretch.length();
    let goals = course.stretches.iter().filter_map(|stretch| stretch.goal);
    let most = course.stretches.iter().map(completed).chain(goals).fold(0.0, f64::max);
    let panel = Panel { pen, top, height, seconds: course.seconds(), axis: Axis::linear(most) };
    panel.ground(course, "Transactions a second", number)?;
    let has_goal = course.stretches.iter().any(|stretch| stretch.goal.is_some());
    let goal = has_goal.then_some(("goal", PALE_INK, LineForm::Dashes));
    panel.legend([("completed", P95, LineForm::Line)].into_iter().chain(goal))?;
    panel.steps(course, |stretch| stretch.goal, PALE_INK, LineForm::Dashes)?;
    panel.steps(course, |stretch| Some(completed(stretch)), P95, LineForm::Line)
}

fn response_times<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    course: &PictureRun,
    top: f64,
    height: f64,
) -> Result<(), DrawError<DB>> {
    let response = |percent| course.percentile(percent, |stretch| &stretch.response);
    let service = course.percentile(95.0, |stretch| &stretch.service);
    // What is drawn later lies above.
    let lines = [
        ("service p95", SERVICE, LineForm::Dashes, service),
        ("p50", P50, LineForm::Line, response(50.0)),
        ("p95", P95, LineForm::Line, response(95.0)),
        ("p99", P99, LineForm::Line, response(99.0)),
    ];
    let all = || lines.iter().flat_map(|(.., line)| line.iter().flatten()).map(|point| point.ms);
    let axis = Axis::decades(all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    let axis = if all().next().is_none() { Axis::decades(1.0, 100.0) } else { axis };
    let panel = Panel { pen, top, height, seconds: course.seconds(), axis };
    panel.ground(course, "Response time, on a logarithmic axis", milliseconds)?;
    if all().next().is_none() {
        return panel.says("too few transactions to tell");
    }
    panel.legend(lines.iter().rev().map(|(name, colour, form, _)| (*name, *colour, *form)))?;
    for (_, colour, form, line) in &lines {
        line.iter().try_for_each(|points| panel.through(points, *colour, *form))?;
    }
    Ok(())
}

fn failures<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    course: &PictureRun,
    top: f64,
    height: f64,
) -> Result<(), DrawError<DB>> {
    let causes = course.causes(CAUSES.len());
    let known: Vec<&str> = causes.iter().filter_map(|(cause, _)| cause.as_deref()).collect();
    let of = |stretch: &PictureStretch, cause: Option<&str>| -> f64 {
        let counts = stretch.failures.iter().filter(|(name, _)| match cause {
            Some(cause) => cause == name.as_str(),
            None => !known.contains(&name.as_str()),
        });
        counts.map(|(_, count)| *count as f64).sum::<f64>() / stretch.length()
    };
    let all = |stretch: &PictureStretch| {
        stretch.failures.values().map(|count| *count as f64).sum::<f64>() / stretch.length()
    };
    let most = course.stretches.iter().map(all).fold(0.0, f64::max);
    let panel = Panel { pen, top, height, seconds: course.seconds(), axis: Axis::linear(most) };
    panel.ground(course, "Failures a second, by cause", number)?;
    if causes.is_empty() {
        return panel.says("nothing failed");
    }
    let colour = |place: usize, cause: &Option<String>| match cause {
        Some(_) => CAUSES[place],
        None => OTHERS,
    };
    let named = causes.iter().enumerate().map(|(place, (cause, _))| {
        (cause.as_deref().unwrap_or("others"), colour(place, cause), LineForm::Area)
    });
    panel.legend(named)?;
    for stretch in &course.stretches {
        let mut base = 0.0;
        for (place, (cause, _)) in causes.iter().enumerate() {
            let rate = of(stretch, cause.as_deref());
            if rate > 0.0 {
                let (from, until) =
                    (panel.at(stretch.from, base + rate), panel.at(stretch.until, base));
                pen.fill(from, until, colour(place, cause))?;
            }
            base += rate;
        }
    }
    Ok(())
}

fn users<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    course: &PictureRun,
    top: f64,
    height: f64,
) -> Result<(), DrawError<DB>> {
    let most = course.stretches.iter().map(|stretch| stretch.users.max(stretch.under_way)).max();
    let axis = Axis::linear(most.unwrap_or(0).max(4) as f64);
    let panel = Panel { pen, top, height, seconds: course.seconds(), axis };
    panel.ground(course, "Virtual users", number)?;
    let named =
        [("users", USERS, LineForm::Line), ("transactions under way", UNDER_WAY, LineForm::Line)];
    panel.legend(named)?;
    panel.steps(course, |stretch| Some(stretch.users as f64), USERS, LineForm::Line)?;
    panel.steps(course, |stretch| Some(stretch.under_way as f64), UNDER_WAY, LineForm::Line)
}

/// Where an instant is, of a run of so many seconds.
pub(super) fn place(at: f64, seconds: f64) -> f64 {
    LEFT + (at / seconds).clamp(0.0, 1.0) * (RIGHT - LEFT)
}

impl<DB: DrawingBackend> Panel<'_, DB> {
    fn at(&self, at: f64, value: f64) -> Spot {
        (place(at, self.seconds), self.top + self.height * (1.0 - self.axis.place(value)))
    }

    /// The grid, what stands beside it, and the warm-up as a shade.
    fn ground(
        &self,
        course: &PictureRun,
        name: &str,
        words: fn(f64) -> String,
    ) -> Result<(), DrawError<DB>> {
        let bottom = self.top + self.height;
        for stretch in course.stretches.iter().filter(|stretch| stretch.is_warm_up) {
            let x = |at| place(at, self.seconds);
            self.pen.fill((x(stretch.from), self.top), (x(stretch.until), bottom), SHADE)?;
        }
        for at in instants(self.seconds) {
            let x = place(at, self.seconds);
            self.pen.line(&[(x, self.top), (x, bottom)], GRID, 1)?;
        }
        for (value, is_named) in self.axis.ticks() {
            let (_, y) = self.at(0.0, value);
            self.pen.line(&[(LEFT, y), (RIGHT, y)], GRID, 1)?;
            if is_named {
                self.pen.words(&words(value), (LEFT - 8.0, y), 13, PALE_INK, Stands::Before)?;
            }
        }
        self.pen.words(name, (LEFT, self.top - 12.0), 16, INK, Stands::After)
    }

    /// What the colours mean, from the right.
    fn legend<'n>(
        &self,
        named: impl IntoIterator<Item = (&'n str, RGBColor, LineForm)>,
    ) -> Result<(), DrawError<DB>> {
        let (mut right, y) = (RIGHT, self.top - 12.0);
        let named: Vec<_> = named.into_iter().collect();
        for (name, colour, form) in named.into_iter().rev() {
            let name = self.pen.cut(name, 14, 190.0)?;
            self.pen.words(&name, (right, y), 14, PALE_INK, Stands::Before)?;
            right -= self.pen.width(&name, 14)? + 8.0;
            let (from, until) = ((right - 22.0, y), (right, y));
            match form {
                LineForm::Line => self.pen.line(&[from, until], colour, 2)?,
                LineForm::Dashes => self.pen.dashes(&[from, until], colour, 2, (6, 4))?,
                LineForm::Area => {
                    self.pen.fill((right - 12.0, y - 5.0), (right, y + 5.0), colour)?;
                }
            }
            right -= if form == LineForm::Area { 30.0 } else { 40.0 };
        }
        Ok(())
    }

    fn says(&self, words: &str) -> Result<(), DrawError<DB>> {
        let middle = ((LEFT + RIGHT) / 2.0, self.top + self.height / 2.0);
        self.pen.words(words, middle, 15, PALE_INK, Stands::Around)
    }

    /// What was so for each stretch as a whole.
    fn steps(
        &self,
        course: &PictureRun,
        value: impl Fn(&PictureStretch) -> Option<f64>,
        colour: RGBColor,
        form: LineForm,
    ) -> Result<(), DrawError<DB>> {
        let mut spots = Vec::new();
        for stretch in &course.stretches {
            match value(stretch) {
                Some(value) => {
                    spots.extend([self.at(stretch.from, value), self.at(stretch.until, value)]);
                }
                None => self.stroke(&std::mem::take(&mut spots), colour, form)?,
            }
        }
        self.stroke(&spots, colour, form)
    }

    /// From the middle of each point to that of the next.
    fn through(
        &self,
        points: &[PicturePoint],
        colour: RGBColor,
        form: LineForm,
    ) -> Result<(), DrawError<DB>> {
        let mut spots: Vec<Spot> = points
            .iter()
            .map(|point| self.at(f64::midpoint(point.from, point.until), point.ms))
            .collect();
        // A line of one point is as long as what it is of.
        if let [point] = points {
            spots = vec![self.at(point.from, point.ms), self.at(point.until, point.ms)];
        }
        self.stroke(&spots, colour, form)
    }

    fn stroke(
        &self,
        spots: &[Spot],
        colour: RGBColor,
        form: LineForm,
    ) -> Result<(), DrawError<DB>> {
        match (spots, form) {
            ([], _) => Ok(()),
            ([alone], _) => self.pen.spot(*alone, colour),
            (_, LineForm::Dashes) => self.pen.dashes(spots, colour, 2, (6, 4)),
            (_, LineForm::Line | LineForm::Area) => self.pen.line(spots, colour, 2),
        }
    }
}
