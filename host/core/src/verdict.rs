//! Whether a run's figures may be believed: VALID, SUSPECT or INVALID, and why.
//!
//! ## What is judged
//! The load generator, never the service. If our own lateness, our own processor or our own ports shaped the figures, they describe us; a report must say
//! so before any percentile. That no user was free (user lag, slots unsent for want of users) is the service's doing or the plan's, and judges nothing.
//!
//! ## Why these limits
//! One start in a thousand that was never made can hide exactly the slowest percentile. Lateness of our own adds to response times; at a tenth of the
//! reported p99 it moves it by less than what two runs differ by, and under 2 ms nobody can tell it from the network. A processor above 95 % has a queue of
//! its own. A port or descriptor that we lacked is a failure that the service never saw. Half of each limit is where doubt begins.

use std::fmt;
use std::time::Duration;

use crate::exchange::ErrorClass;
use crate::record::{Figures, Histogram};
use crate::units::{grouped, print_duration, print_share};

/// Slots that may be unsent for host reasons.
const UNSENT_LIMIT: f64 = 0.001;
/// Lateness that is never held against us, however fast the service is.
const LATENESS_FLOOR: Duration = Duration::from_millis(2);
/// Lateness as a part of the reported p99.
const LATENESS_PART: f64 = 0.1;
/// Use of the allowed cores above which a window is saturated.
const CPU_LIMIT: f64 = 0.95;
/// Windows that may be saturated.
const SATURATED_LIMIT: f64 = 0.05;
/// Where doubt begins, as a part of each limit.
const DOUBT: f64 = 0.5;
/// Late moments that it takes to condemn a run by its lateness. From 300 samples on a p99 over its limit has as many anyway; of fewer it may be a single
/// pause of the machine, which leaves doubt and proves nothing.
const LATE_MOMENTS: u64 = 3;

/// How far the figures may be believed, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stamp {
    /// The generator kept out of the way.
    Valid,
    /// It came near to shaping the figures.
    Suspect,
    /// It, and not the service, was a limit: the figures are about us.
    Invalid,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "VALID",
            Self::Suspect => "SUSPECT",
            Self::Invalid => "INVALID",
        })
    }
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The share of slots that were due and that we did not start although a user was free.
    HostUnsent,
    /// How late we started what could have started, p99.
    HostLag,
    /// How late our threads ran what was ready, p99.
    LoopDelay,
    /// The share of windows in which our processor was saturated.
    Cpu,
    /// Requests that failed because this machine had no local port.
    LocalPorts,
    /// Requests that failed because this process had no file descriptor.
    LocalFiles,
}

impl What {
    /// The name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HostUnsent => "slots unsent by the host",
            Self::HostLag => "host lag p99",
            Self::LoopDelay => "loop delay p99",
            Self::Cpu => "windows with more than 95% CPU",
            Self::LocalPorts => "requests without a local port",
            Self::LocalFiles => "requests without a file descriptor",
        }
    }

    /// What to do when it is too much.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::HostUnsent | Self::HostLag | Self::LoopDelay => {
                "give the generator more or quieter cores, lower the rate, or share the load with another host"
            }
            Self::Cpu => "give the generator more cores, lower the rate, make the scenario do less, or share the load with another host",
            Self::LocalPorts => "widen net.ipv4.ip_local_port_range, send from more addresses with --source-ip, or keep connections open",
            Self::LocalFiles => "raise the limit of open files (ulimit -n), or lower --max-vus",
        }
    }
}

/// A figure of the evidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// A part of a whole.
    Share(f64),
    /// A time.
    Time(Duration),
    /// A number of things.
    Count(u64),
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match *self {
            Self::Share(part) => print_share(part),
            Self::Time(time) => print_duration(time),
            Self::Count(count) => grouped(count),
        })
    }
}

/// One thing that was looked at, and what it says by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// What.
    pub what: What,
    /// How much it was.
    pub measured: Amount,
    /// Above which it is INVALID; SUSPECT begins at half of it.
    pub limit: Amount,
    /// What it alone would be stamped.
    pub stamp: Stamp,
}

/// The stamp and all that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The worst of the evidence.
    pub stamp: Stamp,
    /// Everything for which there were figures, also what speaks for the run.
    pub evidence: Vec<Evidence>,
}

