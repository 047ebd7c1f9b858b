//! Who keeps the rate below what is asked for, concluded from several windows and never from one.
//!
//! ## Why not slopes
//! One may raise the number of users and see whether the throughput follows, as adaptive samplers
//! do; but at a rate that is reached it does not follow either, and a service that is slow needs
//! users without being at its limit. What is compared here is what was asked for with what came
//! out, and the time that answers take with what it was before.
//!
//! ## What is concluded
//! Over three seconds less was completed than was to begin, by more than a few percent and more
//! than chance. Then, in this order: the *generator*, where half of the windows say so of
//! themselves, or where no more is missing than its threads stood still for, or where its machine
//! holds no more users; the *users*, where too few began because none was free and answers take no
//! longer than they did at best, so that more users would have helped; else the *service*, where
//! none was free or answers take longer and longer. A service that is slow but keeps up, however
//! many users that needs, and a rate that rises, are none of these. When a second's windows
//! complete what was asked for, nobody is the limit any more.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::evidence::chance;
use crate::RunInstant;

/// Windows of a fifth of a second that a conclusion is drawn from, and in which the end of a limit
/// is seen.
const CONCLUSIVE: usize = 15;
const RECENT: usize = 5;
/// How long a window is, and from what length on it tells that whoever closed it stood still, and
/// with it most likely all threads, whose own word of that comes with a later window.
const USUAL: Duration = Duration::from_millis(200);
const OVERDUE: Duration = Duration::from_millis(400);
/// The part of what is asked for that counts as reached.
const REACHED: f64 = 0.97;
/// Answers take longer and longer if they take this many times what they took three seconds before.
const SLOWER: f64 = 1.1;
/// Answers that take at most this many times what they took at best say that the service is not
/// what is in the way.
const UNHURRIED: f64 = 2.0;
/// Answers without which their mean says nothing.
const ENOUGH: u64 = 20;

/// Who is the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limiter {
    /// It completes less than it is asked for, and answers later and later.
    Service,
    /// There are too few of them, and no more are allowed.
    Users,
    /// The load generator: this node.
    Generator,
}

impl Limiter {
    /// All that there are.
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

/// What there was in a window, of outermost transactions.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Flow {
    /// When it ended.
    pub until: RunInstant,
    /// Slots that were due in it.
    pub due: f64,
    /// Begun in it.
    pub begun: u64,
    /// Ended in it, well or not.
    pub completed: u64,
    /// The service time of those that ended, summed up.
    pub service: Duration,
    /// Whether the load generator was itself a limit.
    pub generator_limited: bool,
    /// How long its threads stood still, on average.
    pub stood: Duration,
    /// Whether all users that its machine holds exist.
    pub lacks_room: bool,
}

/// A limit, and what it was concluded from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Who.
    pub by: Limiter,
    /// When it was concluded.
    pub since: RunInstant,
    /// Asked for, begun and completed, a second, in the last three seconds.
    pub asked: f64,
    /// See `asked`.
    pub begun: f64,
    /// See `asked`.
    pub completed: f64,
    /// The mean service time, in seconds, of what was completed lately, and at best in a second of
    /// the run; nothing without answers.
    pub service: Option<(f64, f64)>,
}

/// Looks for a limit in each window of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LimitWatch {
    windows: VecDeque<Flow>,
    /// The least mean service time of a second, in seconds.
    best: Option<f64>,
    /// Whether anything ever began: a scenario without transactions is nobody's limit.
    has_begun: bool,
    limit: Option<Limit>,
}

impl LimitWatch {
    /// What is the limit now, if anything is.
    pub const fn limit(&self) -> Option<&Limit> {
        self.limit.as_ref()
    }

    /// Begins anew: what was asked for has changed so much that the past says nothing.
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
        // Once concluded a limit stays until what is asked for is reached; who it is may change.
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
        // What was due while its threads stood still could neither begin nor be completed, and
        // comes late.
        let is_explained = [all, recent].iter().any(|sums| sums.standing_explains());
        if all.generator_limited * 2 >= self.windows.len() || is_explained {
            return Some(Limiter::Generator);
        }
        let too_few_begin =
            [all, recent].iter().all(|sums| sums.begun < sums.due * REACHED - chance(sums.due));
        let early = FlowSums::of(self.windows.iter().take(RECENT)).mean_service();
        let late = recent.mean_service();
        // When a run ends its users go, and nothing has changed about what they lacked.
        if too_few_begin && self.windows.iter().any(|window| window.lacks_room) {
            return Some(Limiter::Generator);
        }
        if too_few_begin {
            let unhurried =
                late.zip(self.best).is_some_and(|(late, best)| late <= best * UNHURRIED);
            return Some(if unhurried { Limiter::Users } else { Limiter::Service });
        }
        early
            .zip(late)
            .is_some_and(|(early, late)| late > early * SLOWER)
            .then_some(Limiter::Service)
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

    /// Whether what is missing to that is no more than was due while the generator stood still.
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
