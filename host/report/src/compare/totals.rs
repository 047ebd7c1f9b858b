//! Quantities of a run of which its report alone is known.
//!
//! A report tells the figures that reports tell: any other percentile, and times of what ended well
//! or failed alone, only a record has.

use swell_core::catalogue::Portion;
use swell_core::threshold::{Quantity, QuantityAmount};

use crate::report::{
    CheckReport, Counted, GrpcReport, Part, SeriesReport, Times, WebSocketsReport,
};

/// What a quantity is in a report.
///
/// # Errors
/// The report does not say, and why.
pub(super) fn amount(part: &Part, quantity: &Quantity) -> Result<QuantityAmount, String> {
    if let Some(times) = times(part, quantity) {
        let statistic = quantity.statistic().ok_or("a report does not tell it: give a record")?;
        let value = times.get(statistic).ok_or("there are too few samples")?;
        let cut = part.transactions.counts.interrupted;
        return Ok(QuantityAmount {
            value: value / 1e3,
            otherwise: times.is_at_least(statistic).then_some((f64::INFINITY, cut)),
        });
    }
    if let Some(Portion { part, whole, undecided }) = portion(part, quantity) {
        if whole == 0 {
            return Err("there are none".to_owned());
        }
        let of_all = |part: u64| part as f64 / whole as f64;
        return Ok(QuantityAmount {
            value: of_all(part),
            otherwise: (undecided > 0).then(|| (of_all(part + undecided), undecided)),
        });
    }
    let value = match quantity.subject() {
        "throughput" => match quantity.narrowed() {
            None => Some(part.transactions.per_second),
            Some(name) => part.by_name.get(name).map(|row| row.per_second),
        },
        "goodput" if quantity.narrowed().is_none() => Some(part.transactions.ok_per_second),
        "goodput" => quantity.narrowed().and_then(|name| part.by_name.get(name)).map(|row| {
            let ended = (row.counts.ok + row.counts.failed).max(1);
            row.per_second * row.counts.ok as f64 / ended as f64
        }),
        "request_rate" => Some(part.requests.per_second),
        "body_bytes" => rate(part, part.requests.body_bytes),
        "connections" => rate(part, part.requests.connections),
        "stream_events" => rate(part, part.streams.as_ref().map_or(0, |all| all.events)),
        "stream_pieces" => rate(part, part.streams.as_ref().map_or(0, |all| all.pieces)),
        "socket_connections" => rate(part, part.sockets.connections),
        "socket_bytes_sent" => rate(part, part.sockets.bytes_sent),
        "socket_bytes_received" => rate(part, part.sockets.bytes_received),
        "grpc_streams" => rate(part, grpc(part, |all| all.streams.count())),
        "grpc_messages_sent" => rate(part, grpc(part, |all| all.messages.sent)),
        "grpc_messages_received" => rate(part, grpc(part, |all| all.messages.received)),
        "grpc_bytes_sent" => rate(part, grpc(part, |all| all.messages.bytes_sent)),
        "grpc_bytes_received" => rate(part, grpc(part, |all| all.messages.bytes_received)),
        "websocket_messages_sent" => rate(part, websockets(part, |all| all.messages_sent)),
        "websocket_messages_received" => rate(part, websockets(part, |all| all.messages_received)),
        "websocket_bytes_sent" => rate(part, websockets(part, |all| all.bytes_sent)),
        "websocket_bytes_received" => rate(part, websockets(part, |all| all.bytes_received)),
        "metric" => return own(part, quantity).map(QuantityAmount::from),
        _ => None,
    };
    value.map(QuantityAmount::from).ok_or_else(|| "the report does not tell it".to_owned())
}

/// So many a second. How long the part was is told by the rates of what ended in it.
fn rate(part: &Part, count: u64) -> Option<f64> {
    if count == 0 {
        return Some(0.0);
    }
    let Part { transactions, requests, .. } = part;
    let counts = &transactions.counts;
    let rates = [
        (requests.ok + requests.failed, requests.per_second),
        (counts.ok + counts.failed, transactions.per_second),
    ];
    let (ended, per_second) = rates.into_iter().find(|(ended, _)| *ended > 0)?;
    Some(count as f64 * per_second / ended as f64)
}

