use super::*;
use crate::RunInstant;
use crate::record::{Recorder, Snapshot, TransactionEnd, TransactionTimes};

fn millis(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1e3)
}

fn at(ms: f64) -> RunInstant {
    RunInstant::START + millis(ms)
}

/// So many transactions of 10 ms, one each millisecond, of which the last ones were late by this
/// much for our fault.
fn late(all: u64, late: u64, by: f64) -> Figures {
    let mut recorder = Recorder::new(RunInstant::START);
    let kind = recorder.define("buy").unwrap();
    for i in 0..all {
        let (intended, lag) = (i as f64, if i < all - late { 0.05 } else { by });
        let started = at(intended + lag);
        let times = TransactionTimes {
            intended: at(intended),
            parked_at: RunInstant::START,
            started,
            ended: started + millis(10.0),
        };
        recorder.begun(kind, times.intended, true);
        recorder.ended(kind, &times, true, TransactionEnd::Ok);
        recorder.loop_delay(at(intended), millis(0.02));
    }
    recorder.take_window(at(all as f64), Snapshot::default()).measured
}

fn figures() -> Figures {
    late(10_000, 0, 0.0)
}

fn of_cpu(windows: u64, saturated: u64) -> Circumstances {
    Circumstances { cpu: CpuWindows { windows, saturated }, ..Circumstances::default() }
}

fn stamped(figures: &Figures) -> (Stamp, Vec<What>) {
    let verdict = judge(figures, Circumstances::default());
    (verdict.stamp, verdict.reasons().map(|evidence| evidence.what).collect())
}

#[test]
fn a_quiet_run_is_valid_and_shows_what_was_looked_at() {
    let verdict = judge(&figures(), of_cpu(100, 1));
    assert_eq!(verdict.stamp, Stamp::Valid);
    assert_eq!(verdict.evidence.len(), 9);
    assert_eq!(verdict.reasons().count(), 0);
}

#[test]
fn slots_unsent_for_want_of_users_count_against_the_host_only_where_it_holds_no_more() {
    let mut figures = figures();
    figures.unsent.users = 1_000_000;
    assert_eq!(stamped(&figures).0, Stamp::Valid);
    let verdict = judge(&figures, Circumstances { lacks_room: true, ..Circumstances::default() });
    assert_eq!(
        verdict.reasons().map(|evidence| (evidence.what, evidence.stamp)).collect::<Vec<_>>(),
        [(What::RoomUnsent, Stamp::Invalid)]
    );
}

#[test]
fn slots_unsent_by_the_host_are_weighed_against_all_slots() {
    for (unsent, stamp) in
        [(5, Stamp::Valid), (6, Stamp::Suspect), (10, Stamp::Suspect), (11, Stamp::Invalid)]
    {
        let mut figures = figures();
        figures.unsent.host = unsent;
        assert_eq!(stamped(&figures).0, stamp, "{unsent} unsent");
    }
}

#[test]
fn slots_unsent_for_want_of_a_lease_are_ours_unless_a_lost_host_left_them() {
    let mut figures = figures();
    figures.unsent.lease = 1_400;
    assert_eq!(stamped(&figures), (Stamp::Invalid, vec![What::LeaseUnsent]));
    assert_eq!(
        judge(&figures, Circumstances { is_host_lost: true, ..Circumstances::default() }).stamp,
        Stamp::Valid
    );
}

#[test]
fn what_our_delays_did_to_a_printed_percentile_is_weighed_and_not_how_long_they_were() {
    for (number, by, stamp, what) in [
        // A second on one start of ten thousand is no printed percentile, and a tenth of a
        // millisecond on average.
        (1, 1_000.0, Stamp::Valid, None),
        // On eleven it is the p99.9.
        (11, 1_000.0, Stamp::Invalid, Some(99.9)),
        (11, 2.5, Stamp::Invalid, Some(99.9)),
        (11, 1.5, Stamp::Suspect, Some(99.9)),
        (10_000, 0.9, Stamp::Valid, None),
        (600, 3.0, Stamp::Invalid, Some(99.9)),
    ] {
        let (stamped, reasons) = stamped(&late(10_000, number, by));
        assert_eq!(stamped, stamp, "{number} late by {by} ms: {reasons:?}");
        let percents: Vec<_> = reasons
            .iter()
            .filter_map(|reason| if let What::Response(percent) = reason { *percent } else { None })
            .collect();
        assert!(
            what.is_none_or(|percent| percents.contains(&percent)),
            "{number} late by {by} ms: {reasons:?}"
        );
    }
}

#[test]
fn the_limit_does_not_grow_with_the_delay_that_it_judges() {
    // A tenth of the starts, by up to three seconds: each percentile from the 90th is ours.
    let mut figures = late(1_000, 0, 0.0);
    (0..100).for_each(|i| {
        figures.total.response.ok.record(millis(10.0 + 30.0 * f64::from(i)));
        figures.total.delayed_response.seen.record(millis(10.0 + 30.0 * f64::from(i)));
        figures.total.delayed_response.without.record(millis(10.0));
    });
    let verdict = judge(&figures, Circumstances::default());
    let reason = verdict.reasons().next().unwrap();
    assert_eq!(
        (verdict.stamp, reason.limit),
        (Stamp::Invalid, Amount::Time(millis(2.0))),
        "{reason:?}"
    );
}

