//! Runs that code conducts: side by side, one after another, with anything between them, and their
//! statistics to judge by.
//!
//! A function with [`#[conduct]`](crate::conduct) is called once by `host run FILE`. It begins
//! scenarios of its file, each with a load of its own:
//!
//! ```no_run
//! use swell::prelude::*;
//!
//! #[conduct]
//! fn night() -> Result<()> {
//!     let background = runs::plan("browse").name("background").tps(100).start()?;
//!     let orders = runs::plan("order").tps(20).duration(secs(30)).start()?.wait()?;
//!     background.stop();
//!     let fast = orders.response.p95.is_some_and(|p95| p95 < millis(200));
//!     ensure!(fast, "orders are slow beside browsing");
//!     Ok(())
//! }
//! # #[scenario] fn browse() -> Result<()> { Ok(()) }
//! # #[scenario] fn order() -> Result<()> { Ok(()) }
//! ```
//!
//! Between the runs it may [`think`](crate::think()), and send requests, which are not measured: to
//! switch a server off, say, and see what the next run makes of it. Runs that still go on when it
//! returns are waited for.

use std::fmt::Display;
use std::time::Duration;

use crate::bindings::runs;
pub use crate::bindings::runs::Stamp;
use crate::error::{Error, Result};

/// What a run is to be, before it begins.
#[derive(Clone, Debug)]
#[must_use = "a plan does nothing before it is started"]
pub struct Plan {
    scenario: String,
    settings: Vec<(String, String)>,
}

/// A run that goes on, or is over. Dropped, it goes on.
#[derive(Debug)]
pub struct Run(runs::Run);

/// What the measured part of a run came to. Transactions are the outermost ones.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Whether the figures may be believed.
    pub stamp: Stamp,
    /// Length of the measured part.
    pub measured: Duration,
    /// Transactions that began.
    pub started: u64,
    /// Those that did what they should.
    pub ok: u64,
    /// Those that did not.
    pub failed: u64,
    /// Those that were cut off before they ended; in the times each has the age that it had then,
    /// the least that it would have taken.
    pub interrupted: u64,
    /// Starts that were due and given up.
    pub unsent: u64,
    /// Failed of those that ended by themselves, as a part of one; nothing where none did.
    pub error_rate: Option<f64>,
    /// Starts a second that were to be at the end; nothing in the closed model.
    pub goal_tps: Option<f64>,
    /// Completed a second, well or not.
    pub actual_tps: f64,
    /// Transactions under way, on average.
    pub concurrency: f64,
    /// Virtual users, at most at once.
    pub users: u64,
    /// End minus intended start.
    pub response: Times,
    /// End minus actual start.
    pub service: Times,
    /// Who kept the rate below the goal at the end: "service", "users" or "generator"; or the rule
    /// of the objective that kept the goal down.
    pub tps_limited: Option<String>,
}

/// How long something took; nothing where there were too few samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// The median.
    pub p50: Option<Duration>,
    /// Nine of ten took no longer.
    pub p90: Option<Duration>,
    /// 95 of 100.
    pub p95: Option<Duration>,
    /// 99 of 100.
    pub p99: Option<Duration>,
    /// 999 of 1,000.
    pub p999: Option<Duration>,
}

/// A run of this scenario of the file, with the command line's settings and the scenario's own
/// where nothing else is said.
pub fn plan(scenario: &str) -> Plan {
    Plan { scenario: scenario.to_owned(), settings: Vec::new() }
}

impl Plan {
    /// The name under which the run is reported; else the scenario's.
    pub fn name(self, name: &str) -> Self {
        self.set("name", name)
    }

    /// Transactions a second; with an objective the most.
    pub fn tps(self, tps: impl Display) -> Self {
        self.set("tps", tps)
    }

    /// Iterations a second.
    pub fn rate(self, rate: impl Display) -> Self {
        self.set("rate", rate)
    }

    /// Exactly this many virtual users.
    pub fn vus(self, users: u32) -> Self {
        self.set("vus", users)
    }

    /// How long to measure; without it the run lasts until it is stopped.
    pub fn duration(self, duration: Duration) -> Self {
        self.set("duration", in_milliseconds(duration))
    }

    /// How long to run before measuring.
    pub fn warmup(self, warmup: Duration) -> Self {
        self.set("warmup", in_milliseconds(warmup))
    }

    /// What the service is to hold, as "p95=200ms" or "checkout:p95=200ms".
    pub fn latency(self, rule: &str) -> Self {
        self.set("latency", rule)
    }

    /// The share that may fail, as "1%" or "checkout:1%".
    pub fn error_rate(self, rule: &str) -> Self {
        self.set("error-rate", rule)
    }

    /// Any setting, by the name of its flag without the dashes; again for one that may be repeated.
    pub fn set(mut self, flag: &str, value: impl Display) -> Self {
        self.settings.push((flag.to_owned(), value.to_string()));
        self
    }

    /// Begins the run.
    ///
    /// # Errors
    /// A setting is wrong, there is no such scenario, or all is ending: the text says which.
    pub fn start(self) -> Result<Run> {
        runs::Run::start(&self.scenario, &self.settings).map(Run).map_err(Error::Failed)
    }
}

impl Run {
    /// Waits for the run's end.
    ///
    /// # Errors
    /// It did not take place, as its `setup` failed or all was interrupted before.
    pub fn wait(&self) -> Result<Stats> {
        self.0.wait().map(Stats::from).map_err(Error::Failed)
    }

    /// Gives it another goal, in starts a second; with an objective it is the most.
    ///
    /// # Errors
    /// It has no rate, or is ending.
    pub fn set_tps(&self, tps: f64) -> Result<()> {
        self.0.set_tps(tps).map_err(Error::Failed)
    }

    /// Has it end as if its time were over.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl From<runs::Stats> for Stats {
    fn from(stats: runs::Stats) -> Self {
        Self {
            stamp: stats.stamp,
            measured: Duration::from_secs_f64(stats.seconds.max(0.0)),
            started: stats.started,
            ok: stats.ok,
            failed: stats.failed,
            interrupted: stats.interrupted,
            unsent: stats.unsent,
            error_rate: stats.error_rate,
            goal_tps: stats.goal_tps,
            actual_tps: stats.actual_tps,
            concurrency: stats.concurrency,
            users: stats.users,
            response: stats.response.into(),
            service: stats.service.into(),
            tps_limited: stats.tps_limited,
        }
    }
}

impl From<runs::Times> for Times {
    fn from(times: runs::Times) -> Self {
        let [p50, p90, p95, p99, p999] = [times.p50, times.p90, times.p95, times.p99, times.p999]
            .map(|time| time.map(Duration::from_nanos));
        Self { p50, p90, p95, p99, p999 }
    }
}

/// As the host reads it, to the millisecond above.
fn in_milliseconds(time: Duration) -> String {
    format!("{}ms", time.as_micros().div_ceil(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_flags() {
        let plan = plan("browse")
            .name("background")
            .tps(2.5)
            .duration(Duration::from_micros(1_500))
            .latency("p95=1s")
            .latency("p50=1ms");
        let settings: Vec<_> =
            plan.settings.iter().map(|(flag, value)| (flag.as_str(), value.as_str())).collect();
        assert_eq!(
            settings,
            [
                ("name", "background"),
                ("tps", "2.5"),
                ("duration", "2ms"),
                ("latency", "p95=1s"),
                ("latency", "p50=1ms")
            ]
        );
    }
}
