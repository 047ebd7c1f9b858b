use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::schedule::{
    Arrivals, Crowd, Law, Mix, ShareTable, Stripe, Timeline, UserProfile, UserStage,
};

const CREATE: Action = Action::Create { scenario: 0 };

fn at(micros: u64) -> RunInstant {
    RunInstant::from_nanos(micros * 1_000)
}

fn limits(growth: Growth) -> DispatchLimits {
    DispatchLimits { growth, max_lag: Duration::from_secs(1), coalesce: Duration::ZERO }
}

fn every_10_ms(growth: Growth) -> Dispatcher {
    let cursor = Cursor::new(
        Timeline::new(Law::Constant(100.0)),
        Arrivals::Uniform,
        Stripe::WHOLE,
        RunInstant::NEVER,
        u64::MAX,
    );
    Dispatcher::new(cursor, limits(growth))
}

fn on_demand(max_users: u32) -> Dispatcher {
    every_10_ms(Growth::OnDemand { max_users, spawn: Spawn::AtOnce })
}

fn actions(dispatcher: &mut Dispatcher) -> Vec<Action> {
    std::iter::from_fn(|| dispatcher.poll_action()).collect()
}

/// A dispatcher whose slot 0 has been started by user 1, which is still busy.
fn with_a_busy_user(max_users: u32) -> Dispatcher {
    let mut dispatcher = on_demand(max_users);
    dispatcher.handle_time(at(0));
    let created = actions(&mut dispatcher);
    assert_eq!(created, vec![CREATE; created.len()]);
    dispatcher.handle_created(at(10), 1, 0);
    (1..created.len()).for_each(|_| dispatcher.handle_not_created(at(10), 0));
    dispatcher.handle_parked(at(20), 1);
    assert_eq!(
        actions(&mut dispatcher),
        [Action::Start { user: 1, start: Start { slot: 0, intended: at(0), parked_at: at(20) } }]
    );
    dispatcher
}

#[test]
fn users_made_ahead_are_not_asked_for_again_and_take_the_first_slots() {
    for growth in [
        Growth::OnDemand { max_users: 9, spawn: Spawn::AtOnce },
        Growth::Exactly { users: vec![2], spawn: Spawn::AtOnce },
    ] {
        let mut dispatcher = every_10_ms(growth);
        dispatcher.handle_created_ahead(0, 0);
        dispatcher.handle_created_ahead(1, 0);
        dispatcher.handle_time(at(0));
        assert_eq!((actions(&mut dispatcher), dispatcher.users()), (vec![], 2));
        dispatcher.handle_parked(at(3), 0);
        dispatcher.handle_parked(at(4), 1);
        dispatcher.handle_time(at(10_000));
        let start = |user, slot, intended, parked_at| Action::Start {
            user,
            start: Start { slot, intended: at(intended), parked_at: at(parked_at) },
        };
        assert_eq!(actions(&mut dispatcher), [start(0, 0, 0, 3), start(1, 1, 10_000, 4)]);
    }
}

#[test]
fn what_is_heard_before_the_beginning_knows_of_users_made_ahead() {
    let growth = Growth::Exactly { users: vec![2], spawn: Spawn::AtOnce };
    let cursor = every_10_ms(growth.clone()).cursor;
    let mut dispatcher = Dispatcher::of_cluster(cursor, limits(growth));
    dispatcher.handle_created_ahead(0, 0);
    dispatcher.handle_created_ahead(1, 0);
    dispatcher.handle_orders(at(0), None, &[ShareTable::of_weights(0, &[(0, 1.0)])], 0);
    dispatcher.handle_lease(at(0), u64::MAX);
    dispatcher.handle_time(at(0));
    assert_eq!((actions(&mut dispatcher), dispatcher.users()), (vec![], 2));
}

#[test]
fn a_slot_goes_to_the_user_parked_longest() {
    let mut dispatcher = with_a_busy_user(5);
    dispatcher.handle_parked(at(2_000), 9);
    dispatcher.handle_parked(at(3_000), 4);
    assert_eq!(actions(&mut dispatcher), []);
    assert_eq!(dispatcher.poll_timeout(), Some(at(10_000)));
    dispatcher.handle_time(at(10_000));
    let start = Start { slot: 1, intended: at(10_000), parked_at: at(2_000) };
    assert_eq!(actions(&mut dispatcher), [Action::Start { user: 9, start }]);
    assert_eq!(
        start.lag(at(10_030)),
        Lag { total: at(30).since(at(0)), user: Duration::ZERO, host: at(30).since(at(0)) }
    );
}

