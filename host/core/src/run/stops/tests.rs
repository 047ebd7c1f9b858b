use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(ms: u64) -> RunInstant {
    RunInstant::START + Duration::from_millis(ms)
}

/// A run that is watched, second by second.
struct WatchedRun {
    watch: StopWatch,
    total: Snapshot,
    now: RunInstant,
    warm_up: Duration,
}

impl WatchedRun {
    fn new(rules: StopRules, thresholds: &[&str]) -> Self {
        let read = |text: &&str| text.parse().unwrap_or_else(|error| panic!("{error}"));
        let thresholds: Vec<Threshold> = thresholds.iter().map(read).collect();
        let watch = StopWatch::new(rules, &thresholds);
        let (total, warm_up) = (Snapshot::default(), Duration::ZERO);
        Self { watch, total, now: RunInstant::START, warm_up }
    }

    /// A stretch in which so many ended well after `ms`, and so many failed.
    fn stretch(&mut self, span: Duration, ok: u64, failed: u64, ms: u64) -> Option<Broken> {
        let measures = self.now >= RunInstant::START + self.warm_up;
        self.now = self.now + span;
        let mut counted = Snapshot::default();
        let part = if measures { &mut counted.measured } else { &mut counted.warm_up };
        let counts = &mut part.total.counts;
        (counts.started, counts.ok, counts.failed) = (ok + failed, ok, failed);
        (0..ok).for_each(|_| part.total.response.ok.record(Duration::from_millis(ms)));
        (0..failed).for_each(|_| part.total.response.failed.record(Duration::from_millis(ms)));
        self.total.merge(&counted);
        let second = Second {
            now: self.now,
            span,
            counted: &counted,
            total: &self.total,
            measured_from: RunInstant::START + self.warm_up,
        };
        self.watch.handle_second(&second, true)
    }

    fn second(&mut self, ok: u64, failed: u64, ms: u64) -> Option<Broken> {
        self.stretch(SECOND, ok, failed, ms)
    }
}

fn max_error_rate(text: &str) -> StopRules {
    StopRules { max_error_rate: Some(text.parse().unwrap()), ..StopRules::default() }
}

#[test]
fn a_window_breaks_a_threshold_that_the_whole_run_would_hold() {
    let mut run = WatchedRun::new(StopRules::default(), &["response.p50 < 200ms over 3s"]);
    for _ in 0..20 {
        assert_eq!(run.second(100, 0, 10), None);
    }
    assert_eq!((run.second(100, 0, 500), run.watch.broken()), (None, &[][..]), "one of three");
    assert_eq!(run.second(100, 0, 500), None, "without abort nothing ends the run");
    let [broken] = run.watch.broken() else { panic!("{:?}", run.watch.broken()) };
    assert_eq!((broken.at, broken.ends_run), (at(22_000), false));
    assert_eq!(broken.rule, "response.p50 < 200ms over 3s");
    assert!(broken.found.ends_with(" in 3s"), "{broken:?}");
    run.second(100, 0, 500);
    assert_eq!(run.watch.broken().len(), 1, "it is told once");
}

#[test]
fn a_window_that_is_not_full_or_has_too_few_samples_breaks_nothing() {
    let mut run = WatchedRun::new(StopRules::default(), &["response.p95 < 200ms over 3s abort"]);
    assert_eq!((run.second(900, 0, 500), run.second(900, 0, 500)), (None, None));
    assert!(run.second(900, 0, 500).is_some_and(|broken| broken.ends_run));
    let mut few = WatchedRun::new(StopRules::default(), &["response.p95 < 200ms over 3s abort"]);
    assert!((0..10).all(|_| few.second(20, 0, 500).is_none()));
}

#[test]
fn an_abort_waits_for_its_delay_and_the_break_before_it_is_not_forgotten() {
    let mut run =
        WatchedRun::new(StopRules::default(), &["error_rate < 1% over 2s abort after 5s"]);
    (0..2).for_each(|_| assert_eq!(run.second(0, 100, 10), None));
    assert_eq!(run.watch.broken().len(), 1);
    assert!((0..2).all(|_| run.second(0, 100, 10).is_none()));
    assert_eq!(run.second(0, 100, 10).map(|broken| broken.at), Some(at(5_000)));
    let rules = StopRules { abort_on_fail: Some(SECOND * 3), ..StopRules::default() };
    let mut of_all = WatchedRun::new(rules, &["error_rate < 1%"]);
    assert_eq!((of_all.second(0, 9, 1), of_all.second(0, 9, 1)), (None, None));
    let broken = of_all.second(0, 9, 1).expect("the delay is over");
    assert_eq!(broken.found, "100% after 3 s");
}

