//! What the last windows say about an objective, and how surely.
//!
//! Windows of similar set-points are judged together: a few seconds at a steady rate decide what
//! one window cannot. The windows are summed up over spans of one window, two, four and so on,
//! newest first. So a sudden change shows at once in the shortest span, and a slight change shows
//! later, in the longest.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::objective::Goal;
use super::sketch::Sketch;
use super::watch::Tally;
use crate::RunInstant;

/// How far back windows count.
const SPAN: Duration = Duration::from_secs(5);
/// Set-points that differ by less than this part count as one: a service does not change its
/// character over so small a difference.
const SIMILAR: f64 = 0.05;
/// Older windows, and windows of other set-points, stay as long as the newer ones hold fewer
/// samples than this: at a transaction a second five seconds say nothing.
const ENOUGH: u64 = 40;
const MAX_SPAN: Duration = Duration::from_secs(20);
/// How many standard deviations a share must be off before it counts as off. Of 700 looks at a
/// share that is just held, one then gives a false alarm. There are five looks a second, and a
/// false alarm costs a small step.
const Z: f64 = 3.0;
/// An objective is far off when the odds of breaking it are surely this many times the odds that it
/// allows.
const FAR_OFF: f64 = 2.0;
/// With fewer samples an objective is not judged.
pub(super) const MIN_SAMPLES: u64 = 20;
/// With fewer samples above an objective they are not judged at all: one or two among a few may be
/// chance.
const MIN_ABOVE: u64 = 3;

/// The windows that count.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ObjectiveEvidence {
    goal: Goal,
    windows: VecDeque<Stretch>,
    #[serde(skip)]
    spare: Vec<Tally>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stretch {
    until: RunInstant,
    rate: f64,
    tally: Tally,
}

/// How many times as much load the service could bear, if what is measured grew in proportion to
/// the load. Above 1 the objective holds with room, below 1 it does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Headroom {
    pub(super) measured: f64,
    /// What was measured: a time in seconds, or a share.
    pub(super) reading: f64,
    /// The number of samples.
    pub(super) samples: u64,
}

/// What the windows say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Finding {
    /// Too few samples.
    Nothing,
    /// Nothing speaks surely against the objective.
    Holds(Headroom),
    /// The objective does not hold.
    Broken {
        /// The part of the load that the service could bear, below 1, if all doubt is decided in
        /// favour of the service.
        keep: f64,
        /// What was measured.
        room: Headroom,
    },
}

impl ObjectiveEvidence {
    pub(super) const fn new(goal: Goal) -> Self {
        Self { goal, windows: VecDeque::new(), spare: Vec::new() }
    }

    /// Takes in a window that ended at `until` under the set-point `rate`.
    pub(super) fn add(&mut self, until: RunInstant, rate: f64, tally: &Tally) {
        let mut own = self.spare.pop().unwrap_or_default();
        own.clear();
        own.merge(tally);
        self.windows.push_back(Stretch { until, rate, tally: own });
        let mut samples: u64 = self.windows.iter().map(|window| window.tally.judged).sum();
        let mut stale = |window: &mut Stretch| {
            samples -= window.tally.judged;
            let age = until.since(window.until);
            let dispensable = age >= SPAN || (window.rate / rate - 1.0).abs() > SIMILAR;
            age >= MAX_SPAN || dispensable && samples >= ENOUGH
        };
        while let Some(window) = self.windows.pop_front_if(&mut stale) {
            self.spare.push(window.tally);
        }
    }

    /// Forgets all windows.
    pub(super) fn clear(&mut self) {
        self.spare.extend(self.windows.drain(..).map(|window| window.tally));
    }

    /// Whether what was judged in the latest window meets the objective.
    pub(super) fn latest_holds(&self) -> bool {
        let mut latest = SpanSums::new(self.goal);
        self.windows.back().into_iter().for_each(|window| latest.add(&window.tally));
        latest.samples() > 0 && latest.room().measured >= 1.0
    }

    /// Whether all windows together surely meet the objective.
    pub(super) fn surely_holds(&self) -> bool {
        let mut all = SpanSums::new(self.goal);
        self.windows.iter().for_each(|window| all.add(&window.tally));
        let (above, of, allowed) = all.parts();
        wilson(above as f64, of as f64).1 < allowed
    }