impl Verdict {
    /// The evidence that speaks against the run.
    pub fn reasons(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence.iter().filter(|evidence| evidence.stamp > Stamp::Valid)
    }
}

/// In how many windows of the measured part the processor was saturated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuWindows {
    /// Windows looked at.
    pub windows: u64,
    /// Those with more than 95 % of the allowed cores in use.
    pub saturated: u64,
}

impl CpuWindows {
    /// Counts a window in which this part of the allowed cores was used.
    pub fn record(&mut self, used: f64) {
        self.windows += 1;
        self.saturated += u64::from(used > CPU_LIMIT);
    }
}

/// Judges the measured part of a run.
///
/// What has no figures (no window, no slot) is no evidence. With few samples a p99 is the longest of them: a decision is needed even where a report says
/// n/a, but one or two late moments among so few make it SUSPECT at most.
pub fn judge(measured: &Figures, cpu: CpuWindows) -> Verdict {
    let mut evidence = Vec::new();
    let slots = measured.total.counts.started + measured.unsent.total();
    if slots > 0 {
        evidence.push(share(What::HostUnsent, measured.unsent.host, slots, UNSENT_LIMIT));
    }
    let reported = measured.total.response.both().percentile(99.0).unwrap_or_default();
    let limit = LATENESS_FLOOR.max(reported.mul_f64(LATENESS_PART));
    evidence.extend(lateness(What::HostLag, &measured.total.host_lag, limit));
    evidence.extend(lateness(What::LoopDelay, &measured.loop_delay, limit));
    if cpu.windows > 0 {
        evidence.push(share(What::Cpu, cpu.saturated, cpu.windows, SATURATED_LIMIT));
    }
    for (what, class) in [(What::LocalPorts, ErrorClass::LocalPorts), (What::LocalFiles, ErrorClass::LocalFiles)] {
        let count = measured.requests.errors.of(class);
        let stamp = if count > 0 { Stamp::Invalid } else { Stamp::Valid };
        evidence.push(Evidence { what, measured: Amount::Count(count), limit: Amount::Count(0), stamp });
    }
    let stamp = evidence.iter().map(|evidence| evidence.stamp).max().unwrap_or(Stamp::Valid);
    Verdict { stamp, evidence }
}

/// Whether the generator was a limit in a window of a run: its lateness alone would condemn a run that was like it.
pub fn is_generator_limited(window: &Figures) -> bool {
    let is_late = |histogram: &Histogram| histogram.percentile_seen(99.0).is_some_and(|late| late > LATENESS_FLOOR);
    let lacked = window.unsent.host + window.requests.errors.of(ErrorClass::LocalPorts) + window.requests.errors.of(ErrorClass::LocalFiles);
    // Nearly always nothing of this is so, and the window need not be judged in full.
    (lacked > 0 || is_late(&window.total.host_lag) || is_late(&window.loop_delay))
        && judge(window, CpuWindows::default()).stamp == Stamp::Invalid
}

fn share(what: What, part: u64, whole: u64, limit: f64) -> Evidence {
    let measured = part as f64 / whole as f64;
    Evidence { what, measured: Amount::Share(measured), limit: Amount::Share(limit), stamp: stamp(measured, limit) }
}

fn lateness(what: What, times: &Histogram, limit: Duration) -> Option<Evidence> {
    let measured = times.percentile_seen(99.0)?;
    let mut stamp = stamp(measured.as_secs_f64(), limit.as_secs_f64());
    if times.count_above(limit) < LATE_MOMENTS {
        stamp = stamp.min(Stamp::Suspect);
    }
    Some(Evidence { what, measured: Amount::Time(measured), limit: Amount::Time(limit), stamp })
}

