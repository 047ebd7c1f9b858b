//! The terminal view of a run: what of it stands where, and what a key asks for.
//!
//! A [`Dashboard`] follows runs by what their records hold, and cannot tell whether a run goes on
//! or is read from a file. It draws itself into a buffer of cells; whoever has a terminal reads
//! keys there, tells them to it with the time, does what they ask for, and writes the cells that
//! have changed. Nothing here reads a clock or a terminal, so a test draws any screen.
//!
//! | file | what it knows |
//! |---|---|
//! | `dashboard` | the runs, and what keys do to how they are shown |
//! | `drawn` | what is drawn: a run, and how somebody looks at it |
//! | `followed` | one run: its course, its marks, and what it came to |
//! | `course` | the frames of a run, in little memory however long it goes on |
//! | `playback` | which instant of a record is shown when |
//! | `key` | keys, and what they ask for |
//! | `log` | lines of the log and marks, as they came |
//! | `draw` | where everything stands; a file below it for each part of the screen |
//! | `ink` | tones of a text as colours, or without |

mod course;
mod dashboard;
mod draw;
mod drawn;
mod followed;
mod ink;
mod key;
mod log;
mod playback;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use self::dashboard::Dashboard;
pub use self::drawn::ViewKind;
pub use self::key::{Key, KeyRequest};
pub use self::playback::Playback;
