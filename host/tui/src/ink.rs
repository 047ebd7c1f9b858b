//! Tones of a text as colours; where there are to be none, as attributes, or as nothing.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use swell_report::{Piece, Tone};

/// How things are painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ink {
    pub(crate) is_coloured: bool,
}

/// A line of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    /// What is looked at first.
    Main,
    /// What is held against it.
    Second,
    /// What stands above both.
    Third,
}

impl Ink {
    pub(crate) fn style(self, tone: Tone) -> Style {
        let style = Style::new();
        match tone {
            Tone::Plain => style,
            Tone::Title => style.add_modifier(Modifier::BOLD),
            Tone::Good => self.coloured(Color::Green),
            Tone::Doubtful => self.coloured(Color::Yellow),
            Tone::Bad => self.coloured(Color::Red),
            Tone::Faint => style.add_modifier(Modifier::DIM),
        }
    }

    pub(crate) fn line(self, pieces: &[Piece]) -> Line<'static> {
        let span = |piece: &Piece| Span::styled(piece.text.clone(), self.style(piece.tone));
        Line::from(pieces.iter().map(span).collect::<Vec<_>>())
    }

    /// Three colours that people who see few tell apart.
    pub(crate) fn curve(self, curve: Curve) -> Style {
        self.coloured(match curve {
            Curve::Main => Color::Cyan,
            Curve::Second => Color::Yellow,
            Curve::Third => Color::Magenta,
        })
    }

    /// A line where something happened, which stands behind all curves. A chart takes the colour of
    /// a style, and no attributes.
    pub(crate) fn mark(self) -> Style {
        self.coloured(Color::DarkGray)
    }

    /// What a curve is drawn with: fine dots, or where colours do not tell curves apart, a sign of
    /// its own.
    pub(crate) const fn marker(self, curve: Curve) -> Marker {
        match (self.is_coloured, curve) {
            (true, _) | (false, Curve::Main) => Marker::Braille,
            (false, Curve::Second) => Marker::Dot,
            (false, Curve::Third) => Marker::Block,
        }
    }

    /// The same as a sign before the curve's name.
    pub(crate) const fn sign(self, curve: Curve) -> &'static str {
        match (self.is_coloured, curve) {
            (true, _) => "━",
            (false, Curve::Main) => "⠒",
            (false, Curve::Second) => "•",
            (false, Curve::Third) => "█",
        }
    }

    const fn coloured(self, colour: Color) -> Style {
        if self.is_coloured { Style::new().fg(colour) } else { Style::new() }
    }
}
