//! A run's results as data: what `--out json=FILE` writes, and what the summary is made from.
//!
//! Times are in milliseconds and say so in their names. A percentile without enough samples is
//! `null`. What was cut off counts as at least its age, and a figure that it may make too small
//! stands in `at_least`. Every count that the summary shows is here, and
//! `transactions.started = ok + failed + interrupted` holds in each part and over all. What was
//! written is read back as it was: whoever has the JSON has the report.

mod confidence;
mod course;
mod grpc;
mod header;
mod hosts;
pub(crate) mod names;
mod notable;
mod part;
mod rate;
mod renamed;
mod requests;
#[cfg(test)]
pub(crate) mod samples;
mod sockets;
mod streams;
#[cfg(test)]
mod tests;
mod times;
mod websocket;

use std::collections::BTreeMap;
use std::time::Duration;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swell_core::record::{Figures, Snapshot, Texts};
use swell_core::verdict::Stamp;

pub use self::confidence::ConfidenceReport;
pub use self::course::{MarkReport, PointReport, StretchReport};
pub use self::grpc::{GrpcCallsReport, GrpcMessagesReport, GrpcMethodReport, GrpcReport};
pub use self::header::Header;
pub use self::hosts::HostReport;
pub use self::notable::{NotableReport, NotableRow};
pub use self::part::{
    CheckReport, Counted, NameReport, Part, SeriesReport, Totals, UnsentReport, failures,
};
pub use self::rate::{ControlReport, LimitReport, ObjectiveReport, SearchReport};
pub use self::requests::RequestsReport;
pub use self::sockets::SocketsReport;
pub use self::streams::StreamsReport;
pub use self::times::Times;
pub use self::websocket::WebSocketsReport;
use crate::exit::Exit;

/// The version of the form of one run's report. A reader may rely on a key's meaning within a major
/// version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Form {
    /// The second. It has all keys of the first, which is read as well.
    #[serde(rename = "swell.run/2", alias = "swell.run/1")]
    Second,
}

/// The same of the form for several runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum FormOfRuns {
    /// The first.
    #[serde(rename = "swell.runs/1")]
    First,
}

/// Everything about one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of this form.
    pub schema: Form,
    /// What was run.
    pub run: About,
    /// The stretch that `measured`, `warm_up`, `series` and `marks` are of; absent where that is
    /// the whole run. All else is of the whole run in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stretch: Option<StretchReport>,
    /// Whether the figures may be believed.
    pub verdict: VerdictReport,
    /// How it ended.
    pub exit: ExitReport,
    /// What began in the measured part.
    pub measured: Part,
    /// How sure the percentiles of its response time are; absent where it was too short to tell.
    pub confidence: Option<ConfidenceReport>,
    /// What began before it.
    pub warm_up: Part,
    /// Over the whole run: what the service may have counted.
    pub requests_written: u64,
    /// Virtual users over the whole run.
    pub users: UsersReport,
    /// What was to hold, and whether it did.
    pub thresholds: Vec<ThresholdReport>,
    /// What held the rate; absent where nothing did.
    pub control: Option<ControlReport>,
    /// What kept the rate below what was asked for, one after the other.
    pub limits: Vec<LimitReport>,
    /// The nodes that shared the run; empty where one was alone.
    #[serde(flatten, with = "renamed::nodes")]
    #[schemars(schema_with = "renamed::nodes::schema::<Vec<HostReport>>")]
    pub nodes: Vec<HostReport>,
    /// What `host find` found; absent in other runs.
    pub search: Option<SearchReport>,
    /// The load generator's own state.
    pub machine: MachineReport,
    /// The course of the run, a point a second; absent where the results came alone, without the
    /// seconds that they are of.
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "course::on_lines")]
    pub series: Vec<PointReport>,
    /// What happened meanwhile; absent as `series` is, or where nothing did.
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "course::on_lines")]
    pub marks: Vec<MarkReport>,
}

/// What was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct About {
    /// Tells the run apart from all others, wherever they took place.
    pub id: String,
    /// The version of the host.
    pub version: String,
    /// What decided all randomness.
    pub seed: u64,
    /// The scenario's name; of several, all with their weights, as "browse 3 : order 1".
    pub scenario: String,
    /// The scenarios, where the run had several. The number of a user, divided by how many they
    /// are, leaves the place of its scenario among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<ScenarioReport>,
    /// The scenario file, as it was named.
    pub file: String,
    /// BLAKE3 of the scenario file.
    pub file_hash: String,
    /// Where requests without a host went.
    pub target: Option<String>,
    /// What the run's settings have requests say of who sends them; absent where that is the host's
    /// own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The load model in words: open or closed, and what is paced.
    pub model: String,
    /// Starts a second that the plan asks for at its end; absent in the closed model.
    pub asked_per_second: Option<f64>,
    /// Unix time of the run's first instant, in seconds.
    pub began_at: f64,
    /// Length of what began before the measured part.
    pub warm_up_seconds: f64,
    /// Whether the service was found to be steady at the end of the warm-up; absent where that was
    /// not asked for.
    pub warm_up_steady: Option<bool>,
    /// How long what was under way at the end could take before it was cut.
    pub grace_seconds: f64,
    /// How long a request waits for the head of its response.
    pub timeout_seconds: f64,
    /// Length of the measured part.
    pub measured_seconds: f64,
}

/// Whether the figures may be believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictReport {
    /// "VALID", "SUSPECT", "INVALID", or "UNJUDGED" where there are too few samples to judge by.
    #[schemars(schema_with = "names::stamp")]
    pub stamp: Stamp,
    /// What speaks against the run.
    pub evidence: Vec<Evidence>,
}

