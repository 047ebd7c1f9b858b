//! What was counted in one part of a run, for people.

use std::cmp::Reverse;

use swell_core::plain::line;
use swell_core::record::Statistic;
use swell_core::units::{counted, grouped};

use super::words::{REST, count_of_bad, outcomes, per_second, times_columns, times_figures};
use crate::report::{NameReport, Part, SocketsReport, Times};
use crate::sheet::{Column, Piece, Row, Sheet, Table, Tone};

/// Names of transactions, and of checks, that are shown.
pub(super) const SHOWN_NAMES: usize = 40;

/// Series of the scenario's own metrics that are shown.
const SHOWN_SERIES: usize = 20;

/// Outermost transactions: how many, and how long they took.
pub(super) fn totals(sheet: &mut Sheet, part: &Part) {
    let total = &part.transactions;
    let (rate, at_once) = (per_second(total.per_second), per_second(total.concurrency));
    let bound = if total.counts.interrupted > 0 { "≥ " } else { "" };
    sheet.blank();
    sheet.fact(
        "transactions",
        outcomes(&total.counts).into_iter().chain([Piece::from(format!(
            " ({rate}/s completed, {bound}{at_once} under way on average)"
        ))]),
    );
    let unsent = total.unsent;
    if unsent.users + unsent.generator > 0 {
        sheet.say(4, [
            Tone::Bad.of("unsent     "),
            Piece::from(format!(
                "{} for want of a free user (slow service, or --max-vus), {} for the generator's \
                fault",
                grouped(unsent.users),
                grouped(unsent.generator)
            )),
        ]);
    }
    if unsent.lease > 0 {
        sheet.say(
            4,
            [
                Tone::Bad.of("unsent     "),
                Piece::from(format!(
                    "{} without a lease (the coordinator could not be reached in time)",
                    grouped(unsent.lease)
                )),
            ],
        );
    }
    let mut rows = vec![("response time", &total.response_ms)];
    if total.counts.failed > 0 && total.counts.ok > 0 {
        rows.extend([
            ("  of those ok", &total.ok_response_ms),
            ("  of those failed", &total.failed_response_ms),
        ]);
    }
    rows.extend([
        ("service time", &total.service_ms),
        ("start lag", &total.start_lag_ms),
        ("  no user free", &total.user_lag_ms),
        ("  generator", &total.generator_lag_ms),
        ("loop delay", &part.loop_delay_ms),
    ]);
    sheet.table(times_table(rows));
}

/// Distributions below each other.
pub(super) fn times_table<'a>(rows: impl IntoIterator<Item = (&'a str, &'a Times)>) -> Table {
    let count = Column { head: "count", rank: 9 };
    let row = |(name, times): (&str, &Times)| Row {
        name: name.to_owned(),
        figures: std::iter::once(grouped(times.count).into()).chain(times_figures(times)).collect(),
        below: None,
    };
    Table {
        title: String::new(),
        columns: std::iter::once(count).chain(times_columns()).collect(),
        rows: rows.into_iter().map(row).collect(),
    }
}

/// What the transactions of one name came to, but for their times: a column and what stands in it.
type OfName = (Column, fn(&NameReport) -> Piece);

/// All of them in a table that has such.
const OF_NAMES: [OfName; 6] = [
    (Column { head: "ok", rank: 4 }, |row| grouped(row.counts.ok).into()),
    (Column { head: "failed", rank: 2 }, |row| count_of_bad(row.counts.failed)),
    (Column { head: "failed %", rank: 11 }, |row| percent(row.counts.error_rate)),
    (Column { head: "interrupted", rank: 6 }, |row| count_of_bad(row.counts.interrupted)),
    (Column { head: "interrupted %", rank: 13 }, |row| percent(row.counts.interrupted_rate)),
    (Column { head: "per second", rank: 14 }, |row| per_second(row.per_second).into()),
];

