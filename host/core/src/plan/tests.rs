use super::*;
use crate::dispatch::Dispatcher;
use crate::schedule::Stage;

fn rate(per_second: f64) -> Option<Rate> {
    Some(Rate::new(per_second).unwrap())
}

fn warmup(seconds: u64) -> Option<WarmUp> {
    Some(WarmUp::For(Duration::from_secs(seconds)))
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

const fn ms(ms: u64) -> RunInstant {
    RunInstant::from_nanos(ms * 1_000_000)
}

fn stage(over: u64, to: f64) -> Stage {
    Stage { over: Duration::from_secs(over), to }
}

fn tps() -> PlanInput {
    PlanInput { tps: rate(5_000.0), ..PlanInput::default() }
}

fn vus() -> PlanInput {
    PlanInput { vus: Some(10), ..PlanInput::default() }
}

fn refusal(input: PlanInput) -> String {
    Plan::new(input).expect_err("it is refused").to_string()
}

#[test]
fn a_rate_alone_is_an_open_model_with_users_on_demand() {
    let plan = Plan::new(tps()).unwrap();
    let profile = Profile::constant(rate(5_000.0).unwrap());
    assert_eq!(
        plan.load,
        LoadModel::Transactions { profile, users: Users::OnDemand { max: 10_000 } }
    );
    assert_eq!(
        (plan.max_lag, plan.grace, plan.warm_up),
        (DEFAULT_MAX_LAG, DEFAULT_GRACE, Duration::ZERO)
    );
    assert_eq!((plan.measured_from(), plan.end()), (RunInstant::START, RunInstant::NEVER));
    assert_eq!((plan.spawn, plan.share), (Spawn::AtOnce, Stripe::WHOLE));
}

#[test]
fn the_default_of_users_is_what_fits_and_at_most_ten_thousand() {
    for (room, most) in [(None, 10_000), (Some(700), 700), (Some(50_000), 10_000), (Some(0), 1)] {
        assert_eq!(Plan::new(PlanInput { room, ..tps() }).unwrap().most_users(), most);
    }
    assert_eq!(
        Plan::new(PlanInput { room: Some(700), max_vus: Some(900), ..tps() }).unwrap().most_users(),
        900
    );
}

#[test]
fn users_that_take_long_to_make_are_made_before_the_first_start() {
    let ahead = |input, micros, workers| {
        Plan::new(input).unwrap().users_ahead(Duration::from_micros(micros), workers)
    };
    assert_eq!(ahead(tps(), 900, 2), 0, "made while their slots are due");
    assert_eq!(ahead(tps(), 1_000, 2), 500, "those of the first 100 ms");
    assert_eq!(ahead(PlanInput { max_vus: Some(20), ..tps() }, 1_000, 2), 20);
    assert_eq!(ahead(PlanInput { tps: rate(2.0), ..PlanInput::default() }, 1_000, 4), 4);
    assert_eq!(ahead(vus(), 20_000, 2), 10);
    assert_eq!(ahead(PlanInput { vus: Some(5_000), ..vus() }, 20_000, 2), 500, "ten seconds");
    assert_eq!(ahead(PlanInput { has_start: true, ..vus() }, 20_000, 2), 0, "each reaches it");
    // A ramp from nothing has few starts at first.
    let stages = vec![stage(30, 1_000.0)];
    assert_eq!(ahead(PlanInput { stages, ..PlanInput::default() }, 1_000, 2), 2);
}

#[test]
fn each_way_to_ask_gives_its_load_model() {
    let load = |input| Plan::new(input).unwrap().load;
    assert!(matches!(
        load(PlanInput { rate: rate(5.0), ..PlanInput::default() }),
        LoadModel::Iterations { users: Users::OnDemand { .. }, .. }
    ));
    assert!(matches!(load(vus()), LoadModel::Closed { users: 10 }));
    assert!(matches!(
        load(PlanInput { tps: rate(5.0), ..vus() }),
        LoadModel::Transactions { users: Users::Exactly(10), .. }
    ));
    assert!(matches!(
        load(PlanInput { rate: rate(5.0), ..vus() }),
        LoadModel::Iterations { users: Users::Exactly(10), .. }
    ));
    let stages = vec![stage(30, 1_000.0)];
    assert!(matches!(
        load(PlanInput { stages, ..PlanInput::default() }),
        LoadModel::Transactions { users: Users::OnDemand { .. }, .. }
    ));
}

#[test]
fn stages_measure_as_long_as_they_take_unless_told_to_go_on() {
    let staged =
        PlanInput { stages: vec![stage(30, 1_000.0), stage(60, 0.0)], warmup: warmup(5), ..tps() };
    let plan = Plan::new(staged.clone()).unwrap();
    assert_eq!(
        (plan.measured_from(), plan.end()),
        (RunInstant::START + Duration::from_secs(5), RunInstant::START + Duration::from_secs(95))
    );
    let longer = Plan::new(PlanInput { duration: seconds(100), ..staged }).unwrap();
    assert_eq!(longer.stop.measured, seconds(100));
}

#[test]
fn contradictions_are_refused_with_both_keys_their_values_and_a_cure() {
    let cases = [
        (
            PlanInput { rate: rate(300.0), ..tps() },
            "tps 5,000/s and rate 300/s contradict each other; pace either transactions (tps) or \
            iterations (rate)",
        ),
        (
            PlanInput { max_vus: Some(2_000), ..vus() },
            "vus 10 and max_vus 2,000 contradict each other; ",
        ),
        (
            PlanInput { stages: vec![stage(30, 1_000.0)], ..vus() },
            "vus 10 and stage 30s:1,000/s contradict each other; ",
        ),
        (
            PlanInput { coalesce: Some(Duration::from_millis(1)), ..vus() },
            "vus 10 and coalesce 1ms contradict each other; ",
        ),
        (
            PlanInput { coalesce: Some(Duration::from_millis(11)), ..tps() },
            "coalesce 11ms is out of range; ",
        ),
        (
            PlanInput { max_lag: seconds(5), ..vus() },
            "vus 10 and max_lag 5s contradict each other; ",
        ),
        (
            PlanInput { poisson: true, ..vus() },
            "vus 10 and arrivals poisson contradict each other; ",
        ),
        (
            PlanInput { max_vus: Some(5), ..PlanInput::default() },
            "max_vus 5 and no rate contradict each other; ",
        ),
        (
            PlanInput { stages: vec![stage(30, 10.0)], warmup: warmup(9), ..PlanInput::default() },
            "warmup 9s and stage 30s:10.0/s contradict",
        ),
        (
            PlanInput {
                stages: vec![stage(30, 10.0), stage(90, 5.0)],
                duration: seconds(60),
                ..tps()
            },
            "duration 1m and stages of 2m contradict",
        ),
    ];
    for (input, message) in cases {
        let told = refusal(input);
        assert!(told.starts_with(message), "{told}");
    }
}

fn shape(text: &str) -> PlanInput {
    PlanInput { shape: Some(text.parse().unwrap()), duration: seconds(60), ..PlanInput::default() }
}

#[test]
fn a_shape_says_the_rate_from_the_end_of_the_warm_up_on() {
    let plan = Plan::new(PlanInput { warmup: warmup(10), ..shape("100 + t") }).unwrap();
    assert!(matches!(
        plan.load,
        LoadModel::Transactions { users: Users::OnDemand { max: 10_000 }, .. }
    ));
    let timeline = plan.timeline().unwrap();
    let rate = |second| timeline.rate_at(RunInstant::START + Duration::from_secs(second));
    assert_eq!([5, 10, 40, 69].map(|second| rate(second).round()), [100.0, 100.0, 130.0, 159.0]);
    assert_eq!((plan.stop.measured, plan.shape), (seconds(60), Some("100 + t".parse().unwrap())));
    let most = Plan::new(PlanInput { max_vus: Some(7), ..shape("5") }).unwrap().most_users();
    assert_eq!(most, 7);
}

fn burst() -> PlanInput {
    PlanInput { burst: Some("500/10s".parse().unwrap()), ..PlanInput::default() }
}

#[test]
fn bursts_go_on_until_something_ends_them() {
    let plan = Plan::new(PlanInput { warmup: warmup(15), max_vus: Some(7), ..burst() }).unwrap();
    assert!(matches!(plan.load, LoadModel::Transactions { users: Users::OnDemand { max: 7 }, .. }));
    assert!(plan.lasts_until_stopped());
    let mut cursor = plan.cursor(0, 1).unwrap();
    let first = std::iter::from_fn(|| cursor.pop()).nth(999).unwrap();
    assert_eq!(first.intended, RunInstant::START + Duration::from_secs(15));
}

fn vus_shape(text: &str) -> PlanInput {
    PlanInput {
        vus_shape: Some(text.parse().unwrap()),
        duration: seconds(60),
        ..PlanInput::default()
    }
}

#[test]
fn a_formula_of_users_is_stages_of_whole_users() {
    let plan = Plan::new(PlanInput { warmup: warmup(10), ..vus_shape("20.4 + t/2") }).unwrap();
    assert_eq!((plan.most_users(), plan.first_users()), (50, 20));
    assert_eq!(plan.stop.measured, seconds(60));
    let LoadModel::ClosedStages { profile } = &plan.load else { panic!("{:?}", plan.load) };
    let timeline = profile.timeline(plan.warm_up, &plan.crowd, 0, 1);
    let users = |second| timeline.users_at(RunInstant::START + Duration::from_secs(second))[0];
    assert_eq!([0, 10, 40, 70].map(users), [20, 20, 35, 50]);
}

#[test]
fn a_shape_stands_alone_and_has_a_length() {
    let cases = [
        (PlanInput { tps: rate(5.0), ..vus_shape("t") }, "vus_shape t and tps 5.00/s contradict"),
        (PlanInput { vus: Some(5), ..vus_shape("t") }, "vus_shape t and vus 5 contradict"),
        (PlanInput { shape: shape("5").shape, ..vus_shape("t") }, "vus_shape t and shape 5 contra"),
        (
            PlanInput { vus_stages: users(&["9s:1"]).vus_stages, ..vus_shape("t") },
            "vus_stage 9s:1 and vus_shape t contradict",
        ),
        (PlanInput { duration: None, ..vus_shape("t") }, "vus_shape t and no duration contradict"),
        (PlanInput { warmup: warmup(5), ..vus_shape("t/9") }, "warmup 5s and vus_shape t/9"),
        (vus_shape("0.3"), "vus_shape 0.3: it is zero all the time"),
        (vus_shape("2M"), "vus_shape 2M: it is above 1,000,000 from t = 0 on"),
        (PlanInput { tps: rate(5.0), ..burst() }, "burst 500/10s and tps 5.00/s contradict"),
        (PlanInput { vus: Some(5), ..burst() }, "burst 500/10s and vus 5 contradict"),
        (PlanInput { stages: vec![stage(9, 1.0)], ..burst() }, "burst 500/10s and stage 9s:1.00/s"),
        (PlanInput { objectives: vec![p95()], ..burst() }, "burst 500/10s and latency p95=200ms"),
        (PlanInput { poisson: true, ..burst() }, "burst 500/10s and arrivals poisson contradict"),
        (PlanInput { burst: burst().burst, ..shape("5") }, "shape 5 and burst 500/10s contradict"),
        (
            PlanInput {
                warmup: Some(WarmUp::UntilSteady { most: Duration::from_secs(20) }),
                ..burst()
            },
            "warmup auto:20s and burst 500/10s contradict",
        ),
        (PlanInput { tps: rate(5.0), ..shape("t") }, "shape t and tps 5.00/s contradict"),
        (PlanInput { rate: rate(5.0), ..shape("t") }, "shape t and rate 5.00/s contradict"),
        (PlanInput { vus: Some(5), ..shape("t") }, "shape t and vus 5 contradict"),
        (PlanInput { stages: vec![stage(9, 1.0)], ..shape("t") }, "shape t and stage 9s:1.00/s"),
        (
            PlanInput { objectives: vec![p95()], ..shape("t") },
            "shape t and latency p95=200ms contradict",
        ),
        (PlanInput { duration: None, ..shape("t") }, "shape t and no duration contradict"),
        (PlanInput { warmup: warmup(5), ..shape("t") }, "warmup 5s and shape t contradict"),
        (
            PlanInput {
                warmup: Some(WarmUp::UntilSteady { most: Duration::from_secs(20) }),
                ..shape("5 + t")
            },
            "warmup auto:20s and shape 5 + t contradict",
        ),
        (shape("30 - t"), "shape 30 - t: it is below zero from t = 30 on; "),
        (shape("t/0"), "shape t/0: it is above 10,000,000 from t = 0 on; "),
    ];
    for (input, message) in cases {
        let told = refusal(input);
        assert!(told.starts_with(message), "{told}");
    }
}

#[test]
fn each_user_s_iterations_make_the_iterations_of_all() {
    let plan = Plan::new(PlanInput { iterations_per_vu: Some(5), ..vus() }).unwrap();
    assert_eq!(plan.load, LoadModel::Closed { users: 10 });
    assert_eq!((plan.stop.iterations, plan.own_iterations()), (Some(50), Some(50)));
    assert_eq!((plan.shared_iterations(), plan.lasts_until_stopped()), (None, false));
    let table = ShareTable::of_weights(0, &[(0, 3.0), (1, 7.0)]);
    let part = plan.part(Some(&table), 0, 2);
    assert_eq!(part.own_iterations(), Some(15), "those of the node's three users");
    let shared = Plan::new(PlanInput { iterations: Some(50), ..vus() }).unwrap();
    assert_eq!((shared.shared_iterations(), shared.own_iterations()), (Some(50), None));
}

#[test]
fn iterations_of_each_user_are_refused_beside_what_else_begins_or_counts_them() {
    let each = PlanInput { iterations_per_vu: Some(5), ..vus() };
    for (other, words) in [
        (PlanInput { tps: rate(9.0), ..each.clone() }, "tps 9"),
        (PlanInput { rate: rate(9.0), ..each.clone() }, "rate 9"),
        (PlanInput { stages: vec![stage(1, 5.0)], ..each.clone() }, "stage 1s:5"),
        (PlanInput { objectives: vec![p95()], ..each.clone() }, "latency p95"),
        (PlanInput { iterations: Some(70), ..each.clone() }, "iterations 70"),
        (PlanInput { vus: None, ..each.clone() }, "no vus"),
        (PlanInput { max_vus: Some(7), ..each.clone() }, "max_vus 7"),
    ] {
        let told = refusal(other);
        assert!(told.contains(words) && told.contains("contradict each other; "), "{told}");
    }
    for none in [0, u64::MAX / 2] {
        let told = refusal(PlanInput { iterations_per_vu: Some(none), ..each.clone() });
        assert!(told.starts_with("iterations_per_vu ") && told.contains("at least 1"), "{told}");
    }
}

fn users(stages: &[&str]) -> PlanInput {
    let stages = stages.iter().map(|stage| stage.parse().expect("a stage")).collect();
    PlanInput { vus_stages: stages, ..PlanInput::default() }
}

#[test]
fn stages_of_users_are_a_closed_model_that_lasts_as_long_as_they_take() {
    let plan = Plan::new(users(&["0s:4", "30s:50", "10s:0"])).unwrap();
    assert!(matches!(plan.load, LoadModel::ClosedStages { .. }) && plan.timeline().is_none());
    assert_eq!((plan.first_users(), plan.most_users()), (4, 50));
    assert_eq!(plan.end(), RunInstant::START + Duration::from_secs(40));
    assert_eq!(plan.users_ahead(Duration::from_millis(1), 2), 4, "those of the first instant");
    let longer = PlanInput { duration: seconds(100), ..users(&["30s:50"]) };
    assert_eq!(Plan::new(longer).unwrap().stop.measured, seconds(100));
    let warm = PlanInput { warmup: warmup(5), ..users(&["0s:4", "30s:50"]) };
    assert_eq!(Plan::new(warm).unwrap().end(), RunInstant::START + Duration::from_secs(35));
    for worker in [0, 1] {
        let growth = plan.growth(worker, 2);
        assert!(matches!(growth, Growth::Staged { users, .. } if users.users_at(ms(0)) == [2]));
    }
}

#[test]
fn stages_of_users_are_refused_beside_what_else_says_how_much_there_is() {
    let staged = users(&["30s:50"]);
    let refused = [
        (PlanInput { tps: rate(9.0), ..staged.clone() }, "vus_stage 30s:50 and tps 9"),
        (PlanInput { rate: rate(9.0), ..staged.clone() }, "vus_stage 30s:50 and rate 9"),
        (PlanInput { stages: vec![stage(1, 5.0)], ..staged.clone() }, "50 and stage 1s:5"),
        (PlanInput { objectives: vec![p95()], ..staged.clone() }, "50 and latency p95"),
        (PlanInput { vus: Some(7), ..staged.clone() }, "vus_stage 30s:50 and vus 7"),
        (PlanInput { max_vus: Some(7), ..staged.clone() }, "vus_stage 30s:50 and max_vus 7"),
        (PlanInput { iterations_per_vu: Some(7), ..staged.clone() }, "and iterations_per_vu 7"),
        (PlanInput { max_lag: seconds(5), ..staged.clone() }, "vus_stage 30s:50 and max_lag 5s"),
        (PlanInput { poisson: true, ..staged.clone() }, "vus_stage 30s:50 and arrivals poisson"),
        (PlanInput { warmup: warmup(9), ..staged.clone() }, "warmup 9s and vus_stage 30s:50"),
        (PlanInput { duration: seconds(9), ..staged }, "duration 9s and stages of 30s"),
        (users(&["0s:5"]), "vus_stage 0s is out of range; give at least one stage a duration"),
        (users(&["5s:0"]), "vus_stage 0 is out of range; lead to a number of users from 1"),
        (users(&["5s:2M"]), "vus_stage 2,000,000 is out of range; "),
    ];
    for (input, words) in refused {
        let told = refusal(input);
        assert!(told.contains(words), "{told}");
    }
    let steady = Some(WarmUp::UntilSteady { most: Duration::from_secs(20) });
    let told = refusal(PlanInput { warmup: steady, ..users(&["0s:5", "9s:9"]) });
    assert!(told.contains("known beforehand"), "{told}");
}

#[test]
fn zero_and_absurd_numbers_are_refused() {
    let cases = [
        (
            PlanInput { vus: Some(0), ..vus() },
            "vus 0 is out of range; give a number from 1 to 1,000,000",
        ),
        (PlanInput { vus: Some(2_000_000), ..vus() }, "vus 2,000,000 is out of range; "),
        (PlanInput { max_vus: Some(0), ..tps() }, "max_vus 0 is out of range; "),
        (PlanInput { iterations: Some(0), ..tps() }, "iterations 0 is out of range; "),
        (PlanInput { duration: seconds(0), ..tps() }, "duration 0s is out of range; "),
        (PlanInput { stages: vec![stage(0, 9.0)], ..tps() }, "stage 0s is out of range; "),
        (
            PlanInput { stages: vec![stage(9, 0.0)], ..PlanInput::default() },
            "stage 0/s is out of range; ",
        ),
    ];
    for (input, message) in cases {
        let told = refusal(input);
        assert!(told.starts_with(message), "{told}");
    }
    assert!(
        refusal(PlanInput::default()).starts_with("nothing says how much load to drive; give tps")
    );
}

#[test]
fn users_are_created_at_a_rate_where_that_reaches_the_service_or_was_asked_for() {
    assert_eq!(
        Plan::new(PlanInput { has_start: true, ..tps() }).unwrap().spawn,
        Spawn::At(rate(100.0).unwrap())
    );
    assert_eq!(
        Plan::new(PlanInput { spawn_rate: rate(7.0), ..tps() }).unwrap().spawn,
        Spawn::At(rate(7.0).unwrap())
    );
}

#[test]
fn workers_together_have_all_users_all_slots_and_the_whole_spawn_rate() {
    let input = PlanInput {
        vus: Some(11),
        tps: rate(100.0),
        duration: seconds(1),
        spawn_rate: rate(9.0),
        ..PlanInput::default()
    };
    let plan = Plan::new(input).unwrap();
    let (mut users, mut slots, mut spawned) = (0, Vec::new(), 0.0);
    for worker in 0..3 {
        let Growth::Exactly { users: part, spawn: Spawn::At(rate) } = plan.growth(worker, 3) else {
            panic!("an exact number at a rate")
        };
        (users, spawned) = (users + part[0], spawned + rate.per_second());
        let mut cursor = plan.cursor(worker, 3).unwrap();
        slots.extend(std::iter::from_fn(|| cursor.pop()).map(|due| due.slot));
        assert_eq!(
            Dispatcher::new(plan.cursor(worker, 3).unwrap(), plan.limits(worker, 3)).users(),
            0
        );
    }
    slots.sort_unstable();
    assert_eq!((users, spawned), (11, 9.0));
    assert_eq!(slots, (0..100).collect::<Vec<_>>());
    assert!(Plan::new(vus()).unwrap().cursor(0, 1).is_none());
}

fn scenarios(weights: &[f64]) -> Vec<WeightedScenario> {
    let names = ["browse", "order", "pay"];
    let one = |(name, weight): (&&str, &f64)| WeightedScenario {
        name: (*name).to_owned(),
        weight: *weight,
    };
    names.iter().zip(weights).map(one).collect()
}

#[test]
fn users_of_several_scenarios_are_dealt_by_weight_over_threads_and_nodes() {
    let input = PlanInput { vus: Some(40), scenarios: scenarios(&[3.0, 1.0]), ..vus() };
    let plan = Plan::new(input).unwrap();
    let of_worker = |plan: &Plan, worker| match plan.growth(worker, 2) {
        Growth::Exactly { users, .. } => users,
        other => panic!("{other:?}"),
    };
    assert_eq!([0, 1].map(|worker| of_worker(&plan, worker)), [[15, 5], [15, 5]]);
    let table = ShareTable::of_weights(0, &[(0, 1.0), (1, 1.0)]);
    let node = plan.part(Some(&table), 1, 2);
    assert_eq!((node.load.exact_users(), node.most_users()), (Some(20), 20));
    let parts = [0, 1].map(|worker| of_worker(&node, worker));
    assert_eq!((parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]), (15, 5));
    assert_eq!(plan.part(None, 7, 2).most_users(), 0, "who is in no table has no users");
    let staged = PlanInput { scenarios: scenarios(&[1.0, 1.0]), ..users(&["0s:4", "9s:8"]) };
    let staged = Plan::new(staged).unwrap().part(Some(&table), 0, 2);
    assert_eq!((staged.first_users(), staged.most_users()), (2, 4));
}

