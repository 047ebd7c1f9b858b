//! What `host try` shows of one iteration: each event in words as it happens, and at the end what
//! the iteration came to.
//!
//! Everything is printed from [`UserEvent`]s alone, so that a test needs no service. What the
//! scenario or the service said goes through `swell_core::plain`.

mod exchange;
mod har;
mod message;
mod sanitised;
mod tally;
mod words;

use std::fmt::Write as _;
use std::time::Duration;

use swell_core::observer::{Function, LogLevel, ObservedEnd, ObservedPiece, UserEvent};
use swell_core::plain::{in_one_line, line};
use swell_core::units::{counted, print_duration};

pub use self::har::{Har, Secrets};
pub use self::tally::EventTally;
pub use self::words::PrintedLines;
use self::words::time;
use crate::sheet::{Piece, Tone};

/// Puts events into words, one after the other.
#[derive(Debug)]
pub struct Printer {
    /// Whether bodies are shown whole, and not only where they begin.
    is_full: bool,
    /// Transactions that are open around what happens.
    depth: usize,
}

impl Printer {
    /// One that has printed nothing yet. With `is_full` it shows bodies whole, and not only where
    /// they begin.
    pub const fn new(is_full: bool) -> Self {
        Self { is_full, depth: 0 }
    }

    /// The lines for an event.
    pub fn print(&mut self, event: &UserEvent) -> PrintedLines {
        match event {
            UserEvent::Called(function) => {
                self.depth = 0;
                return vec![vec![], vec![Tone::Title.of(title(*function))]];
            }
            UserEvent::Returned(Ok(())) => return Vec::new(),
            UserEvent::Exchanged(exchanged) => {
                let lines = exchange::print(exchanged, self.is_full).into_iter();
                return lines.map(|line| self.indented(line)).collect();
            }
            UserEvent::Returned(Err(_)) => self.depth = 0,
            UserEvent::Ended { .. } => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        let printed = self.indented(one_line(event));
        if matches!(event, UserEvent::Began { .. }) {
            self.depth += 1;
        }
        vec![printed]
    }

    /// A line as far to the right as the transactions around it say.
    fn indented(&self, mut line: Vec<Piece>) -> Vec<Piece> {
        line.insert(0, " ".repeat(2 * (self.depth + 1)).into());
        line
    }
}

/// An event that is told in one line.
fn one_line(event: &UserEvent) -> Vec<Piece> {
    match event {
        UserEvent::Called(_) | UserEvent::Returned(Ok(())) | UserEvent::Exchanged(_) => Vec::new(),
        UserEvent::Returned(Err(words)) => vec![BAD.into_piece(), in_one_line(words).into()],
        UserEvent::Began { name } => vec!["▸ ".into(), Tone::Title.of(line(name).to_string())],
        UserEvent::Ended { name, service, end } => ended(name, *service, end),
        UserEvent::Opened { asked, status, after } => {
            let tone = if (200..=399).contains(status) { Tone::Good } else { Tone::Bad };
            let status = tone.of(format!(" {status}"));
            let after = format!(" after {}, read while it comes", time(*after));
            vec![Tone::Title.of(line(asked).to_string()), status, after.into()]
        }
        UserEvent::Read { what, after } => {
            let after = match after {
                Some(after) => format!("+{}", time(*after)),
                None => "(while the scenario was busy)".to_owned(),
            };
            vec!["  < ".into(), piece(what).into(), Tone::Faint.of(format!("  {after}"))]
        }
        UserEvent::CutOff { asked, age } => {
            let age = time(*age);
            vec![
                BAD.into_piece(),
                format!("{} cut off after {age}: no answer by then", line(asked)).into(),
            ]
        }
        UserEvent::Messaged(message) => message::print(message),
        UserEvent::Checked { name, passed } => {
            let mark = if *passed { GOOD } else { BAD };
            vec![mark.into_piece(), format!("check: {}", line(name)).into()]
        }
        UserEvent::Measured { metric, kind, value, tags } => {
            let mut text = format!("{} {} = {value}", kind.name(), line(metric));
            for (name, value) in tags {
                let _ = write!(text, " {}={}", line(name), line(value));
            }
            vec![text.into()]
        }
        UserEvent::Logged { level, text } => {
            let (tone, name) = level_of(*level);
            vec![tone.of(name), format!(" {}", line(text)).into()]
        }
        UserEvent::Socket(Ok(what)) => vec![line(what).to_string().into()],
        UserEvent::Socket(Err(what)) => vec![BAD.into_piece(), line(what).to_string().into()],
        UserEvent::Waits(time) => {
            vec![Tone::Faint.of(format!("waits for {}", print_duration(*time)))]
        }
    }
}

/// Of an event's data so many bytes are shown as it comes; all of it stands in the body below.
const EVENT: usize = 200;

fn piece(what: &ObservedPiece) -> String {
    match what {
        ObservedPiece::Bytes(size) => counted(*size as u64, "byte"),
        ObservedPiece::Event { kind, data } => {
            let shown = &data[..data.floor_char_boundary(EVENT)];
            let more = if shown.len() < data.len() { "…" } else { "" };
            format!("event {}: {}{more}", line(kind), in_one_line(shown))
        }
    }
}

/// What a line begins with that tells of an end.
struct EndMark(Tone, &'static str);

const GOOD: EndMark = EndMark(Tone::Good, "✓ ");
const BAD: EndMark = EndMark(Tone::Bad, "✗ ");

impl EndMark {
    fn into_piece(self) -> Piece {
        self.0.of(self.1)
    }
}

fn title(function: Function) -> String {
    match function {
        Function::Setup => "setup".to_owned(),
        Function::Start => "start".to_owned(),
        Function::Iteration(number) => format!("iteration {number}"),
        Function::Stop => "stop".to_owned(),
        Function::Teardown => "teardown".to_owned(),
    }
}

fn ended(name: &str, service: Duration, end: &ObservedEnd) -> Vec<Piece> {
    let (name, took) = (line(name), time(service));
    let (mark, words) = match end {
        ObservedEnd::Ok => (GOOD, format!("{name} ok in {took}")),
        ObservedEnd::Failed(reason) => {
            (BAD, format!("{name} failed in {took}: {}", in_one_line(reason)))
        }
        ObservedEnd::Interrupted => (BAD, format!("{name} cut off after {took}")),
    };
    vec![mark.into_piece(), words.into()]
}

const fn level_of(level: LogLevel) -> (Tone, &'static str) {
    match level {
        LogLevel::Debug => (Tone::Faint, "log debug"),
        LogLevel::Info => (Tone::Good, "log info"),
        LogLevel::Warn => (Tone::Doubtful, "log warn"),
        LogLevel::Error => (Tone::Bad, "log error"),
    }
}

#[cfg(test)]
mod tests;
