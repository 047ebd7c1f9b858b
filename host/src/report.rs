//! A run's results as data: what `--out json=FILE` writes, and what the summary is made from.
//!
//! Times are in milliseconds and say so in their names. A percentile without enough samples is
//! `null`. What was cut off counts as at least its age, and a figure that it may make too small
//! stands in `at_least`. Every count that the summary shows is here, and
//! `transactions.started = ok + failed + interrupted` holds in each part and over all.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Not;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swell_core::RunInstant;
use swell_core::control::{Found, Goal, Limit, SearchEnd};
use swell_core::exchange::Phase;
use swell_core::record::{
    Batches, Causes, Censored, Figure, Figures, Histogram, Outcomes, Snapshot, Split, Texts,
    Transaction, Value,
};

use swell_core::run::{
    ControlRecord, NodeResult, ObjectiveRecord, doing_in_words, limit_in_words, objective_in_words,
};
use swell_core::units::grouped;

use crate::finished::Finished;
use crate::plan::RunPlan;

/// The version of this form. A reader may rely on a key's meaning within a major version.
pub(crate) const SCHEMA: &str = "swell.run/1";

/// Everything about one run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Report {
    pub(crate) schema: &'static str,
    pub(crate) run: About,
    pub(crate) verdict: VerdictReport,
    pub(crate) exit: ExitReport,
    /// What began in the measured part.
    pub(crate) measured: Part,
    /// How sure the percentiles of its response time are; absent where it was too short to tell.
    pub(crate) confidence: Option<ConfidenceReport>,
    /// What began before it.
    pub(crate) warm_up: Part,
    /// Over the whole run: what the service may have counted.
    pub(crate) requests_written: u64,
    pub(crate) users: UsersReport,
    pub(crate) thresholds: Vec<ThresholdReport>,
    /// What held the rate; absent where nothing did.
    pub(crate) control: Option<ControlReport>,
    /// What kept the rate below what was asked for, one after the other.
    pub(crate) limits: Vec<LimitReport>,
    /// The hosts that shared the run; empty where one was alone.
    pub(crate) hosts: Vec<HostReport>,
    /// What `host find` found; absent in other runs.
    pub(crate) search: Option<SearchReport>,
    pub(crate) machine: MachineReport,
}

/// What was run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct About {
    pub(crate) id: String,
    pub(crate) version: &'static str,
    pub(crate) seed: u64,
    pub(crate) scenario: String,
    pub(crate) file: String,
    /// BLAKE3 of the scenario file.
    pub(crate) file_hash: String,
    pub(crate) target: Option<String>,
    /// The load model in words: open or closed, and what is paced.
    pub(crate) model: String,
    /// Starts a second that the plan asks for at its end; absent in the closed model.
    pub(crate) asked_per_second: Option<f64>,
    /// Unix time of the run's first instant, in seconds.
    pub(crate) began_at: f64,
    pub(crate) warm_up_seconds: f64,
    /// Whether the service was found to be steady at the end of the warm-up; absent where that was
    /// not asked for.
    pub(crate) warm_up_steady: Option<bool>,
    /// How long what was under way at the end could take before it was cut.
    pub(crate) grace_seconds: f64,
    /// How long a request waits for the head of its response.
    pub(crate) timeout_seconds: f64,
    /// Length of the measured part.
    pub(crate) measured_seconds: f64,
}

/// Whether the figures may be believed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct VerdictReport {
    /// "VALID", "SUSPECT", "INVALID", or "UNJUDGED" where there are too few samples to judge by.
    pub(crate) stamp: String,
    pub(crate) evidence: Vec<Evidence>,
}

/// One reason for a stamp that is not "valid".
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Evidence {
    pub(crate) stamp: String,
    pub(crate) what: String,
    pub(crate) advice: String,
}

/// Why the program ended as it did.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ExitReport {
    pub(crate) code: u8,
    pub(crate) reason: String,
}

/// Where the percentiles may lie, to 95 %, by what varied within this run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ConfidenceReport {
    /// How many independent samples the response times are worth, since neighbours resemble each
    /// other.
    pub(crate) effective_samples: f64,
    /// From and until, by percentile; one that cannot be told is absent.
    pub(crate) response_ms: BTreeMap<&'static str, [f64; 2]>,
    /// Those whose end may be later, as some transactions were cut off.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) at_least: BTreeSet<&'static str>,
}