#[test]
fn a_slot_without_a_user_asks_for_one_and_after_a_millisecond_for_help() {
    let mut dispatcher = with_a_busy_user(5);
    dispatcher.handle_time(at(10_000));
    // The creation that failed is not to be repeated before its time.
    assert_eq!(actions(&mut dispatcher), []);
    assert_eq!(dispatcher.poll_timeout(), Some(at(10_010)));
    dispatcher.handle_time(at(10_010));
    assert_eq!(actions(&mut dispatcher), [CREATE]);
    assert_eq!(dispatcher.poll_timeout(), Some(at(11_000)));
    dispatcher.handle_time(at(11_000));
    assert_eq!(actions(&mut dispatcher), [Action::Overflow(Due { intended: at(10_000), slot: 1 })]);
    dispatcher.handle_time(at(12_000));
    assert_eq!(actions(&mut dispatcher), [], "the creation under way is for that slot");
}

#[test]
fn a_creation_that_came_too_late_for_its_slot_serves_the_next() {
    let mut dispatcher = with_a_busy_user(5);
    dispatcher.handle_time(at(10_010));
    assert_eq!(actions(&mut dispatcher), [CREATE]);
    dispatcher.handle_parked(at(10_100), 1);
    assert!(matches!(actions(&mut dispatcher)[..], [Action::Start { user: 1, .. }]));
    dispatcher.handle_time(at(20_000));
    assert_eq!(actions(&mut dispatcher), [], "slot 2 needs no second creation");
    dispatcher.handle_created(at(20_100), 2, 0);
    dispatcher.handle_parked(at(20_200), 2);
    let start = Start { slot: 2, intended: at(20_000), parked_at: at(20_200) };
    assert_eq!(actions(&mut dispatcher), [Action::Start { user: 2, start }]);
    dispatcher.handle_time(at(30_000));
    assert_eq!(actions(&mut dispatcher), [CREATE], "slot 3 does");
}

#[test]
fn nobody_is_created_beyond_the_most() {
    let mut dispatcher = with_a_busy_user(1);
    dispatcher.handle_time(at(10_500));
    assert_eq!(actions(&mut dispatcher), []);
    dispatcher.handle_gone(at(10_600), 1);
    assert_eq!(actions(&mut dispatcher), [CREATE], "the slot still waits, and there is room again");
}

#[test]
fn a_user_that_dies_while_parked_is_not_started() {
    let mut dispatcher = with_a_busy_user(5);
    dispatcher.handle_parked(at(1_000), 1);
    dispatcher.handle_gone(at(2_000), 1);
    dispatcher.handle_time(at(10_010));
    assert_eq!(actions(&mut dispatcher), [CREATE]);
    assert_eq!((dispatcher.users(), dispatcher.parked()), (0, 0));
}

#[test]
fn the_earlier_of_own_and_overflowed_slots_is_started_first() {
    let mut dispatcher = with_a_busy_user(1);
    let mut overflow = Overflow::default();
    overflow.push(Due { intended: at(5), slot: 77 });
    overflow.push(Due { intended: at(60_000), slot: 78 });
    dispatcher.handle_time(at(10_000));
    dispatcher.handle_parked(at(10_100), 1);
    assert!(dispatcher.wants_overflow(at(10_100), overflow.len()));
    dispatcher.serve(at(10_100), &mut overflow);
    assert!(matches!(
        actions(&mut dispatcher)[..],
        [Action::Start { user: 1, start: Start { slot: 77, .. } }]
    ));
    dispatcher.handle_parked(at(10_200), 1);
    dispatcher.serve(at(10_200), &mut overflow);
    assert!(matches!(
        actions(&mut dispatcher)[..],
        [Action::Start { user: 1, start: Start { slot: 1, .. } }]
    ));
    assert_eq!(overflow.len(), 1);
}

