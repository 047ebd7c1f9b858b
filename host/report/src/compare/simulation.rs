//! Runs of a service whose law is known, compared: how often what is said is true.
//!
//! Times of a run are exponential, times the level of the run, times that of their five seconds.
//! The level of a run is what differs from run to run though nothing was changed.

use std::time::Duration;

use swell_core::random::Random;
use swell_core::record::Figures;
use swell_core::threshold::Margin;

use super::run::{ComparedRun, Facts, MeasuredCounts, RunPiece};
use super::table::{FigureComparison, FigureFinding};
use super::{MarginRuling, Method, RunComparison};

/// Seconds of a run, and transactions in each.
const SECONDS: u32 = 60;
const EACH: u32 = 50;
/// Where the spread between runs is to be more than what so few leave to chance.
const MANY: u32 = 200;
/// Pairs of sides for each figure.
const PAIRS: u64 = 200;

fn normal(random: &mut Random) -> f64 {
    let (u, v) = (1.0 - random.unit(), random.unit());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// The law of a service: its level, how much that differs from run to run and within a run, and how
/// often it fails.
#[derive(Clone, Copy)]
struct ServiceLaw {
    level: f64,
    between_runs: f64,
    within_run: f64,
    failing: f64,
}

const EQUAL: ServiceLaw =
    ServiceLaw { level: 1.0, between_runs: 0.0, within_run: 0.05, failing: 0.002 };

/// A run under a law with so many transactions a second, and the level that it had.
fn run(law: ServiceLaw, each: u32, seed: u64, number: u64) -> (ComparedRun, f64) {
    let mut random = Random::stream(seed, number);
    let level = law.level * (law.between_runs * normal(&mut random)).exp();
    let mut pieces = vec![RunPiece::default(); SECONDS as usize];
    for five in pieces.chunks_mut(5) {
        let now = level * (law.within_run * normal(&mut random)).exp();
        for piece in five {
            piece.length = Duration::from_secs(1);
            count(&mut piece.counted, now, law.failing, each, &mut random);
        }
    }
    (of_pieces(format!("{seed}-{number}"), pieces), level)
}

fn count(counted: &mut Figures, level: f64, failing: f64, each: u32, random: &mut Random) {
    let total = &mut counted.total;
    for _ in 0..each {
        let time = Duration::from_secs_f64(-0.01 * level * (1.0 - random.unit()).ln());
        total.counts.started += 1;
        if random.unit() < failing {
            total.counts.failed += 1;
            total.response.failed.record(time);
        } else {
            total.counts.ok += 1;
            total.response.ok.record(time);
        }
    }
}

pub(super) fn of_pieces(name: String, pieces: Vec<RunPiece>) -> ComparedRun {
    let mut total = Figures::default();
    pieces.iter().for_each(|piece| total.merge(&piece.counted));
    let facts = Facts {
        id: name.clone(),
        version: "0.1.0".to_owned(),
        scenario: "shop".to_owned(),
        file_hash: "abc".to_owned(),
        target: None,
        model: "open model, 50/s transactions".to_owned(),
        asked_per_second: Some(50.0),
        warm_up_seconds: 0.0,
        measured_seconds: pieces.iter().map(|piece| piece.length.as_secs_f64()).sum(),
        timeout_seconds: 30.0,
        began_at: 0.0,
        machine: None,
        cores: 2,
        hosts: 1,
        stamp: None,
    };
    ComparedRun { name, facts, known: MeasuredCounts::Counted { pieces, total: Box::new(total) } }
}

/// A side of so many runs.
fn side(law: ServiceLaw, each: u32, runs: u64, seed: u64, from: u64) -> Vec<ComparedRun> {
    (0..runs).map(|number| run(law, each, seed, from + number).0).collect()
}

fn compared(laws: [ServiceLaw; 2], each: u32, runs: [u64; 2], seed: u64) -> RunComparison {
    let a = side(laws[0], each, runs[0], seed, 0);
    let b = side(laws[1], each, runs[1], seed, 1_000);
    RunComparison::of(&a, &b, &[])
}

fn row<'a>(comparison: &'a RunComparison, figure: &str) -> &'a FigureComparison {
    comparison.figures.iter().find(|row| row.figure == figure).expect("it is told")
}

