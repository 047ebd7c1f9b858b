//! What all workers of a run share, what they are told, and what they report.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use swell_core::RunInstant;
use swell_core::control::{Objective, Tally};
use swell_core::record::Snapshot;
use swell_core::run::{ActedScenario, Flowed, Pace, SetPoint};
use swell_core::schedule::{Course, Owner};
use swell_core::units::counted;
use swell_engine::{Program, Run, ScenarioRole};
use swell_protocol::clock::LocalInstant;
use swell_protocol::message::Orders;
use tokio::sync::mpsc;

use crate::iterations::Iterations;
use crate::overflow::SharedOverflow;
use crate::plan::{PlannedScenario, RunPlan};

/// What a run's starts follow, as the control thread sets it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WorkerSetPoint {
    pub(crate) starts: Starts,
    /// From when on. That is a moment ahead, so that all workers change at the same slot.
    pub(crate) from: RunInstant,
    /// How often objectives were told to judge only what begins from then on.
    pub(crate) restarts: u64,
    /// Whether nothing is to begin, whatever paces it.
    pub(crate) paused: bool,
    /// Where the measured part begins, if not where it was planned.
    pub(crate) measured_from: Option<RunInstant>,
}

impl From<SetPoint> for WorkerSetPoint {
    fn from(set_point: SetPoint) -> Self {
        let SetPoint { course, from, restarts, is_paused, measured_from } = set_point;
        let starts = course.map_or(Starts::AsTheyAre, Starts::Follow);
        Self { starts, from, restarts, paused: is_paused, measured_from }
    }
}

/// When starts are due.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Starts {
    /// The load model has no rate, or starts stay as planned.
    AsTheyAre,
    /// The slots of all workers together follow a course.
    Follow(Course),
    /// The slots are dealt out to several nodes; this node has a number in the tables.
    Dealt(Arc<Orders>, Owner),
}

/// A lease of a node among others: until when it may start slots, on the clock that counts
/// suspension, and below which slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) below: u64,
    pub(crate) until: LocalInstant,
}

/// A scenario of the run, and what its users have done.
#[derive(Debug)]
pub(crate) struct SharedScenario {
    pub(crate) role: ScenarioRole,
    /// The bytes from its `setup`; empty where there is none.
    pub(crate) start_data: Vec<u8>,
    /// Whether its `stop` does anything.
    pub(crate) has_stop: bool,
    pub(crate) users: LiveUsers,
    /// Iterations that took place and have ended.
    pub(crate) iterations: AtomicU64,
}

impl SharedScenario {
    fn all(planned: &[PlannedScenario], start_data: Vec<Vec<u8>>) -> Vec<Self> {
        let data = start_data.into_iter().chain(std::iter::repeat_with(Vec::new));
        let one = |((place, planned), start_data): ((u32, &PlannedScenario), Vec<u8>)| Self {
            role: ScenarioRole { scenario: planned.index, place },
            start_data,
            has_stop: planned.has_start,
            users: LiveUsers::default(),
            iterations: AtomicU64::new(0),
        };
        (0..).zip(planned).zip(data).map(one).collect()
    }
}

/// How far a worker has come with its slots.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) started: AtomicU64,
    pub(crate) reached: AtomicU64,
    pub(crate) waiting: AtomicU64,
}

impl Shared {
    /// The present on the run's clock; before its beginning, its first instant.
    pub(crate) fn now(&self) -> RunInstant {
        RunInstant::START + self.began.elapsed()
    }

    /// An instant on the run's clock.
    pub(crate) fn on_clock(&self, instant: Instant) -> RunInstant {
        RunInstant::START + instant.saturating_duration_since(self.began)
    }

    /// The instant at which the run's clock shows `at`.
    pub(crate) fn at(&self, at: RunInstant) -> Instant {
        self.began + at.since(RunInstant::START)
    }

    /// What the users of each scenario did so far; nothing where there is one alone.
    pub(crate) fn acted(&self) -> Vec<ActedScenario> {
        let acted = |scenario: &SharedScenario| ActedScenario {
            users_at_once: scenario.users.most_at_once(),
            iterations: scenario.iterations.load(Ordering::Relaxed),
        };
        let several = self.scenarios.iter().filter(|_| self.scenarios.len() > 1);
        several.map(acted).collect()
    }

    /// Slots that started something: where iterations take slots, one may find that there are no
    /// more iteration numbers.
    pub(crate) fn slots(&self) -> u64 {
        match self.pace {
            Pace::Iterations => self.iterations.that_took_place(),
            Pace::Transactions | Pace::Nothing => {
                self.progress.iter().map(|one| one.started.load(Ordering::Relaxed)).sum()
            }
        }
    }
}

/// What a worker counted in a window.
#[derive(Default)]
pub(crate) struct Window {
    pub(crate) counted: Snapshot,
    /// Slots that were started.
    pub(crate) started: u64,
    /// How long the thread stood still in the window.
    pub(crate) stood: Duration,
    /// A tally for each objective.
    pub(crate) tallies: Vec<Tally>,
    /// How far the worker had come with its slots at the end of the window.
    pub(crate) at: Milestone,
    /// Request heads that the worker had handed to the network by then, over the whole run.
    pub(crate) written: u64,
}

