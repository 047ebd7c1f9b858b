//! A lead that is restored from a snapshot, beside the one that the snapshot was taken of: whatever
//! comes, both say and do the same.

mod strategies;

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use strategies::to_lead;
use swell_core::RunInstant;
use swell_core::run::SetPoint;
use swell_core::schedule::{Arrivals, Course, Law, Timeline};
use swell_protocol::clock::LocalInstant;
use swell_protocol::deltas::Frontier;
use swell_protocol::lead::{LeadSettings, LeadSnapshot, RunLead};
use swell_protocol::member::RunMember;
use swell_protocol::message::{Ending, NodeId, ToLead, ToMember};

/// Two that keep to the rules, one that says what it likes, and one that may come later.
const NODES: [NodeId; 4] = [NodeId(1), NodeId(2), NodeId(3), NodeId(4)];
/// How often honest nodes and the lead act.
const STEP_MS: u64 = 50;
/// How long both live, well beyond the longest silence.
const LASTS_MS: u64 = 12_000;

fn ms(ms: u64) -> LocalInstant {
    LocalInstant::from_nanos(ms * 1_000_000)
}

/// What happens to a lead.
#[derive(Clone, Debug)]
enum Input {
    Said(NodeId, ToLead),
    Time,
    Joins,
    Begin,
    Follow(SetPoint),
    Distrust(NodeId),
    End(Ending),
}

fn input() -> impl Strategy<Value = Input> {
    let course = prop_oneof![
        Just(None),
        Just(Some(Course::Profile)),
        prop::sample::select(vec![0.0, 700.0, 5_000.0]).prop_map(|rate| Some(Course::Rate(rate))),
    ];
    let measured_from = prop::option::of((0u64..9_000_000_000).prop_map(RunInstant::from_nanos));
    // Few different ones, so that some are told twice.
    let set_point = (course, 0u64..3, any::<bool>(), measured_from).prop_map(
        |(course, restarts, is_paused, measured_from)| SetPoint {
            course,
            from: RunInstant::START,
            restarts,
            is_paused,
            measured_from,
        },
    );
    prop_oneof![
        6 => to_lead().prop_map(|message| Input::Said(NODES[2], message)),
        2 => to_lead().prop_map(|message| Input::Said(NODES[3], message)),
        1 => Just(Input::Joins),
        1 => prop::sample::select(&NODES[1..]).prop_map(Input::Distrust),
        3 => set_point.prop_map(Input::Follow),
    ]
}

fn settings() -> impl Strategy<Value = LeadSettings> {
    let laws = prop_oneof![
        Just(Law::Constant(1_000.0)),
        Just(Law::Ramp { from: 10.0, to: 2_000.0, over: Duration::from_secs(8) })
    ];
    let arrivals = prop_oneof![
        Just(Arrivals::Uniform),
        any::<u64>().prop_map(|seed| Arrivals::Poisson { seed })
    ];
    (prop::option::of(laws), arrivals, prop::option::of(0u64..20_000)).prop_map(
        |(law, arrivals, iterations)| LeadSettings {
            timeline: law.map(Timeline::new),
            arrivals,
            iterations,
            patience: Duration::from_secs(2),
        },
    )
}

/// A lead, and the same one restored once it has been.
struct Twins {
    lead: RunLead,
    restored: Option<RunLead>,
}

impl Twins {
    /// Takes a snapshot, sends it somewhere, and restores it.
    fn part(&mut self) {
        let bytes = written(&self.lead.snapshot());
        let snapshot: LeadSnapshot = postcard::from_bytes(&bytes).expect("and read");
        self.restored = Some(RunLead::restore(snapshot));
    }

    fn handle(&mut self, now: LocalInstant, input: &Input) {
        for lead in [Some(&mut self.lead), self.restored.as_mut()].into_iter().flatten() {
            match input.clone() {
                Input::Said(from, message) => lead.handle_message(now, from, message),
                Input::Time => lead.handle_time(now),
                Input::Joins => lead.handle_joining(now, NODES[3]),
                Input::Begin => drop(lead.begin(now)),
                Input::Follow(set_point) => lead.follow(now, set_point),
                Input::Distrust(node) => lead.distrust(node),
                Input::End(why) => lead.end(why),
            }
        }
    }

