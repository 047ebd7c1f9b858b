//! A stream of transactions through a service with a queue, a window at a time.

use super::*;

const WINDOW: f64 = 0.2;

/// What a window of the stream is like.
#[derive(Clone, Copy)]
struct StreamWindow {
    rate: f64,
    /// What the service completes at most, a second.
    capacity: f64,
    /// What it takes without a queue, in seconds.
    base: f64,
    users: f64,
    generator_limited: bool,
    /// The part of the window in which the generator stands still.
    standing: f64,
    lacks_room: bool,
}

const EASY: StreamWindow = StreamWindow {
    rate: 10_000.0,
    capacity: 100_000.0,
    base: 0.001,
    users: 10_000.0,
    generator_limited: false,
    standing: 0.0,
    lacks_room: false,
};

/// Who was the limit after each window.
fn stream(seconds: f64, setting: impl Fn(f64) -> StreamWindow) -> Vec<(f64, Option<Limit>)> {
    let (mut watch, mut under_way, mut waiting) = (LimitWatch::default(), 0.0, 0.0);
    let mut past = Vec::new();
    let mut at = 0.0;
    while at < seconds {
        let StreamWindow { rate, capacity, base, users, generator_limited, standing, lacks_room } =
            setting(at);
        let (steps, mut begun, mut completed, mut service) = (200.0, 0.0, 0.0, 0.0);
        for step in 0..200 {
            let span = WINDOW / steps;
            waiting += rate * span;
            if f64::from(step) < steps * standing {
                continue;
            }
            let begins = f64::min(waiting, f64::max(0.0, users - under_way));
            (waiting, under_way, begun) = (waiting - begins, under_way + begins, begun + begins);
            let takes = f64::max(base, under_way / capacity);
            let ends = under_way * f64::min(1.0, span / takes);
            (under_way, completed, service) =
                (under_way - ends, completed + ends, service + ends * takes);
        }
        at += WINDOW;
        let until = RunInstant::from_nanos((at * 1e9) as u64);
        let whole = |amount: f64| amount.round() as u64;
        let service = Duration::from_secs_f64(service);
        let (due, stood) = (rate * WINDOW, Duration::from_secs_f64(WINDOW * standing));
        let (begun, completed) = (whole(begun), whole(completed));
        watch.on_window(Flow {
            until,
            due,
            begun,
            completed,
            service,
            generator_limited,
            stood,
            lacks_room,
        });
        past.push((at, watch.limit().copied()));
        // What waits for longer than ten seconds is given up.
        waiting = waiting.min(rate * 10.0);
    }
    past
}

fn by(past: &[(f64, Option<Limit>)], from: f64, until: f64) -> Vec<Option<Limiter>> {
    let mut by: Vec<_> = past
        .iter()
        .filter(|(at, _)| (from..until).contains(at))
        .map(|(_, limit)| limit.map(|limit| limit.by))
        .collect();
    by.dedup();
    by
}

#[test]
fn a_service_that_cannot_keep_up_is_recognised_within_ten_seconds_and_forgotten_within_ten() {
    let past = stream(60.0, |at| StreamWindow {
        capacity: if at < 30.0 { 7_000.0 } else { 100_000.0 },
        ..EASY
    });
    assert_eq!(by(&past, 10.0, 30.0), [Some(Limiter::Service)]);
    let limit = past[100].1.unwrap();
    assert!(
        (6_600.0..=7_400.0).contains(&limit.completed) && (limit.asked - 10_000.0).abs() < 1.0,
        "{limit:?}"
    );
    assert!(limit.service.is_some_and(|(now, best)| now > best * 10.0), "{limit:?}");
    assert_eq!(by(&past, 40.0, 60.0), [None]);
}

#[test]
fn a_service_that_keeps_up_is_no_limit_however_slow_it_is() {
    for base in [0.001, 0.1, 0.7, 1.0, 3.0] {
        assert_eq!(
            by(&stream(30.0, |_| StreamWindow { base, users: 100_000.0, ..EASY }), 0.0, 30.0),
            [None],
            "{base} s"
        );
    }
}

#[test]
fn a_rate_that_rises_is_no_limit() {
    let ramp =
        |at: f64| StreamWindow { rate: 300.0 * at + 10.0, base: 1.0, users: 100_000.0, ..EASY };
    assert_eq!(by(&stream(30.0, ramp), 0.0, 30.0), [None]);
}

#[test]
fn a_few_transactions_that_chance_delays_are_no_limit() {
    assert_eq!(
        by(
            &stream(30.0, |at| StreamWindow {
                rate: if at % 2.0 < 1.0 { 9.0 } else { 11.0 },
                base: 0.3,
                ..EASY
            }),
            0.0,
            30.0
        ),
        [None]
    );
}

#[test]
fn a_service_that_hangs_is_the_limit_and_a_scenario_that_begins_nothing_is_nobody_s() {
    let hangs = stream(30.0, |at| StreamWindow {
        rate: 100.0,
        capacity: if at < 10.0 { 1_000.0 } else { 0.001 },
        users: 200.0,
        ..EASY
    });
    assert_eq!(by(&hangs, 16.0, 30.0), [Some(Limiter::Service)]);
    assert_eq!(by(&stream(30.0, |_| StreamWindow { users: 0.0, ..EASY }), 0.0, 30.0), [None]);
}

