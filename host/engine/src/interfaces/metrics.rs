//! `metrics`: a scenario's own counters, gauges, rates and trends.

use swell_core::record::MetricKind;

use crate::bindings::swell::scenario::metrics::{Host, Kind};
use crate::state::GuestState;

impl Host for GuestState {
    fn define(&mut self, name: String, kind: Kind) -> wasmtime::Result<u32> {
        let kind = match kind {
            Kind::Counter => MetricKind::Counter,
            Kind::Gauge => MetricKind::Gauge,
            Kind::Rate => MetricKind::Rate,
            Kind::Trend => MetricKind::Trend,
        };
        self.user()?.define_metric(&name, kind)
    }

    fn add(
        &mut self,
        metric: u32,
        value: f64,
        tags: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        self.user()?.add_metric(metric, value, &tags)
    }
}
