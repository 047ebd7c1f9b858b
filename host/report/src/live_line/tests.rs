use swell_core::RunInstant;
use swell_core::control::Limiter;
use swell_core::record::{Recorder, Snapshot, TransactionEnd, TransactionTimes};
use swell_core::verdict::Stamp;

use super::*;
use crate::report::Times;

/// Response times that have all percentiles, or none.
fn times(samples: u64) -> Times {
    let at = |ms: u64| RunInstant::from_nanos(ms * 1_000_000);
    let mut recorder = Recorder::new(at(0));
    let kind = recorder.define("page").unwrap();
    for sample in 0..samples {
        let times = TransactionTimes::unpaced(at(10), at(13 + sample % 40));
        recorder.begun(kind, at(10), true);
        recorder.ended(kind, &times, true, TransactionEnd::Ok);
    }
    let counted = recorder.take_window(at(1_000), Snapshot::default());
    Times::of_all(&counted.measured.total.response.all())
}

fn measuring() -> Status {
    Status {
        phase: RunState::Measuring,
        elapsed_seconds: 12.0,
        ends_at_seconds: Some(30.0),
        users: 40,
        goal_per_second: Some(100.0),
        per_second: 98.4,
        response_so_far_ms: times(2_000),
        started: 1_203,
        ok: 1_197,
        failed: 3,
        under_way: 3,
        ..Status::default()
    }
}

fn host(name: &str, present: bool) -> HostStatus {
    HostStatus {
        name: name.to_owned(),
        share: 0.5,
        present,
        left: false,
        users: 20,
        per_second: 49.0,
        cores: 0.3,
        generator_lag_p99_ms: Some(0.4),
        verdict: Stamp::Valid,
    }
}

/// A run of which everything is said that can be.
fn crowded() -> Status {
    Status {
        interrupted: 7,
        interrupted_rate: Some(0.0058),
        held_by: Some("p95 within 200ms: going down at once".to_owned()),
        limited_by: Some(Limiter::Service),
        hosts: vec![host("first\x1b[2J", true), host(&"👩".repeat(32), false)],
        ..measuring()
    }
}

fn draining() -> Status {
    Status {
        phase: RunState::Draining,
        elapsed_seconds: 31.0,
        cut_at_seconds: Some(42.6),
        ..measuring()
    }
}

fn all() -> Vec<(&'static str, Status)> {
    let hour = Status { elapsed_seconds: 754.0, ends_at_seconds: Some(7_200.0), ..crowded() };
    vec![
        ("preparing", Status::default()),
        ("measuring", measuring()),
        ("without end", Status { ends_at_seconds: None, ..measuring() }),
        ("crowded", crowded()),
        ("two hours", hour),
        ("warm-up", Status { phase: RunState::WarmUp, ..measuring() }),
        ("paused", Status { phase: RunState::Paused, ..measuring() }),
        ("draining", draining()),
    ]
}

fn shown(name: &str, status: &Status, columns: usize, is_alone: bool) -> Vec<String> {
    let mut line = LiveLine::new(name);
    line.handle_status(status);
    line.lines(columns, is_alone).iter().map(|pieces| text(pieces)).collect()
}

#[test]
fn no_line_is_wider_than_its_terminal_whatever_the_run_is_called() {
    for name in ["browse", &"𝔵".repeat(32), &"👩".repeat(32), "a\x1b[2J\nb", ""] {
        for (what, status) in all() {
            for columns in 1..=250 {
                for is_alone in [true, false] {
                    let lines = shown(name, &status, columns, is_alone);
                    let fits = lines.iter().all(|line| width(line) <= columns);
                    assert!(fits, "{what} at {columns}: {lines:#?}");
                    let most = if is_alone && columns >= NARROW { 4 } else { 1 };
                    assert!(lines.len() <= most + status.hosts.len(), "{what}: {lines:#?}");
                    assert!(!lines.concat().contains(['\x1b', '\n']), "{lines:?}");
                }
            }
        }
    }
}

#[test]
fn a_run_is_seen_at_each_width() {
    let mut text = String::new();
    for columns in [17, 57, 77, 117, 197, 247] {
        for (what, status) in all() {
            text += &format!("{columns}, {what}\n");
            for line in shown("browse", &status, columns, true) {
                text += &format!("|{line}\n");
            }
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn from_sixty_columns_on_a_run_alone_says_all_that_a_person_looks_for() {
    for columns in 57..=250 {
        let text = shown("browse", &measuring(), columns, true).concat();
        let words = [
            "[=",
            "12/30 s",
            "18 s left",
            "98",
            "100",
            "response",
            "p50",
            "p95",
            "p99",
            "3 failed",
            "3 under way",
            "40 users",
        ];
        for word in words {
            assert!(text.contains(word), "no {word:?} at {columns}: {text}");
        }
    }
}

#[test]
fn a_service_that_hangs_looks_like_one_that_hangs() {
    let mut line = LiveLine::new("browse");
    let at = |seconds: f64, ok, under_way| Status {
        elapsed_seconds: seconds,
        ok,
        under_way,
        ..measuring()
    };
    let mut said = |status: Status| {
        line.handle_status(&status);
        text(&line.lines(200, true)[0])
    };
    assert!(!said(at(1.0, 100, 3)).contains("nothing completed"));
    assert!(!said(at(3.9, 100, 290)).contains("nothing completed"));
    let hangs = said(at(13.0, 100, 1_200));
    assert!(hangs.contains("nothing completed for 12 s"), "{hangs}");
    assert!(hangs.contains("1,200 under way"), "{hangs}");
    assert!(!said(at(14.0, 101, 1_299)).contains("nothing completed"), "it goes on");
    assert!(!said(at(20.0, 101, 0)).contains("nothing completed"), "nothing is asked of it");
}

#[test]
fn the_end_says_for_how_long_it_may_take() {
    let text = shown("browse", &draining(), 120, true).concat();
    assert!(text.contains("draining, 12 s at most"), "{text}");
    assert!(text.contains(&format!("[{}]", "=".repeat(40))), "{text}");
}

#[test]
fn lines_that_were_needed_once_stay_until_the_terminal_changes() {
    let mut line = LiveLine::new("browse");
    let mut count = |status: &Status, columns| {
        line.handle_status(status);
        line.lines(columns, true).len()
    };
    let crowded = Status { hosts: Vec::new(), ..crowded() };
    let little = Status { response_so_far_ms: times(0), ..measuring() };
    assert_eq!(count(&little, 150), 1);
    assert_eq!(count(&crowded, 150), 3);
    assert_eq!(count(&little, 150), 3, "it does not jump");
    assert_eq!(count(&little, 151), 1);
}

#[test]
fn a_log_has_the_same_in_a_line_and_a_line_for_each_host() {
    let mut line = LiveLine::new("browse");
    line.handle_status(&crowded());
    let lines = line.log_lines();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[0].starts_with("browse  12/30 s, 18 s left  98 of 100 transactions/s  response"),
        "{lines:?}"
    );
    assert!(lines[0].ends_with("limited by the service"), "{lines:?}");
    assert!(lines[2].contains("lost"), "{lines:?}");
}
