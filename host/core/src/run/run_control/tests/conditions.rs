//! Conditions that end a run, or that a window of it breaks.

use super::*;

#[test]
fn a_condition_that_does_not_hold_ends_the_run_and_is_told_alone_and_on_nodes() {
    for crew in [Crew::Alone, Crew::Nodes(2)] {
        let mut world = World::new(
            &plan(|input| {
                input.duration = Some(secs(60));
                input.thresholds = vec!["error_rate < 10% over 3s abort".parse().unwrap()];
            }),
            crew,
        );
        world.run_until(ms(20_000));
        assert_eq!(world.deeds(), []);
        // From here on half of all fails; another control takes over in the middle of the window.
        world.capacity = 50.0;
        world.is_replaced_next = true;
        world.run_until(ms(30_000));
        assert_eq!(world.deeds()[0], (21_000, &Effect::End(EndOrder::Stopped)), "50 of 300");
        let outcome = world.close();
        let EndCause::Broken(broken) = &outcome.cause else { panic!("{:?}", outcome.cause) };
        assert_eq!((broken.at, broken.ends_run), (ms(21_000), true));
        assert_eq!(outcome.broken, std::slice::from_ref(broken));
        assert_eq!(outcome.measured, secs(21));
    }
}

#[test]
fn a_pause_breaks_no_threshold_and_a_run_that_is_over_by_itself_ends_so() {
    let mut world = World::alone(&plan(|input| {
        input.thresholds = vec!["throughput > 50/s over 2s abort".parse().unwrap()];
    }));
    world.run_until(ms(3_000));
    world.ask(Command::Pause(true));
    world.is_ending = true;
    world.run_until(ms(8_000));
    assert!(!world.control.is_ending(), "nothing was asked for");
    world.ask(Command::Pause(false));
    world.run_until(ms(10_200));
    let outcome = world.close();
    assert_eq!(outcome.cause, EndCause::Finished);
    assert!(!outcome.broken.is_empty(), "and the window that was broken at its end is told");
}
