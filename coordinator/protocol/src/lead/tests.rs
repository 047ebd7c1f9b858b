//! What the lead is told by its owner, on virtual time.

use swell_core::RunInstant;
use swell_core::schedule::{Arrivals, Course, Law, Timeline};

use super::*;
use crate::deltas::{Delta, Frontier};
use crate::message::{LeaseRequest, Readiness};
use crate::numbers::NumbersWanted;

const NODES: [NodeId; 2] = [NodeId(7), NodeId(8)];

const fn ms(ms: u64) -> LocalInstant {
    LocalInstant::from_nanos(ms * 1_000_000)
}

fn lead() -> RunLead {
    let settings = LeadSettings {
        timeline: Some(Timeline::new(Law::Constant(100.0))),
        arrivals: Arrivals::Uniform,
        iterations: None,
        patience: Duration::from_secs(15),
    };
    RunLead::new(settings, &NODES, ms(0))
}

/// One whose nodes begin at 600 ms.
fn lead_that_has_begun() -> RunLead {
    let mut lead = lead();
    lead.begin(ms(100));
    lead
}

fn rate(rate: f64) -> SetPoint {
    SetPoint {
        course: Some(Course::Rate(rate)),
        from: RunInstant::START,
        restarts: 0,
        is_paused: false,
        measured_from: None,
    }
}

/// Starts a second three seconds after the beginning.
fn rate_in_force(lead: &RunLead) -> f64 {
    let at = RunInstant::START + Duration::from_secs(3);
    lead.orders().timeline.as_ref().map_or(0.0, |timeline| timeline.rate_at(at))
}

#[test]
fn nodes_are_told_what_has_changed_and_no_more() {
    let mut lead = lead_that_has_begun();
    let mut told = lead.orders().version;
    let mut follow = |lead: &mut RunLead, set_point| {
        lead.follow(ms(2_000), set_point);
        let is_told = lead.orders().version > told;
        told = lead.orders().version;
        is_told
    };
    let first = rate(5.0);
    assert!(follow(&mut lead, first) && rate_in_force(&lead) == 5.0);
    assert!(!follow(&mut lead, first));
    assert!(!follow(&mut lead, SetPoint { course: None, ..first }), "it stays as it is");
    let restarted = SetPoint { restarts: 1, ..first };
    assert!(follow(&mut lead, restarted) && lead.orders().restarts == 1);
    assert!(!follow(&mut lead, restarted));
    let from = RunInstant::from_nanos(7);
    let paused = SetPoint { is_paused: true, measured_from: Some(from), ..restarted };
    assert!(follow(&mut lead, paused));
    assert_eq!((lead.orders().is_paused, lead.orders().measured_from), (true, Some(from)));
    assert!(follow(&mut lead, restarted), "things are to begin again");
    assert_eq!((lead.orders().is_paused, lead.orders().measured_from), (false, Some(from)));
    let profile = SetPoint { course: Some(Course::Profile), ..restarted };
    assert!(follow(&mut lead, profile) && rate_in_force(&lead) == 100.0);
    assert!(!follow(&mut lead, profile));
}

#[test]
fn who_leads_in_the_place_of_another_tells_nodes_nothing_twice() {
    let mut lead = lead_that_has_begun();
    lead.follow(ms(2_000), rate(5.0));
    let mut restored = RunLead::restore(lead.snapshot());
    let told = restored.orders().version;
    restored.follow(ms(2_200), rate(5.0));
    assert_eq!(restored.orders().version, told);
    restored.follow(ms(2_200), rate(6.0));
    assert_eq!(restored.orders().version, told + 1);
}

#[test]
fn a_run_that_has_not_begun_or_is_ending_follows_nothing() {
    let mut lead = lead();
    let told = lead.orders().version;
    lead.follow(ms(50), rate(5.0));
    assert_eq!(lead.orders().version, told);
    lead.begin(ms(100));
    lead.end(Ending::Finished);
    let told = lead.orders().version;
    lead.follow(ms(2_000), rate(5.0));
    assert_eq!(lead.orders().version, told);
}

#[test]
fn of_a_node_that_is_distrusted_nothing_is_heard_also_by_who_leads_after() {
    let mut lead = lead_that_has_begun();
    while lead.poll_event().is_some() {}
    let counted = |number| {
        let (frontier, counted) = Default::default();
        ToLead::Delta(Delta { number, frontier, is_last: false, counted })
    };
    lead.handle_message(ms(1_000), NODES[0], counted(1));
    assert!(matches!(lead.poll_event(), Some(LeadEvent::Merge(_, _))));
    lead.distrust(NODES[0]);
    let restored = RunLead::restore(lead.snapshot());
    for mut lead in [lead, restored] {
        assert!(lead.is_distrusted(NODES[0]) && !lead.is_distrusted(NODES[1]));
        lead.handle_message(ms(1_100), NODES[0], counted(2));
        assert_eq!(lead.poll_event(), None);
        lead.handle_message(ms(1_100), NODES[1], counted(1));
        assert!(matches!(lead.poll_event(), Some(LeadEvent::Merge(node, _)) if node == NODES[1]));
    }
}

#[test]
fn who_leads_after_knows_how_often_a_node_was_lost() {
    let mut lead = lead_that_has_begun();
    for node in lead.0.nodes.values_mut() {
        node.standing = NodeStanding::Inside;
    }
    // Only the second says anything.
    for at in (200..3_000).step_by(200) {
        let (frontier, counted) = Default::default();
        let delta = Delta { number: 99, frontier, is_last: false, counted };
        lead.handle_message(ms(at), NODES[1], ToLead::Delta(delta));
        lead.handle_time(ms(at));
    }
    let restored = RunLead::restore(lead.snapshot());
    assert_eq!((restored.times_lost(NODES[0]), restored.times_lost(NodeId(9))), (1, 0));
}

fn is_not_ready(lead: &mut RunLead) -> bool {
    std::iter::from_fn(|| lead.poll_event()).any(|event| matches!(event, LeadEvent::NotReady(_)))
}

#[test]
fn a_run_whose_nodes_take_too_long_to_prepare_is_told_of_once() {
    let mut lead = lead();
    lead.handle_time(ms(179_900));
    assert_eq!(lead.poll_event(), None);
    let mut restored = RunLead::restore(lead.snapshot());
    for at in [180_000, 180_200, 400_000] {
        restored.handle_time(ms(at));
    }
    assert_eq!(restored.poll_event(), Some(LeadEvent::NotReady(Duration::from_secs(180))));
    assert_eq!(restored.poll_event(), None);
    // A run that has begun in time is not told of.
    lead.begin(ms(179_950));
    lead.handle_time(ms(180_000));
    assert!(!is_not_ready(&mut lead));
}

#[test]
fn a_run_whose_last_node_is_ready_at_the_last_moment_begins() {
    let mut lead = lead();
    let ready = LeaseRequest {
        question: 1,
        answered: None,
        version: 0,
        readiness: Readiness::Ready { weight: 1.0 },
        run_now: None,
        frontier: Frontier::default(),
        wanted: NumbersWanted { had: 0, count: 0 },
        is_strained: false,
        round_trip: None,
    };
    for node in NODES {
        lead.handle_message(ms(180_000), node, ToLead::LeaseRequest(ready.clone()));
    }
    lead.handle_time(ms(180_000));
    let events: Vec<LeadEvent> = std::iter::from_fn(|| lead.poll_event()).collect();
    assert!(events.contains(&LeadEvent::Ready), "{events:?}");
    assert!(!events.iter().any(|event| matches!(event, LeadEvent::NotReady(_))), "{events:?}");
}