#[test]
fn no_window_reaches_over_a_pause_or_into_the_warm_up() {
    let mut run = WatchedRun::new(StopRules::default(), &["throughput > 50/s over 3s abort"]);
    run.warm_up = SECOND * 2;
    assert!((0..4).all(|_| run.second(0, 0, 0).is_none()), "two of them are measured");
    run.watch.handle_pause();
    assert!((0..2).all(|_| run.second(0, 0, 0).is_none()));
    assert!(run.second(0, 0, 0).is_some());
}

#[test]
fn more_failures_than_allowed_end_the_run_and_those_of_the_warm_up_count() {
    let rules = StopRules { max_errors: Some(10), ..StopRules::default() };
    let mut run = WatchedRun::new(rules, &[]);
    run.warm_up = SECOND;
    assert_eq!((run.second(0, 6, 1), run.second(5, 4, 1)), (None, None));
    let broken = run.second(0, 1, 1).expect("eleven are more than ten");
    assert_eq!((&*broken.rule, &*broken.found), ("max-errors 10", "11 transactions failed"));
}

#[test]
fn a_share_of_failures_ends_the_run_within_a_second_and_needs_twenty() {
    let mut down = WatchedRun::new(max_error_rate("50%"), &[]);
    let broken = down.second(0, 500, 1).expect("all of 500 failed");
    assert_eq!(broken.rule, "max-error-rate 50% over 10s");
    assert_eq!(broken.found, "100%, 500 of 500 transactions in the last 1 s");
    let mut few = WatchedRun::new(max_error_rate("50% over 2s"), &[]);
    assert!((0..10).all(|_| few.second(0, 9, 1).is_none()), "18 in two seconds");
    let mut half = WatchedRun::new(max_error_rate("50%"), &[]);
    assert_eq!(half.second(50, 50, 1), None, "half is not more than half");
    // What went well long ago does not speak for what fails now.
    assert_eq!((0..20).find_map(|_| half.second(9_000, 0, 1)), None);
    assert_eq!((0..20).position(|_| half.second(0, 9_000, 1).is_some()), Some(5));
}

#[test]
fn a_share_of_errors_that_cannot_be_is_refused() {
    let refusal = |text: &str| text.parse::<MaxErrorRate>().unwrap_err().to_string();
    assert!(refusal("100%").contains("give less"));
    assert!(refusal("50").contains("50%"), "{}", refusal("50"));
    assert!(refusal("50% over 10m").contains("from 1s to 5m"));
    assert!(refusal("50% over").contains("share"));
}

proptest! {
    /// Against all seconds looked at anew each time.
    #[test]
    fn windows_judge_as_a_reckoning_over_all_seconds(
        seconds in prop::collection::vec((950_u64..1_050, 0_u64..30, 0_u64..30), 1..60),
        length in 1_u64..12,
        percent in 1_u64..99,
    ) {
        let (over, share) = (SECOND * length as u32, percent as f64 / 100.0);
        let threshold = format!("error_rate <= {percent}% over {length}s");
        let mut run = WatchedRun::new(StopRules::default(), &[&threshold]);
        let kill = max_error_rate(&format!("{percent}% over {length}s"));
        let mut killed = WatchedRun::new(kill, &[]);
        let mut first = None;
        for end in 1..=seconds.len() {
            let (ms, ok, failed) = seconds[end - 1];
            let span = Duration::from_millis(ms);
            run.stretch(span, ok, failed, 1);
            let is_killed = killed.stretch(span, ok, failed, 1).is_some();
            let lasted = |from: usize| {
                Duration::from_millis(seconds[from..end].iter().map(|(ms, ..)| ms).sum())
            };
            let full = (0..end).rev().find(|&from| lasted(from) + TICK > over);
            let sum = |from: usize| {
                let part = &seconds[from..end];
                let failed: u64 = part.iter().map(|(.., failed)| failed).sum();
                (failed, failed + part.iter().map(|(_, ok, _)| ok).sum::<u64>())
            };
            let is_above = |(failed, all): (u64, u64)| failed as f64 / all as f64 > share;
            let (failed, all) = sum(full.unwrap_or(0));
            prop_assert_eq!(is_killed, all >= LEAST_TRANSACTIONS && is_above((failed, all)));
            if full.is_some_and(|from| sum(from).1 > 0 && is_above(sum(from))) {
                first = first.or(Some(run.now));
            }
        }
        prop_assert_eq!(run.watch.broken().first().map(|broken| broken.at), first);
        prop_assert!(run.watch.seconds.len() as u64 <= length + 1, "memory is bounded");
    }
}
