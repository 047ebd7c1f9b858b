//! What comes from outside: bytes that are no message, and messages that no honest node sends.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use swell_core::RunInstant;
use swell_core::schedule::{Arrivals, Law, Timeline};
use swell_protocol::clock::LocalInstant;
use swell_protocol::deltas::{Delta, Frontier};
use swell_protocol::lead::{Lead, LeadSettings};
use swell_protocol::member::Member;
use swell_protocol::message::{LeaseRequest, NodeId, Readiness, ToLead, ToMember};
use swell_protocol::numbers::NumbersWanted;

const NODES: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];

fn ms(ms: u64) -> LocalInstant {
    LocalInstant::from_nanos(ms * 1_000_000)
}

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
        weight.prop_map(|weight| Readiness::Ready { weight }),
        ".{0,20}".prop_map(|reason| Readiness::Refused { reason })
    ]
}

fn frontier() -> impl Strategy<Value = Frontier> {
    (extreme(), extreme(), extreme(), extreme()).prop_map(
        |(started, reached, furthest, waiting)| Frontier { started, reached, furthest, waiting },
    )
}

fn up() -> impl Strategy<Value = ToLead> {
    let ask = (
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
    let ask = ask.prop_map(
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
    prop_oneof![ask, delta]
}

fn lead() -> Lead {
    let settings = LeadSettings {
        timeline: Some(Timeline::new(Law::Constant(1_000.0))),
        arrivals: Arrivals::Uniform,
        iterations: None,
        patience: Duration::from_secs(10),
    };
    Lead::new(settings, &NODES, ms(0))
}

/// A lead and honest nodes, for some seconds, while others say what they like.
fn live(lead: &mut Lead, honest: &mut [Member], said: &[(u64, NodeId, ToLead)]) {
    for now in (0..6_000).step_by(20) {
        for (_, from, message) in said.iter().filter(|(at, ..)| (now..now + 20).contains(at)) {
            lead.handle_message(ms(now), *from, message.clone());
        }
        for member in honest.iter_mut() {
            member.handle_time(ms(now));
            while let Some(message) = member.poll_send() {
                lead.handle_message(ms(now), member.id(), message);
            }
        }
        lead.handle_time(ms(now));
        if now == 1_000 {
            lead.begin(ms(now));
        }
        while let Some((to, message)) = lead.poll_send() {
            // Whatever was said to the lead, what it says can be said over a wire.
            let bytes = postcard::to_stdvec(&message).expect("a message can be written");
            let message: ToMember = postcard::from_bytes(&bytes).expect("and read");
            if let Some(member) = honest.iter_mut().find(|member| member.id() == to) {
                member.handle_message(ms(now), message);
            }
        }
    }
}

#[test]
fn what_a_node_says_to_have_started_is_no_more_than_what_it_was_given() {
    let mut lead = lead();
    let frontier = Frontier { started: u64::MAX, ..Frontier::default() };
    let ask = LeaseRequest {
        question: 1,
        answered: None,
        version: 0,
        readiness: Readiness::Ready { weight: 1.0 },
        run_now: None,
        frontier,
        wanted: NumbersWanted::default(),
        is_strained: false,
        round_trip: None,
    };
    let said: Vec<(u64, NodeId, ToLead)> = (0..20)
        .map(|i| {
            (i * 100, NODES[2], ToLead::LeaseRequest(LeaseRequest { question: i, ..ask.clone() }))
        })
        .collect();
    live(&mut lead, &mut [], &said);
    let unknown = lead.unknown(NODES[2]);
    assert!(
        (1..2_000).contains(&unknown.least) && unknown.most == Some(unknown.least),
        "{unknown:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_node_says_the_others_keep_their_leases_and_their_share(said in prop::collection::vec((0u64..6_000, 2usize..3, up()), 1..60)) {
        let mut lead = lead();
        let mut honest: Vec<Member> = NODES[..2].iter().map(|&id| Member::new(id, ms(0))).collect();
        honest.iter_mut().for_each(|member| member.handle_prepared(Ok(1.0)));
        let said: Vec<(u64, NodeId, ToLead)> = said.into_iter().map(|(at, node, message)| (at, NODES[node], message)).collect();
        live(&mut lead, &mut honest, &said);
        for member in &honest {
            prop_assert!(member.holds_lease(ms(5_980)));
            prop_assert!(lead.is_present(member.id()));
        }
        let shares: f64 = NODES.iter().map(|&node| lead.share(node)).sum();
        prop_assert!((shares - 1.0).abs() < 1e-9);
    }

    #[test]
    fn bytes_are_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = postcard::from_bytes::<ToLead>(&bytes);
        let _ = postcard::from_bytes::<ToMember>(&bytes);
    }
}
