//! The figures of WebSockets.

use super::entry::{Family, FamilySeries, FigureEntry, Measure, Portion, Tell, label, of_run};
use crate::record::Figures;

/// All of them.
pub(super) static WEBSOCKET_FIGURES: &[FigureEntry] = &[
    FigureEntry {
        name: "websocket_connect",
        judged: of_run(CONNECT, Measure::Split(|figures| &figures.websockets.handshakes.service)),
        family: Some(Family {
            name: "swell_websocket_connect_seconds",
            help: CONNECT,
            labels: &[],
            series: FamilySeries::Times(|figures, tell| {
                let service = &figures.websockets.handshakes.service;
                for times in [&service.ok, &service.failed, &service.interrupted] {
                    tell(&[], times);
                }
            }),
        }),
    },
    FigureEntry {
        name: "websocket_connect_error_rate",
        judged: of_run(
            "Handshakes of WebSockets that failed, of those that ended by themselves",
            Measure::Share(failed_handshakes, "no WebSocket was opened"),
        ),
        family: None,
    },
    FigureEntry {
        name: "websocket_handshakes",
        judged: None,
        family: Some(Family {
            name: "swell_websocket_handshakes_total",
            help: "Handshakes of WebSockets that ended, by outcome: ok, failed, interrupted",
            labels: &[label("outcome", "ok, failed, interrupted")],
            series: FamilySeries::Counter(|figures, tell| {
                let handshakes = &figures.websockets.handshakes;
                tell(&["ok"], &handshakes.ok);
                tell(&["failed"], &handshakes.failed);
                tell(&["interrupted"], &handshakes.interrupted);
            }),
        }),
    },
    FigureEntry {
        name: "websocket_session",
        judged: of_run(SESSION, Measure::Times(|figures| &figures.websockets.sessions)),
        family: Some(Family {
            name: "swell_websocket_session_seconds",
            help: SESSION,
            labels: &[],
            series: FamilySeries::Times(|figures, tell| tell(&[], &figures.websockets.sessions)),
        }),
    },
    FigureEntry {
        name: "websocket_ends",
        judged: None,
        family: Some(Family {
            name: "swell_websocket_ends_total",
            help: "WebSockets that ended, by what ended them",
            labels: &[label("by", "scenario, service and its code, an error class, cut off")],
            series: FamilySeries::Counter(|figures, tell| {
                for (end, count) in figures.websockets.ends.iter() {
                    tell(&[&end.name()], &count);
                }
            }),
        }),
    },
    FigureEntry {
        name: "websocket_errors",
        judged: None,
        family: Some(Family {
            name: "swell_websocket_errors_total",
            help: "What failed on WebSockets, by class: handshakes without an answer, sends, waits",
            labels: &[label("class", "")],
            series: FamilySeries::Counter(errors),
        }),
    },
    FigureEntry {
        name: "websocket_round_trip",
        judged: of_run(ROUND_TRIP, Measure::Times(|figures| &figures.websockets.round_trips)),
        family: Some(Family {
            name: "swell_websocket_round_trip_seconds",
            help: ROUND_TRIP,
            labels: &[],
            series: FamilySeries::Times(|figures, tell| tell(&[], &figures.websockets.round_trips)),
        }),
    },
    FigureEntry {
        name: "websocket_ping",
        judged: of_run(PING, Measure::Times(|figures| &figures.websockets.pings)),
        family: Some(Family {
            name: "swell_websocket_ping_seconds",
            help: PING,
            labels: &[],
            series: FamilySeries::Times(|figures, tell| tell(&[], &figures.websockets.pings)),
        }),
    },
    FigureEntry {
        name: "websocket_messages_sent",
        judged: of_run(SENT, Measure::PerSecond(|figures| figures.websockets.messages_sent)),
        family: Some(Family {
            name: "swell_websocket_messages_sent_total",
            help: SENT,
            labels: &[],
            series: FamilySeries::Counter(|figures, tell| {
                tell(&[], &figures.websockets.messages_sent);
            }),
        }),
    },
    FigureEntry {
        name: "websocket_messages_received",
        judged: of_run(
            RECEIVED,
            Measure::PerSecond(|figures| figures.websockets.messages_received),
        ),
        family: Some(Family {
            name: "swell_websocket_messages_received_total",
            help: RECEIVED,
            labels: &[],
            series: FamilySeries::Counter(|figures, tell| {
                tell(&[], &figures.websockets.messages_received);
            }),
        }),
    },
    FigureEntry {
        name: "websocket_bytes_sent",
        judged: of_run(BYTES_SENT, Measure::PerSecond(|figures| figures.websockets.bytes_sent)),
        family: Some(Family {
            name: "swell_websocket_sent_bytes_total",
            help: BYTES_SENT,
            labels: &[],
            series: FamilySeries::Counter(|figures, tell| {
                tell(&[], &figures.websockets.bytes_sent);
            }),
        }),
    },
    FigureEntry {
        name: "websocket_bytes_received",
        judged: of_run(
            BYTES_RECEIVED,
            Measure::PerSecond(|figures| figures.websockets.bytes_received),
        ),
        family: Some(Family {
            name: "swell_websocket_received_bytes_total",
            help: BYTES_RECEIVED,
            labels: &[],
            series: FamilySeries::Counter(|figures, tell| {
                tell(&[], &figures.websockets.bytes_received);
            }),
        }),
    },
];

const CONNECT: &str = "How long WebSockets took to open; of handshakes cut off their age";
const SESSION: &str = "For how long WebSockets had been open when they ended";
const ROUND_TRIP: &str = "From a message over a WebSocket to its answer, where they are paired";
const PING: &str = "From a ping over a WebSocket to its pong";
const SENT: &str = "Messages that were sent over WebSockets";
const RECEIVED: &str = "Messages that came over WebSockets";
const BYTES_SENT: &str = "Bytes of the messages that were sent over WebSockets";
const BYTES_RECEIVED: &str = "Bytes of the messages that came over WebSockets";

/// Handshakes that failed. What was cut off may have failed or not.
fn failed_handshakes(figures: &Figures) -> Portion {
    let handshakes = &figures.websockets.handshakes;
    Portion {
        part: handshakes.failed,
        whole: handshakes.count(),
        undecided: handshakes.interrupted,
    }
}

/// What failed, by class.
fn errors(figures: &Figures, tell: Tell<'_, u64>) {
    let mut errors = figures.websockets.handshakes.errors.clone();
    errors.merge(&figures.websockets.errors);
    for (class, count) in errors.iter() {
        tell(&[class.name()], &count);
    }
}
