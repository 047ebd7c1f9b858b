//! Searches for the highest rate that holds.

use super::*;

fn search(objectives: Vec<Objective>, most: Option<f64>, world: World) -> (SearchResult, f64) {
    let mut finder = Finder::new(
        objectives,
        DEFAULT_START,
        most,
        Duration::from_secs(10),
        Duration::from_secs(300),
    );
    let goals = finder.objectives().map(|objective| objective.goal).collect();
    let curve = fly(finder.rate(), goals, world, 400, |window, tallies| {
        let change = finder.on_window(window, tallies);
        if finder.doing() == Searching::Over {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(change)
        }
    });
    assert_eq!(finder.doing(), Searching::Over, "a search ends within its budget");
    (finder.found(), curve.last().unwrap().at)
}

#[test]
fn a_knee_is_found_within_a_minute() {
    let mut well = 0;
    for seed in 0..100 {
        let (found, seconds) = search(
            vec![latency(95.0, 200)],
            None,
            World::new(&[(0.0, Service::Knee { capacity: 5_000.0, seconds: 0.005 })], 0.1, seed),
        );
        let (held, broken) = (found.held.unwrap(), found.broken.as_ref().unwrap().0);
        assert_eq!(found.end, SearchEnd::Narrow);
        well += u32::from(
            held <= 5_000.0 && broken >= 5_000.0 && broken <= held * 1.1 && seconds <= 60.0,
        );
    }
    assert!(well >= 95, "{well} of 100");
}

#[test]
fn the_limit_of_each_law_lies_in_the_interval() {
    let within = |found: &SearchResult, limit: f64| {
        let (held, broken) = (found.held.unwrap(), found.broken.as_ref().unwrap().0);
        assert!(
            held <= limit * 1.01 && broken >= limit * 0.99 && broken <= held * 1.1,
            "{found:?}"
        );
    };
    within(
        &search(
            vec![latency(90.0, 130)],
            None,
            steady(Service::Linear { at: 2_000.0, seconds: 0.2 }),
        )
        .0,
        1_300.0,
    );
    within(
        &search(
            vec![error_rate(0.03)],
            None,
            steady(Service::Fails { capacity: 1_300.0, seconds: 0.02 }),
        )
        .0,
        1_340.0,
    );
    let jittery = World::new(&[(0.0, Service::Fails { capacity: 1_300.0, seconds: 0.2 })], 1.0, 1);
    within(&search(vec![error_rate(0.03)], None, jittery).0, 1_340.0);
    let slow = search(vec![latency(95.0, 4_000)], Some(900.0), steady(Service::Constant(3.0))).0;
    assert_eq!(
        (slow.end, slow.held),
        (SearchEnd::Most, Some(900.0)),
        "a service that takes long is not one that queues"
    );
    let noisy = World::new(&[(0.0, Service::Linear { at: 2_000.0, seconds: 0.2 / 3.602 })], 1.0, 1);
    within(&search(vec![latency(90.0, 130), error_rate(0.01)], None, noisy).0, 1_300.0);
}

#[test]
fn a_search_says_when_no_rate_holds_and_when_the_most_does() {
    let (found, _) = search(vec![error_rate(0.01)], None, steady(Service::Broken));
    assert_eq!((found.end, found.held), (SearchEnd::NoRate, None));
    let (found, _) = search(vec![latency(90.0, 100)], Some(200.0), steady(Service::Broken));
    assert_eq!(
        (found.end, found.held),
        (SearchEnd::NoRate, None),
        "errors that come at once are no short answers"
    );
    let (found, _) = search(vec![latency(90.0, 1)], None, steady(Service::Constant(0.05)));
    assert_eq!((found.end, found.held), (SearchEnd::NoRate, None), "{found:?}");
    let (found, _) =
        search(vec![latency(90.0, 100)], Some(2_000.0), steady(Service::Constant(0.01)));
    assert_eq!((found.end, found.held, found.broken), (SearchEnd::Most, Some(2_000.0), None));
}

#[test]
fn a_generator_that_cannot_begin_enough_is_what_is_found() {
    let mut finder = Finder::new(
        vec![latency(90.0, 100)],
        512.0,
        None,
        Duration::from_secs(10),
        Duration::from_secs(300),
    );
    assert_eq!(finder.found().end, SearchEnd::Stopped);
    for number in 1..=30 {
        let window = ControlWindow {
            until: RunInstant::START + WINDOW * number,
            length: WINDOW,
            begun: 50,
            generator_limited: number % 2 == 0,
        };
        finder.on_window(&window, &[Tally::default()]);
    }
    assert_eq!(finder.found().end, SearchEnd::Generator);
}