    /// What both say, which must be the same.
    fn poll_send(&mut self) -> Option<(NodeId, ToMember)> {
        let sent = self.lead.poll_send();
        if let Some(restored) = &mut self.restored {
            assert_eq!(restored.poll_send(), sent);
        }
        sent
    }

    /// What both want done and known must be the same, and so must what they answer when asked.
    fn compare(&mut self) {
        let Some(restored) = &mut self.restored else {
            while self.lead.poll_event().is_some() {}
            return;
        };
        while let Some(event) = self.lead.poll_event() {
            assert_eq!(restored.poll_event(), Some(event));
        }
        assert_eq!(restored.poll_event(), None);
        assert_eq!(restored.poll_timeout(), self.lead.poll_timeout());
        assert_eq!(restored.orders(), self.lead.orders());
        for node in NODES {
            let seen = |lead: &RunLead| {
                (
                    lead.share(node),
                    lead.unknown(node),
                    [lead.is_present(node), lead.has_left(node)],
                    [lead.took_part(node), lead.is_complete(node), lead.is_distrusted(node)],
                    (lead.times_lost(node), lead.has_begun(), lead.is_over()),
                )
            };
            assert_eq!(seen(restored), seen(&self.lead));
        }
    }
}

fn written(snapshot: &LeadSnapshot) -> Vec<u8> {
    postcard::to_stdvec(snapshot).expect("a snapshot can be written")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_restored_lead_answers_exactly_as_the_one_that_it_was_taken_of(
        settings in settings(),
        inputs in prop::collection::vec((0..LASTS_MS, input()), 1..40),
        parted_at in 0..LASTS_MS,
        is_taken_with_full_queues in any::<bool>(),
        falls_silent_at in 0..2 * LASTS_MS,
    ) {
        let mut twins = Twins { lead: RunLead::new(settings, &NODES[..3], ms(0)), restored: None };
        let mut honest = [0, 1].map(|index| RunMember::new(NODES[index], ms(0)));
        honest.iter_mut().for_each(|member| member.handle_prepared(Ok(1.0)));
        let mut started = 0;
        for at in (0..LASTS_MS).step_by(STEP_MS as usize) {
            let (now, is_parting) = (ms(at), (at..at + STEP_MS).contains(&parted_at));
            for (_, input) in inputs.iter().filter(|(then, _)| (at..at + STEP_MS).contains(then)) {
                twins.handle(now, input);
            }
            for (index, member) in honest.iter_mut().enumerate() {
                if index == 1 && at >= falls_silent_at {
                    continue;
                }
                member.handle_state(now, Frontier { started, ..Frontier::default() }, false, 50);
                if at % 500 == 0 {
                    let counted = Bytes::copy_from_slice(&started.to_le_bytes());
                    member.handle_counted(now, Frontier::default(), false, counted);
                }
                member.handle_time(now);
                started += 1;
                while let Some(message) = member.poll_send() {
                    twins.handle(now, &Input::Said(member.id(), message));
                }
            }
            if is_parting && is_taken_with_full_queues {
                twins.part();
            }
            match at {
                1_500 => twins.handle(now, &Input::Begin),
                10_000 => twins.handle(now, &Input::End(Ending::Finished)),
                _ => {}
            }
            if at >= twins.lead.poll_timeout().as_nanos() / 1_000_000 {
                twins.handle(now, &Input::Time);
            }
            twins.compare();
            while let Some((to, message)) = twins.poll_send() {
                if let Some(member) = honest.iter_mut().find(|member| member.id() == to) {
                    member.handle_message(now, message);
                }
            }
            if is_parting && !is_taken_with_full_queues {
                twins.part();
            }
        }
        let restored = twins.restored.expect("the moment of the snapshot lies within the run");
        prop_assert_eq!(written(&restored.snapshot()), written(&twins.lead.snapshot()));
    }
}