#[test]
fn weights_are_refused_where_they_are_none_or_nobody_could_keep_to_them() {
    let mixed = |weights: &[f64]| PlanInput { scenarios: scenarios(weights), ..vus() };
    let refused = [
        (mixed(&[3.0, 0.0]), "scenario order=0 is out of range; give a weight above 0"),
        (mixed(&[f64::NAN, 1.0]), "scenario browse=NaN is out of range; "),
        (mixed(&[1.0, -2.0]), "scenario order=-2 is out of range; "),
        (mixed(&[1e300, 1e300]), "is out of range; give a weight above 0 and of at most"),
        (
            PlanInput { vus: Some(2), ..mixed(&[3.0, 1.0]) },
            "scenario order=1 has none of 2 users by its weight; give at least 3, or raise",
        ),
        (
            PlanInput { vus: Some(2), ..mixed(&[1e6, 0.5]) },
            "scenario order=0.5 has none of 2 users by its weight; raise its weight",
        ),
        (PlanInput { vus: None, tps: rate(9.0), ..mixed(&[1.0, 1.0]) }, "browse=1 and tps 9"),
        (PlanInput { vus: None, rate: rate(9.0), ..mixed(&[1.0, 1.0]) }, "browse=1 and rate 9"),
        (PlanInput { vus: None, max_vus: Some(9), ..mixed(&[1.0, 1.0]) }, "and max_vus 9"),
        (PlanInput { vus: None, scenarios: scenarios(&[1.0, 1.0]), ..holding(p95()) }, "latency"),
        (PlanInput { vus: None, ..mixed(&[1.0, 1.0]) }, "nothing says how much load to drive"),
        (PlanInput { burst: "9/1s".parse().ok(), ..mixed(&[1.0, 1.0]) }, "or a run for each"),
    ];
    for (input, words) in refused {
        let told = refusal(input);
        assert!(told.contains(words), "{told}");
    }
    for input in [
        PlanInput { tps: rate(9.0), vus: Some(5), ..mixed(&[3.0, 1.0]) },
        PlanInput { rate: rate(9.0), vus: Some(5), ..mixed(&[3.0, 1.0]) },
        PlanInput { tps: rate(9.0), vus: Some(5), objectives: vec![p95()], ..mixed(&[1.0, 2.0]) },
        PlanInput { vus: None, tps: rate(9.0), ..mixed(&[3.0]) },
    ] {
        Plan::new(input).expect("it can be run");
    }
}

