//! What a picture is drawn with: lines, areas and words, in dots of a picture that may have more.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::element::{Circle, DashedPathElement, PathElement, Rectangle};
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, IntoFont as _, RGBColor, TextStyle};

use crate::xml_text::xml_text;

/// The name of the letters, which a browser gives its own.
pub(super) const FONT: &str = "sans-serif";

/// By how much the widest letters that a browser may show an SVG in, as DejaVu Sans, exceed ours.
const BROWSER_LETTERS: f64 = 1.22;

/// The colours, chosen so that who sees red and green alike can tell them apart.
pub(super) const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
pub(super) const SHADE: RGBColor = RGBColor(0xf3, 0xf3, 0xf1);
pub(super) const GRID: RGBColor = RGBColor(0xe4, 0xe4, 0xe0);
pub(super) const INK: RGBColor = RGBColor(0x1a, 0x1b, 0x1e);
pub(super) const PALE_INK: RGBColor = RGBColor(0x56, 0x5a, 0x61);
pub(super) const GOOD: RGBColor = RGBColor(0x0b, 0x7a, 0x53);
pub(super) const DOUBTFUL: RGBColor = RGBColor(0x9a, 0x67, 0x00);
pub(super) const BAD: RGBColor = RGBColor(0xb3, 0x26, 0x1e);

/// What can go wrong: the picture's own fault.
pub(super) type DrawError<DB> = DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>;

/// Where words stand from the point that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    After,
    Before,
    Around,
}

/// See the module's documentation.
pub(super) struct Pen<'a, DB: DrawingBackend> {
    pub(super) area: &'a DrawingArea<DB, Shift>,
    /// Dots for each of the picture.
    pub(super) dots: u32,
}

/// A point of the picture, from its upper left corner.
pub(super) type Spot = (f64, f64);

impl<DB: DrawingBackend> Pen<'_, DB> {
    fn dot(&self, (x, y): Spot) -> (i32, i32) {
        let dots = f64::from(self.dots);
        ((x * dots).round() as i32, (y * dots).round() as i32)
    }

    fn dots(&self, spots: &[Spot]) -> Vec<(i32, i32)> {
        spots.iter().map(|spot| self.dot(*spot)).collect()
    }

    pub(super) fn line(
        &self,
        spots: &[Spot],
        colour: RGBColor,
        width: u32,
    ) -> Result<(), DrawError<DB>> {
        let style = colour.stroke_width(width * self.dots);
        self.area.draw(&PathElement::new(self.dots(spots), style))
    }

    pub(super) fn dashes(
        &self,
        spots: &[Spot],
        colour: RGBColor,
        width: u32,
        (dash, gap): (u32, u32),
    ) -> Result<(), DrawError<DB>> {
        let style = colour.stroke_width(width * self.dots);
        let (dash, gap) = ((dash * self.dots) as i32, (gap * self.dots) as i32);
        self.area.draw(&DashedPathElement::new(self.dots(spots), dash, gap, style))
    }

    pub(super) fn fill(
        &self,
        from: Spot,
        until: Spot,
        colour: RGBColor,
    ) -> Result<(), DrawError<DB>> {
        self.area.draw(&Rectangle::new([self.dot(from), self.dot(until)], colour.filled()))
    }

    /// A dot of its own, for a line that has no length.
    pub(super) fn spot(&self, at: Spot, colour: RGBColor) -> Result<(), DrawError<DB>> {
        self.area.draw(&Circle::new(self.dot(at), (2 * self.dots) as i32, colour.filled()))
    }

    /// Words whose middle line is at this height.
    pub(super) fn words(
        &self,
        words: &str,
        at: Spot,
        size: u32,
        colour: RGBColor,
        stands: Stands,
    ) -> Result<(), DrawError<DB>> {
        let side = match stands {
            Stands::After => HPos::Left,
            Stands::Before => HPos::Right,
            Stands::Around => HPos::Center,
        };
        let style = self.style(size).color(&colour).pos(Pos::new(side, VPos::Center));
        self.area.draw_text(words, &style, self.dot(at))
    }

    /// How wide words are at most: letters of a browser may be wider than ours.
    pub(super) fn width(&self, words: &str, size: u32) -> Result<f64, DrawError<DB>> {
        let (width, _) = self.area.estimate_text_size(words, &self.style(size))?;
        Ok(f64::from(width) * BROWSER_LETTERS / f64::from(self.dots))
    }

    /// Somebody's words, which are cut where they are wider than this.
    pub(super) fn cut(&self, words: &str, size: u32, most: f64) -> Result<String, DrawError<DB>> {
        let mut cut = xml_text(words);
        let mut is_cut = false;
        while self.width(&cut, size)? > most && cut.pop().is_some() {
            is_cut = true;
        }
        Ok(if is_cut { cut + "…" } else { cut })
    }

    fn style(&self, size: u32) -> TextStyle<'static> {
        (FONT, size * self.dots).into_font().into()
    }
}
