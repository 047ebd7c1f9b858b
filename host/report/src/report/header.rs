//! What is known of a run before it begins.

use std::time::Duration;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Tells it apart from the other runs of its command.
    pub name: String,
    /// Tells it apart from all others, wherever they took place.
    pub id: String,
    /// The version of the host.
    pub version: &'static str,
    /// What decided all randomness.
    pub seed: u64,
    /// The scenario's name.
    pub scenario: String,
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
    pub grace: Duration,
    /// How long a request waits for the head of its response.
    pub timeout: Duration,
    /// How long a search keeps each rate; nothing where none is searched.
    pub hold: Option<Duration>,
}
