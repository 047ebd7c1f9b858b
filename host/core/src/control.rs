//! Chooses the rate at which all that was asked for holds: a target, latency percentiles, error
//! rates, together.
//!
//! A [`Regulator`] holds the set-point. In every window of a fifth of a second each objective is
//! judged by what began under the set-point in force, and says up to which rate it holds. The
//! lowest of these rates and of the target is the next set-point. Workers count for an objective
//! with a [`Watch`] and send [`Tally`]s, whose sum the regulator is given. Nothing here reads a
//! clock.
//!
//! | file | what it knows |
//! |---|---|
//! | `objective` | what may be asked for, and how it is written |
//! | `watch` | counting for an objective on a worker |
//! | `catch_up` | which starts say nothing of the rate in force |
//! | `sketch` | times as parts of an objective |
//! | `evidence` | what windows say together, and how surely |
//! | `growth` | how fast a rate may rise |
//! | `holder` | one objective and its limit |
//! | `find` | searching the highest rate that holds |
//! | `limit` | who keeps the rate below what is asked for |
//! | `steady` | whether a service has warmed up |
//! | `window` | what is told of the whole run, beside tallies |

mod catch_up;
mod evidence;
mod find;
mod growth;
mod holder;
mod limit;
mod objective;
mod sketch;
mod steady;
mod watch;
mod window;

use serde::{Deserialize, Serialize};

pub use self::find::{Breach, Finder, SearchEnd, SearchResult, Searching};
pub use self::holder::Doing;
use self::holder::Holder;
pub use self::limit::{Flow, Limit, LimitWatch, Limiter};
pub use self::objective::{Goal, Objective, ObjectiveError};
pub use self::steady::Steadiness;
pub use self::watch::{Tally, Watch};
pub use self::window::ControlWindow;
use crate::units::Rate;

/// Where an objective has the load begin unless told otherwise, in transactions a second: nothing
/// to a service that is worth a load test, and five seconds of growth from its first thousand.
pub const DEFAULT_START: f64 = 512.0;
/// The lowest rate to which objectives lead: one transaction a second goes on asking a service that
/// is down whether it is back.
pub const FLOOR: f64 = 1.0;
/// A change of the rate by a smaller part than this waits for a later window.
const WORTH_A_CHANGE: f64 = 0.000_1;

/// A new set-point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Transactions a second, from now on.
    pub rate: f64,
    /// Whether every [`Watch`] is to [begin anew](Watch::restart): the load has come down, and what
    /// began before the change says only something about the old load.
    pub restart: bool,
}

/// Why the set-point is what it is, as one objective sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation<'a> {
    /// The objective.
    pub objective: &'a Objective,
    /// The rate, in transactions a second, up to which the objective holds, as far as is known.
    pub limit: f64,
    /// What its controller is doing.
    pub doing: Doing,
    /// What was measured last, in seconds or as a share, and on how many samples.
    pub measured: Option<(f64, u64)>,
    /// Whether this objective keeps the set-point down.
    pub binding: bool,
}

/// The set-point and what it follows from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Regulator {
    target: Option<f64>,
    holders: Vec<Holder>,
    in_force: f64,
}

impl Regulator {
    /// Holds `objectives` at the highest rate that they allow, up to `target` where there is one.
    /// With objectives it begins at `start` or the target, whichever is less, and without any at
    /// the target.
    ///
    /// # Panics
    /// With neither a target nor an objective: then there is nothing to hold.
    pub fn new(target: Option<f64>, objectives: Vec<Objective>, start: f64) -> Self {
        assert!(target.is_some() || !objectives.is_empty(), "a set-point follows from something");
        let in_force = match target {
            Some(target) if objectives.is_empty() => target,
            Some(target) => start.min(target),
            None => start,
        };
        let holders =
            objectives.into_iter().map(|objective| Holder::new(objective, in_force)).collect();
        Self { target, holders, in_force }
    }

    /// The set-point in force, in transactions a second.
    pub const fn rate(&self) -> f64 {
        self.in_force
    }

    /// Sets another target, whatever the target was; the objectives go on. Returns the new
    /// set-point if it changes now; to a higher target the rate rises step by step.
    pub fn set_target(&mut self, target: f64) -> Option<Change> {
        self.target = Some(target);
        self.settle()
    }

    /// The objectives, in the order in which their tallies are expected.
    pub fn objectives(&self) -> impl Iterator<Item = &Objective> {
        self.holders.iter().map(|holder| &holder.objective)
    }

    /// Takes in a window: a tally for each objective, in their order. Returns the new set-point if
    /// it changes.
    pub fn on_window(&mut self, window: &ControlWindow, tallies: &[Tally]) -> Option<Change> {
        for (holder, tally) in self.holders.iter_mut().zip(tallies) {
            holder.on_window(window, self.in_force, tally);
        }
        self.settle()
    }

    /// What each objective says about the rate.
    pub fn explain(&self) -> impl Iterator<Item = Explanation<'_>> {
        self.holders.iter().map(|holder| Explanation {
            objective: &holder.objective,
            limit: holder.limit,
            doing: holder.doing,
            measured: holder.room.map(|room| (room.reading, room.samples)),
            binding: self.target.is_none_or(|target| holder.limit < target)
                && self.holders.iter().all(|other| holder.limit <= other.limit),
        })
    }

    fn settle(&mut self) -> Option<Change> {
        let allowed =
            self.holders.iter().map(|holder| holder.limit.max(FLOOR)).fold(Rate::MAX, f64::min);
        let rate = self.target.map_or(allowed, |target| target.min(allowed));
        let change = rate / self.in_force - 1.0;
        let restart = self.holders.iter().any(|holder| holder.answered);
        if !restart && (change == 0.0 || change.abs() < WORTH_A_CHANGE && self.target != Some(rate))
        {
            return None;
        }
        self.in_force = rate;
        Some(Change { rate, restart })
    }
}

#[cfg(test)]
mod simulation;
