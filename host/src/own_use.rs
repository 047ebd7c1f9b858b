//! What this process uses of its machine, from one look to the next.

use std::time::{Duration, Instant};

use swell_driver::machine;

/// See the module's documentation.
pub(crate) struct OwnUse {
    /// When processor time was looked at last, and how much had been used.
    looked: (Instant, Duration),
}

impl OwnUse {
    /// From now on.
    pub(crate) fn since_now() -> Self {
        Self { looked: (Instant::now(), machine::cpu_time()) }
    }

    /// Cores in use on average since the last look, and MiB of memory that are resident; nothing
    /// where the kernel does not say.
    pub(crate) fn look(&mut self) -> (f64, Option<f64>) {
        let (now, cpu) = (Instant::now(), machine::cpu_time());
        let (since, cpu_before) = std::mem::replace(&mut self.looked, (now, cpu));
        let cores =
            cpu.saturating_sub(cpu_before).as_secs_f64() / (now - since).as_secs_f64().max(1e-3);
        (cores, machine::resident_bytes().map(|bytes| bytes as f64 / f64::from(1 << 20)))
    }

    /// When the last look was.
    pub(crate) const fn looked_at(&self) -> Instant {
        self.looked.0
    }
}
