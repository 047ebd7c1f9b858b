//! What a machine gives the load generator, and how busy it is.
//!
//! Each node reads this of its own machine and sends it with what it counts, so that a report is
//! about the machines that ran, whichever machine writes it.

use serde::{Deserialize, Serialize};

use crate::travel;
use crate::verdict::CpuWindows;

/// A machine as the load generator sees it, or several machines together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineRecord {
    /// Cores that the process may run on.
    #[serde(deserialize_with = "travel::count")]
    pub cores: u64,
    /// The most memory, in bytes, that the process ever had resident; `None` where the kernel does
    /// not say. For several machines it is the sum.
    pub most_resident_bytes: Option<u64>,
    /// How busy its processors were.
    pub cpu: CpuRecord,
}

/// How busy the process was during the measured part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "SentCpu")]
pub struct CpuRecord {
    /// The number of windows, and of those in which the allowed cores were used up.
    pub windows: CpuWindows,
    /// The share of time that the hypervisor took; for several machines, the largest. `None` where
    /// the kernel does not say.
    pub stolen: Option<f64>,
    /// Processor time used.
    pub seconds: f64,
}

/// The same as another node sent it.
#[derive(Deserialize)]
struct SentCpu {
    windows: CpuWindows,
    stolen: Option<f64>,
    #[serde(deserialize_with = "travel::measured")]
    seconds: f64,
}

impl From<SentCpu> for CpuRecord {
    fn from(SentCpu { windows, stolen, seconds }: SentCpu) -> Self {
        let CpuWindows { windows, saturated } = windows;
        Self {
            windows: CpuWindows { windows, saturated: saturated.min(windows) },
            stolen: stolen.filter(|share| share.is_finite()),
            seconds,
        }
    }
}

impl MachineRecord {
    /// Adds the facts of another machine.
    pub fn merge(&mut self, other: &Self) {
        let Self { cores, most_resident_bytes, cpu } = other;
        self.cores = self.cores.saturating_add(*cores);
        self.most_resident_bytes = self
            .most_resident_bytes
            .into_iter()
            .chain(*most_resident_bytes)
            .reduce(u64::saturating_add);
        self.cpu.merge(cpu);
    }
}

impl CpuRecord {
    /// Adds a window: which part of the allowed cores was used, and which part of the machine's
    /// time the hypervisor took.
    pub fn add(&mut self, busy: f64, stolen: Option<f64>) {
        self.windows.record(busy);
        // A mean over windows of equal length.
        let count = self.windows.windows as f64;
        self.stolen = stolen
            .map(|stolen| self.stolen.unwrap_or(0.0) * (count - 1.0) / count + stolen / count);
    }

    /// Adds what another machine saw of its own processors.
    pub fn merge(&mut self, other: &Self) {
        let Self { windows: CpuWindows { windows, saturated }, stolen, seconds } = *other;
        self.windows.windows = self.windows.windows.saturating_add(windows);
        self.windows.saturated = self.windows.saturated.saturating_add(saturated);
        self.stolen = self.stolen.into_iter().chain(stolen).reduce(f64::max);
        self.seconds += seconds;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_together_have_all_cores_and_memory_and_the_worst_theft() {
        let mut all = MachineRecord::default();
        let one = |cores, bytes, stolen, seconds| {
            let windows = CpuWindows { windows: 10, saturated: 1 };
            let cpu = CpuRecord { windows, stolen, seconds };
            MachineRecord { cores, most_resident_bytes: bytes, cpu }
        };
        all.merge(&one(4, Some(100), Some(0.1), 1.5));
        all.merge(&one(2, None, None, 0.5));
        all.merge(&one(2, Some(10), Some(0.3), 2.0));
        let windows = CpuWindows { windows: 30, saturated: 3 };
        let cpu = CpuRecord { windows, stolen: Some(0.3), seconds: 4.0 };
        assert_eq!(all, MachineRecord { cores: 8, most_resident_bytes: Some(110), cpu });
    }

    #[test]
    fn what_the_hypervisor_took_is_a_mean_over_windows() {
        let mut cpu = CpuRecord::default();
        cpu.add(0.5, Some(0.2));
        cpu.add(0.99, Some(0.4));
        assert_eq!(cpu.windows, CpuWindows { windows: 2, saturated: 1 });
        assert!((cpu.stolen.unwrap() - 0.3).abs() < 1e-9, "{cpu:?}");
    }

    #[test]
    fn another_machine_cannot_tell_of_more_saturated_windows_than_it_had() {
        let windows = CpuWindows { windows: 3, saturated: 5 };
        let told = CpuRecord { windows, stolen: Some(f64::NAN), seconds: 1.0 };
        let read = |told| postcard::from_bytes::<CpuRecord>(&postcard::to_stdvec(&told).unwrap());
        let expected = CpuWindows { windows: 3, saturated: 3 };
        assert_eq!(read(told), Ok(CpuRecord { windows: expected, stolen: None, seconds: 1.0 }));
        assert!(read(CpuRecord { seconds: -1.0, ..told }).is_err());
    }
}
