//! How long a guest may compute in one go.
//!
//! Compiled code asks at each epoch tick (a millisecond) whether it may go on. It then gives its
//! thread up, so that other users of the thread run. When it has computed for as long as the limit
//! without a wait, it is cut off. Waits do not count: they have timeouts of their own.
//!
//! ## Why it may do more outside iterations
//! An iteration is what is measured, and comes again and again beside those of other users. What is
//! done once (making the instance, `load`, `setup`, `start`) is where an interpreter reads its
//! script and builds what it needs, which takes some hundred milliseconds for a large one.
//!
//! ## What counts as computing, and what as a wait
//! Computing is the processor time of the thread while the guest has the thread, with host calls
//! and the copies that they make. A thread that the machine does not run computes nothing. A wait
//! is a call that left the guest suspended, through whichever interface; a call that returned at
//! once is computing, so that a guest that calls again and again is cut off like one that loops.
//!
//! ## Why giving way takes several rounds
//! The runtime polls the network and its timers when no task is ready to run any more. A guest that
//! only queued up again would be ready: its turn would come again and again before anything is
//! polled. A deferred wake comes after the poll, but still before what the tasks that it woke wake
//! in turn: a start takes a few steps on its thread, from the timer to the dispatcher to the user.
//! So a guest queues up once for each step, behind all other tasks.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::ticker::{GuestTurns, TICK};

/// How many rounds a guest waits that gives way; in each the thread polls and runs all that is
/// ready. A round in which there is nothing costs two microseconds.
const ROUNDS: u32 = 3;

/// How many times as long as in an iteration a guest may compute outside of one: two seconds by
/// default, in which an interpreter reads a script of several megabytes.
const OUTSIDE_ITERATIONS: u32 = 20;

/// What becomes of a guest that asks whether it may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CpuDecision {
    Continue,
    Yield,
    Cut,
}

/// Measures what an instance computes since it last waited. Touched by the user's own thread alone;
/// atomic because wasmtime moves stores between threads.
#[derive(Debug)]
pub(crate) struct CpuMeter {
    /// What it may compute in an iteration.
    limit: Duration,
    /// Where it says that it has its thread.
    turns: Arc<GuestTurns>,
    /// How many times the limit it may compute now.
    times: AtomicU32,
    waited: AtomicBool,
    gives_way: AtomicBool,
    /// Whether the computing since the last wait is being measured.
    measured: AtomicBool,
    /// The computing since the last wait, in nanoseconds, up to `counted_at`.
    computed: AtomicU64,
    /// The processor time of the thread up to which the guest's part was counted.
    counted_at: AtomicU64,
}

impl CpuMeter {
    /// The meter of an instance that is about to be made: it is not in an iteration.
    pub(crate) fn new(limit: Duration, turns: Arc<GuestTurns>) -> Self {
        Self {
            limit,
            turns,
            times: AtomicU32::new(OUTSIDE_ITERATIONS),
            waited: AtomicBool::new(true),
            gives_way: AtomicBool::new(false),
            measured: AtomicBool::new(false),
            computed: AtomicU64::new(0),
            counted_at: AtomicU64::new(0),
        }
    }

    /// The guest is called anew, to iterate or for something else.
    pub(crate) fn called(&self, iterates: bool) {
        self.times.store(if iterates { 1 } else { OUTSIDE_ITERATIONS }, Ordering::Relaxed);
        self.waited();
    }

    /// What it may compute without a wait, now.
    fn limit(&self) -> Duration {
        self.limit.saturating_mul(self.times.load(Ordering::Relaxed))
    }

    /// Why it was cut off.
    pub(crate) fn reason(&self) -> String {
        let computed = self.limit().as_millis();
        let limit = match self.times.load(Ordering::Relaxed) {
            1 => "the limit of --guest-cpu".to_owned(),
            times => format!("{times} times --guest-cpu, the limit outside iterations"),
        };
        format!("it computed for {computed} ms without a call that waits, {limit}")
    }

    /// The guest has waited: the count begins again.
    #[inline]
    pub(crate) fn waited(&self) {
        self.waited.store(true, Ordering::Relaxed);
    }

    /// The guest asks whether it may go on; `now` reads how much processor time its thread has
    /// used. At the first question after a wait, the tick passed during the wait and says nothing;
    /// guests that wait often are spared a look at the thread's clock in this way. At the second
    /// question a tick has passed since, and from then on computing is measured.
    pub(crate) fn tick(&self, now: impl FnOnce() -> u64) -> CpuDecision {
        if self.waited.swap(false, Ordering::Relaxed) {
            self.measured.store(false, Ordering::Relaxed);
            return CpuDecision::Continue;
        }
        let now = now();
        let before = self.counted_at.swap(now, Ordering::Relaxed);
        let computed = if self.measured.swap(true, Ordering::Relaxed) {
            self.computed.load(Ordering::Relaxed) + now.saturating_sub(before)
        } else {
            u64::try_from(TICK.as_nanos()).unwrap_or(u64::MAX)
        };
        self.computed.store(computed, Ordering::Relaxed);
        if Duration::from_nanos(computed) >= self.limit() {
            CpuDecision::Cut
        } else {
            CpuDecision::Yield
        }
    }

    /// The guest has its thread again, which has used this much processor time by now: the time of
    /// other guests is not its own.
    fn resumed(&self, now: u64) {
        self.counted_at.store(now, Ordering::Relaxed);
    }

