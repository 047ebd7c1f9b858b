//! The edge to the person who reads: all that this program prints leaves here, and no character in
//! it does anything to a terminal except to end a line.
//!
//! What scenarios, services, files and other nodes said is made visible as a part of a line where
//! messages are made (`swell_core::plain::line`); what was forgotten there is made visible here.
//! Clippy refuses stdout and stderr anywhere else in the host (`clippy.toml`).
#![allow(clippy::disallowed_methods, reason = "this is the one place that has them")]

use std::fmt::{self, Display};
use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use swell_core::plain::page;
use swell_report::{Piece, Sheet, Tone};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::stderr;

/// Prints a line on stderr. If stderr is closed, or nobody reads it, that is no reason to fail or
/// to wait.
pub(crate) fn say(line: impl Display) {
    stderr::add(format!("{}\n", page(line)).into_bytes());
}

/// Lines on stdout.
///
/// # Errors
/// It is closed or cannot be written.
pub(crate) fn show(lines: impl Display) -> io::Result<()> {
    write!(io::stdout(), "{}", page(lines))
}

/// Bytes on stdout that are for a program, and written as they are.
///
/// # Errors
/// As [`show`].
pub(crate) fn hand_over(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Whether somebody watches stderr.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// The same of stdout.
pub(crate) fn is_stdout_watched() -> bool {
    io::stdout().is_terminal()
}

/// Whether lines on stderr can renew themselves: somebody watches, and the terminal can do more
/// than print one line below the other.
pub(crate) fn is_renewable() -> bool {
    is_watched() && !is_dumb()
}

/// What a view of the whole terminal lacks, if anything.
pub(crate) fn why_no_view() -> Option<&'static str> {
    match () {
        () if !is_watched() => Some("stderr is no terminal"),
        () if !io::stdin().is_terminal() => Some("stdin is no terminal, so no key can be read"),
        () if is_dumb() => Some("TERM=dumb says that the terminal can only print"),
        () => None,
    }
}

/// How many rows and columns the terminal behind stderr has.
pub(crate) fn size_of_stderr() -> (usize, usize) {
    let (rows, columns) = console::Term::stderr().size();
    (usize::from(rows), usize::from(columns))
}

/// How many columns stdout has, where it is a terminal; of one that does not say, 80.
pub(crate) fn columns_of_stdout() -> Option<usize> {
    io::stdout().is_terminal().then(|| usize::from(console::Term::stdout().size().1))
}

/// A sheet for stdout: in colours where a person looks at it who does not mind them.
pub(crate) fn painted(sheet: &Sheet) -> String {
    painted_lines(sheet.lines())
}

/// What a script has for stdout: as it is where a program reads it. On a terminal it does nothing
/// but end lines and, where they are not minded, change colours.
pub(crate) fn of_a_script(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if !is_stdout_watched() {
        return text.into_owned();
    }
    shown_on_a_terminal(&text, is_coloured(&io::stdout()))
}

fn shown_on_a_terminal(text: &str, is_coloured: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for (place, piece) in text.split("\x1b[").enumerate() {
        let is_of_code = |character: &char| character.is_ascii_digit() || *character == ';';
        let code: String = piece.chars().take_while(is_of_code).collect();
        let is_colour = place > 0 && piece[code.len()..].starts_with('m');
        let rest = if is_colour { &piece[code.len() + 1..] } else { piece };
        if is_colour && is_coloured {
            shown += &format!("\x1b[{code}m");
        } else if place > 0 && !is_colour {
            shown += &page("\x1b[").to_string();
        }
        shown += &page(rest).to_string();
    }
    // What it has changed ends with it.
    if is_coloured { shown + "\x1b[0m" } else { shown }
}

/// Lines on stdout, painted as a sheet is.
///
/// # Errors
/// As [`show`].
pub(crate) fn show_lines(lines: &[Vec<Piece>]) -> io::Result<()> {
    hand_over(painted_lines(lines).as_bytes())
}

fn painted_lines(lines: &[Vec<Piece>]) -> String {
    let is_coloured = is_coloured(&io::stdout());
    lines.iter().map(|line| paint(line, is_coloured) + "\n").collect()
}

/// Pieces of a line, as they are shown. Colours are around what came from elsewhere, never in it.
pub(crate) fn paint(pieces: &[Piece], is_coloured: bool) -> String {
    let paint = |Piece { tone, text }: &Piece| {
        let code = code(*tone).filter(|_| is_coloured && !text.is_empty());
        code.map_or_else(|| page(text).to_string(), |code| format!("{code}{}\x1b[0m", page(text)))
    };
    pieces.iter().map(paint).collect()
}

const fn code(tone: Tone) -> Option<&'static str> {
    match tone {
        Tone::Plain => None,
        Tone::Title => Some("\x1b[1m"),
        Tone::Good => Some("\x1b[32m"),
        Tone::Doubtful => Some("\x1b[33m"),
        Tone::Bad => Some("\x1b[31m"),
        Tone::Faint => Some("\x1b[2m"),
    }
}

/// Whether colours are for whoever watches stderr.
pub(crate) fn is_stderr_coloured() -> bool {
    is_coloured(&io::stderr())
}

/// Whether colours are for whoever reads there: a terminal that has any, and nobody said no
/// (<https://no-color.org>).
fn is_coloured(stream: &impl io::IsTerminal) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !refused && !is_dumb()
}

/// A terminal that can only print.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Whether somebody can be asked: they see the question and can answer it.
pub(crate) fn is_attended() -> bool {
    is_watched() && io::stdin().is_terminal()
}

/// Log lines go to stderr, so that stdout holds results alone. `RUST_LOG` chooses more or less of
/// them.
pub(crate) fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "warn,scenario=info,swell=info,host=info".into());
    let is_coloured = is_stderr_coloured();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(LogLines)
        .with_ansi(is_coloured)
        .log_internal_errors(false)
        .event_format(LogLine { is_coloured })
        .init();
}

/// Whether `--quiet` is in force, wherever it was said.
static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on log lines are written, or those alone that tell of errors.
pub(crate) fn be_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Where log lines go: to stderr, and in a quiet run those alone that tell of errors.
struct LogLines;

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = Box<dyn Write>;

    fn make_writer(&'a self) -> Self::Writer {
        Box::new(stderr::LogWriter)
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> Self::Writer {
        let is_left_out = QUIET.load(Ordering::Relaxed) && *line.level() != Level::ERROR;
        if is_left_out { Box::new(io::sink()) } else { self.make_writer() }
    }
}

/// The form of a log line: time, level, words. Colours are around what came from elsewhere, never
/// in it.
struct LogLine {
    is_coloured: bool,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>, N: for<'a> FormatFields<'a> + 'static>
    FormatEvent<S, N> for LogLine
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        let (mut time, mut words) = (String::new(), String::new());
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        context.format_fields(Writer::new(&mut words), event)?;
        let [dim, colour, reset] =
            if self.is_coloured { ["\x1b[2m", colour(level), "\x1b[0m"] } else { [""; 3] };
        writeln!(writer, "{dim}{time}{reset} {colour}{level:>5}{reset} {}", page(words))
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_script_says_colours_alone_act_on_a_terminal() {
        let text = "\x1b[32mok\x1b[0m\n\x1b[2J\x07 \x1b[1;31";
        assert_eq!(shown_on_a_terminal(text, false), "ok\n\\u{1b}[2J\\u{7} \\u{1b}[1;31");
        let coloured = shown_on_a_terminal(text, true);
        assert!(coloured.starts_with("\x1b[32mok\x1b[0m\n\\u{1b}[2J"), "{coloured:?}");
    }
}
