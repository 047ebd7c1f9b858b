//! What a frame counted, as JSON: every count, and histograms by their buckets, so that whoever has
//! the lines has the same percentiles. What is empty is left out.

use serde_json::{Map, Value, json};
use swell_core::exchange::Protocol;
use swell_core::grpc::status_name;
use swell_core::record::{
    Check, Counts, Figures, Grpc, GrpcMessages, GrpcMethod, Histogram, NamedRows, Outcomes,
    Requests, Series, Sockets, Split, Streams, Texts, Total, Transaction, Unsent, UserCounts,
    Value as Measured, WebSocketEnd, WebSockets,
};

use crate::report::failures;

/// An object that leaves out what is empty.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn put(&mut self, key: &str, value: Value) {
        let is_empty = match &value {
            Value::Null => true,
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        if !is_empty {
            self.0.insert(key.to_owned(), value);
        }
    }

    /// A number that is left out where it is zero.
    fn count(&mut self, key: &str, count: u64) {
        self.put(key, if count == 0 { Value::Null } else { count.into() });
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

/// What was counted in one part of the run.
pub(super) fn counts(figures: &Figures) -> Value {
    let Figures {
        total,
        transactions,
        requests,
        websockets,
        grpc,
        sockets,
        streams,
        iterations,
        checks,
        metrics,
        unsent,
        loop_delay: _,
        overslept: _,
    } = figures;
    let mut object = Object::default();
    object.put("transactions", outcomes(&total.counts));
    object.put("unsent", of_unsent(*unsent));
    put_times(&mut object, total);
    object.put("loop_delay", histogram(&figures.delays()));
    object.put("by_name", rows(transactions, transaction));
    object.put("requests", of_requests(requests, Protocol::Http));
    object.put("websockets", of_websockets(websockets));
    if !grpc.is_empty() {
        object.put("grpc", of_grpc(grpc));
    }
    object.put("sockets", of_sockets(sockets));
    object.put("streams", of_streams(streams));
    object.put("iterations", outcomes(iterations));
    object.put("checks", rows(checks, check));
    object.put("metrics", metrics.iter().map(series).collect());
    object.count("metric_values_ignored", metrics.ignored);
    object.done()
}

/// What happened to users.
pub(super) fn users(users: &UserCounts) -> Value {
    let UserCounts { created, gone, traps, start_errors, iteration_errors, stopped } = users;
    let mut object = Object::default();
    object.count("created", *created);
    object.count("gone", *gone);
    object.put("traps", texts(traps));
    object.put("start_errors", texts(start_errors));
    object.put("iteration_errors", texts(iteration_errors));
    object.put("stopped", texts(stopped));
    object.done()
}

fn put_times(object: &mut Object, total: &Total) {
    object.put("response", split(&total.response));
    object.put("ok_response", histogram(&total.response.ok));
    object.put("service", split(&total.service));
    object.put("start_lag", histogram(&total.start_lag));
    object.put("user_lag", histogram(&total.user_lag));
    object.put("generator_lag", histogram(&total.host_lag));
}

fn outcomes(outcomes: &Outcomes) -> Value {
    let Outcomes { started, ok, failed, interrupted } = *outcomes;
    if started + outcomes.ended() == 0 {
        return Value::Null;
    }
    json!({ "started": started, "ok": ok, "failed": failed, "interrupted": interrupted })
}

fn of_unsent(Unsent { users, host, lease }: Unsent) -> Value {
    let mut object = Object::default();
    object.count("users", users);
    object.count("generator", host);
    object.count("lease", lease);
    object.done()
}

fn rows<T: swell_core::record::NamedRow>(table: &NamedRows<T>, row: fn(&T) -> Value) -> Value {
    Value::Object(table.iter().map(|(name, of)| (name.to_owned(), row(of))).collect())
}

fn transaction(row: &Transaction) -> Value {
    let Transaction { counts: Outcomes { started, ok, failed, interrupted }, .. } = *row;
    let mut object = Object::default();
    object.put("started", started.into());
    object.put("ok", ok.into());
    object.put("failed", failed.into());
    object.put("interrupted", interrupted.into());
    object.put("response", split(&row.response));
    object.put("service", split(&row.service));
    object.put("failures", json!(failures(&row.causes)));
    object.done()
}

fn check(&Check { passed, failed }: &Check) -> Value {
    json!({ "passed": passed, "failed": failed })
}

fn of_requests(requests: &Requests, protocol: Protocol) -> Value {
    let Requests {
        ok,
        failed,
        interrupted,
        written,
        reconnects,
        connections,
        body_bytes,
        statuses,
        errors,
        service,
        phases: _,
    } = requests;
    let mut object = Object::default();
    for (key, count) in [
        ("ok", ok),
        ("failed", failed),
        ("interrupted", interrupted),
        ("written", written),
        ("reconnects", reconnects),
        ("connections", connections),
        ("body_bytes", body_bytes),
    ] {
        object.count(key, *count);
    }
    object.put("statuses", by_key(statuses, |status| status.to_string()));
    object.put("errors", by_key(errors, |class| class.name().to_owned()));
    object.put("service", split(service));
    let mut phases = Object::default();
    for &phase in protocol.row().phases {
        phases.put(phase.name(), histogram(requests.phase(phase)));
    }
    object.put("phases", phases.done());
    object.done()
}

fn of_websockets(websockets: &WebSockets) -> Value {
    let WebSockets {
        handshakes,
        ends,
        sessions,
        errors,
        messages_sent,
        messages_received,
        bytes_sent,
        bytes_received,
        round_trips,
        pings,
    } = websockets;
    let mut object = Object::default();
    object.put("handshakes", of_requests(handshakes, Protocol::WebSocket));
    object.put("ends", by_key(ends, WebSocketEnd::name));
    object.put("session", histogram(sessions));
    object.put("errors", by_key(errors, |class| class.name().to_owned()));
    for (key, count) in [
        ("messages_sent", messages_sent),
        ("messages_received", messages_received),
        ("bytes_sent", bytes_sent),
        ("bytes_received", bytes_received),
    ] {
        object.count(key, *count);
    }
    object.put("round_trip", histogram(round_trips));
    object.put("ping", histogram(pings));
    object.done()
}

fn of_grpc(grpc: &Grpc) -> Value {
    let Grpc { calls, streams, messages, methods } = grpc;
    let mut object = Object::default();
    object.put("calls", of_calls(calls));
    object.put("streams", of_calls(streams));
    object.put("messages", of_messages(*messages));
    object.put(
        "by_method",
        rows(methods, |GrpcMethod { calls, messages }| {
            let mut object = Object::default();
            object.put("calls", of_calls(calls));
            object.put("messages", of_messages(*messages));
            object.done()
        }),
    );
    object.done()
}

/// Their statuses have names.
fn of_calls(calls: &Requests) -> Value {
    let mut counted = of_requests(calls, Protocol::Grpc);
    if let Some(of) = counted.as_object_mut() {
        let statuses = by_key(&calls.statuses, |code| status_name(code).to_owned());
        of.insert("statuses".to_owned(), statuses);
    }
    counted
}

fn of_messages(messages: GrpcMessages) -> Value {
    let GrpcMessages { sent, received, bytes_sent, bytes_received } = messages;
    json!({
        "sent": sent,
        "received": received,
        "bytes_sent": bytes_sent,
        "bytes_received": bytes_received,
    })
}

fn of_sockets(sockets: &Sockets) -> Value {
    let Sockets { opened, datagrams_sent, datagrams_received, bytes_sent, bytes_received, errors } =
        sockets;
    let mut object = Object::default();
    for (key, count) in [
        ("connections", opened),
        ("bytes_sent", bytes_sent),
        ("bytes_received", bytes_received),
        ("datagrams_sent", datagrams_sent),
        ("datagrams_received", datagrams_received),
    ] {
        object.count(key, *count);
    }
    object.put("errors", by_key(errors, |class| class.name().to_owned()));
    object.done()
}

fn of_streams(streams: &Streams) -> Value {
    let Streams {
        opened,
        complete,
        left,
        failed,
        interrupted,
        pieces,
        events,
        unseen,
        first_byte,
        gaps,
    } = streams;
    let mut object = Object::default();
    for (key, count) in [
        ("opened", opened),
        ("complete", complete),
        ("left", left),
        ("failed", failed),
        ("interrupted", interrupted),
        ("pieces", pieces),
        ("events", events),
        ("unseen", unseen),
    ] {
        object.count(key, *count);
    }
    object.put("first_byte", histogram(first_byte));
    object.put("gap", histogram(gaps));
    object.done()
}

fn by_key<K: Ord + Copy>(counts: &Counts<K>, name: impl Fn(K) -> String) -> Value {
    Value::Object(counts.iter().map(|(key, count)| (name(key), count.into())).collect())
}

fn texts(texts: &Texts) -> Value {
    let known = texts.iter().map(|(text, count)| (text.to_owned(), count.into()));
    let others = (texts.other > 0).then(|| ("(others)".to_owned(), texts.other.into()));
    Value::Object(known.chain(others).collect())
}

fn series(series: &Series) -> Value {
    let tags: Map<String, Value> =
        series.tags.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
    let mut object = Object::default();
    object.put("metric", json!(series.metric));
    object.put("kind", series.value.kind().name().into());
    object.put("tags", tags.into());
    object.put("count", series.value.count().into());
    match &series.value {
        Measured::Counter { count: _, sum } => object.put("sum", json!(sum)),
        Measured::Gauge { count: _, at, last, min, max } => {
            object.put("at", at.as_secs_f64().into());
            object.put("last", json!(last));
            object.put("min", json!(min));
            object.put("max", json!(max));
        }
        Measured::Rate { count: _, nonzero } => object.put("nonzero", json!(nonzero)),
        Measured::Trend(trend) => {
            object.put("mean", json!(trend.mean()));
            object.put("min", json!(trend.min()));
            object.put("max", json!(trend.max()));
            let buckets = trend.buckets().map(|(greatest, count)| json!([greatest, count]));
            object.put("buckets", buckets.collect());
        }
    }
    object.done()
}

/// All times, and apart from them the ages of what was cut off.
fn split(split: &Split) -> Value {
    let ages = histogram(&split.interrupted);
    let mut ended = histogram(&split.both());
    if let (Value::Null, false) = (&ended, ages.is_null()) {
        ended = json!({ "count": 0 });
    }
    if let (Some(of), false) = (ended.as_object_mut(), ages.is_null()) {
        of.insert("at_least".to_owned(), ages);
    }
    ended
}

/// Sums beyond what a number of JSON may be in most programs are told as the most that may.
fn histogram(histogram: &Histogram) -> Value {
    let (Some(min), Some(max)) = (histogram.min(), histogram.max()) else { return Value::Null };
    let nanos = |nanos: u128| Value::from(u64::try_from(nanos).unwrap_or(u64::MAX));
    let buckets: Vec<Value> =
        histogram.numbered_buckets().map(|(number, count)| json!([number, count])).collect();
    json!({
        "count": histogram.count(),
        "sum_ns": nanos(histogram.sum_ns()),
        "min_ns": nanos(min.as_nanos()),
        "max_ns": nanos(max.as_nanos()),
        "buckets": buckets,
    })
}
