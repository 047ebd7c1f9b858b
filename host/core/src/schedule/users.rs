//! How many users there are over time, where stages say so.
//!
//! Stages say how many users the whole run has at each instant; which of them are of which
//! scenario, node and thread the [`Crowd`] says.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use super::crowd::Crowd;
use super::timeline::{StageError, parts};
use crate::RunInstant;
use crate::units::{grouped, parse_count, print_duration};

/// A straight line from the number of users before it to its own number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserStage {
    /// How long it takes; zero is a jump.
    pub over: Duration,
    /// Users at its end.
    pub to: u32,
}

impl FromStr for UserStage {
    type Err = StageError;

    /// Reads "30s:50", "0s:20" (a jump), "10s:0" (down to nobody).
    fn from_str(text: &str) -> Result<Self, StageError> {
        let form = "the number of users at its end, like \"30s:50\"";
        let (over, to) = parts(text, form, parse_count)?;
        Ok(Self { over, to })
    }
}

impl Display for UserStage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", print_duration(self.over), grouped(u64::from(self.to)))
    }
}

/// Stages of users as somebody asks for them, for the whole run.
#[derive(Clone, Debug, PartialEq)]
pub struct UserProfile {
    stages: Vec<UserStage>,
}

impl UserProfile {
    /// Stages one after the other, from no user on. After the last stage its users stay.
    pub const fn new(stages: Vec<UserStage>) -> Self {
        Self { stages }
    }

    /// The stages.
    pub fn stages(&self) -> &[UserStage] {
        &self.stages
    }

    /// The length of all stages together.
    pub fn length(&self) -> Duration {
        self.stages.iter().map(|stage| stage.over).sum()
    }

    /// The most users at a time.
    pub fn peak(&self) -> u32 {
        self.stages.iter().map(|stage| stage.to).max().unwrap_or(0)
    }

    /// The users at the beginning, and during a warm-up: those to which the first stage jumps.
    pub fn opening(&self) -> u32 {
        self.stages.first().filter(|stage| stage.over.is_zero()).map_or(0, |stage| stage.to)
    }

    /// The users of thread number `index` of `threads` over time, after a warm-up; `crowd` says
    /// whose they are.
    pub fn timeline(
        &self,
        warm_up: Duration,
        crowd: &Crowd,
        index: u32,
        threads: u32,
    ) -> UserTimeline {
        let opening = self.opening();
        let (mut start, mut from) = (RunInstant::START + warm_up, opening);
        let first = UserLine { start: RunInstant::START, from, to: from, over: Duration::ZERO };
        let mut lines = vec![first];
        for &UserStage { over, to } in &self.stages {
            lines.push(UserLine { start, from, to, over });
            (start, from) = (start + over, to);
        }
        UserTimeline { lines, crowd: crowd.clone(), index, threads }
    }
}

/// A straight line between two numbers of users.
#[derive(Clone, Copy, Debug, PartialEq)]
struct UserLine {
    start: RunInstant,
    from: u32,
    to: u32,
    over: Duration,
}

impl UserLine {
    /// Whole users so long after its start, never more than the line says.
    fn users(&self, after: Duration) -> u32 {
        if after >= self.over {
            return self.to;
        }
        let rise = i128::from(self.to) - i128::from(self.from);
        let risen = (rise * after.as_nanos() as i128).div_euclid(self.over.as_nanos() as i128);
        u32::try_from(i128::from(self.from) + risen).unwrap_or(self.to)
    }