#[test]
fn a_slot_that_nobody_took_in_time_becomes_unsent_without_any_other_event() {
    let mut dispatcher = with_a_busy_user(1);
    let mut overflow = Overflow::default();
    let due = Due { intended: at(10_000), slot: 1 };
    dispatcher.handle_time(at(11_000));
    assert_eq!(actions(&mut dispatcher), [Action::Overflow(due)]);
    overflow.push(due);
    let mut now = at(11_000);
    while overflow.peek() == Some(due) {
        now = dispatcher.poll_timeout().expect("somebody wakes up for it");
        dispatcher.handle_time(now);
        if dispatcher.wants_overflow(now, overflow.len()) {
            dispatcher.serve(now, &mut overflow);
        }
        for action in actions(&mut dispatcher) {
            match action {
                Action::Overflow(due) => overflow.push(due),
                Action::Unsent { due: given_up, cause } => {
                    assert_eq!((given_up, cause), (due, UnsentCause::Users))
                }
                other => panic!("unexpected {other:?}"),
            }
        }
    }
    assert_eq!(now, due.intended + Duration::from_secs(1) + Duration::from_nanos(1));
    assert_eq!(dispatcher.ledger().unsent, 1);
}

#[test]
fn a_thread_that_slept_over_slots_with_a_user_at_hand_is_to_blame() {
    let mut dispatcher = with_a_busy_user(1);
    dispatcher.handle_parked(at(1_000), 1);
    dispatcher.handle_time(at(1_015_000));
    let all = actions(&mut dispatcher);
    assert_eq!(
        all[0],
        Action::Unsent { due: Due { intended: at(10_000), slot: 1 }, cause: UnsentCause::Host }
    );
    assert!(all.contains(&Action::Start {
        user: 1,
        start: Start { slot: 2, intended: at(20_000), parked_at: at(1_000) }
    }));
    assert_eq!(all.iter().filter(|action| matches!(action, Action::Unsent { .. })).count(), 1);
}

#[test]
fn the_end_releases_the_parked_and_gives_up_what_waits() {
    let mut dispatcher = with_a_busy_user(1);
    dispatcher.handle_time(at(10_500));
    dispatcher.handle_end(at(10_600));
    let due = Due { intended: at(10_000), slot: 1 };
    assert_eq!(actions(&mut dispatcher), [Action::Unsent { due, cause: UnsentCause::Users }]);
    dispatcher.handle_parked(at(10_700), 1);
    assert_eq!(actions(&mut dispatcher), [Action::RunOver(1)]);
    assert_eq!(dispatcher.poll_timeout(), None);

    let mut dispatcher = with_a_busy_user(1);
    dispatcher.handle_parked(at(1_000), 1);
    dispatcher.handle_end(at(2_000));
    assert_eq!(actions(&mut dispatcher), [Action::RunOver(1)]);
}

#[test]
fn a_slot_due_at_the_very_end_still_starts_if_somebody_is_ready() {
    let mut dispatcher = with_a_busy_user(1);
    dispatcher.handle_parked(at(1_000), 1);
    dispatcher.handle_end(at(10_000));
    assert!(matches!(
        actions(&mut dispatcher)[..],
        [Action::Start { user: 1, start: Start { slot: 1, .. } }]
    ));
}

fn created(population: &mut Population) -> Vec<usize> {
    std::iter::from_fn(|| population.poll_create()).collect()
}

#[test]
fn a_closed_population_replaces_who_is_gone_and_waits_after_a_failure() {
    let mut population = Population::new(Growth::Exactly { users: vec![2], spawn: Spawn::AtOnce });
    population.handle_time(at(0));
    assert_eq!(created(&mut population), [0, 0]);
    population.handle_created(1, 0);
    population.handle_created(2, 0);
    population.handle_ready(1);
    population.handle_gone(at(100), 1);
    population.handle_time(at(100));
    assert!(population.poll_create().is_some(), "a user that has lived is replaced at once");
    population.handle_not_created(at(200), 0);
    population.handle_time(at(200));
    assert!(population.poll_create().is_none());
    assert_eq!(population.poll_timeout(), Some(at(10_200)));
    population.handle_time(at(10_200));
    assert!(population.poll_create().is_some());
    population.handle_end();
    population.handle_gone(at(10_300), 2);
    population.handle_time(at(20_000));
    assert!(population.poll_create().is_none());
    assert_eq!(population.poll_timeout(), None);
}

