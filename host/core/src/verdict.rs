//! Whether a run's figures may be believed: VALID, SUSPECT or INVALID, and why.
//!
//! ## What is judged
//! The load generator, never the service. If our own lateness, our own processor or our own ports
//! shaped the figures, they describe us, and a report must say so before any percentile. If no user
//! was free (user lag, slots unsent for want of users), that is because of the service or the plan,
//! and decides nothing here.
//!
//! ## What our delays did, and not how long they were
//! A pause of a fifth of a second that falls between two starts changes nothing; a pause of a
//! twentieth that falls on a thousand starts is the p99.9. So each time that contains a delay of
//! ours is kept beside the time that it would have been without the delay. What would be printed
//! without our delays is then compared with what is printed: each percentile for which there are
//! enough samples, and the mean. A limit that is a part of the p99 would grow with the very delay
//! that it is to judge.
//!
//! ## Why these limits
//! One start in a thousand that was never made can hide exactly the slowest percentile. A tenth is
//! less than the difference between two runs, and nobody can tell a delay under 2 ms from the
//! network. Threads that stood still for a tenth of the time mean a throughput that is lower by a
//! tenth, where users set it. A processor above 95 % has a queue of its own. If we lacked a port or
//! a descriptor, that is a failure that the service never saw. Doubt begins at half of each limit.
//!
//! ## Why few samples are a verdict of their own
//! One of twenty starts is five percent. Whatever went wrong with it, no share and no percentile of
//! so few samples says what it did to the figures. So the verdict says that, and neither "valid"
//! nor "invalid". What needs no statistics, as a missing descriptor, needs no number of samples.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::exchange::ErrorClass;
use crate::record::{Delayed, Figures, Histogram, Percentile, Split};
use crate::units::{grouped, print_duration, print_share};

/// Slots that may be unsent by the fault of the load generator.
const UNSENT_LIMIT: f64 = 0.001;
/// How late a start may be without any effect on the verdict, however fast the service is.
const LATENESS_FLOOR: Duration = Duration::from_millis(2);
/// How late a start may be, as a part of the time without the lateness.
const LATENESS_PART: f64 = 0.1;
/// The part of the time that threads may stand still.
const STANDING_LIMIT: f64 = 0.1;
/// A window is saturated if it uses more than this part of the allowed cores.
const CPU_LIMIT: f64 = 0.95;
/// The part of windows that may be saturated.
const SATURATED_LIMIT: f64 = 0.05;
/// Where doubt begins, as a part of each limit.
const DOUBT: f64 = 0.5;
/// With fewer starts, probes of a thread, or windows of a fifth of a second, nothing can be judged:
/// ten must lie beyond a tenth, and one beyond 5 %.
const FEW_STARTS: u64 = 100;
const FEW_PROBES: u64 = 100;
const FEW_WINDOWS: u64 = 20;
/// How many late moments make a window of a run late: one or two may be a single pause of the
/// machine.
const LATE_MOMENTS: u64 = 3;

/// How far the figures may be believed, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Stamp {
    /// The generator kept out of the way.
    Valid,
    /// The generator did not keep out of the way, or nothing was measured; and there are too few
    /// samples to say what that did to the figures.
    Unjudged,
    /// The generator came near to shaping the figures.
    Suspect,
    /// The generator, and not the service, was a limit: the figures are about us.
    Invalid,
}

impl Stamp {
    /// All of them, from best to worst.
    pub const ALL: [Self; 4] = [Self::Valid, Self::Unjudged, Self::Suspect, Self::Invalid];

    /// The name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Unjudged => "UNJUDGED",
            Self::Suspect => "SUSPECT",
            Self::Invalid => "INVALID",
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a verdict looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    /// The share of slots that were due and that we did not start although a user was free.
    HostUnsent,
    /// The share of slots that were due and not started for want of a lease.
    LeaseUnsent,
    /// The share of slots that were due and not started because this machine holds too few users.
    RoomUnsent,
    /// How much longer a percentile of the response time is because of our delays; `None` is the
    /// mean.
    Response(Option<f64>),
    /// The same of the service time.
    Service(Option<f64>),
    /// How late our threads ran what was ready, at this percentile.
    LoopDelay(f64),
    /// The share of the time in which our threads stood still.
    StoodStill,
    /// The share of windows in which our processor was saturated.
    Cpu,
    /// Requests and connections that failed because this machine had no local port.
    LocalPorts,
    /// Requests and sockets that failed because this process had no file descriptor.
    LocalFiles,
}

impl What {
    /// The name in reports and JSON.
    pub fn name(self) -> String {
        let of = |what: &str, percent: Option<f64>| match percent {
            Some(percent) => format!("{what} p{percent} longer by our own delays"),
            None => format!("mean {what} longer by our own delays"),
        };
        match self {
            Self::HostUnsent => "slots unsent by the host".to_owned(),
            Self::LeaseUnsent => "slots unsent for want of a lease".to_owned(),
            Self::RoomUnsent => "slots unsent because this machine holds no more users".to_owned(),
            Self::Response(percent) => of("response time", percent),
            Self::Service(percent) => of("service time", percent),
            Self::LoopDelay(percent) => format!("loop delay p{percent}"),
            Self::StoodStill => "time in which the generator stood still".to_owned(),
            Self::Cpu => "windows with more than 95% CPU".to_owned(),
            Self::LocalPorts => "requests or connections without a local port".to_owned(),
            Self::LocalFiles => "requests or sockets without a file descriptor".to_owned(),
        }
    }

