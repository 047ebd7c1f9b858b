//! How each of several hosts bears its part of a run: what its row in the live view and in the
//! report says.

use std::time::{Duration, Instant};

use swell_core::RunInstant;
use swell_core::record::Figures;
use swell_core::verdict::{self, Circumstances, Stamp};
use swell_protocol::message::NodeId;

use super::member::{HostCounts, HostCpu};

/// What a host has of a run at the moment.
#[derive(Clone, Debug)]
pub(crate) struct HostPlace {
    pub(crate) id: NodeId,
    pub(crate) name: String,
    /// The part of the slots that is its own.
    pub(crate) share: f64,
    /// Whether it is heard and takes part.
    pub(crate) is_present: bool,
    /// Whether it left of its own accord.
    pub(crate) has_left: bool,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Bearing {
    /// What its verdict is made of: no rows by name, and of requests the errors alone.
    judged: Figures,
    cpu: HostCpu,
    pub(crate) started: u64,
    pub(crate) users: u64,
    pub(crate) users_at_once: u64,
    pub(crate) requests_written: u64,
    /// When the latest of its iterations to end did so.
    pub(crate) last_end: Option<RunInstant>,
    /// Slots that it started.
    pub(crate) slots: u64,
    completed: u64,
    /// At the last look: when, what was completed and how much processor time was used.
    looked: Option<(Instant, u64, f64)>,
}

/// A host in the live view. Rates are of the time since the last look.
#[derive(Clone, Debug)]
pub(crate) struct HostLook {
    pub(crate) place: HostPlace,
    pub(crate) users: u64,
    pub(crate) per_second: f64,
    /// Processors in use; zero in the warm-up.
    pub(crate) cores: f64,
    pub(crate) host_lag: Option<Duration>,
    pub(crate) stamp: Stamp,
}

impl Bearing {
    /// Takes in what the host counted and said since the last time.
    pub(crate) fn add(&mut self, counts: &HostCounts) {
        let (warm_up, measured) = (&counts.counted.warm_up, &counts.counted.measured);
        for part in [warm_up, measured] {
            self.started = self.started.saturating_add(part.total.counts.started);
            self.completed = self.completed.saturating_add(part.total.counts.ended());
        }
        self.judged.total.merge(&measured.total);
        self.judged.loop_delay.merge(&measured.loop_delay);
        self.judged.overslept.merge(&measured.overslept);
        self.judged.unsent.merge(&measured.unsent);
        self.judged.requests.errors.merge(&measured.requests.errors);
        (self.users, self.users_at_once) = (counts.users, counts.users_at_once);
        self.requests_written = self.requests_written.max(counts.requests_written);
        (self.last_end, self.slots) =
            (self.last_end.max(counts.last_end), self.slots.max(counts.slots));
        self.cpu = counts.cpu;
    }

    /// How busy the host was.
    pub(crate) const fn cpu(&self) -> &HostCpu {
        &self.cpu
    }

    /// What would be said of its figures if they were all.
    pub(crate) fn stamp(&self) -> Stamp {
        verdict::judge(
            &self.judged,
            Circumstances { cpu: self.cpu.windows(), ..Circumstances::default() },
        )
        .stamp
    }

    /// The 99th percentile of the lag that is its own fault; nothing where too few starts were
    /// seen.
    pub(crate) fn host_lag(&self) -> Option<Duration> {
        self.judged.total.host_lag.percentile(99.0)
    }

    /// Its row in the live view.
    pub(crate) fn look(&mut self, place: &HostPlace) -> HostLook {
        let (now, cpu) = (Instant::now(), self.cpu.seconds);
        let (per_second, cores) = self.looked.replace((now, self.completed, cpu)).map_or(
            (0.0, 0.0),
            |(since, completed, cpu_before)| {
                let seconds = (now - since).as_secs_f64().max(1e-3);
                (
                    (self.completed - completed) as f64 / seconds,
                    (cpu - cpu_before).max(0.0) / seconds,
                )
            },
        );
        let users = if place.is_present { self.users } else { 0 };
        HostLook {
            place: place.clone(),
            users,
            per_second,
            cores,
            host_lag: self.host_lag(),
            stamp: self.stamp(),
        }
    }
}