    /// Judges by spans of one window, two, four and so on. The shortest span that speaks against
    /// the objective decides; otherwise all windows decide, if they have at least `least` samples.
    pub(super) fn judge(&self, least: u64) -> Finding {
        let mut sum = SpanSums::new(self.goal);
        let mut next = 1;
        for (index, window) in self.windows.iter().rev().enumerate() {
            sum.add(&window.tally);
            if index + 1 == next || index + 1 == self.windows.len() {
                next *= 2;
                if let Some(keep) = sum.broken() {
                    return Finding::Broken { keep, room: sum.room() };
                }
            }
        }
        if sum.samples() < least { Finding::Nothing } else { Finding::Holds(sum.room()) }
    }
}

/// The sum over a span.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SpanSums {
    goal: Goal,
    pub(super) begun: u64,
    judged: u64,
    failed: u64,
    times: Sketch,
}

impl SpanSums {
    pub(super) fn new(goal: Goal) -> Self {
        Self { goal, begun: 0, judged: 0, failed: 0, times: Sketch::default() }
    }

    pub(super) fn add(&mut self, tally: &Tally) {
        // What ended under an earlier set-point says nothing of this one.
        let Tally { begun, ended: _, judged, failed, times } = tally;
        self.begun += begun;
        self.judged += judged;
        self.failed += failed;
        self.times.merge(times);
    }

    /// The number of samples that say something about the objective.
    pub(super) fn samples(&self) -> u64 {
        match self.goal {
            Goal::Latency { .. } => self.times.count(),
            Goal::ErrorRate(_) => self.judged,
        }
    }

    /// How many samples were above the objective or failed, of how many, and which share may.
    fn parts(&self) -> (u64, u64, f64) {
        match self.goal {
            Goal::Latency { percent, .. } => {
                (self.times.above(), self.samples(), 1.0 - percent / 100.0)
            }
            // Errors often come sooner than answers: what has begun and not ended may yet do well.
            Goal::ErrorRate(share) => (self.failed, self.judged.max(self.begun), share.part()),
        }
    }

    /// How much of the load to keep, if the objective is surely broken.
    fn broken(&self) -> Option<f64> {
        let (above, of, allowed) = self.parts();
        let (surely, _) = wilson(above as f64, of as f64);
        if above < MIN_ABOVE || surely <= allowed {
            return None;
        }
        // Where it is far off there is no doubt whose side could be taken.
        let odds = |share: f64| share / (1.0 - share);
        let far = odds(surely) > FAR_OFF * odds(allowed);
        Some(match self.goal {
            Goal::Latency { percent, .. } => {
                let part = percent / 100.0;
                let part = if far { part } else { wilson_of_part(part, self.times.count()).0 };
                1.0 / self.times.quantile(part).max(1.0)
            }
            Goal::ErrorRate(_) => {
                borne(if far { above as f64 / of as f64 } else { surely }, allowed).min(1.0)
            }
        })
    }

    pub(super) fn room(&self) -> Headroom {
        let samples = self.samples();
        match self.goal {
            Goal::Latency { percent, limit } => {
                let measured = self.times.quantile(percent / 100.0);
                Headroom {
                    measured: 1.0 / measured,
                    reading: measured * limit.as_secs_f64(),
                    samples,
                }
            }
            Goal::ErrorRate(share) => {
                let measured = self.failed as f64 / samples.max(1) as f64;
                Headroom { measured: borne(measured, share.part()), reading: measured, samples }
            }
        }
    }
}

/// How many times the present load would fail in the share `allowed`, when the present load fails
/// in `failing` and what succeeds is all that the service can do.
fn borne(failing: f64, allowed: f64) -> f64 {
    (1.0 - failing) / (1.0 - allowed)
}

/// How far a count may be from `expected` by chance, if it varies as a Poisson number does; the
/// difference of two such counts varies as one of both.
pub(super) fn chance(expected: f64) -> f64 {
    Z * expected.sqrt()
}