#[test]
fn a_thread_that_is_always_late_is_judged_by_its_p99_and_one_long_pause_is_one_moment() {
    for (delay, stamp) in [(0.9, Stamp::Valid), (1.5, Stamp::Suspect), (2.5, Stamp::Invalid)] {
        let mut figures = figures();
        figures.loop_delay.clear();
        (0..1_000).for_each(|_| figures.loop_delay.record(millis(delay)));
        assert_eq!(stamped(&figures).0, stamp, "{delay} ms");
    }
    let mut figures = figures();
    figures.loop_delay.record(millis(50.0));
    figures.overslept.record_many(millis(25.0), 9);
    assert_eq!(stamped(&figures).0, Stamp::Valid);
}

#[test]
fn threads_that_stood_still_for_a_tenth_of_the_time_lowered_the_throughput_of_users_that_set_it() {
    for (percent, stamp) in [(5, Stamp::Valid), (7, Stamp::Suspect), (20, Stamp::Invalid)] {
        let mut figures = figures();
        figures.overslept.record_many(millis(1_000.0), 10_000 * percent / (100 - percent));
        assert_eq!(
            stamped(&figures),
            (stamp, if percent > 5 { vec![What::StoodStill] } else { vec![] }),
            "{percent} %"
        );
    }
}

#[test]
fn a_saturated_processor_is_weighed_by_windows() {
    for (saturated, stamp) in
        [(25, Stamp::Valid), (26, Stamp::Suspect), (50, Stamp::Suspect), (51, Stamp::Invalid)]
    {
        let mut cpu = CpuWindows::default();
        (0..1_000).for_each(|window| cpu.record(if window < saturated { 0.96 } else { 0.95 }));
        assert_eq!(
            judge(&figures(), Circumstances { cpu, ..Circumstances::default() }).stamp,
            stamp,
            "{saturated} of 1,000"
        );
    }
}

#[test]
fn a_single_port_or_descriptor_lacking_is_too_many() {
    for (class, what) in
        [(ErrorClass::LocalPorts, What::LocalPorts), (ErrorClass::LocalFiles, What::LocalFiles)]
    {
        for mut figures in [figures(), late(5, 0, 0.0)] {
            let mut of_sockets = figures.clone();
            figures.requests.errors.add(class, 1);
            of_sockets.sockets.errors.add(class, 1);
            for lacking in [figures, of_sockets] {
                assert_eq!(stamped(&lacking), (Stamp::Invalid, vec![what]));
            }
        }
    }
    let mut figures = figures();
    figures.requests.errors.add(ErrorClass::Connect, 1_000);
    assert_eq!(stamped(&figures).0, Stamp::Valid);
}

#[test]
fn few_samples_are_judged_neither_valid_nor_invalid_where_something_speaks_against_them() {
    assert_eq!(stamped(&late(20, 0, 0.0)).0, Stamp::Valid, "nothing does");
    assert_eq!(stamped(&late(20, 1, 500.0)), (Stamp::Unjudged, vec![What::Response(None)]));
    assert_eq!(stamped(&late(20, 20, 500.0)).0, Stamp::Unjudged);
    assert_eq!(stamped(&late(99, 99, 500.0)).0, Stamp::Unjudged);
    assert_eq!(stamped(&late(100, 100, 500.0)).0, Stamp::Invalid);
    let mut unsent = late(19, 0, 0.0);
    unsent.unsent.host = 1;
    assert_eq!(stamped(&unsent).0, Stamp::Unjudged);
    assert_eq!(judge(&late(20, 0, 0.0), of_cpu(5, 5)).stamp, Stamp::Unjudged);
    assert_eq!(stamped(&Figures::default()), (Stamp::Unjudged, vec![]), "of nothing");
}

#[test]
fn each_stamp_names_the_limit_that_it_is_above() {
    for (unsent, limit) in [(3, 0.001), (7, 0.000_5), (20, 0.001)] {
        let mut figures = figures();
        figures.unsent.host = unsent;
        let verdict = judge(&figures, Circumstances::default());
        assert_eq!(verdict.evidence[0].limit, Amount::Share(limit), "{unsent} of 10,000");
    }
}

#[test]
fn a_window_is_limited_by_a_generator_that_stood_still_or_was_late_more_than_twice() {
    assert!(!is_generator_limited(&figures()));
    let mut stood = figures();
    stood.loop_delay.record(millis(1_500.0));
    stood.overslept.record_many(millis(700.0), 299);
    assert!(is_generator_limited(&stood));
    for (moments, limited) in [(2, false), (3, true)] {
        let mut figures = Figures::default();
        (0..25).for_each(|_| figures.loop_delay.record(millis(0.1)));
        (0..moments).for_each(|_| figures.loop_delay.record(millis(4.0)));
        assert_eq!(is_generator_limited(&figures), limited, "{moments} moments");
    }
    let mut unsent = figures();
    unsent.unsent.host = 11;
    assert!(is_generator_limited(&unsent));
}