/// Virtual users over the whole run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct UsersReport {
    pub(crate) created: u64,
    pub(crate) most_at_once: u64,
    pub(crate) trapped: u64,
    pub(crate) traps: BTreeMap<String, u64>,
    /// Users that the scenario's own `start` refused, by its words.
    pub(crate) start_failures: BTreeMap<String, u64>,
    /// Iterations that the scenario ended with an error, by its words.
    pub(crate) iteration_failures: BTreeMap<String, u64>,
    pub(crate) log_lines_left_out: u64,
}

/// A threshold and what became of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ThresholdReport {
    pub(crate) rule: String,
    pub(crate) passed: bool,
    pub(crate) found: String,
}

/// The rate of a controlled run at its end, and what it followed from.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ControlReport {
    /// The set-point, in transactions a second.
    pub(crate) goal_per_second: f64,
    /// The rule of the objective that kept it down; absent where it was as asked.
    pub(crate) limited_by: Option<String>,
    pub(crate) objectives: Vec<ObjectiveReport>,
}

/// One objective at the end of the run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ObjectiveReport {
    /// As it is written on the command line.
    pub(crate) rule: String,
    /// In words.
    pub(crate) means: String,
    /// The rate up to which it was found to hold, in transactions a second of all names.
    pub(crate) limit_per_second: f64,
    /// What its controller was doing.
    pub(crate) state: String,
    /// What a latency objective measured last.
    pub(crate) measured_ms: Option<f64>,
    /// What an error rate measured last, as a part of one.
    pub(crate) measured_share: Option<f64>,
    pub(crate) samples: u64,
}

/// One of the hosts that shared a run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct HostReport {
    pub(crate) id: String,
    /// What it calls itself.
    pub(crate) name: String,
    /// The part of the starts that was its own at the end.
    pub(crate) share: f64,
    /// Starts that are in the figures of this report.
    pub(crate) started: u64,
    /// "VALID", "SUSPECT", "INVALID" or "UNJUDGED": what its part of the figures would be worth
    /// alone.
    pub(crate) verdict: String,
    /// The 99th percentile of the lag of starts that is its own fault; absent where too few were
    /// seen.
    pub(crate) host_lag_p99_ms: Option<f64>,
    /// Processor time that it used in the measured part.
    pub(crate) cpu_seconds: f64,
    /// How often it was not heard for so long that others took over.
    pub(crate) times_lost: u64,
    /// Whether all that it counted is in the figures of this report.
    pub(crate) complete: bool,
    /// Starts of its that are in none of these figures: so many surely, and at the most; absent
    /// where no bound is known.
    pub(crate) unknown_least: u64,
    pub(crate) unknown_most: Option<u64>,
}

impl HostReport {
    pub(crate) fn of(NodeResult { fate, totals }: &NodeResult) -> Self {
        Self {
            id: fate.id.to_string(),
            name: fate.name.clone(),
            share: fate.share,
            started: totals.started,
            verdict: totals.stamp().to_string(),
            host_lag_p99_ms: totals.generator_lag().map(|lag| lag.as_secs_f64() * 1e3),
            cpu_seconds: totals.machine.cpu.seconds,
            times_lost: fate.times_lost,
            complete: fate.is_complete,
            unknown_least: fate.unknown.least,
            unknown_most: fate.unknown.most,
        }
    }

    /// What is not known of it, in words; nothing where all is known.
    pub(crate) fn unknown_in_words(&self) -> Option<String> {
        let most = || self.unknown_most.map_or_else(|| "an unknown number".to_owned(), grouped);
        (!self.complete).then(|| {
            format!(
                "between {} and {} of its starts are in no figure",
                grouped(self.unknown_least),
                most()
            )
        })
    }
}

/// A time in which less was completed than was asked for, and who was in the way.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct LimitReport {
    /// "service", "users" (none was free, and more would have helped) or "generator".
    pub(crate) by: &'static str,
    /// Seconds after the run's first instant at which it was concluded.
    pub(crate) from_seconds: f64,
    /// When it was over; absent where it lasted to the end.
    pub(crate) until_seconds: Option<f64>,
    /// The following are of its last three seconds.
    pub(crate) asked_per_second: f64,
    pub(crate) begun_per_second: f64,
    pub(crate) completed_per_second: f64,
    /// The mean service time of its last second.
    pub(crate) service_ms: Option<f64>,
    /// The least mean service time of a second until then.
    pub(crate) best_service_ms: Option<f64>,
    /// All of it in words.
    pub(crate) means: String,
}

