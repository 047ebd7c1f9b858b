//! Scripts of leads that keep to the rules, and of such that do not.

use std::sync::Arc;
use std::time::Duration;

use swell_core::RunInstant;
use swell_core::schedule::{Law, Owner, Segment, ShareTable, Timeline};
use swell_protocol::clock::LocalInstant;
use swell_protocol::message::{Ending, LeaseAnswer, NodeId, Orders, RunStage, ToMember};
use swell_protocol::numbers::Block;

use super::ID;

// What a byte of a script means, as the target reads it.
const STEP: &[u8] = &[0];
/// Sixteen steps.
const STEPS: &[u8] = &[15 * 4];
const TELL: &[u8] = &[3];
const TELL_LAST: &[u8] = &[131];
const RAMP: Law = Law::Ramp { from: 100.0, to: 400.0, over: Duration::from_secs(3) };

fn lanes(owners: &[Owner], from: u64) -> ShareTable {
    let lanes: Vec<(Owner, u32)> = owners.iter().copied().zip(0..).collect();
    postcard::from_bytes(&postcard::to_stdvec(&(from, lanes)).unwrap()).unwrap()
}

fn segment(start: u64, position: f64, law: Law) -> Segment {
    Segment { start: RunInstant::from_nanos(start), position, law }
}

/// Those of a run that has begun.
fn orders() -> Orders {
    Orders {
        version: 2,
        stage: RunStage::Running { began: LocalInstant::from_nanos(2_000_000_000) },
        nodes: vec![NodeId(2), ID],
        tables: vec![lanes(&[0, 1, 1], 0), lanes(&[1, 0], 150)],
        timeline: Timeline::try_from(vec![
            segment(0, 0.0, Law::Constant(100.0)),
            segment(1_000_000_000, 100.0, RAMP),
        ])
        .ok(),
        restarts: 0,
        is_paused: false,
        measured_from: None,
    }
}

/// Those that reach to the end of all numbers.
fn far() -> Orders {
    Orders {
        version: 9,
        tables: vec![
            lanes(&[1], 0),
            lanes(&[0, 1, 1, 0, 1], u64::MAX - 2),
            lanes(&[1, 1], u64::MAX),
        ],
        timeline: Timeline::try_from(vec![
            segment(0, 0.0, Law::Constant(1e300)),
            segment(u64::MAX - 1, 1e308, RAMP),
        ])
        .ok(),
        ..orders()
    }
}

/// Those by which no slot is anybody's.
fn nobodys() -> Orders {
    Orders {
        version: 5,
        tables: vec![lanes(&[], 0)],
        timeline: None,
        is_paused: true,
        restarts: 1,
        ..orders()
    }
}

fn ends() -> Orders {
    Orders {
        version: 10,
        stage: RunStage::Ending { why: Ending::Cut },
        measured_from: Some(RunInstant::NEVER),
        ..orders()
    }
}

fn piece(bytes: Vec<u8>) -> Vec<u8> {
    [vec![bytes.len() as u8], bytes].concat()
}

fn said(message: &ToMember) -> Vec<u8> {
    [vec![1], piece(postcard::to_stdvec(message).unwrap())].concat()
}

/// What fits the latest question, with orders.
fn answer(below: u8, orders: &Orders) -> Vec<u8> {
    [vec![2, below], piece(postcard::to_stdvec(orders).unwrap())].concat()
}

/// What fits the latest question, without orders.
fn plain(below: u8) -> Vec<u8> {
    vec![2, below, 0]
}

/// An answer that a lead could give, whole.
fn whole_answer() -> ToMember {
    ToMember::LeaseAnswer(LeaseAnswer {
        question: 12,
        received: LocalInstant::from_nanos(1_500_000_000),
        answered: LocalInstant::from_nanos(1_600_000_000),
        version: 2,
        below: 200,
        block: Some(Block { ordinal: 1, numbers: 0..100 }),
        numbers_are_over: false,
        merged: 1,
        orders: Some(Arc::new(orders())),
    })
}

pub(in super::super) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let compared = [STEP, &plain(0)].concat().repeat(10);
    let far_answer = answer(255, &far());
    let whole = said(&whole_answer());
    let begun =
        [&compared[..], &answer(99, &orders()), STEPS, &plain(99), STEPS, &plain(103), STEPS]
            .concat();
    let script = |parts: &[&[u8]]| [&begun[..], &parts.concat()].concat();
    vec![
        (
            "takes-part",
            script(&[
                TELL,
                STEPS,
                &plain(107),
                STEPS,
                TELL_LAST,
                &plain(107),
                &answer(107, &ends()),
                STEPS,
                &plain(107),
            ]),
        ),
        (
            "far",
            script(&[&far_answer, STEPS, &said(&ToMember::Orders(Arc::new(nobodys()))), STEPS]),
        ),
        (
            "far-at-once",
            [&compared[..], &far_answer, STEPS, &plain(255), STEPS, &whole, STEPS].concat(),
        ),
        ("numbers", [&compared[..], &whole, STEPS, TELL, STEPS].concat()),
    ]
}
