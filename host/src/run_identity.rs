//! What a run is known by, whoever shows it.

use swell_core::plan::WeightedScenario;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RunIdentity {
    /// Its identity.
    pub(crate) run: String,
    /// What people call it.
    pub(crate) name: String,
    /// From which everything random followed.
    pub(crate) seed: u64,
    /// Its scenario; of several, all with their weights.
    pub(crate) scenario: String,
    /// Its scenarios.
    pub(crate) scenarios: Vec<WeightedScenario>,
    /// The scenario's file.
    pub(crate) file: String,
    /// What the file held, as a hash.
    pub(crate) file_hash: String,
    /// What was said about it, as flags and values.
    pub(crate) settings: Vec<(String, Option<String>)>,
}