/// The highest rate that holds, as an interval.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct SearchReport {
    /// Why it ended: "narrow", "most" (the highest that was allowed is held), "no rate",
    /// "generator", "budget" or "stopped".
    pub(crate) end: &'static str,
    /// The highest rate that was held for a whole trial, in transactions a second.
    pub(crate) held_per_second: Option<f64>,
    /// The lowest that was not.
    pub(crate) broken_per_second: Option<f64>,
    /// The rule that broke there.
    pub(crate) broken_by: Option<String>,
    /// What was measured there of a latency; absent where answers came in time while more and more
    /// waited, or too few came.
    pub(crate) broken_ms: Option<f64>,
    /// What was measured there of an error rate.
    pub(crate) broken_share: Option<f64>,
    pub(crate) trials: u32,
    pub(crate) hold_seconds: f64,
}

/// The load generator's own state.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct MachineReport {
    pub(crate) cores: u64,
    pub(crate) cpu_seconds: f64,
    /// Windows of the measured part that were looked at.
    pub(crate) windows: u64,
    /// Those in which the process used more than 95 % of its cores.
    pub(crate) busy_windows: u64,
    /// The most memory that the process had resident at a time, until the report was made.
    pub(crate) resident_mib: Option<f64>,
    /// Time that the hypervisor took, as a share; absent where the kernel does not say.
    pub(crate) stolen: Option<f64>,
    /// Lines that were meant for stderr and left out, as nobody read there in time.
    pub(crate) stderr_lines_left_out: u64,
}

/// What began in one part of the run.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Part {
    pub(crate) transactions: Totals,
    pub(crate) by_name: BTreeMap<String, NameReport>,
    pub(crate) requests: RequestsReport,
    pub(crate) iterations: Counted,
    pub(crate) checks: BTreeMap<String, CheckReport>,
    pub(crate) metrics: Vec<SeriesReport>,
    pub(crate) metric_values_ignored: u64,
    pub(crate) loop_delay_ms: Times,
}

#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Counted {
    pub(crate) started: u64,
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) interrupted: u64,
    /// Failed of those that ended by themselves; absent without any.
    pub(crate) error_rate: Option<f64>,
    /// Cut off of those that began; absent without any.
    pub(crate) interrupted_rate: Option<f64>,
}

#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Totals {
    #[serde(flatten)]
    pub(crate) counts: Counted,
    /// Ended well, a second.
    pub(crate) ok_per_second: f64,
    /// Ended, a second.
    pub(crate) per_second: f64,
    /// How many were under way, on average: service time summed up, by the length of the part.
    /// Where some were interrupted, it is at least so many.
    pub(crate) concurrency: f64,
    pub(crate) unsent: UnsentReport,
    pub(crate) response_ms: Times,
    pub(crate) service_ms: Times,
    /// Response time of those that ended well.
    pub(crate) ok_response_ms: Times,
    pub(crate) start_lag_ms: Times,
    pub(crate) user_lag_ms: Times,
    pub(crate) host_lag_ms: Times,
}

/// Starts that were due and never came, by who was in the way.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct UnsentReport {
    pub(crate) users: u64,
    pub(crate) host: u64,
    /// No lease was held: the coordinator could not be reached in time.
    pub(crate) lease: u64,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct NameReport {
    #[serde(flatten)]
    pub(crate) counts: Counted,
    pub(crate) per_second: f64,
    /// How many were under way, on average.
    pub(crate) concurrency: f64,
    pub(crate) service_ms: Times,
    pub(crate) response_ms: Times,
    pub(crate) failures: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct RequestsReport {
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) interrupted: u64,
    /// Request heads handed to the network, with redirects and retries, by requests that ended;
    /// those of interrupted ones are in the run's `requests_written` alone, and so with the next
    /// figures.
    pub(crate) written: u64,
    pub(crate) reconnects: u64,
    pub(crate) connections: u64,
    pub(crate) body_bytes: u64,
    pub(crate) per_second: f64,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) errors: BTreeMap<&'static str, u64>,
    pub(crate) service_ms: Times,
    /// Over the requests in which the phase took any time.
    pub(crate) phases_ms: BTreeMap<&'static str, Times>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct CheckReport {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct SeriesReport {
    pub(crate) metric: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) kind: &'static str,
    pub(crate) count: u64,
    /// What the kind says: `sum`; `last`, `min`, `max`; `share`; or `min`, `mean`, `max` and
    /// percentiles.
    pub(crate) values: BTreeMap<&'static str, Option<f64>>,
}

