//! What stands above all panels: the run, how far it is, and its figures at the moment.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Paragraph, Widget as _};
use swell_core::RunInstant;
use swell_core::plain::line;
use swell_core::record::Statistic;
use swell_core::units::{counted, grouped, print_share};
use swell_report::{Exit, Piece, RunState, Times, Tone, bounded, cut, stamp_tone};

use super::parts::flowed;
use crate::course::DRAWN;
use crate::drawn::{Drawn, ViewKind};
use crate::followed::Followed;
use crate::log::clock;

/// Nothing completed for so long is worth a word.
const SILENCE: Duration = Duration::from_secs(3);

/// Columns of a name, and of the bar.
const NAME: usize = 40;
const BAR: std::ops::RangeInclusive<usize> = 10..=40;

/// Draws it. `place` is that of the run among all.
pub(super) fn draw(
    view: &Drawn<'_>,
    run: &Followed,
    place: (usize, usize),
    now: Duration,
    area: Rect,
    buf: &mut Buffer,
) {
    let columns = area.width;
    let course = course(view, run, place, now, columns);
    let header = &run.header.run;
    let target = header.target.as_deref().map_or_else(String::new, |url| format!("{url}, "));
    let about = cut(&line(&format!("{target}{}", header.model)).to_string(), columns.into());
    let mut lines = vec![course, vec![Tone::Faint.of(about)]];
    let rows = usize::from(area.height) - lines.len();
    lines.extend(flowed(figures(view, run), columns, rows));
    let lines: Vec<_> = lines.iter().map(|line| view.ink.line(line)).collect();
    Paragraph::new(lines).render(area, buf);
}

/// The run, what it is doing, how far it is, and which of several it is.
fn course(
    view: &Drawn<'_>,
    run: &Followed,
    (place, of): (usize, usize),
    now: Duration,
    columns: u16,
) -> Vec<Piece> {
    let name = cut(&line(&run.header.run.name).to_string(), NAME.min(usize::from(columns) / 3));
    let mut words = vec![vec![Tone::Title.of(name)], state(run)];
    words.push(vec![far(run).into()]);
    if let ViewKind::Replay(playback) = view.kind {
        let how = match () {
            () if playback.plays(now) => format!("replay, {}x", playback.speed()),
            () if playback.is_at_end(now) => "replay, at its end".to_owned(),
            () => "replay, stands still".to_owned(),
        };
        words.push(vec![Tone::Doubtful.of(how)]);
    }
    if of > 1 {
        words.push(vec![Tone::Faint.of(format!("run {} of {of}, Tab shows the next", place + 1))]);
    }
    if let Some(Some((stamp, exit))) = &run.ended {
        words.push(vec![stamp_tone(*stamp).of(stamp.name())]);
        let tone = if exit.code == Exit::Passed { Tone::Good } else { Tone::Bad };
        let reason = line(exit.reason.lines().next().unwrap_or_default()).to_string();
        let reason = cut(&reason, usize::from(columns) / 4);
        words.push(vec![tone.of(format!("{reason} (exit code {})", exit.code.code()))]);
    }
    let mut pieces = flowed(words, columns, 1).pop().unwrap_or_default();
    put_bar(run, &mut pieces, columns);
    pieces
}

/// What the run is doing, or that it hangs.
fn state(run: &Followed) -> Vec<Piece> {
    let silence = run.silence();
    let state = run.state();
    vec![match state {
        RunState::WarmUp | RunState::Measuring if silence >= SILENCE => {
            Tone::Bad.of(format!("nothing completed for {} s", silence.as_secs()))
        }
        RunState::Paused | RunState::Draining => Tone::Doubtful.of(state.name()),
        RunState::Preparing | RunState::WarmUp | RunState::Measuring => {
            Tone::Plain.of(state.name())
        }
        RunState::Over if matches!(run.ended, Some(None)) => Tone::Bad.of("broke off"),
        RunState::Over => Tone::Plain.of(state.name()),
    }]
}

fn far(run: &Followed) -> String {
    let so_far = clock(run.until());
    run.ends_at().map_or_else(
        || so_far.clone(),
        |ends_at| format!("{so_far} of {}", clock(RunInstant::START + ends_at)),
    )
}

/// Shows how far it is in the room that is left.
fn put_bar(run: &Followed, pieces: &mut Vec<Piece>, columns: u16) {
    let Some(ends_at) = run.ends_at().filter(|ends_at| !ends_at.is_zero()) else { return };
    let taken: usize = pieces.iter().map(Piece::columns).sum();
    let room = usize::from(columns).saturating_sub(taken + 5).min(*BAR.end());
    if room < *BAR.start() {
        return;
    }
    let done = (run.until().as_secs_f64() / ends_at.as_secs_f64()).clamp(0.0, 1.0);
    let full = ((room as f64 * done) as usize).min(room);
    let (head, rest) = (if full < room { ">" } else { "" }, room.saturating_sub(full + 1));
    pieces.push(format!("   [{}{head}{}]", "=".repeat(full), " ".repeat(rest)).into());
}

/// What somebody looks for first stands first: the last of them have room on wide screens alone.
fn figures(view: &Drawn<'_>, run: &Followed) -> Vec<Vec<Piece>> {
    let rate = |per_second: f64| grouped(per_second.round() as u64);
    let reckoned = &run.reckoned.counted;
    let counts = reckoned.figures.total.counts;
    let times = Times::of_all(&reckoned.figures.total.response.all());
    let response: Vec<String> = DRAWN
        .iter()
        .map(|percentile| {
            let statistic = Statistic::Percentile(*percentile);
            let time = bounded(times.get(statistic), times.is_at_least(statistic));
            format!("{} {time}", percentile.name())
        })
        .collect();
    let moment = run.moment();
    let goal = moment.and_then(|moment| moment.goal_per_second);
    let goal = goal.map_or_else(String::new, |goal| format!(" of {}", rate(goal)));
    let failed = counts.failed;
    let ended = counts.ok + failed;
    let share = if failed > 0 {
        format!(" ({})", print_share(failed as f64 / ended as f64))
    } else {
        String::new()
    };
    let tone = if failed > 0 { Tone::Bad } else { Tone::Plain };
    let part = if reckoned.is_warm_up { "warm-up, " } else { "" };
    let mut words = vec![
        vec![Tone::Title.of(rate(run.per_second())), format!("{goal} transactions/s").into()],
        vec![
            Tone::Title.of(response.join("  ")),
            Tone::Faint.of(format!(" ({part}{})", view.look.window.name())),
        ],
        vec![Piece::from(format!("{} ok", grouped(counts.ok)))],
        vec![tone.of(format!("{} failed{share}", grouped(failed)))],
    ];
    if counts.interrupted > 0 {
        words.push(vec![Tone::Bad.of(format!("{} interrupted", grouped(counts.interrupted)))]);
    }
    let unsent = reckoned.figures.unsent.total();
    if unsent > 0 {
        words.push(vec![Tone::Bad.of(format!("{} unsent", grouped(unsent)))]);
    }
    if let Some(moment) = moment {
        words.push(vec![format!("{} under way", grouped(moment.under_way)).into()]);
        words.push(vec![counted(moment.users, "user").into()]);
        words.extend(moment.cores.map(|cores| vec![format!("{cores:.1} cores").into()]));
        let memory = moment.memory_mib.map(|mib| format!("{} MiB", grouped(mib.round() as u64)));
        words.extend(memory.map(|memory| vec![memory.into()]));
    }
    words
}
