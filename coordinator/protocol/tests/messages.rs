//! What comes from outside: bytes that are no message, and messages that no honest node sends.

mod strategies;

use std::time::Duration;

use proptest::prelude::*;
use strategies::to_lead;
use swell_core::schedule::{Arrivals, Law, Timeline};
use swell_protocol::clock::LocalInstant;
use swell_protocol::deltas::Frontier;
use swell_protocol::lead::{LeadSettings, RunLead};
use swell_protocol::member::RunMember;
use swell_protocol::message::{LeaseRequest, NodeId, Readiness, ToLead, ToMember};
use swell_protocol::numbers::NumbersWanted;

const NODES: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];

fn ms(ms: u64) -> LocalInstant {
    LocalInstant::from_nanos(ms * 1_000_000)
}

fn lead() -> RunLead {
    let settings = LeadSettings {
        timeline: Some(Timeline::new(Law::Constant(1_000.0))),
        arrivals: Arrivals::Uniform,
        iterations: None,
        patience: Duration::from_secs(10),
    };
    RunLead::new(settings, &NODES, ms(0))
}

/// A lead and honest nodes, for some seconds, while others say what they like.
fn live(lead: &mut RunLead, honest: &mut [RunMember], said: &[(u64, NodeId, ToLead)]) {
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
    fn whatever_a_node_says_the_others_keep_their_leases_and_their_share(
        said in prop::collection::vec((0u64..6_000, to_lead()), 1..60)
    ) {
        let mut lead = lead();
        let mut honest = [0, 1].map(|index| RunMember::new(NODES[index], ms(0)));
        honest.iter_mut().for_each(|member| member.handle_prepared(Ok(1.0)));
        let said: Vec<(u64, NodeId, ToLead)> =
            said.into_iter().map(|(at, message)| (at, NODES[2], message)).collect();
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
