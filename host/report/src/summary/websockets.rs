//! WebSockets, where there were any: how they were opened, what went over them, how they ended.

use swell_core::units::{counted, grouped};

use super::part::{listed, times_table};
use super::words::per_second;
use crate::report::Part;
use crate::sheet::{Piece, Sheet, Tone};

/// The section of a part in which there were some.
pub(super) fn websockets(sheet: &mut Sheet, part: &Part) {
    let Some(all) = &part.websockets else { return };
    let handshakes = &all.handshakes;
    let failed = format!("{} failed", grouped(handshakes.failed));
    let mut words = vec![
        Piece::from(format!("{} opened, ", grouped(handshakes.ok))),
        if handshakes.failed > 0 { Tone::Bad } else { Tone::Plain }.of(failed),
    ];
    if handshakes.interrupted > 0 {
        words.push(", ".into());
        words.push(Tone::Bad.of(format!("{} interrupted", grouped(handshakes.interrupted))));
    }
    sheet.blank();
    sheet.fact("websockets", words);
    let went = |count: u64, rate: f64, bytes: u64| {
        let size = bytes as f64 / f64::from(1 << 20);
        format!("{} ({}/s, {size:.1} MiB)", counted(count, "message"), per_second(rate))
    };
    sheet.say(
        4,
        [format!(
            "{} sent, {} received",
            went(all.messages_sent, all.sent_per_second, all.bytes_sent),
            went(all.messages_received, all.received_per_second, all.bytes_received)
        )],
    );
    // Who waits there waits for the answer to the handshake.
    let name = |phase: &str| if phase == "waiting" { "handshake" } else { phase }.to_owned();
    let phases = handshakes.phases_ms.iter();
    let phases: Vec<_> =
        phases.map(|(phase, times)| (format!("  {}", name(phase)), times)).collect();
    let rows = std::iter::once(("connect", &handshakes.service_ms))
        .chain(phases.iter().map(|(phase, times)| (phase.as_str(), *times)))
        .chain([
            ("round trip", &all.round_trip_ms),
            ("ping", &all.ping_ms),
            ("session", &all.session_ms),
        ])
        .filter(|(_, times)| times.count > 0);
    sheet.table(times_table(rows));
    let statuses = handshakes.statuses.iter().filter(|(status, _)| **status != 101);
    listed(sheet, "statuses", statuses.map(|(status, count)| (status.to_string(), *count)));
    let unanswered = handshakes.errors.iter();
    listed(sheet, "unanswered", unanswered.map(|(class, count)| (class.clone(), *count)));
    listed(sheet, "ended by", all.ends.iter().map(|(end, count)| (end.clone(), *count)));
    listed(sheet, "errors", all.errors.iter().map(|(class, count)| (class.clone(), *count)));
}
