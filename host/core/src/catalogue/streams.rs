//! The figures of answers that are read while they come.

use super::entry::{Family, FamilySeries, FigureEntry, Measure, Tell, label, of_run};
use crate::record::{Figures, Streams};

/// They.
pub(super) static STREAMS: &[FigureEntry] = &[
    FigureEntry {
        name: "stream_first_byte",
        judged: of_run(FIRST_BYTE, Measure::Times(|figures| &figures.streams.first_byte)),
        family: Some(Family {
            name: "swell_stream_first_byte_seconds",
            help: FIRST_BYTE,
            labels: &[],
            series: FamilySeries::Times(|figures, tell| told(figures, tell, |all| &all.first_byte)),
        }),
    },
    FigureEntry {
        name: "stream_gap",
        judged: of_run(GAP, Measure::Times(|figures| &figures.streams.gaps)),
        family: Some(Family {
            name: "swell_stream_gap_seconds",
            help: GAP,
            labels: &[],
            series: FamilySeries::Times(|figures, tell| told(figures, tell, |all| &all.gaps)),
        }),
    },
    FigureEntry {
        name: "stream_events",
        judged: of_run(EVENTS, Measure::PerSecond(|figures| figures.streams.events)),
        family: Some(Family {
            name: "swell_stream_events_total",
            help: EVENTS,
            labels: &[],
            series: FamilySeries::Counter(|figures, tell| told(figures, tell, |all| &all.events)),
        }),
    },
    FigureEntry {
        name: "stream_pieces",
        judged: of_run(PIECES, Measure::PerSecond(|figures| figures.streams.pieces)),
        family: Some(Family {
            name: "swell_stream_pieces_total",
            help: PIECES,
            labels: &[],
            series: FamilySeries::Counter(|figures, tell| told(figures, tell, |all| &all.pieces)),
        }),
    },
    FigureEntry {
        name: "streams",
        judged: None,
        family: Some(Family {
            name: "swell_streams_total",
            help: "Streamed answers that ended: complete, left (ended by the scenario before their \
            end), failed, interrupted",
            labels: &[label("outcome", "complete, left, failed, interrupted")],
            series: FamilySeries::Counter(outcomes),
        }),
    },
];

const FIRST_BYTE: &str = "From the request's being sent to the first byte of a streamed body";
const GAP: &str = "From one event of a streamed answer, or one piece, to the next";
const EVENTS: &str = "Server-sent events that were read";
const PIECES: &str = "Pieces of streamed bodies, as they were taken from the network";

/// A run without streams has no metrics of them.
fn told<T>(figures: &Figures, tell: Tell<'_, T>, of: fn(&Streams) -> &T) {
    if !figures.streams.is_empty() {
        tell(&[], of(&figures.streams));
    }
}

fn outcomes(figures: &Figures, tell: Tell<'_, u64>) {
    if figures.streams.is_empty() {
        return;
    }
    let Streams { complete, left, failed, interrupted, .. } = &figures.streams;
    let all = [("complete", complete), ("left", left), ("failed", failed)];
    for (outcome, count) in all.into_iter().chain([("interrupted", interrupted)]) {
        tell(&[outcome], count);
    }
}