#[test]
fn a_service_that_ceases_to_answer_is_the_limit_while_users_are_left() {
    for standing in [0.0, 0.9] {
        // The generator stands still for most of a second when the service ceases to answer.
        let past = stream(30.0, |at| StreamWindow {
            rate: 100.0,
            capacity: if at < 10.0 { 100_000.0 } else { 1e-6 },
            standing: if (10.0..11.0).contains(&at) { standing } else { 0.0 },
            users: 1e6,
            ..EASY
        });
        assert_eq!(by(&past, 15.0, 30.0), [Some(Limiter::Service)], "{standing}");
    }
}

#[test]
fn too_few_users_are_told_from_a_slow_service() {
    let past = stream(30.0, |_| StreamWindow { rate: 1_000.0, base: 0.1, users: 50.0, ..EASY });
    assert_eq!(by(&past, 5.0, 30.0), [Some(Limiter::Users)]);
    let exhausted = stream(30.0, |at| StreamWindow {
        rate: 1_000.0,
        base: 0.01,
        capacity: if at < 10.0 { 5_000.0 } else { 500.0 },
        users: 50.0,
        ..EASY
    });
    assert_eq!(by(&exhausted, 15.0, 30.0), [Some(Limiter::Service)]);
}

#[test]
fn a_generator_that_says_so_itself_is_the_limit() {
    let past = stream(30.0, |at| StreamWindow { users: 5.0, generator_limited: at < 15.0, ..EASY });
    assert_eq!(by(&past, 4.0, 15.0), [Some(Limiter::Generator)]);
    let held = stream(30.0, |_| StreamWindow { generator_limited: true, ..EASY });
    assert_eq!(by(&held, 0.0, 30.0), [None], "what is reached is not limited");
}

#[test]
fn what_a_generator_that_stood_still_delayed_is_no_limit_of_the_service_or_of_users() {
    for seconds in [0.2, 0.6, 1.0, 1.6, 3.0, 5.0] {
        let frozen = |at: f64| if (10.0..10.0 + seconds).contains(&at) { 1.0 } else { 0.0 };
        for (users, capacity) in [(10_000.0, 100_000.0), (20.0, 20_000.0), (200.0, 10_500.0)] {
            let past =
                stream(30.0, |at| StreamWindow { users, capacity, standing: frozen(at), ..EASY });
            let blamed = by(&past, 0.0, 30.0);
            assert!(
                blamed.iter().flatten().all(|by| *by == Limiter::Generator),
                "{seconds} s with {users} users: {blamed:?}"
            );
        }
    }
    let starved =
        stream(30.0, |_| StreamWindow { users: 20.0, capacity: 20_000.0, standing: 0.9, ..EASY });
    assert_eq!(by(&starved, 5.0, 30.0), [Some(Limiter::Generator)]);
}

#[test]
fn a_window_closed_late_blames_nobody_else_before_threads_have_told_that_they_stood_still() {
    let mut watch = LimitWatch::default();
    let mut window = |millis: u64, due: f64, done: u64, stood: Duration| {
        let until = RunInstant::START + Duration::from_millis(millis);
        let service = Duration::from_micros(200) * done as u32;
        let flow = Flow {
            until,
            due,
            begun: done,
            completed: done,
            service,
            generator_limited: false,
            stood,
            lacks_room: false,
        };
        watch.on_window(flow);
        watch.limit().map(|limit| limit.by)
    };
    for number in 1..=20 {
        assert_eq!(window(number * 200, 60.0, 60, Duration::ZERO), None);
    }
    // Everything stood still for a second and a half, and the workers' windows are still on their
    // way.
    assert!(matches!(window(5_700, 510.0, 1, Duration::ZERO), None | Some(Limiter::Generator)));
    assert!(matches!(
        window(5_900, 60.0, 300, Duration::from_millis(1_500)),
        None | Some(Limiter::Generator)
    ));
    let after: Vec<_> =
        (0..16).map(|number| window(6_100 + number * 200, 60.0, 70, Duration::ZERO)).collect();
    assert_eq!(after.last(), Some(&None));
}

#[test]
fn a_service_that_cannot_keep_up_is_the_limit_also_where_the_generator_stood_still_for_a_moment() {
    let past = stream(30.0, |at| StreamWindow {
        capacity: 5_000.0,
        standing: if (10.0..10.2).contains(&at) { 0.5 } else { 0.0 },
        ..EASY
    });
    assert_eq!(by(&past, 5.0, 30.0), [Some(Limiter::Service)]);
}

#[test]
fn a_machine_that_holds_no_more_users_is_the_generator_s_lack() {
    let past = stream(30.0, |_| StreamWindow {
        rate: 1_000.0,
        base: 0.1,
        users: 50.0,
        lacks_room: true,
        ..EASY
    });
    assert_eq!(by(&past, 5.0, 30.0), [Some(Limiter::Generator)]);
    // At its end the users go one by one, and their room is free for nobody.
    let ending = stream(31.0, |at| StreamWindow {
        rate: 1_000.0,
        base: 0.1,
        users: 50.0,
        lacks_room: at < 30.0,
        ..EASY
    });
    assert_eq!(by(&ending, 5.0, 31.0), [Some(Limiter::Generator)]);
}
