use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::units::Rate;

fn seconds(seconds: f64) -> RunInstant {
    RunInstant::from_nanos((seconds * 1e9).round() as u64)
}

fn constant(rate: f64) -> Timeline {
    Timeline::new(Law::Constant(rate))
}

fn staged(opening: Option<f64>, stages: &[(f64, f64)]) -> Profile {
    let stages = stages
        .iter()
        .map(|&(over, to)| Stage { over: Duration::from_secs_f64(over), to })
        .collect();
    Profile::Stages { opening: opening.and_then(Rate::new), stages }
}

fn all(timeline: &Timeline, arrivals: Arrivals, stripe: Stripe, end: RunInstant) -> Vec<Due> {
    let mut cursor = Cursor::new(timeline.clone(), arrivals, stripe, end, u64::MAX);
    std::iter::from_fn(|| cursor.pop()).collect()
}

#[test]
fn a_day_at_any_rate_ends_on_the_nanosecond() {
    for rate in [1.0, 3.0, 700.0, 5_000.0, 1_000_000.0] {
        let slots = (rate * 86_400.0) as u64;
        let last = constant(rate).instant_of((slots - 1) as f64).unwrap();
        let exact = (u128::from(slots - 1) * 1_000_000_000 + rate as u128 / 2) / rate as u128;
        assert!(u128::from(last.as_nanos()).abs_diff(exact) <= 1, "{rate}/s: {last:?}");
    }
}

#[test]
fn five_thousand_a_second_for_ten_seconds_are_fifty_thousand() {
    let due = all(&constant(5_000.0), Arrivals::Uniform, Stripe::WHOLE, seconds(10.0));
    assert_eq!(due.len(), 50_000);
    assert_eq!(due[0], Due { intended: RunInstant::START, slot: 0 });
    assert_eq!(due[49_999], Due { intended: seconds(9.9998), slot: 49_999 });
}

#[test]
fn a_ramp_places_its_slots_where_the_formula_does() {
    // From 0 to 1,000/s over 10 s: Λ(t) = 50t², so slot i is due at √(i/50).
    let up = staged(None, &[(10.0, 1_000.0)]).timeline(Duration::ZERO);
    for slot in [0u64, 1, 50, 1_250, 4_999] {
        assert_eq!(up.instant_of(slot as f64), Some(seconds((slot as f64 / 50.0).sqrt())));
    }
    // And back down to 0: the last slot of the way down lies as far from its end as slot 1 from the
    // beginning.
    let down = staged(Some(1_000.0), &[(10.0, 0.0)]).timeline(Duration::ZERO);
    let last = all(&down, Arrivals::Uniform, Stripe::WHOLE, RunInstant::NEVER);
    assert_eq!(last.len(), 5_000);
    assert!(
        last[4_999].intended.since(seconds(10.0 - (1.0f64 / 50.0).sqrt()))
            < Duration::from_micros(1)
    );
    assert_eq!(down.rate_at(seconds(5.0)), 500.0);
}

