//! A load as a formula: `100 + 50*sin(t/60)`, with `t` in seconds.
//!
//! ## Why a formula becomes straight lines
//! A schedule must say when its millionth start is due without adding up all before it, and all
//! machines must say the same. The integral of a straight line is known in closed form, and that of
//! a formula is not. So a formula is drawn as stages, before the run, and from then on it is what
//! any profile of stages is. The lead of a cluster sends its own stages of a rate to all nodes;
//! those of users each node draws for itself, alike to the last digit (`functions`).

mod curve;
mod functions;
mod reading;
mod term;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

pub use self::curve::CurveError;
use self::curve::drawn;
pub use self::reading::FormulaError;
use self::reading::read;
use self::term::Term;
use super::Stage;

/// A formula in `t`. Two formulas are the same if they are written alike.
#[derive(Clone)]
pub struct Formula {
    text: Arc<str>,
    term: Arc<Term>,
}

/// A load over time as straight lines.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadLines {
    /// The load at the beginning.
    pub from: f64,
    /// How it goes on. Together the stages have the length that was asked for.
    pub stages: Vec<Stage>,
}

impl Formula {
    /// Its value, so many seconds after the beginning.
    pub fn at(&self, seconds: f64) -> f64 {
        self.term.at(seconds)
    }

    /// The formula as straight lines for this length. Everywhere they are within 0.5 % of it, or
    /// within 0.2 % of its peak, at most 0.02, where that is more. What is narrower than an eighth
    /// of a second, or than 1/200,000 of the length if that is more, may be missed.
    ///
    /// # Errors
    /// It is negative, no number or above `most` somewhere, it is zero everywhere, or it needs too
    /// many lines.
    pub fn lines(&self, length: Duration, most: f64) -> Result<LoadLines, CurveError> {
        let (from, stages) = drawn(&|seconds| self.at(seconds), length, most)?;
        Ok(LoadLines { from, stages })
    }
}

impl FromStr for Formula {
    type Err = FormulaError;

    fn from_str(text: &str) -> Result<Self, FormulaError> {
        // Errors point at a place in the text, which takes a text of one line.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let term = Arc::new(read(&text)?);
        Ok(Self { text: text.into(), term })
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Formula({})", self.text)
    }
}

impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

#[cfg(test)]
mod tests;
