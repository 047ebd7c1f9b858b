//! What a run came to: whether its figures may be believed, which thresholds held, and the exit
//! code that follows.

use swell_core::control::{Found, SearchEnd};
use swell_core::record::Outcomes;
use swell_core::run::{EndCause, EndRequest, Outcome};
use swell_core::threshold;
use swell_core::units::{counted, grouped};
use swell_core::verdict::{self, Circumstances, Stamp, Verdict};

use crate::exit::Exit;
use crate::plan::RunPlan;
use crate::report::{Evidence, HostReport, ThresholdReport, VerdictReport};

/// Thresholds that the reason for an exit names: more are looked up in the summary.
const THRESHOLDS_TOLD: usize = 3;

/// The verdict on the measured part.
pub(crate) fn verdict(plan: &RunPlan, outcome: &Outcome) -> Verdict {
    let known = Circumstances {
        cpu: outcome.machine.cpu.windows,
        is_host_lost: outcome.nodes.iter().any(|host| !host.fate.is_complete),
        lacks_room: plan.room().is_some_and(|room| outcome.users_at_once >= room),
    };
    verdict::judge(&outcome.snapshot.measured, known)
}

/// A verdict as data, with what speaks against the run.
pub(crate) fn verdict_report(verdict: &Verdict) -> VerdictReport {
    let evidence = verdict.reasons().map(|evidence| Evidence {
        stamp: evidence.stamp.to_string(),
        what: format!(
            "{} {}, {} {}",
            evidence.what.name(),
            evidence.measured,
            limit(evidence.stamp),
            evidence.limit
        ),
        advice: evidence.what.advice().to_owned(),
    });
    VerdictReport { stamp: verdict.stamp.to_string(), evidence: evidence.collect() }
}

/// What the limit that a stamp names is.
const fn limit(stamp: Stamp) -> &'static str {
    match stamp {
        Stamp::Suspect => "doubt begins at",
        Stamp::Unjudged => "of too few to judge; with more, doubt would begin at",
        Stamp::Valid | Stamp::Invalid => "the limit is",
    }
}

/// What became of each threshold.
pub(crate) fn thresholds(plan: &RunPlan, outcome: &Outcome) -> Vec<ThresholdReport> {
    let evaluate = |threshold: &threshold::Threshold| {
        let result = threshold.evaluate(&outcome.snapshot.measured, outcome.measured);
        let passed = result.passed();
        let found = match result {
            threshold::Outcome::Passed { measured } | threshold::Outcome::Failed { measured } => {
                measured
            }
            threshold::Outcome::NoData { reason } => format!("no data: {reason}"),
        };
        ThresholdReport { rule: threshold.to_string(), passed, found }
    };
    plan.plan.thresholds.iter().map(evaluate).collect()
}

/// What to say of transactions none of which ended well. What had to be cut off did no better than
/// what failed.
fn none_ended_well(counts: &Outcomes) -> Option<String> {
    let Outcomes { started: _, ok, failed, interrupted } = *counts;
    match (ok, failed, interrupted) {
        (1.., ..) | (0, 0, 0) => None,
        (0, _, 0) => Some(format!("all {} transactions failed", grouped(failed))),
        (0, 0, _) => {
            Some(format!("none of {} transactions ended: all were cut off", grouped(interrupted)))
        }
        (0, ..) => Some(format!(
            "none of {} transactions ended well: {} failed, and {} were cut off",
            grouped(failed + interrupted),
            grouped(failed),
            grouped(interrupted)
        )),
    }
}

/// Whether a run may pass of which every transaction failed: it was said so, or a threshold says
/// how many may fail, and holds.
fn allows_all_failed(plan: &RunPlan, thresholds: &[ThresholdReport]) -> bool {
    let of_errors = plan
        .plan
        .thresholds
        .iter()
        .zip(thresholds)
        .filter(|(threshold, _)| threshold.is_about_failures());
    plan.allow_all_failed || of_errors.into_iter().any(|(_, report)| report.passed)
}