fn times<'a>(part: &'a Part, quantity: &Quantity) -> Option<&'a Times> {
    let row = || quantity.narrowed().map(|name| part.by_name.get(name));
    match quantity.subject() {
        "response" => row()
            .map_or(Some(&part.transactions.response_ms), |row| row.map(|row| &row.response_ms)),
        "service" => {
            row().map_or(Some(&part.transactions.service_ms), |row| row.map(|row| &row.service_ms))
        }
        "start_lag" => Some(&part.transactions.start_lag_ms),
        "user_lag" => Some(&part.transactions.user_lag_ms),
        "generator_lag" => Some(&part.transactions.generator_lag_ms),
        "request" => Some(&part.requests.service_ms),
        "stream_first_byte" => part.streams.as_ref().map(|all| &all.first_byte_ms),
        "stream_gap" => part.streams.as_ref().map(|all| &all.gap_ms),
        "grpc_call" => Some(&part.grpc.as_ref()?.calls.service_ms),
        "grpc_stream" => Some(&part.grpc.as_ref()?.streams.service_ms),
        "websocket_connect" => Some(&part.websockets.as_ref()?.handshakes.service_ms),
        "websocket_session" => Some(&part.websockets.as_ref()?.session_ms),
        "websocket_round_trip" => Some(&part.websockets.as_ref()?.round_trip_ms),
        "websocket_ping" => Some(&part.websockets.as_ref()?.ping_ms),
        _ => None,
    }
}

/// What was counted of WebSockets; a report has nothing of them where there were none.
fn websockets(part: &Part, count: fn(&WebSocketsReport) -> u64) -> u64 {
    part.websockets.as_ref().map_or(0, count)
}

/// What was counted of gRPC; a report has nothing of it where there was none.
fn grpc(part: &Part, count: fn(&GrpcReport) -> u64) -> u64 {
    part.grpc.as_ref().map_or(0, count)
}

/// Of a share how many belong to it, as thresholds count them.
pub(super) fn portion(part: &Part, quantity: &Quantity) -> Option<Portion> {
    let counts = || match quantity.narrowed() {
        None => Some(part.transactions.counts),
        Some(name) => part.by_name.get(name).map(|row| row.counts),
    };
    let surely = |part, whole| Portion { part, whole, undecided: 0 };
    match quantity.subject() {
        "error_rate" => counts().map(|Counted { started: _, ok, failed, interrupted, .. }| {
            let whole = ok + failed + interrupted;
            Portion { part: failed, whole, undecided: interrupted }
        }),
        "interrupted" => counts().map(|counts| surely(counts.interrupted, counts.started)),
        "request_error_rate" => {
            let requests = &part.requests;
            let whole = requests.ok + requests.failed + requests.interrupted;
            Some(Portion { part: requests.failed, whole, undecided: requests.interrupted })
        }
        "grpc_call_error_rate" => {
            let all = part.grpc.as_ref()?;
            let (calls, streams) = (&all.calls, &all.streams);
            Some(Portion {
                part: calls.failed + streams.failed,
                whole: calls.count() + streams.count(),
                undecided: calls.interrupted + streams.interrupted,
            })
        }
        "websocket_connect_error_rate" => {
            let handshakes = &part.websockets.as_ref()?.handshakes;
            let whole = handshakes.ok + handshakes.failed + handshakes.interrupted;
            Some(Portion { part: handshakes.failed, whole, undecided: handshakes.interrupted })
        }
        "unsent" => {
            let unsent = part.transactions.unsent;
            let unsent = unsent.users + unsent.generator + unsent.lease;
            Some(surely(unsent, part.transactions.counts.started + unsent))
        }
        "checks" => {
            let checks = part.checks.iter().filter(|(name, _)| {
                quantity.narrowed().is_none_or(|narrowed| narrowed == name.as_str())
            });
            let (passed, all) = checks.fold((0, 0), |(passed, all), (_, check)| {
                let CheckReport { passed: more, failed } = check;
                (passed + more, all + more + failed)
            });
            Some(surely(passed, all))
        }
        _ => None,
    }
}

/// One of the scenario's own metrics, where its values have no tags that tell them apart.
fn own(part: &Part, quantity: &Quantity) -> Result<f64, String> {
    let name = quantity.narrowed().unwrap_or_default();
    let mut series = part.metrics.iter().filter(|series| series.metric == name);
    let SeriesReport { values, .. } = match (series.next(), series.next()) {
        (Some(only), None) => only,
        (None, _) => return Err(format!("no metric {name:?} was seen")),
        (Some(_), Some(_)) => {
            return Err("it has several series, which only a record adds up".to_owned());
        }
    };
    let value = match quantity.statistic() {
        Some(statistic) => values.get(statistic.name()).copied(),
        None => ["sum", "last", "share"].into_iter().find_map(|key| values.get(key).copied()),
    };
    value.flatten().ok_or_else(|| "the report does not tell it".to_owned())
}