#[test]
fn users_by_stages_come_one_after_the_other_and_whoever_ends_an_iteration_first_goes() {
    let profile = UserProfile::new(vec![
        UserStage { over: Duration::from_millis(20), to: 2 },
        UserStage { over: Duration::from_millis(20), to: 0 },
    ]);
    let users = profile.timeline(Duration::ZERO, &Crowd::new(&Mix::of_one(), 2), 0, 1);
    let mut population = Population::new(Growth::Staged { users, spawn: Spawn::AtOnce });
    let mut created = 0;
    for (now, expected) in [(0, 0), (10_000, 1), (20_000, 1)] {
        assert!(population.poll_timeout().is_some_and(|next| next <= at(now)), "{now}");
        population.handle_time(at(now));
        for user in created..created + expected {
            assert!(population.poll_create().is_some(), "{now}");
            population.handle_created(user, 0);
        }
        created += expected;
        assert!(population.poll_create().is_none(), "{now}");
    }
    assert!(!population.handle_between(at(20_000), 0), "both are to be there");
    assert!(population.handle_between(at(25_000), 1), "the line is below the second");
    assert!(!population.handle_between(at(25_000), 0), "one was enough");
    assert!(population.handle_between(at(30_001), 0));
    population.handle_gone(at(31_000), 1);
    population.handle_gone(at(31_000), 0);
    population.handle_time(at(40_000));
    assert!(population.poll_create().is_none());
    assert_eq!((population.users(), population.poll_timeout()), (0, None));
}

#[test]
fn a_user_that_goes_is_replaced_at_once_where_the_stages_rise_again() {
    let profile = UserProfile::new(
        ["0s:2", "10ms:2", "0s:1", "10ms:1", "0s:2", "1s:2"]
            .map(|stage| stage.parse().expect("a stage"))
            .to_vec(),
    );
    let users = profile.timeline(Duration::ZERO, &Crowd::new(&Mix::of_one(), 2), 0, 1);
    let mut population = Population::new(Growth::Staged { users, spawn: Spawn::AtOnce });
    population.handle_time(at(0));
    for user in [0, 1] {
        assert!(population.poll_create().is_some());
        population.handle_created(user, 0);
    }
    assert!(population.handle_between(at(12_000), 1));
    population.handle_time(at(20_000));
    assert!(population.poll_create().is_some(), "who goes does not count any more");
    population.handle_created(2, 0);
    population.handle_gone(at(21_000), 1);
    population.handle_time(at(40_000));
    assert!(population.poll_create().is_none() && !population.handle_between(at(40_000), 0));
}

#[test]
fn a_user_that_has_made_all_it_was_to_make_is_not_replaced() {
    let mut population = Population::new(Growth::Exactly { users: vec![2], spawn: Spawn::AtOnce });
    population.handle_time(at(0));
    assert_eq!(created(&mut population), [0, 0]);
    for user in [1, 2] {
        population.handle_created(user, 0);
        population.handle_ready(user);
    }
    population.handle_finished(1);
    population.handle_gone(at(100), 1);
    population.handle_time(at(100));
    assert!(population.poll_create().is_none());
    assert_eq!((population.users(), population.poll_timeout()), (1, None));
    population.handle_gone(at(200), 2);
    population.handle_time(at(200));
    assert!(population.poll_create().is_some(), "the other one has not made all");
}

#[test]
fn who_is_gone_is_replaced_by_one_of_its_scenario() {
    let growth = Growth::Exactly { users: vec![3, 0, 1], spawn: Spawn::AtOnce };
    let mut population = Population::new(growth);
    population.handle_time(at(0));
    let order = created(&mut population);
    assert_eq!(order, [0, 2, 0, 0]);
    for (user, scenario) in (0..).zip(order) {
        population.handle_created(user, scenario);
        population.handle_ready(user);
    }
    population.handle_gone(at(100), 1);
    population.handle_gone(at(100), 3);
    population.handle_time(at(100));
    assert_eq!(created(&mut population), [2, 0]);
    population.handle_created(1, 2);
    population.handle_created(3, 0);
    population.handle_finished(1);
    population.handle_gone(at(200), 1);
    population.handle_gone(at(200), 0);
    population.handle_time(at(20_000));
    assert_eq!(created(&mut population), [0], "the other one has made all that it was to make");
}

#[test]
fn users_that_come_slowly_are_a_mix_from_the_first_ones_on() {
    let spawn = Spawn::At(crate::units::Rate::new(1.0).unwrap());
    let mut population = Population::new(Growth::Exactly { users: vec![30, 10], spawn });
    let mut users = [0, 0];
    for user in 0..40 {
        population.handle_time(at(u64::from(user) * 1_000_000));
        let order = created(&mut population);
        assert_eq!(order.len(), 1, "{user}");
        population.handle_created(user, order[0]);
        users[order[0]] += 1;
        assert!((f64::from(users[1]) - f64::from(user + 1) / 4.0).abs() <= 1.0, "{users:?}");
    }
    assert_eq!(users, [30, 10]);
}