fn holding(objective: Objective) -> PlanInput {
    PlanInput { objectives: vec![objective], ..PlanInput::default() }
}

fn p95() -> Objective {
    Objective::latency("p95=200ms").unwrap()
}

#[test]
fn objectives_begin_low_and_have_the_rate_as_their_most() {
    let plan = |input| Plan::new(input).unwrap();
    let opening = |plan: &Plan| match &plan.load {
        LoadModel::Transactions { profile: Profile::Stages { opening, .. }, .. } => {
            opening.unwrap().per_second()
        }
        other => panic!("{other:?}"),
    };
    let alone = plan(holding(p95()));
    assert_eq!((opening(&alone), alone.control.as_ref().unwrap().target), (512.0, None));
    let bounded = plan(PlanInput { tps: rate(5_000.0), ..holding(p95()) });
    assert_eq!(
        (opening(&bounded), bounded.control.as_ref().unwrap().target),
        (512.0, Some(5_000.0))
    );
    assert_eq!(opening(&plan(PlanInput { tps: rate(100.0), ..holding(p95()) })), 100.0);
    assert_eq!(opening(&plan(PlanInput { start_tps: rate(20.0), ..holding(p95()) })), 20.0);
    assert_eq!(plan(tps()).control, None);
    assert!(matches!(
        plan(PlanInput { tps: rate(5.0), vus: Some(3), ..holding(p95()) }).load,
        LoadModel::Transactions { users: Users::Exactly(3), .. }
    ));
    assert_eq!(plan(PlanInput { max_vus: Some(7), ..holding(p95()) }).most_users(), 7);
}