    /// How long after its start the number changes next; `None` where it stays to the end.
    fn next_change(&self, after: Duration) -> Option<Duration> {
        let (users, over) = (self.users(after), self.over.as_nanos());
        let moved = u128::from(users.abs_diff(self.from));
        let all = u128::from(self.to.abs_diff(self.from));
        if users == self.to {
            return None;
        }
        // Upward a user comes when the line has reached its number; downward it goes as soon as
        // the line is below.
        let nanos = if self.to > self.from {
            ((moved + 1) * over).div_ceil(all)
        } else {
            moved * over / all + 1
        };
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

/// The users of one thread over time.
#[derive(Clone, Debug, PartialEq)]
pub struct UserTimeline {
    /// The first begins at the run's first instant.
    lines: Vec<UserLine>,
    crowd: Crowd,
    index: u32,
    threads: u32,
}

impl UserTimeline {
    /// How many scenarios there are.
    pub fn scenarios(&self) -> usize {
        self.crowd.scenarios()
    }

    /// How many users of each scenario the thread has at an instant.
    pub fn users_at(&self, at: RunInstant) -> Vec<u32> {
        let (line, _) = self.line_at(at);
        self.crowd.of_thread(line.users(at.since(line.start)), self.index, self.threads)
    }

    /// The most users of each scenario that the thread has at any time from an instant on.
    pub fn most_from(&self, at: RunInstant) -> Vec<u32> {
        let next = self.lines.partition_point(|line| line.start <= at);
        let mut most = self.users_at(at);
        for line in &self.lines[next.saturating_sub(1)..] {
            let its = self.crowd.of_thread(line.to, self.index, self.threads);
            most.iter_mut().zip(its).for_each(|(most, its)| *most = its.max(*most));
        }
        most
    }

    /// When the number of all users changes next; [`RunInstant::NEVER`] where it stays.
    pub fn changes_after(&self, at: RunInstant) -> RunInstant {
        let (line, next) = self.line_at(at);
        let change = line.next_change(at.since(line.start)).map(|after| line.start + after);
        change.into_iter().chain(next).min().unwrap_or(RunInstant::NEVER)
    }

    /// The line in force, and when the next one begins.
    fn line_at(&self, at: RunInstant) -> (&UserLine, Option<RunInstant>) {
        let next = self.lines.partition_point(|line| line.start <= at);
        (&self.lines[next.saturating_sub(1)], self.lines.get(next).map(|line| line.start))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::mix::Mix;
    use super::super::shares::{Owner, ShareTable};
    use super::*;

    fn profile(stages: &[&str]) -> UserProfile {
        UserProfile::new(stages.iter().map(|stage| stage.parse().expect("a stage")).collect())
    }

    fn crowd(profile: &UserProfile) -> Crowd {
        Crowd::new(&Mix::of_one(), profile.peak())
    }

    fn alone(profile: &UserProfile, warm_up: u64) -> UserTimeline {
        profile.timeline(Duration::from_secs(warm_up), &crowd(profile), 0, 1)
    }

    fn users_of(timeline: &UserTimeline, at: RunInstant) -> u32 {
        timeline.users_at(at).into_iter().sum()
    }

    const fn ms(ms: u64) -> RunInstant {
        RunInstant::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn users_follow_straight_lines_from_nobody_or_from_a_jump() {
        let ramp = alone(&profile(&["10s:5", "5s:5", "10s:0"]), 0);
        let users = [0, 1_999, 2_000, 9_999, 10_000, 15_000, 15_001, 17_001, 24_999, 99_000];
        assert_eq!(users.map(|at| users_of(&ramp, ms(at))), [0, 0, 1, 4, 5, 5, 4, 3, 0, 0]);
        let jump = profile(&["0s:20", "10s:40"]);
        let timeline = alone(&jump, 3);
        assert_eq!([0, 3_000, 13_000].map(|at| users_of(&timeline, ms(at))), [20, 20, 40]);
        assert_eq!((jump.opening(), jump.peak(), jump.length()), (20, 40, Duration::from_secs(10)));
    }

    #[test]
    fn what_is_no_stage_is_told_how_one_is_written() {
        let refusal = |text: &str| text.parse::<UserStage>().expect_err("it is none").to_string();
        assert!(refusal("50").contains("like \"30s:50\""), "{}", refusal("50"));
        assert!(refusal("30:50").contains("\"30s\""), "{}", refusal("30:50"));
        for wrong in ["30s:50/s", "30s:-5", "30s:1.5", "30s:", "30s:9999999999", "x:5"] {
            assert!(refusal(wrong).starts_with(&format!("stage {wrong:?}: ")), "{wrong}");
        }
        let stage: UserStage = "1m:1k".parse().expect("a stage");
        assert_eq!(stage.to_string(), "1m:1,000");
    }

    fn stages() -> impl Strategy<Value = Vec<UserStage>> {
        let stage = (0u64..4_000, 0u32..3_000)
            .prop_map(|(over, to)| UserStage { over: Duration::from_millis(over), to });
        prop::collection::vec(stage, 1..6)
    }

    proptest! {
        #[test]
        fn nodes_and_threads_have_between_them_the_users_of_one_machine_at_all_times(
            stages in stages(),
            weights in prop::collection::vec(0.2f64..3.0, 1..6),
            threads in 1u32..5,
            times in prop::collection::vec(0u64..20_000, 30),
        ) {
            let whole = UserProfile::new(stages);
            let (alone, crowd) = (alone(&whole, 1), crowd(&whole));
            let weights: Vec<(Owner, f64)> = (0..).zip(weights).collect();
            let table = ShareTable::of_weights(0, &weights);
            let parts: Vec<(Crowd, UserTimeline)> = weights
                .iter()
                .map(|&(owner, _)| crowd.of_node(table.clone(), owner))
                .flat_map(|part| (0..threads).map(move |index| (part.clone(), index)))
                .map(|(part, index)| {
                    let timeline = whole.timeline(Duration::from_secs(1), &part, index, threads);
                    (part, timeline)
                })
                .collect();
            for time in times {
                let users: Vec<u32> =
                    parts.iter().map(|(_, timeline)| users_of(timeline, ms(time))).collect();
                prop_assert_eq!(users.iter().sum::<u32>(), users_of(&alone, ms(time)), "{}", time);
                let most = parts.iter().map(|(part, _)| part.users(part.most()).div_ceil(threads));
                prop_assert!(users.iter().zip(most).all(|(users, most)| *users <= most));
            }
        }

        #[test]
        fn there_are_never_more_than_the_most_from_an_instant_on_and_once_there_are_as_many(
            stages in stages(),
            threads in 1u32..5,
            now in 0u64..20_000,
            later in prop::collection::vec(0u64..20_000, 30),
        ) {
            let profile = UserProfile::new(stages);
            let ends = profile.stages().iter().scan(1_000, |at, stage| {
                *at += stage.over.as_millis() as u64;
                Some(*at)
            });
            let instants: Vec<u64> = ends.filter(|end| *end >= now).chain([now]).collect();
            for index in 0..threads {
                let crowd = crowd(&profile);
                let timeline = profile.timeline(Duration::from_secs(1), &crowd, index, threads);
                let most = timeline.most_from(ms(now)).into_iter().sum();
                let users = |at: u64| users_of(&timeline, ms(at));
                prop_assert!(later.iter().all(|after| users(now + after) <= most));
                prop_assert_eq!(instants.iter().map(|at| users(*at)).max(), Some(most));
            }
        }

        #[test]
        fn the_number_stays_until_it_is_said_to_change_and_moves_towards_its_end(
            from in 0u32..200,
            to in 0u32..200,
            over in 1u64..5_000_000,
        ) {
            let over = Duration::from_nanos(over);
            let stages = vec![
                UserStage { over: Duration::ZERO, to: from },
                UserStage { over, to },
            ];
            let timeline = alone(&UserProfile::new(stages), 0);
            let (mut at, mut changes) = (RunInstant::START, Vec::new());
            while timeline.changes_after(at) < RunInstant::NEVER {
                let next = timeline.changes_after(at);
                prop_assert!(next > at);
                let before = RunInstant::from_nanos(next.as_nanos() - 1);
                prop_assert_eq!(timeline.users_at(before), timeline.users_at(at));
                prop_assert_ne!(timeline.users_at(next), timeline.users_at(at));
                changes.push(users_of(&timeline, next));
                at = next;
            }
            prop_assert_eq!(users_of(&timeline, RunInstant::START + over), to);
            let expected: Vec<u32> = if from < to {
                (from + 1..=to).collect()
            } else {
                (to..from).rev().collect()
            };
            // Where users come faster than nanoseconds pass, several come in one.
            prop_assert!(changes == expected || over < Duration::from_nanos(200), "{:?}", changes);
        }
    }
}
