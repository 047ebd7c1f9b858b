//! What is known of a run before it begins.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use swell_core::plan::WeightedScenario;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Tells it apart from the other runs of its command.
    pub name: String,
    /// Tells it apart from all others, wherever they took place.
    pub id: String,
    /// The version of the host.
    pub version: String,
    /// What decided all randomness.
    pub seed: u64,
    /// The scenario's name; of several, all with their weights.
    pub scenario: String,
    /// The scenarios where there are several, in the order in which numbers of users tell them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<WeightedScenario>,
    /// The scenario file, as it was named.
    pub file: String,
    /// BLAKE3 of the scenario file.
    pub file_hash: String,
    /// Where requests without a host go.
    pub target: Option<String>,
    /// The load model in words.
    pub model: String,
    /// Starts a second that the plan asks for at its end; nothing in the closed model.
    pub asked_per_second: Option<f64>,
    /// How long what is under way at the end may take.
    #[serde(rename = "grace_seconds", with = "seconds")]
    pub grace: Duration,
    /// How long a request waits for the head of its response.
    #[serde(rename = "timeout_seconds", with = "seconds")]
    pub timeout: Duration,
    /// Whether requests say which trace they are a part of.
    #[serde(default)]
    pub traceparent: bool,
    /// What requests say of who sends them; nothing where that is the host's own name.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// How long a search keeps each rate; nothing where none is searched.
    #[serde(rename = "hold_seconds", with = "seconds_if_any")]
    pub hold: Option<Duration>,
}

/// Times are written in seconds, as in all that is JSON.
mod seconds {
    use super::*;

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        time.as_secs_f64().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(from)?;
        Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
    }
}

/// The same of a time that may be absent.
mod seconds_if_any {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_secs_f64()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(from)?;
        seconds.map(Duration::try_from_secs_f64).transpose().map_err(serde::de::Error::custom)
    }
}