#[test]
fn where_there_are_too_many_of_a_scenario_those_of_others_stay() {
    let stages = ["0s:4", "10ms:4", "0s:2", "10ms:2", "0s:4", "1s:4"];
    let profile = UserProfile::new(stages.map(|stage| stage.parse().expect("a stage")).to_vec());
    let crowd = Crowd::new(&Mix::of_weights(&[1.0, 1.0]).unwrap(), 4);
    let users = profile.timeline(Duration::ZERO, &crowd, 0, 1);
    let mut population = Population::new(Growth::Staged { users, spawn: Spawn::AtOnce });
    assert_eq!(population.wanted_ahead(), Some(0));
    population.handle_time(at(0));
    assert_eq!(created(&mut population), [0, 1, 0, 1]);
    assert_eq!(population.wanted_ahead(), None);
    for user in 0..4 {
        population.handle_created(user, user as usize % 2);
        population.handle_ready(user);
    }
    let goes = [0, 2, 0, 1, 3].map(|user| population.handle_between(at(12_000), user));
    assert_eq!(goes, [true, false, false, true, false], "one of each");
    population.handle_gone(at(13_000), 1);
    population.handle_time(at(20_001));
    assert_eq!(created(&mut population), [0, 1], "who goes does not count any more");
}

#[test]
fn a_user_that_ends_by_itself_leaves_its_place_empty_until_nobody_is_left_and_none_will_come() {
    let growth = Growth::Exactly { users: vec![1, 1], spawn: Spawn::AtOnce };
    let mut population = Population::new(growth);
    assert!(!population.is_deserted(at(0)), "two are to come");
    population.handle_time(at(0));
    assert_eq!(created(&mut population), [0, 1]);
    assert!(!population.is_deserted(at(0)), "two are about to come");
    population.handle_created(7, 0);
    population.handle_created(8, 1);
    for user in [7, 8] {
        population.handle_finished(user);
        population.handle_gone(at(100), user);
        population.handle_time(at(20_000));
        assert!(population.poll_create().is_none());
        assert_eq!(population.is_deserted(at(100)), user == 8);
    }
}

#[test]
fn by_stages_there_is_one_fewer_at_any_time_for_each_user_that_ended_by_itself() {
    let stages = ["0s:2", "10ms:2", "0s:1", "10ms:1", "0s:3", "1s:3"];
    let stages = stages.map(|stage| stage.parse().expect("a stage")).to_vec();
    let crowd = Crowd::new(&Mix::of_one(), 3);
    let users = UserProfile::new(stages).timeline(Duration::ZERO, &crowd, 0, 1);
    let mut population = Population::new(Growth::Staged { users, spawn: Spawn::AtOnce });
    population.handle_time(at(0));
    assert_eq!(created(&mut population), [0, 0]);
    for user in [0, 1] {
        population.handle_created(user, 0);
        population.handle_ready(user);
    }
    population.handle_finished(0);
    population.handle_gone(at(1_000), 0);
    population.handle_time(at(2_000));
    assert!(population.poll_create().is_none(), "its place stays empty");
    assert!(population.handle_between(at(12_000), 1), "of one there is none left");
    population.handle_gone(at(13_000), 1);
    assert!(!population.is_deserted(at(13_000)), "three are to be there, less one");
    population.handle_time(at(20_000));
    assert_eq!(created(&mut population), [0, 0]);
    for user in [2, 3] {
        population.handle_created(user, 0);
        population.handle_finished(user);
        population.handle_gone(at(30_000), user);
    }
    assert!(population.is_deserted(at(30_000)));
}

#[test]
fn on_demand_another_user_comes_for_one_that_ended_by_itself() {
    let growth = Growth::OnDemand { max_users: 1, spawn: Spawn::AtOnce };
    let mut population = Population::new(growth);
    population.handle_time(at(0));
    assert!(population.poll_create().is_some());
    population.handle_created(1, 0);
    population.handle_ready(1);
    population.handle_finished(1);
    population.handle_gone(at(100), 1);
    assert!(!population.is_deserted(at(100)));
    population.handle_shortage();
    population.handle_time(at(100));
    assert!(population.poll_create().is_some());
}

