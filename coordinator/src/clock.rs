//! The cluster's time of day, which no step of a machine's clock moves.
//!
//! Certificates begin and end at times of day, and the clocks of load machines are set while they
//! run: by NTP after a boot, by an operator, by a hypervisor. So the machine's clock is read once,
//! on the node that admits; from then on time goes on by a clock that nobody can set. A node that
//! joins takes the time from the answer that admits it, over a connection whose other end is
//! proven, and again with each renewal. Its own time of day plays no part.
//!
//! It counts the time for which the machine was suspended, too (`CLOCK_BOOTTIME`): a node that
//! slept wakes up to the right time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;

/// The cluster's time of day; cloning shares it.
#[derive(Clone, Debug)]
pub struct ClusterClock(Arc<Mutex<Anchor>>);

/// What the time of day was at a time since the machine was booted.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    unix: Duration,
    at: Duration,
}

impl ClusterClock {
    /// The time that this machine's clock shows now; later steps of that clock change nothing.
    pub fn of_this_machine() -> Self {
        // A clock before 1970 is as wrong as any other and is taken as it shows.
        Self::showing(
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs(),
        )
    }

    /// A clock that shows this many seconds of Unix time now.
    pub fn showing(unix_s: u64) -> Self {
        Self(Arc::new(Mutex::new(Anchor { unix: Duration::from_secs(unix_s), at: since_boot() })))
    }

    /// Seconds of Unix time.
    pub fn unix_s(&self) -> u64 {
        self.unix().as_secs()
    }

    /// Takes the time from a node that knows it better.
    pub(crate) fn set(&self, unix_s: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Anchor { unix: Duration::from_secs(unix_s), at: since_boot() };
    }

    fn unix(&self) -> Duration {
        let Anchor { unix, at } = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        unix.saturating_add(since_boot().saturating_sub(at))
    }
}

/// The time since the machine was booted, suspension included. Nobody sets it.
pub(crate) fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl TimeProvider for ClusterClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(self.unix()))
    }
}

impl quinn::TimeSource for ClusterClock {
    fn now(&self) -> SystemTime {
        // The far end of time cannot be added up; an address token judged at the beginning of time
        // is merely not believed.
        UNIX_EPOCH.checked_add(self.unix()).unwrap_or(UNIX_EPOCH)
    }
}
