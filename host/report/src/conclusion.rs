//! The report of a run, from what the run came to.

use swell_core::plan::WeightedScenario;
use swell_core::run::{ActedScenario, MachineRecord, RunOutcome};

use crate::judgement::{self, Rules};
use crate::report::{
    About, ConfidenceReport, ControlReport, ExitReport, Form, Header, HostReport, LimitReport,
    MachineReport, Part, Report, ScenarioReport, SearchReport, UsersReport,
};

/// Lines that nobody can read any more.
#[derive(Clone, Copy, Debug)]
pub struct LeftOut {
    /// Of what was said on stderr.
    pub stderr_lines: u64,
    /// Of the scenario's log.
    pub log_lines: u64,
}

impl Report {
    /// What an outcome means.
    pub fn of(header: &Header, rules: &Rules<'_>, outcome: &RunOutcome, left_out: LeftOut) -> Self {
        let (measured, warm_up) = (outcome.measured.as_secs_f64(), outcome.warm_up.as_secs_f64());
        let snapshot = &outcome.snapshot;
        let verdict = judgement::verdict(rules, outcome);
        let thresholds = judgement::thresholds(rules, outcome);
        let (code, reason) = judgement::exit(rules, outcome, &verdict, &thresholds);
        let control = outcome.control.as_ref();
        let [before, part] = Part::of_both(snapshot, [warm_up, measured], header);
        Self {
            schema: Form::Second,
            run: About::of(header, outcome),
            stretch: None,
            verdict: judgement::verdict_report(&verdict),
            exit: ExitReport { code, reason },
            measured: part,
            confidence: ConfidenceReport::of(&outcome.batches, &snapshot.measured.total.response),
            warm_up: before,
            requests_written: outcome.requests_written,
            users: UsersReport::of(snapshot, outcome.users_at_once, left_out.log_lines),
            thresholds,
            control: control.filter(|control| control.found.is_none()).map(ControlReport::of),
            limits: outcome.limits.iter().map(LimitReport::of).collect(),
            nodes: outcome.nodes.iter().map(HostReport::of).collect(),
            search: control
                .and_then(|control| control.found.as_ref())
                .map(|found| SearchReport::of(found, header.hold.unwrap_or_default())),
            machine: MachineReport::of(&outcome.machine, left_out),
            series: Vec::new(),
            marks: Vec::new(),
        }
    }
}

impl About {
    fn of(header: &Header, outcome: &RunOutcome) -> Self {
        Self {
            id: header.id.clone(),
            version: header.version.to_owned(),
            seed: header.seed,
            scenario: header.scenario.clone(),
            scenarios: scenarios(&header.scenarios, &outcome.acted),
            file: header.file.clone(),
            file_hash: header.file_hash.clone(),
            target: header.target.clone(),
            user_agent: header.user_agent.clone(),
            model: header.model.clone(),
            asked_per_second: header.asked_per_second,
            began_at: outcome.began_at.as_secs_f64(),
            warm_up_seconds: outcome.warm_up.as_secs_f64(),
            warm_up_steady: outcome.is_steady,
            grace_seconds: header.grace.as_secs_f64(),
            timeout_seconds: header.timeout.as_secs_f64(),
            measured_seconds: outcome.measured.as_secs_f64(),
        }
    }
}

/// The scenarios of a run, and what their users did, as far as that is known.
fn scenarios(scenarios: &[WeightedScenario], acted: &[ActedScenario]) -> Vec<ScenarioReport> {
    let known = acted.iter().map(Some).chain(std::iter::repeat(None));
    let one = |(scenario, acted): (&WeightedScenario, Option<&ActedScenario>)| ScenarioReport {
        name: scenario.name.clone(),
        weight: scenario.weight,
        most_users: acted.map(|acted| acted.users_at_once),
        iterations: acted.map(|acted| acted.iterations),
    };
    scenarios.iter().zip(known).map(one).collect()
}

impl MachineReport {
    fn of(machine: &MachineRecord, left_out: LeftOut) -> Self {
        let MachineRecord { cores, most_resident_bytes, cpu } = machine;
        Self {
            cores: *cores,
            cpu_seconds: cpu.seconds,
            busy_windows: cpu.windows.saturated,
            windows: cpu.windows.windows,
            resident_mib: most_resident_bytes.map(|bytes| bytes as f64 / (1 << 20) as f64),
            stolen: cpu.stolen,
            stderr_lines_left_out: left_out.stderr_lines,
        }
    }
}

#[cfg(test)]
mod tests;
