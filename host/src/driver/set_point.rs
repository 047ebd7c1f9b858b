//! The rate of a controlled run: the workers' tallies go to `core`'s regulator, and its set-points to the workers.

use std::time::{Duration, Instant};

use swell_core::RunInstant;
use swell_core::control::{self, Doing, Objective, Regulator, Tally};
use swell_core::verdict::is_generator_limited;
use tokio::sync::watch;

use super::worker::{SetPoint, WINDOW, Window};
use crate::plan::objective_in_words;

/// How far ahead of its decision a set-point comes into force: by then every worker that runs has heard of it.
const NOTICE: Duration = Duration::from_millis(2);

/// How long a window is waited for that a worker has not sent: one that is stuck must not keep the others at a rate that the service cannot bear.
const LONGEST_WINDOW: Duration = WINDOW.saturating_mul(3);

/// See the module's documentation.
pub(crate) struct SetPoints {
    regulator: Regulator,
    line: watch::Sender<Option<SetPoint>>,
    workers: usize,
    restarts: u64,
    /// What the workers have sent of the current window.
    tallies: Vec<Tally>,
    arrived: usize,
    begun: u64,
    generator_limited: bool,
    window_from: Option<Instant>,
}

/// What held the rate of a run, at its end.
#[derive(Clone, Debug)]
pub(crate) struct ControlRecord {
    /// The set-point in force, in transactions a second.
    pub(crate) goal: f64,
    pub(crate) objectives: Vec<ObjectiveRecord>,
}

/// One objective at the end of a run.
#[derive(Clone, Debug)]
pub(crate) struct ObjectiveRecord {
    pub(crate) objective: Objective,
    /// The rate up to which it holds.
    pub(crate) limit: f64,
    pub(crate) doing: &'static str,
    /// Seconds, or a share; with how many samples.
    pub(crate) measured: Option<(f64, u64)>,
    pub(crate) binding: bool,
}

impl SetPoints {
    pub(crate) fn new(regulator: Regulator, line: watch::Sender<Option<SetPoint>>, workers: usize) -> Self {
        let tallies = regulator.objectives().map(|_| Tally::default()).collect();
        Self { regulator, line, workers, restarts: 0, tallies, arrived: 0, begun: 0, generator_limited: false, window_from: None }
    }

    /// Takes in what a worker counted.
    pub(crate) fn add(&mut self, window: &Window) {
        for (sum, tally) in self.tallies.iter_mut().zip(&window.tallies) {
            sum.merge(tally);
        }
        self.arrived += 1;
        for part in [&window.counted.warm_up, &window.counted.measured] {
            self.begun += part.total.counts.started;
            self.generator_limited |= is_generator_limited(part);
        }
    }

    /// Ends the window if every worker has sent its own, or has had the time to, and tells the workers what follows.
    pub(crate) fn tick(&mut self, began: Instant) {
        let now = Instant::now();
        let length = now.saturating_duration_since(*self.window_from.get_or_insert(began));
        if length.is_zero() || self.arrived < self.workers && length < LONGEST_WINDOW {
            return;
        }
        let until = RunInstant::START + now.saturating_duration_since(began);
        let window = control::Window { until, length, begun: self.begun, generator_limited: self.generator_limited };
        let change = self.regulator.on_window(&window, &self.tallies);
        self.tallies.iter_mut().for_each(Tally::clear);
        (self.arrived, self.begun, self.generator_limited, self.window_from) = (0, 0, false, Some(now));
        if let Some(change) = change {
            self.restarts += u64::from(change.restart);
            tracing::debug!("set-point {:.1}/s: {}", change.rate, self.reason());
            self.line.send_replace(Some(SetPoint { rate: change.rate, from: until + NOTICE, restarts: self.restarts }));
        }
    }

    /// The set-point in force, in transactions a second.
    pub(crate) fn goal(&self) -> f64 {
        self.regulator.rate()
    }

    /// What keeps the rate where it is, in words.
    pub(crate) fn reason(&self) -> String {
        let binding = self.regulator.explain().find(|explained| explained.binding);
        binding.map_or_else(
            || "as asked".to_owned(),
            |explained| format!("{}: {}", objective_in_words(explained.objective), doing_in_words(explained.doing)),
        )
    }

    pub(crate) fn record(&self) -> ControlRecord {
        let objectives = self.regulator.explain().map(|explained| ObjectiveRecord {
            objective: explained.objective.clone(),
            limit: explained.limit,
            doing: doing_in_words(explained.doing),
            measured: explained.measured,
            binding: explained.binding,
        });
        ControlRecord { goal: self.regulator.rate(), objectives: objectives.collect() }
    }
}

const fn doing_in_words(doing: Doing) -> &'static str {
    match doing {
        Doing::Waiting => "too few samples to say anything",
        Doing::Raising => "it holds, and the rate rises",
        Doing::Holding => "it just holds",
        Doing::BackingOff => "it is broken, and the rate comes down",
        Doing::Settling => "it was broken, and the lower rate is given a moment to show",
        Doing::Saturated => "it holds, but the service completes less than it is given",
        Doing::Starved => "it holds, but fewer transactions begin than should",
        Doing::GeneratorLimited => "it holds, but the load generator is a limit",
    }
}
