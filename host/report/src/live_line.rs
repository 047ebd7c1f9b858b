//! What is seen of a run while it goes on: how far it is, what it asks for and gets, how long
//! answers take, what failed, what is under way. On a terminal that is a line, or three where it is
//! narrow; elsewhere a line of a log.
//!
//! A service that hangs is to look like one that hangs: what is under way grows, and the line says
//! for how long nothing has been completed. That needs the past, so a line follows its run.

use swell_core::plain::line;
use swell_core::record::{Percentile, Statistic};
use swell_core::units::{counted, grouped, print_share};

use crate::figures::{stamp_tone, time};
use crate::sheet::{Piece, Tone, cut, width};
use crate::status::{HostStatus, RunState, Status};

/// Nothing completed for so many seconds is worth a word.
const SILENT_SECONDS: f64 = 3.0;

/// Columns below which there is one line, with what matters most.
const NARROW: usize = 40;

/// Columns of the bar: fewer show nothing, and more show no more.
const BAR: std::ops::RangeInclusive<usize> = 10..=40;

/// Columns of a name beside other figures, and where there is little room.
const NAME: (usize, usize) = (40, 12);

/// Hosts that have a line of their own; of more the rest is told in a number.
const MAX_HOSTS: usize = 16;

/// A run as it is seen.
#[derive(Clone, Debug)]
pub struct LiveLine {
    name: String,
    status: Status,
    /// When something was last completed, since the run's first instant, or the run last went on.
    completed_at: f64,
    /// How its words were laid out at this width. They never go back to fewer lines, or they would
    /// jump.
    layout: (usize, usize),
}

/// Something that the line says.
struct LineWord {
    /// Of two that have no room, the one with the greater rank goes first.
    rank: usize,
    /// At length, shorter with all that it says, and in short.
    forms: [Vec<Piece>; FORMS],
}

/// In how many lengths something can be said.
const FORMS: usize = 3;

/// What there is to say, in groups that stand together.
struct Words {
    course: Vec<LineWord>,
    rate: Vec<LineWord>,
    response: Vec<LineWord>,
    outcome: Vec<LineWord>,
    control: Vec<LineWord>,
}

/// In how many ways the groups can be laid out.
const LAYOUTS: usize = 5;

impl Words {
    /// The groups on lines, the more of them the greater the number of the layout; with the form of
    /// the words that should have room there.
    fn laid_out(&self, layout: usize) -> (Vec<Vec<&LineWord>>, usize) {
        let Self { course, rate, response, outcome, control } = self;
        let (lines, form): (Vec<Vec<&Vec<LineWord>>>, usize) = match layout {
            0 => (vec![vec![course, rate, response, outcome, control]], 0),
            1 => (vec![vec![course], vec![rate, response, outcome, control]], 0),
            2 => (vec![vec![course], vec![rate, response], vec![outcome, control]], 1),
            3 => (vec![vec![course], vec![rate, response], vec![outcome], vec![control]], 1),
            _ => (vec![vec![course], vec![response], vec![rate, outcome], vec![control]], 1),
        };
        let lines = lines.into_iter().map(|groups| groups.into_iter().flatten().collect());
        (lines.filter(|line: &Vec<&LineWord>| !line.is_empty()).collect(), form)
    }
}

impl LiveLine {
    /// The line of a run of this name that has not begun.
    pub fn new(name: &str) -> Self {
        Self {
            name: line(name).to_string(),
            status: Status::default(),
            completed_at: 0.0,
            layout: (0, 0),
        }
    }

    /// The run is here now.
    pub fn handle_status(&mut self, status: &Status) {
        let completed = |status: &Status| status.ok + status.failed;
        let is_idle = status.under_way == 0 || status.phase == RunState::Paused;
        if completed(status) != completed(&self.status) || is_idle {
            self.completed_at = status.elapsed_seconds;
        }
        self.status.clone_from(status);
    }

