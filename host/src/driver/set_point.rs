//! The rate of a controlled run: the workers' tallies go to `core`'s regulator, or to what searches the highest rate, and set-points come back to the workers.

use std::time::{Duration, Instant};

use swell_core::RunInstant;
use swell_core::control::{self, Change, Doing, Explanation, Finder, Found, Objective, Regulator, Searching, Tally};
use swell_core::plan::Control;
use swell_core::verdict::is_generator_limited;
use tokio::sync::watch;

use super::worker::{SetPoint, WINDOW, Window};
use crate::plan::objective_in_words;

/// How far ahead of its decision a set-point comes into force: by then every worker that runs has heard of it.
const NOTICE: Duration = Duration::from_millis(2);

/// How long a window is waited for that a worker has not sent: one that is stuck must not keep the others at a rate that the service cannot bear.
const LONGEST_WINDOW: Duration = WINDOW.saturating_mul(3);

/// Who decides on the rate.
pub(crate) enum Pilot {
    /// It is held.
    Holding(Regulator),
    /// The highest is searched.
    Searching(Box<Finder>),
}

impl Pilot {
    pub(crate) fn of(control: &Control) -> Self {
        control.finder().map_or_else(|| Self::Holding(control.regulator()), |finder| Self::Searching(Box::new(finder)))
    }

    fn on_window(&mut self, window: &control::Window, tallies: &[Tally]) -> Option<Change> {
        match self {
            Self::Holding(regulator) => regulator.on_window(window, tallies),
            Self::Searching(finder) => finder.on_window(window, tallies),
        }
    }
}

/// See the module's documentation.
pub(crate) struct SetPoints {
    pilot: Pilot,
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
    /// What a search came to.
    pub(crate) found: Option<Found>,
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
    pub(crate) fn new(pilot: Pilot, line: watch::Sender<Option<SetPoint>>, workers: usize) -> Self {
        let tallies = match &pilot {
            Pilot::Holding(regulator) => regulator.objectives().count(),
            Pilot::Searching(finder) => finder.objectives().count(),
        };
        let tallies = vec![Tally::default(); tallies];
        Self { pilot, line, workers, restarts: 0, tallies, arrived: 0, begun: 0, generator_limited: false, window_from: None }
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
        let change = self.pilot.on_window(&window, &self.tallies);
        self.tallies.iter_mut().for_each(Tally::clear);
        (self.arrived, self.begun, self.generator_limited, self.window_from) = (0, 0, false, Some(now));
        if let Some(change) = change {
            self.restarts += u64::from(change.restart);
            tracing::debug!("set-point {:.1}/s: {}", change.rate, self.reason());
            self.line.send_replace(Some(SetPoint { rate: change.rate, from: until + NOTICE, restarts: self.restarts }));
        }
    }

    /// Whether a search has come to its end.
    pub(crate) fn is_over(&self) -> bool {
        matches!(&self.pilot, Pilot::Searching(finder) if finder.doing() == Searching::Over)
    }

    /// The set-point in force, in transactions a second.
    pub(crate) fn goal(&self) -> f64 {
        match &self.pilot {
            Pilot::Holding(regulator) => regulator.rate(),
            Pilot::Searching(finder) => finder.rate(),
        }
    }

    /// What keeps the rate where it is, in words.
    pub(crate) fn reason(&self) -> String {
        match &self.pilot {
            Pilot::Holding(regulator) => {
                let binding = regulator.explain().find(|explained| explained.binding);
                binding.map_or_else(
                    || "as asked".to_owned(),
                    |explained| format!("{}: {}", objective_in_words(explained.objective), doing_in_words(explained.doing)),
                )
            }
            Pilot::Searching(finder) => {
                let doing = match finder.doing() {
                    Searching::Climbing => "climbing",
                    Searching::Resting => "resting",
                    Searching::Trying => "trying it",
                    Searching::Over => "found",
                };
                let known = |what: &str, rate: Option<f64>| rate.map_or_else(String::new, |rate| format!(", {what} {rate:.0}/s"));
                let (held, broken) = finder.interval();
                format!("{doing}{}{}", known("held", held), known("broken at", broken))
            }
        }
    }

    pub(crate) fn record(&self) -> ControlRecord {
        let (objectives, found) = match &self.pilot {
            Pilot::Holding(regulator) => (regulator.explain().map(ObjectiveRecord::of).collect(), None),
            Pilot::Searching(finder) => (Vec::new(), Some(finder.found())),
        };
        ControlRecord { goal: self.goal(), objectives, found }
    }
}

impl ObjectiveRecord {
    fn of(explained: Explanation<'_>) -> Self {
        Self {
            objective: explained.objective.clone(),
            limit: explained.limit,
            doing: doing_in_words(explained.doing),
            measured: explained.measured,
            binding: explained.binding,
        }
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