#[test]
fn a_stage_is_read_from_its_duration_and_rate() {
    assert_eq!("30s:1000".parse(), Ok(Stage { over: Duration::from_secs(30), to: 1_000.0 }));
    assert_eq!("1m:300/m".parse(), Ok(Stage { over: Duration::from_secs(60), to: 5.0 }));
    assert_eq!("0s:0".parse(), Ok(Stage { over: Duration::ZERO, to: 0.0 }));
    let message = |text: &str| text.parse::<Stage>().expect_err("it is refused").to_string();
    assert_eq!(
        message("1000"),
        r#"stage "1000" has no colon; write a duration and the rate at its end, like "30s:1000""#
    );
    assert_eq!(
        message("30:10"),
        r#"stage "30:10": "30" has no unit; write "30s" for seconds or "30ms" for milliseconds"#
    );
    assert!(message("30s:-1").starts_with(r#"stage "30s:-1": "-1" is not a rate"#));
}

#[test]
fn nothing_is_due_while_the_rate_is_zero() {
    let profile = staged(
        Some(10.0),
        &[(1.0, 10.0), (0.0, 0.0), (5.0, 0.0), (0.0, 10.0), (1.0, 10.0), (0.0, 0.0)],
    );
    let due =
        all(&profile.timeline(Duration::ZERO), Arrivals::Uniform, Stripe::WHOLE, RunInstant::NEVER);
    assert_eq!(due.len(), 20);
    assert_eq!((due[9].intended, due[10].intended), (seconds(0.9), seconds(6.0)));
    assert_eq!(profile.length(), Duration::from_secs(7));
    assert!(all(&constant(0.0), Arrivals::Uniform, Stripe::WHOLE, RunInstant::NEVER).is_empty());
}

#[test]
fn warm_up_holds_the_opening_rate_and_the_stages_follow_it() {
    let timeline = staged(Some(100.0), &[(10.0, 300.0)]).timeline(Duration::from_secs(5));
    assert_eq!(timeline.rate_at(seconds(4.9)), 100.0);
    assert_eq!(timeline.rate_at(seconds(10.0)), 200.0);
    assert_eq!(timeline.rate_at(seconds(100.0)), 300.0);
    assert_eq!(timeline.position_at(seconds(5.0)), 500.0);
    assert_eq!(timeline.position_at(seconds(15.0)), 2_500.0);
}

#[test]
fn a_number_of_slots_limits_the_schedule() {
    let mut cursor =
        Cursor::new(constant(10.0), Arrivals::Uniform, Stripe::new(1, 2), RunInstant::NEVER, 6);
    let slots: Vec<u64> = std::iter::from_fn(|| cursor.pop()).map(|due| due.slot).collect();
    assert_eq!(slots, [1, 3, 5]);
}

#[test]
fn a_slot_that_is_not_allowed_waits_and_one_that_was_missed_is_dropped() {
    let mut cursor =
        Cursor::new(constant(10.0), Arrivals::Uniform, Stripe::WHOLE, RunInstant::NEVER, u64::MAX);
    cursor.allow_below(3);
    assert_eq!(
        std::iter::from_fn(|| cursor.pop()).map(|due| due.slot).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert_eq!(std::iter::from_fn(|| cursor.pop_missed(seconds(0.55))).count(), 3);
    assert_eq!(cursor.peek(), None);
    cursor.allow_below(8);
    assert_eq!(std::iter::from_fn(|| cursor.pop()).map(|due| due.slot).collect::<Vec<_>>(), [6, 7]);
}

#[test]
fn a_share_of_a_share_is_a_share() {
    let host = Stripe::new(1, 3);
    let threads: Vec<Stripe> = (0..2).map(|thread| host.part(thread, 2)).collect();
    assert_eq!(threads, [Stripe::new(1, 6), Stripe::new(4, 6)]);
}

#[test]
fn many_changes_of_rate_leave_a_short_timeline() {
    let mut cursor = Cursor::new(
        constant(1_000.0),
        Arrivals::Uniform,
        Stripe::WHOLE,
        RunInstant::NEVER,
        u64::MAX,
    );
    for step in 1..10_000u64 {
        let now = RunInstant::from_nanos(step * 200_000_000);
        while cursor.peek().is_some_and(|due| due.intended <= now) {
            cursor.pop();
        }
        cursor.change_after(now, Course::Rate(1_000.0 + (step % 7) as f64));
    }
    assert!(format!("{:?}", cursor.timeline()).matches("Segment").count() <= 3);
    // 2,000 s at 1,003/s on average, without drift over ten thousand segments.
    let popped = cursor.peek().unwrap().slot as f64;
    assert!((popped - 200.0 - 1_999.8 * 1_003.0).abs() < 610.0, "{popped}");
}

#[test]
fn a_profile_that_rested_goes_on_where_it_would_have_been() {
    // Two seconds at 100/s, in four up to 300/s, then 300/s; nothing from the third second to the
    // fifth.
    let profile = staged(Some(100.0), &[(2.0, 100.0), (4.0, 300.0)]).timeline(Duration::ZERO);
    let mut cursor =
        Cursor::new(profile.clone(), Arrivals::Uniform, Stripe::WHOLE, seconds(8.0), u64::MAX);
    let mut due = Vec::new();
    for (until, course) in
        [(3.0, Some(Course::Rate(0.0))), (5.0, Some(Course::Profile)), (8.0, None)]
    {
        while let Some(next) = cursor.peek().filter(|due| due.intended <= seconds(until)) {
            due.push(next.intended);
            cursor.pop();
        }
        if let Some(course) = course {
            cursor.change_after(seconds(until), course);
        }
    }
    let between = |from: f64, until: f64| {
        due.iter().filter(|at| **at > seconds(from) && **at <= seconds(until)).count()
    };
    assert_eq!(between(3.0, 5.0), 0);
    for (from, until) in [(0.0, 3.0), (5.0, 6.0), (6.0, 8.0)] {
        let expected = profile.position_at(seconds(until)) - profile.position_at(seconds(from));
        assert!((between(from, until) as f64 - expected).abs() <= 1.0, "{from} to {until}");
    }
}

#[test]
fn poisson_counts_have_the_mean_and_the_variance_of_their_law() {
    let due =
        all(&constant(1_000.0), Arrivals::Poisson { seed: 42 }, Stripe::WHOLE, seconds(1_000.0));
    let mut counts = vec![0f64; 100_000];
    for due in &due {
        counts[(due.intended.as_nanos() / 10_000_000) as usize] += 1.0;
    }
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    let variance =
        counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / counts.len() as f64;
    // 10 expected in each 10 ms; over 100,000 of them the standard errors are 0.01 and 0.046.
    assert!((mean - 10.0).abs() < 0.05, "{mean}");
    assert!((variance - 10.0).abs() < 0.25, "{variance}");
    // The gaps are exponential: e⁻¹ of them are longer than their mean.
    let long = due
        .windows(2)
        .filter(|pair| pair[1].intended.since(pair[0].intended) > Duration::from_millis(1))
        .count();
    assert!((long as f64 / due.len() as f64 - 0.367_9).abs() < 0.003, "{long}");
}

#[test]
fn poisson_arrivals_follow_a_ramp() {
    let timeline = staged(None, &[(100.0, 1_000.0)]).timeline(Duration::ZERO);
    let due = all(&timeline, Arrivals::Poisson { seed: 3 }, Stripe::WHOLE, seconds(100.0));
    let early = due.iter().filter(|due| due.intended < seconds(50.0)).count() as f64;
    // 50,000 in all, a quarter of them in the first half; five standard deviations to either side.
    assert!((due.len() as f64 - 50_000.0).abs() < 1_120.0, "{}", due.len());
    assert!((early - 12_500.0).abs() < 560.0, "{early}");
}

fn arrivals() -> impl Strategy<Value = Arrivals> {
    prop_oneof![Just(Arrivals::Uniform), any::<u64>().prop_map(|seed| Arrivals::Poisson { seed })]
}

fn profiles() -> impl Strategy<Value = Profile> {
    let bursts = (1u32..100, 100_000_000u64..4_000_000_000).prop_map(|(size, every)| {
        Profile::Bursts(format!("{size}/{every}ns").parse().expect("these are bursts"))
    });
    prop_oneof![4 => stages(), 1 => bursts]
}

fn stages() -> impl Strategy<Value = Profile> {
    let rate = prop_oneof![Just(0.0), 0.5..400.0];
    let stage = (prop_oneof![Just(0.0), 0.01..4.0], rate.clone());
    (rate, prop::collection::vec(stage, 0..6))
        .prop_map(|(opening, stages)| staged(Some(opening), &stages))
}

fn bursts(text: &str, warm_up: f64) -> Timeline {
    let bursts = text.parse().expect("these are bursts");
    Profile::Bursts(bursts).timeline(Duration::from_secs_f64(warm_up))
}

#[test]
fn all_of_a_burst_is_due_at_one_instant() {
    let timeline = bursts("500/10s", 0.0);
    let due = all(&timeline, Arrivals::Uniform, Stripe::WHOLE, seconds(30.0));
    assert_eq!(due.len(), 1_500);
    assert_eq!((due[0].intended, due[499].intended), (seconds(0.0), seconds(0.0)));
    assert_eq!((due[500].intended, due[1_499].intended), (seconds(10.0), seconds(20.0)));
    // A burst is not before its own instant, and is before the next one.
    let just_after = seconds(10.0) + Duration::from_nanos(1);
    assert_eq!(timeline.position_at(seconds(10.0)), 500.0);
    assert_eq!(timeline.position_at(just_after), 1_000.0);
    let mut numbering = Numbering::new(Arrivals::Uniform);
    assert_eq!(numbering.first_at(&timeline, seconds(10.0)), 500);
    assert_eq!(numbering.first_at(&timeline, just_after), 1_000);
    assert_eq!(
        (timeline.rate_at(seconds(3.0)), timeline.burst_at(seconds(3.0))),
        (50.0, Some(500))
    );
    assert_eq!(constant(5.0).burst_at(seconds(3.0)), None);
    // After a year they still come on the nanosecond.
    let year = bursts("7/100ms", 0.0).instant_of(7.0 * 315_360_000.0).unwrap();
    assert_eq!(year, RunInstant::START + Duration::from_secs(31_536_000));
}

#[test]
fn one_burst_comes_as_the_warm_up_ends() {
    let due = all(&bursts("2/10s", 25.0), Arrivals::Uniform, Stripe::WHOLE, seconds(40.0));
    let instants: Vec<RunInstant> = due.iter().step_by(2).map(|due| due.intended).collect();
    assert_eq!(instants, [5.0, 15.0, 25.0, 35.0].map(seconds));
}

#[test]
fn bursts_that_rested_come_when_they_would_have_come() {
    for (rests, resumes, expected) in [
        (10.0, 35.0, vec![0.0, 10.0, 40.0, 50.0]),
        (12.0, 20.0, vec![0.0, 10.0, 30.0, 40.0, 50.0]),
        (12.0, 19.9, vec![0.0, 10.0, 20.0, 30.0, 40.0, 50.0]),
    ] {
        let timeline = bursts("3/10s", 0.0);
        let mut cursor =
            Cursor::new(timeline, Arrivals::Uniform, Stripe::WHOLE, seconds(60.0), u64::MAX);
        let mut due = Vec::new();
        for (until, course) in
            [(rests, Some(Course::Rate(0.0))), (resumes, Some(Course::Profile)), (60.0, None)]
        {
            while let Some(next) = cursor.peek().filter(|due| due.intended <= seconds(until)) {
                due.push(next.intended);
                cursor.pop();
            }
            if let Some(course) = course {
                cursor.change_after(seconds(until), course);
            }
        }
        let expected: Vec<RunInstant> =
            expected.into_iter().flat_map(|at| [seconds(at); 3]).collect();
        assert_eq!(due, expected, "{rests} to {resumes}");
    }
}

#[test]
fn bursts_are_read_as_so_many_each_so_long() {
    let read = |text: &str| text.parse::<Bursts>().map(|bursts| bursts.to_string());
    assert_eq!(read("500/10s"), Ok("500/10s".to_owned()));
    assert_eq!(read(" 5k/1m30s "), Ok("5,000/1m30s".to_owned()));
    let message = |text: &str| read(text).expect_err("it is refused").to_string();
    assert_eq!(
        message("500"),
        r#"burst "500" says not how often; write how many and each how long, like "500/10s""#
    );
    assert!(message("500/10").starts_with(r#"burst "500/10": "10" has no unit"#));
    assert!(message("1.5/10s").starts_with(r#"burst "1.5/10s": "1.5" is not a whole number"#));
    assert!(message("5/0s").starts_with(r#"burst "5/0s": "0s" is out of range"#));
    for text in ["0/1s", "1000/1us"] {
        assert!(message(text).contains("out of range: a burst has from 1 start on"), "{text}");
    }
}

proptest! {
    #[test]
    fn the_stripes_together_are_the_whole_schedule(
        profile in profiles(),
        arrivals in arrivals(),
        of in 1u64..7,
    ) {
        let timeline = profile.timeline(Duration::ZERO);
        let whole = all(&timeline, arrivals, Stripe::WHOLE, seconds(20.0));
        let mut union: Vec<Due> = (0..of)
            .flat_map(|index| all(&timeline, arrivals, Stripe::new(index, of), seconds(20.0)))
            .collect();
        union.sort_by_key(|due| due.slot);
        prop_assert_eq!(union, whole);
    }

    #[test]
    fn slots_come_in_order_and_as_many_as_the_integral_says(
        profile in profiles(),
        until in 0.0..20.0,
    ) {
        let timeline = profile.timeline(Duration::ZERO);
        let due = all(&timeline, Arrivals::Uniform, Stripe::WHOLE, seconds(until));
        prop_assert!(due.is_sorted());
        let expected = timeline.position_at(seconds(until));
        let slots = due.len();
        prop_assert!((slots as f64 - expected).abs() <= 1.0, "{slots} slots, {expected} expected");
    }

    #[test]
    fn the_first_slot_after_an_instant_is_the_one_that_the_schedule_has_there(
        profile in profiles(),
        arrivals in arrivals(),
        instants in prop::collection::vec(0.0..20.0, 1..5),
    ) {
        let timeline = profile.timeline(Duration::ZERO);
        let due = all(&timeline, arrivals, Stripe::WHOLE, seconds(25.0));
        let mut instants = instants;
        instants.sort_by(f64::total_cmp);
        let mut numbering = Numbering::new(arrivals);
        for instant in instants {
            let first = numbering.first_at(&timeline, seconds(instant));
            let before = due.iter().filter(|due| due.intended < seconds(instant)).count() as u64;
            // A slot that lies within a rounding of the instant may count to either side.
            prop_assert!(first.abs_diff(before) <= 1, "{first} at {instant}, {before} before");
        }
    }

    #[test]
    fn hosts_that_share_by_tables_start_together_what_one_would(
        profile in profiles(),
        arrivals in arrivals(),
        weights in prop::collection::vec(0.1f64..4.0, 2..6),
        lost_from in 0u64..2_000,
    ) {
        let timeline = profile.timeline(Duration::ZERO);
        let whole = all(&timeline, arrivals, Stripe::WHOLE, seconds(20.0));
        let weights: Vec<(Owner, f64)> = (0..).zip(weights).collect();
        let first = ShareTable::of_weights(0, &weights);
        let tables = [first.clone(), first.without(lost_from, 0, &weights)];
        let mut union = Vec::new();
        for &(owner, _) in &weights {
            for thread in 0..2 {
                let stripe = Stripe::new(thread, 2);
                let mut cursor =
                    Cursor::new(timeline.clone(), arrivals, stripe, seconds(20.0), u64::MAX);
                cursor.claim(&tables, owner);
                union.extend(std::iter::from_fn(|| cursor.pop()));
            }
        }
        union.sort_by_key(|due| due.slot);
        prop_assert_eq!(union, whole);
    }

    #[test]
    fn an_instant_is_where_its_position_is_left(profile in profiles(), part in 0.0..1.0) {
        let timeline = profile.timeline(Duration::ZERO);
        let position = part * timeline.position_at(RunInstant::START + profile.length());
        if let Some(instant) = timeline.instant_of(position) {
            // One nanosecond at the highest rate, and the rounding of the closed form.
            prop_assert!((timeline.position_at(instant) - position).abs() < 1e-5);
        }
    }

    #[test]
    fn a_change_of_rate_moves_nothing_that_is_due(
        profile in profiles(),
        arrivals in arrivals(),
        now in 0.0..10.0,
        rate in prop_oneof![Just(0.0), 0.5..400.0],
    ) {
        let (timeline, now) = (profile.timeline(Duration::ZERO), seconds(now));
        let mut changed = timeline.clone();
        changed.change_after(now, Law::Constant(rate));
        let just_after = now + Duration::from_nanos(1);
        let upto = |timeline: &Timeline| all(timeline, arrivals, Stripe::WHOLE, just_after);
        prop_assert_eq!(upto(&changed), upto(&timeline));
        // And what follows keeps the phase: with an even spread the next slot comes when the
        // fraction that was left has passed.
        if rate > 0.0 {
            let position = changed.position_at(just_after);
            let next = changed.instant_of(position.floor() + 1.0).unwrap();
            let expected = (position.floor() + 1.0 - position) / rate;
            prop_assert!((next.since(now).as_secs_f64() - expected).abs() < 1e-7);
        }
    }
}

#[test]
fn segments_that_come_from_elsewhere_are_a_timeline_only_if_they_can_be_one() {
    let whole = staged(Some(10.0), &[(1.0, 10.0), (5.0, 0.0)]).timeline(Duration::ZERO);
    let segments = Vec::<Segment>::from(whole.clone());
    assert_eq!(Timeline::try_from(segments.clone()), Ok(whole));
    let changed = |change: fn(&mut Vec<Segment>)| {
        let mut segments = segments.clone();
        change(&mut segments);
        Timeline::try_from(segments)
    };
    assert_eq!(changed(Vec::clear), Err(TimelineError::Empty));
    assert_eq!(changed(|segments| segments.swap(1, 2)), Err(TimelineError::Disorder));
    assert_eq!(
        changed(|segments| segments[0].law = Law::Constant(f64::NAN)),
        Err(TimelineError::NoNumber)
    );
    assert_eq!(
        changed(
            |segments| segments[1].law = Law::Ramp { from: 1.0, to: -1.0, over: Duration::ZERO }
        ),
        Err(TimelineError::NoNumber)
    );
    assert_eq!(
        changed(|segments| segments[0].position = f64::INFINITY),
        Err(TimelineError::NoNumber)
    );
    for (size, every) in [(0, 1), (1, 0)] {
        let law = Law::Bursts { size, every: Duration::from_secs(every), first: Duration::ZERO };
        let segments = vec![Segment { start: RunInstant::START, position: 0.0, law }];
        assert_eq!(Timeline::try_from(segments), Err(TimelineError::NoNumber));
    }
}
