//! How far the workers of a node have come with its slots: those of the windows that were counted,
//! sent beside results, and those that they have reached at this moment.

use std::sync::atomic::{AtomicU64, Ordering};

use swell_core::run::Pace;
use swell_protocol::deltas::Frontier;

use crate::shared::{Milestone, Shared, Window};

/// What the workers' windows up to now account for.
pub(super) struct Accounted {
    /// How far each worker had come.
    at: Vec<Milestone>,
    /// Slots whose starts were counted, which is done when what they started has ended.
    started: u64,
    /// Slots that never will be started.
    unsent: u64,
}

impl Accounted {
    /// Nothing yet, of so many workers.
    pub(super) fn new(workers: usize) -> Self {
        Self { at: vec![Milestone::default(); workers], started: 0, unsent: 0 }
    }

    /// Takes in a window of a worker.
    pub(super) fn add(&mut self, window: &Window, pace: Pace) {
        for part in [&window.counted.warm_up, &window.counted.measured] {
            // What takes a slot is an iteration, or a transaction.
            self.started += if pace == Pace::Iterations {
                part.iterations.started
            } else {
                part.total.counts.started
            };
            self.unsent += part.unsent.total();
        }
        if let Some(at) = self.at.get_mut(window.at.worker) {
            *at = window.at;
        }
    }

    /// What stands beside results that end where these windows do: what was due by then, and
    /// neither counted nor given up, waits or is under way.
    pub(super) fn frontier(&self) -> Frontier {
        let due: u64 = self.at.iter().map(|at| at.due).sum();
        Frontier {
            started: self.started,
            reached: self.at.iter().map(|at| at.reached).min().unwrap_or(0),
            furthest: self.at.iter().map(|at| at.reached).max().unwrap_or(0),
            waiting: due.saturating_sub(self.started + self.unsent),
        }
    }
}

impl Shared {
    /// How far the workers are at this moment.
    pub(super) fn frontier(&self) -> Frontier {
        let progress = || self.progress.iter();
        let load = |value: &AtomicU64| value.load(Ordering::Relaxed);
        Frontier {
            started: progress().map(|one| load(&one.started)).sum(),
            reached: progress().map(|one| load(&one.reached)).min().unwrap_or(0),
            furthest: progress().map(|one| load(&one.reached)).max().unwrap_or(0),
            waiting: progress().map(|one| load(&one.waiting)).sum::<u64>()
                + self.overflow.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(worker: usize, (started, unsent): (u64, u64), (reached, due): (u64, u64)) -> Window {
        let mut window = Window { at: Milestone { worker, reached, due }, ..Window::default() };
        window.counted.warm_up.total.counts.started = started;
        window.counted.warm_up.iterations.started = started / 10;
        window.counted.measured.unsent.users = unsent;
        window
    }

    #[test]
    fn what_was_due_and_is_not_counted_waits_or_is_under_way() {
        let mut accounted = Accounted::new(2);
        assert_eq!(accounted.frontier(), Frontier::default());
        accounted.add(&window(0, (60, 5), (200, 100)), Pace::Transactions);
        accounted.add(&window(1, (90, 0), (190, 95)), Pace::Transactions);
        let expected = Frontier { started: 150, reached: 190, furthest: 200, waiting: 40 };
        assert_eq!(accounted.frontier(), expected);
        // A worker's latest window says how far it has come; what it counted adds up.
        accounted.add(&window(1, (25, 0), (260, 130)), Pace::Transactions);
        let expected = Frontier { started: 175, reached: 200, furthest: 260, waiting: 50 };
        assert_eq!(accounted.frontier(), expected);
    }

    #[test]
    fn where_iterations_are_paced_they_take_the_slots() {
        let mut accounted = Accounted::new(1);
        accounted.add(&window(0, (60, 0), (10, 10)), Pace::Iterations);
        assert_eq!((accounted.frontier().started, accounted.frontier().waiting), (6, 4));
    }
}