#[test]
fn objectives_that_nothing_can_control_are_refused_with_both_keys() {
    let says = |input, parts: &[&str]| {
        let refusal = refusal(input);
        assert!(parts.iter().all(|part| refusal.contains(part)), "{refusal}");
    };
    says(
        PlanInput { rate: rate(5.0), ..holding(p95()) },
        &["rate 5", "latency p95=200ms", "give tps"],
    );
    says(PlanInput { stages: vec![stage(1, 5.0)], ..holding(p95()) }, &["stage 1s:5", "latency"]);
    says(
        PlanInput { vus: Some(3), ..holding(Objective::error_rate("1%").unwrap()) },
        &["vus 3", "error_rate 1%", "max_vus"],
    );
    says(PlanInput { start_tps: rate(50.0), ..tps() }, &["start_tps 50", "no objective"]);
    says(
        PlanInput { start_tps: rate(50.0), tps: rate(20.0), ..holding(p95()) },
        &["start_tps 50", "tps 20"],
    );
}

#[test]
fn a_search_needs_an_objective_and_an_end_of_its_own() {
    let search = Some(Search { hold: Duration::from_secs(10), budget: Duration::from_secs(60) });
    let plan = Plan::new(PlanInput { search, ..holding(p95()) }).unwrap();
    assert!(plan.control.as_ref().unwrap().finder().is_some() && plan.end() == RunInstant::NEVER);
    let says = |input, part: &str| assert!(refusal(input).contains(part), "{part}");
    says(PlanInput { search, ..tps() }, "what is to hold");
    says(PlanInput { search, duration: seconds(5), ..holding(p95()) }, "duration 5s and hold 10s");
    says(PlanInput { search, warmup: warmup(5), ..holding(p95()) }, "warmup 5s and hold 10s");
    says(PlanInput { search, iterations: Some(5), ..holding(p95()) }, "iterations 5 and hold 10s");
    let odd = |hold, budget| {
        Some(Search { hold: Duration::from_secs(hold), budget: Duration::from_secs(budget) })
    };
    says(PlanInput { search: odd(1, 60), ..holding(p95()) }, "hold 1s is out of range");
    says(PlanInput { search: odd(30, 40), ..holding(p95()) }, "budget 40s is out of range");
    says(
        PlanInput { search: odd(5, 40), ..holding(Objective::latency("p95=3s").unwrap()) },
        "twice the longest latency",
    );
}