fn percent(share: Option<f64>) -> Piece {
    let tone = if share.is_some_and(|share| share > 0.0) { Tone::Bad } else { Tone::Faint };
    tone.of(share.map_or_else(|| "n/a".to_owned(), |share| format!("{:.2}", share * 100.0)))
}

/// Each name in the order of the run; of very many the busiest.
pub(super) fn by_name(sheet: &mut Sheet, part: &Part) {
    if part.by_name.is_empty() {
        return;
    }
    let mut busiest: Vec<_> = part.by_name.iter().enumerate().collect();
    busiest.sort_by_key(|(_, (_, row))| Reverse(row.counts.started));
    busiest.truncate(SHOWN_NAMES);
    busiest.sort_by_key(|(place, _)| *place);
    let some = |count: fn(&NameReport) -> u64| part.by_name.values().any(|row| count(row) > 0);
    let (failed, interrupted) = (some(|row| row.counts.failed), some(|row| row.counts.interrupted));
    let shown: Vec<OfName> = OF_NAMES
        .into_iter()
        .filter(|(column, _)| match column.head {
            "failed %" => failed,
            "interrupted" | "interrupted %" => interrupted,
            _ => true,
        })
        .collect();
    let row = |name: &str, row: &NameReport| Row {
        name: name.to_owned(),
        figures: shown
            .iter()
            .map(|(_, figure)| figure(row))
            .chain(times_figures(&row.service_ms))
            .collect(),
        below: None,
    };
    sheet.table(Table {
        title: "service time by transaction".to_owned(),
        columns: shown.iter().map(|(column, _)| *column).chain(times_columns()).collect(),
        rows: busiest.into_iter().map(|(_, (name, of_name))| row(name, of_name)).collect(),
    });
    if let Some(more @ 1..) = part.by_name.len().checked_sub(SHOWN_NAMES) {
        let more = counted(more as u64, "more name");
        sheet.say(4, [format!("and {more} with fewer starts {REST}")]);
    }
}

/// Requests, their phases, and how they ended.
pub(super) fn requests(sheet: &mut Sheet, part: &Part) {
    let requests = &part.requests;
    if requests.ok + requests.failed + requests.interrupted == 0 {
        return;
    }
    let failed = format!("{} failed", grouped(requests.failed));
    let mut words = vec![
        Piece::from(format!("{} ok, ", grouped(requests.ok))),
        if requests.failed > 0 { Tone::Bad } else { Tone::Plain }.of(failed),
    ];
    if requests.interrupted > 0 {
        words.push(", ".into());
        words.push(Tone::Bad.of(format!("{} interrupted", grouped(requests.interrupted))));
    }
    let size = requests.body_bytes as f64 / (1 << 20) as f64;
    words.push(Piece::from(format!(
        " ({}/s); {} opened, {size:.1} MiB of bodies",
        per_second(requests.per_second),
        counted(requests.connections, "connection")
    )));
    sheet.blank();
    sheet.fact("requests", words);
    if requests.reconnects > 0 {
        let reconnects = grouped(requests.reconnects);
        sheet.say(4, [format!("{reconnects} sent anew because their connection had closed")]);
    }
    let phases = requests.phases_ms.iter().filter(|(_, times)| times.count > 0);
    let phases: Vec<_> = phases.map(|(phase, times)| (format!("  {phase}"), times)).collect();
    let phases = phases.iter().map(|(phase, times)| (phase.as_str(), *times));
    sheet.table(times_table(std::iter::once(("request", &requests.service_ms)).chain(phases)));
    let statuses = requests.statuses.iter();
    listed(sheet, "statuses", statuses.map(|(status, count)| (status.to_string(), *count)));
    let errors = requests.errors.iter();
    listed(sheet, "errors", errors.map(|(class, count)| (class.clone(), *count)));
}

