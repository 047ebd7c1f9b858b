//! A record as lines of JSON, one object each: for other programs, and for the page.
//!
//! `{"header":…}` comes first, then `{"frame":…}`, `{"notable":…}` and `{"mark":…}` in the order in
//! which they happened, then `{"end":…}`, unless the record was cut short. Instants are in seconds
//! since the run's first one.

use serde_json::{Value, json};
use swell_core::RunInstant;

use super::counts::{counts, users};
use super::frame::{Frame, Moment};
use super::header::RecordHeader;
use super::mark::Mark;
use super::notable::NotableNews;
use crate::report::{NotableRow, Report};

/// The line of what is known at the beginning.
pub fn header_line(header: &RecordHeader) -> Value {
    json!({ "header": header })
}

/// The line of a frame.
pub fn frame_line(frame: &Frame) -> Value {
    let Frame { from, until, counted, moment } = frame;
    let Moment {
        phase,
        users: alive,
        under_way,
        goal_per_second,
        held_by,
        limited_by,
        limit,
        objectives,
        cores,
        memory_mib,
        hosts,
        // Of use to those alone who merge parts.
        part: _,
    } = moment;
    let mut of = json!({
        "from": seconds(*from),
        "until": seconds(*until),
        "phase": phase,
        "users": alive,
        "under_way": under_way,
        "goal_per_second": goal_per_second,
        "held_by": held_by,
        "limited_by": limited_by,
        "limit": limit,
        "objectives": objectives,
        "cores": cores,
        "memory_mib": memory_mib,
        "hosts": hosts,
    });
    let parts = [
        ("warm_up", counts(&counted.warm_up)),
        ("measured", counts(&counted.measured)),
        ("user_counts", users(&counted.users)),
    ];
    for (name, part) in parts {
        if part.as_object().is_some_and(|part| !part.is_empty()) {
            of[name] = part;
        }
    }
    if counted.log_lines_suppressed > 0 {
        of["log_lines_suppressed"] = counted.log_lines_suppressed.into();
    }
    json!({ "frame": of })
}

/// The line of a mark.
pub fn mark_line(Mark { at, kind, text }: &Mark) -> Value {
    json!({ "mark": { "at": seconds(*at), "kind": kind, "text": text } })
}

/// The line of a transaction that is worth a look of its own.
pub fn notable_line(NotableNews { name, row, slowest }: &NotableNews) -> Value {
    let NotableRow { at, iteration, user, response_ms, service_ms, error, trace_id } = row;
    let mut of = json!({
        "at": at,
        "name": name,
        "iteration": iteration,
        "user": user,
        "response_ms": response_ms,
        "service_ms": service_ms,
        "error": error,
        "slowest": slowest,
    });
    if let Some(trace_id) = trace_id {
        of["trace_id"] = trace_id.as_str().into();
    }
    json!({ "notable": of })
}

/// The line of what a run came to.
pub fn end_line(report: &Report) -> Value {
    json!({ "end": { "report": report } })
}

fn seconds(instant: RunInstant) -> f64 {
    instant.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_frame_s_line_has_all_counts_and_buckets_that_add_up() {
        let frame = samples::frame(3, 4, 400);
        let line = frame_line(&frame);
        let line = &line["frame"];
        assert_eq!((line["from"].as_f64(), line["until"].as_f64()), (Some(3.0), Some(4.0)));
        assert_eq!((line["phase"].as_str(), line["users"].as_u64()), (Some("measuring"), Some(5)));
        let part = &line["measured"];
        let measured = &frame.counted.measured;
        let total = &part["transactions"];
        assert_eq!(total["failed"].as_u64(), Some(measured.total.counts.failed));
        let count = |times: &Value| times["count"].as_u64().unwrap_or(0);
        let response = &part["response"];
        let ended = measured.total.counts.ok + measured.total.counts.failed;
        assert_eq!(count(response), ended);
        assert_eq!(count(&response["at_least"]), measured.total.counts.interrupted);
        assert!(count(&response["at_least"]) > 0 && ended > 100, "the sample has both");
        let buckets = response["buckets"].as_array().unwrap();
        let in_buckets: u64 = buckets.iter().filter_map(|bucket| bucket[1].as_u64()).sum();
        assert_eq!(in_buckets, ended);
        for (name, row) in measured.transactions.iter() {
            let shown = &part["by_name"][name];
            assert_eq!(shown["started"].as_u64(), Some(row.counts.started));
            let failures = shown["failures"].as_object().unwrap();
            let failed: u64 = failures.values().filter_map(Value::as_u64).sum();
            assert_eq!(failed, row.counts.failed);
        }
        assert_eq!(part["metrics"].as_array().unwrap().len(), 4);
        assert_eq!(part["requests"]["errors"]["reset"].as_u64(), Some(80), "{part:#}");
        assert_eq!(line["user_counts"]["traps"]["out of fuel"].as_u64(), Some(1));
    }

    #[test]
    fn what_counted_nothing_is_left_out() {
        let line = frame_line(&samples::quiet_frame(0, 1));
        let frame = line["frame"].as_object().unwrap();
        assert!(!frame.contains_key("measured") && !frame.contains_key("warm_up"), "{line}");
    }

    #[test]
    fn header_mark_and_end_say_what_they_are() {
        let header = header_line(&samples::header());
        let header = &header["header"];
        assert_eq!(header["schema"], "swell.record/1");
        assert_eq!(header["name"], "shop");
        assert_eq!(header["timeout_seconds"], 2.5);
        assert_eq!(header["host"]["cores"], 2);
        assert_eq!(
            mark_line(&samples::mark()).to_string(),
            r#"{"mark":{"at":1.5,"kind":"goal-changed","text":"goal 200/s, over the control API"}}"#
        );
        let row = NotableRow {
            at: 1.5,
            iteration: 7,
            user: 2,
            response_ms: 12.5,
            service_ms: 12.0,
            error: None,
            trace_id: Some("00f067aa".to_owned()),
        };
        let news = NotableNews { name: "pay".to_owned(), row, slowest: true };
        assert_eq!(
            notable_line(&news)["notable"],
            json!({
                "at": 1.5, "name": "pay", "iteration": 7, "user": 2, "response_ms": 12.5,
                "service_ms": 12.0, "error": null, "slowest": true, "trace_id": "00f067aa",
            })
        );
        let report = samples::report();
        let end = end_line(&report);
        assert_eq!(serde_json::from_value::<Report>(end["end"]["report"].clone()).unwrap(), report);
    }
}
