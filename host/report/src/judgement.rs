//! What a run came to: whether its figures may be believed, which thresholds held, and the exit
//! code that follows.

use swell_core::control::{SearchEnd, SearchResult};
use swell_core::record::Outcomes;
use swell_core::run::{Broken, EndCause, EndRequest, NodeResult, RunOutcome};
use swell_core::threshold::{self, Threshold};
use swell_core::units::{counted, grouped};
use swell_core::verdict::{self, Circumstances, Stamp, Verdict};

use crate::exit::Exit;
use crate::report::{Evidence, HostReport, ThresholdReport, VerdictReport};

/// Thresholds that the reason for an exit names: more are looked up in the summary.
const THRESHOLDS_TOLD: usize = 3;

/// What a run is judged by, beside what it came to.
pub struct Rules<'a> {
    /// What must hold.
    pub thresholds: &'a [Threshold],
    /// How many users the machine holds, where those are fewer than the plan alone would allow.
    pub room: Option<u64>,
    /// Whether a run that is INVALID is to end as any other.
    pub accepts_invalid: bool,
    /// Whether the run may pass if every transaction failed.
    pub allow_all_failed: bool,
}

/// The verdict on the measured part.
pub(crate) fn verdict(rules: &Rules<'_>, outcome: &RunOutcome) -> Verdict {
    let known = Circumstances {
        cpu: outcome.machine.cpu.windows,
        is_host_lost: outcome.nodes.iter().any(|host| !host.fate.is_complete),
        lacks_room: rules.room.is_some_and(|room| outcome.users_at_once >= room),
    };
    verdict::judge(&outcome.snapshot.measured, known)
}

