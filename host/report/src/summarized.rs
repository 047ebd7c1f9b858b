//! The results of a command as a script is given them that writes its own summary: the JSON that
//! `--out` writes, with the distributions themselves. What statistics a script wants, it reckons.

use indexmap::IndexMap;
use serde::Serialize;
use swell_core::exchange::Protocol;
use swell_core::record::{Figures, Histogram, Series, Value as Measured};

use crate::report::Written;

/// See the module's documentation.
#[derive(Debug, Serialize)]
pub struct ForSummary<'a> {
    #[serde(flatten)]
    results: &'a Written,
    distributions: Distributions,
}

/// What was measured, in full.
#[derive(Debug, Serialize)]
struct Distributions {
    /// Of all requests that ended.
    requests_ms: Distribution,
    /// Of those that ended well.
    ok_requests_ms: Distribution,
    /// Over the requests in which the phase took any time.
    phases_ms: IndexMap<&'static str, Distribution>,
    /// Of each series of the scenario's own metrics, in the order of `metrics`; without samples
    /// where it is no trend.
    metrics: Vec<Distribution>,
}

/// Samples, in buckets of at most a thousandth of their value.
#[derive(Debug, Default, Serialize)]
struct Distribution {
    count: u64,
    min: f64,
    mean: f64,
    max: f64,
    /// The greatest value of each bucket, and how many samples it has.
    buckets: Vec<(f64, u64)>,
}

impl<'a> ForSummary<'a> {
    /// Results, of which this was counted in the measured part, of all runs together.
    pub fn of(results: &'a Written, counted: &Figures) -> Self {
        let requests = &counted.requests;
        let phases = Protocol::Http.row().phases.iter();
        let distributions = Distributions {
            requests_ms: Distribution::of(&requests.service.both()),
            ok_requests_ms: Distribution::of(&requests.service.ok),
            phases_ms: phases
                .map(|&phase| (phase.name(), Distribution::of(requests.phase(phase))))
                .collect(),
            metrics: counted.metrics.iter().map(Distribution::of_series).collect(),
        };
        Self { results, distributions }
    }
}

impl Distribution {
    fn of(histogram: &Histogram) -> Self {
        let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
        Self {
            count: histogram.count(),
            min: histogram.min().map_or(0.0, ms),
            mean: histogram.mean().map_or(0.0, ms),
            max: histogram.max().map_or(0.0, ms),
            buckets: histogram.buckets().map(|(greatest, count)| (ms(greatest), count)).collect(),
        }
    }

    fn of_series(series: &Series) -> Self {
        let Measured::Trend(trend) = &series.value else { return Self::default() };
        Self {
            count: trend.count(),
            min: trend.min().unwrap_or(0.0),
            mean: trend.mean().unwrap_or(0.0),
            max: trend.max().unwrap_or(0.0),
            buckets: trend.buckets().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::samples::passed;

    #[test]
    fn a_script_is_given_the_results_and_each_distribution_in_full() {
        let mut counted = Figures::default();
        for ms in [1, 2, 3] {
            counted.requests.service.ok.record(std::time::Duration::from_millis(ms));
        }
        counted.requests.service.failed.record(std::time::Duration::from_millis(50));
        let results = Written::Run(Box::new(passed()));
        let given: Value = serde_json::to_value(ForSummary::of(&results, &counted)).unwrap();
        assert_eq!(given["schema"], "swell.run/2");
        let all = &given["distributions"]["requests_ms"];
        assert_eq!((&all["count"], &all["mean"]), (&4.into(), &14.0.into()));
        let samples = all["buckets"].as_array().unwrap().iter().map(|bucket| &bucket[1]);
        assert_eq!(samples.map(|count| count.as_u64().unwrap()).sum::<u64>(), 4);
        assert_eq!(given["distributions"]["ok_requests_ms"]["max"], 3.0);
        assert_eq!(given["distributions"]["phases_ms"]["waiting"]["count"], 0);
    }
}