/// A distribution, in the unit that the name of its key ends with. What was cut off is in it with
/// the age that it had.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Times {
    pub(crate) count: u64,
    pub(crate) min: Option<f64>,
    pub(crate) mean: Option<f64>,
    pub(crate) p50: Option<f64>,
    pub(crate) p90: Option<f64>,
    pub(crate) p95: Option<f64>,
    pub(crate) p99: Option<f64>,
    #[serde(rename = "p99.9")]
    pub(crate) p99_9: Option<f64>,
    pub(crate) max: Option<f64>,
    /// The figures that would be greater, or the same, had nothing been cut off; absent where all
    /// are exact.
    #[serde(default, skip_serializing_if = "AtLeast::is_none")]
    pub(crate) at_least: AtLeast,
}

/// Which figures of a distribution are bounds below; absent ones are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct AtLeast {
    #[serde(skip_serializing_if = "Not::not")]
    pub(crate) min: bool,
    #[serde(skip_serializing_if = "Not::not")]
    pub(crate) mean: bool,
    #[serde(skip_serializing_if = "Not::not")]
    pub(crate) p50: bool,
    #[serde(skip_serializing_if = "Not::not")]
    pub(crate) p90: bool,
    #[serde(skip_serializing_if = "Not::not")]
    pub(crate) p95: bool,
    #[serde(skip_serializing_if = "Not::not")]
    pub(crate) p99: bool,
    #[serde(rename = "p99.9", skip_serializing_if = "Not::not")]
    pub(crate) p99_9: bool,
    #[serde(skip_serializing_if = "Not::not")]
    pub(crate) max: bool,
}

impl AtLeast {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Several runs of one command, and all together.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ReportOfRuns {
    pub(crate) schema: &'static str,
    pub(crate) exit: ExitReport,
    /// From the first measured instant of any run to the last.
    pub(crate) measured_seconds: f64,
    /// What began in the measured parts of all runs.
    pub(crate) total: Part,
    /// By their names.
    pub(crate) runs: BTreeMap<String, Report>,
}

/// What `--out json=FILE` writes: one of the two, told apart by `schema`.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum Written {
    /// Of one run.
    Run(Box<Report>),
    /// Of a plan, of a file that conducts its own, or where runs were added.
    Runs(Box<ReportOfRuns>),
}

/// The version of the form for several runs.
pub(crate) const SCHEMA_OF_RUNS: &str = "swell.runs/1";

impl ConfidenceReport {
    pub(crate) fn of(batches: &Batches, response: &Split) -> Option<Self> {
        // What was cut off at the end belongs to no second of the run, and is taken to be worth
        // nothing more.
        let effective = batches.effective_samples(&response.both())?;
        let all = response.all();
        let percentiles =
            [("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p99.9", 99.9)];
        let mut report = Self {
            effective_samples: effective,
            response_ms: BTreeMap::new(),
            at_least: BTreeSet::new(),
        };
        for (name, percent) in percentiles {
            let Some((from, until)) = all.interval(percent, effective) else { continue };
            report
                .response_ms
                .insert(name, [from, until.time].map(|time| time.as_nanos() as f64 / 1e6));
            report.at_least.extend(until.is_at_least.then_some(name));
        }
        Some(report)
    }
}

impl ReportOfRuns {
    pub(crate) fn of(runs: &[(&str, &Finished)], exit: ExitReport) -> Self {
        let mut total = Figures::default();
        runs.iter().for_each(|(_, run)| total.merge(&run.snapshot.measured));
        let from = runs.iter().map(|(_, run)| run.measured.0).min();
        let until = runs.iter().map(|(_, run)| run.measured.1).max();
        let seconds = from
            .zip(until)
            .map_or(Duration::ZERO, |(from, until)| until.saturating_sub(from))
            .as_secs_f64();
        Self {
            schema: SCHEMA_OF_RUNS,
            exit,
            measured_seconds: seconds,
            total: Part::of(&total, seconds),
            runs: runs.iter().map(|(name, run)| ((*name).to_owned(), run.report.clone())).collect(),
        }
    }
}

impl Times {
    pub(crate) fn of(histogram: &Histogram) -> Self {
        Self::of_all(&Censored::new(histogram.clone(), &Histogram::default()))
    }