/// The exit, and all reasons that hold: the exit is the first of them in the order of [`Exit`], and
/// the others are not lost.
pub(crate) fn exit(
    plan: &RunPlan,
    outcome: &Outcome,
    verdict: &Verdict,
    thresholds: &[ThresholdReport],
) -> (Exit, String) {
    let mut exits = Vec::new();
    match &outcome.cause {
        EndCause::Finished
        | EndCause::Hopeless
        | EndCause::Scenario(EndRequest::FeedExhausted(_)) => {}
        EndCause::Deserted => {
            exits.push((Exit::HostsLost, "all hosts have left before its end".to_owned()))
        }
        EndCause::Leaderless => exits.push((
            Exit::HostsLost,
            "its coordinator was lost before its end: what was measured until then is all"
                .to_owned(),
        )),
        EndCause::Scenario(EndRequest::Lacks(what)) => exits.push((Exit::Usage, what.clone())),
        EndCause::Signal => {
            exits.push((Exit::Signal, "stopped by a signal before its end".to_owned()))
        }
        EndCause::Stopped => exits
            .push((Exit::StoppedOverApi, "stopped over the control API before its end".to_owned())),
        EndCause::Scenario(EndRequest::Stop(reason)) => {
            exits.push((Exit::StoppedByScenario, format!("stopped by the scenario: {reason}")))
        }
        EndCause::Scenario(EndRequest::Fail(reason)) => {
            exits.push((Exit::FailedByScenario, format!("failed by the scenario: {reason}")))
        }
    }
    if outcome.only_traps() {
        let texts = outcome.snapshot.users.traps.iter().max_by_key(|(_, count)| *count);
        let why = texts.map_or_else(String::new, |(text, _)| format!(": {text}"));
        exits.push((Exit::Trapped, format!("every user trapped{why}")));
    } else if outcome.nothing_began() && !matches!(outcome.cause, EndCause::Scenario(_)) {
        exits.push((
            Exit::Trapped,
            "nothing ever began: all that was tried failed before its first transaction".to_owned(),
        ));
    }
    let found = outcome.control.as_ref().and_then(|control| control.found.as_ref());
    match found {
        Some(Found { end: SearchEnd::Generator, .. }) => {
            exits.push((
                Exit::GeneratorFound,
                "the load generator could not begin more, and was not the service's limit"
                    .to_owned(),
            ));
        }
        Some(Found { end: SearchEnd::Stopped, .. }) | None => {}
        Some(Found { held: None, end, .. }) => {
            let why = if *end == SearchEnd::Budget {
                "no rate was held before the time was over"
            } else {
                "no rate holds what is asked for"
            };
            exits.push((Exit::NoRate, why.to_owned()));
        }
        _ => {}
    }
    let lost = outcome.nodes.iter().map(HostReport::of).filter_map(|host| {
        Some(format!("host {} was lost: {}", host.name, host.unknown_in_words()?))
    });
    let lost: Vec<String> = lost.collect();
    if !lost.is_empty() {
        exits.push((Exit::HostsLost, lost.join("; ")));
    }
    // A search goes beyond what the generator can do on purpose, and judges each of its trials
    // itself.
    let is_invalid = verdict.stamp == Stamp::Invalid && found.is_none();
    if is_invalid && !plan.accepts_invalid {
        let evidence = verdict_report(verdict)
            .evidence
            .into_iter()
            .find(|evidence| evidence.stamp == "INVALID");
        let why = evidence.map_or_else(String::new, |evidence| format!(" ({})", evidence.what));
        exits.push((
            Exit::Invalid,
            format!("INVALID: the load generator, not the service, was the limit{why}"),
        ));
    }
    let counts = &outcome.snapshot.measured.total.counts;
    // A search goes to where the service fails, and says itself what it found.
    if let Some(none_ended_well) = none_ended_well(counts)
        && found.is_none()
        && !allows_all_failed(plan, thresholds)
    {
        exits.push((Exit::Threshold, none_ended_well));
    }
    let failed: Vec<String> = thresholds
        .iter()
        .filter(|threshold| !threshold.passed)
        .map(|threshold| format!("{} (found {})", threshold.rule, threshold.found))
        .collect();
    if !failed.is_empty() {
        let (told, more) = failed.split_at(failed.len().min(THRESHOLDS_TOLD));
        let more =
            if more.is_empty() { String::new() } else { format!(", and {} more", more.len()) };
        let of = counted(thresholds.len() as u64, "threshold");
        exits.push((
            Exit::Threshold,
            format!("{} of {of} failed: {}{more}", failed.len(), told.join(", ")),
        ));
    }
    exits.sort_by_key(|(exit, _)| *exit);
    let reasons = exits.iter().map(|(_, reason)| reason.as_str()).collect::<Vec<_>>().join("; ");
    match exits.first() {
        Some((exit, _)) => (*exit, reasons),
        None if is_invalid => {
            (Exit::Passed, "passed; INVALID, which was to be accepted".to_owned())
        }
        None => (Exit::Passed, "passed".to_owned()),
    }
}