fn stamp(measured: f64, limit: f64) -> Stamp {
    match () {
        () if measured > limit => Stamp::Invalid,
        () if measured > limit * DOUBT => Stamp::Suspect,
        () => Stamp::Valid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(ms: f64) -> Duration {
        Duration::from_secs_f64(ms / 1e3)
    }

    /// 10,000 transactions of 10 ms, started on time.
    fn figures() -> Figures {
        let mut figures = Figures::default();
        for _ in 0..10_000 {
            figures.total.counts.started += 1;
            figures.total.counts.ok += 1;
            figures.total.response.ok.record(millis(10.0));
            figures.total.host_lag.record(millis(0.05));
            figures.loop_delay.record(millis(0.02));
        }
        figures
    }

    fn stamped(figures: &Figures) -> (Stamp, Vec<What>) {
        let verdict = judge(figures, CpuWindows::default());
        (verdict.stamp, verdict.reasons().map(|evidence| evidence.what).collect())
    }

    #[test]
    fn a_quiet_run_is_valid_and_shows_what_was_looked_at() {
        let verdict = judge(&figures(), CpuWindows { windows: 100, saturated: 1 });
        assert_eq!(verdict.stamp, Stamp::Valid);
        assert_eq!(verdict.evidence.len(), 6);
        assert_eq!(verdict.reasons().count(), 0);
    }

    #[test]
    fn slots_unsent_for_want_of_users_never_count_against_the_host() {
        let mut figures = figures();
        figures.unsent.users = 1_000_000;
        assert_eq!(stamped(&figures).0, Stamp::Valid);
    }

    #[test]
    fn slots_unsent_by_the_host_are_weighed_against_all_slots() {
        for (unsent, stamp) in [(5, Stamp::Valid), (6, Stamp::Suspect), (10, Stamp::Suspect), (11, Stamp::Invalid)] {
            let mut figures = figures();
            figures.unsent.host = unsent;
            assert_eq!(stamped(&figures).0, stamp, "{unsent} unsent");
        }
    }

    #[test]
    fn lateness_is_weighed_against_the_reported_p99_and_at_least_two_milliseconds() {
        for (response, lag, stamp) in [
            (10.0, 0.9, Stamp::Valid),
            (10.0, 1.5, Stamp::Suspect),
            (10.0, 2.5, Stamp::Invalid),
            (100.0, 4.0, Stamp::Valid),
            (100.0, 8.0, Stamp::Suspect),
            (100.0, 12.0, Stamp::Invalid),
        ] {
            let mut figures = Figures::default();
            for _ in 0..1_000 {
                figures.total.response.ok.record(millis(response));
                figures.total.host_lag.record(millis(lag));
            }
            assert_eq!(stamped(&figures).0, stamp, "{lag} ms of {response} ms");
            std::mem::swap(&mut figures.total.host_lag, &mut figures.loop_delay);
            assert_eq!(stamped(&figures).0, stamp, "as loop delay: {lag} ms of {response} ms");
        }
    }

    #[test]
    fn failed_responses_belong_to_the_reported_p99() {
        let mut figures = Figures::default();
        (0..1_000).for_each(|_| figures.total.response.failed.record(millis(1_000.0)));
        figures.total.host_lag.record(millis(40.0));
        assert_eq!(stamped(&figures).0, Stamp::Valid);
    }

    #[test]
    fn a_saturated_processor_is_weighed_by_windows() {
        for (saturated, stamp) in [(25, Stamp::Valid), (26, Stamp::Suspect), (50, Stamp::Suspect), (51, Stamp::Invalid)] {
            let mut cpu = CpuWindows::default();
            (0..1_000).for_each(|window| cpu.record(if window < saturated { 0.96 } else { 0.95 }));
            assert_eq!(judge(&figures(), cpu).stamp, stamp, "{saturated} of 1,000");
        }
    }

    #[test]
    fn a_single_port_or_descriptor_lacking_is_too_many() {
        for (class, what) in [(ErrorClass::LocalPorts, What::LocalPorts), (ErrorClass::LocalFiles, What::LocalFiles)] {
            let mut figures = figures();
            figures.requests.errors.add(class, 1);
            assert_eq!(stamped(&figures), (Stamp::Invalid, vec![what]));
        }
        let mut figures = figures();
        figures.requests.errors.add(ErrorClass::Connect, 1_000);
        assert_eq!(stamped(&figures).0, Stamp::Valid);
    }

    #[test]
    fn a_late_moment_among_few_is_doubt_and_three_are_proof() {
        for (late, stamp) in [(1, Stamp::Suspect), (2, Stamp::Suspect), (3, Stamp::Invalid)] {
            let mut figures = Figures::default();
            (0..25).for_each(|_| figures.loop_delay.record(millis(0.1)));
            (0..late).for_each(|_| figures.loop_delay.record(millis(50.0)));
            assert_eq!(stamped(&figures), (stamp, vec![What::LoopDelay]), "{late} late");
        }
    }
}