/// How far a worker has come with its slots.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Milestone {
    pub(crate) worker: usize,
    /// The worker's own slots below this number are no longer to come.
    pub(crate) reached: u64,
    /// How many of them have been due.
    pub(crate) due: u64,
}

/// What all workers of a run share.
pub(crate) struct Shared {
    pub(crate) program: Arc<Program>,
    pub(crate) run: Arc<Run>,
    pub(crate) client: swell_client::Options,
    pub(crate) pace: Pace,
    /// What the users act, by the places of the scenarios in the mix.
    pub(crate) scenarios: Vec<SharedScenario>,
    pub(crate) iterations: Iterations,
    /// How many of them each user makes; `None` where users go on as long as there are any.
    pub(crate) iterations_each: Option<u64>,
    pub(crate) overflow: Arc<SharedOverflow>,
    pub(crate) began: Instant,
    pub(crate) measured_from: RunInstant,
    pub(crate) ends_at: RunInstant,
    /// Length of the measured part, where the clock ends it.
    pub(crate) measured: Option<Duration>,
    pub(crate) objectives: Vec<Objective>,
    pub(crate) users: LiveUsers,
    pub(crate) deserted: Deserted,
    /// How many users each worker makes before the first instant.
    pub(crate) users_ahead: Vec<u32>,
    /// The progress of each worker.
    pub(crate) progress: Vec<Arc<Progress>>,
}

/// How far users have ended by themselves, of all workers.
#[derive(Debug, Default)]
pub(crate) struct Deserted {
    /// Users that did.
    users: AtomicU64,
    /// Workers that have no user left, and none to come.
    workers: AtomicUsize,
}

impl Shared {
    /// A user has ended by itself.
    pub(crate) fn user_stopped(&self) {
        self.deserted.users.fetch_add(1, Ordering::Relaxed);
    }

    /// A worker has no user left, and none to come; each says so once. With the last of them no
    /// iteration begins any more, which ends this node's part of the run.
    pub(crate) fn worker_is_deserted(&self) {
        let workers = self.deserted.workers.fetch_add(1, Ordering::AcqRel) + 1;
        let stopped = self.deserted.users.load(Ordering::Acquire);
        if workers == self.progress.len() && stopped > 0 && !self.iterations.is_exhausted() {
            tracing::info!(
                "no user is left: {} ended by stop-user, which leaves a place empty",
                counted(stopped, "user")
            );
            self.iterations.close();
        }
    }

    /// What the workers share of a plan that begins at this instant.
    pub(crate) fn new(
        plan: &RunPlan,
        program: Arc<Program>,
        run: Arc<Run>,
        start_data: Vec<Vec<u8>>,
        iterations: Iterations,
        began: Instant,
    ) -> Arc<Self> {
        Arc::new(Self {
            program,
            run,
            client: plan.client.clone(),
            pace: plan.pace(),
            scenarios: SharedScenario::all(&plan.scenarios, start_data),
            iterations,
            iterations_each: plan.plan.stop.iterations_each,
            overflow: SharedOverflow::new(plan.workers),
            began,
            measured_from: plan.plan.measured_from(),
            ends_at: plan.plan.end(),
            measured: plan.plan.stop.measured,
            objectives: plan
                .plan
                .control
                .as_ref()
                .map_or_else(Vec::new, |control| control.objectives.clone()),
            users: LiveUsers::default(),
            deserted: Deserted::default(),
            users_ahead: (0..plan.workers).map(|worker| plan.users_ahead_of(worker)).collect(),
            progress: std::iter::repeat_with(Arc::default).take(plan.workers).collect(),
        })
    }
}

impl Window {
    /// What went through in the window. Where a node reports all its `workers` together, a worker's
    /// standstill counts by its part in the mean; a worker that reports by itself is one of one.
    pub(crate) fn flowed(&self, pace: Pace, workers: usize) -> Flowed {
        let mut flowed = Flowed::of_window(&self.counted, self.started, &self.tallies, pace);
        flowed.stood = self.stood / u32::try_from(workers).unwrap_or(u32::MAX).max(1);
        flowed
    }

    /// Forgets what was counted and gives the memory back to its worker, or to another one that has
    /// room for it; if none has, the memory is freed.
    pub(crate) fn give_back(mut self, spares: &[mpsc::Sender<Self>]) {
        self.counted.clear();
        self.tallies.iter_mut().for_each(Tally::clear);
        let (before, own) = spares.split_at(self.at.worker.min(spares.len()));
        for spare in own.iter().chain(before) {
            match spare.try_send(self) {
                Ok(()) => return,
                Err(
                    mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back),
                ) => self = back,
            }
        }
    }
}

/// Users of all workers, for the live view and to know when no user is left.
#[derive(Debug, Default)]
pub(crate) struct LiveUsers {
    alive: AtomicU64,
    most: AtomicU64,
}

impl LiveUsers {
    pub(crate) fn came(&self) {
        let alive = self.alive.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(alive, Ordering::Relaxed);
    }

    pub(crate) fn went(&self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn alive(&self) -> u64 {
        self.alive.load(Ordering::Relaxed)
    }

    pub(crate) fn most_at_once(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }
}
