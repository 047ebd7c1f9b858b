//! What happened, in words, as it came: marks of runs, and lines of the log.

use std::collections::VecDeque;

use swell_core::RunInstant;
use swell_core::plain::line;
use swell_report::record::{Mark, MarkKind};
use swell_report::{Piece, Tone};

/// Lines that are kept: more than any terminal shows.
const KEPT: usize = 500;

/// Columns of the time before the words.
const TIME: usize = 8;

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Happenings(VecDeque<Vec<Piece>>);

impl Happenings {
    /// A mark of a run, which is named where there are several.
    pub(crate) fn add_mark(&mut self, run: Option<&str>, mark: &Mark) {
        let run = run.map_or_else(String::new, |run| format!("{}: ", line(run)));
        let words = format!("{run}{}", line(&mark.text));
        self.add(&clock(mark.at), tone_of(mark.kind).of(words));
    }

    /// A line of the log, as it is printed: time, level, words. Of colours around them nothing is
    /// left.
    pub(crate) fn add_line(&mut self, text: &str) {
        let text = without_colours(text);
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let (time, rest) = match text.split_once(' ') {
            Some((first, rest)) => match time_of_day(first) {
                Some(time) => (time, rest.trim_start()),
                None => ("", text),
            },
            None => ("", text),
        };
        let tone = match () {
            () if rest.starts_with("ERROR") || rest.starts_with("error:") => Tone::Bad,
            () if rest.starts_with("WARN") || rest.starts_with("warning:") => Tone::Doubtful,
            () => Tone::Plain,
        };
        self.add(time, tone.of(line(rest).to_string()));
    }

    /// The latest ones, the latest last.
    pub(crate) fn latest(&self, most: usize) -> impl Iterator<Item = &Vec<Piece>> {
        self.0.iter().skip(self.0.len().saturating_sub(most))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, time: &str, words: Piece) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(vec![Tone::Faint.of(format!("{time:>TIME$} ")), words]);
    }
}

/// An instant of a run as a clock shows it.
pub(crate) fn clock(at: RunInstant) -> String {
    let seconds = at.as_secs_f64() as u64;
    match seconds {
        0..3_600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    }
}

const fn tone_of(kind: MarkKind) -> Tone {
    match kind {
        MarkKind::ThresholdBroken
        | MarkKind::EndedByCondition
        | MarkKind::UserTrapped
        | MarkKind::HostLost => Tone::Bad,
        MarkKind::Limited | MarkKind::Paused => Tone::Doubtful,
        MarkKind::GoalChanged
        | MarkKind::Resumed
        | MarkKind::WarmUpOver
        | MarkKind::Reached
        | MarkKind::HostJoined
        | MarkKind::HostLeft => Tone::Plain,
    }
}

/// Of "2026-11-18T11:06:40.123456Z" the "11:06:40".
fn time_of_day(word: &str) -> Option<&str> {
    let (_, time) = word.split_once('T').filter(|_| word.ends_with('Z'))?;
    time.get(..TIME).filter(|time| time.bytes().all(|b| b.is_ascii_digit() || b == b':'))
}

/// The same without what colours it: all that is left of escapes in a line that was made plain.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split("\x1b[");
    plain.extend(parts.next());
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &[Piece]) -> String {
        line.iter().map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn a_line_of_the_log_keeps_its_time_of_day_and_no_colour() {
        let mut all = Happenings::default();
        all.add_line("\x1b[2m2026-11-18T11:06:40.123456Z\x1b[0m \x1b[33m WARN\x1b[0m it is full\n");
        all.add_line("warning: two\nlines\n");
        all.add_line(" \n");
        let lines: Vec<&Vec<Piece>> = all.latest(9).collect();
        assert_eq!(text(lines[0]), "11:06:40 WARN it is full");
        assert_eq!(text(lines[1]), "         warning: two\\nlines");
        assert_eq!(lines[0][1].tone, Tone::Doubtful);
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn the_latest_lines_of_a_flood_are_kept() {
        let mut all = Happenings::default();
        (0..10_000).for_each(|number| all.add_line(&format!("line {number}")));
        assert_eq!(all.0.len(), KEPT);
        assert_eq!(all.latest(1).map(|line| text(line)).collect::<String>().trim(), "line 9999");
    }

    #[test]
    fn what_a_mark_says_does_nothing_to_a_terminal() {
        let mut all = Happenings::default();
        let at = RunInstant::from_nanos(3_725_000_000_000);
        let mark = Mark { at, kind: MarkKind::HostLost, text: "host a\x1b[2J\nb".to_owned() };
        all.add_mark(Some("sh\rop"), &mark);
        let lines: Vec<String> = all.latest(9).map(|line| text(line)).collect();
        assert_eq!(lines, [" 1:02:05 sh\\rop: host a\\u{1b}[2J\\nb"]);
    }
}
