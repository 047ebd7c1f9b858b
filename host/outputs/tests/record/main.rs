//! What a record takes, by count: bytes of the file, and of memory while it is written.

#![allow(unsafe_code, reason = "an allocator that counts is one by an unsafe trait")]

mod second;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use swell_core::RunInstant;
use swell_core::record::Snapshot;
use swell_outputs::Outputs;
use swell_report::record::{Frame, Moment, RecordHeader};
use swell_report::{RunState, Status};

static IN_USE: AtomicI64 = AtomicI64::new(0);
/// The most that was in use since somebody set it.
static PEAK: AtomicI64 = AtomicI64::new(0);

struct MeteredAllocator;

// SAFETY: everything is left to the system's allocator; counting needs no memory.
unsafe impl GlobalAlloc for MeteredAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = layout.size() as i64;
        let in_use = IN_USE.fetch_add(size, Ordering::Relaxed) + size;
        PEAK.fetch_max(in_use, Ordering::Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: MeteredAllocator = MeteredAllocator;

/// A record that is written through the same outputs as those of `host run --record FILE`.
struct LongRecord {
    outputs: Outputs,
    run: Arc<RecordHeader>,
    seconds: u64,
}

impl LongRecord {
    fn to(path: &Path) -> Self {
        let run = Arc::new(second::header());
        let own = [("record", path.display().to_string())];
        let outputs = Outputs::open(&[], &own, &[], |_| Ok(())).expect("the folder can be written");
        outputs.begin(&run);
        Self { outputs, run, seconds: 0 }
    }

    fn add(&mut self, counted: Snapshot) {
        let at = |seconds| RunInstant::START + Duration::from_secs(seconds);
        let status = Status { phase: RunState::Measuring, users: 60, ..Status::default() };
        let (from, until) = (at(self.seconds), at(self.seconds + 1));
        let frame = Frame { from, until, counted, moment: Moment::of(&status) };
        self.seconds += 1;
        self.outputs.wait_for_room();
        self.outputs.frame(&self.run, &Arc::new(frame));
    }

    fn end(self) {
        self.outputs.over(&self.run, None);
        self.outputs.end_without_results(&AtomicU64::new(0)).expect("all can be written");
    }
}

// One test, as another one beside it would use memory too.
#[test]
fn a_record_takes_at_most_64_mib_an_hour_and_no_more_memory_from_hour_to_hour() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("hour.swell");
    let (mut record, seconds) = (LongRecord::to(&path), 100);
    (0..seconds).for_each(|number| record.add(second::second(number, 5_000, 20)));
    record.end();
    let bytes = std::fs::metadata(&path).expect("it was written").len();
    let of_an_hour = bytes * 3_600 / seconds;
    assert!(of_an_hour <= 64 << 20, "an hour takes {of_an_hour} bytes");

    // One that has been joined once, and one that has been joined over and over.
    let few = second::second(0, 20, 2);
    let peak = |name: &str, seconds: u64| {
        let mut record = LongRecord::to(&folder.path().join(name));
        PEAK.store(IN_USE.load(Ordering::Relaxed), Ordering::Relaxed);
        (0..seconds).for_each(|_| record.add(few.clone()));
        record.end();
        PEAK.load(Ordering::Relaxed)
    };
    let (short, long) = (peak("short", 4_000), peak("long", 12_000));
    assert!(long - short < 1 << 20, "at most {short} bytes in an hour, and {long} in three");
}
