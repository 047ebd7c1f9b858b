//! The figures of gRPC.

use super::entry::{Family, FamilySeries, FigureEntry, Measure, Portion, Tell, label, of_run};
use crate::grpc::status_name;
use crate::record::{Figures, GrpcMethod, Histogram, Requests};

/// All of them.
pub(super) static GRPC_FIGURES: &[FigureEntry] = &[
    FigureEntry {
        name: "grpc_call",
        judged: of_run(CALL, Measure::Split(|figures| &figures.grpc.calls.service)),
        family: None,
    },
    FigureEntry {
        name: "grpc_call_error_rate",
        judged: of_run(
            "Calls of gRPC that failed, streams too, of those that ended by themselves",
            Measure::Share(failed_calls, "no call of gRPC ended"),
        ),
        family: None,
    },
    FigureEntry {
        name: "grpc_method",
        judged: None,
        family: Some(Family {
            name: "swell_grpc_call_seconds",
            help: "How long calls of gRPC took, streams too, by method; of those cut off their age",
            labels: &[label("method", "")],
            series: FamilySeries::Times(call_times),
        }),
    },
    FigureEntry {
        name: "grpc_calls",
        judged: None,
        family: Some(Family {
            name: "swell_grpc_calls_total",
            help: "Calls of gRPC that ended, streams too, by method and outcome",
            labels: &[label("method", ""), label("outcome", "ok, failed, interrupted")],
            series: FamilySeries::Counter(calls),
        }),
    },
    FigureEntry {
        name: "grpc_statuses",
        judged: None,
        family: Some(Family {
            name: "swell_grpc_statuses_total",
            help: "Calls of gRPC that ended with a status, by method and the status's name",
            labels: &[label("method", ""), label("status", "")],
            series: FamilySeries::Counter(|figures, tell| {
                for (method, row) in figures.grpc.methods.iter() {
                    for (status, count) in row.calls.statuses.iter() {
                        tell(&[method, status_name(status)], &count);
                    }
                }
            }),
        }),
    },
    FigureEntry {
        name: "grpc_errors",
        judged: None,
        family: Some(Family {
            name: "swell_grpc_errors_total",
            help: "Calls of gRPC without a status, by class",
            labels: &[label("class", "")],
            series: FamilySeries::Counter(errors),
        }),
    },
    FigureEntry {
        name: "grpc_stream",
        judged: of_run(STREAM, Measure::Split(|figures| &figures.grpc.streams.service)),
        family: None,
    },
    FigureEntry {
        name: "grpc_streams",
        judged: of_run(
            "Streams of gRPC that ended",
            Measure::PerSecond(|figures| figures.grpc.streams.count()),
        ),
        family: Some(Family {
            name: "swell_grpc_streams_total",
            help: "Streams of gRPC that ended, by outcome",
            labels: &[label("outcome", "ok, failed, interrupted")],
            series: FamilySeries::Counter(|figures, tell| {
                by_outcome(&figures.grpc.streams, |outcome, count| tell(&[outcome], &count));
            }),
        }),
    },
    FigureEntry {
        name: "grpc_messages_sent",
        judged: of_run(SENT, Measure::PerSecond(|figures| figures.grpc.messages.sent)),
        family: Some(Family {
            name: "swell_grpc_messages_sent_total",
            help: SENT,
            labels: &[label("method", "")],
            series: FamilySeries::Counter(|figures, tell| {
                by_method(figures, tell, |row| row.messages.sent)
            }),
        }),
    },
    FigureEntry {
        name: "grpc_messages_received",
        judged: of_run(RECEIVED, Measure::PerSecond(|figures| figures.grpc.messages.received)),
        family: Some(Family {
            name: "swell_grpc_messages_received_total",
            help: RECEIVED,
            labels: &[label("method", "")],
            series: FamilySeries::Counter(|figures, tell| {
                by_method(figures, tell, |row| row.messages.received);
            }),
        }),
    },
    FigureEntry {
        name: "grpc_bytes_sent",
        judged: of_run(BYTES_SENT, Measure::PerSecond(|figures| figures.grpc.messages.bytes_sent)),
        family: Some(Family {
            name: "swell_grpc_sent_bytes_total",
            help: BYTES_SENT,
            labels: &[label("method", "")],
            series: FamilySeries::Counter(|figures, tell| {
                by_method(figures, tell, |row| row.messages.bytes_sent);
            }),
        }),
    },
    FigureEntry {
        name: "grpc_bytes_received",
        judged: of_run(
            BYTES_RECEIVED,
            Measure::PerSecond(|figures| figures.grpc.messages.bytes_received),
        ),
        family: Some(Family {
            name: "swell_grpc_received_bytes_total",
            help: BYTES_RECEIVED,
            labels: &[label("method", "")],
            series: FamilySeries::Counter(|figures, tell| {
                by_method(figures, tell, |row| row.messages.bytes_received);
            }),
        }),
    },
];

const CALL: &str = "How long calls of gRPC of one message took; of those cut off their age";
const STREAM: &str = "How long streams of gRPC lasted; of those cut off their age";
const SENT: &str = "Messages that were sent over gRPC";
const RECEIVED: &str = "Messages that were received over gRPC";
const BYTES_SENT: &str = "Bytes of the messages that were sent over gRPC";
const BYTES_RECEIVED: &str = "Bytes of the messages that were received over gRPC";

/// Calls that failed. What was cut off may have failed or not.
fn failed_calls(figures: &Figures) -> Portion {
    let (calls, streams) = (&figures.grpc.calls, &figures.grpc.streams);
    Portion {
        part: calls.failed + streams.failed,
        whole: calls.count() + streams.count(),
        undecided: calls.interrupted + streams.interrupted,
    }
}

fn call_times(figures: &Figures, tell: Tell<'_, Histogram>) {
    for (method, row) in figures.grpc.methods.iter() {
        let service = &row.calls.service;
        for times in [&service.ok, &service.failed, &service.interrupted] {
            tell(&[method], times);
        }
    }
}

fn calls(figures: &Figures, tell: Tell<'_, u64>) {
    for (method, row) in figures.grpc.methods.iter() {
        by_outcome(&row.calls, |outcome, count| tell(&[method, outcome], &count));
    }
}

fn by_outcome(calls: &Requests, mut tell: impl FnMut(&str, u64)) {
    tell("ok", calls.ok);
    tell("failed", calls.failed);
    tell("interrupted", calls.interrupted);
}

fn by_method(figures: &Figures, tell: Tell<'_, u64>, count: fn(&GrpcMethod) -> u64) {
    for (method, row) in figures.grpc.methods.iter() {
        tell(&[method], &count(row));
    }
}

/// Calls without a status, by class.
fn errors(figures: &Figures, tell: Tell<'_, u64>) {
    let mut errors = figures.grpc.calls.errors.clone();
    errors.merge(&figures.grpc.streams.errors);
    for (class, count) in errors.iter() {
        tell(&[class.name()], &count);
    }
}