    /// Its lines on a terminal of so many columns: several where it is the only one.
    pub fn lines(&mut self, columns: usize, is_alone: bool) -> Vec<Vec<Piece>> {
        let words = self.words();
        if self.layout.0 != columns {
            self.layout = (columns, 0);
        }
        let bar = if self.status.ends_at_seconds.is_some() { BAR.start() + 4 } else { 0 };
        let has_room = |layout: usize| {
            let (lines, form) = words.laid_out(layout);
            lines.iter().enumerate().all(|(place, line)| {
                let beside = if place == 0 { bar } else { indent(place) };
                wide(line, form) + beside <= columns
            })
        };
        let layout = if is_alone && columns >= NARROW {
            let known = self.layout.1;
            (known..LAYOUTS).find(|layout| has_room(*layout)).unwrap_or(LAYOUTS - 1)
        } else {
            0
        };
        self.layout.1 = layout;
        let lines = words.laid_out(layout).0.into_iter().enumerate().map(|(place, line)| {
            let mut pieces = set_in(place, line, columns);
            if place == 0 {
                self.put_bar(&mut pieces, columns);
            }
            pieces
        });
        lines.chain(host_lines(&self.status.hosts, columns)).collect()
    }

    /// The same where nothing renews itself: a line, and one for each of several hosts.
    pub fn log_lines(&self) -> Vec<String> {
        let words = self.words();
        let (lines, form) = words.laid_out(0);
        let all: Vec<String> =
            lines.into_iter().flatten().map(|word| text(&word.forms[form])).collect();
        let hosts = host_lines(&self.status.hosts, usize::MAX);
        std::iter::once(all.join("  ")).chain(hosts.iter().map(|host| text(host))).collect()
    }

    fn words(&self) -> Words {
        let status = &self.status;
        let name = |columns| vec![Tone::Title.of(cut(&self.name, columns))];
        let name = LineWord { rank: 7, forms: [name(NAME.0), name(NAME.0), name(NAME.1)] };
        let failed = format!("{} failed", grouped(status.failed));
        let with_share = format!("{failed}{}", share(self.failed_share()));
        let tone = if status.failed > 0 { Tone::Bad } else { Tone::Plain };
        let interrupted = (status.interrupted > 0).then(|| {
            let share = share(status.interrupted_rate);
            word(6, Tone::Bad.of(format!("{} interrupted{share}", grouped(status.interrupted))))
        });
        let outcome = [
            Some(in_short(4, tone.of(with_share), tone.of(failed))),
            interrupted,
            Some(word(5, format!("{} under way", grouped(status.under_way)).into())),
            Some(word(8, counted(status.users, "user").into())),
        ];
        let limited = status.limited_by.map(|by| format!("limited by the {}", by.name()));
        let control = [
            status.held_by.as_ref().map(|reason| word(11, line(reason).to_string().into())),
            limited.map(|limited| word(10, Tone::Doubtful.of(limited))),
        ];
        Words {
            course: [Some(name), Some(self.clock()), self.note()].into_iter().flatten().collect(),
            rate: vec![self.rate()],
            response: vec![self.response()],
            outcome: outcome.into_iter().flatten().collect(),
            control: control.into_iter().flatten().collect(),
        }
    }

    /// How far it is, and how long it has still to go.
    fn clock(&self) -> LineWord {
        let elapsed = self.status.elapsed_seconds;
        let Some(whole) = self.status.ends_at_seconds else {
            return word(0, (seconds(elapsed, elapsed) + unit(elapsed)).into());
        };
        let left = whole - elapsed;
        let so_far = seconds(elapsed.min(whole), whole);
        let so_far = format!("{so_far}/{}{}", seconds(whole, whole), unit(whole));
        if left <= 0.0 {
            return word(0, so_far.into());
        }
        let long = format!("{so_far}, {}{} left", seconds(left, whole), unit(whole));
        in_short(0, long.into(), so_far.into())
    }