#[test]
fn a_warm_up_is_a_time_or_ends_by_itself() {
    assert_eq!("30s".parse(), Ok(WarmUp::For(Duration::from_secs(30))));
    assert_eq!("auto".parse(), Ok(WarmUp::UntilSteady { most: DEFAULT_MAX_WARM_UP }));
    assert_eq!("auto:2m".parse(), Ok(WarmUp::UntilSteady { most: Duration::from_secs(120) }));
    for wrong in ["automatic", "auto:", "auto:soon", ""] {
        assert!(wrong.parse::<WarmUp>().is_err(), "{wrong}");
    }
    let steady = Some(WarmUp::UntilSteady { most: Duration::from_secs(20) });
    let plan = Plan::new(PlanInput { warmup: steady, ..tps() }).expect("it can be run");
    assert_eq!((plan.warm_up, plan.warm_up_ends_when_steady), (Duration::from_secs(20), true));
    let staged = refusal(PlanInput { stages: vec![stage(30, 1_000.0)], warmup: steady, ..tps() });
    assert!(staged.contains("warmup auto:20s and stage"), "{staged}");
}

#[test]
fn hosts_share_an_exact_number_of_users_and_each_may_have_its_part_of_the_most() {
    let table = |hosts: Owner| {
        let weights: Vec<(Owner, f64)> = (0..hosts).map(|host| (host, 1.0)).collect();
        ShareTable::of_weights(0, &weights)
    };
    let closed = Plan::new(PlanInput { vus: Some(100), ..vus() }).unwrap();
    let parts = [0, 1, 2].map(|host| closed.part(Some(&table(3)), host, 3).load);
    assert_eq!(parts, [34, 33, 33].map(|users| LoadModel::Closed { users }));
    let open = Plan::new(PlanInput { max_vus: Some(10), ..tps() }).unwrap();
    let most = |hosts, host| open.part(Some(&table(hosts)), host, 4).most_users();
    assert_eq!([most(2, 0), most(2, 2), most(1, 0)], [5, 3, 10]);
}