/// Of [`PAIRS`] comparisons, how many say of any figure that it differs.
fn wolves(spread: f64, runs: [u64; 2]) -> usize {
    let law = ServiceLaw { between_runs: spread, ..EQUAL };
    (0..PAIRS)
        .filter(|seed| {
            let comparison = compared([law, law], EACH, runs, *seed);
            comparison.figures.iter().any(|row| row.finding == FigureFinding::Differs)
        })
        .count()
}

/// Five in a hundred.
const ALLOWED: usize = PAIRS as usize / 20;

#[test]
fn two_equal_runs_are_said_to_differ_in_one_of_twenty_cases_at_most() {
    let wolves = wolves(0.0, [1, 1]);
    assert!(wolves <= ALLOWED, "{wolves} of {PAIRS}");
}

#[test]
fn five_runs_a_side_cry_wolf_in_one_of_twenty_cases_at_most_whatever_runs_spread_by() {
    for spread in [0.0, 0.03, 0.10] {
        let wolves = wolves(spread, [5, 5]);
        assert!(wolves <= ALLOWED, "{spread}: {wolves} of {PAIRS}");
    }
}

#[test]
fn few_runs_a_side_cry_wolf_no_more_often() {
    for runs in [[2, 2], [3, 3], [4, 3], [1, 5]] {
        for spread in [0.03, 0.10] {
            let wolves = wolves(spread, runs);
            assert!(wolves <= ALLOWED, "{runs:?}, {spread}: {wolves} of {PAIRS}");
        }
    }
}

#[test]
fn a_shift_of_a_tenth_is_told_by_five_runs_a_side_that_spread_by_three_percent() {
    let law = ServiceLaw { between_runs: 0.03, ..EQUAL };
    let told = (0..PAIRS).filter(|seed| {
        let comparison = compared([law, ServiceLaw { level: 1.1, ..law }], MANY, [5, 5], *seed);
        let p95 = row(&comparison, "response.p95");
        p95.finding == FigureFinding::Differs && p95.difference.is_some_and(|by| by > 0.0)
    });
    let told = told.count();
    assert!(told >= PAIRS as usize * 9 / 10, "{told} of {PAIRS}");
}

#[test]
fn what_two_runs_are_said_to_differ_by_is_what_these_two_differ_by() {
    for spread in [0.03, 0.10] {
        let law = ServiceLaw { between_runs: spread, ..EQUAL };
        let holds = |seed: &u64| {
            let ((a, level), (b, other)) = (run(law, EACH, *seed, 0), run(law, EACH, *seed, 1_000));
            let comparison = RunComparison::of(&[a], &[b], &[]);
            assert_eq!(comparison.method, Method::TwoRuns);
            let [low, high] = row(&comparison, "response.p95").interval.unwrap();
            (low.unwrap()..=high.unwrap()).contains(&(other / level - 1.0))
        };
        let held = (0..PAIRS).filter(holds).count();
        assert!(held >= PAIRS as usize * 93 / 100, "{spread}: {held} of {PAIRS}");
    }
}

#[test]
fn a_margin_fails_only_what_is_surely_beyond_it() {
    let margin: Margin = "response.p95 > +5%".parse().unwrap();
    let ruled = |level: f64| {
        let law = ServiceLaw { between_runs: 0.03, ..EQUAL };
        let failed = (0..40).filter(|seed| {
            let a = side(law, EACH, 5, *seed, 0);
            let b = side(ServiceLaw { level, ..law }, EACH, 5, *seed, 1_000);
            let comparison = RunComparison::of(&a, &b, std::slice::from_ref(&margin));
            comparison.margins[0].ruling == MarginRuling::Failed
        });
        failed.count()
    };
    assert_eq!(ruled(1.0), 0);
    assert!(ruled(1.05) <= 2, "at the margin itself chance fails one in forty");
    assert!(ruled(1.25) >= 36);
}
