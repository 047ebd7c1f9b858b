//! Who keeps the throughput below what is asked for: a conclusion from several windows, never from
//! one.
//!
//! ## Why not slopes
//! One could raise the number of users and see whether the throughput follows, as adaptive samplers
//! do. But at a rate that is reached the throughput does not follow either, and a slow service
//! needs users without being at its limit. So this compares what was asked for with what was
//! completed, and the time that answers take with the time that they took before.
//!
//! ## What is concluded
//! A limit is concluded when over three seconds less was completed than should have begun, by more
//! than a few percent and by more than chance. Then, in this order: the *generator* is the limit
//! where half of the windows say so of themselves, where no more is missing than was due while its
//! threads stood still, or where its machine holds no more users; the *users* are the limit where
//! too few transactions began because no user was free and answers take no longer than at best, so
//! that more users would have helped; else the *service* is, where no user was free, or answers
//! take longer and longer, or do not come any more. A service that is slow but keeps up, however
//! many users that needs, is no limit, and neither is a rate that rises. Once the windows of one
//! second complete what was asked for, the limit is over.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::evidence::chance;
use crate::RunInstant;

/// The number of windows of a fifth of a second that a conclusion needs, and in which the end of a
/// limit shows.
const CONCLUSIVE: usize = 15;
const RECENT: usize = 5;
/// The usual length of a window, and the length from which on a window says that the thread that
/// closed it stood still. Most likely all threads stood still then, whose own report of that comes
/// with a later window.
const USUAL: Duration = Duration::from_millis(200);
const OVERDUE: Duration = Duration::from_millis(400);
/// The part of what is asked for that counts as reached.
const REACHED: f64 = 0.97;
/// Answers take longer and longer if they take this many times as long as three seconds before.
const SLOWER: f64 = 1.1;
/// If answers take at most this many times as long as at best, the service is not the limit.
const UNHURRIED: f64 = 2.0;
/// With fewer answers their mean says nothing.
const ENOUGH: u64 = 20;

/// What is the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limiter {
    /// The service completes less than is asked of it, and answers later and later.
    Service,
    /// There are too few users, and no more are allowed.
    Users,
    /// The load generator: this node.
    Generator,
}

impl Limiter {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Service, Self::Users, Self::Generator];

    /// In a word, for labels and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Users => "users",
            Self::Generator => "generator",
        }
    }
}

/// What went through in a window; outermost transactions only.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Flow {
    /// When the window ended.
    pub until: RunInstant,
    /// Slots that became due in the window.
    pub due: f64,
    /// Transactions that began in the window.
    pub begun: u64,
    /// Transactions that ended in the window, well or not.
    pub completed: u64,
    /// The service time of those that ended, summed up.
    pub service: Duration,
    /// Whether the load generator was itself a limit.
    pub generator_limited: bool,
    /// How long the generator's threads stood still, on average.
    pub stood: Duration,
    /// Whether the machine holds no more users than exist.
    pub lacks_room: bool,
}

/// A limit, and what the conclusion is based on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// What is the limit.
    pub by: Limiter,
    /// Since when that is known.
    pub since: RunInstant,
    /// How much was asked for a second, in the last three seconds.
    pub asked: f64,
    /// How much began a second, in the same time.
    pub begun: f64,
    /// How much was completed a second, in the same time.
    pub completed: f64,
    /// The mean service time, in seconds, of what was completed lately, and the lowest mean of any
    /// second of the run; `None` without answers.
    pub service: Option<(f64, f64)>,
}

/// Looks for a limit in each window of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LimitWatch {
    windows: VecDeque<Flow>,
    /// The least mean service time of a second, in seconds.
    best: Option<f64>,
    /// Whether anything ever began: nothing limits a scenario without transactions.
    has_begun: bool,
    limit: Option<Limit>,
}

impl LimitWatch {
    /// What is the limit now, if anything is.
    pub const fn limit(&self) -> Option<&Limit> {
        self.limit.as_ref()
    }

    /// Begins anew: what is asked for has changed so much that the past says nothing.
    pub fn forget(&mut self) {
        self.windows.clear();
        self.limit = None;
    }

