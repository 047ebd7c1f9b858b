//! `--prometheus ADDR`: metrics of all runs, for a scraper.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use swell_report::record::{Frame, RecordHeader};
use swell_report::{Report, Written};

use crate::exporter::{Exporter, RunMetrics};
use crate::sink::{Flag, Kind, KindValue, Sink};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "prometheus",
    flag: Flag::Own,
    help: "Serve metrics for Prometheus at this address, as 0.0.0.0:9464, under /metrics",
    needs_seconds: true,
    value: KindValue::Address,
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
    /// With a time, runs that have been over for so long are left out.
    pub fn new(address: SocketAddr, idle: Option<Duration>) -> Self {
        Self { address, exporter: Exporter::new(idle), runs: BTreeMap::new() }
    }
}

impl Sink for Prometheus {
    fn hears_frames(&self) -> bool {
        true
    }

    fn begin(&mut self, run: &Arc<RecordHeader>) {
        let metrics = RunMetrics::new(&self.exporter, &run.run.name, &run.run.scenario);
        self.runs.insert(run.run.name.clone(), metrics);
    }

    fn frame(&mut self, run: &RecordHeader, frame: &Arc<Frame>) {
        if let Some(metrics) = self.runs.get_mut(&run.run.name) {
            metrics.add(frame);
        }
    }

    fn over(&mut self, run: &RecordHeader, _: Option<&Report>) {
        if let Some(mut metrics) = self.runs.remove(&run.run.name) {
            metrics.over();
        }
    }

    fn end(&mut self, _: &Written, _: &AtomicU64) -> anyhow::Result<()> {
        Ok(())
    }

    fn page(&self) -> Option<(SocketAddr, Arc<Exporter>)> {
        Some((self.address, Arc::clone(&self.exporter)))
    }
}