/// What the scenario did over sockets of its own.
pub(super) fn sockets(sheet: &mut Sheet, part: &Part) {
    let SocketsReport {
        connections,
        bytes_sent,
        bytes_received,
        datagrams_sent,
        datagrams_received,
        errors,
    } = &part.sockets;
    if part.sockets.is_unused() {
        return;
    }
    let mut words = Vec::new();
    if *connections > 0 {
        words.push(format!("{} opened", counted(*connections, "connection")));
    }
    if datagrams_sent + datagrams_received > 0 {
        words.push(format!(
            "{} sent, {} received",
            counted(*datagrams_sent, "datagram"),
            grouped(*datagrams_received)
        ));
    }
    if words.is_empty() {
        words.push("nothing opened".to_owned());
    }
    if bytes_sent + bytes_received > 0 {
        words.push(format!("{} sent, {} received", size(*bytes_sent), size(*bytes_received)));
    }
    sheet.blank();
    sheet.fact("sockets", [Piece::from(words.join("; "))]);
    listed(sheet, "errors", errors.iter().map(|(class, count)| (class.clone(), *count)));
}

/// A number of bytes, so that few are not told as nothing.
fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => counted(bytes, "byte"),
        10_240..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// How often there was each of some things.
pub(super) fn listed(sheet: &mut Sheet, label: &str, counts: impl Iterator<Item = (String, u64)>) {
    let all: Vec<String> =
        counts.map(|(what, count)| format!("{what} x {}", grouped(count))).collect();
    if !all.is_empty() {
        sheet.say(4, [format!("{label:<10} {}", all.join(", "))]);
    }
}

/// Checks in the order of the run, those that failed first: nobody reads a thousand lines for the
/// one.
pub(super) fn checks(sheet: &mut Sheet, part: &Part) {
    if part.checks.is_empty() {
        return;
    }
    sheet.blank();
    sheet.say(2, [Tone::Title.of("checks")]);
    let mut shown: Vec<_> = part.checks.iter().collect();
    shown.sort_by_key(|(_, check)| check.failed == 0);
    for (name, check) in shown.iter().take(SHOWN_NAMES) {
        let mark =
            if check.failed == 0 { Tone::Good.of("ok     ") } else { Tone::Bad.of("failed ") };
        let (passed, all) = (grouped(check.passed), grouped(check.passed + check.failed));
        sheet.say(4, [mark, format!("{}: {passed} of {all} passed", line(name)).into()]);
    }
    if let Some(more @ 1..) = shown.len().checked_sub(SHOWN_NAMES) {
        let failed = shown[SHOWN_NAMES..].iter().filter(|(_, check)| check.failed > 0).count();
        let (more, failed) = (counted(more as u64, "more check"), grouped(failed as u64));
        sheet.say(4, [format!("and {more}, {failed} of them failed {REST}")]);
    }
}

/// The scenario's own metrics.
pub(super) fn metrics(sheet: &mut Sheet, part: &Part) {
    if !part.metrics.is_empty() || part.metric_values_ignored > 0 {
        sheet.blank();
        sheet.say(2, [Tone::Title.of("metrics of the scenario")]);
    }
    for series in part.metrics.iter().take(SHOWN_SERIES) {
        let tags = series
            .tags
            .iter()
            .map(|(name, value)| format!("{}={}", line(name), line(value)))
            .collect::<Vec<_>>()
            .join(",");
        let tags = if tags.is_empty() { String::new() } else { format!("{{{tags}}}") };
        let mut values: Vec<_> = series.values.iter().collect();
        values.sort_by_key(|(name, _)| Statistic::named(name).map(Statistic::place));
        let values: Vec<String> = values
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| format!("{name} {value:.3}")))
            .collect();
        sheet.say(
            4,
            [format!(
                "{}{tags}: {} ({})",
                line(&series.metric),
                values.join(", "),
                counted(series.count, "value")
            )],
        );
    }
    if let Some(more @ 1..) = part.metrics.len().checked_sub(SHOWN_SERIES) {
        sheet.say(4, [format!("and {} more series {REST}", grouped(more as u64))]);
    }
    if part.metric_values_ignored > 0 {
        let ignored = counted(part.metric_values_ignored, "value");
        sheet.say(4, [format!("{ignored} ignored: not finite, or negative for a counter")]);
    }
}