/// The Wilson interval of a share, `Z` standard deviations wide to both sides: where the true share
/// may lie when `part` of `whole` were seen (E. B. Wilson, *Probable Inference*, 1927). It stays
/// within 0 and 1, and is wide where there are few samples.
fn wilson(part: f64, whole: f64) -> (f64, f64) {
    if whole <= 0.0 {
        return (0.0, 1.0);
    }
    let (share, z2) = (part / whole, Z * Z);
    let middle = share + z2 / (2.0 * whole);
    let half = Z * (share * (1.0 - share) / whole + z2 / (4.0 * whole * whole)).sqrt();
    let scale = 1.0 + z2 / whole;
    (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
}

/// Between which parts of the samples the quantile of `part` lies.
fn wilson_of_part(part: f64, samples: u64) -> (f64, f64) {
    wilson(part * samples as f64, samples as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Share;

    const LIMIT: Duration = Duration::from_millis(100);

    fn at(window: u64) -> RunInstant {
        RunInstant::START + Duration::from_millis(200) * window as u32
    }

    fn of_times(times: impl IntoIterator<Item = u64>) -> Tally {
        let mut tally = Tally::default();
        for ms in times {
            tally.judged += 1;
            tally.times.add(Duration::from_millis(ms), LIMIT, 1);
        }
        tally
    }

    fn of_errors(failed: u64, judged: u64) -> Tally {
        Tally { judged, failed, ..Tally::default() }
    }

    fn latency() -> ObjectiveEvidence {
        ObjectiveEvidence::new(Goal::Latency { percent: 90.0, limit: LIMIT })
    }

    fn errors(part: f64) -> ObjectiveEvidence {
        ObjectiveEvidence::new(Goal::ErrorRate(Share::new(part).unwrap()))
    }

    #[test]
    fn the_interval_is_that_of_the_tables() {
        // With z = 3: 10 of 100 lie between 4.1 % and 22.4 %.
        let (low, high) = wilson(10.0, 100.0);
        assert!((low - 0.0407).abs() < 1e-3 && (high - 0.2251).abs() < 2e-3, "{low} {high}");
        assert_eq!(wilson(0.0, 0.0), (0.0, 1.0));
        assert_eq!(wilson(0.0, 50.0).0, 0.0);
        assert_eq!(wilson(50.0, 50.0).1, 1.0);
    }

    #[test]
    fn without_samples_there_is_no_finding() {
        let mut evidence = latency();
        assert_eq!(evidence.judge(20), Finding::Nothing);
        evidence.add(at(1), 100.0, &Tally::default());
        assert_eq!(evidence.judge(20), Finding::Nothing);
        evidence.add(at(2), 100.0, &of_times([500]));
        assert_eq!(evidence.judge(20), Finding::Nothing, "one sample proves nothing");
    }

    #[test]
    fn one_window_far_off_decides_among_many_good_ones() {
        let mut evidence = latency();
        (1..40).for_each(|window| evidence.add(at(window), 1_000.0, &of_times([50; 200])));
        let finding = evidence.judge(20);
        assert!(matches!(finding, Finding::Holds(Headroom { measured, .. }) if measured > 1.9));
        evidence.add(at(40), 1_000.0, &of_times([200; 200]));
        let Finding::Broken { keep, .. } = evidence.judge(20) else {
            panic!("{:?}", evidence.judge(20))
        };
        assert!((keep - 0.5).abs() < 0.01, "{keep}");
    }

    #[test]
    fn a_slight_excess_is_found_when_it_has_gone_on_for_long_enough() {
        let mut evidence = errors(0.03);
        for window in 1..100 {
            evidence.add(at(window), 1_000.0, &of_errors(9, 200));
            if let Finding::Broken { keep, .. } = evidence.judge(20) {
                assert!((5..25).contains(&window), "{window}");
                assert!((0.98..1.0).contains(&keep), "only what is sure is taken back: {keep}");
                return;
            }
        }
        panic!("4.5 % is more than 3 %");
    }

    #[test]
    fn windows_of_another_rate_are_forgotten() {
        let mut evidence = latency();
        evidence.add(at(1), 1_000.0, &of_times([300; 100]));
        assert!(matches!(evidence.judge(20), Finding::Broken { .. }));
        evidence.add(at(2), 500.0, &of_times([50; 100]));
        assert!(matches!(evidence.judge(20), Finding::Holds(_)));
        evidence.add(at(3), 515.0, &of_times([50; 100]));
        let Finding::Holds(room) = evidence.judge(20) else { panic!() };
        assert_eq!(room.samples, 200, "a small step keeps what was seen before it");
    }

    #[test]
    fn error_rates_work_from_a_thousandth_to_nine_tenths() {
        for part in [0.001, 0.01, 0.1, 0.5, 0.9] {
            let judged = 100_000;
            let mut evidence = errors(part);
            evidence.add(at(1), 1_000.0, &of_errors((part * judged as f64) as u64, judged));
            let Finding::Holds(room) = evidence.judge(20) else { panic!("{part}") };
            assert!((room.measured - 1.0).abs() < 1e-9);
            let mut evidence = errors(part);
            let twice = (1.0 - part).mul_add(0.5, part);
            evidence.add(at(1), 1_000.0, &of_errors((twice * judged as f64) as u64, judged));
            let Finding::Broken { keep, .. } = evidence.judge(20) else { panic!("{part}") };
            assert!((0.499..0.525).contains(&keep), "{part}: {keep}");
        }
    }
}
