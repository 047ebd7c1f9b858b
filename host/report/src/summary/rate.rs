//! What became of the rate, for people: what a search found, who was in the way, what held it, and
//! who generated it.

use swell_core::control::SearchEnd;
use swell_core::plain::line;
use swell_core::record::Percentile;
use swell_core::run::doing_in_words;
use swell_core::units::{counted, grouped, print_share};

use super::words::{REST, SHOWN_TEXTS, per_second};
use crate::figures::{bounded, stamp_tone, time};
use crate::report::{HostReport, Report, SearchReport};
use crate::sheet::{Column, Piece, Row, Sheet, Table, Tone};

/// What a search for a rate found.
pub(super) fn search(sheet: &mut Sheet, report: &Report) {
    let Some(search) = &report.search else { return };
    let held = search
        .held_per_second
        .map(|held| format!("{} was held for {:.0} s", rate(held), search.hold_seconds));
    let broken = search.broken_per_second.map(|broken| {
        let share = search.broken_share.map(|share| format!("{:.2} %", share * 100.0));
        let measured = share
            .or(search.broken_ms.map(|ms| time(Some(ms))))
            .unwrap_or_else(|| "more and more waited, or too few were answered".to_owned());
        format!(
            "{} was not: {} broke ({measured})",
            rate(broken),
            line(search.broken_by.as_deref().unwrap_or_default())
        )
    });
    sheet.blank();
    sheet.say(2, [Tone::Title.of(headline(search))]);
    for line in [held, broken].into_iter().flatten() {
        sheet.say(4, [line]);
    }
    if search.end == SearchEnd::Budget {
        let trials = counted(u64::from(search.trials), "trial");
        sheet.say(4, [format!("the time was over after {trials}")]);
    }
}

/// How sure the percentiles of the response time are.
pub(super) fn confidence(sheet: &mut Sheet, report: &Report) {
    let Some(confidence) =
        report.confidence.as_ref().filter(|confidence| !confidence.response_ms.is_empty())
    else {
        return;
    };
    let shown = [Percentile::P50, Percentile::P95, Percentile::P99]
        .into_iter()
        .filter_map(|percentile| Some((percentile, confidence.response_ms.get(&percentile)?)));
    let intervals: Vec<String> = shown
        .map(|(percentile, [from, until])| {
            format!(
                "{} {} to {}",
                percentile.name(),
                time(Some(*from)),
                bounded(Some(*until), confidence.at_least.contains(&percentile))
            )
        })
        .collect();
    let (worth, all) = (
        grouped(confidence.effective_samples.round() as u64),
        report.measured.transactions.response_ms.count,
    );
    sheet.blank();
    sheet.say(
        4,
        [format!(
            "response time, 95 % sure: {}; {} worth {worth} independent ones",
            intervals.join(", "),
            counted(all, "sample")
        )],
    );
}

/// When less was completed than was asked for, and who was in the way.
pub(super) fn limits(sheet: &mut Sheet, report: &Report) {
    for limit in report.limits.iter().take(SHOWN_TEXTS) {
        let until = limit
            .until_seconds
            .map_or_else(|| "the end".to_owned(), |seconds| format!("{seconds:.0} s"));
        sheet.blank();
        sheet.say(
            2,
            [
                Tone::Doubtful.of(format!("limited from {:.0} s to {until}", limit.from_seconds)),
                Piece::from(format!(": {}", line(&limit.means))),
            ],
        );
    }
    if let Some(more @ 1..) = report.limits.len().checked_sub(SHOWN_TEXTS) {
        sheet.say(2, [format!("and {} {REST}", counted(more as u64, "later time"))]);
    }
}

/// Who generated the load.
pub(super) fn hosts(sheet: &mut Sheet, report: &Report) {
    if report.nodes.is_empty() {
        return;
    }
    let columns = [("share", 1), ("started", 2), ("verdict", 0), ("lag p99", 3), ("processor", 4)];
    let row = |host: &HostReport| {
        let lost =
            (host.times_lost > 0).then(|| format!("lost {}", counted(host.times_lost, "time")));
        let said: Vec<String> = lost.into_iter().chain(host.unknown_in_words()).collect();
        Row {
            name: host.name.clone(),
            figures: vec![
                print_share(host.share).into(),
                grouped(host.started).into(),
                stamp_tone(host.verdict).of(host.verdict.name()),
                time(host.generator_lag_p99_ms).into(),
                format!("{:.1} s", host.cpu_seconds).into(),
            ],
            below: (!said.is_empty()).then(|| said.join("; ")),
        }
    };
    sheet.table(Table {
        title: "hosts".to_owned(),
        columns: columns.map(|(head, rank)| Column { head, rank }).into(),
        rows: report.nodes.iter().map(row).collect(),
    });
}

/// What held the rate.
pub(super) fn control(sheet: &mut Sheet, report: &Report) {
    let Some(control) = &report.control else { return };
    let by = control
        .limited_by
        .as_ref()
        .map_or_else(|| ", as asked".to_owned(), |rule| format!(", held down by {}", line(rule)));
    sheet.blank();
    sheet.fact(
        "control",
        [format!("goal {}/s at the end{by}", per_second(control.goal_per_second))],
    );
    for objective in &control.objectives {
        let share = objective.measured_share.map(|share| format!("{:.2} %", share * 100.0));
        let measured = share.unwrap_or_else(|| time(objective.measured_ms));
        let (means, limit, samples) = (
            line(&objective.means),
            per_second(objective.limit_per_second),
            counted(objective.samples, "sample"),
        );
        let is_unknown = objective.samples == 0 && objective.rule.contains(':');
        let hint = if is_unknown { " (is there a transaction of this name?)" } else { "" };
        sheet.say(
            4,
            [format!(
                "{means}: up to {limit}/s; last {measured} of {samples}; {}{hint}",
                doing_in_words(objective.state)
            )],
        );
    }
}

/// What a search came to, in a line.
fn headline(search: &SearchReport) -> String {
    match (search.end, search.held_per_second, search.broken_per_second) {
        (SearchEnd::NoRate, ..) => {
            "no rate holds what is asked for: look at the service's answers below, or ask for less"
                .to_owned()
        }
        (SearchEnd::Generator, ..) => {
            "the load generator is the limit: give it more or quieter cores, or share the load \
            with another host"
                .to_owned()
        }
        (SearchEnd::Most, Some(held), _) => {
            format!("the service holds {} and may hold more: raise --tps", rate(held))
        }
        (SearchEnd::Stopped, None, _) | (SearchEnd::Stopped, _, None) => {
            "stopped before anything was found".to_owned()
        }
        (SearchEnd::Narrow | SearchEnd::Budget | SearchEnd::Stopped, Some(held), Some(broken)) => {
            format!("the limit lies between {} and {}", rate(held), rate(broken))
        }
        (SearchEnd::Narrow | SearchEnd::Budget, _, None)
        | (SearchEnd::Narrow | SearchEnd::Budget | SearchEnd::Most, None, _) => {
            "the time was over before anything was found: raise --budget".to_owned()
        }
    }
}

fn rate(rate: f64) -> String {
    format!("{}/s", per_second(rate))
}
