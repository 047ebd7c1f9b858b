//! How many users there are over time, where stages say so.
//!
//! ## Which users are whose
//! Users have numbers from 0, and a user is there while the stages stand above its number. Each
//! number belongs to the node to which the table of shares gives it, for the whole run. So the
//! nodes together have the users that one machine would have, at each instant, and none of them
//! loses a user while the stages rise; a rounded part of a total that moves would waver.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use super::shares::{Owner, ShareTable};
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

/// Stages of users as somebody asks for them, and whose part of them is meant.
#[derive(Clone, Debug, PartialEq)]
pub struct UserProfile {
    stages: Vec<UserStage>,
    /// A node among others, with the table of shares; `None` where all users are meant.
    node: Option<(ShareTable, Owner)>,
}

impl UserProfile {
    /// Stages one after the other, from no user on. After the last stage its users stay.
    pub const fn new(stages: Vec<UserStage>) -> Self {
        Self { stages, node: None }
    }

    /// The users of one node.
    pub fn of_node(&self, table: ShareTable, owner: Owner) -> Self {
        Self { stages: self.stages.clone(), node: Some((table, owner)) }
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
        self.part_of(self.stages.iter().map(|stage| stage.to).max().unwrap_or(0))
    }

    /// The users at the beginning, and during a warm-up: those to which the first stage jumps.
    pub fn opening(&self) -> u32 {
        self.part_of(self.opening_of_all())
    }

    /// The users of thread number `index` of `threads` over time, after a warm-up.
    pub fn timeline(&self, warm_up: Duration, index: u32, threads: u32) -> UserTimeline {
        let opening = self.opening_of_all();
        let (mut start, mut from) = (RunInstant::START + warm_up, opening);
        let first = UserLine { start: RunInstant::START, from, to: from, over: Duration::ZERO };
        let mut lines = vec![first];
        for &UserStage { over, to } in &self.stages {
            lines.push(UserLine { start, from, to, over });
            (start, from) = (start + over, to);
        }
        UserTimeline { lines, whose: self.clone(), index, threads }
    }

    fn opening_of_all(&self) -> u32 {
        self.stages.first().filter(|stage| stage.over.is_zero()).map_or(0, |stage| stage.to)
    }

    /// How many of the users with the lowest numbers, which are so many, are this node's.
    fn part_of(&self, users: u32) -> u32 {
        self.node.as_ref().map_or(users, |(table, owner)| {
            u32::try_from(table.count(*owner, 0, u64::from(users))).unwrap_or(users)
        })
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
    whose: UserProfile,
    index: u32,
    threads: u32,
}

impl UserTimeline {
    /// How many users the thread has at an instant.
    pub fn users_at(&self, at: RunInstant) -> u32 {
        let (line, _) = self.line_at(at);
        let of_node = self.whose.part_of(line.users(at.since(line.start)));
        of_node / self.threads + u32::from(self.index < of_node % self.threads)
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

    use super::*;

    fn profile(stages: &[&str]) -> UserProfile {
        UserProfile::new(stages.iter().map(|stage| stage.parse().expect("a stage")).collect())
    }

    const fn ms(ms: u64) -> RunInstant {
        RunInstant::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn users_follow_straight_lines_from_nobody_or_from_a_jump() {
        let ramp = profile(&["10s:5", "5s:5", "10s:0"]).timeline(Duration::ZERO, 0, 1);
        let users = [0, 1_999, 2_000, 9_999, 10_000, 15_000, 15_001, 17_001, 24_999, 99_000];
        assert_eq!(users.map(|at| ramp.users_at(ms(at))), [0, 0, 1, 4, 5, 5, 4, 3, 0, 0]);
        let jump = profile(&["0s:20", "10s:40"]);
        let timeline = jump.timeline(Duration::from_secs(3), 0, 1);
        assert_eq!([0, 3_000, 13_000].map(|at| timeline.users_at(ms(at))), [20, 20, 40]);
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
            let alone = whole.timeline(Duration::from_secs(1), 0, 1);
            let weights: Vec<(Owner, f64)> = (0..).zip(weights).collect();
            let table = ShareTable::of_weights(0, &weights);
            let parts: Vec<(UserProfile, UserTimeline)> = weights
                .iter()
                .map(|&(owner, _)| whole.of_node(table.clone(), owner))
                .flat_map(|part| (0..threads).map(move |index| (part.clone(), index)))
                .map(|(part, index)| {
                    let timeline = part.timeline(Duration::from_secs(1), index, threads);
                    (part, timeline)
                })
                .collect();
            for time in times {
                let users: Vec<u32> =
                    parts.iter().map(|(_, timeline)| timeline.users_at(ms(time))).collect();
                prop_assert_eq!(users.iter().sum::<u32>(), alone.users_at(ms(time)), "{} ms", time);
                let most = parts.iter().map(|(part, _)| part.peak().div_ceil(threads));
                prop_assert!(users.iter().zip(most).all(|(users, most)| *users <= most));
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
            let timeline = UserProfile::new(stages).timeline(Duration::ZERO, 0, 1);
            let (mut at, mut changes) = (RunInstant::START, Vec::new());
            while timeline.changes_after(at) < RunInstant::NEVER {
                let next = timeline.changes_after(at);
                prop_assert!(next > at);
                let before = RunInstant::from_nanos(next.as_nanos() - 1);
                prop_assert_eq!(timeline.users_at(before), timeline.users_at(at));
                prop_assert_ne!(timeline.users_at(next), timeline.users_at(at));
                changes.push(timeline.users_at(next));
                at = next;
            }
            prop_assert_eq!(timeline.users_at(RunInstant::START + over), to);
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