    /// What is unlike the course of things.
    fn note(&self) -> Option<LineWord> {
        let status = &self.status;
        let silent = status.elapsed_seconds - self.completed_at;
        match status.phase {
            RunState::Draining => {
                let left = status.cut_at_seconds.map_or_else(String::new, |cut_at| {
                    let left = (cut_at - status.elapsed_seconds).max(0.0).ceil();
                    format!(", {left:.0} s at most")
                });
                let long = Tone::Doubtful.of(format!("draining{left}"));
                Some(in_short(1, long, Tone::Doubtful.of("draining")))
            }
            RunState::Paused => Some(word(1, Tone::Doubtful.of("paused"))),
            _ if silent >= SILENT_SECONDS => {
                let long = Tone::Bad.of(format!("nothing completed for {silent:.0} s"));
                Some(in_short(1, long, Tone::Bad.of(format!("hangs {silent:.0} s"))))
            }
            RunState::WarmUp => Some(word(1, Tone::Faint.of("warm-up"))),
            RunState::Preparing | RunState::Measuring | RunState::Over => None,
        }
    }

    fn rate(&self) -> LineWord {
        let rate = |per_second: f64| grouped(per_second.round() as u64);
        let completed = rate(self.status.per_second);
        let goal = self.status.goal_per_second.map(rate);
        let of = goal.map_or_else(String::new, |goal| format!(" of {goal}"));
        let long = Piece::from(format!("{completed}{of} transactions/s"));
        let short = Piece::from(format!("{completed}/s{of}"));
        LineWord { rank: 2, forms: [vec![long], vec![short.clone()], vec![short]] }
    }

    fn response(&self) -> LineWord {
        let times = &self.status.response_so_far_ms;
        let told = |percentile: Percentile| {
            let time = times.in_words(Statistic::Percentile(percentile));
            format!("{} {time}", percentile.name())
        };
        let all = [Percentile::P50, Percentile::P95, Percentile::P99].map(told).join(", ");
        let forms =
            [format!("response so far {all}"), format!("response {all}"), told(Percentile::P95)];
        LineWord { rank: 3, forms: forms.map(|text| vec![text.into()]) }
    }

    fn failed_share(&self) -> Option<f64> {
        let ended = self.status.ok + self.status.failed;
        (ended > 0).then(|| self.status.failed as f64 / ended as f64)
    }

    /// Shows how far it is in the room that the line has left.
    fn put_bar(&self, pieces: &mut Vec<Piece>, columns: usize) {
        let Some(ends_at) = self.status.ends_at_seconds.filter(|at| *at > 0.0) else { return };
        let room = columns.saturating_sub(columns_of(pieces) + 4).min(*BAR.end());
        if room < *BAR.start() {
            return;
        }
        let done = (self.status.elapsed_seconds / ends_at).clamp(0.0, 1.0);
        let done = ((room as f64 * done) as usize).min(room);
        let (head, rest) = (if done < room { ">" } else { "" }, room.saturating_sub(done + 1));
        let bar = format!("[{}{head}{}]", "=".repeat(done), " ".repeat(rest));
        // Behind the name.
        let place = pieces.len().min(2);
        pieces.splice(place..place, [Piece::from(bar), Piece::from("  ")]);
    }
}

/// Each host in a line, as long as there are not too many.
fn host_lines(hosts: &[HostStatus], columns: usize) -> Vec<Vec<Piece>> {
    let row = |words: Vec<LineWord>| set_in(1, words.iter().collect(), columns);
    let mut rows: Vec<Vec<Piece>> =
        hosts.iter().take(MAX_HOSTS).map(|host| row(host_words(host))).collect();
    if hosts.len() > MAX_HOSTS {
        let present = hosts.iter().filter(|host| host.present).count();
        let others = format!("and others: {present} of {} take part", hosts.len());
        rows.push(row(vec![word(0, others.into())]));
    }
    rows
}

