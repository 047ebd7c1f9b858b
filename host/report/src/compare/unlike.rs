//! What differs between two sides besides what was measured: plan, machine, version, target. It
//! stands before the figures, as a difference there may explain all that follows.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use swell_core::units::{counted, grouped, print_duration, print_rate};
use swell_core::verdict::Stamp;

use super::method::Method;
use super::run::{ComparedRun, Facts};
use super::table::Sides;

/// One thing that is not the same on both sides, or not in all runs of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unlike {
    /// What it is.
    pub what: &'static str,
    /// What it is on the first side: of several runs all that there is.
    pub a: Vec<String>,
    /// What it is on the second.
    pub b: Vec<String>,
}

/// A part of the measured time that two lengths may differ by and be called equal: a run ends with
/// its last transaction or with its last slot.
const SAME_LENGTH: f64 = 0.01;

/// What a run is asked for, and how it is told.
type TellFact = fn(&Facts) -> String;

/// What is looked at, in the order in which it is told.
const TOLD: [(&str, TellFact); 10] = [
    ("scenario", |run| run.scenario.clone()),
    ("scenario file", |run| run.file_hash.chars().take(12).collect()),
    ("target", |run| run.target.clone().unwrap_or_else(|| "named by the scenario".to_owned())),
    ("load", |run| run.model.clone()),
    ("asked for", |run| run.asked_per_second.map_or_else(|| "no rate".to_owned(), print_rate)),
    ("warm-up", |run| seconds(run.warm_up_seconds)),
    ("timeout", |run| seconds(run.timeout_seconds)),
    ("version", |run| run.version.clone()),
    ("cores", |run| run.cores.to_string()),
    ("hosts", |run| run.hosts.to_string()),
];

/// What differs between the sides, or within one.
pub(super) fn unlike(a: &[ComparedRun], b: &[ComparedRun]) -> Vec<Unlike> {
    let mut unlike = Vec::new();
    for (what, tell) in TOLD {
        let [a, b] = [a, b].map(|side| each(side, |run| Some(tell(run))));
        unlike.extend(unless_equal(what, a, b));
    }
    let lengths = a.iter().chain(b).map(|run| run.facts.measured_seconds);
    let (least, most) = lengths.fold((f64::INFINITY, 0.0_f64), |(least, most), length| {
        (least.min(length), most.max(length))
    });
    if most - least > SAME_LENGTH * most {
        let [a, b] = [a, b].map(|side| each(side, |run| Some(seconds(run.measured_seconds))));
        unlike.push(Unlike { what: "measured", a, b });
    }
    // A report alone does not name its machine.
    if a.iter().chain(b).all(|run| run.facts.machine.is_some()) {
        let [a, b] = [a, b].map(|side| each(side, |run| run.machine.clone()));
        unlike.extend(unless_equal("machine", a, b));
    }
    let [a, b] = [a, b].map(|side| {
        each(side, |run| Some(run.stamp.map_or("not at its end", Stamp::name).to_owned()))
    });
    unlike.extend(unless_equal("verdict", a, b));
    unlike
}

fn each(side: &[ComparedRun], tell: impl Fn(&Facts) -> Option<String>) -> Vec<String> {
    let told: BTreeSet<String> = side.iter().filter_map(|run| tell(&run.facts)).collect();
    told.into_iter().collect()
}

fn unless_equal(what: &'static str, a: Vec<String>, b: Vec<String>) -> Option<Unlike> {
    (a != b || a.len() > 1).then_some(Unlike { what, a, b })
}

fn seconds(seconds: f64) -> String {
    let whole = std::time::Duration::try_from_secs_f64((seconds * 10.0).round() / 10.0);
    whole.map_or_else(|_| "?".to_owned(), print_duration)
}

/// What a reader must know before the figures.
pub(super) fn remarks(a: &[ComparedRun], b: &[ComparedRun], sides: &Sides<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    let all = || a.iter().chain(b);
    let named = |of: fn(&ComparedRun) -> bool| {
        all().filter(|run| of(run)).map(|run| run.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let invalid = named(|run| run.facts.stamp == Some(Stamp::Invalid));
    if !invalid.is_empty() {
        remarks.push(format!(
            "INVALID: the load generator was the limit in {invalid}; a difference may be its own"
        ));
    }
    let empty = named(|run| run.started() == 0);
    if !empty.is_empty() {
        remarks.push(format!("nothing was measured in {empty}: no transaction began there"));
    }
    let cut = named(|run| run.facts.stamp.is_none());
    if !cut.is_empty() {
        remarks.push(format!(
            "the record of {cut} ends before its run did: what is told is up to there"
        ));
    }
    let [names, others] =
        [a, b].map(|side| side.iter().flat_map(|run| run.names()).collect::<BTreeSet<&str>>());
    if !names.is_empty() && !others.is_empty() && names.is_disjoint(&others) {
        remarks.push(
            "no transaction has the same name on both sides: these are different scenarios, and \
            their totals say little of each other"
                .to_owned(),
        );
    } else {
        remarks.extend(on_one_side("A", &names, &others));
        remarks.extend(on_one_side("B", &others, &names));
    }
    if matches!(sides.method, Method::FewRuns | Method::ManyRuns) {
        remarks.extend(one_after_the_other(a, b));
    }
    remarks.extend(worth(sides));
    remarks
}

/// Names that a remark lists.
const NAMES_TOLD: usize = 5;

fn on_one_side(side: &str, names: &BTreeSet<&str>, others: &BTreeSet<&str>) -> Option<String> {
    let alone: Vec<&str> = names.difference(others).copied().collect();
    let (told, more) = alone.split_at(alone.len().min(NAMES_TOLD));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    (!alone.is_empty())
        .then(|| format!("only {side} has the transactions {}{more}", told.join(", ")))
}

/// Runs that were not taken in turn cannot tell a change of the service from one of the hour.
fn one_after_the_other(a: &[ComparedRun], b: &[ComparedRun]) -> Option<String> {
    let ends = |side: &[ComparedRun]| {
        side.iter()
            .map(|run| run.facts.began_at)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(first, last), at| {
                (first.min(at), last.max(at))
            })
    };
    let ((a_first, a_last), (b_first, b_last)) = (ends(a), ends(b));
    let (first, second) = match () {
        () if a_last < b_first => ("A", "B"),
        () if b_last < a_first => ("B", "A"),
        () => return None,
    };
    Some(format!(
        "all runs of {first} began before those of {second}: what changed on the machine meanwhile \
        looks the same as what you changed; take them in turn"
    ))
}

/// How weak the evidence of two runs is.
fn worth(sides: &Sides<'_>) -> Option<String> {
    match (sides.method, sides.worth()) {
        (Method::TwoRuns, None) => Some(
            "a run is too short to say how sure its figures are: that takes ten seconds".to_owned(),
        ),
        (_, Some(worth)) => {
            let words = ["A", "B"].iter().zip(worth).map(|(side, (worth, of))| {
                format!(
                    "{} of {side} are worth {} independent ones",
                    counted(of, "response time"),
                    grouped(worth.round() as u64)
                )
            });
            Some(words.collect::<Vec<_>>().join(", and the "))
        }
        _ => None,
    }
}
