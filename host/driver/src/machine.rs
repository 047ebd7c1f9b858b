//! What this machine gives the load generator: cores, processor time, memory, descriptors, ports,
//! mappings.
//!
//! Everything is read from the kernel when somebody asks. A figure that cannot be read is left out,
//! never guessed.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use swell_core::run::{CpuRecord, MachineRecord};
use swell_protocol::clock::LocalInstant;

/// The clock of leases: the time since the machine was booted, including suspension. Nobody can set
/// it.
pub fn local_now() -> LocalInstant {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    LocalInstant::from_nanos(
        time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs(),
    )
}

/// The instant of the workers' clock, which stands still while the machine is suspended, at which
/// the clock of leases shows `at`.
pub fn instant_at(at: LocalInstant) -> Instant {
    let (now, local) = (Instant::now(), local_now());
    if at >= local {
        now + at.since(local)
    } else {
        now.checked_sub(local.since(at)).unwrap_or(now)
    }
}

/// Cores that this process may run on.
pub fn allowed_cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Processor time of this process so far, user and system together.
pub fn cpu_time() -> Duration {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(clock.tv_sec.unsigned_abs(), u32::try_from(clock.tv_nsec).unwrap_or(0))
}

/// Watches this machine during the measured part of a run, from its first look on.
#[derive(Default)]
pub struct MachineWatch {
    /// The latest look, and how much processor time had been used at the first.
    watch: Option<(CpuWatch, Duration)>,
    cpu: CpuRecord,
}

impl MachineWatch {
    /// A window of the measured part is over, or the first one begins.
    pub fn look(&mut self) {
        match &mut self.watch {
            None => self.watch = Some((CpuWatch::start(), cpu_time())),
            Some((watch, _)) => watch.look(&mut self.cpu),
        }
    }

    /// The facts of the machine so far.
    pub fn record(&self) -> MachineRecord {
        let used = |since: Duration| cpu_time().saturating_sub(since).as_secs_f64();
        MachineRecord {
            cores: allowed_cores() as u64,
            most_resident_bytes: most_resident_bytes(),
            cpu: CpuRecord {
                seconds: self.watch.as_ref().map_or(0.0, |(_, since)| used(*since)),
                ..self.cpu
            },
        }
    }
}

/// How busy the process is and how much the hypervisor takes, from one look to the next.
struct CpuWatch {
    cores: usize,
    since: Instant,
    used: Duration,
    stolen: Option<u64>,
}

/// The kernel counts stolen time in hundredths of a second.
const TICKS_A_SECOND: f64 = 100.0;

impl CpuWatch {
    fn start() -> Self {
        Self {
            cores: allowed_cores(),
            since: Instant::now(),
            used: cpu_time(),
            stolen: stolen_ticks(),
        }
    }

    /// Adds what happened since the last look: the processor time that was used, as a share of what
    /// the allowed cores had; and the time that the hypervisor took from this machine, as a share
    /// of all its cores.
    fn look(&mut self, record: &mut CpuRecord) {
        let (now, used, stolen) = (Instant::now(), cpu_time(), stolen_ticks());
        let wall = (now - self.since).as_secs_f64().max(1e-6);
        let share = |seconds: f64| seconds / (wall * self.cores as f64);
        let taken = stolen
            .zip(self.stolen)
            .map(|(now, before)| share((now.saturating_sub(before)) as f64 / TICKS_A_SECOND));
        record.add(share(used.saturating_sub(self.used).as_secs_f64()), taken);
        (self.since, self.used, self.stolen) = (now, used, stolen);
    }
}

fn stolen_ticks() -> Option<u64> {
    let listing = std::fs::read_to_string("/proc/stat").ok()?;
    listing.lines().next()?.split_whitespace().nth(8)?.parse().ok()
}

/// Resident memory of this process, in bytes.
pub fn resident_bytes() -> Option<u64> {
    let listing = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = listing.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// The most memory that this process ever had resident, in bytes. When a result is written, the
/// memory of a run has gone with its users.
pub fn most_resident_bytes() -> Option<u64> {
    let listing = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = listing.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? << 10)
}

