//! The result of a run: its report, its exit and why, once it is over.

use std::time::Duration;

use swell_core::plan::WeightedScenario;
use swell_core::record::Snapshot;
use swell_core::run::RunOutcome;
use swell_driver::RunPlan;
use swell_report::record::without_secret;
use swell_report::{Ended, Exit, ExitReport, Header, LeftOut, Report, Rules};

use crate::run_identity::RunIdentity;
use crate::stderr;

/// The end of a run, whether it took place or not.
pub(crate) enum Done {
    /// The run took place.
    Finished(Box<FinishedRun>),
    /// The run did not take place: the exit code, and why.
    Failed(Exit, String),
}

/// A run that took place.
pub(crate) struct FinishedRun {
    pub(crate) report: Report,
    pub(crate) exit: Exit,
    pub(crate) reason: String,
    pub(crate) snapshot: Snapshot,
    /// When its measured part began and ended, as the time since the Unix epoch.
    pub(crate) measured: (Duration, Duration),
}

impl Done {
    /// The same in a line.
    pub(crate) fn ended(&self) -> Ended {
        match self {
            Self::Finished(run) => {
                Ended { code: run.exit.code(), reason: run.reason.clone(), took_place: true }
            }
            Self::Failed(exit, reason) => {
                Ended { code: exit.code(), reason: reason.clone(), took_place: false }
            }
        }
    }
}

impl FinishedRun {
    /// The report and the exit of an outcome. `lines_left_out` lines of the scenario's log were not
    /// written.
    pub(crate) fn of(
        header: &Header,
        plan: &RunPlan,
        lines_left_out: u64,
        outcome: RunOutcome,
    ) -> Self {
        let left_out =
            LeftOut { stderr_lines: stderr::lines_left_out(), log_lines: lines_left_out };
        let report = Report::of(header, &rules(plan), &outcome, left_out);
        let from = outcome.began_at + outcome.warm_up;
        Self {
            exit: report.exit.code,
            reason: report.exit.reason.clone(),
            report,
            snapshot: outcome.snapshot,
            measured: (from, from + outcome.measured),
        }
    }

    /// A signal ended the run's `teardown`, and with it the command.
    pub(crate) fn was_cut_in_teardown(&mut self) {
        let others = Some(std::mem::take(&mut self.reason)).filter(|_| self.exit != Exit::Passed);
        // If a signal ended the run itself, its reason says so already.
        if self.exit != Exit::Signal {
            self.exit = self.exit.min(Exit::Signal);
            self.reason = std::iter::once("stopped by a signal in its `teardown`".to_owned())
                .chain(others)
                .collect::<Vec<_>>()
                .join("; ");
        } else {
            self.reason = others.unwrap_or_default();
        }
        self.report.exit = ExitReport { code: self.exit, reason: self.reason.clone() };
    }
}

/// What is known of a run before it begins.
pub(crate) fn header(subject: &RunIdentity, plan: &RunPlan) -> Header {
    Header {
        name: subject.name.clone(),
        id: subject.run.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: subject.seed,
        scenario: subject.scenario.clone(),
        scenarios: several(&subject.scenarios),
        file: subject.file.clone(),
        file_hash: subject.file_hash.clone(),
        target: plan.client.target.as_deref().map(|url| without_secret("target", url)),
        model: plan.model(),
        asked_per_second: plan.asked_per_second(),
        grace: plan.plan.grace,
        timeout: plan.client.timeouts.response,
        traceparent: plan.traceparent,
        user_agent: replaced_agent(&plan.client),
        hold: plan.search().map(|search| search.hold),
    }
}

/// Scenarios and weights where there is more than one.
fn several(scenarios: &[WeightedScenario]) -> Vec<WeightedScenario> {
    if scenarios.len() > 1 { scenarios.to_vec() } else { Vec::new() }
}

/// What stands in place of the host's own name, where requests say something else of who sends
/// them.
fn replaced_agent(client: &swell_client::Options) -> Option<String> {
    let header = client.headers.iter().find(|(name, _)| name == "user-agent");
    let said = header.map_or(client.user_agent.as_str().into(), |(_, value)| {
        String::from_utf8_lossy(value.as_bytes())
    });
    let own = concat!("swell/", env!("CARGO_PKG_VERSION"));
    (!said.starts_with(own)).then(|| said.into_owned())
}

fn rules(plan: &RunPlan) -> Rules<'_> {
    Rules {
        thresholds: &plan.plan.thresholds,
        room: plan.room(),
        accepts_invalid: plan.accepts_invalid,
        allow_all_failed: plan.allow_all_failed,
    }
}
