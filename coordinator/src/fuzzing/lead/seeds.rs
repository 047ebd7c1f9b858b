//! Scripts in which others take part honestly, and lie.

use std::time::Duration;

use bytes::Bytes;
use swell_core::RunInstant;
use swell_protocol::deltas::{Delta, Frontier};
use swell_protocol::message::{LeaseRequest, Readiness, ToLead};
use swell_protocol::numbers::NumbersWanted;

// What a byte of a script means, as the target reads it.
/// Eight steps.
const STEPS: &[u8] = &[7 * 8];
const BEGIN: &[u8] = &[4];
const JOIN: &[u8] = &[4 + 8];
const END: &[u8] = &[4 + 5 * 8];
const PROFILE: &[u8] = &[4 + 6 * 8];
const LEAVE: &[u8] = &[4 + 7 * 8];
const RATE_OF_200: &[u8] = &[5 + 8 * 20];
const ALL_ASLEEP: &[u8] = &[6 + 8 * 12];

/// The first question of a node that is ready.
fn first() -> LeaseRequest {
    LeaseRequest {
        question: 1,
        answered: None,
        version: 0,
        readiness: Readiness::Ready { weight: 1.0 },
        run_now: None,
        frontier: Frontier::default(),
        wanted: NumbersWanted::default(),
        is_strained: false,
        round_trip: Some(Duration::from_millis(1)),
    }
}

/// One of a node that takes part.
fn later() -> LeaseRequest {
    LeaseRequest {
        question: 2,
        answered: Some(1),
        version: 3,
        run_now: Some(RunInstant::from_nanos(2_000_000_000)),
        frontier: frontier(30, 60),
        wanted: NumbersWanted { had: 0, count: 100 },
        is_strained: true,
        ..first()
    }
}

/// One that no honest node asks.
fn forged() -> LeaseRequest {
    LeaseRequest {
        question: u64::MAX,
        answered: Some(u64::MAX),
        version: u64::MAX,
        readiness: Readiness::Ready { weight: f64::NAN },
        run_now: Some(RunInstant::NEVER),
        frontier: Frontier {
            started: u64::MAX,
            reached: u64::MAX,
            furthest: u64::MAX,
            waiting: u64::MAX,
        },
        wanted: NumbersWanted { had: u64::MAX, count: u64::MAX },
        round_trip: Some(Duration::MAX),
        ..first()
    }
}

fn frontier(started: u64, reached: u64) -> Frontier {
    Frontier { started, reached, furthest: reached, waiting: 1 }
}

/// What one of the others says.
fn said(from: u8, message: &ToLead) -> Vec<u8> {
    let bytes = postcard::to_stdvec(message).unwrap();
    [&[2 + 8 * from, bytes.len() as u8], &bytes[..]].concat()
}

fn asked(from: u8, request: LeaseRequest) -> Vec<u8> {
    said(from, &ToLead::LeaseRequest(request))
}

fn told(number: u64, is_last: bool) -> Vec<u8> {
    let counted = Bytes::from_static(b"counts");
    said(0, &ToLead::Delta(Delta { number, frontier: frontier(40, 80), is_last, counted }))
}

/// A run of some sort that has begun, and what happens then.
fn script(run: u8, parts: &[&[u8]]) -> Vec<u8> {
    let begun = [asked(0, first()), asked(1, first()), STEPS.into(), BEGIN.into(), STEPS.repeat(4)];
    [&[run], &begun.concat()[..], &parts.concat()].concat()
}

pub(in super::super) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let leaving = LeaseRequest { readiness: Readiness::Leaving, ..later() };
    let refused = LeaseRequest { readiness: Readiness::Refused { reason: "no".into() }, ..first() };
    let [ask, leaving, refused, forged_ask] =
        [later(), leaving, refused, forged()].map(|request| asked(0, request));
    let told = [told(1, false), told(3, false), told(2, true)].concat();
    let (asked_by_new, forged_by_new) = (asked(2, later()), asked(2, forged()));
    vec![
        ("takes-part", script(0, &[&ask, &told, &STEPS.repeat(3), END, STEPS])),
        ("poisson", script(1, &[&ask, &STEPS.repeat(3), END, STEPS])),
        ("ramp-and-courses", script(2, &[&ask, RATE_OF_200, STEPS, PROFILE, &STEPS.repeat(2)])),
        ("closed", script(4, &[&ask, &told, &STEPS.repeat(3)])),
        ("iterations", script(12, &[&ask, &STEPS.repeat(4), &ask, STEPS])),
        ("forged", script(0, &[&forged_ask, STEPS, &told, &forged_ask, &STEPS.repeat(2)])),
        ("strained", script(0, &[&ask.repeat(5), &STEPS.repeat(2), &refused, STEPS])),
        ("joins", script(2, &[JOIN, &asked_by_new, &STEPS.repeat(8), &forged_by_new])),
        ("leave", script(0, &[&ask, LEAVE, &STEPS.repeat(2), &leaving, &STEPS.repeat(8)])),
        ("asleep", script(0, &[&ask, ALL_ASLEEP, STEPS, &ask, &STEPS.repeat(3)])),
    ]
}
