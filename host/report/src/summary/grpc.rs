//! gRPC, where there was any: calls and streams, their messages, and a row for each method.

use swell_core::plain::line;
use swell_core::units::{counted, grouped};

use super::part::{SHOWN_NAMES, listed, times_table};
use super::words::per_second;
use crate::report::{GrpcCallsReport, Part};
use crate::sheet::{Piece, Sheet, Tone};

/// The section of a part in which there was some.
pub(super) fn grpc(sheet: &mut Sheet, part: &Part) {
    let Some(all) = &part.grpc else { return };
    sheet.blank();
    let mut words = Vec::new();
    ended(&mut words, "call", &all.calls);
    if all.streams.count() > 0 {
        words.push("; ".into());
        ended(&mut words, "stream", &all.streams);
    }
    sheet.fact("grpc", words);
    let went = |count: u64, rate: f64, bytes: u64| {
        let size = bytes as f64 / f64::from(1 << 20);
        format!("{} ({}/s, {size:.1} MiB)", counted(count, "message"), per_second(rate))
    };
    let messages = &all.messages;
    sheet.say(
        4,
        [format!(
            "{} sent, {} received",
            went(messages.sent, messages.sent_per_second, messages.bytes_sent),
            went(messages.received, messages.received_per_second, messages.bytes_received)
        )],
    );
    let phases = all.calls.phases_ms.iter();
    let phases: Vec<_> = phases.map(|(phase, times)| (format!("  {phase}"), times)).collect();
    let methods = all.by_method.iter().take(SHOWN_NAMES);
    let methods: Vec<_> =
        methods.map(|(name, row)| (line(name).to_string(), &row.calls.service_ms)).collect();
    let rows = std::iter::once(("call", &all.calls.service_ms))
        .chain(phases.iter().map(|(phase, times)| (phase.as_str(), *times)))
        .chain([("stream", &all.streams.service_ms)])
        .chain(methods.iter().map(|(name, times)| (name.as_str(), *times)))
        .filter(|(_, times)| times.count > 0);
    sheet.table(times_table(rows));
    for (name, row) in all.by_method.iter().take(SHOWN_NAMES) {
        let not_ok = row.calls.statuses.iter().filter(|(status, _)| *status != "OK");
        let unanswered = row.calls.errors.iter();
        let causes: Vec<_> = not_ok.chain(unanswered).collect();
        if !causes.is_empty() {
            let causes = causes.into_iter().map(|(what, count)| (what.clone(), *count));
            listed(sheet, &line(name).to_string(), causes);
        }
    }
    if all.by_method.len() > SHOWN_NAMES {
        let more = all.by_method.len() - SHOWN_NAMES;
        sheet.say(4, [format!("and {} more, which the JSON has", counted(more as u64, "method"))]);
    }
}

fn ended(words: &mut Vec<Piece>, what: &str, calls: &GrpcCallsReport) {
    words.push(format!("{} ok, ", counted(calls.ok, what)).into());
    let failed = format!("{} failed", grouped(calls.failed));
    words.push(if calls.failed > 0 { Tone::Bad } else { Tone::Plain }.of(failed));
    if calls.interrupted > 0 {
        words.push(", ".into());
        words.push(Tone::Bad.of(format!("{} interrupted", grouped(calls.interrupted))));
    }
    words.push(format!(" ({}/s)", per_second(calls.per_second)).into());
}
