//! The measuring path allocates nothing once names, their first samples and the numbers of a trend have been seen: shown by counting, since a clock would not show it.

#![allow(unsafe_code, reason = "an allocator that counts is one by an unsafe trait")]

mod sample;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use swell_core::RunInstant;
use swell_core::record::{Recorder, Snapshot};

use sample::sample;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is left to the system's allocator; counting touches a thread-local that needs neither memory nor a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
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
    assert_eq!(allocations_of(|| drop(Box::new([0_u8; 64]))), 1);
}

#[test]
fn ten_thousand_samples_allocate_nothing() {
    let mut recorder = Recorder::new(RunInstant::from_nanos(0));
    (0..100).for_each(|number| sample(&mut recorder, number));
    assert_eq!(allocations_of(|| (100..10_100).for_each(|number| sample(&mut recorder, number))), 0);
}

#[test]
fn a_window_that_comes_back_is_filled_without_an_allocation() {
    let mut recorder = Recorder::new(RunInstant::from_nanos(0));
    let now = RunInstant::from_nanos(1);
    (0..100).for_each(|number| sample(&mut recorder, number));
    let mut window = recorder.take_window(now, Snapshot::default());
    window.clear();
    (100..200).for_each(|number| sample(&mut recorder, number));
    let _second = recorder.take_window(now, window);
    // Texts of failures are let go with their window, so that a run may meet any number of them: the first failure brings its text anew.
    (200..210).for_each(|number| sample(&mut recorder, number));
    assert_eq!(allocations_of(|| (210..1_200).for_each(|number| sample(&mut recorder, number))), 0);
}
