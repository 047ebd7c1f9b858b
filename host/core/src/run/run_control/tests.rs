//! Runs on virtual time: the control of a run on one side, a service that bears so much on the
//! other.

mod conditions;

use super::*;
use crate::control::{Limiter, Objective, SearchEnd, Tally, Watch};
use crate::plan::{PlanInput, Search, WarmUp};
use crate::record::{Figures, Outcomes};
use crate::run::{CpuRecord, Pace, SetPoint};
use crate::schedule::{Course, Stage};
use crate::units::Rate;

const WINDOW: Duration = Duration::from_millis(200);
/// How long the service takes.
const ANSWER: Duration = Duration::from_millis(20);

fn ms(ms: u64) -> RunInstant {
    RunInstant::START + Duration::from_millis(ms)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A plan of a hundred transactions a second for ten seconds, but for what is changed.
fn plan(change: impl FnOnce(&mut PlanInput)) -> Plan {
    let mut input = PlanInput {
        tps: Rate::new(100.0),
        duration: Some(secs(10)),
        grace: Some(secs(5)),
        ..PlanInput::default()
    };
    change(&mut input);
    Plan::new(input).expect("a plan that can be run")
}

fn errors_within_a_percent(input: &mut PlanInput) {
    input.objectives = vec![Objective::error_rate("1%").expect("an objective")];
}

/// Who generates the load.
#[derive(Clone, Copy, PartialEq)]
enum Crew {
    /// A worker of this machine.
    Alone,
    /// So many nodes.
    Nodes(u64),
}

/// Those who generate the load, and the service.
struct World {
    crew: Crew,
    control: RunControl,
    now: RunInstant,
    rate: f64,
    profile_rate: f64,
    watch: Watch,
    measured_from: RunInstant,
    is_ending: bool,
    /// So many a second the service bears; what goes beyond fails.
    capacity: f64,
    /// So many of what begins fail before they have begun a transaction.
    is_broken: bool,
    restarts: u64,
    begun: f64,
    users: u64,
    iterations: Option<IterationsOver>,
    effects: Vec<(RunInstant, Effect)>,
    looks: Vec<(RunInstant, u64, bool)>,
    /// When the run is to end, and when what is under way is cut, as the last look says.
    ends: (Option<Duration>, Option<Duration>),
    /// Whether another control takes over before anybody has done or shown what this one says next.
    is_replaced_next: bool,
}

impl World {
    fn new(plan: &Plan, crew: Crew) -> Self {
        let (senders, room) =
            if let Crew::Nodes(nodes) = crew { (nodes as usize, None) } else { (1, Some(50)) };
        let rate = plan.timeline().map_or(0.0, |timeline| timeline.rate_at(plan.measured_from()));
        let goal = plan.control.as_ref().map(|control| control.objectives[0].goal);
        let mut world = Self {
            crew,
            control: RunControl::new(plan, senders, room),
            now: RunInstant::START,
            rate,
            profile_rate: rate,
            watch: Watch::new(
                goal.unwrap_or(crate::control::Goal::Latency { percent: 95.0, limit: secs(1) }),
            ),
            measured_from: plan.measured_from(),
            is_ending: false,
            capacity: f64::INFINITY,
            is_broken: false,
            restarts: 0,
            begun: 0.0,
            users: 10,
            iterations: None,
            effects: Vec::new(),
            looks: Vec::new(),
            ends: (None, None),
            is_replaced_next: false,
        };
        world.tell_places();
        world
    }

    fn alone(plan: &Plan) -> Self {
        Self::new(plan, Crew::Alone)
    }

    fn tell_places(&mut self) {
        if let Crew::Nodes(nodes) = self.crew {
            let place = |id| NodePlace {
                id: NodeId(id),
                name: format!("node {id}"),
                share: 1.0 / nodes as f64,
                is_present: true,
                has_left: false,
            };
            self.control.handle_places(self.now, (0..nodes).map(place).collect());
        }
    }

    /// One window, counted and told, and what the control makes of it.
    fn step(&mut self) {
        let from = self.now;
        self.now = from + WINDOW;
        let (counted, flowed) = self.generate(from);
        match self.crew {
            Crew::Alone => self.control.handle_window(&counted, &flowed),
            Crew::Nodes(nodes) => {
                // The first has counted all of it.
                self.control.handle_flowed(&flowed);
                (1..nodes).for_each(|_| self.control.handle_flowed(&Flowed::default()));
                self.control.handle_counts(NodeId(0), &self.counts(counted));
            }
        }
        let users = if self.crew == Crew::Alone { self.users } else { 0 };
        let here = LocalFacts { users, iterations: self.iterations };
        self.control.handle_time(self.now, here);
        if std::mem::take(&mut self.is_replaced_next) {
            self.replace();
        }
        self.follow();
    }

    /// The control goes, and one that knows what it knew takes its place.
    fn replace(&mut self) {
        let bytes = postcard::to_stdvec(&self.control.snapshot()).unwrap();
        self.control = RunControl::restore(postcard::from_bytes(&bytes).unwrap());
    }

    fn counts(&self, counted: Snapshot) -> NodeCounts {
        let cpu = CpuRecord { seconds: self.now.as_secs_f64(), ..CpuRecord::default() };
        NodeCounts {
            counted,
            users: self.users,
            users_at_once: self.users,
            requests_written: self.begun as u64,
            last_end: Some(self.now),
            slots: self.begun as u64,
            machine: MachineRecord { cores: 4, most_resident_bytes: Some(1 << 20), cpu },
            acted: Vec::new(),
        }
    }

    fn generate(&mut self, from: RunInstant) -> (Snapshot, Flowed) {
        let mut counted = Snapshot::default();
        if self.is_broken {
            counted.measured.iterations.failed = 50;
            counted.users.start_errors.add("no such table", 50);
        }
        let before = self.begun;
        if !self.is_ending && !self.is_broken {
            self.begun += self.rate * WINDOW.as_secs_f64();
        }
        let starts = self.begun as u64 - before as u64;
        let failing = ((self.rate - self.capacity) / self.rate).max(0.0);
        let mut part = Figures::default();
        for start in 0..starts {
            let at = from + WINDOW * start as u32 / starts as u32;
            let fails = (start as f64 * failing).fract() + failing > 1.0 - 1e-9;
            self.watch.starting(at, from, at);
            self.watch.begun();
            self.watch.ended(at, at + ANSWER, Some(!fails));
            let ended = Outcomes {
                started: 1,
                ok: u64::from(!fails),
                failed: u64::from(fails),
                interrupted: 0,
            };
            part.total.counts.merge(&ended);
            part.total.service.ok.record(ANSWER);
            part.total.response.ok.record(ANSWER);
        }
        if from < self.measured_from {
            counted.warm_up.total = part.total;
        } else {
            counted.measured.total = part.total;
        }
        let mut tally = Tally::default();
        self.watch.take(self.now, &mut tally);
        let flowed = Flowed::of_window(&counted, starts, &[tally], Pace::Transactions);
        (counted, flowed)
    }

    /// Does what the control says.
    fn follow(&mut self) {
        while let Some(effect) = self.control.poll_effect() {
            match &effect {
                Effect::Publish(set_point) => self.heed(*set_point),
                Effect::End(_) => self.is_ending = true,
                _ => {}
            }
            self.effects.push((self.now, effect));
        }
        if let Some(look) = self.control.poll_look() {
            let counted = look.recent.0.measured.total.counts.started;
            self.looks.push((RunInstant::START + look.elapsed, counted, look.is_ending));
            self.ends = (look.ends_at, look.cut_at);
        }
    }

    fn heed(&mut self, set_point: SetPoint) {
        match set_point.course {
            Some(Course::Rate(rate)) => self.rate = rate,
            Some(Course::Profile) => self.rate = self.profile_rate,
            None => {}
        }
        if std::mem::replace(&mut self.restarts, set_point.restarts) != set_point.restarts {
            self.watch.restart(self.now);
        }
        self.measured_from = set_point.measured_from.unwrap_or(self.measured_from);
    }

    fn run_until(&mut self, end: RunInstant) {
        while self.now < end {
            self.step();
        }
    }

    fn command(&mut self, command: Command) -> Result<Standing, Refusal> {
        let answer = self.control.handle_command(self.now, command);
        self.follow();
        answer
    }

    /// The same, whatever it is answered.
    fn ask(&mut self, command: Command) {
        let _ = self.command(command);
    }

    /// What was done but for what was said.
    fn deeds(&self) -> Vec<(u64, &Effect)> {
        let deeds = self.effects.iter().filter(|(_, effect)| !matches!(effect, Effect::Say(_)));
        deeds.map(|(at, effect)| (at.as_nanos() / 1_000_000, effect)).collect()
    }

    fn close(mut self) -> RunOutcome {
        if self.crew == Crew::Alone {
            let counts = self.counts(Snapshot::default());
            self.control.handle_counts(NodeId(0), &counts);
        }
        let (now, fates) = (self.now, self.fates());
        self.control.close(now, secs(1_000), fates)
    }

    fn fates(&self) -> Vec<NodeFate> {
        let Crew::Nodes(nodes) = self.crew else { return Vec::new() };
        let fate = |id| NodeFate {
            id: NodeId(id),
            name: format!("node {id}"),
            share: 1.0 / nodes as f64,
            times_lost: 0,
            unknown: UnknownStarts { least: 0, most: Some(0) },
            is_complete: true,
            has_left: false,
        };
        (0..nodes).map(fate).collect()
    }
}

#[test]
fn a_run_ends_when_its_time_is_over() {
    let mut world = World::alone(&plan(|input| input.warmup = Some(WarmUp::For(secs(2)))));
    world.run_until(ms(11_800));
    assert!(!world.control.is_ending() && world.control.is_measuring(world.now));
    world.run_until(ms(14_000));
    assert_eq!(world.deeds(), [(12_000, &Effect::End(EndOrder::Planned))]);
    let outcome = world.close();
    assert_eq!(
        (outcome.cause, outcome.warm_up, outcome.measured),
        (EndCause::Finished, secs(2), secs(10))
    );
    assert_eq!(outcome.snapshot.measured.total.counts.started, 1_000);
    assert_eq!(outcome.snapshot.warm_up.total.counts.started, 200);
    assert_eq!((outcome.machine.cores, outcome.requests_written), (4, 1_200));
}

#[test]
fn a_look_tells_when_the_run_is_to_end_and_once_it_ends_when_what_is_under_way_is_cut() {
    let mut world = World::alone(&plan(|input| {
        (input.warmup, input.grace) = (Some(WarmUp::For(secs(2))), Some(secs(7)));
    }));
    world.run_until(ms(11_800));
    assert_eq!(world.ends, (Some(secs(12)), None));
    world.run_until(ms(14_000));
    assert_eq!(world.ends, (Some(secs(12)), Some(secs(19))));
    let mut without_length = World::alone(&plan(|input| {
        (input.duration, input.iterations) = (None, Some(300));
    }));
    without_length.run_until(ms(3_000));
    assert_eq!(without_length.ends, (None, None));
}

#[test]
fn a_run_that_ends_with_its_iterations_lasts_until_the_next_would_have_been_due() {
    let ended = |last_end: u64, slots| {
        let mut world = World::alone(&plan(|input| {
            (input.duration, input.iterations) = (None, Some(300));
        }));
        world.run_until(ms(3_000));
        world.iterations = Some(IterationsOver { last_end: Some(ms(last_end)), slots });
        world.run_until(ms(4_000));
        assert_eq!(world.deeds(), [(3_200, &Effect::End(EndOrder::Finished))]);
        world.close().measured
    };
    assert_eq!(ended(2_950, 300), secs(3), "the 301st would have been due after 3 s");
    assert_eq!(ended(3_090, 300), Duration::from_millis(3_090), "the last took longer");
    assert_eq!(ended(3_090, 400), Duration::from_millis(3_200), "and not beyond the present");
}

#[test]
fn each_command_does_what_it_says_in_each_state_and_nothing_twice() {
    use Command::{Finish, Interrupt, Pause, SetGoal, Stop};
    let ends = |command, cause, order| {
        let mut world = World::alone(&plan(|_| {}));
        world.run_until(ms(1_000));
        assert!(world.command(command).is_ok());
        assert_eq!(world.deeds(), [(1_000, &Effect::End(order))], "{command:?}");
        // Twice, where that is no interrupt, is once; and nothing is set any more.
        for again in [Finish, Stop] {
            assert!(world.command(again).is_ok());
        }
        for late in [SetGoal(5.0), Pause(true), Pause(false)] {
            assert_eq!(world.command(late), Err(Refusal::Ending));
        }
        world.run_until(ms(5_800));
        assert_eq!(world.deeds().len(), 1, "{command:?}");
        assert_eq!(world.close().cause, cause);
    };
    ends(Interrupt, EndCause::Signal, EndOrder::Stopped);
    ends(Stop, EndCause::Stopped, EndOrder::Finished);
    ends(Finish, EndCause::Finished, EndOrder::Finished);
    for command in [Interrupt, Stop, Finish] {
        let mut world = World::alone(&plan(|input| input.duration = None));
        world.command(command).unwrap();
        assert_eq!(world.deeds(), [(0, &Effect::End(EndOrder::Finished))]);
        assert_eq!(world.close().cause, EndCause::Finished, "{command:?} is its normal end");
    }
}

#[test]
fn a_second_interrupt_cuts_whatever_had_the_run_end() {
    for first in [Command::Interrupt, Command::Finish, Command::Stop] {
        let mut world = World::alone(&plan(|_| {}));
        world.command(first).unwrap();
        world.run_until(ms(1_000));
        world.command(Command::Interrupt).unwrap();
        assert_eq!(world.deeds()[1..], [(1_000, &Effect::Cut)]);
        assert_eq!(world.control.last_words_until(), Some(ms(1_700)));
        // A third one gives nobody more time.
        world.run_until(ms(1_400));
        world.command(Command::Interrupt).unwrap();
        assert_eq!(world.control.last_words_until(), Some(ms(1_700)));
        world.run_until(ms(8_000));
        assert_eq!(world.deeds().len(), 3, "the end of the grace cuts nothing more");
        assert_eq!(world.close().cause, EndCause::Signal);
    }
}

#[test]
fn when_the_grace_is_over_what_is_under_way_is_cut() {
    let mut world = World::alone(&plan(|_| {}));
    world.run_until(ms(16_000));
    let expected = [(10_000, &Effect::End(EndOrder::Planned)), (15_000, &Effect::Cut)];
    assert_eq!(world.deeds(), expected);
    assert_eq!(world.control.last_words_until(), Some(ms(35_000)));
    assert_eq!(world.close().measured, secs(10));
}

#[test]
fn what_a_scenario_asks_for_ends_the_run_and_an_empty_feed_its_iterations() {
    let mut world = World::alone(&plan(|_| {}));
    world.run_until(ms(1_000));
    world.control.handle_end_request(world.now, EndRequest::FeedExhausted("rows".to_owned()));
    world.follow();
    assert_eq!(world.deeds(), [(1_000, &Effect::CloseIterations)]);
    assert!(!world.control.is_ending(), "the last of its iterations ends it");
    let said = EndRequest::Fail("the shop is empty".to_owned());
    world.control.handle_end_request(world.now, said.clone());
    world.control.handle_end_request(world.now, EndRequest::Stop("later".to_owned()));
    world.follow();
    assert_eq!(world.deeds()[1..], [(1_000, &Effect::End(EndOrder::Stopped))]);
    assert_eq!(world.close().cause, EndCause::Scenario(said));
}

#[test]
fn a_run_in_which_nothing_begins_ends_by_itself() {
    for crew in [Crew::Alone, Crew::Nodes(2)] {
        let mut world = World::new(&plan(|_| {}), crew);
        world.is_broken = true;
        world.run_until(ms(6_000));
        assert_eq!(world.deeds(), [(3_000, &Effect::End(EndOrder::Stopped))]);
        let outcome = world.close();
        assert!(outcome.nothing_began() && outcome.limits.is_empty());
        assert_eq!(outcome.cause, EndCause::Hopeless);
    }
}

#[test]
fn a_warm_up_ends_as_soon_as_the_service_is_steady() {
    let mut world = World::alone(&plan(|input| {
        input.warmup = Some(WarmUp::UntilSteady { most: secs(60) });
    }));
    world.run_until(ms(60_000));
    let (at, _) = world.deeds()[0];
    assert_eq!(at, 10_000, "ten seconds are looked at");
    let measured_from = ms(10_002);
    let Effect::Publish(set_point) = world.deeds()[0].1 else { panic!("{:?}", world.deeds()) };
    assert_eq!(set_point.measured_from, Some(measured_from));
    assert_eq!(world.deeds()[1], (20_200, &Effect::End(EndOrder::Planned)));
    let outcome = world.close();
    assert_eq!((outcome.is_steady, outcome.warm_up), (Some(true), Duration::from_millis(10_002)));
    assert_eq!(outcome.measured, secs(10));
}

#[test]
fn a_search_that_is_over_ends_its_run() {
    let mut world = World::alone(&plan(|input| {
        errors_within_a_percent(input);
        (input.tps, input.start_tps, input.duration) = (None, Rate::new(100.0), None);
        input.search = Some(Search { hold: secs(5), budget: secs(300) });
    }));
    world.capacity = 400.0;
    assert_eq!(world.command(Command::SetGoal(5.0)), Err(Refusal::Search));
    assert_eq!(world.command(Command::Pause(true)), Err(Refusal::Search));
    while !world.control.is_ending() && world.now < ms(310_000) {
        world.step();
    }
    assert_eq!(
        world.deeds().last(),
        Some(&(world.now.as_nanos() / 1_000_000, &Effect::End(EndOrder::Finished)))
    );
    let outcome = world.close();
    let found = outcome.control.and_then(|control| control.found).expect("it was a search");
    assert_eq!(found.end, SearchEnd::Narrow, "{found:?}");
    let (held, (broken, _)) = (found.held.unwrap(), found.broken.unwrap());
    assert!((350.0..=405.0).contains(&held) && held < broken && broken < 440.0, "{held} {broken}");
}

#[test]
fn a_pause_has_nothing_begin_and_the_clock_go_on() {
    let mut world = World::alone(&plan(|_| {}));
    world.run_until(ms(2_000));
    let paused = Standing { goal: Some(100.0), is_paused: true };
    assert_eq!(world.command(Command::Pause(true)), Ok(paused));
    assert_eq!(world.command(Command::Pause(true)), Ok(paused), "twice is once");
    world.run_until(ms(4_000));
    // What is set meanwhile holds once it goes on.
    assert_eq!(
        world.command(Command::SetGoal(200.0)),
        Ok(Standing { goal: Some(200.0), is_paused: true })
    );
    world.command(Command::Pause(false)).unwrap();
    world.run_until(ms(11_000));
    let course = |effect: &Effect| match effect {
        Effect::Publish(point) => point.course,
        _ => None,
    };
    let courses: Vec<_> =
        world.deeds().into_iter().filter_map(|(at, effect)| Some((at, course(effect)?))).collect();
    assert_eq!(courses, [(2_000, Course::Rate(0.0)), (4_000, Course::Rate(200.0))]);
    let outcome = world.close();
    assert_eq!(outcome.snapshot.measured.total.counts.started, 200 + 6 * 200);
    assert!(outcome.limits.is_empty(), "what is not asked for is not missed");
    assert_eq!(outcome.measured, secs(10));
}

#[test]
fn a_closed_run_has_no_goal_to_set() {
    let mut world = World::alone(&plan(|input| (input.tps, input.vus) = (None, Some(10))));
    assert_eq!(world.command(Command::SetGoal(5.0)), Err(Refusal::NoRate));
    assert_eq!(world.command(Command::Pause(true)), Ok(Standing { goal: None, is_paused: true }));
    assert!(matches!(
        world.deeds()[..],
        [(0, Effect::Publish(SetPoint { course: None, is_paused: true, .. }))]
    ));
}

#[test]
fn a_limit_is_told_once_when_it_comes_and_once_when_it_goes() {
    let mut world = World::alone(&plan(|input| input.duration = Some(secs(60))));
    // Half of what is due begins, and no user is free: all that there may be are there.
    (world.rate, world.users) = (50.0, 50);
    world.run_until(ms(20_000));
    world.rate = 100.0;
    world.run_until(ms(40_000));
    let said: Vec<_> = world
        .effects
        .iter()
        .filter_map(
            |(_, effect)| if let Effect::Say(notice) = effect { Some(notice) } else { None },
        )
        .collect();
    let [Notice::Limited(limit), Notice::Reached] = said[..] else { panic!("{said:?}") };
    assert_eq!(limit.by, Limiter::Generator);
    let outcome = world.close();
    assert!(
        matches!(outcome.limits[..], [(_, Some(until))] if until > ms(20_000) && until < ms(24_000))
    );
}

#[test]
fn nobody_is_the_limit_just_after_a_burst() {
    let bursts = plan(|input| {
        (input.tps, input.duration) = (None, Some(secs(60)));
        input.burst = Some("1k/10s".parse().expect("these are bursts"));
    });
    let mut world = World::alone(&bursts);
    world.run_until(ms(40_000));
    assert!(world.close().limits.is_empty());
}

#[test]
fn a_limit_of_nodes_is_judged_from_their_beginning_and_later_once_a_move_is_over() {
    let limited_at = |moves: bool| {
        let mut world = World::new(&plan(|input| input.duration = Some(secs(60))), Crew::Nodes(2));
        world.rate = 50.0;
        if moves {
            world.now = ms(200);
            world.tell_places();
            world.now = ms(0);
        }
        world.run_until(ms(20_000));
        let is_limit = |effect: &Effect| matches!(effect, Effect::Say(Notice::Limited(_)));
        let found = world.effects.iter().find(|(_, effect)| is_limit(effect));
        found.expect("half of what is due begins").0
    };
    let at_once = limited_at(false);
    assert!(at_once < ms(3_500), "a move would keep it back for 2.5 s: {at_once:?}");
    assert!(limited_at(true) > at_once, "where slots move, some are missed");
}

#[test]
fn a_run_is_shown_once_a_second_also_while_it_ends() {
    let mut world = World::alone(&plan(|_| {}));
    world.run_until(ms(1_000));
    world.command(Command::Stop).unwrap();
    world.run_until(ms(3_100));
    let expected = [(ms(1_000), 100, false), (ms(2_000), 0, true), (ms(3_000), 0, true)];
    assert_eq!(world.looks, expected);
}

#[test]
fn a_second_is_shown_also_where_its_last_tick_comes_a_little_sooner() {
    let mut control = RunControl::new(&plan(|_| {}), 1, None);
    let mut looks = 0;
    for tick in 1..=50 {
        let sooner = if tick % 10 == 0 { 3 } else { 0 };
        control.handle_time(ms(tick * 200 - sooner), LocalFacts::default());
        looks += u64::from(control.poll_look().is_some());
    }
    assert_eq!(looks, 10);
}

#[test]
fn of_a_node_that_told_what_cannot_be_nothing_more_is_taken_and_nothing_is_known() {
    let mut world = World::new(&plan(|_| {}), Crew::Nodes(2));
    world.run_until(ms(1_000));
    world.control.handle_garbled_counts(NodeId(0), "a count of 2⁶³".to_owned());
    world.control.handle_garbled_counts(NodeId(0), "again".to_owned());
    world.run_until(ms(12_000));
    assert_eq!(world.deeds()[0], (1_200, &Effect::Distrust(NodeId(0))));
    assert!(world.deeds()[1..].iter().all(|(_, effect)| !matches!(effect, Effect::Distrust(_))));
    let outcome = world.close();
    assert_eq!(outcome.snapshot.measured.total.counts.started, 100);
    let fate = &outcome.nodes[0].fate;
    assert_eq!((fate.unknown.most, fate.is_complete), (None, false));
    assert!(outcome.nodes[1].fate.is_complete);
}

#[test]
fn nodes_that_have_told_all_end_a_run_or_desert_it() {
    let iterations = || plan(|input| (input.duration, input.iterations) = (None, Some(300)));
    let mut world = World::new(&iterations(), Crew::Nodes(2));
    world.run_until(ms(3_000));
    world.is_ending = true;
    world.run_until(ms(3_600));
    let (now, mut fates) = (world.now, world.fates());
    let again = RunControl::restore(world.control.snapshot());
    let outcome = world.control.close(now, secs(1_000), fates.clone());
    assert_eq!((outcome.cause, outcome.nodes.len()), (EndCause::Finished, 2));
    assert_eq!(outcome.measured, Duration::from_millis(3_600), "when the last of them ended");
    fates.iter_mut().for_each(|fate| fate.has_left = true);
    assert_eq!(again.close(now, secs(1_000), fates).cause, EndCause::Deserted);
}

/// What is done to a world after so many windows.
type Act = (u32, fn(&mut World));

/// All that was done and shown, and what it came to.
type Played = (Vec<(RunInstant, Effect)>, Vec<(RunInstant, u64, bool)>, RunOutcome);

/// Plays a script, if need be with the control restored from what it knew after so many windows,
/// and again in the middle of the next.
fn play(plan: &Plan, crew: Crew, script: &[Act], windows: u32, restored_at: Option<u32>) -> Played {
    let mut world = World::new(plan, crew);
    for window in 0..windows {
        script.iter().filter(|(at, _)| *at == window).for_each(|(_, act)| act(&mut world));
        if restored_at == Some(window) {
            world.replace();
            world.is_replaced_next = true;
        }
        world.step();
    }
    (world.effects.clone(), world.looks.clone(), world.close())
}

#[test]
fn a_restored_control_goes_on_exactly_as_the_one_it_was_taken_of() {
    let ramp = |input: &mut PlanInput| {
        input.stages = [(4, 50.0), (20, 200.0)]
            .map(|(seconds, to)| Stage { over: secs(seconds), to })
            .to_vec();
        (input.duration, input.warmup) = (None, Some(WarmUp::For(secs(2))));
    };
    let steady =
        |input: &mut PlanInput| input.warmup = Some(WarmUp::UntilSteady { most: secs(15) });
    let held = |input: &mut PlanInput| {
        errors_within_a_percent(input);
        (input.tps, input.start_tps, input.duration) =
            (Rate::new(2_000.0), Rate::new(100.0), Some(secs(20)));
    };
    let search = |input: &mut PlanInput| {
        errors_within_a_percent(input);
        (input.tps, input.start_tps, input.duration) = (None, Rate::new(100.0), None);
        input.search = Some(Search { hold: secs(3), budget: secs(20) });
    };
    let interrupted: &[Act] = &[
        (3, |world| world.capacity = 150.0),
        (11, |world| world.ask(Command::Pause(true))),
        (17, |world| world.ask(Command::Pause(false))),
        (30, |world| world.control.handle_garbled_counts(NodeId(1), "no counts".to_owned())),
        (41, |world| world.ask(Command::SetGoal(300.0))),
        (50, |world| world.tell_places()),
        (80, |world| world.ask(Command::Interrupt)),
        (90, |world| world.ask(Command::Interrupt)),
    ];
    let left_alone: &[Act] = &[(0, |world| world.capacity = 150.0)];
    let scenes = [
        (plan(ramp), interrupted),
        (plan(steady), left_alone),
        (plan(held), interrupted),
        (plan(held), left_alone),
        (plan(search), left_alone),
    ];
    for (plan, script) in scenes {
        for crew in [Crew::Alone, Crew::Nodes(3)] {
            let whole = play(&plan, crew, script, 130, None);
            for window in (0..130).step_by(3) {
                let restored = play(&plan, crew, script, 130, Some(window));
                assert_eq!(restored, whole, "restored after {window} windows");
            }
        }
    }
}