/// A verdict as data, with what speaks against the run.
pub(crate) fn verdict_report(verdict: &Verdict) -> VerdictReport {
    let evidence = verdict.reasons().map(|evidence| Evidence {
        stamp: evidence.stamp,
        what: format!(
            "{} {}, {} {}",
            evidence.what.name(),
            evidence.measured,
            limit(evidence.stamp),
            evidence.limit
        ),
        advice: evidence.what.advice().to_owned(),
    });
    VerdictReport { stamp: verdict.stamp, evidence: evidence.collect() }
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
pub(crate) fn thresholds(rules: &Rules<'_>, outcome: &RunOutcome) -> Vec<ThresholdReport> {
    let evaluate = |threshold: &Threshold| {
        let rule = threshold.to_string();
        if let Some(broken) = outcome.broken.iter().find(|broken| broken.rule == rule) {
            let found = format!("{}, at {:.0} s", broken.found, broken.at.as_secs_f64());
            return ThresholdReport { rule, passed: false, found };
        }
        let result = threshold.evaluate(&outcome.snapshot.measured, outcome.measured);
        let passed = result.passed();
        let found = match result {
            threshold::Outcome::Passed { measured } | threshold::Outcome::Failed { measured } => {
                measured
            }
            threshold::Outcome::NoData { reason } => format!("no data: {reason}"),
        };
        ThresholdReport { rule, passed, found }
    };
    rules.thresholds.iter().map(evaluate).collect()
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
fn allows_all_failed(rules: &Rules<'_>, thresholds: &[ThresholdReport]) -> bool {
    let of_errors = rules
        .thresholds
        .iter()
        .zip(thresholds)
        .filter(|(threshold, _)| threshold.is_about_failures());
    rules.allow_all_failed || of_errors.into_iter().any(|(_, report)| report.passed)
}

/// The exit, and all reasons that hold: the exit is the first of them in the order of [`Exit`], and
/// the others are not lost.
pub(crate) fn exit(
    rules: &Rules<'_>,
    outcome: &RunOutcome,
    verdict: &Verdict,
    thresholds: &[ThresholdReport],
) -> (Exit, String) {
    let found = outcome.control.as_ref().and_then(|control| control.found.as_ref());
    // A search goes beyond what the generator can do on purpose, and judges each of its trials
    // itself.
    let is_invalid = verdict.stamp == Stamp::Invalid && found.is_none();
    let mut exits: Vec<(Exit, String)> = [
        of_cause(&outcome.cause),
        of_nothing_done(outcome),
        found.and_then(of_search),
        of_lost_hosts(&outcome.nodes),
        (is_invalid && !rules.accepts_invalid).then(|| of_stamp(verdict)),
        // A search goes to where the service fails, and says itself what it found.
        none_ended_well(&outcome.snapshot.measured.total.counts)
            .filter(|_| found.is_none() && !allows_all_failed(rules, thresholds))
            .map(|none_ended_well| (Exit::Threshold, none_ended_well)),
        of_thresholds(thresholds),
    ]
    .into_iter()
    .flatten()
    .collect();
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

/// What it means that the run ended for this cause; nothing where that alone is no failure.
fn of_cause(cause: &EndCause) -> Option<(Exit, String)> {
    let (exit, reason) = match cause {
        EndCause::Broken(Broken { rule, found, at, .. }) => {
            (Exit::Threshold, format!("ended after {:.0} s by {rule} ({found})", at.as_secs_f64()))
        }
        EndCause::Finished
        | EndCause::Hopeless
        | EndCause::Scenario(EndRequest::FeedExhausted(_)) => return None,
        EndCause::Deserted => (Exit::HostsLost, "all hosts have left before its end".to_owned()),
        EndCause::Leaderless => (
            Exit::HostsLost,
            "its coordinator was lost before its end: what was measured until then is all"
                .to_owned(),
        ),
        EndCause::Scenario(EndRequest::Lacks(what)) => (Exit::Usage, what.clone()),
        EndCause::Signal => (Exit::Signal, "stopped by a signal before its end".to_owned()),
        EndCause::Stopped => {
            (Exit::StoppedOverApi, "stopped over the control API before its end".to_owned())
        }
        EndCause::Early => (
            Exit::StoppedOverApi,
            "it ended before its time, and only the host that led it knew why".to_owned(),
        ),
        EndCause::Scenario(EndRequest::Stop(reason)) => {
            (Exit::StoppedByScenario, format!("stopped by the scenario: {reason}"))
        }
        EndCause::Scenario(EndRequest::Fail(reason)) => {
            (Exit::FailedByScenario, format!("failed by the scenario: {reason}"))
        }
    };
    Some((exit, reason))
}

/// What it means that users did nothing but trap, or that nothing ever began.
fn of_nothing_done(outcome: &RunOutcome) -> Option<(Exit, String)> {
    if outcome.only_traps() {
        let texts = outcome.snapshot.users.traps.iter().max_by_key(|(_, count)| *count);
        let why = texts.map_or_else(String::new, |(text, _)| format!(": {text}"));
        return Some((Exit::Trapped, format!("every user trapped{why}")));
    }
    (outcome.nothing_began() && !matches!(outcome.cause, EndCause::Scenario(_))).then(|| {
        let why = "nothing ever began: all that was tried failed before its first transaction";
        (Exit::Trapped, why.to_owned())
    })
}

/// What it means that a search came to this; nothing where it found a rate, or was stopped.
fn of_search(found: &SearchResult) -> Option<(Exit, String)> {
    let (exit, why) = match (found.end, found.held) {
        (SearchEnd::Generator, _) => (
            Exit::GeneratorFound,
            "the load generator could not begin more, and was not the service's limit",
        ),
        (SearchEnd::Stopped, _) | (_, Some(_)) => return None,
        (SearchEnd::Budget, None) => (Exit::NoRate, "no rate was held before the time was over"),
        (SearchEnd::Narrow | SearchEnd::Most | SearchEnd::NoRate, None) => {
            (Exit::NoRate, "no rate holds what is asked for")
        }
    };
    Some((exit, why.to_owned()))
}

/// What it means that hosts were lost with something that they did.
fn of_lost_hosts(nodes: &[NodeResult]) -> Option<(Exit, String)> {
    let lost = nodes.iter().map(HostReport::of).filter_map(|host| {
        Some(format!("host {} was lost: {}", host.name, host.unknown_in_words()?))
    });
    let lost: Vec<String> = lost.collect();
    (!lost.is_empty()).then(|| (Exit::HostsLost, lost.join("; ")))
}

/// What it means that the verdict is INVALID.
fn of_stamp(verdict: &Verdict) -> (Exit, String) {
    let evidence = verdict_report(verdict)
        .evidence
        .into_iter()
        .find(|evidence| evidence.stamp == Stamp::Invalid);
    let why = evidence.map_or_else(String::new, |evidence| format!(" ({})", evidence.what));
    (Exit::Invalid, format!("INVALID: the load generator, not the service, was the limit{why}"))
}

/// What it means that thresholds failed; nothing where none did.
fn of_thresholds(thresholds: &[ThresholdReport]) -> Option<(Exit, String)> {
    let failed: Vec<String> = thresholds
        .iter()
        .filter(|threshold| !threshold.passed)
        .map(|threshold| format!("{} (found {})", threshold.rule, threshold.found))
        .collect();
    if failed.is_empty() {
        return None;
    }
    let (told, more) = failed.split_at(failed.len().min(THRESHOLDS_TOLD));
    let more = if more.is_empty() { String::new() } else { format!(", and {} more", more.len()) };
    let of = counted(thresholds.len() as u64, "threshold");
    Some((Exit::Threshold, format!("{} of {of} failed: {}{more}", failed.len(), told.join(", "))))
}