/// One reason for a stamp that is not "valid".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// What it alone would be stamped.
    #[schemars(schema_with = "names::stamp")]
    pub stamp: Stamp,
    /// What was looked at, with how much it was and what is too much.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

/// One of several scenarios of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioReport {
    /// Its name.
    pub name: String,
    /// Its part in the users, beside those of the others.
    pub weight: f64,
    /// The most of its users that existed at a time; absent where nobody knows.
    pub most_users: Option<u64>,
    /// Its iterations that took place, over the whole run; absent where nobody knows.
    pub iterations: Option<u64>,
}

/// Why the program ended as it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExitReport {
    /// What a shell sees.
    #[schemars(schema_with = "names::exit")]
    pub code: Exit,
    /// All that led to it, in words.
    pub reason: String,
}

/// Virtual users over the whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsersReport {
    /// Came into being.
    pub created: u64,
    /// The most that existed at a time.
    pub most_at_once: u64,
    /// Were cut off by a trap.
    pub trapped: u64,
    /// The same by its text.
    pub traps: BTreeMap<String, u64>,
    /// Users that the scenario's own `start` refused, by its words.
    pub start_failures: BTreeMap<String, u64>,
    /// Iterations that the scenario ended with an error, by its words.
    pub iteration_failures: BTreeMap<String, u64>,
    /// Ended by themselves, by `stop-user`.
    #[serde(default)]
    pub stopped: u64,
    /// The same by the reason.
    #[serde(default)]
    pub stop_reasons: BTreeMap<String, u64>,
    /// Lines of their log that were not written.
    pub log_lines_left_out: u64,
}

/// A threshold and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdReport {
    /// As it is written on the command line.
    pub rule: String,
    /// Whether it surely holds.
    pub passed: bool,
    /// What was measured.
    pub found: String,
}

/// The load generator's own state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MachineReport {
    /// Cores that the load generator may run on.
    pub cores: u64,
    /// Processor time that it used in the measured part.
    pub cpu_seconds: f64,
    /// Windows of the measured part that were looked at.
    pub windows: u64,
    /// Those in which the process used more than 95 % of its cores.
    pub busy_windows: u64,
    /// The most memory that the process had resident at a time, until the run ended. As with all
    /// of these figures, several nodes have it together.
    pub resident_mib: Option<f64>,
    /// Time that the hypervisor took, as a share; absent where the kernel does not say.
    pub stolen: Option<f64>,
    /// Lines that were meant for stderr and left out, as nobody read there in time.
    pub stderr_lines_left_out: u64,
}

/// Several runs of one command, and all together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportOfRuns {
    /// The version of this form.
    pub schema: FormOfRuns,
    /// How the command ended.
    pub exit: ExitReport,
    /// From the first measured instant of any run to the last.
    pub measured_seconds: f64,
    /// What began in the measured parts of all runs.
    pub total: Part,
    /// By their names, in the order in which they began.
    pub runs: IndexMap<String, Report>,
}

/// What `--out json=FILE` writes: one of the two, told apart by `schema`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Written {
    /// Of one run.
    Run(Box<Report>),
    /// Of a plan, of a file that conducts its own, or where runs were added.
    Runs(Box<ReportOfRuns>),
}

/// One of several runs of a command.
pub struct OneOfRuns<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it came to.
    pub report: &'a Report,
    /// What was counted in its measured part.
    pub counted: &'a Figures,
    /// When that began and ended, as the time since the Unix epoch.
    pub measured: (Duration, Duration),
}

impl ReportOfRuns {
    /// What runs of one command came to together.
    pub fn of(runs: &[OneOfRuns<'_>], exit: ExitReport) -> Self {
        let mut total = Figures::default();
        runs.iter().for_each(|run| total.merge(run.counted));
        let from = runs.iter().map(|run| run.measured.0).min();
        let until = runs.iter().map(|run| run.measured.1).max();
        let seconds = from
            .zip(until)
            .map_or(Duration::ZERO, |(from, until)| until.saturating_sub(from))
            .as_secs_f64();
        Self {
            schema: FormOfRuns::First,
            exit,
            measured_seconds: seconds,
            total: Part::of(&total, seconds),
            runs: runs.iter().map(|run| (run.name.to_owned(), run.report.clone())).collect(),
        }
    }
}

impl About {
    /// The scenario that a user acted, by the user's number.
    pub fn scenario_of(&self, user: u64) -> &str {
        let place = user.checked_rem(self.scenarios.len() as u64);
        let one = place.and_then(|place| self.scenarios.get(usize::try_from(place).ok()?));
        one.map_or(&self.scenario, |scenario| &scenario.name)
    }
}

impl UsersReport {
    pub(crate) fn of(snapshot: &Snapshot, most_at_once: u64, log_lines_left_out: u64) -> Self {
        let users = &snapshot.users;
        Self {
            created: users.created,
            most_at_once,
            trapped: users.traps.total(),
            traps: by_text(&users.traps),
            start_failures: by_text(&users.start_errors),
            iteration_failures: by_text(&users.iteration_errors),
            stopped: users.stopped.total(),
            stop_reasons: by_text(&users.stopped),
            log_lines_left_out,
        }
    }
}

fn by_text(texts: &Texts) -> BTreeMap<String, u64> {
    texts.iter().map(|(text, count)| (text.to_owned(), count)).collect()
}