/// Memory that is free without swapping, in bytes: of the machine, or of the container that this
/// process is in.
pub fn available_bytes() -> Option<u64> {
    let listing = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = listing.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let of_machine = line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? << 10;
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok();
    // In a container, the root is the container's own group.
    let own =
        groups.iter().flat_map(|groups| groups.lines()).find_map(|line| line.strip_prefix("0::/"));
    let left = own.and_then(|own| left_in_group(&Path::new("/sys/fs/cgroup").join(own)));
    Some(left.map_or(of_machine, |left| left.min(of_machine)))
}

/// What a control group (version 2) leaves of its limit; files that could be read again do not
/// count. `None` where there is no limit.
fn left_in_group(group: &Path) -> Option<u64> {
    let read = |name: &str| std::fs::read_to_string(group.join(name)).ok();
    let limit: u64 = read("memory.max")?.trim().parse().ok()?;
    let used: u64 = read("memory.current")?.trim().parse().ok()?;
    let files = read("memory.stat").and_then(|stat| {
        stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse::<u64>().ok())
    });
    Some(limit.saturating_sub(used.saturating_sub(files.unwrap_or(0))))
}

/// Memory mappings that this process has and may have.
pub fn mappings() -> Option<(u64, u64)> {
    let have = std::fs::read_to_string("/proc/self/maps").ok()?.lines().count() as u64;
    let most = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()?;
    Some((have, most))
}

/// Local ports that outgoing connections may have, to one address of a service.
pub fn local_ports() -> Option<u64> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = range.split_whitespace().map(str::parse::<u64>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    Some(last.saturating_sub(first) + 1)
}

/// Descriptors that a thread with a runtime needs: its poll set, what wakes it, its share of
/// signals and timers.
const OF_A_THREAD: u64 = 5;

/// Descriptors that a command needs beside those of its threads: files that it reads and writes,
/// and the pipes of a child.
const OF_A_COMMAND: u64 = 6;

/// Raises the limit of file descriptors, and makes sure that `threads` threads with a runtime have
/// enough, if there are any. Without enough descriptors a runtime cannot start, and some of its
/// parts panic.
///
/// # Errors
/// There are too few descriptors; the error says how many are needed, and where to set that.
pub fn require_descriptors(threads: usize) -> anyhow::Result<()> {
    if threads == 0 {
        return Ok(());
    }
    let most = raise_descriptor_limit();
    // The look needs a descriptor as well. If there is not even one left, all are in use.
    let open = std::fs::read_dir("/proc/self/fd").map_or(most, |open| open.count() as u64 - 1);
    let needed = OF_A_COMMAND + OF_A_THREAD * threads as u64;
    anyhow::ensure!(
        most.saturating_sub(open) >= needed,
        "this process may have {most} files open and needs {} for itself\nhelp: raise the limit of \
        open files (`ulimit -n`, nofile)",
        open + needed
    );
    Ok(())
}

/// Raises the soft limit of file descriptors to the hard limit; returns the new limit.
pub fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let in_force =
        if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    in_force.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_given_back_is_in_the_most() {
        let Some(before) = most_resident_bytes() else { return };
        drop(std::hint::black_box(vec![1_u8; 64 << 20]));
        let most = most_resident_bytes().expect("it could be read before");
        assert!(
            most >= resident_bytes().unwrap_or(0) && most >= (64 << 20) && most >= before,
            "{most} bytes, {before} before"
        );
    }

    #[test]
    fn a_container_s_limit_is_what_its_group_leaves() {
        let group = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(group.path().join(name), text).unwrap();
        assert_eq!(left_in_group(group.path()), None);
        write("memory.max", "max\n");
        write("memory.current", "300\n");
        assert_eq!(left_in_group(group.path()), None);
        write("memory.max", "1000\n");
        assert_eq!(left_in_group(group.path()), Some(700));
        write("memory.stat", "anon 100\ninactive_file 150\nactive_file 50\n");
        assert_eq!(left_in_group(group.path()), Some(850));
    }
}