    /// Lets everything else on the thread run first.
    pub(crate) async fn give_way(self: Arc<Self>) {
        self.gives_way.store(true, Ordering::Relaxed);
        for _ in 0..ROUNDS {
            tokio::task::yield_now().await;
        }
        self.gives_way.store(false, Ordering::Relaxed);
        self.resumed(thread_time());
    }

    /// Runs a call into the guest. Whenever the guest is left suspended, and not because it gives
    /// way, it waits.
    pub(crate) async fn watch<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        std::future::poll_fn(move |context| {
            self.turns.begin();
            let polled = call.as_mut().poll(context);
            if polled.is_pending() && !self.gives_way.load(Ordering::Relaxed) {
                self.waited();
            }
            polled
        })
        .await
    }
}

/// Processor time that this thread has used, in nanoseconds.
pub(crate) fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::Write as _;
    use std::rc::Rc;

    use super::*;

    const MS: u64 = 1_000_000;

    /// The meter of a guest in an iteration.
    fn meter(limit_ms: u64) -> CpuMeter {
        let meter = CpuMeter::new(Duration::from_millis(limit_ms), Arc::default());
        meter.called(true);
        meter
    }

    #[test]
    fn computing_gives_way_each_tick_and_is_cut_at_the_limit() {
        let meter = meter(3);
        assert_eq!(
            [0, 71, 72, 73].map(|ms| meter.tick(|| ms * MS)),
            [CpuDecision::Continue, CpuDecision::Yield, CpuDecision::Yield, CpuDecision::Cut]
        );
    }

    #[test]
    fn outside_iterations_a_guest_may_compute_for_longer_and_is_told_so() {
        let meter = meter(3);
        let in_iteration = "3 ms without a call that waits, the limit of --guest-cpu";
        assert!(meter.reason().ends_with(in_iteration), "{}", meter.reason());
        meter.called(false);
        assert_eq!(
            [0, 1, 59, 60].map(|ms| meter.tick(|| ms * MS)),
            [CpuDecision::Continue, CpuDecision::Yield, CpuDecision::Yield, CpuDecision::Cut]
        );
        let outside = "60 ms without a call that waits, 20 times --guest-cpu";
        assert!(meter.reason().contains(outside), "{}", meter.reason());
        meter.called(true);
        assert_eq!(
            [61, 62, 65].map(|ms| meter.tick(|| ms * MS)),
            [CpuDecision::Continue, CpuDecision::Yield, CpuDecision::Cut]
        );
    }

    #[test]
    fn a_host_call_that_takes_long_counts_in_full() {
        let meter = meter(100);
        assert_eq!(
            [0, 1, 90, 100].map(|ms| meter.tick(|| ms * MS)),
            [CpuDecision::Continue, CpuDecision::Yield, CpuDecision::Yield, CpuDecision::Cut]
        );
    }

    #[test]
    fn what_others_compute_meanwhile_does_not_count() {
        let meter = meter(10);
        assert_eq!(meter.tick(|| 0), CpuDecision::Continue);
        for round in 1..10 {
            assert_eq!(meter.tick(|| round * 1_000 * MS + MS), CpuDecision::Yield, "round {round}");
            meter.resumed((round + 1) * 1_000 * MS);
        }
        assert_eq!(meter.tick(|| 10_001 * MS), CpuDecision::Cut);
    }

    #[test]
    fn a_wait_starts_the_count_again() {
        let meter = meter(2);
        for round in 0..100 {
            meter.waited();
            assert_eq!(
                [0, 1].map(|ms| meter.tick(|| (10 * round + ms) * MS)),
                [CpuDecision::Continue, CpuDecision::Yield]
            );
        }
    }

    fn on_a_runtime(work: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .expect("a runtime")
            .block_on(tokio::task::LocalSet::new().run_until(work));
    }

    #[test]
    fn to_give_way_is_no_wait_and_any_other_suspension_is() {
        on_a_runtime(async {
            let meter = Arc::new(meter(2));
            meter.tick(|| 0);
            meter.watch(Arc::clone(&meter).give_way()).await;
            assert!(!meter.waited.load(Ordering::Relaxed));
            meter.watch(std::future::ready(())).await;
            assert!(!meter.waited.load(Ordering::Relaxed));
            meter.watch(tokio::task::yield_now()).await;
            assert!(meter.waited.load(Ordering::Relaxed));
        });
    }

    #[test]
    fn what_the_network_wakes_and_whom_that_wakes_go_before_one_that_gives_way() {
        on_a_runtime(async {
            let (mut far, near) =
                std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
            near.set_nonblocking(true).expect("it is open");
            let near = tokio::net::UnixStream::from_std(near).expect("there is a runtime");
            let (tell, told) = tokio::sync::oneshot::channel();
            let came = Rc::new(Cell::new(false));
            let noted = Rc::clone(&came);
            tokio::task::spawn_local(async move {
                near.readable().await.expect("it is open");
                tell.send(()).expect("somebody waits");
            });
            tokio::task::spawn_local(async move {
                told.await.expect("it comes");
                noted.set(true);
            });
            let computes = tokio::task::spawn_local(async move {
                // Until the others wait.
                tokio::task::yield_now().await;
                far.write_all(b"x").expect("it is open");
                Arc::new(meter(2)).give_way().await;
                came.get()
            });
            assert!(computes.await.expect("it does not panic"));
        });
    }
}
