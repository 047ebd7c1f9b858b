//! Runs held against each other: what differs between them, and how sure that is.
//!
//! Two sides, A and B, have a run each or several. What is said depends on what there is:
//!
//! | runs | what is said | by what |
//! |---|---|---|
//! | one and one, records | whether these two *runs* differ | blocks, drawn anew (`within`) |
//! | one and one, a total alone | both figures, and no interval | – |
//! | fewer than five on a side | whether the sides differ, if a law holds | means (`between`) |
//! | five and more on each | whether the sides differ | ranks (`between`) |
//!
//! Two runs say nothing of how much equal runs differ, which on a shared machine is often more than
//! what anybody changed; so of two runs it is never said that the service has become slower.
//!
//! Nothing here reads a clock or a file. All randomness is of a fixed seed: the same runs give the
//! same words.

mod between;
mod chance;
mod comparison;
mod from_record;
mod markdown;
mod method;
mod ruling;
mod run;
#[cfg(test)]
mod simulation;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod told;
mod totals;
mod unlike;
mod within;
mod words;

pub use self::comparison::{ComparisonForm, RunComparison};
pub use self::markdown::ComparisonInMarkdown;
pub use self::method::Method;
pub use self::ruling::{MarginReport, MarginRuling};
pub use self::run::ComparedRun;
pub use self::table::{FigureComparison, FigureFinding};
pub use self::text::ComparisonText;
pub use self::unlike::Unlike;
