//! What a run came to: its report, its exit and why, once it is over.

use std::time::Duration;

use swell_core::record::Snapshot;
use swell_core::run::Outcome;

use crate::exit::Exit;
use crate::journal::Subject;
use crate::plan::RunPlan;
use crate::report::{
    About, ConfidenceReport, ControlReport, ExitReport, HostReport, LimitReport, MachineReport,
    Part, Report, SCHEMA, SearchReport, UsersReport,
};
use crate::status::Ended;
use crate::{judgement, stderr};

/// What a run came to.
pub(crate) enum Done {
    /// It took place.
    Finished(Box<Finished>),
    /// It did not: the exit, and why.
    Failed(Exit, String),
}

/// A run that took place.
pub(crate) struct Finished {
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

impl Finished {
    /// What an outcome means; of the scenario's log `lines_left_out` were not written.
    pub(crate) fn of(
        subject: &Subject,
        plan: &RunPlan,
        lines_left_out: u64,
        outcome: Outcome,
    ) -> Self {
        let verdict = judgement::verdict(plan, &outcome);
        let mut report = report(subject, plan, lines_left_out, &outcome);
        let (exit, reason) = judgement::exit(plan, &outcome, &verdict, &report.thresholds);
        report.exit = ExitReport { code: exit.code(), reason: reason.clone() };
        let from = outcome.began_at + outcome.warm_up;
        Self {
            report,
            exit,
            reason,
            snapshot: outcome.snapshot,
            measured: (from, from + outcome.measured),
        }
    }

    /// A signal ended its `teardown`, and with it the command.
    pub(crate) fn was_cut_in_teardown(&mut self) {
        let others = Some(std::mem::take(&mut self.reason)).filter(|_| self.exit != Exit::Passed);
        // One that a signal ended before has said so.
        if self.exit != Exit::Signal {
            self.exit = self.exit.min(Exit::Signal);
            self.reason = std::iter::once("stopped by a signal in its `teardown`".to_owned())
                .chain(others)
                .collect::<Vec<_>>()
                .join("; ");
        } else {
            self.reason = others.unwrap_or_default();
        }
        self.report.exit = ExitReport { code: self.exit.code(), reason: self.reason.clone() };
    }
}

fn report(subject: &Subject, plan: &RunPlan, lines_left_out: u64, outcome: &Outcome) -> Report {
    let (measured, warm_up) = (outcome.measured.as_secs_f64(), outcome.warm_up.as_secs_f64());
    Report {
        schema: SCHEMA,
        run: About {
            id: subject.run.clone(),
            version: env!("CARGO_PKG_VERSION"),
            seed: subject.seed,
            scenario: subject.scenario.clone(),
            file: subject.file.clone(),
            file_hash: subject.file_hash.clone(),
            target: plan.client.target.clone(),
            model: plan.model(),
            asked_per_second: plan.asked_per_second(),
            began_at: outcome.began_at.as_secs_f64(),
            warm_up_seconds: warm_up,
            warm_up_steady: outcome.is_steady,
            grace_seconds: plan.plan.grace.as_secs_f64(),
            timeout_seconds: plan.client.timeouts.response.as_secs_f64(),
            measured_seconds: measured,
        },
        verdict: judgement::verdict_report(&judgement::verdict(plan, outcome)),
        exit: ExitReport { code: 0, reason: String::new() },
        measured: Part::of(&outcome.snapshot.measured, measured),
        confidence: ConfidenceReport::of(
            &outcome.batches,
            &outcome.snapshot.measured.total.response,
        ),
        warm_up: Part::of(&outcome.snapshot.warm_up, warm_up),
        requests_written: outcome.requests_written,
        users: UsersReport::of(&outcome.snapshot, outcome.users_at_once, lines_left_out),
        thresholds: judgement::thresholds(plan, outcome),
        control: outcome
            .control
            .as_ref()
            .filter(|control| control.found.is_none())
            .map(ControlReport::of),
        limits: outcome.limits.iter().map(LimitReport::of).collect(),
        hosts: outcome.nodes.iter().map(HostReport::of).collect(),
        search: outcome
            .control
            .as_ref()
            .and_then(|control| control.found.as_ref())
            .map(|found| SearchReport::of(found, plan)),
        machine: MachineReport {
            cores: outcome.machine.cores,
            cpu_seconds: outcome.machine.cpu.seconds,
            busy_windows: outcome.machine.cpu.windows.saturated,
            windows: outcome.machine.cpu.windows.windows,
            resident_mib: outcome
                .machine
                .most_resident_bytes
                .map(|bytes| bytes as f64 / (1 << 20) as f64),
            stolen: outcome.machine.cpu.stolen,
            stderr_lines_left_out: stderr::lines_left_out(),
        },
    }
}
