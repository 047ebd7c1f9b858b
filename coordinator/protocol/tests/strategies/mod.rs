//! What a node may say to the lead, true or not.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use swell_core::RunInstant;
use swell_protocol::deltas::{Delta, Frontier};
use swell_protocol::message::{LeaseRequest, Readiness, ToLead};
use swell_protocol::numbers::NumbersWanted;

/// Any number, but the ends of its range often.
fn extreme() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(u64::MAX),
        Just(u64::MAX - 1),
        Just(1 << 63),
        any::<u64>(),
        0u64..10_000
    ]
}

fn readiness() -> impl Strategy<Value = Readiness> {
    let weight = prop_oneof![
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(-1.0),
        Just(0.0),
        Just(1e308),
        Just(5e-324),
        0.0..4.0
    ];
    prop_oneof![
        Just(Readiness::Preparing),
        Just(Readiness::Leaving),
        weight.prop_map(|weight| Readiness::Ready { weight }),
        ".{0,20}".prop_map(|reason| Readiness::Refused { reason })
    ]
}

fn frontier() -> impl Strategy<Value = Frontier> {
    (extreme(), extreme(), extreme(), extreme()).prop_map(
        |(started, reached, furthest, waiting)| Frontier { started, reached, furthest, waiting },
    )
}

/// Anything that a node may say.
pub(crate) fn to_lead() -> impl Strategy<Value = ToLead> {
    let request = (
        extreme(),
        prop::option::of(extreme()),
        extreme(),
        readiness(),
        prop::option::of(extreme()),
        frontier(),
        (extreme(), extreme()),
        any::<bool>(),
        prop::option::of(extreme()),
    );
    let request = request.prop_map(
        |(
            question,
            answered,
            version,
            readiness,
            run_now,
            frontier,
            (had, count),
            is_strained,
            round_trip,
        )| {
            ToLead::LeaseRequest(LeaseRequest {
                question,
                answered,
                version,
                readiness,
                run_now: run_now.map(RunInstant::from_nanos),
                frontier,
                wanted: NumbersWanted { had, count },
                is_strained,
                round_trip: round_trip.map(Duration::from_nanos),
            })
        },
    );
    let delta = (extreme(), frontier(), any::<bool>());
    let delta = delta.prop_map(|(number, frontier, is_last)| {
        ToLead::Delta(Delta { number, frontier, is_last, counted: Bytes::new() })
    });
    prop_oneof![request, delta]
}