    pub(crate) fn of_all(all: &Censored) -> Self {
        let figures = [
            all.min(),
            all.mean(),
            all.percentile(50.0),
            all.percentile(90.0),
            all.percentile(95.0),
            all.percentile(99.0),
            all.percentile(99.9),
            all.max(),
        ];
        let [min, mean, p50, p90, p95, p99, p99_9, max] =
            figures.map(|figure| figure.map(|Figure { time, .. }| time.as_nanos() as f64 / 1e6));
        let bounds = figures.map(|figure| figure.is_some_and(|figure| figure.is_at_least));
        let at_least = {
            let [min, mean, p50, p90, p95, p99, p99_9, max] = bounds;
            AtLeast { min, mean, p50, p90, p95, p99, p99_9, max }
        };
        Self { count: all.count(), min, mean, p50, p90, p95, p99, p99_9, max, at_least }
    }
}

impl ControlReport {
    pub(crate) fn of(control: &ControlRecord) -> Self {
        let binding = control.objectives.iter().find(|objective| objective.binding);
        Self {
            goal_per_second: control.goal,
            limited_by: binding.map(|binding| binding.objective.to_string()),
            objectives: control.objectives.iter().map(ObjectiveReport::of).collect(),
        }
    }
}

impl LimitReport {
    pub(crate) fn of(&(limit, until): &(Limit, Option<RunInstant>)) -> Self {
        Self {
            by: limit.by.name(),
            from_seconds: limit.since.as_secs_f64(),
            until_seconds: until.map(RunInstant::as_secs_f64),
            asked_per_second: limit.asked,
            begun_per_second: limit.begun,
            completed_per_second: limit.completed,
            service_ms: limit.service.map(|(now, _)| now * 1e3),
            best_service_ms: limit.service.map(|(_, best)| best * 1e3),
            means: limit_in_words(&limit),
        }
    }
}

impl SearchReport {
    pub(crate) fn of(found: &Found, plan: &RunPlan) -> Self {
        let breach = found.broken.as_ref().map(|(_, breach)| breach);
        let measured = |is_latency: bool| {
            breach
                .filter(|breach| {
                    matches!(breach.objective.goal, Goal::Latency { .. }) == is_latency
                })?
                .measured
        };
        Self {
            end: match found.end {
                SearchEnd::Narrow => "narrow",
                SearchEnd::Most => "most",
                SearchEnd::NoRate => "no rate",
                SearchEnd::Generator => "generator",
                SearchEnd::Budget => "budget",
                SearchEnd::Stopped => "stopped",
            },
            held_per_second: found.held,
            broken_per_second: found.broken.as_ref().map(|(rate, _)| *rate),
            broken_by: breach.map(|breach| breach.objective.to_string()),
            broken_ms: measured(true).map(|seconds| seconds * 1e3),
            broken_share: measured(false),
            trials: found.trials,
            hold_seconds: plan.search().map_or(0.0, |search| search.hold.as_secs_f64()),
        }
    }
}

impl ObjectiveReport {
    fn of(record: &ObjectiveRecord) -> Self {
        let reading = record.measured.map(|(reading, _)| reading);
        let (measured_ms, measured_share) = match record.objective.goal {
            Goal::Latency { .. } => (reading.map(|seconds| seconds * 1e3), None),
            Goal::ErrorRate(_) => (None, reading),
        };
        Self {
            rule: record.objective.to_string(),
            means: objective_in_words(&record.objective),
            limit_per_second: record.limit,
            state: doing_in_words(record.doing).to_owned(),
            measured_ms,
            measured_share,
            samples: record.measured.map_or(0, |(_, samples)| samples),
        }
    }
}

impl Counted {
    fn of(outcomes: &Outcomes) -> Self {
        Self {
            started: outcomes.started,
            ok: outcomes.ok,
            failed: outcomes.failed,
            interrupted: outcomes.interrupted,
            error_rate: outcomes.error_rate(),
            interrupted_rate: outcomes.interrupted_rate(),
        }
    }
}