    /// What to do when there is too much of it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::HostUnsent
            | Self::Response(_)
            | Self::Service(_)
            | Self::LoopDelay(_)
            | Self::StoodStill => {
                "give the generator more or quieter cores, lower the rate, or share the load with \
                another host"
            }
            Self::LeaseUnsent => {
                "hosts could not be reached in time, or stood still: see to the network between \
                them and to their cores"
            }
            Self::RoomUnsent => {
                "give the generator what it lacks, as was said before the run: memory, file \
                descriptors (ulimit -n), or vm.max_map_count"
            }
            Self::Cpu => {
                "give the generator more cores, lower the rate, make the scenario do less, or \
                share the load with another host"
            }
            Self::LocalPorts => {
                "widen net.ipv4.ip_local_port_range, send from more addresses with --source-ip, or \
                keep connections open"
            }
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

/// One thing that a verdict looks at, and what it says by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VerdictEvidence {
    /// The thing.
    pub what: What,
    /// How much of it was measured.
    pub measured: Amount,
    /// The limit above which it gets its stamp; if the stamp is VALID, the limit above which it
    /// would be INVALID.
    pub limit: Amount,
    /// The stamp that the run would get for this alone.
    pub stamp: Stamp,
}

/// The stamp, and everything that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The worst of the evidence.
    pub stamp: Stamp,
    /// Everything for which there were figures, also what speaks for the run.
    pub evidence: Vec<VerdictEvidence>,
}

impl Verdict {
    /// The evidence that speaks against the run.
    pub fn reasons(&self) -> impl Iterator<Item = &VerdictEvidence> {
        self.evidence.iter().filter(|evidence| evidence.stamp > Stamp::Valid)
    }
}

/// In how many windows of the measured part the processor was saturated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuWindows {
    /// The number of windows.
    pub windows: u64,
    /// The number of those with more than 95 % of the allowed cores in use.
    pub saturated: u64,
}

impl CpuWindows {
    /// Counts a window in which this part of the allowed cores was used.
    pub fn record(&mut self, used: f64) {
        self.windows += 1;
        self.saturated += u64::from(used > CPU_LIMIT);
    }
}

/// What is known about the load generator beside its figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// How busy its processors were.
    pub cpu: CpuWindows,
    /// Whether a node was lost, and not all that it did is known. The report says with that how
    /// much it left unsent, which says nothing about how well the other nodes worked.
    pub is_host_lost: bool,
    /// Whether the users were as few as this machine holds, and not as the plan allows.
    pub lacks_room: bool,
}

/// Judges the measured part of a run.
///
/// A thing without figures (no window, no slot) is no evidence.
pub fn judge(measured: &Figures, known: Circumstances) -> Verdict {
    let mut evidence = Vec::new();
    let (total, unsent, cpu) = (&measured.total, &measured.unsent, known.cpu);
    let slots = total.counts.started + unsent.total();
    if slots > 0 {
        let mut unsent =
            |what, part| evidence.push(share(what, part, slots, UNSENT_LIMIT, FEW_STARTS));
        unsent(What::HostUnsent, measured.unsent.host);
        if !known.is_host_lost {
            unsent(What::LeaseUnsent, measured.unsent.lease);
        }
        if known.lacks_room {
            unsent(What::RoomUnsent, measured.unsent.users);
        }
    }
    let (response, without) = lengthened(&total.response, &total.delayed_response, What::Response);
    evidence.extend(response);
    evidence.extend(lengthened(&total.service, &total.delayed_service, What::Service).0);
    let printed = without.and_then(|without| without.percentile(99.0)).unwrap_or_default();
    evidence.extend(loop_delay(
        &measured.loop_delay,
        LATENESS_FLOOR.max(printed.mul_f64(LATENESS_PART)),
    ));
    let (probes, overslept) = (measured.loop_delay.count(), measured.overslept.count());
    if probes + overslept > 0 {
        evidence.push(share(
            What::StoodStill,
            overslept,
            probes + overslept,
            STANDING_LIMIT,
            FEW_PROBES,
        ));
    }
    if cpu.windows > 0 {
        evidence.push(share(What::Cpu, cpu.saturated, cpu.windows, SATURATED_LIMIT, FEW_WINDOWS));
    }
    for (what, class) in
        [(What::LocalPorts, ErrorClass::LocalPorts), (What::LocalFiles, ErrorClass::LocalFiles)]
    {
        let count = measured.errors(class);
        let stamp = if count > 0 { Stamp::Invalid } else { Stamp::Valid };
        evidence.push(VerdictEvidence {
            what,
            measured: Amount::Count(count),
            limit: Amount::Count(0),
            stamp,
        });
    }
    // What weighs most comes first.
    evidence.sort_by_key(|evidence| Reverse(evidence.stamp));
    // If there is nothing to judge, nothing can be said.
    let of_nothing = if slots == 0 { Stamp::Unjudged } else { Stamp::Valid };
    let stamp = evidence.iter().map(|evidence| evidence.stamp).fold(of_nothing, Stamp::max);
    Verdict { stamp, evidence }
}

