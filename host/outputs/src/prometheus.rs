//! `--prometheus ADDR`: metrics of all runs, for a scraper.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use swell_core::record::Snapshot;
use swell_report::{Header, RunState, Status, Written};

use crate::exporter::{Exporter, RunMetrics};
use crate::sink::{Flag, Kind, Sink};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "prometheus",
    flag: Flag::Own,
    help: "Serve metrics for Prometheus at this address, as 0.0.0.0:9464, under /metrics",
    open: |value, _| Ok(Box::new(Prometheus::new(value.parse()?, None))),
};

/// The metrics of all runs, and where they are to be served.
pub struct Prometheus {
    address: SocketAddr,
    exporter: Arc<Exporter>,
    /// Those of the runs that go on, by their names.
    runs: BTreeMap<String, RunMetrics>,
}

impl Prometheus {
    /// With a time, series that nothing was added to for so long are left out: those of runs that
    /// are over.
    pub fn new(address: SocketAddr, idle: Option<Duration>) -> Self {
        Self { address, exporter: Exporter::new(idle), runs: BTreeMap::new() }
    }
}

impl Sink for Prometheus {
    fn hears_intervals(&self) -> bool {
        true
    }

    fn begin(&mut self, run: &Header) {
        let metrics = RunMetrics::new(&self.exporter, &run.name, &run.scenario);
        self.runs.insert(run.name.clone(), metrics);
    }

    fn interval(&mut self, run: &Header, counted: &Snapshot, status: &Status) {
        let Some(metrics) = self.runs.get_mut(&run.name) else { return };
        metrics.count(counted);
        metrics.show(status);
        if status.phase == RunState::Over {
            self.runs.remove(&run.name);
        }
    }

    fn end(&mut self, _: &Written, _: &AtomicU64) -> anyhow::Result<()> {
        Ok(())
    }

    fn page(&self) -> Option<(SocketAddr, Arc<Exporter>)> {
        Some((self.address, Arc::clone(&self.exporter)))
    }
}