impl Part {
    /// The figures of a part that lasted `seconds`.
    pub(crate) fn of(figures: &Figures, seconds: f64) -> Self {
        let rate = |count: u64| per_second(count, seconds);
        let total = &figures.total;
        let requests = &figures.requests;
        Self {
            transactions: Totals {
                counts: Counted::of(&total.counts),
                ok_per_second: rate(total.counts.ok),
                per_second: rate(total.counts.ok + total.counts.failed),
                concurrency: concurrency(&total.service, seconds),
                unsent: UnsentReport {
                    users: figures.unsent.users,
                    host: figures.unsent.host,
                    lease: figures.unsent.lease,
                },
                response_ms: Times::of_all(&total.response.all()),
                service_ms: Times::of_all(&total.service.all()),
                ok_response_ms: Times::of(&total.response.ok),
                start_lag_ms: Times::of(&total.start_lag),
                user_lag_ms: Times::of(&total.user_lag),
                host_lag_ms: Times::of(&total.host_lag),
            },
            by_name: figures
                .transactions
                .iter()
                .map(|(name, row)| (name.to_owned(), NameReport::of(row, seconds)))
                .collect(),
            requests: RequestsReport {
                ok: requests.ok,
                failed: requests.failed,
                interrupted: requests.interrupted,
                written: requests.written,
                reconnects: requests.reconnects,
                connections: requests.connections,
                body_bytes: requests.body_bytes,
                per_second: rate(requests.ok + requests.failed),
                statuses: requests.statuses.iter().collect(),
                errors: requests
                    .errors
                    .iter()
                    .map(|(class, count)| (class.name(), count))
                    .collect(),
                service_ms: Times::of_all(&requests.service.all()),
                phases_ms: Phase::ALL
                    .into_iter()
                    .map(|phase| (phase.name(), Times::of(requests.phase(phase))))
                    .collect(),
            },
            iterations: Counted::of(&figures.iterations),
            checks: figures
                .checks
                .iter()
                .map(|(name, check)| {
                    (name.to_owned(), CheckReport { passed: check.passed, failed: check.failed })
                })
                .collect(),
            metrics: figures.metrics.iter().map(SeriesReport::of).collect(),
            metric_values_ignored: figures.metrics.ignored,
            loop_delay_ms: Times::of(&figures.delays()),
        }
    }
}

fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// How many were under way on average of what took these times, by Little's law.
fn concurrency(service: &Split, seconds: f64) -> f64 {
    let busy = service.sum_ns() as f64 / 1e9;
    if seconds > 0.0 { busy / seconds } else { 0.0 }
}

impl NameReport {
    fn of(row: &Transaction, seconds: f64) -> Self {
        Self {
            counts: Counted::of(&row.counts),
            per_second: per_second(row.counts.ok + row.counts.failed, seconds),
            concurrency: concurrency(&row.service, seconds),
            service_ms: Times::of_all(&row.service.all()),
            response_ms: Times::of_all(&row.response.all()),
            failures: failures(&row.causes),
        }
    }
}

/// Why transactions failed, in words.
fn failures(causes: &Causes) -> BTreeMap<String, u64> {
    let statuses =
        causes.statuses.iter().map(|(status, count)| (format!("status {status}"), count));
    let requests =
        causes.requests.iter().map(|(class, count)| (format!("request: {}", class.name()), count));
    let said = causes.said.iter().map(|(text, count)| {
        (if text.is_empty() { "said by the scenario".to_owned() } else { text.to_owned() }, count)
    });
    let traps = causes.traps.iter().map(|(text, count)| (format!("trap: {text}"), count));
    let not_ended = (causes.not_ended > 0).then(|| ("not ended".to_owned(), causes.not_ended));
    let mut all = BTreeMap::new();
    for (text, count) in statuses.chain(requests).chain(said).chain(traps).chain(not_ended) {
        *all.entry(text).or_default() += count;
    }
    all
}

impl SeriesReport {
    fn of(series: &swell_core::record::Series) -> Self {
        let (kind, count, values) = match &series.value {
            Value::Counter { count, sum } => {
                ("counter", *count, BTreeMap::from([("sum", Some(*sum))]))
            }
            Value::Gauge { count, last, min, max, .. } => (
                "gauge",
                *count,
                BTreeMap::from([("last", Some(*last)), ("min", Some(*min)), ("max", Some(*max))]),
            ),
            Value::Rate { count, nonzero } => {
                let share = (*count > 0).then(|| *nonzero as f64 / *count as f64);
                ("rate", *count, BTreeMap::from([("share", share)]))
            }
            Value::Trend(trend) => {
                let percentiles =
                    [("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p99.9", 99.9)];
                let mut values: BTreeMap<_, _> = percentiles
                    .into_iter()
                    .map(|(name, percent)| (name, trend.percentile(percent)))
                    .collect();
                values.extend([("min", trend.min()), ("mean", trend.mean()), ("max", trend.max())]);
                ("trend", series.value.count(), values)
            }
        };
        let tags =
            series.tags.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Self { metric: series.metric.to_string(), tags, kind, count, values }
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
            log_lines_left_out,
        }
    }
}

fn by_text(texts: &Texts) -> BTreeMap<String, u64> {
    texts.iter().map(|(text, count)| (text.to_owned(), count)).collect()
}