/// Whether the generator was a limit in a window of a run: it was late more often than chance
/// explains, or it lacked something.
pub fn is_generator_limited(window: &Figures) -> bool {
    let is_late = |histogram: &Histogram| {
        histogram.percentile_seen(99.0).is_some_and(|late| late > LATENESS_FLOOR)
    };
    let slots = window.total.counts.started + window.unsent.total();
    if window.unsent.host as f64 > slots as f64 * UNSENT_LIMIT
        || window.errors(ErrorClass::LocalPorts) + window.errors(ErrorClass::LocalFiles) > 0
    {
        return true;
    }
    // Nearly always nothing of this is true, and the window need not be judged in full.
    if !is_late(&window.total.host_lag)
        && !is_late(&window.loop_delay)
        && window.overslept.is_empty()
    {
        return false;
    }
    let printed = window.total.response.both().percentile(99.0).unwrap_or_default();
    let limit = LATENESS_FLOOR.max(printed.mul_f64(LATENESS_PART));
    let condemns = |late: &Histogram| {
        late.percentile_seen(99.0).is_some_and(|p99| p99 > limit)
            && late.count_above(limit) >= LATE_MOMENTS
    };
    condemns(&window.total.host_lag) || condemns(&window.delays())
}

/// What our delays did to the printed figure that they lengthened most, in parts of its limit;
/// `None` without samples. Also returns the times without our delays.
fn lengthened(
    times: &Split,
    delayed: &Delayed,
    what: fn(Option<f64>) -> What,
) -> (Option<VerdictEvidence>, Option<Histogram>) {
    let all = times.both();
    let Some(mean) = all.mean() else { return (None, None) };
    if delayed.seen.is_empty() {
        let limit = Amount::Time(LATENESS_FLOOR.max(mean.mul_f64(LATENESS_PART)));
        let evidence = VerdictEvidence {
            what: what(None),
            measured: Amount::Time(Duration::ZERO),
            limit,
            stamp: Stamp::Valid,
        };
        return (Some(evidence), Some(all));
    }
    let without = all.replaced(&delayed.seen, &delayed.without);
    let percentiles = Percentile::ALL
        .map(Percentile::percent)
        .into_iter()
        .map(|percent| (Some(percent), all.percentile(percent), without.percentile(percent)));
    let compared = percentiles.chain([(None, Some(mean), without.mean())]).filter_map(
        |(percent, seen, without)| {
            let (seen, without) = (seen?, without?);
            let limit = LATENESS_FLOOR.max(without.mul_f64(LATENESS_PART));
            Some((percent, seen.saturating_sub(without), limit))
        },
    );
    let by_limit =
        |(_, longer, limit): &(_, Duration, Duration)| longer.as_secs_f64() / limit.as_secs_f64();
    let worst = compared.max_by(|one, other| by_limit(one).total_cmp(&by_limit(other)));
    let evidence = worst.map(|(percent, longer, limit)| {
        time(what(percent), longer, limit, all.count() < FEW_STARTS)
    });
    (evidence, Some(without))
}

/// The steady lateness of a thread that has much to do, by the highest percentile for which there
/// are enough probes. A pause is one probe, however long it is.
fn loop_delay(delays: &Histogram, limit: Duration) -> Option<VerdictEvidence> {
    let highest = [99.0, 95.0, 90.0]
        .into_iter()
        .find_map(|percent| Some((percent, delays.percentile(percent)?)));
    let (percent, late) = highest.or_else(|| Some((50.0, delays.percentile_seen(50.0)?)))?;
    Some(time(What::LoopDelay(percent), late, limit, delays.count() < FEW_PROBES))
}

fn share(what: What, part: u64, whole: u64, limit: f64, few: u64) -> VerdictEvidence {
    let measured = part as f64 / whole as f64;
    let (stamp, limit) = stamp(measured, limit, whole < few);
    VerdictEvidence { what, measured: Amount::Share(measured), limit: Amount::Share(limit), stamp }
}

fn time(what: What, measured: Duration, limit: Duration, are_few: bool) -> VerdictEvidence {
    let (stamp, limit) = stamp(measured.as_secs_f64(), limit.as_secs_f64(), are_few);
    VerdictEvidence {
        what,
        measured: Amount::Time(measured),
        limit: Amount::Time(Duration::from_secs_f64(limit)),
        stamp,
    }
}

/// The stamp, and the limit above which the stamp holds.
fn stamp(measured: f64, limit: f64, are_few: bool) -> (Stamp, f64) {
    let doubt = limit * DOUBT;
    match () {
        () if measured <= doubt => (Stamp::Valid, limit),
        () if are_few => (Stamp::Unjudged, doubt),
        () if measured <= limit => (Stamp::Suspect, doubt),
        () => (Stamp::Invalid, limit),
    }
}

#[cfg(test)]
mod tests;
