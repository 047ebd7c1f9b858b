//! What is told in lines: failures by cause, control and nodes, and what happened.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Paragraph, Widget as _, Wrap};
use swell_core::control::Objective;
use swell_core::plain::line;
use swell_core::run::doing_in_words;
use swell_core::units::{counted, grouped, print_rate, print_share};
use swell_report::{
    HostStatus, ObjectiveStatus, Piece, RunState, Tone, cut, failures as in_words, stamp_tone, time,
};

use super::parts::{beginning, framed, listed};
use crate::drawn::{Drawn, ViewKind};
use crate::followed::Followed;

/// Columns of a node's name.
const NODE: usize = 16;

/// Whether anything went wrong in the window.
pub(super) fn has_failures(run: &Followed) -> bool {
    !all_failures(run).is_empty()
}

/// Why transactions failed in the window, the most frequent cause first, and what else went wrong.
pub(super) fn failures(view: &Drawn<'_>, run: &Followed, area: Rect, buf: &mut Buffer) {
    let title = [Tone::Title.of("failures"), "  ".into(), view.look.window.name().into()];
    let inner = framed(view, &title, area, buf);
    let all = all_failures(run);
    let lines: Vec<Vec<Piece>> = all
        .iter()
        .map(|(count, words)| {
            let count = format!("{:>7} ", grouped(*count));
            let room = usize::from(inner.width).saturating_sub(count.len());
            vec![Tone::Bad.of(count), cut(&line(words).to_string(), room).into()]
        })
        .collect();
    if lines.is_empty() {
        return listed(view, &[vec![Tone::Faint.of("none")]], inner, buf);
    }
    listed(view, &lines, inner, buf);
}

/// What went wrong in the window, with how often, the most frequent first.
fn all_failures(run: &Followed) -> Vec<(u64, String)> {
    let counted = &run.reckoned.counted;
    let mut all: Vec<(u64, String)> = Vec::new();
    for (name, row) in counted.figures.transactions.iter() {
        let causes = in_words(&row.causes).into_iter();
        all.extend(causes.map(|(cause, count)| (count, format!("{name}: {cause}"))));
    }
    for (name, check) in counted.figures.checks.iter().filter(|(_, check)| check.failed > 0) {
        all.push((check.failed, format!("check {name:?} failed")));
    }
    let users = &counted.users;
    for (what, texts) in [
        ("user cut off", &users.traps),
        ("start of a user", &users.start_errors),
        ("iteration", &users.iteration_errors),
    ] {
        all.extend(texts.iter().map(|(text, count)| (count, format!("{what}: {text}"))));
    }
    all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    all
}

/// What sets the goal and who is in the way; below, the nodes.
pub(super) fn control(view: &Drawn<'_>, run: &Followed, area: Rect, buf: &mut Buffer) {
    let Some(moment) = run.moment() else { return };
    let title = match moment.hosts.len() {
        0 => "control".to_owned(),
        hosts => format!("control, {}", counted(hosts as u64, "node")),
    };
    let inner = framed(view, &[Tone::Title.of(title)], area, buf);
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    if let Some(limit) = &moment.limit {
        lines.push(vec![Tone::Doubtful.of(line(limit).to_string())]);
    }
    lines.push(vec![match (&moment.goal_per_second, &moment.held_by) {
        (Some(goal), Some(reason)) => {
            format!("goal {}: {}", print_rate(*goal), line(reason)).into()
        }
        (Some(goal), None) => format!("goal {}, as the plan says", print_rate(*goal)).into(),
        (None, _) if run.state() == RunState::Over => Tone::Faint.of("the run is over"),
        (None, _) => "closed model: users begin as soon as they can".into(),
    }]);
    lines.extend(moment.objectives.iter().map(objective));
    // A reason is a sentence, and may need two lines.
    let rows = |line: &Vec<Piece>| {
        let wide: usize = line.iter().map(Piece::columns).sum();
        wide.div_ceil(usize::from(inner.width).max(1)).max(1)
    };
    let room = usize::from(inner.height).saturating_sub(lines.iter().map(rows).sum());
    let hosts = &moment.hosts;
    let shown = if hosts.len() <= room { hosts.len() } else { room.saturating_sub(1) };
    lines.extend(hosts[..shown].iter().map(node));
    if shown < hosts.len() {
        let present = hosts.iter().filter(|host| host.present).count();
        let more = format!("{} of {} nodes take part", present, hosts.len());
        lines.push(vec![Tone::Faint.of(more)]);
    }
    let lines: Vec<_> = lines.iter().map(|line| view.ink.line(line)).collect();
    Paragraph::new(lines).wrap(Wrap { trim: true }).render(inner, buf);
}

fn objective(objective: &ObjectiveStatus) -> Vec<Piece> {
    let ObjectiveStatus { rule, limit_per_second, state, binding, measured } = objective;
    // Of an error rate a share is measured, of a latency seconds.
    let is_share = Objective::error_rate(rule).is_ok();
    let measured = measured.map_or_else(
        || "n/a".to_owned(),
        |value| if is_share { print_share(value) } else { time(Some(value * 1e3)) },
    );
    let name = line(rule).to_string();
    let tone = if *binding { Tone::Title } else { Tone::Plain };
    let limit = print_rate(*limit_per_second);
    vec![tone.of(name), format!(": {measured}, up to {limit}; {}", doing_in_words(*state)).into()]
}

fn node(host: &HostStatus) -> Vec<Piece> {
    let name = cut(&line(&host.name).to_string(), NODE);
    let state = match (host.present, host.left) {
        (_, true) => Tone::Doubtful.of("left "),
        (true, false) => Piece::from(""),
        (false, false) => Tone::Bad.of("lost "),
    };
    let figures = format!(
        "{:.0} %  {}  {:.1} cores  lag {}  ",
        host.share * 100.0,
        print_rate(host.per_second),
        host.cores,
        time(host.generator_lag_p99_ms)
    );
    let stamp = stamp_tone(host.verdict).of(host.verdict.name());
    vec![Tone::Title.of(name), " ".into(), state, figures.into(), stamp]
}

/// Marks and lines of the log, the latest below.
pub(super) fn happenings(view: &Drawn<'_>, area: Rect, buf: &mut Buffer) {
    let title = match view.kind {
        ViewKind::Live => "marks and log",
        ViewKind::Replay(_) => "marks",
    };
    let inner = framed(view, &[Tone::Title.of(title)], area, buf);
    if view.happened.is_empty() {
        return listed(view, &[vec![Tone::Faint.of("none yet")]], inner, buf);
    }
    let cut_to_room = |line: &Vec<Piece>| {
        let mut room = usize::from(inner.width);
        let cut_piece = |Piece { tone, text }: &Piece| {
            let shown = tone.of(beginning(text, room));
            room -= shown.columns();
            shown
        };
        line.iter().map(cut_piece).collect::<Vec<_>>()
    };
    let latest = view.happened.latest(usize::from(inner.height));
    let lines: Vec<_> = latest.map(|line| view.ink.line(&cut_to_room(line))).collect();
    Paragraph::new(lines).render(inner, buf);
}