/// Words on the line at this place of a run's lines: all but the first are set in.
fn set_in(place: usize, words: Vec<&LineWord>, columns: usize) -> Vec<Piece> {
    let indent = indent(place).min(columns);
    let mut pieces = fitted(words, columns - indent);
    if indent > 0 {
        pieces.insert(0, Piece::from(" ".repeat(indent)));
    }
    pieces
}

fn host_words(host: &HostStatus) -> Vec<LineWord> {
    let state = match (host.present, host.left) {
        (_, true) => Some(word(1, Tone::Doubtful.of("left"))),
        (true, false) => None,
        (false, false) => Some(word(1, Tone::Bad.of("lost"))),
    };
    let name = cut(&line(&host.name).to_string(), 16);
    let padded = format!("{name}{}", " ".repeat(16_usize.saturating_sub(width(&name))));
    let share = format!("{:>3.0} %", host.share * 100.0);
    let rate = grouped(host.per_second.round() as u64);
    let lag = time(host.generator_lag_p99_ms);
    let words = [
        Some(in_short(0, padded.into(), cut(&name, NAME.1).into())),
        state,
        Some(in_short(3, format!("{share} of the starts").into(), share.into())),
        Some(in_short(2, format!("{rate} transactions/s").into(), format!("{rate}/s").into())),
        Some(word(6, counted(host.users, "user").into())),
        Some(word(7, format!("{:.1} cores", host.cores).into())),
        Some(word(5, format!("lag p99 {lag}").into())),
        Some(word(4, stamp_tone(host.verdict).of(host.verdict.name()))),
    ];
    words.into_iter().flatten().collect()
}

fn word(rank: usize, piece: Piece) -> LineWord {
    in_short(rank, piece.clone(), piece)
}

fn in_short(rank: usize, long: Piece, short: Piece) -> LineWord {
    LineWord { rank, forms: [vec![long.clone()], vec![long], vec![short]] }
}

fn share(of: Option<f64>) -> String {
    of.filter(|of| *of > 0.0).map_or_else(String::new, |of| format!(" ({})", print_share(of)))
}

/// Columns before the first word of a line that is not the first one.
const fn indent(place: usize) -> usize {
    if place == 0 { 0 } else { 4 }
}

fn columns_of(pieces: &[Piece]) -> usize {
    pieces.iter().map(Piece::columns).sum()
}

fn text(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

/// Columns of all words in a form, two spaces between them.
fn wide(words: &[&LineWord], form: usize) -> usize {
    let each = words.iter().map(|word| columns_of(&word.forms[form]) + 2);
    each.sum::<usize>().saturating_sub(2)
}

/// As many of the words as fit, two spaces between them: as long as they can be, and where not all
/// have room even in short, without the least of them.
fn fitted(mut words: Vec<&LineWord>, columns: usize) -> Vec<Piece> {
    let form = (0..FORMS).find(|form| wide(&words, *form) <= columns).unwrap_or(FORMS - 1);
    while words.len() > 1 && wide(&words, form) > columns {
        let last = words.iter().map(|word| word.rank).max();
        words.retain(|word| Some(word.rank) != last);
    }
    let mut pieces: Vec<Piece> = Vec::new();
    for word in words {
        if !pieces.is_empty() {
            pieces.push("  ".into());
        }
        pieces.extend(word.forms[form].iter().cloned());
    }
    if columns_of(&pieces) > columns {
        pieces = vec![cut(&text(&pieces), columns).into()];
    }
    pieces
}

/// A time as part of one that lasts `whole`: in seconds, or as a clock shows it.
fn seconds(of: f64, whole: f64) -> String {
    let of = of.round() as u64;
    match whole {
        ..100.0 => of.to_string(),
        ..3_600.0 => format!("{}:{:02}", of / 60, of % 60),
        _ => format!("{}:{:02}:{:02}", of / 3_600, of / 60 % 60, of % 60),
    }
}

/// What is written behind it.
const fn unit(whole: f64) -> &'static str {
    if whole < 100.0 { " s" } else { "" }
}

#[cfg(test)]
mod tests;
