//! The measuring path allocates nothing once names, the samples of a window and the numbers of a
//! trend have been seen, and holds little memory for each name: shown by counting, since neither a
//! clock nor the process's size would show it.

#![allow(unsafe_code, reason = "an allocator that counts is one by an unsafe trait")]

mod sample;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use swell_core::RunInstant;
use swell_core::random::Random;
use swell_core::record::{
    MAX_SERIES, MetricKind, Recorder, RunPhase, Snapshot, TransactionEnd, TransactionTimes, Whose,
};

use sample::sample;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is left to the system's allocator; counting touches a thread-local that needs
// neither memory nor a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        BYTES.with(|bytes| bytes.set(bytes.get().wrapping_add(layout.size())));
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        BYTES.with(|bytes| bytes.set(bytes.get().wrapping_sub(layout.size())));
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn counting_sees_an_allocation() {
    assert_eq!(allocations_of(|| drop(std::hint::black_box(Box::new([0_u8; 64])))), 1);
}

/// So many samples, and no histogram lists them any more.
const MANY: u64 = 3_000;

#[test]
fn ten_thousand_samples_allocate_nothing() {
    let mut recorder = Recorder::new(RunInstant::from_nanos(0));
    (0..MANY * 10).for_each(|number| sample(&mut recorder, number));
    assert_eq!(allocations_of(|| (0..10_000).for_each(|number| sample(&mut recorder, number))), 0);
}

#[test]
fn a_transaction_that_is_slower_than_all_before_is_noted_without_an_allocation() {
    let mut recorder = Recorder::new(RunInstant::from_nanos(0));
    let kind = recorder.define("page").expect("a legal name");
    let slower = |recorder: &mut Recorder, number: u64| {
        let (started, ended) =
            (RunInstant::from_nanos(0), RunInstant::from_nanos(8_000_000 + number));
        let times = TransactionTimes::unpaced(started, ended);
        let whose = Whose { iteration: number, user: 0 };
        recorder.begun(kind, started, true);
        recorder.note(kind, &times, whose, TransactionEnd::Ok);
    };
    (0..10).for_each(|number| slower(&mut recorder, number));
    let allocations =
        allocations_of(|| (10..10_000).for_each(|number| slower(&mut recorder, number)));
    assert_eq!(allocations, 0);
    let window = recorder.take_window(RunInstant::from_nanos(1), Snapshot::default());
    let row = window.measured.transactions.row("page").expect("it has begun some");
    assert_eq!(row.notable.slowest()[0].whose.iteration, 9_999);
}

#[test]
fn a_window_that_comes_back_is_filled_without_an_allocation() {
    for samples in [100, MANY * 10] {
        let mut recorder = Recorder::new(RunInstant::from_nanos(0));
        let now = RunInstant::from_nanos(1);
        (0..samples).for_each(|number| sample(&mut recorder, number));
        let mut window = recorder.take_window(now, Snapshot::default());
        window.clear();
        (0..samples).for_each(|number| sample(&mut recorder, number));
        let _second = recorder.take_window(now, window);
        // Texts of failures are let go with their window, so that a run may meet any number of
        // them: the first failure brings its text anew.
        (0..10).for_each(|number| sample(&mut recorder, number));
        assert_eq!(
            allocations_of(|| (10..samples).for_each(|number| sample(&mut recorder, number))),
            0,
            "{samples} samples"
        );
    }
}

/// What is in use while a worker records and its windows go to the control thread and come back:
/// `record` fills each of `windows` windows.
fn bytes_in_use(windows: u64, record: impl Fn(&mut Recorder, u64)) -> usize {
    let before = BYTES.get();
    let mut recorder = Recorder::new(RunInstant::from_nanos(0));
    let (mut total, mut recent, mut spare) =
        (Snapshot::default(), Snapshot::default(), Snapshot::default());
    for number in 0..windows {
        record(&mut recorder, number);
        let mut window = recorder.take_window(RunInstant::from_nanos(number), spare);
        recent.merge(&window);
        if number % 5 == 4 {
            total.merge(&recent);
            recent.clear();
        }
        window.clear();
        spare = window;
    }
    BYTES.get() - before
}

#[test]
fn a_name_takes_at_most_40_kb_on_a_worker_with_all_its_windows_and_what_they_are_merged_into() {
    for (names, samples, windows) in [(900, 1, 50), (200, 20, 200), (50, 200, 100)] {
        let in_use = bytes_in_use(windows, |recorder, window| {
            let mut random = Random::stream(1, window);
            for name in 0..names {
                let kind = recorder
                    .define(&format!("name {name}"))
                    .expect("there are fewer than a thousand");
                for _ in 0..samples {
                    // Log-normal around 8 ms: a tenth of a percent take more than three times as
                    // long.
                    let normal: f64 = (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
                    let (intended, started) =
                        (RunInstant::from_nanos(0), RunInstant::from_nanos(random.below(100_000)));
                    let ended = started + Duration::from_secs_f64(0.008 * (0.35 * normal).exp());
                    recorder.begun(kind, intended, true);
                    recorder.ended(
                        kind,
                        &TransactionTimes { intended, parked_at: intended, started, ended },
                        true,
                        TransactionEnd::Ok,
                    );
                }
            }
        });
        let each = in_use / names;
        assert!(each <= 40 << 10, "{each} bytes for each of {names} names");
    }
}

#[test]
fn ten_thousand_long_tags_take_no_more_than_15_mb_on_a_worker() {
    for length in [1, 100, 4_000] {
        let in_use = bytes_in_use(3, |recorder, _| {
            let metric = recorder.define_metric("hits", MetricKind::Counter).expect("a legal name");
            let mut tag = "x".repeat(length);
            for number in 0..2 * MAX_SERIES {
                tag.truncate(length);
                tag.push_str(&number.to_string());
                recorder.metric(
                    RunPhase::Measured,
                    RunInstant::from_nanos(0),
                    metric,
                    1.0,
                    &[("tag", &tag)],
                );
            }
        });
        assert!(in_use <= 15_000_000, "{in_use} bytes with tags of {length}");
    }
}