proptest! {
    #[test]
    fn the_parts_of_a_lag_are_its_whole(
        intended in 0u64..1_000,
        parked in 0u64..1_000,
        late in 0u64..1_000,
    ) {
        let actual = at(intended.max(parked) + late);
        let lag = Lag::of(at(intended), at(parked), actual);
        prop_assert_eq!(lag.user + lag.host, lag.total);
        prop_assert_eq!(lag.total, actual.since(at(intended)));
        prop_assert_eq!(lag.host, at(late).since(at(0)));
    }
}

/// A dispatcher among others, with two users that wait; every second slot is its own.
fn with_a_lease() -> Dispatcher {
    let cursor = Cursor::new(
        Timeline::new(Law::Constant(100.0)),
        Arrivals::Uniform,
        Stripe::WHOLE,
        RunInstant::NEVER,
        u64::MAX,
    );
    let growth = Growth::OnDemand { max_users: 2, spawn: Spawn::AtOnce };
    let mut dispatcher = Dispatcher::of_cluster(cursor, limits(growth));
    dispatcher.handle_orders(at(0), None, &[ShareTable::of_weights(0, &[(0, 1.0), (1, 1.0)])], 0);
    for user in [1, 2] {
        dispatcher.handle_created(at(0), user, 0);
        dispatcher.handle_parked(at(0), user);
    }
    actions(&mut dispatcher);
    dispatcher
}

fn slots(dispatcher: &mut Dispatcher) -> Vec<(u64, Option<UnsentCause>)> {
    let slot = |action: &Action| match *action {
        Action::Start { start, .. } => Some((start.slot, None)),
        Action::Unsent { due, cause } => Some((due.slot, Some(cause))),
        _ => None,
    };
    actions(dispatcher).iter().filter_map(slot).collect()
}

#[test]
fn without_a_lease_nothing_starts_and_what_was_missed_is_told() {
    let mut dispatcher = with_a_lease();
    dispatcher.handle_time(at(35_000));
    assert_eq!(slots(&mut dispatcher), []);
    dispatcher.handle_lease(at(45_000), 7);
    assert_eq!(slots(&mut dispatcher), [0, 2, 4].map(|slot| (slot, Some(UnsentCause::Lease))));
    dispatcher.handle_time(at(200_000));
    assert_eq!(slots(&mut dispatcher), [(6, None)], "a lease is for the slots below a number");
}

#[test]
fn at_the_end_of_a_lease_what_waits_is_given_up() {
    let mut dispatcher = with_a_lease();
    dispatcher.handle_lease(at(0), 1_000);
    dispatcher.handle_time(at(80_000));
    let mut overflow = Overflow::default();
    for action in actions(&mut dispatcher) {
        if let Action::Overflow(due) = action {
            overflow.push(due);
        }
    }
    assert_eq!(
        (overflow.len(), dispatcher.ledger().started, dispatcher.ledger().waiting),
        (2, 2, 1)
    );
    dispatcher.handle_lapse(at(80_500));
    assert!(dispatcher.wants_overflow(at(80_500), overflow.len()));
    dispatcher.serve(at(80_500), &mut overflow);
    assert_eq!(slots(&mut dispatcher), [8, 4, 6].map(|slot| (slot, Some(UnsentCause::Lease))));
    let ledger = dispatcher.ledger();
    assert_eq!(
        ledger.due + ledger.taken,
        ledger.started + ledger.unsent + ledger.given + ledger.waiting
    );
    assert_eq!(dispatcher.reached(), 9);
}

#[test]
fn slots_that_were_moved_away_meanwhile_are_not_missed() {
    let mut dispatcher = with_a_lease();
    dispatcher.handle_lease(at(0), 1_000);
    slots(&mut dispatcher);
    dispatcher.handle_lapse(at(5_000));
    let first = ShareTable::of_weights(0, &[(0, 1.0), (1, 1.0)]);
    let tables = [
        first.clone(),
        first.without(4, 0, &[(1, 1.0)]),
        ShareTable::of_weights(8, &[(0, 1.0), (1, 1.0)]),
    ];
    dispatcher.handle_orders(at(95_000), None, &tables, 0);
    dispatcher.handle_lease(at(95_000), 1_000);
    assert_eq!(
        slots(&mut dispatcher),
        [(2, Some(UnsentCause::Lease)), (8, Some(UnsentCause::Lease))]
    );
}
