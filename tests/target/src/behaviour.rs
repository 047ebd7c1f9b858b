//! What a target is told to do, at its start by flags or at run time as JSON: the same names in
//! both.

use serde::{Deserialize, Serialize};

/// How a target behaves. A request is answered after
/// `(latency_ms + latency_us_per_tps × measured TPS) × e^(noise × z)`, z being standard normal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Latency of an unloaded service, in milliseconds; timers have a resolution of 1 ms
    #[arg(long, value_name = "MS", default_value_t = 0.0)]
    pub latency_ms: f64,

    /// What each request a second adds to the latency, in microseconds; the rate is that of the
    /// last second
    #[arg(long, value_name = "US", default_value_t = 0.0)]
    pub latency_us_per_tps: f64,

    /// Log-normal noise: the standard deviation of the latency's logarithm; the median stays
    #[arg(long, value_name = "SIGMA", default_value_t = 0.0)]
    pub noise: f64,

    /// Seed of the noise
    #[arg(long, default_value_t = 0)]
    pub seed: u64,

    /// Requests a second that it can take; any number if not given
    #[arg(long, value_name = "TPS")]
    pub capacity: Option<f64>,

    /// What happens above the capacity
    #[arg(long, value_enum, default_value_t)]
    pub overload: Overload,

    /// What happens to connections
    #[arg(long, value_enum, default_value_t)]
    pub connections: Connections,
}

impl Behaviour {
    /// Answers after this time, whatever the load.
    pub fn constant(latency_ms: f64) -> Self {
        Self { latency_ms, ..Self::default() }
    }

    /// Makes sure that every number is one that a service can obey.
    ///
    /// # Errors
    /// Names the first number that is negative, not finite, or, as a capacity, zero.
    pub fn check(&self) -> Result<(), String> {
        let numbers = [
            ("latency_ms", self.latency_ms),
            ("latency_us_per_tps", self.latency_us_per_tps),
            ("noise", self.noise),
        ];
        for (name, number) in numbers {
            if !(number.is_finite() && number >= 0.0) {
                return Err(format!("{name} is {number}: give a number from 0"));
            }
        }
        match self.capacity {
            Some(tps) if !(tps.is_finite() && tps > 0.0) => {
                Err(format!("capacity is {tps}: give a number above 0, or none"))
            }
            _ => Ok(()),
        }
    }
}

/// What a target does with requests above its capacity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Overload {
    /// Answers 500 at once.
    #[default]
    Errors,
    /// Lets them wait in one line, which has no end.
    Queue,
}

/// What a target does with a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Connections {
    /// Serves it.
    #[default]
    Serve,
    /// Accepts it and resets it.
    Reset,
    /// Accepts it and never says a word, in TLS neither.
    Silent,
}