    /// Takes in a window.
    pub fn on_window(&mut self, mut flow: Flow) {
        self.has_begun |= flow.begun > 0;
        let length = self.windows.back().map_or(USUAL, |before| flow.until.since(before.until));
        if length >= OVERDUE {
            flow.stood = flow.stood.max(length - USUAL);
        }
        self.windows.push_back(flow);
        if self.windows.len() > CONCLUSIVE {
            self.windows.pop_front();
        }
        let recent = FlowSums::of(self.windows.iter().rev().take(RECENT));
        if let Some(mean) = recent.mean_service() {
            self.best = Some(self.best.map_or(mean, |best| best.min(mean)));
        }
        let all = FlowSums::of(&self.windows);
        let since = match &self.limit {
            Some(_) if recent.is_reached() => {
                self.limit = None;
                return;
            }
            Some(limit) => limit.since,
            None => flow.until,
        };
        if self.windows.len() < CONCLUSIVE {
            return;
        }
        // A limit stays, once concluded, until what is asked for is reached; what is the limit may
        // change.
        let by = self.conclude(&all, &recent).or(self.limit.map(|limit| limit.by));
        self.limit = by.map(|by| {
            let seconds = all.seconds;
            let service = recent.mean_service().or(all.mean_service()).zip(self.best);
            Limit {
                by,
                since,
                asked: all.due / seconds,
                begun: all.begun / seconds,
                completed: all.completed as f64 / seconds,
                service,
            }
        });
    }

    fn conclude(&self, all: &FlowSums, recent: &FlowSums) -> Option<Limiter> {
        if !self.has_begun || all.is_reached() || recent.is_reached() {
            return None;
        }
        // What was due while the threads stood still could neither begin nor be completed, and
        // comes late.
        let is_explained = [all, recent].iter().any(|sums| sums.standing_explains());
        if all.generator_limited * 2 >= self.windows.len() || is_explained {
            return Some(Limiter::Generator);
        }
        let too_few_begin =
            [all, recent].iter().all(|sums| sums.begun < sums.due * REACHED - chance(sums.due));
        let early = FlowSums::of(self.windows.iter().take(RECENT)).mean_service();
        let late = recent.mean_service();
        // When a run ends its users go, which does not mean that there was room for more.
        if too_few_begin && self.windows.iter().any(|window| window.lacks_room) {
            return Some(Limiter::Generator);
        }
        if too_few_begin {
            let unhurried =
                late.zip(self.best).is_some_and(|(late, best)| late <= best * UNHURRIED);
            return Some(if unhurried { Limiter::Users } else { Limiter::Service });
        }
        let is_slower = early.zip(late).is_some_and(|(early, late)| late > early * SLOWER);
        // Where hardly anything is completed, no mean says so: but what began first would have
        // ended long ago, by the best times of this run.
        let hangs =
            all.completed < ENOUGH && self.best.is_some_and(|best| best * UNHURRIED < all.seconds);
        (is_slower || hangs).then_some(Limiter::Service)
    }
}

/// Windows taken together.
#[derive(Clone, Copy, Debug, Default)]
struct FlowSums {
    seconds: f64,
    due: f64,
    begun: f64,
    completed: u64,
    service: f64,
    generator_limited: usize,
    stood: f64,
}

impl FlowSums {
    fn of<'a>(windows: impl IntoIterator<Item = &'a Flow>) -> Self {
        let mut sums = Self::default();
        let (mut first, mut last) = (RunInstant::NEVER, RunInstant::START);
        let mut number = 0.0;
        for window in windows {
            sums.due += window.due;
            sums.begun += window.begun as f64;
            sums.completed += window.completed;
            sums.service += window.service.as_secs_f64();
            sums.generator_limited += usize::from(window.generator_limited);
            sums.stood += window.stood.as_secs_f64();
            (first, last) = (first.min(window.until), last.max(window.until));
            number += 1.0;
        }
        // The ends of n windows are n - 1 windows apart.
        sums.seconds = if number > 1.0 {
            last.since(first).as_secs_f64() * number / (number - 1.0)
        } else {
            0.2
        };
        sums
    }

    /// Whether about as much was completed as was asked for.
    fn is_reached(&self) -> bool {
        self.completed as f64 >= self.due * REACHED - chance(self.due)
    }

    /// Whether no more is missing than was due while the generator stood still.
    fn standing_explains(&self) -> bool {
        let missed = self.due * (self.stood / self.seconds).min(1.0);
        self.stood > 0.0 && self.completed as f64 + missed >= self.due * REACHED - chance(self.due)
    }

    fn mean_service(&self) -> Option<f64> {
        (self.completed >= ENOUGH).then(|| self.service / self.completed as f64)
    }
}

#[cfg(test)]
mod tests;
